// Package docs holds no code, only tests that keep the documents true: tables that repeat what the code
// says, links, names of functions, modules and their versions.
package docs

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"galen.dev/diagnosis/risk"
	"galen.dev/fault"
	"galen.dev/store"
	"galen.dev/task"
)

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestErrorKinds compares the table of errors.md with package fault.
func TestErrorKinds(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (\\d+) \\| (\\d+) \\|")
	var got, want []string
	for _, m := range row.FindAllStringSubmatch(read(t, "errors.md"), -1) {
		got = append(got, strings.Join(m[1:], " "))
	}
	for _, k := range fault.Kinds() {
		want = append(want, fmt.Sprintf("%s %d %d", k, k.ExitCode(), k.HTTPStatus()))
	}
	if !slices.Equal(got, want) {
		t.Errorf("errors.md has the kinds\n%s\nand package fault\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// documents are the Markdown files of the root and of docs.
func documents(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 10 {
		t.Fatalf("%d documents found, error %v", len(files), err)
	}
	return files
}

var (
	link    = regexp.MustCompile(`\[([^\]\[]*)\]\(([^)\s]+)\)`)
	fences  = regexp.MustCompile("(?s)\n```.*?\n```")
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	anchors = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	pieces  = regexp.MustCompile("^`([A-Za-z0-9_]+)`$")
)

// TestLinks follows every link to a file, and to a heading in it.
func TestLinks(t *testing.T) {
	for _, doc := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(fences.ReplaceAllString(read(t, doc), ""), -1) {
			target, anchor, _ := strings.Cut(m[2], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file := doc
			if target != "" {
				file = filepath.Join(filepath.Dir(doc), filepath.FromSlash(target))
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s, which is not there", doc, m[2])
				continue
			}
			if anchor != "" && !slices.Contains(headings(read(t, file)), anchor) {
				t.Errorf("%s links to %s, and %s has no such heading", doc, m[2], file)
			}
		}
	}
}

func headings(text string) (out []string) {
	for _, m := range heading.FindAllStringSubmatch(fences.ReplaceAllString(text, ""), -1) {
		name := anchors.ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, strings.ReplaceAll(name, " ", "-"))
	}
	return out
}

// TestNames holds each link of the form [`name`](file.go) against the names that the file declares.
func TestNames(t *testing.T) {
	declared := map[string][]string{}
	seen := 0
	for _, doc := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, doc), -1) {
			name := pieces.FindStringSubmatch(m[1])
			if name == nil || !strings.HasSuffix(m[2], ".go") {
				continue
			}
			file := filepath.Join(filepath.Dir(doc), filepath.FromSlash(m[2]))
			if declared[file] == nil {
				declared[file] = declarations(t, file)
			}
			seen++
			if !slices.Contains(declared[file], name[1]) {
				t.Errorf("%s says that %s declares %s", doc, file, name[1])
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d names found", seen)
	}
}

// declarations lists the functions, methods, types, variables and constants of a Go file.
func declarations(t *testing.T, file string) (names []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return []string{""}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names = append(names, d.Name.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// TestFolders looks for a line of CONTRIBUTING.md for each folder with Go code, and for none that is gone.
func TestFolders(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "../...").Output()
	if err != nil {
		t.Skipf("the go command cannot list packages here: %v", err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, "../CONTRIBUTING.md")
	for dir := range strings.Lines(string(out)) {
		rel, err := filepath.Rel(root, strings.TrimSpace(dir))
		if err != nil {
			t.Fatal(err)
		}
		if rel = filepath.ToSlash(rel); !strings.HasPrefix(rel, "bench/") && !strings.Contains(text, "| `"+rel+"` |") {
			t.Errorf("CONTRIBUTING.md has no line for the folder %s", rel)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\|").FindAllStringSubmatch(text, -1) {
		if info, err := os.Stat("../" + m[1]); err != nil || !info.IsDir() {
			t.Errorf("CONTRIBUTING.md has a line for %s, which is no folder", m[1])
		}
	}
}

// TestNotice compares the modules in NOTICE with those that a built program contains, on the systems that
// .ci/run builds for.
func TestNotice(t *testing.T) {
	linked := map[string]bool{}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "galen.dev/cmd/galen")
		cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Skipf("the go command cannot list modules here: %v", err)
		}
		for line := range strings.Lines(string(out)) {
			if m := strings.TrimSpace(line); m != "" {
				linked[m] = true
			}
		}
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z0-9.]+\.[a-z]+/\S+ v\S+)  +\S`).FindAllStringSubmatch(read(t, "../NOTICE"), -1) {
		named[m[1]] = true
		if !linked[m[1]] {
			t.Errorf("NOTICE names %s, which the program does not contain", m[1])
		}
	}
	for m := range linked {
		if !named[m] {
			t.Errorf("NOTICE does not name %s", m)
		}
	}
}

// TestRiskFormat takes the README's study through its steps, with two and with three classes, and looks for
// each file and each key that they leave in format/risk.md.
func TestRiskFormat(t *testing.T) {
	text := read(t, "format/risk.md") + read(t, "format/scores.md")
	ctx := context.Background()
	s, err := store.Open(ctx, t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := &task.Runner{Tasks: []*task.Task{risk.Task}, Store: s, Version: "test"}
	data, err := filepath.Abs("example/ward.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, params := range []map[string]any{
		{"target": "died", "exclude": []string{"hours_on_ventilator"}, "subgroups": []string{"sex"}, "repeats": 2},
		{"target": "ward", "exclude": []string{"hours_on_ventilator"}, "split": "folds", "calibration": "platt"},
	} {
		params["model"], params["bootstrap"], params["folds"] = "logistic", 100, 2
		res, err := x.Run(ctx, &task.Study{Name: "ward", Task: risk.Task.Name, Data: data, Params: params}, task.Evaluate)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range task.Steps() {
			checkFiles(t, text, filepath.Join(res.Folder, string(step)))
		}
		var out strings.Builder
		cases := task.Input{Path: "ward.csv", Reader: strings.NewReader(read(t, "example/ward.csv"))}
		if _, err := x.Apply(ctx, res.Run, cases, nil, &out, task.JSON); err != nil {
			t.Fatal(err)
		}
		var predictions []map[string]any
		if err := json.Unmarshal([]byte(out.String()), &predictions); err != nil {
			t.Fatal(err)
		}
		for _, p := range predictions {
			checkKeys(t, text, "predictions", p)
		}
		var line map[string]any
		if err := json.Unmarshal([]byte(read(t, filepath.Join(res.Folder, "audit.jsonl"))), &line); err != nil {
			t.Fatal(err)
		}
		checkKeys(t, text, "audit.jsonl", line)
	}
}

func checkFiles(t *testing.T, text, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "manifest.json" {
			return err
		}
		name := d.Name()
		if filepath.Base(filepath.Dir(path)) == "parts" {
			_, name, _ = strings.Cut(name, "-")
			name = "parts/NNN-" + name
		}
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("format/risk.md does not speak of the file %s", path)
		}
		if filepath.Ext(name) != ".json" {
			return nil
		}
		var v any
		if err := json.Unmarshal([]byte(read(t, path)), &v); err != nil {
			return err
		}
		checkKeys(t, text, name, v)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// checkKeys looks for each key of a JSON value. Findings are described in errors.md; the keys of a plan's
// options are the parameters' names.
func checkKeys(t *testing.T, text, where string, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			checkKeys(t, text, where, e)
		}
	case map[string]any:
		for key, e := range v {
			if !strings.Contains(text, "`"+key+"`") {
				t.Errorf("format/risk.md does not speak of the key %q of %s", key, where)
			}
			if open := key != "findings" && key != "waived" && key != "options" && key != "spread" && key != "repeats"; open {
				checkKeys(t, text, where+" "+key, e)
			}
		}
	}
}
