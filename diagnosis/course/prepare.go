package course

import (
	"math"
	"sort"

	"galen.dev/event"
)

// observed are the events that may be seen at an index time: those known from the start, and those of the window up to
// the index. Events are in order. Nothing else of a stay reaches a model.
func (p *plan) observed(events []event.Event, at int64) (static, timed []event.Event) {
	first := sort.Search(len(events), func(i int) bool { return events[i].At != event.NoTime })
	from := at - hours(p.Declare.Window)
	begin := first + sort.Search(len(events)-first, func(i int) bool { return events[first+i].At >= from })
	end := first + sort.Search(len(events)-first, func(i int) bool { return events[first+i].At > at })
	return events[:first], events[begin:max(begin, end)]
}

// view is what models see of a stay at an index time.
type view struct {
	grid   []float32 // (steps, timed): in the canonical unit, NaN = nothing measured
	agg    []float64 // aggregates, NaN = nothing to aggregate
	tokens []int32   // the last codes, 1 and up
	// impossible values were taken for missing; odd units could not be converted.
	impossible, oddUnits int
}

// aggregate is one number that trees and regression see.
type aggregate struct {
	Variable int     // a place in Timed, or in Static
	Static   bool    //
	Stat     string  // first, last, min, max, mean, slope, count or since
	Window   float64 // h before the index time
}

var (
	wholeStats  = []string{"first", "last", "min", "max", "mean", "slope", "count", "since"}
	windowStats = []string{"min", "max", "mean", "slope", "count"}
)

// aggregates lists the numbers: of each code over the whole window, its last half and its last quarter, then what is
// known from the start.
func (p *plan) aggregates() (out []aggregate) {
	for k := range p.Timed {
		for w, share := range windowShares {
			stats := windowStats
			if w == 0 {
				stats = wholeStats
			}
			for _, s := range stats {
				if p.Timed[k].Coded && s != "count" && s != "since" {
					continue
				}
				out = append(out, aggregate{Variable: k, Stat: s, Window: share * p.Declare.Window})
			}
		}
	}
	for k := range p.Static {
		out = append(out, aggregate{Variable: k, Static: true, Stat: "last"})
	}
	return out
}

var windowShares = []float64{1, .5, .25}

// gather is what is gathered of one code in one window.
type gather struct {
	n               float64
	first, last     float64
	low, high, sum  float64
	t0, st, st2, sy float64 // of times, for the slope: shifted by the first
	lastAt          float64
}

func (g *gather) add(at, v float64) {
	if g.n == 0 {
		g.first, g.low, g.high, g.t0 = v, v, v, at
	}
	g.n++
	g.last, g.lastAt = v, at
	g.low, g.high = math.Min(g.low, v), math.Max(g.high, v)
	t := at - g.t0
	g.sum += v
	g.st += t
	g.st2 += t * t
	g.sy += t * v
}

func (g *gather) stat(name string, end float64) float64 {
	if name == "count" {
		return g.n
	}
	if g.n == 0 {
		return math.NaN()
	}
	switch name {
	case "first":
		return g.first
	case "last":
		return g.last
	case "min":
		return g.low
	case "max":
		return g.high
	case "mean":
		return g.sum / g.n
	case "since":
		return end - g.lastAt
	}
	spread := g.st2 - g.st*g.st/g.n
	if g.n < 2 || spread < 1e-9 {
		return math.NaN()
	}
	return (g.sy - g.st*g.sum/g.n) / spread
}

// scratch is memory that one worker uses again.
type scratch struct {
	stay   event.Stay
	gather []gather
	sum    []float64
	count  []float64
	view   view
}

