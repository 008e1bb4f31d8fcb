package catalog

func patients() []Entry {
	out := append(cases(), records()...)
	return append(append(out, trials()...), followUp()...)
}

// cases lists tabular cases, one row for each patient.
func cases() []Entry {
	const uci = "https://archive.ics.uci.edu/static/public/"
	fromUCI := func(id, file string) []Resource {
		return []Resource{{Name: "diagnosis/" + file, URL: uci + id + "/data.csv"}}
	}
	return group(
		Entry{Tasks: []string{"diagnosis/risk"}, Licence: "CC-BY-4.0", Page: "https://archive.ics.uci.edu"},
		Entry{
			Name: "wdbc", Title: "Wisconsin diagnostic breast cancer: 569 fine-needle aspirates, 30 measures of cell nuclei",
			Files:  []Resource{{Name: "diagnosis/wdbc.csv", SHA256: "75b8021d12b47399e50ab6ca4fbc11a8435f91540ecb6bb2434de557a5049510", Size: 123835}},
			Target: "diagnosis", Positive: "malignant", Page: "https://archive.ics.uci.edu/dataset/17/breast+cancer+wisconsin+diagnostic",
			Citation: "Wolberg, Mangasarian, Street, Street, Breast Cancer Wisconsin (Diagnostic), UCI Machine Learning Repository (1995), doi:10.24432/C5DW2B",
			Notes: "Inside the program. Mean, standard error (se) and worst of ten measures; the source states no units and " +
				"no patient identifiers. 212 malignant, 357 benign.",
		},
		Entry{
			Name: "heart_cleveland", Title: "Heart disease, Cleveland: 303 patients, 13 findings", Target: "num", Positive: ">50_1",
			Files:    []Resource{{Name: "diagnosis/heart_cleveland.arff", SHA256: "e423f3346777c3b51f8b7448f88c75d27ae86ee83758f01a27af9ffa3cd7bcfb", Size: 36213}},
			Page:     "https://archive.ics.uci.edu/dataset/45/heart+disease",
			Citation: "Janosi, Steinbrunn, Pfisterer, Detrano, Heart Disease, UCI Machine Learning Repository (1989), doi:10.24432/C52P4X",
			Notes:    "The ARFF form with named categories, target narrowed vessels or not. This form has no known public address; heart-disease-uci is the publisher's.",
		},
		Entry{
			Name: "heart-disease-uci", Title: "Heart disease, Cleveland, as the UCI repository gives it", Files: fromUCI("45", "heart_disease_uci.csv"),
			Target: "num", Page: "https://archive.ics.uci.edu/dataset/45/heart+disease", Unverified: "the number in the address",
			Citation: "Janosi, Steinbrunn, Pfisterer, Detrano, Heart Disease, UCI Machine Learning Repository (1989), doi:10.24432/C52P4X",
			Notes:    "num runs from 0 (no disease) to 4.",
		},
		Entry{
			Name: "support2", Title: "SUPPORT: 9,105 seriously ill hospital patients, survival and costs", Target: "hospdead",
			Files:    []Resource{{Name: "diagnosis/support2.csv.gz", SHA256: "0d9b107950b41aaf8228c8d49a8342085e56b9fe42848aeb61d0bb28efb73611", Size: 676742}},
			Upstream: fromUCI("880", "support2.csv"), Page: "https://archive.ics.uci.edu/dataset/880/support2",
			Citation: "Knaus et al., The SUPPORT prognostic model, Annals of Internal Medicine 122 (1995) 191",
			Notes: "Death in hospital is hospdead. Columns that are known only later, or that are other models' answers, leak it: " +
				"death, slos, d.time, charges, totcst, totmcst, avtisst, surv2m, surv6m, prg2m, prg6m, dnr, dnrday, sfdm2, hday, sps, aps.",
			Unverified: "the number in the address",
		},
		Entry{
			Name: "arrhythmia", Title: "Cardiac arrhythmia: 452 patients, 279 measures of 12-lead ECG, 16 classes", Target: "class",
			Files:    []Resource{{Name: "diagnosis/arrhythmia.arff.gz", SHA256: "4f273e80832dd6971201f2b8a90adfdb0803af48123f73a2fbd3bdc6ade400cb", Size: 99626}},
			Page:     "https://archive.ics.uci.edu/dataset/5/arrhythmia",
			Citation: "Guvenir, Acar, Muderrisoglu, Quinlan, Arrhythmia, UCI Machine Learning Repository (1997), doi:10.24432/C5BS32",
			Notes:    "This form has no known public address, so it is not downloaded.", Unverified: "the number in the page's address",
		},
		Entry{
			Name: "heart-failure", Title: "Heart failure: 299 patients, death during follow-up", Files: fromUCI("519", "heart_failure.csv"),
			Citation: "Chicco, Jurman, Machine learning can predict survival of patients with heart failure, BMC Med Inform Decis Mak 20 (2020) 16", Unverified: "the number in the address",
		},
		Entry{
			Name: "actg175", Title: "AIDS Clinical Trials Group Study 175: 2,139 patients, four treatments", Files: fromUCI("890", "actg175.csv"),
			Tasks:    []string{"therapy/effect", "therapy/survival"},
			Citation: "Hammer et al., A trial comparing nucleoside monotherapy with combination therapy, N Engl J Med 335 (1996) 1081", Unverified: "the number in the address",
		},
		Entry{
			Name: "diabetes130", Title: "Diabetes: 101,766 stays in 130 US hospitals, readmission", Files: fromUCI("296", "diabetes130.csv"),
			Citation: "Strack et al., Impact of HbA1c measurement on hospital readmission rates, BioMed Research International (2014) 781670", Unverified: "the number in the address",
			Notes: "A patient may have several stays: split by patient.",
		},
	)
}

