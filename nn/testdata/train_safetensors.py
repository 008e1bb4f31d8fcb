"""Files of the safetensors package, and what is in them. Writes train_safetensors.safetensors and .json.

With an argument it reads that file with the safetensors package and prints its content as JSON: the other way round.
"""
import json
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file


def content(path):
    arrays = {}
    with safe_open(path, "pt") as f:
        for name in f.keys():
            t = f.get_tensor(name)
            arrays[name] = dict(dtype=str(t.dtype), dims=list(t.shape), values=t.double().flatten().tolist())
        return dict(metadata=f.metadata() or {}, arrays=arrays)


if len(sys.argv) > 1:
    print(json.dumps(content(sys.argv[1])))
    sys.exit()

torch.manual_seed(3)
save_file(
    {
        "layer.weight": torch.randn(3, 4),
        "layer.bias": torch.randn(4, dtype=torch.float64),
        "half": torch.tensor([0.0, -0.0, 1.0, 65504.0, 5.96e-8, 1 / 3, -2.5]).half(),
        "brain": torch.randn(2, 2).bfloat16(),
        "count": torch.tensor(12345),
        "indices": torch.arange(-3, 5),
        "nothing": torch.zeros(0, 3),
        'odd "name" <é>': torch.ones(1),
    },
    "train_safetensors.safetensors",
    metadata={"format": "pt", "note": 'quotes " and ü'},
)
json.dump(content("train_safetensors.safetensors"), open("train_safetensors.json", "w"))
