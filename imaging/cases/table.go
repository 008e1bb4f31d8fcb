package cases

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Names of columns that speak for themselves, in lower case.
var (
	pathColumns    = []string{"path", "file", "filename", "image", "image_path", "img"}
	classColumns   = []string{"label", "class", "diagnosis", "target", "labels", "finding labels"}
	patientColumns = []string{"patient", "patient_id", "patientid", "patient id", "subject", "subject_id"}
	splitColumns   = []string{"split", "set", "subset", "fold"}
	maskColumns    = []string{"mask", "mask_path", "segmentation"}
	otherColumns   = []string{"id", "index", "row", "age", "sex", "gender", "name"}
)

const maxTable = 256 << 20

// TableLayout is Collection.Layout of a table that names images.
const TableLayout = "table of paths"

// columns is where a table keeps what.
type columns struct {
	path, patient, split, mask int
	class                      int   // of one class, or of labels joined by "|"; -1 where labels have columns of their own
	labels                     []int // columns of 0 and 1
}

// table is the layout of a table (CSV) that names images, with their labels: path, then label or one column of
// 0 and 1 for each label, and as it has them patient, split and mask. Paths are relative to the table.
func (s *source) table(ctx context.Context, name string) (*layout, error) {
	text, err := readText(s.fsys, name, maxTable)
	if err != nil {
		return nil, err
	}
	rows, lines, err := readCSV(name, text)
	if err != nil {
		return nil, err
	}
	if len(rows) < 2 {
		return nil, fault.Errorf(fault.Data, "reading %q: the table has no rows", name)
	}
	l := &layout{name: TableLayout, kind: Unlabelled}
	cols, err := s.columns(name, rows)
	if err != nil {
		return nil, err
	}
	l.readNames(rows, cols)
	l.masks = cols.mask >= 0
	items, err := s.rows(ctx, l, name, rows, lines, cols)
	if err != nil {
		return nil, err
	}
	return l.listed(items), nil
}

func readCSV(name string, text []byte) (rows [][]string, lines []int, err error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	r.TrimLeadingSpace = true
	for {
		row, err := r.Read()
		if err == io.EOF {
			return rows, lines, nil
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, nil, fault.Refuse("reading a table", []fault.Finding{{Name: "csv", Severity: fault.Severe, File: name, Line: bad.Line, Message: bad.Err.Error()}})
		}
		if err != nil {
			return nil, nil, err
		}
		line, _ := r.FieldPos(0)
		rows, lines = append(rows, row), append(lines, line)
	}
}

// columns finds what each column is for.
func (s *source) columns(name string, rows [][]string) (*columns, error) {
	header := make([]string, len(rows[0]))
	for i, h := range rows[0] {
		header[i] = strings.ToLower(strings.TrimSpace(h))
	}
	var findings []fault.Finding
	find := func(given, param string, usual []string) int {
		if given != "" {
			at := slices.Index(header, strings.ToLower(given))
			if at < 0 {
				findings = append(findings, fault.Finding{Name: "column-absent", Severity: fault.Severe, File: name, Column: given, Message: "the parameter " + param + " names a column that is not there", Hint: fault.DidYouMean(given, rows[0])})
			}
			return at
		}
		for _, u := range usual {
			if at := slices.Index(header, u); at >= 0 {
				return at
			}
		}
		return -1
	}
	c := &columns{path: find("", "", pathColumns), patient: find(s.options.Patient, "patient", patientColumns), split: find("", "", splitColumns), mask: find("", "", maskColumns), class: -1}
	if len(s.options.Labels) > 1 {
		for _, given := range s.options.Labels {
			c.labels = append(c.labels, find(given, "labels", nil))
		}
	} else if len(s.options.Labels) == 1 {
		c.class = find(s.options.Labels[0], "labels", nil)
	} else if c.class = find("", "", classColumns); c.class < 0 {
		c.labels = truthColumns(rows, header, c)
	}
	return c, fault.Refuse("reading a table", findings)
}

