package conv

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"galen.dev/engine/tile/tiletest"
	"pgregory.net/rapid"
)

// drawWinogradShape draws a shape that Winograd's weight gradient suits, of at most about half a million products, or one image.
func drawWinogradShape(t *rapid.T) Shape {
	s := Shape{N: rapid.SampledFrom([]int{1, 1, 2, 3, 5, 17}).Draw(t, "N"), In: [3]int{1, 0, 0}, Kernel: [3]int{1, 3, 3}}
	most := 20
	if rapid.Bool().Draw(t, "depth") {
		s.In[0], s.Kernel[0], most = rapid.IntRange(1, 6).Draw(t, "in"), rapid.IntRange(1, 3).Draw(t, "kernel"), 9
		s.Stride[0], s.Dilation[0] = rapid.IntRange(0, 2).Draw(t, "stride"), rapid.IntRange(0, 2).Draw(t, "dilation")
	}
	for i := range 3 {
		if i > 0 {
			s.In[i] = rapid.IntRange(1, most).Draw(t, "in")
		}
		if i > 0 || most < 20 {
			s.PadLow[i] = rapid.SampledFrom([]int{0, 1, 1, 2, 4, -1, -2}).Draw(t, "padLow")
			s.PadHigh[i] = rapid.SampledFrom([]int{0, 1, 1, 2, 4, -1, -2}).Draw(t, "padHigh")
		}
	}
	channels := rapid.SampledFrom([]int{1, 3, 8, 15, 16, 17, 31, 33, 64, 65, 70, 130})
	s.Cin, s.Cout = channels.Draw(t, "cin"), channels.Draw(t, "cout")
	s.Flip, s.SwapChannels = rapid.Bool().Draw(t, "flip"), rapid.Bool().Draw(t, "swap")
	for s.N > 1 && s.Flops() > 1e6 {
		s.N--
	}
	return s.normal()
}

// acrossTaps gives every tap of a plane of the kernel the sum of the sizes of all nine. Winograd's sums for a tap have
// terms of the others that cancel: all products of a position of x and a gradient that a tap connects, and no more.
// Rounding errors scale with them.
func acrossTaps(s Shape, size []float64) []float64 {
	s = s.normal()
	sums := make([]float64, len(size))
	plane := 9 * s.Cin * s.Cout
	for i := range sums {
		for tap := range 9 {
			sums[i] += size[i/plane*plane+tap*(plane/9)+i%(plane/9)]
		}
	}
	return sums
}

// winogradShapes have several pieces, batches and blocks, and batches that end within a line.
func winogradShapes() []Shape {
	var shapes []Shape
	for _, l := range []Layer{
		layer2("", 8, 14, 32, 64, 3, 1, 1),
		layer2("", 9, 13, 70, 40, 3, 1, 1),
		layer2("", 3, 7, 140, 200, 3, 1, 0),
		layer2("", 1, 50, 16, 17, 3, 1, 2),
		layer3("", 2, 9, 40, 35, 3, 1, 1),
		layer3("", 1, 8, 70, 33, 3, 1, 1),
	} {
		s := l.normal()
		shapes = append(shapes, s)
		s.Flip, s.SwapChannels = true, true
		shapes = append(shapes, s)
	}
	return shapes
}

func TestWinogradGradientAgainstReference(t *testing.T) {
	one := func(t interface {
		Helper()
		Fatalf(string, ...any)
	}, p *problem,
	) {
		if len(p.dy) == 0 {
			return
		}
		g := newWinogradGradient(p.Shape)
		dw := garbage(p.WeightsLen())
		for range 2 { // the second run finds the scratch space of the first
			g.run(p.x, p.dy, dw)
			check(t, "dw", p.Shape, dw, p.wantDW, p.sizeDW)
		}
	}
	var problems []*problem
	for i, s := range winogradShapes() {
		problems = append(problems, newProblem(s, uint64(i)))
	}
	families(t, func(t *testing.T) {
		for _, p := range problems {
			one(t, p)
		}
		rapid.Check(t, func(t *rapid.T) {
			one(t, newProblem(drawWinogradShape(t), rapid.Uint64().Draw(t, "seed")))
		})
	})
}

func TestWinogradGradientDoesNotDependOnThreads(t *testing.T) {
	families(t, func(t *testing.T) {
		for i, s := range winogradShapes() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			x, dy := numbers(s.XLen(), r), numbers(s.YLen(), r)
			var first []float32
			for _, threads := range []int{1, 2, 8} {
				before := runtime.GOMAXPROCS(threads)
				dw := garbage(s.WeightsLen())
				newWinogradGradient(s).run(x, dy, dw)
				runtime.GOMAXPROCS(before)
				if first == nil {
					first = dw
				}
				if !slices.Equal(dw, first) {
					t.Fatalf("%+v: %d threads give other bits than one", s, threads)
				}
			}
		}
	})
}

func TestWinogradGradientStaysInsideTheSlices(t *testing.T) {
	shapes := winogradShapes()
	draw := rapid.Custom(drawWinogradShape)
	for seed := range 60 {
		shapes = append(shapes, draw.Example(seed))
	}
	families(t, func(t *testing.T) {
		for i, s := range shapes {
			if s.YLen() == 0 {
				continue
			}
			x, dy := tiletest.Fenced(t, s.XLen(), i%2 == 0), tiletest.Fenced(t, s.YLen(), i%2 == 0)
			dw := tiletest.Fenced(t, s.WeightsLen(), i%2 == 0)
			for _, v := range [][]float32{x, dy} {
				for j := range v {
					v[j] = 1
				}
			}
			g := newWinogradGradient(s)
			g.run(x, dy, dw)
			// The count is of the whole program: over a few runs, what others allocate once in a while drops out.
			if n := testing.AllocsPerRun(3, func() { g.run(x, dy, dw) }); n != 0 {
				t.Errorf("%+v: %g allocations", s, n)
			}
		}
	})
}

// The layers of the networks for which Winograd's way was measured to be faster, or slower, by more than a few hundredths.
func TestWinogradGradientIsChosen(t *testing.T) {
	faster := map[string]bool{
		"cnn-2": true, "resnet-64": true, "resnet-128": true, "resnet-256": true, "resnet-512": true, "unet-32": true,
		"unet-64": true, "unet-128": true, "unet-256": true, "unet-512": true, "unet-512-256": true, "unet-64-32": true,
		"conv3d-16": true, "conv3d-32": true, "conv-64": true, "one-slice-32": true, "one-64": true, "one-256": true, "one-512": true,
	}
	slower := []string{"unet-1-32", "conv3d-1-16", "resnet-64-128-s2", "resnet-64-128-1x1", "depthwise-64", "dcgan-2"}
	families(t, func(t *testing.T) {
		for _, l := range Layers {
			if _, chosen := chooseGradient(l.normal()).(*winogradGradient); chosen != faster[l.Name] && (faster[l.Name] || slices.Contains(slower, l.Name)) {
				t.Errorf("%s: Winograd's way is chosen: %t", l.Name, chosen)
			}
		}
	})
}
