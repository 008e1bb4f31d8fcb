package nifti

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"galen.dev/volume"
	"galen.dev/volume/gunzip"
)

// TestHeadOfPackedNoise: a packed image is recognised by its first bytes also where they unpack to little more than the
// header, as real images do.
func TestHeadOfPackedNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	data := make([]int16, 30*26*12)
	for i := range data {
		data[i] = int16(15 * rng.NormFloat64())
	}
	g := volume.Geometry{Dims: [3]int{30, 26, 12}, Affine: volume.Scaling(volume.Vec{1, 1, 3})}
	name := filepath.Join(t.TempDir(), "noise.nii.gz")
	if err := New(volume.New(g, data)).Write(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(name)
	if err != nil || len(whole) < volume.HeadSize {
		t.Fatalf("%d bytes, %v", len(whole), err)
	}
	if !Format(Options{}).Match(whole[:volume.HeadSize]) {
		t.Error("the head is not recognised")
	}
	for n := volume.HeadSize; n < len(whole); n += 97 { // what is cut off within a volume is an error and no panic
		z, err := gunzip.NewReader(bytes.NewReader(whole[:n]))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(z); err != io.ErrUnexpectedEOF {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}
