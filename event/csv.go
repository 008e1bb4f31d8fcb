package event

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"galen.dev/fault"
	"galen.dev/table"
)

// Columns names the columns of a long CSV. An empty name is found among those in use; a stay, a value and a unit may be
// absent.
type Columns struct {
	Patient, Stay, Time, Code, Value, Unit string
	Start, End, Part                       string // of the outcomes
}

// columnNames are what columns are called, in the order of preference.
var columnNames = map[string][]string{
	"patient": {"patient", "patient_id", "subject_id", "subject", "patientid", "person_id", "pid", "case"},
	"stay":    {"stay", "stay_id", "icustay_id", "hadm_id", "encounter", "encounter_id", "visit", "visit_id", "visit_occurrence_id", "admission_id"},
	"time":    {"time", "timestamp", "datetime", "charttime", "date", "hours", "minutes", "hour", "minute", "time_h", "time_min", "seconds", "days", "day"},
	"code":    {"code", "parameter", "variable", "concept", "itemid", "concept_id"},
	"value":   {"value", "numeric_value", "valuenum", "result", "value_as_number"},
	"unit":    {"unit", "units", "valueuom", "uom"},
	"start":   {"start", "admission", "admittime", "admitted", "intime"},
	"end":     {"end", "discharge", "dischtime", "discharged", "outtime"},
	"part":    {"part", "split", "set"},
}

// findColumn is the place of a column, or -1.
func findColumn(head []string, given, role string) int {
	if given != "" {
		return slices.Index(head, given)
	}
	for _, name := range columnNames[role] {
		if i := slices.IndexFunc(head, func(h string) bool { return strings.EqualFold(h, name) }); i >= 0 {
			return i
		}
	}
	return -1
}

// Records of a CSV in the spill have eventSize bytes; those that are no events have one of these in place of the unit.
const (
	eventSize  = 32
	unitFact   = -1
	unitStart  = -2
	unitEnd    = -3
	unitPart   = -4 // Code is the index of csvReader.parts
	unitListed = -5 // the stay has a line of outcomes
)

func appendEvent(b []byte, e Event) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(e.At))
	b = binary.LittleEndian.AppendUint32(b, uint32(e.Code))
	b = binary.LittleEndian.AppendUint32(b, uint32(e.Unit))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(e.Value))
	return binary.LittleEndian.AppendUint64(b, uint64(e.Row))
}

func readEvent(b []byte) Event {
	return Event{
		At: int64(binary.LittleEndian.Uint64(b)), Code: int32(binary.LittleEndian.Uint32(b[8:])), Unit: int32(binary.LittleEndian.Uint32(b[12:])),
		Value: math.Float64frombits(binary.LittleEndian.Uint64(b[16:])), Row: int64(binary.LittleEndian.Uint64(b[24:])),
	}
}

// csvReader reads a long CSV.
type csvReader struct {
	*input
	file, outcomes string // names, for findings
	listed         bool   // outcomes are given
	stays          bool   // there is a column of stays
	unit           float64
	clock          clockKind
	first          map[clockKind]int // row that showed a kind of clock
	parts          []string
	key, body      []byte
	text           []byte
}

// csv reads a file, or events.csv and outcomes.csv of a folder, in any order of lines.
func (in *input) csv(source string) error {
	c := newCSV(in)
	events, outcomes := source, in.opt.Outcomes
	if info, err := os.Stat(source); err != nil {
		return fault.Disk("reading events", err)
	} else if info.IsDir() {
		events = oneOf(source, "events.csv", "events.csv.gz")
		if events == "" {
			return fault.Errorf(fault.Data, "%q holds no events.csv", filepath.Base(source))
		}
		if outcomes == "" {
			outcomes = oneOf(source, "outcomes.csv", "outcomes.csv.gz")
		}
	}
	c.file = filepath.Base(events)
	if err := c.readFile(events, c.file, c.eventHead); err != nil {
		return err
	}
	if outcomes != "" {
		c.listed, c.outcomes = true, filepath.Base(outcomes)
		if err := c.readFile(outcomes, c.outcomes, c.outcomeHead); err != nil {
			return err
		}
	}
	return c.all()
}

func newCSV(in *input) *csvReader {
	in.spill = newSpill(in.opt.TempDir, in.opt.MemoryMB)
	return &csvReader{input: in, first: map[clockKind]int{}}
}

// all hands out the stays, after all lines are read.
func (c *csvReader) all() error {
	c.report.Clock = c.clock.String()
	c.words.Relative = c.clock == clockStart
	c.coder.decide()
	return c.spill.each(c.hand)
}

