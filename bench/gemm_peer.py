"""Matrix products: Galen beside PyTorch, in turn on the same shapes.

    python bench/gemm_peer.py [--rounds 5] [--milliseconds 100] [--only TEXT]

Each round runs every shape once with PyTorch (two threads, results written into a tensor that is already there) and
once with `go test -bench` of package engine/gemm. Printed: the medians of GFLOP/s and of the ratio Galen / PyTorch.
"""
import argparse
import os
import re
import statistics
import subprocess
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch  # noqa: E402

NAME = re.compile(r"BenchmarkGemm/(?:(\d+)\*)?(\d+)x(\d+)x(\d+)(-(?:At)?(?:Bt)?)?-\d+\s+\d+\s+[\d.]+ ns/op\s+([\d.]+) GFLOP/s")


def galen(binary, milliseconds, only):
    text = subprocess.run(
        [binary, "-test.run", "xxx", "-test.bench", f"BenchmarkGemm/.*{re.escape(only)}",
         "-test.benchtime", f"{milliseconds}ms", "-test.cpu", "2"], capture_output=True, text=True, check=True).stdout
    rates = {}
    for batch, m, k, n, form, rate in NAME.findall(text):
        rates[int(batch or 0), int(m), int(k), int(n), form] = float(rate)
    return rates


def peer(shape, milliseconds):
    batch, m, k, n, form = shape
    lead = (batch,) if batch else ()
    a = torch.randn(*lead, *((k, m) if "At" in form else (m, k)))
    b = torch.randn(*lead, *((n, k) if "Bt" in form else (k, n)))
    a = a.transpose(-1, -2) if "At" in form else a
    b = b.transpose(-1, -2) if "Bt" in form else b
    c = torch.empty(*lead, m, n)
    multiply = torch.bmm if batch else torch.mm
    flops = 2 * max(1, batch) * m * k * n
    for _ in range(3):
        multiply(a, b, out=c)
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < milliseconds / 1000:
        for _ in range(max(1, int(1e7 / flops))):
            multiply(a, b, out=c)
            count += 1
    return count * flops / (time.perf_counter() - begin) / 1e9


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--milliseconds", type=int, default=100)
    options.add_argument("--only", default="", help="only shapes whose name has this text")
    options = options.parse_args()
    torch.set_num_threads(2)
    binary = os.path.abspath("gemm.test")
    subprocess.run(["go", "test", "-c", "-o", binary, "./engine/gemm"], check=True)
    ours, theirs = {}, {}
    try:
        for _ in range(options.rounds):
            for shape, rate in galen(binary, options.milliseconds, options.only).items():
                ours.setdefault(shape, []).append(rate)
                theirs.setdefault(shape, []).append(peer(shape, options.milliseconds))
    finally:
        os.remove(binary)
    print(f"{'M x K x N':<24}{'Galen':>10}{'PyTorch':>10}{'ratio':>8}   GFLOP/s, medians of {options.rounds} rounds")
    for shape, rates in ours.items():
        batch, m, k, n, form = shape
        name = (f"{batch}*" if batch else "") + f"{m}x{k}x{n}{form}"
        ratio = statistics.median(x / y for x, y in zip(rates, theirs[shape]))
        print(f"{name:<24}{statistics.median(rates):>10.1f}{statistics.median(theirs[shape]):>10.1f}{ratio:>8.2f}")


if __name__ == "__main__":
    main()
