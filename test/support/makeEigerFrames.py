"""Makes the folder of compressed frames that ALBA's eiger-simulator reads: <folder> <rows> <columns> <frames>."""

import pickle
import sys

import bitshuffle
import numpy
from eigersim import clz4

folder, rows, columns, count = sys.argv[1], *map(int, sys.argv[2:])
frames = []
for number in range(count):
    frame = numpy.arange(rows * columns, dtype="u2").reshape(rows, columns)
    frame[0, 0] = number
    frames.append(frame)
with open(f"{folder}/frames.bslz4.pickle", "wb") as file:
    pickle.dump([bitshuffle.compress_lz4(frame).tobytes() for frame in frames], file)
with open(f"{folder}/frames.lz4.pickle", "wb") as file:
    pickle.dump([clz4.compress(frame) for frame in frames], file)
