package cases

import (
	"bufio"
	"bytes"
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/volume"
)

// item is a case that a layout has found and not yet read.
type item struct {
	name    string
	row     int
	patient string // in memory alone; "" = nobody says
	split   string
	class   int
	labels  []int8
	image   func(ctx context.Context) (*volume.Volume, error)
	mask    func(ctx context.Context) (*volume.LabelMap, error) // nil = none
}

// layout is what a source was found to be.
type layout struct {
	name     string
	kind     Kind
	names    []string // of classes or labels
	channels []string
	regions  []volume.Label
	masks    bool
	findings []fault.Finding
	total    int // cases, as far as known
	// each hands out the cases in their order. It stops with the error that yield returns.
	each func(ctx context.Context, yield func(*item) error) error
}

// listed is a layout whose cases are a list.
func (l *layout) listed(items []*item) *layout {
	l.total = len(items)
	l.each = func(ctx context.Context, yield func(*item) error) error {
		for _, it := range items {
			if err := yield(it); err != nil {
				return err
			}
		}
		return nil
	}
	return l
}

func (l *layout) find(severity fault.Severity, name, file, message, hint string) {
	l.findings = append(l.findings, fault.Finding{Name: name, Severity: severity, File: file, Message: message, Hint: hint})
}

// maxFiles bounds the files of a source.
const maxFiles = 1 << 20

// source is a tree of files with what was found in it.
type source struct {
	fsys    fs.FS
	options *Options
	known   []reader
	files   []string          // every file, sorted
	formats map[string]string // of those looked at; "" = unknown
	readers map[string]*reader
}

// openSource opens a path: a folder, an archive as if it were a folder, or one file.
func openSource(name string, o *Options) (s *source, only string, closer func() error, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, "", nil, fault.Disk("reading images", err)
	}
	s = &source{options: o, known: readers(o), formats: map[string]string{}, readers: map[string]*reader{}}
	nothing := func() error { return nil }
	if info.IsDir() {
		s.fsys = os.DirFS(name)
		return s, "", nothing, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, "", nil, fault.Disk("reading images", err)
	}
	var mark [4]byte
	if n, _ := f.ReadAt(mark[:], 0); n == 4 && string(mark[:]) == "PK\x03\x04" {
		archive, err := volume.OpenZip(f, info.Size(), filepath.Base(name))
		if err != nil {
			f.Close()
			return nil, "", nil, err
		}
		s.fsys = archive
		return s, "", f.Close, nil
	}
	s.fsys = os.DirFS(filepath.Dir(name))
	return s, filepath.Base(name), f.Close, nil
}

// recognise finds out what a source is. only names the one file of it that counts, "" for all.
func (s *source) recognise(ctx context.Context, only string) (*layout, error) {
	if only != "" {
		return s.single(ctx, only)
	}
	if err := s.list(ctx); err != nil {
		return nil, err
	}
	if len(s.files) == 0 {
		return nil, fault.Errorf(fault.Data, "reading images: there is no file")
	}
	if l, err := s.arrays(ctx); l != nil || err != nil {
		return l, err
	}
	if l, err := s.nnunet(ctx); l != nil || err != nil {
		return l, err
	}
	if l, err := s.pairs(ctx); l != nil || err != nil {
		return l, err
	}
	for _, name := range s.files {
		if path.Dir(name) == "." && s.isTable(name) {
			return s.table(ctx, name)
		}
	}
	return s.folders(ctx)
}

// single is the layout of one file: a table that names others, or an image.
func (s *source) single(ctx context.Context, name string) (*layout, error) {
	format, err := s.format(name)
	if err != nil {
		return nil, err
	}
	if format == "" {
		if s.isTable(name) {
			return s.table(ctx, name)
		}
		return nil, s.unknown(name)
	}
	s.files = []string{name}
	return s.loose(ctx, s.files)
}

func (s *source) unknown(name string) error {
	return fault.WithHint(fault.Errorf(fault.Data, "reading %q: no image of a known format", name),
		"known are DICOM, NIfTI, NRRD, PNG, JPEG, TIFF, NumPy arrays, and tables (CSV) with a column path; contents count, names do not")
}

