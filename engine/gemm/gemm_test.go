package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"galen.dev/engine/tile"
	"galen.dev/engine/tile/tiletest"
	"galen.dev/internal/cpu"
)

// A trial is one product on fenced memory with the plain result beside it.
type trial struct {
	shape   Shape
	a, b, c []float32
	before  []float32
	want    []float64
}

const gap = -(1 << 100) // what C holds between its rows

func newTrial(t *testing.T, r *rand.Rand, s Shape) *trial {
	full := s.complete()
	lenA, lenB := 1, 1
	if s.Segments == nil {
		high, wide := stored(full.M, full.K, s.TransA)
		lenA = extent(full.Batch, full.StrideA, high, wide, full.LDA)
		high, wide = stored(full.K, full.N, s.TransB)
		lenB = extent(full.Batch, full.StrideB, high, wide, full.LDB)
	}
	for _, g := range s.Segments {
		lenA = max(lenA, g.A+extent(full.Batch, full.StrideA, g.K, full.M, full.LDA))
		lenB = max(lenB, g.B+extent(full.Batch, full.StrideB, g.K, full.N, full.LDB))
	}
	lenC := extent(full.Batch, full.StrideC, full.M, full.N, full.LDC)
	x := &trial{shape: s}
	x.a, x.b = fill(r, tiletest.Fenced(t, lenA, r.IntN(2) == 0)), fill(r, tiletest.Fenced(t, lenB, r.IntN(2) == 0))
	x.c = tiletest.Fenced(t, lenC, r.IntN(2) == 0)
	for i := range x.c {
		x.c[i] = gap
	}
	for row := range full.Batch * full.M {
		if full.N == 0 {
			break
		}
		fill(r, x.c[row/full.M*full.StrideC+row%full.M*full.LDC:][:full.N])
	}
	x.before = slices.Clone(x.c)
	x.want = widen(x.c)
	plain := s
	plain.Packed = false
	Generic(plain, widen(x.a), widen(x.b), x.want)
	return x
}

func extent(batch, stride, high, wide, ld int) int {
	if high == 0 || wide == 0 {
		return 0
	}
	return (batch-1)*stride + (high-1)*ld + wide
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = float64(x[i])
	}
	return y
}

