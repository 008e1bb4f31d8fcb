// Package intake collects a table of cases for the tasks that learn from one: it is read, and kept in the run with its
// schema, source and licence. Start with Collect, which is the collect step of these tasks.
package intake

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"galen.dev/fault"
	"galen.dev/table"
	"galen.dev/task"
)

// Files that Collect leaves.
const (
	CasesFile  = "cases.parquet" // the table as read
	SchemaFile = "schema.yaml"   // what its columns are
	SourceFile = "source.json"   // where it came from
)

// Source is what Collect says of the data.
type Source struct {
	*task.Source
	Rows     int             `json:"rows"`
	Columns  int             `json:"columns"`
	Findings []fault.Finding `json:"findings,omitempty"` // of reading; none of them fatal
}

// Collect reads the table and keeps it with its schema, source and licence.
func Collect(ctx context.Context, r *task.Run) error {
	if n := len(r.Source.Files); n != 1 {
		return fault.WithHint(fault.Errorf(fault.Data, "data %q are %d files, and this task reads one table", r.Source.Name, n), "name the file with the cases")
	}
	schema, err := studySchema(r.String("schema"))
	if err != nil {
		return err
	}
	in, err := r.Source.Open(0)
	if err != nil {
		return err
	}
	defer in.Close()
	t, err := table.ReadFrom(ctx, in, r.Source.Files[0].Name, table.Options{
		Schema:   schema,
		Progress: func(done, total int64) { r.Progress("reading", done, total) },
	})
	if err != nil {
		return err
	}
	if err := WriteTable(r, CasesFile, t); err != nil {
		return err
	}
	if err := r.WriteFile(SchemaFile, t.Schema().YAML()); err != nil {
		return err
	}
	r.Note("%s: %d rows, %d columns", r.Source.Name, t.Rows, len(t.Columns))
	return r.WriteJSON(SourceFile, Source{Source: r.Source, Rows: t.Rows, Columns: len(t.Columns), Findings: t.Findings})
}

func studySchema(path string) (*table.Schema, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading schema: %w", err)
	}
	return table.ParseSchema(data, path)
}

// WriteTable writes a table among the outputs of the current step, as Parquet.
func WriteTable(r *task.Run, name string, t *table.Table) error {
	w, err := r.Create(name)
	if err != nil {
		return err
	}
	if err := t.WriteParquet(w); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}

// ReadTable reads a table that an earlier step left.
func ReadTable(ctx context.Context, r *task.Run, step task.StepName, name string) (*table.Table, error) {
	data, err := r.ReadFile(step, name)
	if err != nil {
		return nil, err
	}
	t, err := table.ReadFrom(ctx, bytes.NewReader(data), name, table.Options{})
	if err != nil {
		return nil, fmt.Errorf("reading %s/%s: %w", step, name, err)
	}
	if step == task.Collect {
		if src := new(Source); r.ReadJSON(task.Collect, SourceFile, src) == nil && src.Source != nil {
			t.File = strings.TrimSuffix(src.Files[0].Name, "/") // findings speak of the user's file
		}
	}
	return t, nil
}
