package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"galen.dev/catalog"
	"galen.dev/fault"
	"galen.dev/report"
	"galen.dev/server"
	"galen.dev/store"
	"galen.dev/studies"
	"galen.dev/task"
)

// demoStudies are what the demo runs, in order: of each row the first whose data are on the machine. A row whose data
// are not there at all is passed over with a word, so that the demo needs no network; the last of a row may be one of
// made-up data. All of them together stay under five minutes on two cores.
var demoStudies = [][]string{
	{"wdbc"},
	{"heart_cleveland"},
	{"support2"},
	{"breastmnist_quick", "synthetic-ultrasound"},
	{"synthetic-cells"},
	{"physionet2012_quick", "synthetic-stays"},
	{"synthetic-treatment"},
}

func (a *app) demoCommand() *cobra.Command {
	var folder, addr string
	var noServe bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the ready studies and show what came out",
		Long: `Run the ready studies, print what came out, and write a page that links every report. It needs no network:
studies whose data are not on this machine are passed over (` + "`galen data pull NAME`" + ` fetches them).
The page is then served until Ctrl-C; --no-serve only writes it.`,
		Example: "  galen demo\n  galen demo --no-serve --folder /tmp/galen-demo",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.demo(cmd, folder, addr, noServe)
		},
	}
	cmd.Flags().StringVar(&folder, "folder", "demo", "where the page and the runs go")
	cmd.Flags().StringVar(&addr, "addr", defaultAddr, "address to serve at")
	cmd.Flags().BoolVar(&noServe, "no-serve", false, "write the page and stop")
	return cmd
}

// demoRow is what became of one study of the demo.
type demoRow struct {
	Study   string             `json:"study"`
	Title   string             `json:"title"`
	Task    string             `json:"task"`
	Run     string             `json:"run,omitempty"`
	Report  string             `json:"report,omitempty"`
	Seconds float64            `json:"seconds"`
	Metrics map[string]float64 `json:"metrics,omitempty"`
	Passed  string             `json:"passed_over,omitempty"` // why it was not run
	Applied int                `json:"applied,omitempty"`     // example cases that the model was applied to
}

func (a *app) demo(cmd *cobra.Command, folder, addr string, noServe bool) error {
	if cmd.Flags().Changed("store") || cmd.InheritedFlags().Changed("store") {
		return fault.Errorf(fault.Usage, "the demo keeps its runs in its own folder: use --folder")
	}
	a.folder = filepath.Join(folder, "runs")
	x, err := a.runner(cmd.Context())
	if err != nil {
		return err
	}
	rows := make([]demoRow, 0, len(demoStudies))
	for _, names := range demoStudies {
		for k, name := range names {
			row, err := a.demoStudy(cmd, x, name, k+1 < len(names))
			if err != nil {
				return err
			}
			if row.Passed == "" || k+1 == len(names) {
				rows = append(rows, row)
				break
			}
		}
	}
	page := filepath.Join(folder, "index.html")
	home := func(link func(id string) string) func(io.Writer) error {
		return func(w io.Writer) error {
			infos := make([]store.RunInfo, 0, len(rows))
			for _, r := range rows {
				if r.Run == "" {
					continue
				}
				info, err := x.Store.Run(cmd.Context(), r.Run)
				if err != nil {
					return err
				}
				infos = append(infos, info)
			}
			return report.Index(w, "Galen demo", entries(x, infos, link))
		}
	}
	if err := writeWhole(page, home(func(id string) string { return "runs/" + id + "/evaluate/report.html" })); err != nil {
		return err
	}
	if err := a.print(map[string]any{"page": page, "studies": rows}, func(w io.Writer) { printDemo(w, rows, page) }); err != nil || noServe {
		return err
	}
	x.Monitor = nil
	h := server.New(x, server.Options{Home: home(func(id string) string { return "/runs/" + id + "/report.html" })})
	return server.Serve(cmd.Context(), addr, h, func(l net.Addr) {
		fmt.Fprintf(a.err, "\nopen http://%s to see it (Ctrl-C stops)\n", l)
	})
}

// demoStudy runs a study, and applies its model to made-up cases where there are some. other tells that another study
// stands in for it where its data are not here.
func (a *app) demoStudy(cmd *cobra.Command, x *task.Runner, name string, other bool) (demoRow, error) {
	s, err := loadStudy(name)
	if err != nil {
		return demoRow{}, err
	}
	row := demoRow{Study: name, Title: s.Title, Task: s.Task}
	if !a.quiet {
		fmt.Fprintf(a.err, "%s: %s\n", name, s.Title)
	}
	begin := time.Now()
	res, err := x.Run(cmd.Context(), s, task.Evaluate)
	if fault.KindOf(err) == fault.NotFound {
		row.Passed = "its data are not on this machine; a folder named by GALEN_DATA may hold them"
		if e, lerr := catalog.Lookup(s.Data); lerr == nil && e.CanPull() {
			row.Passed = "its data are not on this machine: `galen data pull " + s.Data + "` fetches them"
		}
		if !a.quiet {
			if other {
				row.Passed += "; made-up data stand in for them"
			}
			fmt.Fprintf(a.err, "passed over: %s\n", row.Passed)
		}
		return row, nil
	}
	if err != nil {
		return row, err
	}
	row.Run, row.Report, row.Metrics = res.Run, res.Report, res.Metrics
	if file, cases, ok := studies.Example(name); ok {
		params := map[string]any{}
		if t, err := task.Find(tasks, s.Task); err == nil && t.Param("overlays") != nil {
			params["overlays"] = filepath.Join(res.Folder, "example-overlays")
		}
		err := writeWhole(filepath.Join(res.Folder, "example-predictions.json"), func(w io.Writer) error {
			done, err := x.Apply(cmd.Context(), res.Run, task.Input{Path: file, Reader: bytes.NewReader(cases)}, params, w, task.JSON)
			if done != nil {
				row.Applied = done.Cases
			}
			return err
		})
		if err != nil {
			return row, err
		}
	}
	row.Seconds = time.Since(begin).Seconds()
	return row, nil
}

func printDemo(w io.Writer, rows []demoRow, page string) {
	fmt.Fprintf(w, "\n%-18s %-16s %8s  %s\n", "study", "task", "time", "figures on patients that the model had not seen")
	for _, r := range rows {
		if r.Passed != "" {
			fmt.Fprintf(w, "%-18s %-16s %8s  passed over: %s\n", r.Study, r.Task, "", r.Passed)
			continue
		}
		figures := ""
		if t, err := task.Find(tasks, r.Task); err == nil {
			for _, h := range t.Headline {
				if v, ok := r.Metrics[h.Metric]; ok {
					figures += fmt.Sprintf("%s %.3f  ", h.Metric, v)
				}
			}
		}
		fmt.Fprintf(w, "%-18s %-16s %8s  %s\n", r.Study, r.Task, duration(time.Duration(r.Seconds*float64(time.Second))), figures)
		if r.Applied > 0 {
			fmt.Fprintf(w, "%-18s %-16s %8s  applied to %d made-up cases: example-predictions.json in the run's folder\n", "", "", "", r.Applied)
		}
	}
	fmt.Fprintf(w, "\npage    %s\n", shortPath(page))
	fmt.Fprintln(w, "For research use. Galen is not a medical device.")
}
