package report

import (
	"fmt"

	"gonum.org/v1/plot/vg/draw"
)

// AtRisk is one row of the numbers beneath a survival curve.
type AtRisk struct {
	Name string
	At   []float64 // times, the same in every row
	N    []int     // patients still followed and without event
}

// Survival draws step curves of the probability to be free of the event (Kaplan and Meier 1958), with
// bands, marks at censoring times, and the numbers at risk beneath, which such a figure must not lack.
func Survival(time string, curves []Curve, risk []AtRisk, censored []Curve) Figure {
	stepped := make([]Curve, len(curves))
	for i, c := range curves {
		c.Step = true
		stepped[i] = c
	}
	return Lines(LineData{
		Title: "Survival", XLabel: time, YLabel: "Probability without event", Curves: stepped,
		YMin: 0, YMax: 1, AtRisk: risk, Censored: censored,
	})
}

// censorLayer marks censoring times with short upright ticks; at most 300 of them.
func censorLayer(c Curve, t Tone) layer {
	return func(dc draw.Canvas, to transform) {
		pts := path(c.X, c.Y, false, transform{to.x, to.y})
		if len(c.X) <= 300 {
			pts = pts[:0]
			for i := range c.X {
				pts = append(pts, to.at(c.X[i], c.Y[i]))
			}
		}
		for _, p := range pts {
			if dc.Contains(p) {
				s, x, y := onPage(dc, p)
				s.line(x, y-4, x, y+4, stroke(t, 1, nil))
			}
		}
	}
}

// withRiskTable draws the chart with a table whose columns stand under their times.
func (c chart) withRiskTable(title, alt string, rows []AtRisk) Figure {
	const line = 16.0
	extra := 24 + line*float64(len(rows))
	c.below = extra
	for _, r := range rows {
		c.left = max(c.left, min(width(r.Name, smallSize), 110)+24)
	}
	c.layers = append(c.layers, func(dc draw.Canvas, to transform) {
		s, _, bottom := onPage(dc, dc.Min)
		y := bottom + 56
		s.text(0, y, "At risk", label{size: smallSize, bold: true})
		for i, r := range rows {
			y := y + line*float64(i+1)
			free := 0.0
			for k := range min(len(r.At), len(r.N)) {
				if r.At[k] < c.x.min || r.At[k] > c.x.max {
					continue
				}
				_, x, _ := onPage(dc, to.at(r.At[k], 0))
				n := Count(r.N[k])
				if x-width(n, smallSize)/2 < free && k > 0 {
					continue // would touch its neighbour
				}
				s.text(x, y, n, label{size: smallSize, anchor: 'm'})
				free = x + width(n, smallSize)/2 + 4
			}
			s.text(0, y, fit(r.Name, smallSize, 110), label{size: smallSize, color: Muted})
		}
	})
	return c.figure(title, sentence(alt, fmt.Sprintf("Numbers at risk are listed for %d groups", len(rows))))
}
