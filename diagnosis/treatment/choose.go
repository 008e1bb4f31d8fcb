package treatment

import (
	"context"
	"math"
	"slices"

	"galen.dev/calibrate"
	"galen.dev/metric"
	"galen.dev/safety"
)

// choice is how a kind of model was chosen, and the predictions that it was chosen by: for each training case those of
// a model that had not seen the case's patient. Recalibration and the threshold rest on them.
type choice struct {
	Chosen string  `json:"chosen"`
	Why    string  `json:"why"`
	Trials []trial `json:"trials"`

	heldOut [][]float64 // [row][treatment]
}

// trial is the cross-validation of one kind of model. Losses are means over cases and treatments, in nats.
type trial struct {
	Kind    string    `json:"kind"`
	LogLoss []float64 `json:"log_loss"` // of each fold
	PRAUC   []float64 `json:"prauc"`    // of each fold, mean over cases, before any rule
	Mean    float64   `json:"mean_log_loss"`
	SE      float64   `json:"se_log_loss"`
	// Behind is how far the log loss lies behind the best one, and SEBehind the standard error over folds.
	Behind   float64 `json:"behind"`
	SEBehind float64 `json:"se_behind"`
}

// trainer fits models on rows of the prepared cases.
type trainer struct {
	settings
	cases    *cases
	cohort   *cohort
	progress func(done, total int)
}

func (tr *trainer) examples(p *plan, rows []int) *examples {
	return &examples{X: p.encode(tr.cases, rows), Given: pick(tr.cohort.Given, rows), Patient: pick(tr.cohort.Patient, rows)}
}

func (tr *trainer) plan(rows []int) *plan {
	return fitPlan(tr.cases, rows, &tr.cohort.Roles, tr.cohort.Rare, tr.cohort.Impute)
}

// choose cross-validates each kind within the training rows. Each kind tunes itself within its training folds (nested
// cross-validation, Varma & Simon 2006). Of kinds whose log loss lies within one standard error of the best, the
// simplest is taken (Breiman et al. 1984): logistic regression stays unless it is beaten.
func (tr *trainer) choose(ctx context.Context, rows []int, kinds []string, seed uint64) (*choice, error) {
	given := pick(tr.cohort.Given, rows)
	fold, err := foldIDs(rarest(given), pick(tr.cohort.Patient, rows), tr.Folds, seed)
	if err != nil {
		return nil, err
	}
	T := len(tr.cohort.Treatments)
	c := &choice{Trials: make([]trial, len(kinds))}
	held := make([][][]float64, len(kinds))
	for k, kind := range kinds {
		c.Trials[k].Kind, held[k] = kind, make([][]float64, len(rows))
	}
	for f := range tr.Folds {
		in, out := inAndOut(fold, f)
		p := tr.plan(pick(rows, in))
		train, test := tr.examples(p, pick(rows, in)), tr.examples(p, pick(rows, out))
		for k, kind := range kinds {
			m, err := tr.fit(ctx, kind, p, train, T, seed+uint64(f))
			if err != nil {
				return nil, err
			}
			P := m.predict(test.X)
			for i, at := range out {
				held[k][at] = P[i]
			}
			c.Trials[k].LogLoss = append(c.Trials[k].LogLoss, logLoss(P, test.Given))
			c.Trials[k].PRAUC = append(c.Trials[k].PRAUC, meanPRAUC(P, test.Given))
			if tr.progress != nil {
				tr.progress(f*len(kinds)+k+1, tr.Folds*len(kinds)+1)
			}
		}
	}
	c.heldOut = held[c.rank()]
	return c, nil
}

