//go:build long

package engine

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGraphLibrary runs GoMLX's own tests of its graph package on this backend. They are copied out of the
// module, because they would download XLA otherwise; what is expected to fail is in testdata/graph_exceptions.txt.
func TestGraphLibrary(t *testing.T) {
	module := goCommand(t, "", "list", "-m", "-f", "{{.Dir}}", "github.com/gomlx/gomlx")
	if _, err := os.Stat(filepath.Join(module, "core", "graph", "graph_test.go")); err != nil {
		t.Skipf("the graph library's source is not here: %v", err)
	}
	here, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(module)); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"core/graph/graph_test.go", "support/testutil/testutil.go"} {
		edit(t, filepath.Join(dir, file), func(text string) string {
			text = strings.ReplaceAll(text, "err := xla.AutoInstall()", "var err error")
			return strings.ReplaceAll(text, "\t\"github.com/gomlx/go-xla/compute/xla\"\n", "")
		})
	}
	writeFile(t, filepath.Join(dir, "core/graph/galen_test.go"), "package graph_test\n\nimport _ \"galen.dev/engine\"\n")
	edit(t, filepath.Join(dir, "go.mod"), func(text string) string {
		return text + "\nrequire galen.dev v0.0.0\n\nreplace galen.dev => " + here + "\n"
	})
	sums, err := os.ReadFile(filepath.Join(here, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(dir, "go.sum"), func(text string) string { return text + string(sums) })

	binary := filepath.Join(dir, "graph.test")
	build := exec.Command("go", "test", "-mod=mod", "-c", "-o", binary, "./core/graph")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("the graph library's tests cannot be built here (their dependencies may be out of reach): %v\n%s", err, out)
	}
	run := exec.Command("go", "tool", "test2json", binary, "-test.v=test2json")
	run.Dir = filepath.Join(dir, "core", "graph")
	run.Env = append(os.Environ(), "GOMLX_BACKEND="+Name)
	out, err := run.Output()
	passed, failed := outcome(t, out)
	if passed < 500 {
		t.Fatalf("%d tests passed, want 500 or more; the run ended with %v\n%s", passed, err, tail(out))
	}
	expected := exceptions(t)
	for _, name := range failed {
		if expected[name] == "" {
			t.Errorf("%s fails", name)
		}
		delete(expected, name)
	}
	for name := range expected {
		t.Errorf("%s passes: take it out of testdata/graph_exceptions.txt", name)
	}
	t.Logf("%d passed, %d failed", passed, len(failed))
}

// outcome counts the tests that passed and lists those that failed, of subtests the innermost.
func outcome(t *testing.T, out []byte) (passed int, failed []string) {
	t.Helper()
	var names []string
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var event struct{ Action, Test string }
		if json.Unmarshal(lines.Bytes(), &event) != nil || event.Test == "" {
			continue
		}
		switch event.Action {
		case "pass":
			passed++
		case "fail":
			names = append(names, event.Test)
		}
	}
	for _, name := range names {
		inner := false
		for _, other := range names {
			inner = inner || strings.HasPrefix(other, name+"/")
		}
		if !inner {
			failed = append(failed, name)
		}
	}
	return passed, failed
}

// exceptions reads lines of a test's name and, behind two spaces, why it fails.
func exceptions(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/graph_exceptions.txt")
	if err != nil {
		t.Fatal(err)
	}
	why := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, ok := strings.Cut(line, "  ")
		if !ok || strings.TrimSpace(reason) == "" {
			t.Fatalf("testdata/graph_exceptions.txt: %q gives no reason", name)
		}
		why[name] = reason
	}
	return why
}

func tail(out []byte) []byte { return out[max(len(out)-4000, 0):] }

func goCommand(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.Command("go", args...)
	c.Dir = dir
	out, err := c.Output()
	if err != nil {
		t.Skipf("go %v: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

func edit(t *testing.T, path string, change func(text string) string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := change(string(text))
	if changed == string(text) {
		t.Fatalf("%s is not what this test expects", filepath.Base(path))
	}
	writeFile(t, path, changed)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
