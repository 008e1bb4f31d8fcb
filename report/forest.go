package report

import (
	"fmt"
	"math"
)

// ForestRow is one subgroup, or a heading if Heading is set.
type ForestRow struct {
	Label         string
	Heading       bool // a line of its own without values, e.g. "Sex"
	Overall       bool // the whole group: drawn as a diamond
	N, Events     int  // a negative number of events is not shown
	Value, Lo, Hi float64
}

// ForestData is a forest plot of subgroups.
type ForestData struct {
	Title     string
	Measure   string // e.g. "AUROC": heads the values and names the axis
	Rows      []ForestRow
	Reference float64 // vertical dashed line, such as the overall value; NaN = none
	Decimals  int     // of the printed values; 0 = 2
	Log       bool    // logarithmic axis, for ratios
	NoEvents  bool    // leave the events column out
}

const maxForest = 60

// Forest draws one line per subgroup with value and interval; the size of a mark follows the number of
// patients. It has two layouts: columns beside the plot for wide pages, two lines a row for phones.
func Forest(d ForestData) Figure {
	title := d.Title
	if title == "" {
		title = "Subgroups"
	}
	if d.Decimals == 0 {
		d.Decimals = 2
	}
	var rows []ForestRow
	values, rest := 0, 0
	for _, r := range d.Rows {
		ok := finite(r.Value) && (!d.Log || r.Value > 0)
		switch {
		case len(rows) >= maxForest:
			rest++
		case r.Heading:
			rows = append(rows, r)
		default:
			if ok {
				values++
			}
			rows = append(rows, r)
		}
	}
	if values == 0 {
		return empty(title, "No subgroup is large enough for an estimate.")
	}
	f := forest{d: d, rows: rows, rest: rest}
	f.scale()
	wide, narrow := f.wide(title), f.narrow(title)
	wide.narrow = &narrow
	return wide
}

type forest struct {
	d      ForestData
	rows   []ForestRow
	rest   int
	axis   axis
	most   int // patients of the largest group
	x0, x1 float64
	s      *sheet
}

// scale finds the range of the axis from values and intervals; an interval much wider than the rest is cut
// with an arrow, so that one tiny subgroup does not flatten the others.
func (f *forest) scale() {
	var points, bounds []float64
	for _, r := range f.rows {
		if r.Heading || !f.drawable(r) {
			continue
		}
		points = append(points, f.to(r.Value))
		if finite(r.Lo, r.Hi) {
			bounds = append(bounds, f.to(r.Lo), f.to(r.Hi))
		}
		f.most = max(f.most, r.N)
	}
	if finite(f.d.Reference) {
		points = append(points, f.to(f.d.Reference))
	}
	lo, hi := quantile(points, 0), quantile(points, 1)
	spread := max(hi-lo, 1e-9)
	if len(bounds) > 0 {
		lo = min(lo, max(quantile(bounds, 0), lo-3*max(spread, quantile(bounds, .9)-quantile(bounds, .1))))
		hi = max(hi, min(quantile(bounds, 1), hi+3*max(spread, quantile(bounds, .9)-quantile(bounds, .1))))
	}
	f.axis.widen(0.04, lo, hi)
}

func (f *forest) drawable(r ForestRow) bool { return finite(r.Value) && (!f.d.Log || r.Value > 0) }

func (f *forest) to(v float64) float64 {
	if f.d.Log {
		return math.Log(v)
	}
	return v
}

func (f *forest) x(v float64) float64 {
	u := (f.to(v) - f.axis.min) / (f.axis.max - f.axis.min)
	return f.x0 + min(max(u, 0), 1)*(f.x1-f.x0)
}

