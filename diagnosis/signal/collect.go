package signal

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/quality"
	waves "galen.dev/signal"
	"galen.dev/task"
)

// Files that collect leaves.
const (
	indexFile   = "index.json"  // the recordings without their names
	namesFile   = "records.csv" // the recordings' names, by row
	samplesFile = "samples.bin" // float32, one recording after the other
	sourceFile  = "source.json"
)

// source is what collect says of the data.
type source struct {
	*task.Source
	Recordings int             `json:"recordings"`
	Findings   []fault.Finding `json:"findings,omitempty"` // none of them fatal
	Waived     []fault.Finding `json:"waived,omitempty"`
}

// collector gathers recordings of either form.
type collector struct {
	run      *task.Run
	rate     float64 // of matrices
	index    index
	out      *sampleWriter
	findings []fault.Finding
	names    [][]string // row, record
	patients map[string]int
	seen     map[[32]byte]int // of samples: the entry
	doubles  map[string][]int
	leads    map[string][]int // rows by warning and lead
	rows     map[string]int   // place in findings of what is the same but for the row
}

// severeEnough ends the reading of further recordings: by then the user knows what is wrong.
const severeEnough = 50

// collect reads every recording, checks it and keeps its samples.
func collect(ctx context.Context, r *task.Run) error {
	c := &collector{run: r, patients: map[string]int{}, seen: map[[32]byte]int{}, doubles: map[string][]int{}, leads: map[string][]int{}, rows: map[string]int{}}
	c.index.Format, c.index.Several, c.rate = indexFormat, r.Bool("several"), r.Float("rate")
	var err error
	if c.out, err = newSampleWriter(r, samplesFile); err != nil {
		return err
	}
	if slices.ContainsFunc(formats, func(f waves.Format) bool { return c.holds(f) }) {
		if c.rate != 0 {
			return fault.WithHint(fault.Errorf(fault.Usage, "the parameter rate is for matrices, and data %q are recordings that know theirs", r.Source.Name), "resample brings recordings to another rate")
		}
		err = c.folder(ctx)
	} else {
		err = c.matrices(ctx)
	}
	if cerr := c.out.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return c.finish()
}

// holds says whether some file of the data is of a format of recordings.
func (c *collector) holds(f waves.Format) bool {
	one := waves.Formats{f}
	for _, file := range c.run.Source.Files {
		if ext := path.Ext(file.Name); ext != ".hea" && ext != ".edf" && ext != ".bdf" && isMatrix(file.Name) {
			continue
		}
		if format, err := one.Match(sourceFS{c.run.Source}, file.Name); err == nil && format != nil {
			return true
		}
	}
	return false
}

// folder reads the recordings that the table of labels names.
func (c *collector) folder(ctx context.Context) error {
	r, fsys := c.run, sourceFS{c.run.Source}
	file := r.String("labels")
	in, err := fsys.Open(file)
	if err != nil {
		return fault.WithHint(fault.Errorf(fault.Data, "data %q hold recordings, and no table of labels %q", r.Source.Name, file), "labels.csv has the columns record and label, and may have patient and split; the parameter labels names another file")
	}
	defer in.Close()
	rows, findings, err := readLabels(in, file, c.index.Several)
	if err != nil {
		return err
	}
	var files []string
	for _, f := range r.Source.Files {
		if f.Name == file || isMatrix(f.Name) {
			continue
		}
		format, err := formats.Match(fsys, f.Name)
		if err != nil {
			return err
		}
		if format != nil {
			files = append(files, f.Name)
		}
	}
	names := wholes(fsys, files)
	of, more := match(rows, file, names)
	c.findings = append(findings, more...)
	if err := c.refuse(); err != nil {
		return err
	}
	for i := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.Progress("reading recordings", int64(i), int64(len(rows)))
		rec, err := formats.Read(ctx, fsys, of[i])
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.broken(err, i+1, of[i])
		} else if err := c.recording(rec, &rows[i], i+1); err != nil {
			return err
		}
		if len(c.findings) >= severeEnough {
			break
		}
	}
	return nil
}

// broken keeps what is wrong with a file, with the row that names it.
func (c *collector) broken(err error, row int, name string) {
	list := fault.FindingsOf(err)
	if len(list) == 0 {
		list = []fault.Finding{{Name: "recording", Severity: fault.Severe, File: path.Base(name), Message: err.Error(), Hint: fault.HintOf(err)}}
	}
	for _, f := range list {
		f.Rows = []int{row}
		c.findings = append(c.findings, f)
	}
}

func (c *collector) recording(rec *waves.Recording, row *labelRow, n int) error {
	if err := rec.Check(); err != nil {
		c.broken(err, n, row.record)
		return nil
	}
	if c.index.Channels == nil {
		c.choose(rec)
	}
	got, findings := fit(rec, c.index.Channels, n)
	if len(findings) > 0 {
		c.wrong(findings)
		return nil
	}
	for _, f := range waves.CheckLeads(rec) {
		key := f.Name + "\x00" + f.Column + "\x00" + f.Message
		c.leads[key] = append(c.leads[key], n)
	}
	c.names = append(c.names, []string{strconv.Itoa(n), row.record})
	return c.add(got, n, row.labels, row.patient, row.split)
}

