package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"galen.dev/catalog"
	"galen.dev/task"
)

func (a *app) dataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "List, fetch, check and find data sets",
		Long: `List, fetch, check and find the data sets of the catalogue.

Sets are looked for in the folders of GALEN_DATA (a list, as in PATH), in the program itself, and in the folder into
which pull downloads ($GALEN_HOME/data, or galen/data in the user's cache folder). Only pull uses the network.`,
		Example: "  galen data list\n  galen data pull support2",
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var only string
	list := &cobra.Command{
		Use: "list", Short: "List the catalogue, and what of it is on this machine", Example: "  galen data list --task diagnosis/risk",
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listData(cmd.Context(), only) },
	}
	list.Flags().StringVar(&only, "task", "", "only sets for this task")
	var folder string
	pull := &cobra.Command{
		Use: "pull NAME", Short: "Download a data set, verify it and keep it", Example: "  galen data pull breastmnist",
		Args: usageArgs(cobra.ExactArgs(1)), ValidArgsFunction: completeData,
		RunE: func(cmd *cobra.Command, args []string) error { return a.pullData(cmd.Context(), args[0], folder) },
	}
	pull.Flags().StringVar(&folder, "to", "", "folder to download into; $GALEN_HOME/data or the user's cache folder by default")
	verify := &cobra.Command{
		Use: "verify NAME", Short: "Compare a data set with its checksums, or check safety rules", Example: "  galen data verify heart_cleveland\n  galen data verify safety-rules\n  galen data verify our-rules.csv",
		Args: usageArgs(cobra.ExactArgs(1)), ValidArgsFunction: completeData,
		RunE: func(cmd *cobra.Command, args []string) error {
			if namesRules(args[0]) {
				return a.verifyRules(args[0])
			}
			return a.verifyData(cmd.Context(), args[0])
		},
	}
	path := &cobra.Command{
		Use: "path NAME", Short: "Print where a data set lies on this machine", Example: "  galen data path wdbc",
		Args: usageArgs(cobra.ExactArgs(1)), ValidArgsFunction: completeData,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := catalog.Path(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.print(map[string]string{"name": args[0], "path": p}, func(w io.Writer) { fmt.Fprintln(w, p) })
		},
	}
	cmd.AddCommand(list, pull, verify, path)
	return cmd
}

func completeData(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, e := range catalog.All() {
		names = append(names, e.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// dataRow is a line of `galen data list`.
type dataRow struct {
	Name       string   `json:"name"`
	Title      string   `json:"title"`
	Tasks      []string `json:"tasks"`
	Where      string   `json:"where"` // a folder, "in the program", or "" when it is not on this machine
	CanPull    bool     `json:"can_pull"`
	Licence    string   `json:"licence"`
	Citation   string   `json:"citation,omitempty"`
	Notes      string   `json:"notes,omitempty"`
	Unverified string   `json:"unverified,omitempty"`
	Synthetic  bool     `json:"synthetic,omitempty"`
}

func (a *app) listData(ctx context.Context, only string) error {
	rows := []dataRow{}
	for _, e := range catalog.All() {
		r := dataRow{e.Name, e.Title, e.Tasks, "", e.CanPull(), e.Licence, e.Citation, e.Notes, e.Unverified, e.Synthetic}
		if only != "" && !contains(e.Tasks, only) {
			continue
		}
		if found, err := catalog.Find(ctx, e.Name); err == nil {
			r.Where = found.Dir
			if found.Dir == "" {
				r.Where = "in the program"
			}
		}
		rows = append(rows, r)
	}
	return a.print(rows, func(w io.Writer) {
		for _, r := range rows {
			where := r.Where
			switch {
			case where != "" && where != "in the program":
				where = "here"
			case where == "" && r.CanPull:
				where = "can be pulled"
			case where == "":
				where = "not here"
			}
			fmt.Fprintf(w, "%-24s %-14s %s\n", r.Name, where, r.Title)
		}
		fmt.Fprintf(w, "\n%d sets; --json gives licences, citations and notes\n", len(rows))
	})
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// fileRow is a file of a set with what it was compared with.
type fileRow struct {
	Name   string `json:"name"`
	Path   string `json:"path"` // "" = in the program
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Basis  string `json:"compared_with"`
}

func (a *app) pullData(ctx context.Context, name, folder string) error {
	e, err := catalog.Lookup(name)
	if err != nil {
		return err
	}
	if !a.quiet {
		fmt.Fprintf(a.err, "%s: %s\nlicence: %s\n", e.Name, e.Title, e.Licence)
		for _, line := range []string{e.Citation, e.Unverified} {
			if line != "" {
				fmt.Fprintln(a.err, line)
			}
		}
	}
	monitor := a.monitor()
	got, err := catalog.Pull(ctx, name, folder, catalog.PullOptions{Progress: func(p catalog.Progress) {
		if monitor != nil {
			monitor(task.Event{Kind: task.Progress, Step: "pull", Text: p.File, Done: p.Done, Total: max(p.Total, 0)})
		}
	}})
	if err != nil {
		return err
	}
	type row struct {
		fileRow
		Present bool `json:"present"` // it was there and sound already
	}
	rows := make([]row, len(got))
	for i, p := range got {
		rows[i] = row{fileRow{p.Name, p.Path, p.Sums.SHA256, p.Sums.Size, string(p.Basis)}, p.Present}
	}
	return a.print(map[string]any{"name": e.Name, "licence": e.Licence, "files": rows}, func(w io.Writer) {
		for _, r := range rows {
			word := "fetched"
			if r.Present {
				word = "was here"
			}
			fmt.Fprintf(w, "%s  %s  sha256 %s, compared with %s\n", word, r.Path, r.SHA256, r.Basis)
		}
	})
}

func (a *app) verifyData(ctx context.Context, name string) error {
	checks, err := catalog.Verify(ctx, name)
	if err != nil {
		return err
	}
	rows := make([]fileRow, len(checks))
	for i, c := range checks {
		rows[i] = fileRow{c.Name, c.Path, c.Sums.SHA256, c.Sums.Size, string(c.Basis)}
	}
	return a.print(rows, func(w io.Writer) {
		for _, r := range rows {
			where := r.Path
			if where == "" {
				where = "in the program"
			}
			fmt.Fprintf(w, "ok  %s  %s, compared with %s\n", r.Name, where, strings.ReplaceAll(r.Basis, "nothing", "nothing: no checksum is published or recorded"))
		}
	})
}
