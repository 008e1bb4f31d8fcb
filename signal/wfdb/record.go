package wfdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"

	"galen.dev/fault"
	"galen.dev/signal"
)

// Record is an open record: its header, and where its files are.
type Record struct {
	Header
	fsys   fs.FS
	folder string
	// segments are the records of the segments, nil for gaps; a layout segment of length 0 is not among them.
	segments []*Record
	starts   []int64 // first frame of each segment, and the end
}

// Format reads records for signal.Formats. A record is opened by its header.
func Format() signal.Format {
	return signal.Format{
		Name: "WFDB (.hea)",
		Match: func(head []byte, name string) bool {
			return path.Ext(name) == ".hea" && !bytes.Contains(head, []byte{0})
		},
		Read: Read,
	}
}

// SegmentsOf names the header files of a record's segments, beside its own; none for a record of one, or for a file
// that is no header. They are parts, not records to be read by themselves.
func SegmentsOf(fsys fs.FS, name string) []string {
	text, err := readAll(fsys, name, maxHeader)
	if err != nil {
		return nil
	}
	h, err := ParseHeader(text, path.Base(name))
	if err != nil {
		return nil
	}
	var out []string
	for _, s := range h.Segments {
		if s.Name != "~" {
			out = append(out, path.Join(path.Dir(name), s.Name+".hea"))
		}
	}
	return out
}

// Read reads a whole record by its header file, with the annotations of the file NAME.atr where that is there.
func Read(ctx context.Context, fsys fs.FS, name string) (*signal.Recording, error) {
	r, err := Open(fsys, name)
	if err != nil {
		return nil, err
	}
	out, err := r.Read(ctx)
	if err != nil {
		return nil, err
	}
	atr := strings.TrimSuffix(name, ".hea") + ".atr"
	if _, err := fs.Stat(fsys, atr); err != nil {
		return out, nil // most records have none
	}
	out.Annotations, err = ReadAnnotations(fsys, atr, r.Rate)
	return out, err
}

// Open reads the header of a record and those of its segments.
func Open(fsys fs.FS, name string) (*Record, error) { return open(fsys, name, true) }

func open(fsys fs.FS, name string, segments bool) (*Record, error) {
	text, err := readAll(fsys, name, maxHeader)
	if err != nil {
		return nil, err
	}
	h, err := ParseHeader(text, path.Base(name))
	if err != nil {
		return nil, err
	}
	r := &Record{Header: *h, fsys: fsys, folder: path.Dir(name)}
	if h.Segments == nil {
		return r, r.measure()
	}
	if !segments {
		return nil, fault.Errorf(fault.Data, "%s: a segment has segments of its own", path.Base(name))
	}
	return r, r.openSegments()
}

func readAll(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fault.Disk("opening a record", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fault.Disk("reading a record", err)
	}
	if int64(len(text)) > limit {
		return nil, fault.Errorf(fault.Data, "%s is larger than %d bytes", path.Base(name), limit)
	}
	return text, nil
}

// openSegments opens each segment's header. In a variable layout the first, of length 0, names the signals of all.
func (r *Record) openSegments() error {
	known := map[string]*Record{}
	at := int64(0)
	for i, s := range r.Segments {
		var seg *Record
		if s.Name != "~" {
			if known[s.Name] == nil {
				var err error
				if known[s.Name], err = open(r.fsys, path.Join(r.folder, s.Name+".hea"), false); err != nil {
					return fmt.Errorf("segment %d of record %s: %w", i+1, r.Name, err)
				}
			}
			seg = known[s.Name]
		}
		if i == 0 && s.Frames == 0 && seg != nil {
			r.Signals = seg.Signals
			continue
		}
		if seg != nil {
			if seg.Frames >= 0 && seg.Frames != s.Frames {
				return fault.Errorf(fault.Data, "segment %d of record %s holds %d samples, and the header says %d", i+1, r.Name, seg.Frames, s.Frames)
			}
			if seg.Rate != r.Rate {
				return fault.Errorf(fault.Data, "segment %d of record %s has another rate than the record", i+1, r.Name)
			}
			if r.Signals == nil {
				r.Signals = seg.Signals
			}
		}
		r.segments, r.starts = append(r.segments, seg), append(r.starts, at)
		at += s.Frames
	}
	r.starts = append(r.starts, at)
	if r.Signals == nil {
		return fault.Errorf(fault.Data, "record %s: every segment is a gap", r.Name)
	}
	return nil
}

// group is the signals that share a file, which are interleaved there.
type group struct {
	file    string
	signals []int
	layout  *layout
	format  int
	offset  int64
	width   int // samples in a frame, of all signals
	skew    int // the largest
}

