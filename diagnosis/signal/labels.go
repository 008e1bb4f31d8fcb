package signal

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"galen.dev/fault"
)

// labelRow is one row of the table of labels.
type labelRow struct {
	record  string
	labels  []string
	patient string
	split   string
}

// maxLabels bounds the rows of a table of labels.
const maxLabels = 10_000_000

// readLabels reads the table and finds everything that is wrong with it.
func readLabels(in io.Reader, file string, several bool) ([]labelRow, []fault.Finding, error) {
	r := csv.NewReader(in)
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return nil, nil, fault.Errorf(fault.Data, "%s: the table of labels has no header", file)
	}
	place := map[string]int{}
	for i, name := range header {
		place[strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))] = i
	}
	l := &labelTable{file: file, rows: map[string][]int{}}
	for _, name := range []string{"record", "label"} {
		if _, ok := place[name]; !ok {
			l.findings = append(l.findings, fault.Finding{Name: "column-absent", Severity: fault.Severe, File: file, Column: name, Message: "the table of labels has no column of this name", Hint: "it needs the columns record and label, and may have patient and split"})
		}
	}
	if len(l.findings) > 0 {
		return nil, nil, fault.Refuse("labels "+file, l.findings)
	}
	cell := func(fields []string, name string) string {
		if i, ok := place[name]; ok {
			return strings.TrimSpace(fields[i])
		}
		return ""
	}
	var out []labelRow
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, csvProblem(err, file)
		}
		if len(out) == maxLabels {
			return nil, nil, fault.Errorf(fault.Data, "%s: the table has more than %d rows", file, maxLabels)
		}
		row := labelRow{record: cell(fields, "record"), patient: cell(fields, "patient"), split: strings.ToLower(cell(fields, "split"))}
		for word := range strings.SplitSeq(cell(fields, "label"), ";") {
			if word = strings.TrimSpace(word); word != "" && !slices.Contains(row.labels, word) {
				row.labels = append(row.labels, word)
			}
		}
		out = append(out, row)
		l.check(&out[len(out)-1], len(out), several, place)
	}
	l.twice(out)
	return out, l.all(), nil
}

// csvProblem says where a table is broken, without its text.
func csvProblem(err error, file string) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fault.Errorf(fault.Data, "%s: line %d: %w", file, parse.Line, parse.Err)
	}
	return fault.Disk("reading "+file, err)
}

// labelTable gathers the rows of each kind of finding.
type labelTable struct {
	file     string
	findings []fault.Finding
	order    []string
	rows     map[string][]int
}

func (l *labelTable) add(name string, row int) {
	if l.rows[name] == nil {
		l.order = append(l.order, name)
	}
	l.rows[name] = append(l.rows[name], row)
}

func (l *labelTable) check(row *labelRow, n int, several bool, place map[string]int) {
	if row.record == "" {
		l.add("record-missing", n)
	}
	if len(row.labels) == 0 && !several { // with several, none at all is a label set too
		l.add("label-missing", n)
	}
	if len(row.labels) > 1 && !several {
		l.add("several-labels", n)
	}
	if _, ok := place["patient"]; ok && row.patient == "" {
		l.add("patient-missing", n)
	}
	if _, ok := place["split"]; ok && row.split != "train" && row.split != "test" {
		l.add("split", n)
	}
}

// twice finds records that stand twice, and patients on both sides of the split.
func (l *labelTable) twice(all []labelRow) {
	seen, side := map[string]int{}, map[string]string{}
	for i := range all {
		name := recordName(all[i].record)
		if first, ok := seen[name]; ok && name != "" {
			if !slices.Contains(l.rows["record-twice"], first) {
				l.add("record-twice", first)
			}
			l.add("record-twice", i+1)
		} else {
			seen[name] = i + 1
		}
		if p := all[i].patient; p != "" && all[i].split != "" {
			if s, ok := side[p]; ok && s != all[i].split {
				l.add("patient-in-both", i+1)
			}
			side[p] = all[i].split
		}
	}
}

// recordName is the name of a record without the extension of its file.
func recordName(name string) string {
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	for _, ext := range []string{".hea", ".dat", ".edf", ".bdf"} {
		name = strings.TrimSuffix(name, ext)
	}
	return name
}

// messages are what findings about rows say.
var messages = map[string][3]string{
	"record-missing":  {"record", "rows name no record", ""},
	"label-missing":   {"label", "rows have no label", "label them, or leave them out"},
	"several-labels":  {"label", "rows have several labels", "set several: true"},
	"patient-missing": {"patient", "rows name no patient", "name one for each record, or leave the column out"},
	"split":           {"split", "rows are neither train nor test", ""},
	"record-twice":    {"record", "records stand in several rows", "one row for each record; with several: true, labels stand in one cell with ; between them"},
	"patient-in-both": {"patient", "patients have records both for training and for testing", "what is learnt of a patient must not be tested on him"},
	"record-absent":   {"record", "rows name records that are not there", "names are those of the files, with their folders and without extension"},
}

func (l *labelTable) all() []fault.Finding {
	out := l.findings
	for _, name := range l.order {
		rows, m := l.rows[name], messages[name]
		slices.Sort(rows)
		out = append(out, fault.Finding{Name: name, Severity: fault.Severe, File: l.file, Column: m[0], Rows: rows[:min(len(rows), fault.MaxRows)], Count: len(rows), Message: m[1], Hint: m[2]})
	}
	return out
}

// match finds the file of each row, and the files that no row names.
func match(rows []labelRow, file string, names []string) (of []string, findings []fault.Finding) {
	byName := map[string]string{}
	for _, n := range names {
		byName[recordName(n)] = n
	}
	l := &labelTable{file: file, rows: map[string][]int{}}
	used := map[string]bool{}
	for i := range rows {
		name, ok := byName[recordName(rows[i].record)]
		if !ok && rows[i].record != "" {
			l.add("record-absent", i+1)
		}
		of, used[name] = append(of, name), true
	}
	findings = l.all()
	left, first := 0, ""
	for _, n := range names {
		if !used[n] {
			if left++; first == "" {
				first = n
			}
		}
	}
	if left > 0 {
		findings = append(findings, fault.Finding{Name: "label-absent", Severity: fault.Severe, File: file, Message: fmt.Sprintf("%s of the folder have no label, the first of them %s", fault.Count(left, "record"), first), Hint: "label them, take them out, or waive label-absent to leave them out"})
	}
	return of, findings
}
