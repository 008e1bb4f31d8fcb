#!/usr/bin/env python3
"""Galen's data movement and pooling beside PyTorch's, in turns.

Usage: move_peer.py [--rounds R] [--threads N] [NAME ...]     (needs torch; run from the repository's root)
For each piece of work PyTorch runs about a fifth of a second, then Galen's benchmark of the same work (engine/move and
engine/pool, bench_test.go), R times over. Pooling in PyTorch is measured in both memory layouts, and the better one
counts. Printed are the medians in milliseconds, and the median over rounds of PyTorch's time over Galen's: above 1,
Galen is faster.
"""
import argparse
import os
import re
import statistics
import subprocess
import tempfile
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

LAYOUTS = (torch.contiguous_format, torch.channels_last)


def transpose(dims, order):
    x = torch.randn(*dims).permute(*order)
    out = torch.empty(x.shape)
    return [lambda: out.copy_(x)]


def pool(dims, size, stride, padding, gradient):
    work = []
    for layout in LAYOUTS:
        x = torch.randn(*dims).to(memory_format=layout)
        if not gradient:
            work.append(lambda x=x: F.max_pool2d(x, size, stride, padding))
            continue
        x.requires_grad_()
        y = F.max_pool2d(x, size, stride, padding)
        g = torch.randn_like(y)
        work.append(lambda x=x, y=y, g=g: torch.autograd.grad(y, x, g, retain_graph=True))
    return work


def global_average():
    return [lambda x=torch.randn(32, 512, 4, 4).to(memory_format=m): F.adaptive_avg_pool2d(x, 1) for m in LAYOUTS]


def rows(scatter):
    table, index = torch.randn(20000, 128), torch.randint(0, 20000, (50000,))
    updates = torch.randn(50000, 128)
    if scatter:
        return [lambda: table.index_add_(0, index, updates)]
    return [lambda: torch.index_select(table, 0, index, out=updates)]


def of(x, f):
    return [lambda: f(x)]


WORK = {
    "TransposeSquare2048": ("move", lambda: transpose((2048, 2048), (1, 0))),
    "TransposeToChannelsLast": ("move", lambda: transpose((64, 64, 56, 56), (0, 2, 3, 1))),
    "TransposeToChannelsFirst": ("move", lambda: transpose((64, 56, 56, 64), (0, 3, 1, 2))),
    "Pad": ("move", lambda: of(torch.randn(32, 56, 56, 64), lambda x: F.pad(x, (0, 0, 1, 1, 1, 1)))),
    "GatherRows": ("move", lambda: rows(False)),
    "ScatterRows": ("move", lambda: rows(True)),
    "Sort1M": ("move", lambda: of(torch.randn(1000000), lambda x: torch.sort(x, stable=True))),
    "SortRows": ("move", lambda: of(torch.randn(1000, 1000), lambda x: torch.sort(x, stable=True))),
    "TopK": ("move", lambda: of(torch.randint(-(2**31), 2**31, (1000, 1000), dtype=torch.int32), lambda x: torch.topk(x, 5))),
    "ArgMax": ("move", lambda: of(torch.randn(1000, 1000), lambda x: x.argmax(1))),
    "Random10M": ("move", lambda: of(torch.empty(10000000), lambda x: x.uniform_())),
    "ToBFloat16": ("move", lambda: of(torch.randn(1000000), lambda x: x.to(torch.bfloat16))),
    "Max2x2": ("pool", lambda: pool((64, 32, 28, 28), 2, 2, 0, False)),
    "Max2x2Gradient": ("pool", lambda: pool((64, 32, 28, 28), 2, 2, 0, True)),
    "Max3x3": ("pool", lambda: pool((16, 64, 112, 112), 3, 2, 1, False)),
    "Max3x3Gradient": ("pool", lambda: pool((16, 64, 112, 112), 3, 2, 1, True)),
    "GlobalAverage": ("pool", global_average),
}


def torch_time(f, seconds=0.2):
    f()
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        begin = time.perf_counter()
        f()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e3


def galen_time(binary, name):
    out = subprocess.run([binary, "-test.run=NONE", f"-test.bench=^Benchmark{name}$", "-test.benchtime=200ms"],
                         check=True, capture_output=True, text=True).stdout
    return float(re.search(r"([\d.]+) ns/op", out).group(1)) / 1e6


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("names", nargs="*", metavar="NAME", choices=[[], *WORK], help=", ".join(WORK))
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    os.environ["GOMAXPROCS"] = str(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        for package in ("move", "pool"):
            subprocess.run(["go", "test", "-c", "-o", f"{folder}/{package}", f"./engine/{package}"], check=True)
        print(f"{'work':26}{'galen ms':>10}{'torch ms':>10}{'ratio':>8}")
        for name in args.names or WORK:
            package, make = WORK[name]
            peers = make()
            ours, theirs, ratios = [], [], []
            for _ in range(args.rounds):
                theirs.append(min(torch_time(f) for f in peers))
                ours.append(galen_time(f"{folder}/{package}", name))
                ratios.append(theirs[-1] / ours[-1])
            print(f"{name:26}{statistics.median(ours):10.3f}{statistics.median(theirs):10.3f}{statistics.median(ratios):8.2f}", flush=True)


if __name__ == "__main__":
    main()
