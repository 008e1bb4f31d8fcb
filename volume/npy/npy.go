// Package npy reads and writes arrays of NumPy: .npy files, and .npz archives of them.
//
// An array says neither what its axes are nor where it lies in a patient. Array.Volume therefore takes both from
// the caller, and Format, which reads arrays for volume.Formats, asks for them too. Objects, which NumPy stores
// as pickles, are refused: a pickle is a program.
//
// Start with Read and OpenZip. Source: NEP 1, the format of versions 1.0 to 3.0.
package npy

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Array is an array of numbers.
type Array struct {
	Shape   []int // as NumPy has it
	Data    volume.Data
	Fortran bool // the first axis runs fastest in Data, else the last
	Bool    bool // the values were truth values, which become uint8
}

// MaxBytes bounds an array in memory.
const MaxBytes = 16 << 30

const (
	magic     = "\x93NUMPY"
	maxHeader = 1 << 20
	maxAxes   = 32
)

// Read reads one array. size is the number of bytes in r, or -1 where it is not known; then a lie costs no more
// memory than twice what comes.
func Read(ctx context.Context, r io.Reader, size int64) (*Array, error) {
	return read(ctx, r, size, "reading a NumPy array")
}

func read(ctx context.Context, r io.Reader, size int64, subject string) (*Array, error) {
	h, length, err := readHeader(r)
	if err != nil {
		return nil, refuse(subject, err)
	}
	n, err := h.count()
	if err != nil {
		return nil, refuse(subject, err)
	}
	bytesLeft := int64(n) * int64(h.width())
	if size >= 0 && bytesLeft > size-length {
		return nil, refuse(subject, fmt.Errorf("the file ends after %d of %d bytes", size, length+bytesLeft))
	}
	a := &Array{Shape: h.shape, Fortran: h.fortran, Bool: h.kind == "b1"}
	var came int64
	if h.kind == "f2" {
		var halves volume.Data
		halves, came, err = volume.ReadData(ctx, r, volume.Uint16, n, h.order, size >= 0)
		if err == nil {
			a.Data = widen(halves.(volume.Slice[uint16]))
		}
	} else {
		a.Data, came, err = volume.ReadData(ctx, r, kinds[h.kind], n, h.order, size >= 0)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return nil, refuse(subject, fmt.Errorf("the file ends after %d of %d bytes", length+came, length+bytesLeft))
	default:
		return nil, fault.Disk(subject, err)
	}
	if a.Bool {
		for _, x := range a.Data.(volume.Slice[uint8]) {
			if x > 1 {
				return nil, refuse(subject, fmt.Errorf("a truth value is neither 0 nor 1"))
			}
		}
	}
	return a, nil
}

func refuse(subject string, err error) error {
	if fault.KindOf(err) != fault.Internal {
		return err
	}
	return fault.Refuse(subject, []fault.Finding{{Name: "npy", Severity: fault.Severe, Message: err.Error()}})
}

// kinds of NumPy, without the letter of the byte order.
var kinds = map[string]volume.Type{
	"b1": volume.Uint8, "u1": volume.Uint8, "i1": volume.Int8, "u2": volume.Uint16, "i2": volume.Int16, "u4": volume.Uint32,
	"i4": volume.Int32, "f4": volume.Float32, "u8": volume.Uint64, "i8": volume.Int64, "f8": volume.Float64, "f2": volume.Float32,
}

type header struct {
	kind    string
	order   binary.ByteOrder
	fortran bool
	shape   []int
}

func (h *header) width() int {
	if h.kind == "f2" {
		return 2
	}
	return kinds[h.kind].Size()
}

func (h *header) count() (int, error) {
	n := int64(1)
	for _, d := range h.shape {
		if d == 0 {
			return 0, fmt.Errorf("the array is empty: its shape has a 0")
		}
		if int64(d) > MaxBytes/n/int64(h.width()) {
			return 0, fmt.Errorf("the shape claims more than %d bytes", int64(MaxBytes))
		}
		n *= int64(d)
	}
	return int(n), nil
}

