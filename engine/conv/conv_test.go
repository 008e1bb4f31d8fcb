package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"galen.dev/internal/cpu"
	"pgregory.net/rapid"
)

// families runs a test with each kernel family that this machine has.
func families(t *testing.T, test func(t *testing.T)) {
	for _, f := range []cpu.Family{cpu.Portable, cpu.AVX2, cpu.AVX512} {
		t.Run(f.String(), func(t *testing.T) {
			if f > cpu.Hardware() {
				t.Skip("this machine has no " + f.String())
			}
			defer cpu.Use(f)()
			test(t)
		})
	}
}

// drawShape draws a shape with every option in play and at most about a million products.
func drawShape(t *rapid.T) Shape {
	s := Shape{N: rapid.SampledFrom([]int{0, 1, 1, 2, 3, 5, 17}).Draw(t, "N")}
	axes := rapid.IntRange(1, 3).Draw(t, "axes")
	for i := range 3 {
		s.In[i], s.Kernel[i] = 1, 1
		if i < 3-axes {
			continue
		}
		most := []int{0, 40, 14, 7}[axes]
		s.In[i] = rapid.IntRange(0, most).Draw(t, "in")
		s.Kernel[i] = rapid.IntRange(1, 4).Draw(t, "kernel")
		s.Stride[i] = rapid.SampledFrom([]int{0, 1, 1, 2, 3}).Draw(t, "stride")
		s.Dilation[i] = rapid.SampledFrom([]int{0, 1, 1, 2, 3}).Draw(t, "dilation")
		s.InputDilation[i] = rapid.SampledFrom([]int{0, 1, 1, 2, 3, 4}).Draw(t, "inputDilation")
		s.PadLow[i] = rapid.IntRange(-2, 4).Draw(t, "padLow")
		s.PadHigh[i] = rapid.IntRange(-2, 4).Draw(t, "padHigh")
	}
	channels := rapid.SampledFrom([]int{0, 1, 1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 40, 65})
	s.Cin, s.Cout = channels.Draw(t, "cin"), channels.Draw(t, "cout")
	switch rapid.IntRange(0, 5).Draw(t, "grouping") {
	case 0: // depthwise
		s.Groups, s.Cout = s.Cin, s.Cin*rapid.SampledFrom([]int{1, 1, 2}).Draw(t, "multiplier")
	case 1:
		s.Groups = rapid.IntRange(1, 3).Draw(t, "groups")
		s.Cin, s.Cout = s.Groups*min(s.Cin, 17), s.Groups*min(s.Cout, 17)
	}
	s.Flip = rapid.Bool().Draw(t, "flip")
	s.SwapChannels = rapid.Bool().Draw(t, "swap")
	for s.N > 1 && s.Flops() > 2e6 {
		s.N--
	}
	return s
}

// problem is a shape with random tensors, and what the reference makes of them in float64.
type problem struct {
	Shape
	x, w, dy      []float32
	wantY, wantDW []float64
	sizeY, sizeDW []float64 // the same with the absolute values of all factors: what rounding errors scale with
}

func numbers(n int, r *rand.Rand) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func widened(v []float32, f func(float64) float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = f(float64(x))
	}
	return out
}

func newProblem(s Shape, seed uint64) *problem {
	r := rand.New(rand.NewPCG(seed, 1))
	p := &problem{Shape: s, x: numbers(s.XLen(), r), w: numbers(s.WeightsLen(), r), dy: numbers(s.YLen(), r)}
	same := func(x float64) float64 { return x }
	for _, c := range []struct {
		f     func(float64) float64
		y, dw *[]float64
	}{{same, &p.wantY, &p.wantDW}, {math.Abs, &p.sizeY, &p.sizeDW}} {
		*c.y, *c.dw = make([]float64, s.YLen()), make([]float64, s.WeightsLen())
		x, w, dy := widened(p.x, c.f), widened(p.w, c.f), widened(p.dy, c.f)
		Reference(s, x, w, *c.y)
		ReferenceWeightGradient(s, x, dy, *c.dw)
	}
	if s.normal().winogradSuits() && len(p.wantY) > 0 {
		p.sizeY = winogradSizes(s, p.x, p.w)
	}
	if s.normal().winogradSuits() {
		p.sizeDW = acrossTaps(s, p.sizeDW)
	}
	return p
}

// check compares with the reference. A sum of products in float32, in whatever order, is off by at most a few
// roundings of the sum of the absolute products for the lengths that the tests use.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, what string, s Shape, got []float32, want, size []float64,
) {
	t.Helper()
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= 4e-6*size[i]) {
			t.Fatalf("%s of %+v: element %d is %g, want %g", what, s, i, got[i], w)
		}
	}
}

// counter counts how often each row was passed to an epilogue.
type counter struct {
	sync.Mutex
	rows []int
}

func (c *counter) done(_, row0, row1 int) {
	c.Lock()
	defer c.Unlock()
	for r := row0; r < row1; r++ {
		c.rows[r]++
	}
}

