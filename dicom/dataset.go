package dicom

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"galen.dev/fault"
)

// Element is one attribute with its value.
type Element struct {
	Tag   Tag
	VR    VR
	Items []*Dataset // of a sequence

	data []byte // the value, little endian; nil where it was left in the file
	bulk *bulk  // where it was left
}

// bulk is a value that stays in the file until somebody asks for it.
type bulk struct {
	src       io.ReaderAt
	at        int64
	length    int64
	swap      int        // bytes of a number, where their order is to be reversed; 0 or 1 = as they are
	fragments []fragment // of encapsulated pixel data; the first is the basic offset table
	truncated bool       // the file ends inside
}

type fragment struct{ at, length int64 }

// Len is the number of bytes of the value; 0 for sequences and encapsulated pixel data.
func (e *Element) Len() int64 {
	if e.bulk != nil {
		return e.bulk.length
	}
	return int64(len(e.data))
}

// Bytes returns the value, little endian. A large value is read from the file at each call; a small one is
// shared with the element and must not be changed.
func (e *Element) Bytes() ([]byte, error) {
	if e.bulk == nil {
		return e.data, nil
	}
	if e.bulk.fragments != nil {
		return nil, fault.Errorf(fault.Data, "%s is encapsulated: it has frames, no value", e.Tag)
	}
	if e.bulk.truncated {
		return nil, fmt.Errorf("reading %s: %w", e.Tag, errTruncated) // before memory is taken for what it claims
	}
	b := make([]byte, e.bulk.length)
	if err := e.bulk.read(b, 0); err != nil {
		return nil, fmt.Errorf("reading %s: %w", e.Tag, err)
	}
	swap(b, e.bulk.swap)
	return b, nil
}

// read fills b from the value's byte offset on, in the byte order of the file.
func (v *bulk) read(b []byte, offset int64) error {
	if v.truncated {
		return errTruncated
	}
	return readFull(v.src, b, v.at+offset)
}

var errTruncated = fault.Errorf(fault.Data, "the file ends inside the value")

func readFull(src io.ReaderAt, b []byte, at int64) error {
	n, err := src.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == io.EOF || err == nil {
		return fault.Errorf(fault.Data, "the file became shorter while it was read")
	}
	return err
}

// Dataset is a set of attributes in the order of their tags. Its zero value is empty and ready to use.
type Dataset struct {
	elements []Element
	charset  *charset // of the file it was read from; nil = that of what Galen writes, UTF-8
}

// Len is the number of attributes.
func (d *Dataset) Len() int { return len(d.elements) }

// All returns the attributes in the order of their tags. The slice is the data set's own.
func (d *Dataset) All() []Element { return d.elements }

// Find returns the attribute, or nil where the data set has none.
func (d *Dataset) Find(t Tag) *Element {
	i, found := slices.BinarySearchFunc(d.elements, t, byTag)
	if !found {
		return nil
	}
	return &d.elements[i]
}

func byTag(e Element, t Tag) int {
	switch {
	case e.Tag < t:
		return -1
	case e.Tag > t:
		return 1
	}
	return 0
}

// put inserts an element, or replaces the one that has its tag; it says whether there was one.
func (d *Dataset) put(e Element) (replaced bool) {
	if n := len(d.elements); n == 0 || d.elements[n-1].Tag < e.Tag {
		d.elements = append(d.elements, e)
		return false
	}
	i, found := slices.BinarySearchFunc(d.elements, e.Tag, byTag)
	if found {
		d.elements[i] = e
		return true
	}
	d.elements = slices.Insert(d.elements, i, e)
	return false
}

// Remove takes an attribute out.
func (d *Dataset) Remove(t Tag) {
	if i, found := slices.BinarySearchFunc(d.elements, t, byTag); found {
		d.elements = slices.Delete(d.elements, i, i+1)
	}
}

// PrivateCreator is the vendor's name of the block that a private element lies in, or "".
func (d *Dataset) PrivateCreator(t Tag) string {
	if !t.Private() || t.Element() < 0x1000 {
		return ""
	}
	return d.Text(Tag(uint32(t.Group())<<16 | uint32(t.Element()>>8)))
}

// Items returns the data sets of a sequence, or nil where it is absent.
func (d *Dataset) Items(t Tag) []*Dataset {
	if e := d.Find(t); e != nil {
		return e.Items
	}
	return nil
}

// First returns the first data set of a sequence, or nil where there is none. A nil Dataset has nothing.
func (d *Dataset) First(t Tag) *Dataset {
	if d == nil {
		return nil
	}
	if items := d.Items(t); len(items) > 0 {
		return items[0]
	}
	return nil
}

// Text is the first value of an attribute as text, without the padding, or "" where there is none.
func (d *Dataset) Text(t Tag) string {
	if v := d.Texts(t); len(v) > 0 {
		return v[0]
	}
	return ""
}

