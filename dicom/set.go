package dicom

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// SetText sets a text attribute of the standard; no value makes it empty. It panics where the attribute holds
// no text. Text is written in UTF-8. Values that are too long or have a wrong form are refused by Write.
func (d *Dataset) SetText(t Tag, values ...string) {
	vr := d.settable(t)
	if trait := vrTraits[vr]; trait.numeric || vr == SQ || vr == OB || vr == UN {
		panic(fmt.Sprintf("dicom: %s holds no text", t))
	}
	d.put(Element{Tag: t, VR: vr, data: []byte(strings.Join(values, `\`))})
}

// SetInts sets an attribute of whole numbers: US, SS, UL, SL, UV, SV or IS.
func (d *Dataset) SetInts(t Tag, values ...int) {
	vr := d.settable(t)
	var b []byte
	le := binary.LittleEndian
	for i, v := range values {
		switch vr {
		case US, SS:
			b = le.AppendUint16(b, uint16(v))
		case UL, SL:
			b = le.AppendUint32(b, uint32(v))
		case UV, SV, OV:
			b = le.AppendUint64(b, uint64(v))
		case IS:
			if i > 0 {
				b = append(b, '\\')
			}
			b = strconv.AppendInt(b, int64(v), 10)
		default:
			panic(fmt.Sprintf("dicom: %s holds no whole numbers", t))
		}
	}
	d.put(Element{Tag: t, VR: vr, data: b})
}

// SetFloats sets an attribute of real numbers: DS, FL or FD. DS has 16 characters: values are rounded to what
// fits.
func (d *Dataset) SetFloats(t Tag, values ...float64) {
	vr := d.settable(t)
	var b []byte
	for i, v := range values {
		switch vr {
		case FL:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		case FD:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		case DS:
			if i > 0 {
				b = append(b, '\\')
			}
			b = append(b, decimal(v)...)
		default:
			panic(fmt.Sprintf("dicom: %s holds no real numbers", t))
		}
	}
	d.put(Element{Tag: t, VR: vr, data: b})
}

// decimal writes a number in at most 16 characters.
func decimal(v float64) string {
	if v == 0 {
		return "0" // and not -0
	}
	s := strconv.FormatFloat(v, 'g', -1, 64)
	for digits := 15; len(s) > 16; digits-- {
		s = strconv.FormatFloat(v, 'g', digits, 64)
	}
	return s
}

// SetTags sets an attribute that names attributes.
func (d *Dataset) SetTags(t Tag, values ...Tag) {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, v.Group())
		b = binary.LittleEndian.AppendUint16(b, v.Element())
	}
	d.put(Element{Tag: t, VR: AT, data: b})
}

// SetBytes sets any attribute, private ones too, to a value in little-endian bytes. The data set keeps b.
func (d *Dataset) SetBytes(t Tag, vr VR, b []byte) {
	d.put(Element{Tag: t, VR: vr, data: b})
}

// SetItems sets a sequence.
func (d *Dataset) SetItems(t Tag, items ...*Dataset) {
	d.put(Element{Tag: t, VR: SQ, Items: items})
}

// setDate and setTime write a moment's date and time of day.
func (d *Dataset) setDate(t Tag, when time.Time) { d.SetText(t, when.Format("20060102")) }
func (d *Dataset) setTime(t Tag, when time.Time) { d.SetText(t, when.Format("150405")) }

func (d *Dataset) settable(t Tag) VR {
	vr := impliedVR(t)
	if vr == UN {
		panic(fmt.Sprintf("dicom: %s is not in the dictionary: use SetBytes", t))
	}
	return vr
}

// copyFrom copies attributes as text, from the source's character set to UTF-8. What the source lacks becomes
// empty where empty is set.
func (d *Dataset) copyFrom(src *Dataset, empty bool, tags ...Tag) {
	for _, t := range tags {
		values := src.Texts(t)
		if len(values) > 0 || empty {
			d.SetText(t, values...)
		}
	}
}
