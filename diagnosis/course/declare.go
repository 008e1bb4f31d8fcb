package course

import (
	"math"
	"slices"

	"galen.dev/event"
	"galen.dev/fault"
	"galen.dev/task"
)

// declaration says what is predicted, of whom and when. It is kept in the plan, and apply follows the same one.
type declaration struct {
	Outcome   string   `json:"outcome"`
	Fact      bool     `json:"fact"` // of the stay as a whole; otherwise an event
	Above     float64  `json:"above"`
	Index     float64  `json:"index_h"`
	IndexCode string   `json:"index_code,omitempty"`
	Window    float64  `json:"window_h"`
	Gap       float64  `json:"gap_h"`
	Horizon   float64  `json:"horizon_h"` // 0 = to the end of the stay
	Every     float64  `json:"every_h"`   // 0 = asked once
	Bins      int      `json:"bins"`      // intervals of the hazard; 0 = whether the event comes
	Censoring string   `json:"censoring"`
	Exclude   []string `json:"exclude,omitempty"`
}

func readDeclaration(r *task.Run) *declaration {
	return &declaration{
		Outcome: r.String("outcome"), Above: r.Float("outcome-above"), Index: r.Float("index-time"), IndexCode: r.String("index-code"), Window: r.Float("window"),
		Gap: r.Float("gap"), Horizon: r.Float("horizon"), Every: r.Float("every"), Bins: r.Int("bins"), Censoring: r.String("censoring"), Exclude: r.Strings("exclude"),
	}
}

// resolve finds the codes and says at once what does not fit together. facts tells which codes some stay has as a fact.
func (d *declaration) resolve(words *event.Vocabulary, facts []bool, inputs []string) (*resolved, error) {
	v := &resolved{declaration: d, index: -1}
	var findings []fault.Finding
	find := func(param, code string) int32 {
		c := words.Find(code)
		if c < 0 {
			findings = append(findings, fault.Finding{Name: "unknown-code", Severity: fault.Severe, Column: param, Message: "the parameter " + param + " names a code that no stay has", Hint: fault.DidYouMean(code, words.Codes)})
		}
		return c
	}
	v.outcome = find("outcome", d.Outcome)
	d.Fact = v.outcome >= 0 && facts[v.outcome]
	if d.IndexCode != "" {
		v.index = find("index-code", d.IndexCode)
	}
	for _, code := range d.Exclude {
		v.exclude = append(v.exclude, find("exclude", code))
	}
	for _, code := range inputs {
		c := find("inputs", code)
		if code == d.Outcome || c >= 0 && facts[c] {
			findings = append(findings, fault.Finding{Name: "leakage", Severity: fault.Severe, Column: "inputs", Message: "an input is the outcome, or a fact that is known when the stay is over", Hint: "take it out of inputs"})
		}
	}
	if err := fault.Refuse("declaration", findings); err != nil {
		return nil, err
	}
	if d.Fact && (d.Gap > 0 || d.Horizon > 0 || d.Bins > 0) {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "the outcome is a fact of the stay, which has no time: gap, horizon and bins do not apply"), "leave them out, or name the code of an event")
	}
	if d.Bins > 0 && d.Horizon == 0 {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "bins need a horizon"), "set horizon, in hours: it is cut into so many intervals")
	}
	if d.Bins == 1 {
		return nil, fault.Errorf(fault.Usage, "one interval is no time to an event: bins is 0, or 2 and more")
	}
	return v, nil
}

// resolved is a declaration with the codes of a set.
type resolved struct {
	*declaration
	outcome, index int32
	exclude        []int32
}

func hours(h float64) int64 { return int64(math.Round(h * float64(event.Hour))) }

// begin is the start of a stay: as the source says, else its first event. ok is false where nothing has a time.
func begin(s *event.Stay) (at int64, ok bool) {
	if s.Start != event.NoTime {
		return s.Start, true
	}
	for i := range s.Events {
		if s.Events[i].At != event.NoTime {
			return s.Events[i].At, true
		}
	}
	return 0, false
}

