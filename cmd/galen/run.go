package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"galen.dev/fault"
	"galen.dev/studies"
	"galen.dev/task"
)

// studyArgument documents what STUDY may be, once for all commands that take one.
const studyArgument = `STUDY is a YAML file, the name of a ready study (` + "`galen run --list`" + ` shows them), or the name of a task,
whose data and parameters are then given by flags.`

func (a *app) runCommand() *cobra.Command {
	var list bool
	cmd := &cobra.Command{
		Use:   "run STUDY",
		Short: "Take a study through collect, preprocess, train and evaluate",
		Long: `Take a study through collect, preprocess, train and evaluate. Steps whose inputs did not change are skipped.

` + studyArgument,
		Example: "  galen run studies/heart_cleveland.yaml\n  galen run diagnosis/risk --data cases.csv --target died --model boost --seed 7",
		Args: func(cmd *cobra.Command, args []string) error {
			if list {
				return usageArgs(cobra.NoArgs)(cmd, args)
			}
			return usageArgs(cobra.ExactArgs(1))(cmd, args)
		},
		ValidArgsFunction: completeStudies,
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				return a.listStudies()
			}
			return a.runStudy(cmd, args[0], task.Evaluate)
		},
	}
	cmd.Flags().BoolVar(&list, "list", false, "list the ready studies")
	return cmd
}

func (a *app) stepCommand(step task.StepName) *cobra.Command {
	short := map[task.StepName]string{
		task.Collect:    "Read a study's data, check their form and keep them with source and licence",
		task.Preprocess: "Check the data's quality, split by patient and fix the plan of transformations",
		task.Train:      "Fit the study's model, with its calibration",
		task.Evaluate:   "Measure the study's model on patients it has not seen, and write the report",
	}[step]
	return &cobra.Command{
		Use:               string(step) + " STUDY",
		Short:             short,
		Long:              short + ". Earlier steps are done first where they are not done yet.\n\n" + studyArgument,
		Example:           fmt.Sprintf("  galen %s studies/wdbc.yaml", step),
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeStudies,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.runStudy(cmd, args[0], step) },
	}
}

// bindTaskFlags gives the study commands one flag for each parameter of the task that their argument names,
// so that flags, help and completion come from the same declaration as the study's keys.
func (a *app) bindTaskFlags(root *cobra.Command, args []string) {
	if len(args) > 1 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		args = args[1 : len(args)-1] // the last word is what the shell wants completed
	}
	cmd, rest, err := root.Find(args)
	if err != nil || cmd.Name() != "run" && !slices.Contains(task.Steps(), task.StepName(cmd.Name())) {
		return
	}
	f := cmd.Flags()
	f.String("data", "", "a name from the catalogue, or a path")
	f.String("name", "", "names the run")
	f.Uint64("seed", 0, "of everything random")
	f.StringSlice("waive", nil, "findings of severity error to let pass: name or name:column")
	for _, arg := range rest {
		if strings.HasPrefix(arg, "-") {
			continue
		}
		t, err := taskOf(arg)
		if err != nil {
			if a.unread == nil {
				a.unread = err
			}
			continue
		}
		a.unread = nil
		for i := range t.Params {
			p := &t.Params[i]
			if f.Lookup(p.Name) != nil || root.PersistentFlags().Lookup(p.Name) != nil {
				panic("parameter " + p.Name + " of " + t.Name + " has the name of a flag") // found by the tests
			}
			usage := p.Help
			if r := p.Range(); r != "" {
				usage += " [" + r + "]"
			}
			f.Var(&paramFlag{p: p}, p.Name, usage)
			if p.Kind == task.Bool {
				f.Lookup(p.Name).NoOptDefVal = "true"
			}
		}
		return
	}
}

// taskOf returns the task that a study argument speaks of.
func taskOf(arg string) (*task.Task, error) {
	if t, err := task.Find(tasks, arg); err == nil {
		return t, nil
	}
	s, err := loadStudy(arg)
	if err != nil {
		return nil, err
	}
	return task.Find(tasks, s.Task)
}

// paramFlag is a parameter as a flag. A wrong value is kept as an error, so that all of them can be told at once.
type paramFlag struct {
	p     *task.Param
	value any
	err   error
}

func (f *paramFlag) String() string {
	if f.p == nil {
		return ""
	}
	v := f.p.Value()
	if s := fmt.Sprint(v); s == "[]" || s == "map[]" || s == "0" && f.p.Kind != task.Int && f.p.Kind != task.Float {
		return ""
	}
	return fmt.Sprint(v)
}

func (f *paramFlag) Type() string { return strings.ReplaceAll(f.p.Kind.String(), " ", "-") }

func (f *paramFlag) Set(text string) error {
	f.value, f.err = f.p.Parse(text)
	return nil
}

