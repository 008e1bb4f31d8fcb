package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"galen.dev/engine/tile/tiletest"
	"galen.dev/internal/cpu"
)

// special are the numbers where kernels differ if they differ at all.
var special = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, float32(math.Inf(1)), float32(math.Inf(-1)),
	float32(math.NaN()), math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 1e-40, -1e-40, 1 << 31, -1 << 31, 3e9,
}

// An arena has the arguments of a kernel in fenced memory. a, b, c hold numbers, m a mask.
type arena struct {
	out, a, b, c, m []float32
	s, t            float32
}

func asInts(x []float32) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

func asMask(x []float32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// asBytes is the last n bytes of n floats (or the first, which start at a fence too).
func asBytes(x []float32, atStart bool) []byte {
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
	if atStart {
		return b[:len(x)]
	}
	return b[len(b)-len(x):]
}

func newArena(t *testing.T, n int, atStart bool) *arena {
	return &arena{
		out: tiletest.Fenced(t, n, atStart), a: tiletest.Fenced(t, n, atStart), b: tiletest.Fenced(t, n, atStart),
		c: tiletest.Fenced(t, n, atStart), m: tiletest.Fenced(t, n, atStart),
	}
}

func (r *arena) fill(seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	number := func() float32 {
		if rng.IntN(4) == 0 {
			return special[rng.IntN(len(special))]
		}
		return float32(rng.NormFloat64() * math.Exp(rng.NormFloat64()*3))
	}
	for i := range r.a {
		r.a[i], r.b[i], r.c[i] = number(), number(), number()
		asMask(r.m)[i] = ones(rng.IntN(2) == 0)
	}
	r.s, r.t = number(), number()
	clear(r.out)
}

type named struct {
	name string
	run  func(r *arena)
}

func unaryOf(name string, f func(dst, a []float32)) named {
	return named{name, func(r *arena) { f(r.out, r.a) }}
}

func binaryOf(name string, f func(dst, a, b []float32)) named {
	return named{name, func(r *arena) { f(r.out, r.a, r.b) }}
}

func scalarOf(name string, f func(dst, a []float32, s float32)) named {
	return named{name, func(r *arena) { f(r.out, r.a, r.s) }}
}

// exact are the kernels that have the same bits in all families.
func exact() []named {
	list := []named{
		binaryOf("Add", Add), binaryOf("Sub", Sub), binaryOf("Mul", Mul), binaryOf("Div", Div),
		binaryOf("Max", Max), binaryOf("Min", Min),
		scalarOf("AddScalar", AddScalar), scalarOf("MulScalar", MulScalar), scalarOf("DivScalar", DivScalar),
		scalarOf("MaxScalar", MaxScalar), scalarOf("MinScalar", MinScalar),
		{"ScalarSub", func(r *arena) { ScalarSub(r.out, r.s, r.a) }},
		{"ScalarDiv", func(r *arena) { ScalarDiv(r.out, r.s, r.a) }},
		{"MulAdd", func(r *arena) { MulAdd(r.out, r.a, r.b, r.c) }},
		{"MulSub", func(r *arena) { MulSub(r.out, r.a, r.b, r.c) }},
		{"NegMulAdd", func(r *arena) { NegMulAdd(r.out, r.a, r.b, r.c) }},
		{"MulScalarAdd", func(r *arena) { MulScalarAdd(r.out, r.a, r.s, r.c) }},
		{"MulScalarSub", func(r *arena) { MulScalarSub(r.out, r.a, r.s, r.c) }},
		{"MulAddScalar", func(r *arena) { MulAddScalar(r.out, r.a, r.b, r.s) }},
		{"NegMulAddScalar", func(r *arena) { NegMulAddScalar(r.out, r.a, r.b, r.s) }},
		{"Affine", func(r *arena) { Affine(r.out, r.a, r.s, r.t) }},
		{"Clamp", func(r *arena) { Clamp(r.out, r.a, r.s, r.t) }},
		unaryOf("Neg", Neg), unaryOf("Abs", Abs), unaryOf("Sqrt", Sqrt), unaryOf("Rsqrt", Rsqrt),
		unaryOf("Sign", Sign), unaryOf("Floor", Floor), unaryOf("Ceil", Ceil), unaryOf("Round", Round),
		unaryOf("Relu", Relu), unaryOf("Square", Square), unaryOf("Reciprocal", Reciprocal),
		{"Select", func(r *arena) { Select(r.out, asMask(r.m), r.a, r.b) }},
		{"SelectScalar", func(r *arena) { SelectScalar(r.out, asMask(r.m), r.a, r.s) }},
		{"ScalarSelect", func(r *arena) { ScalarSelect(r.out, asMask(r.m), r.s, r.a) }},
		{"SelectScalars", func(r *arena) { SelectScalars(r.out, asMask(r.m), r.s, r.t) }},
		{"And", func(r *arena) { And(asMask(r.out), asMask(r.a), asMask(r.b)) }},
		{"Or", func(r *arena) { Or(asMask(r.out), asMask(r.a), asMask(r.b)) }},
		{"Xor", func(r *arena) { Xor(asMask(r.out), asMask(r.a), asMask(r.b)) }},
		{"Not", func(r *arena) { Not(asMask(r.out), asMask(r.a)) }},
		{"FromInts", func(r *arena) { FromInts(r.out, asInts(r.a)) }},
		{"ToInts", func(r *arena) { ToInts(asInts(r.out), r.a) }},
	}
	for op := Equal; op <= GreaterEqual; op++ {
		list = append(list,
			named{fmt.Sprint("Compare", op), func(r *arena) { Compare(op, asMask(r.out), r.a, r.b) }},
			named{fmt.Sprint("CompareScalar", op), func(r *arena) { CompareScalar(op, asMask(r.out), r.a, r.s) }},
			named{fmt.Sprint("CompareInt", op), func(r *arena) { CompareInt(op, asMask(r.out), asInts(r.a), asInts(r.b)) }})
	}
	return list
}

// transcendental are the kernels with the same bits in the two assembly families.
func transcendental() []named {
	var list []named
	for _, f := range functions {
		list = append(list, unaryOf(f.name, f.run))
	}
	return list
}

// sameBits compares, any NaN being like any other.
func sameBits(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

func families() []cpu.Family {
	all := []cpu.Family{cpu.Portable, cpu.AVX2, cpu.AVX512}
	return all[:cpu.Hardware()+1]
}

// lengths are all short ones, where tails differ, and some longer.
func lengths() []int {
	var list []int
	for n := range 70 {
		list = append(list, n)
	}
	return append(list, 127, 128, 129, 255, 513, 1027)
}

func agree(t *testing.T, kernels []named, list []cpu.Family) {
	defer cpu.Use(cpu.Level())()
	for _, n := range lengths() {
		for _, atStart := range []bool{false, true} {
			r := newArena(t, n, atStart)
			r.fill(uint64(n))
			for _, k := range kernels {
				var want []float32
				for i, f := range list {
					cpu.Use(f)
					clear(r.out)
					k.run(r)
					if i == 0 {
						want = slices.Clone(r.out)
						continue
					}
					for j := range want {
						if !sameBits(r.out[j], want[j]) {
							t.Fatalf("%s of %d: element %d (%g, %g, %g; %g, %g) is %g in %s, %g in %s",
								k.name, n, j, r.a[j], r.b[j], r.c[j], r.s, r.t, r.out[j], f, want[j], list[0])
						}
					}
				}
			}
		}
	}
}

func TestFamiliesAgree(t *testing.T) {
	agree(t, exact(), families())
	if cpu.Hardware() == cpu.AVX512 {
		agree(t, transcendental(), []cpu.Family{cpu.AVX2, cpu.AVX512})
	}
}

// TestAgainstReference holds the plain kernels to the definition of what they compute.
func TestAgainstReference(t *testing.T) {
	defer cpu.Use(cpu.Portable)()
	r := newArena(t, 1027, false)
	r.fill(7)
	check := func(name string, f func(i int) float32) {
		for i := range r.out {
			if !sameBits(r.out[i], f(i)) {
				t.Errorf("%s(%g, %g, %g) = %g, want %g", name, r.a[i], r.b[i], r.c[i], r.out[i], f(i))
			}
		}
	}
	MulAdd(r.out, r.a, r.b, r.c)
	check("MulAdd", func(i int) float32 { return bigFMA(r.a[i], r.b[i], r.c[i]) })
	Max(r.out, r.a, r.b)
	check("Max", func(i int) float32 {
		if r.a[i] == r.b[i] {
			return r.a[i]
		}
		return max(r.a[i], r.b[i])
	})
	Round(r.out, r.a)
	check("Round", func(i int) float32 { return float32(math.RoundToEven(float64(r.a[i]))) })
	ToInts(asInts(r.out), r.a)
	for i, x := range asInts(r.out) {
		if y := float64(r.a[i]); math.Abs(y) < 1e9 && float64(x) != math.Trunc(y) {
			t.Errorf("ToInts(%g) = %d", y, x)
		}
	}
}

// TestInPlace runs every kernel on its own argument.
func TestInPlace(t *testing.T) {
	eachFamily(t, func(t *testing.T) {
		r := newArena(t, 131, false)
		for _, k := range append(exact(), transcendental()...) {
			r.fill(3)
			k.run(r)
			want := slices.Clone(r.out)
			r.fill(3)
			out := r.out
			r.out = r.a
			k.run(r)
			for i := range want {
				if !sameBits(r.a[i], want[i]) {
					t.Fatalf("%s in place: element %d is %g, want %g", k.name, i, r.a[i], want[i])
				}
			}
			r.out = out
		}
	})
}

func TestBytes(t *testing.T) {
	eachFamily(t, func(t *testing.T) {
		for _, n := range lengths() {
			for _, atStart := range []bool{false, true} {
				r := newArena(t, n, atStart)
				b := asBytes(r.a, atStart)
				for i := range b {
					b[i] = byte(i * i * 37)
				}
				FromBytes(r.out, b)
				BytesToMask(asMask(r.m), b)
				for i, x := range b {
					if r.out[i] != float32(x) || asMask(r.m)[i] != ones(x != 0) {
						t.Fatalf("%d bytes: byte %d (%d) became %g and %x", n, i, x, r.out[i], asMask(r.m)[i])
					}
				}
				back := asBytes(r.c, atStart)
				MaskToBytes(back, asMask(r.m))
				for i, x := range back {
					if (x == 1) != (b[i] != 0) || x > 1 {
						t.Fatalf("%d masks: mask %d became %d", n, i, x)
					}
				}
			}
		}
	})
}
