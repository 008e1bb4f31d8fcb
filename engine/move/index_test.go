package move

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"pgregory.net/rapid"
)

// drawIndices draws a tensor of integers of any type, from low to high.
func drawIndices(t *rapid.T, r *rand.Rand, dims []int, low, high int) tensor {
	typ := rapid.SampledFrom([]Type{Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64}).Draw(t, "index type")
	if typ >= Uint8 {
		low = max(low, 0)
	}
	wide := make([]int64, product(dims))
	for i := range wide {
		wide[i] = int64(low + r.IntN(high-low+1))
	}
	x := tensor{typ, dims, make([]byte, len(wide)*typ.Size())}
	convertAll(Int64, typ, x.data, Bytes(wide))
	return x
}

func (x tensor) index(i int) int {
	var wide [1]int64
	size := x.typ.Size()
	convertAll(x.typ, Int64, Bytes(wide[:]), x.data[i*size:(i+1)*size])
	return int(wide[0])
}

// drawn is a random operand with windows and index vectors for a gather or a scatter.
type drawn struct {
	operand, batch, window []int // window: size along each axis of the operand
	squeezed               []int // axes of the operand with no axis in the window
	startMap               []int
	indices                []int
	vectorAxis             int
	windowed               []int // shape of the windows, batch axes among them
	windowAxes             []int // axes of windowed that are the window's
}

func drawWindows(t *rapid.T, atLeast int) (d drawn) {
	d.operand = rapid.SliceOfN(rapid.IntRange(1, 6), 1, 4).Draw(t, "operand")
	d.batch = rapid.SliceOfN(rapid.IntRange(atLeast, 5), 0, 3).Draw(t, "batch")
	var kept []int
	for i, n := range d.operand {
		if rapid.Bool().Draw(t, "squeezed") {
			d.squeezed, d.window = append(d.squeezed, i), append(d.window, 1)
			continue
		}
		kept = append(kept, i)
		d.window = append(d.window, rapid.IntRange(1, n).Draw(t, "window"))
	}
	d.startMap = drawPermutation(t, len(d.operand))[:rapid.IntRange(1, len(d.operand)).Draw(t, "parts")]
	d.vectorAxis = rapid.IntRange(0, len(d.batch)).Draw(t, "vector axis")
	d.indices = slices.Insert(slices.Clone(d.batch), d.vectorAxis, len(d.startMap))
	if len(d.startMap) == 1 && rapid.Bool().Draw(t, "implicit") {
		d.indices, d.vectorAxis = slices.Clone(d.batch), len(d.batch)
	}
	rank := len(d.batch) + len(kept)
	d.windowAxes = append([]int(nil), drawPermutation(t, rank)[:len(kept)]...)
	slices.Sort(d.windowAxes)
	b, w := 0, 0
	for i := range rank {
		if slices.Contains(d.windowAxes, i) {
			d.windowed = append(d.windowed, d.window[kept[w]])
			w++
		} else {
			d.windowed = append(d.windowed, d.batch[b])
			b++
		}
	}
	return d
}

// each calls f for every element of every window, in order of the index vectors: element `in` of the windows and its
// place in the operand, before any correction.
func (d drawn) each(indices tensor, f func(in int, start, at []int)) {
	kept := others(len(d.operand), d.squeezed)
	strides := rowMajor(1, d.indices)
	for b := range product(d.batch) {
		where, rest := make([]int, len(d.batch)), b
		for i := len(d.batch) - 1; i >= 0; i-- {
			where[i] = rest % d.batch[i]
			rest /= d.batch[i]
		}
		start := make([]int, len(d.operand))
		for k, a := range d.startMap {
			at := 0
			for i, w := range where {
				axis := i
				if i >= d.vectorAxis {
					axis++
				}
				at += w * strides[axis]
			}
			if d.vectorAxis < len(d.indices) {
				at += k * strides[d.vectorAxis]
			}
			start[a] = indices.index(at)
		}
		for w := range product(d.window) {
			at, rest := make([]int, len(d.operand)), w
			for i := len(d.operand) - 1; i >= 0; i-- {
				at[i] = rest % d.window[i]
				rest /= d.window[i]
			}
			in := make([]int, len(d.windowed))
			for i, a := range d.windowAxes {
				in[a] = at[kept[i]]
			}
			for i, a := range others(len(in), d.windowAxes) {
				in[a] = where[i]
			}
			f(flat(d.windowed, in), start, at)
		}
	}
}