func (f *forest) wide(title string) Figure {
	const head, row = 30.0, 22.0
	f.s = newSheet(wideWidth, head+row*float64(len(f.rows))+44+f.restHeight())
	valueAt := f.s.w
	valueWidth := 120.0
	names := 0.0
	for _, r := range f.rows {
		names = max(names, width(r.Label, textSize)+12)
		valueWidth = max(valueWidth, width(f.value(r), textSize))
	}
	names = min(max(names, 90), 290)
	nAt := names + 56
	eventsAt := nAt
	if !f.d.NoEvents {
		eventsAt += 64
	}
	f.x0, f.x1 = eventsAt+24, valueAt-valueWidth-20
	f.columnHeads(nAt, eventsAt, valueAt)
	f.frame(head+row*float64(len(f.rows)), span{head, head + row*float64(len(f.rows))})
	for i, r := range f.rows {
		y := head + row*(float64(i)+.5)
		if r.Heading || r.Overall {
			f.s.text(0, y+4, fit(r.Label, textSize, f.s.w), label{bold: true})
		} else {
			f.s.text(f.indent(), y+4, fit(r.Label, textSize, names-12), label{})
		}
		if r.Heading {
			continue
		}
		f.s.text(nAt, y+4, Count(r.N), label{anchor: 'e'})
		if !f.d.NoEvents && r.Events >= 0 {
			f.s.text(eventsAt, y+4, Count(r.Events), label{anchor: 'e'})
		}
		f.s.text(valueAt, y+4, f.value(r), label{anchor: 'e', bold: r.Overall})
		f.estimate(r, y)
	}
	return f.finish(title)
}

func (f *forest) columnHeads(nAt, eventsAt, valueAt float64) {
	sty := label{size: smallSize, color: Muted}
	f.s.text(0, 14, "Subgroup", sty)
	sty.anchor = 'e'
	f.s.text(nAt, 14, "Patients", sty)
	if !f.d.NoEvents {
		f.s.text(eventsAt, 14, "Events", sty)
	}
	f.s.text(valueAt, 14, f.d.Measure+" (95% CI)", sty)
	f.s.line(0, 22, f.s.w, 22, stroke(Grid, 1, nil))
}

func (f *forest) indent() float64 {
	for _, r := range f.rows {
		if r.Heading {
			return 12
		}
	}
	return 0
}

func (f *forest) narrow(title string) Figure {
	const w, row, head = 360.0, 42.0, 24.0
	h := 8.0
	for _, r := range f.rows {
		h += row
		if r.Heading {
			h += head - row
		}
	}
	f.s = newSheet(w, h+40+f.restHeight())
	f.x0, f.x1 = 8, w-8
	// Lines only beside the estimates: they would run through the words.
	var spans []span
	y := 4.0
	for _, r := range f.rows {
		if r.Heading {
			y += head
			continue
		}
		spans = append(spans, span{y + 19, y + 37})
		y += row
	}
	f.frame(h, spans...)
	y = 4
	for _, r := range f.rows {
		if r.Heading {
			f.s.text(0, y+17, fit(r.Label, 13, w), label{size: 13, bold: true})
			y += head
			continue
		}
		value := f.value(r)
		count := fmt.Sprintf("  n %s", Count(r.N))
		if !f.d.NoEvents && r.Events >= 0 {
			count += fmt.Sprintf(", events %s", Count(r.Events))
		}
		room := w - width(value, textSize) - width(count, smallSize) - 12
		name := fit(r.Label, textSize, room)
		f.s.text(0, y+14, name, label{bold: r.Overall})
		f.s.text(width(name, textSize)*1.04+8, y+14, count, label{size: smallSize, color: Muted})
		f.s.text(w, y+14, value, label{anchor: 'e', bold: r.Overall})
		f.estimate(r, y+28)
		y += row
	}
	return f.finish(title)
}

func (f *forest) value(r ForestRow) string {
	if r.Heading {
		return ""
	}
	if !f.drawable(r) {
		return "too few"
	}
	if !finite(r.Lo, r.Hi) {
		return Num(r.Value, f.d.Decimals)
	}
	return fmt.Sprintf("%s (%s)", Num(r.Value, f.d.Decimals), Interval(r.Lo, r.Hi, f.d.Decimals))
}

// span is a stretch of the page between two heights.
type span struct{ top, bottom float64 }

