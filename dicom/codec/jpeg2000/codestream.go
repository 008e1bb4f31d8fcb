// Package jpeg2000 reads JPEG 2000 part 1 (ITU-T T.800): reversible and irreversible wavelets, all progression
// orders, tiles, precincts, quality layers, regions of interest and every code-block style; 1 to 16 bits, up
// to four components of one size. A raw codestream is what DICOM stores; the boxes of a JP2 file are accepted
// around it.
//
// Read codestream.go (markers), tile.go (what a tile is cut into), packet.go and progression.go (tier 2),
// block.go and mq.go (tier 1), wavelet.go, then image.go (colours and samples).
package jpeg2000

import (
	"encoding/binary"
	"fmt"

	"galen.dev/dicom/codec"
)

const name = "JPEG 2000"

// Markers of T.800 table A.1.
const (
	soc, sot, sod, eoc = 0xFF4F, 0xFF90, 0xFF93, 0xFFD9
	siz, capMarker     = 0xFF51, 0xFF50
	cod, coc, rgn      = 0xFF52, 0xFF53, 0xFF5E
	qcd, qcc, poc      = 0xFF5C, 0xFF5D, 0xFF5F
	ppm, ppt           = 0xFF60, 0xFF61
	sop, eph           = 0xFF91, 0xFF92
)

var markerNames = map[int]string{
	soc: "SOC", sot: "SOT", sod: "SOD", eoc: "EOC", siz: "SIZ", capMarker: "CAP", cod: "COD", coc: "COC",
	rgn: "RGN", qcd: "QCD", qcc: "QCC", poc: "POC", ppm: "PPM", ppt: "PPT",
}

func place(at, marker int) codec.Place {
	p := codec.Place{Codec: name, Offset: at}
	if n, ok := markerNames[marker]; ok {
		p.Marker = fmt.Sprintf("%s (%04X)", n, marker)
	} else if marker != 0 {
		p.Marker = fmt.Sprintf("marker %04X", marker)
	}
	return p
}

// decoder is the state of one frame.
type decoder struct {
	src  []byte
	pos  int
	want codec.Frame

	// From SIZ: the image's and the tiles' places on the reference grid.
	x0, y0, x1, y1 int
	tileX, tileY   int
	tileW, tileH   int
	across, down   int // tiles
	precision      int
	signed         bool
	main           parameters
	packed         []packedPart // PPM, by index
	packedHeaders  [][]byte     // of each tile-part, once the main header is whole
	parts          int          // tile-parts seen
	tiles          []tile
	dst            []byte
	work           workspace
	colour         string // from a JP2 header
	transformed    bool   // a tile used the component transform
}

type packedPart struct {
	index int
	data  []byte
}

// Decode reads one frame.
func Decode(src []byte, want codec.Frame) (codec.Result, error) {
	if err := want.Check(); err != nil {
		return codec.Result{}, err
	}
	d := &decoder{src: src, want: want}
	if err := d.boxes(); err != nil {
		return codec.Result{}, err
	}
	if err := d.mainHeader(); err != nil {
		return codec.Result{}, err
	}
	if err := d.tileParts(); err != nil {
		return codec.Result{}, err
	}
	d.dst = make([]byte, want.Bytes())
	for i := range d.tiles {
		if err := d.decodeTile(i); err != nil {
			return codec.Result{}, err
		}
	}
	if d.transformed {
		d.colour = "RGB"
	}
	return codec.Result{Pixels: d.dst, Photometric: d.colour}, nil
}

// next reads a marker segment's marker and body.
func (d *decoder) next() (marker int, body []byte, at int, err error) {
	at = d.pos
	if at+2 > len(d.src) {
		return 0, nil, at, place(at, 0).Errorf("the data end where a marker should be")
	}
	marker = int(binary.BigEndian.Uint16(d.src[at:]))
	d.pos += 2
	switch {
	case marker < 0xFF00:
		return 0, nil, at, place(at, 0).Errorf("%04X where a marker should be", marker)
	case marker == soc, marker == sod, marker == eoc, marker == eph, marker >= 0xFF30 && marker <= 0xFF3F:
		return marker, nil, at, nil
	}
	if d.pos+2 > len(d.src) {
		return marker, nil, at, place(at, marker).Errorf("the data end within the segment")
	}
	n := int(binary.BigEndian.Uint16(d.src[d.pos:]))
	if n < 2 || d.pos+n > len(d.src) {
		return marker, nil, at, place(at, marker).Errorf("a segment of %d bytes passes the end of the data", n)
	}
	body = d.src[d.pos+2 : d.pos+n]
	d.pos += n
	return marker, body, at, nil
}

