package depict

import (
	"html"
	"math"
	"strconv"
	"strings"

	"galen.dev/chem"
)

func title(m *chem.Mol, o *Options) string {
	switch {
	case o.Title != "":
		return o.Title
	case m.Name != "":
		return m.Name
	}
	return "Molecule"
}

// desc counts atoms, rings and stereo centres.
func desc(m *chem.Mol, o *Options) string {
	if o.Desc != "" {
		return o.Desc
	}
	centres := 0
	for i := range m.Atoms {
		if m.Atoms[i].Chirality != chem.Achiral {
			centres++
		}
	}
	s := "Structural formula: " + count(len(m.Atoms), "atom") + " without hydrogens, " + count(m.Rings().Len(), "ring")
	if centres > 0 {
		s += ", " + count(centres, "stereo centre")
	}
	return s + "."
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

const fonts = "-apple-system,BlinkMacSystemFont,Segoe UI,Roboto,Helvetica Neue,Liberation Sans,Arial,sans-serif"

// svg writes the scene.
func (s *scene) svg(b []byte, o *Options, title, desc string) []byte {
	b = append(b, `<svg xmlns="http://www.w3.org/2000/svg" width="`...)
	b = coordinate(b, s.w)
	b = append(b, `" height="`...)
	b = coordinate(b, s.h)
	b = append(b, `" viewBox="0 0 `...)
	b = coordinate(b, s.w)
	b = append(b, ' ')
	b = coordinate(b, s.h)
	b = append(b, `" role="img"><title>`...)
	b = append(b, html.EscapeString(printable(title))...)
	b = append(b, "</title><desc>"...)
	b = append(b, html.EscapeString(printable(desc))...)
	b = append(b, "</desc>"...)
	if o.Colour == Adaptive {
		b = s.style(b)
	}
	b = append(b, `<g font-family="`+fonts+`" stroke-linejoin="round">`...)
	for i := range s.shapes {
		b = s.shapes[i].svg(b, o.Colour)
	}
	return append(b, "</g></svg>\n"...)
}

// style writes the colours that the scene has.
func (s *scene) style(b []byte) []byte {
	var fill, stroke [len(tones)]bool
	for i := range s.shapes {
		if k := s.shapes[i].kind; k == strokes || k == curve {
			stroke[s.shapes[i].tone] = true
		} else {
			fill[s.shapes[i].tone] = true
		}
	}
	rules := func(dark bool) {
		for t, v := range tones {
			value := v.light
			if dark {
				value = v.dark
			}
			if fill[t] {
				b = append(b, ".f-"+v.name+"{fill:"+value+"}"...)
			}
			if stroke[t] {
				b = append(b, ".s-"+v.name+"{stroke:"+value+";fill:none}"...)
			}
		}
	}
	b = append(b, "<style>"...)
	rules(false)
	b = append(b, "@media(prefers-color-scheme:dark){"...)
	rules(true)
	return append(b, "}</style>"...)
}

// colour writes the attributes of a colour.
func (p *shape) colour(b []byte, c Colour) []byte {
	line := p.kind == strokes || p.kind == curve
	switch {
	case c == Adaptive && line:
		b = append(b, ` class="s-`+tones[p.tone].name+`"`...)
	case c == Adaptive:
		b = append(b, ` class="f-`+tones[p.tone].name+`"`...)
	default:
		v := "currentColor"
		if c == Light {
			v = tones[p.tone].light
		} else if c == Dark {
			v = tones[p.tone].dark
		} else if p.opacity > 0 { // grounds keep their colour, else they would hide the bonds
			v = tones[p.tone].light
		}
		if line {
			b = append(b, ` fill="none" stroke="`+v+`"`...)
		} else {
			b = append(b, ` fill="`+v+`"`...)
		}
	}
	if p.opacity > 0 {
		if line {
			b = append(b, " stroke-opacity=\""...)
		} else {
			b = append(b, " fill-opacity=\""...)
		}
		b = strconv.AppendFloat(b, round2(p.opacity), 'f', -1, 64)
		b = append(b, '"')
	}
	if line {
		b = append(b, ` stroke-width="`...)
		b = strconv.AppendFloat(b, round2(p.width), 'f', -1, 64)
		b = append(b, '"')
		if p.round {
			b = append(b, ` stroke-linecap="round"`...)
		}
	}
	return b
}

func (p *shape) svg(b []byte, c Colour) []byte {
	switch p.kind {
	case letters:
		b = append(b, "<text"...)
		b = p.colour(b, c)
		b = append(b, ` x="`...)
		b = coordinate(b, real(p.pts[0]))
		b = append(b, `" y="`...)
		b = coordinate(b, imag(p.pts[0])+p.size*capHeight/2)
		b = append(b, `" font-size="`...)
		b = coordinate(b, p.size)
		switch p.anchor {
		case 'm':
			b = append(b, `" text-anchor="middle`...)
		case 'e':
			b = append(b, `" text-anchor="end`...)
		}
		if p.bold {
			b = append(b, `" font-weight="600`...)
		}
		b = append(b, `">`...)
		b = append(b, html.EscapeString(p.text)...)
		return append(b, "</text>"...)
	case disc:
		b = append(b, "<circle"...)
		b = p.colour(b, c)
		b = append(b, ` cx="`...)
		b = coordinate(b, real(p.pts[0]))
		b = append(b, `" cy="`...)
		b = coordinate(b, imag(p.pts[0]))
		b = append(b, `" r="`...)
		b = coordinate(b, p.width)
		return append(b, `"/>`...)
	}
	b = append(b, "<path"...)
	b = p.colour(b, c)
	b = append(b, ` d="`...)
	for i, q := range p.pts {
		switch {
		case i == 0 || p.kind == strokes && i%2 == 0:
			b = append(b, 'M')
		default:
			b = append(b, 'L')
		}
		b = coordinate(b, real(q))
		b = append(b, ' ')
		b = coordinate(b, imag(q))
	}
	if p.kind == area {
		b = append(b, 'Z')
	}
	return append(b, `"/>`...)
}

// coordinate writes a number with at most two decimals.
func coordinate(b []byte, x float64) []byte {
	n := int64(math.Round(x * 100))
	if n < 0 {
		b = append(b, '-')
		n = -n
	}
	b = strconv.AppendInt(b, n/100, 10)
	if r := n % 100; r != 0 {
		b = append(b, '.', byte('0'+r/10))
		if r%10 != 0 {
			b = append(b, byte('0'+r%10))
		}
	}
	return b
}

// printable replaces what XML cannot hold.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0xfffe || r == 0xffff {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}
