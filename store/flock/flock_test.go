package flock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestTry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var files [3]*os.File
	for i := range files {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = f
	}
	if err := Try(files[0]); err != nil {
		t.Fatal(err)
	}
	if err := Try(files[1]); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second holder got %v", err)
	}
	if err := Release(files[0]); err != nil {
		t.Fatal(err)
	}
	if err := Try(files[1]); err != nil {
		t.Fatal(err)
	}
	if err := Try(files[2]); !errors.Is(err, ErrLocked) {
		t.Fatalf("a second holder got %v", err)
	}
	if err := Release(files[1]); err != nil {
		t.Fatal(err)
	}
	if err := Release(files[2]); err != nil {
		t.Fatal(err)
	}
	if err := Try(files[2]); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("a closed file gave %v", err)
	}
}
