package golden

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDiff(t *testing.T) {
	if d := Diff("a\nb\nc", "a\nx\nc"); d != "- b\n+ x\n" {
		t.Errorf("got %q", d)
	}
	if d := Diff("a", "a\nb"); d != "- (end)\n+ b\n" {
		t.Errorf("got %q", d)
	}
	if d := Diff("same", "same"); d != "" {
		t.Errorf("got %q", d)
	}
}

// quiet records failures instead of failing the test that watches.
type quiet struct {
	testing.TB
	failed bool
}

func (q *quiet) Helper()               {}
func (q *quiet) Errorf(string, ...any) { q.failed = true }

func TestCheckFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.txt")
	if err := os.WriteFile(file, []byte("right\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	q := &quiet{TB: t}
	Check(q, file, "wrong\n")
	if !q.failed {
		t.Error("a difference went unnoticed")
	}
	Check(t, file, "right\n")
}
