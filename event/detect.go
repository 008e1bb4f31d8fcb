package event

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
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

// detect finds the form of a source by its content.
func detect(source string) (Form, error) {
	info, err := os.Stat(source)
	if err != nil {
		return "", fault.Disk("reading events", err)
	}
	if info.IsDir() {
		return detectFolder(source)
	}
	f, err := openPlain(source)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", fault.Errorf(fault.Data, "reading %q: %w", filepath.Base(source), err)
	}
	head = head[:n]
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(text, []byte("{")):
		return FormFHIR, nil
	case bytes.HasPrefix(head, []byte("PAR1")):
		return FormMEDS, nil
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return FormPhysioNet, nil
	}
	return FormCSV, nil
}

func detectFolder(source string) (Form, error) {
	var found [4]bool
	rank := []Form{FormPhysioNet, FormMEDS, FormCSV, FormFHIR}
	stop := errors.New("found")
	err := filepath.WalkDir(source, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := d.Name(); {
		case d.IsDir() && setName.MatchString(name), outcomesName.MatchString(name), strings.HasSuffix(name, ".txt") && isPhysioNet(file):
			found[0] = true
			return stop
		case d.IsDir():
		case strings.HasSuffix(name, ".parquet"):
			found[1] = true
			return stop
		case (name == "events.csv" || name == "events.csv.gz") && filepath.Dir(file) == filepath.Clean(source):
			found[2] = true
		case isFHIR(name):
			found[3] = true
		}
		return nil
	})
	if err != nil && !errors.Is(err, stop) {
		return "", fault.Disk("reading events", err)
	}
	if i := slices.Index(found[:], true); i >= 0 {
		return rank[i], nil
	}
	return "", fault.WithHint(fault.Errorf(fault.Data, "%q is a folder of no known form of events", filepath.Base(source)), "a folder holds set-a and the like, events.csv, data/*.parquet, or FHIR's *.json and *.ndjson")
}

func isPhysioNet(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len("Time,Parameter,Value"))
	n, _ := io.ReadFull(f, head)
	return string(head[:n]) == "Time,Parameter,Value"
}

func isFHIR(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	return strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".ndjson") || strings.HasSuffix(name, ".jsonl")
}

// plain is a file that is unpacked as it is read.
type plain struct {
	io.Reader
	file *os.File
}

func (p *plain) Close() error { return p.file.Close() }

// openPlain opens a file, plain or in gzip.
func openPlain(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.Disk("reading events", err)
	}
	r, err := unpacked(f, filepath.Base(name))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &plain{r, f}, nil
}

func unpacked(f io.Reader, name string) (io.Reader, error) {
	r := bufio.NewReaderSize(f, 1<<16)
	if head, err := r.Peek(2); err != nil || head[0] != 0x1f || head[1] != 0x8b {
		return r, nil
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fault.Errorf(fault.Data, "reading %q: %w", name, err)
	}
	return z, nil
}

// maxFiles bounds the files of an archive.
const maxFiles = 1 << 20

// jsonFiles hands out the JSON and NDJSON files of a folder, a zip or a single file, unpacked, in the order of their
// names.
func jsonFiles(ctx context.Context, source string, visit func(name string, r io.Reader) error) (other int, err error) {
	info, err := os.Stat(source)
	if err != nil {
		return 0, fault.Disk("reading events", err)
	}
	if info.IsDir() {
		err = filepath.WalkDir(source, func(file string, d fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil || d.IsDir() {
				return err
			}
			if !isFHIR(d.Name()) || !d.Type().IsRegular() {
				other++
				return nil
			}
			name, err := filepath.Rel(source, file)
			if err != nil {
				return err
			}
			return visitFile(file, filepath.ToSlash(name), visit)
		})
		return other, err
	}
	archive, err := zip.OpenReader(source)
	if err != nil {
		if !errors.Is(err, zip.ErrFormat) {
			return 0, fault.Errorf(fault.Data, "reading %q: %w", filepath.Base(source), err)
		}
		return 0, visitFile(source, filepath.Base(source), visit)
	}
	defer archive.Close()
	if len(archive.File) > maxFiles {
		return 0, fault.Errorf(fault.Data, "%q holds more than %d files", filepath.Base(source), maxFiles)
	}
	slices.SortStableFunc(archive.File, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range archive.File {
		if err := ctx.Err(); err != nil {
			return other, err
		}
		if !f.Mode().IsRegular() || !isFHIR(f.Name) {
			other++
			continue
		}
		if err := visitZipped(f, visit); err != nil {
			return other, err
		}
	}
	return other, nil
}

func visitFile(file, name string, visit func(name string, r io.Reader) error) error {
	f, err := openPlain(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return visit(name, f)
}

func visitZipped(f *zip.File, visit func(name string, r io.Reader) error) error {
	name := path.Clean(f.Name)
	z, err := f.Open()
	if err != nil {
		return fault.Errorf(fault.Data, "reading %q: %w", name, err)
	}
	defer z.Close()
	r, err := unpacked(z, name)
	if err != nil {
		return err
	}
	return visit(name, r)
}
