package signal

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"galen.dev/fault"
)

// HeadSize is how many bytes of a file a format sees to recognise it.
const HeadSize = 512

// MaxSamples bounds what one recording may ask memory for: 1 GiB of physical samples. Longer ones are read in
// parts, by ReadRange of their format.
const MaxSamples = 1 << 27

// A Format recognises files by what they contain and reads them.
type Format struct {
	Name string
	// Match says whether a file that begins with head, at most HeadSize bytes, is one to open: of the files of one
	// recording only the one that describes it. name is its name, for formats without a mark of their own.
	Match func(head []byte, name string) bool
	// Read reads the recording. Nothing but names within fsys are opened.
	Read func(ctx context.Context, fsys fs.FS, name string) (*Recording, error)
}

// Formats is the table of formats of whoever opens files, in the order in which they are asked.
type Formats []Format

// Match returns the format of a file, or nil where none knows it.
func (f Formats) Match(fsys fs.FS, name string) (*Format, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, fault.Disk("opening a recording", err)
	}
	defer file.Close()
	head := make([]byte, HeadSize)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fault.Disk("reading a recording", err)
	}
	for i := range f {
		if f[i].Match(head[:n], name) {
			return &f[i], nil
		}
	}
	return nil, nil
}

// Read reads one recording, whatever its name is.
func (f Formats) Read(ctx context.Context, fsys fs.FS, name string) (*Recording, error) {
	format, err := f.Match(fsys, name)
	if err != nil {
		return nil, err
	}
	if format == nil {
		names := make([]string, len(f))
		for i := range f {
			names[i] = f[i].Name
		}
		return nil, fault.WithHint(fault.Errorf(fault.Data, "%q is no recording of a known format", path.Base(name)), "known are %s", strings.Join(names, ", "))
	}
	return format.Read(ctx, fsys, name)
}

// List finds the recordings of a folder and its subfolders, sorted by name. Hidden files and files that no format
// knows are passed over.
func (f Formats) List(ctx context.Context, fsys fs.FS) ([]string, error) {
	var names []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(d.Name(), ".") && name != "."
		if d.IsDir() {
			if hidden {
				return fs.SkipDir
			}
			return nil
		}
		if hidden || !d.Type().IsRegular() {
			return nil
		}
		format, err := f.Match(fsys, name)
		if format != nil {
			names = append(names, name)
		}
		return err
	})
	slices.Sort(names)
	return names, err
}
