package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"galen.dev/fault"
)

// Stage is a step being written, in a hidden folder of its run. It ends with Publish or Discard. Its methods
// may be called from several goroutines.
type Stage struct {
	store    *Store
	id, step string
	dir      string
	opened   time.Time

	mu      sync.Mutex
	open    map[string]bool       // files whose writers are not closed yet
	written map[string]stagedFile // files whose hashes are known
	done    bool
}

// stagedFile is a file as it was when its writer closed; modified tells whether it has changed since.
type stagedFile struct {
	File
	modified time.Time
}

// Stage begins the writing of a step. The caller holds the run's lock through this Store.
func (s *Store) Stage(id, step string) (*Stage, error) {
	if err := errors.Join(checkID(id), checkStep(step)); err != nil {
		return nil, err
	}
	if s.holding(id) == nil {
		return nil, fault.Errorf(fault.Internal, "staging step %q: run %q is not locked", step, id)
	}
	dir := filepath.Join(s.runDir(id), stagePrefix+step+"."+token())
	if err := os.Mkdir(dir, 0o777); err != nil {
		return nil, fault.Disk(fmt.Sprintf("staging step %q of run %q", step, id), err)
	}
	return &Stage{
		store: s, id: id, step: step, dir: dir, opened: time.Now(),
		open: map[string]bool{}, written: map[string]stagedFile{},
	}, nil
}

// Dir is the folder in which the step is written. Files may be put there without Create; Publish then reads
// them once more to hash them.
func (st *Stage) Dir() string { return st.dir }

// Create begins a new file of the step. The name is a slash-separated path inside the step's folder. The
// content is hashed while it is written, and is on the disk when Close returns without error.
func (st *Stage) Create(name string) (io.WriteCloser, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if name == manifestFile {
		return nil, fault.Errorf(fault.Internal, "a step may not write its own %s", manifestFile)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.done {
		return nil, fault.Errorf(fault.Internal, "creating %q: the stage has ended", name)
	}
	full := filepath.Join(st.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
		return nil, fault.Disk(fmt.Sprintf("creating %q", name), err)
	}
	f, err := os.OpenFile(full, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fault.Disk(fmt.Sprintf("creating %q", name), err)
	}
	st.open[name] = true
	return &stageWriter{st: st, name: name, file: f, hash: sha256.New()}, nil
}

type stageWriter struct {
	st   *Stage
	name string
	file *os.File
	hash hash.Hash
	size int64
	err  error // the first failure, which every later call repeats
}

func (w *stageWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if hook := w.st.store.fileHook; hook != nil {
		if w.err = fault.Disk(fmt.Sprintf("writing %q", w.name), hook(w.name, p)); w.err != nil {
			return 0, w.err
		}
	}
	n, err := w.file.Write(p)
	w.hash.Write(p[:n])
	w.size += int64(n)
	w.err = fault.Disk(fmt.Sprintf("writing %q", w.name), err)
	return n, w.err
}

// Close ends the file. After a failed write it returns that failure and the file can not be published.
func (w *stageWriter) Close() error {
	if w.file == nil {
		return w.err
	}
	if w.err == nil {
		w.err = fault.Disk(fmt.Sprintf("writing %q", w.name), w.file.Sync())
	}
	info, serr := w.file.Stat()
	for _, err := range []error{serr, w.file.Close()} {
		if w.err == nil {
			w.err = fault.Disk(fmt.Sprintf("closing %q", w.name), err)
		}
	}
	w.file = nil
	if w.err != nil {
		return w.err // the name stays open, so that Publish refuses
	}
	w.st.mu.Lock()
	defer w.st.mu.Unlock()
	delete(w.st.open, w.name)
	w.st.written[w.name] = stagedFile{
		File:     File{Name: w.name, SHA256: hex.EncodeToString(w.hash.Sum(nil)), Size: w.size},
		modified: info.ModTime(),
	}
	return nil
}

// Discard removes what was staged. After Publish it does nothing, so it may be deferred.
func (st *Stage) Discard() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.done {
		return nil
	}
	st.done = true
	return fault.Disk(fmt.Sprintf("discarding step %q of run %q", st.step, st.id), os.RemoveAll(st.dir))
}

// HashFile returns the size and SHA-256 of a file; Name is path as given.
func HashFile(ctx context.Context, path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, fault.Disk("hashing", err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, &ctxReader{ctx, f})
	if err != nil {
		if ctx.Err() != nil {
			return File{}, ctx.Err()
		}
		return File{}, fault.Disk("hashing", err)
	}
	return File{Name: path, SHA256: hex.EncodeToString(h.Sum(nil)), Size: n}, nil
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

// Open opens a file of a finished step for reading.
func (s *Store) Open(id, step, name string) (*os.File, error) {
	if err := errors.Join(checkID(id), checkStep(step), checkName(name)); err != nil {
		return nil, err
	}
	f, err := os.Open(s.Path(id, step, name))
	if err != nil {
		return nil, fault.Disk(fmt.Sprintf("opening %q of step %q of run %q", name, step, id), err)
	}
	return f, nil
}

// Path is where a file of a step is, or will be once the step is done. It panics when a name leads outside
// the store; Open checks names that come from outside.
func (s *Store) Path(id, step, name string) string {
	if err := errors.Join(checkID(id), checkStep(step), checkName(name)); err != nil {
		panic("store: " + strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return filepath.Join(s.stepDir(id, step), filepath.FromSlash(name))
}
