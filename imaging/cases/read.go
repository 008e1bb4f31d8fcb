package cases

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"galen.dev/dicom"
	"galen.dev/fault"
	"galen.dev/nifti"
	"galen.dev/volume"
	"galen.dev/volume/npy"
	"galen.dev/volume/nrrd"
	"galen.dev/volume/raster"
)

// reader reads one kind of file.
type reader struct {
	name  string
	match func(head []byte) bool
	read  func(ctx context.Context, fsys fs.FS, name string) (*volume.Volume, error)
}

// readers are asked in this order, pictures last: their marks are the shortest. DICOM is apart, for its files
// belong together; see dicom.go.
func readers(o *Options) []reader {
	single := func(f volume.Format) reader {
		return reader{f.Name, f.Match, func(ctx context.Context, fsys fs.FS, name string) (*volume.Volume, error) {
			vs, err := f.Read(ctx, fsys, []string{name})
			if err != nil {
				return nil, err
			}
			if len(vs) != 1 {
				return nil, fault.Errorf(fault.Data, "reading %q: it holds %s, and one is needed", name, fault.Count(len(vs), "image"))
			}
			return vs[0], nil
		}}
	}
	return []reader{
		single(nifti.Format(nifti.Options{AssumeGeometry: o.AssumeGeometry, AllowNaN: true})),
		single(nrrd.Format(nrrd.Options{AssumeGeometry: o.AssumeGeometry, AllowNaN: true})),
		{"NumPy", func(head []byte) bool { return strings.HasPrefix(string(head), "\x93NUMPY") }, readArray},
		single(raster.Format(volume.Vec{})),
	}
}

// readArray reads an array whose axes its sizes tell: rows and columns, with colours or slices.
func readArray(ctx context.Context, fsys fs.FS, name string) (*volume.Volume, error) {
	a, err := npy.ReadFile(ctx, fsys, name)
	if err != nil {
		return nil, reading(name, err)
	}
	axes, err := arrayAxes(a.Shape)
	if err != nil {
		return nil, err
	}
	return a.Volume(axes, volume.Identity())
}

// arrayAxes says what the axes of an image in an array are: a last axis of 3 or 4 beside at least two others is
// colour, for no body is imaged in so few columns.
func arrayAxes(shape []int) (string, error) {
	n := len(shape)
	colour := n >= 3 && (shape[n-1] == 3 || shape[n-1] == 4)
	switch {
	case n == 2:
		return "yx", nil
	case n == 3 && colour:
		return "yxc", nil
	case n == 3:
		return "zyx", nil
	case n == 4 && (colour || shape[3] == 1):
		return "zyxc", nil
	}
	return "", fault.WithHint(fault.Errorf(fault.Data, "an image in an array has 2 to 4 axes, and this one's %d cannot be told apart", n), "rows and columns; slices before them, colours after them")
}

// formatOf finds the reader of a file by its first bytes: DICOM is the name "DICOM" and no reader; the name is
// empty where the file is of no known format.
func formatOf(fsys fs.FS, name string, known []reader) (string, *reader, error) {
	head, err := headOf(fsys, name)
	if err != nil {
		return "", nil, err
	}
	if dicom.Is(head) {
		return formatDICOM, nil, nil
	}
	for i := range known {
		if known[i].match(head) {
			return known[i].name, &known[i], nil
		}
	}
	return "", nil, nil
}

const formatDICOM = "DICOM"

func headOf(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fault.Disk("reading images", err)
	}
	defer f.Close()
	head := make([]byte, volume.HeadSize)
	n, err := io.ReadFull(f, head)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], reading(name, err)
}

// reading gives an error of reading a file its kind: the file system's are about the disk, and others about what an
// archive holds.
func reading(name string, err error) error {
	var disk *fs.PathError
	switch {
	case err == nil || fault.KindOf(err) != fault.Internal && fault.KindOf(err) != fault.Storage:
		return err
	case errors.As(err, &disk):
		return fault.Disk("reading images", err)
	}
	return fault.WithHint(fault.Errorf(fault.Data, "reading %q: %w", name, err), "the archive is damaged: transfer it again")
}

// stem is a file's name without folder and extension, also of packed files.
func stem(name string) string {
	base := path.Base(name)
	if s, ok := strings.CutSuffix(strings.ToLower(base), ".gz"); ok {
		base = base[:len(s)]
	}
	if e := path.Ext(base); e != "" && len(e) <= 6 {
		base = strings.TrimSuffix(base, e)
	}
	return base
}

// hidden says whether a file or folder is to be passed over: those that systems leave behind.
func hidden(name string) bool {
	return strings.HasPrefix(path.Base(name), ".") || strings.HasPrefix(name, "__MACOSX") || path.Base(name) == "Thumbs.db"
}
