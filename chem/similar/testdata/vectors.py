"""Writes what RDKit 2026.09.1 finds among the molecules of ../../fingerprint/testdata/molecules.smi: neighbours by
four measures, diverse picks, clusters. Run it in the folder testdata."""
import json
from rdkit import Chem, DataStructs, RDLogger
from rdkit.Chem import rdFingerprintGenerator as rd
from rdkit.ML.Cluster import Butina
from rdkit.SimDivFilters.rdSimDivPickers import MaxMinPicker

RDLogger.DisableLog("rdApp.*")
gen = rd.GetMorganGenerator(radius=2, fpSize=2048)
mols = [Chem.MolFromSmiles(l) for l in open("../../fingerprint/testdata/molecules.smi").read().split("\n") if l]
mols = [m for m in mols if m is not None]
fps = [gen.GetFingerprint(m) for m in mols]
counts = [gen.GetCountFingerprint(m) for m in mols]
n = len(fps)
out = {"rows": n, "scores": {}, "picks": [], "clusters": [], "counts": []}
measures = {
    "tanimoto": DataStructs.BulkTanimotoSimilarity,
    "dice": DataStructs.BulkDiceSimilarity,
    "cosine": DataStructs.BulkCosineSimilarity,
    "tversky": lambda q, l: DataStructs.BulkTverskySimilarity(q, l, 0.9, 0.1),
}
for name, f in measures.items():
    out["scores"][name] = []
    for q in range(0, n, 20):
        s = f(fps[q], fps)
        best = sorted(range(n), key=lambda i: (-s[i], i))[:12]
        out["scores"][name].append([q, best, [s[i] for i in best]])
for first in ([0], [17], [5, 100, 200]):
    picks = MaxMinPicker().LazyBitVectorPick(fps, n, 60, firstPicks=first)
    out["picks"].append({"first": first, "picks": list(picks)})
dists = []
for i in range(1, n):
    dists += [1 - x for x in DataStructs.BulkTanimotoSimilarity(fps[i], fps[:i])]
for reorder in (False, True):
    for limit in (0.3, 0.6, 0.8):
        c = Butina.ClusterData(dists, n, limit, isDistData=True, reordering=reorder)
        out["clusters"].append({"distance": limit, "reorder": reorder, "clusters": c})
for i in range(0, n - 7, 7):
    out["counts"].append([i, i + 7, DataStructs.TanimotoSimilarity(counts[i], counts[i + 7]), DataStructs.DiceSimilarity(counts[i], counts[i + 7])])
json.dump(out, open("vectors.json", "w"), separators=(",", ":"))