func garbage(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.NaN())
	}
	return v
}

func TestRandomShapesAgainstReference(t *testing.T) {
	families(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			s := drawShape(t)
			p := newProblem(s, rapid.Uint64().Draw(t, "seed"))
			rows := &counter{rows: make([]int, s.N*volume(s.Out()))}
			plan := New(s, rows.done)
			y, dw := garbage(s.YLen()), garbage(s.WeightsLen())
			for range 2 { // the second run finds the scratch space of the first
				clear(rows.rows)
				plan.Forward(p.x, p.w, y)
				check(t, "y", s, y, p.wantY, p.sizeY)
				again := garbage(s.YLen())
				plan.ForwardHeld(p.x, again)
				if !slices.Equal(again, y) {
					t.Fatalf("%+v: held weights give other bits", s)
				}
				clear(rows.rows)
				plan.Forward(p.x, p.w, y)
				plan.WeightGradient(p.x, p.dy, dw)
				check(t, "dw", s, dw, p.wantDW, p.sizeDW)
			}
			for r, n := range rows.rows {
				if n != 1 && len(y) > 0 {
					t.Fatalf("%+v: row %d was finished %d times", s, r, n)
				}
			}
		})
	})
}

// The data gradient must be the adjoint of the convolution: <dy, conv(x)> = <datagradient(dy), x> for all x and dy.
// One check per element of x, with a unit vector each, says more than a sum over all.
func TestDataGradientIsTheAdjoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		g := s.DataGradient()
		if g.XLen() != s.YLen() || g.YLen() != s.XLen() || g.WeightsLen() != s.WeightsLen() {
			t.Fatalf("%+v has the data gradient %+v", s, g)
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		same := func(x float64) float64 { return x }
		w, dy := widened(numbers(s.WeightsLen(), r), same), widened(numbers(s.YLen(), r), same)
		dx := make([]float64, s.XLen())
		Reference(g, dy, w, dx)
		x, y := make([]float64, s.XLen()), make([]float64, s.YLen())
		for range min(len(x), 8) {
			at := r.IntN(len(x))
			x[at] = 1
			Reference(s, x, w, y)
			x[at] = 0
			want := 0.0
			for i, v := range y {
				want += v * dy[i]
			}
			if math.Abs(dx[at]-want) > 1e-9 {
				t.Fatalf("%+v: dx[%d] is %g, want %g", s, at, dx[at], want)
			}
		}
	})
}

// The loss Σ y·dy is linear in each weight, so that the difference of two losses is the gradient itself.
func TestWeightGradientByDifferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		same := func(x float64) float64 { return x }
		x, w, dy := widened(numbers(s.XLen(), r), same), widened(numbers(s.WeightsLen(), r), same), widened(numbers(s.YLen(), r), same)
		dw, y := make([]float64, len(w)), make([]float64, len(dy))
		ReferenceWeightGradient(s, x, dy, dw)
		loss := func() (sum float64) {
			Reference(s, x, w, y)
			for i, v := range y {
				sum += v * dy[i]
			}
			return sum
		}
		for range min(len(w), 4) {
			at, step := r.IntN(len(w)), 0.5
			before := w[at]
			w[at] = before + step
			high := loss()
			w[at] = before - step
			low := loss()
			w[at] = before
			if got := (high - low) / (2 * step); math.Abs(got-dw[at]) > 1e-8*(1+math.Abs(high)) {
				t.Fatalf("%+v: dw[%d] is %g, want %g", s, at, dw[at], got)
			}
		}
	})
}

// heavyShapes have weights that outweigh the images, so that channels are cut, and inner dimensions of several chunks.
// Together they take every way through lines and images; see TestHeavyShapes.
func heavyShapes() []Shape {
	return []Shape{
		layer2("images, spread", 14, 4, 256, 70, 3, 1, 1).Shape,
		layer2("lines, bordered", 2, 4, 256, 70, 3, 1, 1).Shape,
		layer2("lines, to one position", 9, 7, 64, 70, 7, 1, 0).Shape,
		transposed("lines, phases", 1, 4, 256, 140, 2, 2, 0).Shape,
		layer3("lines, depth", 2, 3, 130, 70, 3, 1, 1).Shape,
		layer2("images, grouped", 14, 3, 96, 80, 3, 1, 1).grouped(2),
	}
}

func (l Layer) grouped(groups int) Shape {
	l.Groups = groups
	return l.Shape
}

