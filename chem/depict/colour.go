package depict

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// tone is a colour by its role; the values are those of package report, so that molecules match its pages.
type tone uint8

const (
	ink tone = iota
	muted
	grid
	paper
	k1
	k2
	k3
	k4
	k5
	k6
)

var tones = [...]struct{ name, light, dark string }{
	{"ink", "#1b2733", "#e6ebf0"},
	{"muted", "#566473", "#a3b0bd"},
	{"grid", "#dde3e9", "#303b47"},
	{"paper", "#ffffff", "#12181f"},
	{"k1", "#0b62a8", "#6ab4f2"},
	{"k2", "#c8310e", "#fd8d61"},
	{"k3", "#018546", "#56e08f"},
	{"k4", "#8a5e92", "#d467c4"},
	{"k5", "#6c6c08", "#e5b944"},
	{"k6", "#4b5b6b", "#a9b8c7"},
}

// toneOf is the colour of an element's letters.
func toneOf(z uint8) tone {
	switch z {
	case 6, 1, 0:
		return ink
	case 7:
		return k1
	case 8:
		return k2
	case 9, 17:
		return k3
	case 35, 53:
		return k4
	case 16, 15, 34:
		return k5
	}
	return k6
}

// Highlight marks atoms and bonds with a coloured ground.
type Highlight struct {
	Atoms, Bonds []int32
	Colour       int     // 0 to 5, the series colours of reports
	Weight       float64 // strength from 0 to 1; 0 stands for 1
}

func (k *sketch) drawHighlights() {
	for _, h := range k.o.Highlights {
		w := h.Weight
		if w <= 0 || w > 1 {
			w = 1
		}
		k.ground(h.Atoms, h.Bonds, k1+tone(((h.Colour%6)+6)%6), 0.1+0.3*w)
	}
}

// ground draws the coloured ground of atoms and bonds.
func (k *sketch) ground(atoms, bonds []int32, t tone, opacity float64) {
	var pts []complex128
	for _, b := range bonds {
		if b >= 0 && int(b) < len(k.m.Bonds) {
			x := &k.m.Bonds[b]
			pts = append(pts, k.at[x.Begin], k.at[x.End])
		}
	}
	if len(pts) > 0 {
		k.scene.shapes = append(k.scene.shapes, shape{kind: strokes, tone: t, opacity: opacity, width: 0.42 * k.unit, pts: pts, round: true})
	}
	for _, a := range atoms {
		if a >= 0 && int(a) < len(k.at) {
			k.scene.shapes = append(k.scene.shapes, shape{kind: disc, tone: t, opacity: opacity, width: 0.36 * k.unit, pts: []complex128{k.at[a]}})
		}
	}
}

// heatTop is the largest absolute value, or 0 where there is nothing to show.
func heatTop(heat []float64) float64 {
	top := 0.0
	for _, v := range heat {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			top = max(top, math.Abs(v))
		}
	}
	return top
}

// drawHeat colours atoms by signed values: positive ones in the second series colour, negative ones in the first,
// stronger with their size.
func (k *sketch) drawHeat() {
	top := heatTop(k.o.Heat)
	if k.o.HeatTop > 0 {
		top = k.o.HeatTop
	}
	if top == 0 {
		return
	}
	for i, v := range k.o.Heat {
		if i >= len(k.at) || math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		x := min(math.Abs(v)/top, 1)
		if x < 0.02 {
			continue
		}
		t := k2
		if v < 0 {
			t = k1
		}
		k.scene.shapes = append(k.scene.shapes, shape{
			kind: disc, tone: t, opacity: round2(0.6 * x), width: k.unit * (0.24 + 0.2*math.Sqrt(x)), pts: []complex128{k.at[i]},
		})
	}
}

func round2(x float64) float64 { return math.Round(x*100) / 100 }

// legend draws the scale of heat: five discs from the most negative to the most positive value.
func (s *scene) legend(x, y float64, top float64, label string) {
	const r = 7
	for i := range 9 {
		v := float64(i-4) / 4
		t := k2
		if v < 0 {
			t = k1
		}
		c := complex(x+r+float64(i)*13, y)
		s.shapes = append(s.shapes, shape{kind: disc, tone: grid, opacity: 0.5, width: r - 1, pts: []complex128{c}})
		if v != 0 {
			s.shapes = append(s.shapes, shape{kind: disc, tone: t, opacity: round2(0.6 * math.Abs(v)), width: r - 1, pts: []complex128{c}})
		}
	}
	text := func(at float64, anchor byte, t string) {
		s.shapes = append(s.shapes, shape{kind: letters, tone: muted, pts: []complex128{complex(at, y+14)}, text: t, size: 10, anchor: anchor})
	}
	end := x + 8*13 + 2*r
	text(x, 's', "−"+number(top))
	text((x+end)/2, 'm', "0")
	text(end, 'e', "+"+number(top))
	if label != "" {
		s.shapes = append(s.shapes, shape{kind: letters, tone: muted, pts: []complex128{complex(end+10, y)}, text: label, size: 11, anchor: 's'})
	}
}

// number writes a value of the legend.
func number(v float64) string {
	return strings.Replace(strconv.FormatFloat(v, 'g', 3, 64), "-", "−", 1)
}

func median(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}
