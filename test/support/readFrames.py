"""Prints what an output file holds, as JSON: <file>. Reads every frame as h5py users do."""

import hashlib
import json
import sys

import h5py
import hdf5plugin  # noqa: F401  (registers the compression filters)

with h5py.File(sys.argv[1], "r") as file:
    detector = file["entry/instrument/detector"]
    data = detector["data"]
    frames = [data[number] for number in range(len(data))]
    print(
        json.dumps(
            {
                "shape": data.shape,
                "dtype": str(data.dtype),
                "first": [int(frame[0, 0]) for frame in frames],
                "md5": [hashlib.md5(frame.tobytes()).hexdigest() for frame in frames],
                "numbers": detector["frame_number"][:].tolist(),
                "filters": list(data._filters),
                "stored": [data.id.get_chunk_info(n).size for n in range(data.id.get_num_chunks())],
                "complete": int(file["entry/dia/complete"][()]),
                "lost": int(file["entry/dia/frames_lost"][()]),
            }
        )
    )
