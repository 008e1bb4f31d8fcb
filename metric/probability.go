package metric

import "math"

// logClip keeps log loss finite: probabilities are clipped to [2^-52, 1 - 2^-52], so that one certain and wrong
// prediction costs 36 rather than infinity. It is the spacing of float64 at 1 and scikit-learn's choice.
const logClip = 0x1p-52

// Brier is the mean squared distance between risk and outcome, 0 (perfect) to 1; .25 is what always saying 50 %
// earns. It rewards separation and calibration at once (Brier 1950). NaN if there are no rows.
func Brier(p []float64, y []bool) float64 { return newTally(p, y, nil).brier() }

// BrierWeighted is Brier with case weights ≥ 0.
func BrierWeighted(p []float64, y []bool, w []float64) float64 { return newTally(p, y, w).brier() }

func (t *tally) brier() float64 {
	if t.empty() {
		return math.NaN()
	}
	s := 0.0
	for i, x := range t.x {
		s += t.pos[i]*(1-x)*(1-x) + t.neg[i]*x*x
	}
	return s / t.n()
}

// ScaledBrier is 1 - Brier / (π (1 - π)) with π the share of events: 0 is as good as telling everybody the
// prevalence, 1 is perfect, below 0 is harmful (the index of prediction accuracy). NaN if there is one class only.
func ScaledBrier(p []float64, y []bool) float64 { return newTally(p, y, nil).scaledBrier() }

func (t *tally) scaledBrier() float64 {
	if t.oneClass() {
		return math.NaN()
	}
	pi := t.nPos / t.n()
	return 1 - t.brier()/(pi*(1-pi))
}

// LogLoss is the mean negative log-likelihood in nats, 0 (perfect) upwards; it punishes sure and wrong risks
// hardest. Probabilities are clipped to [2^-52, 1 - 2^-52]. NaN if there are no rows.
func LogLoss(p []float64, y []bool) float64 { return newTally(p, y, nil).logLoss() }

// LogLossWeighted is LogLoss with case weights ≥ 0.
func LogLossWeighted(p []float64, y []bool, w []float64) float64 { return newTally(p, y, w).logLoss() }

func (t *tally) logLoss() float64 {
	if t.empty() {
		return math.NaN()
	}
	s := 0.0
	for i, x := range t.x {
		x = math.Min(math.Max(x, logClip), 1-logClip)
		if t.pos[i] > 0 {
			s -= t.pos[i] * math.Log(x)
		}
		if t.neg[i] > 0 {
			s -= t.neg[i] * math.Log1p(-x)
		}
	}
	return s / t.n()
}

// MulticlassBrier is the mean over rows of the sum over classes of (p - [y = class])², 0 to 2 (Brier's original
// definition; for two classes it is twice Brier). NaN if there are no rows or a probability is NaN.
func MulticlassBrier(p [][]float64, y []int) float64 {
	sameLength(len(p), len(y))
	s := 0.0
	for i, row := range p {
		for c, v := range row {
			if c == y[i] {
				v--
			}
			s += v * v
		}
	}
	return s / float64(len(p))
}

// MulticlassLogLoss is the mean of -log p of the true class, clipped as in LogLoss. NaN if there are no rows,
// a label is no class or a probability of a true class is NaN.
func MulticlassLogLoss(p [][]float64, y []int) float64 {
	sameLength(len(p), len(y))
	s := 0.0
	for i, row := range p {
		if y[i] < 0 || y[i] >= len(row) {
			return math.NaN()
		}
		s -= math.Log(math.Min(math.Max(row[y[i]], logClip), 1-logClip))
	}
	return s / float64(len(p))
}

// Binning says how predictions are put into bins.
type Binning uint8

// The two ways of binning. Equal counts (the default) keep every bin populated; equal widths are what most
// published expected calibration errors use.
const (
	EqualCount Binning = iota // by rank; equal predictions stay together, so counts may differ
	EqualWidth                // [0, 1/bins), …, [1 - 1/bins, 1]
)

func (b Binning) String() string { return [...]string{"equal count", "equal width"}[b] }

// Bin is one bin of a calibration curve: the range and mean of its predictions, and what happened.
type Bin struct {
	Low      float64  `json:"low"` // smallest and largest prediction in it
	High     float64  `json:"high"`
	Mean     float64  `json:"mean"` // mean prediction
	Cases    int      `json:"cases"`
	Events   int      `json:"events"`
	Observed Interval `json:"observed"` // share of events with Wilson's 95 % interval
}

// DefaultBins is the number of bins where a caller passes 0.
const DefaultBins = 10

// CalibrationBins groups predictions for a calibration plot; empty bins are left out. 0 bins means DefaultBins.
// It is nil if there are no rows or a prediction is NaN.
func CalibrationBins(p []float64, y []bool, bins int, how Binning) []Bin {
	t := newTally(p, y, nil)
	var out []Bin
	last := -1
	sums := 0.0
	finish := func() {
		if k := len(out); k > 0 {
			b := &out[k-1]
			b.Mean = sums / float64(b.Cases)
			b.Observed = Wilson(float64(b.Events), float64(b.Cases))
		}
	}
	t.eachBin(bins, how, func(bin, i int) {
		if bin != last {
			finish()
			out = append(out, Bin{Low: t.x[i]})
			last, sums = bin, 0
		}
		b := &out[len(out)-1]
		b.High = t.x[i]
		b.Events += int(t.pos[i])
		b.Cases += int(t.pos[i] + t.neg[i])
		sums += t.x[i] * (t.pos[i] + t.neg[i])
	})
	finish()
	return out
}

// eachBin calls f with the bin of every distinct value that has weight, in ascending order.
func (t *tally) eachBin(bins int, how Binning, f func(bin, i int)) {
	if bins <= 0 {
		bins = DefaultBins
	}
	if t.empty() {
		return
	}
	n, seen := t.n(), 0.0
	for i, x := range t.x {
		w := t.pos[i] + t.neg[i]
		if w == 0 {
			continue
		}
		at := x
		if how == EqualCount {
			at = (seen + w/2) / n // the middle rank decides, so that ties are not torn apart
		}
		seen += w
		f(min(max(int(at*float64(bins)), 0), bins-1), i)
	}
}

// ECE is the expected calibration error: the mean over bins, weighted by cases, of |mean risk - share of
// events|, 0 to 1. It bins the probability of the event, not of the top class. It depends on the bins: name
// them beside the figure. 0 bins means DefaultBins. NaN if there are no rows. (Naeini et al. 2015.)
func ECE(p []float64, y []bool, bins int, how Binning) float64 {
	return newTally(p, y, nil).ece(bins, how)
}

func (t *tally) ece(bins int, how Binning) float64 {
	if t.empty() {
		return math.NaN()
	}
	sum, gap, last := 0.0, 0.0, -1
	t.eachBin(bins, how, func(bin, i int) {
		if bin != last {
			sum += math.Abs(gap)
			gap, last = 0, bin
		}
		gap += t.x[i]*(t.pos[i]+t.neg[i]) - t.pos[i]
	})
	return (sum + math.Abs(gap)) / t.n()
}

// ClasswiseECE is the mean over classes of the one-vs-rest ECE (Kull et al. 2019), 0 to 1.
func ClasswiseECE(p [][]float64, y []int, bins int, how Binning) float64 {
	sameLength(len(p), len(y))
	if len(p) == 0 {
		return math.NaN()
	}
	s := 0.0
	for c := range p[0] {
		q, is := oneVsRest(p, y, c)
		s += ECE(q, is, bins, how)
	}
	return s / float64(len(p[0]))
}
