package nrrd

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/volume"
)

// header is what the lines say, before it is made sense of.
type header struct {
	fields   map[string]string
	pairs    []Pair
	findings []fault.Finding
	order    binary.ByteOrder
	gzip     bool
	dataFile string
	lineSkip int
	byteSkip int64
}

func (h *header) severe(name, hint, format string, args ...any) {
	h.findings = append(h.findings, severe(name, hint, format, args...))
}

// bad are the findings that refuse the file, with the others where there are any.
func (h *header) bad() []fault.Finding {
	for _, f := range h.findings {
		if f.Severity == fault.Severe {
			return h.findings
		}
	}
	return nil
}

func isMagic(head []byte) bool {
	return len(head) >= 8 && bytes.HasPrefix(head, []byte("NRRD000")) && head[7] >= '1' && head[7] <= '5'
}

// known fields of the format.
var known = map[string]bool{
	"dimension": true, "type": true, "encoding": true, "endian": true, "sizes": true, "space": true, "space dimension": true,
	"space directions": true, "space origin": true, "space units": true, "spacings": true, "kinds": true, "data file": true,
	"line skip": true, "byte skip": true, "sample units": true, "axis mins": true, "axis maxs": true,
	"content": true, "number": true, "min": true, "max": true, "old min": true, "old max": true, "block size": true,
	"thicknesses": true, "centerings": true, "labels": true, "units": true, "measurement frame": true,
}

// other spellings of fields.
var spellings = map[string]string{
	"datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip", "sampleunits": "sample units", "oldmin": "old min",
	"oldmax": "old max", "centers": "centerings", "axismins": "axis mins", "axismaxs": "axis maxs", "blocksize": "block size",
}

