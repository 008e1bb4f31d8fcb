package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"galen.dev/catalog"
	"galen.dev/diagnosis/risk"
	"galen.dev/internal/golden"
	"galen.dev/quality"
	"galen.dev/server"
)

// This file keeps docs/reference and the generated parts of other documents in step with the program: run it
// with -update after a change, and read what changed.

const docs = "../../docs"

const generated = "<!-- Generated: go test ./cmd/galen -run Reference -update -->\n\n"

// referencePages are the pages of docs/reference by file name.
func referencePages(t *testing.T) map[string]string {
	t.Setenv("GALEN_STORE", "") // defaults of flags must not depend on who runs the test
	t.Setenv("GALEN_INDEX", "")
	pages := map[string]string{
		"commands.md":  commandsPage((&app{}).root()),
		"quality.md":   qualityPage(),
		"catalogue.md": cataloguePage(),
	}
	for _, tk := range tasks {
		pages[strings.ReplaceAll(tk.Name, "/", "-")+".md"] = tk.Reference()
	}
	return pages
}

func TestReferenceIsCurrent(t *testing.T) {
	dir := filepath.Join(docs, "reference")
	pages := referencePages(t)
	for _, name := range sortedKeys(pages) {
		golden.Check(t, filepath.Join(dir, name), generated+strings.TrimRight(pages[name], "\n")+"\n")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ours := pages[e.Name()]; !ours {
			t.Errorf("docs/reference/%s is generated from nothing: delete it", e.Name())
		}
	}
}

func commandsPage(root *cobra.Command) string {
	var b strings.Builder
	root.InitDefaultCompletionCmd("completion")
	b.WriteString("# Commands\n\n`galen COMMAND --help` says the same. Every command also takes the global flags.\n\n## Global flags\n\n")
	fmt.Fprintf(&b, "```\n%s```\n", root.PersistentFlags().FlagUsages())
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if !cmd.HasParent() {
			for _, c := range cmd.Commands() {
				walk(c)
			}
			return
		}
		fmt.Fprintf(&b, "\n## %s\n\n```\n%s\n```\n\n%s\n", cmd.CommandPath(), strings.TrimSuffix(cmd.UseLine(), " [flags]"), strings.TrimSpace(cmp.Or(cmd.Long, cmd.Short)))
		if cmd.Example != "" {
			fmt.Fprintf(&b, "\n```sh\n%s\n```\n", unindent(cmd.Example))
		}
		if u := cmd.LocalNonPersistentFlags().FlagUsages(); u != "" {
			fmt.Fprintf(&b, "\n```\n%s```\n", u)
		}
		if cmd.Name() == "completion" {
			b.WriteString("\nShells: bash, fish, powershell, zsh. `galen completion bash --help` says how to install it.\n")
			return
		}
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk(root)
	return b.String()
}

func unindent(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}

func tableCell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func qualityPage() string {
	var b strings.Builder
	b.WriteString(`# Checks of the data's quality

They run in the preprocess step, before any model is fitted. A finding of severity "error" stops the run, unless the
study waives it by its name, or by name and column: ` + "`waive: [target-leakage:lactate]`" + `. A waived finding stays in the
report. The severity given here is the highest that the check gives.

| name | severity | what is found |
|---|---|---|
`)
	for _, c := range quality.Checks() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Name, c.Severity, c.Short)
	}
	b.WriteString(`
## Limits

What ` + "`impossible-value`" + ` holds columns against where neither the study nor the schema gives a range. A column is
recognised by its name as a whole; blanks, punctuation and case do not count. A column that states a unit must state one
of those listed, or is not checked; a column without a unit may have the widest of the ranges.

| columns | limits, both inclusive | source |
|---|---|---|
`)
	for _, l := range quality.Limits() {
		var ranges []string
		for _, u := range l.Units {
			text := fmt.Sprintf("%g to %g", u.Low, u.High)
			if math.IsInf(u.High, 1) {
				text = fmt.Sprintf("at least %g", u.Low)
			}
			ranges = append(ranges, strings.TrimSpace(text+" "+u.Unit))
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(l.Names, ", "), strings.Join(ranges, "; "), tableCell(l.Source))
	}
	return b.String()
}

