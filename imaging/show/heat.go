package show

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"

	"galen.dev/fault"
	"galen.dev/report"
	"galen.dev/volume"
)

// Heat is a map of values over an image, such as what a model looked at.
type Heat struct {
	Values *volume.Volume // of one channel, on the grid of the image
	Label  string         // what the values are, written in the legend
	// Signed maps are blue below 0 and red above it, clear at 0; others go from clear at Low through violet and orange to
	// yellow at High.
	Signed bool
	// Low and High bound the colours. Both 0: 0 to the largest value, or as far below 0 as above in signed maps.
	Low, High float64
	Opacity   float64 // at the ends of the scale; 0 = .7
}

const legendHeight = 8 + 10 + 2 + lineHeight

func (h *Heat) check(g volume.Geometry) error {
	if h.Values == nil {
		return fault.Errorf(fault.Usage, "a heat map has no values")
	}
	if err := h.Values.Check("drawing a heat map"); err != nil {
		return err
	}
	if h.Opacity < 0 || h.Opacity > 1 || h.Low > h.High || math.IsNaN(h.Low) || math.IsNaN(h.High) {
		return fault.Errorf(fault.Usage, "drawing a heat map: opacity %g and bounds %g to %g cannot be", h.Opacity, h.Low, h.High)
	}
	if err := volume.SameGeometry(g, h.Values.Geometry); err != nil {
		return fmt.Errorf("drawing a heat map over an image: %w", err)
	}
	return nil
}

// drawnHeat is the map of a panel's slice.
type drawnHeat struct {
	*Heat
	low, high float64
	opacity   float64
	slice     values
}

func (h *Heat) drawn(pl *placed) *drawnHeat {
	d := &drawnHeat{Heat: h, low: h.Low, high: h.High, opacity: h.Opacity}
	if d.opacity == 0 {
		d.opacity = .7
	}
	data := h.Values.Frame(0, 0)
	slope, inter := h.Values.Scale()
	at := func(i int) float64 {
		x := float64(slope*data.At(i)) + inter
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return 0
		}
		return x
	}
	if d.low == 0 && d.high == 0 {
		for i := range data.Len() {
			x := at(i)
			if h.Signed {
				x = math.Abs(x)
			}
			d.high = max(d.high, x)
		}
		if h.Signed {
			d.low = -d.high
		}
	}
	d.slice = cut(pl.o, h.Values.Geometry, pl.index, at).scaled(pl.w, pl.h, pl.View.Blocks)
	return d
}

// color of a value, with its opacity.
func (d *drawnHeat) color(x float64) (color.RGBA, uint32) {
	if d.high <= d.low {
		return color.RGBA{A: 255}, 0
	}
	if !d.Signed {
		t := min(max((x-d.low)/(d.high-d.low), 0), 1)
		// Above a tenth the colour says the value, and opacity hides no more of it.
		return ramp(sequential[:], t), opacityOf(d.opacity * min(1, .35+t) * min(1, t*10))
	}
	zero := min(max(0, d.low), d.high)
	c := report.Series(1).Dark()
	t := 0.0
	switch {
	case x > zero && d.high > zero:
		t = min((x-zero)/(d.high-zero), 1)
	case x < zero && d.low < zero:
		t = min((zero-x)/(zero-d.low), 1)
		c = report.Series(0).Dark()
	}
	return c, opacityOf(d.opacity * t)
}

func opacityOf(x float64) uint32 { return uint32(float64(x*255) + .5) }

// sequential are nine colours of Inferno (van der Walt and Smith 2015, released under CC0), even steps apart: brightness
// rises evenly, so that the order of values is seen without colours.
var sequential = [...]color.RGBA{
	{0, 0, 4, 255},
	{31, 12, 72, 255},
	{85, 15, 109, 255},
	{136, 34, 106, 255},
	{186, 54, 85, 255},
	{227, 89, 51, 255},
	{249, 140, 10, 255},
	{249, 201, 50, 255},
	{252, 255, 164, 255},
}

func ramp(colors []color.RGBA, t float64) color.RGBA {
	x := t * float64(len(colors)-1)
	i := min(int(x), len(colors)-2)
	return over(colors[i+1], colors[i], opacityOf(x-float64(i)))
}

func (d *drawnHeat) paint(m *image.RGBA) {
	for y := range d.slice.h {
		for x := range d.slice.w {
			if c, opacity := d.color(d.slice.at[y*d.slice.w+x]); opacity > 0 {
				blend(m, x, y, c, opacity)
			}
		}
	}
}

// legend draws the scale over a middle grey, as the map lies over an image, with its bounds.
func (d *drawnHeat) legend(m *image.RGBA, y int) {
	w := m.Rect.Dx()
	bar := image.Rect(2, y, w-2, y+10)
	fill(m, bar, color.RGBA{96, 96, 96, 255})
	for x := bar.Min.X; x < bar.Max.X; x++ {
		t := float64(x-bar.Min.X) / float64(max(bar.Dx()-1, 1))
		c, opacity := d.color(d.low + float64(t*(d.high-d.low)))
		for yy := bar.Min.Y; yy < bar.Max.Y; yy++ {
			blend(m, x, yy, c, opacity)
		}
	}
	low, high := number(d.low), number(d.high)
	ink, muted := report.Ink.Dark(), report.Muted.Dark()
	write(m, 2, y+12, low, ink)
	write(m, w-2-textWidth(high), y+12, high, ink)
	if room := w - 2*max(textWidth(low), textWidth(high)) - 20; room > 0 {
		s := fit(d.Label, room)
		write(m, (w-textWidth(s))/2, y+12, s, muted)
	}
}

func (d *drawnHeat) words() string {
	return strings.TrimSpace(d.Label + " from " + number(d.low) + " to " + number(d.high))
}