func TestGather(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRand(t)
		d := drawWindows(t, 0)
		x := random(r, drawType(t), d.operand...)
		indices := drawIndices(t, r, d.indices, -3, 9)
		shape := GatherShape{d.operand, d.indices, indices.typ, d.vectorAxis, d.windowAxes, d.squeezed, d.startMap, d.window}
		if !slices.Equal(shape.Result(), d.windowed) {
			t.Fatalf("result of shape %v, want %v", shape.Result(), d.windowed)
		}
		size := x.typ.Size()
		want := make([]byte, product(d.windowed)*size)
		d.each(indices, func(in int, start, at []int) {
			from := make([]int, len(at))
			for i := range at {
				from[i] = max(0, min(start[i], d.operand[i]-d.window[i])) + at[i]
			}
			i := flat(d.operand, from)
			copy(want[in*size:(in+1)*size], x.data[i*size:])
		})
		p := NewGather(size, shape)
		same(t, "gather", want, func(dst []byte) { p.Run(dst, x.data, indices.data) })
		if got, err := onStock([]tensor{x, indices}, one(func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.Gather(v[0], v[1], d.vectorAxis, d.windowAxes, d.squeezed, d.startMap, d.window, false)
		})); err == nil && len(want) > 0 && string(got[0]) != string(want) {
			t.Fatalf("the plain gather and the stock backend's differ")
		}
	})
}

func TestGatherRows(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, width := range []int{1, 2, 7, 128} {
		x := random(r, Float32, 1000, width)
		rows := make([]int64, 40000)
		want := make([]byte, 0, len(rows)*width*4)
		for i := range rows {
			rows[i] = int64(r.IntN(1004) - 2)
			k := max(0, min(int(rows[i]), 999))
			want = append(want, x.data[k*width*4:(k+1)*width*4]...)
		}
		p := NewGather(4, GatherShape{x.dims, []int{len(rows), 1}, Int64, 1, []int{1}, []int{0}, []int{0}, []int{1, width}})
		same(t, "rows", want, func(dst []byte) { p.Run(dst, x.data, Bytes(rows)) })
		dst := make([]byte, len(want))
		noAllocation(t, "gather", func() { p.Run(dst, x.data, Bytes(rows)) })
	}
}

func TestGatherOfLargeWindows(t *testing.T) {
	x := random(rand.New(rand.NewPCG(5, 6)), Float32, 10, 300, 400)
	rows := []int32{3, 12}
	want := append(slices.Clone(x.data[3*480000:4*480000]), x.data[9*480000:]...)
	p := NewGather(4, GatherShape{x.dims, []int{2}, Int32, 1, []int{1, 2}, []int{0}, []int{0}, []int{1, 300, 400}})
	same(t, "large windows", want, func(dst []byte) { p.Run(dst, x.data, Bytes(rows)) })
}

// add combines element i of x with element k of y, as Go does it.
func combineOne(how Combine, x tensor, i int, y tensor, k int) {
	size := x.typ.Size()
	a, b := x.data[i*size:(i+1)*size], y.data[k*size:(k+1)*size]
	switch x.typ {
	case Float16, BFloat16:
		var wide [2]float32
		convertAll(x.typ, Float32, Bytes(wide[:1]), a)
		convertAll(x.typ, Float32, Bytes(wide[1:]), b)
		wide[0] = combineNumbers(how, wide[0], wide[1])
		convertAll(Float32, x.typ, a, Bytes(wide[:1]))
	case Float32:
		view[float32](a)[0] = combineNumbers(how, view[float32](a)[0], view[float32](b)[0])
	case Float64:
		view[float64](a)[0] = combineNumbers(how, view[float64](a)[0], view[float64](b)[0])
	default:
		signed := Int64
		if x.typ >= Uint8 {
			signed = Uint64
		}
		var wide [2]int64
		convertAll(x.typ, signed, Bytes(wide[:1]), a)
		convertAll(x.typ, signed, Bytes(wide[1:]), b)
		if signed == Int64 {
			wide[0] = combineNumbers(how, wide[0], wide[1])
		} else {
			wide[0] = int64(combineNumbers(how, uint64(wide[0]), uint64(wide[1])))
		}
		convertAll(signed, x.typ, a, Bytes(wide[:1]))
	}
}

