"""The whole table of the chemistry core: Galen and RDKit in turns on one core, then a million molecules through
`galen mol` on two. It takes about five minutes on a quiet machine.

Run from the repository's root:  GALEN_DATA=/path/to/data python bench/chem.py [count=3000] [rounds=5] [million=1]
Needs rdkit in this Python. The molecules are spread over ZINC250k; the million is ZINC250k four times, with names.

Every work is told in microseconds an item, by the clock and by processor time: on a busy machine the second is the
fairer one. Ratios are RDKit's over Galen's, round by round: above 1, Galen is faster. "parse" is MolFromSmiles,
"alerts" PAINS, Brenk (FilterCatalog.GetMatches) and MCF (HasSubstructMatch after AddHs) of molecules that were read,
"describe" 24 descriptors with QED and SA score, "tanimoto" one comparison of 2,048 bits: of 64 fingerprints with a
million, of which Galen finds the ten nearest, with its bounds, and RDKit computes the scores.
"""
import gzip, json, os, statistics, subprocess, sys, tempfile, time

count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
million = int(sys.argv[3]) if len(sys.argv) > 3 else 1
path = os.path.join(os.environ["GALEN_DATA"], "drug", "zinc250k.smi.gz")
lines = [l.split()[0] for l in gzip.open(path, "rt") if l.strip()]
folder = tempfile.mkdtemp(prefix="galen-bench-core")
part = os.path.join(folder, "part.smi")
open(part, "w").write("\n".join(lines[:: max(1, len(lines) // count)][:count]) + "\n")
core, galen = os.path.join(folder, "corebench"), os.path.join(folder, "galen")
subprocess.run(["go", "build", "-o", core, "./bench/cmd/corebench"], check=True)
subprocess.run(["go", "build", "-o", galen, "./cmd/galen"], check=True)
peer = """
import csv, os, sys, time
from rdkit import Chem, DataStructs, RDConfig, RDLogger
from rdkit.Chem import Descriptors, FilterCatalog, rdFingerprintGenerator
sys.path.append(os.path.join(RDConfig.RDContribDir, "SA_Score"))
import sascorer
RDLogger.DisableLog("rdApp.*")
lines = open(sys.argv[1]).read().split()


def measure(name, items, work):
    w, c = time.perf_counter(), time.process_time()
    out = work()
    print(name, (time.perf_counter() - w) / items * 1e6, (time.process_time() - c) / items * 1e6)
    return out


mols = measure("parse", len(lines), lambda: [m for m in map(Chem.MolFromSmiles, lines) if m is not None])
measure("canonical", len(mols), lambda: [Chem.MolToSmiles(m) for m in mols])
g = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
prints = measure("morgan", len(mols), lambda: [g.GetFingerprint(m) for m in mols])
P = FilterCatalog.FilterCatalogParams
p = P()
p.AddCatalog(P.FilterCatalogs.PAINS)
p.AddCatalog(P.FilterCatalogs.BRENK)
catalogue = FilterCatalog.FilterCatalog(p)
mcf = [Chem.MolFromSmarts(r["smarts"]) for r in csv.DictReader(open("chem/filter/data/mcf.csv"))]


def alerts(m):
    h = Chem.AddHs(m)
    return len(catalogue.GetMatches(m)) + sum(h.HasSubstructMatch(q) for q in mcf)


measure("alerts", len(mols), lambda: [alerts(m) for m in mols])
COMMON = '''MolWt ExactMolWt HeavyAtomCount MolLogP MolMR TPSA NumHDonors NumHAcceptors NHOHCount NOCount NumRotatableBonds
RingCount NumAromaticRings NumAliphaticRings NumSaturatedRings NumHeterocycles NumSpiroAtoms NumBridgeheadAtoms
NumAtomStereoCenters FractionCSP3 NumHeteroatoms qed'''.split()
table = dict(Descriptors._descList)
functions = [table[n] for n in COMMON] + [Chem.GetFormalCharge, sascorer.calculateScore]
sascorer.calculateScore(mols[0])
mols = [Chem.MolFromSmiles(s) for s in lines]  # RDKit keeps rings and patterns at a molecule
measure("describe", len(mols), lambda: [[f(m) for f in functions] for m in mols])
many = [prints[i % len(prints)] for i in range(1_000_000)]
measure("tanimoto", 8 * len(many), lambda: [DataStructs.BulkTanimotoSimilarity(prints[i * 37 % len(prints)], many) for i in range(8)])
"""
one = dict(os.environ, GOMAXPROCS="1")


def run(cmd):
    out = subprocess.run(["taskset", "-c", "0"] + cmd, env=one, check=True, capture_output=True, text=True).stdout
    return {l.split()[0]: [float(x) for x in l.split()[1:]] for l in out.splitlines()}


rows = [], []
for _ in range(rounds):
    rows[0].append(run([core, part]))
    rows[1].append(run([sys.executable, "-c", peer, part]))
print(f"{count} molecules, {rounds} rounds in turn; load of the machine {os.getloadavg()[0]:.1f}")
print(f"{'us each':10} {'Galen':>18} {'RDKit':>18}   ratio by clock          ratio by processor")
for what in rows[0][0]:
    text = f"{what:10}"
    for side in rows:
        text += f" {statistics.median(x[what][0] for x in side):8.3f} {statistics.median(x[what][1] for x in side):9.3f}"
    for k in (0, 1):
        ratios = [b[what][k] / a[what][k] for a, b in zip(*rows)]
        text += f"   {statistics.median(ratios):6.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
    print(text, flush=True)
best = statistics.median(x["tanimoto"][1] for x in rows[0])
print(f"tanimoto: {1 / best:.0f} million comparisons a second of processor time")

if million:
    big, described, good = (os.path.join(folder, n) for n in ("million.smi", "described.csv", "good.csv"))
    with open(big, "w") as f:
        for r in range(4):
            f.writelines(f"{s} Z{r}_{i}\n" for i, s in enumerate(lines))
    for name, args in [("describe", ["describe", big, "--out", described]), ("filter", ["filter", described, "--alerts", "pains,brenk,mcf", "--rules", "lipinski,veber", "--out", good])]:
        start = time.perf_counter()
        p = subprocess.Popen(["taskset", "-c", "0,1", galen, "mol", *args, "--json"], stdout=subprocess.PIPE, text=True, env=dict(os.environ, GOMAXPROCS="2"))
        out = json.loads(p.stdout.read())
        _, status, used = os.wait4(p.pid, 0)
        if status:
            sys.exit(f"galen mol {name} failed")
        print(f"galen mol {name}: {out['read']} read, {out['written']} written in {time.perf_counter() - start:.0f} s; {used.ru_utime + used.ru_stime:.0f} s of processor time, peak {used.ru_maxrss / 1024:.0f} MiB", flush=True)
