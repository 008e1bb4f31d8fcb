package treatment

import (
	"context"
	"math"
	"math/rand/v2"

	"galen.dev/calibrate"
	"galen.dev/metric"
	"galen.dev/safety"
)

// caseScores are what one way of ranking got for one test case; scores are means of them, as medication
// recommendation is customarily measured (by case, then the mean).
type caseScores struct {
	jaccard, f1, prauc, precision, recall float64 // prauc and recall are NaN where nothing was given
	suggested                             float64 // number of suggestions
	interacting, limited, pairs           float64 // pairs of drugs: forbidden, limited in dose, all
	covered                               float64 // 1 = something is suggested
	loss, brier                           float64 // NaN for rankings that are no probabilities
}

// scoreNames are the names of the columns of vector, in order.
var scoreNames = []string{"jaccard", "prauc", "f1", "precision-at-k", "recall-at-k", "suggestions", "coverage", "log-loss", "brier", "interaction-rate", "limited-rate"}

// vector is the mean over rows; the last two are ratios to all pairs.
func vector(all []caseScores, rows []int) []float64 {
	get := []func(c *caseScores) float64{
		func(c *caseScores) float64 { return c.jaccard }, func(c *caseScores) float64 { return c.prauc }, func(c *caseScores) float64 { return c.f1 },
		func(c *caseScores) float64 { return c.precision }, func(c *caseScores) float64 { return c.recall }, func(c *caseScores) float64 { return c.suggested },
		func(c *caseScores) float64 { return c.covered }, func(c *caseScores) float64 { return c.loss }, func(c *caseScores) float64 { return c.brier },
	}
	out := make([]float64, len(get)+2)
	for k, f := range get {
		sum, n := 0., 0.
		for _, i := range rows {
			if v := f(&all[i]); !math.IsNaN(v) {
				sum, n = sum+v, n+1
			}
		}
		out[k] = sum / n
	}
	interacting, limited, pairs := 0., 0., 0.
	for _, i := range rows {
		interacting, limited, pairs = interacting+all[i].interacting, limited+all[i].limited, pairs+all[i].pairs
	}
	out[len(get)], out[len(get)+1] = interacting/pairs, limited/pairs
	return out
}

// scoreCase measures a ranking of one case behind the gate.
func scoreCase(g *gate, p *safety.Patient, prob []float64, given []int, probabilities bool) caseScores {
	suggested, _ := g.pass(p, prob)
	set := make([]int, len(suggested))
	for k, s := range suggested {
		set[k] = s.treatment
	}
	c := caseScores{jaccard: jaccard(set, given), suggested: float64(len(set)), loss: nan, brier: nan, recall: nan, f1: 1}
	if n := len(set) + len(given); n > 0 {
		c.f1 = 2 * float64(overlap(set, given)) / float64(n)
	}
	if len(set) > 0 {
		c.covered = 1
	}
	masked := g.masked(p, prob)
	c.prauc = prauc(masked, given)
	k := min(g.top, len(prob))
	first := order(masked)[:k]
	found := float64(overlap(first, given))
	c.precision = found / float64(k)
	if len(given) > 0 {
		c.recall = found / float64(len(given))
	}
	a, b, n := g.pairs(p, set)
	c.interacting, c.limited, c.pairs = float64(a), float64(b), float64(n)
	if probabilities {
		c.loss, c.brier = caseLoss(prob, given), 0
		for t, v := range prob {
			d := v
			if has(given, t) {
				d = 1 - v
			}
			c.brier += d * d / float64(len(prob))
		}
	}
	return c
}

func overlap(a, b []int) (n int) {
	for _, t := range a {
		if has(b, t) {
			n++
		}
	}
	return n
}

// ranking is a way of ranking treatments with what it got on the test cases.
type ranking struct {
	Name   string                     `json:"name"`
	Scores map[string]metric.Interval `json:"scores"`
	cases  []caseScores
}

// perTreatment is how well the probability of one treatment is told.
type perTreatment struct {
	Treatment string           `json:"treatment"`
	Given     int              `json:"-"`
	Shown     string           `json:"given"` // test cases that got it, unless few
	AUROC     metric.Interval  `json:"auroc"`
	AP        metric.Interval  `json:"average_precision"`
	Brier     metric.Interval  `json:"brier"`
	Expected  float64          `json:"expected"` // mean probability
	Observed  float64          `json:"observed"` // share that got it
	Method    calibrate.Method `json:"recalibration"`
}

// measure scores a ranking with intervals over patients.
func (r *ranking) measure(ctx context.Context, patient []int, rounds int, seed uint64) error {
	iv, err := metric.Bootstrap(ctx, metric.Resample{N: len(r.cases), Groups: patient, Rounds: rounds, Seed: seed}, func(rows []int) []float64 { return vector(r.cases, rows) })
	if err != nil {
		return err
	}
	r.Scores = map[string]metric.Interval{}
	for k, name := range scoreNames {
		if !math.IsNaN(iv[k].Value) {
			r.Scores[name] = iv[k]
		}
	}
	return nil
}

// rankAll scores the model and what it is compared with: popularity, chance, and what was prescribed.
func rankAll(s *suggester, P [][]float64, patients []*safety.Patient, given [][]int, seed uint64) []*ranking {
	rng := rand.New(rand.NewPCG(seed, 3))
	popular := *s.gate
	popular.threshold = s.f.PopularThreshold
	random := *s.gate
	total := 0.
	for _, v := range s.f.Popularity {
		total += v
	}
	random.threshold = 1 - total/float64(len(s.f.Popularity)) // so that as many are suggested as training cases got
	out := []*ranking{{Name: "model"}, {Name: "popularity"}, {Name: "chance"}, {Name: "prescribed"}}
	for i, p := range patients {
		chance := make([]float64, len(P[i]))
		for t := range chance {
			chance[t] = rng.Float64()
		}
		out[0].cases = append(out[0].cases, scoreCase(s.gate, p, P[i], given[i], true))
		out[1].cases = append(out[1].cases, scoreCase(&popular, p, s.f.Popularity, given[i], true))
		out[2].cases = append(out[2].cases, scoreCase(&random, p, chance, given[i], false))
		a, b, n := s.gate.pairs(p, given[i])
		out[3].cases = append(out[3].cases, caseScores{
			jaccard: nan, f1: nan, prauc: nan, precision: nan, recall: nan, covered: nan, loss: nan, brier: nan,
			suggested: float64(len(given[i])), interacting: float64(a), limited: float64(b), pairs: float64(n),
		})
	}
	return out
}
