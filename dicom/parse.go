package dicom

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"galen.dev/fault"
)

const (
	maxDepth    = 64      // of sequences in sequences; reports nest about ten deep
	maxElements = 1 << 23 // of one file; an enhanced image of 10,000 frames has about a million
	undefined   = 0xFFFFFFFF
)

// errRefused ends the parsing of a file whose findings say why.
var errRefused = errors.New("refused")

type parser struct {
	window
	faults
	arena
	elements int
	small8   [8]byte
}

func (p *parser) refuse(name string, t Tag, message, hint string) error {
	p.add(severe(name, t, message, hint))
	return errRefused
}

// header is what stands before a value.
type header struct {
	tag    Tag
	vr     VR
	length uint32
	size   int64 // bytes of the header itself
	asUN   bool  // an UN that is parsed as implicit little endian
}

func (s syntax) order() binary.ByteOrder {
	if s.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// header reads the header at a place; end is where the enclosing data set ends at the latest.
func (p *parser) header(at, end int64, s syntax) (h header, err error) {
	if end-at < 8 {
		return h, io.ErrUnexpectedEOF
	}
	b, err := p.at(at, int(min(12, end-at)))
	if err != nil {
		return h, err
	}
	order := s.order()
	h.tag = Tag(uint32(order.Uint16(b))<<16 | uint32(order.Uint16(b[2:])))
	h.size = 8
	if h.tag.Group() == 0xFFFE {
		h.length = order.Uint32(b[4:])
		return h, nil
	}
	if s.explicit {
		h.vr = vrOf(b[4], b[5])
		if h.vr.letters() {
			return p.explicitLength(h, b, order)
		}
		if h.tag != trailingPadding {
			p.warn("implicit-element", h.tag, "it has no VR in a data set with explicit VRs; read with the standard's")
		}
	}
	h.vr, h.length = impliedVR(h.tag), order.Uint32(b[4:])
	return h, nil
}

func (p *parser) explicitLength(h header, b []byte, order binary.ByteOrder) (header, error) {
	trait, known := vrTraits[h.vr]
	long := trait.long
	if !known {
		// VRs of a later standard have long lengths; what old writers invented has short ones.
		long = b[6] == 0 && b[7] == 0
		p.warn("unknown-vr", h.tag, "its VR is not in the standard; kept as bytes")
	}
	if !long {
		h.length = uint32(order.Uint16(b[6:]))
	} else {
		if len(b) < 12 {
			return h, io.ErrUnexpectedEOF
		}
		h.length, h.size = order.Uint32(b[8:]), 12
	}
	switch {
	case !known:
		h.vr = UN
	case h.vr == UN:
		h.asUN = true
		if vr := impliedVR(h.tag); vr != UN && (vr != SQ || h.length != 0) {
			h.vr = vr
		}
	}
	return h, nil
}

// dataset parses elements from a place up to end, or up to the item's delimiter where open is set, and returns
// the place behind.
func (p *parser) dataset(d *Dataset, at, end int64, open bool, s syntax, depth int) (int64, error) {
	for at < end {
		h, err := p.header(at, end, s)
		if err == io.ErrUnexpectedEOF {
			return p.ragged(at, end, depth)
		}
		if err != nil {
			return at, err
		}
		switch {
		case h.tag == itemEnd && open:
			return at + h.size + int64(h.length), nil
		case h.tag == itemEnd || h.tag == sequenceEnd || h.tag == item:
			if h.tag == sequenceEnd && open {
				// The item's own delimiter is missing; the sequence ends all the same.
				p.warn("no-item-end", h.tag, "an item has no delimiter")
				return at, nil
			}
			if depth > 0 && h.tag != itemEnd {
				return at, p.refuse("stray-delimiter", h.tag, "it stands where an attribute should", "the file is damaged: export it again")
			}
			p.warn("stray-delimiter", h.tag, "it stands where an attribute should; skipped")
			at += h.size
			continue
		case depth == 0 && h.tag == 0:
			p.warn("trailing-bytes", h.tag, "the data set is followed by other bytes; skipped")
			return end, nil
		}
		if at, err = p.element(d, h, at, end, s, depth); err != nil {
			return at, err
		}
	}
	if open {
		p.warn("no-item-end", itemEnd, "an item has no delimiter")
	}
	return at, nil
}

// ragged handles a rest that is too short for an attribute.
func (p *parser) ragged(at, end int64, depth int) (int64, error) {
	if depth > 0 {
		return at, p.refuse("item-length", item, "an item ends inside an attribute", "the file is damaged: export it again")
	}
	p.warn("trailing-bytes", 0, fault.Count(int(end-at), "byte")+" after the last attribute; skipped")
	return end, nil
}

// element parses one attribute whose header is h and returns the place behind it.
func (p *parser) element(d *Dataset, h header, at, end int64, s syntax, depth int) (int64, error) {
	if p.elements++; p.elements > maxElements {
		return at, p.refuse("too-many-attributes", h.tag, fmt.Sprintf("the file has more than %d attributes", maxElements), "")
	}
	start := at + h.size
	e := Element{Tag: h.tag, VR: h.vr}
	inner := s
	if h.asUN {
		inner = syntax{} // PS3.5 §6.2.2 note 4: unknown sequences are implicit little endian
	}
	if h.length == undefined {
		switch {
		case h.tag == PixelData || !h.asUN && (h.vr == OB || h.vr == OW):
			next, err := p.fragments(&e, start, end, s)
			if err != nil {
				return next, err
			}
			return next, p.keep(d, e)
		case h.vr == SQ || h.vr == UN || h.asUN:
			e.VR = SQ
			next, err := p.sequence(d, &e, start, end, true, inner, depth)
			if err != nil {
				return next, err
			}
			return next, p.keep(d, e)
		}
		return at, p.refuse("undefined-length", h.tag, "a value of VR "+h.vr.String()+" cannot have an undefined length", "the file is damaged: export it again")
	}
	length := int64(h.length)
	if length > end-start {
		return p.overlong(d, e, start, end, s, depth, length)
	}
	if h.vr == SQ {
		if done, err := p.shortSequence(d, &e, start, length, inner, depth, h.asUN); !done {
			return start, err
		}
		return start + length, p.keep(d, e)
	}
	if length&1 == 1 {
		p.warn("odd-length", h.tag, "the value has an odd length")
	}
	if err := p.value(&e, start, length, s, h.asUN); err != nil {
		return start, err
	}
	if h.tag == SpecificCharacterSet {
		p.characters(d, e)
	}
	return start + length, p.keep(d, e)
}

// shortSequence parses a sequence of a given length. An UN of a known sequence that does not parse stays bytes.
func (p *parser) shortSequence(d *Dataset, e *Element, start, length int64, s syntax, depth int, wasUN bool) (done bool, err error) {
	before := len(p.list)
	if _, err = p.sequence(d, e, start, start+length, false, s, depth); err == nil {
		return true, nil
	}
	if !wasUN || err != errRefused || depth >= maxDepth {
		return false, err
	}
	for _, x := range p.list[before:] {
		delete(p.seen, faultKey{x.Name, x.Column})
		if x.Name == "too-deep" || x.Name == "too-many-attributes" {
			return false, err
		}
	}
	p.list = p.list[:before]
	p.warn("unknown-sequence", e.Tag, "the sequence is stored with VR UN and cannot be read; kept as bytes")
	e.VR, e.Items = UN, nil
	return true, p.value(e, start, length, s, true)
}

// overlong handles a value that claims more bytes than there are.
func (p *parser) overlong(d *Dataset, e Element, start, end int64, s syntax, depth int, length int64) (int64, error) {
	what := fmt.Sprintf("the value claims %d bytes where %d are left", length, end-start)
	if depth == 0 && (e.Tag == PixelData || e.Tag == FloatPixelData || e.Tag == DoubleFloatPixelData) {
		p.add(severe("truncated", e.Tag, what, "the file is incomplete: transfer it again"))
		e.bulk = &bulk{src: p.src, at: start, length: length, truncated: true}
		return end, p.keep(d, e)
	}
	return start, p.refuse("truncated", e.Tag, what, "the file is incomplete or damaged: transfer it again")
}

func (p *parser) keep(d *Dataset, e Element) error {
	if n := len(d.elements); n > 0 && e.Tag < d.elements[n-1].Tag {
		p.warn("out-of-order", e.Tag, "it stands behind an attribute of a higher tag")
	}
	if d.put(e) {
		p.warn("duplicate-attribute", e.Tag, "it occurs twice; the last one stands")
	}
	return nil
}

// value takes a value of known length: small ones into memory, large ones by their place.
func (p *parser) value(e *Element, start, length int64, s syntax, wasUN bool) error {
	size := 1
	if s.big && !wasUN {
		size = vrTraits[e.VR].size
	}
	if length > inlineSize || e.Tag == PixelData { // pixels' byte order depends on their bits
		e.bulk = &bulk{src: p.src, at: start, length: length, swap: size}
		return nil
	}
	b, err := p.at(start, int(length))
	if err != nil {
		return err
	}
	e.data = p.arena.copy(b)
	swap(e.data, size)
	return nil
}

func (p *parser) characters(d *Dataset, e Element) {
	values := (&Dataset{elements: []Element{e}}).Texts(SpecificCharacterSet)
	c, ok := parseCharset(values)
	if !ok {
		p.warn("unknown-character-set", SpecificCharacterSet, "the character set is not known; letters beyond ASCII are lost")
	}
	d.charset = c
}

// sequence parses items up to end, or up to the delimiter where open is set.
func (p *parser) sequence(d *Dataset, e *Element, at, end int64, open bool, s syntax, depth int) (int64, error) {
	if depth+1 > maxDepth {
		return at, p.refuse("too-deep", e.Tag, fmt.Sprintf("sequences are nested more than %d deep", maxDepth), "no real document nests like this: the file is damaged or hostile")
	}
	for at < end {
		h, err := p.header(at, end, s)
		if err == io.ErrUnexpectedEOF {
			return at, p.refuse("truncated", e.Tag, "the sequence ends inside an item", "the file is incomplete or damaged: transfer it again")
		}
		if err != nil {
			return at, err
		}
		switch {
		case h.tag == sequenceEnd:
			return at + h.size, nil
		case h.tag == itemEnd:
			p.warn("stray-delimiter", h.tag, "it stands between items; skipped")
			at += h.size
			continue
		case h.tag != item:
			return at, p.refuse("not-an-item", e.Tag, "something else stands where an item of the sequence should", "the file is damaged: export it again")
		}
		if p.elements++; p.elements > maxElements {
			return at, p.refuse("too-many-attributes", e.Tag, fmt.Sprintf("the file has more than %d attributes", maxElements), "")
		}
		at += h.size
		itemDataset := &Dataset{charset: d.charset}
		if h.length == undefined {
			at, err = p.dataset(itemDataset, at, end, true, s, depth+1)
		} else {
			stop := at + int64(h.length)
			if stop > end {
				return at, p.refuse("truncated", e.Tag, fmt.Sprintf("an item claims %d bytes where %d are left", h.length, end-at), "the file is incomplete or damaged: transfer it again")
			}
			at, err = p.dataset(itemDataset, at, stop, false, s, depth+1)
		}
		if err != nil {
			return at, err
		}
		e.Items = append(e.Items, itemDataset)
	}
	if open {
		p.warn("no-sequence-end", e.Tag, "the sequence has no delimiter")
	}
	return at, nil
}

// fragments lists the pieces of encapsulated pixel data without reading them.
func (p *parser) fragments(e *Element, at, end int64, s syntax) (int64, error) {
	v := &bulk{src: p.src, at: at, fragments: []fragment{}}
	e.bulk = v
	order := s.order()
	for at < end {
		if end-at < 8 {
			p.warn("trailing-bytes", e.Tag, "the fragments are followed by a few other bytes; skipped")
			return end, nil
		}
		b, err := p.small(at, p.small8[:])
		if err != nil {
			return at, err
		}
		t := Tag(uint32(order.Uint16(b))<<16 | uint32(order.Uint16(b[2:])))
		length := int64(order.Uint32(b[4:]))
		at += 8
		switch {
		case t == sequenceEnd:
			return at, nil
		case t != item:
			return at, p.refuse("not-an-item", e.Tag, "something else stands where a fragment should", "the file is damaged: export it again")
		case length == undefined || length > end-at:
			p.add(severe("truncated", e.Tag, fmt.Sprintf("a fragment claims %d bytes where %d are left", length, end-at), "the file is incomplete: transfer it again"))
			v.truncated = true
			return end, nil
		}
		if p.elements++; p.elements > maxElements {
			return at, p.refuse("too-many-attributes", e.Tag, "there are too many fragments", "")
		}
		v.fragments = append(v.fragments, fragment{at, length})
		at += length
	}
	p.warn("no-sequence-end", e.Tag, "the fragments have no delimiter")
	return at, nil
}
