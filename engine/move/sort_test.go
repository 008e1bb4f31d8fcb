package move

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"pgregory.net/rapid"
)

var specials = []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), -math.NaN(), 1, -1}

// special puts NaN, infinities and zeros of both signs among floating-point numbers.
func special(r *rand.Rand, x tensor) {
	size := x.typ.Size()
	for i := range product(x.dims) {
		if r.IntN(3) == 0 && x.typ >= Float16 {
			convertAll(Float64, x.typ, x.data[i*size:(i+1)*size], Bytes(specials[r.IntN(len(specials)):][:1]))
		}
	}
}

// number is element i, in a type that orders and holds all others' values but the largest integers.
func (x tensor) number(i int) (float64, uint64) {
	size := x.typ.Size()
	var f [1]float64
	var u [1]uint64
	b := x.data[i*size : (i+1)*size]
	convertAll(x.typ, Float64, Bytes(f[:]), b)
	convertAll(x.typ, Int64, Bytes(u[:]), b)
	if x.typ >= Uint8 && x.typ <= Uint64 {
		convertAll(x.typ, Uint64, Bytes(u[:]), b)
	} else {
		u[0] ^= 1 << 63
	}
	return f[0], u[0]
}

// below returns a function that says whether element i sorts before element k, NaN last.
func (x tensor) below() func(i, k int) bool {
	n := product(x.dims)
	f, u := make([]float64, n), make([]uint64, n)
	for i := range n {
		f[i], u[i] = x.number(i)
	}
	if x.typ >= Float16 {
		return func(i, k int) bool { return f[i] < f[k] || f[i] == f[i] && f[k] != f[k] }
	}
	return func(i, k int) bool { return u[i] < u[k] }
}

// plainOrder is the stable order of every lane.
func plainOrder(x tensor, axis int, less func(i, k int) bool) []int32 {
	l := newLanes(x.dims, axis)
	order := make([]int32, l.size())
	for lane := range l.count {
		start := l.start(lane)
		ids := make([]int32, l.n)
		for i := range ids {
			ids[i] = int32(i)
		}
		slices.SortStableFunc(ids, func(a, b int32) int {
			i, k := start+int(a)*l.step, start+int(b)*l.step
			switch {
			case less(i, k):
				return -1
			case less(k, i):
				return 1
			}
			return 0
		})
		for i, id := range ids {
			order[start+i*l.step] = id
		}
	}
	return order
}

func plainTake(x tensor, axis int, order []int32) []byte {
	return slow(x, x.dims, func(at []int) int {
		from := slices.Clone(at)
		from[axis] = int(order[flat(x.dims, at)])
		return flat(x.dims, from)
	})
}

func TestSortKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, typ := drawRand(t), drawType(t)
		dims := drawDims(t, rapid.IntRange(1, 3).Draw(t, "rank"), 6)
		axis := rapid.IntRange(0, len(dims)-1).Draw(t, "axis")
		dims[axis] = rapid.SampledFrom([]int{0, 1, 2, 9, 60, 700}).Draw(t, "n")
		x := random(r, typ, dims...)
		special(r, x)
		checkSortKeys(t, x, axis, rapid.Bool().Draw(t, "descending"))
	})
}

func TestSortKeysOfLongLanes(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for _, typ := range []Type{Float32, Int64, Float64, Uint8} {
		x := random(r, typ, 2*sortRun+12345)
		special(r, x)
		for _, descending := range []bool{false, true} {
			checkSortKeys(t, x, 0, descending)
		}
	}
}

func checkSortKeys(t interface{ Fatalf(string, ...any) }, x tensor, axis int, descending bool) {
	below := x.below()
	less := below
	if descending {
		less = func(i, k int) bool { return below(k, i) }
	}
	order := plainOrder(x, axis, less)
	want := plainTake(x, axis, order)
	p := NewSortKeys(x.typ, x.dims, axis, descending)
	same(t, "sorted", want, func(dst []byte) { p.Run(dst, x.data, nil) })
	same(t, "sorted in place", want, func(dst []byte) {
		copy(dst, x.data)
		p.Run(dst, dst, nil)
	})
	spare := make([]byte, len(want))
	same(t, "order", Bytes(order), func(dst []byte) { p.Run(spare, x.data, view[int32](dst)) })
	take := NewTake(x.typ.Size(), x.dims, axis, x.dims[axis])
	same(t, "taken", want, func(dst []byte) { take.Run(dst, x.data, order) })
}

