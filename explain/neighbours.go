package explain

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"galen.dev/fault"
)

// NeighbourOptions tune NewNeighbours.
type NeighbourOptions struct {
	MaxRows int    // training rows kept, drawn at random from more; 0 = 20000
	K       int    // neighbours whose mean distance is the distance to the training set; 0 = 5
	Probes  int    // training rows whose own distance to the others is the yardstick; 0 = 500
	Seed    uint64 // draws rows and probes
}

// Neighbours finds the training cases most like a case, and tells how far a case is from all of them.
//
// The distance is Gower's, the mean over the features of: for a number the absolute difference over the
// training set's span from the 5 % to the 95 % quantile (so that one wild value does not shrink all others,
// and a value beyond the span counts more than 1); for a category 0 if equal, else 1; nothing if both are
// missing, a half if one is. Search is a linear pass that gives a row up as soon as it is farther than the
// k-th: some milliseconds for 100,000 rows of 30 features, exact, and without an index to store.
//
// It holds training cases' values, so what it is written to is as confidential as the training data.
type Neighbours struct {
	features []feature
	order    []int // features, numbers before categories
	numbers  int   // how many of order are numbers
	rows     []int32
	z        []float32 // row by row, in order: scaled number, or index of the level, -1 not seen; NaN missing
	missing  []uint64  // see gone; not stored
	k        int
	apart    []float32 // sorted: mean distances of the probes to their k nearest others
}

// feature is what is known of one column of the training set.
type feature struct {
	category bool
	scale    float64 // numbers only; over 0
	low      float64 // smallest and largest training value; +Inf, -Inf where all were missing
	high     float64
	levels   []float64 // categories only, ascending
	missing  bool      // some training row had no value
}

// Neighbour is a training case: its row in the data given to NewNeighbours, and its distance.
type Neighbour struct {
	Row      int     `json:"row"`
	Distance float64 `json:"distance"`
}

// farthest bounds scaled numbers, so that sums stay finite.
const farthest = 1e6

// NewNeighbours learns from training data X[feature][row], of which categorical tells the columns of codes
// (nil = none). The error is the context's, or Data when there are fewer than two rows or no column.
func NewNeighbours(ctx context.Context, X [][]float64, categorical []bool, o NeighbourOptions) (*Neighbours, error) {
	total := rowsOf(X)
	if total < 2 {
		return nil, fault.Errorf(fault.Data, "neighbours need at least two training rows with at least one feature")
	}
	if categorical != nil && len(categorical) != len(X) {
		panic("explain: length mismatch")
	}
	defaults := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	defaults(&o.MaxRows, 20_000)
	defaults(&o.K, 5)
	defaults(&o.Probes, 500)
	n := &Neighbours{}
	for j, x := range X {
		n.features = append(n.features, newFeature(x, categorical != nil && categorical[j]))
	}
	n.setOrder()
	rng := rand.New(rand.NewPCG(o.Seed, 0x6e6e))
	for _, r := range drawn(rng, total, o.MaxRows) {
		n.rows = append(n.rows, int32(r))
	}
	n.k = min(o.K, len(n.rows)-1)
	n.z = make([]float32, len(n.rows)*len(X))
	row := make([]float64, len(X))
	for i, r := range n.rows {
		rowOf(row, X, int(r))
		n.scaleInto(n.z[i*len(X):], row)
	}
	n.missing = gone(n.z, len(X))
	return n, n.measure(ctx, drawn(rng, len(n.rows), o.Probes))
}

// drawn returns at most k of n, ascending.
func drawn(rng *rand.Rand, n, k int) []int {
	all := rng.Perm(n)[:min(n, max(k, 2))]
	slices.Sort(all)
	return all
}

func newFeature(x []float64, category bool) feature {
	v := present(x)
	f := feature{category: category, missing: len(v) < len(x), low: math.Inf(1), high: math.Inf(-1), scale: 1}
	if len(v) == 0 {
		return f
	}
	f.low, f.high = v[0], v[len(v)-1]
	if category {
		f.levels = slices.Compact(v)
		return f
	}
	for _, span := range []float64{quantile(v, .95) - quantile(v, .05), f.high - f.low} {
		if span > 0 && !math.IsInf(span, 0) {
			f.scale = span
			break
		}
	}
	return f
}

func (n *Neighbours) setOrder() {
	for _, category := range []bool{false, true} {
		for j, f := range n.features {
			if f.category == category {
				n.order = append(n.order, j)
			}
		}
		if !category {
			n.numbers = len(n.order)
		}
	}
}

// scaleInto writes a case as the rows are stored.
func (n *Neighbours) scaleInto(z []float32, row []float64) {
	for i, j := range n.order {
		v, f := row[j], &n.features[j]
		switch {
		case math.IsNaN(v):
			z[i] = float32(math.NaN())
		case f.category:
			at, ok := slices.BinarySearch(f.levels, v)
			if !ok {
				at = -1
			}
			z[i] = float32(at)
		default:
			z[i] = float32(min(max(v/f.scale, -farthest), farthest))
		}
	}
}

