package edf

import (
	"bytes"
	"context"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/signal"
)

// read reads the data records.
func (h *header) read(ctx context.Context, f io.Reader, file string) (*signal.Recording, error) {
	out := &signal.Recording{Name: strings.TrimSuffix(file, path.Ext(file)), Start: h.start}
	var lanes []*lane
	for i := range h.lanes {
		l := &h.lanes[i]
		if l.annotations || l.perRecord == 0 {
			continue
		}
		if h.seconds == 0 {
			return nil, fault.Errorf(fault.Data, "%s: signal %d has samples in records of no length", file, i+1)
		}
		lanes = append(lanes, l)
		out.Channels = append(out.Channels, signal.Channel{
			Name: l.label, Unit: signal.UCUM(l.unit), Rate: float64(l.perRecord) / h.seconds, Gain: 1 / l.bit, Baseline: -l.shift,
			Digital: make([]int32, 0, int(h.records)*l.perRecord), Samples: make([]float64, 0, int(h.records)*l.perRecord),
		})
	}
	record := make([]byte, h.bytes)
	first, onset := 0.0, 0.0
	for k := range h.records {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(f, record); err != nil {
			return nil, fault.Disk("reading "+file, err)
		}
		begin, notes, ok := h.annotationsOf(record)
		if !ok {
			return nil, fault.Errorf(fault.Data, "%s: the annotations of data record %d are not in the form of EDF+", file, k+1)
		}
		out.Annotations = append(out.Annotations, notes...)
		if k == 0 && !math.IsNaN(begin) {
			first = begin
		}
		onset = float64(k) * h.seconds
		if h.gaps {
			if math.IsNaN(begin) {
				return nil, fault.Errorf(fault.Data, "%s: data record %d of a discontinuous file has no time", file, k+1)
			}
			onset = begin - first
		}
		for i, l := range lanes {
			if err := l.add(&out.Channels[i], record, onset, h, file, int(k)); err != nil {
				return nil, err
			}
		}
	}
	for i := range out.Annotations {
		out.Annotations[i].Time -= first
	}
	slices.SortStableFunc(out.Annotations, func(a, b signal.Annotation) int {
		switch {
		case a.Time < b.Time:
			return -1
		case a.Time > b.Time:
			return 1
		}
		return 0
	})
	if h.gaps {
		for i := range out.Channels {
			out.Channels[i].Digital, out.Channels[i].Gain, out.Channels[i].Baseline = nil, 0, 0 // gaps have no digital value
		}
	}
	return out, nil
}

// maxGap is how many times its records' length a discontinuous file may span: gaps ask for memory without a byte to
// show.
const maxGap = 1000

// add appends a record's samples of one lane at their time.
func (l *lane) add(c *signal.Channel, record []byte, onset float64, h *header, file string, k int) error {
	at := onset * c.Rate
	gap := int(math.Round(math.Max(-1e15, math.Min(at, 1e15)))) - len(c.Samples)
	if gap < 0 {
		return fault.Errorf(fault.Data, "%s: data record %d begins before the one ahead of it ends", file, k+1)
	}
	if gap > 0 && (at > maxGap*float64(h.records)*float64(l.perRecord) || at > signal.MaxSamples) {
		return fault.Errorf(fault.Data, "%s: the recording is nearly all gap", file)
	}
	for range gap {
		c.Samples = append(c.Samples, math.NaN())
	}
	for i := range l.perRecord {
		b := record[l.offset+i*h.width:]
		var d int32
		if h.width == 3 {
			d = int32(int8(b[2]))<<16 | int32(b[1])<<8 | int32(b[0])
		} else {
			d = int32(int16(uint16(b[0]) | uint16(b[1])<<8))
		}
		c.Digital = append(c.Digital, d)
		c.Samples = append(c.Samples, l.bit*(l.shift+float64(d)))
	}
	return nil
}

// annotationsOf reads the time-stamped lists of one record. begin is the record's own time, NaN where it has none.
func (h *header) annotationsOf(record []byte) (begin float64, out []signal.Annotation, ok bool) {
	begin = math.NaN()
	for i := range h.lanes {
		l := &h.lanes[i]
		if !l.annotations {
			continue
		}
		text := record[l.offset : l.offset+l.perRecord*h.width]
		for list := range bytes.SplitSeq(text, []byte{0}) {
			if len(list) == 0 {
				continue
			}
			words := strings.Split(latin1OrUTF8(list), "\x14")
			when, long, timed := strings.Cut(words[0], "\x15")
			t, err := strconv.ParseFloat(when, 64)
			if err != nil || when[0] != '+' && when[0] != '-' || math.IsInf(t, 0) || math.Abs(t) > 1e12 {
				return begin, nil, false
			}
			duration := 0.0
			if timed {
				if duration, err = strconv.ParseFloat(long, 64); err != nil || !(duration >= 0) || duration > 1e12 {
					return begin, nil, false
				}
			}
			for n, word := range words[1:] {
				if word == "" {
					if n == 0 && math.IsNaN(begin) {
						begin = t // the first list of a record keeps its time
					}
					continue
				}
				out = append(out, signal.Annotation{Time: t, Duration: duration, Text: word})
			}
		}
	}
	return begin, out, true
}

func latin1OrUTF8(b []byte) string { return string(bytes.ToValidUTF8(b, []byte("?"))) }
