package metric

import "math"

// LogitClip bounds probabilities before their log-odds are taken, so that a risk of exactly 0 or 1 becomes
// ±27.6 rather than infinite.
const LogitClip = 1e-12

// Logit is log(p / (1 - p)) of p clipped to [LogitClip, 1 - LogitClip].
func Logit(p float64) float64 {
	p = math.Min(math.Max(p, LogitClip), 1-LogitClip)
	return math.Log(p) - math.Log1p(-p)
}

func expit(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// CalibrationIntercept is calibration in the large: the a that makes logit P(y) = a + logit(p) fit by maximum
// likelihood, with the predicted log-odds as an offset. 0 is ideal; above 0 the risks are too low on the whole,
// below 0 too high. NaN if there is one class only. (Cox 1958; Steyerberg 2019, 15.3.)
func CalibrationIntercept(p []float64, y []bool) float64 {
	t := newTally(p, y, nil)
	return t.calibrationIntercept(t.logits())
}

// CalibrationSlope fits logit P(y) = a + b logit(p) by maximum likelihood. A slope of 1 is ideal; below 1 high risks are too
// high and low ones too low, the mark of overfitting. The intercept belongs to this fit, and is not
// CalibrationIntercept. Both are NaN if there is one class only or a threshold separates the classes, since
// no finite slope fits best then.
func CalibrationSlope(p []float64, y []bool) (intercept, slope float64) {
	t := newTally(p, y, nil)
	return t.calibrationSlope(t.logits())
}

func (t *tally) logits() []float64 {
	l := make([]float64, len(t.x))
	for i, x := range t.x {
		l[i] = Logit(x)
	}
	return l
}

// newtonRounds bounds Newton's method; convergence takes about six, halvings included.
const newtonRounds = 100

// calibrationIntercept solves Σ (y - expit(a + l)) = 0, whose left side falls in a, by Newton within a bracket.
func (t *tally) calibrationIntercept(l []float64) float64 {
	if t.oneClass() {
		return math.NaN()
	}
	lo, hi, a := -60.0, 60.0, 0.0
	for range newtonRounds {
		score, info := t.nPos, 0.0
		for i, v := range l {
			w := t.pos[i] + t.neg[i]
			if w == 0 {
				continue
			}
			q := expit(a + v)
			score -= w * q
			info += w * q * (1 - q)
		}
		if score > 0 {
			lo = a
		} else {
			hi = a
		}
		next := a + score/info
		if !(next > lo && next < hi) {
			next = (lo + hi) / 2
		}
		if math.Abs(next-a) < 1e-11*(1+math.Abs(a)) {
			return next
		}
		a = next
	}
	return a
}

// calibrationSlope solves the two score equations by Newton. A step is halved until the scores shrink, which
// a small enough Newton step makes them do; it costs no logarithms, as watching the likelihood would.
func (t *tally) calibrationSlope(l []float64) (a, b float64) {
	if t.oneClass() || t.separated() {
		return math.NaN(), math.NaN()
	}
	// From slope 0, where no weight is negligible; slope 1 is nearer, but with risks of 0 and 1 its Newton step
	// can be astronomic.
	a = math.Log(t.nPos / t.nNeg)
	da, db, size := t.slopeStep(l, a, b)
	for range newtonRounds {
		step := 1.0
		nextA, nextB, nextSize := t.slopeStep(l, a+da, b+db)
		for !(nextSize < size) && step > 1e-9 {
			step /= 2
			nextA, nextB, nextSize = t.slopeStep(l, a+step*da, b+step*db)
		}
		a, b = a+step*da, b+step*db
		if math.Abs(da) < 1e-8*(1+math.Abs(a)) && math.Abs(db) < 1e-8*(1+math.Abs(b)) {
			return a, b // Newton squares the error: after a step of 1e-8 nothing is left to gain
		}
		if step <= 1e-9 {
			break
		}
		da, db, size = nextA, nextB, nextSize
	}
	return math.NaN(), math.NaN()
}

// slopeStep is one Newton step and the size of the scores. The log-odds are centred under the current weights, so that
// the two-by-two system is diagonal and keeps its digits.
func (t *tally) slopeStep(l []float64, a, b float64) (da, db, size float64) {
	var s0, s1, h0, h1, h2 float64
	for i, v := range l {
		w := t.pos[i] + t.neg[i]
		if w == 0 {
			continue
		}
		q := expit(a + b*v)
		r, h := t.pos[i]-w*q, w*q*(1-q)
		s0 += r
		s1 += r * v
		h0 += h
		h1 += h * v
		h2 += h * v * v
	}
	c := h1 / h0
	db = (s1 - c*s0) / (h2 - c*h1)
	return s0/h0 - c*db, db, s0*s0 + s1*s1
}

// separated tells whether some threshold parts events from non-events, touching included.
func (t *tally) separated() bool {
	first := func(w []float64) int {
		for i, v := range w {
			if v > 0 {
				return i
			}
		}
		return len(w)
	}
	last := func(w []float64) int {
		for i := len(w) - 1; i >= 0; i-- {
			if w[i] > 0 {
				return i
			}
		}
		return -1
	}
	return last(t.neg) <= first(t.pos) || last(t.pos) <= first(t.neg)
}

// SpiegelhalterZ tests calibration without bins: z is about standard normal if every risk is right, and P is the
// two-sided p-value (Spiegelhalter 1986). A large set makes any model fail it: look at the curve as
// well. NaN if there are no rows or every risk is 0, .5 or 1.
func SpiegelhalterZ(p []float64, y []bool) (z, pValue float64) {
	t := newTally(p, y, nil)
	if t.empty() {
		return math.NaN(), math.NaN()
	}
	num, v := 0.0, 0.0
	for i, x := range t.x {
		w := t.pos[i] + t.neg[i]
		num += (t.pos[i] - w*x) * (1 - 2*x)
		v += w * (1 - 2*x) * (1 - 2*x) * x * (1 - x)
	}
	if v <= 0 {
		return math.NaN(), math.NaN()
	}
	z = num / math.Sqrt(v)
	return z, math.Erfc(math.Abs(z) / math.Sqrt2)
}
