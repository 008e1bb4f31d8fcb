package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"galen.dev/fault"
	"galen.dev/store/flock"
)

// index is the SQL index of a store: one row for each run and one for each finished step. It is a cache.
// Every row of a run remembers the time at which the run's folder last changed, so that a listing sees which
// rows are behind, whoever changed the folder, and reads only those folders again.
type index struct {
	store *Store
	dial  dialect

	mu     sync.Mutex
	db     *sql.DB
	scope  string // which store the rows belong to, where several share a database
	failed error  // why the last opening failed
	retry  time.Time
}

// settle is how long a folder must have rested before its time of change is believed: within one tick of
// the file system's clock it can change twice without showing it. Two seconds is the coarsest in use (FAT).
const settle = 2 * time.Second

// A server that is down delays one publication by patience, and none again before retryAfter has passed.
const (
	patience   = 10 * time.Second
	retryAfter = 30 * time.Second
)

// Tables carry the format's version in their names: an index of another version is simply not seen, and a
// new one is filled from the folders.
const schema = `
CREATE TABLE IF NOT EXISTS galen_runs_v1 (
	scope   TEXT NOT NULL,
	id      TEXT {{bytewise}} NOT NULL,
	task    TEXT NOT NULL,
	name    TEXT NOT NULL,
	data    TEXT NOT NULL,
	created BIGINT NOT NULL,
	changed BIGINT NOT NULL,
	info    TEXT NOT NULL,
	PRIMARY KEY (scope, id)
);
CREATE INDEX IF NOT EXISTS galen_runs_v1_created ON galen_runs_v1 (scope, created);
CREATE TABLE IF NOT EXISTS galen_steps_v1 (
	scope TEXT NOT NULL,
	run   TEXT {{bytewise}} NOT NULL,
	step  TEXT NOT NULL,
	key   TEXT NOT NULL,
	PRIMARY KEY (scope, run, step)
);
CREATE INDEX IF NOT EXISTS galen_steps_v1_key ON galen_steps_v1 (scope, key, step);
`

func newIndex(s *Store) *index {
	x := &index{store: s, dial: sqliteDialect}
	if isPostgres(s.opts.Index) {
		x.dial = postgresDialect
	}
	return x
}

// open connects on first use and makes the tables.
func (x *index) open(ctx context.Context) (*sql.DB, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.db != nil {
		return x.db, nil
	}
	if x.failed != nil && time.Now().Before(x.retry) {
		return nil, x.failed
	}
	db, err := x.connect(ctx)
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) {
			x.failed, x.retry = err, time.Now().Add(retryAfter)
		}
		return nil, err
	}
	x.db, x.failed = db, nil
	return db, nil
}

func (x *index) connect(ctx context.Context) (*sql.DB, error) {
	if !x.dial.server {
		return x.connectSQLite(ctx)
	}
	id, err := x.store.identity()
	if err != nil {
		return nil, err
	}
	x.scope = id
	db, err := sql.Open(x.dial.driver, x.store.opts.Index)
	if err != nil {
		// The driver's message may repeat the URL, and with it a password.
		return nil, fault.Errorf(fault.Usage, "the PostgreSQL URL of the index is malformed")
	}
	db.SetMaxOpenConns(4)
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := x.createTables(limited, db); err != nil {
		_ = db.Close()
		return nil, fault.WithHint(fault.Errorf(fault.Unavailable, "opening the index in PostgreSQL: %w", err),
			"check that the server runs and that the URL names a database in which this user may create tables")
	}
	return db, nil
}

// connectSQLite opens index.db. A damaged one is removed and made anew; one process at a time does this,
// because removing the files under a process that has just made new ones would damage those.
func (x *index) connectSQLite(ctx context.Context) (*sql.DB, error) {
	unlock, err := x.lockFiles(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	path := x.path()
	db, err := openSQLite(path)
	if err != nil {
		return nil, err
	}
	err = x.createTables(ctx, db)
	if isDamaged(err) {
		_ = db.Close()
		x.removeFiles()
		if db, err = openSQLite(path); err != nil {
			return nil, err
		}
		err = x.createTables(ctx, db)
	}
	if err != nil {
		_ = db.Close()
		return nil, fault.Disk("opening the index", err)
	}
	return db, nil
}

func (x *index) path() string { return filepath.Join(x.store.root, "index.db") }

func (x *index) removeFiles() {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		_ = os.Remove(x.path() + suffix)
	}
}

// lockFiles holds the lock over the making and removing of the index's files, waiting for it.
func (x *index) lockFiles(ctx context.Context) (func(), error) {
	f, err := os.OpenFile(filepath.Join(x.store.root, ".index.lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fault.Disk("opening the index", err)
	}
	for {
		err := flock.Try(f)
		if err == nil {
			return func() { _ = flock.Release(f) }, nil
		}
		if errors.Is(err, flock.ErrLocked) {
			select {
			case <-ctx.Done():
				err = ctx.Err()
			case <-time.After(5 * time.Millisecond):
				continue
			}
		}
		_ = f.Close()
		return nil, err
	}
}

func (x *index) createTables(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if x.dial.lock != "" {
		if _, err := tx.ExecContext(ctx, x.dial.lock); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, x.dial.schema()); err != nil {
		return err
	}
	return tx.Commit()
}

// repair throws a damaged SQLite index away, so that the next use makes a new one. A PostgreSQL index is
// never thrown away: that is the work of its administrator.
func (x *index) repair(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.dial.server {
		return nil
	}
	if x.db != nil {
		_ = x.db.Close()
		x.db = nil
	}
	unlock, err := x.lockFiles(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	// Another process may have repaired it meanwhile.
	if db, err := openSQLite(x.path()); err == nil {
		var verdict string
		err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict)
		_ = db.Close()
		if err == nil && verdict == "ok" {
			return nil
		}
	}
	x.removeFiles()
	return nil
}

func (x *index) close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.db == nil {
		return nil
	}
	err := x.db.Close()
	x.db = nil
	return err
}

// identity is a random name of the store, made once, that keeps stores apart in a shared database.
func (s *Store) identity() (string, error) {
	name := filepath.Join(s.root, ".store-id")
	for range 2 {
		text, err := os.ReadFile(name)
		if err == nil && len(text) == 12 {
			return string(text), nil
		}
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return "", fault.Disk("reading the name of the store", errors.Join(err, os.Remove(name)))
		}
		tmp := filepath.Join(s.root, newPrefix+token())
		if err := writeSynced(tmp, []byte(token())); err != nil {
			return "", fault.Disk("naming the store", err)
		}
		// A link, unlike a rename, never replaces the name that another process has just given.
		err = os.Link(tmp, name)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			err = os.Rename(tmp, name)
		} else {
			err = os.Remove(tmp)
		}
		if err != nil {
			return "", fault.Disk("naming the store", err)
		}
	}
	return "", fault.Errorf(fault.Storage, "the name of the store in %q cannot be read", s.root)
}
