"""Writes RDKit's alerts for a sample of public molecules: GALEN_DATA=FOLDER python answers.py [PROCESSES] > answers.tsv

The sample: BBBP, ESOL, FreeSolv and Tox21; every 4th molecule of HIV, every 2nd of each set of MoleculeACE (in order
of names), every 12th of ZINC250k, all counted from the first. A line for each molecule that has an alert of a
catalogue: number of the molecule, catalogue, names of the alerts in the catalogue's order, joined by "|". Beside
PAINS, Brenk and MCF, the other catalogues are asked for every 8th molecule. `python answers.py digest < answers.tsv`
writes what is stored in answers.txt: for each catalogue and 1,000 molecules, the alerts and the CRC-32 of the lines.
"""
import csv, glob, gzip, os, sys, zlib
from multiprocessing import Pool

drug = os.path.join(os.environ.get("GALEN_DATA", ""), "drug")
here = os.path.dirname(os.path.abspath(__file__))
others = ["NIH", "ZINC", "CHEMBL_Glaxo", "CHEMBL_Dundee", "CHEMBL_BMS", "CHEMBL_SureChEMBL", "CHEMBL_MLSMR", "CHEMBL_Inpharmatica", "CHEMBL_LINT"]


def sample():
    out = []
    parts = [("moleculenet/" + f, 1) for f in ["BBBP.csv", "ESOL_delaney-processed.csv", "FreeSolv_SAMPL.csv", "tox21.csv"]]
    parts.append(("moleculenet/HIV.csv", 4))
    parts += [("moleculeace/" + os.path.basename(f), 2) for f in sorted(glob.glob(os.path.join(drug, "moleculeace", "CHEMBL*.csv")))]
    for name, step in parts:
        with open(os.path.join(drug, name), newline="") as f:
            out += [r["smiles"] for r in csv.DictReader(f)][::step]
    with gzip.open(os.path.join(drug, "zinc250k.smi.gz"), "rt") as f:
        out += [l.split()[0] for l in f if l.strip()][::12]
    return out


def prepare():
    global Chem, catalogues, mcf
    from rdkit import Chem, RDLogger
    from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

    RDLogger.DisableLog("rdApp.*")
    kinds = FilterCatalogParams.FilterCatalogs
    catalogues = []
    for name in ["PAINS", "BRENK"] + others:
        p = FilterCatalogParams()
        p.AddCatalog(kinds.names[name])
        catalogues.append((name.lower(), FilterCatalog(p)))
    mcf = [(r["name"], Chem.MolFromSmarts(r["smarts"])) for r in csv.DictReader(open(os.path.join(here, "../data/mcf.csv")))]


def alerts(job):
    i, s = job
    m = Chem.MolFromSmiles(s)
    if m is None:
        return ""
    out = []
    for k, (name, c) in enumerate(catalogues):
        if k < 2 or i % 8 == 0:
            names = [e.GetDescription() for e in c.GetMatches(m)]
            if names:
                out.append(f"{i}\t{name}\t{'|'.join(names)}\n")
    h = Chem.AddHs(m)
    names = [n for n, p in mcf if h.HasSubstructMatch(p)]
    if names:
        out.append(f"{i}\tmcf\t{'|'.join(names)}\n")
    return "".join(out)


if sys.argv[1:] == ["digest"]:
    blocks = {}
    for line in sys.stdin:
        i, name, names = line.rstrip("\n").split("\t")
        b = blocks.setdefault((name, int(i) // 1000), [0, 0])
        b[0] += names.count("|") + 1
        b[1] = zlib.crc32(line.encode(), b[1])
    for (name, k), (count, crc) in sorted(blocks.items()):
        print(name, k, count, crc, sep="\t")
else:
    jobs = list(enumerate(sample()))
    print(len(jobs), "molecules", file=sys.stderr)
    with Pool(int(sys.argv[1]) if len(sys.argv) > 1 else 1, prepare) as pool:
        for text in pool.imap(alerts, jobs, chunksize=64):
            sys.stdout.write(text)
