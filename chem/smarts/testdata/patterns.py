"""Collects the patterns of patterns.smarts: python patterns.py RDKIT_SOURCES ../../filter/data > patterns.smarts

They are RDKit's own: the pairs of its SMARTS tests, the 110 of Crippen's logP, functional groups, Lewis' and the
Glaxo filters (BSD-3-Clause), and those of the catalogues of package filter.
"""
import csv, glob, os, re, sys
from rdkit import Chem, RDLogger

RDLogger.DisableLog("rdApp.*")
source, catalogues = sys.argv[1:3]
found = []


def read(path):
    return open(os.path.join(source, path)).read()


for name in ["smatest.cpp", "smarts_catch_tests.cpp"]:
    for s in re.findall(r'"([^"\n]+)"', read("Code/GraphMol/SmilesParse/" + name)):
        s = s.replace("\\\\", "\\")
        if not re.search(r"\s|[|]", s):
            found.append(s)
for line in read("Data/Crippen.txt").splitlines():
    if line and line[0] != "#":
        found.append(line.split("\t")[1])
for path in ["Data/SmartsLib/RLewis_smarts.txt", "Data/SmartsLib/patty_rules.txt", "Data/FunctionalGroups.txt", "Data/Functional_Group_Hierarchy.txt"]:
    for line in read(path).splitlines():
        for s in re.split(r"[\s\"]+", line):
            if re.search(r"[\[#=~($c]", s) and not s.startswith(("#", "//")):
                found.append(s)
for path in sorted(glob.glob(os.path.join(catalogues, "*.csv"))):
    found += [r["smarts"] for r in csv.DictReader(open(path))]
seen = set()
for s in found:
    if s in seen or len(s) < 1:
        continue
    seen.add(s)
    if Chem.MolFromSmarts(s) is not None:
        print(s)
