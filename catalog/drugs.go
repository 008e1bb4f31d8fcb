package catalog

func drugs() []Entry {
	out := append(moleculeNet(), commons()...)
	return append(append(out, generation()...), bioactivity()...)
}

// moleculeNet lists MoleculeNet. Its loader states neither checksums nor licences.
func moleculeNet() []Entry {
	const at = "https://deepchemdata.s3-us-west-1.amazonaws.com/datasets/"
	const dir = "drug/moleculenet"
	tox21 := remote(dir, at+"tox21.csv.gz")
	tox21[0].MD5 = "452fad61c28b0a18c1d97931d754bc4a"
	return group(
		Entry{
			Tasks: []string{"drug/activity"}, Page: "https://moleculenet.org", Licence: "not stated by the publisher",
			Citation: "Wu et al., MoleculeNet: a benchmark for molecular machine learning, Chemical Science 9 (2018) 513",
		},
		Entry{
			Name: "esol", Title: "Water solubility of 1,128 small molecules (Delaney)", Target: "measured log solubility in mols per litre",
			Files:    []Resource{{Name: dir + "/ESOL_delaney-processed.csv", SHA256: "8c06a76f0c6487d29ab0f903e6a7a7139f189ab3c1178f159c8be8964602f189", Size: 96699}},
			Upstream: remote(dir, at+"delaney-processed.csv"),
		},
		Entry{
			Name: "freesolv", Title: "Hydration free energy of 642 small molecules", Target: "expt",
			Files:    []Resource{{Name: dir + "/FreeSolv_SAMPL.csv", SHA256: "ab5895d914ee87cb563bd7b9611e869527bba45bec6b014d34dc495a0f9dcb72", Size: 32060}},
			Upstream: remote(dir, at+"SAMPL.csv"),
		},
		Entry{
			Name: "bbbp", Title: "Blood–brain barrier penetration", Target: "p_np",
			Files: []Resource{{Name: dir + "/BBBP.csv", URL: at + "BBBP.csv", SHA256: "d07a38487aeac5cee5508413e468043ef3097451d2a112701c2d60be9ec6b662", Size: 148743}},
		},
		Entry{
			Name: "tox21", Title: "Toxicity in 12 assays of the Tox21 challenge",
			Files:    []Resource{{Name: dir + "/tox21.csv", SHA256: "7d7e7facd853a63e79ddce4e9c3fcb7a0d83a1c300b603031c0f2c64fbe77761", Size: 525119}},
			Upstream: tox21,
		},
		Entry{
			Name: "hiv", Title: "Inhibition of HIV replication, 41,127 molecules", Target: "HIV_active",
			Files: []Resource{{Name: dir + "/HIV.csv", URL: at + "HIV.csv", SHA256: "54713c3205055055ea4214e8c4b0d22d93af7e54ad2c48f4edc866e161e57262", Size: 2152716}},
		},
		Entry{Name: "lipophilicity", Title: "Octanol–water distribution", Files: remote(dir, at+"Lipophilicity.csv")},
		Entry{Name: "bace", Title: "Inhibition of human β-secretase 1", Files: remote(dir, at+"bace.csv")},
		Entry{Name: "clintox", Title: "Clinical-trial toxicity and approval", Files: remote(dir, at+"clintox.csv.gz")},
		Entry{Name: "sider", Title: "Side effects of marketed drugs, 27 organ classes", Files: remote(dir, at+"sider.csv.gz")},
		Entry{Name: "toxcast", Title: "Toxicity in more than 600 ToxCast assays", Files: remote(dir, at+"toxcast_data.csv.gz")},
		Entry{Name: "muv", Title: "Maximum unbiased validation for virtual screening, 17 assays", Files: remote(dir, at+"muv.csv.gz")},
		Entry{Name: "clearance", Title: "Clearance in human liver cells", Files: remote(dir, at+"clearance.csv")},
		Entry{Name: "hppb", Title: "Aqueous solubility (HPPB)", Files: remote(dir, at+"hppb.csv")},
		Entry{Name: "ppb", Title: "Plasma protein binding", Files: remote(dir, at+"PPB.csv")},
		Entry{
			Name: "chembl25", Title: "ChEMBL 25 activities as prepared by MoleculeNet", Files: remote(dir, at+"chembl_25.csv.gz"),
			Licence: "CC-BY-SA-3.0 (ChEMBL)", Unverified: "the licence of the prepared file",
		},
		Entry{
			Name: "qm9", Title: "132,040 small organic molecules", Tasks: []string{"drug/generate"},
			Files:    []Resource{{Name: "drug/qm9_smiles.csv.gz", SHA256: "f36397286f563404f129153e6b7c2bf8821678255b9fa6a3f3b44becd8486677", Size: 599279}},
			Upstream: remote(dir, at+"qm9.csv"),
			Citation: "Ramakrishnan et al., Quantum chemistry structures and properties of 134 kilo molecules, Scientific Data 1 (2014) 140022",
			Notes:    "A data folder holds only the structures (columns idx, smiles); the publisher's file has the computed properties as well.",
		},
	)
}

