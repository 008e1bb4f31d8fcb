package conv

import (
	"sync/atomic"

	"galen.dev/engine/tile"
)

// parts cuts each band of outputs once more, by output channels. Weights that outweigh the images are then read once
// by all, not once by every band. Whoever finishes the last part of a band finishes its rows.
type parts struct {
	bands, each int
	open        []atomic.Int32 // parts of each band that are not finished
}

// partItems is how many items to make where channels are cut.
const partItems = 8

// channelParts is how many parts to cut the channels into, for packed weights of so many floats.
func channelParts(s Shape, weights int) int {
	if weights < 1<<17 || weights < 2*(s.XLen()+s.YLen()) {
		return 1
	}
	return min(tile.Panels(s.Cout/s.Groups), bandItems)
}

func (p *parts) set(bands, each int) {
	p.bands, p.each = bands, each
	p.open = make([]atomic.Int32, bands)
	for i := range p.open {
		p.open[i].Store(int32(each))
	}
}

func (p *parts) items() int { return p.bands * p.each }

// split takes an item apart. The bands of a part follow each other: they share its weights.
func (p *parts) split(item int) (band, part int) { return item % p.bands, item / p.bands }

// channels returns the output channels of a group, of which there are n, that belong to a part.
func (p *parts) channels(part, n int) (first, end int) {
	panels := tile.Panels(n)
	return panels * part / p.each * tile.Width, min(n, panels*(part+1)/p.each*tile.Width)
}

// last says whether the part just finished was the last one of the band.
func (p *parts) last(band int) bool {
	if p.open[band].Add(-1) > 0 {
		return false
	}
	p.open[band].Store(int32(p.each))
	return true
}
