"""Writes sizes of common substructures that RDKit finds: python common.py MOLECULES > common.tsv

MOLECULES holds a SMILES on each line. Lines: options, bonds, atoms, SMILES joined by blanks. Sets on which RDKit does
not end within 10 s are left out.
"""
import random, sys
from rdkit import Chem, RDLogger
from rdkit.Chem import rdFMCS

RDLogger.DisableLog("rdApp.*")
random.seed(5)
smiles = [l.split()[0] for l in open(sys.argv[1]) if l.strip()]
mols = {s: Chem.MolFromSmiles(s) for s in smiles}
smiles = [s for s in smiles if mols[s] is not None and 8 <= mols[s].GetNumBonds() <= 40]
order = {"order": rdFMCS.BondCompare.CompareOrder, "exact": rdFMCS.BondCompare.CompareOrderExact, "any": rdFMCS.BondCompare.CompareAny}
n = 0
while n < 240:
    i = random.randrange(len(smiles) - 4)
    size = random.choice([2, 2, 2, 3, 4])
    near = random.random() < 0.6  # molecules that follow each other come from one series
    group = smiles[i : i + size] if near else random.sample(smiles, size)
    bonds = random.choice(["order", "order", "exact", "any"])
    anyatom = random.random() < 0.15
    rings, complete = random.random() < 0.4, random.random() < 0.3
    r = rdFMCS.FindMCS([mols[s] for s in group], bondCompare=order[bonds], ringMatchesRingOnly=rings, completeRingsOnly=complete,
                       atomCompare=rdFMCS.AtomCompare.CompareAny if anyatom else rdFMCS.AtomCompare.CompareElements, timeout=10)
    if r.canceled:
        continue
    n += 1
    print(f"{bonds},{int(anyatom)},{int(rings)},{int(complete)}", r.numBonds, r.numAtoms, " ".join(group), sep="\t")
