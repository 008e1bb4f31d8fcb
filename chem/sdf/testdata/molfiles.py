"""Writes molfiles.sdf: drawings, geometries and V3000 blocks as RDKit 2026.09.1 writes them, each with its SMILES."""
from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem

RDLogger.DisableLog("rdApp.*")
SMILES = """
C[C@H](N)C(=O)O
C[C@@H](O)[C@H](F)Cl
F/C=C/F
F/C=C\\F
CC(C)=C/C=C/[C@@H](C)O
C[S@](=O)c1ccccc1
C[N+](=O)[O-]
[13CH3][C@H](Cl)[2H]
c1cc[nH]c1
C[C@H]1CC[C@@H](C)CC1
C[C@@]12CC[C@H]3[C@@H](CCc4cc(O)ccc43)[C@@H]1CC[C@@H]2O
CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5
C[CH2]
[O]O
[Na+].[Cl-]
OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O
C/C(F)=N\\O
c1ccc2c(c1)C[C@@H](N)C2
[CH3:3][OH:7]
C1C[N@]2CC[C@@H]1C2
""".split()
with open("molfiles.sdf", "w") as f:
    def put(block, m, kind):
        f.write(f"{block}>  <SMILES>\n{Chem.MolToSmiles(Chem.MolFromMolBlock(block))}\n\n>  <kind>\n{kind}\n\n$$$$\n")

    for s in SMILES:
        m = Chem.MolFromSmiles(s)
        AllChem.Compute2DCoords(m)
        put(Chem.MolToMolBlock(m), m, "2D")
        put(Chem.MolToV3KMolBlock(m), m, "V3000")
        h = Chem.AddHs(m)
        if h.GetNumAtoms() > 2 and AllChem.EmbedMolecule(h, randomSeed=7) == 0:
            put(Chem.MolToMolBlock(h), m, "3D")