func cataloguePage() string {
	var b strings.Builder
	b.WriteString(`# The catalogue of data sets

` + "`galen data list`" + ` shows them, with what is on this machine. A set is looked for in the folders of ` + "`GALEN_DATA`" + `, then in
the program, then where ` + "`galen data pull NAME`" + ` downloads to. "How" says whether a set is inside the program, can be pulled,
or has no public address that Galen could fetch it from: its files then belong into a folder of ` + "`GALEN_DATA`" + `. An entry
names the tasks it serves; a task that ` + "`galen tasks`" + ` does not list is not there yet. The licence binds whoever uses the
data: read it at the publisher's page. What is marked unverified has not been proved by a download.

| name | title | tasks | how | licence |
|---|---|---|---|---|
`)
	var notes strings.Builder
	for _, e := range catalog.All() {
		how := "own folder"
		switch {
		case e.Embedded():
			how = "in the program"
		case e.CanPull():
			how = "pull"
		}
		title := e.Title
		if e.Synthetic {
			title += " (synthetic)"
		}
		name := "`" + e.Name + "`"
		if e.Page != "" {
			name = "[" + name + "](" + e.Page + ")"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, tableCell(title), strings.Join(e.Tasks, ", "), how, tableCell(e.Licence))
		if e.Unverified != "" {
			fmt.Fprintf(&notes, "- `%s`: %s\n", e.Name, e.Unverified)
		}
	}
	return b.String() + "\n## Unverified\n\n" + notes.String()
}

// TestReferenceInReadme keeps the README's table of tasks.
func TestReferenceInReadme(t *testing.T) {
	file := "../../README.md"
	var b strings.Builder
	b.WriteString("| task | what it does | what it needs |\n|---|---|---|\n")
	for _, tk := range tasks {
		fmt.Fprintf(&b, "| [`%s`](docs/reference/%s.md) | %s | %s |\n", tk.Name, strings.ReplaceAll(tk.Name, "/", "-"), tableCell(tk.Short), tableCell(tk.Needs))
	}
	golden.Check(t, file, between(t, file, "tasks", b.String()))
}

// between is the file's text with what stands between the marks <!-- name --> and <!-- /name --> replaced.
func between(t *testing.T, file, name, text string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(data), "<!-- "+name+" -->\n")
	_, tail, ok2 := strings.Cut(rest, "<!-- /"+name+" -->")
	if !ok1 || !ok2 {
		t.Fatalf("%s lacks the marks <!-- %s --> and <!-- /%s -->", file, name, name)
	}
	return head + "<!-- " + name + " -->\n" + text + "<!-- /" + name + " -->" + tail
}

// TestReferenceCases writes the made-up cases of the README's first study.
func TestReferenceCases(t *testing.T) {
	golden.Check(t, filepath.Join(docs, "example", "ward.csv"), wardCases())
}

