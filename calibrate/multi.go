package calibrate

import (
	"math"

	"galen.dev/fault"
	"galen.dev/metric"
)

// Multi maps class probabilities to calibrated ones that sum to 1. Temperature takes softmax(B log p), one
// number for all classes, and never changes which class is most likely. The other methods calibrate each class against
// the rest and divide by the sum, which may.
type Multi struct {
	Method  Method        `json:"method"`
	B       float64       `json:"b,omitempty"`       // temperature: 1 / T
	Classes []*Calibrator `json:"classes,omitempty"` // other methods, by class
}

// FitMulti fits none, temperature, platt, beta, isotonic or venn-abers to probabilities p[row][class] of patients
// of class y[row]. It refuses what metric.CheckClasses finds, and one-vs-rest methods refuse a class without
// patients.
func FitMulti(m Method, p [][]float64, y []int) (*Multi, error) {
	if err := refuse(m, metric.CheckClasses(p, y)); err != nil {
		return nil, err
	}
	out := &Multi{Method: m}
	switch m {
	case None:
		return out, nil
	case Temperature:
		out.B = multiSharpness(p, y)
		return out, nil
	case Platt, Beta, Isotonic, VennAbers:
	default:
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "calibration method %q does not exist for several classes", string(m)),
			"methods are none, temperature, platt, beta, isotonic and venn-abers")
	}
	for c := range p[0] {
		q, is := make([]float64, len(p)), make([]bool, len(p))
		for i, row := range p {
			q[i], is[i] = row[c], y[i] == c
		}
		one, err := Fit(m, q, is)
		if err != nil {
			return nil, fault.WithHint(err, "class %d has too few patients for %s; use temperature", c, m)
		}
		out.Classes = append(out.Classes, one)
	}
	return out, nil
}

// multiSharpness minimises the log loss of softmax(b log p): convex in b, with derivative Σ (E_b[log p] - log p_y).
func multiSharpness(p [][]float64, y []int) float64 {
	logs := make([][]float64, len(p))
	for i, row := range p {
		logs[i] = make([]float64, len(row))
		for c, v := range row {
			logs[i][c] = math.Log(math.Max(v, metric.LogitClip))
		}
	}
	q := make([]float64, len(p[0]))
	return bisectSharpness(func(b float64) float64 {
		s := 0.0
		for i, l := range logs {
			softmax(l, b, q)
			for c, v := range q {
				s += v * l[c]
			}
			s -= l[y[i]]
		}
		return s
	})
}

// softmax of b l into q.
func softmax(l []float64, b float64, q []float64) {
	top := math.Inf(-1)
	for _, v := range l {
		top = math.Max(top, b*v)
	}
	total := 0.0
	for c, v := range l {
		q[c] = math.Exp(b*v - top)
		total += q[c]
	}
	for c := range q {
		q[c] /= total
	}
}

// Apply maps one row of probabilities into a new one. If every class comes out 0 the row is uniform, which
// says that nothing is known. NaN anywhere makes all of it NaN.
func (m *Multi) Apply(p []float64) []float64 {
	out := make([]float64, len(p))
	switch {
	case m.Method == None:
		copy(out, p)
	case m.Method == Temperature:
		l := make([]float64, len(p))
		for c, v := range p {
			l[c] = math.Log(math.Max(v, metric.LogitClip))
		}
		softmax(l, m.B, out)
	default:
		total := 0.0
		for c, v := range p {
			out[c] = m.Classes[c].Apply(v)
			total += out[c]
		}
		for c := range out {
			if total == 0 {
				out[c] = 1 / float64(len(out))
			} else {
				out[c] /= total
			}
		}
	}
	return out
}

// ApplyAll maps rows into new rows.
func (m *Multi) ApplyAll(p [][]float64) [][]float64 {
	out := make([][]float64, len(p))
	for i, row := range p {
		out[i] = m.Apply(row)
	}
	return out
}

// Check returns a Corrupt error if m could not have come from FitMulti on this number of classes.
func (m *Multi) Check(classes int) error {
	switch m.Method {
	case None:
		return nil
	case Temperature:
		if !(m.B >= minSharpness && m.B <= maxSharpness) {
			return fault.Errorf(fault.Corrupt, "calibrator %q: b is out of range", string(m.Method))
		}
		return nil
	}
	if len(m.Classes) != classes {
		return fault.Errorf(fault.Corrupt, "calibrator %q: has %d classes, not %d", string(m.Method), len(m.Classes), classes)
	}
	for _, c := range m.Classes {
		if c == nil || c.Method != m.Method {
			return fault.Errorf(fault.Corrupt, "calibrator %q: a class has another method", string(m.Method))
		}
		if err := c.Check(); err != nil {
			return err
		}
	}
	return nil
}
