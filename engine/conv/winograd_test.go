package conv

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"galen.dev/engine/tile/tiletest"
	"pgregory.net/rapid"
)

// The matrices of the transforms, with the absolute values of their elements.
var (
	absB = [4][4]float64{{1, 0, 1, 0}, {0, 1, 1, 0}, {0, 1, 1, 0}, {0, 1, 0, 1}}
	absG = [4][3]float64{{1, 0, 0}, {.5, .5, .5}, {.5, .5, .5}, {0, 0, 1}}
	absA = [2][4]float64{{1, 1, 1, 0}, {0, 1, 1, 1}}
)

// winogradSizes is what the rounding errors of Winograd's sums scale with: the sums themselves with the absolute values
// of all factors and of the transforms.
func winogradSizes(s Shape, x, w []float32) []float64 {
	s = s.normal()
	out, l := s.Out(), s.layout()
	k := s.Kernel[0] * s.Cin
	weights := make([]float64, 16*k*s.Cout)
	for i := range k {
		for co := range s.Cout {
			for p := range 16 {
				for tap := range 9 {
					g := w[s.tapBase([3]int{i / s.Cin, tap / 3, tap % 3}, 0)+i%s.Cin*l.ci+co*l.co]
					weights[(p*k+i)*s.Cout+co] += absG[p/4][tap/3] * absG[p%4][tap%3] * math.Abs(float64(g))
				}
			}
		}
	}
	sizes := make([]float64, s.YLen())
	products := make([]float64, 16*s.Cout)
	plane := out[1] * out[2]
	for n := range s.N * out[0] {
		for h := 0; h < out[1]; h += 2 {
			for w := 0; w < out[2]; w += 2 {
				clear(products)
				for i := range k {
					var d [16]float64
					if at := s.source(0, n%out[0], i/s.Cin); at >= 0 {
						see(&d, x[(n/out[0]*s.In[0]+at)*s.In[1]*s.In[2]*s.Cin+i%s.Cin:], s, h-s.PadLow[1], w-s.PadLow[2])
					}
					for p := range 16 {
						sum := 0.0
						for q, v := range d {
							sum += absB[p/4][q/4] * absB[p%4][q%4] * v
						}
						from := weights[(p*k+i)*s.Cout:][:s.Cout]
						for co, g := range from {
							products[p*s.Cout+co] += sum * g
						}
					}
				}
				for o := range 4 {
					oh, ow := h+o/2, w+o%2
					if oh >= out[1] || ow >= out[2] {
						continue
					}
					for p := range 16 {
						a := absA[o/2][p/4] * absA[o%2][p%4]
						for co := range s.Cout {
							sizes[(n*plane+oh*out[2]+ow)*s.Cout+co] += a * products[p*s.Cout+co]
						}
					}
				}
			}
		}
	}
	return sizes
}

// see fills in the absolute values of the 4 × 4 positions of a plane of x from (h, w) on, of its first channel.
func see(d *[16]float64, plane []float32, s Shape, h, w int) {
	for q := range d {
		if h, w := h+q/4, w+q%4; h >= 0 && h < s.In[1] && w >= 0 && w < s.In[2] {
			d[q] = math.Abs(float64(plane[(h*s.In[2]+w)*s.Cin]))
		}
	}
}

func testWinograd(t interface {
	Helper()
	Fatalf(string, ...any)
}, p *problem,
) {
	t.Helper()
	if len(p.wantY) == 0 {
		return
	}
	s := p.Shape.normal()
	rows := &counter{rows: make([]int, s.N*volume(s.Out()))}
	w, y := newWinograd(s), garbage(s.YLen())
	var first []float32
	for range 2 { // the second run finds the scratch space of the first
		clear(rows.rows)
		w.prepare(p.w)
		w.run(p.x, y, rows.done)
		// Tighter than for a direct sum: these sizes leave out nothing.
		for i, want := range p.wantY {
			if !(math.Abs(float64(y[i])-want) <= 1e-6*p.sizeY[i]) {
				t.Fatalf("y of %+v: element %d is %g, want %g", s, i, y[i], want)
			}
		}
		if first != nil && !slices.Equal(first, y) {
			t.Fatalf("%+v: the second run gives other bits", s)
		}
		first = slices.Clone(y)
		for r, n := range rows.rows {
			if n != 1 {
				t.Fatalf("%+v: row %d was finished %d times", s, r, n)
			}
		}
	}
}

