package catalog

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"galen.dev/fault"
)

// Sums are the fingerprints of a file.
type Sums struct {
	SHA256 string `json:"sha256"`
	MD5    string `json:"md5"`
	Size   int64  `json:"size"`
}

// Basis says what a file was compared with.
type Basis string

// The bases of a check, from strong to none.
const (
	Published Basis = "published"      // a checksum in the catalogue
	Recorded  Basis = "first download" // the checksum that this machine recorded at its first download
	Unknown   Basis = "nothing"        // there is nothing to compare with
)

// Check is the outcome of the comparison of one file that agreed, or that had nothing to disagree with.
type Check struct {
	Local
	Sums
	Basis Basis
}

// Verify reads every file of a set that is on this machine and compares it with its checksums. Files that
// differ make the error fault.Corrupt, with a finding for each.
func Verify(ctx context.Context, name string) ([]Check, error) {
	found, err := Find(ctx, name)
	if err != nil {
		return nil, err
	}
	var checks []Check
	var findings []fault.Finding
	for _, l := range found.Files {
		c, err := found.check(ctx, l)
		if fault.KindOf(err) == fault.Corrupt {
			findings = append(findings, fault.Finding{Name: "checksum", Severity: fault.Severe, File: l.Name, Message: err.Error()})
			continue
		}
		if err != nil {
			return nil, err
		}
		checks = append(checks, c)
	}
	if findings == nil {
		return checks, nil
	}
	where := found.Dir
	if where == "" {
		where = "the program"
	}
	return checks, &fault.Error{
		Kind: fault.Corrupt, Findings: findings,
		Err:  fmt.Errorf("data set %q in %s does not match its checksums", found.Entry.Name, where),
		Hint: "delete these files and fetch them again: galen data pull " + found.Entry.Name,
	}
}

func (f Found) check(ctx context.Context, l Local) (Check, error) {
	c := Check{Local: l, Basis: Unknown}
	var err error
	switch {
	case l.Folder:
		c.SHA256, c.Size, err = hashTree(ctx, l.Path)
	default:
		var in io.ReadCloser
		if in, err = f.Open(l.Name); err == nil {
			c.Sums, err = sum(ctx, in)
			_ = in.Close()
		}
	}
	if err != nil {
		return c, storageError(ctx, fmt.Sprintf("reading %q", l.Name), err)
	}
	c.Basis, err = judge(l.Resource, c.Sums)
	if err != nil || c.Basis == Published || l.Path == "" {
		return c, err
	}
	p, err := readProvenance(l.Path)
	if err != nil || p == nil {
		return c, err
	}
	if p.SHA256 != c.SHA256 {
		return c, fault.Errorf(fault.Corrupt, "differs from the file that was downloaded on %s", p.Fetched.Format("2006-01-02"))
	}
	c.Basis = Recorded
	return c, nil
}

// judge compares fingerprints with what the catalogue knows of a resource.
func judge(r Resource, s Sums) (Basis, error) {
	switch {
	case r.Size > 0 && r.Size != s.Size:
		return "", fault.Errorf(fault.Corrupt, "has %d bytes instead of %d", s.Size, r.Size)
	case r.SHA256 != "" && r.SHA256 != s.SHA256:
		return "", fault.Errorf(fault.Corrupt, "has SHA-256 %s instead of %s", s.SHA256, r.SHA256)
	case r.MD5 != "" && r.MD5 != s.MD5:
		return "", fault.Errorf(fault.Corrupt, "has MD5 %s instead of %s", s.MD5, r.MD5)
	case r.SHA256 != "" || r.MD5 != "":
		return Published, nil
	}
	return Unknown, nil
}

func sum(ctx context.Context, r io.Reader) (Sums, error) {
	s, m := sha256.New(), md5.New() // MD5 only because publishers give it; against errors, not against forgers
	n, err := io.Copy(io.MultiWriter(s, m), &ctxReader{ctx, r})
	return Sums{SHA256: hex.EncodeToString(s.Sum(nil)), MD5: hex.EncodeToString(m.Sum(nil)), Size: n}, err
}

func sumFile(ctx context.Context, path string) (Sums, error) {
	f, err := os.Open(path)
	if err != nil {
		return Sums{}, err
	}
	defer f.Close()
	return sum(ctx, f)
}

// hashTree fingerprints a folder: the SHA-256 of the lines "SHA256  PATH" of its files, sorted by path. It
// is what this prints inside the folder:
//
//	find . -type f | sed 's/^\.\///' | LC_ALL=C sort | xargs sha256sum | sha256sum
func hashTree(ctx context.Context, dir string) (string, int64, error) {
	var files []string
	err := filepath.WalkDir(dir, func(full string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			var rel string
			rel, err = filepath.Rel(dir, full)
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		return "", 0, err
	}
	sort.Strings(files)
	tree := sha256.New()
	var size int64
	for _, name := range files {
		s, err := sumFile(ctx, filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return "", 0, err
		}
		size += s.Size
		fmt.Fprintf(tree, "%s  %s\n", s.SHA256, name)
	}
	return hex.EncodeToString(tree.Sum(nil)), size, nil
}

// ctxReader ends a long read soon after its context is cancelled.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
