package jpeg2000

import (
	"encoding/binary"
	"slices"

	"galen.dev/dicom/codec"
)

// parameters are what the headers say about coding: of the main header, or of one tile.
type parameters struct {
	hasCOD, hasQCD bool
	order          byte // progression
	layers         int
	mct, sop, eph  bool
	components     []component
	changes        []change // of progression (POC), in order
	ownChanges     bool     // changes are the tile's own
}

// component holds the parameters of one component. A later source of higher rank replaces an earlier one:
// 1 main COD or QCD, 2 main COC or QCC, 3 the tile's COD or QCD, 4 the tile's COC or QCC (A.6).
type component struct {
	codRank, qcdRank int

	levels       int // of decomposition
	blockW       uint
	blockH       uint // exponents of the nominal code-block size
	style        byte // of code-blocks
	reversible   bool
	precinctW    [33]uint8
	precinctH    [33]uint8 // exponents of each resolution's precincts
	shift        int       // of the region of interest
	quantisation byte      // 0 none, 1 derived, 2 expounded
	guard        int
	exponent     [97]int
	mantissa     [97]int
	steps        int // how many of these there are
}

// change is one progression volume (A.6.6).
type change struct {
	order                   byte
	resolution0, component0 int
	resolution1, component1 int // behind the last
	layer1                  int
}

const maxChanges = 64

func (p *parameters) clone() parameters {
	q := *p
	q.components = slices.Clone(p.components)
	q.changes = slices.Clone(p.changes)
	return q
}

// Code-block styles (table A.19).
const (
	bypass     = 1
	resetStyle = 2
	terminate  = 4
	causal     = 8
	predict    = 16
	symbols    = 32
)

// read takes one segment that may stand in the main or in a tile-part's header. Unknown ones are comments,
// lengths and the like.
func (p *parameters) read(at codec.Place, m int, b []byte, inTile bool) error {
	rank := 0
	if inTile {
		rank = 2
	}
	switch m {
	case cod:
		return p.readCOD(at, b, rank+1)
	case coc:
		c, b, err := p.component(at, b, 1)
		if err != nil {
			return err
		}
		return p.readStyle(at, c, b[0]&1 != 0, b[1:], rank+2)
	case qcd:
		p.hasQCD = true
		for i := range p.components {
			if err := p.components[i].readQuantisation(at, b, rank+1); err != nil {
				return err
			}
		}
	case qcc:
		c, b, err := p.component(at, b, 1)
		if err != nil {
			return err
		}
		return c.readQuantisation(at, b, rank+2)
	case rgn:
		c, b, err := p.component(at, b, 2)
		if err != nil {
			return err
		}
		if b[0] != 0 || b[1] > 37 {
			return at.Errorf("a region of interest of style %d with shift %d", b[0], b[1])
		}
		c.shift = int(b[1])
	case poc:
		return p.readChanges(at, b, inTile)
	}
	return nil
}

// component reads the number of a component (one byte: there are never more than 4) and checks that at least
// need bytes follow.
func (p *parameters) component(at codec.Place, b []byte, need int) (*component, []byte, error) {
	if len(b) < 1+need || int(b[0]) >= len(p.components) {
		return nil, nil, at.Errorf("the segment is cut short or names a component that is not there")
	}
	return &p.components[b[0]], b[1:], nil
}

// readCOD reads the coding style of all components (A.6.1).
func (p *parameters) readCOD(at codec.Place, b []byte, rank int) error {
	if len(b) < 10 {
		return at.Errorf("%d bytes, at least 10 are needed", len(b))
	}
	p.hasCOD = true
	p.sop, p.eph = b[0]&2 != 0, b[0]&4 != 0
	p.order, p.layers = b[1], int(binary.BigEndian.Uint16(b[2:]))
	if p.order > 4 || p.layers < 1 || b[4] > 1 {
		return at.Errorf("progression %d, %d layers, component transform %d", p.order, p.layers, b[4])
	}
	p.mct = b[4] == 1
	for i := range p.components {
		if err := p.readStyle(at, &p.components[i], b[0]&1 != 0, b[5:], rank); err != nil {
			return err
		}
	}
	return nil
}

