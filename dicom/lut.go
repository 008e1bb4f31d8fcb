package dicom

import (
	"encoding/binary"
	"fmt"
	"math"

	"galen.dev/fault"
	"galen.dev/volume"
)

// LUT is a lookup table (PS3.3 C.11): entry i is the output for the input First+i; inputs outside take the
// nearest entry.
type LUT struct {
	First   int
	Bits    int // of an entry
	Entries []uint16
}

// At is the table's output.
func (l *LUT) At(v int) uint16 {
	return l.Entries[min(max(v-l.First, 0), len(l.Entries)-1)]
}

// readLUT reads descriptor and data. signed says whether the inputs are.
func readLUT(d *Dataset, descriptor, data Tag, signed bool) (*LUT, error) {
	l, n, err := readDescriptor(d, descriptor, signed)
	if err != nil {
		return nil, err
	}
	e := d.Find(data)
	if e == nil {
		return nil, malformed(data, "the table's data are absent")
	}
	b, err := e.Bytes()
	if err != nil {
		return nil, err
	}
	switch {
	case len(b) >= 2*n:
		l.Entries = make([]uint16, n)
		for i := range l.Entries {
			l.Entries[i] = binary.LittleEndian.Uint16(b[2*i:])
		}
	case len(b) >= n && l.Bits <= 8: // two entries to a word
		l.Entries = make([]uint16, n)
		for i := range l.Entries {
			l.Entries[i] = uint16(b[i])
		}
	default:
		return nil, malformed(data, fmt.Sprintf("the table has %d bytes for %d entries", len(b), n))
	}
	return l, nil
}

func readDescriptor(d *Dataset, descriptor Tag, signed bool) (*LUT, int, error) {
	v, err := d.Floats(descriptor)
	if err != nil {
		return nil, 0, err
	}
	if len(v) != 3 {
		return nil, 0, malformed(descriptor, "it has not three values")
	}
	n := int(v[0])
	if n < 0 {
		n += 1 << 16 // the number is unsigned even where the VR is SS
	}
	if n == 0 {
		n = 1 << 16
	}
	first := int(uint16(int(v[1])))
	if signed {
		first = int(int16(first))
	}
	if v[2] != 8 && (v[2] < 10 || v[2] > 16) {
		return nil, 0, malformed(descriptor, "the entries have neither 8 nor 10 to 16 bits")
	}
	return &LUT{First: first, Bits: int(v[2])}, n, nil
}

// expandSegments reads a segmented palette (PS3.3 C.7.9.2): discrete runs, linear ramps, and copies of
// earlier segments.
func expandSegments(words []uint16, n int) ([]uint16, error) {
	out := make([]uint16, 0, n)
	bad := func(what string) error { return fault.Errorf(fault.Data, "segmented palette: %s", what) }
	var run func(at, count int, nested bool) error
	run = func(at, count int, nested bool) error {
		for k := 0; (count < 0 || k < count) && at < len(words); k++ {
			if at+1 >= len(words) {
				if count < 0 && words[at] == 0 {
					return nil // padding
				}
				return bad("it ends inside a segment")
			}
			kind, length := words[at], int(words[at+1])
			switch kind {
			case 0:
				if at+2+length > len(words) || len(out)+length > n {
					return bad("a discrete segment is too long")
				}
				out = append(out, words[at+2:at+2+length]...)
				at += 2 + length
			case 1:
				if at+2 >= len(words) || len(out) == 0 || len(out)+length > n {
					return bad("a linear segment has no beginning or is too long")
				}
				from, to := float64(out[len(out)-1]), float64(words[at+2])
				for i := 1; i <= length; i++ {
					out = append(out, uint16(math.Round(from+(to-from)*float64(i)/float64(length))))
				}
				at += 3
			case 2:
				if at+3 >= len(words) || nested {
					return bad("an indirect segment is cut off or inside another")
				}
				offset := int(words[at+2]) | int(words[at+3])<<16
				if offset >= at {
					return bad("an indirect segment does not point back")
				}
				if err := run(offset, length, true); err != nil {
					return err
				}
				at += 4
			default:
				return bad("a segment has an unknown kind")
			}
		}
		return nil
	}
	if err := run(0, -1, false); err != nil {
		return nil, err
	}
	if len(out) != n {
		return nil, bad(fmt.Sprintf("it has %d entries instead of %d", len(out), n))
	}
	return out, nil
}

// Rescale turns stored values into those of the modality: by a table, or as Slope*stored + Inter.
type Rescale struct {
	Slope, Inter float64
	Unit         volume.Unit // "HU" and so on; empty where the file says none
	LUT          *LUT        // nil = linear
}

func (r *Rescale) apply(stored float64) float64 {
	if r.LUT != nil {
		return float64(r.LUT.At(int(stored)))
	}
	return r.Slope*stored + r.Inter
}

// Rescale is the modality transform of a frame, from its functional groups or the data set.
func (im *Image) Rescale(i int) (Rescale, error) {
	r := Rescale{Slope: 1}
	d := im.file.Dataset
	if g := im.file.group(i, PixelValueTransformSequence); g != nil {
		d = g
	}
	if seq := im.file.First(ModalityLUTSequence); seq != nil && d == im.file.Dataset {
		l, err := readLUT(seq, LUTDescriptor, LUTData, im.Signed)
		if err != nil {
			return r, im.wrap(i, err)
		}
		r.LUT, r.Unit = l, unitOf(seq.Text(ModalityLUTType))
		return r, nil
	}
	slope, has, err := d.Float(RescaleSlope)
	inter, _, err2 := d.Float(RescaleIntercept)
	if err != nil || err2 != nil {
		return r, im.wrap(i, malformed(RescaleSlope, "slope or intercept is no number"))
	}
	if has && slope == 0 {
		return r, im.wrap(i, malformed(RescaleSlope, "it is 0: every value would be the same"))
	}
	if has {
		r.Slope = slope
	}
	r.Inter = inter
	r.Unit = unitOf(d.Text(RescaleType))
	if r.Unit == volume.UnknownUnit {
		switch modality := im.file.Text(Modality); {
		case modality == "PT":
			r.Unit = unitOf(im.file.Text(Units))
		case modality == "CT" && has && !im.derived():
			r.Unit = volume.Hounsfield // PS3.3 C.8.2.1.1.2: the default where Rescale Type is absent
		}
	}
	return r, nil
}

// derived says whether Image Type calls a CT image a localizer or not original: those are not in HU by default.
func (im *Image) derived() bool {
	for _, v := range im.file.Texts(ImageType) {
		if v == "LOCALIZER" {
			return true
		}
	}
	return false
}

func unitOf(s string) volume.Unit {
	if s == "US" { // "unspecified"
		return volume.UnknownUnit
	}
	return volume.Unit(s)
}
