package similar

import (
	"context"
	"slices"

	"galen.dev/fault"
)

// MaxMin picks n rows that differ most: each next one is the row whose greatest Tanimoto similarity to those
// picked is least, the lowest among equals. first are the picks to start from, at least one. distance is the
// smallest distance, 1 - similarity, of the last pick to those before it. Picks are those of RDKit's
// MaxMinPicker.LazyBitVectorPick with the same firstPicks.
//
// Distances are only computed while they may decide: it takes far fewer than n times the number of rows.
func MaxMin(ctx context.Context, m *Matrix, n int, first []int) (picks []int, distance float64, err error) {
	if err := checkPicks(m, n, first); err != nil {
		return nil, 0, err
	}
	picks = slices.Clone(first)
	taken := make([]bool, m.Len())
	for _, p := range first {
		taken[p] = true
	}
	// bound is the distance of each row in the pool to the first seen[row] picks.
	pool := make([]int32, 0, m.Len())
	bound, seen := make([]float64, m.Len()), make([]int32, m.Len())
	for i := range m.Len() {
		if !taken[i] {
			pool = append(pool, int32(i))
			bound[i], seen[i] = m.distance(i, picks[0]), 1
		}
	}
	distance = -1
	for len(picks) < n {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		best, at := -1.0, -1
		for k, row := range pool {
			least := bound[row]
			if least <= best {
				continue
			}
			s := seen[row]
			for ; int(s) < len(picks) && least > best; s++ {
				least = min(least, m.distance(int(row), picks[s]))
			}
			bound[row], seen[row] = least, s
			if least > best {
				best, at = least, k
			}
		}
		picks = append(picks, int(pool[at]))
		pool = slices.Delete(pool, at, at+1)
		distance = best
	}
	return picks, distance, nil
}

// distance is 1 - Tanimoto, rounded as RDKit rounds it.
func (m *Matrix) distance(i, j int) float64 { return 1 - m.Score(Tanimoto, i, j) }

func checkPicks(m *Matrix, n int, first []int) error {
	if n > m.Len() {
		return fault.Errorf(fault.Usage, "similar: %d picks from %d fingerprints", n, m.Len())
	}
	if len(first) == 0 || len(first) > n {
		return fault.Errorf(fault.Usage, "similar: %d first picks of %d; at least one is needed", len(first), n)
	}
	seen := map[int]bool{}
	for _, p := range first {
		if p < 0 || p >= m.Len() || seen[p] {
			return fault.Errorf(fault.Usage, "similar: first pick %d is no row, or stands there twice", p)
		}
		seen[p] = true
	}
	return nil
}