// readHeader reads up to the first value, and returns how many bytes that were.
func readHeader(r io.Reader) (*header, int64, error) {
	lead := make([]byte, 10)
	if _, err := io.ReadFull(r, lead); err != nil {
		return nil, 0, fmt.Errorf("the file ends within its header")
	}
	if string(lead[:6]) != magic {
		return nil, 0, fmt.Errorf("the file does not begin as a NumPy array")
	}
	length, before := int(binary.LittleEndian.Uint16(lead[8:])), 10
	switch lead[6] {
	case 1:
	case 2, 3:
		more := make([]byte, 2)
		if _, err := io.ReadFull(r, more); err != nil {
			return nil, 0, fmt.Errorf("the file ends within its header")
		}
		length |= int(binary.LittleEndian.Uint16(more)) << 16
		before = 12
	default:
		return nil, 0, fmt.Errorf("version %d of the format is not known", lead[6])
	}
	if length > maxHeader {
		return nil, 0, fmt.Errorf("a header of %d bytes is too long", length)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, 0, fmt.Errorf("the file ends within its header")
	}
	h, err := parseHeader(string(text))
	return h, int64(before + length), err
}

// parseHeader reads the literal of a Python dictionary with exactly the keys descr, fortran_order and shape.
func parseHeader(text string) (*header, error) {
	p := &parser{left: text}
	h := &header{}
	seen := map[string]bool{}
	p.expect("{")
	for p.err == nil && !p.take("}") {
		key := p.text()
		p.expect(":")
		if seen[key] {
			p.fail("the header has %s twice", strconv.Quote(key))
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.peek("[") {
				p.fail("records of several fields are not read")
				break
			}
			h.setKind(p, p.text())
		case "fortran_order":
			if h.fortran = p.take("True"); !h.fortran {
				p.expect("False")
			}
		case "shape":
			h.shape = p.tuple()
		default:
			p.fail("the header has an unknown key")
		}
		if !p.take(",") && !p.peek("}") {
			p.expect("}")
		}
	}
	if p.err == nil && (len(seen) != 3 || strings.TrimSpace(p.left) != "") {
		p.fail("the header does not have descr, fortran_order and shape alone")
	}
	return h, p.err
}

func (h *header) setKind(p *parser, descr string) {
	if len(descr) < 2 {
		p.fail("the type of the values is not readable")
		return
	}
	h.order = binary.LittleEndian
	switch descr[0] {
	case '>':
		h.order = binary.BigEndian
	case '<', '|':
	case '=':
		h.order = volume.Native
	default:
		p.fail("the byte order of the values is not readable")
	}
	h.kind = descr[1:]
	if _, ok := kinds[h.kind]; ok {
		return
	}
	if strings.HasPrefix(h.kind, "O") {
		p.fail("the values are Python objects, which are programs: save numbers, with allow_pickle=False")
		return
	}
	p.fail("values of type %s are not read", strconv.Quote(h.kind))
}

// A parser reads the few literals of Python that a header has.
type parser struct {
	left string
	err  error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *parser) peek(s string) bool {
	p.left = strings.TrimLeft(p.left, " \t\r\n")
	return strings.HasPrefix(p.left, s)
}

func (p *parser) take(s string) bool {
	if !p.peek(s) {
		return false
	}
	p.left = p.left[len(s):]
	return true
}

func (p *parser) expect(s string) {
	if !p.take(s) {
		p.fail("the header is not readable where %q should be", s)
	}
}

// text is a string in single or double quotes, without escapes.
func (p *parser) text() string {
	for _, quote := range []string{"'", `"`} {
		if p.take(quote) {
			s, rest, ok := strings.Cut(p.left, quote)
			if !ok || strings.ContainsAny(s, "\\\n") || len(s) > 100 {
				break
			}
			p.left = rest
			return s
		}
	}
	p.fail("the header is not readable where a string should be")
	return ""
}

func (p *parser) tuple() (out []int) {
	p.expect("(")
	for p.err == nil && !p.take(")") {
		p.peek("")
		n := 0
		for n < len(p.left) && p.left[n] >= '0' && p.left[n] <= '9' {
			n++
		}
		v, err := strconv.ParseInt(p.left[:n], 10, 64)
		if err != nil || v > math.MaxInt32 {
			p.fail("a size of the shape is not readable, or too large")
			return nil
		}
		p.left = p.left[n:]
		p.take("L") // Python 2
		if out = append(out, int(v)); len(out) > maxAxes {
			p.fail("the shape has over %d axes", maxAxes)
		}
		if !p.take(",") {
			p.expect(")")
			return out
		}
	}
	return out
}

