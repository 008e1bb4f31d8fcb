// Package jpegls reads JPEG-LS (ITU-T T.87), lossless and near-lossless with 2 to 16 bits and every
// interleave mode, and writes lossless frames.
//
// Each sample is predicted from three neighbours; the error is coded by a Golomb code whose parameter follows
// the errors met so far in the same of 365 contexts. Flat areas are coded as runs.
//
// Read jpegls.go (markers), context.go (the model), then scan.go (the samples).
package jpegls

import (
	"encoding/binary"
	"fmt"

	"galen.dev/dicom/codec"
)

const name = "JPEG-LS"

const (
	soi, eoi, sos = 0xD8, 0xD9, 0xDA
	dnl, dri      = 0xDC, 0xDD
	rst0, rst7    = 0xD0, 0xD7
	app8          = 0xE8
	sof55, lse    = 0xF7, 0xF8
)

// decoder is the state of one frame.
type decoder struct {
	src       []byte
	pos       int
	at        codec.Place
	want      codec.Frame
	precision int
	ids       []byte // of the components, in order
	done      []bool
	preset    preset
	restart   int // lines between restart markers; 0 = none
	dst       []byte
}

// Decode reads one frame.
func Decode(src []byte, want codec.Frame) (codec.Result, error) {
	if err := want.Check(); err != nil {
		return codec.Result{}, err
	}
	d := &decoder{src: src, want: want}
	if len(src) < 4 || src[0] != 0xFF || src[1] != soi {
		return codec.Result{}, codec.Place{Codec: name}.Errorf("the frame does not begin with an SOI marker")
	}
	d.pos = 2
	for {
		done, err := d.segment()
		if err != nil {
			return codec.Result{}, err
		}
		if done {
			return codec.Result{Pixels: d.dst}, nil
		}
	}
}

func markerName(m byte) string {
	names := map[byte]string{soi: "SOI", eoi: "EOI", sos: "SOS", dnl: "DNL", dri: "DRI", sof55: "SOF55", lse: "LSE"}
	if n, ok := names[m]; ok {
		return fmt.Sprintf("%s (FF%02X)", n, m)
	}
	return fmt.Sprintf("marker FF%02X", m)
}

// marker moves behind the next marker and returns it, or 0 at the end of the data. In JPEG-LS a byte behind
// FF is entropy-coded data while its highest bit is zero.
func (d *decoder) marker() byte {
	for d.pos+1 < len(d.src) {
		if d.src[d.pos] == 0xFF && d.src[d.pos+1] >= 0x80 && d.src[d.pos+1] != 0xFF {
			d.pos += 2
			return d.src[d.pos-1]
		}
		d.pos++
	}
	d.pos = len(d.src)
	return 0
}

// segment reads one marker segment, with its scan for SOS. It returns true when the frame is whole.
func (d *decoder) segment() (bool, error) {
	m := d.marker()
	d.at = codec.Place{Codec: name, Offset: max(d.pos-2, 0), Marker: markerName(m)}
	switch {
	case m == 0:
		d.at.Marker = ""
		return false, d.at.Errorf("the data end before every component was read")
	case m == eoi:
		return false, d.at.Errorf("the image ends before every component was read")
	case m >= rst0 && m <= rst7:
		return false, nil
	}
	if d.pos+2 > len(d.src) {
		return false, d.at.Errorf("the data end within the segment")
	}
	n := int(binary.BigEndian.Uint16(d.src[d.pos:]))
	if n < 2 || d.pos+n > len(d.src) {
		return false, d.at.Errorf("a segment of %d bytes passes the end of the data", n)
	}
	body := d.src[d.pos+2 : d.pos+n]
	d.pos += n
	switch m {
	case sof55:
		return false, d.frameHeader(body)
	case lse:
		return false, d.parameters(body)
	case dri:
		return false, d.restartInterval(body)
	case sos:
		return d.scanHeader(body)
	case app8:
		if len(body) == 5 && string(body[:4]) == "mrfx" && body[4] != 0 {
			return false, d.at.Errorf("a colour transform that T.87 does not know")
		}
	case 0xC0, 0xC1, 0xC2, 0xC3:
		return false, d.at.Errorf("a frame of plain JPEG where JPEG-LS is declared")
	}
	return false, nil
}

