package loop

import (
	"math"
	"unsafe"

	"galen.dev/engine/vec"
)

// A result is an output of the compiled program.
type result struct {
	output
	typ    Type
	direct bool // the tile, or the sums, are dense in the output's own memory

	// Of reductions. Sums are kept in the order of the output's dimensions, without gaps.
	acc    []int   // strides of the sums
	count  int     // how many sums
	inner  int     // how many of them in a tile's dimensions inside the split one
	groups []group // the tile's dimensions, stride 0 where they are summed
	fold   folding
	out    packing // from the sums to the output
	slots  int     // partial results that Run keeps
	byRow  bool    // sums over the rows of RunRows
	memory []byte  // slots*count sums
}

// A folding has the kernels of a reduction. They combine elements x with the sums that acc points to.
type folding struct {
	identity uint64
	all      func(acc, x unsafe.Pointer, n int)       // n elements with one
	each     func(acc, x unsafe.Pointer, n int)       // n elements with n
	rows     func(acc, x unsafe.Pointer, rows, n int) // each of rows rows of n with one
	columns  func(acc, x unsafe.Pointer, rows, n int) // rows rows of n with n
}

func (p *Program) newResult(o output) result {
	r := result{output: o, typ: p.operands[o.operand].typ}
	st := p.strides[o.operand]
	r.direct = p.dense(st) && r.typ != Bool
	if !o.reduced {
		return r
	}
	r.acc = make([]int, len(p.dims))
	r.count, r.inner, r.direct = 1, 1, r.typ != Bool
	for d := len(p.dims) - 1; d >= 0; d-- {
		if st[d] == 0 {
			continue
		}
		r.direct = r.direct && st[d] == r.count
		r.acc[d] = r.count
		r.count *= p.dims[d]
		if d > p.split {
			r.inner *= p.dims[d]
		}
	}
	r.out = packing{typ: r.typ, key: -1}
	for d, x := range st {
		if x == 0 {
			continue
		}
		if n := len(r.out.groups); n > 0 && r.out.groups[n-1].stride == x*p.dims[d] {
			r.out.groups[n-1] = group{r.out.groups[n-1].length * p.dims[d], x}
			continue
		}
		r.out.groups = append(r.out.groups, group{p.dims[d], x})
	}
	if len(r.out.groups) == 0 {
		r.out.groups = []group{{1, 1}}
	}
	r.groups = p.shape.groups(r.acc)
	r.fold = foldingOf(o.how, r.typ)
	for d := range p.lead {
		r.byRow = r.byRow || st[d] == 0
	}
	return r
}

// reduceTile folds a tile into the sums at acc, which belong to the tile.
func (r *result) reduceTile(acc, x unsafe.Pointer, rows int) {
	first := r.groups[0]
	first.length *= rows
	r.reduceGroups(acc, x, first, r.groups[1:])
}

func (r *result) reduceGroups(acc, x unsafe.Pointer, first group, rest []group) {
	if len(rest) == 0 {
		if first.stride == 0 {
			r.fold.all(acc, x, first.length)
		} else {
			r.fold.each(acc, x, first.length)
		}
		return
	}
	if len(rest) == 1 {
		if first.stride == 0 {
			r.fold.columns(acc, x, first.length, rest[0].length)
			return
		}
		if rest[0].stride == 0 && first.stride == 1 {
			r.fold.rows(acc, x, first.length, rest[0].length)
			return
		}
	}
	lane, inner := r.typ.lane(), 1
	for _, g := range rest {
		inner *= g.length
	}
	for i := range first.length {
		r.reduceGroups(unsafe.Add(acc, i*first.stride*lane), unsafe.Add(x, i*inner*lane), rest[0], rest[1:])
	}
}

// clear sets the sums that a box of the loop touches to what a reduction of nothing is.
func (r *result) clear(acc unsafe.Pointer, split int, lo, hi []int) {
	r.clearFrom(acc, 0, split, lo, hi)
}

func (r *result) clearFrom(acc unsafe.Pointer, d, split int, lo, hi []int) {
	lane := r.typ.lane()
	for d < split && r.acc[d] == 0 {
		d++
	}
	if d < split {
		for i := lo[d]; i < hi[d]; i++ {
			r.clearFrom(unsafe.Add(acc, i*r.acc[d]*lane), d+1, split, lo, hi)
		}
		return
	}
	n := r.inner
	if r.acc[split] != 0 {
		acc = unsafe.Add(acc, lo[split]*r.acc[split]*lane)
		n *= hi[split] - lo[split]
	}
	r.clearRun(acc, n)
}

