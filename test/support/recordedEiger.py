"""Prints the MD5 sums of the pixels that Diamond's simulator streams, decompressed by DECTRIS's own library."""

import hashlib
import json
from pathlib import Path

import cbor2
import tickit_devices.eiger
from dectris.compression import decompress

data = Path(tickit_devices.eiger.__file__).parent / "data"
legacy = decompress((data / "frame_sample").read_bytes(), "bslz4", elem_size=2)
image = cbor2.loads((data / "stream2" / "image.cbor").read_bytes())
_, typed_array = image["data"]["threshold_1"].value
algorithm, elem_size, packed = typed_array.value.value
cbor = decompress(packed, algorithm, elem_size=elem_size)
print(json.dumps({"legacy": hashlib.md5(legacy).hexdigest(), "cbor": hashlib.md5(cbor).hexdigest()}))