func oneOf(folder string, names ...string) string {
	for _, name := range names {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

func (c *csvReader) readFile(path, file string, head func([]string) func([][]byte, int) error) error {
	f, err := openPlain(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.read(newRows(f), file, head)
}

// read reads a table; head looks at the names of the columns and returns what to do with a line, or nil.
func (c *csvReader) read(r *rows, file string, head func([]string) func([][]byte, int) error) error {
	names, err := r.head()
	if err != nil {
		return c.broken(file, r.lines, err)
	}
	line := head(names)
	if line == nil {
		return nil
	}
	for n := 0; ; n++ {
		if n&1023 == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		cells, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errQuote):
			c.log.row("quote", fault.Severe, file, r.line, "a cell has "+errQuote.Error(), "write the table again as CSV")
			continue
		case err != nil:
			return c.broken(file, r.lines+1, err)
		case len(cells) != len(names):
			c.log.row("fields", fault.Severe, file, r.line, "lines have another number of cells than the first", "quote cells that hold the separator")
			c.log.leave("lines with another number of cells", 1)
			continue
		}
		if err := line(cells, r.line); err != nil {
			return err
		}
	}
}

func (c *csvReader) broken(file string, row int, err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return fault.Errorf(fault.Data, "%q is empty", file)
	case errors.Is(err, errLine):
		c.log.row("line", fault.Severe, file, row, "a line is longer than 1 MiB; the rest of the file was not read", "check that it is a CSV")
		return nil
	case fault.KindOf(err) == fault.Internal:
		return fault.Errorf(fault.Data, "reading %q: %w", file, err)
	}
	return err
}

// eventHead finds the columns of events.
func (c *csvReader) eventHead(names []string) func([][]byte, int) error {
	o := c.opt.Columns
	patient, stay, at, code := findColumn(names, o.Patient, "patient"), findColumn(names, o.Stay, "stay"), findColumn(names, o.Time, "time"), findColumn(names, o.Code, "code")
	value, unit := findColumn(names, o.Value, "value"), findColumn(names, o.Unit, "unit")
	missing := false
	need := func(i int, given, role string, must bool) {
		if i < 0 && (must || given != "") {
			missing = true
			hint := "name it, or say which column it is; usual names: " + strings.Join(columnNames[role], ", ")
			c.log.path("missing-column", fault.Severe, c.file, given, "no column holds the "+role, hint)
		}
	}
	need(patient, o.Patient, "patient", true)
	need(stay, o.Stay, "stay", false)
	need(at, o.Time, "time", true)
	need(code, o.Code, "code", true)
	need(value, o.Value, "value", false)
	need(unit, o.Unit, "unit", false)
	if missing {
		return nil
	}
	c.stays = stay >= 0
	word := c.opt.TimeUnit
	if word == "" {
		word = timeUnitOf(names[at])
	}
	c.unit = timeUnits[word]
	if c.opt.TimeUnit != "" && c.unit == 0 {
		c.log.path("time-unit", fault.Severe, c.file, names[at], "the unit of times is not one of s, min, h, d", "")
		return nil
	}
	return func(cells [][]byte, row int) error {
		if !c.setKey(cells, patient, stay, c.file, row) {
			return nil
		}
		e := Event{Row: int64(row), Value: math.NaN()}
		var ok bool
		if e.At, ok = c.time(cells[at], c.file, row); !ok {
			c.log.leave("events with a time that is none", 1)
			return nil
		}
		name := bytes.TrimSpace(cells[code])
		if len(name) == 0 || len(name) > maxName || !utf8.Valid(name) {
			c.log.row("code", fault.Severe, c.file, row, "events have no code, or one that is no UTF-8 text or too long", "")
			c.log.leave("events without a code", 1)
			return nil
		}
		if value >= 0 {
			if e.Value, name, ok = c.value(cells[value], name, row); !ok {
				c.log.leave("events with a value that is no number", 1)
				return nil
			}
		}
		if e.Code = c.coder.code(name, c.file, row); e.Code < 0 {
			return nil
		}
		if unit >= 0 && e.Value == e.Value {
			e.Unit = c.coder.unit(bytes.TrimSpace(cells[unit]), c.file, row)
		}
		c.coder.use(&e, c.file)
		c.body = appendEvent(c.body[:0], e)
		return c.spill.add(c.key, c.body)
	}
}

// setKey makes the key of a stay: patient, a zero byte, stay.
func (c *csvReader) setKey(cells [][]byte, patient, stay int, file string, row int) bool {
	p := bytes.TrimSpace(cells[patient])
	var s []byte
	if stay >= 0 {
		s = bytes.TrimSpace(cells[stay])
	}
	if len(p) == 0 || stay >= 0 && len(s) == 0 || len(p)+len(s) > maxName || bytes.IndexByte(p, 0) >= 0 || bytes.IndexByte(s, 0) >= 0 || !utf8.Valid(p) || !utf8.Valid(s) {
		c.log.row("identifier", fault.Severe, file, row, "lines do not say of which patient or stay they are", "")
		c.log.leave("lines without a patient or stay", 1)
		return false
	}
	c.key = append(append(append(c.key[:0], p...), 0), s...)
	return true
}

