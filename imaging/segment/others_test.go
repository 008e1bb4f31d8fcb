package segment

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"testing"

	"galen.dev/dicom"
)

// verdict is what testdata/seg.py prints: what pydicom, highdicom and nibabel read in the files of a prediction.
type verdict struct {
	Segments []string
	Slices   bool `json:"references_every_slice"`
	Frame    bool `json:"same_frame_of_reference"`
	Study    bool `json:"same_study"`
	Voxels   []int
	NIfTI    []int `json:"voxels_of_nifti"`
	Same     bool  `json:"same_voxels_as_nifti"`
}

func (v verdict) check(t *testing.T) {
	t.Helper()
	if !v.Slices || !v.Frame || !v.Study || !v.Same || !slices.Equal(v.Voxels, v.NIfTI) || !slices.Equal(v.Segments, []string{"organ", "lesion"}) {
		t.Errorf("other programs read the segmentation otherwise: %+v", v)
	}
}

// TestOthersReadTheSegmentation holds a stored segmentation to the stored verdict of highdicom on it, and asks a Python
// that GALEN_PYTHON names about one that was just made (GALEN_KEEP of TestSolid).
func TestOthersReadTheSegmentation(t *testing.T) {
	text, err := os.ReadFile("testdata/seg.json")
	if err != nil {
		t.Fatal(err)
	}
	var stored verdict
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatal(err)
	}
	stored.check(t)
	f, err := dicom.Open("testdata/segmentation.dcm")
	if err != nil {
		t.Fatal(err)
	}
	counts := countSegments(t, f)
	for k, n := range stored.Voxels {
		if counts[k+1] != n {
			t.Errorf("segment %d: highdicom reads %d voxels, Galen %d", k+1, n, counts[k+1])
		}
	}
	python, folder := os.Getenv("GALEN_PYTHON"), os.Getenv("GALEN_KEEP")
	if python == "" || folder == "" {
		t.Skip("GALEN_PYTHON names no Python with highdicom, or GALEN_KEEP no folder of TestSolid")
	}
	answer, err := exec.CommandContext(t.Context(), python, "testdata/seg.py", folder).Output()
	if err != nil {
		t.Fatal(err)
	}
	var now verdict
	if err := json.Unmarshal(answer, &now); err != nil {
		t.Fatal(err)
	}
	now.check(t)
}
