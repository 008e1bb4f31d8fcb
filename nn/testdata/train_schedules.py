"""Learning rates of torch.optim.lr_scheduler, step by step. Writes train_schedules.json."""
import json
import torch
from torch.optim import lr_scheduler as S


def run(total, make, warm=0, start=0.01, rate=0.3):
    w = torch.nn.Parameter(torch.zeros(1))
    o = torch.optim.SGD([w], lr=rate)
    main = make(o, total - warm)
    if warm:
        main = S.SequentialLR(o, [S.LinearLR(o, start_factor=start, total_iters=warm), main], milestones=[warm])
    rates = []
    for _ in range(total):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        main.step()
    return rates


def constant(o, n):
    return S.ConstantLR(o, factor=1.0)



out = []


def case(schedule, total, make, **k):
    out.append(dict(schedule=dict(rate=0.3, **schedule), total=total, rates=run(total, make, **k)))


case({}, 7, constant)
case(dict(kind="constant", warm_up=4), 9, constant, warm=4)
case(dict(kind="cosine"), 20, lambda o, n: S.CosineAnnealingLR(o, n))
case(dict(kind="cosine", final=0.01, warm_up=5, warm_up_from=0.1), 20, lambda o, n: S.CosineAnnealingLR(o, n, eta_min=0.01), warm=5, start=0.1)
case(dict(kind="polynomial"), 12, lambda o, n: S.PolynomialLR(o, n))
case(dict(kind="polynomial", power=0.9, warm_up=3), 15, lambda o, n: S.PolynomialLR(o, n, power=0.9), warm=3)


# OneCycleLR refuses the step after its last; it is read off instead of stepped.
def cycle(total, **k):
    w = torch.nn.Parameter(torch.zeros(1))
    o = torch.optim.SGD([w], lr=0.3)
    s = S.OneCycleLR(o, max_lr=0.3, total_steps=total, cycle_momentum=False, **k)
    rates = []
    for i in range(total):
        rates.append(o.param_groups[0]["lr"])
        o.step()
        if i + 1 < total:
            s.step()
    return rates


def add(schedule, total, **k):
    out.append(dict(schedule=dict(rate=0.3, kind="one-cycle", **schedule), total=total, rates=cycle(total, **k)))


add({}, 30)
add(dict(rise=0.5, divide=10, divide_last=100), 21, pct_start=0.5, div_factor=10, final_div_factor=100)
add({}, 10)
json.dump(out, open("train_schedules.json", "w"))