func (r *Record) groups() ([]group, error) {
	var out []group
	for i, s := range r.Signals {
		if n := len(out); n > 0 && out[n-1].file == s.File && s.File != "~" {
			g := &out[n-1]
			if g.format != s.Format {
				return nil, fault.Errorf(fault.Data, "record %s: signals of one file are in formats %d and %d", r.Name, g.format, s.Format)
			}
			g.signals, g.width, g.skew = append(g.signals, i), g.width+s.PerFrame, max(g.skew, s.Skew)
			continue
		}
		for _, g := range out {
			if g.file == s.File && s.File != "~" {
				return nil, fault.Errorf(fault.Data, "record %s: the signals of file %s do not follow each other", r.Name, s.File)
			}
		}
		out = append(out, group{file: s.File, signals: []int{i}, layout: formats[s.Format], format: s.Format, offset: s.Offset, width: s.PerFrame, skew: s.Skew})
	}
	return out, nil
}

// measure holds the files' sizes to what the header claims, before anybody asks for memory.
func (r *Record) measure() error {
	gs, err := r.groups()
	if err != nil {
		return err
	}
	var findings []fault.Finding
	for _, g := range gs {
		if g.file == "~" {
			continue
		}
		info, err := fs.Stat(r.fsys, path.Join(r.folder, g.file))
		if err != nil {
			findings = append(findings, fault.Finding{Name: "file-absent", Severity: fault.Severe, File: g.file, Message: "the header of record " + r.Name + " names this file, and it is not there"})
			continue
		}
		held := int64(0)
		if size := info.Size() - g.offset; size > 0 {
			held = g.layout.count(size) / int64(g.width)
		}
		if r.Frames < 0 {
			r.Frames = held
		}
		if held < r.Frames {
			findings = append(findings, fault.Finding{
				Name: "truncated", Severity: fault.Severe, File: g.file,
				Message: fmt.Sprintf("the header of record %s claims %d samples of each signal, and the file holds %d", r.Name, r.Frames, held), Hint: "the copy is cut short: fetch the file again",
			})
		}
	}
	r.Frames = max(r.Frames, 0)
	return fault.Refuse("record "+r.Name, findings)
}

// Read reads the whole record and verifies checksums. A record of more than signal.MaxSamples is refused: read it
// in parts.
func (r *Record) Read(ctx context.Context) (*signal.Recording, error) {
	return r.read(ctx, 0, r.Frames, true)
}

// ReadRange reads the frames from, inclusive, to, exclusive. Format 8, which stores differences, is read from the
// start each time. Checksums are of whole signals and are not verified here.
func (r *Record) ReadRange(ctx context.Context, from, to int64) (*signal.Recording, error) {
	if from < 0 || to < from || to > r.Frames {
		return nil, fault.Errorf(fault.Usage, "record %s has the frames 0 to %d, not %d to %d", r.Name, r.Frames, from, to)
	}
	return r.read(ctx, from, to, false)
}

