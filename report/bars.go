package report

import (
	"fmt"
	"math"
)

// Bar is one row of a bar chart; Lo and Hi are its interval, NaN or both zero for none.
type Bar struct {
	Label         string
	Value, Lo, Hi float64
	Note          string // printed after the bar in place of the value
}

// BarData is a horizontal bar chart, such as the importance of predictors.
type BarData struct {
	Title, XLabel string
	Bars          []Bar
	Max           int  // rows shown; 0 = 25. What is left out is said beneath.
	Percent       bool // values are shares of 1
	KeepOrder     bool // the default sorts by size
}

const maxRows = 25 // rows of a chart unless its data say otherwise

// Bars draws horizontal bars with intervals.
func Bars(d BarData) Figure {
	title := d.Title
	if title == "" {
		title = "Bars"
	}
	bars := make([]Bar, 0, len(d.Bars))
	for _, b := range d.Bars {
		if finite(b.Value) {
			bars = append(bars, b)
		}
	}
	if len(bars) == 0 {
		return empty(title, "There is no value to show.")
	}
	if !d.KeepOrder {
		stableBy(bars, func(a, b Bar) bool { return math.Abs(a.Value) > math.Abs(b.Value) })
	}
	limit := d.Max
	if limit <= 0 {
		limit = maxRows
	}
	rest := len(bars) - min(limit, len(bars))
	bars = bars[:len(bars)-rest]

	labels := make([]string, len(bars))
	sizes := make([]float64, len(bars))
	vs := []float64{0}
	for i, b := range bars {
		labels[i], sizes[i] = b.Label, math.Abs(b.Value)
		vs = append(vs, b.Value)
		if b.hasInterval() {
			vs = append(vs, b.Lo, b.Hi)
		}
	}
	r := newRows(labels, d.XLabel, rest)
	// Two digits for the middle of the list, so that small bars are not all zero.
	digits := min(decimals(2, quantile(sizes, .5)), decimals(2, sizes...)+2)
	for _, b := range bars {
		r.notes = max(r.notes, width(b.note(d.Percent, digits), smallSize))
	}
	r.axis.percent = d.Percent
	r.layout(vs, 0)
	zero := r.x(0)
	for i, b := range bars {
		y := r.y(i)
		r.name(i, false)
		x := r.x(b.Value)
		r.s.rect(min(zero, x), y-6, math.Abs(x-zero), 12, 1.5, fill(Series(0)))
		if b.hasInterval() {
			r.whisker(r.x(b.Lo), r.x(b.Hi), y, Ink)
		}
		r.note(i, b.note(d.Percent, digits), label{color: Muted})
	}
	r.s.line(zero, r.top, zero, r.bottom(), stroke(Muted, 1, nil))
	first := bars[0]
	return r.s.figure(title, sentence(fmt.Sprintf("Bar chart of %s with %d rows", lower(title), len(bars)),
		fmt.Sprintf("Largest: %s, %s", printable(first.Label), first.note(d.Percent, digits))))
}

func (b Bar) hasInterval() bool {
	return finite(b.Lo, b.Hi) && (b.Lo != 0 || b.Hi != 0) && b.Lo <= b.Hi
}

// note is what stands right of a bar.
func (b Bar) note(percent bool, decimals int) string {
	switch {
	case b.Note != "":
		return printable(b.Note)
	case percent:
		return Num(100*b.Value, 1) + "%"
	}
	return Num(b.Value, decimals)
}

// decimals is how many a column of numbers needs so that its largest shows n significant digits.
func decimals(n int, vs ...float64) int {
	top := 0.0
	for _, v := range vs {
		if finite(v) {
			top = max(top, math.Abs(v))
		}
	}
	if top == 0 {
		return 0
	}
	return min(max(0, n-1-int(math.Floor(math.Log10(top)))), 9)
}

