package rnn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"galen.dev/internal/cpu"
)

var families = []cpu.Family{cpu.Portable, cpu.AVX2, cpu.AVX512}

// A problem is a recurrence with everything that it needs and gives.
type problem struct {
	shape    Shape
	weights  Weights
	in       Inputs
	out      Outputs
	arriving Arriving
	grad     Gradients
}

func random(r *rand.Rand, n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * scale)
	}
	return x
}

// newProblem draws a problem; ragged gives its rows lengths, zero and too long ones among them.
func newProblem(s Shape, ragged bool, seed uint64) *problem {
	r := rand.New(rand.NewPCG(seed, 5))
	g, state, series := s.Cell.Gates()*s.Hidden, s.Batch*s.Hidden, s.Batch*s.Steps*s.Hidden
	w := 1 / math.Sqrt(float64(s.Hidden))
	p := &problem{
		shape:   s,
		weights: Weights{random(r, g*s.Input, w), random(r, g*s.Hidden, w), random(r, g, 0.5), random(r, g, 0.5)},
		in:      Inputs{X: random(r, s.Batch*s.Steps*s.Input, 1), H0: random(r, state, 0.5)},
		out: Outputs{
			Y: make([]float32, series), HN: make([]float32, state), Kept: make([]float32, s.Batch*s.Steps*s.Kept()),
		},
		arriving: Arriving{Y: random(r, series, 1), HN: random(r, state, 1)},
		grad: Gradients{
			X: make([]float32, s.Batch*s.Steps*s.Input), H0: make([]float32, state),
			IH: make([]float32, g*s.Input), HH: make([]float32, g*s.Hidden),
			BiasIH: make([]float32, g), BiasHH: make([]float32, g),
		},
	}
	if s.Cell == LSTM {
		p.in.C0, p.out.CN = random(r, state, 0.5), make([]float32, state)
		p.arriving.CN, p.grad.C0 = random(r, state, 1), make([]float32, state)
	}
	if ragged {
		p.in.Lengths = make([]int32, s.Batch)
		for i := range p.in.Lengths {
			p.in.Lengths[i] = int32(r.IntN(s.Steps+3)) - 1
		}
	}
	return p
}

func (p *problem) results() [][]float32 {
	return [][]float32{
		p.out.Y, p.out.HN, p.out.CN, p.out.Kept, p.grad.X, p.grad.H0, p.grad.C0,
		p.grad.IH, p.grad.HH, p.grad.BiasIH, p.grad.BiasHH,
	}
}

// spoil fills every result with numbers that must be overwritten, and x beyond the lengths with none.
func (p *problem) spoil() {
	for _, x := range p.results() {
		for i := range x {
			x[i] = float32(math.NaN())
		}
	}
	s := p.shape
	for b := range s.Batch {
		for i := s.length(p.in.Lengths, b) * s.Input; i < s.Steps*s.Input; i++ {
			p.in.X[b*s.Steps*s.Input+i] = float32(math.NaN())
		}
	}
}

func (p *problem) solve() {
	f, b := NewForward(p.shape), NewBackward(p.shape)
	f.Load(p.weights)
	b.Load(p.weights)
	f.Run(p.in, p.out)
	b.Run(p.in, p.out, p.arriving, p.grad)
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func (p *problem) reference() *reference {
	r := &reference{
		shape: p.shape, x: wide(p.in.X), h0: wide(p.in.H0), c0: wide(p.in.C0), ih: wide(p.weights.IH), hh: wide(p.weights.HH),
		bih: wide(p.weights.BiasIH), bhh: wide(p.weights.BiasHH), lengths: p.in.Lengths,
	}
	if len(r.c0) == 0 {
		r.c0 = make([]float64, len(r.h0))
	}
	return r
}

func dot(x []float64, w []float32) float64 {
	sum := 0.0
	for i, v := range w {
		sum += x[i] * float64(v)
	}
	return sum
}

func (p *problem) loss(r *reference) float64 {
	y, hn, cn := r.run()
	return dot(y, p.arriving.Y) + dot(hn, p.arriving.HN) + dot(cn, p.arriving.CN)
}

func close32(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= tolerance*(1+math.Abs(w))) {
			t.Fatalf("%s[%d] = %v, want %v", what, i, got[i], w)
		}
	}
}