// commons lists sets of the Therapeutics Data Commons, which has no checksums; identifiers are Dataverse's.
func commons() []Entry {
	var out []Entry
	for _, s := range []struct{ name, id, title string }{
		{"bbb-martins", "4259566", "Blood–brain barrier penetration"},
		{"caco2-wang", "4259569", "Permeability of Caco-2 cells"},
		{"hia-hou", "4259591", "Human intestinal absorption"},
		{"lipophilicity-astrazeneca", "4259595", "Octanol–water distribution"},
		{"solubility-aqsoldb", "4259610", "Aqueous solubility (AqSolDB)"},
		{"tox21", "4259612", "Toxicity in Tox21 assays"},
		{"herg", "4259588", "Block of the hERG channel"},
		{"davis", "5219748", "Kinase inhibitor binding (Davis)"},
		{"kiba", "5255037", "Kinase inhibitor bioactivity (KIBA)"},
	} {
		out = append(out, Entry{
			Name: "tdc-" + s.name, Title: s.title + ", from the Therapeutics Data Commons",
			Files: []Resource{{Name: "drug/tdc/" + s.name + ".tab", URL: "https://dataverse.harvard.edu/api/access/datafile/" + s.id}},
		})
	}
	out = append(out, Entry{
		Name: "aqsoldb", Title: "Aqueous solubility of 9,982 compounds, curated from nine sets",
		Page: "https://doi.org/10.7910/DVN/OVHAW8", Licence: "CC0-1.0", Unverified: "the DOI",
		Files:    []Resource{{Name: "drug/aqsoldb.csv"}},
		Citation: "Sorkun, Khetan, Er, AqSolDB, Scientific Data 6 (2019) 143",
		Notes:    "The page offers the file; put it into a data folder under this name. tdc-solubility-aqsoldb is a form that Galen downloads.",
	})
	return group(Entry{
		Tasks: []string{"drug/activity"}, Page: "https://tdcommons.ai", Licence: "CC-BY-4.0",
		Citation:   "Huang et al., Therapeutics Data Commons, NeurIPS Datasets and Benchmarks (2021)",
		Unverified: "the licence, which differs from set to set, and the form of the file",
	}, out...)
}