func (r *result) clearRun(acc unsafe.Pointer, n int) {
	switch r.typ.lane() {
	case 1:
		loadRun(list[uint8](acc, n), (*uint8)(unsafe.Pointer(&r.fold.identity)), 0)
	case 4:
		loadRun(list[uint32](acc, n), (*uint32)(unsafe.Pointer(&r.fold.identity)), 0)
	default:
		loadRun(list[uint64](acc, n), (*uint64)(unsafe.Pointer(&r.fold.identity)), 0)
	}
}

func foldingOf(how Reduction, t Type) folding {
	switch t {
	case F32:
		return realFolding(how)
	case F64:
		return numberFolding(how, math.Inf(-1), math.Inf(1))
	case I32:
		return numberFolding[int32](how, math.MinInt32, math.MaxInt32)
	case I64:
		return numberFolding[int64](how, math.MinInt64, math.MaxInt64)
	case U8:
		return numberFolding[uint8](how, 0, math.MaxUint8)
	}
	if how == All {
		return generalFolding(^uint32(0), func(a, b uint32) uint32 { return a & b })
	}
	return generalFolding(uint32(0), func(a, b uint32) uint32 { return a | b })
}

func numberFolding[T number](how Reduction, least, most T) folding {
	switch how {
	case Product:
		return generalFolding(1, func(a, b T) T { return a * b })
	case Maximum:
		return generalFolding(least, greater[T])
	case Minimum:
		return generalFolding(most, smaller[T])
	}
	return generalFolding(0, func(a, b T) T { return a + b })
}

// generalFolding combines from left to right.
func generalFolding[T any](identity T, f func(a, b T) T) folding {
	g := folding{
		all: func(acc, x unsafe.Pointer, n int) {
			to := (*T)(acc)
			s := identity
			for _, v := range list[T](x, n) {
				s = f(s, v)
			}
			*to = f(*to, s)
		},
		each: func(acc, x unsafe.Pointer, n int) {
			to := list[T](acc, n)
			for i, v := range list[T](x, n) {
				to[i] = f(to[i], v)
			}
		},
	}
	*(*T)(unsafe.Pointer(&g.identity)) = identity
	size := int(unsafe.Sizeof(identity))
	g.rows = func(acc, x unsafe.Pointer, rows, n int) {
		for i := range rows {
			g.all(unsafe.Add(acc, i*size), unsafe.Add(x, i*n*size), n)
		}
	}
	g.columns = func(acc, x unsafe.Pointer, rows, n int) {
		for i := range rows {
			g.each(acc, unsafe.Add(x, i*n*size), n)
		}
	}
	return g
}

// realFolding uses package vec. Its sums over a tile start from 0 and are then added to the sum so far: the
// error grows with the length of a tile and with the number of tiles, not with their product.
func realFolding(how Reduction) folding {
	g := numberFolding(how, float32(math.Inf(-1)), float32(math.Inf(1)))
	type (
		lines = func(dst, x []float32, n int)
		whole = func(x []float32) float32
	)
	use := func(each pairing, all whole, rows, columns lines) {
		g.each = func(acc, x unsafe.Pointer, n int) {
			each(reals(acc, n), reals(acc, n), reals(x, n))
		}
		g.all = func(acc, x unsafe.Pointer, n int) {
			s := [1]float32{all(reals(x, n))}
			each(reals(acc, 1), reals(acc, 1), s[:])
		}
		g.rows = func(acc, x unsafe.Pointer, r, n int) { rows(reals(acc, r), reals(x, r*n), n) }
		g.columns = func(acc, x unsafe.Pointer, r, n int) { columns(reals(acc, n), reals(x, r*n), r) }
	}
	switch how {
	case Sum:
		use(vec.Add, vec.Sum, vec.AddRows, vec.AddColumns)
		g.all = func(acc, x unsafe.Pointer, n int) { *(*float32)(acc) += vec.Sum(reals(x, n)) }
	case Maximum:
		use(vec.Max, vec.Greatest, vec.MaxRows, vec.MaxColumns)
		g.all = func(acc, x unsafe.Pointer, n int) { vec.MaxRows(reals(acc, 1), reals(x, n), n) }
	case Minimum:
		use(vec.Min, vec.Smallest, vec.MinRows, vec.MinColumns)
		g.all = func(acc, x unsafe.Pointer, n int) { vec.MinRows(reals(acc, 1), reals(x, n), n) }
	}
	return g
}
