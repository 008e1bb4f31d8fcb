"""Writes descriptors of RDKit: GALEN_DATA=… python vectors.py NAMES (a file of descriptor names, one a line)

all.tsv.gz holds every descriptor of 300 molecules, key.tsv.gz the common ones of 5,000: drawn with a fixed seed
from ZINC250k, MoleculeNet and MoleculeACE, and led by cases made up for their elements, charges and rings. An empty
field stands for a value that RDKit refuses to compute.
"""

import csv
import glob
import gzip
import math
import os
import random
import sys

from rdkit import Chem, RDConfig, RDLogger
from rdkit.Chem import Descriptors

sys.path.append(os.path.join(RDConfig.RDContribDir, "SA_Score"))
import sascorer

RDLogger.DisableLog("rdApp.*")
CASES = """C [H][H] [H+] O [OH3+] [2H]O[2H] [13CH4] [NH4+] [Na+].[Cl-] [Fe] *C* [LiH] B(O)O C[Si](C)(C)C CP(=O)(O)O
C[S+](C)C CS(=O)(=O)C CS(C)=O C[N+](=O)[O-] [O-][Cl+3]([O-])([O-])[O-] F[P-](F)(F)(F)(F)F C1CC1 C1CCC1 C12CC1C2
C1CC2CCC1CC2 C1CCC2(CC1)CCCCC2 C12C3C4C1C5C2C3C45 C1CCCCCCCCCCC1 c1ccc2ccccc2c1 c1ccncc1 c1cc[nH]c1 C[n+]1ccccc1
O=c1cc[nH]cc1 O=C1C=CC(=O)C=C1 N#N [C-]#[O+] CC#N C=C=C CN=[N+]=[N-] OO CSSC CC(=O)O CC(=O)[O-] CC(=O)OC CC(=O)NC
NC(=N)N NS(=O)(=O)c1ccccc1 FC(F)(F)c1ccccc1 CC(C)(C)c1ccccc1 C[Hg]Cl [Pt](Cl)(Cl)(N)N C[Se]C c1cc[se]c1 I[I-]I
O=I(=O)c1ccccc1 [O-][n+]1ccccc1 C[C@H](F)Cl C/C=C/C C[C@@H]1CC[C@H](C)CC1 N1(C)CC1 CCN(CC)CC Nc1ccccc1 Oc1ccccc1
O=Cc1ccccc1 O=C(c1ccccc1)c1ccccc1 CC(=O)c1ccccc1 C=Cc1ccccc1 C1=CC=CC=CC=C1 O=C1NC(=O)NC(=O)N1 S=C(N)N [nH]1nnnc1
OC(=O)C(O)C(O)C(=O)O N[C@@H](C)C(=O)O CC(C)CC(C)C.CC.O c1ccsc1 c1ccoc1 [O-]S(=O)(=O)[O-] OP(=O)(O)O NN N=N ON CON
c1ccc(cc1)-c1ccccc1 c1ccc(cc1)N(c1ccccc1)c1ccccc1 [CH3] [CH2-]C [CH2+]C C#C C1=CCCCC1 O=[As](O)O [AlH3] CC[Zn]CC
C1OC1 C1NC1 C1SC1 N1=NC1 C12(CC1)CC2 O=C=O N=C=O CN=C=S OC1=CC=CC=C1C=O [2H]C([2H])([2H])[2H] [H]/N=C/C""".split()
KEY = """MolWt ExactMolWt HeavyAtomCount MolLogP MolMR TPSA NumHDonors NumHAcceptors NumRotatableBonds RingCount
NumAromaticRings NumSpiroAtoms NumBridgeheadAtoms NumAtomStereoCenters FractionCSP3 qed SAscore""".split()


def drawn(count):
    root = os.path.join(os.environ["GALEN_DATA"], "drug")
    smiles = set()
    for path in glob.glob(root + "/moleculenet/*.csv") + glob.glob(root + "/moleculeace/CHEMBL*.csv"):
        with open(path) as f:
            rows = csv.DictReader(f)
            column = next(c for c in rows.fieldnames if c.lower() == "smiles")
            smiles.update(row[column].strip() for row in rows)
    with gzip.open(root + "/zinc250k.smi.gz", "rt") as f:
        smiles.update(random.Random(1).sample([line.split()[0] for line in f if line.strip()], 40000))
    return random.Random(2).sample(sorted(s for s in smiles if s and " " not in s), count)


functions = dict(Descriptors._descList, SAscore=sascorer.calculateScore, FormalCharge=Chem.GetFormalCharge)


def value(name, mol):
    try:
        v = functions[name](mol)
    except Exception:
        return ""
    return "" if v is None or math.isnan(v) else "%.10g" % v


def write(path, names, smiles):
    here = os.path.dirname(os.path.abspath(__file__))
    with gzip.GzipFile(os.path.join(here, path), "wb", mtime=0) as f:
        f.write(("\t".join(["smiles"] + names) + "\n").encode())
        for s in smiles:
            mol = Chem.MolFromSmiles(s)
            if mol is not None:
                f.write(("\t".join([s] + [value(n, mol) for n in names]) + "\n").encode())


sample = drawn(5000)
write("all.tsv.gz", open(sys.argv[1]).read().split(), CASES + sample[: 300 - len(CASES)])
write("key.tsv.gz", KEY, CASES + sample)
