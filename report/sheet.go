package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// A sheet is a vg.Canvas that writes SVG elements with classes instead of colours, so that the page's
// style sheet decides how they look, and text as text with its anchor, so that any system font fits.
// Unlike gonum's own SVG canvas it applies transforms itself: the output has plain page coordinates with
// one decimal, which is a tenth of a pixel at full size. It has no ids, so figures never collide.
type sheet struct {
	b     strings.Builder
	w, h  float64
	state state
	stack []state
}

type state struct {
	color color.Color
	width vg.Length
	dash  []vg.Length
	to    affine
}

// affine maps (x, y) to (a x + c y + e, b x + d y + f).
type affine struct{ a, b, c, d, e, f float64 }

func (m affine) times(n affine) affine {
	return affine{
		m.a*n.a + m.c*n.b, m.b*n.a + m.d*n.b,
		m.a*n.c + m.c*n.d, m.b*n.c + m.d*n.d,
		m.a*n.e + m.c*n.f + m.e, m.b*n.e + m.d*n.f + m.f,
	}
}

func (m affine) at(p vg.Point) (x, y float64) {
	px, py := float64(p.X), float64(p.Y)
	return m.a*px + m.c*py + m.e, m.b*px + m.d*py + m.f
}

func newSheet(w, h float64) *sheet {
	s := &sheet{w: w, h: h}
	// The origin of a vg.Canvas is the lower left corner; that of SVG the upper left.
	s.state = state{color: Ink, width: 1, to: affine{1, 0, 0, -1, 0, h}}
	return s
}

// num writes a coordinate with at most one decimal.
func num(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0"
	}
	v = math.Round(v*10) / 10
	if v == 0 {
		v = 0 // a negative zero would print its sign
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// The vg.Canvas methods.

func (s *sheet) SetLineWidth(w vg.Length) { s.state.width = w }

func (s *sheet) SetLineDash(pattern []vg.Length, _ vg.Length) { s.state.dash = pattern }

func (s *sheet) SetColor(c color.Color) {
	if c == nil {
		c = Ink
	}
	s.state.color = c
}

func (s *sheet) Rotate(rad float64) {
	sin, cos := math.Sincos(rad)
	s.state.to = s.state.to.times(affine{cos, sin, -sin, cos, 0, 0})
}

func (s *sheet) Translate(p vg.Point) {
	s.state.to = s.state.to.times(affine{1, 0, 0, 1, float64(p.X), float64(p.Y)})
}

func (s *sheet) Scale(x, y float64) { s.state.to = s.state.to.times(affine{x, 0, 0, y, 0, 0}) }

func (s *sheet) Push() { s.stack = append(s.stack, s.state) }

func (s *sheet) Pop() {
	s.state = s.stack[len(s.stack)-1]
	s.stack = s.stack[:len(s.stack)-1]
}

func (s *sheet) Size() (x, y vg.Length) { return vg.Length(s.w), vg.Length(s.h) }

func (s *sheet) Stroke(p vg.Path) {
	if s.state.width <= 0 || len(p) == 0 {
		return
	}
	s.shape(p, stroke(s.state.color, float64(s.state.width), s.state.dash))
}

func (s *sheet) Fill(p vg.Path) {
	if len(p) > 0 {
		s.shape(p, fill(s.state.color))
	}
}

// FillString draws text for plotters that bring their own text handler; Galen's goes through plainText.
func (s *sheet) FillString(f font.Face, pt vg.Point, text string) {
	if f.Font.Size <= 0 {
		return
	}
	x, y := s.state.to.at(pt)
	turn := math.Atan2(s.state.to.b, s.state.to.a) * 180 / math.Pi
	s.text(x, y, text, label{size: float64(f.Font.Size), color: s.state.color, turn: turn})
}

func (s *sheet) DrawImage(rect vg.Rectangle, img image.Image) {
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return // an empty image has no picture to draw
	}
	x0, y0 := s.state.to.at(rect.Min)
	x1, y1 := s.state.to.at(rect.Max)
	fmt.Fprintf(&s.b, `<image x="%s" y="%s" width="%s" height="%s" preserveAspectRatio="none" href="data:image/png;base64,%s"/>`,
		num(min(x0, x1)), num(min(y0, y1)), num(math.Abs(x1-x0)), num(math.Abs(y1-y0)),
		base64.StdEncoding.EncodeToString(buf.Bytes()))
}

