package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"galen.dev/catalog"
	"galen.dev/internal/golden"
	"galen.dev/quality"
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
