package catalog

import "fmt"

func images() []Entry { return append(append(medMNIST(), decathlon()...), nuclei()) }

func nuclei() Entry {
	return Entry{
		Name: "nuclei", Title: "Cell nuclei in 334 microscopy images with instance masks",
		Tasks: []string{"imaging/segment"},
		Files: []Resource{
			{Name: "imaging/nuclei/images", Folder: true, SHA256: "6c60607137794e0b9fad4206566083effa844047f8c5174a4ddd3e45824ae4b0"},
			{Name: "imaging/nuclei/labels", Folder: true, SHA256: "aa274d7c05fa50dddfc8aee5f3925a7c42786d28d71986829c8192368d74a3d3"},
			{Name: "imaging/nuclei/split.csv", SHA256: "60e12028d8d48902720e4f3061c91850ad9a526a48e986aece8591bc1058fcdc", Size: 7169},
		},
		Page:     "https://bbbc.broadinstitute.org/BBBC038",
		Licence:  "CC0-1.0",
		Citation: "Caicedo et al., Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl, Nature Methods 16 (2019) 1247",
		Notes: "The corrected Data Science Bowl 2018 set, reduced to its images of 256×256 pixels and with the masks merged " +
			"to 16-bit label maps; split.csv has columns id, nuclei, split. This form has no public address.",
	}
}

// medMNIST lists the MedMNIST v2 family: standard splits of small images, each in several sizes. The
// checksums are those of its own loader; where it is not known here, the first download's is recorded.
func medMNIST() []Entry {
	type set struct {
		name, title string
		md5         string         // of the 28-pixel file
		larger      map[int]string // md5 of larger sizes, as far as known
		volume      bool           // 3-D: offered in 28 and 64 only
		licence     string
		notes       string
	}
	sets := []set{
		{name: "pathmnist", title: "Colon pathology patches, 9 tissue classes", md5: "a8b06965200029087d5bd730944a56c1", notes: "Given split 89,996/10,004/7,180."},
		{name: "chestmnist", title: "Chest X-ray, 14 findings (multi-label)", md5: "02c8a6516a18b556561a56cbdd36c4a8"},
		{name: "dermamnist", title: "Dermatoscopy, 7 classes of pigmented lesions", md5: "0744692d530f8e62ec473284d019b0c7", licence: "CC-BY-NC-4.0"},
		{name: "octmnist", title: "Retinal optical coherence tomography, 4 classes", md5: "c68d92d5b585d8d81f7112f81e2d0842"},
		{
			name: "pneumoniamnist", title: "Paediatric chest X-ray, pneumonia or normal", md5: "28209eda62fecd6e6a2d98b1501bb15f",
			larger: map[int]string{64: "8f4eceb4ccffa70c672198ea285246c6", 224: "d6a3c71de1b945ea11211b03746c1fe1"},
			notes:  "Given split 4,708/524/624. Duplicates between training and validation have been reported.",
		},
		{
			name: "retinamnist", title: "Fundus photographs, 5 grades of diabetic retinopathy (ordinal)", md5: "bd4c0672f1bba3e3a89f0e4e876791e4",
			larger: map[int]string{64: "afda852cc34dcda56f86ad2b2457dbcc"},
		},
		{
			name: "breastmnist", title: "Breast ultrasound, malignant or not", md5: "750601b1f35ba3300ea97c75c52ff8f6",
			larger: map[int]string{64: "742edef2a1fd1524b2efff4bd7ba9364", 224: "b56378a6eefa9fed602bb16d192d4c8b"},
			notes:  "Given split 546/78/156.",
		},
		{name: "bloodmnist", title: "Blood cell microscopy, 8 classes", md5: "7053d0359d879ad8a5505303e11de1dc"},
		{name: "tissuemnist", title: "Kidney cortex microscopy, 8 classes", md5: "ebe78ee8b05294063de985d821c1c34b"},
		{name: "organamnist", title: "Abdominal CT, axial slices, 11 organs", md5: "68e3f8846a6bd62f0c9bf841c0d9eacc"},
		{name: "organcmnist", title: "Abdominal CT, coronal slices, 11 organs", md5: "b9ceb9546e10131b32923c5bbeaea2b1"},
		{name: "organsmnist", title: "Abdominal CT, sagittal slices, 11 organs", md5: "9ab87b696fb54e2a387ebe992d6ed5f1"},
		{name: "organmnist3d", title: "Abdominal CT volumes, 11 organs", md5: "a0c5a1ff56af4f155c46d46fbb45a2fe", volume: true},
		{
			name: "nodulemnist3d", title: "Lung nodules in chest CT, malignant or benign", md5: "8755a7e9e05a4d9ce80a24c3e7a256f3", volume: true,
			notes: "All-zero test volumes have been reported in some versions.",
		},
		{name: "adrenalmnist3d", title: "Adrenal gland shapes from CT, normal or mass", md5: "bbd3c5a5576322bc4cdfea780653b1ce", volume: true},
		{name: "fracturemnist3d", title: "Rib fractures in chest CT, 3 types", md5: "6aa7b0143a6b42da40027a9dda61302f", volume: true},
		{name: "vesselmnist3d", title: "Brain vessel shapes from MRA, healthy or aneurysm", md5: "b41fd4f7e7e2feedddb201585ecafa1b", volume: true},
		{name: "synapsemnist3d", title: "Synapses in electron microscopy, excitatory or inhibitory", md5: "1235b78a3cd6280881dd7850a78eadb6", volume: true},
	}
	var out []Entry
	for _, s := range sets {
		sizes := []int{28, 64, 128, 224}
		if s.volume {
			sizes = sizes[:2]
		}
		for _, size := range sizes {
			name, md5, title := s.name, s.md5, s.title
			if size != 28 {
				name, md5 = fmt.Sprintf("%s_%d", s.name, size), s.larger[size]
			}
			r := Resource{Name: "imaging/" + name + ".npz", URL: "https://zenodo.org/records/10519652/files/" + name + ".npz?download=1", MD5: md5}
			e := Entry{
				Name: name, Title: fmt.Sprintf("%s, %d pixels", title, size), Files: []Resource{r},
				Licence: s.licence, Notes: s.notes,
			}
			switch name {
			case "breastmnist":
				e.Files[0].SHA256, e.Files[0].Size = "3a22d2a4625e7dd8903f0f59030e81a3d0c222bece2e5e10927456cb50efdec1", 559580
			case "pneumoniamnist":
				e.Files[0].SHA256, e.Files[0].Size = "e1792d3f03751cb101e99f19a63b3c1941436c988665f47853417b05be250cd8", 4170669
			}
			if md5 == "" {
				e.Unverified = "that this size is published under this name; its checksum is not known here"
			}
			out = append(out, e)
		}
	}
	return group(Entry{
		Tasks: []string{"imaging/classify"}, Page: "https://medmnist.com", Licence: "CC-BY-4.0",
		Citation: "Yang et al., MedMNIST v2: a large-scale lightweight benchmark for 2D and 3D biomedical image classification, Scientific Data 10 (2023) 41",
		Notes:    "Given split into training, validation and test.",
	}, out...)
}

