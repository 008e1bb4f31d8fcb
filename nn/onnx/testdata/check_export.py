"""Runs exported models in onnxruntime and compares their outputs with Galen's.

usage: check_export.py CASES.json

Each case names a model, its inputs and Galen's output. The largest difference, relative to the largest absolute value
of the output, must stay below 1e-5: both sides compute in float32 and differ in the order of sums alone.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime

LIMIT = 1e-5


def array(a):
    if "ints" in a:
        return np.array(a["ints"], np.int32).reshape(a["dims"])
    return np.array(a["floats"], np.float32).reshape(a["dims"])


failed = False
for case in json.load(open(sys.argv[1])):
    model = onnx.load(case["model"])
    name = case["model"].split("/")[-1]
    try:
        onnx.checker.check_model(model, full_check=True)
        session = onnxruntime.InferenceSession(case["model"], providers=["CPUExecutionProvider"])
        inputs = {i.name: array(a) for i, a in zip(session.get_inputs(), case["inputs"])}
        got = session.run(None, inputs)[0]
    except Exception as e:
        print("FAILED", name, str(e)[:400])
        failed = True
        continue
    want = array(case["output"])
    worst = float(np.abs(got - want).max() / np.abs(want).max()) if got.shape == want.shape else float("inf")
    ok = worst < LIMIT
    failed |= not ok
    print("ok    " if ok else "FAILED", name, got.shape, want.shape, f"{worst:.1e}")
sys.exit(failed)