// readStyle reads the coding style of one component.
func (p *parameters) readStyle(at codec.Place, c *component, precincts bool, b []byte, rank int) error {
	if len(b) < 5 {
		return at.Errorf("the coding style is cut short")
	}
	if rank < c.codRank {
		return nil
	}
	c.codRank = rank
	c.levels, c.blockW, c.blockH, c.style = int(b[0]), uint(b[1]&15)+2, uint(b[2]&15)+2, b[3]
	c.reversible = b[4] == 1
	if c.levels > 32 || c.blockW > 10 || c.blockH > 10 || c.blockW+c.blockH > 12 || b[4] > 1 {
		return at.Errorf("%d levels, code-blocks of 2^%d x 2^%d, wavelet %d", c.levels, c.blockW, c.blockH, b[4])
	}
	if c.style&0xC0 != 0 {
		return at.Errorf("code-blocks of high-throughput JPEG 2000 belong to other transfer syntaxes")
	}
	if precincts && len(b) < 6+c.levels {
		return at.Errorf("the precincts are cut short")
	}
	for r := range c.levels + 1 {
		c.precinctW[r], c.precinctH[r] = 15, 15
		if precincts {
			c.precinctW[r], c.precinctH[r] = b[5+r]&15, b[5+r]>>4
			if r > 0 && (c.precinctW[r] == 0 || c.precinctH[r] == 0) {
				return at.Errorf("precincts of resolution %d are smaller than two samples", r)
			}
		}
	}
	return nil
}

// readQuantisation reads the quantisation of one component (A.6.4).
func (c *component) readQuantisation(at codec.Place, b []byte, rank int) error {
	if len(b) < 2 {
		return at.Errorf("the quantisation is cut short")
	}
	if rank < c.qcdRank {
		return nil
	}
	c.qcdRank = rank
	c.quantisation, c.guard = b[0]&31, int(b[0]>>5)
	b = b[1:]
	width := 2
	switch c.quantisation {
	case 0:
		width = 1
	case 1, 2:
	default:
		return at.Errorf("quantisation of style %d", c.quantisation)
	}
	n := len(b) / width
	if n < 1 || c.quantisation == 1 && n != 1 || n > 97 {
		return at.Errorf("%d steps of quantisation", n)
	}
	c.steps = n
	for i := range n {
		if width == 1 {
			c.exponent[i], c.mantissa[i] = int(b[i]>>3), 0
			continue
		}
		v := int(binary.BigEndian.Uint16(b[2*i:]))
		c.exponent[i], c.mantissa[i] = v>>11, v&0x7FF
	}
	return nil
}

// readChanges reads POC (A.6.6). The first one in a tile replaces those of the main header.
func (p *parameters) readChanges(at codec.Place, b []byte, inTile bool) error {
	if inTile && !p.ownChanges {
		p.changes, p.ownChanges = nil, true
	}
	if len(b)%7 != 0 || len(b) == 0 || len(p.changes)+len(b)/7 > maxChanges {
		return at.Errorf("%d bytes, or more than %d changes of progression", len(b), maxChanges)
	}
	for ; len(b) > 0; b = b[7:] {
		c := change{
			resolution0: int(b[0]), component0: int(b[1]), layer1: int(binary.BigEndian.Uint16(b[2:])),
			resolution1: int(b[4]), component1: int(b[5]), order: b[6],
		}
		if c.component1 == 0 {
			c.component1 = 256 // "all" in one byte
		}
		if c.order > 4 || c.resolution1 <= c.resolution0 || c.component1 <= c.component0 || c.layer1 < 1 {
			return at.Errorf("a change of progression that covers nothing")
		}
		p.changes = append(p.changes, c)
	}
	return nil
}