// look makes the view of a stay at an index time. The view is the scratch's, valid until the next look.
func (r *reader) look(s *event.Stay, at int64, w *scratch) *view {
	static, timed := r.observed(s.Events, at)
	v := &w.view
	cells := r.Steps * len(r.Timed)
	v.grid, v.agg, v.tokens = grown(v.grid, cells), grown(v.agg, len(r.names)), v.tokens[:0]
	w.sum, w.count, w.gather = grown(w.sum, cells), grown(w.count, cells), grown(w.gather, len(windowShares)*len(r.Timed))
	clear(w.sum)
	clear(w.count)
	clear(w.gather)
	v.impossible, v.oddUnits = 0, 0
	from, bin := at-hours(r.Declare.Window), float64(hours(r.Bin))
	for i := range timed {
		e := &timed[i]
		if k := r.word[e.Code]; k >= 0 {
			v.tokens = append(v.tokens, k+1)
		}
		k := r.timed[e.Code]
		if k < 0 {
			continue
		}
		x, ok := r.value(&r.Timed[k], r.factor[k], e, v)
		if !ok {
			continue
		}
		step := min(r.Steps-1, int(float64(e.At-from)/bin))
		c := step*len(r.Timed) + int(k)
		switch {
		case r.Timed[k].Coded:
			w.sum[c]++
		case r.Value == "last":
			w.sum[c], w.count[c] = x, 0
		default:
			w.sum[c] += x
		}
		w.count[c]++
		t := float64(e.At-from) / float64(event.Hour)
		for n, share := range windowShares {
			if t >= (1-share)*r.Declare.Window {
				w.gather[n*len(r.Timed)+int(k)].add(t, x)
			}
		}
	}
	for c := range v.grid {
		v.grid[c] = float32(math.NaN())
		if w.count[c] > 0 {
			v.grid[c] = float32(w.sum[c] / w.count[c])
			if r.Timed[c%len(r.Timed)].Coded {
				v.grid[c] = float32(w.sum[c])
			}
		}
	}
	if n := len(v.tokens); n > r.Tokens {
		v.tokens = v.tokens[n-r.Tokens:]
	}
	r.aggregate(static, v, w)
	for j, x := range v.agg {
		v.agg[j] = float64(float32(x)) // as prepared samples keep them, so that apply says what evaluate measured
	}
	return v
}

func (r *reader) aggregate(static []event.Event, v *view, w *scratch) {
	for j, a := range r.names {
		if a.Static {
			v.agg[j] = math.NaN()
			continue
		}
		n := 0
		for windowShares[n]*r.Declare.Window != a.Window {
			n++
		}
		v.agg[j] = w.gather[n*len(r.Timed)+a.Variable].stat(a.Stat, r.Declare.Window)
	}
	base := len(r.names) - len(r.Static)
	for i := range static {
		e := &static[i]
		if k := r.static[e.Code]; k >= 0 {
			if x, ok := r.value(&r.Static[k], r.staticFactor[k], e, v); ok {
				v.agg[base+int(k)] = x
			}
		}
	}
}

// value is an event's value in the canonical unit; ok is false where it is missing or impossible.
func (r *reader) value(q *variable, units []*scale, e *event.Event, v *view) (x float64, ok bool) {
	if q.Coded {
		return 1, true
	}
	if math.IsNaN(e.Value) {
		return 0, false
	}
	s := units[e.Unit]
	if s == nil {
		v.oddUnits++
		return 0, false
	}
	x = s.value(e.Value)
	if !q.possible(x) {
		v.impossible++
		return 0, false
	}
	return x, true
}

func (q *variable) possible(x float64) bool {
	return !math.IsNaN(x) && !math.IsInf(x, 0) && math.Abs(x) < 1e30 && (q.Low == nil || x >= *q.Low) && (q.High == nil || x <= *q.High)
}

// grown is a slice of n, in the memory of another where that is enough.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// maxZ bounds standardised values, so that one wild value cannot rule a network.
const maxZ = 5

func (q *variable) standard(x float64) float32 {
	if q.Coded {
		return float32(math.Min(x, maxZ))
	}
	return float32(math.Max(-maxZ, math.Min(maxZ, (x-q.Mean)/q.SD)))
}

// channels of each timed variable in what networks see: the last value (standardised, 0 = the mean before the first),
// whether one was measured in this step, and the time since the one before, in windows.
const channels = 3

// sequence turns a grid into what networks see, (steps, channels · timed): values, masks, times.
func (p *plan) sequence(grid []float32, to []float32) {
	V := len(p.Timed)
	for k := range V {
		last, since := float32(0), float32(0)
		for t := range p.Steps {
			row := to[t*channels*V:]
			if t > 0 {
				since += float32(p.Bin / p.Declare.Window)
			}
			x := grid[t*V+k]
			row[2*V+k] = since
			if x == x {
				last, since = p.Timed[k].standard(float64(x)), 0
				row[V+k] = 1
			} else {
				row[V+k] = 0
				if p.Timed[k].Coded {
					last = 0
				}
			}
			row[k] = last
		}
	}
}

// fixedWidth is the length of fixed.
func (p *plan) fixedWidth() (n int) {
	for k := range p.Static {
		n += 1 + max(1, len(p.Static[k].Levels))
	}
	return n
}

// fixed turns what is known from the start into what networks see: levels, or a standardised value, and whether it is
// known.
func (p *plan) fixed(static []float64, to []float32) {
	at := 0
	for k := range p.Static {
		q, x := &p.Static[k], static[k]
		known := !math.IsNaN(x)
		to[at] = 0
		if known {
			to[at] = 1
		}
		at++
		if len(q.Levels) == 0 {
			to[at] = 0
			if known {
				to[at] = q.standard(x)
			}
			at++
			continue
		}
		for _, l := range q.Levels {
			to[at] = 0
			if known && l == x {
				to[at] = 1
			}
			at++
		}
	}
}
