package tile

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"galen.dev/engine/tile/tiletest"
	"galen.dev/internal/cpu"
)

// everyFamily runs test in each kernel family that this machine has.
func everyFamily(t *testing.T, test func(t *testing.T)) {
	for f := cpu.Portable; f <= cpu.Hardware(); f++ {
		t.Run(f.String(), func(t *testing.T) {
			defer cpu.Use(f)()
			test(t)
		})
	}
}

func fill(r *rand.Rand, x []float32) []float32 {
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// near reports whether got is want, up to what float32 loses in a sum of n terms of size 1.
func near(got float32, want float64, n int) bool {
	return math.Abs(float64(got)-want) <= 1e-6*(1+math.Sqrt(float64(n)))*4+1e-6*math.Abs(want)
}

const canary = -12345.75

// outside fails the test where c was changed outside its rows × cols elements.
func outside(t *testing.T, c []float32, ldc, rows, cols int) {
	t.Helper()
	for n, v := range c {
		if i, j := n/ldc, n%ldc; (i >= rows || j >= cols) && v != canary {
			t.Fatalf("C[%d][%d] was written, outside %d × %d", i, j, rows, cols)
		}
	}
}

func start(r *rand.Rand, c []float32, ldc, rows, cols int) []float32 {
	for i := range c {
		c[i] = canary
	}
	for i := range rows {
		fill(r, c[i*ldc:][:cols])
	}
	return append([]float32(nil), c...)
}

func TestRow(t *testing.T) {
	everyFamily(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for rows := range MaxRows + 1 {
			for cols := range Width + 1 {
				t.Run(fmt.Sprintf("%dx%d", rows, cols), func(t *testing.T) { checkRow(t, r, rows, cols, cols%2 == 0) })
			}
		}
	})
}

func checkRow(t *testing.T, r *rand.Rand, rows, cols int, add bool) {
	// Segments in any order, overlapping, some empty, some long enough for the unrolled loop.
	var segs []Seg
	total, reach := 0, 1
	for range r.IntN(5) {
		s := Seg{Off: r.IntN(9), K: r.IntN(4) * r.IntN(9)}
		segs = append(segs, s)
		total += s.K
		reach = max(reach, s.Off+s.K)
	}
	lda, ldc := reach+r.IntN(3), cols+r.IntN(3)+1
	a := fill(r, tiletest.Fenced(t, max(0, rows-1)*lda+reach, r.IntN(2) == 0))
	b := fill(r, tiletest.Fenced(t, max(1, total*Width), r.IntN(2) == 0))
	c := tiletest.Fenced(t, (rows+1)*ldc, r.IntN(2) == 0)
	before := start(r, c, ldc, rows, cols)
	Row(&c[0], ldc, &a[0], lda, segs, &b[0], rows, cols, add)
	outside(t, c, ldc, rows, cols)
	for i := range rows {
		for j := range cols {
			want, p := 0.0, 0
			if add {
				want = float64(before[i*ldc+j])
			}
			for _, s := range segs {
				for k := range s.K {
					want += float64(a[i*lda+s.Off+k]) * float64(b[p*Width+j])
					p++
				}
			}
			if !near(c[i*ldc+j], want, total) {
				t.Fatalf("segments %v: C[%d][%d] = %v, want %v", segs, i, j, c[i*ldc+j], want)
			}
		}
	}
}

func TestRowBeforeItsBase(t *testing.T) {
	everyFamily(t, func(t *testing.T) {
		a := []float32{1, 2, 3, 4, 5, 6}
		b := make([]float32, 2*Width)
		b[0], b[Width] = 10, 100
		c := make([]float32, 2)
		// Rows run backwards and the segment lies before the base.
		Row(&c[0], 1, &a[5], -2, []Seg{{Off: -2, K: 2}}, &b[0], 2, 1, false)
		if c[0] != 4*10+5*100 || c[1] != 2*10+3*100 {
			t.Fatalf("%v", c)
		}
	})
}

func TestCol(t *testing.T) {
	everyFamily(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		for rows := range MaxRows + 1 {
			for cols := range Width + 1 {
				t.Run(fmt.Sprintf("%dx%d", rows, cols), func(t *testing.T) { checkCol(t, r, rows, cols, cols%2 == 0) })
			}
		}
	})
}

func checkCol(t *testing.T, r *rand.Rand, rows, cols int, add bool) {
	lda, ldb, ldc := rows+r.IntN(3), cols+r.IntN(3), cols+r.IntN(3)+1
	var segs []ColSeg
	total, reachA, reachB := 0, 1, 1
	for range r.IntN(5) {
		s := ColSeg{A: r.IntN(9), B: r.IntN(9), K: r.IntN(4) * r.IntN(9)}
		segs = append(segs, s)
		total += s.K
		if s.K > 0 {
			reachA = max(reachA, s.A+(s.K-1)*lda+rows)
			reachB = max(reachB, s.B+(s.K-1)*ldb+cols)
		}
	}
	a := fill(r, tiletest.Fenced(t, reachA, r.IntN(2) == 0))
	b := fill(r, tiletest.Fenced(t, reachB, r.IntN(2) == 0))
	c := tiletest.Fenced(t, (rows+1)*ldc, r.IntN(2) == 0)
	before := start(r, c, ldc, rows, cols)
	Col(&c[0], ldc, &a[0], lda, &b[0], ldb, segs, rows, cols, add)
	outside(t, c, ldc, rows, cols)
	for i := range rows {
		for j := range cols {
			want := 0.0
			if add {
				want = float64(before[i*ldc+j])
			}
			for _, s := range segs {
				for k := range s.K {
					want += float64(a[s.A+k*lda+i]) * float64(b[s.B+k*ldb+j])
				}
			}
			if !near(c[i*ldc+j], want, total) {
				t.Fatalf("segments %v: C[%d][%d] = %v, want %v", segs, i, j, c[i*ldc+j], want)
			}
		}
	}
}

