package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"galen.dev/fault"
	"galen.dev/store"
	"galen.dev/task"
)

func (a *app) applyCommand() *cobra.Command {
	var out, format string
	cmd := &cobra.Command{
		Use:   "apply RUN INPUT",
		Short: "Apply a run's model to new cases",
		Long: `Apply a run's model to new cases and write the predictions with their intervals and explanations.

RUN is a run's id or the start of it, a study's name (its newest evaluated run is taken), or the path of a run's folder.
INPUT is a file of cases, such as CSV, JSON (an array of objects or one object) or JSON lines; for images and signals also
a picture, a volume, a recording, or a zip or folder of them. "-" reads standard input.
The parameters of the study's apply step can be set by flags.
Predictions go to --out in the format of its extension, or to standard output as JSON lines (--format csv or json changes that).`,
		Example: "  galen apply wdbc new-cases.csv --out risks.csv\n  galen apply wdbc case.json",
		Args:    usageArgs(cobra.ExactArgs(2)),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault // a file
			}
			return a.completeRuns(cmd, args, word)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.apply(cmd, args[0], args[1], out, format)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "write the predictions to this file (.csv, .json or .jsonl)")
	cmd.Flags().StringVar(&format, "format", "jsonl", "format on standard output: jsonl, json or csv")
	for _, t := range tasks {
		for i := range t.Params {
			p := &t.Params[i]
			if p.Step != task.Apply {
				continue
			}
			usage := t.Name + ": " + p.Help
			if r := p.Range(); r != "" {
				usage += " [" + r + "]"
			}
			if f := cmd.Flags().Lookup(p.Name); f != nil { // of several tasks: which is meant, the run tells
				f.Usage += "\n" + usage
				continue
			}
			cmd.Flags().Var(&applyFlag{}, p.Name, usage)
			if p.Kind == task.Bool {
				cmd.Flags().Lookup(p.Name).NoOptDefVal = "true"
			}
		}
	}
	return cmd
}

// applyFlag is a parameter of the apply step as a flag. Its text is parsed when the run has told which task it is of.
type applyFlag struct{ text string }

func (f *applyFlag) String() string     { return f.text }
func (f *applyFlag) Type() string       { return "value" }
func (f *applyFlag) Set(v string) error { f.text = v; return nil }

// applyParams are the parameters that flags give for the task of a run.
func applyParams(cmd *cobra.Command, x *task.Runner, run string) (map[string]any, error) {
	params := map[string]any{}
	var findings []fault.Finding
	var t *task.Task
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		given, ok := f.Value.(*applyFlag)
		if !ok || err != nil {
			return
		}
		if t == nil {
			var info store.RunInfo
			if info, err = x.FindRun(cmd.Context(), run); err != nil {
				return
			}
			if t, err = task.Find(x.Tasks, info.Task); err != nil {
				return
			}
		}
		wrong := func(message string) {
			findings = append(findings, fault.Finding{Name: "wrong-value", Severity: fault.Severe, Column: "--" + f.Name, Message: message})
		}
		p := t.Param(f.Name)
		if p == nil || p.Step != task.Apply {
			wrong(t.Name + " has no such parameter of apply")
			return
		}
		v, perr := p.Parse(given.text)
		if perr == nil {
			perr = p.Check(v)
		}
		if perr != nil {
			wrong(perr.Error())
			return
		}
		params[f.Name] = v
	})
	if err == nil && len(findings) > 0 {
		err = &fault.Error{Kind: fault.Usage, Err: fmt.Errorf("the flags have %s", fault.Count(len(findings), "finding")), Findings: findings}
	}
	return params, err
}

func (a *app) apply(cmd *cobra.Command, run, input, out, format string) error {
	f := task.Format(format)
	if out != "" {
		var err error
		if f, err = task.FormatOf(out); err != nil {
			return err
		}
	} else if f != task.CSV && f != task.JSON && f != task.JSONLines {
		return fault.Errorf(fault.Usage, "format %q is not one of jsonl, json, csv", format)
	}
	if info, err := os.Stat(filepath.Join(run, "run.json")); err == nil && info.Mode().IsRegular() && strings.ContainsAny(run, `/\`) {
		abs, err := filepath.Abs(run)
		if err != nil {
			return err
		}
		a.folder, run = filepath.Dir(abs), filepath.Base(abs) // the run's folder says which store it is in
	}
	x, err := a.runner(cmd.Context())
	if err != nil {
		return err
	}
	if x.Monitor = nil; !a.quiet { // predictions are quick; only what matters is told
		x.Monitor = func(e task.Event) {
			if e.Kind == task.Note {
				fmt.Fprintf(a.err, "galen: note: %s\n", e.Text)
			}
		}
	}
	params, err := applyParams(cmd, x, run)
	if err != nil {
		return err
	}
	in := task.Input{Path: input}
	if input == "-" {
		in = task.Input{Path: "standard input", Reader: interruptible(cmd.Context(), a.in)}
	}
	if out == "" {
		if a.json {
			f = task.JSON
		}
		_, err := x.Apply(cmd.Context(), run, in, params, a.out, f)
		return roomHint(err)
	}
	var done *task.Applied
	err = writeWhole(out, func(w io.Writer) error {
		done, err = x.Apply(cmd.Context(), run, in, params, w, f)
		return err
	})
	if err != nil {
		return err
	}
	done.Output = out
	return a.print(done, func(w io.Writer) {
		fmt.Fprintf(w, "%d predictions of run %s in %s\n", done.Cases, done.Run, out)
	})
}

// interruptible reads what in brings until ctx ends, also while in is waiting: a terminal, or a pipe whose writer
// is slow, must not keep Ctrl-C from stopping the program.
func interruptible(ctx context.Context, in io.Reader) io.Reader {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) })
	go func() {
		_, err := io.Copy(w, in)
		w.CloseWithError(err)
	}()
	return r
}

// roomHint gives an error of writing a hint where it has none.
func roomHint(err error) error {
	if fault.KindOf(err) == fault.Storage && fault.HintOf(err) == "" {
		return fault.WithHint(err, "free some space, or write to another place")
	}
	return err
}

// writeWhole writes a file that appears only when it is complete.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fault.WithHint(fmt.Errorf("writing %q: %w", path, err), "the folder must exist and be writable")
	}
	defer func() {
		if err != nil {
			_ = f.Close() // again, where closing it was what failed
			if gone := os.Remove(f.Name()); gone != nil {
				err = errors.Join(err, gone)
			}
		}
	}()
	if err = write(f); err != nil {
		return roomHint(err)
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	if err = f.Close(); err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	return nil
}
