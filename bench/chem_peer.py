"""Reads and writes molecules with Galen and with RDKit, in turns on one core, and prints medians.

Run from the repository's root:  python bench/chem_peer.py FILE.smi [count=5000] [rounds=5]
Needs rdkit in this Python. FILE holds a SMILES at the start of each line; the lines taken are spread over it.

"parse" is reading with full perception (MolFromSmiles), "canonical" the canonical SMILES of molecules that were
read (MolToSmiles). Each round starts both programs anew, one after the other; ratios are taken round by round.
"""
import os, statistics, subprocess, sys, tempfile

path = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
lines = [l.split()[0] for l in open(path) if l.strip()]
lines = lines[:: max(1, len(lines) // count)][:count]
folder = tempfile.mkdtemp(prefix="galen-bench-chem")
part = os.path.join(folder, "part.smi")
open(part, "w").write("\n".join(lines) + "\n")
binary = os.path.join(folder, "chembench")
subprocess.run(["go", "build", "-o", binary, "./bench/cmd/chembench"], check=True)
peer = """
import sys, time
from rdkit import Chem, RDLogger
RDLogger.DisableLog("rdApp.*")
lines = open(sys.argv[1]).read().split()
t0 = time.perf_counter()
mols = [m for m in map(Chem.MolFromSmiles, lines) if m is not None]
t1 = time.perf_counter()
size = sum(len(Chem.MolToSmiles(m)) for m in mols)
t2 = time.perf_counter()
print((t1 - t0) / len(lines) * 1e6, (t2 - t1) / len(lines) * 1e6, len(mols), size)
"""
one = dict(os.environ, GOMAXPROCS="1")


def run(cmd):
    return [float(x) for x in subprocess.run(["taskset", "-c", "0"] + cmd, env=one, check=True, capture_output=True, text=True).stdout.split()]


galen, rdkit = [], []
for _ in range(rounds):
    galen.append(run([binary, part]))
    rdkit.append(run([sys.executable, "-c", peer, part]))
print(f"{len(lines)} lines; molecules read: Galen {galen[0][2]:.0f}, RDKit {rdkit[0][2]:.0f}")
for i, what in enumerate(["parse", "canonical"]):
    g, r = [x[i] for x in galen], [x[i] for x in rdkit]
    ratios = [b / a for a, b in zip(g, r)]
    print(f"{what:10} Galen {statistics.median(g):7.1f} us  RDKit {statistics.median(r):7.1f} us  ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")
