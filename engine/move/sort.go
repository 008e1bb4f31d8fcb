package move

import (
	"math"
	"slices"
	"unsafe"

	"galen.dev/internal/cpu"
)

// lanes are the lines of a tensor along one axis: lane i begins at start(i), its elements step apart.
type lanes struct{ count, n, step int }

func newLanes(dims []int, axis int) lanes {
	must(axis >= 0 && axis < len(dims), "axis %d of %d", axis, len(dims))
	must(dims[axis] <= math.MaxInt32, "%d elements sorted", dims[axis])
	l := lanes{count: 1, n: dims[axis], step: product(dims[axis+1:])}
	l.count = product(dims[:axis]) * l.step
	return l
}

func (l lanes) size() int { return l.count * l.n }

func (l lanes) start(i int) int { return i/l.step*l.step*l.n + i%l.step }

func (l lanes) cut() (pieces, size int) { return cpu.Chunks(l.count, grain/16/max(l.n, 1), mostPieces) }

// SortKeys sorts the lanes of one tensor of numbers, equal elements in their old order. NaN counts as larger than
// every number, so it comes last, or first where descending; the two zeros are equal.
type SortKeys struct {
	lanes
	typ          Type
	flip         uint32
	pieces, each int
	scratch      []sortScratch // per worker
	parallel     *parallelSort // for one long lane
	dst, src     unsafe.Pointer
	order        []int32
	body         func(worker, piece int)
}

type sortScratch struct {
	keys, spare []uint64
	order       []int32
}

// NewSortKeys plans sorting along an axis of a tensor of shape dims.
func NewSortKeys(typ Type, dims []int, axis int, descending bool) *SortKeys {
	p := &SortKeys{lanes: newLanes(dims, axis), typ: typ}
	if descending {
		p.flip = math.MaxUint32
	}
	p.pieces, p.each = p.cut()
	p.body = p.piece
	if p.n >= 2*sortRun && p.count < 16 {
		p.parallel = newParallelSort(p.n)
	}
	return p
}

// Run sorts src into dst and writes to order, where it is not nil, at which index along the axis each element was.
// dst may be src itself.
func (p *SortKeys) Run(dst, src []byte, order []int32) {
	sameLength("the result", dst, p.size()*p.typ.Size())
	sameLength("the operand", src, p.size()*p.typ.Size())
	if order != nil {
		sameCount("places in the order", len(order), p.size())
	}
	if p.size() == 0 {
		return
	}
	p.dst, p.src, p.order = unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), order
	switch {
	case p.parallel != nil:
		p.room(0)
		for i := range p.count {
			p.lane(&p.scratch[0], i)
		}
	case p.pieces == 1:
		p.room(0)
		p.piece(0, 0)
	default:
		p.room(min(cpu.Threads(), p.pieces) - 1)
		cpu.Do(p.pieces, p.body)
	}
	p.dst, p.src, p.order = nil, nil, nil
}

// room makes scratch for workers up to last.
func (p *SortKeys) room(last int) {
	for len(p.scratch) <= last {
		s := sortScratch{keys: make([]uint64, p.n), spare: make([]uint64, p.n)}
		if highKeyers[p.typ] != nil {
			s.order = make([]int32, p.n)
		}
		p.scratch = append(p.scratch, s)
	}
}

func (p *SortKeys) piece(worker, piece int) {
	for i := piece * p.each; i < min((piece+1)*p.each, p.count); i++ {
		p.lane(&p.scratch[worker], i)
	}
}

