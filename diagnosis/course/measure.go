package course

import (
	"context"
	"fmt"
	"math"
	"slices"

	"galen.dev/event"
	"galen.dev/fault"
)

// found is what pass over all stays finds of one code, rolled up.
type found struct {
	timed, static kind
	// after and seen count events of a code after the last index time, and those that some sample may see.
	after, seen int64
	rows        []int // of events after, in file
	file        string
}

// kind tells of events with a time, or of those without.
type kind struct {
	train, all []int64 // events by unit: of training samples, and of all
	values     int64   // training events with a value
	coded      int64   // and without
	stays      int     // training stays that have the code
	last       int     // stay that was counted last, plus one
}

// census counts codes and units. It runs in the order of stays.
func (w *work) census(ctx context.Context, group []int32, groups int) ([]found, error) {
	out := make([]found, groups)
	units := len(w.set.Units)
	for g := range out {
		out[g].timed.train, out[g].timed.all = make([]int64, units), make([]int64, units)
		out[g].static.train, out[g].static.all = make([]int64, units), make([]int64, units)
	}
	var slots [chunk][]event.Event
	var files [chunk]string
	err := w.each(ctx, "counting", func(s *scratch, i int) error {
		slots[i%chunk], files[i%chunk] = append(slots[i%chunk][:0], s.stay.Events...), s.stay.File
		return nil
	}, func(i int) error {
		if w.first[i] == w.first[i+1] {
			return nil
		}
		from, to, train := w.span(i)
		end := w.co.At[w.first[i+1]-1]
		for _, e := range slots[i%chunk] {
			f := &out[group[e.Code]]
			k := &f.timed
			switch {
			case e.At == event.NoTime:
				k = &f.static
			case e.At > end:
				f.after++
				if f.file == "" {
					f.file = files[i%chunk]
				}
				if f.file == files[i%chunk] && len(f.rows) < fault.MaxRows {
					f.rows = append(f.rows, int(e.Row))
				}
				continue
			}
			f.seen++
			k.all[e.Unit]++
			if !train || e.At != event.NoTime && (e.At < from || e.At > to) {
				continue
			}
			k.train[e.Unit]++
			if math.IsNaN(e.Value) {
				k.coded++
			} else {
				k.values++
			}
			if k.last != i+1 {
				k.stays, k.last = k.stays+1, i+1
			}
		}
		return nil
	})
	return out, err
}

// makePlan measures training stays, and nothing else.
func (w *work) makePlan(ctx context.Context) error {
	r := w.run
	p := &plan{Format: planFormat, Declare: w.v.declaration, Bin: r.Float("bin"), Value: r.String("value"), Tokens: r.Int("tokens"), RollUp: r.String("roll-up"), Hidden: w.ix.FactCodes, Words: []string{}}
	w.plan = p
	if p.Steps = int(math.Ceil(w.v.Window/p.Bin - 1e-9)); p.Steps < 4 || p.Steps > 20000 {
		return fault.WithHint(fault.Errorf(fault.Usage, "the window of %g h has %s of %g h", w.v.Window, fault.Count(p.Steps, "step"), p.Bin), "set bin so that it has 4 to 20,000")
	}
	names, group := w.groups(p.RollUp)
	all, err := w.census(ctx, group, len(names))
	if err != nil {
		return err
	}
	if err := w.choose(names, group, all); err != nil {
		return err
	}
	if len(p.Timed) == 0 {
		return fault.WithHint(fault.Errorf(fault.Data, "no code is left to learn from"), "two training stays or more must have a code in the observation window; look at window and inputs")
	}
	if cells := p.Steps * len(p.Timed); cells > 1<<22 {
		return fault.WithHint(fault.Errorf(fault.Usage, "a grid of %d steps and %d codes is too large", p.Steps, len(p.Timed)), "set a wider bin, or fewer variables")
	}
	w.bound("lowest", func(v *variable, x float64) { v.Low = &x })
	w.bound("highest", func(v *variable, x float64) { v.High = &x })
	for k := range p.Timed {
		if v := &p.Timed[k]; v.Low != nil && v.High != nil && *v.Low >= *v.High {
			return fault.Errorf(fault.Usage, "lowest and highest of %q leave nothing between them", v.Code)
		}
	}
	return w.moments(ctx)
}

// groups numbers the codes of the set, rolled up.
func (w *work) groups(how string) (names []string, group []int32) {
	at := map[string]int32{}
	for _, code := range w.set.Codes {
		name := rolled(code, how)
		g, ok := at[name]
		if !ok {
			g = int32(len(names))
			at[name], names = g, append(names, name)
		}
		group = append(group, g)
	}
	return names, group
}

