package metric

import "encoding/json"

// Score is a named metric with its interval; in JSON they are one object.
type Score struct {
	Name string
	Interval
}

type scoreJSON struct {
	Name string `json:"name"`
	intervalJSON
}

// MarshalJSON writes undefined numbers as null.
func (s Score) MarshalJSON() ([]byte, error) {
	return json.Marshal(scoreJSON{s.Name, s.Interval.wire()})
}

// UnmarshalJSON reads null as NaN.
func (s *Score) UnmarshalJSON(b []byte) error {
	var j scoreJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*s = Score{j.Name, j.interval()}
	return nil
}

// named joins names with intervals, or passes an error on.
func named(names []string) func([]Interval, error) ([]Score, error) {
	return func(ivs []Interval, err error) ([]Score, error) {
		if err != nil {
			return nil, err
		}
		out := make([]Score, len(ivs))
		for i, v := range ivs {
			out[i] = Score{names[i], v}
		}
		return out, nil
	}
}

// JSON has neither NaN nor infinity: number writes both as null, so that a report never fails on an undefined
// metric. Only Interval and Score are read back; the other results are recomputed when needed.
type number float64

func (x number) MarshalJSON() ([]byte, error) { return json.Marshal(finite(float64(x))) }

func numbers(v []float64) []number {
	out := make([]number, len(v))
	for i, x := range v {
		out[i] = number(x)
	}
	return out
}

// MarshalJSON writes the first threshold, which is infinite, as null.
func (p ROCPoint) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Threshold number `json:"threshold"`
		FPR       number `json:"fpr"`
		TPR       number `json:"tpr"`
	}{number(p.Threshold), number(p.FPR), number(p.TPR)})
}

// MarshalJSON writes the first threshold, which is infinite, as null.
func (p PRPoint) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Threshold number `json:"threshold"`
		Recall    number `json:"recall"`
		Precision number `json:"precision"`
	}{number(p.Threshold), number(p.Recall), number(p.Precision)})
}

// MarshalJSON writes undefined numbers as null.
func (m MulticlassAUROC) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Each     []number `json:"each"`
		Macro    number   `json:"macro"`
		Weighted number   `json:"weighted"`
	}{numbers(m.Each), number(m.Macro), number(m.Weighted)})
}

// MarshalJSON writes undefined and infinite numbers as null.
func (p DecisionPoint) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Threshold number `json:"threshold"`
		Model     number `json:"model"`
		All       number `json:"all"`
		None      number `json:"none"`
		Avoided   number `json:"avoided_per_100"`
	}{number(p.Threshold), number(p.Model), number(p.All), number(p.None), number(p.Avoided)})
}

// MarshalJSON writes undefined numbers as null.
func (c Counts) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		TP number `json:"tp"`
		FP number `json:"fp"`
		TN number `json:"tn"`
		FN number `json:"fn"`
	}{number(c.TP), number(c.FP), number(c.TN), number(c.FN)})
}

// MarshalJSON writes undefined and infinite numbers as null.
func (o Operating) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Threshold   number   `json:"threshold"`
		Counts      Counts   `json:"counts"`
		Sensitivity Interval `json:"sensitivity"`
		Specificity Interval `json:"specificity"`
		PPV         Interval `json:"ppv"`
		NPV         Interval `json:"npv"`
		LRPositive  number   `json:"lr_positive"`
		LRNegative  number   `json:"lr_negative"`
	}{number(o.Threshold), o.Counts, o.Sensitivity, o.Specificity, o.PPV, o.NPV, number(o.LRPositive), number(o.LRNegative)})
}

// MarshalJSON writes undefined numbers as null.
func (s Smooth) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ICI   number        `json:"ici"`
		E50   number        `json:"e50"`
		E90   number        `json:"e90"`
		EMax  number        `json:"emax"`
		Curve []SmoothPoint `json:"curve"`
	}{number(s.ICI), number(s.E50), number(s.E90), number(s.EMax), s.Curve})
}

// MarshalJSON writes undefined numbers as null.
func (e DeLongEstimate) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		AUROC    number   `json:"auroc"`
		Variance number   `json:"variance"`
		Plain    Interval `json:"plain"`
		Logit    Interval `json:"logit"`
	}{number(e.AUROC), number(e.Variance), e.Plain, e.Logit})
}

// MarshalJSON writes undefined numbers as null.
func (d DeLongComparison) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		A          number `json:"a"`
		B          number `json:"b"`
		Difference number `json:"difference"`
		SE         number `json:"se"`
		Z          number `json:"z"`
		P          number `json:"p"`
		Low        number `json:"low"`
		High       number `json:"high"`
	}{number(d.A), number(d.B), number(d.Difference), number(d.SE), number(d.Z), number(d.P), number(d.Low), number(d.High)})
}