// generation lists what generators of molecules learn from and are measured on.
func generation() []Entry {
	const moses = "https://media.githubusercontent.com/media/molecularsets/moses/master/data/"
	const figshare = "https://ndownloader.figshare.com/files/"
	return group(
		Entry{Tasks: []string{"drug/generate"}},
		Entry{
			Name: "moses", Title: "MOSES benchmark of molecule generators", Page: "https://github.com/molecularsets/moses",
			Files: []Resource{
				{Name: "drug/moses/dataset_v1.csv", URL: moses + "dataset_v1.csv", SHA256: "bb47a94d347afd476d3828b5e26dceeabc42a2d8cf92a791d00349f22fea0d8b", Size: 84482588},
				{Name: "drug/moses/train.csv", URL: moses + "train.csv", SHA256: "49fe1aae29604ec0f5023ea34edc8789415f954138f2903dabd005a4b888a961"},
				{Name: "drug/moses/test.csv", URL: moses + "test.csv", SHA256: "257165e8f1e1be2d5712db51c93d2b1544564b782dc303d7d19c887c21a858e6"},
				{Name: "drug/moses/test_scaffolds.csv", URL: moses + "test_scaffolds.csv", SHA256: "8bc942dd807147e07b506151fe8675f58780ed8e494801b705c4bdadb3df3440"},
			},
			Licence: "MIT; the molecules come from ZINC under its terms", Notes: "Given split into train, test and test_scaffolds.",
			Citation: "Polykovskiy et al., Molecular Sets (MOSES), Frontiers in Pharmacology 11 (2020) 565644",
		},
		Entry{
			Name: "guacamol", Title: "GuacaMol benchmark of molecule generators, from ChEMBL", Page: "https://github.com/BenevolentAI/guacamol",
			Files: []Resource{
				{Name: "drug/guacamol/train.smiles", URL: figshare + "13612760", MD5: "05ad85d871958a05c02ab51a4fde8530"},
				{Name: "drug/guacamol/valid.smiles", URL: figshare + "13612766", MD5: "e53db4bff7dc4784123ae6df72e3b1f0"},
				{Name: "drug/guacamol/test.smiles", URL: figshare + "13612757", MD5: "677b757ccec4809febd83850b43e1616"},
			},
			Licence: "CC-BY-SA-3.0 (ChEMBL)", Notes: "Given split into train, valid and test.",
			Citation: "Brown et al., GuacaMol: benchmarking models for de novo molecular design, J Chem Inf Model 59 (2019) 1096",
		},
		Entry{
			Name: "zinc250k", Title: "249,455 drug-like molecules of ZINC", Page: "https://zinc.docking.org",
			Files:    []Resource{{Name: "drug/zinc250k.smi.gz", SHA256: "e59d6c97e453aae801ad48414465f9282c56cc2553e9164a0fd04c41d87ddc92", Size: 2858320}},
			Upstream: remote("drug", "https://raw.githubusercontent.com/aspuru-guzik-group/chemical_vae/master/models/zinc_properties/250k_rndm_zinc_drugs_clean_3.csv"),
			Licence:  "ZINC's terms of use", Unverified: "the address",
			Citation: "Gómez-Bombarelli et al., Automatic chemical design using a data-driven continuous representation of molecules, ACS Central Science 4 (2018) 268",
			Notes:    "A data folder holds one SMILES on each line, compressed; the publisher's CSV has properties as well.",
		},
		Entry{
			Name: "jtvae-moses", Title: "30,000 molecules generated by JT-VAE, with their MOSES figures", Page: "https://github.com/molecularsets/moses",
			Files: []Resource{
				{Name: "drug/jtvae_moses_samples.smi.gz", SHA256: "678a1db9fb49ac84ce5ab939f415baca67cd13b48a30982ce784d96c2f615b41", Size: 280934},
				{Name: "drug/jtvae_moses_metrics.txt", SHA256: "269055277ca6adcdd8f4566c0aef30a9fec3edad66b5d2fc7196bf06978fae7a", Size: 685},
			},
			Licence: "MIT", Citation: "Jin, Barzilay, Jaakkola, Junction tree variational autoencoder for molecular graph generation, ICML (2018)",
			Notes: "A fixture for the metrics of generation. This form has no public address, so it is not downloaded.",
		},
	)
}

