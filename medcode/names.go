package medcode

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"

	"galen.dev/fault"
)

// Names reads the names of codes from the user's own table, such as LOINC's Loinc.csv: a CSV whose header has a column
// of codes and one of names. Without names for the columns, those of LOINC's table, or "code" and "name", are taken.
func Names(r io.Reader, subject, codeColumn, nameColumn string) (map[string]string, error) {
	buf := bufio.NewReader(r)
	if mark, err := buf.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = buf.Discard(3)
	}
	in := csv.NewReader(buf)
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return nil, fault.Errorf(fault.Data, "%s: reading the header: %w", subject, err)
	}
	find := func(wanted string, usual ...string) int {
		if wanted != "" {
			usual = []string{wanted}
		}
		for _, name := range usual {
			if i := slices.IndexFunc(head, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) }); i >= 0 {
				return i
			}
		}
		return -1
	}
	code, name := find(codeColumn, "LOINC_NUM", "code"), find(nameColumn, "LONG_COMMON_NAME", "name", "display", "title")
	if code < 0 || name < 0 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "%s has no column of codes, or none of names", subject), "its columns are %s", strings.Join(slices.Clone(head), ", "))
	}
	out := map[string]string{}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fault.Errorf(fault.Data, "%s: %w", subject, err)
		}
		out[strings.Clone(row[code])] = strings.Clone(row[name])
	}
}
