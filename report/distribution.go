package report

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Group is a named set of values.
type Group struct {
	Name   string
	Values []float64
}

// DistributionData is one variable in one or more groups.
type DistributionData struct {
	Title, XLabel string
	Groups        []Group
	Density       bool // smooth curves instead of bars
	Bins          int  // of the histogram; 0 = by the rule of Freedman and Diaconis (1981), 5 to 60
}

// Distribution draws histograms as outlines over one another, or kernel densities (Gaussian, bandwidth by
// Silverman's rule, 1986, eq. 3.31). Heights are shares of each group, so that groups of different size
// compare.
func Distribution(d DistributionData) Figure {
	title := d.Title
	if title == "" {
		title = "Distribution"
	}
	var all []float64
	var groups []Group
	for _, g := range d.Groups {
		k := Group{Name: g.Name}
		for _, v := range g.Values {
			if finite(v) {
				k.Values = append(k.Values, v)
			}
		}
		if len(k.Values) > 0 {
			groups = append(groups, k)
			all = append(all, k.Values...)
		}
	}
	if len(all) < 2 {
		return empty(title, "A distribution needs at least two values.")
	}
	c := chart{w: plotWidth, h: plotHeight, x: axis{label: d.XLabel, noGrid: true}, y: axis{label: "Share of group", percent: true}}
	c.x.widen(0, all...)
	var curves []Curve
	if d.Density {
		c.y = axis{label: "Density"}
		c.x.widen(0.06, all...)
		for _, g := range groups {
			curves = append(curves, density(g, c.x.min, c.x.max))
		}
	} else {
		bins := d.Bins
		if bins <= 0 {
			bins = freedman(all)
		}
		for _, g := range groups {
			curves = append(curves, outline(g, c.x.min, c.x.max, bins))
		}
	}
	top := 0.0
	for _, k := range curves {
		top = max(top, quantile(k.Y, 1))
	}
	c.y.max = 1.08 * top
	var words []string
	for i, k := range curves {
		c.layers = append(c.layers, areaLayer(k, i))
		n := len(groups[i].Values)
		c.keys = append(c.keys, key{name: strings.TrimSpace(fmt.Sprintf("%s (n = %s)", groups[i].Name, Count(n))), tone: Series(i), dash: dash(i), kind: '#'})
		words = append(words, fmt.Sprintf("%s median %s of %d", groups[i].Name, short(quantile(groups[i].Values, .5)), n))
	}
	return c.figure(title, sentence("Distribution of "+printable(d.XLabel), strings.Join(words, "; ")))
}

func freedman(vs []float64) int {
	iqr := quantile(vs, .75) - quantile(vs, .25)
	span := quantile(vs, 1) - quantile(vs, 0)
	if iqr <= 0 {
		return 20
	}
	return int(min(max(math.Ceil(span/(2*iqr*math.Pow(float64(len(vs)), -1./3))), 5), 60))
}

// outline is a histogram as a closed staircase.
func outline(g Group, lo, hi float64, bins int) Curve {
	c := Curve{Name: g.Name}
	at := func(i int) float64 { return lo + (hi-lo)*float64(i)/float64(bins) }
	c.X, c.Y = append(c.X, lo), append(c.Y, 0)
	for i, n := range binCounts(g.Values, lo, hi, bins) {
		share := float64(n) / float64(len(g.Values))
		c.X = append(c.X, at(i), at(i+1))
		c.Y = append(c.Y, share, share)
	}
	c.X, c.Y = append(c.X, hi), append(c.Y, 0)
	return c
}

