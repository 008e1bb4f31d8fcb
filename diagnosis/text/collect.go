package note

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/store"
	"galen.dev/task"
	"galen.dev/text"
)

// Files that collect leaves.
const (
	notesFile  = "notes.ndjson" // the records, texts and all: private
	sourceFile = "source.json"
)

// source is what collect says of the data.
type source struct {
	*task.Source
	Records int    `json:"records"`
	Kind    string `json:"kind"`
}

// columnNames are our names of columns with the parameters that may rename them; split has none.
func columnNames(r *task.Run) map[string]string {
	out := map[string]string{"split": "split"}
	for _, name := range []string{"text", "label", "patient", "phrase", "presence", "temporality", "experiencer"} {
		out[name] = r.String(name)
	}
	return out
}

// collect reads every note and checks it.
func collect(ctx context.Context, r *task.Run) error {
	kind, labels := r.String("kind"), r.String("labels")
	need := map[string][]string{classify: {"text", "label"}, assertions: {"text", "phrase", "presence"}, entities: {"text", "entities"}}[kind]
	x := newReader(columnNames(r), r.Bool("replace-invalid"), need...)
	var err error
	switch {
	case kind == entities:
		err = collectMarked(ctx, r, x)
	case slices.ContainsFunc(r.Source.Files, func(f store.File) bool { return path.Ext(f.Name) == ".txt" && len(r.Source.Files) > 1 }):
		err = collectFolder(ctx, r, x, labels)
	default:
		err = eachFile(r, func(name string, in io.Reader) error { return x.table(ctx, in, name) })
	}
	if err != nil {
		return err
	}
	if err := x.refuse(); err != nil {
		return err
	}
	if len(x.records) == 0 {
		return fault.Errorf(fault.Data, "data %q hold no notes", r.Source.Name)
	}
	w, err := r.Create(notesFile)
	if err != nil {
		return err
	}
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	for k := range x.records {
		if err = ctx.Err(); err == nil {
			r.Progress("keeping", int64(k), int64(len(x.records)))
			err = enc.Encode(&x.records[k])
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = buf.Flush()
	}
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return r.WriteJSON(sourceFile, &source{r.Source, len(x.records), kind})
}

func eachFile(r *task.Run, read func(name string, in io.Reader) error) error {
	for i, f := range r.Source.Files {
		in, err := r.Source.Open(i)
		if err != nil {
			return err
		}
		err = read(f.Name, in)
		in.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// collectMarked reads CoNLL files; their names say the split.
func collectMarked(ctx context.Context, r *task.Run, x *reader) error {
	return eachFile(r, func(name string, in io.Reader) error {
		base := strings.ToLower(path.Base(name))
		split := ""
		for _, part := range []struct{ in, is string }{{"train", "train"}, {"devel", "train"}, {"dev", "train"}, {"valid", "train"}, {"test", "test"}} {
			if split == "" && strings.Contains(base, part.in) {
				split = part.is
			}
		}
		return x.conll(ctx, in, name, split)
	})
}

// collectFolder reads .txt files and the table of labels that names them.
func collectFolder(ctx context.Context, r *task.Run, x *reader, table string) error {
	at := map[string]int{}
	for i, f := range r.Source.Files {
		at[f.Name] = i
	}
	k, ok := at[table]
	if !ok {
		return fault.WithHint(fault.Errorf(fault.Data, "data %q are .txt files, and there is no table of labels %q", r.Source.Name, table), "labels.csv has the columns record and label, and may have patient and split; the parameter labels names another file")
	}
	in, err := r.Source.Open(k)
	if err != nil {
		return err
	}
	defer in.Close()
	x.file = table
	c := csv.NewReader(in)
	header, err := c.Read()
	if err != nil {
		return fault.Errorf(fault.Data, "%s: the table of labels has no header", table)
	}
	header[0] = strings.TrimPrefix(header[0], "\ufeff")
	record := slices.Index(header, "record")
	if record < 0 {
		return fault.Errorf(fault.Data, "%s: the table of labels has no column record", table)
	}
	labelled := map[string]bool{}
	for len(x.findings) < severe {
		if err := ctx.Err(); err != nil {
			return err
		}
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		row := len(x.records) + 1
		if err != nil {
			return fault.Errorf(fault.Data, "%s: row %d is no row of the table", table, row)
		}
		name := cells[record]
		k, ok := at[name]
		if !ok {
			k, ok = at[name+".txt"]
		}
		if !ok || labelled[r.Source.Files[k].Name] {
			x.wrong("record", "record", "rows name notes that are not there, or that have a row already", "", row)
			continue
		}
		labelled[r.Source.Files[k].Name] = true
		content, err := readNote(r, k)
		if err != nil {
			return err
		}
		x.take(func(column string) (string, bool) {
			if column == "text" {
				return content, true
			}
			if j := slices.Index(header, x.columns[column]); j >= 0 {
				return cells[j], true
			}
			return "", false
		}, name)
	}
	missing := 0
	for _, f := range r.Source.Files {
		if path.Ext(f.Name) == ".txt" && !labelled[f.Name] {
			missing++
		}
	}
	if missing > 0 {
		x.wrong("no-label", "", fmt.Sprintf("%s of the folder have no label", fault.Count(missing, "note")), "label them, or take them out", 0)
	}
	return nil
}

// readNote reads one file up to a byte more than is taken.
func readNote(r *task.Run, k int) (string, error) {
	in, err := r.Source.Open(k)
	if err != nil {
		return "", err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, text.MaxBytes+1))
	if err != nil {
		return "", fault.Disk("reading a note", err)
	}
	return string(b), nil
}

// loadRecords reads what collect kept.
func loadRecords(ctx context.Context, r *task.Run) ([]record, error) {
	f, err := r.Open(task.Collect, notesFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []record
	dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<16))
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var x record
		if err := dec.Decode(&x); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, fault.Errorf(fault.Corrupt, "%s is damaged", notesFile)
		}
		out = append(out, x)
	}
}