// mainHeader reads up to the first tile-part and leaves pos on its marker.
func (d *decoder) mainHeader() error {
	m, _, at, err := d.next()
	if err != nil {
		return err
	}
	if m != soc {
		return place(at, 0).Errorf("the codestream does not begin with an SOC marker")
	}
	for first := true; ; first = false {
		m, body, at, err := d.next()
		if err != nil {
			return err
		}
		p := place(at, m)
		switch {
		case first != (m == siz):
			return p.Errorf("SIZ must be the first segment, and once")
		case m == siz:
			err = d.size(p, body)
		case m == capMarker:
			err = p.Errorf("high-throughput JPEG 2000 belongs to other transfer syntaxes")
		case m == sot:
			if !d.main.hasCOD || !d.main.hasQCD {
				return p.Errorf("the main header has no COD or no QCD")
			}
			d.pos = at
			return d.splitPacked(p)
		case m == ppm:
			if len(body) < 1 {
				return p.Errorf("an empty segment")
			}
			d.packed = append(d.packed, packedPart{int(body[0]), body[1:]})
		default:
			err = d.main.read(p, m, body, false)
		}
		if err != nil {
			return err
		}
	}
}

// size reads SIZ (T.800 A.5.1).
func (d *decoder) size(p codec.Place, b []byte) error {
	if len(b) < 36 || len(b) != 36+3*int(binary.BigEndian.Uint16(b[34:])) {
		return p.Errorf("%d bytes do not fit the number of components", len(b))
	}
	if binary.BigEndian.Uint16(b)&0x4000 != 0 {
		return p.Errorf("high-throughput JPEG 2000 belongs to other transfer syntaxes")
	}
	var v [8]int
	for i := range v {
		v[i] = int(binary.BigEndian.Uint32(b[2+4*i:]))
		if v[i] > 1<<31-1 {
			return p.Errorf("a size or offset over 2^31")
		}
	}
	d.x1, d.y1, d.x0, d.y0 = v[0], v[1], v[2], v[3]
	d.tileW, d.tileH, d.tileX, d.tileY = v[4], v[5], v[6], v[7]
	components := int(binary.BigEndian.Uint16(b[34:]))
	if components < 1 {
		return p.Errorf("no components")
	}
	d.precision, d.signed = int(b[36]&0x7F)+1, b[36]&0x80 != 0
	if err := d.want.Match(p, d.y1-d.y0, d.x1-d.x0, components, d.precision); err != nil {
		return err
	}
	if d.precision > 16 {
		return p.Errorf("a precision of %d bits; at most 16 are read", d.precision)
	}
	for c := b[36:]; len(c) > 0; c = c[3:] {
		if c[1] != 1 || c[2] != 1 {
			return p.Errorf("subsampled components are not part of DICOM")
		}
		if c[0] != b[36] {
			return p.Errorf("components of different precision or sign are not part of DICOM")
		}
	}
	if d.tileW < 1 || d.tileH < 1 || d.tileX > d.x0 || d.tileY > d.y0 || d.tileX+d.tileW <= d.x0 || d.tileY+d.tileH <= d.y0 {
		return p.Errorf("the first tile does not cover the image's corner")
	}
	d.across, d.down = ceil(d.x1-d.tileX, d.tileW), ceil(d.y1-d.tileY, d.tileH)
	// Every tile has a tile-part header of 14 bytes.
	if n := d.across * d.down; n > 65535 || n > len(d.src)/14+1 {
		return p.Errorf("%d tiles do not fit into %d bytes", n, len(d.src))
	}
	d.tiles = make([]tile, d.across*d.down)
	d.main.components = make([]component, components)
	return nil
}