// widen turns halves into float32, exactly.
func widen(in volume.Slice[uint16]) volume.Slice[float32] {
	out := make(volume.Slice[float32], len(in))
	for i, h := range in {
		sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
		switch exp {
		case 0: // subnormal: frac * 2^-24
			f := float32(frac) * (1.0 / (1 << 24))
			out[i] = math.Float32frombits(math.Float32bits(f) | sign)
		case 31:
			out[i] = math.Float32frombits(sign | 0xff<<23 | frac<<13)
		default:
			out[i] = math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
		}
	}
	return out
}

// Volume gives the axes of an array their roles, in the order of Shape: 'x', 'y', 'z', 'c' (channel), 't' (time);
// an image of rows and columns is "yx", with colours "yxc".
func (a *Array) Volume(axes string, affine volume.Affine) (*volume.Volume, error) {
	seen := map[rune]bool{}
	for _, r := range axes {
		if !strings.ContainsRune("xyzct", r) || seen[r] {
			return nil, fault.Errorf(fault.Usage, "axes %q: use each of x, y, z, c, t once at most", axes)
		}
		seen[r] = true
	}
	if len(axes) != len(a.Shape) || !seen['x'] || !seen['y'] {
		return nil, fault.Errorf(fault.Data, "the array has %d axes, and %q names %d with x and y among them", len(a.Shape), axes, len(axes))
	}
	sizes, roles := make([]int, len(axes)), make([]byte, len(axes))
	for i := range sizes {
		from := i
		if !a.Fortran {
			from = len(axes) - 1 - i
		}
		sizes[i], roles[i] = a.Shape[from], axes[from]
	}
	v := &volume.Volume{}
	var dims [5]int
	v.Data, dims = volume.Rearrange(a.Data, sizes, string(roles))
	v.Geometry = volume.Geometry{Dims: [3]int(dims[:3]), Affine: affine}
	v.Channels, v.Times = dims[3], dims[4]
	return v, v.Check("a NumPy array as an image")
}

// Write writes an array as version 1.0, little endian, the last axis fastest unless Fortran is set.
func (a *Array) Write(ctx context.Context, w io.Writer) error {
	n := 1
	var shape strings.Builder
	for _, d := range a.Shape {
		n *= d
		fmt.Fprintf(&shape, "%d, ", d)
	}
	if n != a.Data.Len() {
		panic("npy: shape does not hold the data")
	}
	tuple := strings.TrimSuffix(shape.String(), " ")
	if len(a.Shape) != 1 {
		tuple = strings.TrimSuffix(tuple, ",")
	}
	fortran := "False"
	if a.Fortran {
		fortran = "True"
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", a.descr(), fortran, tuple)
	length := (len(magic) + 4 + len(text) + 1 + 63) / 64 * 64
	if length-10 > math.MaxUint16 {
		return fault.Errorf(fault.Usage, "writing a NumPy array: the shape is too long")
	}
	var b bytes.Buffer
	b.WriteString(magic + "\x01\x00")
	b.Write(binary.LittleEndian.AppendUint16(nil, uint16(length-10)))
	b.WriteString(text + strings.Repeat(" ", length-10-len(text)-1) + "\n")
	if _, err := b.WriteTo(w); err != nil {
		return fault.Disk("writing a NumPy array", err)
	}
	return fault.Disk("writing a NumPy array", volume.WriteData(ctx, w, a.Data, binary.LittleEndian))
}

func (a *Array) descr() string {
	if a.Bool {
		return "|b1"
	}
	t := a.Data.Type()
	for k, have := range kinds {
		if have == t && k != "b1" && k != "f2" {
			if t.Size() == 1 {
				return "|" + k
			}
			return "<" + k
		}
	}
	panic("npy: unknown type of data")
}

// Format is .npy for volume.Formats, with the axes and the place that the caller knows its arrays to have.
func Format(axes string, affine volume.Affine) volume.Format {
	return volume.Format{
		Name:  "NumPy",
		Match: func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) },
		Read: func(ctx context.Context, fsys fs.FS, names []string) ([]*volume.Volume, error) {
			var out []*volume.Volume
			for _, n := range names {
				a, err := ReadFile(ctx, fsys, n)
				if err != nil {
					return nil, err
				}
				v, err := a.Volume(axes, affine)
				if err != nil {
					return nil, err
				}
				out = append(out, v)
			}
			return out, nil
		},
	}
}

// ReadFile reads an array from a folder or an archive.
func ReadFile(ctx context.Context, fsys fs.FS, name string) (*Array, error) {
	subject := fmt.Sprintf("reading %q", name)
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fault.Disk(subject, err)
	}
	defer f.Close()
	size := int64(-1)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	return read(ctx, f, size, subject)
}