func (d *decoder) restartInterval(b []byte) error {
	if len(b) < 2 || len(b) > 4 {
		return d.at.Errorf("%d bytes, 2 to 4 are needed", len(b))
	}
	n := 0
	for _, c := range b {
		n = n<<8 | int(c)
	}
	d.restart = n
	return nil
}

func (d *decoder) frameHeader(b []byte) error {
	if d.ids != nil {
		return d.at.Errorf("a second frame header")
	}
	if len(b) < 6 || len(b) != 6+3*int(b[5]) || b[5] == 0 {
		return d.at.Errorf("a frame header of %d bytes does not fit its number of components", len(b))
	}
	d.precision = int(b[0])
	if d.precision < 2 || d.precision > 16 {
		return d.at.Errorf("a precision of %d bits is outside of the standard", d.precision)
	}
	rows, columns := int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if rows == 0 {
		rows = d.want.Rows // given behind the first scan by DNL
	}
	if err := d.want.Match(d.at, rows, columns, int(b[5]), d.precision); err != nil {
		return err
	}
	for c := b[6:]; len(c) > 0; c = c[3:] {
		if c[1] != b[7] {
			return d.at.Errorf("subsampled components are not part of DICOM")
		}
		for _, id := range d.ids {
			if id == c[0] {
				return d.at.Errorf("component %d appears twice", id)
			}
		}
		d.ids = append(d.ids, c[0])
	}
	// A line needs a bit at least, even where it is one run.
	if d.want.Rows > 8*len(d.src) {
		return d.at.Errorf("%d bytes of data cannot hold %d rows", len(d.src), d.want.Rows)
	}
	d.done = make([]bool, len(d.ids))
	d.dst = make([]byte, d.want.Bytes())
	return nil
}

// parameters reads an LSE segment. Mapping tables would make colours of indices: DICOM has its own palettes.
func (d *decoder) parameters(b []byte) error {
	if len(b) == 0 {
		return d.at.Errorf("an empty segment")
	}
	switch b[0] {
	case 1:
		if len(b) != 11 {
			return d.at.Errorf("coding parameters of %d bytes, 11 are needed", len(b))
		}
		v := func(i int) int { return int(binary.BigEndian.Uint16(b[1+2*i:])) }
		d.preset = preset{maxVal: v(0), t1: v(1), t2: v(2), t3: v(3), reset: v(4)}
		return nil
	case 2, 3:
		return d.at.Errorf("mapping tables are not part of DICOM")
	case 4:
		return d.at.Errorf("sizes over 65535 are not part of DICOM")
	}
	return nil
}

// scanHeader reads a scan's header and its samples.
func (d *decoder) scanHeader(b []byte) (bool, error) {
	if d.ids == nil {
		return false, d.at.Errorf("a scan before the frame header")
	}
	n := 0
	if len(b) > 0 {
		n = int(b[0])
	}
	if n < 1 || n > 4 || len(b) != 4+2*n {
		return false, d.at.Errorf("a scan header of %d bytes does not fit its number of components", len(b))
	}
	var places []int
	for i := range n {
		place := -1
		for j, id := range d.ids {
			if id == b[1+2*i] && !d.done[j] {
				place = j
			}
		}
		if place < 0 {
			return false, d.at.Errorf("component %d is unknown or repeated", b[1+2*i])
		}
		if b[2+2*i] != 0 {
			return false, d.at.Errorf("mapping tables are not part of DICOM")
		}
		d.done[place] = true
		places = append(places, place)
	}
	near, interleave, pt := int(b[1+2*n]), b[2+2*n], int(b[3+2*n]&15)
	if interleave > 2 || interleave == 0 && n > 1 || pt >= d.precision {
		return false, d.at.Errorf("interleave mode %d with %d components and point transform %d is not allowed", interleave, n, pt)
	}
	p, err := d.preset.complete(d.precision-pt, near)
	if err != nil {
		return false, d.at.Errorf("%s", err)
	}
	if err := d.samples(p, places, interleave == 2 && n > 1, pt); err != nil {
		return false, err
	}
	for _, done := range d.done {
		if !done {
			return false, nil
		}
	}
	return true, nil
}
