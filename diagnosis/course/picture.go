package course

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"galen.dev/report"
)

// Sizes of a drawing, in pixels.
const (
	pictureWidth = 760
	laneHeight   = 62
	mostLanes    = 10
	laneLeft     = 110.0
)

// picture shows a stay: the codes with the largest effects, each a lane with its values over time, and beneath each
// hour a bar whose height is its share of the largest effect: upwards, solid, where it raises the risk, downwards,
// hollow, where it lowers it.
func (r *reader) picture(why *Explanation) report.Figure {
	V := len(r.Timed)
	size := make([]float64, V)
	largest := 1e-300
	for c, e := range why.effect {
		size[c%V] += math.Abs(e)
		largest = math.Max(largest, math.Abs(e))
	}
	var lanes []int
	for k := range size {
		if size[k] > 0 {
			lanes = append(lanes, k)
		}
	}
	slices.SortStableFunc(lanes, func(a, b int) int {
		switch {
		case size[a] > size[b]:
			return -1
		case size[a] < size[b]:
			return 1
		}
		return a - b
	})
	lanes = lanes[:min(mostLanes, len(lanes))]
	alt := "The stay with what raises and lowers the risk: "
	for _, p := range why.Parts[:min(3, len(why.Parts))] {
		alt += p.String() + "; "
	}
	height := float64(len(lanes)*laneHeight + 26)
	return report.Draw("Stay and effects", alt, pictureWidth, height, func(c draw.Canvas) {
		for n, k := range lanes {
			r.lane(c, why, k, height-float64(n*laneHeight), largest)
		}
		style := report.TextStyle(11, report.Muted)
		c.FillText(style, vg.Point{X: laneLeft, Y: 6}, fmt.Sprintf("%.4g h before", r.Declare.Window))
		style.XAlign = draw.XRight
		c.FillText(style, vg.Point{X: pictureWidth - 4, Y: 6}, "index time")
	})
}

// String is a part in words.
func (p Part) String() string {
	switch p.Kind {
	case "start":
		return fmt.Sprintf("%s %+.3g", p.Code, p.Effect)
	case "absent":
		return fmt.Sprintf("no %s %+.3g", p.Code, p.Effect)
	}
	return fmt.Sprintf("%s %.4g to %.4g h before %+.3g", p.Code, p.From, p.To, p.Effect)
}

// lane draws one code beneath a height.
func (r *reader) lane(c draw.Canvas, why *Explanation, k int, top, largest float64) {
	const wave, foot = 34.0, 22.0
	V := len(r.Timed)
	x := func(t float64) vg.Length {
		return vg.Length(laneLeft + t/float64(r.Steps)*(pictureWidth-laneLeft-4))
	}
	low, high := math.Inf(1), math.Inf(-1)
	for t := range r.Steps {
		if v := float64(why.grid[t*V+k]); v == v {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	name := r.Timed[k].Code
	if len(name) > 16 {
		name = name[:15] + "…"
	}
	c.FillText(report.TextStyle(11, report.Ink), vg.Point{X: 2, Y: vg.Length(top - 20)}, name)
	if low <= high && !r.Timed[k].Coded {
		c.FillText(report.TextStyle(9, report.Muted), vg.Point{X: 2, Y: vg.Length(top - 33)}, fmt.Sprintf("%.4g to %.4g %s", low, high, r.Timed[k].Unit))
	}
	middle := top - wave - foot/2 - 2
	var line []vg.Point
	for t := range r.Steps {
		if v := float64(why.grid[t*V+k]); v == v {
			y := vg.Length(top - wave + (v-low)/math.Max(high-low, 1e-9)*(wave-8))
			at := vg.Point{X: x(float64(t) + .5), Y: y}
			line = append(line, at)
			c.FillPolygon(report.Ink, []vg.Point{{X: at.X - 1.5, Y: y}, {X: at.X, Y: y + 1.5}, {X: at.X + 1.5, Y: y}, {X: at.X, Y: y - 1.5}})
		}
		h := why.effect[t*V+k] / largest * foot / 2
		if math.Abs(h) < .3 {
			continue
		}
		left, right := x(float64(t)+.1), x(float64(t)+.9)
		box := []vg.Point{{X: left, Y: vg.Length(middle)}, {X: right, Y: vg.Length(middle)}, {X: right, Y: vg.Length(middle + h)}, {X: left, Y: vg.Length(middle + h)}}
		if h > 0 {
			c.FillPolygon(report.Series(1), box)
		} else {
			c.StrokeLines(draw.LineStyle{Color: report.Series(0), Width: 1}, append(box, box[0]))
		}
	}
	c.StrokeLines(draw.LineStyle{Color: report.Grid, Width: 1}, []vg.Point{{X: x(0), Y: vg.Length(middle)}, {X: x(float64(r.Steps)), Y: vg.Length(middle)}})
	if len(line) > 1 {
		c.StrokeLines(draw.LineStyle{Color: report.Ink, Width: 1}, line)
	}
}
