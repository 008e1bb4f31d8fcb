package engine

import (
	"errors"
	"math"
	"math/cmplx"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// must takes the value of a call that must not fail; the test's own cleanup reports it as a panic.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// compile builds a computation of one function.
func compile(t testing.TB, b *backend, build func(f compute.Function) []compute.Value) compute.Executable {
	t.Helper()
	builder := b.Builder(t.Name())
	if err := builder.Main().Return(build(builder.Main()), nil); err != nil {
		t.Fatal(err)
	}
	e, err := builder.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// results runs and reads all outputs.
func results(t testing.TB, e compute.Executable, in ...compute.Buffer) []any {
	t.Helper()
	out, err := e.Execute(in, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	values := make([]any, len(out))
	for i, buf := range out {
		values[i] = must(buf.Data())
	}
	return values
}

func vector(n int) shapes.Shape { return shapes.Make(dtypes.Float32, n) }

func TestForeignValuesAreRefused(t *testing.T) {
	b := newTestBackend(t)
	one, other := b.Builder("one"), b.Builder("other")
	x := must(one.Main().Parameter("x", vector(2), nil))
	y := must(other.Main().Parameter("y", vector(2), nil))
	closure := must(one.Main().Closure())
	inside := must(closure.Constant([]float32{1, 2}, 2))
	second := must(one.Main().Closure())
	for name, v := range map[string]compute.Value{"another computation": y, "a closure": inside, "nothing": nil, "a number": 3} {
		if _, err := one.Main().Add(x, v); err == nil {
			t.Errorf("a value of %s is accepted", name)
		}
	}
	if _, err := second.Neg(inside); err == nil {
		t.Error("a closure takes a value of its sibling")
	}
	if err := one.Main().Return([]compute.Value{x}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Main().Neg(x); err == nil {
		t.Error("a function that has returned takes operations")
	}
	must(one.Compile())
	if _, err := one.NewFunction("late"); err == nil {
		t.Error("a compiled computation takes functions")
	}
}

func TestOutputsHaveMemoryOfTheirOwn(t *testing.T) {
	b := newTestBackend(t)
	e := compile(t, b, func(f compute.Function) []compute.Value {
		x := must(f.Parameter("x", vector(2), nil))
		c := must(f.Constant([]float32{7, 8}, 2))
		n := must(f.Neg(x))
		return []compute.Value{x, x, c, c, n, n}
	})
	in := bufferOf(t, b, []float32{1, 2}, 2)
	for range 2 {
		out := results(t, e, in)
		want := [][]float32{{1, 2}, {1, 2}, {7, 8}, {7, 8}, {-1, -2}, {-1, -2}}
		for i, v := range out {
			if !slices.Equal(v.([]float32), want[i]) {
				t.Fatalf("output %d is %v, want %v", i, v, want[i])
			}
		}
		for i, v := range out { // spoil everything: no other output, nor the next run, may change
			v.([]float32)[0] = float32(100 + i)
		}
		for i, v := range out {
			if v.([]float32)[0] != float32(100+i) {
				t.Fatalf("output %d shares memory", i)
			}
		}
	}
	if data := must(in.Data()); !slices.Equal(data.([]float32), []float32{1, 2}) {
		t.Errorf("the input became %v", data)
	}
}

func TestDonatedInputs(t *testing.T) {
	b := newTestBackend(t)
	e := compile(t, b, func(f compute.Function) []compute.Value {
		x := must(f.Parameter("x", vector(4), nil))
		y := must(f.Parameter("y", vector(4), nil))
		return []compute.Value{must(f.Add(x, y)), must(f.Mul(y, must(f.Reverse(x, 0))))}
	})
	check := func(out []compute.Buffer, sum, product []float32) {
		t.Helper()
		for i, want := range [][]float32{sum, product} {
			if got := must(out[i].Data()).([]float32); !slices.Equal(got, want) {
				t.Errorf("output %d is %v, want %v", i, got, want)
			}
		}
	}
	x, y := bufferOf(t, b, []float32{1, 2, 3, 4}, 4), bufferOf(t, b, []float32{5, 6, 7, 8}, 4)
	check(must(e.Execute([]compute.Buffer{x, y}, []bool{true, true}, 0)), []float32{6, 8, 10, 12}, []float32{20, 18, 14, 8})
	if _, err := x.Data(); !errors.Is(err, errDonated) {
		t.Errorf("a donated buffer answers %v", err)
	}
	if err := x.Finalize(); err != nil {
		t.Errorf("finalizing a donated buffer: %v", err)
	}
	if _, err := e.Execute([]compute.Buffer{x, y}, nil, 0); err == nil {
		t.Error("donated buffers are taken again")
	}
	// One buffer for both inputs is read twice: an output made in it early would spoil the other.
	for _, reversedFirst := range []bool{false, true} {
		twice := compile(t, b, func(f compute.Function) []compute.Value {
			x := must(f.Parameter("x", vector(4), nil))
			y := must(f.Parameter("y", vector(4), nil))
			if reversedFirst {
				return []compute.Value{must(f.Reverse(y, 0)), must(f.Neg(x))}
			}
			n := must(f.Neg(x))
			return []compute.Value{must(f.Reverse(y, 0)), n}
		})
		z := bufferOf(t, b, []float32{1, 2, 3, 4}, 4)
		check(must(twice.Execute([]compute.Buffer{z, z}, []bool{true, true}, 0)), []float32{4, 3, 2, 1}, []float32{-1, -2, -3, -4})
	}
	for name, call := range map[string]func() error{
		"too few": func() error { _, err := e.Execute([]compute.Buffer{y}, nil, 0); return err },
		"another size": func() error {
			v := bufferOf(t, b, []float32{1}, 1)
			_, err := e.Execute([]compute.Buffer{v, v}, nil, 0)
			return err
		},
		"another backend": func() error {
			v := bufferOf(t, newTestBackend(t), []float32{1, 2, 3, 4}, 4)
			_, err := e.Execute([]compute.Buffer{v, v}, nil, 0)
			return err
		},
	} {
		if call() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	e.Finalize()
	if _, err := e.Execute([]compute.Buffer{y, y}, nil, 0); err == nil {
		t.Error("a finalized executable runs")
	}
}

func TestStepsReuseMemory(t *testing.T) {
	b := newTestBackend(t)
	e := compile(t, b, func(f compute.Function) []compute.Value {
		w := must(f.Parameter("w", vector(1<<16), nil))
		return []compute.Value{must(f.Mul(w, must(f.Constant([]float32{0.5}))))}
	})
	w := bufferOf(t, b, make([]float32, 1<<16), 1<<16)
	step := func() {
		out := must(e.Execute([]compute.Buffer{w}, []bool{true}, 0))
		w = out[0]
	}
	step()
	bytes := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			step()
		}
	}).AllocedBytesPerOp()
	if bytes > 2048 {
		t.Errorf("a step allocates %d bytes: its values take %d", bytes, 4<<16)
	}
}

func TestExecutionsFromManyGoroutines(t *testing.T) {
	b := newTestBackend(t)
	e := compile(t, b, func(f compute.Function) []compute.Value {
		x := must(f.Parameter("x", vector(64), nil))
		return []compute.Value{must(f.Add(x, must(f.Mul(x, x))))}
	})
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			x := float32(g)
			in := bufferOf(t, b, slices.Repeat([]float32{x}, 64), 64)
			for range 50 {
				out, err := e.Execute([]compute.Buffer{in}, nil, 0)
				if err != nil {
					t.Error(err)
					return
				}
				if got := must(out[0].Data()).([]float32); got[63] != x+x*x {
					t.Errorf("%v gives %v", x, got[63])
				}
				if err := out[0].Finalize(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

func TestClosuresCaptureThroughEveryLevel(t *testing.T) {
	b := newTestBackend(t)
	scalar := shapes.Make(dtypes.Int32)
	e := compile(t, b, func(f compute.Function) []compute.Value {
		x, limit := must(f.Parameter("x", scalar, nil)), must(f.Parameter("limit", scalar, nil))
		cond, body := must(f.Closure()), must(f.Closure())
		s := must(cond.Parameter("s", scalar, nil))
		if err := cond.Return([]compute.Value{must(cond.LessThan(s, limit))}, nil); err != nil {
			t.Fatal(err)
		}
		// The body adds x where the state is even, 1 where it is odd: branches inside it use x from two levels up.
		s = must(body.Parameter("s", scalar, nil))
		even := must(body.Equal(must(body.Rem(s, must(body.Constant([]int32{2})))), must(body.Constant([]int32{0}))))
		yes, no := must(body.Closure()), must(body.Closure())
		if err := errors.Join(
			yes.Return([]compute.Value{must(yes.Add(s, x))}, nil),
			no.Return([]compute.Value{must(no.Add(s, must(no.Constant([]int32{1}))))}, nil),
		); err != nil {
			t.Fatal(err)
		}
		if err := body.Return(must(body.If(even, yes, no)), nil); err != nil {
			t.Fatal(err)
		}
		return must(f.While(cond, body, x))
	})
	for _, c := range [][3]int32{{3, 20, 22}, {2, 9, 10}, {5, 4, 5}, {7, 8, 8}} {
		got := results(t, e, bufferOf(t, b, c[:1]), bufferOf(t, b, c[1:2]))
		want := c[0]
		for want < c[1] {
			if want%2 == 0 {
				want += c[0]
			} else {
				want++
			}
		}
		if got[0].([]int32)[0] != want {
			t.Errorf("from %d to %d: %v, want %d", c[0], c[1], got[0], want)
		}
	}
}

func TestSortByComparators(t *testing.T) {
	b := newTestBackend(t)
	keys, ids := []float32{3, 1, 2, 3, 1, 2}, []int32{0, 1, 2, 3, 4, 5}
	for name, c := range map[string]struct {
		less func(f compute.Function, p []compute.Value) compute.Value
		want []int32
	}{
		"up":                {func(f compute.Function, p []compute.Value) compute.Value { return must(f.LessThan(p[0], p[1])) }, []int32{1, 4, 2, 5, 0, 3}},
		"up from the right": {func(f compute.Function, p []compute.Value) compute.Value { return must(f.GreaterThan(p[1], p[0])) }, []int32{1, 4, 2, 5, 0, 3}},
		"down":              {func(f compute.Function, p []compute.Value) compute.Value { return must(f.GreaterThan(p[0], p[1])) }, []int32{0, 3, 2, 5, 1, 4}},
		"by the second":     {func(f compute.Function, p []compute.Value) compute.Value { return must(f.GreaterThan(p[2], p[3])) }, []int32{5, 4, 3, 2, 1, 0}},
		"by the negative": {func(f compute.Function, p []compute.Value) compute.Value {
			return must(f.LessThan(must(f.Neg(p[0])), must(f.Neg(p[1]))))
		}, []int32{0, 3, 2, 5, 1, 4}},
	} {
		e := compile(t, b, func(f compute.Function) []compute.Value {
			x, y := must(f.Parameter("x", vector(6), nil)), must(f.Parameter("y", shapes.Make(dtypes.Int32, 6), nil))
			less := must(f.Closure())
			var p []compute.Value
			for i, d := range []dtypes.DType{dtypes.Float32, dtypes.Float32, dtypes.Int32, dtypes.Int32} {
				p = append(p, must(less.Parameter(string(rune('a'+i)), shapes.Make(d), nil)))
			}
			if err := less.Return([]compute.Value{c.less(less, p)}, nil); err != nil {
				t.Fatal(err)
			}
			return must(f.Sort(less, 0, true, x, y))
		})
		got := results(t, e, bufferOf(t, b, keys, 6), bufferOf(t, b, ids, 6))
		if !slices.Equal(got[1].([]int32), c.want) {
			t.Errorf("%s: order %v, want %v", name, got[1], c.want)
		}
		for i, id := range got[1].([]int32) {
			if got[0].([]float32)[i] != keys[id] {
				t.Errorf("%s: keys %v do not follow %v", name, got[0], got[1])
			}
		}
	}
}

func TestNamedAxesGetPlansOfTheirOwn(t *testing.T) {
	b := newTestBackend(t)
	rows := shapes.MakeDynamic(dtypes.Float32, []int{-1, 3}, []string{"batch", ""})
	e := compile(t, b, func(f compute.Function) []compute.Value {
		x := must(f.Parameter("x", rows, nil))
		scale := must(f.BroadcastInDim(must(f.Constant([]float32{2})), rows, nil))
		n := must(f.DynamicDimensionSize(x, 0))
		total := must(f.ReduceSum(must(f.Mul(x, scale)), 1))
		flat := must(f.DynamicReshape(x, compute.DynamicDimensionSpec{Name: "all"}))
		return []compute.Value{total, n, must(f.DynamicShape(x)), flat}
	})
	for _, n := range []int{1, 4, 2, 4} {
		x := make([]float32, 3*n)
		total := make([]float32, n)
		for i := range x {
			x[i] = float32(i)
			total[i/3] += 2 * x[i]
		}
		got := results(t, e, bufferOf(t, b, x, n, 3))
		want := []any{total, []int32{int32(n)}, []int32{int32(n), 3}, x}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d rows: %v, want %v", n, got, want)
		}
	}
	if plans := len(e.(*executable).plans); plans != 3 {
		t.Errorf("%d plans for three sizes", plans)
	}
	if _, err := e.Execute([]compute.Buffer{bufferOf(t, b, []float32{1, 2}, 1, 2)}, nil, 0); err == nil {
		t.Error("a known axis of another size is accepted")
	}
}

func TestFourierTransformsMatchTheirDefinition(t *testing.T) {
	b := newTestBackend(t)
	for _, n := range []int{1, 2, 7, 12} {
		x := make([]complex128, 2*n*3)
		for i := range x {
			x[i] = complex(math.Sin(float64(3*i)), math.Cos(float64(i*i)))
		}
		e := compile(t, b, func(f compute.Function) []compute.Value {
			v := must(f.Parameter("x", shapes.Make(dtypes.Complex128, 2, n, 3), nil))
			y := must(f.FFT(v, compute.FFTForward, []int{n, 3}))
			re := must(f.Real(v))
			half := must(f.FFT(re, compute.FFTForwardReal, []int{n, 3}))
			return []compute.Value{y, must(f.FFT(y, compute.FFTInverse, []int{n, 3})), half, must(f.FFT(half, compute.FFTInverseReal, []int{n, 3})), re}
		})
		got := results(t, e, bufferOf(t, b, x, 2, n, 3))
		y, back, half := got[0].([]complex128), got[1].([]complex128), got[2].([]complex128)
		for r := range 2 {
			for k := range n {
				for l := range 3 {
					var sum, sumReal complex128
					for i := range n {
						for j := range 3 {
							turn := cmplx.Exp(complex(0, -2*math.Pi*(float64(i*k)/float64(n)+float64(j*l)/3)))
							sum += x[(r*n+i)*3+j] * turn
							sumReal += complex(real(x[(r*n+i)*3+j]), 0) * turn
						}
					}
					if at := (r*n+k)*3 + l; cmplx.Abs(y[at]-sum) > 1e-10 || cmplx.Abs(back[at]-x[at]) > 1e-12 {
						t.Fatalf("n %d: frequency %d,%d is %v, want %v; the inverse is %v of %v", n, k, l, y[at], sum, back[at], x[at])
					}
					if l < 2 && cmplx.Abs(half[(r*n+k)*2+l]-sumReal) > 1e-10 {
						t.Fatalf("n %d: real frequency %d,%d is %v, want %v", n, k, l, half[(r*n+k)*2+l], sumReal)
					}
				}
			}
		}
		for i, v := range got[3].([]float64) {
			if math.Abs(v-got[4].([]float64)[i]) > 1e-12 {
				t.Fatalf("n %d: the real inverse gives %v, want %v", n, v, got[4].([]float64)[i])
			}
		}
	}
}

func TestWindowsOverBooleans(t *testing.T) {
	b := newTestBackend(t)
	e := compile(t, b, func(f compute.Function) []compute.Value {
		x := must(f.Parameter("x", shapes.Make(dtypes.Bool, 6), nil))
		return []compute.Value{
			must(f.ReduceWindow(x, compute.ReduceOpMin, []int{2}, nil, nil, nil, nil)),
			must(f.ReduceWindow(x, compute.ReduceOpMax, []int{2}, nil, nil, nil, nil)),
		}
	})
	got := results(t, e, bufferOf(t, b, []bool{true, true, true, false, false, false}, 6))
	if want := []any{[]bool{true, false, false}, []bool{true, true, false}}; !reflect.DeepEqual(got, want) {
		t.Errorf("all and any of pairs are %v, want %v", got, want)
	}
}

func TestTotalOrder(t *testing.T) {
	b := newTestBackend(t)
	nan := float32(math.NaN())
	x := []float32{-nan, float32(math.Inf(-1)), -1, float32(math.Copysign(0, -1)), 0, 1, float32(math.Inf(1)), nan}
	x[0] = math.Float32frombits(math.Float32bits(nan) | 1<<31)
	n := len(x)
	e := compile(t, b, func(f compute.Function) []compute.Value {
		rows := must(f.Parameter("rows", shapes.Make(dtypes.Float32, n, 1), nil))
		columns := must(f.Reshape(rows, 1, n))
		return []compute.Value{must(f.LessThanTotalOrder(rows, columns)), must(f.EqualTotalOrder(rows, columns)), must(f.GreaterOrEqualTotalOrder(rows, columns))}
	})
	got := results(t, e, bufferOf(t, b, x, n, 1))
	for i := range n {
		for j := range n {
			at := i*n + j
			if got[0].([]bool)[at] != (i < j) || got[1].([]bool)[at] != (i == j) || got[2].([]bool)[at] != (i >= j) {
				t.Errorf("%v against %v: less %v, equal %v", x[i], x[j], got[0].([]bool)[at], got[1].([]bool)[at])
			}
		}
	}
}

func TestFallbackCountsWhatItRuns(t *testing.T) {
	b := newTestBackend(t)
	x := must(b.newBuilder("x").main.Parameter("x", shapes.Make(dtypes.Int8, 3), nil)).(value)
	n := must(x.fn.BitCount(x)).(value).node
	k, err := fallback(n)
	if err != nil {
		t.Fatal(err)
	}
	before := FallbackTimes()[compute.OpTypeBitCount]
	out := newBytes(3)
	for range 3 {
		if err := k([][]byte{{7, 0, 255}}, [][]byte{out}); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(out, []byte{3, 0, 8}) {
		t.Errorf("bits are %v", out)
	}
	if after := FallbackTimes()[compute.OpTypeBitCount]; after.Calls != before.Calls+3 || after.Time <= before.Time {
		t.Errorf("from %v to %v for three calls", before, after)
	}
}