// density evaluates on 200 points from values binned to 1000, so that its cost does not grow with the data.
func density(g Group, lo, hi float64) Curve {
	const fine, points = 1000, 200
	n := float64(len(g.Values))
	var mean, ss float64
	for _, v := range g.Values {
		mean += v / n
	}
	for _, v := range g.Values {
		ss += (v - mean) * (v - mean) / n
	}
	sigma := math.Sqrt(ss)
	if iqr := (quantile(g.Values, .75) - quantile(g.Values, .25)) / 1.34; iqr > 0 {
		sigma = min(sigma, iqr)
	}
	h := max(0.9*sigma*math.Pow(n, -0.2), (hi-lo)/200)
	counts := binCounts(g.Values, lo, hi, fine)
	c := Curve{Name: g.Name}
	for i := range points {
		x := lo + (hi-lo)*float64(i)/(points-1)
		var sum float64
		for k, m := range counts {
			if m > 0 {
				z := (x - (lo + (hi-lo)*(float64(k)+.5)/fine)) / h
				sum += float64(m) * math.Exp(-z*z/2)
			}
		}
		c.X = append(c.X, x)
		c.Y = append(c.Y, sum/(n*h*math.Sqrt(2*math.Pi)))
	}
	return c
}

func areaLayer(c Curve, i int) layer {
	return func(dc draw.Canvas, to transform) {
		line := path(c.X, c.Y, false, to)
		area := append([]vg.Point{{X: line[0].X, Y: dc.Min.Y}}, line...)
		area = append(area, vg.Point{X: line[len(line)-1].X, Y: dc.Min.Y})
		dc.FillPolygon(Series(i).Band(), area)
		dc.StrokeLines(draw.LineStyle{Color: Series(i), Width: 1.8, Dashes: dash(i)}, line)
	}
}

// ScatterData is a cloud of points with the line of equality or a smooth curve.
type ScatterData struct {
	Title          string
	XLabel, YLabel string
	X, Y           []float64
	Equal          bool // same range on both axes, with the diagonal: predicted against observed
	Fit            Curve
	Note           string // e.g. "R² 0.81 (0.78–0.84)"
}

const maxScatter = 1500

// Scatter draws points; of a large cloud it draws one point per small cell and says how many that are.
func Scatter(d ScatterData) Figure {
	title := d.Title
	if title == "" {
		title = "Scatter"
	}
	k := Curve{X: d.X, Y: d.Y}.clean()
	if len(k.X) < 2 {
		return empty(title, "A scatter plot needs at least two points.")
	}
	c := chart{w: plotWidth, h: plotHeight, x: axis{label: d.XLabel}, y: axis{label: d.YLabel}}
	c.x.widen(0.04, k.X...)
	c.y.widen(0.04, k.Y...)
	if d.Equal {
		c.h = 370
		c.x.widen(0.04, append(append([]float64(nil), k.X...), k.Y...)...)
		c.y.min, c.y.max = c.x.min, c.x.max
		c.layers = append(c.layers, idealLine([2]float64{c.x.min, c.x.max}))
		c.keys = append(c.keys, key{name: "Equality", tone: Muted, dash: reference})
	}
	// How many points are drawn depends on the page, so the alternative text is written after the drawing.
	shown := 0
	c.layers = append(c.layers, func(dc draw.Canvas, to transform) {
		pts := make([]vg.Point, len(k.X))
		for i := range pts {
			pts[i] = to.at(k.X[i], k.Y[i])
		}
		keep := sparse(pts, maxScatter)
		shown = len(keep)
		for _, i := range keep {
			s, x, y := onPage(dc, pts[i])
			s.circle(x, y, 2.5, fill(Series(0))+` opacity=".45"`)
		}
	})
	if f := d.Fit.clean(); len(f.X) >= 2 {
		c.layers = append(c.layers, curveLayer(f, 0, Series(1)))
		c.keys = append(c.keys, key{name: f.legend(), tone: Series(1)})
	}
	if d.Note != "" {
		c.layers = append(c.layers, func(dc draw.Canvas, _ transform) {
			s, x, y := onPage(dc, vg.Point{X: dc.Min.X, Y: dc.Max.Y})
			s.text(x+6, y+14, d.Note, label{})
		})
	}
	f := c.figure(title, "")
	f.Alt = sentence(fmt.Sprintf("Scatter plot of %s against %s, %d points, %d drawn", printable(d.YLabel), printable(d.XLabel), len(k.X), shown), d.Note)
	return f
}