// Missingness draws the share of missing values by column, the worst first. Columns without a missing
// value are not drawn; the alternative text counts them.
func Missingness(columns []string, share []float64) Figure {
	const title = "Missing values"
	var bars []Bar
	full := 0
	for i := range min(len(columns), len(share)) {
		switch {
		case share[i] > 0:
			bars = append(bars, Bar{Label: columns[i], Value: share[i]})
		case share[i] == 0:
			full++
		}
	}
	if len(bars) == 0 && full > 0 {
		f := empty(title, "")
		s := newSheet(f.Width, 60)
		s.text(0, 34, fmt.Sprintf("No column has missing values (n = %s).", Count(full)), label{size: 14})
		return s.figure(title, fmt.Sprintf("No column of %d has missing values.", full))
	}
	f := Bars(BarData{Title: title, XLabel: "Share of rows without a value", Bars: bars, Percent: true})
	f.Alt = sentence(f.Alt, fmt.Sprintf("%d columns have missing values and %d are complete", len(bars), full))
	return f
}

// Step is one contribution of a waterfall.
type Step struct {
	Label string  // predictor and its value
	Value float64 // what it adds
}

// WaterfallData explains one prediction: from a base value, each contribution moves it, up to the result.
type WaterfallData struct {
	Base, Result         float64
	BaseName, ResultName string // default "Average" and "This case"
	Steps                []Step
	XLabel               string
	Max                  int // steps drawn; 0 = 12. Smaller ones are drawn together.
}

// Waterfall draws contributions as a staircase of bars: raising ones with a solid fill and a right-hand
// tip, lowering ones hollow with a left-hand tip, so that direction does not hang on colour.
func Waterfall(d WaterfallData) Figure {
	const title = "Contributions"
	var steps []Step
	for _, s := range d.Steps {
		if finite(s.Value) {
			steps = append(steps, s)
		}
	}
	if len(steps) == 0 || !finite(d.Base, d.Result) {
		return empty(title, "There is no contribution to show.")
	}
	stableBy(steps, func(a, b Step) bool { return math.Abs(a.Value) > math.Abs(b.Value) })
	limit := d.Max
	if limit <= 0 {
		limit = 12
	}
	if len(steps) > limit+1 {
		var sum float64
		for _, s := range steps[limit:] {
			sum += s.Value
		}
		steps = append(steps[:limit:limit], Step{fmt.Sprintf("%d others", len(steps)-limit), sum})
	}
	base, result := d.BaseName, d.ResultName
	if base == "" {
		base = "Average"
	}
	if result == "" {
		result = "This case"
	}
	labels := []string{base}
	vs := []float64{d.Base, d.Result}
	at, digits := d.Base, 0
	for _, s := range steps {
		at += s.Value
		vs = append(vs, at)
		labels = append(labels, s.Label)
		digits = max(digits, decimals(2, s.Value))
	}
	r := newRows(append(labels, result), d.XLabel, 0)
	r.digits = min(digits, decimals(2, steps[0].Value)+1)
	r.notes = max(width(Num(d.Base, r.digits), smallSize), width(Num(d.Result, r.digits), smallSize)) + 4
	for _, s := range steps {
		r.notes = max(r.notes, width(signed(s.Value, r.digits), smallSize))
	}
	r.layout(vs, 0.03)
	r.total(0, d.Base)
	at = d.Base
	for i, s := range steps {
		r.step(i+1, s, at)
		at += s.Value
	}
	r.total(len(steps)+1, d.Result)
	top := steps[0]
	return r.s.figure(title, sentence(
		fmt.Sprintf("Waterfall from %s (%s) to %s (%s) over %d contributions", lower(base), Num(d.Base, r.digits), lower(result), Num(d.Result, r.digits), len(steps)),
		fmt.Sprintf("Largest: %s, %s", printable(top.Label), signed(top.Value, r.digits))))
}

func signed(v float64, decimals int) string {
	if v > 0 {
		return "+" + Num(v, decimals)
	}
	return Num(v, decimals)
}

func (r *rows) total(i int, v float64) {
	y := r.y(i)
	r.name(i, true)
	r.s.line(r.x(v), y-r.row/2, r.x(v), y+r.row/2, stroke(Ink, 2, nil))
	r.s.mark(r.x(v), y, 4.5, 3, Ink)
	r.note(i, Num(v, r.digits), label{bold: true})
}

