package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"galen.dev/fault"
)

// medsReader reads the Medical Event Data Standard 0.4: data/**/*.parquet, metadata/subject_splits.parquet and, where it
// is there, metadata/codes.parquet. The standard has the events of a subject in one file, together and in the order of
// time, so that nothing is sorted; what breaks this is refused.
type medsReader struct {
	*input
	parts map[int64]string
	seen  map[int64]bool // subjects of which the events have ended
	file  string
	open  bool
	id    int64
	last  int64
	text  []byte
}

func newMEDS(in *input) *medsReader {
	return &medsReader{input: in, seen: map[int64]bool{}, parts: map[int64]string{}}
}

func (in *input) meds(source string) error {
	m := newMEDS(in)
	in.report.Clock = clockLocal.String() // the standard has times without zones
	files, err := m.files(source)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := in.ctx.Err(); err != nil {
			return err
		}
		if m.file, err = filepath.Rel(source, f); err != nil || m.file == "." {
			m.file = filepath.Base(f)
		}
		m.file = filepath.ToSlash(m.file)
		if err := readParquet(f, m.file, m.shard); err != nil {
			return err
		}
	}
	return nil
}

// files reads the metadata of a folder and lists its shards by name.
func (m *medsReader) files(source string) ([]string, error) {
	info, err := os.Stat(source)
	if err != nil {
		return nil, fault.Disk("reading events", err)
	}
	if !info.IsDir() {
		return []string{source}, nil
	}
	if name := oneOf(filepath.Join(source, "metadata"), "subject_splits.parquet"); name != "" {
		m.file = "metadata/subject_splits.parquet"
		if err := readParquet(name, m.file, m.splits); err != nil {
			return nil, err
		}
	}
	if name := oneOf(filepath.Join(source, "metadata"), "codes.parquet"); name != "" {
		m.file = "metadata/codes.parquet"
		if err := readParquet(name, m.file, m.names); err != nil {
			return nil, err
		}
	}
	root := filepath.Join(source, "data")
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		root = source
	}
	var out []string
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "metadata" {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(d.Name(), ".parquet") {
			out = append(out, file)
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = fault.Errorf(fault.Data, "%q holds no data/*.parquet", filepath.Base(source))
	}
	return out, err
}

// shard reads one file of events.
func (m *medsReader) shard(f *parquet.File) error {
	columns, ok := m.columns(f, []medsColumn{
		{"subject_id", []parquet.Kind{parquet.Int64}, true},
		{"time", []parquet.Kind{parquet.Int64}, true},
		{"code", []parquet.Kind{parquet.ByteArray}, true},
		{"numeric_value", []parquet.Kind{parquet.Float, parquet.Double}, false},
		{"text_value", []parquet.Kind{parquet.ByteArray}, false},
	})
	if !ok {
		return nil
	}
	scale, ok := timestampOf(f, columns[1])
	if !ok {
		m.log.path("column-type", fault.Severe, m.file, "time", "the column is no timestamp", "MEDS has timestamp[us] without a zone")
		return nil
	}
	m.open = false
	row := 0
	for _, g := range f.RowGroups() {
		err := readColumns(g, columns, func(v []parquet.Value) error {
			row++
			if row&1023 == 0 && m.ctx.Err() != nil {
				return m.ctx.Err()
			}
			return m.row(v, scale, row)
		})
		if err != nil {
			return err
		}
	}
	return m.end()
}

