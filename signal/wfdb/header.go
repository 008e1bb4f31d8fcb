// Package wfdb reads and writes records of the WaveForm DataBase format of PhysioNet: headers, signal files in the
// formats 8, 16, 24, 32, 61, 80, 160, 212, 310 and 311, records of several segments, and annotation files.
//
// Samples, gaps and beats are those of the wfdb package of Python, by which the tests are made; skew is undone
// in each signal's own samples, which that package does for one sample in a frame only. Beyond it, checksums are
// verified and files that are shorter than their header says are refused. The compressed formats 508, 516 and 524
// (FLAC) are refused with a hint.
//
// Start with Open and Record.Read; ReadAnnotations reads beats. Source: the WFDB Applications Guide, header(5),
// signal(5), annot(5).
package wfdb

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"galen.dev/fault"
)

// Header is what a .hea file says.
type Header struct {
	Name     string
	Rate     float64 // frames in a second
	Frames   int64   // -1 = the header does not say
	Start    time.Time
	Signals  []Signal
	Segments []Segment // of a record of several segments; nil otherwise
	Comments []string
}

// Signal is one signal line.
type Signal struct {
	File        string
	Format      int
	PerFrame    int   // samples in a frame
	Skew        int   // frames by which the signal is late in its file
	Offset      int64 // bytes before the first sample
	Gain        float64
	Baseline    int
	Unit        string // as written; "mV" where nothing is
	Resolution  int
	Zero        int
	Initial     int
	Checksum    int
	HasChecksum bool
	Name        string
}

// Segment is one segment line.
type Segment struct {
	Name   string // "~" is a gap
	Frames int64
}

// Limits on what a header may claim.
const (
	maxHeader   = 1 << 20
	maxSignals  = 1 << 10
	maxSegments = 1 << 16
	maxFrames   = 1 << 40
	maxPerFrame = 1 << 12
	maxSkew     = 1 << 16
)

var (
	recordLine = regexp.MustCompile(`^([-\w.]+)(?:/(\d+))?[ \t]+(\d+)(?:[ \t]+(\d*\.?\d+(?:[eE][-+]?\d+)?|\d+\.)(?:/-?[\d.]*(?:\([-\d.]*\))?)?(?:[ \t]+(\d+)(?:[ \t]+([\d:.]+)(?:[ \t]+(\d{1,2}/\d{1,2}/\d{1,4}))?)?)?)?`)
	signalLine = regexp.MustCompile(`^(\S+)[ \t]+(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?(?:[ \t]+(-?\d*\.?\d*(?:[eE][-+]?\d+)?)(?:\((-?\d+)\))?(?:/(\S+))?(?:[ \t]+(-?\d+)(?:[ \t]+(-?\d+)(?:[ \t]+(-?\d+)(?:[ \t]+(-?\d+)(?:[ \t]+(-?\d+)(?:[ \t]+(.*))?)?)?)?)?)?)?$`)
	segmentLn  = regexp.MustCompile(`^([-\w]+|~)[ \t]+(\d+)$`)
)

// headerReader collects the findings of one header.
type headerReader struct {
	file     string
	findings []fault.Finding
}

func (h *headerReader) wrong(line int, name, message, hint string) {
	h.findings = append(h.findings, fault.Finding{Name: name, Severity: fault.Severe, File: h.file, Line: line, Message: message, Hint: hint})
}

// ParseHeader reads the text of a header file, of the name given for messages.
func ParseHeader(text []byte, file string) (*Header, error) {
	h := headerReader{file: file}
	if len(text) > maxHeader {
		return nil, fault.Errorf(fault.Data, "%s: the header is larger than 1 MiB", file)
	}
	var lines []string
	var at []int
	out := &Header{}
	for i, line := range strings.Split(string(text), "\n") {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "#"):
			out.Comments = append(out.Comments, strings.TrimSpace(strings.TrimPrefix(line, "#")))
		case line != "":
			lines, at = append(lines, line), append(at, i+1)
		}
	}
	if len(lines) == 0 {
		return nil, fault.Errorf(fault.Data, "%s: the header is empty", file)
	}
	segments, signals := h.record(out, lines[0], at[0])
	rest := lines[1:]
	switch want := max(signals, 0); {
	case len(h.findings) > 0:
	case segments >= 0:
		h.segments(out, rest, at[1:], segments)
	case len(rest) < want:
		h.wrong(at[0], "header-lines", fmt.Sprintf("the record line claims %s, and %d follow", fault.Count(want, "signal"), len(rest)), "the header is cut short")
	default:
		for i := range want {
			h.signal(out, rest[i], at[i+1])
		}
	}
	return out, fault.Refuse("header "+file, h.findings)
}

// record reads the record line and returns the number of segments, -1 for a record of one, and of signals.
func (h *headerReader) record(out *Header, line string, at int) (segments, signals int) {
	m := recordLine.FindStringSubmatch(line)
	if m == nil {
		h.wrong(at, "record-line", "the record line is no name, number of signals and rate", "for example: 100 2 360 650000")
		return -1, 0
	}
	out.Name, out.Rate, out.Frames, segments = m[1], 250, -1, -1
	signals = h.int(m[3], 0, maxSignals, at, "number of signals")
	if m[2] != "" {
		segments = h.int(m[2], 1, maxSegments, at, "number of segments")
	}
	if m[4] != "" {
		rate, err := strconv.ParseFloat(m[4], 64)
		if err != nil || !(rate > 0) || rate > 1e9 {
			h.wrong(at, "rate", "the sampling rate is not above 0, and at most 1e9", "")
		}
		out.Rate = rate
	}
	if m[5] != "" {
		out.Frames = int64(h.int(m[5], 0, maxFrames, at, "number of samples"))
		if out.Frames == 0 {
			out.Frames = -1 // which the format says it means
		}
	}
	h.start(out, m[6], m[7], at)
	return segments, signals
}

