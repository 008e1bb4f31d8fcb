package report

import (
	"fmt"
	"math"
	"strings"
)

// HeatmapData is a value for each pair of levels of two variables, such as a pair term of an additive
// model or a matrix of correlations.
type HeatmapData struct {
	Title          string
	XLabel, YLabel string
	XNames, YNames []string    // levels, in order; numeric ones as their ranges
	Values         [][]float64 // by level of Y, then of X; NaN = no value
}

const maxLevels = 40

// Heatmap draws a grid of cells, deeper with the size of the value. Values are printed where cells have
// room; elsewhere negative cells carry a minus sign, so that the sign does not hang on colour. Past forty
// levels on a side the rest is left out, and said.
func Heatmap(d HeatmapData) Figure {
	title := d.Title
	if title == "" {
		title = strings.Trim(d.XLabel+" and "+d.YLabel, " ")
	}
	nx, ny := min(len(d.XNames), maxLevels), min(len(d.YNames), len(d.Values), maxLevels)
	m := &matrix{d: d, nx: nx, ny: ny}
	var all []float64
	for i := range ny {
		for j := range nx {
			if v := m.at(i, j); finite(v) {
				all = append(all, v)
				m.top = max(m.top, math.Abs(v))
			}
		}
	}
	if len(all) == 0 {
		return empty(title, "There is no pair of levels with a value.")
	}
	m.layout()
	for i := range ny {
		for j := range nx {
			m.cell(i, j)
		}
	}
	m.names(len(d.XNames) - nx + len(d.YNames) - ny)
	return m.s.figure(title, sentence(fmt.Sprintf("Grid of %s by %s, %d by %d cells, from %s to %s",
		printable(d.XLabel), printable(d.YLabel), nx, ny, short(quantile(all, 0)), short(quantile(all, 1)))))
}

type matrix struct {
	s         *sheet
	d         HeatmapData
	nx, ny    int
	top       float64 // largest size of a value
	left      float64 // of the first cell
	head      float64 // above the first cell
	w, h      float64 // of a cell
	precision int
}

func (m *matrix) at(i, j int) float64 {
	if j >= len(m.d.Values[i]) {
		return math.NaN()
	}
	return m.d.Values[i][j]
}

func (m *matrix) layout() {
	for _, n := range m.d.YNames[:m.ny] {
		m.left = max(m.left, min(width(n, smallSize), 110)+8)
	}
	m.head = 22
	m.w = (plotWidth - 2 - m.left) / float64(m.nx)
	m.h = min(max(m.w, 14), 34)
	m.precision = decimals(2, m.top)
	m.s = newSheet(plotWidth, m.head+m.h*float64(m.ny)+56)
	m.s.text(0, 12, fit(m.d.YLabel, textSize, plotWidth), label{color: Muted})
}

func (m *matrix) cell(i, j int) {
	v := m.at(i, j)
	x, y := m.left+m.w*float64(j), m.head+m.h*float64(i)
	if !finite(v) {
		m.s.rect(x+.5, y+.5, m.w-1, m.h-1, 1, stroke(Grid, 1, dash(2)))
		return
	}
	tone := Series(1)
	if v < 0 {
		tone = Series(0)
	}
	share := 0.0
	if m.top > 0 {
		share = math.Abs(v) / m.top
	}
	m.s.rect(x+.5, y+.5, m.w-1, m.h-1, 1, fmt.Sprintf(` class="f-%s" fill-opacity="%s"`, tone.name(), strings.TrimPrefix(Num(.04+.4*share, 2), "0")))
	words := Num(v, m.precision)
	switch {
	case width(words, 10) <= m.w-4:
		m.s.text(x+m.w/2, y+m.h/2+3.5, words, label{size: 10, anchor: 'm'})
	case v < 0 && m.w >= 5:
		m.s.line(x+m.w/2-2, y+m.h/2, x+m.w/2+2, y+m.h/2, stroke(Ink, 1, nil))
	}
}

// names writes the levels: all of Y that fit their row, and those of X that do not touch.
func (m *matrix) names(rest int) {
	free := 0.0
	for i, n := range m.d.YNames[:m.ny] {
		m.s.text(m.left-6, m.head+m.h*(float64(i)+.5)+4, fit(n, smallSize, 110), label{size: smallSize, anchor: 'e', color: Muted})
	}
	y := m.head + m.h*float64(m.ny)
	for j, n := range m.d.XNames[:m.nx] {
		n = fit(n, smallSize, max(m.w-3, 60))
		x, half := m.left+m.w*(float64(j)+.5), width(n, smallSize)/2
		x = min(x, plotWidth-half)
		if x-half < free {
			continue
		}
		m.s.text(x, y+14, n, label{size: smallSize, anchor: 'm', color: Muted})
		free = x + half + 5
	}
	m.s.text(m.left+m.w*float64(m.nx)/2, y+32, fit(m.d.XLabel, textSize, plotWidth-m.left), label{anchor: 'm', color: Muted})
	if rest > 0 {
		m.s.text(0, y+50, fmt.Sprintf("%d more levels are not shown.", rest), label{size: smallSize, color: Muted})
	}
}
