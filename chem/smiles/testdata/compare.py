"""Reads lines "SMILES<tab>canonical SMILES of Galen, or !" and compares both by RDKit's canonical SMILES.

Prints one line for each disagreement, and at the end the number of lines. TestAgainstRDKit runs it.
"""
import sys
from rdkit import Chem, RDLogger

RDLogger.DisableLog("rdApp.*")
n = 0
for line in sys.stdin:
    given, written = line.rstrip("\n").split("\t")
    n += 1
    m = Chem.MolFromSmiles(given)
    if (m is None) != (written == "!"):
        print("refused by one:", given, written)
    elif m is not None:
        g = Chem.MolFromSmiles(written)
        if g is None or Chem.MolToSmiles(g) != Chem.MolToSmiles(m):
            print("differs:", given, written)
print(n)
