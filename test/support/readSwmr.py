"""Follows a file with SWMR. Reads a line from stdin, answers with what it sees, and so on until stdin ends."""

import json
import sys

import h5py
import hdf5plugin  # noqa: F401  (registers the compression filters)

with h5py.File(sys.argv[1], "r", libver="latest", swmr=True) as file:
    detector = file["entry/instrument/detector"]
    for _ in sys.stdin:
        data, numbers = detector["data"], detector["frame_number"]
        data.refresh()
        numbers.refresh()
        seen = {
            "frames": data.shape[0],
            "numbers": [int(number) for number in numbers[:]],
            "pixels": [int(value) for value in data[:, 0, 0]],
        }
        print(json.dumps(seen), flush=True)
