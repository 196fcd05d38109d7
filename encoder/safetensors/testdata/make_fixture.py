#!/usr/bin/python3
"""Writes types.safetensors, and types.json with the float32 bits of each number in it.

Made with NumPy 1.24.2 and PyTorch 1.13.0a0 (for bfloat16 rounding), Python 3.11.2, seed 7.
NumPy converts float16 to float32, PyTorch bfloat16; the file is laid out by hand below.
"""
import json
import os

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))

rng = np.random.default_rng(7)
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 65504.0, 65519.0, 65520.0, 65536.0, 1e30, -1e30,
           2.0 ** -14, 2.0 ** -24, 2.0 ** -25, 2.0 ** -25 * 1.0001, 3 * 2.0 ** -25, 1023.5 * 2.0 ** -24, 2.0 ** -149, 1e-42,
           3.4028235e38, 3.3961775e38, 1 + 2.0 ** -11, 1 + 3 * 2.0 ** -11, 1 + 2.0 ** -8, 1 + 3 * 2.0 ** -8, 2049, 2051]
floats = np.array(SPECIAL + list(rng.normal(size=100)) + list(10.0 ** rng.uniform(-9, 6, 100)), dtype="<f4")
with np.errstate(over="ignore"):
    halves = floats.astype("<f2")
bfloats = torch.from_numpy(floats).bfloat16().view(torch.int16).numpy().view("<u2")

tensors = [  # name, dtype, array, its numbers as float32
    ("f32", "F32", floats, floats),
    ("f16", "F16", halves, halves.astype("<f4")),
    ("bf16", "BF16", bfloats, (bfloats.astype("<u4") << 16).view("<f4")),
    ("matrix", "F16", np.arange(6, dtype="<f2").reshape(2, 3) / 4, np.arange(6, dtype="<f4").reshape(2, 3) / 4),
    ("scalar", "F32", np.array(2.5, "<f4"), np.array(2.5, "<f4")),
    ("empty", "F32", np.zeros((0, 3), "<f4"), np.zeros((0, 3), "<f4")),
    ("é\"\\", "BF16", np.array([0x3f80], "<u2"), np.array([1.0], "<f4")),
    ("int8", "I8", np.arange(-128, 128).astype("i1").reshape(16, 16), None),
    ("position_ids", "I64", np.arange(4, dtype="<i8")[None], None),
]
header, blob = {"__metadata__": {"format": "np", "note": "fixture"}}, b""
for name, dtype, a, _ in tensors:
    b = a.tobytes()
    header[name] = {"dtype": dtype, "shape": list(a.shape), "data_offsets": [len(blob), len(blob) + len(b)]}
    blob += b
h = json.dumps(header).encode()
h += b" " * (-len(h) % 8)
with open(HERE + "/types.safetensors", "wb") as f:
    f.write(len(h).to_bytes(8, "little") + h + blob)
with open(HERE + "/types.json", "w") as f:
    json.dump({n: {"shape": list(x.shape), "bits": x.reshape(-1).view("<u4").tolist()}
               for n, _, _, x in tensors if x is not None}, f)
    f.write("\n")
