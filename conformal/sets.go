package conformal

import (
	"cmp"
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/metric"
)

// Score names how a class is scored from the probabilities.
type Score string

// The scores. LAC gives the smallest sets on average (Sadinle, Lei & Wasserman 2019) and may leave hard patients with an empty
// one. APS grows sets where the model is unsure (Romano, Sesia & Candès 2020); APSRandomised takes off a share u of the
// class's own probability, which makes coverage exact rather than too high, and the same patient's set depend on u.
const (
	LAC           Score = "lac"            // 1 - p of the class
	APS           Score = "aps"            // probability of the classes down to and including this one, largest first
	APSRandomised Score = "aps-randomised" // the same minus u times p of the class
)

// Sets is a fitted rule that maps class probabilities to a set of classes.
type Sets struct {
	Score    Score   `json:"score"`
	Alpha    float64 `json:"alpha"`
	Mondrian bool    `json:"mondrian"` // one bound for each class, so that the promise holds within each
	Bounds   []Bound `json:"bounds"`   // one, or one for each class; +Inf where there were too few patients
	N        []int   `json:"n"`        // calibration patients behind each bound
}

// SetOptions says what FitSets fits.
type SetOptions struct {
	Score    Score     // "" = LAC
	Alpha    float64   // share of patients whose set may miss; 0 = .1
	Mondrian bool      // see Sets
	U        []float64 // a uniform number of 0 … 1 for each patient; for APSRandomised only
}

// FitSets computes the bounds from probabilities p[row][class] of calibration patients of class y[row]. It refuses
// what metric.CheckClasses finds severe and bad options. A bound of +Inf is not an error: Sets.Infinite tells.
func FitSets(p [][]float64, y []int, opt SetOptions) (*Sets, error) {
	s := &Sets{Score: cmp.Or(opt.Score, LAC), Alpha: cmp.Or(opt.Alpha, .1), Mondrian: opt.Mondrian}
	fs := slices.DeleteFunc(metric.CheckClasses(p, y), func(f fault.Finding) bool { return f.Severity < fault.Severe })
	fs = append(fs, checkAlpha(s.Alpha)...)
	fs = append(fs, s.checkScore(opt.U)...)
	if err := fault.Refuse("fitting prediction sets", fs); err != nil {
		return nil, err
	}
	if s.Score == APSRandomised {
		sameLength(len(opt.U), len(p))
	}
	groups := 1
	if s.Mondrian {
		groups = len(p[0])
	}
	scores := make([][]float64, groups)
	for i, row := range p {
		g, u := 0, 0.0
		if s.Mondrian {
			g = y[i]
		}
		if s.Score == APSRandomised {
			u = opt.U[i]
		}
		scores[g] = append(scores[g], s.scores(row, u)[y[i]])
	}
	for _, v := range scores {
		s.Bounds = append(s.Bounds, Bound(Quantile(v, s.Alpha)))
		s.N = append(s.N, len(v))
	}
	return s, nil
}

func (s *Sets) checkScore(u []float64) []fault.Finding {
	bad := func(name, message string) []fault.Finding {
		return []fault.Finding{{Name: name, Severity: fault.Severe, Message: message}}
	}
	switch s.Score {
	case LAC, APS:
		if u != nil {
			return bad("numbers-not-used", "uniform numbers are given, but the score is not randomised")
		}
	case APSRandomised:
		if slices.ContainsFunc(u, func(v float64) bool { return !(v >= 0 && v <= 1) }) {
			return bad("uniform-out-of-range", "a uniform number is outside 0 to 1")
		}
	default:
		return bad("score-unknown", "score is none of lac, aps, aps-randomised")
	}
	return nil
}

// scores returns the score of every class of one patient.
func (s *Sets) scores(p []float64, u float64) []float64 {
	out := make([]float64, len(p))
	if s.Score == LAC {
		for c, v := range p {
			out[c] = 1 - v
		}
		return out
	}
	order := make([]int, len(p))
	for c := range order {
		order[c] = c
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[b], p[a]) })
	mass := 0.0
	for k, c := range order {
		mass += p[c]
		if k == len(order)-1 {
			mass = 1 // not 1 ± rounding: scores of this rank are ties and must compare as such
		}
		out[c] = math.Min(mass, 1)
		if s.Score == APSRandomised {
			out[c] -= u * p[c]
		}
	}
	return out
}

// Predict returns the classes of a patient's set, ascending; it may be empty. u is the patient's uniform number
// of 0 … 1 for APSRandomised, drawn by the caller from a seed so that the set can be reproduced; other scores
// ignore it. A NaN probability gives the full set: nothing is ruled out.
func (s *Sets) Predict(p []float64, u float64) []int {
	if s.Mondrian {
		sameLength(len(p), len(s.Bounds))
	}
	nan := slices.ContainsFunc(p, math.IsNaN)
	set := []int{}
	for c, v := range s.scores(p, u) {
		b := s.Bounds[0]
		if s.Mondrian {
			b = s.Bounds[c]
		}
		if nan || v <= float64(b) {
			set = append(set, c)
		}
	}
	return set
}

// Infinite tells whether a bound is +Inf because fewer than Smallest(Alpha) patients are behind it. Say
// so wherever sets are shown: the class is then in every set.
func (s *Sets) Infinite() bool {
	return slices.ContainsFunc(s.Bounds, func(b Bound) bool { return math.IsInf(float64(b), 1) })
}

// Check returns a Corrupt error if s, read from a file, could not have come from FitSets on this number of classes.
func (s *Sets) Check(classes int) error {
	want := 1
	if s.Mondrian {
		want = classes
	}
	switch {
	case len(s.checkScore(nil)) > 0, len(checkAlpha(s.Alpha)) > 0, len(s.Bounds) != want, len(s.N) != want:
		return fault.Errorf(fault.Corrupt, "prediction sets: score, alpha or number of bounds is wrong")
	}
	for _, b := range s.Bounds {
		if !(b >= 0) {
			return fault.Errorf(fault.Corrupt, "prediction sets: a bound is negative or no number")
		}
	}
	return nil
}
