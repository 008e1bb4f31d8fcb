package npy

import (
	"context"
	"io"
	"io/fs"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Archive is an .npz file. Arrays are read one by one, when asked for.
type Archive struct {
	fsys  fs.FS
	names []string
}

// OpenZip opens an archive of size bytes; subject names it in errors. r stays open as long as the archive is used.
func OpenZip(r io.ReaderAt, size int64, subject string) (*Archive, error) {
	fsys, err := volume.OpenZip(r, size, subject)
	if err != nil {
		return nil, err
	}
	a := &Archive{fsys: fsys}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if n, ok := strings.CutSuffix(name, ".npy"); ok && !d.IsDir() {
			a.names = append(a.names, n)
		}
		return nil
	})
	if err != nil {
		return nil, fault.Errorf(fault.Data, "reading archive %q: %w", subject, err)
	}
	if len(a.names) == 0 {
		return nil, fault.Errorf(fault.Data, "reading archive %q: it holds no arrays", subject)
	}
	return a, nil
}

// Names are the arrays' names, sorted.
func (a *Archive) Names() []string { return slices.Clone(a.names) }

// Read reads an array by its name.
func (a *Archive) Read(ctx context.Context, name string) (*Array, error) {
	if !slices.Contains(a.names, name) {
		err := fault.Errorf(fault.NotFound, "the archive holds no array %q", name)
		return nil, fault.WithHint(err, "it holds %s", strings.Join(a.names, ", "))
	}
	return ReadFile(ctx, a.fsys, name+".npy")
}
