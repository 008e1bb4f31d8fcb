package dicom

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Collection is what Scan found.
type Collection struct {
	Series   []*Series       // by their UIDs
	Findings []fault.Finding // files that were skipped (Info), tolerated (Warning) or unreadable (Severe)
}

// Series are the objects of one SeriesInstanceUID.
type Series struct {
	UID      string
	Modality string
	Files    []*File // by InstanceNumber, then by name
}

const (
	mediaDirectory = "1.2.840.10008.1.3.10" // DICOMDIR
	maxEntry       = 1 << 30                // of a file in an archive, inflated
	maxFiles       = 1 << 20
)

// Scan reads the attributes of all DICOM files among paths: files, folders (with all below them) and zip
// archives. Other files in folders and archives are skipped with a finding; a file that is named itself and is
// no DICOM file is an error. Pixels are not read.
func Scan(ctx context.Context, paths ...string) (*Collection, error) {
	var jobs []job
	for _, path := range paths {
		more, err := list(path)
		if err != nil {
			return nil, err
		}
		if jobs = append(jobs, more...); len(jobs) > maxFiles {
			return nil, fault.Errorf(fault.Usage, "there are more than %d files", maxFiles)
		}
	}
	return scan(ctx, jobs)
}

func scan(ctx context.Context, jobs []job) (*Collection, error) {
	files := make([]*File, len(jobs))
	problems := make([]error, len(jobs))
	inParallel(ctx, len(jobs), func(i int) { files[i], problems[i] = jobs[i].open() })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &Collection{}
	for i, err := range problems {
		if err == nil && files[i] != nil {
			c.Findings = append(c.Findings, files[i].Findings...)
			continue
		}
		if err := c.skip(&jobs[i], err); err != nil {
			return nil, err
		}
		files[i] = nil
	}
	c.group(files)
	return c, nil
}

// skip notes a file that is not read, or returns the error that it is.
func (c *Collection) skip(j *job, err error) error {
	if err == nil || isNotDICOM(err) {
		if j.named && err != nil {
			return err
		}
		c.Findings = append(c.Findings, fault.Finding{Name: "skipped", Severity: fault.Info, File: j.name, Message: "no DICOM image or document; skipped"})
		return nil
	}
	if fault.KindOf(err) != fault.Data {
		return err
	}
	if list := fault.FindingsOf(err); len(list) > 0 {
		c.Findings = append(c.Findings, list...)
		return nil
	}
	c.Findings = append(c.Findings, fault.Finding{Name: "unreadable", Severity: fault.Severe, File: j.name, Message: err.Error()})
	return nil
}

func isNotDICOM(err error) bool {
	for _, x := range fault.FindingsOf(err) {
		if x.Name == "not-dicom" {
			return true
		}
	}
	return errors.Is(err, errNotDICOM)
}

var errNotDICOM = errors.New("not DICOM")

func (c *Collection) group(files []*File) {
	by := map[string]*Series{}
	for _, f := range files {
		if f == nil {
			continue
		}
		uid := f.Text(SeriesInstanceUID)
		s := by[uid]
		if s == nil {
			s = &Series{UID: uid, Modality: f.Text(Modality)}
			by[uid] = s
			c.Series = append(c.Series, s)
		}
		s.Files = append(s.Files, f)
	}
	slices.SortFunc(c.Series, func(a, b *Series) int { return cmp.Compare(a.UID, b.UID) })
	for _, s := range c.Series {
		slices.SortStableFunc(s.Files, func(a, b *File) int {
			return cmp.Or(cmp.Compare(instanceNumber(a), instanceNumber(b)), cmp.Compare(a.Name, b.Name))
		})
	}
}

func instanceNumber(f *File) int {
	n, _, _ := f.Int(InstanceNumber)
	return n
}

// inParallel runs body for 0 to n-1 on several goroutines, more than processors because some wait for the disk,
// until the context ends.
func inParallel(ctx context.Context, n int, body func(i int)) {
	workers := min(n, 2*runtime.GOMAXPROCS(0))
	next := make(chan int)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := range next {
				body(i)
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	group.Wait()
}

// job is a file to be looked at.
type job struct {
	name  string
	named bool // by the caller, not found in a folder
	open  func() (*File, error)
}

func list(path string) ([]job, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if isZip(path) {
			return listZip(path)
		}
		return []job{{path, true, func() (*File, error) { return openObject(path) }}}, nil
	}
	var jobs []job
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p != path && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		case len(jobs) > maxFiles:
			return fault.Errorf(fault.Usage, "folder %q has more than %d files", path, maxFiles)
		}
		jobs = append(jobs, job{name: p, open: func() (*File, error) { return openObject(p) }})
		return nil
	})
	return jobs, err
}

// openObject is Open, but nil for media directories.
func openObject(path string) (*File, error) {
	f, err := Open(path)
	if err != nil || f.Meta.Text(MediaStorageSOPClassUID) == mediaDirectory {
		return nil, err
	}
	return f, nil
}

func isZip(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [4]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && string(head[:]) == "PK\x03\x04"
}

