package rnn

import (
	"unsafe"

	"galen.dev/engine/tile"
)

// A place is where one row of one step leaves its x and its former state for the weights' gradients: line at of
// every panel of a block, which have depth lines.
type place struct {
	x, h      []float32
	depth, at int
}

func (p *place) put(x, h []float32) {
	p.line(p.x, x)
	p.line(p.h, h)
}

func (p *place) line(panels, src []float32) {
	for to := p.at * tile.Width; len(src) > 0; to += p.depth * tile.Width {
		n := copy(panels[to:][:tile.Width], src)
		src = src[n:]
	}
}

func (p *place) clear(inputs, hidden int) {
	for j := range tile.Panels(inputs) {
		clear(p.x[(j*p.depth+p.at)*tile.Width:][:tile.Width])
	}
	for j := range tile.Panels(hidden) {
		clear(p.h[(j*p.depth+p.at)*tile.Width:][:tile.Width])
	}
}

// offset is the address n floats behind p.
func offset(p *float32, n int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), n*4)) }
