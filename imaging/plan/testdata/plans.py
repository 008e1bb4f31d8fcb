"""Writes plans.json: random fingerprints with the plans that nnU-Net makes of them.

Ran with nnunetv2 2.8.1, dynamic-network-architectures 0.4.4, numpy 2.4, Python 3.11:
    python plans.py > plans.json
"""

import contextlib
import json
import os
import sys
import tempfile

root = tempfile.mkdtemp()
for name in ("raw", "preprocessed", "results"):
    os.environ["nnUNet_" + name] = os.path.join(root, name)

import numpy as np
from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner

rng = np.random.default_rng(20260)
CHANNELS = ["CT", "T1", "nonorm", "rescale_to_0_1", "rgb_to_0_1", "zscore"]


def fingerprint(i):
    n = int(rng.integers(2, 40))
    flat = i % 4 == 3
    spacings, shapes = [], []
    base = rng.uniform(.4, 2, 3)
    if rng.random() < .5:
        base[rng.integers(3)] *= rng.uniform(2, 8)  # thick slices
    if rng.random() < .3:
        base[1] = base[2]
    size = rng.integers(10, 400, 3)
    if rng.random() < .4:
        size[rng.integers(3)] = rng.integers(8, 40)
    for _ in range(n):
        if flat:
            spacings.append([999.0, 1.0, 1.0])
            shapes.append([1] + [int(v) for v in size[1:] + rng.integers(0, 200, 2)])
        else:
            spacings.append([float(v) for v in base * rng.uniform(.7, 1.4, 3)])
            shapes.append([int(v) for v in np.maximum(1, size * rng.uniform(.6, 1.5, 3))])
    channels = [CHANNELS[k] for k in rng.integers(0, len(CHANNELS), int(rng.integers(1, 5)))]
    return {
        "cases": n, "spacings": spacings, "shapes": shapes, "relative_size": float(rng.uniform(.5, 1)),
        "channels": channels, "classes": int(rng.integers(2, 7)), "memory_gb": float(rng.choice([2, 4, 8, 8, 8, 24])),
    }


def plan(i, f):
    name = f"Dataset{i + 1:03d}_Random"
    for folder in ("raw", "preprocessed"):
        os.makedirs(os.path.join(root, folder, name), exist_ok=True)
    os.makedirs(os.path.join(root, "raw", name, "imagesTr"), exist_ok=True)
    dataset = {
        "channel_names": {str(k): c for k, c in enumerate(f["channels"])},
        "labels": {"background": 0, **{f"class{k}": k for k in range(1, f["classes"])}},
        "numTraining": f["cases"], "file_ending": ".nii.gz", "dataset": {},
    }
    print_ = {
        "spacings": f["spacings"], "shapes_after_crop": f["shapes"],
        "median_relative_size_after_cropping": f["relative_size"], "foreground_intensity_properties_per_channel": {},
    }
    json.dump(dataset, open(os.path.join(root, "raw", name, "dataset.json"), "w"))
    json.dump(print_, open(os.path.join(root, "preprocessed", name, "dataset_fingerprint.json"), "w"))
    planner = ExperimentPlanner(name, gpu_memory_target_in_gb=f["memory_gb"])
    planner.determine_reader_writer = lambda: ExperimentPlanner
    with contextlib.redirect_stdout(sys.stderr):
        plans = planner.plan_experiment()
    out = {"transpose": plans["transpose_forward"], "configurations": {}}
    for key, c in plans["configurations"].items():
        if "patch_size" not in c:
            continue
        a = c["architecture"]["arch_kwargs"]
        out["configurations"][key] = {
            "spacing": [float(v) for v in c["spacing"]], "median": [float(v) for v in c["median_image_size_in_voxels"]],
            "patch": [int(v) for v in c["patch_size"]], "batch": int(c["batch_size"]),
            "kernels": [list(k) for k in a["kernel_sizes"]], "strides": [list(k) for k in a["strides"]],
            "features": list(a["features_per_stage"]), "batch_dice": bool(c["batch_dice"]),
            "normalisation": c["normalization_schemes"], "masked": [bool(v) for v in c["use_mask_for_norm"]],
        }
    return out


cases = []
for i in range(40):
    f = fingerprint(i)
    cases.append({"fingerprint": f, "plan": plan(i, f)})
print(json.dumps(cases, separators=(",", ":")))
