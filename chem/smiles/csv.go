package smiles

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/internal/cpu"
)

// ReadCSV reads a CSV file with a header that has a column of SMILES. An empty column stands for the one named
// "smiles", in whatever case. It parses in parallel and calls each in the order of the rows, with the fields of the row; a
// molecule has no name. A bad SMILES is handed on with its error, which names line and column, and
// reading continues; a row that is no CSV ends it. It stops at the first error of each, of the reader, or of ctx.
func ReadCSV(ctx context.Context, r io.Reader, column string, o Options, each func(l Line, header, fields []string) error) error {
	in := csv.NewReader(r)
	header, err := in.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return badCSV(err)
	}
	at := slices.IndexFunc(header, func(name string) bool {
		name = strings.TrimPrefix(name, "\ufeff")
		return name == column || column == "" && strings.EqualFold(strings.TrimSpace(name), "smiles")
	})
	if at < 0 {
		return fault.Refuse("CSV", []fault.Finding{{
			Name: "no-smiles-column", Severity: fault.Severe, Line: 1, Message: "the header names no column of SMILES",
			Hint: "name the column that holds them",
		}})
	}
	lines, rows := make([]Line, 0, chunk), make([][]string, 0, chunk)
	for end := error(nil); end == nil; {
		lines, rows = lines[:0], rows[:0]
		for len(lines) < chunk {
			var row []string
			if row, end = in.Read(); end != nil {
				break
			}
			number, _ := in.FieldPos(at)
			lines, rows = append(lines, Line{Number: number, SMILES: strings.TrimSpace(row[at])}), append(rows, row)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		cpu.Do(len(lines), func(_, i int) { lines[i].parse(o) })
		for i, l := range lines {
			if l.Mol != nil {
				l.Mol.Name = ""
			}
			if err := each(l, header, rows[i]); err != nil {
				return err
			}
		}
		if end != nil && !errors.Is(end, io.EOF) {
			return badCSV(end)
		}
	}
	return nil
}

// badCSV turns the reader's complaints into findings; other errors stay.
func badCSV(err error) error {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		return err
	}
	return fault.Refuse("CSV", []fault.Finding{{
		Name: "bad-csv", Severity: fault.Severe, Line: p.Line, Message: fmt.Sprintf("the row is not readable: %v", p.Err),
		Hint: "rows have as many fields as the header; quotes are doubled within quotes",
	}})
}