// Confusion draws a confusion matrix: rows are the truth, columns the prediction, each cell with its count
// and its share of the row. Above twenty classes, which a page cannot hold, the smallest are left out.
func Confusion(labels []string, counts [][]int) Figure {
	const title = "Confusion matrix"
	n := min(len(labels), len(counts))
	total := 0
	for i := range n {
		for j := range min(n, len(counts[i])) {
			total += counts[i][j]
		}
	}
	if total == 0 {
		return empty(title, "There is no classified case.")
	}
	keep := largestClasses(labels[:n], counts[:n], 20)
	m := len(keep)
	cell := min(76, (plotWidth-96)/float64(m))
	left, top := 96.0, 46.0
	s := newSheet(left+cell*float64(m)+2, top+cell*float64(m)+8)
	s.text(left, 12, "Predicted", label{size: smallSize, color: Muted})
	s.text(0, top-8, "Truth", label{size: smallSize, color: Muted})
	correct := 0
	for a, i := range keep {
		var row int
		for _, c := range counts[i] {
			row += c
		}
		s.text(left+cell*(float64(a)+.5), top-8, fit(labels[i], smallSize, cell-3), label{size: smallSize, anchor: 'm'})
		s.text(left-8, top+cell*(float64(a)+.5)+4, fit(labels[i], smallSize, left-12), label{size: smallSize, anchor: 'e'})
		for b, j := range keep {
			if j < len(counts[i]) {
				s.cell(left+cell*float64(b), top+cell*float64(a), cell, counts[i][j], row, a == b)
				if a == b {
					correct += counts[i][j]
				}
			}
		}
	}
	words := fmt.Sprintf("Confusion matrix of %d classes and %d cases, %d of them on the diagonal", n, total, correct)
	if m < n {
		s.h += 18
		s.text(0, s.h-6, fmt.Sprintf("%d small classes are not shown.", n-m), label{size: smallSize, color: Muted})
	}
	return s.figure(title, sentence(words))
}

func (s *sheet) cell(x, y, size float64, count, row int, diagonal bool) {
	share := 0.0
	if row > 0 {
		share = float64(count) / float64(row)
	}
	tone := Series(1)
	if diagonal {
		tone = Series(0)
	}
	s.rect(x+1, y+1, size-2, size-2, 3, fmt.Sprintf(` class="f-%s" fill-opacity="%s"`, tone.name(), strings.TrimPrefix(Num(0.04+0.3*share, 2), "0")))
	if diagonal {
		s.rect(x+1, y+1, size-2, size-2, 3, stroke(tone, 1.5, nil))
	}
	number := Count(count)
	fs := min(14, size*.36)
	if w := width(number, fs); w > size-8 {
		fs *= (size - 8) / w
	}
	if fs < 5 {
		return
	}
	mid := y + size/2 + fs*.36
	if size >= 34 {
		mid -= 7
		s.text(x+size/2, mid+15, Num(100*share, 0)+"%", label{size: min(smallSize, size*.26), anchor: 'm', color: Muted})
	}
	s.text(x+size/2, mid, number, label{size: fs, anchor: 'm', bold: diagonal})
}

// largestClasses returns up to limit class indexes with the most true cases, in their own order.
func largestClasses(labels []string, counts [][]int, limit int) []int {
	order := make([]int, len(labels))
	size := make([]int, len(labels))
	for i := range order {
		order[i] = i
		for _, c := range counts[i] {
			size[i] += c
		}
	}
	stableBy(order, func(a, b int) bool { return size[a] > size[b] })
	order = order[:min(limit, len(order))]
	stableBy(order, func(a, b int) bool { return a < b })
	return order
}