func (s *source) list(ctx context.Context) error {
	err := fs.WalkDir(s.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if name != "." && hidden(name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !d.Type().IsRegular() && d.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		if len(s.files) >= maxFiles {
			return fault.Errorf(fault.Data, "reading images: there are more than %d files", maxFiles)
		}
		s.files = append(s.files, name)
		return nil
	})
	slices.Sort(s.files)
	if err != nil && fault.KindOf(err) == fault.Internal && ctx.Err() == nil {
		err = fault.Disk("reading images", err)
	}
	return err
}

// format is the format of a file, "" where it is none of an image's.
func (s *source) format(name string) (string, error) {
	if f, seen := s.formats[name]; seen {
		return f, nil
	}
	f, r, err := formatOf(s.fsys, name, s.known)
	if err != nil {
		return "", err
	}
	s.formats[name], s.readers[name] = f, r
	return f, nil
}

// isTable says whether a file is text in lines whose first one has a column of paths.
func (s *source) isTable(name string) bool {
	head, err := headOf(s.fsys, name)
	if err != nil || len(head) == 0 || bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	line, err := bufio.NewReader(bytes.NewReader(head)).ReadString('\n')
	if err != nil && len(head) == volume.HeadSize {
		return false
	}
	for _, cell := range splitLine(line) {
		if slices.Contains(pathColumns, cell) {
			return true
		}
	}
	return false
}

func splitLine(line string) []string {
	cells := strings.Split(strings.TrimPrefix(strings.TrimSpace(line), "\ufeff"), ",")
	for i := range cells {
		cells[i] = strings.ToLower(strings.Trim(strings.TrimSpace(cells[i]), `"`))
	}
	return cells
}

// under are the files of a folder and all below it.
func (s *source) under(dir string) []string {
	if dir == "." || dir == "" {
		return s.files
	}
	from, _ := slices.BinarySearch(s.files, dir+"/")
	to := from
	for to < len(s.files) && strings.HasPrefix(s.files[to], dir+"/") {
		to++
	}
	return s.files[from:to]
}

// tops are the names of the folders directly below a folder, sorted.
func (s *source) tops(dir string) []string {
	prefix := ""
	if dir != "." {
		prefix = dir + "/"
	}
	var out []string
	for _, name := range s.under(dir) {
		if first, _, ok := strings.Cut(strings.TrimPrefix(name, prefix), "/"); ok && (len(out) == 0 || out[len(out)-1] != first) {
			out = append(out, first)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// images makes an item of every image among files: each picture or volume is one, each DICOM series is one, and
// each DICOM image that belongs to no volume is one.
func (s *source) images(ctx context.Context, l *layout, files []string) ([]*item, error) {
	var items []*item
	var dicoms []string
	skipped, first := 0, ""
	for _, name := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		format, err := s.format(name)
		if err != nil {
			return nil, err
		}
		switch format {
		case "":
			if looksLikeImage(name) {
				l.find(fault.Severe, "unreadable", name, "no image of a known format, for all its name says", "remove it, or export it again")
			} else if skipped++; skipped == 1 {
				first = name
			}
		case formatDICOM:
			dicoms = append(dicoms, name)
		default:
			items = append(items, s.file(name))
		}
	}
	if skipped > 0 && len(files) > 1 {
		l.find(fault.Info, "passed-over", first, fault.Count(skipped, "file")+" like this one are no images", "")
	}
	if len(dicoms) > 0 {
		more, err := s.dicom(ctx, l, dicoms)
		if err != nil {
			return nil, err
		}
		items = append(items, more...)
	}
	return items, nil
}

// looksLikeImage says whether a name promises an image, so that a damaged file is not taken for a note beside.
func looksLikeImage(name string) bool {
	switch strings.ToLower(path.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz"))) {
	case ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".nii", ".nrrd", ".nhdr", ".npy", ".dcm":
		return true
	}
	return false
}

// file is the item of an image in one file.
func (s *source) file(name string) *item {
	r := s.readers[name]
	return &item{name: name, class: -1, image: func(ctx context.Context) (*volume.Volume, error) { return r.read(ctx, s.fsys, name) }}
}

// loose are images without labels.
func (s *source) loose(ctx context.Context, files []string) (*layout, error) {
	l := &layout{name: "images", kind: Unlabelled}
	items, err := s.images(ctx, l, files)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 && len(l.findings) == 0 {
		return nil, s.unknown("the folder or archive")
	}
	return l.listed(items), nil
}
