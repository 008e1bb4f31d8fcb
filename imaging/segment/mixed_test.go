package segment

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"galen.dev/volume"
)

// TestFilesBesideASeries: what lies beside a DICOM series is named, for it gets no prediction.
func TestFilesBesideASeries(t *testing.T) {
	g := volume.Geometry{Dims: [3]int{4, 4, 3}, Affine: volume.Identity()}
	packed := series(t, volume.New(g, make([]int16, 48)))
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, f.Name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "notes.txt"), []byte("a line that is no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	stacks, skipped, err := dicomStacks(t.Context(), folder)
	if err != nil || len(stacks) != 1 || !slices.Equal(skipped, []string{"notes.txt"}) {
		t.Errorf("%d stacks, beside them %q, %v", len(stacks), skipped, err)
	}
}
