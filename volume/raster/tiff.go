package raster

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Tags of a page that matter here.
const (
	tagWidth, tagHeight          = 256, 257
	tagBits, tagPacking          = 258, 259
	tagPhotometric, tagFillOrder = 262, 266
	tagStripAt, tagStripBytes    = 273, 279
	tagSamples, tagRows          = 277, 278
	tagPlanar, tagPredictor      = 284, 317
	tagPalette                   = 320
	tagTileWidth, tagTileHeight  = 322, 323
	tagTileAt, tagTileBytes      = 324, 325
	tagFormat                    = 339
)

const (
	maxPages  = 100_000
	maxValues = 1 << 24 // of one tag
	maxSide   = 1 << 24 // pixels along one side
)

// tiff is a file in memory.
type tiff struct {
	b     []byte
	order binary.ByteOrder
}

// page is one picture of a file.
type page struct {
	t                          *tiff
	tags                       map[int][]uint32
	width, height, bits, chans int
	pack, photometric          int
	planar, predicted, float   bool
	tileW, tileH               int
	at, bytes                  []uint32
	palette                    []uint32
}

// decodeTIFF reads every page, all of which have the same size and kind, as a stack.
func decodeTIFF(ctx context.Context, b []byte) (*volume.Volume, error) {
	t := &tiff{b: b, order: binary.LittleEndian}
	if b[0] == 'M' {
		t.order = binary.BigEndian
	}
	if len(b) < 8 {
		return nil, fmt.Errorf("the file ends within its header")
	}
	var pages []*page
	seen := map[uint32]bool{}
	total := 0
	for at := t.order.Uint32(b[4:]); at != 0; {
		if seen[at] || len(pages) >= maxPages {
			return nil, fmt.Errorf("the pages form a circle, or are more than %d", maxPages)
		}
		seen[at] = true
		p, next, err := t.page(at)
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", len(pages)+1, err)
		}
		if total += p.width * p.height * p.channels(); total > MaxPixels {
			return nil, fmt.Errorf("the pages have more than %d values together", MaxPixels)
		}
		pages = append(pages, p)
		at = next
	}
	if len(pages) == 0 {
		return nil, fmt.Errorf("the file has no pages")
	}
	var findings []fault.Finding
	first := pages[0]
	for i, p := range pages[1:] {
		if p.width != first.width || p.height != first.height || p.bits != first.bits || p.channels() != first.channels() || p.float != first.float {
			findings = append(findings, fault.Finding{
				Name: "pages-differ", Severity: fault.Severe,
				Message: fmt.Sprintf("page %d has %d x %d pixels of %d x %d bits, and page 1 %d x %d of %d x %d", i+2, p.width, p.height, p.channels(), p.bits, first.width, first.height, first.channels(), first.bits),
			})
		}
	}
	if err := fault.Refuse("reading TIFF", findings); err != nil {
		return nil, err
	}
	switch {
	case first.bits <= 8:
		return stack[uint8](ctx, pages)
	case first.bits == 16:
		return stack[uint16](ctx, pages)
	}
	return stack[float32](ctx, pages)
}

func stack[T uint8 | uint16 | float32](ctx context.Context, pages []*page) (*volume.Volume, error) {
	p := pages[0]
	n, chans := p.width*p.height, p.channels()
	data := make(volume.Slice[T], n*chans*len(pages))
	for z, p := range pages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		put := func(x, y, c int, v uint32) {
			// Channels lie outside of pages in a volume.
			to := &data[(c*len(pages)+z)*n+y*p.width+x]
			switch to := any(to).(type) {
			case *float32:
				*to = math.Float32frombits(v)
			case *uint8:
				*to = uint8(v)
			case *uint16:
				*to = uint16(v)
			}
		}
		if err := p.decode(put); err != nil {
			return nil, fmt.Errorf("page %d: %w", z+1, err)
		}
	}
	return &volume.Volume{Geometry: pixels(p.width, p.height, len(pages)), Channels: chans, Times: 1, Data: data}, nil
}

// page reads a directory and checks it.
func (t *tiff) page(at uint32) (*page, uint32, error) {
	size := int64(len(t.b))
	if int64(at)+2 > size {
		return nil, 0, fmt.Errorf("the directory lies behind the end of the file")
	}
	count := int64(t.order.Uint16(t.b[at:]))
	end := int64(at) + 2 + 12*count
	if end+4 > size {
		return nil, 0, fmt.Errorf("the directory ends behind the end of the file")
	}
	p := &page{t: t, tags: map[int][]uint32{}}
	for i := range count {
		e := t.b[int64(at)+2+12*i:][:12]
		tag := int(t.order.Uint16(e))
		values, err := t.values(e)
		if err != nil {
			return nil, 0, fmt.Errorf("tag %d: %w", tag, err)
		}
		p.tags[tag] = values
	}
	return p, t.order.Uint32(t.b[end:]), p.check()
}