func (r *rows) step(i int, st Step, from float64) {
	y := r.y(i)
	x0, x1 := r.x(from), r.x(from+st.Value)
	r.name(i, false)
	r.s.line(x0, y-r.row, x0, y, stroke(Muted, 1, dash(2)))
	tip := min(5, math.Abs(x1-x0))
	if x1 >= x0 {
		r.s.polygon(fill(Series(1)), x0, y-7, x1-tip, y-7, x1, y, x1-tip, y+7, x0, y+7)
	} else {
		shape := []float64{x0, y - 7, x1 + tip, y - 7, x1, y, x1 + tip, y + 7, x0, y + 7}
		r.s.polygon(fill(Series(0).Band()), shape...)
		r.s.polygon(stroke(Series(0), 1.5, nil), shape...)
	}
	r.note(i, signed(st.Value, r.digits), label{color: Muted})
}

// rows is the layout that row charts share: names on the left, an axis in the middle, notes on the right.
type rows struct {
	s            *sheet
	labels       []string
	axis         axis
	names, notes float64 // widths of the outer columns
	top, row     float64
	rest         int // rows left out
	digits       int // decimals of printed values
	x0, x1       float64
}

const rowsTop = 8.0

// newRows makes the sheet. Names that are too long for one line get two, and all rows are taller then.
func newRows(labels []string, xlabel string, rest int) *rows {
	r := &rows{labels: labels, axis: axis{label: xlabel}, top: rowsTop, row: 22, rest: rest}
	for _, l := range labels {
		r.names = max(r.names, width(l, textSize)*1.04) // bold runs a little wider
	}
	if room := 0.42 * plotWidth; r.names > room {
		r.names, r.row = room, 30
	}
	h := r.top + r.row*float64(len(labels)) + 24
	if xlabel != "" {
		h += 18
	}
	if rest > 0 {
		h += 18
	}
	r.s = newSheet(plotWidth, h)
	return r
}

// layout settles the columns and draws names and axis for a range of values.
func (r *rows) layout(vs []float64, margin float64) {
	r.x0, r.x1 = r.names+12, r.s.w-r.notes-12
	r.axis.widen(margin, vs...)
	n := max(2, int((r.x1-r.x0)/44))
	for _, t := range r.axis.ticks(n) {
		x := r.x(t.at)
		r.s.line(x, r.top, x, r.bottom(), stroke(Grid, 1, nil))
		r.s.text(x, r.bottom()+14, t.label, label{size: smallSize, anchor: 'm', color: Muted})
	}
	y := r.bottom() + 31
	if r.axis.label != "" {
		mid, w := (r.x0+r.x1)/2, width(r.axis.label, textSize)
		mid = min(max(mid, w/2), r.s.w-w/2)
		r.s.text(mid, y, fit(r.axis.label, textSize, r.s.w), label{anchor: 'm', color: Muted})
		y += 18
	}
	if r.rest > 0 {
		r.s.text(0, y, fmt.Sprintf("%s more rows are not shown.", Count(r.rest)), label{size: smallSize, color: Muted})
	}
}

// name writes the label of a row.
func (r *rows) name(i int, bold bool) {
	y := r.y(i)
	if width(r.labels[i], textSize) <= r.names {
		r.s.text(0, y+4, printable(r.labels[i]), label{bold: bold})
		return
	}
	lines := wrap(r.labels[i], smallSize, r.names, 2)
	for k, l := range lines {
		r.s.text(0, y+4+13*(float64(k)-float64(len(lines)-1)/2), l, label{size: smallSize, bold: bold})
	}
}

// note writes what stands at the right of a row.
func (r *rows) note(i int, words string, l label) {
	l.size, l.anchor = smallSize, 'e'
	r.s.text(r.s.w, r.y(i)+4, words, l)
}

func (r *rows) bottom() float64 { return r.top + r.row*float64(len(r.labels)) }

func (r *rows) y(i int) float64 { return r.top + r.row*(float64(i)+.5) }

func (r *rows) x(v float64) float64 {
	return r.x0 + (v-r.axis.min)/(r.axis.max-r.axis.min)*(r.x1-r.x0)
}

// whisker draws an interval with end caps.
func (r *rows) whisker(x0, x1, y float64, t Tone) {
	p := stroke(t, 1.2, nil)
	r.s.line(x0, y, x1, y, p)
	r.s.line(x0, y-3, x0, y+3, p)
	r.s.line(x1, y-3, x1, y+3, p)
}
