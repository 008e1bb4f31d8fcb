package depict

import (
	"image/color"

	"galen.dev/chem"
	"galen.dev/report"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Figure draws a molecule as a figure of package report, in the tones of its pages. Grounds of highlights and heat
// have one strength there, since a page's tones have two: full and translucent.
func Figure(m *chem.Mol, o Options) report.Figure {
	s := drawing(m, &o)
	return report.Draw(title(m, &o), desc(m, &o), s.w, s.h, func(c draw.Canvas) {
		for i := range s.shapes {
			s.shapes[i].paint(c, s.h)
		}
	})
}

// reportTone is the tone of a shape on a page.
func (p *shape) reportTone() report.Tone {
	t := report.Ink
	switch {
	case p.tone >= k1:
		t = report.Series(int(p.tone - k1))
	case p.tone == muted:
		t = report.Muted
	case p.tone == grid:
		t = report.Grid
	case p.tone == paper:
		t = report.Paper
	}
	if p.opacity > 0 {
		t = t.Band()
	}
	return t
}

// paint draws a shape on a canvas whose origin is in the lower left corner.
func (p *shape) paint(c draw.Canvas, h float64) {
	at := func(q complex128) vg.Point { return vg.Point{X: vg.Length(real(q)), Y: vg.Length(h - imag(q))} }
	var col color.Color = p.reportTone()
	switch p.kind {
	case letters:
		style := report.TextStyle(p.size, p.reportTone())
		style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
		switch p.anchor {
		case 's':
			style.XAlign = draw.XLeft
		case 'e':
			style.XAlign = draw.XRight
		}
		c.FillText(style, at(p.pts[0]), p.text)
		return
	case disc:
		c.SetColor(col)
		var path vg.Path
		q := at(p.pts[0])
		path.Move(vg.Point{X: q.X + vg.Length(p.width), Y: q.Y})
		path.Arc(q, vg.Length(p.width), 0, 6.283185307179586)
		path.Close()
		c.Fill(path)
		return
	}
	var path vg.Path
	for i, q := range p.pts {
		if i == 0 || p.kind == strokes && i%2 == 0 {
			path.Move(at(q))
		} else {
			path.Line(at(q))
		}
	}
	c.SetColor(col)
	if p.kind == area {
		path.Close()
		c.Fill(path)
		return
	}
	c.SetLineWidth(vg.Length(p.width))
	c.Stroke(path)
}
