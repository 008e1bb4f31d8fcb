package nn

import (
	"math"

	"galen.dev/fault"
)

// The kinds of schedules.
const (
	ConstantRate   = "constant"
	CosineRate     = "cosine"     // half a cosine from Rate to Final (Loshchilov and Hutter 2017, without restarts)
	OneCycleRate   = "one-cycle"  // up from Rate/Divide to Rate, down to nearly nothing (Smith and Topin 2018)
	PolynomialRate = "polynomial" // from Rate to 0 as (1 - t)^Power
)

// ScheduleKinds lists them.
var ScheduleKinds = []string{ConstantRate, CosineRate, OneCycleRate, PolynomialRate}

// Schedule is the learning rate over the steps of a training. Formulas and defaults are those of
// torch.optim.lr_scheduler: LinearLR for the warm-up, then CosineAnnealingLR, OneCycleLR or PolynomialLR over the
// steps that remain.
type Schedule struct {
	Kind       string  `json:"kind"`         // "" means constant
	Rate       float64 `json:"rate"`         // the highest learning rate, above 0
	WarmUp     int     `json:"warm_up"`      // steps in which the rate rises linearly before all else
	WarmUpFrom float64 `json:"warm_up_from"` // share of the rate at the first of them; 0 means 0.01
	Final      float64 `json:"final"`        // cosine: the last rate
	Power      float64 `json:"power"`        // polynomial: 0 means 1, a straight line
	Rise       float64 `json:"rise"`         // one-cycle: share of the steps in which the rate rises; 0 means 0.3
	Divide     float64 `json:"divide"`       // one-cycle: Rate over the first rate; 0 means 25
	DivideLast float64 `json:"divide_last"`  // one-cycle: the first rate over the last; 0 means 1e4
}

// Check returns a Usage error where the schedule is none.
func (s Schedule) Check() error {
	known := s.Kind == ""
	for _, k := range ScheduleKinds {
		known = known || s.Kind == k
	}
	switch {
	case !known:
		return fault.WithHint(fault.Errorf(fault.Usage, "unknown schedule %q: want one of %q", s.Kind, ScheduleKinds), "%s", fault.DidYouMean(s.Kind, ScheduleKinds))
	case !(s.Rate > 0) || math.IsInf(s.Rate, 0):
		return fault.Errorf(fault.Usage, "the learning rate is %g: want a number above 0", s.Rate)
	case s.WarmUp < 0 || !(s.WarmUpFrom >= 0 && s.WarmUpFrom <= 1):
		return fault.Errorf(fault.Usage, "the warm-up is %d steps from %g: want 0 or more, from a share within 0 and 1", s.WarmUp, s.WarmUpFrom)
	case !(s.Final >= 0 && s.Final <= s.Rate):
		return fault.Errorf(fault.Usage, "the final rate is %g: want it within 0 and the rate %g", s.Final, s.Rate)
	case !(s.Power >= 0) || !(s.Rise >= 0 && s.Rise < 1):
		return fault.Errorf(fault.Usage, "power %g and rise %g: want 0 or more, and a share below 1", s.Power, s.Rise)
	case s.Divide != 0 && !(s.Divide >= 1) || s.DivideLast != 0 && !(s.DivideLast >= 1):
		return fault.Errorf(fault.Usage, "a one-cycle rate divided by %g and %g: want 1 or more", s.Divide, s.DivideLast)
	}
	return nil
}

// At is the rate of a step, from 0, of a training of total steps.
func (s Schedule) At(step, total int) float64 {
	if step < s.WarmUp {
		from := s.WarmUpFrom
		if from == 0 {
			from = 0.01
		}
		return s.Rate * (from + (1-from)*float64(step)/float64(s.WarmUp))
	}
	t, n := float64(step-s.WarmUp), float64(max(total-s.WarmUp, 1))
	switch s.Kind {
	case CosineRate:
		return s.Final + (s.Rate-s.Final)*(1+math.Cos(math.Pi*min(t/n, 1)))/2
	case PolynomialRate:
		return s.Rate * math.Pow(1-min(t/n, 1), or(s.Power, 1))
	case OneCycleRate:
		return s.oneCycle(t, n)
	}
	return s.Rate
}

// oneCycle joins three rates by two half cosines, as OneCycleLR does with anneal_strategy "cos".
func (s Schedule) oneCycle(t, n float64) float64 {
	first := s.Rate / or(s.Divide, 25)
	last := first / or(s.DivideLast, 1e4)
	peak := or(s.Rise, 0.3)*n - 1
	if peak > 0 && t <= peak {
		return halfCosine(first, s.Rate, t/peak)
	}
	if n-1 <= peak {
		return s.Rate
	}
	return halfCosine(s.Rate, last, min((t-peak)/(n-1-peak), 1))
}

func halfCosine(from, to, share float64) float64 {
	return to + (from-to)*(1+math.Cos(math.Pi*share))/2
}

func or(value, standard float64) float64 {
	if value == 0 {
		return standard
	}
	return value
}
