package store

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// Whatever happens to a store, through Galen or behind its back, the index tells what the folders tell.
func TestIndexFollowsAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root, err := os.MkdirTemp(fastDir(), "galen-history")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(root)
		ctx := context.Background()
		s, err := Open(ctx, root, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		run := func() string { return fmt.Sprintf("r%d", rapid.IntRange(0, 3).Draw(t, "run")) }
		existing := func(id string) bool { return isRun(s.runDir(id)) }
		created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		t.Repeat(map[string]func(*rapid.T){
			"create": func(*rapid.T) {
				created = created.Add(time.Minute)
				must(s.CreateRun(ctx, RunInfo{ID: run(), Task: "drug/activity", Created: created}, nil))
			},
			"publish": func(*rapid.T) {
				if id := run(); existing(id) {
					unlock, err := s.Lock(ctx, id)
					must(err)
					st, err := s.Stage(id, rapid.SampledFrom([]string{"collect", "train"}).Draw(t, "step"))
					must(err)
					_, err = st.Publish(ctx, Manifest{Key: rapid.StringMatching("[a-z]").Draw(t, "key")})
					must(err)
					must(unlock())
				}
			},
			"metrics": func(*rapid.T) {
				if id := run(); existing(id) {
					must(s.SetMetrics(ctx, id, map[string]float64{"x": rapid.Float64().Draw(t, "x")}))
				}
			},
			"delete":     func(*rapid.T) { must(os.RemoveAll(s.runDir(run()))) },
			"lose index": func(*rapid.T) { must(s.index.close()); s.index.removeFiles() },
			"settle": func(*rapid.T) { // makes the index trust the folders' times, as after a pause
				past := time.Now().Add(-time.Duration(rapid.IntRange(10, 1e6).Draw(t, "s")) * time.Second)
				for _, id := range []string{"r0", "r1", "r2", "r3"} {
					if existing(id) {
						must(os.Chtimes(s.runDir(id), past, past))
					}
				}
			},
			"": func(*rapid.T) {
				want, err := s.scan(ctx, Filter{})
				must(err)
				db, err := s.index.sync(ctx)
				must(err)
				got, err := s.index.query(ctx, db, Filter{})
				must(err)
				if d := cmp.Diff(want, got, cmpopts.EquateNaNs()); d != "" {
					t.Fatalf("index and folders differ:\n%s", d)
				}
			},
		})
	})
}

// memoryDir is a test's own folder in memory, where there is one: most tests wait for the disk for nothing.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(fastDir(), "galen-store")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// fastDir is a folder in memory where the system has one: hundreds of histories wait for a disk too long.
func fastDir() string {
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		return "/dev/shm"
	}
	return ""
}
