package move

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"pgregory.net/rapid"
)

func TestTranspose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := random(drawRand(t), drawType(t), drawDims(t, rapid.IntRange(0, 5).Draw(t, "rank"), 6)...)
		checkTranspose(t, x, drawPermutation(t, len(x.dims)))
	})
}

func TestTransposeOfBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dims := []int{rapid.IntRange(1, 3).Draw(t, "n"), rapid.IntRange(1, 90).Draw(t, "rows"), rapid.IntRange(1, 90).Draw(t, "cols")}
		x := random(drawRand(t), drawType(t), dims...)
		checkTranspose(t, x, []int{0, 2, 1})
	})
	for _, dims := range [][]int{{1, 600, 601}, {2, 3, 40000}, {1, 70000, 3}} {
		checkTranspose(t, random(rand.New(rand.NewPCG(1, 2)), Float32, dims...), []int{0, 2, 1})
	}
}

func drawPermutation(t *rapid.T, n int) []int {
	ids := make([]int, n)
	for i := range ids {
		ids[i] = i
	}
	return rapid.Permutation(ids).Draw(t, "permutation")
}

func checkTranspose(t interface{ Fatalf(string, ...any) }, x tensor, permutation []int) {
	want := slow(x, permuted(x.dims, permutation), func(at []int) int {
		from := make([]int, len(at))
		for i, p := range permutation {
			from[p] = at[i]
		}
		return flat(x.dims, from)
	})
	p := NewTranspose(x.typ.Size(), x.dims, permutation)
	same(t, "transpose", want, func(dst []byte) { p.Run(dst, x.data) })
	if got, err := onStock([]tensor{x}, one(func(f compute.Function, v []compute.Value) (compute.Value, error) {
		return f.Transpose(v[0], permutation...)
	})); err == nil && string(got[0]) != string(want) {
		t.Fatalf("the plain transpose and the stock backend's differ")
	}
}

func permuted(dims, permutation []int) []int {
	out := make([]int, len(dims))
	for i, p := range permutation {
		out[i] = dims[p]
	}
	return out
}

func flat(dims, at []int) int {
	n := 0
	for i := range dims {
		n = n*dims[i] + at[i]
	}
	return n
}

// slow builds a tensor of shape dims, element by element: from says which element of x goes where.
func slow(x tensor, dims []int, from func(at []int) int) []byte {
	size := x.typ.Size()
	n := product(dims)
	out := make([]byte, 0, n*size)
	at := make([]int, len(dims))
	for range n {
		i := from(at)
		out = append(out, x.data[i*size:(i+1)*size]...)
		for a := len(dims) - 1; a >= 0; a-- {
			if at[a]++; at[a] < dims[a] {
				break
			}
			at[a] = 0
		}
	}
	return out
}

func TestSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := random(drawRand(t), drawType(t), drawDims(t, rapid.IntRange(0, 4).Draw(t, "rank"), 9)...)
		starts, limits, strides := make([]int, len(x.dims)), make([]int, len(x.dims)), make([]int, len(x.dims))
		for i, n := range x.dims {
			starts[i] = rapid.IntRange(0, n).Draw(t, "start")
			limits[i] = rapid.IntRange(starts[i], n).Draw(t, "limit")
			strides[i] = rapid.IntRange(1, 4).Draw(t, "stride")
		}
		want, err := onStock([]tensor{x}, one(func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.Slice(v[0], starts, limits, strides)
		}))
		if err != nil {
			t.Fatalf("%v", err)
		}
		p := NewSlice(x.typ.Size(), x.dims, starts, limits, strides)
		same(t, "slice", want[0], func(dst []byte) { p.Run(dst, x.data) })
	})
}

func TestConcatenate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, typ := drawRand(t), drawType(t)
		dims := drawDims(t, rapid.IntRange(1, 4).Draw(t, "rank"), 7)
		axis := rapid.IntRange(0, len(dims)-1).Draw(t, "axis")
		var args []tensor
		var shapes [][]int
		var data [][]byte
		for range rapid.IntRange(1, 4).Draw(t, "operands") {
			d := append([]int(nil), dims...)
			d[axis] = rapid.IntRange(0, 5).Draw(t, "size")
			x := random(r, typ, d...)
			args, shapes, data = append(args, x), append(shapes, d), append(data, x.data)
		}
		want, err := onStock(args, one(func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.Concatenate(axis, v...)
		}))
		if err != nil {
			t.Fatalf("%v", err)
		}
		p := NewConcatenate(typ.Size(), axis, shapes...)
		same(t, "concatenate", want[0], func(dst []byte) { p.Run(dst, data...) })
	})
}

func TestReverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := random(drawRand(t), drawType(t), drawDims(t, rapid.IntRange(0, 4).Draw(t, "rank"), 7)...)
		var axes []int
		turned := make([]bool, len(x.dims))
		for i := range x.dims {
			if turned[i] = rapid.Bool().Draw(t, "reverse"); turned[i] {
				axes = append(axes, i)
			}
		}
		want := slow(x, x.dims, func(at []int) int {
			from := append([]int(nil), at...)
			for _, i := range axes {
				from[i] = x.dims[i] - 1 - at[i]
			}
			return flat(x.dims, from)
		})
		p := NewReverse(x.typ.Size(), x.dims, axes...)
		same(t, "reverse", want, func(dst []byte) { p.Run(dst, x.data) })
		if got, err := onStock([]tensor{x}, one(func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.Reverse(v[0], axes...)
		})); err == nil && string(got[0]) != string(want) {
			t.Fatalf("the plain reversal and the stock backend's differ")
		}
	})
}

func TestBroadcast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := drawType(t)
		result := drawDims(t, rapid.IntRange(0, 4).Draw(t, "rank"), 9)
		var dims, axes []int
		for i, n := range result {
			switch rapid.IntRange(0, 2).Draw(t, "axis") {
			case 0:
				dims, axes = append(dims, 1), append(axes, i)
			case 1:
				dims, axes = append(dims, n), append(axes, i)
			}
		}
		x := random(drawRand(t), typ, dims...)
		want := slow(x, result, func(at []int) int {
			from := make([]int, len(dims))
			for i, a := range axes {
				if dims[i] != 1 {
					from[i] = at[a]
				}
			}
			return flat(dims, from)
		})
		p := NewBroadcast(typ.Size(), dims, result, axes)
		same(t, "broadcast", want, func(dst []byte) { p.Run(dst, x.data) })
		if got, err := onStock([]tensor{x}, one(func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.BroadcastInDim(v[0], shapes.Make(stockTypes[typ], result...), axes)
		})); err == nil && string(got[0]) != string(want) {
			t.Fatalf("the plain broadcast and the stock backend's differ")
		}
	})
}

func TestPad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, typ := drawRand(t), drawType(t)
		x := random(r, typ, drawDims(t, rapid.IntRange(0, 4).Draw(t, "rank"), 6)...)
		value := random(r, typ)
		padding := make([]Padding, rapid.IntRange(0, len(x.dims)).Draw(t, "axes"))
		config := make([]compute.PadAxis, len(padding))
		result := append([]int(nil), x.dims...)
		negative := false
		interior := rapid.Bool().Draw(t, "interior")
		for i := range padding {
			p := Padding{Start: rapid.IntRange(-3, 4).Draw(t, "start"), End: rapid.IntRange(-3, 4).Draw(t, "end")}
			if interior {
				p.Interior = rapid.IntRange(0, 2).Draw(t, "inner")
			}
			grown := x.dims[i] + max(0, x.dims[i]-1)*p.Interior
			if grown+p.Start+p.End < 0 {
				p.Start, p.End = max(0, p.Start), max(0, p.End)
			}
			negative = negative || p.Start < 0 || p.End < 0
			padding[i], config[i] = p, compute.PadAxis(p)
			result[i] = grown + p.Start + p.End
		}
		both := tensor{typ, nil, append(append([]byte(nil), x.data...), value.data...)}
		want := slow(both, result, func(at []int) int {
			from := make([]int, len(at))
			for i := range at {
				var p Padding
				if i < len(padding) {
					p = padding[i]
				}
				k := at[i] - p.Start
				if k < 0 || k%(p.Interior+1) != 0 || k/(p.Interior+1) >= x.dims[i] {
					return product(x.dims)
				}
				from[i] = k / (p.Interior + 1)
			}
			return flat(x.dims, from)
		})
		p := NewPad(typ.Size(), x.dims, padding...)
		same(t, "pad", want, func(dst []byte) { p.Run(dst, x.data, value.data) })
		if negative {
			return // the stock backend panics on negative padding
		}
		if got, err := onStock([]tensor{x, value}, one(func(f compute.Function, v []compute.Value) (compute.Value, error) {
			return f.Pad(v[0], v[1], config...)
		})); err == nil && string(got[0]) != string(want) {
			t.Fatalf("the plain padding and the stock backend's differ")
		}
	})
}

