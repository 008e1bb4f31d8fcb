package report

import (
	"math"
	"strconv"
	"strings"
	"unicode"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	textSize  = 12.0 // axis labels and legends, pixels at full width
	smallSize = 11.0 // tick labels and notes
)

// advance holds the widths of ASCII 32–126 in thousandths of the size, those of Helvetica and its metric
// twins. Layout needs estimates only, since the reader's system font draws the text; a table keeps the
// program from parsing fonts, which would cost more than drawing a whole report.
var advance = [...]int16{
	278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
	556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
	1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
	667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
	333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
	556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
}

// allowance makes room for system fonts that run wider than Helvetica, such as Segoe UI and Noto Sans.
const allowance = 1.08

// width estimates how wide a text is in pixels at a font size.
func width(s string, size float64) float64 {
	var w float64
	for _, r := range s {
		switch {
		case r >= 32 && int(r)-32 < len(advance):
			w += float64(advance[r-32])
		case unicode.Is(unicode.Mn, r):
		case r >= 0x1100 && (unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) || r > 0xffff):
			w += 1000
		case r == '…':
			w += 1000
		default:
			w += 580
		}
	}
	return w * size * allowance / 1000
}

// fit shortens a text with an ellipsis to a width in pixels.
func fit(s string, size, room float64) string {
	s = printable(s)
	if width(s, size) <= room {
		return s
	}
	room -= width("…", size)
	var used float64
	for i, r := range s {
		used += width(string(r), size)
		if used > room {
			return strings.TrimRight(s[:i], " ") + "…"
		}
	}
	return s
}

// wrap breaks a text into at most n lines of a width in pixels; the last one may be shortened.
func wrap(s string, size, room float64, n int) []string {
	var lines []string
	words := strings.Fields(printable(s))
	for len(words) > 0 {
		k := 1
		for k < len(words) && width(strings.Join(words[:k+1], " "), size) <= room {
			k++
		}
		if len(lines) == n-1 {
			k = len(words)
		}
		lines = append(lines, fit(strings.Join(words[:k], " "), size, room))
		words = words[k:]
	}
	return lines
}

// TextStyle is the style for text on the canvas of Draw; set its alignment as needed.
func TextStyle(size float64, t Tone) draw.TextStyle {
	return draw.TextStyle{Color: t, Font: font.Font{Size: vg.Length(size)}, Handler: plainText{}}
}

// plainText is the gonum text handler of Galen's figures: one line, measured by the table above, drawn as
// an SVG text element that keeps its anchor.
type plainText struct{}

func (plainText) Cache() *font.Cache { return font.DefaultCache }

func (plainText) Extents(f font.Font) font.Extents {
	return font.Extents{Ascent: f.Size * 0.905, Descent: f.Size * 0.212, Height: f.Size * 1.117}
}

func (plainText) Lines(txt string) []string { return []string{txt} }

func (h plainText) Box(txt string, f font.Font) (w, height, depth vg.Length) {
	e := h.Extents(f)
	return vg.Length(width(txt, float64(f.Size))), e.Ascent, e.Descent
}

func (h plainText) Draw(c vg.Canvas, txt string, sty text.Style, pt vg.Point) {
	s := sheetOf(c)
	if s == nil || txt == "" {
		return
	}
	l := label{size: float64(sty.Font.Size), color: sty.Color, turn: -sty.Rotation * 180 / math.Pi}
	switch {
	case sty.XAlign <= -0.75:
		l.anchor = 'e'
	case sty.XAlign < -0.25:
		l.anchor = 'm'
	}
	// The baseline of an unrotated line lies its height times YAlign above the point, less the ascent,
	// plus one line, as in gonum's own handler.
	lift := sty.Height(txt)*vg.Length(sty.YAlign) - h.Extents(sty.Font).Ascent + sty.Font.Size
	sin, cos := math.Sincos(sty.Rotation)
	x, y := s.state.to.at(vg.Point{X: pt.X - lift*vg.Length(sin), Y: pt.Y + lift*vg.Length(cos)})
	s.text(x, y, txt, l)
}

// sheetOf finds the sheet under the draw.Canvas values that gonum nests when it crops.
func sheetOf(c vg.Canvas) *sheet {
	for {
		switch v := c.(type) {
		case *sheet:
			return v
		case draw.Canvas:
			c = v.Canvas
		case *draw.Canvas:
			c = v.Canvas
		default:
			return nil
		}
	}
}

// Num writes a number for readers: fixed decimals, a true minus sign, an en dash for what is not a number,
// powers of ten from 1e9 on.
func Num(v float64, decimals int) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	}
	if math.Abs(v) >= 1e9 {
		return strings.ReplaceAll(strings.Replace(strconv.FormatFloat(v, 'e', 2, 64), "e+", "e", 1), "-", "−")
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-")
	}
	if s[0] == '-' {
		return "−" + s[1:]
	}
	return s
}

// Interval writes "0.81–0.93", or "−0.02 to 0.05" where a bound is negative.
func Interval(lo, hi float64, decimals int) string {
	if math.IsNaN(lo) && math.IsNaN(hi) {
		return "–"
	}
	sep := "–"
	if lo < 0 || hi < 0 {
		sep = " to "
	}
	return Num(lo, decimals) + sep + Num(hi, decimals)
}

// Count writes a whole number with thin spaces between groups of three digits: 12 345.
func Count(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	if len(s) < 5 {
		return sign + s
	}
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteRune('\u202f')
		}
		b.WriteRune(c)
	}
	return sign + b.String()
}
