package report

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// CalibrationData is what a calibration plot shows (Van Calster et al. 2019): a smooth curve of observed
// frequency against predicted risk, groups with their intervals, and the predictions of both outcomes.
type CalibrationData struct {
	Smooth   []Curve    // X predicted, Y observed, with a band; several for before and after recalibration
	Bins     []RiskBin  // groups of cases with similar predictions; nil = none
	Positive []float64  // predicted risks of cases with the outcome; with Negative for the histogram
	Negative []float64  // predicted risks of cases without
	Range    [2]float64 // of both axes; zero = 0 to 1
}

// RiskBin is one group of a calibration plot.
type RiskBin struct {
	Predicted, Observed, Lo, Hi float64 // mean prediction, observed share and its interval
	N                           int
}

// Calibration draws a calibration plot with the histogram of predictions beneath, outcome upwards and no
// outcome downwards.
func Calibration(d CalibrationData) Figure {
	const title = "Calibration"
	curves := cleanCurves(d.Smooth)
	var bins []RiskBin
	for _, b := range d.Bins {
		if finite(b.Predicted, b.Observed) {
			bins = append(bins, b)
		}
	}
	if len(curves) == 0 && len(bins) == 0 {
		return empty(title, "A calibration plot needs predictions with known outcomes.")
	}
	r := d.Range
	if !(r[0] < r[1]) || !finite(r[0], r[1]) {
		r = [2]float64{0, 1}
	}
	c := chart{
		w: plotWidth, h: 370,
		x: axis{label: "Predicted risk", min: r[0], max: r[1]},
		y: axis{label: "Observed frequency", min: r[0], max: r[1]},
	}
	c.layers = append(c.layers, idealLine(r))
	c.addCurves(curves)
	if len(bins) > 0 {
		c.layers = append(c.layers, binLayer(bins, r))
		c.keys = append(c.keys, key{name: "Groups with 95% interval", tone: Ink, kind: 'o'})
	}
	c.keys = append(c.keys, key{name: "Ideal", tone: Muted, dash: reference})
	if len(d.Positive)+len(d.Negative) > 0 {
		c.below = 72
		c.layers = append(c.layers, riskHistogram(d.Positive, d.Negative, r))
	}
	return c.figure(title, sentence("Calibration plot: observed frequency against predicted risk, with the ideal diagonal", curveWords(curves), binWords(bins)))
}

func binWords(bins []RiskBin) string {
	if len(bins) == 0 {
		return ""
	}
	lo, hi := bins[0], bins[len(bins)-1]
	return fmt.Sprintf("%d groups, from predicted %s and observed %s to predicted %s and observed %s",
		len(bins), Num(lo.Predicted, 2), Num(lo.Observed, 2), Num(hi.Predicted, 2), Num(hi.Observed, 2))
}

func idealLine(r [2]float64) layer {
	return func(c draw.Canvas, to transform) {
		c.StrokeLines(draw.LineStyle{Color: Muted, Width: 1.5, Dashes: reference}, []vg.Point{to.at(r[0], r[0]), to.at(r[1], r[1])})
	}
}

func binLayer(bins []RiskBin, r [2]float64) layer {
	return func(c draw.Canvas, to transform) {
		clamp := func(v float64) float64 { return min(max(v, r[0]), r[1]) }
		for _, b := range bins {
			p := to.at(b.Predicted, b.Observed)
			if !c.Contains(p) {
				continue
			}
			s, x, y := onPage(c, p)
			if finite(b.Lo, b.Hi) {
				_, _, y0 := onPage(c, to.at(b.Predicted, clamp(b.Lo)))
				_, _, y1 := onPage(c, to.at(b.Predicted, clamp(b.Hi)))
				s.line(x, y0, x, y1, stroke(Ink, 1, nil))
			}
			s.circle(x, y, 3, fill(Ink))
		}
	}
}

// riskHistogram draws bars of predictions under the x axis, mirrored by outcome, each side scaled to its
// own maximum so that a rare outcome stays visible; the counts beside say how many.
func riskHistogram(pos, neg []float64, r [2]float64) layer {
	return func(c draw.Canvas, to transform) {
		s, left, bottom := onPage(c, c.Min)
		_, right, _ := onPage(c, c.Max)
		const bins, half = 40, 26
		mid := bottom + 46 + half
		w := (right - left) / bins
		side := func(vs []float64, up bool, t Tone) {
			counts := binCounts(vs, r[0], r[1], bins)
			top := 0
			for _, n := range counts {
				top = max(top, n)
			}
			for i, n := range counts {
				if n == 0 {
					continue
				}
				h := max(1, half*float64(n)/float64(top))
				y := mid + 1
				if up {
					y = mid - h
				}
				s.rect(left+float64(i)*w+.5, y, w-1, h, 0, fill(t))
			}
		}
		side(pos, true, Series(1))
		side(neg, false, Series(0))
		s.line(left, mid+.5, right, mid+.5, stroke(Grid, 1, nil))
		// Few cases with the outcome have a low risk and few without a high one: there the words fit.
		s.text(left, mid-half+6, fmt.Sprintf("↑ outcome, n = %s", Count(len(pos))), label{size: smallSize, color: Muted})
		s.text(right, mid+half+2, fmt.Sprintf("↓ no outcome, n = %s", Count(len(neg))), label{size: smallSize, anchor: 'e', color: Muted})
	}
}

// binCounts counts values in equal bins of [lo, hi]; the last bin is closed and the rest is left out.
func binCounts(vs []float64, lo, hi float64, bins int) []int {
	counts := make([]int, bins)
	for _, v := range vs {
		if !finite(v) || v < lo || v > hi {
			continue
		}
		counts[min(int(math.Floor((v-lo)/(hi-lo)*float64(bins))), bins-1)]++
	}
	return counts
}
