package loop

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"galen.dev/engine/tile/tiletest"
	"galen.dev/internal/cpu"
)

// eachFamily runs a test with every kernel family that the machine has.
func eachFamily(t *testing.T, f func(t *testing.T)) {
	for _, family := range []cpu.Family{cpu.Portable, cpu.AVX2, cpu.AVX512} {
		if family > cpu.Hardware() {
			continue
		}
		t.Run(family.String(), func(t *testing.T) {
			defer cpu.Use(family)()
			f(t)
		})
	}
}

func compiled(t testing.TB, s *Spec) *Program {
	t.Helper()
	p, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func normals(seed uint64, n int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// batchNorm is a loop of everything: strided channels, a chain, a stored output, and sums over rows, columns and
// all. The operands are input, scale, shift, output, row sums, column sums, total, greatest of each column.
func batchNorm(rows, channels int) *Spec {
	s := &Spec{Dims: []int{rows, channels}}
	x, scale, shift := s.Input(F32, channels, 1), s.Input(F32, 0, 1), s.Input(F32, 0, 1)
	y := s.Do(Max, s.Do(Add, s.Do(Mul, x, scale), shift), s.Const(F32, 0))
	s.Store(y, channels, 1)
	s.Reduce(Sum, y, 1, 0)
	s.Reduce(Sum, s.Do(Square, y), 0, 1)
	s.Reduce(Sum, y, 0, 0)
	s.Reduce(Maximum, x, 0, 1)
	return s
}

func batchNormMemory(rows, channels int) [][]byte {
	return [][]byte{
		Bytes(normals(1, rows*channels)), Bytes(normals(2, channels)), Bytes(normals(3, channels)),
		Bytes(make([]float32, rows*channels)), Bytes(make([]float32, rows)), Bytes(make([]float32, channels)),
		Bytes(make([]float32, 1)), Bytes(make([]float32, channels)),
	}
}

// TestThreads wants the same bytes however many threads there are.
func TestThreads(t *testing.T) {
	for _, shape := range [][2]int{{50000, 10}, {3001, 64}, {17, 9000}, {64, 1024}, {1, 100000}, {100000, 1}} {
		p := compiled(t, batchNorm(shape[0], shape[1]))
		var first [][]byte
		for _, threads := range []int{1, 2, 8} {
			func() {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
				mem := batchNormMemory(shape[0], shape[1])
				p.Run(mem)
				if first == nil {
					first = mem
				}
				for i := range mem {
					if !slices.Equal(mem[i], first[i]) {
						t.Errorf("%v: operand %d differs with %d threads", shape, i, threads)
					}
				}
			}()
		}
	}
}

// TestSumsAreAccurate compares float32 sums over a million numbers with float64.
func TestSumsAreAccurate(t *testing.T) {
	eachFamily(t, func(t *testing.T) {
		for _, shape := range [][2]int{{1 << 20, 1}, {1, 1 << 20}, {1 << 16, 16}, {1000, 1000}, {16, 1 << 16}} {
			rows, n := shape[0], shape[1]
			s := &Spec{Dims: []int{rows, n}}
			x := s.Input(F32, n, 1)
			s.Reduce(Sum, x, 0, 0)
			s.Reduce(Sum, x, 0, 1)
			data := make([]float32, rows*n)
			for i := range data {
				data[i] = 0.1 + float32(i%7)/64
			}
			all, columns := make([]float32, 1), make([]float32, n)
			compiled(t, s).Run([][]byte{Bytes(data), Bytes(all), Bytes(columns)})
			total, column := 0.0, make([]float64, n)
			for i, v := range data {
				total += float64(v)
				column[i%n] += float64(v)
			}
			// Terms of one sign: 2e-6 is some 30 roundings, where adding from left to right could make a million.
			if math.Abs(float64(all[0])/total-1) > 2e-6 {
				t.Errorf("%v: total %g, want %g", shape, all[0], total)
			}
			for j, want := range column {
				if math.Abs(float64(columns[j])/want-1) > 2e-6 {
					t.Fatalf("%v: column %d %g, want %g", shape, j, columns[j], want)
				}
			}
		}
	})
}

// TestRowsOnWorkers runs an epilogue as a product would: blocks of rows on several goroutines, in any order.
func TestRowsOnWorkers(t *testing.T) {
	const rows, channels, block = 1001, 33, 14
	p := compiled(t, batchNorm(rows, channels))
	if !p.Partial() || p.Rows() != rows {
		t.Fatalf("partial %v, %d rows", p.Partial(), p.Rows())
	}
	whole := batchNormMemory(rows, channels)
	p.Run(whole)
	var first [][]byte
	for round := range 4 {
		mem := batchNormMemory(rows, channels)
		var group sync.WaitGroup
		for w := range 3 {
			group.Go(func() {
				for b := range (rows + block - 1) / block {
					if b = (b*7 + round) % ((rows + block - 1) / block); b%3 == w {
						p.RunRows(w, b*block, min(rows, (b+1)*block), mem)
					}
				}
			})
		}
		group.Wait()
		p.Finish(mem)
		if first == nil {
			first = mem
		}
		for i := range mem {
			if !slices.Equal(mem[i], first[i]) {
				t.Fatalf("operand %d differs between runs", i)
			}
			if err := different(F32, append(slices.Clone(mem[i]), make([]byte, guard)...), append(slices.Clone(whole[i]), make([]byte, guard)...), 1e-5); err != nil {
				t.Fatalf("operand %d: %v", i, err)
			}
		}
	}
}

// TestInPlace updates weights and moments in their own memory, as an optimiser does, and compares with other memory.
func TestInPlace(t *testing.T) {
	eachFamily(t, func(t *testing.T) {
		const n = 10007
		p := compiled(t, adam(n))
		apart := [][]byte{Bytes(normals(1, n)), Bytes(normals(2, n)), Bytes(normals(3, n)), Bytes(normals(4, n))}
		for i, x := range normals(4, n) {
			*(*float32)(unsafe.Pointer(&apart[3][4*i])) = x * x
		}
		same := cloneAll(apart)
		for range 3 {
			apart = append(apart, make([]byte, 4*n))
		}
		p.Run(apart)
		p.Run([][]byte{same[0], same[1], same[2], same[3], same[2], same[3], same[0]})
		for i, j := range map[int]int{0: 6, 2: 4, 3: 5} {
			if !slices.Equal(same[i], apart[j]) {
				t.Errorf("operand %d differs in place", i)
			}
		}
	})
}

// TestExchange stores results where inputs are that another result still needs.
func TestExchange(t *testing.T) {
	eachFamily(t, func(t *testing.T) {
		const n = 5000
		for _, plain := range []bool{false, true} {
			s := &Spec{Dims: []int{n}}
			a, b := s.Input(F32, 1), s.Input(F32, 1)
			double, half := a, b
			if !plain {
				double, half = s.Do(Mul, a, s.Const(F32, 2)), s.Do(Mul, b, s.Const(F32, 0.5))
			}
			s.Store(double, 1)
			s.Store(half, 1)
			x, y := normals(1, n), normals(2, n)
			oldX, oldY := slices.Clone(x), slices.Clone(y)
			compiled(t, s).Run([][]byte{Bytes(x), Bytes(y), Bytes(y), Bytes(x)})
			factor := float32(2)
			if plain {
				factor = 1
			}
			for i := range n {
				if wantY, wantX := oldX[i]*factor, oldY[i]/factor; y[i] != wantY || x[i] != wantX {
					t.Fatalf("plain %v: element %d is %g and %g, want %g and %g", plain, i, x[i], y[i], wantX, wantY)
				}
			}
		}
	})
}

// adam is the update of w by gradient g with moments m and v. Outputs: m, v, w.
func adam(n int) *Spec {
	s := &Spec{Dims: []int{n}}
	w, g, m, v := s.Input(F32, 1), s.Input(F32, 1), s.Input(F32, 1), s.Input(F32, 1)
	c := func(x float64) Value { return s.Const(F32, x) }
	m1 := s.Do(Add, s.Do(Mul, m, c(0.9)), s.Do(Mul, g, c(0.1)))
	v1 := s.Do(Add, s.Do(Mul, v, c(0.999)), s.Do(Mul, s.Do(Mul, g, g), c(0.001)))
	step := s.Do(Div, m1, s.Do(Add, s.Do(Sqrt, v1), c(1e-8)))
	w1 := s.Do(Sub, w, s.Do(Mul, step, c(1e-3)))
	s.Store(m1, 1)
	s.Store(v1, 1)
	s.Store(w1, 1)
	return s
}

// TestNothingOutside runs on memory that ends at a page no one may touch.
func TestNothingOutside(t *testing.T) {
	eachFamily(t, func(t *testing.T) {
		for _, shape := range [][2]int{{1, 1}, {3, 5}, {100, 10}, {7, 2050}, {2049, 3}, {33, 64}} {
			for _, atStart := range []bool{false, true} {
				p := compiled(t, batchNorm(shape[0], shape[1]))
				mem := batchNormMemory(shape[0], shape[1])
				for i := range mem {
					fenced := Bytes(tiletest.Fenced(t, len(mem[i])/4, atStart))
					copy(fenced, mem[i])
					mem[i] = fenced
				}
				p.Run(mem)
				for row := range shape[0] {
					p.RunRows(0, row, row+1, mem)
				}
				p.Finish(mem)
			}
		}
	})
}

func TestNothingIsAllocated(t *testing.T) {
	for _, shape := range [][2]int{{64, 10}, {5000, 64}} {
		p := compiled(t, batchNorm(shape[0], shape[1]))
		mem := batchNormMemory(shape[0], shape[1])
		p.Run(mem)
		// Do itself allocates a little where it shares a loop.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		if n := testing.AllocsPerRun(20, func() { p.Run(mem) }); n > 0 {
			t.Errorf("%v: Run allocates %v times", shape, n)
		}
		rows := func() {
			for r := 0; r < shape[0]; r += 32 {
				p.RunRows(0, r, min(r+32, shape[0]), mem)
			}
			p.Finish(mem)
		}
		rows()
		if n := testing.AllocsPerRun(20, rows); n > 0 {
			t.Errorf("%v: RunRows allocates %v times", shape, n)
		}
	}
}

// TestSharpOperations tests those that random programs leave out because they magnify errors.
func TestSharpOperations(t *testing.T) {
	eachFamily(t, func(t *testing.T) {
		for _, typ := range []Type{F32, F64} {
			for _, op := range []Op{Div, Pow, Rem, Atan2, Log, Log1p, Rsqrt, Reciprocal, Exp} {
				s := &Spec{Dims: []int{37, 3}}
				a, b := s.Input(typ, 3, 1), s.Input(typ, 0, 1)
				args := []Value{a, b}[:ops[op].arity]
				s.Store(s.Do(op, args...), 3, 1)
				mem := [][]byte{make([]byte, 111*typ.Size()), make([]byte, 3*typ.Size()), make([]byte, 111*typ.Size())}
				for i := range 111 {
					writeNum(typ, mem[0], i, num{f: 0.03 + float64(i)/9})
				}
				for i := range 3 {
					writeNum(typ, mem[1], i, num{f: 0.7 + float64(i)})
				}
				want := cloneAll(mem)
				interpret(s, want)
				compiled(t, s).Run(mem)
				for i := range 111 {
					x, y := readNum(typ, mem[2], i).f, readNum(typ, want[2], i).f
					if math.Abs(x-y) > 3e-7*max(1e-3, math.Abs(y)) {
						t.Errorf("%s of %s: element %d is %v, want %v", op, typ, i, x, y)
					}
				}
			}
		}
	})
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		want  string
		build func(s *Spec)
	}{
		{"no output", func(s *Spec) { s.Input(F32, 1, 1) }},
		{"1 strides for 2", func(s *Spec) { s.Input(F32, 1) }},
		{"negative", func(s *Spec) { s.Input(F32, -1, 1) }},
		{"Add of f32 and f64", func(s *Spec) { s.Do(Add, s.Const(F32, 1), s.Const(F64, 1)) }},
		{"Exp of i32", func(s *Spec) { s.Do(Exp, s.Const(I32, 1)) }},
		{"takes 2", func(s *Spec) { s.Do(Add, s.Const(F32, 1)) }},
		{"stride 0 along dimension 1", func(s *Spec) { s.Store(s.Const(F32, 1), 1, 0) }},
		{"Where chooses by a f32", func(s *Spec) { v := s.Const(F32, 1); s.Do(Where, v, v, v) }},
		{"not defined", func(s *Spec) { s.Store(7, 4, 1) }},
		{"reduction", func(s *Spec) { s.Reduce(All, s.Const(F32, 1), 0, 0) }},
		{"after an output", func(s *Spec) { s.Store(s.Const(F32, 1), 4, 1); s.Input(F32, 4, 1) }},
		{"along dimension 5", func(s *Spec) { s.Iota(F32, 5) }},
	} {
		s := &Spec{Dims: []int{3, 4}}
		c.build(s)
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("the error is %v, want one with %q", err, c.want)
		}
	}
}

func TestShortMemoryPanics(t *testing.T) {
	p := compiled(t, batchNorm(5, 4))
	mem := batchNormMemory(5, 4)
	mem[4] = mem[4][:len(mem[4])-1]
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "operand 4 has 19 bytes, want 20") {
			t.Errorf("recovered %v", r)
		}
	}()
	p.Run(mem)
}
