package descriptor

import (
	"fmt"
	"math"

	"galen.dev/chem"
)

// Papers that several descriptors rest on.
const (
	lipinski    = "C. A. Lipinski et al., Adv. Drug Deliv. Rev. 23 (1997) 3"
	gobbi       = "A. Gobbi, D. Poppinger, Biotechnol. Bioeng. 61 (1998) 47"
	wildman     = "S. A. Wildman, G. M. Crippen, J. Chem. Inf. Comput. Sci. 39 (1999) 868"
	labutePaper = "P. Labute, J. Mol. Graph. Model. 18 (2000) 464"
	gasteiger   = "J. Gasteiger, M. Marsili, Tetrahedron 36 (1980) 3219"
	hallKier    = "L. H. Hall, L. B. Kier, Rev. Comput. Chem. 2 (1991) 367"
	hallMohney  = "L. H. Hall, B. Mohney, L. B. Kier, J. Chem. Inf. Comput. Sci. 31 (1991) 76"
	iupac       = "IUPAC, Compendium of Chemical Terminology"
)

var inf = math.Inf(1)

// count describes a number of things.
func count(name, doc, source string) Info { return Info{name, doc, "", 0, inf, source} }

// single makes a group of one descriptor.
func one(info Info, f func(d *Describer) float64) group {
	return group{[]Info{info}, func(d *Describer, out []float64) { out[0] = f(d) }}
}

// counted makes a group of one descriptor that is a count over the molecule.
func counted(name, doc, source string, f func(m *chem.Mol) int) group {
	return one(count(name, doc, source), func(d *Describer) float64 { return float64(f(d.m)) })
}

func weightGroups() []group {
	return []group{
		one(Info{"MolWt", "mean molecular weight", "Da", 0, inf, iupac}, func(d *Describer) float64 { return Weight(d.m) }),
		one(Info{"HeavyAtomMolWt", "mean molecular weight without hydrogens", "Da", 0, inf, iupac}, func(d *Describer) float64 { return HeavyWeight(d.m) }),
		one(Info{"ExactMolWt", "mass of the molecule of the most abundant isotopes", "Da", 0, inf, iupac}, func(d *Describer) float64 { return ExactWeight(d.m) }),
		counted("NumValenceElectrons", "electrons in the outer shells", iupac, valenceElectrons),
		counted("NumRadicalElectrons", "unpaired electrons", iupac, radicalElectrons),
		one(Info{"FormalCharge", "sum of the formal charges", "e", -inf, inf, iupac}, func(d *Describer) float64 { return float64(Charge(d.m)) }),
		counted("HeavyAtomCount", "atoms heavier than hydrogen", iupac, HeavyAtoms),
	}
}

func countGroups() []group {
	return []group{
		counted("NHOHCount", "hydrogens on nitrogen and oxygen", lipinski, LipinskiDonors),
		counted("NOCount", "nitrogens and oxygens", lipinski, LipinskiAcceptors),
		counted("NumHDonors", "hydrogen-bond donors", gobbi, Donors),
		counted("NumHAcceptors", "hydrogen-bond acceptors", gobbi, Acceptors),
		counted("NumHeteroatoms", "atoms other than carbon and hydrogen", iupac, Heteroatoms),
		counted("NumRotatableBonds", "bonds that turn freely, without amides and the like", "RDKit, strict definition", RotatableBonds),
		counted("NumAmideBonds", "amide bonds", "RDKit", AmideBonds),
		one(Info{"FractionCSP3", "share of carbons with four neighbours", "", 0, 1, "F. Lovering et al., J. Med. Chem. 52 (2009) 6752"}, func(d *Describer) float64 { return FractionCSP3(d.m) }),
		ringGroup(),
		stereoGroup(),
	}
}