// records lists stays and signals: PhysioNet's open sets, and heartbeats. PhysioNet publishes a list of
// checksums, SHA256SUMS.txt, beside the files of each project.
func records() []Entry {
	const pn = "https://physionet.org/"
	const archived = pn + "static/published-projects/"
	return group(
		Entry{
			Citation:   "Goldberger et al., PhysioBank, PhysioToolkit, and PhysioNet, Circulation 101 (2000) e215",
			Unverified: "the address",
		},
		Entry{
			Name: "physionet2012", Title: "Intensive care: 8,000 stays of 48 h, 37 irregular series, death in hospital", Tasks: []string{"diagnosis/course"},
			Files: []Resource{{Name: "diagnosis/physionet2012-ab.tar.gz", SHA256: "96d6fcb91e5bc8655f713ae653dc01e7982aada475a09fc57830374bb0f35400", Size: 13196982, Archive: "tar.gz"}},
			Upstream: remote(
				"diagnosis/physionet2012",
				pn+"files/challenge-2012/1.0.0/set-a.tar.gz?download", pn+"files/challenge-2012/1.0.0/set-b.tar.gz?download",
				pn+"files/challenge-2012/1.0.0/Outcomes-a.txt?download", pn+"files/challenge-2012/1.0.0/Outcomes-b.txt?download",
			),
			Page: pn + "content/challenge-2012/1.0.0/", Licence: "ODC-By-1.0", Target: "In-hospital_death", Patient: "RecordID",
			Citation: "Silva et al., Predicting in-hospital mortality of ICU patients: the PhysioNet/CinC Challenge 2012, Computing in Cardiology 39 (2012) 245",
			Notes:    "Train on set a, report on set b. A data folder holds both sets and their outcomes in one archive.", Unverified: "the addresses",
		},
		Entry{
			Name: "challenge2017", Title: "Single-lead ECG, atrial fibrillation or not", Tasks: []string{"diagnosis/signal"},
			Files: remote("diagnosis", pn+"files/challenge-2017/1.0.0/training2017.zip"), Page: pn + "content/challenge-2017/1.0.0/", Licence: "ODC-By-1.0",
			Unverified: "the address and the licence",
		},
		Entry{
			Name: "mitdb", Title: "MIT-BIH arrhythmia database: 48 half-hour ECG records", Tasks: []string{"diagnosis/signal"},
			Files: remote("diagnosis", archived+"mitdb/mit-bih-arrhythmia-database-1.0.0.zip"), Page: pn + "content/mitdb/1.0.0/", Licence: "ODC-By-1.0",
			Citation: "Moody, Mark, The impact of the MIT-BIH arrhythmia database, IEEE Eng Med Biol 20 (2001) 45",
			Notes:    "Records 201 and 202 are of the same person: split by patient.",
		},
		Entry{
			Name: "ptb-xl", Title: "21,799 12-lead ECGs with diagnostic statements", Tasks: []string{"diagnosis/signal"},
			Files: remote("diagnosis", archived+"ptb-xl/ptb-xl-a-large-publicly-available-electrocardiography-dataset-1.0.3.zip"),
			Page:  pn + "content/ptb-xl/1.0.3/", Licence: "CC-BY-4.0", Patient: "patient_id", Unverified: "the address and the licence",
			Citation: "Wagner et al., PTB-XL, a large publicly available electrocardiography dataset, Scientific Data 7 (2020) 154",
			Notes:    "Recommended folds in column strat_fold: 9 validation, 10 test.",
		},
		Entry{
			Name: "mimic-iv-demo", Title: "MIMIC-IV demo: open records of 100 patients", Tasks: []string{"diagnosis/course"},
			Files: remote("diagnosis", archived+"mimic-iv-demo/mimic-iv-clinical-database-demo-2.2.zip"), Page: pn + "content/mimic-iv-demo/2.2/", Licence: "ODbL-1.0",
			Notes: "The demo only. The full database is for credentialed users, who point a study at their own copy.", Patient: "subject_id",
		},
		Entry{
			Name: "mimic-iii-demo", Title: "MIMIC-III demo: open records of 100 patients", Tasks: []string{"diagnosis/course"},
			Files: remote("diagnosis", archived+"mimiciii-demo/mimic-iii-clinical-database-demo-1.4.zip"), Page: pn + "content/mimiciii-demo/1.4/", Licence: "ODbL-1.0",
			Notes: "The demo only. The full database is for credentialed users, who point a study at their own copy.", Patient: "subject_id",
		},
		Entry{
			Name: "eicu-demo", Title: "eICU demo: open records of more than 2,500 intensive-care stays", Tasks: []string{"diagnosis/course"},
			Files: remote("diagnosis", archived+"eicu-crd-demo/eicu-collaborative-research-database-demo-2.0.1.zip"), Page: pn + "content/eicu-crd-demo/2.0.1/", Licence: "ODbL-1.0",
			Notes: "The demo only. The full database is for credentialed users, who point a study at their own copy.", Patient: "uniquepid",
		},
		Entry{
			Name: "ecg5000", Title: "5,000 heartbeats of one patient, 140 samples each, 5 classes", Tasks: []string{"diagnosis/signal"},
			Files: []Resource{
				{Name: "diagnosis/ecg5000/ECG5000_TRAIN.tsv.gz", SHA256: "d4e8720e29c5de8c5078b9f11fd47108ffec26ad2f5b4d6f4f3f55ca15af2442", Size: 218195},
				{Name: "diagnosis/ecg5000/ECG5000_TEST.npy", SHA256: "838df676a7096332aa55210e64fc69e27b06795d93603c7348f6f078ababdcb5", Size: 2537564},
			},
			Page: "https://www.timeseriesclassification.com/description.php?Dataset=ECG5000", Licence: "free with citation (UCR archive)",
			Citation: "Dau et al., The UCR time series archive, IEEE/CAA J Autom Sinica 6 (2019) 1293",
			Notes: "Given split: 500 to train, 4,499 to test; the label comes first in each row. All beats are of one recording, so a " +
				"figure on it says nothing about new patients. This form has no public address.", Unverified: "the page's address",
		},
	)
}