func (m *medsReader) row(v []parquet.Value, scale scaler, row int) error {
	if code := v[2].ByteArray(); v[0].IsNull() || v[2].IsNull() || !utf8.Valid(code) || len(code) == 0 || len(code) > maxName {
		m.log.row("code", fault.Severe, m.file, row, "events have no subject_id, or no code that is UTF-8 text", "")
		m.log.leave("events without a subject or a code", 1)
		return nil
	}
	id := v[0].Int64()
	if !m.open || id != m.id {
		if err := m.end(); err != nil {
			return err
		}
		if m.seen[id] {
			m.log.row("subject-apart", fault.Severe, m.file, row, "events of a subject are not together in one file", "sort by subject_id and time")
		}
		s := &m.stay
		*s = Stay{ID: strconv.FormatInt(id, 10), File: m.file, Part: m.parts[id], Start: NoTime, End: NoTime, Events: s.Events[:0]}
		m.open, m.id, m.last = true, id, NoTime
	}
	e := Event{At: NoTime, Value: math.NaN(), Row: int64(row)}
	if !v[1].IsNull() {
		var ok bool
		if e.At, ok = scale(v[1].Int64()); !ok {
			m.log.row("time", fault.Severe, m.file, row, "times are out of range", "")
			m.log.leave("events with a time that is none", 1)
			return nil
		}
	}
	if e.At < m.last {
		m.log.row("time-order", fault.Severe, m.file, row, "times are before those of the row above", "sort by subject_id and time")
	}
	m.last = e.At
	code := v[2].ByteArray()
	switch text := v[4]; {
	case !v[3].IsNull():
		e.Value = v[3].Double()
		if v[3].Kind() == parquet.Float {
			e.Value = float64(v[3].Float())
		}
		if math.IsInf(e.Value, 0) {
			m.log.row("number", fault.Severe, m.file, row, "values are infinite", "")
			m.log.leave("events with a value that is no number", 1)
			return nil
		}
	case !text.IsNull() && len(text.ByteArray()) > 0:
		if word := text.ByteArray(); m.opt.Words && len(word) <= 200 && utf8.Valid(word) {
			m.text = append(append(append(m.text[:0], code...), "//"...), word...)
			code = m.text
		} else {
			m.log.leave("texts of events (the code is kept)", 1)
		}
	}
	if e.Code = m.coder.code(code, m.file, row); e.Code < 0 {
		return nil
	}
	if len(m.stay.Events) >= maxStay {
		return tooLong()
	}
	m.stay.Events = append(m.stay.Events, e)
	return nil
}

func (m *medsReader) end() error {
	if !m.open {
		return nil
	}
	m.open, m.seen[m.id] = false, true
	if len(m.stay.Events) == 0 {
		return nil
	}
	return m.emit(&m.stay)
}

