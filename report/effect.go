package report

import (
	"fmt"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// EffectData is how a prediction depends on one predictor: a partial dependence (Friedman 2001) or a shape
// function of an additive model.
type EffectData struct {
	Predictor  string    // with its unit, e.g. "Age (years)"
	Output     string    // e.g. "Predicted risk" or "Log-odds"
	Curve      Curve     // numeric predictors; Step for shape functions of binned models
	Values     []float64 // the predictor's values, for the rug; long ones are thinned
	Categories []Bar     // categorical predictors: value and interval of each, in place of Curve
	Zero       bool      // draw a line at zero
}

// Effect draws a line or steps with a band and a rug, or points for categories.
func Effect(d EffectData) Figure {
	title := d.Predictor
	if title == "" {
		title = "Effect"
	}
	if len(d.Categories) > 0 {
		return categories(title, d)
	}
	c := d.Curve.clean()
	if len(c.X) < 2 {
		return empty(title, "An effect needs at least two values of the predictor.")
	}
	ch := chart{w: plotWidth, h: 240, x: axis{label: d.Predictor}, y: axis{label: d.Output}}
	ch.x.widen(0, c.X...)
	ys := append(append(append([]float64(nil), c.Y...), c.Lo...), c.Hi...)
	if d.Zero {
		ys = append(ys, 0)
		ch.layers = append(ch.layers, ruleY(0, ""))
	}
	ch.y.widen(0.08, ys...)
	ch.layers = append(ch.layers, curveLayer(c, 0, Series(0)), rug(d.Values))
	lo, hi := quantile(c.Y, 0), quantile(c.Y, 1)
	return ch.figure(title, sentence(fmt.Sprintf("%s by %s: from %s at %s to %s at %s; lowest %s, highest %s",
		d.Output, printable(d.Predictor), short(c.Y[0]), short(c.X[0]), short(c.Y[len(c.Y)-1]), short(c.X[len(c.X)-1]), short(lo), short(hi))))
}

// rug marks where the data lie with short ticks inside the lower edge.
func rug(values []float64) layer {
	return func(dc draw.Canvas, to transform) {
		var pts []vg.Point
		for _, v := range values {
			if p := (vg.Point{X: to.x(v), Y: dc.Min.Y}); finite(v) && dc.ContainsX(p.X) {
				pts = append(pts, p)
			}
		}
		s, _, bottom := onPage(dc, dc.Min)
		for _, i := range sparse(pts, 200) {
			_, x, _ := onPage(dc, pts[i])
			s.line(x, bottom-6, x, bottom, stroke(Muted, 1, nil))
		}
	}
}

func categories(title string, d EffectData) Figure {
	var bars []Bar
	for _, b := range d.Categories {
		if finite(b.Value) {
			bars = append(bars, b)
		}
	}
	if len(bars) == 0 {
		return empty(title, "No category has a value.")
	}
	rest := len(bars) - min(len(bars), maxRows)
	bars = bars[:len(bars)-rest]
	var labels []string
	var vs []float64
	digits := 0
	for _, b := range bars {
		digits = max(digits, decimals(2, b.Value))
		labels = append(labels, b.Label)
		vs = append(vs, b.Value)
		if b.hasInterval() {
			vs = append(vs, b.Lo, b.Hi)
		}
	}
	r := newRows(labels, d.Output, rest)
	r.digits = min(digits, 4)
	for _, b := range bars {
		r.notes = max(r.notes, width(Num(b.Value, r.digits), smallSize))
	}
	if d.Zero {
		vs = append(vs, 0)
	}
	r.layout(vs, 0.05)
	if d.Zero {
		r.s.line(r.x(0), r.top, r.x(0), r.bottom(), stroke(Muted, 1.5, reference))
	}
	for i, b := range bars {
		y := r.y(i)
		r.name(i, false)
		if b.hasInterval() {
			r.whisker(r.x(b.Lo), r.x(b.Hi), y, Series(0))
		}
		r.s.mark(r.x(b.Value), y, 4, 0, Series(0))
		r.note(i, Num(b.Value, r.digits), label{color: Muted})
	}
	return r.s.figure(title, fmt.Sprintf("%s by %s, for %d categories.", d.Output, printable(d.Predictor), len(bars)))
}

// FoldRow is one model's scores over folds or seeds.
type FoldRow struct {
	Label        string
	Points       []float64 // one per fold
	Mean, Lo, Hi float64   // its mean and interval
	Chosen       bool
}

// Folds compares models: each fold as a small circle, the mean as a diamond with its interval. The chosen
// model has a bold name and an arrow.
func Folds(measure string, models []FoldRow) Figure {
	const title = "Comparison of models"
	var list []FoldRow
	for _, m := range models {
		if finite(m.Mean) {
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		return empty(title, "No model has a score.")
	}
	rest := len(list) - min(len(list), maxRows)
	list = list[:len(list)-rest]
	var labels []string
	var vs []float64
	digits := 0
	for _, m := range list {
		digits = max(digits, decimals(3, m.Mean))
		name := m.Label
		if m.Chosen {
			name = "→ " + name
		}
		labels = append(labels, name)
		vs = append(append(vs, m.Points...), m.Mean)
		if finite(m.Lo, m.Hi) {
			vs = append(vs, m.Lo, m.Hi)
		}
	}
	r := newRows(labels, measure, rest)
	r.digits = min(digits, 5)
	for _, m := range list {
		r.notes = max(r.notes, width(Num(m.Mean, r.digits), smallSize)+3)
	}
	r.layout(vs, 0.05)
	words := ""
	for i, m := range list {
		if m.Chosen {
			words = fmt.Sprintf("Chosen: %s, mean %s", printable(m.Label), Num(m.Mean, r.digits))
		}
		r.name(i, m.Chosen)
		r.folds(m, r.y(i))
		r.note(i, Num(m.Mean, r.digits), label{bold: m.Chosen})
	}
	return r.s.figure(title, sentence(fmt.Sprintf("%s of %d models, each fold and the mean with its interval", measure, len(list)), words))
}

func (r *rows) folds(m FoldRow, y float64) {
	var pts []vg.Point
	for _, v := range m.Points {
		if finite(v) {
			pts = append(pts, vg.Point{X: vg.Length(r.x(v))})
		}
	}
	for _, i := range sparse(pts, 100) {
		r.s.circle(float64(pts[i].X), y, 3, stroke(Muted, 1, nil))
	}
	if finite(m.Lo, m.Hi) {
		r.whisker(r.x(m.Lo), r.x(m.Hi), y, Series(0))
	}
	r.s.mark(r.x(m.Mean), y, 4.5, 3, Series(0))
}
