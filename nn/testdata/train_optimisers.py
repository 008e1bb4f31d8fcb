"""Ten steps of torch.optim on two arrays with given gradients, in float64; clipping and averaging of weights.

Writes train_optimisers.json. Run with torch 2.x: python train_optimisers.py
"""
import json
import torch

torch.manual_seed(5)
shapes = [(2, 3), (3,)]
start = [torch.randn(s, dtype=torch.float64) for s in shapes]
gradients = [[torch.randn(s, dtype=torch.float64) * (1 + step) for s in shapes] for step in range(10)]
rates = [0.1 * 0.9**step for step in range(10)]

cases = {
    "sgd": (torch.optim.SGD, {}),
    "sgd decay": (torch.optim.SGD, dict(weight_decay=0.05)),
    "sgd momentum": (torch.optim.SGD, dict(momentum=0.9)),
    "sgd momentum dampening decay": (torch.optim.SGD, dict(momentum=0.8, dampening=0.3, weight_decay=0.01)),
    "sgd nesterov": (torch.optim.SGD, dict(momentum=0.9, nesterov=True, weight_decay=0.01)),
    "adam": (torch.optim.Adam, {}),
    "adam betas decay": (torch.optim.Adam, dict(betas=(0.5, 0.99), eps=1e-6, weight_decay=0.02)),
    "adam beta1 zero": (torch.optim.Adam, dict(betas=(0.0, 0.9))),
    "adamw": (torch.optim.AdamW, {}),
    "adamw betas decay": (torch.optim.AdamW, dict(betas=(0.8, 0.95), eps=1e-7, weight_decay=0.1)),
    "adamw no decay": (torch.optim.AdamW, dict(weight_decay=0.0)),
}


def flat(tensors):
    return [t.detach().flatten().tolist() for t in tensors]


out = {"shapes": shapes, "start": flat(start), "gradients": [flat(g) for g in gradients], "rates": rates, "cases": {}}
for name, (make, options) in cases.items():
    weights = [torch.nn.Parameter(s.clone()) for s in start]
    optimiser = make(weights, lr=1.0, foreach=False, **options)
    steps = []
    for g, rate in zip(gradients, rates):
        for group in optimiser.param_groups:
            group["lr"] = rate
        for w, x in zip(weights, g):
            w.grad = x.clone()
        optimiser.step()
        steps.append(flat(weights))
    out["cases"][name] = steps

out["clips"] = []
for norm, value in [(0, 0), (1, 0), (100, 0), (0, 0.5), (2, 0.7)]:
    weights = [torch.nn.Parameter(s.clone()) for s in start]
    for w, x in zip(weights, gradients[1]):
        w.grad = x.clone()
    before = torch.linalg.vector_norm(torch.cat([w.grad.flatten() for w in weights])).item()
    if value:
        torch.nn.utils.clip_grad_value_(weights, value)
    if norm:
        torch.nn.utils.clip_grad_norm_(weights, norm)
    out["clips"].append(dict(norm=norm, value=value, before=before, after=flat([w.grad for w in weights])))

# AveragedModel copies the weights at its first update, so it is updated once with the start.
average = torch.optim.swa_utils.AveragedModel(
    torch.nn.ParameterList(torch.nn.Parameter(s.clone()) for s in start),
    multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9),
)
model = torch.nn.ParameterList(torch.nn.Parameter(s.clone()) for s in start)
average.update_parameters(model)
out["average"] = []
for g in gradients:
    with torch.no_grad():
        for w, x in zip(model, g):
            w.sub_(x, alpha=0.1)
    average.update_parameters(model)
    out["average"].append(flat(list(average.module)))

json.dump(out, open("train_optimisers.json", "w"))