// loadStudy reads a study file, or a ready study by its name.
func loadStudy(arg string) (*task.Study, error) {
	if _, err := os.Stat(arg); err != nil && filepath.Ext(arg) == "" {
		data, ok := studies.Read(arg)
		if !ok {
			names := studies.Names()
			hint := fault.DidYouMean(arg, append(names, taskNames()...))
			if hint == "" {
				hint = "ready studies are " + strings.Join(names, ", ")
			}
			return nil, fault.WithHint(fault.Errorf(fault.NotFound, "there is no study file, ready study or task %q", arg), "%s", hint)
		}
		s, err := task.ParseStudy(data, arg+".yaml", tasks)
		if s != nil {
			s.File = "" // a ready study has no folder: its paths start where the user is
		}
		return s, err
	}
	return task.ReadStudy(arg, tasks)
}

// study makes the study that the argument and the flags say.
func (a *app) study(cmd *cobra.Command, arg string) (*task.Study, error) {
	var s *task.Study
	t, err := task.Find(tasks, arg)
	if err == nil {
		s = &task.Study{Task: t.Name, Name: strings.ReplaceAll(t.Name, "/", "-"), Params: map[string]any{}}
	} else {
		if s, err = loadStudy(arg); err != nil {
			return nil, err
		}
		if t, err = task.Find(tasks, s.Task); err != nil {
			return nil, err
		}
	}
	f := cmd.Flags()
	if f.Changed("data") {
		s.Data, _ = f.GetString("data")
		if abs, err := filepath.Abs(s.Data); err == nil && s.File != "" && strings.ContainsAny(s.Data, `/\.`) {
			s.Data = abs // a flag's path starts where the user is, not at the study file
		}
	}
	if f.Changed("name") {
		s.Name, _ = f.GetString("name")
	}
	if f.Changed("seed") {
		s.Seed, _ = f.GetUint64("seed")
	}
	if f.Changed("waive") {
		s.Waive, _ = f.GetStringSlice("waive")
	}
	var findings []fault.Finding
	for i := range t.Params {
		p := &t.Params[i]
		if !f.Changed(p.Name) {
			continue
		}
		given := f.Lookup(p.Name).Value.(*paramFlag)
		if given.err != nil {
			findings = append(findings, fault.Finding{Name: "wrong-value", Severity: fault.Severe, Column: "--" + p.Name, Message: given.err.Error()})
		}
		v := given.value
		if text, isText := v.(string); isText && p.Kind == task.Path && s.File != "" {
			if abs, err := filepath.Abs(text); err == nil {
				v = abs
			}
		}
		s.Params[p.Name] = v
	}
	err = s.Complete(t)
	if len(findings) > 0 {
		for _, f := range fault.FindingsOf(err) {
			if f.Name != "wrong-value" {
				findings = append(findings, f) // what is missing besides
			}
		}
		err = &fault.Error{Kind: fault.Usage, Err: fmt.Errorf("study %q: the flags have %s", s.Name, fault.Count(len(findings), "finding")), Findings: findings}
	}
	return s, err
}

func (a *app) runStudy(cmd *cobra.Command, arg string, last task.StepName) error {
	s, err := a.study(cmd, arg)
	if err != nil {
		return err
	}
	x, err := a.runner(cmd.Context())
	if err != nil {
		return err
	}
	res, err := x.Run(cmd.Context(), s, last)
	if err != nil {
		return err
	}
	return a.print(res, func(w io.Writer) { printResult(w, res) })
}

func printResult(w io.Writer, res *task.Result) {
	fmt.Fprintf(w, "run     %s\n", res.Run)
	for _, s := range res.Steps {
		text := fmt.Sprintf("%.1f s", s.Seconds)
		switch s.Outcome {
		case task.Skipped:
			text = "skipped: nothing it depends on has changed"
		case task.Reused:
			text = "reused from " + s.From
		}
		fmt.Fprintf(w, "        %-10s %s\n", s.Step, text)
	}
	for _, name := range sortedKeys(res.Metrics) {
		fmt.Fprintf(w, "        %-24s %.4g\n", name, res.Metrics[name])
	}
	if res.Report != "" {
		fmt.Fprintf(w, "report  %s\n", shortPath(res.Report))
	}
}

// shortPath is the path relative to where the user is, when that is shorter.
func shortPath(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
			return rel
		}
	}
	return path
}

func (a *app) listStudies() error {
	type row struct {
		Name  string `json:"name"`
		Task  string `json:"task"`
		Data  string `json:"data"`
		Title string `json:"title"`
	}
	var rows []row
	for _, name := range studies.Names() {
		s, err := loadStudy(name)
		if err != nil {
			return err
		}
		rows = append(rows, row{name, s.Task, s.Data, s.Title})
	}
	return a.print(rows, func(w io.Writer) {
		for _, r := range rows {
			fmt.Fprintf(w, "%-20s %-18s %s\n", r.Name, r.Task, r.Title)
		}
	})
}

func taskNames() []string {
	var names []string
	for _, t := range tasks {
		names = append(names, t.Name)
	}
	return names
}

func completeStudies(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return append(studies.Names(), taskNames()...), cobra.ShellCompDirectiveDefault
}