// splits reads the part of each subject.
func (m *medsReader) splits(f *parquet.File) error {
	columns, ok := m.columns(f, []medsColumn{{"subject_id", []parquet.Kind{parquet.Int64}, true}, {"split", []parquet.Kind{parquet.ByteArray}, true}})
	if !ok {
		return nil
	}
	names := map[string]string{}
	row := 0
	for _, g := range f.RowGroups() {
		err := readColumns(g, columns, func(v []parquet.Value) error {
			row++
			if v[0].IsNull() || v[1].IsNull() {
				return nil
			}
			name, ok := names[string(v[1].ByteArray())]
			if !ok {
				if name = string(v[1].ByteArray()); len(names) >= maxParts || !utf8.ValidString(name) {
					m.log.row("part", fault.Severe, m.file, row, "the column of splits holds no parts of a split", "")
					return nil
				}
				names[name] = name
			}
			if old, ok := m.parts[v[0].Int64()]; ok && old != name {
				m.log.row("part", fault.Severe, m.file, row, "subjects are in two parts of the split", "")
			}
			m.parts[v[0].Int64()] = name
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// names reads the descriptions of codes.
func (m *medsReader) names(f *parquet.File) error {
	columns, ok := m.columns(f, []medsColumn{{"code", []parquet.Kind{parquet.ByteArray}, true}, {"description", []parquet.Kind{parquet.ByteArray}, false}})
	if !ok {
		return nil
	}
	for _, g := range f.RowGroups() {
		err := readColumns(g, columns, func(v []parquet.Value) error {
			if !v[0].IsNull() && !v[1].IsNull() && len(m.report.Names) < maxCodes {
				if name, _ := normal(string(v[0].ByteArray())); utf8.ValidString(name) && utf8.Valid(v[1].ByteArray()) {
					m.report.Names[name] = string(v[1].ByteArray())
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

type medsColumn struct {
	name  string
	kinds []parquet.Kind
	must  bool
}

// columns finds the columns by name: their places, -1 where an optional one is absent.
func (m *medsReader) columns(f *parquet.File, want []medsColumn) (at []int, ok bool) {
	ok = true
	for _, w := range want {
		c := f.Root().Column(w.name)
		switch {
		case c == nil && !w.must:
			at = append(at, -1)
		case c == nil:
			ok = false
			m.log.path("missing-column", fault.Severe, m.file, w.name, "the column is not there", "MEDS 0.4 has subject_id, time, code, numeric_value, text_value")
		case !c.Leaf() || c.Repeated() || !slices.Contains(w.kinds, c.Type().Kind()):
			ok = false
			m.log.path("column-type", fault.Severe, m.file, w.name, "the column has another type than MEDS gives it", "MEDS 0.4 has int64, timestamp[us], string, float32, string")
		default:
			at = append(at, c.Index())
		}
	}
	return at, ok
}

// scaler turns a timestamp into µs.
type scaler func(int64) (int64, bool)

func timestampOf(f *parquet.File, index int) (scaler, bool) {
	for _, c := range f.Root().Columns() {
		if c.Index() != index || !c.Leaf() {
			continue
		}
		l := c.Type().LogicalType()
		if l == nil {
			return nil, false
		}
		stamp, ok := l.Value.(*format.TimestampType)
		if !ok {
			return nil, false
		}
		switch stamp.Unit.Value.(type) {
		case *format.MilliSeconds:
			return func(v int64) (int64, bool) { return v * 1000, v < 1<<50 && v > -1<<50 }, true
		case *format.MicroSeconds:
			return func(v int64) (int64, bool) { return v, v < 1<<60 && v > -1<<60 }, true
		}
		return func(v int64) (int64, bool) { return v / 1000, true }, true
	}
	return nil, false
}

// readParquet opens a file.
func readParquet(path, name string, read func(*parquet.File) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fault.Disk("reading events", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fault.Disk("reading events", err)
	}
	return parquetFrom(f, info.Size(), name, read)
}

// parquetFrom reads Parquet. The library panics on some damaged files, which is an error here.
func parquetFrom(r io.ReaderAt, size int64, name string, read func(*parquet.File) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damagedParquet(name, fmt.Errorf("%v", p))
		}
	}()
	p, err := openParquet(r, size, name)
	if err != nil {
		return err
	}
	err = read(p)
	if err != nil && errors.Is(err, errParquet) {
		err = damagedParquet(name, err)
	}
	return err
}

func openParquet(r io.ReaderAt, size int64, name string) (*parquet.File, error) {
	tail := make([]byte, 8)
	if size >= 12 {
		if _, err := r.ReadAt(tail, size-8); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	if string(tail[4:]) != "PAR1" || int64(binary.LittleEndian.Uint32(tail)) > size-12 {
		return nil, damagedParquet(name, errors.New("it is cut short"))
	}
	p, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, damagedParquet(name, err)
	}
	return p, nil
}

func damagedParquet(name string, err error) error {
	return fault.WithHint(fault.Errorf(fault.Data, "%q is no whole Parquet file: %w", name, err), "copy or write it again")
}

var errParquet = errors.New("it cannot be read")

// column hands out the values of a column one by one.
type column struct {
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buf    []parquet.Value
	at, n  int
}

// readColumns hands out a row group's values of some columns, row by row; null where a column is -1. The values are
// valid until the next row.
func readColumns(g parquet.RowGroup, at []int, visit func([]parquet.Value) error) (err error) {
	list := make([]column, len(at))
	chunks := g.ColumnChunks()
	defer func() {
		for i := range list {
			if list[i].pages != nil {
				parquet.Release(list[i].page)
				err = errors.Join(err, list[i].pages.Close())
			}
		}
	}()
	for i, k := range at {
		if k >= 0 {
			list[i] = column{pages: chunks[k].Pages(), buf: make([]parquet.Value, 1024)}
		}
	}
	row := make([]parquet.Value, len(at))
	for range g.NumRows() {
		for i := range list {
			if list[i].pages == nil {
				continue
			}
			if row[i], err = list[i].next(); err != nil {
				return fmt.Errorf("%w: %w", errParquet, err)
			}
		}
		if err := visit(row); err != nil {
			return err
		}
	}
	return nil
}

func (c *column) next() (parquet.Value, error) {
	for c.at >= c.n {
		if c.values == nil {
			var err error
			if c.page, err = c.pages.ReadPage(); err != nil {
				return parquet.Value{}, err
			}
			c.values = c.page.Values()
		}
		n, err := c.values.ReadValues(c.buf)
		c.at, c.n = 0, n
		switch {
		case errors.Is(err, io.EOF):
			c.values = nil
			if n == 0 {
				parquet.Release(c.page)
				c.page = nil
			}
		case err != nil:
			return parquet.Value{}, err
		case n == 0:
			return parquet.Value{}, io.ErrNoProgress
		}
	}
	c.at++
	return c.buf[c.at-1], nil
}
