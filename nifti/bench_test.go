package nifti

import (
	"context"
	"os"
	"testing"
)

// BenchmarkRead reads the file that GALEN_NIFTI names, as bench/nifti_peer.py does beside nibabel.
func BenchmarkRead(b *testing.B) {
	name := os.Getenv("GALEN_NIFTI")
	if name == "" {
		b.Skip("GALEN_NIFTI names no file")
	}
	for b.Loop() {
		_, err := Read(context.Background(), name, Options{})
		if err != nil {
			b.Fatal(err)
		}
	}
}
