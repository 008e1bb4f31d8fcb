package cases

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"galen.dev/fault"
	"galen.dev/task"
	"galen.dev/volume"
)

// Images hands out the images of a source one by one, for a model at work: no labels are needed, and none are
// read. An image that cannot be read is handed out as its error, and yield decides whether to go on.
func Images(ctx context.Context, name string, o Options, yield func(rec *Record, v *volume.Volume, err error) error) error {
	s, only, closer, err := openSource(name, &o)
	if err != nil {
		return err
	}
	defer closer()
	l, err := s.recognise(ctx, only)
	if err != nil {
		return err
	}
	if err := fault.Refuse("reading images", severe(l.findings)); err != nil {
		return err
	}
	g := &gathering{layout: l, options: &o, collection: new(Collection), patients: map[string]int{}}
	return l.each(ctx, func(it *item) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		g.done++
		rec := &Record{Name: it.name, Row: it.row, Split: it.split, Class: -1, Patient: g.patient(it)}
		v, err := it.image(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			l.findings = nil
			if !g.sound(rec, v, nil) {
				err = fault.Refuse("reading an image", severe(l.findings))
			} else if rec.Hash, err = fingerprint(ctx, v); err != nil {
				return err
			}
		}
		return yield(rec, v, err)
	})
}

func severe(list []fault.Finding) []fault.Finding {
	var out []fault.Finding
	for _, f := range list {
		if f.Severity == fault.Severe {
			out = append(out, f)
		}
	}
	return out
}

// maxSpool bounds what is copied aside of an input that comes as a stream.
const maxSpool = 64 << 30

// Spool copies a stream into a file of its own, because images are not read front to back, and calls use with its
// path. beside is the stream's own name, whose ending tables need for nothing and people for messages. The file is
// removed afterwards.
func Spool(ctx context.Context, r io.Reader, beside string, use func(path string) error) error {
	dir, err := os.MkdirTemp("", "galen-input-")
	if err != nil {
		return fault.Disk("reading the input", err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Base(beside)
	if name == "." || name == string(filepath.Separator) || name == "-" {
		name = "input"
	}
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.Disk("reading the input", err)
	}
	n, err := io.Copy(f, io.LimitReader(&watched{ctx, r}, maxSpool+1))
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil && n > maxSpool {
		err = fault.Errorf(fault.Data, "the input is over %d GiB", maxSpool>>30)
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("reading the input: %w", err)
	}
	return use(path)
}

// watched stops reading when its context ends.
type watched struct {
	ctx context.Context
	r   io.Reader
}

func (w *watched) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(p)
}

// Locate calls use with the path of a study's data: the file or folder that the study names, the folder of a set of
// the catalogue, or a copy of files that are inside the program.
func Locate(ctx context.Context, src *task.Source, use func(path string) error) error {
	if len(src.Files) == 0 {
		return fault.Errorf(fault.Data, "the data %q hold no file", src.Name)
	}
	if src.Path(0) == "" {
		return unpack(ctx, src, use)
	}
	if len(src.Files) == 1 {
		return use(src.Path(0))
	}
	// All files end in their names below one root, and a set of the catalogue has a folder of its own below it.
	root := src.Path(0)[:len(src.Path(0))-len(filepath.FromSlash(src.Files[0].Name))]
	if src.Title != "" {
		common := filepath.Dir(filepath.FromSlash(src.Files[0].Name))
		for _, f := range src.Files {
			for common != "." && !within(filepath.FromSlash(f.Name), common) {
				common = filepath.Dir(common)
			}
		}
		root = filepath.Join(root, common)
	}
	return use(filepath.Clean(root))
}

func within(name, dir string) bool {
	rel, err := filepath.Rel(dir, name)
	return err == nil && filepath.IsLocal(rel)
}

func unpack(ctx context.Context, src *task.Source, use func(path string) error) error {
	dir, err := os.MkdirTemp("", "galen-data-")
	if err != nil {
		return fault.Disk("unpacking the data", err)
	}
	defer os.RemoveAll(dir)
	path := dir
	for i, f := range src.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		path = filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := copyOut(src, i, path); err != nil {
			return fault.Disk("unpacking the data", err)
		}
	}
	if len(src.Files) > 1 {
		path = dir
	}
	return use(path)
}

func copyOut(src *task.Source, i int, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	in, err := src.Open(i)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}
