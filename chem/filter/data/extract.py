"""Writes the catalogues of this folder as CSV.

Run:  python extract.py RDKIT MCF
RDKIT is a folder with RDKit's sources of FilterCatalog (Filters.cpp and *.in, BSD-3-Clause), MCF the file
moses/metrics/mcf.csv of the package molsets (MIT). Each CSV has the columns name, smarts, max; a molecule has the
alert where the pattern matches more than max different sets of atoms.
"""
import csv, os, re, sys

folder, mcf = sys.argv[1:3]
text = open(os.path.join(folder, "Filters.cpp")).read()
text = re.sub(r'#include "(\w+\.in)"', lambda m: open(os.path.join(folder, m.group(1))).read(), text)
text = re.sub(r'^\s*//.*$', "", text, flags=re.M)
name = {"PAINS_A": "pains_a", "PAINS_B": "pains_b", "PAINS_C": "pains_c", "BRENK": "brenk", "NIH": "nih", "ZINC": "zinc"}
string = r'(?:"(?:[^"\\]|\\.)*"\s*)+'


def join(s):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', s)).replace('\\"', '"').replace("\\\\", "\\")


def write(file, rows):
    with open(file + ".csv", "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["name", "smarts", "max"])
        w.writerows(rows)
    print(file, len(rows))


for m in re.finditer(r"const FilterData_t (\w+)\[\] = \{(.*?)\};", text, flags=re.S):
    rows = [(join(a), join(b), n) for a, b, n in re.findall(r"\{\s*(%s),\s*(%s),\s*(\d+)\s*,\s*\"[^\"]*\"\s*\}" % (string, string), m.group(2))]
    key = m.group(1)
    write(name.get(key, key.lower()), rows)
write("mcf", [(r["names"], r["smarts"], 0) for r in csv.DictReader(open(mcf))])
