package report

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A chart is a plot with axes: a legend that wraps above it, the name of the y axis written flat over it
// (nobody turns their head), quiet grid lines, and labelled ticks at round numbers.
//
// It draws on gonum/plot's vector canvas (vg and vg/draw) but not with gonum's plot.Plot, whose axes,
// legend and padding would all be replaced here, and which brings PDF, PNG and LaTeX writers and twelve
// fonts into every start of the program.
type chart struct {
	w, h   float64 // of the whole without the legend
	x, y   axis
	keys   []key
	layers []layer
	below  float64 // room beneath the x axis, for a table
	left   float64 // least room for what stands left of the plot
}

// An axis covers [min, max], with ticks at round numbers.
type axis struct {
	label    string
	min, max float64
	percent  bool
	integers bool
	noGrid   bool
}

// A key is one entry of a legend.
type key struct {
	name string
	tone Tone
	dash []vg.Length
	kind byte // '#' area, 'o' mark alone, '+' line with its mark, otherwise a line
	n    int  // which mark
}

// A layer draws data into the plot's rectangle.
type layer func(c draw.Canvas, to transform)

type transform struct {
	x, y func(float64) vg.Length
}

func (t transform) at(x, y float64) vg.Point { return vg.Point{X: t.x(x), Y: t.y(y)} }

// A tick is a labelled place on an axis.
type tick struct {
	at    float64
	label string
}

// roundTicks returns round numbers in [min, max], about n of them, and the decimals they need.
func roundTicks(lo, hi float64, n int) (at []float64, decimals int) {
	span := hi - lo
	if !(span > 0) || math.IsInf(span, 0) {
		return nil, 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	step := unit
	for _, k := range []float64{1, 2, 2.5, 5, 10} {
		step = k * unit
		if span/step <= float64(n)+1e-9 {
			break
		}
	}
	decimals = max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	if r := step * math.Pow(10, float64(decimals)); math.Abs(r-math.Round(r)) > 1e-6 {
		decimals++
	}
	first := math.Ceil(lo/step - 1e-9)
	for i := 0; i <= 2*n+2; i++ {
		v := (first + float64(i)) * step
		if v > hi+1e-9*span {
			break
		}
		at = append(at, v)
	}
	return at, decimals
}

func (a axis) ticks(n int) []tick {
	at, decimals := roundTicks(a.min, a.max, n)
	ts := make([]tick, 0, len(at))
	for _, v := range at {
		if a.integers && v != math.Round(v) {
			continue
		}
		ts = append(ts, tick{v, a.format(v, decimals)})
	}
	return ts
}

func (a axis) format(v float64, decimals int) string {
	if a.percent {
		return Num(100*v, max(0, decimals-2)) + "%"
	}
	if m := max(math.Abs(a.min), math.Abs(a.max)); m >= 1e7 || m > 0 && m < 1e-4 {
		s := strconv.FormatFloat(v, 'g', 3, 64)
		s = strings.Replace(s, "e+0", "e", 1)
		return strings.Replace(strings.Replace(s, "e+", "e", 1), "-", "−", -1)
	}
	if decimals == 0 && math.Abs(v) >= 10000 {
		return Count(int(v))
	}
	return Num(v, decimals)
}

// widen gives an axis the range of values, with a margin of a share of it on each side.
func (a *axis) widen(margin float64, vs ...float64) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range vs {
		if finite(v) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if lo > hi {
		lo, hi = 0, 1
	}
	// Below the precision of the numbers themselves there is no range to show.
	if size := max(math.Abs(lo), math.Abs(hi)); hi-lo <= 1e-12*max(size, 1e-280) {
		d := max(size*0.1, 0.5)
		lo, hi = lo-d, hi+d
	}
	a.min, a.max = lo-margin*(hi-lo), hi+margin*(hi-lo)
}

func (c chart) figure(title, alt string) Figure {
	for _, a := range []*axis{&c.x, &c.y} {
		if !(a.min < a.max) {
			a.max = a.min + 1
		}
	}
	rows := legendRows(c.keys, c.w)
	top := 18*float64(len(rows)) + 4
	if c.y.label != "" {
		top += 20
	}
	s := newSheet(c.w, c.h+top+c.below)
	drawLegend(s, rows)
	if c.y.label != "" {
		s.text(0, top-9, fit(c.y.label, textSize, c.w), label{color: Muted})
	}
	c.draw(draw.NewCanvas(s, vg.Length(s.w), vg.Length(c.h+c.below)))
	return s.figure(title, alt)
}

// draw fills a canvas with axes and layers.
func (c chart) draw(dc draw.Canvas) {
	xt, yt := c.x.ticks(6), c.y.ticks(6)
	plot := c.inside(dc, xt, yt)
	to := transform{
		x: func(v float64) vg.Length { return plot.X((v - c.x.min) / (c.x.max - c.x.min)) },
		y: func(v float64) vg.Length { return plot.Y((v - c.y.min) / (c.y.max - c.y.min)) },
	}
	s := sheetOf(dc)
	_, left, bottom := onPage(dc, plot.Min)
	_, right, top := onPage(dc, plot.Max)
	for _, t := range yt {
		_, _, y := onPage(dc, to.at(c.x.min, t.at))
		if !c.y.noGrid {
			s.line(left, y, right, y, stroke(Grid, 1, nil))
		}
		s.text(left-6, y+4, t.label, label{size: smallSize, anchor: 'e', color: Muted})
	}
	for _, t := range c.legibleX(xt, right-left) {
		_, x, _ := onPage(dc, to.at(t.at, c.y.min))
		if !c.x.noGrid {
			s.line(x, top, x, bottom, stroke(Grid, 1, nil))
		}
		s.text(x, bottom+15, t.label, label{size: smallSize, anchor: 'm', color: Muted})
	}
	s.text((left+right)/2, bottom+32, fit(c.x.label, textSize, right-left), label{anchor: 'm', color: Muted})
	s.line(left, bottom, right, bottom, stroke(Muted, 1, nil))
	for _, l := range c.layers {
		l(plot, to)
	}
}

// inside is the rectangle for the data: what labels leave.
func (c chart) inside(dc draw.Canvas, xt, yt []tick) draw.Canvas {
	left, right := c.left, 0.0
	for _, t := range yt {
		left = max(left, width(t.label, smallSize)+8)
	}
	if n := len(xt); n > 0 {
		right = width(xt[n-1].label, smallSize)/2 + 1
		left = max(left, width(xt[0].label, smallSize)/2+1)
	}
	bottom := 22.0
	if c.x.label != "" {
		bottom = 38
	}
	return draw.Crop(dc, vg.Length(left), vg.Length(-right), vg.Length(bottom+c.below), -6)
}

// legibleX leaves out every other label where labels would touch.
func (c chart) legibleX(ticks []tick, room float64) []tick {
	if len(ticks) < 2 {
		return ticks
	}
	each := room * (ticks[1].at - ticks[0].at) / (c.x.max - c.x.min)
	out := make([]tick, 0, len(ticks))
	for i, t := range ticks {
		if width(t.label, smallSize)+6 > each && i%2 == 1 {
			continue
		}
		out = append(out, t)
	}
	return out
}

// legendRows lays entries out in rows that fit the width.
func legendRows(keys []key, room float64) [][]key {
	var rows [][]key
	var used float64
	for _, k := range keys {
		k.name = fit(k.name, textSize, room-34)
		w := 30 + width(k.name, textSize) + 14
		if len(rows) == 0 || used+w-14 > room {
			rows = append(rows, nil)
			used = 0
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], k)
		used += w
	}
	return rows
}