// wardCases are 600 synthetic patients: death follows age, lactate, blood pressure and CRP, and
// hours_on_ventilator is written down after the outcome, so that the check for leakage has something to find.
func wardCases() string {
	r := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	b.WriteString("patient,admitted,age,sex,ward,systolic (mmHg),lactate (mmol/L),crp (mg/L),hours_on_ventilator,died\n")
	for i := range 600 {
		age := math.Round(35 + 55*r.Float64())
		sex := []string{"female", "male"}[r.IntN(2)]
		ward := []string{"surgery", "medicine", "cardiology"}[r.IntN(3)]
		systolic := math.Round(128 + 22*r.NormFloat64())
		lactate := math.Exp(.45 + .55*r.NormFloat64())
		crp := math.Exp(3.2 + 1.1*r.NormFloat64())
		logit := -4.2 + .055*(age-35) + .85*(lactate-1.5) - .025*(systolic-128) + .005*crp
		died, hours := "no", 0.0
		if r.Float64() < 1/(1+math.Exp(-logit)) {
			died, hours = "yes", math.Round(20+60*r.Float64())
		}
		measured := fmt.Sprintf("%.1f", lactate)
		if r.Float64() < .12 {
			measured = ""
		}
		fmt.Fprintf(&b, "P%04d,2024-%02d-%02d,%.0f,%s,%s,%.0f,%s,%.0f,%.0f,%s\n", i+1, 1+r.IntN(12), 1+r.IntN(28), age, sex, ward, systolic, measured, crp, hours, died)
	}
	return b.String()
}

var fence = regexp.MustCompile("(?s)```(?:sh|console)\n(.*?)```")