func TestSortByComparison(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRand(t)
		dims := drawDims(t, rapid.IntRange(1, 3).Draw(t, "rank"), 5)
		axis := rapid.IntRange(0, len(dims)-1).Draw(t, "axis")
		dims[axis] = rapid.SampledFrom([]int{0, 1, 2, 9, 60}).Draw(t, "n")
		keys, values := random(r, Float32, dims...), random(r, Int32, dims...)
		p := NewSort(dims, axis)
		f := view[float32](keys.data)
		want, err := onStock([]tensor{keys, values}, func(main compute.Function, v []compute.Value) ([]compute.Value, error) {
			c, err := main.Closure()
			if err != nil {
				return nil, err
			}
			var params []compute.Value
			for i, typ := range []Type{Float32, Float32, Int32, Int32} {
				param, err := c.Parameter([]string{"a", "b", "c", "d"}[i], scalar(typ), nil)
				if err != nil {
					return nil, err
				}
				params = append(params, param)
			}
			less, err := c.LessThan(params[0], params[1])
			if err != nil {
				return nil, err
			}
			if err := c.Return([]compute.Value{less}, nil); err != nil {
				return nil, err
			}
			return main.Sort(c, axis, true, v...)
		})
		if err != nil {
			t.Fatalf("%v", err)
		}
		order := plainOrder(keys, axis, func(i, k int) bool { return f[i] < f[k] })
		same(t, "order", Bytes(order), func(dst []byte) {
			p.Run(view[int32](dst), func(_, a, b int) bool { return f[a] < f[b] })
		})
		take := NewTake(4, dims, axis, dims[axis])
		same(t, "keys", want[0], func(dst []byte) { take.Run(dst, keys.data, order) })
		same(t, "values", want[1], func(dst []byte) { take.Run(dst, values.data, order) })
	})
}

func TestTopK(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, typ := drawRand(t), drawType(t)
		dims := drawDims(t, rapid.IntRange(1, 3).Draw(t, "rank"), 5)
		axis := rapid.IntRange(0, len(dims)-1).Draw(t, "axis")
		dims[axis] = rapid.SampledFrom([]int{0, 1, 5, 300, 700}).Draw(t, "n")
		x := random(r, typ, dims...)
		special(r, x)
		k := rapid.IntRange(0, min(dims[axis], 40)).Draw(t, "k")
		below := x.below()
		order := plainOrder(x, axis, func(i, k int) bool { return below(k, i) })
		kept := slices.Clone(dims)
		kept[axis] = k
		want := slow(tensor{Int32, dims, Bytes(order)}, kept, func(at []int) int { return flat(dims, at) })
		p := NewTopK(typ, dims, axis, k)
		same(t, "top", want, func(dst []byte) { p.Run(view[int32](dst), x.data) })
		top := view[int32](want)
		values := slow(x, kept, func(at []int) int {
			from := slices.Clone(at)
			from[axis] = int(top[flat(kept, at)])
			return flat(dims, from)
		})
		take := NewTake(typ.Size(), dims, axis, k)
		same(t, "top values", values, func(dst []byte) { take.Run(dst, x.data, top) })
	})
}

func TestSortsAllocateNothing(t *testing.T) {
	for _, n := range []int{50, 3000, 100000} {
		x := random(rand.New(rand.NewPCG(3, 4)), Float32, n)
		dst, order := make([]byte, len(x.data)), make([]int32, n)
		keys := NewSortKeys(Float32, x.dims, 0, false)
		noAllocation(t, "keys", func() { keys.Run(dst, x.data, order) })
		by := NewSort(x.dims, 0)
		f := view[float32](x.data)
		less := func(_, a, b int) bool { return f[a] < f[b] }
		noAllocation(t, "comparison", func() { by.Run(order, less) })
		top := NewTopK(Float32, x.dims, 0, 10)
		noAllocation(t, "top", func() { top.Run(order[:10], x.data) })
	}
}