func TestDynamicSliceAndUpdate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, typ := drawRand(t), drawType(t)
		x := random(r, typ, drawDims(t, rapid.IntRange(0, 4).Draw(t, "rank"), 6)...)
		sizes, starts, inside := make([]int, len(x.dims)), make([]int, len(x.dims)), make([]int, len(x.dims))
		for i, n := range x.dims {
			sizes[i] = rapid.IntRange(0, n).Draw(t, "size")
			starts[i] = rapid.IntRange(-3, 9).Draw(t, "start")
			inside[i] = max(0, min(starts[i], n-sizes[i]))
		}
		want := slow(x, sizes, func(at []int) int {
			from := make([]int, len(at))
			for i := range at {
				from[i] = at[i] + inside[i]
			}
			return flat(x.dims, from)
		})
		p := NewDynamicSlice(typ.Size(), x.dims, sizes)
		same(t, "dynamic slice", want, func(dst []byte) { p.Run(dst, x.data, starts) })

		update := random(r, typ, sizes...)
		both := tensor{typ, nil, append(append([]byte(nil), x.data...), update.data...)}
		want = slow(both, x.dims, func(at []int) int {
			from := make([]int, len(at))
			for i := range at {
				if from[i] = at[i] - inside[i]; from[i] < 0 || from[i] >= sizes[i] {
					return flat(x.dims, at)
				}
			}
			return product(x.dims) + flat(sizes, from)
		})
		u := NewDynamicUpdate(typ.Size(), x.dims, sizes)
		same(t, "dynamic update", want, func(dst []byte) { u.Run(dst, x.data, update.data, starts) })
		same(t, "dynamic update in place", want, func(dst []byte) {
			copy(dst, x.data)
			u.Run(dst, dst, update.data, starts)
		})
	})
}

func TestWideElements(t *testing.T) {
	x := make([]complex128, 12)
	for i := range x {
		x[i] = complex(float64(i), -float64(i))
	}
	got := make([]complex128, 12)
	NewTranspose(16, []int{3, 4}, []int{1, 0}).Run(Bytes(got), Bytes(x))
	for i := range 3 {
		for j := range 4 {
			if got[j*3+i] != x[i*4+j] {
				t.Fatalf("element %d,%d is %v", j, i, got[j*3+i])
			}
		}
	}
}

func TestMovesAllocateNothing(t *testing.T) {
	x := random(rand.New(rand.NewPCG(3, 4)), Float32, 8, 40, 50)
	dst := make([]byte, len(x.data))
	transpose := NewTranspose(4, x.dims, []int{2, 0, 1})
	noAllocation(t, "transpose", func() { transpose.Run(dst, x.data) })
	update := NewDynamicUpdate(4, x.dims, []int{2, 2, 2})
	starts := []int{1, 2, 3}
	noAllocation(t, "dynamic update", func() { update.Run(dst, x.data, x.data[:32], starts) })
}

func TestShapesThatContradict(t *testing.T) {
	for name, f := range map[string]func(){
		"permutation": func() { NewTranspose(4, []int{2, 2}, []int{0, 0}) },
		"limit":       func() { NewSlice(4, []int{3}, []int{0}, []int{4}, nil) },
		"length":      func() { NewTranspose(4, []int{2}, []int{0}).Run(make([]byte, 4), make([]byte, 8)) },
		"source":      func() { NewStrided(4, Axis{3, 4, 4}).Run(make([]byte, 12), 0, make([]byte, 8), 0) },
		"destination": func() { NewStrided(4, Axis{3, -4, 4}).Run(make([]byte, 12), 4, make([]byte, 12), 0) },
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