// choose takes the channels of the first recording, or those that the study names.
func (c *collector) choose(rec *waves.Recording) {
	names := c.run.Strings("channels")
	if len(names) == 0 {
		names = rec.Names()
	}
	for _, name := range names {
		ch := channel{Name: name}
		if found := rec.Channel(name); found != nil {
			ch.Unit, ch.Rate = found.Unit, found.Rate
		}
		c.index.Channels = append(c.index.Channels, ch)
	}
}

// wrong adds findings; those that differ in the row alone become one.
func (c *collector) wrong(list []fault.Finding) {
	for _, f := range list {
		key := f.Name + "\x00" + f.Column + "\x00" + f.File
		at, known := c.rows[key]
		if !known {
			f.Count = 1
			c.rows[key], c.findings = len(c.findings), append(c.findings, f)
			continue
		}
		to := &c.findings[at]
		if to.Count++; len(to.Rows) < fault.MaxRows {
			to.Rows = append(to.Rows, f.Rows...)
		}
	}
}

// add keeps a recording that is sound.
func (c *collector) add(x *raw, row int, labels []string, patient, split string) error {
	hash := sha256.New()
	e := entry{Row: row, Labels: labels, Split: split, Offset: c.out.n}
	if labels == nil {
		e.Labels = []string{}
	}
	p, known := c.patients[patient]
	if patient == "" || !known {
		p = len(c.patients)
		if patient == "" {
			patient = fmt.Sprintf("\x00row %d", row)
		}
		c.patients[patient] = p
	}
	e.Patient = p
	for i, s := range x.samples {
		e.Lengths = append(e.Lengths, len(s))
		if want := c.index.Channels[i].Rate; x.rates[i] != want {
			// Rates may differ: each is resampled from its own. The ratio is kept by the length.
			e.Rates = x.rates
		}
		for _, v := range s {
			b := math.Float32bits(v)
			hash.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
		}
		if err := c.out.write(s); err != nil {
			return err
		}
	}
	key := [32]byte(hash.Sum(nil))
	if k, twice := c.seen[key]; twice {
		c.double(&c.index.Entries[k], &e)
	} else {
		c.seen[key] = len(c.index.Entries)
	}
	c.index.Entries = append(c.index.Entries, e)
	return nil
}

// double tells recordings with the same samples by how bad that is.
func (c *collector) double(a, b *entry) {
	kind := "duplicate-recording"
	switch {
	case a.Split != b.Split:
		kind = "duplicate-across-splits"
	case !slices.Equal(a.Labels, b.Labels):
		kind = "duplicate-labels"
	}
	c.doubles[kind] = append(c.doubles[kind], a.Row, b.Row)
}

func (c *collector) finish() error {
	for _, d := range [][2]string{
		{"duplicate-recording", "recordings stand twice, sample for sample"},
		{"duplicate-across-splits", "recordings stand both among those for training and those for testing, sample for sample"},
		{"duplicate-labels", "recordings stand twice, with different labels"},
	} {
		if rows := c.doubles[d[0]]; len(rows) > 0 {
			slices.Sort(rows)
			rows = slices.Compact(rows)
			c.findings = append(c.findings, fault.Finding{Name: d[0], Severity: fault.Severe, Rows: rows[:min(len(rows), fault.MaxRows)], Count: len(rows), Message: d[1], Hint: "take one of each out"})
		}
	}
	for _, key := range slices.Sorted(mapKeys(c.leads)) {
		part, rows := strings.Split(key, "\x00"), c.leads[key]
		c.findings = append(c.findings, fault.Finding{Name: part[0], Severity: fault.Warning, Column: part[1], Rows: rows[:min(len(rows), fault.MaxRows)], Count: len(rows), Message: part[2]})
	}
	if err := c.refuse(); err != nil {
		return err
	}
	if len(c.index.Entries) == 0 {
		return fault.Errorf(fault.Data, "data %q hold no recording", c.run.Source.Name)
	}
	kept, waived, unknown := quality.Waive(c.findings, c.run.Study.Waive)
	r := c.run
	if err := r.WriteJSON(indexFile, c.index); err != nil {
		return err
	}
	if err := writeCSV(r, namesFile, []string{"row", "record"}, c.names); err != nil {
		return err
	}
	r.Note("%s: %s of %s", r.Source.Name, fault.Count(len(c.index.Entries), "recording"), fault.Count(len(c.index.Channels), "channel"))
	for _, f := range unknown {
		r.Note("%s", f.Message)
	}
	return r.WriteJSON(sourceFile, source{Source: r.Source, Recordings: len(c.index.Entries), Findings: kept, Waived: waived})
}

// refuse stops at severe findings that the study does not waive.
func (c *collector) refuse() error {
	kept, _, _ := quality.Waive(c.findings, c.run.Study.Waive)
	severe := quality.Severe(kept)
	if len(severe) == 0 {
		return nil
	}
	return fault.WithHint(fault.Refuse("data "+c.run.Source.Name, severe), "mend the data, or let a finding pass by its name under waive: in the study")
}

func writeCSV(r *task.Run, name string, header []string, rows [][]string) error {
	w, err := r.Create(name)
	if err != nil {
		return err
	}
	out := csv.NewWriter(w)
	err = out.Write(header)
	if err == nil {
		err = out.WriteAll(rows)
	}
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	return err
}
