package report

import "fmt"

// FlowData is a cohort flow diagram: who entered, who was excluded and why, and how the rest was divided.
type FlowData struct {
	Start string // e.g. "Patients in the file"
	N     int
	Steps []FlowStep
	Parts []FlowPart // e.g. development and test; nil = none
}

// FlowStep is one exclusion and what remains after it.
type FlowStep struct {
	Excluded []Exclusion
	Label    string // of what remains, e.g. "Eligible"
	N        int    // how many remain
}

// Exclusion is a reason with its count.
type Exclusion struct {
	Reason string
	N      int
}

// FlowPart is one part of the final cohort.
type FlowPart struct {
	Label string
	N     int
	Note  string // e.g. "107 events (31%)"
}

const (
	flowMain = 190.0 // width of the boxes on the spine
	flowSide = 180.0 // width of the boxes of exclusions
	flowGap  = 22.0
)

// Flow draws the diagram downwards, exclusions to the right, parts side by side at the foot.
func Flow(d FlowData) Figure {
	const title = "Flow of participants"
	if d.N <= 0 {
		return empty(title, "Nobody entered the cohort.")
	}
	// Heights depend on how the words wrap, so the diagram is drawn on a tall sheet and then cut.
	s := newSheet(plotWidth, 0)
	y := s.box(1, 1, flowMain, d.Start, "n = "+Count(d.N))
	for _, st := range d.Steps {
		y = s.exclusions(y, st)
	}
	if len(d.Parts) > 0 {
		y = s.parts(y, d.Parts)
	}
	s.h = y + 2
	words := fmt.Sprintf("Flow diagram: %s, n = %d", printable(d.Start), d.N)
	for _, st := range d.Steps {
		for _, e := range st.Excluded {
			words += fmt.Sprintf("; excluded %d, %s", e.N, printable(e.Reason))
		}
		words += fmt.Sprintf("; %s, n = %d", printable(st.Label), st.N)
	}
	for _, p := range d.Parts {
		words += fmt.Sprintf("; %s, n = %d", printable(p.Label), p.N)
	}
	return s.figure(title, sentence(words))
}

// box draws a framed box with lines of text and returns its lower edge.
func (s *sheet) box(x, y, w float64, head string, notes ...string) float64 {
	lines := wrap(head, textSize, w-20, 3)
	h := 14 + 16*float64(len(lines)+len(notes))
	s.rect(x, y, w, h, 5, fill(Soft))
	s.rect(x, y, w, h, 5, stroke(Muted, 1, nil))
	for i, l := range lines {
		s.text(x+w/2, y+19+16*float64(i), l, label{anchor: 'm', bold: true})
	}
	for i, n := range notes {
		s.text(x+w/2, y+19+16*float64(len(lines)+i), fit(n, textSize, w-12), label{anchor: 'm'})
	}
	return y + h
}

func (s *sheet) arrow(x0, y0, x1, y1 float64) {
	s.line(x0, y0, x1, y1, stroke(Muted, 1.3, nil))
	if y1 > y0 {
		s.polygon(fill(Muted), x1, y1, x1-4, y1-7, x1+4, y1-7)
	} else {
		s.polygon(fill(Muted), x1, y1, x1-7, y1-4, x1-7, y1+4)
	}
}

// exclusions draws a side box at the arrow from y down to the box of those who remain.
func (s *sheet) exclusions(y float64, st FlowStep) float64 {
	const mid = 1 + flowMain/2
	x := plotWidth - flowSide - 1
	foot := y + flowGap
	if len(st.Excluded) > 0 {
		const maxReasons = 12
		type line struct{ text, n string }
		var lines []line
		for i, e := range st.Excluded {
			if i == maxReasons {
				rest := 0
				for _, e := range st.Excluded[i:] {
					rest += e.N
				}
				lines = append(lines, line{fmt.Sprintf("%d other reasons", len(st.Excluded)-i), Count(rest)})
				break
			}
			for k, t := range wrap(e.Reason, smallSize, flowSide-64, 3) {
				n := ""
				if k == 0 {
					n = Count(e.N)
				}
				lines = append(lines, line{t, n})
			}
		}
		h := 32 + 15*float64(len(lines))
		top := y + 12
		s.rect(x, top, flowSide, h, 5, fill(Paper))
		s.rect(x, top, flowSide, h, 5, stroke(Muted, 1, dash(4)))
		total := 0
		for _, e := range st.Excluded {
			total += e.N
		}
		s.text(x+10, top+18, "Excluded", label{bold: true})
		s.text(x+flowSide-10, top+18, Count(total), label{anchor: 'e', bold: true})
		for i, l := range lines {
			s.text(x+10, top+35+15*float64(i), l.text, label{size: smallSize})
			s.text(x+flowSide-10, top+35+15*float64(i), l.n, label{size: smallSize, anchor: 'e'})
		}
		s.arrow(mid, top+h/2, x, top+h/2)
		foot = top + h + 12
	}
	s.arrow(mid, y, mid, foot)
	return s.box(1, foot, flowMain, st.Label, "n = "+Count(st.N))
}

// parts draws the branches at the foot: up to four side by side, more as a list along the spine.
func (s *sheet) parts(y float64, parts []FlowPart) float64 {
	const mid, gap = 1 + flowMain/2, 10.0
	if len(parts) > 4 {
		return s.partList(y, parts)
	}
	k := float64(len(parts))
	w := min((plotWidth-2-gap*(k-1))/k, flowMain)
	bar := y + flowGap
	first, last := 1+w/2, 1+(w+gap)*(k-1)+w/2
	s.line(mid, y, mid, bar, stroke(Muted, 1.3, nil))
	s.line(min(mid, first), bar, max(last, mid), bar, stroke(Muted, 1.3, nil))
	var foot float64
	for i, p := range parts {
		x := 1 + (w+gap)*float64(i)
		s.arrow(x+w/2, bar, x+w/2, bar+18)
		notes := []string{"n = " + Count(p.N)}
		if p.Note != "" {
			notes = append(notes, wrap(p.Note, textSize, w-12, 2)...)
		}
		foot = max(foot, s.box(x, bar+18, w, p.Label, notes...))
	}
	return foot
}

// partList draws one line for each part, at most twenty.
func (s *sheet) partList(y float64, parts []FlowPart) float64 {
	const x, h, limit = 48.0, 26.0, 20
	const spine = 24.0
	more := len(parts) - min(len(parts), limit)
	start := y
	for _, p := range parts[:len(parts)-more] {
		y += h + 6
		s.rect(x, y-h/2, plotWidth-x-1, h, 5, fill(Soft))
		s.rect(x, y-h/2, plotWidth-x-1, h, 5, stroke(Muted, 1, nil))
		s.arrow(spine, y, x, y)
		n := "n = " + Count(p.N)
		if p.Note != "" {
			n += ", " + fit(p.Note, textSize, 130)
		}
		s.text(plotWidth-11, y+4, n, label{anchor: 'e'})
		s.text(x+10, y+4, fit(p.Label, textSize, plotWidth-x-34-width(n, textSize)), label{bold: true})
	}
	s.line(spine, start, spine, y, stroke(Muted, 1.3, nil))
	if more > 0 {
		y += h
		s.text(x, y+4, fmt.Sprintf("%d more parts are not shown.", more), label{size: smallSize, color: Muted})
	}
	return y + h/2
}
