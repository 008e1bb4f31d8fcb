package catalog

func texts() []Entry {
	return []Entry{
		{
			Name: "negex", Title: "2,376 clinical sentences: negation, temporality, experiencer", Tasks: []string{"diagnosis/text"},
			Files: []Resource{{Name: "text/negex_annotations.txt", SHA256: "63763b4dcd97e7874dd3162b8a87103f8205bbe1a0f1f64669ad3f29e97b53c8", Size: 366626}},
			Page:  "https://github.com/chapmanbe/negex", Licence: "Apache-2.0",
			Citation: "Chapman et al., A simple algorithm for identifying negated findings and diseases in discharge summaries, J Biomed Inform 34 (2001) 301",
			Notes:    "One tab-separated file; the address of this file inside the project is not known here, so it is not downloaded.",
		},
		{
			Name: "ncbi-disease", Title: "Disease mentions in PubMed abstracts, CoNLL format", Tasks: []string{"diagnosis/text"},
			Files: []Resource{
				{Name: "text/ncbi-disease/train.tsv.gz", SHA256: "2e19018647b0057ce5257e19d2751585d0352e1fbebeec3457ffd740529c9d97", Size: 273543},
				{Name: "text/ncbi-disease/devel.tsv.gz", SHA256: "c2f03c9f956aabd67e75282049144f4482372a7e46d6e34c2f203c349a559a0c", Size: 49445},
				{Name: "text/ncbi-disease/test.tsv.gz", SHA256: "ae29bff8519eb8e204a210b82fe0def172fbd187dbcaf8f0255ee840d3247c56", Size: 50601},
			},
			Upstream: remote(
				"text/ncbi-disease",
				"https://raw.githubusercontent.com/spyysalo/ncbi-disease/master/conll/train.tsv",
				"https://raw.githubusercontent.com/spyysalo/ncbi-disease/master/conll/devel.tsv",
				"https://raw.githubusercontent.com/spyysalo/ncbi-disease/master/conll/test.tsv",
			),
			Page: "https://www.ncbi.nlm.nih.gov/CBBresearch/Dogan/DISEASE/", Licence: "public domain (work of the United States government)",
			Citation:   "Doğan, Leaman, Lu, NCBI disease corpus, J Biomed Inform 47 (2014) 1",
			Notes:      "Given split into train, devel and test. A data folder holds the files compressed.",
			Unverified: "the addresses",
		},
		{
			Name: "presidio-pii", Title: "750 synthetic sentences with personal data marked", Tasks: []string{"diagnosis/text"}, Synthetic: true,
			Files: []Resource{{Name: "text/presidio_pii_first750.json.gz", SHA256: "222db0a2d99ae38f7d517f9d274718413836b7feb9fcc238c4613771c0f33355", Size: 55372}},
			Page:  "https://github.com/microsoft/presidio-research", Licence: "MIT",
			Citation: "presidio-research, synthetic data set version 2",
			Notes:    "The first half of the set of 1,500. This form has no public address, so it is not downloaded.",
		},
		{
			Name: "phenopackets", Title: "Published cases of rare genetic disease as phenopackets", Tasks: []string{"diagnosis/text"},
			Files:    remote("text", "https://github.com/monarch-initiative/phenopacket-store/releases/download/0.1.25/all_phenopackets.zip"),
			Page:     "https://github.com/monarch-initiative/phenopacket-store",
			Licence:  "BSD-3-Clause",
			Citation: "Danis et al., A corpus of GA4GH phenopackets: case-level phenotyping for genomic diagnostics and discovery, HGG Advances 6 (2025) 100371",
			Notes:    "Pinned to one release, so that the data do not change under a study.", Unverified: "the release number and the citation",
		},
	}
}
