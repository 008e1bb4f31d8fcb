package report

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Curve is a line through points, with a band around it if Lo and Hi are given. Points with a value that
// is not finite are left out. Very long curves are thinned to what the eye can see.
type Curve struct {
	Name   string
	Note   string // after the name in the legend, e.g. "0.91 (0.86–0.95)"
	X, Y   []float64
	Lo, Hi []float64 // bounds of Y, as long as X; nil = no band
	Step   bool      // hold each value until the next X
	Marks  bool      // mark each point, where there are at most 60
}

func (c Curve) legend() string {
	if c.Note == "" {
		return c.Name
	}
	if c.Name == "" {
		return c.Note
	}
	return c.Name + ": " + c.Note
}

func (c Curve) marked() bool { return c.Marks && len(c.X) <= 60 }

// clean keeps the finite points. A slice that is too short counts as missing values.
func (c Curve) clean() Curve {
	out := Curve{Name: c.Name, Note: c.Note, Step: c.Step, Marks: c.Marks}
	n := min(len(c.X), len(c.Y))
	band := len(c.Lo) >= n && len(c.Hi) >= n && n > 0
	for i := range n {
		if !finite(c.X[i], c.Y[i]) {
			continue
		}
		out.X, out.Y = append(out.X, c.X[i]), append(out.Y, c.Y[i])
		if band {
			lo, hi := c.Lo[i], c.Hi[i]
			if !finite(lo, hi) {
				lo, hi = c.Y[i], c.Y[i]
			}
			out.Lo, out.Hi = append(out.Lo, lo), append(out.Hi, hi)
		}
	}
	return out
}

func cleanCurves(curves []Curve) []Curve {
	var out []Curve
	for _, c := range curves {
		if c = c.clean(); len(c.X) >= 2 {
			out = append(out, c)
		}
	}
	return out
}

func path(xs, ys []float64, step bool, to transform) []vg.Point {
	pts := make([]vg.Point, 0, len(xs)*2)
	for i := range xs {
		if step && i > 0 {
			pts = append(pts, vg.Point{X: to.x(xs[i]), Y: to.y(ys[i-1])})
		}
		pts = append(pts, to.at(xs[i], ys[i]))
	}
	return simplify(pts)
}

// curveLayer draws the i-th curve.
func curveLayer(c Curve, i int, tone Tone) layer {
	return func(dc draw.Canvas, to transform) {
		line := path(c.X, c.Y, c.Step, to)
		if c.Lo != nil {
			area := path(c.X, c.Lo, c.Step, to)
			upper := path(c.X, c.Hi, c.Step, to)
			for k := len(upper) - 1; k >= 0; k-- {
				area = append(area, upper[k])
			}
			dc.FillPolygon(tone.Band(), dc.ClipPolygonXY(area))
		}
		dc.StrokeLines(draw.LineStyle{Color: tone, Width: 2, Dashes: dash(i)}, dc.ClipLinesXY(line)...)
		if c.marked() {
			for k := range c.X {
				if p := to.at(c.X[k], c.Y[k]); dc.Contains(p) {
					s, x, y := onPage(dc, p)
					s.mark(x, y, 3, i, tone)
				}
			}
		}
	}
}

func (ch *chart) addCurves(curves []Curve) {
	for i, c := range curves {
		ch.layers = append(ch.layers, curveLayer(c, i, Series(i)))
		if c.legend() != "" {
			k := key{name: c.legend(), tone: Series(i), dash: dash(i), n: i}
			if c.marked() {
				k.kind = '+'
			}
			ch.keys = append(ch.keys, k)
		}
	}
}

func curveWords(curves []Curve) string {
	var parts []string
	for _, c := range curves {
		if c.legend() != "" {
			parts = append(parts, c.legend())
		}
	}
	return strings.Join(parts, "; ")
}

func sentence(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(p)
		if !strings.HasSuffix(p, ".") {
			b.WriteByte('.')
		}
	}
	return b.String()
}