// value reads a number; a word goes into the code where that is wanted.
func (c *csvReader) value(cell, code []byte, row int) (float64, []byte, bool) {
	cell = bytes.TrimSpace(cell)
	if v, ok := decimal(cell); ok {
		return v, code, true
	}
	if missing(cell) {
		return math.NaN(), code, true
	}
	if !c.opt.Words {
		c.log.row("number", fault.Severe, c.file, row, "values are no numbers", "write them with a decimal point; say that words belong to the codes, or allow number to leave these events out")
		return 0, nil, false
	}
	if len(cell) > 200 || !utf8.Valid(cell) || looksNumeric(cell) {
		c.log.row("number", fault.Severe, c.file, row, "values are neither numbers nor words", "")
		return 0, nil, false
	}
	c.text = append(append(append(c.text[:0], code...), "//"...), cell...)
	return math.NaN(), c.text, true
}

// looksNumeric tells 1,5 and <5, which are no words.
func looksNumeric(b []byte) bool {
	digits := 0
	for _, c := range b {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	return digits > 0 && 2*digits >= len(b)
}

var markers = func() map[string]bool {
	out := map[string]bool{"": true}
	for _, m := range table.DefaultMarkers {
		out[strings.ToLower(m)] = true
	}
	return out
}()

// missing tells an empty cell or a word that stands for one.
func missing(cell []byte) bool {
	return len(cell) == 0 || len(cell) < 16 && markers[strings.ToLower(string(cell))]
}

// decimal reads a finite decimal number.
func decimal(b []byte) (float64, bool) {
	for _, c := range b {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil
}

// time reads a time. All of a source are of one kind: dates without zones, with zones, or since the start.
func (c *csvReader) time(cell []byte, file string, row int) (int64, bool) {
	cell = bytes.TrimSpace(cell)
	if missing(cell) {
		return NoTime, true
	}
	at, kind, ok := calendar(cell)
	if !ok {
		kind = clockStart
		if at, ok = elapsed(cell); !ok {
			var v float64
			if v, ok = decimal(cell); ok {
				if c.unit == 0 {
					c.log.row("time-unit", fault.Severe, file, row, "times are numbers, and nothing says of what", "call the column hours or minutes, or give the unit of times")
					return 0, false
				}
				at, ok = microseconds(v, c.unit)
			}
		}
	}
	if !ok {
		c.log.row("time", fault.Severe, file, row, "times are no times", "write 2020-12-31T23:59:59, with or without a zone, or hours or minutes since the start")
		return 0, false
	}
	if c.clock == clockNone {
		c.clock = kind
	}
	if _, seen := c.first[kind]; !seen {
		c.first[kind] = row
	}
	if kind != c.clock {
		c.log.row("time-mix", fault.Severe, file, row, fmt.Sprintf("times are %s, where row %d and others are %s", clockWords[kind], c.first[c.clock], clockWords[c.clock]), "write all times with a zone, all without, or all since the start")
	}
	return at, true
}

var clockWords = map[clockKind]string{clockStart: "since the start", clockLocal: "dates without a zone", clockUTC: "dates with a zone"}

// hand puts a stay together.
func (c *csvReader) hand(key, body []byte) error {
	patient, id, _ := strings.Cut(string(key), "\x00")
	if !c.stays {
		id = patient
	}
	s := &c.stay
	*s = Stay{ID: id, Patient: patient, File: c.file, Start: NoTime, End: NoTime, Events: s.Events[:0], Facts: s.Facts[:0]}
	if c.clock == clockStart {
		s.Start = 0
	}
	listed := int64(0)
	for ; len(body) >= eventSize; body = body[eventSize:] {
		e := readEvent(body)
		switch e.Unit {
		case unitFact:
			s.Facts = append(s.Facts, Fact{Code: e.Code, Value: e.Value})
		case unitStart:
			s.Start = e.At
		case unitEnd:
			s.End = e.At
		case unitPart:
			s.Part = c.parts[e.Code]
		case unitListed:
			if listed > 0 {
				c.log.row("duplicate-stay", fault.Severe, c.outcomes, int(e.Row), "the outcomes of a stay are given twice", "")
			}
			listed = e.Row
		default:
			s.Events = append(s.Events, e)
		}
	}
	if len(s.Events) > maxStay {
		return tooLong()
	}
	switch {
	case len(s.Events) == 0:
		c.log.row("outcome-without-stay", fault.Severe, c.outcomes, int(listed), "outcomes are of stays that have no events", "check that all events were exported, or allow outcome-without-stay to leave them out")
		c.log.leave("outcomes of stays that have no events", 1)
		return nil
	case c.listed && listed == 0:
		c.log.row("stay-without-outcome", fault.Severe, c.file, int(s.Events[0].Row), "no outcome is given of the stays with these events", "allow stay-without-outcome to keep them")
	case s.Start != NoTime && s.End != NoTime && s.End < s.Start:
		c.log.row("discharge-before-admission", fault.Severe, c.outcomes, int(listed), "stays end before they begin", "")
	}
	return c.emit(s)
}
