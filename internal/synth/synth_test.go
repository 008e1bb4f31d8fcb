package synth

import (
	"bytes"
	"encoding/csv"
	"image/png"
	"testing"

	"galen.dev/volume/npy"
)

// TestUltrasound: the archive reads as NumPy's, both labels occur in each part, and it is the same each time.
func TestUltrasound(t *testing.T) {
	data := Ultrasound()
	if !bytes.Equal(data, Ultrasound()) {
		t.Error("made twice, it differs")
	}
	z, err := npy.OpenZip(bytes.NewReader(data), int64(len(data)), "ultrasound")
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{"train": 480, "val": 120, "test": 200} {
		images, err := z.Read(t.Context(), name+"_images")
		if err != nil {
			t.Fatal(err)
		}
		labels, err := z.Read(t.Context(), name+"_labels")
		if err != nil {
			t.Fatal(err)
		}
		if len(images.Shape) != 3 || images.Shape[0] != n || images.Shape[1] != 28 || labels.Shape[0] != n {
			t.Errorf("%s: images %v, labels %v", name, images.Shape, labels.Shape)
		}
	}
}

// TestCells: every nucleus of the table is in its label map, and the images are of one size.
func TestCells(t *testing.T) {
	rows, err := csv.NewReader(bytes.NewReader(CellsTable())).ReadAll()
	if err != nil || len(rows) != CellImages+1 {
		t.Fatal(len(rows), err)
	}
	parts := map[string]int{}
	for i, row := range rows[1:] {
		parts[row[2]]++
		for _, data := range [][]byte{CellsImage(i), CellsLabels(i)} {
			img, err := png.Decode(bytes.NewReader(data))
			if err != nil || img.Bounds().Dx() != cellSize || img.Bounds().Dy() != cellSize {
				t.Fatal(i, err)
			}
		}
		if !bytes.Equal(CellsImage(i), CellsImage(i)) {
			t.Errorf("image %d, made twice, differs", i)
		}
	}
	if parts["train"] != 32 || parts["val"] != 6 || parts["test"] != 10 {
		t.Error(parts)
	}
}
