package move

import (
	"math"
	"slices"
	"unsafe"
)

// index reads element i of a tensor of integers.
func index(typ Type, p unsafe.Pointer, i int) int {
	switch typ {
	case Int32:
		return int(*(*int32)(unsafe.Add(p, 4*i)))
	case Int64:
		return int(*(*int64)(unsafe.Add(p, 8*i)))
	case Int8:
		return int(*(*int8)(unsafe.Add(p, i)))
	case Int16:
		return int(*(*int16)(unsafe.Add(p, 2*i)))
	case Uint8:
		return int(*(*uint8)(unsafe.Add(p, i)))
	case Uint16:
		return int(*(*uint16)(unsafe.Add(p, 2*i)))
	case Uint32:
		return int(*(*uint32)(unsafe.Add(p, 4*i)))
	default:
		return int(min(*(*uint64)(unsafe.Add(p, 8*i)), math.MaxInt))
	}
}

// batch walks the index vectors of a gather or a scatter, in order, together with the tensor (the gathered result,
// the scattered updates) that has a window for each.
type batch struct {
	typ    Type
	n      int    // index vectors
	axes   []Axis // Dst: stride in the tensor of windows, Src: stride in the indices, as elements of the indices
	vector int    // elements between the parts of a vector
}

// newBatch reads the shape of indices, whose axis vectorAxis holds the parts of a vector (past the last axis:
// vectors of one part), and the strides of the axes of the other tensor that match the remaining axes. It returns
// the number of parts too.
func newBatch(typ Type, indices []int, vectorAxis int, windowStrides []int) (batch, int) {
	must(typ.integer(), "indices of type %d", typ)
	must(vectorAxis >= 0 && vectorAxis <= len(indices), "index vectors on axis %d of %d", vectorAxis, len(indices))
	b := batch{typ: typ, n: 1, vector: 1}
	parts := 1
	strides := rowMajor(1, indices)
	for i, n := range indices {
		if i == vectorAxis {
			parts, b.vector = n, strides[i]
			continue
		}
		must(len(windowStrides) > len(b.axes), "indices of shape %v with %d axes of windows", indices, len(windowStrides))
		b.axes = append(b.axes, Axis{n, windowStrides[len(b.axes)], strides[i]})
		b.n *= n
	}
	must(len(b.axes) == len(windowStrides) && len(b.axes) < mostAxes, "indices of shape %v with %d axes of windows", indices, len(windowStrides))
	// Neighbours that make one long loop become one.
	joined := b.axes[:0]
	for _, a := range b.axes {
		if k := len(joined); k > 0 && joined[k-1].Dst == a.Dst*a.N && joined[k-1].Src == a.Src*a.N {
			joined[k-1] = Axis{joined[k-1].N * a.N, a.Dst, a.Src}
		} else if a.N != 1 {
			joined = append(joined, a)
		}
	}
	b.axes = joined
	return b, parts
}

// cursor is a place of a batch.
type cursor struct {
	at            [mostAxes]int
	window, index int
}

func (b *batch) seek(i int) (c cursor) {
	for k := len(b.axes) - 1; k >= 0; k-- {
		a := b.axes[k]
		c.at[k] = i % a.N
		i /= a.N
		c.window += c.at[k] * a.Dst
		c.index += c.at[k] * a.Src
	}
	return c
}

func (b *batch) next(c *cursor) {
	for k := len(b.axes) - 1; k >= 0; k-- {
		a := &b.axes[k]
		c.window += a.Dst
		c.index += a.Src
		if c.at[k]++; c.at[k] < a.N {
			return
		}
		c.at[k] = 0
		c.window -= a.N * a.Dst
		c.index -= a.N * a.Src
	}
}

// others lists the axes below rank that are not in axes, in order.
func others(rank int, axes []int) (rest []int) {
	for i := range rank {
		if !slices.Contains(axes, i) {
			rest = append(rest, i)
		}
	}
	return rest
}

func checkAxes(what string, rank int, axes []int) {
	for i, a := range axes {
		must(a >= 0 && a < rank && !slices.Contains(axes[:i], a), "%s %v of %d axes", what, axes, rank)
	}
}
