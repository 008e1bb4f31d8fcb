"""Holds canonical SMILES to RDKit on whole public sets: ZINC250k, MoleculeNet, MoleculeACE.

Run from the repository's root:  GALEN_DATA=/path/to/data python bench/chem_accept.py [every=1] [seeds=2]
Needs rdkit in this Python. `every` takes only each n-th molecule. GALEN names a built program; else it is built.

Four things are asked of each molecule, with `galen mol` alone doing Galen's part:
 same        RDKit reads Galen's canonical SMILES and its own input as one molecule (isomeric canonical SMILES compared)
 again       the canonical SMILES of the canonical SMILES is the same text
 any order   so is that of a SMILES written in random order, once for each seed
 refused     both programs read it, or both refuse it
Exceptions are printed. 330,000 molecules take about ten minutes on one core, most of it RDKit's.
"""
import csv, glob, gzip, os, subprocess, sys, tempfile, time
from rdkit import Chem, RDLogger

RDLogger.DisableLog("rdApp.*")
every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 2
data = os.path.join(os.environ["GALEN_DATA"], "drug")
folder = tempfile.mkdtemp(prefix="galen-chem-accept")
galen = os.environ.get("GALEN")
if not galen:
    galen = os.path.join(folder, "galen")
    subprocess.run(["go", "build", "-o", galen, "./cmd/galen"], check=True)

molecules = []  # set, SMILES
for line in gzip.open(os.path.join(data, "zinc250k.smi.gz"), "rt"):
    if line.strip():
        molecules.append(("zinc250k", line.split()[0]))
for path in sorted(glob.glob(os.path.join(data, "moleculenet", "*.csv")) + glob.glob(os.path.join(data, "moleculeace", "CHEMBL*.csv"))):
    for row in csv.DictReader(open(path)):
        if row["smiles"].strip():
            molecules.append((os.path.basename(path)[:-4], row["smiles"].strip()))
molecules = molecules[::every]


def mol(name, args, source):
    out = os.path.join(folder, name)
    subprocess.run([galen, "mol", *args, source, "--to", "smi", "--out", out, "-q"], check=True, stderr=subprocess.DEVNULL)
    return out


def table(path):
    return {int(i): s for s, i in (line.split() for line in open(path))}


source = os.path.join(folder, "all.smi")
with open(source, "w") as f:
    for i, (_, s) in enumerate(molecules):
        f.write(f"{s} {i}\n")
start = time.time()
first = mol("first.smi", ["canonical"], source)
canonical = table(first)
again = table(mol("again.smi", ["canonical"], first))
changed = [i for i in canonical if again.get(i) != canonical[i]]
shuffled = []
for seed in range(seeds):
    written = mol(f"random{seed}.smi", ["convert", "--random", "--seed", str(seed * 10_000_019 + 1)], source)
    back = table(mol(f"back{seed}.smi", ["canonical"], written))
    shuffled += [(seed, i) for i in canonical if back.get(i) != canonical[i]]
print(f"{len(molecules)} molecules; Galen read {len(canonical)}, its part took {time.time() - start:.0f} s", flush=True)
different, refused, both = [], [], 0
for i, (_, s) in enumerate(molecules):
    m = Chem.MolFromSmiles(s)
    if (m is None) != (i not in canonical):
        refused.append(i)
    elif m is not None:
        both += 1
        n = Chem.MolFromSmiles(canonical[i])
        want = Chem.MolToSmiles(m)
        # RDKit's own text of one molecule may differ between orders of its atoms: what it reads back decides then.
        if n is None or Chem.MolToSmiles(n) != want and Chem.CanonSmiles(Chem.MolToSmiles(n)) != Chem.CanonSmiles(want):
            different.append(i)
for title, rows in [("same: exceptions", different), ("again: exceptions", changed), ("any order: exceptions", [i for _, i in shuffled]), ("refused by one", refused)]:
    print(f"{title}: {len(rows)}")
    for i in rows[:50]:
        print("   ", molecules[i][0], molecules[i][1], "->", canonical.get(i, "refused"))
print(f"read by both: {both}; random orders compared: {seeds * len(canonical)}; {time.time() - start:.0f} s")
