package metric

import (
	"context"
	"fmt"
	"math"
	"slices"

	"galen.dev/fault"
)

// SubgroupOptions says how a subgroup table is made.
type SubgroupOptions struct {
	Threshold float64 // of the deployed rule "p ≥ Threshold", between 0 and 1, excluded
	Reference string  // level that the others are compared with; "" = all patients together
	MinEvents int     // a group with fewer events or fewer non-events is hidden; 0 = DefaultMinEvents
}

// DefaultMinEvents hides a group with fewer than 10 events or non-events: its figures would be noise, and small counts
// can identify people. It is a convention, as cells under ten are suppressed in official statistics.
const DefaultMinEvents = 10

// Subgroup is how well the predictions serve one group, and how that differs from the reference.
type Subgroup struct {
	Level  string  `json:"level"`            // "" is the row of all patients
	Hidden string  `json:"hidden,omitempty"` // why nothing is shown; then the rest is empty
	N      int     `json:"n,omitempty"`
	Events int     `json:"events,omitempty"`
	Scores []Score `json:"scores,omitempty"`
	// Differences are this group's scores minus the reference's, on the same samples; nil for the reference itself.
	Differences []Score `json:"differences,omitempty"`
}

var subgroupNames = []string{
	"auroc", "calibration_intercept", "calibration_slope", "sensitivity", "specificity", "ppv", "net_benefit", "brier",
}

// Subgroups scores each level of a grouping, e.g. sex or age band, beside all patients, with bootstrap intervals
// for the scores and for the differences to the reference. group[i] is the index of row i's level, -1 where it
// is not known; such rows count only among all. The first row of the table is all patients, then come the
// levels in order. Scores are auroc, calibration_intercept, calibration_slope, sensitivity, specificity, ppv,
// net_benefit, brier. Against all patients, a group is part of what it is compared with, which shrinks its difference.
//
// It refuses a reference that is no level or is hidden, and indices out of range.
func Subgroups(
	ctx context.Context, r Resample, p []float64, y []bool, group []int, levels []string, opt SubgroupOptions,
) ([]Subgroup, error) {
	sameLength(len(p), len(y))
	sameLength(len(p), len(group))
	sameLength(len(p), r.N)
	table, reference, err := layout(y, group, levels, opt)
	if err != nil {
		return nil, err
	}
	s := newSample(p, y)
	k := len(subgroupNames)
	ivs, err := Bootstrap(ctx, r, func(rows []int) []float64 {
		out := make([]float64, 0, 2*k*len(table))
		part := make([]int, 0, len(rows))
		for i, g := range table {
			if g.Hidden != "" {
				continue
			}
			part = part[:0]
			for _, row := range rows {
				if i == 0 || group[row] == i-1 {
					part = append(part, row)
				}
			}
			out = append(out, s.subgroupScores(part, opt.Threshold)...)
		}
		at := k * shownBefore(table, reference)
		for i := 0; i < k*shownBefore(table, len(table)); i++ {
			out = append(out, out[i]-out[at+i%k])
		}
		return out
	})
	if err != nil {
		return nil, err
	}
	shown := shownBefore(table, len(table))
	for i := range table {
		if table[i].Hidden != "" {
			continue
		}
		at := k * shownBefore(table, i)
		table[i].Scores, _ = named(subgroupNames)(ivs[at:at+k], nil)
		if i != reference {
			at += k * shown
			table[i].Differences, _ = named(subgroupNames)(ivs[at:at+k], nil)
		}
	}
	return table, nil
}

func (g *Subgroup) add(event bool) {
	g.N++
	if event {
		g.Events++
	}
}

// shownBefore counts the rows of the table above i that are not hidden.
func shownBefore(table []Subgroup, i int) int {
	n := 0
	for _, g := range table[:i] {
		if g.Hidden == "" {
			n++
		}
	}
	return n
}

// layout counts patients, hides small groups and finds the row of the reference.
func layout(y []bool, group []int, levels []string, opt SubgroupOptions) ([]Subgroup, int, error) {
	least := opt.MinEvents
	if least == 0 {
		least = DefaultMinEvents
	}
	table := make([]Subgroup, 1+len(levels))
	for i, l := range levels {
		table[i+1].Level = l
	}
	var out rowList
	for i, g := range group {
		if g < -1 || g >= len(levels) {
			out.add(i)
			continue
		}
		table[0].add(y[i])
		if g >= 0 {
			table[g+1].add(y[i])
		}
	}
	if err := fault.Refuse("subgroups", out.finding(nil, "group-out-of-range", "a group is not one of the levels")); err != nil {
		return nil, 0, err
	}
	for i := range table {
		if g := &table[i]; i > 0 && (g.Events < least || g.N-g.Events < least) {
			*g = Subgroup{Level: g.Level, Hidden: fmt.Sprintf("fewer than %d events or non-events", least)}
		}
	}
	if opt.Reference == "" {
		return table, 0, nil
	}
	reference := slices.Index(levels, opt.Reference) + 1
	if reference == 0 || table[reference].Hidden != "" {
		err := fault.Errorf(fault.Usage, "subgroups: reference %q is not a level with at least %d events and non-events",
			opt.Reference, least)
		return nil, 0, fault.WithHint(err, "leave the reference out to compare with all patients")
	}
	return table, reference, nil
}

func (s *sample) subgroupScores(rows []int, threshold float64) []float64 {
	w := s.borrow(rows)
	defer s.giveBack(w)
	t := &w.tally
	_, slope := t.calibrationSlope(s.logit)
	c := t.countsAt(threshold)
	net := c.NetBenefit(threshold)
	if t.empty() {
		net = math.NaN()
	}
	return []float64{
		t.auroc(), t.calibrationIntercept(s.logit), slope, c.Sensitivity(), c.Specificity(), c.PPV(), net, t.brier(),
	}
}
