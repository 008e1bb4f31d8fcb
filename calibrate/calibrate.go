// Package calibrate maps predicted risks to risks that come true: 20 % should mean 20 of 100 patients. A
// calibrator is fitted on patients that the model was not trained on, is a plain struct that goes into the
// model's file as JSON, and does not change who ranks above whom, ties of isotonic and inverted models apart.
//
// Methods, from stiff to flexible. Intercept and InterceptSlope update a model for a new site (Steyerberg et
// al. 2004). Temperature softens or sharpens (Guo et al. 2017). Platt is InterceptSlope with targets that guard
// small samples (Platt 1999). Beta has a second slope, so that it can bend either way or not at all (Kull, Silva
// Filho & Flach 2017). Isotonic takes any rising shape (Zadrozny & Elkan 2002) and needs about a thousand
// patients. VennAbers is isotonic that knows how sure it is (Vovk, Petej & Fedorova 2015). Auto chooses by
// cross-validated log loss.
//
// Methods that work on log-odds clip probabilities as metric.Logit does. Reading order: calibrate.go,
// logistic.go, isotonic.go, venn.go, multi.go, auto.go.
package calibrate

import (
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/metric"
)

// Method names a way of recalibrating.
type Method string

// The methods. None leaves risks as they are.
const (
	None           Method = "none"
	Intercept      Method = "intercept"
	InterceptSlope Method = "intercept-slope"
	Temperature    Method = "temperature"
	Platt          Method = "platt"
	Beta           Method = "beta"
	Isotonic       Method = "isotonic"
	VennAbers      Method = "venn-abers"
)

// Methods returns all methods, the stiffest first.
func Methods() []Method {
	return []Method{None, Intercept, Temperature, InterceptSlope, Platt, Beta, VennAbers, Isotonic}
}

// Calibrator is a fitted map from risk to risk. Which fields it uses depends on the method, with l = logit p:
//
//	none             p
//	intercept        expit(A + l)
//	intercept-slope  expit(A + B l), platt likewise
//	temperature      expit(B l), where B = 1 / T
//	beta             expit(C + A log p - B log(1 - p)), A and B ≥ 0
//	isotonic         Y at X, linear between, constant outside
//	venn-abers       p1 / (1 - p0 + p1): p0 is Y at the largest X ≤ p, p1 is Y1 at the smallest X ≥ p
//
// JSON keeps every bit. Check a calibrator that comes from a file before it is applied.
type Calibrator struct {
	Method Method    `json:"method"`
	A      float64   `json:"a,omitempty"`
	B      float64   `json:"b,omitempty"`
	C      float64   `json:"c,omitempty"`
	X      []float64 `json:"x,omitempty"`  // ascending risks
	Y      []float64 `json:"y,omitempty"`  // of the length of X, never falling, 0 to 1
	Y1     []float64 `json:"y1,omitempty"` // likewise, venn-abers only
}

// Fit fits a method to the risks p of patients with outcomes y. It refuses what metric.Check finds, one class
// included, and data from which the method has no finite fit (classes parted by a threshold, one distinct
// risk) with a hint at one that has. Intercept, InterceptSlope and Beta are maximum likelihood; so is Temperature,
// within 1/100 ≤ T ≤ 100. Rows count as independent patients.
func Fit(m Method, p []float64, y []bool) (*Calibrator, error) {
	if err := refuse(m, metric.Check(p, y)); err != nil {
		return nil, err
	}
	switch m {
	case None:
		return &Calibrator{Method: None}, nil
	case Intercept:
		return &Calibrator{Method: m, A: metric.CalibrationIntercept(p, y)}, nil
	case InterceptSlope:
		a, b := metric.CalibrationSlope(p, y)
		if math.IsNaN(a) {
			return nil, noFit(m)
		}
		return &Calibrator{Method: m, A: a, B: b}, nil
	}
	g := group(p, y)
	switch m {
	case Temperature:
		return &Calibrator{Method: m, B: fitTemperature(g)}, nil
	case Platt:
		return fitPlatt(g)
	case Beta:
		return fitBeta(g)
	case Isotonic:
		return fitIsotonic(g), nil
	case VennAbers:
		return fitVennAbers(g), nil
	}
	return nil, unknown(m)
}

