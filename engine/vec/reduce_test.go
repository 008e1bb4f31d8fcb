package vec

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"galen.dev/engine/tile/tiletest"
	"galen.dev/internal/cpu"
)

// bigFMA is a*b+c in 2000 bits, rounded once; where big has no answer, float64's is exact enough.
func bigFMA(a, b, c float32) float32 {
	plain := float64(a)*float64(b) + float64(c)
	if math.IsInf(plain, 0) || plain != plain || plain == 0 {
		return float32(plain)
	}
	exact := func(x float32) *big.Float { return new(big.Float).SetPrec(2000).SetFloat64(float64(x)) }
	p := exact(a)
	p.Mul(p, exact(b))
	p.Add(p, exact(c))
	f, _ := p.Float32()
	return f
}

// reductions gives all results of a case as one list.
func reductions(x, y []float32, rows, n int) []float32 {
	list := []float32{Sum(x), Greatest(x), Smallest(x), Dot(x, y)}
	for _, f := range []func(dst, x []float32, n int){AddRows, MaxRows, MinRows} {
		dst := make([]float32, rows)
		f(dst, x, n)
		list = append(list, dst...)
	}
	for _, f := range []func(dst, x []float32, rows int){AddColumns, MaxColumns, MinColumns} {
		dst := make([]float32, n)
		for i := range dst {
			dst[i] = 0.25
		}
		f(dst, x, rows)
		list = append(list, dst...)
	}
	return list
}

// TestReductions compares families bit by bit on fenced memory, and sums with float64.
func TestReductions(t *testing.T) {
	defer cpu.Use(cpu.Level())()
	for _, n := range lengths() {
		for _, rows := range []int{1, 2, 3, 4, 7, 33} {
			if n*rows > 5000 {
				continue
			}
			for _, atStart := range []bool{false, true} {
				r := newArena(t, n*rows, atStart)
				r.fill(uint64(n))
				for _, nan := range []bool{true, false} {
					if !nan {
						for i, v := range r.a {
							if v != v || math.Abs(float64(v)) > 1e5 {
								r.a[i] = -1
							}
							r.b[i] = float32(i%7) - 3
						}
					}
					var want []float32
					for i, f := range families() {
						cpu.Use(f)
						got := reductions(r.a, r.b, rows, n)
						if i == 0 {
							want = got
						}
						for j := range want {
							if !sameBits(got[j], want[j]) {
								t.Fatalf("%d x %d: result %d is %g in %s, %g in plain Go", rows, n, j, got[j], f, want[j])
							}
						}
					}
					if !nan {
						closeToDouble(t, r.a, want)
					}
				}
			}
		}
	}
}

func closeToDouble(t *testing.T, x, got []float32) {
	t.Helper()
	sum, size, most := 0.0, 0.0, math.Inf(-1)
	for _, v := range x {
		sum, size, most = sum+float64(v), size+math.Abs(float64(v)), max(most, float64(v))
	}
	// 64 partial sums of n/64 terms and 6 halvings: n/64+6 roundings at most.
	if bound := size * (float64(len(x))/64 + 6) * 0x1p-24; math.Abs(float64(got[0])-sum) > bound {
		t.Fatalf("the sum of %d numbers is %g, want %g within %g", len(x), got[0], sum, bound)
	}
	if float64(got[1]) != most {
		t.Fatalf("the greatest of %d numbers is %g, want %g", len(x), got[1], most)
	}
}

// TestOrderOfSums pins the order that the package comment promises.
func TestOrderOfSums(t *testing.T) {
	eachFamily(t, func(t *testing.T) {
		for _, n := range []int{5, 64, 100, 1000} {
			x := tiletest.Fenced(t, n, false)
			for i := range x {
				x[i] = float32(math.Sin(float64(i)*1.7)) * float32(1+i%13)
			}
			var p [64]float32
			for i, v := range x {
				p[i%64] += v
			}
			for half := 32; half > 0; half /= 2 {
				for i := range half {
					p[i] += p[i+half]
				}
			}
			if got := Sum(x); got != p[0] {
				t.Errorf("sum of %d: %g, want %g", n, got, p[0])
			}
		}
	})
}

func BenchmarkKernels(b *testing.B) {
	const n = 2048
	r := &arena{out: make([]float32, n), a: make([]float32, n), b: make([]float32, n), c: make([]float32, n), m: make([]float32, n)}
	r.fill(1)
	for i := range r.a {
		r.a[i] = float32(i%97)/16 - 3
	}
	list := append(exact(), transcendental()...)
	list = append(list,
		named{"Sum", func(r *arena) { Sum(r.a) }},
		named{"AddRows10", func(r *arena) { AddRows(r.out[:204], r.a[:2040], 10) }},
		named{"AddRows128", func(r *arena) { AddRows(r.out[:16], r.a, 128) }},
		named{"AddColumns10", func(r *arena) { AddColumns(r.out[:10], r.a[:2040], 204) }},
		named{"AddColumns64", func(r *arena) { AddColumns(r.out[:64], r.a, 32) }})
	for _, k := range list {
		b.Run(fmt.Sprint(k.name), func(b *testing.B) {
			for b.Loop() {
				k.run(r)
			}
			b.ReportMetric(float64(n*b.N)/float64(b.Elapsed().Nanoseconds()), "el/ns")
		})
	}
}
