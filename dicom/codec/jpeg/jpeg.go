// Package jpeg reads the JPEG processes that DICOM names (ITU-T T.81, DICOM PS3.5 annex A.4): baseline and
// extended sequential DCT with 8 and 12 bits, and lossless (process 14) with any predictor and 2 to 16 bits.
// It writes lossless frames of first-order prediction (selection value 1).
//
// The DCT is the accurate integer transform that the reference library calls islow, and chroma is
// interpolated by the triangle filter, so that pixels agree with that library's.
//
// Read jpeg.go (markers), then lossless.go or sequential.go, with bits.go and huffman.go below both.
package jpeg

import (
	"encoding/binary"
	"fmt"

	"galen.dev/dicom/codec"
)

const name = "JPEG"

// Markers of T.81 table B.1.
const (
	sof0, sof1, sof3 = 0xC0, 0xC1, 0xC3
	dht              = 0xC4
	jpg, dac         = 0xC8, 0xCC
	rst0, rst7       = 0xD0, 0xD7
	soi, eoi, sos    = 0xD8, 0xD9, 0xDA
	dqt, dnl, dri    = 0xDB, 0xDC, 0xDD
	app0, app14      = 0xE0, 0xEE
	tem              = 0x01
)

// component is one colour component of the frame.
type component struct {
	id, quant     byte
	h, v          int // sampling factors
	width, height int // true samples
	stride, lines int // samples of plane, whole blocks (DCT)
	plane         []uint16
	decoded       bool
	dc, ac        *huffman // tables of the present scan
}

type decoder struct {
	src     []byte
	pos     int
	at      codec.Place // start of the present segment
	want    codec.Frame
	quant   [4]*[64]int32
	tables  [2][4]*huffman // DC and lossless, AC
	restart int            // MCUs between restart markers; 0 = none

	process    byte // SOF marker; 0 before the frame header
	precision  int
	components []component
	maxH, maxV int
	jfif       bool
	adobe      int // transform of the Adobe segment, -1 where there is none

	dst []byte
}

// Decode reads one frame. The process is taken from the stream, whatever the transfer syntax promised.
func Decode(src []byte, want codec.Frame) (codec.Result, error) {
	if err := want.Check(); err != nil {
		return codec.Result{}, err
	}
	d := &decoder{src: src, want: want, adobe: -1}
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
			return codec.Result{Pixels: d.dst, Photometric: d.photometric()}, nil
		}
	}
}

// photometric is what the stream says about its colours. The lossless processes transform no colours.
func (d *decoder) photometric() string {
	c := d.components
	if d.process == sof3 || len(c) != 3 {
		return ""
	}
	switch {
	case d.adobe == 0:
		return "RGB"
	case d.adobe == 1, d.jfif:
		return "YBR_FULL"
	case c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B':
		return "RGB"
	}
	return ""
}

func markerName(m byte) string {
	names := map[byte]string{sof0: "SOF0", sof1: "SOF1", sof3: "SOF3", dht: "DHT", soi: "SOI", eoi: "EOI", sos: "SOS", dqt: "DQT", dnl: "DNL", dri: "DRI"}
	if n, ok := names[m]; ok {
		return fmt.Sprintf("%s (FF%02X)", n, m)
	}
	return fmt.Sprintf("marker FF%02X", m)
}

// segment reads one marker segment, with the scan behind it for SOS. It returns true when the frame is whole.
func (d *decoder) segment() (bool, error) {
	b := bits{src: d.src, pos: d.pos}
	m := b.marker()
	d.pos = b.pos
	d.at = codec.Place{Codec: name, Offset: max(b.pos-2, 0), Marker: markerName(m)}
	switch {
	case m == 0:
		d.at.Marker = ""
		return false, d.at.Errorf("the data end before every component was read")
	case m == eoi:
		return false, d.at.Errorf("the image ends before every component was read")
	case m == tem, m >= rst0 && m <= rst7:
		return false, nil // no parameters; restart markers behind a scan are harmless
	}
	body, err := d.body()
	if err != nil {
		return false, err
	}
	switch m {
	case sof0, sof1, sof3:
		return false, d.frameHeader(m, body)
	case dht:
		return false, d.huffmanTables(body)
	case dqt:
		return false, d.quantTables(body)
	case dri:
		if len(body) != 2 {
			return false, d.at.Errorf("%d bytes, 2 are needed", len(body))
		}
		d.restart = int(binary.BigEndian.Uint16(body))
	case dnl:
		if len(body) != 2 || int(binary.BigEndian.Uint16(body)) != d.want.Rows {
			return false, d.at.Errorf("the number of lines is not the data set's %d rows", d.want.Rows)
		}
	case app0:
		d.jfif = d.jfif || len(body) >= 5 && string(body[:5]) == "JFIF\x00"
	case app14:
		if len(body) >= 12 && string(body[:5]) == "Adobe" {
			d.adobe = int(body[11])
		}
	case sos:
		return d.scan(body)
	case 0xC2:
		return false, d.at.Errorf("progressive JPEG belongs to no transfer syntax in use")
	default:
		if m >= 0xC5 && m <= 0xCF && m != jpg && m != dac {
			return false, d.at.Errorf("this JPEG process (hierarchical or arithmetic) belongs to no transfer syntax in use")
		}
	}
	return false, nil
}

// body returns the parameters of a segment and steps over them.
func (d *decoder) body() ([]byte, error) {
	if d.pos+2 > len(d.src) {
		return nil, d.at.Errorf("the data end within the segment")
	}
	n := int(binary.BigEndian.Uint16(d.src[d.pos:]))
	if n < 2 || d.pos+n > len(d.src) {
		return nil, d.at.Errorf("a segment of %d bytes passes the end of the data", n)
	}
	b := d.src[d.pos+2 : d.pos+n]
	d.pos += n
	return b, nil
}

