package volume

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"galen.dev/fault"
)

// HeadSize is how many bytes of a file a format sees to recognise it: enough for packed headers, the longest of
// which is 540 bytes, and for the first text lines of a header in words.
const HeadSize = 4096

// A Format recognises files by what they contain and reads them. Packages of formats each bring one; whoever
// opens files puts them into Formats, in the order in which they are asked.
type Format struct {
	Name string
	// Match says whether a file that begins with head, at most HeadSize bytes, is of this format.
	Match func(head []byte) bool
	// Read reads one volume from files of this format: all files of a folder that match are one series for a
	// format with Series, and one volume each for others. Nothing but names within fsys are opened, so that a
	// zip archive is read as a folder is.
	Read func(ctx context.Context, fsys fs.FS, names []string) ([]*Volume, error)
	// Series says that files belong together: Read gets all of them at once.
	Series bool
}

// Formats is the table of formats that Open knows.
type Formats []Format

// zipMagic begins an archive with at least one file, or an empty one.
var zipMagic = []string{"PK\x03\x04", "PK\x05\x06"}

// Limits on folders and archives.
const (
	maxFiles      = 100_000
	maxUnpacked   = 64 << 30 // bytes that all files of an archive may claim together
	maxExpansion  = 1200     // what deflate can gain at most is 1032
	smallestCheck = 1 << 20  // files below are not held to the expansion
)

// Opened is a volume with the name of the file, or the first of the files, that it came from.
type Opened struct {
	*Volume
	Format string
	Files  []string
}

// Open reads every volume in a file, a zip archive or a folder with its subfolders, whatever the names are. In a
// folder, files that no format knows are passed over; if none is known, or path itself is of no known format, the
// error says what was looked for. Volumes come in the order of their formats, then of the names.
func (f Formats) Open(ctx context.Context, name string) ([]Opened, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fault.Disk("opening an image", err)
	}
	if info.IsDir() {
		return f.OpenFS(ctx, os.DirFS(name))
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fault.Disk("opening an image", err)
	}
	defer file.Close()
	head, err := readHead(file)
	if err != nil {
		return nil, fault.Disk("opening an image", err)
	}
	if format := f.match(head); format != nil {
		return f.read(ctx, os.DirFS(filepath.Dir(name)), map[string][]string{format.Name: {filepath.Base(name)}})
	}
	if slices.ContainsFunc(zipMagic, func(m string) bool { return strings.HasPrefix(string(head), m) }) {
		archive, err := OpenZip(file, info.Size(), filepath.Base(name))
		if err != nil {
			return nil, err
		}
		return f.OpenFS(ctx, archive)
	}
	return nil, f.unknown(filepath.Base(name))
}

// OpenZip opens an archive as a file system and refuses one that cannot be honest: too many files, or more bytes
// than packing can hide.
func OpenZip(r io.ReaderAt, size int64, name string) (fs.FS, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fault.Errorf(fault.Data, "reading archive %q: %w", name, err)
	}
	var findings []fault.Finding
	add := func(name, file, message string) {
		findings = append(findings, fault.Finding{Name: name, Severity: fault.Severe, File: file, Message: message})
	}
	if len(archive.File) > maxFiles {
		add("archive-files", name, fault.Count(len(archive.File), "file")+" are too many")
	}
	total := uint64(0)
	for _, entry := range archive.File {
		n, packed := entry.UncompressedSize64, entry.CompressedSize64
		total += min(n, maxUnpacked)
		if n > smallestCheck && n/maxExpansion > packed {
			add("archive-bomb", entry.Name, "claims more bytes than its packed size can hold")
		}
		if entry.Flags&1 != 0 {
			add("archive-encrypted", entry.Name, "is encrypted")
		}
	}
	if total > maxUnpacked {
		add("archive-bomb", name, "its files claim over 64 GiB together")
	}
	return archive, fault.Refuse("reading archive "+name, findings)
}

// OpenFS reads every volume in a file system; see Open.
func (f Formats) OpenFS(ctx context.Context, fsys fs.FS) ([]Opened, error) {
	found := map[string][]string{}
	files := 0
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.IsDir() || strings.HasPrefix(path.Base(name), ".") || strings.HasPrefix(name, "__MACOSX/") {
			return nil
		}
		if files++; files > maxFiles {
			return fault.Errorf(fault.Data, "opening images: over %d files", maxFiles)
		}
		if !d.Type().IsRegular() && d.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		file, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		if info, err := file.Stat(); err != nil || info.IsDir() {
			return err // a link to a folder is not followed
		}
		head, err := readHead(file)
		if err != nil {
			return err
		}
		if format := f.match(head); format != nil {
			found[format.Name] = append(found[format.Name], name)
		}
		return nil
	})
	if err != nil {
		return nil, fault.Disk("opening images", err)
	}
	if len(found) == 0 {
		return nil, f.unknown("the folder or archive")
	}
	return f.read(ctx, fsys, found)
}

func readHead(r io.Reader) ([]byte, error) {
	head := make([]byte, HeadSize)
	n, err := io.ReadFull(r, head)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], err
}

func (f Formats) match(head []byte) *Format {
	for i := range f {
		if f[i].Match(head) {
			return &f[i]
		}
	}
	return nil
}

func (f Formats) unknown(name string) error {
	names := make([]string, len(f))
	for i := range f {
		names[i] = f[i].Name
	}
	return fault.WithHint(fault.Errorf(fault.Data, "opening %q: no image of a known format", name), "known are %s; names do not matter, contents do", strings.Join(names, ", "))
}

// read reads what was found, and gathers the findings of all files before it refuses.
func (f Formats) read(ctx context.Context, fsys fs.FS, found map[string][]string) ([]Opened, error) {
	var out []Opened
	var findings []fault.Finding
	for _, format := range f {
		names := found[format.Name]
		if len(names) == 0 {
			continue
		}
		groups := [][]string{names}
		if !format.Series {
			groups = groups[:0]
			for _, n := range names {
				groups = append(groups, []string{n})
			}
		}
		for _, group := range groups {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			volumes, err := format.Read(ctx, fsys, group)
			for _, v := range volumes {
				out = append(out, Opened{v, format.Name, group})
			}
			if err == nil {
				continue
			}
			if fault.KindOf(err) != fault.Data || len(fault.FindingsOf(err)) == 0 {
				return nil, err
			}
			for _, finding := range fault.FindingsOf(err) {
				if finding.File == "" {
					finding.File = group[0]
				}
				findings = append(findings, finding)
			}
		}
	}
	if err := fault.Refuse("reading images", findings); err != nil {
		return nil, err
	}
	return out, nil
}
