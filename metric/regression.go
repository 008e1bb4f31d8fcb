package metric

import (
	"context"
	"math"
	"slices"
)

// RMSE is the root mean squared error, in the outcome's unit: large misses weigh most. NaN if there are no rows.
func RMSE(predicted, observed []float64) float64 {
	sameLength(len(predicted), len(observed))
	s := 0.0
	for i, v := range predicted {
		s += (v - observed[i]) * (v - observed[i])
	}
	return math.Sqrt(s / float64(len(predicted)))
}

// MAE is the mean absolute error, in the outcome's unit. NaN if there are no rows.
func MAE(predicted, observed []float64) float64 {
	sameLength(len(predicted), len(observed))
	s := 0.0
	for i, v := range predicted {
		s += math.Abs(v - observed[i])
	}
	return s / float64(len(predicted))
}

// R2 is 1 - residual / total sum of squares: 1 is perfect, 0 as good as the mean, negative worse. It is not the
// square of a correlation. NaN if the observed values are constant.
func R2(predicted, observed []float64) float64 {
	sameLength(len(predicted), len(observed))
	m := mean(observed)
	var residual, total float64
	for i, v := range predicted {
		residual += (v - observed[i]) * (v - observed[i])
		total += (observed[i] - m) * (observed[i] - m)
	}
	if total == 0 {
		return math.NaN()
	}
	return 1 - residual/total
}

// Pearson is the linear correlation, -1 to 1. NaN if either side is constant or there are fewer than two rows.
func Pearson(a, b []float64) float64 {
	sameLength(len(a), len(b))
	d := math.Sqrt(covariance(a, a)) * math.Sqrt(covariance(b, b))
	if len(a) < 2 || d == 0 {
		return math.NaN()
	}
	return math.Min(math.Max(covariance(a, b)/d, -1), 1)
}

// Spearman is the correlation of ranks, ties given their mean rank, -1 to 1. NaN where Pearson is, or if a value is NaN.
func Spearman(a, b []float64) float64 {
	sameLength(len(a), len(b))
	return Pearson(ranks(a), ranks(b))
}

// ranks are midranks; NaN anywhere makes all of them NaN.
func ranks(v []float64) []float64 {
	order, out := ascending(v), make([]float64, len(v))
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && order[j].v == order[i].v {
			j++
		}
		r := float64(i+j+1) / 2
		if math.IsNaN(order[0].v) {
			r = math.NaN() // cmp orders NaN first
		}
		for ; i < j; i++ {
			out[order[i].i] = r
		}
	}
	return out
}

// KendallTau is tau-b: concordant minus discordant pairs, corrected for ties, -1 to 1, in O(n log n) (Knight 1966).
// NaN if either side is constant, a value is NaN or there are fewer than two rows.
func KendallTau(a, b []float64) float64 {
	sameLength(len(a), len(b))
	n := len(a)
	// Midranks stand for the values, and turn NaN into something that is found at once.
	ra, rb := ranks(a), ranks(b)
	if n < 2 || math.IsNaN(ra[0]) || math.IsNaN(rb[0]) {
		return math.NaN()
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		if c := compareFloat(ra[i], ra[j]); c != 0 {
			return c
		}
		return compareFloat(rb[i], rb[j])
	})
	x, y := make([]float64, n), make([]float64, n)
	for k, i := range order {
		x[k], y[k] = ra[i], rb[i]
	}
	pairs := float64(n) * float64(n-1) / 2
	both := tiedPairs(n, func(i int) bool { return x[i] == x[i-1] && y[i] == y[i-1] })
	tx := tiedPairs(n, func(i int) bool { return x[i] == x[i-1] })
	swaps := mergeSwaps(y, make([]float64, n))
	ty := tiedPairs(n, func(i int) bool { return y[i] == y[i-1] }) // y is sorted now
	if tx == pairs || ty == pairs {
		return math.NaN()
	}
	s := pairs - tx - ty + both - 2*swaps
	return math.Min(math.Max(s/math.Sqrt(pairs-tx)/math.Sqrt(pairs-ty), -1), 1)
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// tiedPairs counts pairs within runs; same tells whether i is tied with i-1.
func tiedPairs(n int, same func(i int) bool) float64 {
	pairs, run := 0.0, 0.0
	for i := 1; i < n; i++ {
		if same(i) {
			run++
			pairs += run
		} else {
			run = 0
		}
	}
	return pairs
}

// mergeSwaps sorts y and counts the strictly inverted pairs.
func mergeSwaps(y, tmp []float64) float64 {
	if len(y) < 2 {
		return 0
	}
	m := len(y) / 2
	swaps := mergeSwaps(y[:m], tmp[:m]) + mergeSwaps(y[m:], tmp[m:])
	copy(tmp, y)
	i, j := 0, m
	for k := range y {
		if j == len(y) || i < m && tmp[i] <= tmp[j] {
			y[k] = tmp[i]
			i++
		} else {
			y[k] = tmp[j]
			j++
			swaps += float64(m - i)
		}
	}
	return swaps
}

// Regression scores predicted numbers many times, on all rows or on resamples. Pass Scores to Bootstrap.
// Safe for concurrent use.
type Regression struct{ predicted, observed []float64 }

// NewRegression keeps both slices, without a copy.
func NewRegression(predicted, observed []float64) *Regression {
	sameLength(len(predicted), len(observed))
	return &Regression{predicted, observed}
}

// Names returns the names of the values of Scores, in order.
func (g *Regression) Names() []string {
	return []string{"rmse", "mae", "r2", "pearson", "spearman", "kendall_tau"}
}

// Scores computes the metrics of the given rows, which may repeat; nil means all rows.
func (g *Regression) Scores(rows []int) []float64 {
	a, b := g.predicted, g.observed
	if rows != nil {
		a, b = make([]float64, len(rows)), make([]float64, len(rows))
		for k, i := range rows {
			a[k], b[k] = g.predicted[i], g.observed[i]
		}
	}
	return []float64{RMSE(a, b), MAE(a, b), R2(a, b), Pearson(a, b), Spearman(a, b), KendallTau(a, b)}
}

// Intervals bootstraps all scores. r.N must be the number of predictions.
func (g *Regression) Intervals(ctx context.Context, r Resample) ([]Score, error) {
	sameLength(r.N, len(g.observed))
	return named(g.Names())(Bootstrap(ctx, r, g.Scores))
}

// Differences bootstraps the scores of g minus those of other, of the same patients, on the same samples.
func (g *Regression) Differences(ctx context.Context, other *Regression, r Resample) ([]Score, error) {
	sameLength(r.N, len(g.observed))
	sameLength(len(other.observed), len(g.observed))
	return named(g.Names())(BootstrapDifference(ctx, r, g.Scores, other.Scores))
}
