package quality

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"galen.dev/table"
)

// synthetic is a cohort of n rows: numbers with and without missing cells, whole numbers, and categories.
func synthetic(n, columns int) (*table.Table, Options) {
	rng := rand.New(rand.NewPCG(5, 6))
	tb := &table.Table{Rows: n}
	tb.Columns = append(tb.Columns, category("y", n, []string{"no", "yes"}, func(int) int { return rng.IntN(5) / 4 }))
	levels := []string{"a", "b", "c", "d", "e", "f"}
	for j := 1; j < columns; j++ {
		name := fmt.Sprint("x", j)
		switch j % 5 {
		case 0:
			tb.Columns = append(tb.Columns, category(name, n, levels, func(int) int { return rng.IntN(6) }))
		case 1:
			tb.Columns = append(tb.Columns, numeric(name, n, func(int) float64 { return float64(rng.IntN(90)) }))
		case 2:
			tb.Columns = append(tb.Columns, numeric(name, n, func(int) float64 {
				if rng.IntN(5) == 0 {
					return math.NaN()
				}
				return math.Round(1000*math.Exp(rng.NormFloat64())) / 1000
			}))
		default:
			tb.Columns = append(tb.Columns, numeric(name, n, func(int) float64 { return rng.NormFloat64() }))
		}
	}
	return tb, Options{Target: "y", Splits: thirds(n), Today: 20000}
}

func BenchmarkCheck(b *testing.B) {
	for _, size := range [][2]int{{1_000_000, 30}, {100_000, 50}, {1000, 2000}} {
		tb, o := synthetic(size[0], size[1])
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			for b.Loop() {
				mustCheck(b, tb, o)
			}
		})
	}
}