func TestHeavyShapes(t *testing.T) {
	var problems []*problem
	for i, s := range heavyShapes() {
		problems = append(problems, newProblem(s, uint64(i)))
	}
	families(t, func(t *testing.T) {
		for i, p := range problems {
			s := p.Shape
			rows := &counter{rows: make([]int, s.N*volume(s.Out()))}
			plan := New(s, rows.done)
			y, dw := garbage(s.YLen()), garbage(s.WeightsLen())
			plan.Forward(p.x, p.w, y)
			check(t, "y", s, y, p.wantY, p.sizeY)
			plan.WeightGradient(p.x, p.dy, dw)
			check(t, "dw", s, dw, p.wantDW, p.sizeDW)
			for r, n := range rows.rows {
				if n != 1 {
					t.Fatalf("%+v: row %d was finished %d times", s, r, n)
				}
			}
			switch f := plan.forward.(type) {
			case *lines:
				if i < 5 && f.parts.each == 1 {
					t.Errorf("%+v: the channels are not cut", s)
				}
			case *images:
				if i == 0 && (f.parts.each == 1 || f.height > 4 && f.spread == nil) {
					t.Errorf("%+v: the channels are not cut, or the images not spread", s)
				}
			}
		}
	})
}

// threadShapes are the layers of the networks, made small, and their data gradients. They have several items in each
// way to compute them.
func threadShapes() []Shape {
	var shapes []Shape
	for _, l := range Layers {
		s := l.Shape
		s.N = min(s.N, 15)
		for i := range 3 {
			if s.In[i] > 9 {
				s.In[i] = 8 + s.In[i]%2
			}
		}
		if s.In[0] > 1 {
			s.N = 2
		}
		s.Cin, s.Cout, s.Groups = small(s.Cin), small(s.Cout), small(s.Groups)
		shapes = append(shapes, s, s.DataGradient())
	}
	return append(shapes, heavyShapes()...)
}

func small(channels int) int {
	if channels > 40 {
		return 40
	}
	return channels
}

func TestResultsDoNotDependOnThreads(t *testing.T) {
	families(t, func(t *testing.T) {
		for i, s := range threadShapes() {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(i), 1))
				x, w, dy := numbers(s.XLen(), r), numbers(s.WeightsLen(), r), numbers(s.YLen(), r)
				var firstY, firstDW []float32
				for _, threads := range []int{1, 2, 8} {
					before := runtime.GOMAXPROCS(threads)
					plan := New(s, nil)
					y, dw := garbage(s.YLen()), garbage(s.WeightsLen())
					plan.Forward(x, w, y)
					plan.WeightGradient(x, dy, dw)
					runtime.GOMAXPROCS(before)
					if firstY == nil {
						firstY, firstDW = y, dw
					}
					if !slices.Equal(y, firstY) || !slices.Equal(dw, firstDW) {
						t.Fatalf("%+v: %d threads give other bits than one", s, threads)
					}
				}
			})
		}
	})
}

func TestSecondRunAllocatesNothing(t *testing.T) {
	families(t, func(t *testing.T) {
		for _, s := range threadShapes() {
			x, w, y := make([]float32, s.XLen()), make([]float32, s.WeightsLen()), make([]float32, s.YLen())
			plan := New(s, func(_, _, _ int) {})
			n := testing.AllocsPerRun(2, func() {
				plan.Forward(x, w, y)
				plan.WeightGradient(x, y, w)
			})
			if n != 0 {
				t.Errorf("%+v: %g allocations", s, n)
			}
		}
	})
}

func TestMismatchPanics(t *testing.T) {
	s := Shape{N: 1, In: [3]int{1, 4, 4}, Cin: 2, Cout: 3, Kernel: [3]int{1, 3, 3}}
	x, w, y := make([]float32, s.XLen()), make([]float32, s.WeightsLen()), make([]float32, s.YLen())
	for name, f := range map[string]func(){
		"x":        func() { New(s, nil).Forward(x[1:], w, y) },
		"weights":  func() { New(s, nil).Forward(x, w[1:], y) },
		"y":        func() { New(s, nil).Forward(x, w, y[1:]) },
		"held":     func() { New(s, nil).ForwardHeld(x, y) },
		"dw":       func() { New(s, nil).WeightGradient(x, y, w[1:]) },
		"channels": func() { New(Shape{N: 1, Cin: 3, Cout: 2, Groups: 2, Kernel: [3]int{1, 1, 1}}, nil) },
		"kernel":   func() { New(Shape{N: 1, In: [3]int{1, 1, 1}, Cin: 1, Cout: 1}, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// Heavy weights over images that are padded along the depth: bands are cut again after channels are.
func TestHeavyWeightsOverPaddedDepth(t *testing.T) {
	s := Shape{N: 1, In: [3]int{3, 5, 3}, Cin: 31, Cout: 65, Kernel: [3]int{4, 4, 3}, PadLow: [3]int{1, 0, 0}, PadHigh: [3]int{1, 0, 0}}
	x, w := make([]float32, s.XLen()), make([]float32, s.WeightsLen())
	for i := range x {
		x[i] = float32(i%13) - 6
	}
	for i := range w {
		w[i] = float32(i%7) - 3
	}
	got, want := make([]float32, s.YLen()), make([]float32, s.YLen())
	New(s, nil).Forward(x, w, got)
	Reference(s, x, w, want)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("element %d is %g, want %g", i, got[i], want[i])
		}
	}
}
