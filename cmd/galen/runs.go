package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"galen.dev/diagnosis/risk"
	"galen.dev/fault"
	"galen.dev/store"
	"galen.dev/task"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (a *app) runsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "runs",
		Short:   "List, show and compare runs",
		Example: "  galen runs list\n  galen runs show wdbc\n  galen runs compare wdbc-1a2b3c4d wdbc-5e6f7a8b",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var only string
	list := &cobra.Command{
		Use:     "list",
		Short:   "List the runs of the store, newest first",
		Example: "  galen runs list --task diagnosis/risk",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listRuns(cmd, only) },
	}
	list.Flags().StringVar(&only, "task", "", "only runs of this task")
	show := &cobra.Command{
		Use:               "show RUN",
		Short:             "Show what a run read, did and found",
		Example:           "  galen runs show wdbc",
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeRuns,
		RunE:              a.showRun,
	}
	compare := &cobra.Command{
		Use:   "compare RUN RUN",
		Short: "Compare two runs on the cases both were tested on",
		Long: `Compare two runs on the cases both were tested on: AUROC by DeLong's test, the other scores by the paired
bootstrap over patients.`,
		Example:           "  galen runs compare support2-1a2b3c4d support2-5e6f7a8b",
		Args:              usageArgs(cobra.ExactArgs(2)),
		ValidArgsFunction: a.completeRuns,
		RunE:              a.compareRuns,
	}
	cmd.AddCommand(list, show, compare)
	return cmd
}

func (a *app) completeRuns(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	s, err := a.open(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	infos, err := s.List(cmd.Context(), store.Filter{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	ids := make([]string, len(infos))
	for i, r := range infos {
		ids[i] = r.ID
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// findRun finds a run by id, the start of it, path or the name of its study.
func (a *app) findRun(ctx context.Context, run string) (store.RunInfo, error) {
	x, err := a.runner(ctx)
	if err != nil {
		return store.RunInfo{}, err
	}
	return x.FindRun(ctx, run)
}

func (a *app) listRuns(cmd *cobra.Command, only string) error {
	if only != "" {
		if _, err := task.Find(tasks, only); err != nil {
			return err
		}
	}
	s, err := a.open(cmd.Context())
	if err != nil {
		return err
	}
	infos, err := s.List(cmd.Context(), store.Filter{Task: only})
	if err != nil {
		return err
	}
	if infos == nil {
		infos = []store.RunInfo{}
	}
	return a.print(infos, func(w io.Writer) {
		if len(infos) == 0 {
			of := ""
			if only != "" {
				of = " of " + only
			}
			fmt.Fprintf(w, "no runs%s in %s yet; `galen run wdbc` makes one\n", of, shortPath(s.Root()))
		}
		for _, r := range infos {
			fmt.Fprintf(w, "%-32s %-18s %s  %s\n", r.ID, r.Task, r.Created.Local().Format("2006-01-02 15:04"), stateOf(r))
		}
	})
}

// stateOf says how far a run got and its first figures.
func stateOf(r store.RunInfo) string {
	if r.Problem != "" {
		return "damaged: " + r.Problem
	}
	if len(r.Steps) == 0 {
		return "nothing done yet"
	}
	last := r.Steps[len(r.Steps)-1].Step
	if last != "evaluate" {
		return "up to " + last
	}
	var parts []string
	if t, err := task.Find(tasks, r.Task); err == nil {
		for _, h := range t.Headline {
			if v, ok := r.Metrics[h.Metric]; ok {
				parts = append(parts, fmt.Sprintf("%s %.3f", h.Metric, v))
			}
		}
	}
	return strings.Join(parts, "  ")
}

func (a *app) showRun(cmd *cobra.Command, args []string) error {
	r, err := a.findRun(cmd.Context(), args[0])
	if err != nil {
		return err
	}
	return a.print(r, func(w io.Writer) {
		fmt.Fprintf(w, "run     %s\ntask    %s\ndata    %s\nseed    %d\nmade    %s\nfolder  %s\n", r.ID, r.Task, r.Data, r.Seed, r.Created.Local().Format("2006-01-02 15:04:05"), shortPath(r.Dir))
		fmt.Fprintln(w, "\nparameters")
		for _, name := range sortedKeys(r.Params) {
			if v := fmt.Sprint(r.Params[name]); v != "" && v != "[]" && v != "map[]" && v != "<nil>" {
				fmt.Fprintf(w, "        %-20s %s\n", name, v)
			}
		}
		for _, m := range r.Steps {
			fmt.Fprintf(w, "\n%s  %.1f s, galen %s\n", m.Step, m.Seconds, m.Galen)
			for _, f := range m.Inputs {
				fmt.Fprintf(w, "        in   %s  %-30s %d\n", f.SHA256[:12], f.Name, f.Size)
			}
			for _, f := range m.Outputs {
				fmt.Fprintf(w, "        out  %s  %-30s %d\n", f.SHA256[:12], f.Name, f.Size)
			}
		}
		if len(r.Metrics) > 0 {
			fmt.Fprintln(w, "\nfigures")
		}
		for _, name := range sortedKeys(r.Metrics) {
			fmt.Fprintf(w, "        %-24s %.4g\n", name, r.Metrics[name])
		}
	})
}

func (a *app) compareRuns(cmd *cobra.Command, args []string) error {
	var infos [2]store.RunInfo
	for i, id := range args {
		var err error
		if infos[i], err = a.findRun(cmd.Context(), id); err != nil {
			return err
		}
	}
	if infos[0].ID == infos[1].ID {
		return fault.WithHint(fault.Errorf(fault.Usage, "both names mean the run %s", infos[0].ID), "give the ids of two runs; `galen runs list` shows them")
	}
	for _, r := range infos {
		if filepath.Dir(r.Dir) != a.store.Root() {
			return fault.WithHint(fault.Errorf(fault.Usage, "run %q lies outside the store %q", r.ID, a.store.Root()), "only runs of one store are compared; --store names it")
		}
	}
	c, err := risk.Compare(cmd.Context(), a.store, infos[0], infos[1])
	if err != nil {
		return err
	}
	return a.print(c, func(w io.Writer) {
		fmt.Fprintf(w, "%d cases that both were tested on, %d events\n\n", c.Cases, c.Events)
		fmt.Fprintf(w, "%-14s %12s %12s %12s  %-22s %s\n", "", "first", "second", "difference", "95 % interval", "p")
		for _, r := range c.Rows {
			p := ""
			if r.P != nil {
				p = fmt.Sprintf("%.4f", *r.P)
			}
			p += " (" + r.Method + ")"
			fmt.Fprintf(w, "%-14s %12.4f %12.4f %12.4f  %-22s %s\n", r.Name, r.First.Value, r.Second.Value, r.Difference.Value, fmt.Sprintf("%.4f to %.4f", r.Difference.Low, r.Difference.High), p)
		}
	})
}
