package rnn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"galen.dev/internal/cpu"
)

// A gateCall runs one gate kernel on arguments of so many numbers a unit.
type gateCall struct {
	name  string
	units []int
	run   func(a [][]float32)
}

func gateCalls() []gateCall {
	return []gateCall{
		{"rnnForward", []int{1, 1, 1, 1}, func(a [][]float32) { rnnForward(a[0], a[1], a[2], a[3]) }},
		{"gruForward", []int{4, 4, 1, 1, 4}, func(a [][]float32) { gruForward(a[0], a[1], a[2], a[3], a[4], a[4]) }},
		{"lstmForward", []int{4, 4, 1, 1, 1, 5}, func(a [][]float32) { lstmForward(a[0], a[1], a[2], a[3], a[4], a[5], a[5]) }},
		{"rnnBackward", []int{1, 1, 1, 1, 1}, func(a [][]float32) { rnnBackward(a[0], a[1], a[2], a[3], a[4]) }},
		{"gruBackward", []int{4, 1, 1, 1, 4, 4}, func(a [][]float32) { gruBackward(a[0], a[1], a[2], a[3], a[4], a[5], a[0], a[4]) }},
		{"lstmBackward", []int{5, 1, 1, 1, 1, 4, 4}, func(a [][]float32) {
			lstmBackward(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[0], a[5])
		}},
	}
}

// TestGatesOfAllFamilies compares the assembly with plain Go for every tail, and checks that nothing beside the
// arguments is written. The two assembly families must agree to the bit.
func TestGatesOfAllFamilies(t *testing.T) {
	const guard = 16
	for _, c := range gateCalls() {
		for n := 1; n <= 40; n++ {
			var plain, before [][]float32
			for _, family := range families {
				r := rand.New(rand.NewPCG(uint64(n), 2))
				whole, args := make([][]float32, len(c.units)), make([][]float32, len(c.units))
				for i, u := range c.units {
					whole[i] = make([]float32, u*n+2*guard)
					for j := range whole[i] { // what gates are: beyond one, 1 - tanh² keeps few digits
						whole[i][j] = 2*r.Float32() - 1
					}
					args[i] = whole[i][guard : guard+u*n]
				}
				wanted := make([][]float32, len(whole))
				for i := range whole {
					wanted[i] = slices.Clone(whole[i])
				}
				restore := cpu.Use(family)
				c.run(args)
				level := cpu.Level()
				restore()
				what := fmt.Sprintf("%s of %d units in %v", c.name, n, level)
				for i := range whole {
					if !slices.Equal(whole[i][:guard], wanted[i][:guard]) || !slices.Equal(whole[i][guard+len(args[i]):], wanted[i][guard+len(args[i]):]) {
						t.Fatalf("%s wrote beside argument %d", what, i)
					}
				}
				if family == cpu.Portable {
					plain = args
					continue
				}
				for i := range args {
					close32(t, what, args[i], wide(plain[i]), 1e-6)
					if family == cpu.AVX512 && level == cpu.AVX512 && !slices.Equal(args[i], before[i]) {
						t.Fatalf("%s differs from AVX2", what)
					}
				}
				before = args
			}
		}
	}
}

// TestTanhAndSigmoid checks the assembly's functions over their whole range through the kernels that show them.
func TestTanhAndSigmoid(t *testing.T) {
	inf := float32(math.Inf(1))
	x := []float32{0, float32(math.Copysign(0, -1)), inf, -inf, 1e-30, -1e-30, 1e-41, 3e38, -3e38, 88, -88, 10, -10}
	for e := -20.0; e < 5; e += 0.01 {
		x = append(x, float32(math.Exp2(e)), -float32(math.Exp2(e)))
	}
	n := len(x)
	for _, family := range families {
		restore := cpu.Use(family)
		h, zero := make([]float32, n), make([]float32, 5*n)
		rnnForward(x, zero[:n], h, make([]float32, n))
		pre, kept := make([]float32, 4*n), make([]float32, 5*n)
		copy(pre[3*n:], x)
		lstmForward(pre, zero[:4*n], make([]float32, n), make([]float32, n), make([]float32, n), kept, kept)
		nan := []float32{float32(math.NaN())}
		rnnForward(nan, zero[:1], nan, make([]float32, 1))
		restore()
		if nan[0] == nan[0] {
			t.Errorf("%v: tanh of no number is %v", family, nan[0])
		}
		for i, v := range x {
			want := math.Tanh(float64(v))
			if got := float64(h[i]); !(math.Abs(got-want) <= 3e-7*math.Abs(want)+1e-44) {
				t.Errorf("%v: tanh(%v) = %v, want %v", family, v, got, want)
			}
			want = 1 / (1 + math.Exp(-float64(v)))
			if got := float64(kept[3*n+i]); !(math.Abs(got-want) <= 3e-7*want+2e-38) {
				t.Errorf("%v: sigmoid(%v) = %v, want %v", family, v, got, want)
			}
		}
	}
}
