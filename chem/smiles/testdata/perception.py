"""Writes perception.json: what RDKit derives of molecules chosen for their difficulty. Run with RDKit 2026.09.1."""
import json
from rdkit import Chem, RDLogger

RDLogger.DisableLog("rdApp.*")
HYBRID = {"UNSPECIFIED": 0, "S": 1, "SP": 2, "SP2": 3, "SP3": 4, "SP2D": 5, "SP3D": 6, "SP3D2": 7}


def describe(s):
    m = Chem.MolFromSmiles(s)
    v = {"SMILES": s, "Refused": m is None}
    if m is None:
        return v
    ri = m.GetRingInfo()
    atoms = list(m.GetAtoms())
    v["H"] = [a.GetTotalNumHs() for a in atoms]
    v["Charge"] = [a.GetFormalCharge() for a in atoms]
    v["Radicals"] = [a.GetNumRadicalElectrons() for a in atoms]
    v["Hybrid"] = [HYBRID[str(a.GetHybridization())] for a in atoms]
    v["Aromatic"] = [int(a.GetIsAromatic()) for a in atoms]
    v["Rings"] = [ri.NumAtomRings(a.GetIdx()) for a in atoms]
    v["CIP"] = [a.GetProp("_CIPCode") if a.HasProp("_CIPCode") else "" for a in atoms]
    bonds = sorted(m.GetBonds(), key=lambda b: sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx())))
    v["BondAromatic"] = [int(b.GetIsAromatic()) for b in bonds]
    v["Conjugated"] = [int(b.GetIsConjugated()) for b in bonds]
    v["InRings"] = [ri.NumBondRings(b.GetIdx()) for b in bonds]
    v["Same"] = Chem.MolToSmiles(m)
    return v


with open("perception.smi") as f:
    out = [describe(line.strip()) for line in f if line.strip()]
with open("perception.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(v, separators=(",", ":")) for v in out) + "\n]\n")
