#!/usr/bin/env python3
"""Two stacked recurrences in PyTorch, beside the benchmarks Stack* of engine/rnn.

Usage: rnn_peer.py [--rounds N] [--threads N]
Each round runs PyTorch (forward and backward of two layers, 64 sequences of 48 steps of 76 numbers, 128 units, loss
at the last step; no optimiser) and then the Go benchmark of the same, so that both meet the same machine. Prints the
times of each round and the median of the ratios. Set OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE where torch was
built on OpenBLAS.
"""
import argparse
import os
import re
import statistics
import subprocess
import tempfile
import time

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(0)
root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
binary = os.path.join(tempfile.mkdtemp(), "rnn.test")
subprocess.run(["go", "test", "-c", "-o", binary, "./engine/rnn"], cwd=root, check=True)


def peer(kind):
    net, x = getattr(torch.nn, kind)(76, 128, 2, batch_first=True), torch.randn(64, 48, 76)
    grad = torch.randn(64, 128)

    def step():
        net.zero_grad(set_to_none=True)
        net(x)[0][:, -1].backward(grad)

    step()
    times, begin = [], time.perf_counter()
    while time.perf_counter() - begin < 1:
        t = time.perf_counter()
        step()
        times.append(time.perf_counter() - t)
    return 1e3 * statistics.median(times)


def own(kind):
    out = subprocess.run([binary, "-test.run=^$", f"-test.bench=^BenchmarkStack{kind}$"],
                         capture_output=True, text=True, check=True,
                         env={**os.environ, "GOMAXPROCS": str(args.threads)}).stdout
    return float(re.search(r"([\d.]+) ms/step", out).group(1))


for kind in ("RNN", "GRU", "LSTM"):
    ratios = []
    for _ in range(args.rounds):
        a, b = peer(kind), own(kind)
        ratios.append(a / b)
        print(f"{kind:4} PyTorch {a:7.2f} ms   Galen {b:7.2f} ms   {a / b:.2f}", flush=True)
    print(f"{kind:4} median ratio {statistics.median(ratios):.2f}")
