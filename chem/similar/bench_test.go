package similar

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"galen.dev/internal/cpu"
)

// million is a matrix of rows with 20 to 80 bits of 2,048, as ECFP4 has.
func million(rows int) *Matrix {
	rng := rand.New(rand.NewPCG(3, 4))
	m := NewMatrix(2048)
	fp := make([]uint64, m.Words())
	for range rows {
		clear(fp)
		for range 20 + rng.IntN(30) + rng.IntN(31) {
			b := min(rng.IntN(2048), rng.IntN(2048)) // low bits are more frequent, so that rows have some in common
			fp[b/64] |= 1 << (b % 64)
		}
		m.Append(fp, "")
	}
	return m
}

// BenchmarkSearch looks for the 10 nearest of 1,000,000 rows on one core; M/s are rows per second and query, in
// millions. "every" counts every row, "bounded" is the search as it is, with 1 and 16 queries at a time.
func BenchmarkSearch(b *testing.B) {
	m := million(1_000_000)
	x := NewIndex(m)
	for _, family := range []cpu.Family{cpu.AVX512, cpu.AVX2, cpu.Portable} {
		if family > cpu.Hardware() {
			continue
		}
		for _, queries := range []int{1, 16} {
			q := NewMatrix(2048)
			for i := range queries {
				q.Append(m.Row(i*1001), "")
			}
			for _, every := range []bool{true, false} {
				name := map[bool]string{true: "every", false: "bounded"}[every]
				b.Run(fmt.Sprintf("%s/%d/%s", family, queries, name), func(b *testing.B) {
					defer cpu.Use(family)()
					x.full = every
					for b.Loop() {
						if _, err := x.Nearest(context.Background(), q, 10, Tanimoto); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(queries*m.Len())/1e6*float64(b.N)/b.Elapsed().Seconds(), "M/s")
				})
			}
		}
	}
}

func BenchmarkMaxMin(b *testing.B) {
	m := million(20_000)
	for b.Loop() {
		if _, _, err := MaxMin(context.Background(), m, 500, []int{0}); err != nil {
			b.Fatal(err)
		}
	}
}
