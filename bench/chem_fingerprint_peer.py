"""Makes fingerprints, compares them, and cuts molecules with Galen and with RDKit, in turns on one core, and prints
medians of microseconds.

Run from the repository's root:  python bench/chem_fingerprint_peer.py FILE.smi [count=2000] [rounds=5]
Needs rdkit in this Python. FILE holds a SMILES at the start of each line; the lines taken are spread over it.

Fingerprints are RDKit's defaults, in bits, of molecules that were read; "parse+morgan" reads them too. "tanimoto" is one
comparison of 2,048 bits, all molecules with all: Galen finds the 10 nearest of each, with its bounds, and RDKit only
computes the scores (BulkTanimotoSimilarity). "maxmin500" is one choice of 500. "murcko" writes the framework's canonical
SMILES; "brics" decomposes 500 molecules. Each round starts both programs anew; ratios are taken round by round.
"""
import os, statistics, subprocess, sys, tempfile

path = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
lines = [l.split()[0] for l in open(path) if l.strip()]
lines = lines[:: max(1, len(lines) // count)][:count]
folder = tempfile.mkdtemp(prefix="galen-bench-chem")
part = os.path.join(folder, "part.smi")
open(part, "w").write("\n".join(lines) + "\n")
binary = os.path.join(folder, "chemfpbench")
subprocess.run(["go", "build", "-o", binary, "./bench/cmd/chemfpbench"], check=True)
peer = """
import sys, time
from rdkit import Chem, DataStructs, RDLogger
from rdkit.Chem import BRICS, MACCSkeys, rdFingerprintGenerator as rd
from rdkit.Chem.Scaffolds import MurckoScaffold
from rdkit.SimDivFilters.rdSimDivPickers import MaxMinPicker
RDLogger.DisableLog("rdApp.*")
lines = open(sys.argv[1]).read().split()
kinds = {
    "morgan": rd.GetMorganGenerator(radius=2).GetFingerprint,
    "fcfp": rd.GetMorganGenerator(radius=2, atomInvariantsGenerator=rd.GetMorganFeatureAtomInvGen()).GetFingerprint,
    "pairs": rd.GetAtomPairGenerator().GetFingerprint,
    "torsions": rd.GetTopologicalTorsionGenerator().GetFingerprint,
    "paths": rd.GetRDKitFPGenerator().GetFingerprint,
    "maccs": MACCSkeys.GenMACCSKeys,
}
start = time.perf_counter()
def report(name, n):
    global start
    print(name, (time.perf_counter() - start) * 1e6 / n)
    start = time.perf_counter()
mols, fps, f = [], [], kinds["morgan"]
for s in lines:
    m = Chem.MolFromSmiles(s)
    if m is not None:
        fps.append(f(m))
        mols.append(m)
report("parse+morgan", len(lines))
for name, f in kinds.items():
    for m in mols:
        f(m)
    report(name, len(mols))
for p in fps:
    DataStructs.BulkTanimotoSimilarity(p, fps)
report("tanimoto", len(fps) ** 2)
MaxMinPicker().LazyBitVectorPick(fps, len(fps), min(500, len(fps)), firstPicks=[0])
report("maxmin500", 1)
for m in mols:
    Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(m))
report("murcko", len(mols))
for m in mols[:500]:
    list(BRICS.BRICSDecompose(m))
report("brics", min(500, len(mols)))
"""
one = dict(os.environ, GOMAXPROCS="1")


def run(cmd):
    out = subprocess.run(["taskset", "-c", "0"] + cmd, env=one, check=True, capture_output=True, text=True).stdout
    return {l.split()[0]: float(l.split()[1]) for l in out.splitlines()}


galen, rdkit = [], []
for _ in range(rounds):
    galen.append(run([binary, part]))
    rdkit.append(run([sys.executable, "-c", peer, part]))
for what in galen[0]:
    g, r = [x[what] for x in galen], [x[what] for x in rdkit]
    ratios = [b / a for a, b in zip(g, r)]
    print(f"{what:13} Galen {statistics.median(g):10.4f} us  RDKit {statistics.median(r):10.4f} us  ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")
