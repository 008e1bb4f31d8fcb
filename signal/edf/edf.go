// Package edf reads recordings in the European Data Format: EDF, EDF+ with its annotations and gaps, and their
// sibling of 24 bits, BDF and BDF+.
//
// Physical values and annotations are those of pyEDFlib (EDFlib), by which the tests are made. Records of a
// discontinuous file (EDF+D) stand where their times say, with gaps (NaN) between them. The fields that name the
// patient are not handed on. A file that is shorter than its header claims is refused.
//
// Start with Read. Source: Kemp et al., Electroencephalogr Clin Neurophysiol 82 (1992) 391; Kemp and Olivan, Clin
// Neurophysiol 114 (2003) 1755; https://www.edfplus.info/specs.
package edf

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	"galen.dev/fault"
	"galen.dev/signal"
)

// lane is one signal of the header.
type lane struct {
	label, unit        string
	physMin, physMax   float64
	digitMin, digitMax int
	perRecord          int
	annotations        bool
	offset             int // of its samples in a record, in bytes
	bit, shift         float64
}

// header is what the head of a file says.
type header struct {
	start      time.Time
	width      int // bytes of a sample: 2, or 3 in BDF
	size       int64
	records    int64 // -1 = unknown, while recording
	seconds    float64
	plus, gaps bool
	lanes      []lane
	bytes      int64 // of a record
}

// Limits on what a header may claim.
const (
	maxLanes  = 4096
	maxRecord = 1 << 28 // bytes of one data record
)

// Format reads EDF and BDF for signal.Formats.
func Format() signal.Format {
	return signal.Format{Name: "EDF (.edf, .bdf)", Match: func(head []byte, _ string) bool {
		return bytes.HasPrefix(head, []byte("0       ")) && len(head) >= 256 && plainText(head[168:256]) || bytes.HasPrefix(head, []byte("\xffBIOSEMI"))
	}, Read: Read}
}

func plainText(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// reader collects findings about one header.
type reader struct {
	file     string
	findings []fault.Finding
}

func (r *reader) wrong(name, column, message string) {
	r.findings = append(r.findings, fault.Finding{Name: name, Severity: fault.Severe, File: r.file, Column: column, Message: message})
}

func (r *reader) number(text []byte, what string) float64 {
	s := strings.ReplaceAll(strings.TrimSpace(string(text)), ",", ".") // some writers use their country's comma
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		r.wrong("number", "", "the "+what+" is no number")
		return 0
	}
	return v
}

func (r *reader) whole(text []byte, low, high int, what string) int {
	v := r.number(text, what)
	if v != math.Trunc(v) || v < float64(low) || v > float64(high) {
		r.wrong("range", "", fmt.Sprintf("the %s is not within %d and %d", what, low, high))
		return low
	}
	return int(v)
}

func parseHeader(f io.Reader, file string) (*header, error) {
	r := &reader{file: file}
	fixed := make([]byte, 256)
	if _, err := io.ReadFull(f, fixed); err != nil {
		return nil, fault.Errorf(fault.Data, "%s: the header is cut short", file)
	}
	h := &header{width: 2, size: int64(r.whole(fixed[184:192], 256, 256*(maxLanes+1), "size of the header"))}
	if fixed[0] == 0xff {
		h.width = 3
	}
	kind := string(fixed[192:197])
	h.plus, h.gaps = kind[1:4] == "DF+", kind[1:] == "DF+D"
	h.records = int64(r.whole(fixed[236:244], -1, 1<<40, "number of records"))
	h.seconds = r.number(fixed[244:252], "length of a record")
	n := r.whole(fixed[252:256], 1, maxLanes, "number of signals")
	if !(h.seconds >= 0) || h.seconds > 1e6 {
		r.wrong("range", "", "the length of a record is not within 0 and 1e6 seconds")
	}
	h.start = r.start(fixed)
	if err := fault.Refuse("recording "+file, r.findings); err != nil {
		return nil, err
	}
	rest := make([]byte, 256*n)
	if _, err := io.ReadFull(f, rest); err != nil || h.size < int64(256*(n+1)) {
		return nil, fault.Errorf(fault.Data, "%s: the header is cut short: it claims %s", file, fault.Count(n, "signal"))
	}
	r.lanes(h, rest, n)
	return h, fault.Refuse("recording "+file, r.findings)
}