// until is the time up to which a stay is known: its end, or its last event.
func until(s *event.Stay) int64 {
	if s.End != event.NoTime {
		return s.End
	}
	if n := len(s.Events); n > 0 {
		return s.Events[n-1].At
	}
	return event.NoTime
}

// Reasons why a stay, or a time in it, is no sample.
const (
	reasonNoTime = iota
	reasonNoIndex
	reasonEnded
	reasonNoOutcome
	reasonBefore
	reasonGap
	reasonExcluded
	reasonCensored
	reasonEmpty
	reasonCount
)

var reasonText = [reasonCount]string{
	"no event has a time", "the event from which the index time counts does not occur", "the stay ended before the index time", "the outcome is not known",
	"the outcome came at or before the index time", "the outcome came within the gap", "a code that excludes came at or before the index time", "the stay ended within the horizon without the event", "no event lies in the observation window",
}

// maxTimes bounds how often one stay is asked about.
const maxTimes = 10000

// times are the index times of a stay.
func (v *resolved) times(s *event.Stay) (at []int64, reason int) {
	from, ok := begin(s)
	if !ok {
		return nil, reasonNoTime
	}
	if v.index >= 0 {
		i := slices.IndexFunc(s.Events, func(e event.Event) bool { return e.Code == v.index && e.At != event.NoTime })
		if i < 0 {
			return nil, reasonNoIndex
		}
		from = s.Events[i].At
	}
	first := from + hours(v.Index)
	if s.End != event.NoTime && s.End < first {
		return nil, reasonEnded
	}
	at = []int64{first}
	if step := hours(v.Every); step > 0 {
		for t, last := first+step, until(s); t <= last && len(at) < maxTimes; t += step {
			at = append(at, t)
		}
	}
	return at, -1
}

// target is what happens after an index time.
type target struct {
	y        int  // whether the event comes
	interval int  // of the event, or of censoring
	censored bool // seen without the event to interval's start alone
}

func (v *resolved) counts(value float64) bool { return math.IsNaN(value) || value > v.Above }

// before says why a stay cannot be asked at an index time, from what came before; -1 = it can.
func (v *resolved) before(s *event.Stay, at int64) (reason int) {
	for i := range s.Events {
		e := &s.Events[i]
		if e.At > at {
			break
		}
		if slices.Contains(v.exclude, e.Code) {
			return reasonExcluded
		}
		if e.Code == v.outcome && v.counts(e.Value) && !v.Fact {
			return reasonBefore
		}
	}
	return -1
}

// label says what happens after an index time, or why that cannot be told.
func (v *resolved) label(s *event.Stay, at int64) (t target, reason int) {
	if reason := v.before(s, at); reason >= 0 {
		return t, reason
	}
	if v.Fact {
		for _, f := range s.Facts {
			if f.Code == v.outcome && !math.IsNaN(f.Value) {
				if f.Value > v.Above {
					t.y = 1
				}
				return t, -1
			}
		}
		return t, reasonNoOutcome
	}
	from, to := at+hours(v.Gap), int64(math.MaxInt64)
	if v.Horizon > 0 {
		to = from + hours(v.Horizon)
	}
	for i := range s.Events {
		e := &s.Events[i]
		if e.At <= at || e.Code != v.outcome || !v.counts(e.Value) {
			continue
		}
		if e.At <= from && v.Gap > 0 {
			return t, reasonGap
		}
		if e.At > to {
			break
		}
		t.y, t.interval = 1, v.interval(e.At-from)
		return t, -1
	}
	t.interval = max(v.Bins-1, 0)
	if v.Horizon == 0 || v.Censoring == "negative" || s.End == event.NoTime || s.End >= to {
		return t, -1
	}
	if v.Bins == 0 || s.End <= from {
		return t, reasonCensored
	}
	// Within intervals, one whose end falls into an interval has survived those before it.
	t.censored, t.interval = true, v.interval(s.End-from)-1
	if t.interval < 0 {
		return t, reasonCensored
	}
	return t, -1
}

// interval of the horizon that a time after its start falls into.
func (v *resolved) interval(after int64) int {
	if v.Bins == 0 {
		return 0
	}
	return min(v.Bins-1, int(max(after-1, 0)*int64(v.Bins)/hours(v.Horizon)))
}
