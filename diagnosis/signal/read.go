package signal

import (
	"bytes"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"galen.dev/fault"
	waves "galen.dev/signal"
	"galen.dev/signal/edf"
	"galen.dev/signal/wfdb"
	"galen.dev/task"
)

// formats are the formats of recordings.
var formats = waves.Formats{wfdb.Format(), edf.Format()}

// sourceFS shows the files of a study's data as a file system.
type sourceFS struct{ source *task.Source }

func (s sourceFS) Open(name string) (fs.File, error) {
	for i, f := range s.source.Files {
		if f.Name != name {
			continue
		}
		in, err := s.source.Open(i)
		if err != nil {
			return nil, err
		}
		if file, ok := in.(fs.File); ok {
			return file, nil
		}
		defer in.Close()
		data, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		return &held{Reader: bytes.NewReader(data), name: path.Base(name), size: int64(len(data))}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// held is a file in memory.
type held struct {
	*bytes.Reader
	name string
	size int64
}

func (h *held) Stat() (fs.FileInfo, error) { return h, nil }
func (h *held) Close() error               { return nil }
func (h *held) Name() string               { return h.name }
func (h *held) Size() int64                { return h.size }
func (h *held) Mode() fs.FileMode          { return 0o444 }
func (h *held) ModTime() time.Time         { return time.Time{} }
func (h *held) IsDir() bool                { return false }
func (h *held) Sys() any                   { return nil }

// raw is one recording brought to the study's channels and units.
type raw struct {
	samples [][]float32 // of each channel
	rates   []float64
}

// fit picks the channels of a recording and converts their units. What does not fit is said by the row.
func fit(rec *waves.Recording, channels []channel, row int) (*raw, []fault.Finding) {
	var findings []fault.Finding
	wrong := func(name, column, message, hint string) {
		findings = append(findings, fault.Finding{Name: name, Severity: fault.Severe, Column: column, Rows: []int{row}, Message: message, Hint: hint})
	}
	out := &raw{}
	for _, want := range channels {
		c := rec.Channel(want.Name)
		if c == nil {
			wrong("channel-absent", want.Name, "the recording has no channel of this name", fault.DidYouMean(want.Name, rec.Names()))
			continue
		}
		factor, ok := waves.UnitFactor(c.Unit, want.Unit)
		if !ok {
			wrong("unit-clash", want.Name, "the recording is in another unit than the first one, and no multiple of it", "bring all recordings to one unit")
			continue
		}
		x := make([]float32, len(c.Samples))
		gap, wild := 0, 0
		for i, v := range c.Samples {
			switch x[i] = float32(v * factor); {
			case math.IsNaN(v):
				gap++
			case math.IsInf(float64(x[i]), 0):
				wild++
			}
		}
		switch {
		case len(x) == 0:
			wrong("no-sample", want.Name, "the channel has no sample", "")
		case gap > len(x)/2:
			wrong("mostly-gap", want.Name, "more than half of the channel is gap", "leave the recording out, or choose other channels")
		case wild > 0:
			wrong("too-large", want.Name, "samples are beyond what any measurement gives", "")
		}
		out.samples, out.rates = append(out.samples, x), append(out.rates, c.Rate)
	}
	return out, findings
}

// wholes leaves out the headers of segments, which are read with their records.
func wholes(fsys fs.FS, names []string) []string {
	part := map[string]bool{}
	for _, n := range names {
		if path.Ext(n) == ".hea" {
			for _, s := range wfdb.SegmentsOf(fsys, n) {
				part[s] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return part[n] })
}

// isMatrix says whether a file is a matrix, by its name.
func isMatrix(name string) bool {
	base := strings.TrimSuffix(strings.ToLower(path.Base(name)), ".gz")
	switch path.Ext(base) {
	case ".tsv", ".csv", ".npy", ".txt":
		return true
	}
	return false
}
