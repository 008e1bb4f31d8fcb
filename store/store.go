// Package store keeps runs: what a study read, did and found, as folders of plain files that can be
// copied, archived and checked without Galen.
//
// A store is a folder of runs. A run is a folder with the study, a run.json and one folder for each
// finished step; the manifest.json in a step's folder lists every input and output with its SHA-256 and is
// at the same time the mark that the step is done. A step is written beside its final place and renamed
// into it when complete, so no reader ever sees half of one, whenever the writer is killed. One writer at a
// time holds a run's lock, which the kernel releases when the process dies.
//
// The folders are the truth. An SQL index (SQLite in the folder, or PostgreSQL) only makes listing and
// reuse quick; each listing compares it with the folders and repairs it, so it may be deleted at any time.
// Reading one run never opens it.
//
// Start reading at Store, then Stage and Publish; index.go, rows.go and list.go have the index. docs/format/run.md describes the
// bytes on disk.
package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"galen.dev/fault"
)

// Options configure a store. The zero value is the default.
type Options struct {
	Index string // "" = SQLite at <root>/index.db; a postgres:// or postgresql:// URL = that database
}

// Store is an open store. Its methods may be called from several goroutines.
type Store struct {
	root string // absolute
	opts Options

	mu   sync.Mutex
	held map[string]*runLock // locks that this Store holds, by run

	index *index // opened on first use

	// Seams for tests; production code leaves them nil or at their defaults.
	at       func(point string) // called at the named points of a publication
	link     func(oldname, newname string) error
	swap     func(staged, final string) error  // exchanges two folders atomically, or says errors.ErrUnsupported
	fileHook func(name string, p []byte) error // may fail a write before it is made
}

// Open opens the store in folder root and creates the folder where it is absent. The index is not opened
// before it is needed.
func Open(ctx context.Context, root string, o Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.Index != "" && !isPostgres(o.Index) {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "store index is not a PostgreSQL URL"),
			"leave it empty for SQLite in the store's folder, or write postgres://USER@HOST/DATABASE")
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("opening store %q: %w", root, err)
	}
	if err := os.MkdirAll(abs, 0o777); err != nil {
		return nil, fault.Disk(fmt.Sprintf("opening store %q", root), err)
	}
	s := &Store{root: abs, opts: o, held: map[string]*runLock{}, link: os.Link, swap: exchange}
	s.index = newIndex(s)
	return s, nil
}

// Root is the absolute path of the store's folder.
func (s *Store) Root() string { return s.root }

// Close releases the index and every lock that this Store still holds.
func (s *Store) Close() error {
	s.mu.Lock()
	locks := make([]*runLock, 0, len(s.held))
	for _, l := range s.held {
		locks = append(locks, l)
	}
	s.mu.Unlock()
	var errs []error
	for _, l := range locks {
		errs = append(errs, l.unlock())
	}
	return errors.Join(append(errs, s.index.close())...)
}

// CreateRun makes the folder of a run with its run.json and study.yaml. It is atomic, and a run that
// exists with this id already is left as it is. Of info, ID is required; Steps, Dir and Problem are not
// stored; a zero Created is now.
func (s *Store) CreateRun(ctx context.Context, info RunInfo, studyYAML []byte) error {
	if err := checkID(info.ID); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	dir := s.runDir(info.ID)
	doing := fmt.Sprintf("creating run %q", info.ID)
	if _, err := os.Stat(filepath.Join(dir, runFile)); err == nil {
		return nil
	}
	if info.Created.IsZero() {
		info.Created = time.Now()
	}
	text, err := encodeRun(info)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	tmp := filepath.Join(s.root, newPrefix+token())
	if err := os.Mkdir(tmp, 0o777); err != nil {
		return fault.Disk(doing, err)
	}
	defer os.RemoveAll(tmp) // gone already when all went well
	if err := writeSynced(filepath.Join(tmp, studyFile), studyYAML); err != nil {
		return fault.Disk(doing, err)
	}
	if err := writeSynced(filepath.Join(tmp, runFile), text); err != nil {
		return fault.Disk(doing, err)
	}
	if err := syncDir(tmp); err != nil {
		return fault.Disk(doing, err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		if _, serr := os.Stat(filepath.Join(dir, runFile)); serr == nil {
			return nil // another process made the same run meanwhile
		}
		if _, serr := os.Stat(dir); serr == nil {
			return fault.WithHint(fault.Errorf(fault.Storage, "%s: the folder %q exists and is not a run", doing, dir),
				"move it away, or use another store")
		}
		return fault.Disk(doing, err)
	}
	if err := syncDir(s.root); err != nil {
		return fault.Disk(doing, err)
	}
	s.index.note(ctx, info.ID)
	return nil
}

// Names inside a store. Names that start with a dot are Galen's own and are never runs or steps.
const (
	runFile      = "run.json"
	studyFile    = "study.yaml"
	manifestFile = "manifest.json"
	lockFile     = ".lock"
	newPrefix    = ".new-"   // a run being created, in the store
	stagePrefix  = ".stage-" // a step being written, in the run
	oldPrefix    = ".old-"   // the version that a step replaces, in the run
	tempPrefix   = ".tmp-"   // a run.json being written, in the run
)

func (s *Store) runDir(id string) string        { return filepath.Join(s.root, id) }
func (s *Store) stepDir(id, step string) string { return filepath.Join(s.root, id, step) }

// checkID refuses names of runs that are not one portable path element.
func checkID(id string) error { return checkElement("run id", id) }

func checkStep(step string) error { return checkElement("step", step) }

func checkElement(what, name string) error {
	ok := name != "" && len(name) <= 128 && name[0] != '.' && name[0] != '-' &&
		name[len(name)-1] != '.' && filepath.IsLocal(name)
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c == '.' || c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	if !ok {
		return fault.WithHint(fault.Errorf(fault.Usage, "%s %q is not allowed", what, name),
			"use 1 to 128 letters, digits, dots, dashes and underscores, starting with a letter, digit or underscore")
	}
	return nil
}

// token returns a random suffix for a temporary name.
func token() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}

// stepOf returns the step that a temporary name ".old-STEP.TOKEN" belongs to.
func stepOf(name, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return "", false
	}
	i := strings.LastIndexByte(rest, '.')
	if i <= 0 {
		return "", false
	}
	return rest[:i], true
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