func combineNumbers[T number](how Combine, a, b T) T {
	switch how {
	case Max:
		return max(a, b)
	case Min:
		return min(a, b)
	}
	return a + b
}

func TestScatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRand(t)
		d := drawWindows(t, 0)
		typ := Type(rapid.IntRange(1, types-1).Draw(t, "type"))
		how := Combine(rapid.IntRange(0, 2).Draw(t, "how"))
		x, updates := random(r, typ, d.operand...), random(r, typ, d.windowed...)
		indices := drawIndices(t, r, d.indices, -1, 6)
		want := tensor{typ, d.operand, slices.Clone(x.data)}
		outside := false
		d.each(indices, func(in int, start, at []int) {
			to := make([]int, len(at))
			for i := range at {
				if start[i] < 0 || start[i] > d.operand[i]-d.window[i] {
					outside = true
					return
				}
				to[i] = start[i] + at[i]
			}
			combineOne(how, want, flat(d.operand, to), updates, in)
		})
		p := NewScatter(how, typ, ScatterShape{d.operand, d.indices, d.windowed, indices.typ, d.vectorAxis, d.windowAxes, d.squeezed, d.startMap})
		same(t, "scatter", want.data, func(dst []byte) { p.Run(dst, x.data, indices.data, updates.data) })
		for _, a := range others(len(d.operand), d.squeezed) {
			outside = outside || d.window[a] < d.operand[a]
		}
		if outside || typ == Float16 {
			return // the stock backend panics, misplaces windows smaller than the operand, and has no binary16
		}
		if got, err := onStock([]tensor{x, indices, updates}, one(func(f compute.Function, v []compute.Value) (compute.Value, error) {
			op := []func(_, _, _ compute.Value, _ int, _, _, _ []int, _, _ bool) (compute.Value, error){f.ScatterSum, f.ScatterMax, f.ScatterMin}[how]
			return op(v[0], v[1], v[2], d.vectorAxis, d.windowAxes, d.squeezed, d.startMap, false, false)
		})); err == nil && len(updates.data) > 0 && string(got[0]) != string(want.data) {
			t.Fatalf("the plain scatter and the stock backend's differ")
		}
	})
}