// readHeader reads to the blank line, and returns how many bytes that were.
func readHeader(in *bufio.Reader) (*header, int64, error) {
	h := &header{fields: map[string]string{}}
	length := int64(0)
	for n := 0; ; n++ {
		line, err := in.ReadSlice('\n')
		length += int64(len(line))
		if err == bufio.ErrBufferFull || length > maxHeader {
			return nil, 0, fault.Errorf(fault.Data, "the header does not end within %d bytes", maxHeader)
		}
		if err != nil && err != io.EOF {
			return nil, 0, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if n == 0 && !isMagic([]byte(text)) {
			return nil, 0, fault.Refuse("reading NRRD", []fault.Finding{severe("not-nrrd", "", "the file does not begin with NRRD0001 to NRRD0005")})
		}
		if n > 0 && text == "" {
			break // the end, or that of a header whose voxels are elsewhere
		}
		if n > 0 {
			h.line(text, n+1)
		}
		if err == io.EOF {
			break
		}
	}
	h.basics()
	return h, length, nil
}

func (h *header) line(text string, number int) {
	if strings.HasPrefix(text, "#") {
		return
	}
	if key, value, ok := strings.Cut(text, ":="); ok && !strings.Contains(key, ": ") {
		h.pairs = append(h.pairs, Pair{key, value})
		return
	}
	name, value, ok := strings.Cut(text, ":")
	name = strings.ToLower(strings.TrimSpace(name))
	if s := spellings[name]; s != "" {
		name = s
	}
	_, is := known[name]
	_, twice := h.fields[name]
	switch {
	case !ok:
		h.severe("header-line", "", "line %d is neither a field nor a note", number)
	case !is:
		h.severe("unknown-field", "", "line %d has a field that the format does not know", number)
	case twice:
		h.severe("field-twice", "", "the field %q stands twice", name)
	default:
		h.fields[name] = strings.TrimSpace(value)
	}
}

// basics reads the fields that stand for themselves.
func (h *header) basics() {
	switch e := strings.ToLower(h.fields["encoding"]); e {
	case "raw":
	case "gz", "gzip":
		h.gzip = true
	case "":
		h.severe("encoding", "", "the header has no encoding")
	case "txt", "text", "ascii", "hex", "bz2", "bzip2":
		h.severe("encoding", "write it as raw or gzip", "voxels encoded as %s are not read", e)
	default:
		h.severe("encoding", "", "the encoding is none of the format")
	}
	switch strings.ToLower(h.fields["endian"]) {
	case "little":
		h.order = binary.LittleEndian
	case "big":
		h.order = binary.BigEndian
	case "":
	default:
		h.severe("endian", "", "endian is neither little nor big")
	}
	h.dataFile = h.fields["data file"]
	if f := strings.Fields(h.dataFile); len(f) > 0 && (f[0] == "LIST" || len(f) > 1 && strings.Contains(f[0], "%")) {
		h.severe("data-file", "join the slices to one file", "voxels spread over several files are not read")
		h.dataFile = ""
	}
	whole := func(name string, low int64) int64 {
		text, ok := h.fields[name]
		if !ok {
			return 0
		}
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v < low || v > 1<<30 {
			h.severe("skip", "", "%s is not a number from %d to %d", name, low, 1<<30)
			return 0
		}
		return v
	}
	h.lineSkip, h.byteSkip = int(whole("line skip", 0)), whole("byte skip", -1)
	if h.byteSkip < 0 && h.gzip {
		h.severe("skip", "", "byte skip of -1 has no meaning for packed voxels")
	}
}

// kinds of values.
var kinds = map[string]volume.Type{
	"signed char": volume.Int8, "int8": volume.Int8, "int8_t": volume.Int8,
	"uchar": volume.Uint8, "unsigned char": volume.Uint8, "uint8": volume.Uint8, "uint8_t": volume.Uint8,
	"short": volume.Int16, "short int": volume.Int16, "signed short": volume.Int16, "signed short int": volume.Int16, "int16": volume.Int16, "int16_t": volume.Int16,
	"ushort": volume.Uint16, "unsigned short": volume.Uint16, "unsigned short int": volume.Uint16, "uint16": volume.Uint16, "uint16_t": volume.Uint16,
	"int": volume.Int32, "signed int": volume.Int32, "int32": volume.Int32, "int32_t": volume.Int32,
	"uint": volume.Uint32, "unsigned int": volume.Uint32, "uint32": volume.Uint32, "uint32_t": volume.Uint32,
	"longlong": volume.Int64, "long long": volume.Int64, "long long int": volume.Int64, "signed long long": volume.Int64, "signed long long int": volume.Int64, "int64": volume.Int64, "int64_t": volume.Int64,
	"ulonglong": volume.Uint64, "unsigned long long": volume.Uint64, "unsigned long long int": volume.Uint64, "uint64": volume.Uint64, "uint64_t": volume.Uint64,
	"float": volume.Float32, "double": volume.Float64,
}

var kindNames = map[volume.Type]string{
	volume.Int8: "int8", volume.Uint8: "uint8", volume.Int16: "int16", volume.Uint16: "uint16", volume.Int32: "int32", volume.Uint32: "uint32",
	volume.Int64: "int64", volume.Uint64: "uint64", volume.Float32: "float", volume.Float64: "double",
}

// headerOf is the header of a volume.
func headerOf(v *volume.Volume, pairs []Pair, pack bool) string {
	var b strings.Builder
	num := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	vec := func(p volume.Vec) string { return "(" + num(p[0]) + "," + num(p[1]) + "," + num(p[2]) + ")" }
	lps := v.Affine.LPS()
	sizes, directions, kinds := []string{}, []string{}, []string{}
	add := func(n int, direction, kind string) {
		sizes, directions, kinds = append(sizes, strconv.Itoa(n)), append(directions, direction), append(kinds, kind)
	}
	if n := v.NumChannels(); n > 1 {
		kind := "vector"
		if n == 3 && v.Data.Type() == volume.Uint8 {
			kind = "RGB-color"
		}
		add(n, "none", kind)
	}
	for i := range 3 {
		add(v.Dims[i], vec(lps.Column(i)), "domain")
	}
	if n := v.NumTimes(); n > 1 {
		add(n, "none", "time")
	}
	b.WriteString("NRRD0005\n# Complete NRRD file format specification at:\n# http://teem.sourceforge.net/nrrd/format.html\n")
	fmt.Fprintf(&b, "type: %s\ndimension: %d\nspace: left-posterior-superior\nsizes: %s\n", kindNames[v.Data.Type()], len(sizes), strings.Join(sizes, " "))
	if v.NumTimes() > 1 && v.TimeStep > 0 {
		spacings := make([]string, len(sizes))
		for i := range spacings {
			spacings[i] = "nan"
		}
		spacings[len(spacings)-1] = num(v.TimeStep)
		fmt.Fprintf(&b, "spacings: %s\n", strings.Join(spacings, " "))
	}
	fmt.Fprintf(&b, "space directions: %s\nkinds: %s\n", strings.Join(directions, " "), strings.Join(kinds, " "))
	encoding := "raw"
	if pack {
		encoding = "gzip"
	}
	if v.Data.Type().Size() > 1 {
		b.WriteString("endian: little\n")
	}
	fmt.Fprintf(&b, "encoding: %s\nspace units: \"mm\" \"mm\" \"mm\"\nspace origin: %s\n", encoding, vec(lps.Origin()))
	if v.Unit != "" && !strings.ContainsAny(string(v.Unit), "\r\n\"") {
		fmt.Fprintf(&b, "sample units: \"%s\"\n", string(v.Unit))
	}
	for _, p := range pairs {
		fmt.Fprintf(&b, "%s:=%s\n", p.Key, p.Value)
	}
	b.WriteString("\n")
	return b.String()
}

// numbers of a field, as many as axes; "nan" stands for not known.
func (h *header) numbers(name string, axes int) []float64 {
	text, ok := h.fields[name]
	if !ok {
		return nil
	}
	words := strings.Fields(text)
	out := make([]float64, len(words))
	for i, w := range words {
		f, err := strconv.ParseFloat(w, 64)
		if err != nil || math.IsInf(f, 0) {
			h.severe("number", "", "%s holds what is no number", name)
			return nil
		}
		out[i] = f
	}
	if len(out) != axes {
		h.severe("axes", "", "%s has %d values for %d axes", name, len(out), axes)
		return nil
	}
	return out
}

// vectors of a field, such as "(1,0,0) none (0,1,0)"; nil for none and for vectors of NaN.
func (h *header) vectors(name string) (out []*volume.Vec) {
	left := strings.TrimSpace(h.fields[name])
	for left != "" {
		if rest, ok := strings.CutPrefix(left, "none"); ok {
			out, left = append(out, nil), strings.TrimSpace(rest)
			continue
		}
		inside, rest, ok := strings.Cut(strings.TrimPrefix(left, "("), ")")
		parts := strings.Split(inside, ",")
		if !ok || left[0] != '(' || len(parts) != 3 {
			h.severe("vector", "", "%s is not readable as vectors of three numbers", name)
			return nil
		}
		var v volume.Vec
		nan := 0
		for i, p := range parts {
			f, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
			if err != nil || math.IsInf(f, 0) {
				h.severe("vector", "", "%s holds what is no number", name)
				return nil
			}
			if math.IsNaN(f) {
				nan++
			}
			v[i] = f
		}
		if nan > 0 && nan < 3 {
			h.severe("vector", "", "%s holds a vector that is NaN in part", name)
			return nil
		}
		if nan == 3 {
			out = append(out, nil)
		} else {
			out = append(out, &v)
		}
		left = strings.TrimSpace(rest)
	}
	return out
}
