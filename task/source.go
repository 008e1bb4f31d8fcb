package task

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"galen.dev/catalog"
	"galen.dev/fault"
	"galen.dev/store"
)

// Source is the data of a study: an entry of the catalogue, or the user's own file or folder.
type Source struct {
	Name     string       `json:"name"` // as the study says
	Files    []store.File `json:"files"`
	Title    string       `json:"title,omitempty"` // these three are the catalogue's
	Licence  string       `json:"licence,omitempty"`
	Citation string       `json:"citation,omitempty"`
	// Synthetic tells that no real patient is behind the data: whatever shows them says so.
	Synthetic bool `json:"synthetic,omitempty"`

	paths []string // of Files; "" for a file inside the program
	open  func(i int) (io.ReadCloser, error)
}

// Open opens the i-th file.
func (s *Source) Open(i int) (io.ReadCloser, error) { return s.open(i) }

// Path returns the path of the i-th file, or "" when it is inside the program.
func (s *Source) Path(i int) string { return s.paths[i] }

// findSource finds the data of a study, a path first when the name looks like one, and fingerprints it.
func findSource(ctx context.Context, s *Study) (*Source, error) {
	path := s.Resolve(s.Data)
	looksLikePath := strings.ContainsAny(s.Data, `/\.`)
	if info, err := os.Stat(path); err == nil {
		if _, known := catalog.Lookup(s.Data); looksLikePath || known != nil {
			return pathSource(ctx, s.Data, path, info)
		}
	} else if looksLikePath {
		return nil, fault.WithHint(fmt.Errorf("data %q: %w", s.Data, err), "a path is relative to the study file; `galen data list` shows the catalogue's names")
	}
	return catalogSource(ctx, s.Data)
}

func pathSource(ctx context.Context, name, path string, info fs.FileInfo) (*Source, error) {
	src := &Source{Name: name}
	src.open = func(i int) (io.ReadCloser, error) { return os.Open(src.paths[i]) }
	if !info.IsDir() {
		return src, src.add(ctx, filepath.Base(path), path)
	}
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		rel, err := filepath.Rel(path, p)
		if err != nil {
			return err
		}
		return src.add(ctx, filepath.ToSlash(rel), p)
	})
	if err == nil && len(src.Files) == 0 {
		err = fault.Errorf(fault.Data, "the folder %q holds no file", path)
	}
	return src, err
}

// catalogSource finds a set of the catalogue and compares it with its published checksums.
func catalogSource(ctx context.Context, name string) (*Source, error) {
	found, err := catalog.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	if found.Entry.Made() && found.Dir == "" { // images are read by their paths
		if found, err = found.Extract(); err != nil {
			return nil, err
		}
	}
	e := found.Entry
	src := &Source{Name: e.Name, Title: e.Title, Licence: e.Licence, Citation: e.Citation, Synthetic: e.Synthetic}
	for _, l := range found.Files {
		switch {
		case l.Folder:
			info, err := os.Stat(l.Path)
			if err != nil {
				return nil, err
			}
			folder, err := pathSource(ctx, e.Name, l.Path, info)
			if err != nil {
				return nil, err
			}
			for i, f := range folder.Files {
				f.Name = l.Name + "/" + f.Name
				src.Files, src.paths = append(src.Files, f), append(src.paths, folder.paths[i])
			}
		case l.Path != "":
			if err := src.add(ctx, l.Name, l.Path); err != nil {
				return nil, err
			}
		default:
			if err := src.addEmbedded(found, l); err != nil {
				return nil, err
			}
		}
		if got := src.Files[len(src.Files)-1]; !l.Folder && l.SHA256 != "" && got.SHA256 != l.SHA256 {
			return nil, fault.WithHint(fault.Errorf(fault.Corrupt, "data %q: %s does not match the checksum in the catalogue", e.Name, l.Name),
				"delete it and fetch it again: `galen data pull %s`; another version of the set can be given as a path", e.Name)
		}
	}
	src.open = func(i int) (io.ReadCloser, error) {
		if src.paths[i] == "" {
			return found.Open(src.Files[i].Name)
		}
		return os.Open(src.paths[i])
	}
	return src, nil
}

func (s *Source) addEmbedded(found catalog.Found, l catalog.Local) error {
	f, err := found.Open(l.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	counted := &counter{r: f}
	h, err := hashReader(counted)
	s.Files, s.paths = append(s.Files, store.File{Name: l.Name, SHA256: h, Size: counted.n}), append(s.paths, "")
	return err
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (s *Source) add(ctx context.Context, name, path string) error {
	f, err := store.HashFile(ctx, path)
	if err != nil {
		return fmt.Errorf("reading %q: %w", name, err)
	}
	f.Name = name
	s.Files = append(s.Files, f)
	s.paths = append(s.paths, path)
	return nil
}

func hashReader(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
