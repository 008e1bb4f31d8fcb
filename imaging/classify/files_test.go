package classify_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"galen.dev/volume/npy"
)

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeArchive writes an .npz.
func writeArchive(t *testing.T, path string, arrays map[string]*npy.Array) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, a := range arrays {
		w, err := z.Create(name + ".npy")
		if err == nil {
			err = a.Write(t.Context(), w)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, b.Bytes())
}

// pack writes a zip archive of a folder's files.
func pack(t *testing.T, path, dir string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if err := z.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Clean(path), b.Bytes())
}
