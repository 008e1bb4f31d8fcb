// Package lint holds the rules of the house as tests: which package may import which, how deep a call from
// a command to the arithmetic may go, and which names are not used. CONTRIBUTING.md tells why.
package lint

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "galen.dev/"

// layers, from the top. A package may import packages of lower layers, and of its own layer only where
// the layer allows it. Every package of the module belongs to one layer, by its first folder.
var layers = []struct {
	name     string
	packages []string
	sideways bool
}{
	{"commands", []string{"cmd", "bench"}, false},
	{"server", []string{"server"}, false},
	{"areas", []string{"diagnosis", "drug", "imaging", "therapy"}, false},
	{"task", []string{"task"}, true},
	{"foundations", []string{
		"store", "catalog", "table", "engine", "nn", "tree", "glm", "survival", "metric", "calibrate",
		"conformal", "assess", "explain", "quality", "studies", "chem", "dicom", "nifti", "volume", "signal", "medcode", "safety", "event", "text", "report", "internal",
	}, true},
	{"fault", []string{"fault"}, false},
}

// forbidden folder names say nothing about what is inside.
var forbidden = []string{"util", "utils", "common", "helper", "helpers", "manager", "service", "impl", "core", "models", "pkg", "misc", "lib"}

// maxHops bounds the package boundaries between a command and the arithmetic.
const maxHops = 5

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func layerOf(pkg string) int {
	first, _, _ := strings.Cut(pkg, "/")
	for i, l := range layers {
		if slices.Contains(l.packages, first) {
			return i
		}
	}
	return -1
}

// imports returns, for each package folder, the packages of this module that it imports; tests apart.
func imports(t *testing.T, dir string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); path != dir && (strings.HasPrefix(n, ".") || n == "testdata" || n == "runs" || n == "demo") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(dir, filepath.Dir(path))
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		out[pkg] = append(out[pkg], []string{}...)
		for _, spec := range f.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if p, ours := strings.CutPrefix(name, module); ours && !slices.Contains(out[pkg], p) {
				out[pkg] = append(out[pkg], p)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestImportsPointDown(t *testing.T) {
	all := imports(t, root(t))
	if len(all) < 5 {
		t.Fatalf("only %d packages found", len(all))
	}
	for pkg, deps := range all {
		at := layerOf(pkg)
		if at < 0 {
			t.Errorf("package %s belongs to no layer: name it in lint_test.go", pkg)
			continue
		}
		for _, dep := range deps {
			to := layerOf(dep)
			first := func(p string) string { f, _, _ := strings.Cut(p, "/"); return f }
			same := first(pkg) == first(dep)
			if to < at || to == at && !same && !layers[at].sideways {
				t.Errorf("%s (%s) imports %s (%s): imports point down", pkg, layers[at].name, dep, layers[max(to, 0)].name)
			}
		}
	}
}

func TestAtMostFiveHops(t *testing.T) {
	all := imports(t, root(t))
	depth := map[string]int{}
	var walk func(pkg string, path []string) int
	walk = func(pkg string, path []string) int {
		if slices.Contains(path, pkg) {
			t.Fatalf("import cycle: %v", append(path, pkg))
		}
		if d, known := depth[pkg]; known {
			return d
		}
		d := 0
		for _, dep := range all[pkg] {
			if dep == "fault" || strings.HasPrefix(dep, "internal/") {
				continue // named everywhere, and no arithmetic
			}
			d = max(d, 1+walk(dep, append(path, pkg)))
		}
		depth[pkg] = d
		return d
	}
	for pkg := range all {
		if d := walk(pkg, nil); d > maxHops {
			t.Errorf("%s is %d package boundaries away from what it stands on; at most %d", pkg, d, maxHops)
		}
	}
}

func TestNamesSaySomething(t *testing.T) {
	for pkg := range imports(t, root(t)) {
		for part := range strings.SplitSeq(pkg, "/") {
			if slices.Contains(forbidden, part) {
				t.Errorf("folder %s: %q says nothing about what is inside", pkg, part)
			}
		}
	}
}

// TestOneDistanceOfWords keeps a second "did you mean" from growing: fault.Nearest is the only one.
func TestOneDistanceOfWords(t *testing.T) {
	dir := root(t)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasPrefix(path, filepath.Join(dir, "fault")) || strings.HasPrefix(path, filepath.Join(dir, "internal", "lint")) {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(bytes.ToLower(src), []byte("func levenshtein")) {
			t.Errorf("%s has a distance of words of its own: use fault.Nearest", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