func ringGroup() group {
	const source = "P. Vismara, Electron. J. Combin. 4 (1997) R9"
	infos := []Info{
		count("RingCount", "smallest rings (relevant cycles)", source),
		count("NumHeterocycles", "rings with an atom other than carbon", source),
		count("NumAromaticRings", "rings of aromatic bonds", source),
		count("NumAromaticCarbocycles", "aromatic rings of carbon alone", source),
		count("NumAromaticHeterocycles", "aromatic rings with another atom", source),
		count("NumAliphaticRings", "rings with a bond that is not aromatic", source),
		count("NumAliphaticCarbocycles", "aliphatic rings of carbon alone", source),
		count("NumAliphaticHeterocycles", "aliphatic rings with another atom", source),
		count("NumSaturatedRings", "rings of single bonds", source),
		count("NumSaturatedCarbocycles", "saturated rings of carbon alone", source),
		count("NumSaturatedHeterocycles", "saturated rings with another atom", source),
		count("NumSpiroAtoms", "atoms that alone join two rings", iupac),
		count("NumBridgeheadAtoms", "atoms at the ends of a bridge between two rings", iupac),
	}
	return group{infos, func(d *Describer, out []float64) {
		c := d.ringCounts()
		for i, n := range [...]int{
			c.Rings, c.Hetero, c.Aromatic, c.AromaticCarbo, c.AromaticHetero, c.Aliphatic, c.AliphaticCarbo, c.AliphaticHetero,
			c.Saturated, c.SaturatedCarbo, c.SaturatedHetero, c.Spiro, c.Bridgeheads,
		} {
			out[i] = float64(n)
		}
	}}
}

func stereoGroup() group {
	infos := []Info{
		count("NumAtomStereoCenters", "tetrahedral stereo centres, marked or not", iupac),
		count("NumUnspecifiedAtomStereoCenters", "tetrahedral stereo centres that are not marked", iupac),
	}
	return group{infos, func(d *Describer, out []float64) {
		centres := d.m.StereoCentres()
		open := 0
		for _, a := range centres {
			if d.m.Atoms[a].Chirality == chem.Achiral {
				open++
			}
		}
		out[0], out[1] = float64(len(centres)), float64(open)
	}}
}

// binGroup describes the bins of a property.
func binGroup(name, what, of, unit string, low float64, bins []float64, source string, fill func(d *Describer, out []float64)) group {
	g := group{fill: fill}
	for i := range len(bins) + 1 {
		limits := fmt.Sprintf("from %g to below %g", bins[max(i-1, 0)], bins[min(i, len(bins)-1)])
		switch i {
		case 0:
			limits = fmt.Sprintf("below %g", bins[0])
		case len(bins):
			limits = fmt.Sprintf("from %g", bins[i-1])
		}
		g.infos = append(g.infos, Info{fmt.Sprint(name, i+1), what + " of atoms with " + of + " " + limits, unit, low, inf, source})
	}
	return g
}

func surfaceGroups() []group {
	const surface = "approximate surface"
	return []group{
		{[]Info{
			{"MolLogP", "octanol–water partition coefficient by atoms", "log₁₀", -inf, inf, wildman},
			{"MolMR", "molar refractivity by atoms", "cm³/mol", 0, inf, wildman},
		}, func(d *Describer, out []float64) { out[0], out[1] = d.crippen() }},
		one(Info{"TPSA", "topological polar surface area of N and O", "Å²", 0, inf, "P. Ertl et al., J. Med. Chem. 43 (2000) 3714"}, func(d *Describer) float64 { return TPSA(d.m) }),
		one(Info{"LabuteASA", "approximate surface area", "Å²", 0, inf, labutePaper}, (*Describer).labute),
		binGroup("SlogP_VSA", surface, "a share of logP", "Å²", -inf, logPBins, labutePaper, (*Describer).slogpVSA),
		binGroup("SMR_VSA", surface, "a share of molar refractivity", "Å²", -inf, mrBins, labutePaper, (*Describer).smrVSA),
		binGroup("PEOE_VSA", surface, "a partial charge", "Å²", -inf, chargeBins, labutePaper, (*Describer).peoeVSA),
		binGroup("EState_VSA", surface, "a state index", "Å²", -inf, estateBins, "RDKit", (*Describer).estateVSA),
		binGroup("VSA_EState", "sum of the state indices", "a surface in Å²", "", -inf, surfaceBins, "RDKit", (*Describer).vsaEState),
		{[]Info{
			{"MaxPartialCharge", "largest partial charge", "e", -inf, inf, gasteiger},
			{"MinPartialCharge", "smallest partial charge", "e", -inf, inf, gasteiger},
			{"MaxAbsPartialCharge", "larger of the absolute extreme charges", "e", 0, inf, gasteiger},
			{"MinAbsPartialCharge", "smaller of the absolute extreme charges", "e", 0, inf, gasteiger},
		}, (*Describer).partialCharges},
		{[]Info{
			{"MaxAbsEStateIndex", "largest absolute state index", "", 0, inf, hallMohney},
			{"MaxEStateIndex", "largest state index", "", -inf, inf, hallMohney},
			{"MinAbsEStateIndex", "smallest absolute state index", "", 0, inf, hallMohney},
			{"MinEStateIndex", "smallest state index", "", -inf, inf, hallMohney},
		}, (*Describer).extremeStates},
	}
}