// shapes has odd sizes, single ones, whole registers and tiles, and several blocks of rows.
func shapes() []Shape {
	var all []Shape
	for _, cell := range []Cell{RNN, GRU, LSTM} {
		for _, reverse := range []bool{false, true} {
			for _, n := range [][4]int{{1, 1, 1, 1}, {1, 7, 1, 5}, {3, 1, 4, 5}, {2, 4, 33, 16}, {5, 3, 7, 37}, {35, 5, 9, 20}, {17, 9, 20, 40}} {
				all = append(all, Shape{Cell: cell, Batch: n[0], Steps: n[1], Input: n[2], Hidden: n[3], Reverse: reverse})
			}
		}
	}
	return all
}

// TestAgainstReference compares values with float64, and each gradient with the slope of the float64 loss along
// two random directions of its input.
func TestAgainstReference(t *testing.T) {
	for _, family := range families {
		restore := cpu.Use(family)
		for i, s := range shapes() {
			for _, ragged := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v/%+v/%v", family, s, ragged), func(t *testing.T) {
					p := newProblem(s, ragged, uint64(i))
					clean := p.reference()
					p.spoil()
					p.solve()
					// Float32 sums of up to 100 products of size one, through up to 20 steps.
					y, hn, cn := clean.run()
					close32(t, "y", p.out.Y, y, 2e-5)
					close32(t, "hN", p.out.HN, hn, 2e-5)
					if s.Cell == LSTM {
						close32(t, "cN", p.out.CN, cn, 2e-5)
					}
					p.slopes(t, clean)
				})
			}
		}
		restore()
	}
}

func (p *problem) slopes(t *testing.T, r *reference) {
	t.Helper()
	random := rand.New(rand.NewPCG(9, 9))
	for _, c := range []struct {
		name string
		x    []float64
		grad []float32
	}{
		{"x", r.x, p.grad.X},
		{"h0", r.h0, p.grad.H0},
		{"c0", r.c0, p.grad.C0},
		{"w_ih", r.ih, p.grad.IH},
		{"w_hh", r.hh, p.grad.HH},
		{"b_ih", r.bih, p.grad.BiasIH},
		{"b_hh", r.bhh, p.grad.BiasHH},
	} {
		if c.grad == nil {
			continue
		}
		for range 2 {
			before := slices.Clone(c.x)
			direction := make([]float64, len(c.x))
			norm := 0.0
			for i := range direction {
				direction[i] = random.NormFloat64()
				norm += math.Abs(direction[i] * float64(c.grad[i]))
			}
			along := func(step float64) float64 {
				for i := range c.x {
					c.x[i] = before[i] + step*direction[i]
				}
				return p.loss(r)
			}
			const step = 1e-5
			want := (along(step) - along(-step)) / (2 * step)
			copy(c.x, before)
			// Relative to the terms of the sum: float32 gradients, and 1e-5² of curvature.
			if got := dot(direction, c.grad); !(math.Abs(got-want) <= 2e-5*norm+1e-6) {
				t.Errorf("slope along d%s is %v, want %v (terms %v)", c.name, got, want, norm)
			}
		}
	}
}

func TestThreadsDoNotMatter(t *testing.T) {
	for _, cell := range []Cell{RNN, GRU, LSTM} {
		s := Shape{Cell: cell, Batch: 67, Steps: 9, Input: 33, Hidden: 70, Reverse: cell == GRU}
		var first [][]float32
		for _, threads := range []int{1, 2, 8} {
			before := runtime.GOMAXPROCS(threads)
			p := newProblem(s, true, 3)
			p.spoil()
			p.solve()
			runtime.GOMAXPROCS(before)
			if first == nil {
				first = p.results()
				continue
			}
			for i, r := range p.results() {
				if !slices.Equal(r, first[i]) {
					t.Errorf("%v: result %d with %d threads differs from one thread's", cell, i, threads)
				}
			}
		}
	}
}

// TestARowStandsAlone checks that a row's results do not depend on its company but for rounding (a tile of one row
// sums in another order), and that plans can be used again with other lengths.
func TestARowStandsAlone(t *testing.T) {
	s := Shape{Cell: LSTM, Batch: 19, Steps: 6, Input: 5, Hidden: 24}
	p := newProblem(s, true, 4)
	f := NewForward(s)
	f.Load(p.weights)
	f.Run(Inputs{X: p.in.X, H0: p.in.H0, C0: p.in.C0}, p.out)
	f.Run(p.in, p.out)
	one := s
	one.Batch = 1
	single := NewForward(one)
	single.Load(p.weights)
	for b := range s.Batch {
		y, n := make([]float32, s.Steps*s.Hidden), s.Hidden
		single.Run(Inputs{
			X: p.in.X[b*s.Steps*s.Input:][:s.Steps*s.Input], H0: p.in.H0[b*n:][:n], C0: p.in.C0[b*n:][:n],
			Lengths: p.in.Lengths[b:][:1],
		}, Outputs{Y: y})
		close32(t, fmt.Sprint("y of row ", b), y, wide(p.out.Y[b*len(y):][:len(y)]), 1e-6)
	}
}

