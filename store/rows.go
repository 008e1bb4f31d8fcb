package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// row is a run as the index keeps it.
type row struct {
	info    RunInfo
	changed int64 // time of the folder's last change, Unix ns; 0 = read it again
}

// load reads a run's folder for the index. The time is taken before the content, so a change in between is
// seen next time. A damaged run becomes a row that says so.
func (s *Store) load(id string) (row, bool) {
	dir := s.runDir(id)
	st, err := os.Stat(dir)
	if err != nil || !isRun(dir) {
		return row{}, false
	}
	info, err := readRun(dir)
	if err != nil {
		info = RunInfo{ID: id, Dir: dir, Created: info.Created, Task: info.Task, Name: info.Name, Data: info.Data, Problem: err.Error()}
	}
	r := row{info: info, changed: st.ModTime().UnixNano()}
	if time.Since(st.ModTime()) < settle {
		r.changed = 0
	}
	return r, true
}

// note brings one run's rows up to date after a change by this process. A failure is no failure of the
// caller: the next listing repairs the row.
func (x *index) note(ctx context.Context, id string) {
	r, ok := x.store.load(id)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	db, err := x.open(ctx)
	if err != nil {
		return
	}
	if err := x.write(ctx, db, []row{r}, nil); isDamaged(err) {
		_ = x.repair(ctx)
	}
}

// write replaces the rows of some runs and removes those of others, in one transaction.
func (x *index) write(ctx context.Context, db *sql.DB, rows []row, gone []string) error {
	if len(rows)+len(gone) == 0 {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if x.dial.lock != "" {
		// Writers one after the other: two that touch the same rows in different orders would deadlock.
		if _, err := tx.ExecContext(ctx, x.dial.lock); err != nil {
			return err
		}
	}
	for _, id := range gone {
		if err := x.remove(ctx, tx, id); err != nil {
			return err
		}
	}
	for _, r := range rows {
		if err := x.put(ctx, tx, r); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (x *index) remove(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := tx.ExecContext(ctx, x.dial.text(`DELETE FROM galen_steps_v1 WHERE scope = ? AND run = ?`), x.scope, id)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, x.dial.text(`DELETE FROM galen_runs_v1 WHERE scope = ? AND id = ?`), x.scope, id)
	return err
}

func (x *index) put(ctx context.Context, tx *sql.Tx, r row) error {
	if err := x.remove(ctx, tx, r.info.ID); err != nil {
		return err
	}
	listed := forListing(r.info)
	text, err := json.Marshal(listed)
	if err != nil {
		return fmt.Errorf("indexing run %q: %w", r.info.ID, err)
	}
	_, err = tx.ExecContext(ctx, x.dial.text(`INSERT INTO galen_runs_v1 (scope, id, task, name, data, created, changed, info)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
		x.scope, r.info.ID, r.info.Task, r.info.Name, r.info.Data, createdKey(r.info.Created), r.changed, string(text))
	if err != nil {
		return err
	}
	insert := x.dial.text(`INSERT INTO galen_steps_v1 (scope, run, step, key) VALUES (?, ?, ?, ?)`)
	for _, m := range r.info.Steps {
		if _, err := tx.ExecContext(ctx, insert, x.scope, r.info.ID, m.Step, m.Key); err != nil {
			return err
		}
	}
	return nil
}

// forListing drops the file lists, which are long and which a listing does not show, and the path, which
// changes when a store is moved.
func forListing(info RunInfo) RunInfo {
	info.Dir = ""
	var steps []Manifest
	for _, m := range info.Steps {
		m.Inputs, m.Outputs = nil, nil
		steps = append(steps, m)
	}
	info.Steps = steps
	return info
}

// createdKey orders runs by creation. Times that do not fit 64 bits of nanoseconds (before 1678, after
// 2262) do not occur but in damaged files; they sort first.
func createdKey(t time.Time) int64 {
	if y := t.Year(); y < 1678 || y > 2261 {
		return 0
	}
	return t.UnixNano()
}