// lane sorts keys with their places, and puts elements where their places say.
func (p *SortKeys) lane(s *sortScratch, i int) {
	start := p.start(i)
	size := p.typ.Size()
	src := unsafe.Add(p.src, start*size)
	lowKeyers[p.typ](s.keys, src, p.step, p.flip, nil)
	sorted, other := p.sort(s.keys, s.spare)
	if high := highKeyers[p.typ]; high != nil {
		for k, e := range sorted {
			s.order[k] = int32(uint32(e))
		}
		high(other, src, p.step, p.flip, s.order)
		sorted, other = p.sort(other, sorted)
		for k, e := range sorted {
			sorted[k] = e&^math.MaxUint32 | uint64(s.order[uint32(e)])
		}
	}
	if p.order != nil {
		for k, e := range sorted {
			p.order[start+k*p.step] = int32(uint32(e))
		}
	}
	dst := unsafe.Add(p.dst, start*size)
	switch size {
	case 1:
		takeSorted[uint8](dst, src, p.step, sorted, other)
	case 2:
		takeSorted[uint16](dst, src, p.step, sorted, other)
	case 4:
		takeSorted[uint32](dst, src, p.step, sorted, other)
	default:
		takeSorted[uint64](dst, src, p.step, sorted, other)
	}
}

// takeSorted goes through spare memory, since dst may be src.
func takeSorted[T uint8 | uint16 | uint32 | uint64](dst, src unsafe.Pointer, step int, sorted, spare []uint64) {
	size := int(unsafe.Sizeof(T(0)))
	taken := unsafe.Slice((*T)(unsafe.Pointer(&spare[0])), len(sorted))
	for k, e := range sorted {
		taken[k] = *(*T)(unsafe.Add(src, int(uint32(e))*step*size))
	}
	for k, v := range taken {
		*(*T)(unsafe.Add(dst, k*step*size)) = v
	}
}

// sort sorts a by its upper 32 bits, keeping the order of equal ones, and returns the sorted memory, a or b, and
// the other one. The lower 32 bits of a must increase.
func (p *SortKeys) sort(a, b []uint64) (sorted, other []uint64) {
	if p.parallel != nil {
		return p.parallel.sort(a, b)
	}
	return sortUpper(a, b)
}

func sortUpper(a, b []uint64) (sorted, other []uint64) {
	if len(a) < 400 { // where a comparison sort is faster
		slices.Sort(a)
		return a, b
	}
	return radix(a, b)
}

// radix sorts by the upper 32 bits in three passes of 11, 11 and 10 bits, from the lowest, and leaves out passes in
// which all digits are equal.
func radix(a, b []uint64) (sorted, other []uint64) {
	var count [3][1 << 11]uint32
	for _, e := range a {
		count[0][e>>32&0x7ff]++
		count[1][e>>43&0x7ff]++
		count[2][e>>54]++
	}
	for pass, shift := range [3]int{32, 43, 54} {
		c := &count[pass]
		if int(c[a[0]>>shift&0x7ff]) == len(a) {
			continue
		}
		sum := uint32(0)
		for i, n := range c {
			c[i] = sum
			sum += n
		}
		b = b[:len(a)]
		for _, e := range a {
			digit := e >> shift & 0x7ff
			b[c[digit]] = e
			c[digit]++
		}
		a, b = b, a
	}
	return a, b
}

// Sort finds the order of lanes under a comparison: a merge sort, stable always.
type Sort struct {
	lanes
	pieces, each int
	spare        [][]int32 // per worker
	order        [][]int32
	dst          []int32
	less         func(worker, a, b int) bool
	body         func(worker, piece int)
}

// NewSort plans sorting along an axis of tensors of shape dims.
func NewSort(dims []int, axis int) *Sort {
	p := &Sort{lanes: newLanes(dims, axis)}
	p.pieces, p.each = p.cut()
	p.body = p.piece
	return p
}

// Run writes to order at which index along the axis each element of the sorted tensors comes from; Take then
// moves the tensors. less says whether the elements at place a, counted over the whole tensor, come before those at
// place b. It runs on several goroutines at once, no two with the same worker.
func (p *Sort) Run(order []int32, less func(worker, a, b int) bool) {
	sameCount("places in the order", len(order), p.size())
	if p.size() == 0 {
		return
	}
	workers := 1
	if p.pieces > 1 {
		workers = min(cpu.Threads(), p.pieces)
	}
	for len(p.spare) < workers {
		p.spare, p.order = append(p.spare, make([]int32, p.n)), append(p.order, make([]int32, p.n))
	}
	p.dst, p.less = order, less
	if p.pieces == 1 {
		p.piece(0, 0)
	} else {
		cpu.Do(p.pieces, p.body)
	}
	p.dst, p.less = nil, nil
}