// truthColumns are the columns of nothing but 0, 1 and blanks that no other purpose is known for.
func truthColumns(rows [][]string, header []string, c *columns) []int {
	var out []int
	for j := range header {
		if j == c.path || j == c.patient || j == c.split || j == c.mask || slices.Contains(otherColumns, header[j]) {
			continue
		}
		ok := true
		for _, row := range rows[1:] {
			if v := strings.TrimSpace(row[j]); v != "0" && v != "1" && v != "" {
				ok = false
				break
			}
		}
		if ok {
			out = append(out, j)
		}
	}
	return out
}

// readNames collects the classes or labels of a table.
func (l *layout) readNames(rows [][]string, c *columns) {
	switch {
	case c.class >= 0:
		joined := false
		var all []string
		for _, row := range rows[1:] {
			v := strings.TrimSpace(row[c.class])
			joined = joined || strings.Contains(v, "|")
			if v != "" {
				all = append(all, v)
			}
		}
		all = sortedUnique(all)
		l.kind = Classes
		if joined {
			l.kind = Findings
			var each []string
			for _, v := range all {
				for _, w := range strings.Split(v, "|") {
					if w = strings.TrimSpace(w); w != "" && !isNothing(w) {
						each = append(each, w)
					}
				}
			}
			all = sortedUnique(each)
		}
		l.names = sortNumbers(all)
	case len(c.labels) == 1: // a yes-or-no question is two classes
		l.kind, l.names = Classes, []string{"0", "1"}
		c.class, c.labels = c.labels[0], nil
	case len(c.labels) > 1:
		l.kind = Findings
		for _, j := range c.labels {
			l.names = append(l.names, strings.TrimSpace(rows[0][j]))
		}
	}
}

// isNothing says whether a label among several means that there are none.
func isNothing(label string) bool {
	switch strings.ToLower(label) {
	case "no finding", "none", "normal", "-":
		return true
	}
	return false
}

// sortNumbers sorts names that are all numbers by value.
func sortNumbers(names []string) []string {
	value := func(s string) (v int, ok bool) {
		n, err := fmt.Sscanf(s, "%d", &v)
		return v, n == 1 && err == nil && fmt.Sprint(v) == s
	}
	for _, n := range names {
		if _, ok := value(n); !ok {
			return names
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		x, _ := value(a)
		y, _ := value(b)
		return x - y
	})
	return names
}

// rows makes an item of every row whose image is there.
func (s *source) rows(ctx context.Context, l *layout, name string, rows [][]string, lines []int, c *columns) ([]*item, error) {
	var items []*item
	absent := fault.Finding{Name: "labels-without-images", Severity: fault.Severe, File: name, Message: "the file that the row names is not there", Hint: "paths are relative to the table"}
	unlabelled := fault.Finding{Name: "no-label", Severity: fault.Warning, File: name, Message: "the row has no label; its image is left out of the study"}
	word := fault.Finding{Name: "split-word", Severity: fault.Severe, File: name, Message: "the split is none of train, val, test"}
	note := func(f *fault.Finding, row int) {
		if f.Count++; len(f.Rows) < fault.MaxRows {
			f.Rows = append(f.Rows, row)
		}
	}
	for i, row := range rows[1:] {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		split := ""
		if c.split >= 0 {
			w := strings.ToLower(strings.TrimSpace(row[c.split]))
			if split = splitNames[w]; split == "" && w != "" {
				note(&word, i+1)
			}
		}
		it, err := s.named(ctx, l, path.Join(path.Dir(name), filepath.ToSlash(strings.TrimSpace(row[c.path]))))
		if errors.Is(err, fs.ErrNotExist) {
			note(&absent, i+1)
			absent.Line = cmpOr(absent.Line, lines[i+1])
			continue
		}
		if err != nil {
			l.refused(row[c.path], err)
			continue
		}
		it.row, it.split = i+1, split
		if c.patient >= 0 {
			it.patient = strings.TrimSpace(row[c.patient])
		}
		if c.mask >= 0 {
			if err := s.maskOf(it, path.Join(path.Dir(name), filepath.ToSlash(strings.TrimSpace(row[c.mask]))), l.regions); err != nil {
				l.refused(row[c.mask], err)
				continue
			}
		}
		if !l.labelled(it, row, c) && l.kind != Unlabelled {
			note(&unlabelled, i+1)
		}
		items = append(items, it)
	}
	for _, f := range []fault.Finding{absent, unlabelled, word} {
		if f.Count > 0 {
			l.findings = append(l.findings, f)
		}
	}
	return items, nil
}

