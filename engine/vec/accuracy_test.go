package vec

import (
	"math"
	"math/big"
	"testing"

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

// A function under test, with its reference in float64. ulp is the promise of the package comment.
type function struct {
	name string
	run  func(dst, a []float32)
	ref  func(float64) float64
	ulp  float64
}

func gelu64(x float64) float64 {
	if math.IsInf(x, -1) {
		return math.Copysign(0, -1)
	}
	return x * math.Erfc(-x/math.Sqrt2) / 2
}

func geluTanh64(x float64) float64 {
	if math.IsInf(x, -1) {
		return math.Copysign(0, -1)
	}
	return x / (1 + math.Exp(-2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func logistic64(x float64) float64 {
	if x < -40 {
		return math.Exp(x)
	}
	return 1 / (1 + math.Exp(-x))
}

func silu64(x float64) float64 {
	if math.IsInf(x, -1) {
		return math.Copysign(0, -1)
	}
	return x * logistic64(x)
}

var functions = []function{
	{"exp", Exp, math.Exp, 2},
	{"expm1", Expm1, math.Expm1, 2},
	{"log", Log, math.Log, 2},
	{"log1p", Log1p, math.Log1p, 2},
	{"tanh", Tanh, math.Tanh, 2},
	{"logistic", Logistic, logistic64, 2},
	{"silu", Silu, silu64, 2},
	{"erf", Erf, math.Erf, 2},
	{"gelu", Gelu, gelu64, 2},
	{"geluTanh", GeluTanh, geluTanh64, 2},
	{"sqrt", Sqrt, math.Sqrt, 0.5},
	{"rsqrt", Rsqrt, func(x float64) float64 { return 1 / math.Sqrt(x) }, 0.51},
	{"reciprocal", Reciprocal, func(x float64) float64 { return 1 / x }, 0.5},
	{"sin", Sin, math.Sin, 0.51},
	{"cos", Cos, math.Cos, 0.51},
}

// ulps is how far got is from want in units of the last place of the float32 nearest to want.
func ulps(got float32, want float64) float64 {
	g := float64(got)
	switch nearest := float32(want); {
	case want != want:
		if g != g {
			return 0
		}
		return math.Inf(1)
	case math.IsInf(float64(nearest), 0):
		if got == nearest || math.Abs(g) == math.MaxFloat32 && !math.IsInf(want, 0) && (g > 0) == (want > 0) {
			return 0 // overflow within a last place of the limit
		}
		return math.Inf(1)
	case g != g:
		return math.Inf(1)
	}
	if math.IsInf(g, 0) {
		g = math.Copysign(0x1p128, g)
	}
	_, e := math.Frexp(want)
	unit := math.Ldexp(1, max(e-24, -149))
	return math.Abs(g-want) / unit
}

// stride is how many of the 2^32 inputs are skipped between two that are tested.
func sweep(t *testing.T, stride uint64) {
	const n = 1 << 12
	x, y := make([]float32, n), make([]float32, n)
	for _, f := range functions {
		worst, at := 0.0, float32(0)
		for begin := uint64(0); begin < 1<<32; begin += n * stride {
			for i := range x {
				x[i] = math.Float32frombits(uint32(min(begin+uint64(i)*stride, 1<<32-1)))
			}
			f.run(y, x)
			for i, v := range x {
				if u := ulps(y[i], f.ref(float64(v))); u > worst {
					worst, at = u, v
				}
			}
		}
		t.Logf("%-10s worst %.3f ulp at %g", f.name, worst, at)
		if worst > f.ulp {
			t.Errorf("%s(%g) is off by %.3f ulp, allowed are %g", f.name, at, worst, f.ulp)
		}
	}
}

// TestAgainstBig holds the references themselves to arithmetic of 200 bits, where series are simple.
func TestAgainstBig(t *testing.T) {
	for _, x := range []float64{-80, -3.5, -0.01, 1e-5, 0.3, 1, 20.25, 88} {
		want, _ := bigExp(x).Float64()
		if math.Abs(math.Exp(x)-want) > 1e-15*want {
			t.Errorf("exp(%g): %g, want %g", x, math.Exp(x), want)
		}
	}
}

func bigExp(x float64) *big.Float {
	const precision = 400
	sum := big.NewFloat(1).SetPrec(precision)
	term := big.NewFloat(1).SetPrec(precision)
	arg := new(big.Float).SetPrec(precision).SetFloat64(x)
	for k := 1; k < 600; k++ {
		term.Mul(term, arg)
		term.Quo(term, new(big.Float).SetPrec(precision).SetInt64(int64(k)))
		sum.Add(sum, term)
	}
	return sum
}