// values of an entry of whole numbers; other kinds are passed over.
func (t *tiff) values(e []byte) ([]uint32, error) {
	width := map[uint16]int64{1: 1, 3: 2, 4: 4, 13: 4}[t.order.Uint16(e[2:])]
	if width == 0 {
		return nil, nil
	}
	n := int64(t.order.Uint32(e[4:]))
	raw := e[8:]
	if n > maxValues {
		return nil, nil // some program's own notes
	}
	if n*width > 4 {
		from := int64(t.order.Uint32(e[8:]))
		if from+n*width > int64(len(t.b)) {
			return nil, fmt.Errorf("its values lie behind the end of the file")
		}
		raw = t.b[from : from+n*width]
	}
	out := make([]uint32, n)
	for i := range out {
		switch width {
		case 1:
			out[i] = uint32(raw[i])
		case 2:
			out[i] = uint32(t.order.Uint16(raw[2*i:]))
		default:
			out[i] = t.order.Uint32(raw[4*i:])
		}
	}
	return out, nil
}

func (p *page) get(tag int, otherwise uint32) int {
	if v := p.tags[tag]; len(v) > 0 {
		return int(v[0])
	}
	return int(otherwise)
}

// check reads the tags, and refuses with everything that is not read at once.
func (p *page) check() error {
	var findings []fault.Finding
	bad := func(name, format string, args ...any) {
		findings = append(findings, fault.Finding{Name: name, Severity: fault.Severe, Message: fmt.Sprintf(format, args...)})
	}
	p.width, p.height, p.chans = p.get(tagWidth, 0), p.get(tagHeight, 0), p.get(tagSamples, 1)
	p.bits, p.pack, p.photometric = p.get(tagBits, 1), p.get(tagPacking, 1), p.get(tagPhotometric, 1)
	p.planar, p.float = p.get(tagPlanar, 1) == 2, p.get(tagFormat, 1) == 3
	p.palette = p.tags[tagPalette]
	if p.width < 1 || p.height < 1 || p.width > maxSide || p.height > maxSide || p.width*p.height > MaxPixels {
		bad("size", "%d x %d pixels are none, or more than %d", p.width, p.height, MaxPixels)
	}
	for _, b := range p.tags[tagBits] {
		if int(b) != p.bits {
			bad("bits", "channels have different depths")
			break
		}
	}
	if ok := p.bits == 8 || p.bits == 16 || p.bits == 1 && p.chans == 1 || p.bits == 32 && p.float; !ok || p.float && p.bits != 32 {
		bad("bits", "%d bits of sample format %d are not read; 1, 8 and 16 bits and 32-bit floats are", p.bits, p.get(tagFormat, 1))
	}
	if f := p.get(tagFormat, 1); f != 1 && f != 3 && f != 4 {
		bad("format", "sample format %d is not read", f)
	}
	if p.chans < 1 || p.chans > 16 {
		bad("channels", "%d channels are not read; 1 to 16 are", p.chans)
	}
	switch p.photometric {
	case 0, 1:
	case 2:
		if p.chans < 3 {
			bad("channels", "RGB has %d channels", p.chans)
		}
	case 3:
		if p.chans != 1 || p.bits != 8 || len(p.palette) != 3*256 {
			bad("palette", "a palette of other than 8 bits, or of another length, is not read")
		}
	default:
		bad("photometric", "photometric interpretation %d is not read", p.photometric)
	}
	switch p.pack {
	case 1, 5, 8, 32946, 32773:
	default:
		bad("packing", "compression %d is not read; none, LZW, deflate and PackBits are", p.pack)
	}
	if f := p.get(tagFillOrder, 1); f != 1 {
		bad("fill-order", "fill order %d is not read", f)
	}
	switch pr := p.get(tagPredictor, 1); {
	case pr == 1:
	case pr == 2 && (p.bits == 8 || p.bits == 16):
		p.predicted = true
	default:
		bad("predictor", "predictor %d with %d bits is not read", pr, p.bits)
	}
	if err := fault.Refuse("reading TIFF", findings); err != nil {
		return err
	}
	return p.pieces()
}

// channels in the volume.
func (p *page) channels() int {
	if p.photometric == 3 {
		return 3
	}
	return p.chans
}

