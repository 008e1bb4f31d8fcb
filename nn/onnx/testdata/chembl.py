"""Writes chembl.json: random fingerprints and the outputs of onnxruntime. usage: chembl.py chembl_37_multitask_q8.onnx"""

import json
import sys

import numpy as np
import onnxruntime

rng = np.random.default_rng(1)
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
cases = []
for count in [20, 45, 90]:
    bits = sorted(rng.choice(1024, count, replace=False).tolist())
    x = np.zeros(1024, np.float32)
    x[bits] = 1
    out = np.concatenate([o.ravel() for o in session.run(None, {"input": x})])
    cases.append({"bits": bits, "output": [float(f"{v:.9g}") for v in out]})
json.dump(cases, open("chembl.json", "w"), separators=(",", ":"))
