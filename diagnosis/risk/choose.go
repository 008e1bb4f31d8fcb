package risk

import (
	"context"
	"math"
	"slices"

	"galen.dev/metric"
	"galen.dev/table"
)

// choice is how a kind of model was chosen, and the predictions that it was chosen by: for each training
// case those of a model that had not seen the case's patient. Calibration and prediction sets rest on them.
type choice struct {
	Chosen string  `json:"chosen"`
	Why    string  `json:"why"`
	Rows   []trial `json:"trials"`

	heldOut [][]float64 // of the chosen kind, [output][row]
}

// trial is the cross-validation of one kind of model.
type trial struct {
	Kind    string    `json:"kind"`
	LogLoss []float64 `json:"log_loss"` // of each fold
	AUROC   []cell    `json:"auroc"`    // of each fold, null where it has one class; with several the mean of one against the rest
	Mean    float64   `json:"mean_log_loss"`
	SE      float64   `json:"se_log_loss"` // of the mean, from the spread over folds
	// Behind is how far the log loss lies behind the best one, and SEBehind the standard error of that
	// difference over folds.
	Behind   float64 `json:"behind"`
	SEBehind float64 `json:"se_behind"`
}

// trainer fits models on rows of a prepared table.
type trainer struct {
	settings
	table  *table.Table
	cohort *cohort
	// progress tells how many fits are done; it may be nil.
	progress func(done, total int)
}

// cases encodes rows by a plan.
func (tr *trainer) cases(p *plan, rows []int) *cases {
	return &cases{
		X: p.encode(tr.table, rows, tr.cohort.Options.IndexDate), Y: pick(tr.cohort.Y, rows), Patient: pick(tr.cohort.Patient, rows),
		Classes: len(tr.cohort.Outcome.Classes),
	}
}

// choose cross-validates each kind within the training rows and takes the best. Each kind tunes itself
// within its training folds, so that the table compares the whole procedures: this is nested
// cross-validation (Varma & Simon 2006). Of kinds whose log loss lies within one standard error of the
// best, the simplest is taken (Breiman et al. 1984).
func (tr *trainer) choose(ctx context.Context, rows []int, kinds []string, seed uint64) (*choice, error) {
	y, patient := pick(tr.cohort.Y, rows), pick(tr.cohort.Patient, rows)
	fold, err := foldIDs(y, patient, tr.Folds, seed)
	if err != nil {
		return nil, err
	}
	held := make([][][]float64, len(kinds))
	c := &choice{Rows: make([]trial, len(kinds))}
	for k, kind := range kinds {
		c.Rows[k].Kind = kind
	}
	for f := range tr.Folds {
		in, out := inAndOut(fold, f)
		p := fitPlan(tr.table, pick(rows, in), tr.cohort.Options)
		train, test := tr.cases(p, pick(rows, in)), tr.cases(p, pick(rows, out))
		for k, kind := range kinds {
			m, err := tr.fit(ctx, kind, p, train, seed+uint64(f))
			if err != nil {
				return nil, err
			}
			P := m.predict(test.X)
			if held[k] == nil {
				held[k] = make([][]float64, len(P))
				for o := range P {
					held[k][o] = make([]float64, len(rows))
				}
			}
			for o := range P {
				for i, at := range out {
					held[k][o][at] = P[o][i]
				}
			}
			c.Rows[k].LogLoss = append(c.Rows[k].LogLoss, logLoss(P, test.Y))
			c.Rows[k].AUROC = append(c.Rows[k].AUROC, cell(auroc(P, test.Y)))
			if tr.progress != nil {
				tr.progress(f*len(kinds)+k+1, tr.Folds*len(kinds))
			}
		}
	}
	best := c.rank()
	c.heldOut = held[best]
	return c, nil
}

// rank fills in means and differences and returns the index of the kind chosen.
func (c *choice) rank() int {
	best := 0
	for k := range c.Rows {
		c.Rows[k].Mean, c.Rows[k].SE = meanSE(c.Rows[k].LogLoss)
		if c.Rows[k].Mean < c.Rows[best].Mean {
			best = k
		}
	}
	chosen := best
	for k := len(c.Rows) - 1; k >= 0; k-- {
		d := make([]float64, len(c.Rows[k].LogLoss))
		for f := range d {
			d[f] = c.Rows[k].LogLoss[f] - c.Rows[best].LogLoss[f]
		}
		c.Rows[k].Behind, c.Rows[k].SEBehind = meanSE(d)
		simpler := slices.Index(candidateNames, c.Rows[k].Kind) < slices.Index(candidateNames, c.Rows[chosen].Kind)
		if simpler && c.Rows[k].Behind <= c.Rows[k].SEBehind {
			chosen = k
		}
	}
	c.Chosen = c.Rows[chosen].Kind
	switch {
	case len(c.Rows) == 1:
		c.Why = "the study names this model"
	case chosen == best:
		c.Why = "it has the lowest cross-validated log loss"
	default:
		c.Why = "its cross-validated log loss is within one standard error of that of " + c.Rows[best].Kind + ", and it is simpler"
	}
	return chosen
}

// meanSE is the mean and its standard error.
func meanSE(x []float64) (mean, se float64) {
	mean, sd := meanSD(x)
	if len(x) < 2 {
		return mean, 0
	}
	return mean, sd / math.Sqrt(float64(len(x)-1))
}

// defined are the AUROCs of the folds that have both classes.
func (t *trial) defined() []float64 {
	var out []float64
	for _, a := range t.AUROC {
		if !math.IsNaN(float64(a)) {
			out = append(out, float64(a))
		}
	}
	return out
}

// auroc is the AUROC of the event, or the mean over classes of each against the rest.
func auroc(P [][]float64, y []int) float64 {
	if len(P) == 1 {
		return metric.AUROC(P[0], isClass(y, 1))
	}
	sum, n := 0.0, 0
	for class := range P {
		if a := metric.AUROC(P[class], isClass(y, class)); !math.IsNaN(a) {
			sum += a
			n++
		}
	}
	return sum / float64(n)
}

func isClass(y []int, class int) []bool {
	out := make([]bool, len(y))
	for i, v := range y {
		out[i] = v == class
	}
	return out
}