// decathlon lists the ten tasks of the Medical Segmentation Decathlon.
func decathlon() []Entry {
	var out []Entry
	for _, t := range []struct{ name, file, title, md5 string }{
		{"msd-brain", "Task01_BrainTumour", "Brain tumours in multi-sequence MRI", "240a19d752f0d9e9101544901065d872"},
		{"msd-heart", "Task02_Heart", "Left atrium in MRI", "06ee59366e1e5124267b774dbd654057"},
		{"msd-liver", "Task03_Liver", "Liver and its tumours in CT", "a90ec6c4aa7f6a3d087205e23d4e6397"},
		{"msd-hippocampus", "Task04_Hippocampus", "Hippocampus, anterior and posterior, in MRI", "9d24dba78a72977dbd1d2e110310f31b"},
		{"msd-prostate", "Task05_Prostate", "Prostate zones in MRI", "35138f08b1efaef89d7424d2bcc928db"},
		{"msd-lung", "Task06_Lung", "Lung tumours in CT", "8afd997733c7fc0432f71255ba4e52dc"},
		{"msd-pancreas", "Task07_Pancreas", "Pancreas and its tumours in CT", "4f7080cfca169fa8066d17ce6eb061e4"},
		{"msd-vessel", "Task08_HepaticVessel", "Liver vessels and tumours in CT", "641d79e80ec66453921d997fbf12a29c"},
		{"msd-spleen", "Task09_Spleen", "Spleen in CT", "410d4a301da4e5b2f6f86ec3ddba524e"},
		{"msd-colon", "Task10_Colon", "Colon cancer in CT", "bad7a188931dc2f6acf72b08eb6202d0"},
	} {
		e := Entry{Name: t.name, Title: t.title, Files: []Resource{{
			Name: "imaging/msd/" + t.file + ".tar", URL: "https://msd-for-monai.s3-us-west-2.amazonaws.com/" + t.file + ".tar",
			MD5: t.md5, Archive: "tar",
		}}}
		if t.name == "msd-hippocampus" {
			e.Notes = "About 27 MB: the smallest of the ten, and the best first 3-D set."
		}
		out = append(out, e)
	}
	return group(Entry{
		Tasks: []string{"imaging/segment"}, Page: "http://medicaldecathlon.com", Licence: "CC-BY-SA-4.0",
		Citation:   "Antonelli et al., The Medical Segmentation Decathlon, Nature Communications 13 (2022) 4128",
		Unverified: "the licence",
	}, out...)
}
