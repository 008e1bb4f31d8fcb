#!/usr/bin/env python3
"""Galen's engine beside PyTorch (and onnxruntime, for inference): the same workloads, in turn, A B A B.

Usage: engine.py [--rounds R] [--seconds S] [--galen PATH] [--torch SCRIPT] [WORKLOAD ...]

Each round runs `galen bench engine WORKLOAD`, then PyTorch on the same network, batch and number of threads, each in
a process of its own for S seconds. The figure is the ratio of the medians of samples per second (or GFLOP/s) over the
rounds, Galen over PyTorch in the better of its two memory layouts; above 1 Galen is faster. Peak memory is that of
the whole process. SCRIPT is a file with the workloads in PyTorch (see bench/README.md).
"""
import argparse, json, os, resource, statistics, subprocess, sys

TRAINING = ["basic-cnn", "resnet18-28", "unet2d-128", "conv3d-32", "rnn-48", "lstm-48", "gru-48", "dcgan-gen", "mlp-tabular"]
KERNELS = ["matmul-1024", "conv-64-fwd", "conv-64-fwd-bwd"]
INFERENCE = ["infer-resnet18-28", "infer-unet2d-512"]


def run(command, env=None):
    """Runs a command; returns its JSON lines and the peak resident memory of its process in MiB."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as p:
        out = p.stdout.read()
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        sys.exit(f"{' '.join(command)} failed")
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")], usage.ru_maxrss / 1024


def rate(line):
    return line.get("samples_per_s") or line["gflops"]


INFER = """
import importlib.util, json, sys, time, torch
spec = importlib.util.spec_from_file_location("w", sys.argv[1]); w = importlib.util.module_from_spec(spec); spec.loader.exec_module(w)
name, seconds, engine = sys.argv[2], float(sys.argv[3]), sys.argv[4]
torch.set_num_threads(2)
model, shape = (w.resnet18(), (1, 3, 28, 28)) if "resnet" in name else (w.UNet(), (1, 1, 512, 512))
model.eval()
x = torch.randn(*shape)
def best(run):
    run(); run()
    begin, times = time.perf_counter(), []
    while time.perf_counter() - begin < seconds:
        t = time.perf_counter(); run(); times.append(time.perf_counter() - t)
    return len(times) / sum(times)
if engine == "torch":
    for layout in (torch.contiguous_format, torch.channels_last):
        m, y = model.to(memory_format=layout), x.to(memory_format=layout)
        with torch.inference_mode():
            print(json.dumps({"workload": name, "samples_per_s": best(lambda: m(y))}), flush=True)
else:
    import onnxruntime as ort
    torch.onnx.export(model, (x,), sys.argv[5], input_names=["x"], dynamo=False)
    options = ort.SessionOptions(); options.intra_op_num_threads = 2
    s = ort.InferenceSession(sys.argv[5], options, providers=["CPUExecutionProvider"])
    feed = {"x": x.numpy()}
    print(json.dumps({"workload": name, "samples_per_s": best(lambda: s.run(None, feed))}), flush=True)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--galen", default="galen")
    parser.add_argument("--torch", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../shared/bench/torch_workloads.py"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--onnx", default="/tmp/galen-bench-engine.onnx", help="where onnxruntime's models are written")
    parser.add_argument("workloads", nargs="*")
    args = parser.parse_args()
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    seconds = str(args.seconds)
    for name in args.workloads or TRAINING + KERNELS + INFERENCE:
        ours, theirs, runtimes, memory = [], [], [], [0, 0]
        for _ in range(args.rounds):
            lines, peak = run([args.galen, "bench", "engine", name, "--json", "--seconds", seconds])
            ours.append(rate(lines[0]))
            memory[0] = max(memory[0], peak)
            if name in INFERENCE:
                command = [args.python, "-c", INFER, args.torch, name, seconds]
                lines, peak = run(command + ["torch"], env)
                ort, _ = run(command + ["ort", args.onnx], env)
                runtimes.append(max(rate(l) for l in ort))
            else:
                lines, peak = run([args.python, args.torch, "--seconds", seconds, "kernels" if name in KERNELS else name], env)
            memory[1] = max(memory[1], peak)
            theirs.append(max(rate(l) for l in lines if l["workload"] == name))
        a, b = statistics.median(ours), statistics.median(theirs)
        pairs = sorted(x / y for x, y in zip(ours, theirs))
        result = {"workload": name, "ratio": round(a / b, 3), "lowest": round(pairs[0], 3), "highest": round(pairs[-1], 3),
                  "galen": round(a, 1), "pytorch": round(b, 1), "galen_mib": round(memory[0]), "pytorch_mib": round(memory[1])}
        if runtimes:
            r = statistics.median(runtimes)
            result |= {"onnxruntime": round(r, 1), "ratio_onnxruntime": round(a / r, 3)}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