// samples that lie together in a piece.
func (p *page) together() int {
	if p.planar {
		return 1
	}
	return p.chans
}

// rowBytes of a row of a piece.
func (p *page) rowBytes() int { return (p.tileW*p.together()*p.bits + 7) / 8 }

// pieces finds the strips or tiles, and holds their claims to the file.
func (p *page) pieces() error {
	if _, tiled := p.tags[tagTileWidth]; tiled {
		p.tileW, p.tileH = p.get(tagTileWidth, 0), p.get(tagTileHeight, 0)
		p.at, p.bytes = p.tags[tagTileAt], p.tags[tagTileBytes]
	} else {
		p.tileW = p.width
		p.tileH = min(p.get(tagRows, math.MaxUint32), p.height)
		p.at, p.bytes = p.tags[tagStripAt], p.tags[tagStripBytes]
		if len(p.bytes) == 0 && len(p.at) == 1 && p.pack == 1 { // old writers leave it out
			p.bytes = []uint32{uint32(p.rowBytes() * p.height)}
		}
	}
	if p.tileW < 1 || p.tileH < 1 || p.tileW > 2*p.width+1024 || p.tileH > 2*p.height+1024 {
		return fmt.Errorf("strips or tiles of %d x %d pixels are not possible", p.tileW, p.tileH)
	}
	n := p.across() * p.down()
	if p.planar {
		n *= p.chans
	}
	if len(p.at) != n || len(p.bytes) != n {
		return fmt.Errorf("%d strips or tiles are needed; %d offsets and %d lengths are there", n, len(p.at), len(p.bytes))
	}
	packed := int64(0)
	for i := range p.at {
		if int64(p.at[i])+int64(p.bytes[i]) > int64(len(p.t.b)) {
			return fmt.Errorf("strip or tile %d of %d lies behind the end of the file: it is cut off", i+1, n)
		}
		packed += int64(p.bytes[i])
	}
	// What the packings gain at most: deflate 1032, LZW about 1365, PackBits 64.
	if want := int64(n) * int64(p.rowBytes()) * int64(p.tileH); p.pack == 1 && int64(p.height)*int64((p.width*p.chans*p.bits+7)/8) > packed || want/2048 > packed+1024 {
		return fmt.Errorf("the pixels claim %d bytes, more than %d bytes of strips or tiles can hold", want, packed)
	}
	return nil
}

func (p *page) across() int { return (p.width + p.tileW - 1) / p.tileW }
func (p *page) down() int   { return (p.height + p.tileH - 1) / p.tileH }

// decode unpacks every piece and puts its pixels.
func (p *page) decode(put func(x, y, c int, v uint32)) error {
	row := p.rowBytes()
	buffer := make([]byte, row*p.tileH)
	for i := range p.at {
		each := p.across() * p.down()
		tx, ty := i%each%p.across()*p.tileW, i%each/p.across()*p.tileH
		rows := p.tileH
		if _, tiled := p.tags[tagTileWidth]; !tiled {
			rows = min(rows, p.height-ty)
		}
		piece := buffer[:row*rows]
		if err := unpack(p.pack, piece, p.t.b[p.at[i]:][:p.bytes[i]]); err != nil {
			return fmt.Errorf("strip or tile %d: %w", i+1, err)
		}
		for r := range min(rows, p.height-ty) {
			p.row(piece[r*row:][:row], tx, ty+r, i/each, put)
		}
	}
	return nil
}

// row puts the pixels of a row of a piece whose first channel is c0.
func (p *page) row(b []byte, tx, y, c0 int, put func(x, y, c int, v uint32)) {
	n := p.together()
	var before [16]uint32
	for x := range min(p.tileW, p.width-tx) {
		for c := range n {
			i := x*n + c
			var v uint32
			switch p.bits {
			case 1:
				v = uint32(b[i/8]>>(7-i%8)) & 1 * 255
			case 8:
				v = uint32(b[i])
			case 16:
				v = uint32(p.t.order.Uint16(b[2*i:]))
			default:
				v = p.t.order.Uint32(b[4*i:])
			}
			if p.predicted {
				v = (v + before[c]) & (1<<p.bits - 1)
				before[c] = v
			}
			switch {
			case p.photometric == 3:
				for k := range 3 { // palettes have 16 bits
					put(tx+x, y, k, p.palette[k*256+int(v)]>>8)
				}
				continue
			case p.photometric == 0 && p.bits <= 16: // white is 0
				v = 1<<max(p.bits, 8) - 1 - v
			}
			put(tx+x, y, c0+c, v)
		}
	}
}
