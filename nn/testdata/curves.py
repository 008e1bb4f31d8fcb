#!/usr/bin/env python3
"""Writes curves.json: the losses of twenty SGD steps of small networks, computed by PyTorch in float64.

The modules are those of the engine's workloads with their widths as parameters. Weights and batches follow a formula
that package nn's test shares (see value), named as package nn names its weights, so none are stored. Made with
PyTorch 2.15.
"""
import json, math, os
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F

torch.set_default_dtype(torch.float64)
MASK = np.uint64(0xFFFFFFFFFFFFFFFF)


def mix(x):
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def value(name, dims):
    """Numbers in [-1, 1) by the hash (FNV-1a) of a name and the flat index; those of weights are scaled."""
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        i = np.arange(math.prod(dims), dtype=np.uint64)
        u = (mix(np.uint64(h) + i) >> np.uint64(40)).astype(np.float64) / 2**23 - 1
    return torch.from_numpy(u.reshape(dims).copy())


def weight(name, dims):
    u = value(name, dims)
    if len(dims) > 1:
        return u * (1.5 / math.sqrt(math.prod(dims[:-1])))
    return 1 + 0.1 * u if name.endswith("weight") else 0.1 * u


def fill(module, names):
    """Sets the parameters of the module, in its order, to those that nn calls by the given prefixes."""
    leaves = [m for m in module.modules() if list(m.parameters(recurse=False))]
    assert len(leaves) == len(names), (len(leaves), len(names))
    for m, prefix in zip(leaves, names):
        for key, p in m.named_parameters(recurse=False):
            name = f"{prefix}.{key}"
            d = list(p.shape)
            with torch.no_grad():
                if "_ih_" in key or "_hh_" in key or len(d) == 1:
                    p.copy_(weight(name, d))
                elif len(d) == 2:
                    p.copy_(weight(name, d[::-1]).T)
                else:
                    p.copy_(weight(name, d[2:] + [d[1], d[0]]).permute(len(d) - 1, len(d) - 2, *range(len(d) - 2)))
    return module


class Residual(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(),
            nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout))
        self.skip = nn.Identity()
        if stride != 1 or cin != cout:
            self.skip = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        return F.relu(self.main(x) + self.skip(x))


class Lastly(nn.Module):
    """Flattens channels-last, as package nn does."""

    def forward(self, x):
        return x.movedim(1, -1).flatten(1)


def basic_cnn():
    m = nn.Sequential(nn.Conv2d(1, 32, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2),
                      Lastly(), nn.Linear(64 * 2 * 2, 128), nn.ReLU(), nn.Linear(128, 3))
    return fill(m, ["conv1", "conv2", "dense1", "dense2"])


def resnet18(w):
    layers, cin, names = [nn.Conv2d(2, w, 3, 1, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU()], w, ["conv1", "bn1"]
    for i, c in enumerate([w, 2 * w, 4 * w, 8 * w]):
        layers += [Residual(cin, c, 1 if i == 0 else 2), Residual(c, c, 1)]
        for j in range(2):
            names += [f"layer{i+1}.{j}.{n}" for n in ("conv1", "bn1", "conv2", "bn2")]
            if i > 0 and j == 0:
                names += [f"layer{i+1}.{j}.downsample.{n}" for n in ("conv", "norm")]
        cin = c
    return fill(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * w, 3)), names + ["fc"])


def double(a, b):
    return nn.Sequential(
        nn.Conv2d(a, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(),
        nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU())


class UNet(nn.Module):
    def __init__(self, base, depth):
        super().__init__()
        c = [base * 2**i for i in range(depth + 1)]
        self.down = nn.ModuleList([double(a, b) for a, b in zip([1] + c[: depth - 1], c[:depth])])
        self.mid = double(c[-2], c[-1])
        self.up = nn.ModuleList([nn.ConvTranspose2d(a, a // 2, 2, 2) for a in c[:0:-1]])
        self.dec = nn.ModuleList([double(a, a // 2) for a in c[:0:-1]])
        self.out = nn.Conv2d(base, 1, 1)
        pair = lambda p: [f"{p}.{b}.{n}" for b in ("block1", "block2") for n in ("conv", "norm")]
        levels = range(depth, 0, -1)
        fill(self, sum([pair(f"down{i+1}") for i in range(depth)], []) + pair("middle") + [f"up{i}.enlarge" for i in levels]
             + sum([pair(f"up{i}") for i in levels], []) + ["out"])

    def forward(self, x):
        skips = []
        for d in self.down:
            x = d(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.mid(x)
        for u, d in zip(self.up, self.dec):
            x = d(torch.cat([skips.pop(), u(x)], 1))
        return self.out(x)


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn = kind(5, 8, 2, batch_first=True)
        self.fc = nn.Linear(8, 3)
        fill(self, ["rnn", "out"])

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


def generator():
    m = nn.Sequential(
        nn.ConvTranspose2d(6, 128, 4, 1, 0, bias=False), nn.BatchNorm2d(128), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, 1, bias=False), nn.Tanh())
    return fill(m, ["up1", "norm1", "up2", "norm2", "up3"])


def encoder3d():
    def block(a, b, s):
        return nn.Sequential(nn.Conv3d(a, b, 3, s, 1, bias=False), nn.InstanceNorm3d(b, affine=True), nn.LeakyReLU(0.01))
    m = nn.Sequential(block(1, 4, 1), block(4, 4, 1), block(4, 8, 2), block(8, 8, 1), nn.Conv3d(8, 2, 1))
    return fill(m, [f"{i}.{n}" for i in range(4) for n in ("conv", "norm")] + ["4"])


def mlp():
    m = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))
    return fill(m, ["hidden1", "hidden2", "out"])


# name: (module, input dims in nn's layout, loss, learning rate)
NETWORKS = {
    "basic-cnn": (basic_cnn, (4, 8, 8, 1), "classes", 0.05),
    "resnet18": (lambda: resnet18(4), (6, 16, 16, 2), "classes", 0.003),
    "unet2d": (lambda: UNet(4, 2), (2, 16, 16, 1), "pixels", 0.1),
    "conv3d": (encoder3d, (1, 6, 6, 6, 1), "pixels", 0.1),
    "basic-rnn": (lambda: Recurrent(nn.RNN), (4, 6, 5), "classes", 0.1),
    "gru": (lambda: Recurrent(nn.GRU), (4, 6, 5), "classes", 0.3),
    "lstm": (lambda: Recurrent(nn.LSTM), (4, 6, 5), "classes", 0.3),
    "dcgan": (generator, (3, 6), "square", 0.02),
    "mlp": (mlp, (8, 5), "classes", 0.1),
}

curves = {}
for name, (build, dims, loss, rate) in NETWORKS.items():
    model = build()
    opt = torch.optim.SGD(model.parameters(), rate)
    x0 = value("x", dims)
    x = x0[:, :, None, None] if name == "dcgan" else x0 if len(dims) < 4 else x0.movedim(-1, 1)
    losses = []
    for _ in range(20):
        out = model(x)
        if loss == "classes":
            v = F.cross_entropy(out, torch.arange(dims[0]) % 3)
        elif loss == "pixels":
            y = out.movedim(1, -1)
            v = F.binary_cross_entropy_with_logits(y, (value("y", y.shape) > 0).double())
        else:
            v = out.square().mean()
        losses.append(v.item())
        opt.zero_grad()
        v.backward()
        opt.step()
    curves[name] = losses
    print(name, losses[0], losses[-1])

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "curves.json"), "w") as f:
    json.dump(curves, f, indent=1)
    f.write("\n")