// trials lists sets about treatments and their effects.
func trials() []Entry {
	return []Entry{
		{
			Name: "ist", Title: "International Stroke Trial: 19,435 patients, aspirin × heparin, randomised", Tasks: []string{"therapy/effect"},
			Files:    []Resource{{Name: "therapy/ist.csv.gz", SHA256: "a242b4f35e17169b38963f297e19d3816bbabed3616d4c6db93e8aa88b80dc93", Size: 853086}},
			Upstream: remote("therapy", "https://datashare.ed.ac.uk/bitstream/handle/10283/128/IST_corrected.csv"),
			Page:     "https://doi.org/10.7488/ds/104", Licence: "ODC-By-1.0", Unverified: "the address of the file",
			Citation: "Sandercock, Niewada, Członkowska, The International Stroke Trial database, Trials 12 (2011) 101",
			Notes: "The publisher's file is in Latin-1. RXASP and RXHEP are the treatments given at random; ID14 is death within 14 days, " +
				"OCCODE the state at 6 months.",
		},
		{
			Name: "warfarin", Title: "Warfarin: 5,700 patients, clinic, genotype and stable dose (IWPC)", Tasks: []string{"therapy/dose"},
			Files: []Resource{{Name: "therapy/iwpc_warfarin.csv.gz", SHA256: "85e39bd82badffd0daf0cc84d7ba58e482c23dd572df2e0e267436a36c080d3a", Size: 164141}},
			Page:  "https://www.pharmgkb.org", Licence: "CC-BY-SA-4.0", Target: "Therapeutic Dose of Warfarin", Patient: "PharmGKB Subject ID",
			Citation:   "International Warfarin Pharmacogenetics Consortium, N Engl J Med 360 (2009) 753",
			Notes:      "The dose is in mg a week. This form has no public address, so it is not downloaded.",
			Unverified: "the version of the licence",
		},
		{
			Name: "nhefs", Title: "Smoking cessation and weight gain, observational (NHEFS)", Tasks: []string{"therapy/effect"},
			Files:    []Resource{{Name: "therapy/nhefs.csv.gz", SHA256: "ac170186b870312b0986146a60c944b1794067e80c920c4e697f3d3b6b681ec9", Size: 87667}},
			Upstream: remote("therapy", "https://vincentarelbundock.github.io/Rdatasets/csv/causaldata/nhefs.csv"),
			Page:     "https://www.hsph.harvard.edu/miguel-hernan/causal-inference-book/", Licence: "public domain (work of the United States government)",
			Citation: "Hernán, Robins, Causal Inference: What If, Chapman & Hall/CRC (2020)", Target: "wt82_71", Patient: "seqn",
			Notes: "The treatment is qsmk; wt82_71, the change of weight in kg, is missing for those censored.", Unverified: "the address and the licence",
		},
	}
}