func (d *decoder) frameHeader(m byte, b []byte) error {
	if d.process != 0 {
		return d.at.Errorf("a second frame header")
	}
	if len(b) < 6 || len(b) != 6+3*int(b[5]) || b[5] == 0 {
		return d.at.Errorf("a frame header of %d bytes does not fit its number of components", len(b))
	}
	rows, columns := int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if rows == 0 {
		rows = d.want.Rows // given behind the first scan by DNL
	}
	d.precision = int(b[0])
	if m == sof3 && (d.precision < 2 || d.precision > 16) || m != sof3 && d.precision != 8 && d.precision != 12 || m == sof0 && d.precision != 8 {
		return d.at.Errorf("a precision of %d bits is outside of the process", d.precision)
	}
	if err := d.want.Match(d.at, rows, columns, int(b[5]), d.precision); err != nil {
		return err
	}
	d.process = m
	d.maxH, d.maxV = 1, 1
	for b := b[6:]; len(b) > 0; b = b[3:] {
		c := component{id: b[0], h: int(b[1] >> 4), v: int(b[1] & 15), quant: b[2]}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.quant > 3 {
			return d.at.Errorf("component %d has sampling %d x %d and table %d, which T.81 does not allow", c.id, c.h, c.v, c.quant)
		}
		for _, o := range d.components {
			if o.id == c.id {
				return d.at.Errorf("component %d appears twice", c.id)
			}
		}
		d.components = append(d.components, c)
	}
	if len(d.components) == 1 { // the factors mean nothing then (T.81 A.2.2)
		d.components[0].h, d.components[0].v = 1, 1
	}
	for _, c := range d.components {
		d.maxH, d.maxV = max(d.maxH, c.h), max(d.maxV, c.v)
	}
	if m == sof3 {
		return d.prepareLossless()
	}
	return d.prepareSequential()
}

func (d *decoder) huffmanTables(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 {
			return d.at.Errorf("a Huffman table is cut short or has a class or place that T.81 does not know")
		}
		n := 0
		for _, c := range b[1:17] {
			n += int(c)
		}
		if n > 256 || len(b) < 17+n {
			return d.at.Errorf("a Huffman table of %d codes passes the end of its segment", n)
		}
		class, place := b[0]>>4, b[0]&15
		values := b[17 : 17+n]
		if class == 0 {
			for _, v := range values {
				if v > 16 {
					return d.at.Errorf("a difference of %d bits", v)
				}
			}
		}
		h := newHuffman(b[1:17], values, class == 1)
		if h == nil {
			return d.at.Errorf("the code lengths are no Huffman code")
		}
		d.tables[class][place] = h
		b = b[17+n:]
	}
	return nil
}

func (d *decoder) quantTables(b []byte) error {
	for len(b) > 0 {
		wide, place := int(b[0]>>4), b[0]&15
		size := 64 << (wide & 1)
		if wide > 1 || place > 3 || len(b) < 1+size {
			return d.at.Errorf("a quantisation table is cut short or has a precision or place that T.81 does not know")
		}
		q := new([64]int32)
		for i := range q {
			if wide == 1 {
				q[i] = int32(binary.BigEndian.Uint16(b[1+2*i:]))
			} else {
				q[i] = int32(b[1+i])
			}
		}
		d.quant[place] = q
		b = b[1+size:]
	}
	return nil
}

// scan reads a scan's header and its data. It returns true when every component of the frame was read.
func (d *decoder) scan(b []byte) (bool, error) {
	if d.process == 0 {
		return false, d.at.Errorf("a scan before the frame header")
	}
	if len(b) < 4 || b[0] < 1 || b[0] > 4 || len(b) != 4+2*int(b[0]) {
		return false, d.at.Errorf("a scan header of %d bytes does not fit its number of components", len(b))
	}
	var list []*component
	for i := range int(b[0]) {
		id, dc, ac := b[1+2*i], b[2+2*i]>>4, b[2+2*i]&15
		var c *component
		for j := range d.components {
			if d.components[j].id == id {
				c = &d.components[j]
			}
		}
		if c == nil || c.decoded || dc > 3 || ac > 3 {
			return false, d.at.Errorf("component %d is unknown, repeated or has no tables", id)
		}
		c.dc, c.ac = d.tables[0][dc], d.tables[1][ac]
		if c.dc == nil || c.ac == nil && d.process != sof3 {
			return false, d.at.Errorf("component %d uses a Huffman table that is not defined", id)
		}
		c.decoded = true
		list = append(list, c)
	}
	tail := b[len(b)-3:]
	var err error
	if d.process == sof3 {
		err = d.lossless(list, int(tail[0]), int(tail[2]&15))
	} else {
		err = d.sequential(list)
	}
	if err != nil {
		return false, err
	}
	for _, c := range d.components {
		if !c.decoded {
			return false, nil
		}
	}
	if d.process != sof3 {
		d.output()
	}
	return true, nil
}

// nextRestart checks that the present interval was whole and steps over the restart marker behind it.
func (d *decoder) nextRestart(b *bits, n uint, index int) error {
	if b.overrun(n) {
		return d.truncated(b)
	}
	m := b.marker()
	if want := byte(rst0 + index&7); m != want {
		return codec.Place{Codec: name, Offset: b.pos}.Errorf("restart marker FF%02X is missing", want)
	}
	b.padded = 0
	return nil
}

func (d *decoder) truncated(b *bits) error {
	return codec.Place{Codec: name, Offset: b.pos, Marker: "scan"}.Errorf("the data end before the last sample")
}