func TestWinogradAgainstReference(t *testing.T) {
	var problems []*problem
	for i, s := range winogradShapes() {
		problems = append(problems, newProblem(s, uint64(i)))
	}
	families(t, func(t *testing.T) {
		for _, p := range problems {
			testWinograd(t, p)
		}
		rapid.Check(t, func(t *rapid.T) {
			testWinograd(t, newProblem(drawWinogradShape(t), rapid.Uint64().Draw(t, "seed")))
		})
	})
}

// Winograd's sums must be as good as direct ones: over whole layers, the root of the mean square of the errors is 0.67 to
// 0.94 times that of a direct sum, because each of its sums has only a ninth of the terms.
func TestWinogradIsAsAccurateAsADirectSum(t *testing.T) {
	shapes := []Shape{
		layer2("", 1, 14, 32, 64, 3, 1, 1).normal(),
		layer2("", 1, 7, 256, 40, 3, 1, 1).normal(),
		layer3("", 1, 8, 32, 32, 3, 1, 1).normal(),
	}
	var problems []*problem
	for i, s := range shapes {
		problems = append(problems, newProblem(s, uint64(i)))
	}
	families(t, func(t *testing.T) {
		for _, p := range problems {
			var errors [2]float64
			for i, f := range []forward{newWinograd(p.Shape), newLines(p.Shape)} {
				y := garbage(p.YLen())
				f.prepare(p.w)
				f.run(p.x, y, nil)
				for j, v := range y {
					e := float64(v) - p.wantY[j]
					errors[i] += e * e / float64(len(y))
				}
			}
			winograd, direct := math.Sqrt(errors[0]), math.Sqrt(errors[1])
			t.Logf("%d channels: %.2g, %.2f times that of a direct sum", p.Cin, winograd, winograd/direct)
			if !(winograd < 1.2*direct) {
				t.Errorf("%+v: error %g, with a direct sum %g", p.Shape, winograd, direct)
			}
		}
	})
}

func TestWinogradDoesNotDependOnThreads(t *testing.T) {
	families(t, func(t *testing.T) {
		for i, s := range winogradShapes() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			x, weights := numbers(s.XLen(), r), numbers(s.WeightsLen(), r)
			var first []float32
			for _, threads := range []int{1, 2, 8} {
				before := runtime.GOMAXPROCS(threads)
				w, y := newWinograd(s), garbage(s.YLen())
				w.prepare(weights)
				w.run(x, y, nil)
				runtime.GOMAXPROCS(before)
				if first == nil {
					first = y
				}
				if !slices.Equal(y, first) {
					t.Fatalf("%+v: %d threads give other bits than one", s, threads)
				}
			}
		}
	})
}

func TestWinogradAllocatesNothing(t *testing.T) {
	families(t, func(t *testing.T) {
		for _, s := range winogradShapes() {
			x, weights, y := make([]float32, s.XLen()), make([]float32, s.WeightsLen()), make([]float32, s.YLen())
			w, done := newWinograd(s), func(_, _, _ int) {}
			n := testing.AllocsPerRun(2, func() {
				w.prepare(weights)
				w.run(x, y, done)
			})
			if n != 0 {
				t.Errorf("%+v: %g allocations", s, n)
			}
		}
	})
}

func TestWinogradStaysInsideTheSlices(t *testing.T) {
	var shapes []Shape
	draw := rapid.Custom(drawWinogradShape)
	for seed := range 60 {
		shapes = append(shapes, draw.Example(seed))
	}
	families(t, func(t *testing.T) {
		for _, s := range append(shapes, winogradShapes()...) {
			if s.YLen() == 0 {
				continue
			}
			for _, atStart := range []bool{false, true} {
				x, weights := tiletest.Fenced(t, s.XLen(), atStart), tiletest.Fenced(t, s.WeightsLen(), atStart)
				y := tiletest.Fenced(t, s.YLen(), atStart)
				w := newWinograd(s)
				w.prepare(weights)
				w.run(x, y, nil)
			}
		}
	})
}

// The layers that the method is for must take it, and those whose channels are few must not.
func TestWinogradIsChosen(t *testing.T) {
	families(t, func(t *testing.T) {
		for _, l := range Layers {
			_, is := choose(l.normal()).(*winograd)
			switch l.Name {
			case "conv-64", "cnn-2", "resnet-64", "resnet-128", "unet-32", "unet-64", "unet-128", "conv3d-32":
				if !is {
					t.Errorf("%s is computed directly", l.Name)
				}
			case "cnn-1", "unet-1-32", "conv3d-1-16", "resnet-64-128-s2", "dcgan-2":
				if is {
					t.Errorf("%s is not computed directly", l.Name)
				}
			}
		}
	})
}