// followUp lists the public sets of the R package survival.
func followUp() []Entry {
	var out []Entry
	for _, s := range []struct {
		name, title, sha            string
		size                        int64
		event, time, patient, notes string
	}{
		{"colon", "Colon cancer: adjuvant chemotherapy", "6f3472a64f696e3195daa198f054180c3e4c66408f7fb8c548c6f4c7b8f898ee", 84108, "status", "time", "id", "Two rows for each patient: etype 1 is recurrence, 2 is death. Times in days."},
		{"flchain", "Free light chains and death, 7,874 people", "a96bcc58addb4c127e5012c5974aec8c7daf66123ddb104f309a78f158daa563", 336493, "death", "futime", "", "Times in days. Column chapter, the cause of death, leaks the event."},
		{"gbsg", "German breast cancer study group: 686 patients", "9fa0fef0575d04d3273869be28405307f1b02993751498e8a0c844541cccd5d9", 24052, "status", "rfstime", "pid", "Times in days to recurrence or death."},
		{"pbc", "Primary biliary cholangitis: Mayo Clinic trial and cohort", "797ea9b6abfec34297ef07f361a2e0bfdd90c3c2def180adf8547ea30e75b613", 32887, "status", "time", "id", "Status 0 censored, 1 transplant, 2 death. Times in days."},
		{"rotterdam", "Rotterdam tumour bank: 2,982 breast cancer patients", "62703670d3be5d49c5476fb7131b020bdca9f1c25bb4522fd6abe8f9dab61f1b", 156609, "death", "dtime", "pid", "Also recur and rtime, recurrence and its time. Times in days."},
		{"veteran", "Veterans' lung cancer trial: 137 patients", "3fba5cb9b15a10ab94d54e28b54d2c39d95c27b0fcff1c57aee0eb7edfd93950", 4073, "status", "time", "", "Times in days."},
	} {
		out = append(out, Entry{
			Name: s.name, Title: s.title, Target: s.event, Time: s.time, Patient: s.patient,
			Files:    []Resource{{Name: "therapy/survival/" + s.name + ".csv", SHA256: s.sha, Size: s.size}},
			Upstream: []Resource{{Name: "therapy/survival/upstream/" + s.name + ".csv", URL: "https://vincentarelbundock.github.io/Rdatasets/csv/survival/" + s.name + ".csv"}},
			Notes:    s.notes,
		})
	}
	return group(Entry{
		Tasks: []string{"therapy/survival"}, Page: "https://cran.r-project.org/package=survival", Licence: "LGPL-2.0-or-later (the R package survival)",
		Citation:   "Therneau, A package for survival analysis in R; Therneau, Grambsch, Modeling Survival Data, Springer (2000)",
		Unverified: "the address and the licence of the set",
	}, out...)
}
