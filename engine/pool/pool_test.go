package pool

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"pgregory.net/rapid"

	"galen.dev/internal/cpu"
)

// The stock Go backend is the oracle, beside plain loops where it lacks something.
var stock = func() compute.Backend {
	b, err := compute.NewWithConfig("go:ops_sequential")
	if err != nil {
		panic(err)
	}
	return b
}()

func onStock[T Number](args [][]T, dims [][]int, build func(f compute.Function, v []compute.Value) (compute.Value, error)) (result []T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the stock backend panics: %v", r)
		}
	}()
	builder := stock.Builder("test")
	main := builder.Main()
	var inputs []compute.Buffer
	var params []compute.Value
	for i, a := range args {
		shape := shapes.Make(dtypes.FromGenericsType[T](), dims[i]...)
		buffer, flat, err := stock.NewSharedBuffer(0, shape)
		if err != nil {
			return nil, err
		}
		copy(flat.([]T), a)
		p, err := main.Parameter(fmt.Sprint("x", i), shape, nil)
		if err != nil {
			return nil, err
		}
		inputs, params = append(inputs, buffer), append(params, p)
	}
	value, err := build(main, params)
	if err != nil {
		return nil, err
	}
	if err := main.Return([]compute.Value{value}, nil); err != nil {
		return nil, err
	}
	exec, err := builder.Compile()
	if err != nil {
		return nil, err
	}
	outputs, err := exec.Execute(inputs, nil, 0)
	if err != nil {
		return nil, err
	}
	flat, err := outputs[0].Data()
	if err != nil {
		return nil, err
	}
	return slices.Clone(flat.([]T)), nil
}

// plainReduce is the definition of window reduction, element by element.
func plainReduce[T Number](op Op, x []T, dims []int, axes []Axis) []T {
	result := Result(dims, axes)
	out := make([]T, product(result))
	eachWindow(dims, axes, func(w int, elements []int) {
		out[w] = neutral[T](op)
		for i, e := range elements {
			switch v := x[e]; {
			case i == 0:
				out[w] = v
			case op == Sum:
				out[w] += v
			case op == Product:
				out[w] *= v
			case op == Max && (v > out[w] || v != v), op == Min && (v < out[w] || v != v):
				out[w] = v
			}
		}
	})
	return out
}

// eachWindow lists the elements of every window, both in row-major order.
func eachWindow(dims []int, axes []Axis, f func(w int, elements []int)) {
	full := make([]Axis, len(dims))
	copy(full, axes)
	sizes := make([]int, len(dims))
	for i := range full {
		full[i] = full[i].filled()
		sizes[i] = full[i].Size
	}
	result := Result(dims, axes)
	for w := range product(result) {
		place := unflat(result, w)
		var elements []int
	window:
		for k := range product(sizes) {
			in := unflat(sizes, k)
			at := 0
			for i, a := range full {
				p := place[i]*a.Stride - a.Before + in[i]*a.Dilation
				if p < 0 || p%a.InputDilation != 0 || p/a.InputDilation >= dims[i] {
					continue window
				}
				at = at*dims[i] + p/a.InputDilation
			}
			elements = append(elements, at)
		}
		f(w, elements)
	}
}

func unflat(dims []int, i int) []int {
	at := make([]int, len(dims))
	for a := len(dims) - 1; a >= 0; a-- {
		at[a] = i % dims[a]
		i /= dims[a]
	}
	return at
}

func everywhere(f func()) {
	for _, family := range []cpu.Family{cpu.Portable, cpu.AVX2, cpu.AVX512} {
		if family > cpu.Hardware() {
			continue
		}
		restore := cpu.Use(family)
		for _, threads := range []int{1, 2, 8} {
			if family != cpu.Hardware() && threads == 2 {
				continue
			}
			before := runtime.GOMAXPROCS(threads)
			f()
			runtime.GOMAXPROCS(before)
		}
		restore()
	}
}

