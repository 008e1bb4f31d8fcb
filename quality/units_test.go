package quality

import (
	"math"
	"math/rand/v2"
	"testing"

	"galen.dev/table"
)

// TestMixedUnitsPower counts how often weights in two units are found, and how often heavy tails under names of
// quantities are taken for two units. Adults' weights have a standard deviation near 14 kg, so that one in ten
// in pounds is about the least that shows.
func TestMixedUnitsPower(t *testing.T) {
	fires := func(name string, n int, value func() float64) bool {
		c := &column{Column: numeric(name, n, func(int) float64 { return math.Ceil(10*value()) / 10 })}
		c.prepare(&sorter{})
		s := newSession(&table.Table{Rows: n, Columns: []*table.Column{c.Column}}, Options{Today: 1})
		s.checkUnits(c)
		return len(c.found) > 0
	}
	const trials = 60
	for _, x := range []struct {
		sd, share   float64
		least, most int
	}{{14, 0, 0, 0}, {10, .03, 30, trials}, {14, .1, 10, trials}, {14, .3, trials, trials}, {18, .5, trials, trials}} {
		hits := 0
		for seed := range uint64(trials) {
			rng := rand.New(rand.NewPCG(seed, 6))
			if fires("weight", 800, func() float64 {
				v := max(40, 78+x.sd*rng.NormFloat64())
				if rng.Float64() < x.share {
					v *= 2.20462
				}
				return v
			}) {
				hits++
			}
		}
		if hits < x.least || hits > x.most {
			t.Errorf("sd %g, share %g: found in %d of %d", x.sd, x.share, hits, trials)
		}
	}
	alarms := 0
	for _, name := range []string{"bilirubin", "glucose", "x", "calcium", "bun", "weight", "creatinine", "temp"} {
		for _, scale := range []float64{.15, .3, .5, 1, 1.5} {
			for seed := range uint64(100) {
				rng := rand.New(rand.NewPCG(seed, 7))
				if fires(name, 100+int(seed)*6, func() float64 {
					if seed%2 == 0 {
						return math.Exp(scale * rng.NormFloat64())
					}
					return 3 + scale*rng.NormFloat64()/math.Sqrt(rng.ExpFloat64()) // Student-like tails
				}) {
					alarms++
				}
			}
		}
	}
	if alarms > 4 { // 4000 columns
		t.Errorf("%d false alarms in 4000 columns", alarms)
	}
}
