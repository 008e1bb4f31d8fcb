package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"galen.dev/fault"
)

// Points of a publication at which tests kill the process.
const (
	pointHashed   = "hashed"   // every output is written and hashed, no manifest yet
	pointManifest = "manifest" // the staged folder is complete and on the disk
	pointMoved    = "moved"    // without an atomic exchange: the earlier version is moved aside
	pointSwapped  = "swapped"  // the new version is in place, the earlier one not yet removed
	pointRemoved  = "removed"  // the earlier version is removed, the index not yet updated
)

// Publish makes the staged files the finished step, in place of any earlier version, and returns the
// manifest as stored. It fills Format, Step, Outputs, and where they are zero Started, Seconds and Machine.
//
// Everything is on the disk before one rename makes it visible, so a reader finds, and a process killed at
// any moment leaves, either the earlier version or the new one. When it fails, the earlier version stands and
// the stage is still there to be discarded; only when the disk fails to confirm the rename itself is the new
// version visible nevertheless.
func (st *Stage) Publish(ctx context.Context, m Manifest) (Manifest, error) {
	return st.publishIf(ctx, m, func([]File) error { return nil })
}

// publishIf publishes only when accept agrees to the outputs that were found.
func (st *Stage) publishIf(ctx context.Context, m Manifest, accept func([]File) error) (Manifest, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.done {
		return Manifest{}, fault.Errorf(fault.Internal, "publishing step %q: the stage has ended", st.step)
	}
	if st.store.holding(st.id) == nil {
		return Manifest{}, fault.Errorf(fault.Internal, "publishing step %q: run %q is not locked", st.step, st.id)
	}
	doing := fmt.Sprintf("publishing step %q of run %q", st.step, st.id)
	for name := range st.open {
		return Manifest{}, fault.Errorf(fault.Internal, "%s: file %q was not closed, or failed", doing, name)
	}
	outputs, err := st.collect(ctx)
	if err == nil {
		err = accept(outputs)
	}
	if err != nil {
		return Manifest{}, storageUnlessCanceled(ctx, doing, err)
	}
	st.reach(pointHashed)
	m = st.fill(m, outputs)
	text, err := encodeManifest(m)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", doing, err)
	}
	if m, err = parseManifest(text); err != nil { // what could not be read back is never published
		return Manifest{}, fault.Errorf(fault.Internal, "%s: %w", doing, err)
	}
	manifest := filepath.Join(st.dir, manifestFile)
	_ = os.Remove(manifest) // of an attempt that failed further on
	if err := writeSynced(manifest, text); err != nil {
		return Manifest{}, fault.Disk(doing, err)
	}
	if err := errors.Join(os.Chmod(manifest, 0o444), syncDir(st.dir)); err != nil {
		return Manifest{}, fault.Disk(doing, err)
	}
	st.reach(pointManifest)
	if err := ctx.Err(); err != nil {
		return Manifest{}, err
	}
	if err := st.replace(); err != nil {
		return Manifest{}, fault.Disk(doing, err)
	}
	st.reach(pointRemoved)
	st.store.index.note(ctx, st.id)
	return m, nil
}

func (st *Stage) reach(point string) {
	if st.store.at != nil {
		st.store.at(point)
	}
}

func (st *Stage) fill(m Manifest, outputs []File) Manifest {
	m.Format, m.Step, m.Outputs = Format, st.step, outputs
	if m.Started.IsZero() {
		m.Started = st.opened
	}
	if m.Seconds == 0 {
		m.Seconds = max(0, time.Since(m.Started).Seconds())
	}
	m.Started = m.Started.UTC().Round(0)
	if m.Machine == (Machine{}) {
		m.Machine = ThisMachine()
	}
	return m
}

// collect lists the staged files with their hashes, sorted, makes them read-only and brings them and their
// folders to the disk. Read-only, because Reuse shares them between runs by hard links.
func (st *Stage) collect(ctx context.Context) ([]File, error) {
	var files []File
	err := filepath.WalkDir(st.dir, func(full string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(st.dir, full)
		if err != nil || rel == "." || rel == manifestFile {
			return err
		}
		if e.IsDir() {
			return syncDir(full)
		}
		name := filepath.ToSlash(rel)
		if err := checkName(name); err != nil {
			return err
		}
		if !e.Type().IsRegular() {
			return fault.Errorf(fault.Internal, "%q is not a regular file", name)
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if w, ok := st.written[name]; ok && w.Size == info.Size() && w.modified.Equal(info.ModTime()) {
			files = append(files, w.File)
		} else {
			f, err := hashAndSync(ctx, full)
			if err != nil {
				return err
			}
			f.Name = name
			files = append(files, f)
		}
		if info.Mode().Perm()&0o222 == 0 {
			return nil
		}
		return os.Chmod(full, 0o444)
	})
	for name := range st.written {
		if err == nil && !exists(filepath.Join(st.dir, filepath.FromSlash(name))) {
			err = fault.Errorf(fault.Internal, "file %q has vanished from the stage", name)
		}
	}
	sortFiles(files)
	return files, err
}

// hashAndSync fingerprints a file that did not come through Create.
func hashAndSync(ctx context.Context, full string) (File, error) {
	f, err := HashFile(ctx, full)
	if err != nil {
		return f, err
	}
	return f, syncFile(full)
}

// replace puts the staged folder in the place of the step's.
func (st *Stage) replace() error {
	run, final := st.store.runDir(st.id), st.store.stepDir(st.id, st.step)
	if !exists(final) {
		if err := os.Rename(st.dir, final); err != nil {
			return err
		}
		st.done = true
		st.reach(pointSwapped)
		return syncDir(run)
	}
	aside := st.dir
	err := st.store.swap(st.dir, final)
	if errors.Is(err, errors.ErrUnsupported) {
		// Two renames leave a moment without the step. A process killed in it has its earlier version put
		// back by the next holder of the lock.
		aside = filepath.Join(run, oldPrefix+st.step+"."+token())
		if err = os.Rename(final, aside); err == nil {
			st.reach(pointMoved)
			if err = os.Rename(st.dir, final); err != nil {
				err = errors.Join(err, os.Rename(aside, final))
			}
		}
	}
	if err != nil {
		return err
	}
	st.done = true // the staged folder now holds the earlier version, which must not be published again
	st.reach(pointSwapped)
	if err := syncDir(run); err != nil {
		return err
	}
	// What cannot be removed now, for instance because a reader on Windows has it open, is removed under
	// the next lock.
	_ = os.RemoveAll(aside)
	return nil
}

func storageUnlessCanceled(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Disk(doing, err)
}