type fataler interface{ Fatalf(string, ...any) }

// same runs a plan everywhere: results are the wanted ones, and equal bit for bit among each other.
func same[T Number](t fataler, what string, want []T, run func(dst []T)) {
	const fence = 32
	var first []T
	everywhere(func() {
		whole := make([]T, len(want)+2*fence)
		for i := range whole {
			whole[i] = 77
		}
		got := whole[fence : fence+len(want) : fence+len(want)]
		run(got)
		for i := range fence {
			if whole[i] != 77 || whole[fence+len(want)+i] != 77 {
				t.Fatalf("%s on %s: a write outside the result", what, cpu.Level())
			}
		}
		equal(t, fmt.Sprintf("%s on %s, %d threads", what, cpu.Level(), cpu.Threads()), got, want)
		if first == nil {
			first = got
		}
		for i := range got {
			if string(bits(got[i:i+1])) != string(bits(first[i:i+1])) {
				t.Fatalf("%s on %s, %d threads: element %d is %v, and %v elsewhere", what, cpu.Level(), cpu.Threads(), i, got[i], first[i])
			}
		}
	})
}

func bits[T Number](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}

func equal[T Number](t fataler, what string, got, want []T) {
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] && (got[i] == got[i] || want[i] == want[i]) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// draw fills a tensor with small multiples of a quarter (so that sums are exact and equal elements common), and
// sometimes NaN, infinities and negative zeros.
func draw[T Number](r *rand.Rand, n int, wild bool) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.IntN(17)) / 2
		if r.IntN(2) == 0 {
			x[i] = -x[i]
		}
	}
	if f, ok := any(x).([]float32); ok && wild {
		for i := range f {
			if r.IntN(6) == 0 {
				f[i] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.Copysign(0, -1))}[r.IntN(4)]
			}
		}
	}
	return x
}

func drawShape(t *rapid.T) (dims []int, axes []Axis) {
	dims = rapid.SliceOfN(rapid.IntRange(0, 9), 1, 5).Draw(t, "dims")
	axes = make([]Axis, rapid.IntRange(0, len(dims)).Draw(t, "axes"))
	for i := range axes {
		if rapid.Bool().Draw(t, "window") {
			axes[i] = Axis{
				Size:   rapid.IntRange(1, 4).Draw(t, "size"),
				Stride: rapid.IntRange(0, 4).Draw(t, "stride"),
				Before: rapid.IntRange(0, 3).Draw(t, "before"),
				After:  rapid.IntRange(0, 3).Draw(t, "after"),
			}
			if dims[i]+axes[i].Before+axes[i].After < axes[i].Size {
				axes[i].Size = 1
			}
		}
	}
	if len(axes) < len(dims) && rapid.Bool().Draw(t, "channels") {
		dims[len(dims)-1] = rapid.IntRange(1, 90).Draw(t, "width")
	}
	return dims, axes
}

// parts are the axes as the stock backend takes them.
func parts(dims []int, axes []Axis) (size, stride, spread, dilation []int, padding [][2]int) {
	for i := range dims {
		var a Axis
		if i < len(axes) {
			a = axes[i]
		}
		a = a.filled()
		size, stride = append(size, a.Size), append(stride, a.Stride)
		spread, dilation = append(spread, a.InputDilation), append(dilation, a.Dilation)
		padding = append(padding, [2]int{a.Before, a.After})
	}
	return
}

var stockOps = [...]compute.ReduceOpType{compute.ReduceOpSum, compute.ReduceOpProduct, compute.ReduceOpMax, compute.ReduceOpMin}

func TestReduce(t *testing.T) {
	t.Run("float32", testReduce[float32])
	t.Run("float64", testReduce[float64])
	t.Run("int32", testReduce[int32])
	t.Run("uint8", testReduce[uint8])
}