func unit(label string) axis { return axis{label: label, min: 0, max: 1} }

// ROC draws sensitivity (Y) against 1 − specificity (X), both in [0, 1], for one or more models.
func ROC(curves ...Curve) Figure {
	const title = "Receiver operating characteristic"
	curves = cleanCurves(curves)
	if len(curves) == 0 {
		return empty(title, "A ROC curve needs cases of both classes.")
	}
	c := chart{w: plotWidth, h: 370, x: unit("1 − specificity"), y: unit("Sensitivity")}
	c.layers = append(c.layers, diagonal("chance"))
	c.addCurves(curves)
	return c.figure(title, sentence("ROC curve: sensitivity against 1 − specificity, with the chance line", curveWords(curves)))
}

// PrecisionRecall draws precision (Y) against recall (X) with a line at the prevalence, the precision of
// a model that knows nothing. Curves are drawn as steps, since precision must not be interpolated
// linearly (Davis and Goadrich 2006).
func PrecisionRecall(prevalence float64, curves ...Curve) Figure {
	const title = "Precision and recall"
	curves = cleanCurves(curves)
	if len(curves) == 0 {
		return empty(title, "A precision–recall curve needs cases of both classes.")
	}
	c := chart{w: plotWidth, h: 370, x: unit("Recall (sensitivity)"), y: unit("Precision (positive predictive value)")}
	words := ""
	if finite(prevalence) {
		words = "prevalence " + Num(prevalence, max(2, decimals(2, prevalence)))
		c.layers = append(c.layers, ruleY(prevalence, words))
	}
	for i := range curves {
		curves[i].Step = true
	}
	c.addCurves(curves)
	return c.figure(title, sentence("Precision–recall curve", curveWords(curves), words))
}

// DecisionData is a decision curve (Vickers and Elkin 2006): net benefit by threshold probability.
type DecisionData struct {
	Models     []Curve // X threshold in (0, 1), Y net benefit per patient
	Threshold  []float64
	TreatAll   []float64 // net benefit of treating everyone, at Threshold
	Prevalence float64   // upper end of the axis; 0 = from the curves
}

// DecisionCurve draws net benefit against the threshold with the treat-all and treat-none strategies. The
// axis starts a little below zero, where a model does harm; what lies deeper is cut off.
func DecisionCurve(d DecisionData) Figure {
	const title = "Decision curve"
	curves := cleanCurves(d.Models)
	if len(curves) == 0 {
		return empty(title, "A decision curve needs net benefits at two thresholds or more.")
	}
	var xs, ys []float64
	for _, c := range curves {
		xs = append(xs, c.X...)
		ys = append(ys, c.Y...)
		ys = append(ys, c.Hi...)
	}
	all := Curve{Name: "Treat all", X: d.Threshold, Y: d.TreatAll}.clean()
	top := max(d.Prevalence, quantile(ys, 1))
	if !finite(top) || top <= 0 {
		top = 0.05
	}
	c := chart{w: plotWidth, h: 370, x: axis{label: "Threshold probability"}, y: axis{label: "Net benefit", min: -0.2 * top, max: 1.08 * top}}
	c.x.widen(0, xs...)
	c.layers = append(c.layers, ruleY(0, ""))
	c.addCurves(curves)
	if len(all.X) >= 2 {
		c.layers = append(c.layers, func(dc draw.Canvas, to transform) {
			dc.StrokeLines(draw.LineStyle{Color: Muted, Width: 1.5, Dashes: dash(4)}, dc.ClipLinesXY(path(all.X, all.Y, false, to))...)
		})
		c.keys = append(c.keys, key{name: "Treat all", tone: Muted, dash: dash(4)})
	}
	c.keys = append(c.keys, key{name: "Treat none", tone: Muted, dash: reference})
	return c.figure(title, sentence("Decision curve: net benefit against threshold probability, for "+curveNames(curves)+", treating all and treating none"))
}