func topologyGroups() []group {
	chis := group{fill: (*Describer).chis}
	for _, name := range []string{"Chi0", "Chi1"} {
		chis.infos = append(chis.infos, Info{name, "connectivity by degrees", "", 0, inf, hallKier})
	}
	for _, kind := range []string{"n", "v"} {
		for i := range 5 {
			doc := fmt.Sprintf("connectivity over paths of %d bonds, by valence electrons", i)
			if kind == "v" {
				doc += " and shell"
			}
			chis.infos = append(chis.infos, Info{fmt.Sprint("Chi", i, kind), doc, "", 0, inf, hallKier})
		}
	}
	return []group{
		chis,
		{[]Info{
			{"Kappa1", "shape by bonds: 0 to the number of atoms", "", -inf, inf, hallKier},
			{"Kappa2", "shape by paths of two bonds: centre or chain", "", -inf, inf, hallKier},
			{"Kappa3", "shape by paths of three bonds: where branches sit", "", -inf, inf, hallKier},
			{"Phi", "flexibility: Kappa1 · Kappa2 / atoms", "", -inf, inf, hallKier},
		}, (*Describer).kappas},
		one(Info{"HallKierAlpha", "sizes of atoms relative to sp³ carbon", "", -inf, inf, hallKier}, func(d *Describer) float64 { return HallKierAlpha(d.m) }),
		{[]Info{{"BalabanJ", "averaged distance sums: branching and rings", "", -inf, inf, "A. T. Balaban, Chem. Phys. Lett. 89 (1982) 399"}}, (*Describer).balabanJ},
		{[]Info{{"BertzCT", "complexity of bonds and elements", "bits", 0, inf, "S. H. Bertz, J. Am. Chem. Soc. 103 (1981) 3599"}}, (*Describer).bertzCT},
		{[]Info{
			{"Ipc", "information in the characteristic polynomial", "bits", 0, inf, bonchev},
			{"AvgIpc", "information per unit of the characteristic polynomial", "bits", 0, inf, bonchev},
		}, (*Describer).ipc},
		burdenGroup(),
	}
}

func scoreGroups() []group {
	const rogers = "D. Rogers, M. Hahn, J. Chem. Inf. Model. 50 (2010) 742"
	return []group{
		one(Info{"qed", "drug-likeness", "", 0, 1, "G. R. Bickerton et al., Nature Chem. 4 (2012) 90"}, (*Describer).qed),
		one(Info{"SAscore", "synthetic accessibility: 1 easy, 10 hard", "", 1, 10, "P. Ertl, A. Schuffenhauer, J. Cheminform. 1 (2009) 8"}, (*Describer).saScore),
		{[]Info{
			count("FpDensityMorgan1", "different environments of radius 1 per heavy atom", rogers),
			count("FpDensityMorgan2", "different environments of radius 2 per heavy atom", rogers),
			count("FpDensityMorgan3", "different environments of radius 3 per heavy atom", rogers),
		}, (*Describer).densities},
	}
}