func TestPack(t *testing.T) {
	everyFamily(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for range 400 {
			k, n := r.IntN(40), r.IntN(100)
			checkPack(t, r, k, n, false)
			checkPack(t, r, k, n, true)
		}
	})
}

func checkPack(t *testing.T, r *rand.Rand, k, n int, transposed bool) {
	high, wide, pack := k, n, PackB
	if transposed {
		high, wide, pack = n, k, PackBT
	}
	ld := wide + r.IntN(3)
	src := fill(r, tiletest.Fenced(t, max(0, (high-1)*ld+wide), r.IntN(2) == 0))
	dst := tiletest.Fenced(t, PackedLen(k, n), r.IntN(2) == 0)
	pack(dst, src, ld, k, n)
	for j := range Panels(n) * Width {
		for p := range k {
			var want float32
			if j < n && transposed {
				want = src[j*ld+p]
			} else if j < n {
				want = src[p*ld+j]
			}
			if got := dst[j/Width*k*Width+p*Width+j%Width]; got != want {
				t.Fatalf("%d × %d, transposed %v: (%d, %d) is %v, want %v", k, n, transposed, p, j, got, want)
			}
		}
	}
}

func TestPackA(t *testing.T) {
	everyFamily(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for range 200 {
			k, rows := 1+r.IntN(40), 1+r.IntN(MaxRows)
			for _, transposed := range []bool{false, true} {
				high, wide, pack := k, rows, PackA
				if transposed {
					high, wide, pack = rows, k, PackAT
				}
				ld := wide + r.IntN(3)
				src := fill(r, tiletest.Fenced(t, (high-1)*ld+wide, r.IntN(2) == 0))
				dst := tiletest.Fenced(t, k*Lead, r.IntN(2) == 0)
				pack(dst, src, ld, k, rows)
				for n, got := range dst {
					var want float32
					if p, i := n/Lead, n%Lead; i < rows && transposed {
						want = src[i*ld+p]
					} else if i < rows {
						want = src[p*ld+i]
					}
					if got != want {
						t.Fatalf("%d × %d, transposed %v: element %d is %v, want %v", k, rows, transposed, n, got, want)
					}
				}
			}
		}
	})
}

func TestDot(t *testing.T) {
	everyFamily(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		for n := range 600 {
			rows, cols, k, add := r.IntN(11), r.IntN(11), r.IntN(70), n%2 == 0
			lda, ldb, ldc := k+r.IntN(3), k+r.IntN(3), cols+1+r.IntN(3)
			a := fill(r, tiletest.Fenced(t, max(1, (rows-1)*lda+k), r.IntN(2) == 0))
			b := fill(r, tiletest.Fenced(t, max(1, (cols-1)*ldb+k), r.IntN(2) == 0))
			c := tiletest.Fenced(t, (rows+1)*ldc, r.IntN(2) == 0)
			before := start(r, c, ldc, rows, cols)
			Dot(&c[0], ldc, &a[0], lda, &b[0], ldb, k, rows, cols, add)
			outside(t, c, ldc, rows, cols)
			for at := range rows * cols {
				i, j := at/cols, at%cols
				want := 0.0
				if add {
					want = float64(before[i*ldc+j])
				}
				for p := range k {
					want += float64(a[i*lda+p]) * float64(b[j*ldb+p])
				}
				if !near(c[i*ldc+j], want, k) {
					t.Fatalf("%d × %d × %d: C[%d][%d] = %v, want %v", rows, k, cols, i, j, c[i*ldc+j], want)
				}
			}
		}
	})
}

func TestNothingAllocates(t *testing.T) {
	everyFamily(t, func(t *testing.T) {
		a, b, c := make([]float32, 1000), make([]float32, 1000), make([]float32, 1000)
		if n := testing.AllocsPerRun(10, func() {
			Row(&c[0], 32, &a[0], 10, []Seg{{0, 10}}, &b[0], 14, 32, false)
			Col(&c[0], 32, &a[0], 14, &b[0], 32, []ColSeg{{0, 0, 10}}, 14, 32, true)
			PackB(a, b, 32, 10, 32)
			PackBT(a, b, 10, 10, 32)
			PackA(a, b, 32, 10, 14)
			PackAT(a, b, 10, 10, 14)
			Dot(&c[0], 4, &a[0], 10, &b[0], 10, 10, 4, 4, true)
		}); n != 0 {
			t.Fatalf("%v allocations", n)
		}
	})
}

func TestHeight(t *testing.T) {
	everyFamily(t, func(t *testing.T) {
		for rows := range 200 {
			h := Height(rows)
			if h < 1 || h > Rows() || rows > 0 && (rows+h-1)/h != (rows+Rows()-1)/Rows() {
				t.Fatalf("%d rows: height %d", rows, h)
			}
		}
	})
}