// frame draws grid and reference lines within spans, and ticks and the name of the axis beneath them.
func (f *forest) frame(bottom float64, spans ...span) {
	a := f.axis
	var ticks []tick
	if f.d.Log {
		ticks = logTicks(math.Exp(a.min), math.Exp(a.max))
	} else {
		ticks = a.ticks(int(max(3, (f.x1-f.x0)/60)))
	}
	for _, t := range ticks {
		x := f.x(t.at)
		for _, s := range spans {
			f.s.line(x, s.top, x, s.bottom, stroke(Grid, 1, nil))
		}
		f.s.text(x, bottom+14, t.label, label{size: smallSize, anchor: 'm', color: Muted})
	}
	if finite(f.d.Reference) && (!f.d.Log || f.d.Reference > 0) {
		x := f.x(f.d.Reference)
		for _, s := range spans {
			f.s.line(x, s.top, x, s.bottom, stroke(Muted, 1.5, reference))
		}
	}
	f.s.text((f.x0+f.x1)/2, bottom+31, fit(f.d.Measure, textSize, f.x1-f.x0), label{anchor: 'm', color: Muted})
	if f.rest > 0 {
		f.s.text(0, bottom+50, fmt.Sprintf("%s more rows are not shown.", Count(f.rest)), label{size: smallSize, color: Muted})
	}
}

func (f *forest) restHeight() float64 {
	if f.rest > 0 {
		return 18
	}
	return 0
}

// logTicks returns 1, 2 and 5 times powers of ten within a range of ratios; more of them in a short one.
func logTicks(lo, hi float64) []tick {
	var ts []tick
	steps, more := []float64{1, 2, 5}, 0
	if hi/lo < 20 {
		steps, more = []float64{1, 1.5, 2, 3, 5, 7}, 1
	}
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)) && len(ts) < 40; e++ {
		for _, m := range steps {
			if v := m * math.Pow(10, e); v >= lo && v <= hi {
				d := max(0, -int(e))
				if m == 1.5 {
					d = max(0, more-int(e))
				}
				ts = append(ts, tick{v, Num(v, d)})
			}
		}
	}
	for len(ts) > 8 {
		k := 0
		for i := 0; i < len(ts); i += 2 {
			ts[k] = ts[i]
			k++
		}
		ts = ts[:k]
	}
	return ts
}

func (f *forest) estimate(r ForestRow, y float64) {
	if !f.drawable(r) {
		return
	}
	if finite(r.Lo, r.Hi) && (!f.d.Log || r.Lo > 0) {
		p := stroke(Series(0), 1.5, nil)
		x0, x1 := f.x(r.Lo), f.x(r.Hi)
		f.s.line(x0, y, x1, y, p)
		f.bound(x0, y, f.to(r.Lo) < f.axis.min, -1, p)
		f.bound(x1, y, f.to(r.Hi) > f.axis.max, 1, p)
	}
	x := f.x(r.Value)
	if r.Overall {
		f.s.polygon(fill(Ink), x, y-6, x+6, y, x, y+6, x-6, y)
		return
	}
	size := 4.0
	if f.most > 0 {
		size = 3 + 3*math.Sqrt(float64(max(r.N, 0))/float64(f.most))
	}
	f.s.rect(x-size, y-size, 2*size, 2*size, 0, fill(Series(0)))
}

// bound ends an interval with a cap, or with an arrow where the axis cuts it.
func (f *forest) bound(x, y float64, cut bool, dir float64, p string) {
	if cut {
		f.s.polygon(fill(Series(0)), x+dir*5, y, x-dir*2, y-4, x-dir*2, y+4)
		return
	}
	f.s.line(x, y-4, x, y+4, p)
}

func (f *forest) finish(title string) Figure {
	n := 0
	low := ForestRow{Value: math.Inf(1)}
	for _, r := range f.rows {
		if r.Heading || r.Overall || !f.drawable(r) {
			continue
		}
		n++
		if r.Value < low.Value {
			low = r
		}
	}
	words := ""
	if n > 0 {
		words = fmt.Sprintf("Lowest: %s, %s", printable(low.Label), f.value(low))
	}
	return f.s.figure(title, sentence(fmt.Sprintf("Forest plot of %s in %d subgroups with 95%% intervals", f.d.Measure, n), words))
}
