package report

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"unicode"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Figure is a drawing with its description. Figures come from the functions of this package (ROC,
// Calibration, Forest, ...) or from Draw. The zero Figure is empty and shows nothing.
type Figure struct {
	Title         string  // short name, used where a block gives none
	Alt           string  // what it shows, in words, with its main numbers
	Width, Height float64 // natural size in pixels; pages scale it to the room there is
	body          string
	narrow        *Figure // another layout for phones, or nil
}

const (
	plotWidth  = 400 // natural width of a plot: full size in two columns, 0.9 of it on a phone
	wideWidth  = 820 // natural width where a figure has the whole column
	plotHeight = 290
)

// Draw makes a figure from a painting function, so that packages with drawings of their own (molecules,
// masks) share the page's look. Sizes are pixels; the canvas is gonum's, with the origin in the lower left
// corner; colours should be Tones.
func Draw(title, alt string, width, height float64, paint func(c draw.Canvas)) Figure {
	s := newSheet(width, height)
	paint(draw.NewCanvas(s, vg.Length(width), vg.Length(height)))
	return s.figure(title, alt)
}

func (s *sheet) figure(title, alt string) Figure {
	return Figure{Title: title, Alt: alt, Width: s.w, Height: s.h, body: s.b.String()}
}

// empty is what a figure becomes when there is nothing to draw: it says so instead of failing.
func empty(title, why string) Figure {
	const h = 120
	s := newSheet(plotWidth, h)
	s.rect(1, 1, plotWidth-2, h-2, 6, stroke(Grid, 1.5, dash(1)))
	s.text(plotWidth/2, h/2-4, "Not enough data", label{size: 14, anchor: 'm', bold: true})
	for i, line := range wrap(why, textSize, plotWidth-40, 2) {
		s.text(plotWidth/2, h/2+16+16*float64(i), line, label{anchor: 'm', color: Muted})
	}
	return s.figure(title, title+": not enough data. "+why)
}

// SVG returns the figure as a file of its own, with its style inside, for light and dark.
func (f Figure) SVG() []byte {
	var b strings.Builder
	f.write(&b, "", `xmlns="http://www.w3.org/2000/svg"`+fmt.Sprintf(` width="%s" height="%s"`, num(f.Width), num(f.Height)),
		"<style>"+figureStyle()+"</style>")
	b.WriteByte('\n')
	return []byte(b.String())
}

// inline returns the figure for a page, whose style sheet has the tones.
func (f Figure) inline() string {
	if f.body == "" {
		return ""
	}
	var b strings.Builder
	if f.narrow == nil {
		f.write(&b, "fig", "", "")
		return b.String()
	}
	f.write(&b, "fig for-wide", "", "")
	f.narrow.write(&b, "fig for-narrow", "", "")
	return b.String()
}

func (f Figure) write(b *strings.Builder, class, attrs, head string) {
	b.WriteString("<svg")
	if attrs != "" {
		b.WriteString(" " + attrs)
	}
	if class != "" {
		if f.Width > 1.3*plotWidth {
			class += " full"
		}
		fmt.Fprintf(b, ` class="%s" style="max-width:%spx"`, class, num(math.Round(f.Width*1.15)))
	}
	fmt.Fprintf(b, ` viewBox="0 0 %s %s" role="img" aria-label="%s">%s%s</svg>`,
		num(f.Width), num(f.Height), html.EscapeString(printable(f.Alt)), head, f.body)
}

// figureStyle is the style of a figure outside a page.
func figureStyle() string {
	var b strings.Builder
	b.WriteString(".t{font:12px -apple-system,BlinkMacSystemFont,\"Segoe UI\",Roboto,\"Noto Sans\",\"Helvetica Neue\",\"Liberation Sans\",Arial,sans-serif}.b{font-weight:600}")
	b.WriteString("svg{background:" + palette[Paper].light + "}")
	b.WriteString(toneRules(func(t Tone) string { return palette[t].light }))
	b.WriteString("@media(prefers-color-scheme:dark){svg{background:" + palette[Paper].dark + "}")
	b.WriteString(toneRules(func(t Tone) string { return palette[t].dark }))
	b.WriteString("}")
	return b.String()
}

// toneRules writes the classes of all tones with a value for each.
func toneRules(value func(Tone) string) string {
	var b strings.Builder
	for i, p := range palette {
		v := value(Tone(i))
		fmt.Fprintf(&b, ".f-%s{fill:%s}.s-%s{stroke:%s;fill:none}", p.name, v, p.name, v)
	}
	return b.String()
}

// toneVariables writes the custom properties of all tones.
func toneVariables(dark bool) string {
	var b strings.Builder
	for _, p := range palette {
		v := p.light
		if dark {
			v = p.dark
		}
		fmt.Fprintf(&b, "--%s:%s;", p.name, v)
	}
	return b.String()
}

// finite reports whether every value is a number that an axis can hold: beyond 1e300 ranges overflow.
func finite(vs ...float64) bool {
	for _, v := range vs {
		if math.IsNaN(v) || math.Abs(v) > 1e300 {
			return false
		}
	}
	return true
}

// stableBy sorts in place and keeps the order of equals.
func stableBy[T any](xs []T, less func(a, b T) bool) {
	slices.SortStableFunc(xs, func(a, b T) int {
		switch {
		case less(a, b):
			return -1
		case less(b, a):
			return 1
		}
		return 0
	})
}

// lower puts the first letter of a phrase in lower case, unless the phrase starts with an abbreviation.
func lower(s string) string {
	r := []rune(s)
	if len(r) < 2 || unicode.IsUpper(r[1]) {
		return s
	}
	r[0] = unicode.ToLower(r[0])
	return string(r)
}
