"""Changes a closed file as a user with h5py does, and tells what is there afterwards, as JSON.

Usage: changeFile.py <file>: more attributes and objects in each group than a header holds by itself, another text, more rows.
"""

import json
import sys

import h5py

MANY = 20

with h5py.File(sys.argv[1], "r+") as file:
    groups = ["/"]
    file.visititems(lambda name, item: groups.append(name) if isinstance(item, h5py.Group) else None)
    for group in groups:
        for number in range(MANY):
            file[group].attrs[f"added{number}"] = f"text {number}" * number
            file[group][f"added{number}"] = number
    entry = file["entry"]
    del entry["title"]
    entry["title"] = "another title"
    entry["acquisition_config"][()] = "longer " * 1000
    detector = entry["instrument/detector"]
    rows = len(detector["data"])
    for name in ["data", "frame_number"]:
        detector[name].resize(rows + 3000, axis=0)
        detector[name][-1] = 7

with h5py.File(sys.argv[1], "r") as file:
    entry = file["entry"]
    detector = entry["instrument/detector"]
    found = {
        "attributes": [len([1 for name in file[group].attrs if name.startswith("added")]) for group in groups],
        "objects": [len([1 for name in file[group] if name.startswith("added")]) for group in groups],
        "title": entry["title"].asstr()[()],
        "config": len(entry["acquisition_config"].asstr()[()]),
        "numbers": [int(value) for value in detector["frame_number"][: rows + 1]],
        "pixels": [int(value) for value in detector["data"][: rows + 1, 0, 0]],
        "last": [int(detector["frame_number"][-1]), int(detector["data"][-1, 0, 0])],
    }
    print(json.dumps(found))