// TestReferenceCommandsParse holds each galen command that a document or a help text prints against the
// commands and flags that exist. It does not run them.
func TestReferenceCommandsParse(t *testing.T) {
	files, err := filepath.Glob("../../*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.md", "*/*.md"} {
		more, err := filepath.Glob(filepath.Join(docs, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	seen := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range fence.FindAllStringSubmatch(string(data), -1) {
			for line := range strings.Lines(block[1]) {
				if args, ok := galenArgs(line); ok {
					seen++
					checkCommand(t, file, args)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands found in %d documents", seen, len(files))
	}
}

// galenArgs returns the arguments of the galen command on a line of a shell block.
func galenArgs(line string) ([]string, bool) {
	line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
	for _, prefix := range []string{"galen ", "go run ./cmd/galen ", "./galen "} {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			rest, _, _ = strings.Cut(rest, " #")
			for _, stop := range []string{" | ", " > ", " < ", " && "} {
				rest, _, _ = strings.Cut(rest, stop)
			}
			return strings.Fields(rest), true
		}
	}
	return nil, false
}

func checkCommand(t *testing.T, file string, args []string) {
	t.Helper()
	a := &app{}
	root := a.root()
	root.InitDefaultCompletionCmd(args...)
	a.bindTaskFlags(root, args)
	cmd, rest, err := root.Find(args)
	if err == nil && cmd == root && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		err = fmt.Errorf("no such command")
	}
	if err == nil && slices.ContainsFunc(rest, func(s string) bool {
		return strings.ToUpper(s) == s && s != "-" && !strings.ContainsAny(s, "0123456789")
	}) {
		return // a placeholder such as RUN
	}
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil && cmd != root {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s prints %q: %v", file, "galen "+strings.Join(args, " "), err)
	}
}

// TestReferenceTranscripts runs what the README's first study and docs/http.md print, and compares. Times are
// left out of the comparison, and numbers count to two digits, since the last ones depend on the machine.
func TestReferenceTranscripts(t *testing.T) {
	readme, http := absolute(t, "../../README.md"), absolute(t, filepath.Join(docs, "http.md"))
	cases, err := os.ReadFile(filepath.Join(docs, "example", "ward.csv"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	study, newCases := block(t, string(text), "task: diagnosis/risk\n"), block(t, string(text), "$ cat new.csv\n")
	added := block(t, string(text), "  exclude:")
	_, newCases, _ = strings.Cut(newCases, "\n")
	newCases, _, _ = strings.Cut(newCases, "$ ")
	t.Setenv("GALEN_STORE", "")
	t.Setenv("GALEN_INDEX", "")
	t.Chdir(t.TempDir())
	write := func(name, content string) {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("ward.csv", string(cases))
	write("ward.yaml", study)
	write("new.csv", newCases)

	transcript(t, readme, "refused", console(t, 3, "run", "ward.yaml"))
	write("ward.yaml", study+added)
	transcript(t, readme, "finished", console(t, 0, "run", "ward.yaml"))
	transcript(t, readme, "applied", "```console\n$ cat new.csv\n"+newCases+strings.TrimPrefix(console(t, 0, "apply", "ward", "new.csv", "--out", "risks.csv"), "```console\n"))
	transcript(t, readme, "prediction", prediction(t, 1))
	transcript(t, http, "predictions", overHTTP(t, `{"age":54,"sex":"female","ward":"surgery","systolic (mmHg)":131,"lactate (mmol/L)":1.2,"crp (mg/L)":12}`))
	transcript(t, http, "absent", overHTTP(t, `{"age":54,"sex":"female","ward":"surgery"}`))
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// block returns the content of the first fenced block that begins with start.
func block(t *testing.T, text, start string) string {
	t.Helper()
	for _, m := range regexp.MustCompile("(?s)```[a-z]+\n(.*?)```").FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(m[1], start) {
			return m[1]
		}
	}
	t.Fatalf("README.md has no block that begins with %q", start)
	return ""
}

// console runs a command and returns what a terminal would show.
func console(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if got := Main(args, strings.NewReader(""), &out, &out); got != code {
		t.Fatalf("galen %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, out.String())
	}
	return "```console\n$ ./galen " + strings.Join(args, " ") + "\n" + out.String() + "```\n"
}

// prediction is one prediction of new.csv with the first of its contributions and neighbours.
func prediction(t *testing.T, i int) string {
	t.Helper()
	var out bytes.Buffer
	if code := Main([]string{"apply", "ward", "new.csv", "--format", "json"}, strings.NewReader(""), &out, &out); code != 0 {
		t.Fatal(out.String())
	}
	var all []risk.Prediction
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	p := all[i]
	p.Why.Contributions, p.Nearest = p.Why.Contributions[:2], p.Nearest[:1]
	out.Reset()
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		t.Fatal(err)
	}
	return "```json\n" + out.String() + "```\n"
}

// overHTTP asks the server for predictions; explanation and neighbours of the answer are left out.
func overHTTP(t *testing.T, body string) string {
	t.Helper()
	a := &app{folder: "runs", quiet: true}
	x, err := a.runner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	r := httptest.NewRequest("POST", "http://localhost/v1/runs/ward/predictions", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	server.New(x, server.Options{}).ServeHTTP(w, r)
	answer := w.Body.String()
	answer = regexp.MustCompile(`"why":\{.*?\},"nearest"`).ReplaceAllString(answer, `"why":{…},"nearest"`)
	answer = regexp.MustCompile(`"nearest":\[.*?\]`).ReplaceAllString(answer, `"nearest":[…]`)
	return fmt.Sprintf("```console\n$ cat case.json\n%s\n$ curl -s -w '%%{http_code}\\n' -H 'Content-Type: application/json' -d @case.json http://127.0.0.1:8420/v1/runs/ward/predictions\n%s%d\n```\n", body, answer, w.Code)
}

// transcript compares a section of a document with what came out.
func transcript(t *testing.T, file, name, got string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "<!-- "+name+" -->\n")
	if old, _, ok := strings.Cut(rest, "<!-- /"+name+" -->"); ok && rough(old) == rough(got) {
		got = old
	}
	golden.Check(t, file, between(t, file, name, got))
}

var (
	seconds = regexp.MustCompile(`\d+(\.\d+)? s\b|\d+ min \d\d s`)
	built   = regexp.MustCompile(`@[0-9a-f]{12}`) // a model's mark, which depends on the build
	decimal = regexp.MustCompile(`-?\d+\.\d+(e-?\d+)?`)
)

// rough takes times, marks of the build and late digits out of a transcript.
func rough(text string) string {
	return decimal.ReplaceAllStringFunc(built.ReplaceAllString(seconds.ReplaceAllString(text, "TIME"), "@"), func(s string) string {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return s
		}
		return strconv.FormatFloat(v, 'g', 2, 64)
	})
}