// refuse turns findings into an error. One class is only a warning for metric, and no matter for None.
func refuse(m Method, fs []fault.Finding) error {
	if m == None {
		fs = slices.DeleteFunc(fs, func(f fault.Finding) bool { return f.Severity < fault.Severe })
	}
	for i := range fs {
		fs[i].Severity = fault.Severe
	}
	return fault.Refuse("fitting calibration "+string(m), fs)
}

func unknown(m Method) error {
	return fault.WithHint(fault.Errorf(fault.Usage, "unknown calibration method %q", string(m)), "methods are %v", Methods())
}

func noFit(m Method) error {
	return fault.WithHint(
		fault.Errorf(fault.Data, "fitting calibration %s: no finite fit exists, since risks separate the classes or are all equal", m),
		"use intercept, temperature or platt, or more patients",
	)
}

// Apply maps one risk. NaN stays NaN; a risk outside 0 … 1 counts as the nearer end.
func (c *Calibrator) Apply(p float64) float64 {
	if math.IsNaN(p) {
		return p
	}
	p = math.Min(math.Max(p, 0), 1)
	switch c.Method {
	case Intercept:
		return expit(c.A + metric.Logit(p))
	case InterceptSlope, Platt:
		return expit(c.A + c.B*metric.Logit(p))
	case Temperature:
		return expit(c.B * metric.Logit(p))
	case Beta:
		u, v := betaFeatures(p)
		return expit(c.C + c.A*u + c.B*v)
	case Isotonic:
		return interpolate(c.X, c.Y, p)
	case VennAbers:
		p0, p1 := c.Bounds(p)
		return p1 / (1 - p0 + p1)
	}
	return p
}

// ApplyAll maps risks into a new slice.
func (c *Calibrator) ApplyAll(p []float64) []float64 {
	out := make([]float64, len(p))
	for i, v := range p {
		out[i] = c.Apply(v)
	}
	return out
}

// Check returns a Corrupt error if the calibrator could not have come from Fit.
func (c *Calibrator) Check() error {
	bad := func(what string) error {
		return fault.Errorf(fault.Corrupt, "calibrator %q: %s", string(c.Method), what)
	}
	if !slices.Contains(Methods(), c.Method) {
		return bad("method is unknown")
	}
	for _, v := range []float64{c.A, c.B, c.C} {
		if !(math.Abs(v) <= 1e9) { // far beyond any fit, and safe from overflow
			return bad("a parameter is out of range")
		}
	}
	if c.Method == Beta && (c.A < 0 || c.B < 0) || c.Method == Temperature && (c.B < minSharpness || c.B > maxSharpness) {
		return bad("a parameter is out of range")
	}
	steps := c.Method == Isotonic || c.Method == VennAbers
	if steps == (len(c.X) == 0) || len(c.Y) != len(c.X) {
		return bad("lengths of x and y do not fit the method")
	}
	if c.Method == VennAbers && len(c.Y1) != len(c.X) || c.Method != VennAbers && len(c.Y1) != 0 {
		return bad("length of y1 does not fit the method")
	}
	for i := 1; i < len(c.X); i++ {
		if !(c.X[i] > c.X[i-1]) {
			return bad("x does not rise")
		}
	}
	for _, ys := range [][]float64{c.Y, c.Y1} {
		for i, v := range ys {
			if !(v >= 0 && v <= 1) || i > 0 && v < ys[i-1] {
				return bad("y falls or is outside 0 to 1")
			}
		}
	}
	return nil
}

func expit(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// grouped holds distinct risks, ascending, with the numbers of events and of non-events at each.
type grouped struct{ x, pos, neg []float64 }

func group(p []float64, y []bool) grouped {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return a - b
	})
	var g grouped
	for _, i := range order {
		if k := len(g.x); k == 0 || p[i] != g.x[k-1] {
			g.x, g.pos, g.neg = append(g.x, p[i]), append(g.pos, 0), append(g.neg, 0)
		}
		if k := len(g.x) - 1; y[i] {
			g.pos[k]++
		} else {
			g.neg[k]++
		}
	}
	return g
}

func sum(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s
}

// parted tells whether a threshold separates the classes, a shared value at the threshold allowed.
func (g grouped) parted() bool {
	has := func(v float64) bool { return v > 0 }
	last := func(v []float64) int {
		for i := len(v) - 1; i >= 0; i-- {
			if v[i] > 0 {
				return i
			}
		}
		return -1
	}
	return last(g.neg) <= slices.IndexFunc(g.pos, has) || last(g.pos) <= slices.IndexFunc(g.neg, has)
}
