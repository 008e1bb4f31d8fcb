package signal

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"galen.dev/report"
)

// Sizes of a drawing, in pixels.
const (
	traceWidth = 760
	laneHeight = 90
	mostLanes  = 16
)

// draw shows the window that was explained: each channel a lane, and beneath each stretch a bar whose height is its
// share of the largest effect: upwards, solid, where it speaks for the class, downwards, hollow, where it speaks against.
func (why *Explanation) draw(p *plan) report.Figure {
	width := len(p.Channels)
	n := len(why.window) / width
	lanes := min(width, mostLanes)
	alt := fmt.Sprintf("The trace from %.4g to %.4g s with the parts that speak for %s: ", why.From, why.To, why.Of)
	for _, part := range why.Parts[:min(3, len(why.Parts))] {
		alt += fmt.Sprintf("%.4g to %.4g s (%+.3g); ", part.From, part.To, part.Effect)
	}
	height := float64(lanes*laneHeight + 30)
	return report.Draw("Trace and effects", alt, traceWidth, height, func(c draw.Canvas) {
		all := spans(n)
		largest := 1e-300
		bars := make([][]float64, width)
		for ch := range width {
			bars[ch] = make([]float64, len(all))
			for k, s := range all {
				for t := s[0]; t < s[1]; t++ {
					bars[ch][k] += why.effect[t*width+ch]
				}
				largest = math.Max(largest, math.Abs(bars[ch][k]))
			}
		}
		for ch := range lanes {
			top := height - float64(ch*laneHeight)
			why.lane(c, p, ch, top, bars[ch], largest, all, n)
		}
		style := report.TextStyle(11, report.Muted)
		c.FillText(style, vg.Point{X: 44, Y: 8}, fmt.Sprintf("%.4g s", why.From))
		style.XAlign = draw.XRight
		c.FillText(style, vg.Point{X: traceWidth - 4, Y: 8}, fmt.Sprintf("%.4g s", why.To))
	})
}

// lane draws one channel beneath a height.
func (why *Explanation) lane(c draw.Canvas, p *plan, ch int, top float64, bars []float64, largest float64, all [][2]int, n int) {
	width := len(p.Channels)
	const left, wave, foot = 44.0, 60.0, 24.0
	x := func(t int) vg.Length { return vg.Length(left + float64(t)/float64(max(n-1, 1))*(traceWidth-left-4)) }
	low, high := math.Inf(1), math.Inf(-1)
	for t := range n {
		v := float64(why.window[t*width+ch])
		low, high = math.Min(low, v), math.Max(high, v)
	}
	span := math.Max(high-low, 1e-9)
	c.FillText(report.TextStyle(11, report.Ink), vg.Point{X: 2, Y: vg.Length(top - 34)}, p.Channels[ch].Name)
	middle := top - wave - foot/2 - 2
	for k, s := range all {
		h := bars[k] / largest * foot / 2
		if math.Abs(h) < .3 {
			continue
		}
		box := []vg.Point{{X: x(s[0]), Y: vg.Length(middle)}, {X: x(min(s[1], n-1)), Y: vg.Length(middle)}, {X: x(min(s[1], n-1)), Y: vg.Length(middle + h)}, {X: x(s[0]), Y: vg.Length(middle + h)}}
		if h > 0 {
			c.FillPolygon(report.Series(1), box)
		} else {
			c.StrokeLines(draw.LineStyle{Color: report.Series(0), Width: 1}, append(box, box[0]))
		}
	}
	c.StrokeLines(draw.LineStyle{Color: report.Grid, Width: 1}, []vg.Point{{X: x(0), Y: vg.Length(middle)}, {X: x(n - 1), Y: vg.Length(middle)}})
	var line []vg.Point
	step := max(1, n/1500) // of very long windows, the extremes of each stretch
	for t := 0; t < n; t += step {
		lo, hi := math.Inf(1), math.Inf(-1)
		for k := t; k < min(t+step, n); k++ {
			v := float64(why.window[k*width+ch])
			lo, hi = math.Min(lo, v), math.Max(hi, v)
		}
		y := func(v float64) vg.Length { return vg.Length(top - wave + (v-low)/span*(wave-8)) }
		line = append(line, vg.Point{X: x(t), Y: y(lo)})
		if hi > lo {
			line = append(line, vg.Point{X: x(t), Y: y(hi)})
		}
	}
	c.StrokeLines(draw.LineStyle{Color: report.Ink, Width: 1.2}, line)
}
