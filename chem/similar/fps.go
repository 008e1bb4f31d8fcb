package similar

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"galen.dev/fault"
)

// Header is the head of an FPS file. Empty fields are not written.
type Header struct {
	Type     string   // the fingerprints and their options, "RDKit-Morgan/2 radius=2 fpSize=2048"
	Software string   // the program that made them
	Sources  []string // the files that the molecules come from
	Date     string   // when they were made, ISO 8601
}

// maxLine bounds a line of an FPS file, maxFPSBits a fingerprint in it, maxFindings the faults that are told.
const (
	maxLine     = 1 << 22
	maxFPSBits  = 1 << 20
	maxFindings = 100
)

// ReadFPS reads an FPS file, chemfp's text format: a line for each fingerprint, in hexadecimal digits with the
// lowest bit first, a tab, and a name. Lines that cannot be read are all told in one Data error.
func ReadFPS(r io.Reader) (*Matrix, Header, error) {
	f := fpsReader{}
	in := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := readLine(in)
		if err == errLong {
			f.fault(n, "longer than %d bytes", maxLine)
			break
		}
		if err != nil && err != io.EOF {
			return nil, f.head, err
		}
		if line = bytes.TrimSuffix(line, []byte("\r")); len(line) > 0 {
			f.line(n, line)
		}
		if err == io.EOF || len(f.findings) >= maxFindings {
			break
		}
	}
	if f.m == nil && len(f.findings) == 0 {
		if f.bits == 0 {
			f.fault(1, "no fingerprint, and no line #num_bits")
		} else {
			f.m = NewMatrix(f.bits)
		}
	}
	if err := fault.Refuse("the FPS file", f.findings); err != nil {
		return nil, f.head, err
	}
	return f.m, f.head, nil
}

var errLong = errors.New("long line")

// readLine returns a line without its end, or errLong. The last line comes with io.EOF.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return nil, errLong
		}
		if line == nil && err == nil {
			return part[:len(part)-1], nil
		}
		line = append(line, part...)
		if err != bufio.ErrBufferFull {
			return bytes.TrimSuffix(line, []byte("\n")), err
		}
	}
}

type fpsReader struct {
	head     Header
	bits     int
	m        *Matrix
	buf      []byte
	words    []uint64
	findings []fault.Finding
}

func (f *fpsReader) fault(line int, format string, args ...any) {
	f.findings = append(f.findings, fault.Finding{Name: "fps-line", Severity: fault.Severe, Line: line, Message: fmt.Sprintf(format, args...)})
}

func (f *fpsReader) line(n int, line []byte) {
	if line[0] == '#' {
		f.header(n, string(line[1:]))
		return
	}
	digits, id, _ := bytes.Cut(line, []byte("\t"))
	id, _, _ = bytes.Cut(id, []byte("\t"))
	if f.bits == 0 {
		f.bits = 4 * len(digits)
	}
	if f.bits > maxFPSBits || f.bits == 0 {
		f.fault(n, "%d bits; 1 to %d are possible", f.bits, maxFPSBits)
		return
	}
	if f.m == nil {
		f.m = NewMatrix(f.bits)
		f.words = make([]uint64, f.m.Words())
		f.buf = make([]byte, 8*f.m.Words())
	}
	if len(digits) != (f.bits+7)/8*2 {
		f.fault(n, "%d hexadecimal digits, %d expected", len(digits), (f.bits+7)/8*2)
		return
	}
	clear(f.buf)
	if _, err := hex.Decode(f.buf, digits); err != nil {
		f.fault(n, "a sign that is no hexadecimal digit")
		return
	}
	for k := range f.words {
		f.words[k] = binary.LittleEndian.Uint64(f.buf[8*k:])
	}
	if r := f.bits % 64; r != 0 && f.words[len(f.words)-1]>>r != 0 {
		f.fault(n, "a bit beyond the last, %d", f.bits-1)
		return
	}
	f.m.Append(f.words, string(id))
}

func (f *fpsReader) header(n int, line string) {
	key, value, _ := strings.Cut(line, "=")
	switch key {
	case "num_bits":
		bits, err := strconv.Atoi(value)
		switch {
		case err != nil || bits < 1 || bits > maxFPSBits:
			f.fault(n, "num_bits is no number from 1 to %d", maxFPSBits)
		case f.m != nil && bits != f.bits:
			f.fault(n, "num_bits comes after fingerprints of another length")
		default:
			f.bits = bits
		}
	case "type":
		f.head.Type = value
	case "software":
		f.head.Software = value
	case "source":
		f.head.Sources = append(f.head.Sources, value)
	case "date":
		f.head.Date = value
	}
}

// WriteFPS writes an FPS file. Tabs and line ends in names become blanks; rows without a name get their number,
// from 1.
func WriteFPS(w io.Writer, m *Matrix, h Header) error {
	out := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintf(out, "#FPS1\n#num_bits=%d\n", m.Bits())
	field := func(key, value string) {
		if value != "" {
			fmt.Fprintf(out, "#%s=%s\n", key, clean.Replace(value))
		}
	}
	field("type", h.Type)
	field("software", h.Software)
	for _, s := range h.Sources {
		field("source", s)
	}
	field("date", h.Date)
	var b, text []byte
	for i := range m.Len() {
		b = b[:0]
		for _, word := range m.Row(i) {
			b = binary.LittleEndian.AppendUint64(b, word)
		}
		text = hex.AppendEncode(text[:0], b[:(m.Bits()+7)/8])
		text = append(text, '\t')
		if id := clean.Replace(m.ID(i)); id != "" {
			text = append(text, id...)
		} else {
			text = strconv.AppendInt(text, int64(i+1), 10)
		}
		text = append(text, '\n')
		if _, err := out.Write(text); err != nil {
			return err
		}
	}
	return out.Flush()
}

var clean = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
