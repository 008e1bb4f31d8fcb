package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"galen.dev/fault"
)

// Filter chooses runs. The zero value chooses all.
type Filter struct {
	Task  string    // "" = any
	Name  string    // of the study; "" = any
	Data  string    // "" = any
	Since time.Time // created then or later; zero = any time
	Limit int       // at most so many; 0 = all
}

func (f Filter) matches(r RunInfo) bool {
	return (f.Task == "" || r.Task == f.Task) && (f.Name == "" || r.Name == f.Name) && (f.Data == "" || r.Data == f.Data) &&
		(f.Since.IsZero() || createdKey(r.Created) >= createdKey(f.Since))
}

// List returns runs, newest first, and by id where they are of the same moment. Their steps come without
// inputs and outputs; Run has these. A damaged run is listed with its Problem, whatever the filter can still
// tell of it. A failing SQLite index slows it down and changes nothing; a PostgreSQL server that does not
// answer is fault.Unavailable.
func (s *Store) List(ctx context.Context, f Filter) ([]RunInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	db, err := s.index.sync(ctx)
	if err == nil {
		var out []RunInfo
		if out, err = s.index.query(ctx, db, f); err == nil {
			return out, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if s.index.dial.server {
		return nil, asUnavailable(err)
	}
	return s.scan(ctx, f)
}

func asUnavailable(err error) error {
	if fault.KindOf(err) != fault.Internal {
		return err
	}
	return fault.WithHint(fault.Errorf(fault.Unavailable, "reading the index in PostgreSQL: %w", err),
		"check that the server runs; without its URL the store uses SQLite in its own folder")
}

// scan lists without an index.
func (s *Store) scan(ctx context.Context, f Filter) ([]RunInfo, error) {
	ids, err := s.runIDs()
	if err != nil {
		return nil, err
	}
	var out []RunInfo
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if r, ok := s.load(id); ok && f.matches(r.info) {
			info := forListing(r.info)
			info.Dir = s.runDir(id)
			out = append(out, info)
		}
	}
	slices.SortFunc(out, func(a, b RunInfo) int {
		return cmp.Or(cmp.Compare(createdKey(b.Created), createdKey(a.Created)), cmp.Compare(a.ID, b.ID))
	})
	if f.Limit > 0 && len(out) > f.Limit {
		out = out[:f.Limit]
	}
	return out, nil
}

// Rebuild makes the index anew from the folders. It is never necessary: listings do it when the index is
// lost, damaged or of another version.
func (s *Store) Rebuild(ctx context.Context) error {
	if err := s.index.repair(ctx); err != nil {
		return err
	}
	db, err := s.index.open(ctx)
	if err != nil {
		return err
	}
	for _, table := range []string{"galen_steps_v1", "galen_runs_v1"} {
		if _, err := db.ExecContext(ctx, s.index.dial.text("DELETE FROM "+table+" WHERE scope = ?"), s.index.scope); err != nil {
			return fault.Disk("emptying the index", err)
		}
	}
	_, err = s.index.sync(ctx)
	return err
}

// sync compares the index with the folders and reads again those that have changed. It returns the database
// in a state that agrees with them.
func (x *index) sync(ctx context.Context) (*sql.DB, error) {
	db, err := x.open(ctx)
	if err != nil {
		return nil, err
	}
	err = x.syncOnce(ctx, db)
	if isDamaged(err) {
		if err := x.repair(ctx); err != nil {
			return nil, err
		}
		if db, err = x.open(ctx); err != nil {
			return nil, err
		}
		err = x.syncOnce(ctx, db)
	}
	return db, err
}

func (x *index) syncOnce(ctx context.Context, db *sql.DB) error {
	known, err := x.known(ctx, db)
	if err != nil {
		return err
	}
	ids, err := x.store.runIDs()
	if err != nil {
		return err
	}
	x.store.sweep()
	var rows []row
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		changed, isKnown := known[id]
		delete(known, id)
		if st, err := os.Stat(x.store.runDir(id)); err == nil && isKnown && changed != 0 && changed == st.ModTime().UnixNano() {
			continue
		}
		if r, ok := x.store.load(id); ok {
			rows = append(rows, r)
		} else if isKnown {
			known[id] = 0
		}
	}
	gone := make([]string, 0, len(known))
	for id := range known {
		gone = append(gone, id)
	}
	slices.Sort(gone)
	return x.write(ctx, db, rows, gone)
}

// sweep removes folders of runs whose creation was cut. A living creation takes milliseconds.
func (s *Store) sweep() {
	left, _ := filepath.Glob(filepath.Join(escapeGlob(s.root), newPrefix+"*"))
	for _, path := range left {
		if st, err := os.Lstat(path); err == nil && time.Since(st.ModTime()) > time.Hour {
			_ = os.RemoveAll(path)
		}
	}
}

func escapeGlob(path string) string {
	if os.PathSeparator == '\\' {
		return path // Windows has no escapes, and its names no stars
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func (x *index) known(ctx context.Context, db *sql.DB) (map[string]int64, error) {
	rows, err := db.QueryContext(ctx, x.dial.text(`SELECT id, changed FROM galen_runs_v1 WHERE scope = ?`), x.scope)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := map[string]int64{}
	for rows.Next() {
		var id string
		var changed int64
		if err := rows.Scan(&id, &changed); err != nil {
			return nil, err
		}
		known[id] = changed
	}
	return known, rows.Err()
}

func (x *index) query(ctx context.Context, db *sql.DB, f Filter) ([]RunInfo, error) {
	text := `SELECT id, info FROM galen_runs_v1 WHERE scope = ?`
	args := []any{x.scope}
	and := func(condition string, arg any) {
		text += " AND " + condition
		args = append(args, arg)
	}
	if f.Task != "" {
		and("task = ?", f.Task)
	}
	if f.Name != "" {
		and("name = ?", f.Name)
	}
	if f.Data != "" {
		and("data = ?", f.Data)
	}
	if !f.Since.IsZero() {
		and("created >= ?", createdKey(f.Since))
	}
	text += " ORDER BY created DESC, id"
	if f.Limit > 0 {
		text += " LIMIT ?"
		args = append(args, f.Limit)
	}
	rows, err := db.QueryContext(ctx, x.dial.text(text), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []RunInfo
	for rows.Next() {
		var id, info string
		if err := rows.Scan(&id, &info); err != nil {
			return nil, err
		}
		var r RunInfo
		dec := json.NewDecoder(strings.NewReader(info))
		dec.UseNumber()
		if err := dec.Decode(&r); err != nil {
			return nil, fmt.Errorf("reading the index row of run %q: %w", id, err)
		}
		r.ID, r.Dir = id, x.store.runDir(id)
		out = append(out, r)
	}
	return out, rows.Err()
}

// withKey returns the runs that have a finished step with this key, sorted by id. Without a usable index it
// returns none: reuse then costs a computation and nothing else.
func (x *index) withKey(ctx context.Context, key, step string) ([]string, error) {
	out, err := x.findKey(ctx, key, step)
	if err != nil {
		return nil, ctx.Err()
	}
	return out, nil
}

func (x *index) findKey(ctx context.Context, key, step string) (out []string, err error) {
	db, err := x.sync(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, x.dial.text(`SELECT run FROM galen_steps_v1 WHERE scope = ? AND key = ? AND step = ? ORDER BY run`),
		x.scope, key, step)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}