// TestLentScratch checks that plans share memory, whatever another one left there.
func TestLentScratch(t *testing.T) {
	s := Shape{Cell: GRU, Batch: 21, Steps: 5, Input: 7, Hidden: 12}
	own, lent := newProblem(s, true, 8), newProblem(s, true, 8)
	own.solve()
	f, b := NewForward(s), NewBackward(s)
	scratch := make([]float32, b.ScratchLen())
	for i := range scratch {
		scratch[i] = float32(math.NaN())
	}
	b.Lend(scratch)
	f.Load(lent.weights)
	b.Load(lent.weights)
	f.Run(lent.in, lent.out)
	b.Run(lent.in, lent.out, lent.arriving, lent.grad)
	for i, r := range lent.results() {
		if !slices.Equal(r, own.results()[i]) {
			t.Errorf("result %d differs", i)
		}
	}
}

// TestLeftOut checks that nil inputs mean zero and nil outputs change nothing else.
func TestLeftOut(t *testing.T) {
	for _, cell := range []Cell{RNN, GRU, LSTM} {
		s := Shape{Cell: cell, Batch: 18, Steps: 4, Input: 3, Hidden: 19}
		p := newProblem(s, false, 6)
		for _, x := range [][]float32{p.in.H0, p.in.C0, p.arriving.Y, p.arriving.CN} {
			clear(x)
		}
		p.solve()
		q := newProblem(s, false, 6)
		q.in.H0, q.in.C0, q.arriving.Y, q.arriving.CN = nil, nil, nil, nil
		q.out.HN, q.out.CN, q.grad.X, q.grad.H0, q.grad.C0 = nil, nil, nil, nil, nil
		q.solve()
		for i, r := range q.results() {
			if r != nil && !slices.Equal(r, p.results()[i]) {
				t.Errorf("%v: result %d differs", cell, i)
			}
		}
	}
}

func TestNothingToDo(t *testing.T) {
	for _, s := range []Shape{{GRU, 0, 3, 2, 4, false}, {LSTM, 3, 0, 2, 4, false}} {
		p := newProblem(s, false, 1)
		p.spoil()
		p.solve()
		if !slices.Equal(p.out.HN, p.in.H0) || !slices.Equal(p.grad.H0, p.arriving.HN) {
			t.Error("the state does not pass through")
		}
		for _, x := range [][]float32{p.grad.IH, p.grad.HH, p.grad.BiasIH, p.grad.BiasHH} {
			if slices.ContainsFunc(x, func(v float32) bool { return v != 0 }) {
				t.Error("a gradient out of nothing")
			}
		}
	}
}

func TestRunsWithoutAllocating(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // sharing a loop costs two small allocations
	for _, cell := range []Cell{RNN, GRU, LSTM} {
		s := Shape{Cell: cell, Batch: 20, Steps: 4, Input: 9, Hidden: 24}
		p := newProblem(s, true, 1)
		f, b := NewForward(s), NewBackward(s)
		if n := testing.AllocsPerRun(5, func() {
			f.Load(p.weights)
			f.Run(p.in, p.out)
			b.Load(p.weights)
			b.Run(p.in, p.out, p.arriving, p.grad)
		}); n != 0 {
			t.Errorf("%v: %v allocations", cell, n)
		}
	}
}

func TestRefusesWrongLengths(t *testing.T) {
	s := Shape{Cell: RNN, Batch: 2, Steps: 3, Input: 4, Hidden: 5}
	p := newProblem(s, false, 1)
	for name, run := range map[string]func(){
		"shape":   func() { NewForward(Shape{Cell: RNN, Batch: 1, Steps: 1, Input: 0, Hidden: 1}) },
		"weights": func() { NewForward(s).Load(Weights{}) },
		"x":       func() { NewForward(s).Run(Inputs{X: p.in.X[1:]}, p.out) },
		"y":       func() { NewForward(s).Run(p.in, Outputs{}) },
		"dw":      func() { NewBackward(s).Run(p.in, p.out, p.arriving, Gradients{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			run()
		}()
	}
}