func drawLegend(s *sheet, rows [][]key) {
	for i, row := range rows {
		x, y := 0.0, 9+18*float64(i)
		for _, k := range row {
			switch k.kind {
			case '#':
				s.rect(x+4, y-5, 16, 10, 2, fill(k.tone.Band()))
				s.rect(x+4, y-5, 16, 10, 2, stroke(k.tone, 1, k.dash))
			case 'o':
				s.mark(x+12, y, 4, k.n, k.tone)
			default:
				s.line(x, y, x+24, y, stroke(k.tone, 2, k.dash))
				if k.kind == '+' {
					s.mark(x+12, y, 3, k.n, k.tone)
				}
			}
			s.text(x+30, y+4, k.name, label{})
			x += 30 + width(k.name, textSize) + 14
		}
	}
}

// mark draws the shape of the n-th series: circle, square, triangle, diamond, cross.
func (s *sheet) mark(x, y, r float64, n int, t Tone) {
	switch n % 5 {
	case 0:
		s.circle(x, y, r, fill(t))
	case 1:
		s.rect(x-r*.9, y-r*.9, 1.8*r, 1.8*r, 0, fill(t))
	case 2:
		s.polygon(fill(t), x, y-1.2*r, x+1.1*r, y+.8*r, x-1.1*r, y+.8*r)
	case 3:
		s.polygon(fill(t), x, y-1.3*r, x+1.3*r, y, x, y+1.3*r, x-1.3*r, y)
	default:
		s.line(x-r, y-r, x+r, y+r, stroke(t, 2, nil))
		s.line(x-r, y+r, x+r, y-r, stroke(t, 2, nil))
	}
}

// onPage returns the sheet and the page coordinates of a canvas point.
func onPage(c draw.Canvas, p vg.Point) (s *sheet, x, y float64) {
	s = sheetOf(c)
	x, y = s.state.to.at(p)
	return s, x, y
}

// ruleX and ruleY are dotted reference lines with a word beside them.
func ruleY(v float64, words string) layer {
	return func(c draw.Canvas, to transform) {
		if !c.ContainsY(to.y(v)) {
			return
		}
		c.StrokeLine2(draw.LineStyle{Color: Muted, Width: 1.5, Dashes: reference}, c.Min.X, to.y(v), c.Max.X, to.y(v))
		if words != "" {
			s, x, y := onPage(c, vg.Point{X: c.Min.X, Y: to.y(v)})
			s.text(x+4, y-5, words, label{size: smallSize, color: Muted})
		}
	}
}

func diagonal(words string) layer {
	return func(c draw.Canvas, to transform) {
		c.StrokeLines(draw.LineStyle{Color: Muted, Width: 1.5, Dashes: reference},
			c.ClipLinesXY([]vg.Point{to.at(-1e3, -1e3), to.at(1e3, 1e3)})...)
		if words != "" {
			s, x, y := onPage(c, to.at(0.5, 0.5))
			s.text(x+8, y+14, words, label{size: smallSize, color: Muted})
		}
	}
}
