"""Writes RDKit's matches: python matches.py PATTERNS MOLECULES [chiral] > matches.tsv

A line for each pattern and molecule (both counted from 0) that match: pattern, molecule, the number of unique
matches, and the CRC-32 of all matches, sorted and written as "0,1,2;0,2,1;". Patterns with more than 20000 matches on
a molecule are left out there. A second argument of form N/M takes every Mth pattern from N on for each molecule.
"""
import sys, zlib
from rdkit import Chem, RDLogger

RDLogger.DisableLog("rdApp.*")
patterns = [Chem.MolFromSmarts(l.rstrip("\n")) for l in open(sys.argv[1])]
smiles = [l.split()[0] for l in open(sys.argv[2]) if l.strip()]
chiral = len(sys.argv) > 3 and sys.argv[3] == "chiral"
ps = Chem.SubstructMatchParameters()
ps.uniquify, ps.maxMatches, ps.maxRecursiveMatches, ps.useChirality = False, 20001, 10**6, chiral
for i, s in enumerate(smiles):
    m = Chem.MolFromSmiles(s)
    if m is None:
        continue
    for j, p in enumerate(patterns):
        if p is None or not m.HasSubstructMatch(p, ps):
            continue
        all_ = sorted(m.GetSubstructMatches(p, ps))
        if len(all_) > 20000:
            continue
        unique = len({frozenset(x) for x in all_})
        text = ";".join(",".join(map(str, x)) for x in all_) + ";"
        print(j, i, unique, zlib.crc32(text.encode()), sep="\t")
