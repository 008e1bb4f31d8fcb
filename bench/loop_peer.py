#!/usr/bin/env python3
"""Fused loops beside PyTorch: the workloads of engine/loop/bench_test.go, both in turn, medians of ratios.

Usage: loop_peer.py [--rounds N] [WORKLOAD ...]      (from the repository's root)
Set OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE where torch was built on OpenBLAS.
Prints a table: Galen's and torch's microseconds, Galen's GB/s of necessary traffic, and torch/Galen.
"""
import argparse, re, statistics, subprocess, tempfile, time
import torch, torch.nn.functional as F


def peers():
    """Each workload as PyTorch users write it, without autograd's bookkeeping where a backward is written out."""
    r = torch.randn
    def bias_relu(rows, n):
        x, b = r(rows, n), r(n)
        return lambda: torch.relu_(x + b)
    x, mean, var, scale, shift = r(50176, 64), r(64), r(64).square(), r(64), r(64)
    image = x.view(64, 28, 28, 64).permute(0, 3, 1, 2)  # channels last
    yield "bias-relu-50000x32", bias_relu(50000, 32)
    yield "bias-relu-50000x10", bias_relu(50000, 10)
    yield "batch-norm-relu", lambda: F.relu_(F.batch_norm(image, mean, var, scale, shift))
    g = r(50176, 64)
    def relu_gradient():
        d = torch.ops.aten.threshold_backward(g, x, 0)
        return d, d.sum(0)
    yield "relu-gradient-bias", relu_gradient
    gates, c = r(64, 512), r(64, 128)
    def lstm_cell():
        i, f, z, o = gates.chunk(4, 1)
        c1 = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(z)
        return c1, torch.sigmoid(o) * torch.tanh(c1)
    yield "lstm-cell", lstm_cell
    logits, labels = r(256, 10).requires_grad_(), torch.arange(256) % 10
    def cross_entropy():
        return torch.autograd.grad(F.cross_entropy(logits, labels), logits)
    yield "cross-entropy-256x10", cross_entropy
    w, dw = r(11_000_000), r(11_000_000)
    yield "sgd-11m", lambda: w.add_(dw, alpha=-1e-9)
    p = torch.nn.Parameter(r(11_000_000))
    p.grad = r(11_000_000)
    adam = torch.optim.Adam([p], 1e-3, fused=True)
    yield "adam-11m", adam.step
    y, b = r(256, 3072), r(3072)
    yield "bias-gelu-256x3072", lambda: F.gelu(y + b)


def measure(run, seconds):
    run(); run()
    times, begin = [], time.perf_counter()
    while time.perf_counter() - begin < seconds:
        t = time.perf_counter()
        run()
        times.append(time.perf_counter() - t)
    return statistics.median(times) * 1e6


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("workload", nargs="*")
    args = args.parse_args()
    torch.set_num_threads(2)
    binary = tempfile.mktemp()
    subprocess.run(["go", "test", "-c", "-o", binary, "./engine/loop"], check=True)
    print(f"{'workload':24}{'galen us':>10}{'torch us':>10}{'GB/s':>8}{'torch/galen':>13}")
    with torch.no_grad():
        for name, run in peers():
            if args.workload and name not in args.workload:
                continue
            if name.startswith("cross"):
                torch.set_grad_enabled(True)
            ours, theirs, rate = [], [], 0.0
            for _ in range(args.rounds):
                theirs.append(measure(run, 0.2))
                out = subprocess.run([binary, "-test.run", "^$", "-test.bench", f"BenchmarkLoops/{name}$", "-test.benchtime", "0.2s"],
                                     check=True, capture_output=True, text=True).stdout
                m = re.search(r"([\d.]+) ns/op\s+([\d.]+) MB/s", out)
                ours.append(float(m[1]) / 1e3)
                rate = max(rate, float(m[2]) / 1e3)
            torch.set_grad_enabled(False)
            ratio = statistics.median(t / o for t, o in zip(theirs, ours))
            print(f"{name:24}{statistics.median(ours):10.1f}{statistics.median(theirs):10.1f}{rate:8.1f}{ratio:13.2f}", flush=True)


if __name__ == "__main__":
    main()
