package conv

import (
	"math"

	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// winogradCosts are measured times, in the unit of rowsCost.
type winogradCosts struct {
	lanes                  int     // of a register
	input, output, weights float64 // of the transforms, for a register of channels of a tile, or of weights
	tile                   float64 // to find a tile and to enter its transform
	near, far              float64 // to read a line of a panel from the second-level cache and from the third
}

func winogradCostsNow() winogradCosts {
	switch cpu.Level() {
	case cpu.AVX512:
		return winogradCosts{lanes: 16, input: 50, output: 40, weights: 280, tile: 12, near: 4, far: 9}
	case cpu.AVX2:
		return winogradCosts{lanes: 8, input: 50, output: 40, weights: 140, tile: 12, near: 4, far: 16}
	default:
		return winogradCosts{lanes: 1, input: 1, output: 0.7, weights: 6, tile: 1}
	}
}

// read is the time to read a line of a panel, for a block of tiles, of so many floats of weights in all.
func (c *winogradCosts) read(weights int) float64 {
	if weights > winogradInputFloats {
		return c.far
	}
	return c.near
}

// winogradCost estimates the time of winograd like linesCost that of lines. On the layers of the networks that the
// engine is measured with, and for 1 to 64 channels, the ratio of both was mostly within a quarter of what was measured.
func winogradCost(s Shape) float64 {
	c, t := winogradCostsNow(), newTiling(s)
	panels, k := float64(tile.Panels(s.Cout)), float64(s.Kernel[0]*s.Cin)
	block := winogradBlockOf(s.Kernel[0] * s.Cin)
	registers := func(n int) float64 { return float64((n + c.lanes - 1) / c.lanes) }
	tiles := float64(t.all * t.cols)
	blocks := math.Ceil(tiles / float64(block))
	products := tiles/float64(block)*rowsCost(block) + blocks*c.read(int(panels*16*k)*tile.Width)
	cost := 16 * (products*k + callCost*tiles/float64(tile.Rows()))

	transforms := tiles * float64(s.Kernel[0]) * (registers(s.Cin)*c.input + c.tile)
	transforms += tiles * (registers(s.Cout)*c.output + c.tile*panels)
	transforms += k * registers(s.Cout) * c.weights
	// Panels that are not full make products cheaper, here and in what this is compared with, but not the transforms.
	return cost + transforms/(registers(s.Cout)*float64(c.lanes)/tile.Width)
}
