package depict

import (
	"strings"

	"galen.dev/chem"
)

// Cell is one molecule of a grid.
type Cell struct {
	Mol     *chem.Mol // nil = an empty place
	Caption string    // at most two lines are shown
	Options Options   // highlights, heat and numbers of this molecule; its frame and colours are the grid's
}

// GridOptions change a grid. The zero value has four columns of 210 × 170 pixels.
type GridOptions struct {
	Columns       int     // 0 stands for 4
	Width, Height float64 // of a cell without its caption, in pixels; 0 stands for 210 and 170
	Colour        Colour
	Title, Desc   string // for screen readers
}

// Grid draws molecules in rows, each with its caption.
func Grid(cells []Cell, o GridOptions) []byte {
	if o.Columns <= 0 {
		o.Columns = 4
	}
	if o.Width <= 0 {
		o.Width = 210
	}
	if o.Height <= 0 {
		o.Height = 170
	}
	const size, line = 12.0, 15.0
	lines := 0
	captions := make([][]string, len(cells))
	for i, c := range cells {
		captions[i] = wrap(c.Caption, size, o.Width-8)
		lines = max(lines, len(captions[i]))
	}
	room := o.Height + float64(lines)*line + 6
	rows := (len(cells) + o.Columns - 1) / o.Columns
	s := &scene{w: float64(min(o.Columns, max(len(cells), 1))) * o.Width, h: float64(rows) * room}
	names := make([]string, 0, len(cells))
	for i, c := range cells {
		x, y := float64(i%o.Columns)*o.Width, float64(i/o.Columns)*room
		if c.Mol != nil {
			own := c.Options
			newSketch(c.Mol, &own, s).place(x, y, o.Width, o.Height)
		}
		for j, t := range captions[i] {
			s.shapes = append(s.shapes, shape{
				kind: letters, tone: muted, text: t, size: size, anchor: 'm',
				pts: []complex128{complex(x+o.Width/2, y+o.Height+line*(float64(j)+0.5))},
			})
		}
		if c.Caption != "" {
			names = append(names, c.Caption)
		}
	}
	if o.Title == "" {
		o.Title = "Molecules"
	}
	if o.Desc == "" {
		o.Desc = count(len(cells), "structural formula") + ": " + strings.Join(names, ", ")
	}
	return s.svg(nil, &Options{Colour: o.Colour}, o.Title, o.Desc)
}

// wrap breaks a caption into at most two lines; what does not fit ends in an ellipsis.
func wrap(text string, size, room float64) []string {
	var lines []string
	words := strings.Fields(printable(text))
	for len(words) > 0 && len(lines) < 2 {
		n := 1
		for n < len(words) && textWidth(strings.Join(words[:n+1], " "), size) <= room {
			n++
		}
		if len(lines) == 1 {
			n = len(words)
		}
		lines = append(lines, fit(strings.Join(words[:n], " "), size, room))
		words = words[n:]
	}
	return lines
}

func fit(text string, size, room float64) string {
	if textWidth(text, size) <= room {
		return text
	}
	rs := []rune(text)
	for len(rs) > 1 && textWidth(string(rs)+"…", size) > room {
		rs = rs[:len(rs)-1]
	}
	return string(rs) + "…"
}