// rank fills in means and differences and returns the index of the kind chosen.
func (c *choice) rank() int {
	best := 0
	for k := range c.Trials {
		c.Trials[k].Mean, c.Trials[k].SE = meanSE(c.Trials[k].LogLoss)
		if c.Trials[k].Mean < c.Trials[best].Mean {
			best = k
		}
	}
	chosen := best
	for k := len(c.Trials) - 1; k >= 0; k-- {
		d := make([]float64, len(c.Trials[k].LogLoss))
		for f := range d {
			d[f] = c.Trials[k].LogLoss[f] - c.Trials[best].LogLoss[f]
		}
		c.Trials[k].Behind, c.Trials[k].SEBehind = meanSE(d)
		simpler := slices.Index(candidateNames, c.Trials[k].Kind) < slices.Index(candidateNames, c.Trials[chosen].Kind)
		if simpler && c.Trials[k].Behind <= c.Trials[k].SEBehind {
			chosen = k
		}
	}
	c.Chosen = c.Trials[chosen].Kind
	switch {
	case len(c.Trials) == 1:
		c.Why = "the study names this model"
	case chosen == best:
		c.Why = "it has the lowest cross-validated log loss"
	default:
		c.Why = "its cross-validated log loss is within one standard error of that of " + c.Trials[best].Kind + ", and it is simpler"
	}
	return chosen
}

func meanSE(x []float64) (mean, se float64) {
	mean, sd := meanSD(x)
	if len(x) < 2 {
		return mean, 0
	}
	return mean, sd / math.Sqrt(float64(len(x)-1))
}

func has(given []int, t int) bool { return slices.Contains(given, t) }

// caseLoss is the mean over treatments of the negative log probability of what happened.
func caseLoss(p []float64, given []int) float64 {
	sum := 0.
	for t, v := range p {
		if !has(given, t) {
			v = 1 - v
		}
		sum -= math.Log(max(v, 1e-15))
	}
	return sum / float64(len(p))
}

func logLoss(P [][]float64, given [][]int) float64 {
	sum := 0.
	for i := range P {
		sum += caseLoss(P[i], given[i])
	}
	return sum / float64(len(P))
}

// prauc is the average precision of a case's ranking, NaN where nothing, or everything, was given.
func prauc(p []float64, given []int) float64 {
	y := make([]bool, len(p))
	for _, t := range given {
		y[t] = true
	}
	if len(given) == 0 {
		return nan
	}
	return metric.AveragePrecision(p, y)
}

func meanPRAUC(P [][]float64, given [][]int) float64 {
	sum, n := 0., 0.
	for i := range P {
		if v := prauc(P[i], given[i]); !math.IsNaN(v) {
			sum, n = sum+v, n+1
		}
	}
	return sum / max(n, 1)
}

// calibrators recalibrate each treatment on its held-out predictions; where that cannot be done, they leave it.
func (tr *trainer) calibrators(heldOut [][]float64, rows []int, seed uint64) []*calibrate.Calibrator {
	out := make([]*calibrate.Calibrator, len(tr.cohort.Treatments))
	for t := range out {
		p, y := make([]float64, len(rows)), make([]bool, len(rows))
		for i, row := range rows {
			p[i], y[i] = heldOut[i][t], has(tr.cohort.Given[row], t)
		}
		var err error
		if tr.Calibration == "auto" {
			out[t], _, err = calibrate.Auto(p, y, calibrate.AutoOptions{Groups: pick(tr.cohort.Patient, rows), Seed: seed})
		} else {
			out[t], err = calibrate.Fit(calibrate.Method(tr.Calibration), p, y)
		}
		if err != nil {
			out[t] = &calibrate.Calibrator{Method: calibrate.None}
		}
	}
	return out
}

// bestThreshold is the probability with the best mean Jaccard index on held-out predictions behind the gate.
func bestThreshold(g *gate, patients []*safety.Patient, P [][]float64, given [][]int) float64 {
	M := make([][]float64, len(P))
	for i := range P {
		M[i] = g.masked(patients[i], P[i])
	}
	best, at := -1., .5
	for k := 1; k <= 18; k++ {
		threshold := .05 * float64(k)
		sum := 0.
		for i := range M {
			var set []int
			for t, p := range M[i] {
				if p >= threshold {
					set = append(set, t)
				}
			}
			sum += jaccard(set, given[i])
		}
		if sum > best {
			best, at = sum, threshold
		}
	}
	return at
}

// jaccard is the share of common treatments among all of both sets; 1 where both are empty.
func jaccard(a, b []int) float64 {
	common := 0
	for _, t := range a {
		if has(b, t) {
			common++
		}
	}
	if len(a)+len(b) == 0 {
		return 1
	}
	return float64(common) / float64(len(a)+len(b)-common)
}
