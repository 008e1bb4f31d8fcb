#!/usr/bin/env python3
"""Writes vectors.json: convolutions and both gradients by PyTorch, for vectors_test.go.

All inputs are multiples of 1/8 and small, so that every sum is exact in float32 in whatever order it is made.
"""
import json
import pathlib

import torch

torch.manual_seed(7)
cases = []


def draw(*shape):
    return torch.randint(-8, 9, shape).float() / 8


def three(values, fill):
    return [fill] * (3 - len(values)) + list(values)


def flat(t, *axes):
    return t.permute(*axes).contiguous().flatten().tolist()


def case(name, n, size, cin, cout, kernel, stride=None, pad=None, dilation=None, groups=1, transposed=False, extra=None):
    axes = len(size)
    stride, pad, dilation = stride or [1] * axes, pad or [0] * axes, dilation or [1] * axes
    extra = extra or [0] * axes
    x = draw(n, cin, *size).requires_grad_(True)
    w = draw(*((cin, cout // groups) if transposed else (cout, cin // groups)), *kernel).requires_grad_(True)
    y = torch.ops.aten.convolution(x, w, None, stride, pad, dilation, transposed, extra, groups)
    dy = draw(*y.shape)
    y.backward(dy)
    shape = dict(N=n, In=three(size, 1), Cin=cin, Cout=cout, Kernel=three(kernel, 1), Dilation=three(dilation, 1), Groups=groups)
    if transposed:
        reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
        shape |= dict(InputDilation=three(stride, 1), PadLow=three([r - p for r, p in zip(reach, pad)], 0),
                      PadHigh=three([r - p + e for r, p, e in zip(reach, pad, extra)], 0), Flip=True, SwapChannels=True)
    else:
        shape |= dict(Stride=three(stride, 1), PadLow=three(pad, 0), PadHigh=three(pad, 0))
    last = [0, *range(2, axes + 2), 1]
    # Ordinary weights become (spatial, in, out). Transposed ones, in PyTorch (in, out, spatial), become (spatial, out, in).
    weights = [*range(2, axes + 2), 1, 0]
    cases.append(dict(name=name, shape=shape, x=flat(x.detach(), *last), w=flat(w.detach(), *weights), y=flat(y.detach(), *last),
                      dy=flat(dy, *last), dx=flat(x.grad, *last), dw=flat(w.grad, *weights)))


case("1d", 2, [9], 3, 5, [4], pad=[2])
case("1d strided dilated", 1, [17], 2, 3, [3], stride=[3], pad=[2], dilation=[2])
case("2d", 2, [6, 5], 3, 18, [3, 3], pad=[1, 1])
case("2d strided", 1, [7, 8], 4, 6, [3, 2], stride=[2, 3], pad=[1, 0])
case("2d grouped", 2, [5, 5], 6, 9, [3, 3], pad=[1, 1], groups=3)
case("2d depthwise", 1, [6, 6], 17, 17, [3, 3], stride=[2, 2], pad=[1, 1], groups=17)
case("2d depthwise, two for one", 1, [4, 5], 3, 6, [3, 3], pad=[1, 1], groups=3)
case("2d many images", 16, [3, 3], 5, 6, [3, 3], pad=[1, 1])
case("3d", 1, [4, 5, 4], 2, 5, [3, 3, 3], pad=[1, 1, 1])
case("3d strided dilated", 1, [7, 6, 7], 2, 3, [2, 3, 2], stride=[2, 1, 2], pad=[0, 2, 1], dilation=[2, 2, 3])
case("transposed 4x4 by 2", 3, [4, 3], 5, 3, [4, 4], stride=[2, 2], pad=[1, 1], transposed=True)
case("transposed 2x2 by 2", 1, [3, 4], 6, 4, [2, 2], stride=[2, 2], transposed=True)
case("transposed from one position", 16, [1, 1], 6, 4, [3, 3], transposed=True)
case("transposed grouped, more output", 1, [3, 3], 4, 6, [3, 3], stride=[2, 3], pad=[1, 0], dilation=[1, 2], groups=2, transposed=True, extra=[1, 1])
case("3d transposed", 1, [2, 3, 2], 3, 2, [3, 2, 2], stride=[2, 2, 1], pad=[1, 0, 0], transposed=True)
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
