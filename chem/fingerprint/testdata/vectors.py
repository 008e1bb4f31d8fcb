"""Writes the fingerprints of a few hundred molecules as RDKit 2026.09.1 makes them, for the tests.

Run it in the folder testdata; molecules.smi is the list. With the data folder and kinds ("ecfp4,paths") as arguments
it prints digests for the long test instead: a line for each thousand molecules, with a digest for each kind."""
import csv, glob, gzip, hashlib, json, struct, sys
from rdkit import Chem, RDLogger
from rdkit.Chem import MACCSkeys, rdFingerprintGenerator as rd

RDLogger.DisableLog("rdApp.*")
feature = rd.GetMorganFeatureAtomInvGen()
KINDS = {
    "ecfp4": rd.GetMorganGenerator(radius=2, fpSize=2048),
    "ecfp8": rd.GetMorganGenerator(radius=4, fpSize=1024),
    "chiral": rd.GetMorganGenerator(radius=3, includeChirality=True),
    "plain": rd.GetMorganGenerator(radius=2, useBondTypes=False, atomInvariantsGenerator=rd.GetMorganAtomInvGen(includeRingMembership=False)),
    "redundant": rd.GetMorganGenerator(radius=3, includeRedundantEnvironments=True),
    "fcfp4": rd.GetMorganGenerator(radius=2, atomInvariantsGenerator=feature),
    "fcfp6nonzero": rd.GetMorganGenerator(radius=3, onlyNonzeroInvariants=True, atomInvariantsGenerator=feature),
    "ecfp4sim": rd.GetMorganGenerator(radius=2, countSimulation=True),
    "pairs": rd.GetAtomPairGenerator(),
    "pairschiral": rd.GetAtomPairGenerator(includeChirality=True, maxDistance=7),
    "torsions": rd.GetTopologicalTorsionGenerator(),
    "torsionschiral": rd.GetTopologicalTorsionGenerator(includeChirality=True, torsionAtomCount=5),
    "paths": rd.GetRDKitFPGenerator(),
    "paths5": rd.GetRDKitFPGenerator(minPath=2, maxPath=5, useBondOrder=False, useHs=False, numBitsPerFeature=3),
}


def bits(kind, m):
    if kind == "maccs":
        return list(MACCSkeys.GenMACCSKeys(m).GetOnBits())
    return list(KINDS[kind].GetFingerprint(m).GetOnBits())


def counts(kind, m):
    return sorted(KINDS[kind].GetCountFingerprint(m).GetNonzeroElements().items())


def codes(kind, m):
    return sorted(KINDS[kind].GetSparseCountFingerprint(m).GetNonzeroElements().items())


def digest(h, list):
    h.update(struct.pack("<I", len(list)))
    h.update(struct.pack(f"<{len(list)}Q", *list))


def sparse(h, pairs):
    digest(h, [c for pair in pairs for c in pair])


# Galen and RDKit choose other bonds of this cluster of iron as dative, and see other rings in it.
EXCEPTIONS = {"C1C[N+]23CCC[N+]4(C1)CC[S-]1[Fe+2]24([SH+]CC3)[S-]2CC[N+]34CCC[N+]5(CCC3)CC[SH+][Fe+2]1254"}


def molecules(data):
    """The molecules of the data folder: MoleculeNet, MoleculeACE, every fifth of ZINC. Exceptions become "?"."""
    out = []
    for path in sorted(glob.glob(data + "/drug/mol*/*.csv")):
        for row in csv.DictReader(open(path, newline="")):
            out += [v for k, v in row.items() if k and k.lower() == "smiles"]
    with gzip.open(data + "/drug/zinc250k.smi.gz", "rt") as f:
        out += [l.split()[0] for i, l in enumerate(f) if i % 5 == 0]
    return ["?" if s in EXCEPTIONS else s for s in out]


def main_digests(data, kinds, only=None):
    lines = molecules(data)
    for at in range(0, len(lines), 1000) if only is None else [only]:
        hashes = {k: hashlib.sha256() for k in kinds}
        for s in lines[at : at + 1000]:
            m = Chem.MolFromSmiles(s)
            for k, h in hashes.items():
                if m is None:
                    digest(h, [])
                    continue
                digest(h, bits(k, m))
                if k != "maccs":
                    sparse(h, codes(k, m))
        print(at, " ".join(f"{k}={h.hexdigest()[:16]}" for k, h in hashes.items()), flush=True)


def main_vectors():
    out = []
    for s in open("molecules.smi").read().split("\n"):
        m = Chem.MolFromSmiles(s.split(" ")[0]) if s else None
        if m is None:
            continue
        v = {"smiles": s.split(" ")[0], "maccs": bits("maccs", m)}
        v["kinds"] = {}
        for k in KINDS:
            h = hashlib.sha256()
            digest(h, bits(k, m))
            sparse(h, counts(k, m))
            sparse(h, codes(k, m))
            v["kinds"][k] = h.hexdigest()[:16]
        if len(out) % 10 == 0:
            v["ecfp4"] = codes("ecfp4", m)
        out.append(v)
    with open("vectors.json", "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(v, separators=(",", ":")) for v in out) + "\n]\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main_digests(sys.argv[1], sys.argv[2].split(","))
    else:
        main_vectors()
