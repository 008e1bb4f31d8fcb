package tree

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// made is a generated table: numeric features, optionally with missing values and categories.
type made struct {
	x    [][]float64
	y    []float64
	cats []int
}

// makeTable generates rows with a signal in the first features. classes 0 is regression. Every third
// feature from the third on is categorical with levels, and a share of the values is missing.
func makeTable(seed uint64, rows, features, classes, levels int, missing float64) made {
	rng := rand.New(rand.NewPCG(seed, 1))
	m := made{x: make([][]float64, features), y: make([]float64, rows), cats: make([]int, features)}
	signal := make([]float64, rows)
	for f := range m.x {
		m.x[f] = make([]float64, rows)
		cat := levels > 0 && f%3 == 2
		if cat {
			m.cats[f] = levels
		}
		for i := range rows {
			v := rng.NormFloat64()
			if cat {
				v = float64(rng.IntN(levels))
			}
			s := v
			if cat {
				s = math.Sin(v * 2)
			}
			if f < 5 {
				signal[i] += s * (1 - float64(f)*0.15)
			}
			if f == 1 {
				signal[i] += 0.8 * s * m.x[0][i]
			}
			m.x[f][i] = v
		}
	}
	for f := range m.x {
		for i := range rows {
			if rng.Float64() < missing {
				m.x[f][i] = math.NaN()
			}
		}
	}
	for i, s := range signal {
		s += 0.5 * rng.NormFloat64()
		switch {
		case classes == 0:
			m.y[i] = s
		case classes == 2:
			if s > 0 {
				m.y[i] = 1
			}
		default:
			m.y[i] = math.Floor(min(max((s+2)/4*float64(classes), 0), float64(classes)-1))
		}
	}
	return m
}

func (m made) row(i int) []float64 {
	r := make([]float64, len(m.x))
	for f := range r {
		r[f] = m.x[f][i]
	}
	return r
}

func mustBoost(t testing.TB, m made, w []float64, p BoostParams) *Boost {
	t.Helper()
	b, err := FitBoost(context.Background(), m.x, m.y, w, p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustForest(t testing.TB, m made, w []float64, p ForestParams) *Forest {
	t.Helper()
	f, err := FitForest(context.Background(), m.x, m.y, w, p)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// bytesAt marshals what fit returns at three thread counts and demands equal bytes.
func sameBytesAnyThreads(t *testing.T, fit func() []byte) {
	t.Helper()
	old := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(old)
	var first []byte
	for _, n := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(n)
		b := fit()
		if first == nil {
			first = b
		} else if !bytes.Equal(first, b) {
			t.Fatalf("GOMAXPROCS %d gives other bytes than 1", n)
		}
	}
}

func marshal(t testing.TB, m interface{ MarshalBinary() ([]byte, error) }) []byte {
	t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func auroc(p, y []float64) float64 {
	var wins, pairs float64
	for i := range p {
		for j := range p {
			if y[i] == 1 && y[j] == 0 {
				pairs++
				if p[i] > p[j] {
					wins++
				} else if p[i] == p[j] {
					wins += 0.5
				}
			}
		}
	}
	return wins / pairs
}
