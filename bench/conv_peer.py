#!/usr/bin/env python3
"""Galen's convolutions beside PyTorch's (oneDNN), layer by layer, in turns.

Usage: conv_peer.py [--rounds R] [--seconds S] [--threads N] [LAYER ...]     (needs torch; run from the repository's root)
For each layer of the networks in bench, and each of its three products, PyTorch runs for S seconds in each memory
layout, then Galen, R times over. Printed are the medians in GFLOP/s (PyTorch's better layout), and the median over
rounds of Galen's speed over PyTorch's. The layers are those of engine/conv/bench_test.go.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import torch  # noqa: E402

PASSES = ["forward", "data", "weights"]


def plain(axes, n, size, cin, cout, kernel, stride, pad, groups=1):
    return dict(axes=axes, n=n, size=size, cin=cin, cout=cout, kernel=kernel, stride=stride, pad=pad, groups=groups, transposed=False)


def layer2(*a):
    return plain(2, *a)


def layer3(*a):
    return plain(3, *a)


def transposed(*a):
    return dict(plain(2, *a), transposed=True)


def depthwise(n, size, channels, kernel, stride, pad):
    return plain(2, n, size, channels, channels, kernel, stride, pad, channels)


LAYERS = {
    "conv-64": layer2(32, 32, 64, 64, 3, 1, 1),
    "cnn-1": layer2(64, 28, 3, 32, 3, 1, 1),
    "cnn-2": layer2(64, 14, 32, 64, 3, 1, 1),
    "resnet-stem": layer2(64, 28, 3, 64, 3, 1, 1),
    "resnet-64": layer2(64, 28, 64, 64, 3, 1, 1),
    "resnet-64-128-s2": layer2(64, 28, 64, 128, 3, 2, 1),
    "resnet-64-128-1x1": layer2(64, 28, 64, 128, 1, 2, 0),
    "resnet-128": layer2(64, 14, 128, 128, 3, 1, 1),
    "resnet-128-256-s2": layer2(64, 14, 128, 256, 3, 2, 1),
    "resnet-128-256-1x1": layer2(64, 14, 128, 256, 1, 2, 0),
    "resnet-256": layer2(64, 7, 256, 256, 3, 1, 1),
    "resnet-256-512-s2": layer2(64, 7, 256, 512, 3, 2, 1),
    "resnet-256-512-1x1": layer2(64, 7, 256, 512, 1, 2, 0),
    "resnet-512": layer2(64, 4, 512, 512, 3, 1, 1),
    "unet-1-32": layer2(4, 128, 1, 32, 3, 1, 1),
    "unet-32": layer2(4, 128, 32, 32, 3, 1, 1),
    "unet-64": layer2(4, 64, 64, 64, 3, 1, 1),
    "unet-128": layer2(4, 32, 128, 128, 3, 1, 1),
    "unet-256": layer2(4, 16, 256, 256, 3, 1, 1),
    "unet-512": layer2(4, 8, 512, 512, 3, 1, 1),
    "unet-512-256": layer2(4, 16, 512, 256, 3, 1, 1),
    "unet-64-32": layer2(4, 128, 64, 32, 3, 1, 1),
    "unet-up-512": transposed(4, 8, 512, 256, 2, 2, 0),
    "unet-up-128": transposed(4, 32, 128, 64, 2, 2, 0),
    "unet-up-64": transposed(4, 64, 64, 32, 2, 2, 0),
    "unet-out": layer2(4, 128, 32, 1, 1, 1, 0),
    "conv3d-1-16": layer3(2, 32, 1, 16, 3, 1, 1),
    "conv3d-16": layer3(2, 32, 16, 16, 3, 1, 1),
    "conv3d-16-32-s2": layer3(2, 32, 16, 32, 3, 2, 1),
    "conv3d-32": layer3(2, 16, 32, 32, 3, 1, 1),
    "conv3d-out": layer3(2, 16, 32, 2, 1, 1, 0),
    "dcgan-1": transposed(64, 1, 100, 128, 7, 1, 0),
    "dcgan-2": transposed(64, 7, 128, 64, 4, 2, 1),
    "dcgan-3": transposed(64, 14, 64, 3, 4, 2, 1),
    "depthwise-64": depthwise(16, 56, 64, 3, 1, 1),
    "depthwise-256-s2": depthwise(16, 28, 256, 3, 2, 1),
    "one-64": layer2(1, 28, 64, 64, 3, 1, 1),
    "one-256": layer2(1, 7, 256, 256, 3, 1, 1),
    "one-512": layer2(1, 4, 512, 512, 3, 1, 1),
    "one-slice-32": layer2(1, 512, 32, 32, 3, 1, 1),
}


def torch_passes(l, layout):
    axes, t = l["axes"], l["transposed"]
    shape = (l["cin"], l["cout"] // l["groups"]) if t else (l["cout"], l["cin"] // l["groups"])
    w = torch.randn(*shape, *[l["kernel"]] * axes).to(memory_format=layout)
    x = torch.randn(l["n"], l["cin"], *[l["size"]] * axes).to(memory_format=layout)
    args = ([l["stride"]] * axes, [l["pad"]] * axes, [1] * axes, t, [0] * axes, l["groups"])
    with torch.no_grad():
        forward = lambda: torch.ops.aten.convolution(x, w, None, *args)  # noqa: E731
        dy = torch.randn_like(forward()).contiguous(memory_format=layout)
        back = lambda mask: torch.ops.aten.convolution_backward(dy, x, w, None, *args, mask)  # noqa: E731
    return [forward, lambda: back([True, False, False]), lambda: back([False, True, False])]


def timed(run, seconds):
    with torch.no_grad():
        run()
        count, begin = 0, time.perf_counter()
        while count == 0 or time.perf_counter() - begin < seconds:
            run()
            count += 1
        return (time.perf_counter() - begin) / count


class Galen:
    def __init__(self):
        subprocess.run(["go", "test", "-c", "-o", "/tmp/galen-conv.test", "./engine/conv"], check=True)
        self.process = subprocess.Popen(["/tmp/galen-conv.test", "-test.run", "TestPeer", "-test.timeout", "0"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, GALEN_CONV_PEER="1"))

    def run(self, name, seconds):
        self.process.stdin.write(f"{name} {seconds}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("peer "):
                return json.loads(line[5:])
        raise SystemExit("Galen's half ended early")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("layers", nargs="*")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    galen = Galen()
    print(f"torch {torch.__version__}, {args.threads} threads; GFLOP/s, {args.rounds} rounds in turn")
    print(f"{'layer':20} " + "".join(f"| {p:>8}: Galen torch ratio " for p in PASSES))
    ratios = []
    for name in args.layers or LAYERS:
        l = LAYERS[name]
        last = torch.channels_last if l["axes"] == 2 else torch.channels_last_3d
        peers = [torch_passes(l, torch.contiguous_format), torch_passes(l, last)]
        mine, other = [[], [], []], [[], [], []]
        for _ in range(args.rounds):
            for i in range(3):
                other[i].append(min(timed(p[i], args.seconds) for p in peers))
            answer = galen.run(name, args.seconds)
            for i in range(3):
                mine[i].append(answer["times"][i])
        row = ""
        for i in range(3):
            ratio = statistics.median(o / m for o, m in zip(other[i], mine[i]))
            ratios.append(ratio)
            speed = [answer["flop"] / statistics.median(t) / 1e9 for t in (mine[i], other[i])]
            row += f"|          {speed[0]:6.1f} {speed[1]:6.1f} {ratio:5.2f} "
        print(f"{name:20} {row}", flush=True)
    print(f"geometric mean of the ratios {statistics.geometric_mean(ratios):.2f}, least {min(ratios):.2f}")


if __name__ == "__main__":
    main()
