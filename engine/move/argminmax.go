package move

import (
	"unsafe"

	"galen.dev/internal/cpu"
)

// ArgMinMax finds where the smallest or the largest element lies along an axis. Of equal ones the first wins. A NaN
// beats every number, and a later NaN an earlier one, as in GoMLX's stock backend.
type ArgMinMax struct {
	find                func(dst []int32, src unsafe.Pointer, n, step int, smallest bool)
	store               func(dst, src []byte)
	n, suffix           int
	typ, out            Type
	smallest            bool
	tiles, pieces, size int // a unit is one tile of the suffix at one place of the prefix
	results             int
	found               [][argTile]int32 // per worker
	dst                 []byte
	src                 unsafe.Pointer
	body                func(worker, piece int)
}

// argTile is how many neighbours along the suffix are searched together.
const argTile = 256

// NewArgMinMax plans the search along an axis of a tensor of shape dims and type typ (not Bool); out, an integer,
// is the type of the result, which lacks the axis.
func NewArgMinMax(typ, out Type, dims []int, axis int, smallest bool) *ArgMinMax {
	must(axis >= 0 && axis < len(dims) && typ != Bool && out.integer(), "a search of type %d on axis %d of %d into type %d", typ, axis, len(dims), out)
	p := &ArgMinMax{
		find: finders[typ], store: conversions[Int32][out], n: dims[axis], suffix: product(dims[axis+1:]),
		typ: typ, out: out, smallest: smallest,
	}
	prefix := product(dims[:axis])
	p.results = prefix * p.suffix
	must(p.n > 0 && p.n < 1<<31 || p.results == 0, "the extreme of %d elements", p.n)
	p.tiles = (p.suffix + argTile - 1) / argTile
	p.pieces, p.size = cpu.Chunks(prefix*p.tiles, max(1, grain/max(1, p.n*min(p.suffix, argTile)*typ.Size())), mostPieces)
	p.body = p.piece
	return p
}

// Run searches src.
func (p *ArgMinMax) Run(dst, src []byte) {
	sameLength("the result", dst, p.results*p.out.Size())
	sameLength("the operand", src, p.results*p.n*p.typ.Size())
	if p.results == 0 {
		return
	}
	for len(p.found) < min(cpu.Threads(), p.pieces) {
		p.found = append(p.found, [argTile]int32{})
	}
	p.dst, p.src = dst, unsafe.Pointer(unsafe.SliceData(src))
	if p.pieces == 1 {
		p.piece(0, 0)
	} else {
		cpu.Do(p.pieces, p.body)
	}
	p.dst, p.src = nil, nil
}

func (p *ArgMinMax) piece(worker, piece int) {
	found := &p.found[worker]
	size := p.out.Size()
	for unit := piece * p.size; unit < min((piece+1)*p.size, p.results/p.suffix*p.tiles); unit++ {
		before, from := unit/p.tiles, unit%p.tiles*argTile
		n := min(argTile, p.suffix-from)
		p.find(found[:n], unsafe.Add(p.src, (before*p.n*p.suffix+from)*p.typ.Size()), p.n, p.suffix, p.smallest)
		at := (before*p.suffix + from) * size
		p.store(p.dst[at:at+n*size], Bytes(found[:n]))
	}
}

var finders = [types]func(dst []int32, src unsafe.Pointer, n, step int, smallest bool){
	Int8: find[int8], Int16: find[int16], Int32: find[int32], Int64: find[int64],
	Uint8: find[uint8], Uint16: find[uint16], Uint32: find[uint32], Uint64: find[uint64],
	Float32: find[float32], Float64: find[float64],
	Float16: findHalf(fromFloat16), BFloat16: findHalf(fromBFloat16),
}

// find searches len(dst) neighbouring lanes of n elements, step elements apart.
func find[T number](dst []int32, src unsafe.Pointer, n, step int, smallest bool) {
	if len(dst) == 1 {
		dst[0] = findOne(unsafe.Slice((*T)(src), (n-1)*step+1), step, smallest)
		return
	}
	var best [argTile]T
	clear(dst)
	copy(best[:], unsafe.Slice((*T)(src), len(dst)))
	for i := int32(1); i < int32(n); i++ {
		src = unsafe.Add(src, step*int(unsafe.Sizeof(best[0])))
		row := unsafe.Slice((*T)(src), len(dst))
		for k, v := range row {
			if smallest && v < best[k] || !smallest && v > best[k] || v != v {
				best[k], dst[k] = v, i
			}
		}
	}
}

// findOne searches one lane.
func findOne[T number](lane []T, step int, smallest bool) (at int32) {
	best := lane[0]
	if step == 1 && !smallest { // the common case, that of predicted classes
		for i, v := range lane {
			if v > best || v != v {
				best, at = v, int32(i)
			}
		}
		return at
	}
	for i, k := int32(0), 0; k < len(lane); i, k = i+1, k+step {
		if v := lane[k]; smallest && v < best || !smallest && v > best || v != v {
			best, at = v, i
		}
	}
	return at
}

func findHalf(widen func(uint16) float32) func(dst []int32, src unsafe.Pointer, n, step int, smallest bool) {
	return func(dst []int32, src unsafe.Pointer, n, step int, smallest bool) {
		for k := range dst {
			best := widen(*(*uint16)(unsafe.Add(src, 2*k)))
			dst[k] = 0
			for i := 1; i < n; i++ {
				v := widen(*(*uint16)(unsafe.Add(src, 2*(k+i*step))))
				if smallest && v < best || !smallest && v > best || v != v {
					best, dst[k] = v, int32(i)
				}
			}
		}
	}
}
