package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"galen.dev/task"
)

func (a *app) tasksCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "tasks [TASK]",
		Short:   "List the tasks, or one task's parameters and an example",
		Long:    "List the tasks, or one task's parameters and an example. With --json the answer is a JSON schema of the study file.",
		Example: "  galen tasks\n  galen tasks diagnosis/risk\n  galen tasks diagnosis/risk --json > risk.schema.json",
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return taskNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listTasks()
			}
			t, err := task.Find(tasks, args[0])
			if err != nil {
				return err
			}
			return a.print(t.Schema(), func(w io.Writer) { fmt.Fprint(w, t.Reference()) })
		},
	}
}

func (a *app) listTasks() error {
	type row struct {
		Name   string         `json:"name"`
		Short  string         `json:"short"`
		Needs  string         `json:"needs"`
		Schema map[string]any `json:"schema"`
	}
	rows := make([]row, len(tasks))
	for i, t := range tasks {
		rows[i] = row{t.Name, t.Short, t.Needs, t.Schema()}
	}
	return a.print(rows, func(w io.Writer) {
		for _, r := range rows {
			fmt.Fprintf(w, "%-20s %s\n%-20s needs %s\n", r.Name, r.Short, "", strings.ToLower(r.Needs[:1])+r.Needs[1:])
		}
	})
}