// Texts are the values of a text attribute, decoded from the data set's character set, without their padding.
// Binary numbers are written out. It is nil where the attribute is absent, empty, or has no text.
func (d *Dataset) Texts(t Tag) []string {
	if d == nil {
		return nil
	}
	e := d.Find(t)
	if e == nil || len(e.data) == 0 {
		return nil
	}
	trait := vrTraits[e.VR]
	if trait.numeric {
		return numberTexts(e)
	}
	if e.VR == SQ || e.VR == OB || e.VR == UN {
		return nil
	}
	text := ""
	if trait.text {
		text = d.charset.decode(e.data, e.VR)
	} else {
		text = ascii(e.data)
	}
	if !trait.many {
		return []string{strings.TrimRight(text, " \x00")}
	}
	values := strings.Split(text, `\`)
	for i, v := range values {
		values[i] = strings.Trim(v, " \x00")
	}
	if len(values) == 1 && values[0] == "" {
		return nil
	}
	return values
}

// ascii replaces what a VR without a character set must not hold.
func ascii(b []byte) string {
	for _, c := range b {
		if c >= 0x80 {
			return strings.ToValidUTF8(string(b), "\uFFFD")
		}
	}
	return string(b)
}

func numberTexts(e *Element) []string {
	var out []string
	if e.VR == AT {
		for b := e.data; len(b) >= 4; b = b[4:] {
			out = append(out, fmt.Sprintf("%04X%04X", binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:])))
		}
		return out
	}
	values, err := e.floats(e.data)
	if err != nil {
		return nil
	}
	for _, v := range values {
		out = append(out, strconv.FormatFloat(v, 'g', -1, 64))
	}
	return out
}

// Floats are the values of a numeric attribute: DS, IS and every binary number. It is nil where the attribute
// is absent or empty, and an error where a value is no number: the error names the attribute, not its value.
func (d *Dataset) Floats(t Tag) ([]float64, error) {
	if d == nil {
		return nil, nil
	}
	e := d.Find(t)
	if e == nil {
		return nil, nil
	}
	b, err := e.Bytes()
	if err != nil || len(b) == 0 {
		return nil, err
	}
	return e.floats(b)
}

func (e *Element) floats(b []byte) ([]float64, error) {
	trait, le := vrTraits[e.VR], binary.LittleEndian
	if !trait.numeric || e.VR == AT {
		return textFloats(e, b)
	}
	if len(b)%trait.size != 0 {
		return nil, malformed(e.Tag, "its length is no multiple of a value's")
	}
	out := make([]float64, len(b)/trait.size)
	for i := range out {
		v := b[i*trait.size:]
		switch e.VR {
		case US, OW:
			out[i] = float64(le.Uint16(v))
		case SS:
			out[i] = float64(int16(le.Uint16(v)))
		case UL, OL:
			out[i] = float64(le.Uint32(v))
		case SL:
			out[i] = float64(int32(le.Uint32(v)))
		case FL, OF:
			out[i] = float64(math.Float32frombits(le.Uint32(v)))
		case FD, OD:
			out[i] = math.Float64frombits(le.Uint64(v))
		case UV, OV:
			out[i] = float64(le.Uint64(v))
		case SV:
			out[i] = float64(int64(le.Uint64(v)))
		}
	}
	return out, nil
}

func textFloats(e *Element, b []byte) ([]float64, error) {
	if e.VR != DS && e.VR != IS {
		return nil, malformed(e.Tag, "its VR "+e.VR.String()+" holds no numbers")
	}
	text := strings.Trim(string(b), " \x00")
	if text == "" {
		return nil, nil
	}
	out := make([]float64, 0, 1+strings.Count(text, `\`))
	for part := range strings.SplitSeq(text, `\`) {
		v, err := strconv.ParseFloat(strings.Trim(part, " \x00"), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, malformed(e.Tag, "a value is no number")
		}
		out = append(out, v)
	}
	return out, nil
}

func malformed(t Tag, what string) error {
	return &fault.Error{
		Kind: fault.Data, Err: fmt.Errorf("%s: %s", t, what),
		Findings: []fault.Finding{severe("malformed-value", t, what, "")},
	}
}

// Float is the first value of a numeric attribute; ok is false where there is none.
func (d *Dataset) Float(t Tag) (v float64, ok bool, err error) {
	all, err := d.Floats(t)
	if err != nil || len(all) == 0 {
		return 0, false, err
	}
	return all[0], true, nil
}

// Int is the first value of an attribute that holds whole numbers; ok is false where there is none.
func (d *Dataset) Int(t Tag) (v int, ok bool, err error) {
	f, ok, err := d.Float(t)
	if err != nil || !ok {
		return 0, false, err
	}
	if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false, malformed(t, "the value is not whole")
	}
	return int(f), true, nil
}
