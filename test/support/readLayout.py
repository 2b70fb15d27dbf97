"""Reads a file as a user with h5py does: every dataset under the groups named, with its values, as JSON.

Usage: readLayout.py <file> <group> [more groups…]; images come as their first pixels.
"""

import json
import sys

import h5py


def plain(value):
    if isinstance(value, bytes):
        return value.decode().rstrip("\0")
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list):
        return [plain(one) for one in value]
    # JSON has no word for a value that never came.
    return None if value != value else value


with h5py.File(sys.argv[1], "r") as file:
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            value = item[:, 0, 0] if item.ndim == 3 else item[()]
            found[name] = {"shape": list(item.shape), "dtype": str(item.dtype), "value": plain(value)}

    for group in sys.argv[2:]:
        prefix = group.strip("/")
        file[group].visititems(lambda name, item: visit(f"{prefix}/{name}", item))
    # As a viewer does: along the default attributes.
    entry = file[file.attrs["default"]]
    plot = entry[entry.attrs["default"]]
    signal = plot[plot.attrs["signal"]]
    found["plot"] = {"shape": list(signal.shape), "dtype": str(signal.dtype), "value": plain(signal[:, 0, 0])}
    print(json.dumps(found))