func curveNames(curves []Curve) string {
	var names []string
	for _, c := range curves {
		if c.Name != "" {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return "the model"
	}
	return strings.Join(names, ", ")
}

// LineData is a general line chart.
type LineData struct {
	Title          string
	XLabel, YLabel string
	Curves         []Curve
	Lines          []Reference // horizontal reference lines
	YMin, YMax     float64     // range of the y axis; both 0 = from the data
	Integers       bool        // the x axis counts
	AtRisk         []AtRisk    // numbers beneath the axis, for survival curves
	Censored       []Curve     // ticks at (X, Y), one entry per curve, for survival curves
}

// Reference is a line at a value with a word beside it.
type Reference struct {
	Value float64
	Name  string
}

// Lines draws curves over a common axis.
func Lines(d LineData) Figure {
	title := d.Title
	if title == "" {
		title = "Curves"
	}
	curves := cleanCurves(d.Curves)
	if len(curves) == 0 {
		return empty(title, "A curve needs at least two points.")
	}
	var xs, ys []float64
	for _, c := range curves {
		xs = append(xs, c.X...)
		ys = append(append(append(ys, c.Y...), c.Lo...), c.Hi...)
	}
	c := chart{w: plotWidth, h: plotHeight, x: axis{label: d.XLabel, integers: d.Integers}, y: axis{label: d.YLabel, min: d.YMin, max: d.YMax}}
	for _, r := range d.AtRisk {
		xs = append(xs, r.At...)
	}
	c.x.widen(0, xs...)
	for _, r := range d.Lines {
		if finite(r.Value) {
			ys = append(ys, r.Value)
			c.layers = append(c.layers, ruleY(r.Value, r.Name))
		}
	}
	if d.YMin == 0 && d.YMax == 0 {
		c.y.widen(0.05, ys...)
	}
	c.addCurves(curves)
	for i, cens := range d.Censored {
		c.layers = append(c.layers, censorLayer(cens.clean(), Series(i)))
	}
	f := c.figure(title, sentence(title+": "+d.YLabel+" against "+d.XLabel, curveWords(curves), rangeWords(d.YLabel, curves)))
	if len(d.AtRisk) > 0 {
		return c.withRiskTable(title, f.Alt, d.AtRisk)
	}
	return f
}

func rangeWords(name string, curves []Curve) string {
	if len(curves) != 1 || len(curves[0].Y) == 0 {
		return ""
	}
	y := curves[0].Y
	return fmt.Sprintf("%s goes from %s to %s", name, short(y[0]), short(y[len(y)-1]))
}

// short writes a number with three significant digits.
func short(v float64) string {
	switch a := math.Abs(v); {
	case !finite(v) || a == 0:
		return Num(v, 0)
	case a >= 1e6 || a < 1e-4:
		return strings.Replace(fmt.Sprintf("%.2e", v), "-", "−", -1)
	case a >= 100:
		return Num(v, 0)
	case a >= 10:
		return Num(v, 1)
	case a >= 1:
		return Num(v, 2)
	}
	return Num(v, 2-int(math.Floor(math.Log10(math.Abs(v)))))
}

// Learning draws the loss by training step: one curve for the training and one for the validation loss.
func Learning(step, loss string, curves ...Curve) Figure {
	return Lines(LineData{Title: "Learning curve", XLabel: step, YLabel: loss, Curves: curves, Integers: true})
}

// quantile returns the p-quantile of the finite values, linear between order statistics; NaN if none.
func quantile(vs []float64, p float64) float64 {
	var s []float64
	for _, v := range vs {
		if finite(v) {
			s = append(s, v)
		}
	}
	if len(s) == 0 {
		return math.NaN()
	}
	sort.Float64s(s)
	at := p * float64(len(s)-1)
	i := int(at)
	if i+1 >= len(s) {
		return s[len(s)-1]
	}
	return s[i] + (at-float64(i))*(s[i+1]-s[i])
}
