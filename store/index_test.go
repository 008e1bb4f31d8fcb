package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func ids(runs []RunInfo) []string {
	var out []string
	for _, r := range runs {
		out = append(out, r.ID)
	}
	return out
}

func list(t *testing.T, s *Store, f Filter) []RunInfo {
	t.Helper()
	runs, err := s.List(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// fill makes n runs, i minutes after the first, of two tasks in turn.
func fill(t *testing.T, s *Store, n int) time.Time {
	t.Helper()
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		info := RunInfo{
			ID: fmt.Sprintf("r%04d", i), Task: []string{"diagnosis/risk", "drug/activity"}[i%2], Name: fmt.Sprintf("s%d", i%3),
			Data: "support2", Created: first.Add(time.Duration(i) * time.Minute), Metrics: Metrics{"auroc": float64(i)},
		}
		if err := s.CreateRun(t.Context(), info, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	return first
}

func TestListFilters(t *testing.T) {
	s := open(t, memoryDir(t))
	first := fill(t, s, 20)
	for _, f := range []Filter{
		{},
		{Task: "drug/activity"},
		{Name: "s2", Task: "diagnosis/risk"},
		{Data: "none"},
		{Since: first.Add(7 * time.Minute), Limit: 3},
		{Limit: 5},
	} {
		got := list(t, s, f)
		want, err := s.scan(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("filter %+v: index and folders differ:\n%s", f, d)
		}
	}
	if got := ids(list(t, s, Filter{Limit: 2})); !cmp.Equal(got, []string{"r0019", "r0018"}) {
		t.Errorf("newest are %v", got)
	}
	if got := list(t, s, Filter{Since: first.Add(18 * time.Minute)}); len(got) != 2 || got[0].Metrics["auroc"] != 19 {
		t.Errorf("got %+v", got)
	}
}

func TestListSeesWhatHappensBehindItsBack(t *testing.T) {
	s := open(t, memoryDir(t))
	fill(t, s, 3)
	age(t, s)
	list(t, s, Filter{})
	if err := os.RemoveAll(filepath.Join(s.Root(), "r0001")); err != nil {
		t.Fatal(err)
	}
	other := open(t, s.Root())
	other.index.failed, other.index.retry = os.ErrInvalid, time.Now().Add(time.Hour) // its writes to the index are lost
	create(t, other, "copied")
	lock(t, other, "r0002")
	publish(t, other, "r0002", "train", "k", map[string]string{"f": "1"})
	got := list(t, s, Filter{})
	if d := cmp.Diff([]string{"copied", "r0002", "r0000"}, ids(got)); d != "" {
		t.Fatal(d)
	}
	if len(got[1].Steps) != 1 || got[1].Steps[0].Step != "train" {
		t.Errorf("steps are %+v", got[1].Steps)
	}
}

// age makes every run's folder look settled, so that the index believes its time of change.
func age(t *testing.T, s *Store) {
	t.Helper()
	runs, err := s.runIDs()
	if err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Hour)
	for _, id := range runs {
		if err := os.Chtimes(s.runDir(id), past, past); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIndexLostOrDamaged(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, db string){
		"deleted": func(t *testing.T, db string) {
			if err := os.Remove(db); err != nil {
				t.Fatal(err)
			}
		},
		"deleted but for the log": func(t *testing.T, db string) {
			c, err := openSQLite(db)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Exec("UPDATE galen_runs_v1 SET task = 'wrong'"); err != nil {
				t.Fatal(err)
			}
			log, err := os.ReadFile(db + "-wal")
			if err != nil || len(log) == 0 {
				t.Fatalf("there is no log: %v", err)
			}
			if err := errors.Join(c.Close(), os.Remove(db), os.WriteFile(db+"-wal", log, 0o666)); err != nil {
				t.Fatal(err)
			}
		},
		"garbage": func(t *testing.T, db string) {
			if err := os.WriteFile(db, []byte("this is no database at all, but a text"), 0o666); err != nil {
				t.Fatal(err)
			}
		},
		"half": func(t *testing.T, db string) {
			st, err := os.Stat(db)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(db, st.Size()/2); err != nil {
				t.Fatal(err)
			}
		},
		"overwritten": func(t *testing.T, db string) {
			f, err := os.OpenFile(db, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			st, _ := f.Stat()
			for at := int64(4096); at < st.Size(); at += 4096 {
				if _, err := f.WriteAt(make([]byte, 2048), at); err != nil {
					t.Fatal(err)
				}
			}
		},
		"other columns": func(t *testing.T, db string) {
			c, err := openSQLite(db)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Exec("DROP TABLE galen_runs_v1; CREATE TABLE galen_runs_v1 (x TEXT)"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := memoryDir(t)
			s := open(t, root)
			fill(t, s, 30)
			want := list(t, s, Filter{})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			harm(t, filepath.Join(root, "index.db"))
			s = open(t, root)
			if d := cmp.Diff(want, list(t, s, Filter{})); d != "" {
				t.Errorf("after the harm:\n%s", d)
			}
			// The list did not come from a fall-back: the index is sound again.
			db, err := s.index.sync(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.index.query(t.Context(), db, Filter{})
			if err != nil || len(got) != len(want) {
				t.Errorf("the index holds %d runs, %v", len(got), err)
			}
		})
	}
}

// A change by this process is in the index at once, so that others who read the database see it.
func TestChangesReachTheIndex(t *testing.T) {
	s := open(t, memoryDir(t))
	create(t, s, "a")
	lock(t, s, "a")
	publish(t, s, "a", "train", "k", map[string]string{"f": "1"})
	if err := s.SetMetrics(t.Context(), "a", map[string]float64{"auroc": .75}); err != nil {
		t.Fatal(err)
	}
	got, err := s.index.query(t.Context(), s.index.db, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || len(got[0].Steps) != 1 || got[0].Metrics["auroc"] != .75 {
		t.Errorf("the index holds %+v", got)
	}
}

func TestRebuild(t *testing.T) {
	s := open(t, memoryDir(t))
	fill(t, s, 5)
	age(t, s)
	list(t, s, Filter{})
	db, err := s.index.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("UPDATE galen_runs_v1 SET task = 'wrong'"); err != nil {
		t.Fatal(err)
	}
	if got := list(t, s, Filter{Task: "diagnosis/risk"}); len(got) != 0 {
		t.Fatal("the test's harm did not work")
	}
	if err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := list(t, s, Filter{Task: "diagnosis/risk"}); len(got) != 3 {
		t.Errorf("got %v", ids(got))
	}
}

func TestDamagedRunIsListed(t *testing.T) {
	s := open(t, memoryDir(t))
	fill(t, s, 3)
	if err := os.WriteFile(filepath.Join(s.Root(), "r0001", runFile), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	got := list(t, s, Filter{})
	if len(got) != 3 || got[2].ID != "r0001" || got[2].Problem == "" {
		t.Errorf("got %+v", got)
	}
}

func TestThousandRuns(t *testing.T) {
	s := open(t, memoryDir(t))
	machine := ThisMachine()
	for i := range 1000 { // written directly, for waiting for the disk a thousand times is not what is tested
		info := RunInfo{ID: fmt.Sprintf("r%04d", i), Task: "diagnosis/risk", Created: time.Unix(int64(i), 0)}
		text, err := encodeRun(info)
		if err != nil {
			t.Fatal(err)
		}
		m, err := encodeManifest(Manifest{Format: Format, Step: "train", Outputs: []File{}, Machine: machine})
		if err != nil {
			t.Fatal(err)
		}
		dir := s.runDir(info.ID)
		err = errors.Join(os.MkdirAll(filepath.Join(dir, "train"), 0o777), os.WriteFile(filepath.Join(dir, runFile), text, 0o666),
			os.WriteFile(filepath.Join(dir, "train", manifestFile), m, 0o666))
		if err != nil {
			t.Fatal(err)
		}
	}
	age(t, s)
	began := time.Now()
	if got := list(t, s, Filter{}); len(got) != 1000 {
		t.Fatalf("listed %d", len(got))
	}
	built := time.Since(began)
	best := time.Hour
	for range 5 {
		began = time.Now()
		list(t, s, Filter{})
		best = min(best, time.Since(began))
	}
	t.Logf("first listing, which builds the index: %v; later ones: %v", built, best)
	if best > 2*time.Second { // generous, for the race detector on a busy machine
		t.Errorf("listing 1,000 runs took %v", best)
	}
	// Written in place, the file does not change its folder's time: only a listing that reads it would notice.
	if err := os.WriteFile(filepath.Join(s.runDir("r0500"), runFile), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got := list(t, s, Filter{}); got[499].ID != "r0500" || got[499].Problem != "" {
		t.Errorf("a listing read a folder that had not changed: %+v", got[499])
	}
}

func TestSweepOfCutCreations(t *testing.T) {
	s := open(t, memoryDir(t))
	for _, name := range []string{"old", "young"} {
		if err := os.Mkdir(filepath.Join(s.Root(), newPrefix+name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(filepath.Join(s.Root(), newPrefix+"old"), past, past); err != nil {
		t.Fatal(err)
	}
	if got := list(t, s, Filter{}); len(got) != 0 {
		t.Errorf("listed %v", ids(got))
	}
	if exists(filepath.Join(s.Root(), newPrefix+"old")) || !exists(filepath.Join(s.Root(), newPrefix+"young")) {
		t.Error("swept the wrong folders")
	}
}

// Two changes within one tick of the file system's clock leave the same time behind.
func TestChangesWithinOneTick(t *testing.T) {
	s := open(t, memoryDir(t))
	fill(t, s, 1)
	list(t, s, Filter{})
	dir := s.runDir("r0000")
	before, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := readRunFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	info.Task = "therapy/dose"
	text, err := encodeRun(info)
	if err != nil {
		t.Fatal(err)
	}
	if err := replaceSynced(filepath.Join(dir, runFile), text); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(dir, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	if got := list(t, s, Filter{Task: "therapy/dose"}); len(got) != 1 {
		t.Error("the second change was not seen")
	}
}