func testReduce[T Number](t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dims, axes := drawShape(t)
		for i := range axes {
			if rapid.IntRange(0, 3).Draw(t, "holes") == 0 {
				axes[i].Dilation = rapid.IntRange(0, 3).Draw(t, "dilation")
				axes[i].InputDilation = rapid.IntRange(0, 3).Draw(t, "spread")
			}
		}
		op := Op(rapid.IntRange(0, 3).Draw(t, "op"))
		x := draw[T](rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), product(dims), op >= Max && rapid.Bool().Draw(t, "wild"))
		want := plainReduce(op, x, dims, axes)
		p := NewReduce[T](op, dims, axes)
		same(t, "reduce", want, func(dst []T) { p.Run(dst, x) })
		size, stride, spread, dilation, padding := parts(dims, axes)
		got, err := onStock([][]T{x}, [][]int{dims}, func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.ReduceWindow(v[0], stockOps[op], size, stride, spread, dilation, padding)
		})
		if err == nil && len(got) == len(want) && len(want) > 0 {
			equal(t, "the stock backend beside plain loops", got, want)
		}
	})
}

func TestSelect(t *testing.T) {
	t.Run("float32", testSelect[float32])
	t.Run("float64", testSelect[float64])
	t.Run("int64", testSelect[int64])
}

func testSelect[T Number](t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dims, axes := drawShape(t)
		op := Op(rapid.IntRange(int(Max), int(Min)).Draw(t, "op"))
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		x := draw[T](r, product(dims), rapid.Bool().Draw(t, "wild"))
		result := Result(dims, axes)
		grad := draw[T](r, product(result), false)
		want := make([]T, len(x))
		eachWindow(dims, axes, func(w int, elements []int) {
			best := -1
			for _, e := range elements {
				if best < 0 || x[e] != x[e] || op == Max && x[e] > x[best] || op == Min && x[e] < x[best] {
					best = e
				}
			}
			if best >= 0 {
				want[best] += grad[w]
			}
		})
		p := NewSelect[T](op, dims, axes)
		same(t, "select", want, func(dst []T) { p.Run(dst, x, grad) })
		size, stride, _, _, padding := parts(dims, axes)
		got, err := onStock([][]T{x, grad}, [][]int{dims, result}, func(f compute.Function, v []compute.Value) (compute.Value, error) {
			if op == Max {
				return f.SelectAndScatterMax(v[0], v[1], size, stride, padding)
			}
			return f.SelectAndScatterMin(v[0], v[1], size, stride, padding)
		})
		if err == nil && len(grad) > 0 {
			equal(t, "the stock backend beside plain loops", got, want)
		}
	})
}

func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dims, axes := drawShape(t)
		for i := range axes {
			axes[i].Dilation = rapid.IntRange(0, 2).Draw(t, "dilation")
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		grad := draw[float32](r, product(Result(dims, axes)), false)
		want := make([]float32, product(dims))
		eachWindow(dims, axes, func(w int, elements []int) {
			for _, e := range elements {
				want[e] += grad[w]
			}
		})
		p := NewSpread[float32](dims, axes)
		same(t, "spread", want, func(dst []float32) { p.Run(dst, grad) })
	})
}

