"""Opens a file as a NeXus viewer does: along the default attributes to the signal; tells what it found."""

import json
import sys

import h5py

with h5py.File(sys.argv[1], "r") as file:
    entry = file[file.attrs["default"]]
    plot = entry[entry.attrs["default"]]
    data = plot[plot.attrs["signal"]]
    text = lambda name: entry[name].asstr()[()]
    found = {
        "classes": [entry.attrs["NX_class"], plot.attrs["NX_class"], entry["instrument/detector"].attrs["NX_class"]],
        "axes": list(plot.attrs["axes"]),
        "shape": data.shape,
        "dtype": str(data.dtype),
        "chunks": data.chunks,
        "pixels": [int(value) for value in data[:, 0, 0]],
        "config": json.loads(text("acquisition_config")),
        "times": [text("start_time"), text("end_time")],
        "units": entry["instrument/detector/count_time"].attrs["units"],
        "complete": int(entry["dia/complete"][()]),
    }
    print(json.dumps(found))
