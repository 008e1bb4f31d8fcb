package metric

import "context"

// Multiclass scores class probabilities many times, on all rows or on resamples. Pass Scores to Bootstrap.
// Safe for concurrent use.
type Multiclass struct {
	p       [][]float64
	y, pick []int
	classes []*sample
	bins    int
}

// NewMulticlass takes probabilities p[row][class] and labels y[row] that CheckClasses finds nothing severe in. bins
// are those of the classwise calibration error, equal counts; 0 = DefaultBins. p and y are kept, not copied.
func NewMulticlass(p [][]float64, y []int, bins int) *Multiclass {
	sameLength(len(p), len(y))
	m := &Multiclass{p: p, y: y, pick: MostLikely(p), bins: bins}
	if len(p) > 0 {
		for c := range p[0] {
			q, is := oneVsRest(p, y, c)
			m.classes = append(m.classes, newSample(q, is))
		}
	}
	return m
}

// Names returns the names of the values of Scores, in order.
func (m *Multiclass) Names() []string {
	return []string{
		"macro_auroc", "weighted_auroc", "macro_auprc", "accuracy", "balanced_accuracy", "macro_f1", "mcc", "kappa", "log_loss",
		"brier", "classwise_ece",
	}
}

// Scores computes the metrics of the given rows, which may repeat; nil means all rows. A resample that lacks a
// class leaves the macro and weighted AUROC and the macro AUPRC undefined.
func (m *Multiclass) Scores(rows []int) []float64 {
	if rows == nil {
		rows = make([]int, len(m.y))
		for i := range rows {
			rows[i] = i
		}
	}
	k, n := float64(len(m.classes)), float64(len(rows))
	var macro, weighted, auprc, ece, logLoss, brier float64
	for _, s := range m.classes {
		w := s.borrow(rows)
		auroc := w.tally.auroc()
		macro += auroc / k
		weighted += auroc * w.tally.nPos / n
		auprc += w.tally.averagePrecision() / k
		ece += w.tally.ece(m.bins, EqualCount) / k
		brier += w.tally.brier()
		s.giveBack(w)
	}
	c := Confusion{N: make([][]float64, len(m.classes))}
	for i := range c.N {
		c.N[i] = make([]float64, len(m.classes))
	}
	for _, i := range rows {
		s := m.classes[m.y[i]]
		logLoss -= s.log[s.at[i]] / n
		c.N[m.y[i]][m.pick[i]]++
	}
	return []float64{
		macro, weighted, auprc, c.Accuracy(), c.BalancedAccuracy(), c.MacroF1(), c.MCC(), c.Kappa(Unweighted), logLoss, brier, ece,
	}
}

// Intervals bootstraps all scores. r.N must be the number of predictions.
func (m *Multiclass) Intervals(ctx context.Context, r Resample) ([]Score, error) {
	sameLength(r.N, len(m.y))
	return named(m.Names())(Bootstrap(ctx, r, m.Scores))
}

// Differences bootstraps the scores of m minus those of other, of the same patients, on the same samples.
func (m *Multiclass) Differences(ctx context.Context, other *Multiclass, r Resample) ([]Score, error) {
	sameLength(r.N, len(m.y))
	sameLength(len(other.y), len(m.y))
	return named(m.Names())(BootstrapDifference(ctx, r, m.Scores, other.Scores))
}