// start reads the date of the fixed header, or that of EDF+ with a year of four digits. Two digits from 85 on are
// of the last century, as the format says. An unknown date is no error.
func (r *reader) start(fixed []byte) time.Time {
	clock := strings.TrimSpace(string(fixed[176:184]))
	if words := strings.Fields(string(fixed[88:168])); len(words) > 1 && words[0] == "Startdate" {
		word := words[1]
		if len(word) > 3 {
			word = word[:4] + strings.ToLower(word[4:max(4, len(word)-5)]) + word[max(4, len(word)-5):]
		}
		if t, err := time.Parse("02-Jan-2006 15.04.05", word+" "+clock); err == nil {
			return t
		}
	}
	d := strings.TrimSpace(string(fixed[168:176]))
	if len(d) != 8 {
		return time.Time{}
	}
	century := "20"
	if d[6:] >= "85" {
		century = "19"
	}
	t, err := time.Parse("02.01.2006 15.04.05", d[:6]+century+d[6:]+" "+clock)
	if err != nil {
		return time.Time{}
	}
	return t
}

func (r *reader) lanes(h *header, rest []byte, n int) {
	at := 0
	field := func(i, width int) []byte { return rest[at+i*width : at+(i+1)*width] }
	text := func(i, width int) string {
		return strings.TrimSpace(string(bytes.ToValidUTF8(field(i, width), []byte("?"))))
	}
	h.lanes = make([]lane, n)
	for i := range n {
		h.lanes[i].label = text(i, 16)
		h.lanes[i].annotations = h.plus && strings.HasSuffix(h.lanes[i].label, "DF Annotations")
	}
	at += (16 + 80) * n
	for i := range n {
		h.lanes[i].unit = text(i, 8)
	}
	at += 8 * n
	for _, to := range []func(*lane) *float64{func(l *lane) *float64 { return &l.physMin }, func(l *lane) *float64 { return &l.physMax }} {
		for i := range n {
			*to(&h.lanes[i]) = r.number(field(i, 8), "physical range of signal "+strconv.Itoa(i+1))
		}
		at += 8 * n
	}
	bound := 1 << (8*h.width - 1)
	for _, to := range []func(*lane) *int{func(l *lane) *int { return &l.digitMin }, func(l *lane) *int { return &l.digitMax }} {
		for i := range n {
			*to(&h.lanes[i]) = r.whole(field(i, 8), -bound, bound-1, "digital range of signal "+strconv.Itoa(i+1))
		}
		at += 8 * n
	}
	at += 80 * n
	for i := range n {
		l := &h.lanes[i]
		l.perRecord = r.whole(field(i, 8), 0, maxRecord, "number of samples of signal "+strconv.Itoa(i+1))
		l.offset = int(h.bytes)
		h.bytes += int64(l.perRecord * h.width)
		if l.annotations {
			continue
		}
		if l.digitMax <= l.digitMin || l.physMax == l.physMin {
			r.wrong("range", l.label, "the digital or physical range is empty")
			continue
		}
		l.bit = (l.physMax - l.physMin) / float64(l.digitMax-l.digitMin)
		l.shift = l.physMax/l.bit - float64(l.digitMax)
	}
	if h.bytes == 0 || h.bytes > maxRecord {
		r.wrong("range", "", "a data record is empty, or larger than 256 MiB")
	}
}

// Read reads a whole recording. Lanes of annotations become annotations; times are seconds after the start.
func Read(ctx context.Context, fsys fs.FS, name string) (*signal.Recording, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fault.Disk("opening a recording", err)
	}
	defer f.Close()
	file := path.Base(name)
	h, err := parseHeader(f, file)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fault.Disk("reading a recording", err)
	}
	held := max(0, (info.Size()-h.size)/h.bytes)
	if h.records < 0 {
		h.records = held
	}
	if held < h.records {
		return nil, fault.Refuse("recording "+file, []fault.Finding{{
			Name: "truncated", Severity: fault.Severe, File: file, Message: fmt.Sprintf("the header claims %s, and the file holds %d", fault.Count(int(h.records), "data record"), held), Hint: "the copy is cut short: fetch the file again",
		}})
	}
	if h.records > int64(signal.MaxSamples)*int64(h.width)/h.bytes {
		return nil, fault.Errorf(fault.Data, "recording %s holds more than %d samples", file, signal.MaxSamples)
	}
	if _, err := io.CopyN(io.Discard, f, h.size-int64(256*(len(h.lanes)+1))); err != nil {
		return nil, fault.Errorf(fault.Data, "%s: the header is cut short", file)
	}
	return h.read(ctx, f, file)
}
