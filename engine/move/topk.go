package move

import (
	"math"
	"slices"
	"unsafe"

	"galen.dev/internal/cpu"
)

// TopK finds the k largest elements of every lane, the largest first; of equal ones the earlier comes first. NaN
// counts as larger than every number, and the two zeros are equal.
type TopK struct {
	lanes
	typ          Type
	k            int
	pieces, each int
	scratch      []topScratch // per worker
	src          unsafe.Pointer
	order        []int32
	body         func(worker, piece int)
}

// topScratch holds the best so far, and the keys of a block.
type topScratch struct {
	heap      []ranked
	low, high [256]uint64
}

// ranked is an element by its key and its place in the lane.
type ranked struct {
	key uint64
	at  int32
}

// before says whether a comes before b in the result.
func (a ranked) before(b ranked) bool { return a.key > b.key || a.key == b.key && a.at < b.at }

// NewTopK plans finding k elements along an axis of a tensor of shape dims.
func NewTopK(typ Type, dims []int, axis, k int) *TopK {
	p := &TopK{lanes: newLanes(dims, axis), typ: typ, k: k}
	must(k >= 0 && k <= p.n, "%d largest of %d", k, p.n)
	p.pieces, p.each = p.cut()
	p.body = p.piece
	return p
}

// Run writes to order the indices along the axis of the k largest elements of src; Take fetches the elements.
// The order has the shape of the operand with k in place of the axis.
func (p *TopK) Run(order []int32, src []byte) {
	sameLength("the operand", src, p.size()*p.typ.Size())
	sameCount("places in the order", len(order), p.count*p.k)
	if len(order) == 0 {
		return
	}
	workers := 1
	if p.pieces > 1 {
		workers = min(cpu.Threads(), p.pieces)
	}
	for len(p.scratch) < workers {
		p.scratch = append(p.scratch, topScratch{heap: make([]ranked, p.k)})
	}
	p.src, p.order = unsafe.Pointer(&src[0]), order
	if p.pieces == 1 {
		p.piece(0, 0)
	} else {
		cpu.Do(p.pieces, p.body)
	}
	p.src, p.order = nil, nil
}

func (p *TopK) piece(worker, piece int) {
	s := &p.scratch[worker]
	out := lanes{p.count, p.k, p.step}
	for i := piece * p.each; i < min((piece+1)*p.each, p.count); i++ {
		p.lane(s, unsafe.Add(p.src, p.start(i)*p.typ.Size()))
		to := out.start(i)
		for _, e := range s.heap {
			p.order[to] = e.at
			to += p.step
		}
	}
}

// lane keeps the best k in a heap with the worst on top; most elements meet only the comparison with it.
func (p *TopK) lane(s *topScratch, src unsafe.Pointer) {
	heap, low, high := s.heap, &s.low, &s.high
	wide := highKeyers[p.typ]
	for first := 0; first < p.n; first += len(low) {
		n := min(len(low), p.n-first)
		from := unsafe.Add(src, first*p.step*p.typ.Size())
		lowKeyers[p.typ](low[:n], from, p.step, 0, nil)
		if wide != nil {
			wide(high[:n], from, p.step, 0, nil)
		}
		i := 0
		for ; i < n && first+i < p.k; i++ {
			heap[first+i] = ranked{low[i]>>32 | high[i]&^math.MaxUint32, int32(first + i)}
			if first+i == p.k-1 {
				for top := p.k/2 - 1; top >= 0; top-- {
					sink(heap, top)
				}
			}
		}
		if i == n {
			continue
		}
		// An element as large as the worst so far is later, and loses.
		for worst := heap[0].key; i < n; i++ {
			if key := low[i]>>32 | high[i]&^math.MaxUint32; key > worst {
				heap[0] = ranked{key, int32(first + i)}
				sink(heap, 0)
				worst = heap[0].key
			}
		}
	}
	slices.SortFunc(heap, func(a, b ranked) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
}

// sink restores the heap below i.
func sink(heap []ranked, i int) {
	for {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
			if heap[worst].before(heap[child]) {
				worst = child
			}
		}
		if worst == i {
			return
		}
		heap[i], heap[worst] = heap[worst], heap[i]
		i = worst
	}
}