// choose takes the codes that models see, and refuses leaks and units that clash.
func (w *work) choose(names []string, group []int32, all []found) error {
	p, inputs := w.plan, w.run.Strings("inputs")
	hidden := map[string]bool{}
	for _, code := range append([]string{p.Declare.Outcome}, p.Hidden...) {
		hidden[rolled(code, p.RollUp)] = true
	}
	asked := map[string]bool{}
	var findings []fault.Finding
	for _, code := range inputs {
		name := rolled(code, p.RollUp)
		asked[name] = true
		g := slices.Index(names, name)
		if f := &all[g]; f.seen == 0 && f.after > 0 {
			findings = append(findings, fault.Finding{Name: "future-input", Severity: fault.Severe, File: f.file, Column: code, Rows: f.rows, Count: int(f.after), Message: "an input lies after the index time in every stay", Hint: "take it out of inputs, or ask later: index-time"})
		}
	}
	var words []variable
	for g, name := range names {
		f := &all[g]
		if hidden[name] || len(inputs) > 0 && !asked[name] {
			continue
		}
		for _, side := range []struct {
			kind *kind
			to   *[]variable
		}{{&f.timed, &p.Timed}, {&f.static, &p.Static}} {
			k := side.kind
			if k.stays < 2 { // one stay teaches nothing, and would be recognised by it
				continue
			}
			v := variable{Code: name, Coded: k.values == 0, Stays: k.stays, Events: k.values + k.coded, SD: 1}
			if !v.Coded {
				unit := unitOf(k.train, w.set.Units)
				v.Unit = unit
				for u := 1; u < len(k.all); u++ {
					if k.all[u] > 0 && scaleOf(w.set.Units[u], unit) == nil {
						findings = append(findings, w.clash(name, group, int32(g), int32(u)))
					}
				}
				if b, ok := bounds[name]; ok {
					v.Low, v.High = &b[0], &b[1]
				}
			}
			*side.to = append(*side.to, v)
			if side.kind == &f.timed {
				words = append(words, v)
			}
		}
	}
	if err := fault.Refuse("inputs", findings); err != nil {
		return err
	}
	rank(p.Timed)
	rank(p.Static)
	rank(words)
	most := w.run.Int("variables")
	p.Timed, p.Static = p.Timed[:min(most, len(p.Timed))], p.Static[:min(most, len(p.Static))]
	for _, v := range words[:min(len(words), maxWords)] {
		p.Words = append(p.Words, v.Code)
	}
	return nil
}

// maxWords is the most codes that basic-rnn tells apart.
const maxWords = 20000

// clash finds the first rows of a unit that does not convert.
func (w *work) clash(name string, group []int32, g, unit int32) fault.Finding {
	var s event.Stay
	var rows []int
	file, count := "", 0
	for i := range w.set.Len() {
		if err := w.set.Read(i, &s); err != nil {
			break
		}
		for _, e := range s.Events {
			if group[e.Code] != g || e.Unit != unit {
				continue
			}
			count++
			if file == "" {
				file = s.File
			}
			if s.File == file && len(rows) < fault.MaxRows {
				rows = append(rows, int(e.Row))
			}
		}
	}
	return clashFinding(name, file, rows, count)
}

// bound sets what the study says is possible.
func (w *work) bound(param string, set func(*variable, float64)) {
	given := w.run.Map(param)
	for _, vars := range [][]variable{w.plan.Timed, w.plan.Static} {
		for k := range vars {
			if x, ok := given[vars[k].Code]; ok {
				set(&vars[k], x)
			}
		}
	}
}

// moments takes mean and spread of the values that training samples see.
func (w *work) moments(ctx context.Context) error {
	r := w.plan.reader(&w.set.Vocabulary)
	T, S := len(r.Timed), len(r.Static)
	total := make([]tally, T+S)
	var slots [chunk][]tally
	err := w.each(ctx, "measuring", func(s *scratch, i int) error {
		from, to, train := w.span(i)
		if !train {
			slots[i%chunk] = nil
			return nil
		}
		t := make([]tally, T+S)
		for k := range s.stay.Events {
			e := &s.stay.Events[k]
			q, units, at := (*variable)(nil), []*scale(nil), 0
			if e.At == event.NoTime {
				if n := r.static[e.Code]; n >= 0 {
					q, units, at = &r.Static[n], r.staticFactor[n], T+int(n)
				}
			} else if n := r.timed[e.Code]; n >= 0 && e.At >= from && e.At <= to {
				q, units, at = &r.Timed[n], r.factor[n], int(n)
			}
			if q == nil {
				continue
			}
			if x, ok := r.value(q, units, e, &s.view); ok {
				t[at].add(x)
			} else if !math.IsNaN(e.Value) {
				t[at].impossible++
			}
		}
		slots[i%chunk] = t
		return nil
	}, func(i int) error {
		for k := range slots[i%chunk] {
			total[k].merge(&slots[i%chunk][k])
		}
		return nil
	})
	if err != nil {
		return err
	}
	for k := range total {
		q := (*variable)(nil)
		if k < T {
			q = &w.plan.Timed[k]
		} else {
			q = &w.plan.Static[k-T]
			if len(total[k].levels) <= maxLevels && !q.Coded {
				q.Levels = slices.Sorted(slices.Values(total[k].levels))
			}
		}
		q.Mean, q.SD = total[k].moments()
		q.Impossible = total[k].impossible
	}
	if n := w.co.Future; n > 0 {
		w.run.Note("%d events after the index time of their stay are left out", n)
	}
	for _, text := range reasonText {
		if n := w.co.LeftOut[text]; n > 0 {
			w.run.Note("%s left out: %s", fault.Count(n, "stay"), text)
		}
	}
	bad := 0
	for k := range total {
		bad += total[k].impossible
	}
	if bad > 0 {
		w.run.Note("%s of training stays are impossible and count as missing", fmt.Sprintf("%d values", bad))
	}
	return nil
}
