package metric

import "math"

// AUROC is the probability that a patient with the event got a higher risk than one without, ties counting
// half: .5 is a coin, 1 is perfect separation. It says nothing about whether the risks are right in size.
// Mann–Whitney statistic in O(n log n) (Hanley & McNeil 1982). NaN if there is one class only.
func AUROC(p []float64, y []bool) float64 { return newTally(p, y, nil).auroc() }

// AUROCWeighted is AUROC with case weights ≥ 0.
func AUROCWeighted(p []float64, y []bool, w []float64) float64 { return newTally(p, y, w).auroc() }

func (t *tally) auroc() float64 {
	if t.oneClass() {
		return math.NaN()
	}
	u, below := 0.0, 0.0
	for i, pos := range t.pos {
		u += pos * (below + t.neg[i]/2)
		below += t.neg[i]
	}
	return u / (t.nPos * t.nNeg)
}

// AveragePrecision is the area under the precision-recall steps, the sum of (R_k - R_{k-1}) P_k: the mean PPV
// met while going down the list until every event is found. Its floor is the prevalence, so it compares
// models on one data set, not across sets. Trapezoids are left out on purpose: they flatter (Davis & Goadrich
// 2006). NaN if there are no events.
func AveragePrecision(p []float64, y []bool) float64 { return newTally(p, y, nil).averagePrecision() }

// AveragePrecisionWeighted is AveragePrecision with case weights ≥ 0.
func AveragePrecisionWeighted(p []float64, y []bool, w []float64) float64 {
	return newTally(p, y, w).averagePrecision()
}

func (t *tally) averagePrecision() float64 {
	if t.bad || t.nPos <= 0 {
		return math.NaN()
	}
	tp, all, sum := 0.0, 0.0, 0.0
	for i := len(t.x) - 1; i >= 0; i-- {
		if t.pos[i] == 0 {
			all += t.neg[i]
			continue
		}
		tp += t.pos[i]
		all += t.pos[i] + t.neg[i]
		sum += t.pos[i] * tp / all
	}
	return sum / t.nPos
}

// MinSensitivityPPV is the largest over thresholds of the smaller of sensitivity and PPV, the score of the
// PhysioNet 2012 challenge: one number for alarms that must neither miss nor cry wolf. NaN if there are no events.
func MinSensitivityPPV(p []float64, y []bool) float64 { return newTally(p, y, nil).minSensitivityPPV() }

func (t *tally) minSensitivityPPV() float64 {
	if t.bad || t.nPos <= 0 {
		return math.NaN()
	}
	tp, all, best := 0.0, 0.0, 0.0
	for i := len(t.x) - 1; i >= 0; i-- {
		tp += t.pos[i]
		all += t.pos[i] + t.neg[i]
		if all > 0 {
			best = math.Max(best, tp/math.Max(t.nPos, all))
		}
	}
	return best
}

// ROCPoint is the operating point of the rule "positive if p ≥ Threshold".
type ROCPoint struct{ Threshold, FPR, TPR float64 }

// ROC returns the ROC curve from (0, 0), whose threshold is +Inf, to (1, 1), one point for each distinct
// prediction in descending order. It is nil if there is one class only.
func ROC(p []float64, y []bool) []ROCPoint { return newTally(p, y, nil).roc() }

// ROCWeighted is ROC with case weights ≥ 0.
func ROCWeighted(p []float64, y []bool, w []float64) []ROCPoint { return newTally(p, y, w).roc() }

func (t *tally) roc() []ROCPoint {
	if t.oneClass() {
		return nil
	}
	curve := make([]ROCPoint, 1, len(t.x)+1)
	curve[0].Threshold = math.Inf(1)
	tp, fp := 0.0, 0.0
	for i := len(t.x) - 1; i >= 0; i-- {
		tp += t.pos[i]
		fp += t.neg[i]
		curve = append(curve, ROCPoint{t.x[i], fp / t.nNeg, tp / t.nPos})
	}
	return curve
}

// PRPoint is the operating point of the rule "positive if p ≥ Threshold".
type PRPoint struct{ Threshold, Recall, Precision float64 }

// PR returns the precision-recall curve in descending order of threshold. It opens with the conventional
// point of recall 0 and precision 1 at threshold +Inf. It is nil if there are no events.
func PR(p []float64, y []bool) []PRPoint { return newTally(p, y, nil).pr() }

// PRWeighted is PR with case weights ≥ 0.
func PRWeighted(p []float64, y []bool, w []float64) []PRPoint { return newTally(p, y, w).pr() }

func (t *tally) pr() []PRPoint {
	if t.bad || t.nPos <= 0 {
		return nil
	}
	curve := make([]PRPoint, 1, len(t.x)+1)
	curve[0] = PRPoint{math.Inf(1), 0, 1}
	tp, all := 0.0, 0.0
	for i := len(t.x) - 1; i >= 0; i-- {
		tp += t.pos[i]
		all += t.pos[i] + t.neg[i]
		if all > 0 {
			curve = append(curve, PRPoint{t.x[i], tp / t.nPos, tp / all})
		}
	}
	return curve
}

// MulticlassAUROC holds one-vs-rest AUROCs: of each class against all others, their plain mean (Macro: every
// disease counts alike) and their mean weighted by class size (Weighted: every patient counts alike).
type MulticlassAUROC struct {
	Each            []float64
	Macro, Weighted float64
}

// AUROCOneVsRest scores class probabilities p[row][class] against labels y[row]. A class without cases has
// NaN in Each and makes Macro and Weighted NaN: a mean over the classes that happen to occur is not comparable.
func AUROCOneVsRest(p [][]float64, y []int) MulticlassAUROC {
	sameLength(len(p), len(y))
	if len(p) == 0 {
		return MulticlassAUROC{Macro: math.NaN(), Weighted: math.NaN()}
	}
	k := len(p[0])
	out := MulticlassAUROC{Each: make([]float64, k)}
	for c := range k {
		q, is := oneVsRest(p, y, c)
		t := newTally(q, is, nil)
		out.Each[c] = t.auroc()
		out.Macro += out.Each[c] / float64(k)
		out.Weighted += out.Each[c] * t.nPos / float64(len(y))
	}
	return out
}

// oneVsRest is the column of class c and whether each row belongs to it.
func oneVsRest(p [][]float64, y []int, c int) ([]float64, []bool) {
	q, is := make([]float64, len(p)), make([]bool, len(p))
	for i, row := range p {
		sameLength(len(row), len(p[0]))
		q[i], is[i] = row[c], y[i] == c
	}
	return q, is
}