// distance is the sum over the features, or something over bound once it is sure to exceed that. gone has a bit
// for each missing cell of either row. There is no branch on values, which the processor could not foresee.
func (n *Neighbours) distance(a, b []float32, goneA, goneB []uint64, bound float32) float32 {
	half := 0
	for w, g := range goneA {
		half += bits.OnesCount64(g ^ goneB[w])
	}
	a, b = a[:len(n.features)], b[:len(n.features)]
	var unequal uint32
	for j := n.numbers; j < len(a); j++ {
		d := differenceBits(a[j], b[j])
		unequal += (d | -d) >> 31
	}
	sum := float32(half)/2 + float32(unequal)
	j := 0
	for ; j+8 <= n.numbers && sum <= bound; j += 8 {
		x, y := a[j:j+8], b[j:j+8]
		s0 := difference(x[0], y[0]) + difference(x[1], y[1])
		s1 := difference(x[2], y[2]) + difference(x[3], y[3])
		s2 := difference(x[4], y[4]) + difference(x[5], y[5])
		s3 := difference(x[6], y[6]) + difference(x[7], y[7])
		sum += (s0 + s1) + (s2 + s3)
	}
	if sum > bound {
		return sum
	}
	for ; j < n.numbers; j++ {
		sum += difference(a[j], b[j])
	}
	return sum
}

// difference is |a − b|, or 0 where one is missing.
func difference(a, b float32) float32 { return math.Float32frombits(differenceBits(a, b)) }

func differenceBits(a, b float32) uint32 {
	d := math.Float32bits(a-b) &^ (1 << 31)
	const infinite = 0x7f800000
	return d &^ uint32(int32(infinite-d)>>31) // over that it is NaN
}

// gone marks the missing cells of rows of width cells: a bit each, whole words for a row.
func gone(z []float32, width int) []uint64 {
	words := (width + 63) / 64
	marks := make([]uint64, len(z)/width*words)
	for i, v := range z {
		if v != v {
			marks[i/width*words+i%width/64] |= 1 << (i % width % 64)
		}
	}
	return marks
}

// nearest returns the k nearest stored rows to z, by distance and then by row, leaving out stored row skip.
func (n *Neighbours) nearest(z []float32, k, skip int) []Neighbour {
	if k == 0 {
		return nil
	}
	width := len(n.features)
	words, missing := (width+63)/64, gone(z, width)
	best := make([]Neighbour, 0, k+1)
	bound := float32(math.Inf(1))
	for i := range n.rows {
		d := n.distance(z, n.z[i*width:(i+1)*width], missing, n.missing[i*words:(i+1)*words], bound)
		if i == skip || len(best) == k && d >= bound {
			continue
		}
		at := len(best)
		for at > 0 && best[at-1].Distance > float64(d) {
			at--
		}
		best = slices.Insert(best, at, Neighbour{int(n.rows[i]), float64(d)})
		if len(best) > k {
			best = best[:k]
		}
		if len(best) == k {
			bound = float32(best[k-1].Distance)
		}
	}
	for i := range best {
		best[i].Distance /= float64(width)
	}
	return best
}

// Nearest returns the k training cases nearest to a case, nearest first; fewer where fewer are stored.
func (n *Neighbours) Nearest(row []float64, k int) []Neighbour {
	return n.nearest(n.scaled(row), min(max(k, 0), len(n.rows)), -1)
}

func (n *Neighbours) scaled(row []float64) []float32 {
	if len(row) != len(n.features) {
		panic("explain: length mismatch")
	}
	z := make([]float32, len(row))
	n.scaleInto(z, row)
	return z
}

// measure takes the probes' distances to the other training rows.
func (n *Neighbours) measure(ctx context.Context, probes []int) error {
	n.apart = make([]float32, len(probes))
	var next atomic.Int64
	var wg sync.WaitGroup
	width := len(n.features)
	for range 2 {
		wg.Go(func() {
			for p := int(next.Add(1)) - 1; p < len(probes) && ctx.Err() == nil; p = int(next.Add(1)) - 1 {
				i := probes[p]
				n.apart[p] = float32(meanDistance(n.nearest(n.z[i*width:(i+1)*width], n.k, i)))
			}
		})
	}
	wg.Wait()
	slices.Sort(n.apart)
	return ctx.Err()
}

func meanDistance(near []Neighbour) float64 {
	sum := 0.0
	for _, m := range near {
		sum += m.Distance
	}
	return sum / float64(len(near))
}

// Outside is a feature whose value training has not seen.
type Outside struct {
	Feature int    `json:"feature"`
	Reason  string `json:"reason"` // "below", "above", "unseen-level", "missing" (never missing in training)
}

// Applicability says whether a case lies where the model has learnt.
type Applicability struct {
	Distance float64 `json:"distance"` // mean distance to the K nearest training cases
	// Percentile is the share, from 0 to 1, of training cases that are nearer to the others than this case is.
	// Over .99, say, a prediction extrapolates and may better be withheld.
	Percentile float64   `json:"percentile"`
	Outside    []Outside `json:"outside,omitempty"`
}

// Applicability measures a case against the training set.
func (n *Neighbours) Applicability(row []float64) Applicability {
	z := n.scaled(row)
	d := meanDistance(n.nearest(z, n.k, -1))
	below, _ := slices.BinarySearch(n.apart, float32(d))
	a := Applicability{Distance: d, Percentile: float64(below) / float64(len(n.apart))}
	for j, v := range row {
		f := &n.features[j]
		reason := ""
		switch {
		case math.IsNaN(v):
			if !f.missing {
				reason = "missing"
			}
		case f.category:
			if _, ok := slices.BinarySearch(f.levels, v); !ok {
				reason = "unseen-level"
			}
		case v < f.low:
			reason = "below"
		case v > f.high:
			reason = "above"
		}
		if reason != "" {
			a.Outside = append(a.Outside, Outside{j, reason})
		}
	}
	return a
}