// start reads base time and date; the time alone is on no day and is left out.
func (h *headerReader) start(out *Header, clock, date string, at int) {
	if clock == "" || date == "" {
		return
	}
	if n := strings.Count(clock, ":"); n < 2 {
		clock = strings.Repeat("0:", 2-n) + clock
	}
	t, err := time.Parse("2/1/2006 15:4:5", date+" "+clock)
	if err != nil {
		h.wrong(at, "start", "the base time is no time and date", "for example: 13:30:00 28/02/2024")
	}
	out.Start = t
}

func (h *headerReader) segments(out *Header, lines []string, at []int, n int) {
	if len(lines) < n {
		h.wrong(1, "header-lines", fmt.Sprintf("the record line claims %s, and %d follow", fault.Count(n, "segment"), len(lines)), "the header is cut short")
		return
	}
	total := int64(0)
	for i := range n {
		m := segmentLn.FindStringSubmatch(lines[i])
		if m == nil {
			h.wrong(at[i], "segment-line", "the segment line is no name and number of samples", "")
			continue
		}
		s := Segment{Name: m[1], Frames: int64(h.int(m[2], 0, maxFrames, at[i], "number of samples"))}
		if s.Name == out.Name {
			h.wrong(at[i], "segment-line", "the record is a segment of itself", "")
		}
		total += s.Frames
		out.Segments = append(out.Segments, s)
	}
	if out.Frames >= 0 && total != out.Frames {
		h.wrong(1, "segment-length", fmt.Sprintf("the segments hold %d samples, and the record line says %d", total, out.Frames), "")
	}
	out.Frames = total
}

func (h *headerReader) signal(out *Header, line string, at int) {
	m := signalLine.FindStringSubmatch(line)
	if m == nil {
		h.wrong(at, "signal-line", "the signal line is not in the form of header(5)", "for example: 100.dat 212 200 11 1024 995 -22131 0 MLII")
		return
	}
	s := Signal{File: m[1], Format: h.int(m[2], 0, 1<<20, at, "format"), PerFrame: 1, Gain: 200, Unit: "mV", Name: m[14]}
	if m[3] != "" {
		s.PerFrame = h.int(m[3], 1, maxPerFrame, at, "number of samples in a frame")
	}
	s.Skew = h.int(m[4], 0, maxSkew, at, "skew")
	s.Offset = int64(h.int(m[5], 0, maxFrames, at, "byte offset"))
	if m[6] != "" {
		gain, err := strconv.ParseFloat(m[6], 64)
		if err != nil || math.IsInf(gain, 0) {
			h.wrong(at, "gain", "the gain is no number", "")
		}
		if gain != 0 { // 0 says that nobody calibrated it; the format then takes 200
			s.Gain = gain
		}
	}
	if m[8] != "" {
		s.Unit = m[8]
	}
	const wide = math.MaxInt32
	s.Resolution, s.Zero = h.int(m[9], -wide, wide, at, "resolution"), h.int(m[10], -wide, wide, at, "zero of the converter")
	s.Initial, s.Baseline = h.int(m[11], -wide-1, wide, at, "initial value"), s.Zero
	if m[7] != "" {
		s.Baseline = h.int(m[7], -wide-1, wide, at, "baseline")
	}
	if m[12] != "" {
		s.Checksum, s.HasChecksum = h.int(m[12], -1<<16, 1<<16, at, "checksum"), true
	}
	if m[11] == "" {
		s.Initial = s.Zero
	}
	if s.File != "~" && !localName(s.File) {
		h.wrong(at, "file-name", "the signal file is not in the folder of its header", "")
	}
	if f := formats[s.Format]; f == nil && s.File != "~" {
		h.wrong(at, "format", formatProblem(s.Format), formatHint(s.Format))
	}
	out.Signals = append(out.Signals, s)
}

// localName says whether a name is of a file beside the header.
func localName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, `/\`)
}

func formatProblem(format int) string {
	if slices.Contains([]int{508, 516, 524}, format) {
		return fmt.Sprintf("format %d is compressed by FLAC, which is not read", format)
	}
	return fmt.Sprintf("format %d is not known", format)
}

func formatHint(format int) string {
	if slices.Contains([]int{508, 516, 524}, format) {
		return fmt.Sprintf("unpack the record: xform -i RECORD -o OUT, or write it as format %d", format-500)
	}
	return ""
}

// int reads a whole number in a range; the empty text is 0.
func (h *headerReader) int(text string, low, high, at int, what string) int {
	if text == "" {
		return 0
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < low || v > high {
		h.wrong(at, "range", fmt.Sprintf("the %s is not within %d and %d", what, low, high), "")
		return max(low, 0)
	}
	return v
}