func (r *Record) read(ctx context.Context, from, to int64, verify bool) (*signal.Recording, error) {
	width := int64(0)
	for _, s := range r.Signals {
		width += int64(s.PerFrame)
	}
	if width > 0 && to-from > signal.MaxSamples/width {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "record %s holds more than %d samples", r.Name, signal.MaxSamples), "read it in parts, or cut it into shorter records")
	}
	if n := width * (to - from); n > maxGap && n/maxGapShare > r.held(from, to) {
		return nil, fault.Errorf(fault.Data, "record %s claims %d samples, which are nearly all gap", r.Name, n)
	}
	out := &signal.Recording{Name: r.Name, Start: r.Start, Comments: r.Comments}
	for i, s := range r.Signals {
		name := s.Name
		if name == "" {
			name = fmt.Sprintf("signal %d", i+1)
		}
		out.Channels = append(out.Channels, signal.Channel{Name: name, Unit: signal.UCUM(s.Unit), Rate: r.Rate * float64(s.PerFrame), Gain: s.Gain, Baseline: float64(s.Baseline)})
	}
	if r.segments != nil {
		return out, r.fillSegments(ctx, out, from, to, verify)
	}
	gs, err := r.groups()
	if err != nil {
		return nil, err
	}
	for _, g := range gs {
		if err := r.fill(ctx, &g, out, from, to, verify); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Limits on gaps, for which a header asks memory without a file to show: a record of a million samples may be all
// gap, a longer one at most 255 parts of 256.
const (
	maxGap      = 1 << 20
	maxGapShare = 256
)

// held is how many samples of some frames are in files.
func (r *Record) held(from, to int64) int64 {
	n := int64(0)
	for k, seg := range r.segments {
		if a, b := max(from, r.starts[k]), min(to, r.starts[k+1]); seg != nil && a < b {
			n += seg.held(a-r.starts[k], b-r.starts[k])
		}
	}
	if r.segments == nil {
		for _, s := range r.Signals {
			if s.File != "~" {
				n += int64(s.PerFrame) * (to - from)
			}
		}
	}
	return n
}

// fill reads the signals of one file.
func (r *Record) fill(ctx context.Context, g *group, out *signal.Recording, from, to int64, verify bool) error {
	if g.file == "~" {
		for _, i := range g.signals {
			c := &out.Channels[i]
			c.Samples = missing(int(to-from) * r.Signals[i].PerFrame)
		}
		return nil
	}
	first := from
	if g.format == 8 {
		first = 0
	}
	last := min(to+int64(g.skew), r.Frames)
	flat, err := r.readFlat(ctx, g, first, last)
	if err != nil {
		return err
	}
	var findings []fault.Finding
	at := 0
	for _, i := range g.signals {
		s := &r.Signals[i]
		raw := deinterleave(flat, g.width, at, s.PerFrame)
		at += s.PerFrame
		if g.format == 8 {
			sum := int32(s.Initial)
			for k := range raw {
				sum += raw[k]
				raw[k] = sum
			}
		}
		if verify && s.HasChecksum && uint16(s.Checksum) != checksum(raw) {
			findings = append(findings, fault.Finding{Name: "checksum", Severity: fault.Severe, File: g.file, Column: out.Channels[i].Name, Message: "the samples do not match the checksum in the header", Hint: "the file was changed or damaged: fetch it again"})
		}
		digital := shift(raw[int(from-first)*s.PerFrame:], s.Skew*s.PerFrame, int(to-from)*s.PerFrame, int32(max(g.layout.invalid, math.MinInt32)))
		c := &out.Channels[i]
		c.Digital, c.Samples = digital, physical(digital, s, g.layout.invalid)
	}
	return fault.Refuse("record "+r.Name, findings)
}

// readFlat reads the frames first to last of a file, interleaved as they are there.
func (r *Record) readFlat(ctx context.Context, g *group, first, last int64) ([]int32, error) {
	f, err := r.fsys.Open(path.Join(r.folder, g.file))
	if err != nil {
		return nil, fault.Disk("opening a signal file", err)
	}
	defer f.Close()
	start := first * int64(g.width)
	lead := start % int64(g.layout.samples) // samples of the first block that come before
	skip := g.offset + (start-lead)/int64(g.layout.samples)*int64(g.layout.block)
	if err := seek(f, skip); err != nil {
		return nil, fault.Disk("reading "+g.file, err)
	}
	n := (last-first)*int64(g.width) + lead
	flat := make([]int32, n)
	buf := make([]byte, min(g.layout.bytes(n), int64(g.layout.block)<<16))
	per := len(buf) / g.layout.block * g.layout.samples
	for at := 0; at < len(flat); at += per {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part := flat[at:]
		if per > 0 {
			part = part[:min(per, len(part))]
		}
		b := buf[:min(int64(len(buf)), g.layout.bytes(int64(len(part))))]
		if _, err := io.ReadFull(f, b); err != nil {
			return nil, fault.Disk("reading "+g.file, err)
		}
		g.layout.decodeAll(b, part)
		if per == 0 {
			break
		}
	}
	return flat[lead:], nil
}

func seek(f fs.File, offset int64) error {
	if s, ok := f.(io.Seeker); ok {
		_, err := s.Seek(offset, io.SeekStart)
		return err
	}
	_, err := io.CopyN(io.Discard, f, offset)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func deinterleave(flat []int32, width, at, per int) []int32 {
	out := make([]int32, 0, len(flat)/width*per)
	for i := at; i < len(flat); i += width {
		out = append(out, flat[i:i+per]...)
	}
	return out
}

// shift undoes a skew: sample k of the result is sample k + skew, and invalid past the end.
func shift(raw []int32, skew, n int, invalid int32) []int32 {
	out := raw
	if skew > 0 {
		out = raw[min(skew, len(raw)):]
	}
	if len(out) >= n {
		return out[:n:n]
	}
	padded := make([]int32, n)
	for i := copy(padded, out); i < n; i++ {
		padded[i] = invalid
	}
	return padded
}

func checksum(samples []int32) uint16 {
	sum := uint16(0)
	for _, v := range samples {
		sum += uint16(v)
	}
	return sum
}

func physical(digital []int32, s *Signal, invalid int64) []float64 {
	out := make([]float64, len(digital))
	base := float64(s.Baseline)
	for i, d := range digital {
		if int64(d) == invalid {
			out[i] = math.NaN()
			continue
		}
		out[i] = (float64(d) - base) / s.Gain
	}
	return out
}

func missing(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}
