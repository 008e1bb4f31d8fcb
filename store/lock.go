package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"galen.dev/fault"
	"galen.dev/store/flock"
)

type runLock struct {
	file *os.File
	free func(l *runLock) // takes it out of the Store that holds it
	once sync.Once
	err  error
}

// Lock takes the lock of a run, which everything that writes into the run needs. It does not wait: when
// another holder has it, in this process or another one, the error is fault.Busy and names the holder's
// process and since when it holds it. The kernel frees the lock when the holder dies. Taking it removes what
// killed holders left half-written.
//
// The lock is advisory (flock, LockFileEx), and it works on network file systems only where these do.
func (s *Store) Lock(ctx context.Context, id string) (unlock func() error, err error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir := s.runDir(id)
	if !isRun(dir) {
		return nil, fault.Errorf(fault.NotFound, "no run %q in store %q", id, s.root)
	}
	doing := fmt.Sprintf("locking run %q", id)
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fault.Disk(doing, err)
	}
	if err := flock.Try(f); err != nil {
		defer f.Close()
		if errors.Is(err, flock.ErrLocked) {
			return nil, busy(id, f)
		}
		return nil, fault.Disk(doing, err)
	}
	// The note is for people only, so a failure to write it is no failure to lock.
	_ = f.Truncate(0)
	_, _ = fmt.Fprintf(f, "%d %s\n", os.Getpid(), time.Now().UTC().Format(time.RFC3339))
	l := &runLock{file: f}
	l.free = func(l *runLock) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.held[id] == l {
			delete(s.held, id)
		}
	}
	s.mu.Lock()
	s.held[id] = l
	s.mu.Unlock()
	if err := cleanRun(dir); err != nil {
		_ = l.unlock()
		return nil, fault.Disk("cleaning run "+id, err)
	}
	return l.unlock, nil
}

func (l *runLock) unlock() error {
	l.once.Do(func() {
		l.free(l)
		_ = l.file.Truncate(0)
		l.err = flock.Release(l.file)
	})
	return l.err
}

// holding returns the lock of a run if this Store holds it.
func (s *Store) holding(id string) *runLock {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[id]
}

func busy(id string, f *os.File) error {
	note := make([]byte, 64)
	n, _ := f.ReadAt(note, 0)
	var pid int
	var since string
	who := "another process"
	if k, _ := fmt.Sscan(strings.TrimSpace(string(note[:n])), &pid, &since); k == 2 {
		who = fmt.Sprintf("process %d, since %s", pid, since)
	}
	return fault.WithHint(fault.Errorf(fault.Busy, "run %q is in use by %s", id, who),
		"wait for it to end, or stop that process; a lock never outlives its process")
}

// cleanRun removes what killed writers left in a run, and puts back the earlier version of a step whose
// replacement was cut between two renames. The caller holds the lock.
func cleanRun(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if step, ok := stepOf(name, oldPrefix); ok && !exists(filepath.Join(dir, step)) {
			if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, step)); err != nil {
				return err
			}
			continue
		}
		if strings.HasPrefix(name, stagePrefix) || strings.HasPrefix(name, oldPrefix) || strings.HasPrefix(name, tempPrefix) {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