func ceil(a, b int) int { return (a + b - 1) / b }

// splitPacked cuts the packed packet headers of the main header into those of each tile-part (A.7.4).
func (d *decoder) splitPacked(p codec.Place) error {
	if d.packed == nil {
		return nil
	}
	all := joinPacked(d.packed)
	d.packedHeaders = [][]byte{}
	for len(all) > 0 {
		if len(all) < 4 || int64(binary.BigEndian.Uint32(all)) > int64(len(all)-4) {
			return p.Errorf("the packed packet headers are cut short")
		}
		n := int(binary.BigEndian.Uint32(all))
		d.packedHeaders = append(d.packedHeaders, all[4:4+n])
		all = all[4+n:]
	}
	return nil
}

// joinPacked joins segments in the order of their indices.
func joinPacked(parts []packedPart) []byte {
	var by [256][]byte
	for _, p := range parts {
		by[p.index] = append(by[p.index], p.data...)
	}
	var out []byte
	for _, b := range by {
		out = append(out, b...)
	}
	return out
}

// tileParts reads all tile-parts and files their data with their tiles.
func (d *decoder) tileParts() error {
	for {
		m, body, at, err := d.next()
		if err != nil {
			if d.parts > 0 && at >= len(d.src) && d.complete() {
				return nil // only EOC is missing
			}
			return err
		}
		p := place(at, m)
		switch m {
		case eoc:
			if !d.complete() {
				return p.Errorf("the codestream ends without every tile")
			}
			return nil
		case sot:
			if err := d.tilePart(p, at, body); err != nil {
				return err
			}
		default:
			if d.complete() {
				return nil // padding behind the last tile-part
			}
			return p.Errorf("a tile-part should begin here")
		}
	}
}

func (d *decoder) complete() bool {
	for i := range d.tiles {
		if !d.tiles[i].seen {
			return false
		}
	}
	return true
}

// tilePart reads one tile-part (A.4.2): its header, and where its data lie.
func (d *decoder) tilePart(p codec.Place, at int, b []byte) error {
	if len(b) != 8 {
		return p.Errorf("%d bytes, 8 are needed", len(b))
	}
	index, length, number := int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint32(b[2:])), int(b[6])
	if index >= len(d.tiles) {
		return p.Errorf("tile %d of %d", index, len(d.tiles))
	}
	end := at + length
	if length == 0 {
		end = len(d.src)
		if end-2 > at && binary.BigEndian.Uint16(d.src[end-2:]) == eoc {
			end -= 2
		}
	}
	if end > len(d.src) || end < d.pos {
		return p.Errorf("a tile-part of %d bytes passes the end of the data, or its own header", length)
	}
	t := &d.tiles[index]
	if t.parts != number&0xFF || number == 255 {
		return p.Errorf("tile-part %d of tile %d where number %d should be", number, index, t.parts)
	}
	if !t.seen {
		t.seen = true
		t.parameters = d.main.clone()
	}
	t.parts++
	var packed []packedPart
	for {
		m, body, at, err := d.next()
		if err != nil {
			return err
		}
		p := place(at, m)
		switch m {
		case sod:
			if d.pos > end {
				return p.Errorf("the tile-part ends within its header")
			}
			t.data = append(t.data, d.src[d.pos:end])
			if packed != nil {
				t.headers = append(t.headers, joinPacked(packed)...)
				t.packed = true
			}
			if d.packedHeaders != nil {
				if d.parts >= len(d.packedHeaders) {
					return p.Errorf("no packed packet headers for tile-part %d", d.parts)
				}
				t.headers = append(t.headers, d.packedHeaders[d.parts]...)
				t.packed = true
			}
			d.parts++
			d.pos = end
			return nil
		case ppt:
			if len(body) < 1 {
				return p.Errorf("an empty segment")
			}
			packed = append(packed, packedPart{int(body[0]), body[1:]})
		case sot, siz, soc, eoc, ppm:
			return p.Errorf("this segment cannot stand within a tile-part's header")
		default:
			if err := t.read(p, m, body, true); err != nil {
				return err
			}
		}
	}
}
