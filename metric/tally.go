package metric

import (
	"cmp"
	"math"
	"slices"
)

// tally is the form from which every binary metric is computed.
type tally struct {
	x          []float64 // distinct predictions, ascending
	pos, neg   []float64 // weight of events and of non-events at each
	nPos, nNeg float64
	bad        bool // a prediction or a weight is NaN: every metric is NaN
}

// newTally sorts predictions once: O(n log n). A nil w weighs every row 1.
func newTally(p []float64, y []bool, w []float64) *tally {
	t, at := groupByValue(p)
	if w != nil {
		sameLength(len(p), len(w))
	}
	sameLength(len(p), len(y))
	for i, g := range at {
		v := 1.0
		if w != nil {
			v = w[i]
			t.bad = t.bad || math.IsNaN(v)
		}
		t.count(int(g), y[i], v)
	}
	return t
}

func (t *tally) count(g int, event bool, w float64) {
	if event {
		t.pos[g] += w
		t.nPos += w
	} else {
		t.neg[g] += w
		t.nNeg += w
	}
}

// groupByValue returns an empty tally over the distinct values and, for each row, its place among them.
func groupByValue(p []float64) (*tally, []int32) {
	order := ascending(p)
	at := make([]int32, len(p))
	t := &tally{x: make([]float64, 0, len(p))}
	for _, e := range order {
		t.bad = t.bad || math.IsNaN(e.v)
		if k := len(t.x); k == 0 || e.v != t.x[k-1] {
			t.x = append(t.x, e.v)
		}
		at[e.i] = int32(len(t.x) - 1)
	}
	t.pos = make([]float64, len(t.x))
	t.neg = make([]float64, len(t.x))
	return t, at
}

type valueAt struct {
	v float64
	i int32
}

// ascending sorts values together with their rows; a plain comparison is enough, since NaN makes the tally bad.
func ascending(p []float64) []valueAt {
	order := make([]valueAt, len(p))
	for i, v := range p {
		order[i] = valueAt{v, int32(i)}
	}
	slices.SortFunc(order, func(a, b valueAt) int {
		if c := cmp.Compare(a.v, b.v); c != 0 {
			return c
		}
		return cmp.Compare(a.i, b.i)
	})
	return order
}

func (t *tally) n() float64 { return t.nPos + t.nNeg }

// oneClass tells whether a metric that needs events and non-events is undefined.
func (t *tally) oneClass() bool { return t.bad || t.nPos <= 0 || t.nNeg <= 0 }

// empty tells whether even a mean is undefined.
func (t *tally) empty() bool { return t.bad || t.n() <= 0 }