// TestShapesOfNetworks pools with sizes that are shared between threads, and sums that round.
func TestShapesOfNetworks(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, c := range []struct {
		dims []int
		axes []Axis
	}{
		{[]int{8, 28, 28, 32}, []Axis{{}, {Size: 2}, {Size: 2}}},
		{[]int{3, 57, 55, 24}, []Axis{{}, {Size: 3, Stride: 2, Before: 1, After: 1}, {Size: 3, Stride: 2, Before: 1, After: 1}}},
		{[]int{1, 40, 41, 150}, []Axis{{}, {Size: 3, Stride: 1, Before: 1, After: 1}, {Size: 3, Stride: 1, Before: 1, After: 1}}},
		{[]int{9, 4, 4, 512}, []Axis{{}, {Size: 4}, {Size: 4}}},
		{[]int{1, 4, 4, 512}, []Axis{{}, {Size: 4}, {Size: 4}}},
		{[]int{2, 10, 16, 18, 16}, []Axis{{}, {Size: 2}, {Size: 2}, {Size: 2}}},
		{[]int{5, 8, 31, 33}, []Axis{{}, {}, {Size: 2}, {Size: 2}}},
		{[]int{6, 999, 16}, []Axis{{}, {Size: 5, Stride: 3, Before: 2, After: 2}}},
		{[]int{30, 999}, []Axis{{}, {Size: 999, Stride: 1, Before: 998}}},
		{[]int{3, 300, 20}, []Axis{{}, {Size: 300, Stride: 1, Before: 299}}},
	} {
		x := make([]float32, product(c.dims))
		for i := range x {
			x[i] = r.Float32()*2 - 1
		}
		grad := make([]float32, product(Result(c.dims, c.axes)))
		for i := range grad {
			grad[i] = r.Float32()*2 - 1
		}
		for _, op := range []Op{Sum, Max} {
			p := NewReduce[float32](op, c.dims, c.axes)
			same(t, fmt.Sprint(c.dims, c.axes), plainReduce(op, x, c.dims, c.axes), func(dst []float32) { p.Run(dst, x) })
			dst := make([]float32, len(grad))
			noAllocation(t, fmt.Sprint(c.dims, c.axes), func() { p.Run(dst, x) })
		}
		if c.axes[len(c.axes)-1].Before > 2 {
			continue // a running sum; its gradient is another
		}
		want := make([]float32, len(x))
		eachWindow(c.dims, c.axes, func(w int, elements []int) {
			best := elements[0]
			for _, e := range elements {
				if x[e] > x[best] {
					best = e
				}
			}
			want[best] += grad[w]
		})
		p := NewSelect[float32](Max, c.dims, c.axes)
		same(t, fmt.Sprint("gradient ", c.dims, c.axes), want, func(dst []float32) { p.Run(dst, x, grad) })
		dst := make([]float32, len(x))
		noAllocation(t, fmt.Sprint("gradient ", c.dims, c.axes), func() { p.Run(dst, x, grad) })
	}
}

func noAllocation(t *testing.T, what string, run func()) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if n := testing.AllocsPerRun(3, run); n > 0 {
		t.Errorf("%s allocates %g times per run", what, n)
	}
}

// TestRunningFromTheEnd sums backwards; the sums of these numbers are exact.
func TestRunningFromTheEnd(t *testing.T) {
	dims := []int{3, 50, 7}
	axes := []Axis{{}, {Size: 60, Stride: 1, After: 59}}
	if NewReduce[float32](Sum, dims, axes).running != nil {
		x := draw[float32](rand.New(rand.NewPCG(1, 2)), product(dims), false)
		p := NewReduce[float32](Sum, dims, axes)
		same(t, "from the end", plainReduce(Sum, x, dims, axes), func(dst []float32) { p.Run(dst, x) })
		return
	}
	t.Error("windows over everything to the end are not summed from their neighbours")
}

func TestShapesThatContradict(t *testing.T) {
	for name, f := range map[string]func(){
		"axes":     func() { NewReduce[float32](Sum, []int{2}, make([]Axis, 2)) },
		"stride":   func() { NewReduce[float32](Sum, []int{2}, []Axis{{Size: 2, Stride: -1}}) },
		"dilation": func() { NewSelect[float32](Max, []int{4}, []Axis{{Size: 2, Dilation: 2}}) },
		"op":       func() { NewSelect[float32](Sum, []int{4}, []Axis{{Size: 2}}) },
		"length": func() {
			NewReduce[float32](Sum, []int{4}, []Axis{{Size: 2}}).Run(make([]float32, 3), make([]float32, 4))
		},
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
