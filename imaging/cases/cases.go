// Package cases reads images with their labels as people have them: archives of MedMNIST, tables of paths and
// labels, folders by class, images beside masks (nnU-Net's layout among them), DICOM series, single files. It says
// everything that is wrong with them at once, and writes them into one container that later steps read case by
// case.
//
// What a source is, its contents decide and not its name: see layout.go, and the file of each layout. Images keep
// their type of value and their place in the patient. Patients are numbered; their identifiers are never stored.
// One case is in memory at a time.
//
// Start with Collect, which fills a container (container.go), and Open, which reads it; Images reads without a
// container, for models at work. Split sets patients apart. docs/format/cases.md describes the container.
package cases

import (
	"galen.dev/fault"
	"galen.dev/volume"
)

// Kind says what labels a collection has.
type Kind string

// The kinds of labels.
const (
	Unlabelled Kind = "none"
	Classes    Kind = "classes" // each case is of one class
	Findings   Kind = "labels"  // each case has any of several labels
)

// Splits that sources give, by the names they have here.
const (
	Train      = "train"
	Validation = "val"
	Test       = "test"
)

// Record is what is known of a case without its image.
type Record struct {
	Name    string `json:"name"`              // where it came from: a file, "train_images[3]", a folder
	Row     int    `json:"row,omitempty"`     // 1-based row of the table that names it
	Patient int    `json:"patient"`           // numbered from 0 in order of appearance
	Split   string `json:"split,omitempty"`   // train, val or test, where the source says so
	Class   int    `json:"class"`             // index into Collection.Names; -1 = none given
	Labels  []int8 `json:"labels,omitempty"`  // 1, 0, or -1 where not known, of each of Collection.Names
	Image   Block  `json:"image"`             // where its voxels lie
	Mask    *Block `json:"mask,omitempty"`    // of its label map
	Hash    string `json:"hash"`              // of the voxels and their geometry
	Look    []byte `json:"look"`              // 16×16 picture of the middle slice, for finding look-alikes
	Range   Range  `json:"range"`             // of the real values
	Present []int  `json:"present,omitempty"` // labels that occur in the mask, background among them
}

// Range is the lowest and the highest real value of an image.
type Range struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Collection is a container's contents without voxels.
type Collection struct {
	Format   int             `json:"format"`
	Layout   string          `json:"layout"`             // what the source is, e.g. "folders by class"
	Kind     Kind            `json:"kind"`               // of the labels
	Names    []string        `json:"names,omitempty"`    // classes or labels
	Masks    bool            `json:"masks"`              // cases have label maps
	Regions  []volume.Label  `json:"regions,omitempty"`  // what labels of the masks stand for
	Channels []string        `json:"channels,omitempty"` // names of the images' channels, where the source gives them
	Patients int             `json:"patients"`
	Known    bool            `json:"patients_known"`     // the source says who is who; else each case is a patient of its own
	Findings []fault.Finding `json:"findings,omitempty"` // none of them stops the study
	Waived   []fault.Finding `json:"waived,omitempty"`   // those that would have, and the study accepts
	Records  []Record        `json:"-"`
}

// Case is an image with its label map, if it has one.
type Case struct {
	*Record
	Image *volume.Volume
	Mask  *volume.LabelMap
}

// Given says whether the source sets test cases apart.
func (c *Collection) Given() bool {
	var train, test bool
	for i := range c.Records {
		train = train || c.Records[i].Split == Train
		test = test || c.Records[i].Split == Test
	}
	return train && test
}

// Depth says whether any image has more than one slice.
func (c *Collection) Depth() bool {
	for i := range c.Records {
		if c.Records[i].Image.Dims[2] > 1 {
			return true
		}
	}
	return false
}
