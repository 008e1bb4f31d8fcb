package metric

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"galen.dev/fault"
)

// Resample says how to draw bootstrap samples. A sample draws whole patients with replacement, so that rows of
// one patient stay together and intervals are not too narrow (Efron & Tibshirani 1993; Field & Welsh 2007).
type Resample struct {
	N      int   // number of rows; > 0
	Groups []int // patient of each row, any numbers; nil = each row is a patient of its own
	// Strata of the rows: each keeps its number of patients, e.g. with events and without. A patient belongs to
	// the stratum of its first row. nil = one stratum.
	Strata []int
	Rounds int     // number of samples; 0 = 1000
	Seed   uint64  // same seed, same samples, whatever the number of processors
	Level  float64 // coverage of the interval, between 0 and 1; 0 = .95
}

func (r Resample) rounds() int {
	if r.Rounds == 0 {
		return 1000
	}
	return r.Rounds
}

func (r Resample) check() error {
	var fs []fault.Finding
	refuse := func(name, message string) {
		fs = append(fs, fault.Finding{Name: name, Severity: fault.Severe, Message: message})
	}
	if r.N <= 0 {
		refuse("no-rows", "there are no rows to resample")
	}
	if r.Rounds < 0 {
		refuse("negative-rounds", "the number of bootstrap rounds is negative")
	}
	if !(r.Level >= 0 && r.Level < 1) {
		refuse("level-out-of-range", "the confidence level is not between 0 and 1")
	}
	return fault.Refuse("bootstrap", fs)
}

// Bootstrap returns percentile intervals of a statistic of rows. Value is the statistic of all rows in order;
// Low and High are the quantiles (interpolated, type 7) of the rounds where it is defined; Undefined counts the
// rounds that gave NaN, and if all did, Low and High are NaN.
//
// stat gets row numbers 0 … N-1, repeated and in no order it should rely on, which it must not keep. It is
// called from several goroutines at once and must always return the same number of values.
func Bootstrap(ctx context.Context, r Resample, stat func(rows []int) []float64) ([]Interval, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	draws := newDraws(r)
	all := make([]int, r.N)
	for i := range all {
		all[i] = i
	}
	value := slices.Clone(stat(all))
	k, rounds := len(value), r.rounds()
	samples := make([]float64, k*rounds) // by component, so that each is sorted in place below
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), rounds) {
		wg.Go(func() {
			var rows []int
			pcg := rand.NewPCG(0, 0)
			for {
				b := int(next.Add(1)) - 1
				if b >= rounds || ctx.Err() != nil {
					return
				}
				pcg.Seed(r.Seed, uint64(b)*0x9e3779b97f4a7c15) // the golden ratio spreads round numbers over all bits
				rows = draws.draw(rand.New(pcg), rows[:0])
				v := stat(rows)
				sameLength(len(v), k)
				for j, x := range v {
					samples[j*rounds+b] = x
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([]Interval, k)
	for j := range out {
		out[j] = percentile(value[j], samples[j*rounds:(j+1)*rounds], r.Level)
	}
	return out, nil
}

// BootstrapDifference returns intervals of a - b with both computed on the same samples, which cancels what
// the two share: the right comparison of two predictions of the same patients.
func BootstrapDifference(ctx context.Context, r Resample, a, b func(rows []int) []float64) ([]Interval, error) {
	return Bootstrap(ctx, r, func(rows []int) []float64 {
		u, v := a(rows), b(rows)
		sameLength(len(u), len(v))
		return minus(u, v)
	})
}

// percentile reorders samples.
func percentile(value float64, samples []float64, level float64) Interval {
	if level == 0 {
		level = .95
	}
	defined := slices.DeleteFunc(samples, math.IsNaN)
	out := Interval{value, math.NaN(), math.NaN(), len(samples), len(samples) - len(defined)}
	if len(defined) > 0 {
		slices.Sort(defined)
		out.Low, out.High = quantile(defined, (1-level)/2), quantile(defined, (1+level)/2)
	}
	return out
}

// quantile of sorted values, interpolated between order statistics (Hyndman & Fan's type 7).
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	if i+1 == len(sorted) || sorted[i] == sorted[i+1] {
		return sorted[i] // equal neighbours first: two infinities have no difference
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// draws holds the patients of each stratum and their rows.
type draws struct {
	n      int
	strata [][]int32 // patients; nil if rows are patients and there is one stratum
	start  []int32   // of each patient's rows within rows
	rows   []int32
}

func newDraws(r Resample) *draws {
	d := &draws{n: r.N}
	if r.Groups == nil && r.Strata == nil {
		return d
	}
	patient := make([]int32, r.N)
	first := make([]int, 0, r.N)
	if r.Groups == nil {
		for i := range patient {
			patient[i] = int32(i)
			first = append(first, i)
		}
	} else {
		sameLength(len(r.Groups), r.N)
		seen := map[int]int32{}
		for i, g := range r.Groups {
			id, ok := seen[g]
			if !ok {
				id = int32(len(seen))
				seen[g] = id
				first = append(first, i)
			}
			patient[i] = id
		}
	}
	d.group(patient, len(first))
	d.stratify(r.Strata, first, r.N)
	return d
}

// group lists the rows of each patient, by counting.
func (d *draws) group(patient []int32, patients int) {
	d.start = make([]int32, patients+1)
	for _, g := range patient {
		d.start[g+1]++
	}
	for i := range patients {
		d.start[i+1] += d.start[i]
	}
	d.rows = make([]int32, len(patient))
	at := slices.Clone(d.start)
	for i, g := range patient {
		d.rows[at[g]] = int32(i)
		at[g]++
	}
}

// stratify puts patients into strata in order of first appearance.
func (d *draws) stratify(strata, first []int, n int) {
	if strata != nil {
		sameLength(len(strata), n)
	}
	seen := map[int]int{}
	for id, row := range first {
		s := 0
		if strata != nil {
			s = strata[row]
		}
		k, ok := seen[s]
		if !ok {
			k = len(d.strata)
			seen[s] = k
			d.strata = append(d.strata, nil)
		}
		d.strata[k] = append(d.strata[k], int32(id))
	}
}

// draw appends the rows of one sample.
func (d *draws) draw(rng *rand.Rand, rows []int) []int {
	if d.strata == nil {
		for range d.n {
			rows = append(rows, int(rng.Uint64N(uint64(d.n))))
		}
		return rows
	}
	for _, patients := range d.strata {
		for range patients {
			id := patients[rng.Uint64N(uint64(len(patients)))]
			for _, row := range d.rows[d.start[id]:d.start[id+1]] {
				rows = append(rows, int(row))
			}
		}
	}
	return rows
}