func cmpOr(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

// refused keeps what is wrong with one file as a finding, and goes on.
func (l *layout) refused(name string, err error) {
	more := fault.FindingsOf(err)
	if len(more) == 0 {
		l.find(fault.Severe, "unreadable", name, shortMessage(err), fault.HintOf(err))
		return
	}
	for _, f := range more {
		if f.File == "" {
			f.File = name
		} else if f.File != name && !strings.Contains(f.File, name) {
			f.File = name + ": " + f.File
		}
		f.Message = f.Name + ": " + f.Message
		f.Name, f.Severity = "unreadable", fault.Severe
		l.findings = append(l.findings, f)
	}
}

// shortMessage is an error in one line of bounded length.
func shortMessage(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return text
}

// labelled reads the labels of a row; false where it has none.
func (l *layout) labelled(it *item, row []string, c *columns) bool {
	if c.class >= 0 {
		v := strings.TrimSpace(row[c.class])
		if v == "" {
			if l.kind == Findings {
				it.labels = unknownLabels(len(l.names))
			}
			return false
		}
		if l.kind == Classes {
			it.class = slices.Index(l.names, v)
			return it.class >= 0
		}
		it.labels = make([]int8, len(l.names))
		for _, w := range strings.Split(v, "|") {
			if k := slices.Index(l.names, strings.TrimSpace(w)); k >= 0 {
				it.labels[k] = 1
			}
		}
		return true
	}
	any := false
	for _, j := range c.labels {
		v := int8(-1)
		switch strings.TrimSpace(row[j]) {
		case "0":
			v = 0
		case "1":
			v = 1
		}
		any = any || v >= 0
		it.labels = append(it.labels, v)
	}
	return any
}

func unknownLabels(n int) []int8 {
	out := make([]int8, n)
	for i := range out {
		out[i] = -1
	}
	return out
}

// named is the item of an image that a table names: a file, or the folder of a DICOM series.
func (s *source) named(ctx context.Context, l *layout, name string) (*item, error) {
	if !fs.ValidPath(name) || name == "." {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "the path leads out of the table's folder"), "paths are relative to the table, and lie in its folder")
	}
	info, err := fs.Stat(s.fsys, name)
	if err != nil {
		return nil, err
	}
	files := []string{name}
	if info.IsDir() {
		files = files[:0]
		err := fs.WalkDir(s.fsys, name, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !hidden(p) {
				files = append(files, p)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	before := len(l.findings)
	items, err := s.images(ctx, l, files)
	if err != nil {
		return nil, err
	}
	if len(items) != 1 {
		if len(l.findings) > before { // what is wrong with it is known already
			found := slices.Clone(l.findings[before:])
			l.findings = l.findings[:before]
			return nil, fault.Refuse("reading an image", found)
		}
		if len(items) == 0 {
			return nil, fault.Errorf(fault.Data, "no image of a known format")
		}
		return nil, fault.Errorf(fault.Data, "it holds %s, and one is needed", fault.Count(len(items), "image"))
	}
	items[0].name = name
	return items[0], nil
}

// maskOf gives an item the label map in a file.
func (s *source) maskOf(it *item, name string, regions []volume.Label) error {
	if !fs.ValidPath(name) {
		return fault.Errorf(fault.Data, "the path leads out of the table's folder")
	}
	format, err := s.format(name)
	if err != nil {
		return err
	}
	r := s.readers[name]
	if r == nil {
		if format == formatDICOM {
			return fault.WithHint(fault.Errorf(fault.Data, "%q: masks are not read from DICOM", name), "convert it to NIfTI")
		}
		return s.unknown(name)
	}
	it.mask = func(ctx context.Context) (*volume.LabelMap, error) {
		v, err := r.read(ctx, s.fsys, name)
		if err != nil {
			return nil, err
		}
		m, err := volume.AsLabels(v, regions)
		if err != nil {
			return nil, fmt.Errorf("reading mask %q: %w", name, err)
		}
		return m, nil
	}
	return nil
}
