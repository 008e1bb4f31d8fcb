"""Writes standard forms of RDKit: GALEN_DATA=… python parents.py COUNT > parents.tsv

Half of the molecules are salts and mixtures (a dot in their SMILES) of MoleculeNet's HIV and Tox21, the others are
drawn from all of MoleculeNet. Columns: SMILES, Cleanup, FragmentParent, ChargeParent, TautomerParent, and the parts
that are left by FragmentRemover.
"""

import csv
import glob
import os
import random
import sys

from rdkit import Chem, RDLogger
from rdkit.Chem.MolStandardize import rdMolStandardize as std

RDLogger.DisableLog("rdApp.*")
smiles = set()
for path in glob.glob(os.path.join(os.environ["GALEN_DATA"], "drug", "moleculenet", "*.csv")):
    with open(path) as f:
        rows = csv.DictReader(f)
        column = next(c for c in rows.fieldnames if c.lower() == "smiles")
        smiles.update(row[column].strip() for row in rows)
smiles = sorted(s for s in smiles if s and " " not in s)
dice = random.Random(5)
half = int(sys.argv[1]) // 2
sample = dice.sample([s for s in smiles if "." in s], half) + dice.sample([s for s in smiles if "." not in s], half)
remover = std.FragmentRemover()
for s in sample:
    mol = Chem.MolFromSmiles(s)
    if mol is None:
        continue
    row = [s]
    for step in (std.Cleanup, std.FragmentParent, std.ChargeParent, std.TautomerParent, lambda m: remover.remove(std.Cleanup(m))):
        try:
            row.append(Chem.MolToSmiles(step(mol)))
        except Exception:
            row.append("error")
    print("\t".join(row))