func fill(r *rand.Rand, x []float32) []float32 {
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// run computes the trial with a fresh plan and checks it against the plain result. It returns C.
func (x *trial) run(t *testing.T) []float32 {
	t.Helper()
	copy(x.c, x.before)
	full := x.shape.complete()
	seen := make([]atomic.Int32, full.Batch*full.M)
	final := func(_, row0, row1 int) {
		for row := row0; row < row1; row++ {
			seen[row].Add(1)
			for j := range full.N {
				at := row/full.M*full.StrideC + row%full.M*full.LDC + j
				x.c[at] *= 2
			}
		}
	}
	p := New(x.shape, final)
	for range 2 {
		copy(x.c, x.before)
		if x.shape.Packed {
			b := NewPackedB(full.K, full.N)
			b.Pack(x.b, 0, false)
			p.RunPacked(x.a, b, x.c)
		} else {
			p.Run(x.a, x.b, x.c)
		}
	}
	for row := range seen {
		if n := seen[row].Load(); n != 2 && full.N > 0 {
			t.Fatalf("%+v: row %d was finished %d times in 2 runs", x.shape, row, n)
		}
	}
	tolerance := 4e-6 * (1 + math.Sqrt(float64(full.K)))
	for i, got := range x.c {
		if want := x.want[i]; want == gap && got != gap {
			t.Fatalf("%+v: C[%d], between the rows, was written", x.shape, i)
		} else if want != gap && !(math.Abs(float64(got)/2-want) <= tolerance) {
			t.Fatalf("%+v: C[%d] = %v, want %v", x.shape, i, got/2, want)
		}
	}
	return slices.Clone(x.c)
}

// some is a size: often tiny, sometimes 0, rarely long.
func some(r *rand.Rand, most int) int {
	switch r.IntN(6) {
	case 0:
		return r.IntN(4)
	case 1, 2:
		return 1 + r.IntN(20)
	default:
		return 1 + r.IntN(most)
	}
}

func randomShape(r *rand.Rand) Shape {
	s := Shape{
		M: some(r, 90), N: some(r, 150), K: some(r, 120), TransA: r.IntN(2) == 0, TransB: r.IntN(2) == 0,
		Accumulate: r.IntN(2) == 0,
	}
	if r.IntN(8) == 0 {
		s.K = 500 + r.IntN(2000)
	}
	if r.IntN(3) == 0 {
		s.Batch = r.IntN(7)
	}
	_, wideA := stored(s.M, s.K, s.TransA)
	_, wideB := stored(s.K, s.N, s.TransB)
	if r.IntN(2) == 0 {
		s.LDA, s.LDB, s.LDC = wideA+r.IntN(5), wideB+r.IntN(5), s.N+r.IntN(5)
	}
	if r.IntN(4) == 0 {
		s.StrideA = Same
	}
	if r.IntN(4) == 0 {
		s.StrideB = Same
	}
	switch r.IntN(6) {
	case 0:
		s.Packed, s.TransB, s.LDB, s.StrideB = true, false, 0, Same
	case 1:
		s.TransA, s.TransB, s.LDA, s.LDB, s.K = true, false, 0, 0, 0
		s.StrideA, s.StrideB, s.Batch = Same, Same, 1
		s.Segments = []tile.ColSeg{}
		for range r.IntN(6) {
			s.Segments = append(s.Segments, tile.ColSeg{A: r.IntN(50), B: r.IntN(50), K: some(r, 70)})
		}
	}
	return s
}

func everyFamily(t *testing.T, test func(t *testing.T)) {
	for f := cpu.Portable; f <= cpu.Hardware(); f++ {
		t.Run(f.String(), func(t *testing.T) {
			defer cpu.Use(f)()
			test(t)
		})
	}
}

func TestRandomShapes(t *testing.T) {
	everyFamily(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for n := range 250 {
			shape := randomShape(r)
			t.Run(fmt.Sprint(n), func(t *testing.T) { newTrial(t, r, shape).run(t) })
		}
	})
}

// shared are shapes large enough to be cut for threads, one for each way of cutting.
var shared = []Shape{
	{M: 300, N: 200, K: 130},
	{M: 300, N: 200, K: 130, TransB: true},
	{M: 300, N: 200, K: 130, TransA: true},
	{M: 300, N: 200, K: 130, TransA: true, TransB: true},
	{M: 3000, N: 40, K: 70},
	{M: 17, N: 999, K: 300},
	{M: 1, N: 3000, K: 900},
	{M: 3000, N: 1, K: 900},
	{M: 1, N: 3000, K: 900, TransB: true},
	{M: 3000, N: 2, K: 901, TransA: true},
	{M: 65, N: 63, K: 20000, TransA: true},
	{M: 31, N: 20, K: 20000},
	{M: 33, N: 20, K: 20000, TransB: true, Accumulate: true},
	{M: 64, N: 500, K: 1300, Packed: true},
	{M: 64, N: 64, K: 9000, Packed: true},
	{M: 64, N: 500, K: 1300, TransA: true, Packed: true},
	{Batch: 9, M: 50, N: 60, K: 70},
	{Batch: 3, M: 150, N: 160, K: 170, StrideB: Same},
	{M: 130, N: 140, TransA: true, Segments: []tile.ColSeg{{A: 5, B: 9, K: 400}, {A: 900, B: 0, K: 3}, {A: 0, B: 80, K: 700}}},
	{M: 40, N: 30, TransA: true, Segments: []tile.ColSeg{{A: 5, B: 9, K: 4000}, {A: 900, B: 0, K: 3}, {A: 0, B: 80, K: 7000}}},
}

