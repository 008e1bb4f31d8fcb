package dicom

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"unicode/utf8"

	"galen.dev/dicom/codec"
	"galen.dev/fault"
)

// implementationClass names Galen's writer; it is UID(0, "Galen").
const implementationVersion = "GALEN_1"

var implementationClass = UID(0, "Galen")

// WriteFile writes a Part 10 file: all of it, or none.
func WriteFile(path string, d *Dataset, transferSyntax string) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".dicom-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if err := Write(tmp, d, transferSyntax); err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// Write writes a Part 10 file with a transfer syntax: ExplicitLittleEndian (also where it is empty),
// DeflatedLittleEndian, or one that EncodeFrame knows, as RLELossless, which compresses the pixels. The bytes
// depend on nothing but the data set. Attributes whose values break the standard are refused, all at once.
func Write(w io.Writer, d *Dataset, transferSyntax string) error {
	if transferSyntax == "" {
		transferSyntax = ExplicitLittleEndian
	}
	if err := checkWritable(d); err != nil {
		return err
	}
	meta, err := metaFor(d, transferSyntax)
	if err != nil {
		return err
	}
	if _, err := w.Write(meta); err != nil {
		return err
	}
	switch transferSyntax {
	case ExplicitLittleEndian:
		return writeDataset(w, d, nil)
	case DeflatedLittleEndian:
		z, err := flate.NewWriter(w, flate.DefaultCompression)
		if err != nil {
			return err
		}
		padded := &counter{w: w}
		z.Reset(padded)
		if err := writeDataset(z, d, nil); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		if padded.n%2 == 1 {
			_, err = w.Write([]byte{0})
		}
		return err
	}
	frames, err := compress(d, transferSyntax)
	if err != nil {
		return err
	}
	return writeDataset(w, d, frames)
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// metaFor is the preamble and group 0002.
func metaFor(d *Dataset, transferSyntax string) ([]byte, error) {
	m := &Dataset{}
	m.SetBytes(FileMetaInformationVersion, OB, []byte{0, 1})
	m.SetText(MediaStorageSOPClassUID, d.Text(SOPClassUID))
	m.SetText(MediaStorageSOPInstanceUID, d.Text(SOPInstanceUID))
	m.SetText(TransferSyntaxUID, transferSyntax)
	m.SetText(ImplementationClassUID, implementationClass)
	m.SetText(ImplementationVersionName, implementationVersion)
	var body bytes.Buffer
	if err := writeDataset(&body, m, nil); err != nil {
		return nil, err
	}
	out := make([]byte, 128, 144+body.Len())
	out = append(out, "DICM\x02\x00\x00\x00UL\x04\x00"...)
	out = binary.LittleEndian.AppendUint32(out, uint32(body.Len()))
	return append(out, body.Bytes()...), nil
}

// compress encodes every frame of the pixel data.
func compress(d *Dataset, transferSyntax string) ([][]byte, error) {
	f := &File{Dataset: d, Name: "the object", TransferSyntax: ExplicitLittleEndian}
	im, err := f.Image()
	if err != nil {
		return nil, err
	}
	if im.frames != nil || im.BitsAllocated == 1 || im.Float {
		return nil, fault.Errorf(fault.Usage, "only native pixels of 8 or 16 bits can be compressed")
	}
	if im.Planar {
		return nil, fault.Errorf(fault.Usage, "colours in planes cannot be compressed: store their samples side by side")
	}
	shape := codec.Frame{
		Rows: im.Rows, Columns: im.Columns, SamplesPerPixel: im.Samples,
		BitsAllocated: im.BitsAllocated, BitsStored: im.BitsStored, Signed: im.Signed,
	}
	out := make([][]byte, im.Frames)
	for i := range out {
		raw, _, err := im.decode(i, nil)
		if err != nil {
			return nil, err
		}
		if out[i], err = EncodeFrame(transferSyntax, raw, shape); err != nil {
			return nil, im.wrap(i, err)
		}
	}
	return out, nil
}

// writeDataset writes elements; frames, where there are some, stand for the pixel data.
func writeDataset(w io.Writer, d *Dataset, frames [][]byte) error {
	for i := range d.elements {
		e := &d.elements[i]
		if e.Tag.Element() == 0 || e.Tag.Group() <= 2 && e.Tag.Group() != 2 {
			continue // group lengths would no longer be true
		}
		if e.Tag == PixelData && frames != nil {
			if err := writeFrames(w, frames); err != nil {
				return err
			}
			continue
		}
		if err := writeElement(w, d, e); err != nil {
			return err
		}
	}
	return nil
}

func writeElement(w io.Writer, d *Dataset, e *Element) error {
	if e.VR == SQ {
		var body bytes.Buffer
		for _, it := range e.Items {
			var one bytes.Buffer
			if err := writeDataset(&one, it, nil); err != nil {
				return err
			}
			body.Write([]byte{0xFE, 0xFF, 0x00, 0xE0})
			body.Write(binary.LittleEndian.AppendUint32(nil, uint32(one.Len())))
			body.Write(one.Bytes())
		}
		if _, err := w.Write(elementHeader(e.Tag, SQ, body.Len())); err != nil {
			return err
		}
		_, err := w.Write(body.Bytes())
		return err
	}
	b, err := e.Bytes()
	if err != nil {
		return err
	}
	vr := e.VR
	if !vrTraits[vr].long && len(b) > math.MaxUint16-1 {
		vr = UN // PS3.5 §6.2.2: what is too long for its VR
	}
	if _, err := w.Write(elementHeader(e.Tag, vr, len(b)+len(b)&1)); err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	if len(b)&1 == 1 {
		_, err = w.Write([]byte{vrTraits[e.VR].padding})
	}
	return err
}

func elementHeader(t Tag, vr VR, length int) []byte {
	b := binary.LittleEndian.AppendUint16(nil, t.Group())
	b = binary.LittleEndian.AppendUint16(b, t.Element())
	b = append(b, byte(vr>>8), byte(vr))
	if vrTraits[vr].long {
		b = append(b, 0, 0)
		return binary.LittleEndian.AppendUint32(b, uint32(length))
	}
	return binary.LittleEndian.AppendUint16(b, uint16(length))
}

// writeFrames writes encapsulated pixel data with a basic offset table.
func writeFrames(w io.Writer, frames [][]byte) error {
	out := elementHeader(PixelData, OB, 0)
	copy(out[8:], []byte{0xFF, 0xFF, 0xFF, 0xFF})
	le := binary.LittleEndian
	piece := func(n int) {
		out = append(out, 0xFE, 0xFF, 0x00, 0xE0)
		out = le.AppendUint32(out, uint32(n))
	}
	total := uint64(0)
	for _, f := range frames {
		total += uint64(len(f)+len(f)&1) + 8
	}
	if total > math.MaxUint32 {
		return fault.Errorf(fault.Data, "the compressed frames have more than 4 GiB")
	}
	piece(4 * len(frames))
	at := uint32(0)
	for _, f := range frames {
		out = le.AppendUint32(out, at)
		at += uint32(len(f)+len(f)&1) + 8
	}
	for _, f := range frames {
		piece(len(f) + len(f)&1)
		out = append(out, f...)
		if len(f)&1 == 1 {
			out = append(out, 0)
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
		out = out[:0]
	}
	out = append(out, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0)
	_, err := w.Write(out)
	return err
}

// longest is how many characters a value may have (PS3.5 §6.2).
var longest = map[VR]int{AE: 16, AS: 4, CS: 16, DA: 8, DS: 16, DT: 26, IS: 12, LO: 64, LT: 10240, SH: 16, ST: 1024, TM: 14, UI: 64}

func checkWritable(d *Dataset) error {
	var list []fault.Finding
	for _, t := range []Tag{SOPClassUID, SOPInstanceUID} {
		if !validUID(d.Text(t)) {
			list = append(list, severe("absent", t, "it is absent or no UID", ""))
		}
	}
	var foreign bool
	list = append(list, checkValues(d, &foreign)...)
	if foreign && d.Find(SpecificCharacterSet) == nil {
		d.SetText(SpecificCharacterSet, "ISO_IR 192")
	}
	return fault.Refuse("writing a DICOM object", list)
}

// checkValues checks what Galen sets. Values that were read from a file are written as they were.
func checkValues(d *Dataset, foreign *bool) []fault.Finding {
	var list []fault.Finding
	for i := range d.elements {
		e := &d.elements[i]
		for _, it := range e.Items {
			list = append(list, checkValues(it, foreign)...)
		}
		if d.charset != nil || e.bulk != nil {
			continue
		}
		trait := vrTraits[e.VR]
		if trait.text && !isASCII(e.data) {
			*foreign = true
		}
		limit, limited := longest[e.VR]
		if !limited {
			continue
		}
		for _, v := range d.Texts(e.Tag) {
			switch {
			case utf8.RuneCountInString(v) > limit:
				list = append(list, severe("too-long", e.Tag, fmt.Sprintf("a value has more than the %d characters of %s", limit, e.VR), ""))
			case e.VR == UI && v != "" && !validUID(v):
				list = append(list, severe("malformed-value", e.Tag, "a value is no UID", ""))
			case e.VR == CS && !codeString(v):
				list = append(list, severe("malformed-value", e.Tag, "code strings have capitals, digits, blanks and underscores", ""))
			}
		}
	}
	return list
}

func codeString(s string) bool {
	for _, c := range []byte(s) {
		if !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == ' ' || c == '_') {
			return false
		}
	}
	return true
}
