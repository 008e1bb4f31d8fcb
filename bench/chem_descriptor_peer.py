"""Describes and cleans up molecules with Galen and with RDKit, in turns on one core, and prints medians.

Run from the repository's root:  python bench/chem_descriptor_peer.py FILE.smi [count=500] [rounds=5]
Needs rdkit in this Python. FILE holds a SMILES at the start of each line; the lines taken are spread over it.

"common" is Galen's standard set (weights, logP, TPSA, counts, rings, QED, SA score), "all" every descriptor (for
RDKit Descriptors._descList without SPS, and the SA score), "clean" rdMolStandardize.Cleanup. Reading is not
counted. RDKit keeps results at a molecule, so each set has molecules of its own.
"""
import os, statistics, subprocess, sys, tempfile

path = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
lines = [l.split()[0] for l in open(path) if l.strip()]
lines = lines[:: max(1, len(lines) // count)][:count]
folder = tempfile.mkdtemp(prefix="galen-bench-describe")
part = os.path.join(folder, "part.smi")
open(part, "w").write("\n".join(lines) + "\n")
binary = os.path.join(folder, "describebench")
subprocess.run(["go", "build", "-o", binary, "./bench/cmd/describebench"], check=True)
peer = """
import os, sys, time
from rdkit import Chem, RDConfig, RDLogger
from rdkit.Chem import Descriptors
from rdkit.Chem.MolStandardize import rdMolStandardize
sys.path.append(os.path.join(RDConfig.RDContribDir, "SA_Score"))
import sascorer
RDLogger.DisableLog("rdApp.*")
COMMON = '''MolWt ExactMolWt HeavyAtomCount MolLogP MolMR TPSA NumHDonors NumHAcceptors NHOHCount NOCount NumRotatableBonds
RingCount NumAromaticRings NumAliphaticRings NumSaturatedRings NumHeterocycles NumSpiroAtoms NumBridgeheadAtoms
NumAtomStereoCenters FractionCSP3 NumHeteroatoms qed'''.split()
table = dict(Descriptors._descList)
common = [table[n] for n in COMMON] + [Chem.GetFormalCharge, sascorer.calculateScore]
every = [f for n, f in Descriptors._descList if n != "SPS"] + [Chem.GetFormalCharge, sascorer.calculateScore]


def describe(functions):
    def one(mol):
        for f in functions:
            try:
                f(mol)
            except Exception:
                pass
    return one


lines = open(sys.argv[1]).read().split()
sascorer.calculateScore(Chem.MolFromSmiles("CCO"))
for work in (describe(common), describe(every), rdMolStandardize.Cleanup):
    mols = [m for m in map(Chem.MolFromSmiles, lines) if m is not None]
    start = time.perf_counter()
    for mol in mols:
        work(mol)
    print((time.perf_counter() - start) / len(mols) * 1e6)
print(len(mols))
"""
one = dict(os.environ, GOMAXPROCS="1")


def run(cmd):
    return [float(x) for x in subprocess.run(["taskset", "-c", "0"] + cmd, env=one, check=True, capture_output=True, text=True).stdout.split()]


galen, rdkit = [], []
for _ in range(rounds):
    galen.append(run([binary, part]))
    rdkit.append(run([sys.executable, "-c", peer, part]))
print(f"molecules: Galen {galen[0][3]:.0f}, RDKit {rdkit[0][3]:.0f}")
for i, what in enumerate(["common", "all", "clean"]):
    g, r = [x[i] for x in galen], [x[i] for x in rdkit]
    ratios = [b / a for a, b in zip(g, r)]
    print(f"{what:7} Galen {statistics.median(g):8.1f} us  RDKit {statistics.median(r):8.1f} us  ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")