func listZip(path string) ([]job, error) {
	// The archive stays open as long as values may be read from it; the garbage collector closes it.
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, err := volume.OpenZip(f, info.Size(), path)
	if err != nil {
		return nil, err
	}
	var names []string
	err = fs.WalkDir(r, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasPrefix(filepath.Base(name), ".") && !strings.HasPrefix(name, "__MACOSX/") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, fault.Errorf(fault.Data, "reading %q: %w", path, err)
	}
	jobs := listFS(r, names)
	for i := range jobs {
		jobs[i].name = path + "!" + jobs[i].name
	}
	return jobs, nil
}

func listFS(fsys fs.FS, names []string) []job {
	jobs := make([]job, len(names))
	cache := &inflated{}
	for i, name := range names {
		e := &entry{fsys: fsys, name: name, cache: cache}
		jobs[i] = job{name: name, open: e.parse}
	}
	return jobs
}

// ScanFS is Scan for named files of a file system.
func ScanFS(ctx context.Context, fsys fs.FS, names []string) (*Collection, error) {
	return scan(ctx, listFS(fsys, names))
}

// Format reads DICOM series for volume.Formats: every stack of every series is a volume.
func Format() volume.Format {
	return volume.Format{Name: "DICOM", Match: Is, Series: true, Read: func(ctx context.Context, fsys fs.FS, names []string) ([]*volume.Volume, error) {
		c, err := ScanFS(ctx, fsys, names)
		if err != nil {
			return nil, err
		}
		return c.Volumes(ctx)
	}}
}

// hasImages says whether a series holds pixels of the body: reports and documents have none, and segmentations
// hold labels.
func (s *Series) hasImages() bool {
	return slices.ContainsFunc(s.Files, func(f *File) bool {
		if f.isSegmentation() {
			return false
		}
		return f.Find(PixelData) != nil || f.Find(FloatPixelData) != nil || f.Find(DoubleFloatPixelData) != nil
	})
}

// Volumes reads every stack of every series that has images. Files that cannot be read are refused.
func (c *Collection) Volumes(ctx context.Context) ([]*volume.Volume, error) {
	if err := fault.Refuse("reading a DICOM series", c.severe()); err != nil {
		return nil, err
	}
	var out []*volume.Volume
	for _, s := range c.Series {
		if !s.hasImages() {
			continue
		}
		stacks, err := s.Stacks()
		if err != nil {
			return nil, err
		}
		for _, k := range stacks {
			v, err := k.Volume(ctx)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
	}
	return out, nil
}

func (c *Collection) severe() []fault.Finding {
	var list []fault.Finding
	for _, x := range c.Findings {
		if x.Severity == fault.Severe {
			list = append(list, x)
		}
	}
	return list
}

// inflated keeps the file that was read last where a file system cannot read from the middle: frames of one
// file are read one after the other.
type inflated struct {
	mu   sync.Mutex
	name string
	data []byte
}

// entry reads from a file of a file system.
type entry struct {
	fsys  fs.FS
	name  string
	cache *inflated
}

func (e *entry) ReadAt(b []byte, at int64) (int, error) {
	f, err := e.fsys.Open(e.name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if r, ok := f.(io.ReaderAt); ok {
		return r.ReadAt(b, at)
	}
	e.cache.mu.Lock()
	data, hit := e.cache.data, e.cache.name == e.name && e.cache.data != nil
	e.cache.mu.Unlock()
	if !hit {
		if data, err = e.inflate(f); err != nil {
			return 0, err
		}
		e.cache.mu.Lock()
		e.cache.name, e.cache.data = e.name, data
		e.cache.mu.Unlock()
	}
	return bytes.NewReader(data).ReadAt(b, at)
}

func (e *entry) parse() (*File, error) {
	f, err := e.fsys.Open(e.name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out *File
	if r, ok := f.(io.ReaderAt); ok {
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		out, err = parse(r, info.Size(), e.name, e)
		if err != nil {
			return nil, err
		}
	} else {
		data, err := e.inflate(f)
		if err != nil {
			return nil, err
		}
		if out, err = parse(bytes.NewReader(data), int64(len(data)), e.name, e); err != nil {
			return nil, err
		}
	}
	if out.Meta.Text(MediaStorageSOPClassUID) == mediaDirectory {
		return nil, nil
	}
	return out, nil
}

// inflate reads a file from its beginning. What does not begin as DICOM does is left at once; memory grows with
// what is there, not with what an archive claims.
func (e *entry) inflate(f io.Reader) ([]byte, error) {
	var out bytes.Buffer
	if _, err := io.CopyN(&out, f, 132); err != nil && err != io.EOF {
		return nil, fault.Errorf(fault.Data, "reading %q: %w", e.name, err)
	}
	if !Is(out.Bytes()) {
		return nil, fmt.Errorf("reading %q: %w", e.name, errNotDICOM)
	}
	n, err := io.Copy(&out, io.LimitReader(f, maxEntry))
	if err != nil {
		return nil, fault.Errorf(fault.Data, "reading %q: %w", e.name, err)
	}
	if n == maxEntry {
		return nil, fault.Errorf(fault.Data, "reading %q: the file has more than %d bytes; unpack the archive", e.name, maxEntry)
	}
	return out.Bytes(), nil
}
