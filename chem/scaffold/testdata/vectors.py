"""Writes frameworks and BRICS fragments of molecules as RDKit 2026.09.1 finds them: the molecules of
../../fingerprint/testdata/molecules.smi and some of ZINC. Run it in the folder testdata, with the data folder, the
step through ZINC, and the file to write as arguments: vectors.py DATA 125 vectors.tsv.gz"""
import gzip, sys
from rdkit import Chem, RDLogger
from rdkit.Chem import BRICS
from rdkit.Chem.Scaffolds import MurckoScaffold as M

RDLogger.DisableLog("rdApp.*")
lines = [l for l in open("../../fingerprint/testdata/molecules.smi").read().split("\n") if l]
with gzip.open(sys.argv[1] + "/drug/zinc250k.smi.gz", "rt") as f:
    lines += [l.split()[0] for i, l in enumerate(f) if i % int(sys.argv[2]) == 7]


def attempt(f):
    try:
        return f()
    except Exception:
        return "-"


def readable(s):
    return s if Chem.MolFromSmiles(s) is not None else "-"


with gzip.GzipFile(sys.argv[3], "wb", mtime=0) as out:
    for s in lines:
        m = Chem.MolFromSmiles(s)
        if m is None:
            continue
        row = [
            s,
            readable(Chem.MolToSmiles(M.GetScaffoldForMol(m))),
            attempt(lambda: Chem.MolToSmiles(M.MakeScaffoldGeneric(M.GetScaffoldForMol(m)))),
            attempt(lambda: Chem.MolToSmiles(BRICS.BreakBRICSBonds(m))),
            attempt(lambda: " ".join(sorted(BRICS.BRICSDecompose(m)))),
        ]
        out.write(("\t".join(row) + "\n").encode())