// TestScatterShared scatters enough for every way of sharing work between threads. The sums round, so that another
// order of updates would show.
func TestScatterShared(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, c := range []struct {
		name  string
		shape ScatterShape
	}{
		{"rows", ScatterShape{[]int{900, 24}, []int{20000, 1}, []int{20000, 24}, Int64, 1, []int{1}, []int{0}, []int{0}}},
		{"points", ScatterShape{[]int{5000}, []int{300000}, []int{300000}, Int64, 1, nil, []int{0}, []int{0}}},
		{"columns", ScatterShape{[]int{64, 700}, []int{3000, 1}, []int{64, 3000}, Int64, 1, []int{0}, []int{1}, []int{1}}},
		{"overlapping", ScatterShape{[]int{40, 50, 8}, []int{900, 2}, []int{900, 3, 4, 8}, Int64, 1, []int{1, 2, 3}, nil, []int{0, 1}}},
		{"alone", ScatterShape{[]int{400}, []int{9000, 1}, []int{9000, 30}, Int64, 1, []int{1}, nil, []int{0}}},
	} {
		x, updates := make([]float32, product(c.shape.Operand)), make([]float32, product(c.shape.Updates))
		for i := range x {
			x[i] = r.Float32()
		}
		for i := range updates {
			updates[i] = r.Float32() * float32(math.Exp2(float64(r.IntN(20))))
		}
		indices := make([]int64, product(c.shape.Indices))
		for i := range indices {
			indices[i] = int64(r.IntN(52)) - 1
		}
		d := drawn{
			operand: c.shape.Operand, squeezed: c.shape.Inserted, startMap: c.shape.StartMap, indices: c.shape.Indices,
			vectorAxis: c.shape.VectorAxis, windowed: c.shape.Updates, windowAxes: c.shape.WindowAxes, window: slices.Repeat([]int{1}, len(c.shape.Operand)),
		}
		d.batch = []int{c.shape.Indices[0]}
		for i, a := range others(len(d.operand), d.squeezed) {
			d.window[a] = c.shape.Updates[c.shape.WindowAxes[i]]
		}
		want := slices.Clone(x)
		d.each(tensor{Int64, d.indices, Bytes(indices)}, func(in int, start, at []int) {
			to := make([]int, len(at))
			for i := range at {
				if start[i] < 0 || start[i] > d.operand[i]-d.window[i] {
					return
				}
				to[i] = start[i] + at[i]
			}
			want[flat(d.operand, to)] += updates[in]
		})
		p := NewScatter(Sum, Float32, c.shape)
		same(t, c.name, Bytes(want), func(dst []byte) { p.Run(dst, Bytes(x), Bytes(indices), Bytes(updates)) })
		same(t, c.name+" in place", Bytes(want), func(dst []byte) {
			copy(dst, Bytes(x))
			p.Run(dst, dst, Bytes(indices), Bytes(updates))
		})
		if c.name != "alone" && p.pieces < 2 {
			t.Errorf("%s: not shared between threads", c.name)
		}
		dst := make([]byte, len(x)*4)
		noAllocation(t, c.name, func() { p.Run(dst, Bytes(x), Bytes(indices), Bytes(updates)) })
	}
}

func TestArgMinMax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := Type(rapid.IntRange(1, types-1).Draw(t, "type"))
		dims := rapid.SliceOfN(rapid.IntRange(1, 9), 1, 4).Draw(t, "dims")
		axis := rapid.IntRange(0, len(dims)-1).Draw(t, "axis")
		if axis != len(dims)-1 && rapid.Bool().Draw(t, "long") {
			dims[len(dims)-1] *= 100
		}
		out := Type(rapid.IntRange(int(Int8), int(Uint64)).Draw(t, "out"))
		smallest := rapid.Bool().Draw(t, "smallest")
		x := random(drawRand(t), typ, dims...)
		if typ == Float32 && rapid.Bool().Draw(t, "NaN") {
			for i, v := range view[float32](x.data) {
				if v > 2 {
					view[float32](x.data)[i] = float32(math.NaN())
				}
			}
		}
		want, err := onStock([]tensor{x}, one(func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.ArgMinMax(v[0], axis, stockTypes[out], smallest)
		}))
		if err != nil {
			t.Fatalf("%v", err)
		}
		p := NewArgMinMax(typ, out, dims, axis, smallest)
		same(t, "argminmax", want[0], func(dst []byte) { p.Run(dst, x.data) })
	})
}

func TestSmallPlansAllocateNothing(t *testing.T) {
	x := random(rand.New(rand.NewPCG(3, 4)), BFloat16, 50, 40)
	dst := make([]byte, 8000)
	arg := NewArgMinMax(BFloat16, Int32, x.dims, 0, true)
	noAllocation(t, "argmin", func() { arg.Run(dst[:160], x.data) })
	convert := NewConvert(Int32, BFloat16, 2000)
	noAllocation(t, "convert", func() { convert.Run(dst, x.data) })
}

func TestArgMinMaxTakesNaNOfHalves(t *testing.T) {
	x := []uint16{toFloat16(1), toFloat16(float32(math.NaN())), toFloat16(9)}
	var got [1]int32
	NewArgMinMax(Float16, Int32, []int{3}, 0, false).Run(Bytes(got[:]), Bytes(x))
	if got[0] != 1 {
		t.Errorf("the largest is at %d, want the NaN at 1", got[0])
	}
}