// shape writes a path, or a circle where the path is one.
func (s *sheet) shape(p vg.Path, paint string) {
	if len(p) == 3 && p[0].Type == vg.MoveComp && p[1].Type == vg.ArcComp && math.Abs(p[1].Angle) >= 2*math.Pi {
		x, y := s.state.to.at(p[1].Pos)
		s.circle(x, y, float64(p[1].Radius)*math.Hypot(s.state.to.a, s.state.to.b), paint)
		return
	}
	fmt.Fprintf(&s.b, `<path%s d="`, paint)
	last := byte(0)
	put := func(letter byte, pts ...vg.Point) {
		if letter != last || letter == 'M' {
			s.b.WriteByte(letter)
		} else {
			s.b.WriteByte(' ')
		}
		last = letter
		for i, pt := range pts {
			if i > 0 {
				s.b.WriteByte(' ')
			}
			x, y := s.state.to.at(pt)
			s.b.WriteString(num(x))
			s.b.WriteByte(' ')
			s.b.WriteString(num(y))
		}
	}
	for _, c := range p {
		switch c.Type {
		case vg.MoveComp:
			put('M', c.Pos)
		case vg.LineComp:
			put('L', c.Pos)
		case vg.CurveComp:
			if len(c.Control) == 1 {
				put('Q', c.Control[0], c.Pos)
			} else {
				put('C', c.Control[0], c.Control[1], c.Pos)
			}
		case vg.ArcComp:
			// Arcs become short chords: a plot has few and none is large.
			n := int(math.Ceil(math.Abs(c.Angle)/(math.Pi/16))) + 1
			for i := range n + 1 {
				sin, cos := math.Sincos(c.Start + c.Angle*float64(i)/float64(n))
				put('L', vg.Point{X: c.Pos.X + c.Radius*vg.Length(cos), Y: c.Pos.Y + c.Radius*vg.Length(sin)})
			}
		case vg.CloseComp:
			s.b.WriteByte('Z')
			last = 0
		}
	}
	s.b.WriteString(`"/>`)
}

// The methods below take page coordinates: x to the right, y down.

func stroke(c color.Color, width float64, dash []vg.Length) string {
	var b strings.Builder
	if t, ok := c.(Tone); ok {
		fmt.Fprintf(&b, ` class="s-%s"`, t.name())
	} else {
		fmt.Fprintf(&b, ` fill="none" stroke="%s"`, css(c))
	}
	if width != 1 {
		fmt.Fprintf(&b, ` stroke-width="%s"`, num(width))
	}
	if len(dash) > 0 {
		b.WriteString(` stroke-dasharray="`)
		for i, d := range dash {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(num(float64(d)))
		}
		b.WriteByte('"')
	}
	return b.String()
}

func fill(c color.Color) string {
	t, ok := c.(Tone)
	switch {
	case !ok:
		return fmt.Sprintf(` fill="%s"`, css(c))
	case t&bandBit != 0:
		return fmt.Sprintf(` class="f-%s" fill-opacity=".16"`, t.name())
	}
	return fmt.Sprintf(` class="f-%s"`, t.name())
}

func css(c color.Color) string {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return fmt.Sprintf("#%02x%02x%02x%02x", n.R, n.G, n.B, n.A)
}

func (s *sheet) circle(x, y, r float64, paint string) {
	fmt.Fprintf(&s.b, `<circle%s cx="%s" cy="%s" r="%s"/>`, paint, num(x), num(y), num(r))
}

func (s *sheet) line(x0, y0, x1, y1 float64, paint string) {
	fmt.Fprintf(&s.b, `<path%s d="M%s %sL%s %s"/>`, paint, num(x0), num(y0), num(x1), num(y1))
}

func (s *sheet) rect(x, y, w, h, r float64, paint string) {
	fmt.Fprintf(&s.b, `<rect%s x="%s" y="%s" width="%s" height="%s"`, paint, num(x), num(y), num(max(w, 0)), num(max(h, 0)))
	if r > 0 {
		fmt.Fprintf(&s.b, ` rx="%s"`, num(r))
	}
	s.b.WriteString("/>")
}

func (s *sheet) polygon(paint string, xy ...float64) {
	fmt.Fprintf(&s.b, `<path%s d="`, paint)
	for i := 0; i+1 < len(xy); i += 2 {
		sep := "L"
		if i == 0 {
			sep = "M"
		} else if i > 2 {
			sep = " "
		}
		s.b.WriteString(sep + num(xy[i]) + " " + num(xy[i+1]))
	}
	s.b.WriteString(`Z"/>`)
}

// A label says how text looks; the zero value is 12-pixel ink from the left.
type label struct {
	size   float64
	anchor byte // 'm' middle, 'e' end, otherwise start
	color  color.Color
	bold   bool
	turn   float64 // degrees clockwise
}

func (s *sheet) text(x, y float64, txt string, l label) {
	if txt == "" {
		return
	}
	class := "ink"
	paint := ""
	if t, ok := l.color.(Tone); ok {
		class = t.name()
	} else if l.color != nil {
		paint = fmt.Sprintf(` fill="%s"`, css(l.color))
	}
	fmt.Fprintf(&s.b, `<text class="t f-%s`, class)
	if l.bold {
		s.b.WriteString(" b")
	}
	fmt.Fprintf(&s.b, `"%s x="%s" y="%s"`, paint, num(x), num(y))
	if l.size != 0 && l.size != textSize {
		fmt.Fprintf(&s.b, ` font-size="%s"`, num(l.size))
	}
	switch l.anchor {
	case 'm':
		s.b.WriteString(` text-anchor="middle"`)
	case 'e':
		s.b.WriteString(` text-anchor="end"`)
	}
	if l.turn != 0 {
		fmt.Fprintf(&s.b, ` transform="rotate(%s %s %s)"`, num(l.turn), num(x), num(y))
	}
	fmt.Fprintf(&s.b, `>%s</text>`, html.EscapeString(printable(txt)))
}

// printable drops what XML cannot hold: control characters and broken UTF-8.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