func (p *Sort) piece(worker, piece int) {
	ids := p.order[worker]
	for i := piece * p.each; i < min((piece+1)*p.each, p.count); i++ {
		start := p.start(i)
		for k := range ids {
			ids[k] = int32(k)
		}
		p.merge(worker, start, ids, p.spare[worker])
		for k, id := range ids {
			p.dst[start+k*p.step] = id
		}
	}
}

// merge sorts ids, which are indices along the lane that begins at start.
func (p *Sort) merge(worker, start int, ids, spare []int32) {
	if len(ids) <= 8 {
		for i := 1; i < len(ids); i++ {
			id := ids[i]
			k := i
			for ; k > 0 && p.less(worker, start+int(id)*p.step, start+int(ids[k-1])*p.step); k-- {
				ids[k] = ids[k-1]
			}
			ids[k] = id
		}
		return
	}
	half := len(ids) / 2
	p.merge(worker, start, ids[:half], spare[:half])
	p.merge(worker, start, ids[half:], spare[half:])
	if !p.less(worker, start+int(ids[half])*p.step, start+int(ids[half-1])*p.step) {
		return
	}
	left := spare[:copy(spare, ids[:half])]
	right := ids[half:]
	for k := range ids {
		if len(left) == 0 {
			return
		}
		if len(right) > 0 && p.less(worker, start+int(right[0])*p.step, start+int(left[0])*p.step) {
			ids[k], right = right[0], right[1:]
		} else {
			ids[k], left = left[0], left[1:]
		}
	}
}

// Take moves the elements of a tensor along an axis to the order that Sort, SortKeys or TopK found.
type Take struct {
	lanes
	size, kept   int
	pieces, each int
	dst, src     []byte
	order        []int32
	body         func(worker, piece int)
}

// NewTake plans taking, from a tensor of shape dims with elements of size bytes (1, 2, 4 or 8), as many elements
// along the axis as kept says.
func NewTake(size int, dims []int, axis, kept int) *Take {
	must(size == 1 || size == 2 || size == 4 || size == 8, "elements of %d bytes", size)
	p := &Take{lanes: newLanes(dims, axis), size: size, kept: kept}
	p.pieces, p.each = p.cut()
	p.body = p.piece
	return p
}

// Run sets dst[…,k,…] = src[…,order[…,k,…],…].
func (p *Take) Run(dst, src []byte, order []int32) {
	sameLength("the result", dst, p.count*p.kept*p.size)
	sameLength("the operand", src, p.lanes.size()*p.size)
	sameCount("places in the order", len(order), p.count*p.kept)
	p.dst, p.src, p.order = dst, src, order
	if p.pieces == 1 {
		p.piece(0, 0)
	} else {
		cpu.Do(p.pieces, p.body)
	}
	p.dst, p.src, p.order = nil, nil, nil
}

func (p *Take) piece(_, piece int) {
	switch p.size {
	case 1:
		take(p, piece, p.dst, p.src)
	case 2:
		take(p, piece, view[uint16](p.dst), view[uint16](p.src))
	case 4:
		take(p, piece, view[uint32](p.dst), view[uint32](p.src))
	default:
		take(p, piece, view[uint64](p.dst), view[uint64](p.src))
	}
}

func take[T uint8 | uint16 | uint32 | uint64](p *Take, piece int, dst, src []T) {
	out := lanes{p.count, p.kept, p.step}
	for i := piece * p.each; i < min((piece+1)*p.each, p.count); i++ {
		to, from := out.start(i), p.start(i)
		for range p.kept {
			dst[to] = src[from+int(p.order[to])*p.step]
			to += p.step
		}
	}
}
