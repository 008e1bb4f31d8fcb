"""Checks molecules for structural alerts with Galen and with RDKit, in turns on one core, and prints medians.

Run from the repository's root:  python bench/chem_smarts_peer.py FILE.smi [count=1000] [rounds=5]
Needs rdkit in this Python. FILE holds a SMILES at the start of each line; the lines taken are spread over it.

RDKit checks PAINS and Brenk by FilterCatalog.GetMatches, MCF by AddHs and HasSubstructMatch. The molecules are read
before the clock starts. Each round starts both programs anew; ratios are taken round by round.
"""
import os, statistics, subprocess, sys, tempfile

path = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
lines = [l.split()[0] for l in open(path) if l.strip()]
lines = lines[:: max(1, len(lines) // count)][:count]
folder = tempfile.mkdtemp(prefix="galen-bench-smarts")
part = os.path.join(folder, "part.smi")
open(part, "w").write("\n".join(lines) + "\n")
binary = os.path.join(folder, "smartsbench")
subprocess.run(["go", "build", "-o", binary, "./bench/cmd/smartsbench"], check=True)
peer = """
import csv, sys, time
from rdkit import Chem, RDLogger
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams
RDLogger.DisableLog("rdApp.*")
mols = [m for m in map(Chem.MolFromSmiles, open(sys.argv[1]).read().split()) if m is not None]
kinds = FilterCatalogParams.FilterCatalogs
for kind in [kinds.PAINS, kinds.BRENK]:
    p = FilterCatalogParams()
    p.AddCatalog(kind)
    c = FilterCatalog(p)
    t = time.perf_counter()
    n = sum(len(c.GetMatches(m)) for m in mols)
    print((time.perf_counter() - t) / len(mols) * 1e6, n)
mcf = [Chem.MolFromSmarts(r["smarts"]) for r in csv.DictReader(open("chem/filter/data/mcf.csv"))]
t = time.perf_counter()
n = 0
for m in mols:
    h = Chem.AddHs(m)
    n += sum(h.HasSubstructMatch(p) for p in mcf)
print((time.perf_counter() - t) / len(mols) * 1e6, n)
"""
one = dict(os.environ, GOMAXPROCS="1")


def run(cmd):
    out = subprocess.run(["taskset", "-c", "0"] + cmd, env=one, check=True, capture_output=True, text=True).stdout
    return [[float(x) for x in l.split()] for l in out.splitlines()]


galen, rdkit = [], []
for _ in range(rounds):
    galen.append(run([binary, part]))
    rdkit.append(run([sys.executable, "-c", peer, part]))
for i, what in enumerate(["PAINS", "Brenk", "MCF"]):
    g, r = [x[i][0] for x in galen], [x[i][0] for x in rdkit]
    ratios = [b / a for a, b in zip(g, r)]
    print(f"{what:6} Galen {statistics.median(g):7.1f} us  RDKit {statistics.median(r):7.1f} us  ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})  alerts {galen[0][i][1]:.0f}, {rdkit[0][i][1]:.0f}")
