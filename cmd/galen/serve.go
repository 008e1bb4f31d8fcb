package main

import (
	"fmt"
	"io"
	"net"

	"github.com/spf13/cobra"

	"galen.dev/catalog"
	"galen.dev/report"
	"galen.dev/server"
	"galen.dev/store"
	"galen.dev/task"
)

func (a *app) serveCommand() *cobra.Command {
	var addr string
	var hosts []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the reports of all runs, and predictions, over HTTP",
		Long: `Serve the reports of all runs, and predictions, over HTTP until interrupted. docs/http.md describes the answers.

The server has no log-in: it listens on this machine only, unless --addr says otherwise. Put a proxy that
authenticates before it where others shall reach it, and name that proxy's host with --host.`,
		Example: "  galen serve\n  curl -s -H 'Content-Type: application/json' -d @case.json http://127.0.0.1:8420/v1/runs/wdbc/predictions",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serve(cmd, addr, hosts)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", defaultAddr, "address to listen on")
	cmd.Flags().StringSliceVar(&hosts, "host", nil, "host names besides localhost that the server answers to")
	return cmd
}

const defaultAddr = "127.0.0.1:8420"

func (a *app) serve(cmd *cobra.Command, addr string, hosts []string) error {
	x, err := a.runner(cmd.Context())
	if err != nil {
		return err
	}
	x.Monitor = nil
	home := func(w io.Writer) error {
		infos, err := x.Store.List(cmd.Context(), store.Filter{})
		if err != nil {
			return err
		}
		return report.Index(w, "Runs", entries(x, infos, func(id string) string { return "/runs/" + id + "/report.html" }))
	}
	return server.Serve(cmd.Context(), addr, server.New(x, server.Options{Home: home, Hosts: hosts}), func(l net.Addr) {
		fmt.Fprintf(a.err, "serving %s at http://%s (Ctrl-C stops)\n", shortPath(x.Store.Root()), l)
	})
}

// entries lists runs that have a report, as cards of an index page.
func entries(x *task.Runner, infos []store.RunInfo, link func(id string) string) []report.Entry {
	var out []report.Entry
	for _, info := range infos {
		if len(info.Steps) == 0 || info.Steps[len(info.Steps)-1].Step != string(task.Evaluate) {
			continue
		}
		e := report.Entry{Title: info.Name, Task: info.Task, Href: link(info.ID)}
		t, err := task.Find(x.Tasks, info.Task)
		if err != nil {
			continue // a run of a task that this version does not know
		}
		e.Summary = t.Short
		if text, err := x.Store.Study(info.ID); err == nil {
			if s, err := task.ParseStudy(text, "study.yaml", x.Tasks); err == nil {
				if s.Title != "" {
					e.Summary = s.Title
				}
				set, err := catalog.Lookup(s.Data)
				e.Synthetic = err == nil && set.Synthetic
			}
		}
		for _, h := range t.Headline {
			if v, ok := info.Metrics[h.Metric]; ok {
				e.Figures = append(e.Figures, report.KeyFigure{Label: h.Label, Value: report.Num(v, 3)})
			}
		}
		out = append(out, e)
	}
	return out
}
