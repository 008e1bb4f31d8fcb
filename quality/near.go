package quality

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"galen.dev/fault"
)

// maxBands bounds the bands of columns that candidates for near-duplicates must share one of.
const maxBands = 16

// window is how many neighbours a row is compared with inside one bucket of equal hashes.
const window = 16

// checkNearDuplicates finds rows that agree in all but a few cells. By the pigeonhole principle two rows that
// differ in k cells agree wholly in one of k+1 bands of columns, so it is enough to compare rows whose hash of
// some band is equal; large buckets are sorted by the other bands' hashes and compared with their neighbours
// only (Hernández and Stolfo's sorted neighbourhood, SIGMOD 1995). Time is n log n for each band.
func (s *session) checkNearDuplicates(ctx context.Context) error {
	cols := s.rowColumns()
	cols = slices.DeleteFunc(cols, func(c *column) bool { return c.distinct < 2 })
	slices.SortStableFunc(cols, func(a, b *column) int {
		return cmp.Compare(a.chanceAgree(s.t.Rows), b.chanceAgree(s.t.Rows))
	})
	// Five hundred columns tell patients apart as well as a million do.
	cols = cols[:min(len(cols), 500)]
	differ := int(math.Floor(float64(len(cols))*(1-s.th.NearDuplicate) + 1e-9))
	const fewest = 5 // of fewer columns, one that differs is already a fifth
	if s.t.Rows < 2 || len(cols) < fewest {
		s.skip("near-duplicate-rows", fmt.Sprintf("there are fewer than two rows or %d predictors", fewest))
		return nil
	}
	differ = max(differ, 1)
	// Fewer differences are allowed where that many would come by chance; where even one does, the rows are
	// worth a line only, and with many such pairs not even the search.
	sev, note := fault.Warning, ""
	pairs, chance := float64(s.t.Rows)*float64(s.t.Rows)/2, s.chanceNear(cols)
	for differ > 1 && pairs*chance(differ) >= 1 {
		differ--
	}
	if pairs*chance(differ) >= 100 {
		s.skip("near-duplicate-rows", "the predictors are so alike in all rows that chance alone makes near twins")
		return nil
	}
	if pairs*chance(differ) >= 1 {
		sev, note = fault.Info, "; the predictors are so alike in all rows that chance may explain it"
	}
	near, across, err := s.nearRows(ctx, cols, differ)
	if err != nil {
		return err
	}
	report := func(rows []int, name, message, hint string) {
		if len(rows) == 0 {
			return
		}
		f := finding(name, sev, "", rows)
		f.Message = fmt.Sprintf(message, counted(len(rows), "row", "rows"), differ, len(cols)) + note
		f.Hint = hint
		s.found = append(s.found, f)
	}
	report(near, "near-duplicate-rows", "%s with a near twin: at most %d of %d predictors differ",
		"look for patients who were entered twice")
	report(across, "near-duplicate-across-splits", "%s with a near twin in another split: at most %d of %d predictors differ",
		"put rows of one patient into one split")
	return nil
}

// chanceNear returns the chance that two unrelated rows differ in at most k columns. Columns depend on each other,
// so the number of differences spreads wider than for independent ones: its mean and variance are taken from
// random pairs of rows, and its lower tail from the beta-binomial distribution that has both.
func (s *session) chanceNear(cols []*column) func(k int) float64 {
	const pairs = 20_000
	n := float64(len(cols))
	var count, sum, squares float64
	for i := range uint64(pairs) {
		a, b := int(mix(1, i)%uint64(s.t.Rows)), int(mix(2, i)%uint64(s.t.Rows))
		if a == b {
			continue
		}
		d := 0.0
		for _, c := range cols {
			if !c.same(a, b, c.grid) {
				d++
			}
		}
		count++
		sum += d
		squares += d * d
	}
	if count < 2 || sum == 0 {
		return func(int) float64 { return 1 }
	}
	mean, variance := sum/count, (squares-sum*sum/count)/(count-1)
	p := min(mean/n, 1-1e-9)
	// rho is the correlation between two columns' differences; not below nearly none.
	rho := min(max((variance/(n*p*(1-p))-1)/(n-1), 1e-6), 1-1e-6)
	alpha, beta := p*(1/rho-1), (1-p)*(1/rho-1)
	return func(k int) float64 {
		tail := 0.0
		for d := 0.0; d <= float64(k); d++ {
			tail += math.Exp(logChoose(n, d) + logBeta(d+alpha, n-d+beta) - logBeta(alpha, beta))
		}
		return tail
	}
}

func logChoose(n, k float64) float64 { return -math.Log(n+1) - logBeta(n-k+1, k+1) }

func logBeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}

// bands deals the columns, most telling first, round the bands. With so many columns that maxBands bands
// would each be long, a band takes its 8 most telling columns only: two rows that agree in nine tenths then
// still share a band in 9,998 of 10,000 cases.
func bands(cols []*column, differ int) [][]*column {
	n := min(differ+1, maxBands)
	out := make([][]*column, n)
	for i, c := range cols {
		if differ+1 > maxBands && i >= 8*n {
			break
		}
		out[i%n] = append(out[i%n], c)
	}
	return out
}

// nearRows lists the rows that have a near-duplicate, and those that have one in another split. Exact
// duplicates and rows of one patient do not count.
func (s *session) nearRows(ctx context.Context, cols []*column, differ int) (near, across []int, err error) {
	parts := bands(cols, differ)
	hash := make([][]uint64, len(parts))
	for b, part := range parts {
		hash[b] = make([]uint64, s.t.Rows)
		for _, c := range part {
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			c.hashInto(hash[b], c.grid)
		}
	}
	patients := s.patientCodes()
	isNear, isAcross := make([]bool, s.t.Rows), make([]bool, s.t.Rows)
	compare := func(a, b int32) {
		if patients != nil && patients[a] >= 0 && patients[a] == patients[b] {
			return
		}
		cross := s.splitOf != nil && s.splitOf[a] >= 0 && s.splitOf[b] >= 0 && s.splitOf[a] != s.splitOf[b]
		if isNear[a] && isNear[b] && (!cross || isAcross[a] && isAcross[b]) {
			return
		}
		if nearlyEqual(cols, int(a), int(b), differ) {
			isNear[a], isNear[b] = true, true
			if cross {
				isAcross[a], isAcross[b] = true, true
			}
		}
	}
	for b := range parts {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		eachEqual(hash[b], func(rows []int32) {
			if len(rows) > window {
				sortByBands(rows, hash)
			}
			for i, r := range rows {
				for _, q := range rows[i+1 : min(len(rows), i+1+window)] {
					compare(r, q)
				}
			}
		})
	}
	for i := range isNear {
		if isNear[i] {
			near = append(near, i)
		}
		if isAcross[i] {
			across = append(across, i)
		}
	}
	return near, across, nil
}

// sortByBands orders rows by the hashes of all bands, so that rows alike in further bands are neighbours.
func sortByBands(rows []int32, hash [][]uint64) {
	slices.SortFunc(rows, func(a, b int32) int {
		for _, h := range hash {
			if h[a] != h[b] {
				return cmp.Compare(h[a], h[b])
			}
		}
		return int(a - b)
	})
}

// nearlyEqual tells whether the rows differ in at least one and at most differ columns.
func nearlyEqual(cols []*column, a, b, differ int) bool {
	apart, exact := 0, true
	for _, c := range cols {
		if c.same(a, b, 0) {
			continue
		}
		exact = false
		if !c.same(a, b, c.grid) {
			if apart++; apart > differ {
				return false
			}
		}
	}
	return !exact
}
