package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"galen.dev/fault"
)

// Reuse looks for a finished step with the same key in any other run of this store and, where there is one
// whose files still match their manifest, publishes it as the step of this run: by hard links, or by copies
// where the file system has none. The manifest keeps the original's times and machine, and ReusedFrom names
// the run that computed it. It returns false when there is nothing to reuse. The caller holds the run's lock.
func (s *Store) Reuse(ctx context.Context, key, id, step string) (Manifest, bool, error) {
	if err := errors.Join(checkID(id), checkStep(step)); err != nil {
		return Manifest{}, false, err
	}
	if key == "" {
		return Manifest{}, false, nil
	}
	runs, err := s.index.withKey(ctx, key, step)
	if err != nil {
		return Manifest{}, false, err
	}
	for _, from := range runs {
		if from == id {
			continue
		}
		m, err := s.Manifest(from, step)
		if err != nil || m.Key != key {
			continue // the index was behind; the folders decide
		}
		out, err := s.reuseFrom(ctx, m, from, id, step)
		if fault.KindOf(err) == fault.Corrupt {
			continue // a damaged copy is passed over; another run may have a sound one
		}
		return out, err == nil, err
	}
	return Manifest{}, false, nil
}

func (s *Store) reuseFrom(ctx context.Context, m Manifest, from, id, step string) (Manifest, error) {
	st, err := s.Stage(id, step)
	if err != nil {
		return Manifest{}, err
	}
	defer func() { _ = st.Discard() }()
	for _, f := range m.Outputs {
		if err := s.take(ctx, f, s.Path(from, step, f.Name), filepath.Join(st.dir, filepath.FromSlash(f.Name))); err != nil {
			return Manifest{}, fmt.Errorf("reusing step %q of run %q: %w", step, from, err)
		}
	}
	want := m.Outputs
	if m.ReusedFrom == "" {
		m.ReusedFrom = from
	}
	out, err := st.publishIf(ctx, m, func(got []File) error {
		if !sameFiles(got, want) {
			return fault.Errorf(fault.Corrupt, "step %q of run %q does not match its manifest", step, from)
		}
		return nil
	})
	return out, err
}

// take brings one file into the stage, linked or copied.
func (s *Store) take(ctx context.Context, f File, from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return fault.Disk(fmt.Sprintf("linking %q", f.Name), err)
	}
	if !exists(from) {
		return fault.Errorf(fault.Corrupt, "file %q is missing", f.Name)
	}
	if s.link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return fault.Disk(fmt.Sprintf("copying %q", f.Name), err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fault.Disk(fmt.Sprintf("copying %q", f.Name), err)
	}
	_, err = io.Copy(out, &ctxReader{ctx, in})
	if err = errors.Join(err, out.Close()); err != nil {
		return storageUnlessCanceled(ctx, fmt.Sprintf("copying %q", f.Name), err)
	}
	return nil
}

func sameFiles(a, b []File) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