func TestSameBitsForEveryNumberOfThreads(t *testing.T) {
	everyFamily(t, func(t *testing.T) {
		for n, s := range shared {
			if cpu.Level() == cpu.Portable && s.M*s.N*s.K > 2e7 {
				continue
			}
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				x := newTrial(t, rand.New(rand.NewPCG(9, uint64(n))), s)
				var first []float32
				for _, threads := range []int{1, 2, 8} {
					before := runtime.GOMAXPROCS(threads)
					c := x.run(t)
					runtime.GOMAXPROCS(before)
					if first == nil {
						first = c
					}
					if !slices.Equal(c, first) {
						t.Fatalf("%+v: other bits with %d threads", s, threads)
					}
				}
			})
		}
	})
}

// Longer than one group of packing, which takes a large product otherwise.
func TestGroups(t *testing.T) {
	s := Shape{M: 113, N: 2000, K: 2200}
	x := newTrial(t, rand.New(rand.NewPCG(1, 1)), s)
	if p := New(s, nil); len(p.one.groups) < 2 {
		t.Fatal("one group only: the test tests nothing")
	}
	x.run(t)
}

func TestNothingAllocates(t *testing.T) {
	for n, s := range shared {
		full := s.complete()
		s.Segments = nil // lengths below are for plain products
		s.K = full.K
		a, b, c := make([]float32, full.Batch*full.M*full.K), make([]float32, full.Batch*full.K*full.N), make([]float32, full.Batch*full.M*full.N)
		p, packed := New(s, nil), NewPackedB(full.K, full.N)
		run := func() {
			if s.Packed {
				p.RunPacked(a, packed, c)
				return
			}
			p.Run(a, b, c)
		}
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // cpu.Do itself allocates a little with more
		if got := testing.AllocsPerRun(3, run); got != 0 {
			t.Errorf("%d: %v allocations", n, got)
		}
	}
}

func TestDefectsOfTheCallerPanic(t *testing.T) {
	x := make([]float32, 100)
	for name, call := range map[string]func(){
		"short A":        func() { New(Shape{M: 10, N: 10, K: 11}, nil).Run(x, make([]float32, 110), x) },
		"short B":        func() { New(Shape{M: 10, N: 10, K: 11}, nil).Run(make([]float32, 110), x, x) },
		"short C":        func() { New(Shape{M: 10, N: 11, K: 1}, nil).Run(x, x, x) },
		"negative":       func() { New(Shape{M: -1}, nil) },
		"leading":        func() { New(Shape{M: 2, N: 3, K: 4, LDA: 3}, nil) },
		"overlapping C":  func() { New(Shape{Batch: 2, M: 2, N: 3, K: 4, StrideC: 5}, nil) },
		"packed missing": func() { New(Shape{M: 2, N: 3, K: 4, Packed: true}, nil).Run(x, x, x) },
		"packed other":   func() { New(Shape{M: 2, N: 3, K: 4, Packed: true}, nil).RunPacked(x, NewPackedB(4, 4), x) },
		"segments":       func() { New(Shape{M: 2, N: 3, Segments: []tile.ColSeg{{K: 1}}}, nil) },
		"segments beyond": func() {
			New(Shape{M: 10, N: 10, TransA: true, Segments: []tile.ColSeg{{A: 90, K: 2}}}, nil).Run(x, x, x)
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			call()
		})
	}
}

func TestGenericIntegers(t *testing.T) {
	c := []int32{100, 100, 100, 100}
	Generic(Shape{M: 2, N: 2, K: 2, TransB: true, Accumulate: true}, []int32{1, 2, 3, 4}, []int32{5, 6, 7, 8}, c)
	if want := []int32{117, 123, 139, 153}; !slices.Equal(c, want) {
		t.Fatalf("%v, want %v", c, want)
	}
}