// bioactivity lists measured activities on protein targets, and a published model to compare with.
func bioactivity() []Entry {
	const ace = "https://raw.githubusercontent.com/molML/MoleculeACE/main/MoleculeACE/Data/benchmark_data/"
	const chembl = "https://raw.githubusercontent.com/chembl/chembl_multitask_model/main/trained_models/chembl_37/"
	files := []Resource{
		{Name: "CHEMBL1862_Ki.csv", SHA256: "c69adcbb021591ba2c564df1e9eb55d465b3c51e78d0237ec0527942eb20cfdb", Size: 75166},
		{Name: "CHEMBL204_Ki.csv", SHA256: "54da2410087fb6a7d39e327e06af9b63044121bffbae9e3a8b61589217544e05", Size: 321335},
		{Name: "CHEMBL214_Ki.csv", SHA256: "6d412099986b7b9769d878a6fd9a6cf137f257455a87610a4f35b00daa86758f", Size: 331012},
		{Name: "CHEMBL218_EC50.csv", SHA256: "2cad0b9bde956e6ce9b0cff150f674270bebf4c52afce7aaa74abdaaccc192c2", Size: 112664},
		{Name: "CHEMBL228_Ki.csv", SHA256: "7251c50e7eb40080edb762b3ee5bd37e10046ea121a52ff8e0e9eb0a7a0b76c2", Size: 164414},
		{Name: "CHEMBL233_Ki.csv", SHA256: "1bcbc97887a9dbffd51088fd3a77bd66b65ff9d050046a4dfc0003bae85b5670", Size: 378735},
		{Name: "CHEMBL234_Ki.csv", SHA256: "447d38f659b86c7177f022b16f028db6828ab09c80051e74dad420168970f657", Size: 370354},
		{Name: "CHEMBL236_Ki.csv", SHA256: "c40c6e987e6caf5019faf7aa19eee82ec9b500d51650d031bab473c6425601ee", Size: 330367},
		{Name: "CHEMBL239_EC50.csv", SHA256: "bbba9d4fdbd8cda84eb66a4fdc07af989454ff85a9f182a86d14fa94543cae41", Size: 181036},
		{Name: "CHEMBL264_Ki.csv", SHA256: "4c70fb8a6292a07ab4d65c805d967ac14a38b730bc9422ac0f133af33d899bcb", Size: 272929},
		{Name: "CHEMBL287_Ki.csv", SHA256: "e857875848bb64dc6e327e6c42fe9fd36526bbee1b976de4521b55c4c6629894", Size: 121021},
		{Name: "CHEMBL4792_Ki.csv", SHA256: "7fca442ad925803a72f9285b01d28a7b32372466a61183a0d5f2cdc4be90eb5e", Size: 154935},
	}
	for i := range files {
		files[i].URL = ace + files[i].Name
		files[i].Name = "drug/moleculeace/" + files[i].Name
	}
	model := Resource{
		Name: "drug/chembl37/chembl_37_multitask_q8.onnx", URL: chembl + "chembl_37_multitask_q8.onnx",
		MD5:    "0489e710ad500dd57c458668dc4dea75",
		SHA256: "a6675125d19495fbad4bc3dcf7bdc48d9799f27dfd3f80707d36a04a3dab858c", Size: 3138010,
	}
	return []Entry{
		{
			Name: "moleculeace", Title: "Activity cliffs: 12 ChEMBL targets with fixed splits", Tasks: []string{"drug/activity"},
			Files: append(files[:len(files):len(files)], Resource{
				Name: "drug/moleculeace/published_results.csv", SHA256: "6aa88c897f16bbb328793a2917289e3972b3fc8b50cc56be840f6714ea9baae5", Size: 36991,
			}),
			Upstream: files, Target: "y", Page: "https://github.com/molML/MoleculeACE",
			Licence:  "MIT (collection), CC-BY-SA-3.0 (ChEMBL)",
			Citation: "van Tilborg, Alenicheva, Grisoni, Exposing the limitations of molecular machine learning with activity cliffs, J Chem Inf Model 62 (2022) 5938",
			Notes:    "Column split gives the split, y is pKi or pEC50, cliff_mol marks activity cliffs. Published figures come with a data folder only.", Unverified: "the addresses",
		},
		{
			Name: "chembl37", Title: "Public multitask model over 797 ChEMBL targets (ONNX)", Tasks: []string{"drug/screen"},
			Files: []Resource{
				model,
				{Name: "drug/chembl37/targets_37_all.json", SHA256: "e9fd3fbbb8beb45a697c727e9d475831f6d6438e91e5b26d1badaa984c8eb151", Size: 11375},
				{Name: "drug/chembl37/chembl_37_metrics.json", SHA256: "394196ec4fe8a96c4bb6b7864d353cfac050ab5bb9a28aaa43f290abdba379c4", Size: 796},
			},
			Upstream: []Resource{model}, Page: "https://github.com/chembl/chembl_multitask_model", Licence: "MIT",
			Citation: "ChEMBL multitask target prediction model, release 37",
			Notes:    "Input: Morgan fingerprint of radius 2, 1,024 bits. The lists of targets and figures come with a data folder only.",
		},
	}
}
