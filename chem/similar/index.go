package similar

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"

	"galen.dev/internal/cpu"
)

// Hit is a row that was found, and its similarity to the query.
type Hit struct {
	Row   int
	Score float64
}

// before orders hits: higher scores first, then lower rows.
func (h Hit) before(o Hit) bool { return h.Score > o.Score || h.Score == o.Score && h.Row < o.Row }

func compareHits(a, b Hit) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Row, b.Row))
}

// Index is a copy of a matrix, sorted for search. Any number of goroutines may search it at once.
type Index struct {
	m     *Matrix
	data  []uint64
	row   []int32 // the matrix's row of each row here
	start []int32 // rows with b bits are start[b] to start[b+1]-1
	full  bool    // looks at every row: for tests and benchmarks
}

// NewIndex sorts the rows of a matrix by the number of their bits. It takes as much memory as the matrix; rows that
// are appended to the matrix later are not found.
func NewIndex(m *Matrix) *Index {
	n := m.Len()
	x := &Index{m: m, data: make([]uint64, n*m.width), row: make([]int32, n), start: make([]int32, m.bits+2)}
	for _, c := range m.count {
		x.start[c+1]++
	}
	for b := range m.bits + 1 {
		x.start[b+1] += x.start[b]
	}
	at := slices.Clone(x.start)
	for i, c := range m.count {
		k := at[c]
		at[c]++
		x.row[k] = int32(i)
		copy(x.data[int(k)*m.width:], m.padded(i))
	}
	return x
}

// Len is the number of rows.
func (x *Index) Len() int { return len(x.row) }

// Nearest finds the k most similar rows for each row of queries.
func (x *Index) Nearest(ctx context.Context, queries *Matrix, k int, by Measure) ([][]Hit, error) {
	if k < 1 {
		panic("similar: the number of neighbours is not positive")
	}
	return x.search(ctx, queries, by, func(a int) collector { return &nearest{by: by, bits: a, k: k} })
}

// Above finds all rows with at least a score for each row of queries.
func (x *Index) Above(ctx context.Context, queries *Matrix, score float64, by Measure) ([][]Hit, error) {
	good := func(s float64) bool { return s >= score }
	return x.search(ctx, queries, by, func(a int) collector { return &above{by: by, bits: a, good: good} })
}

// collector keeps what one query finds.
type collector interface {
	// need is the smallest number of common bits at which a row of b bits may matter, at least min(a, b)+1 if none
	// does.
	need(b int) int
	add(h Hit)
	// hits are the results in order. The collector may not be used any more.
	hits() []Hit
}

// Rows are counted in blocks that stay in the second cache while a group of queries looks at them.
const (
	blockRows = 256
	groupSize = 16
)

// search runs groups of queries beside each other. Queries with alike numbers of bits go together, since they
// look at the same rows.
func (x *Index) search(ctx context.Context, queries *Matrix, by Measure, collect func(bits int) collector) ([][]Hit, error) {
	if queries.bits != x.m.bits {
		panic("similar: queries have another length than the index")
	}
	order := make([]int, queries.Len())
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(queries.count[a], queries.count[b]) })
	out := make([][]Hit, len(order))
	groups := slices.Collect(slices.Chunk(order, groupSize))
	var stopped atomic.Bool
	cpu.Do(len(groups), func(_, g int) {
		if !stopped.Load() && !x.group(ctx, queries, by, groups[g], collect, out) {
			stopped.Store(true)
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

// group runs one group of queries and reports false where ctx is done.
func (x *Index) group(ctx context.Context, queries *Matrix, by Measure, members []int, collect func(bits int) collector, out [][]Hit) bool {
	scans := make([]scan, len(members))
	for i, q := range members {
		a := queries.Count(q)
		scans[i] = scan{query: queries.padded(q), bits: a, to: collect(a), by: by}
	}
	block := make([]uint32, blockRows)
	middle := scans[len(scans)/2].bits
	// Rows with as many bits as the query may be most similar: from there outwards, in both directions.
	for d := 0; d <= x.m.bits; d++ {
		if ctx.Err() != nil {
			return false
		}
		for _, b := range [2]int{middle - d, middle + d} {
			if b < 0 || b > x.m.bits || d == 0 && b != middle {
				continue
			}
			x.rows(scans, b, block)
			if d == 0 {
				break
			}
		}
	}
	for i, q := range members {
		out[q] = scans[i].to.hits()
	}
	return true
}

// scan is one query under way.
type scan struct {
	query []uint64
	bits  int
	by    Measure
	to    collector
}

// rows shows all rows of b bits to the queries to which they may matter.
func (x *Index) rows(scans []scan, b int, block []uint32) {
	w := x.m.width
	for lo := int(x.start[b]); lo < int(x.start[b+1]); lo += blockRows {
		hi := min(lo+blockRows, int(x.start[b+1]))
		for i := range scans {
			s := &scans[i]
			need := s.to.need(b)
			if need > min(s.bits, b) && !x.full {
				continue
			}
			counts := block[:hi-lo]
			common(counts, x.data[lo*w:hi*w], s.query)
			least := uint32(need)
			for k, c := range counts {
				if c < least {
					continue
				}
				s.to.add(Hit{int(x.row[lo+k]), s.by.Score(int(c), s.bits, b)})
				least = uint32(s.to.need(b))
			}
		}
	}
}

// above collects everything from a score on.
type above struct {
	by        Measure
	bits      int
	good      func(score float64) bool
	cached    bool
	last, cut int
	list      []Hit
}

func (c *above) need(b int) int {
	if !c.cached || c.last != b {
		c.cached, c.last = true, b
		c.cut = c.by.need(c.bits, b, c.good)
	}
	return c.cut
}

func (c *above) add(h Hit) { c.list = append(c.list, h) }

func (c *above) hits() []Hit {
	slices.SortFunc(c.list, compareHits)
	return c.list
}

// nearest keeps the best k in a heap whose root is the worst of them.
type nearest struct {
	by        Measure
	bits, k   int
	heap      []Hit
	cached    bool
	last, cut int
}

func (c *nearest) need(b int) int {
	if len(c.heap) < c.k {
		return 0
	}
	if !c.cached || c.last != b {
		worst := c.heap[0].Score
		c.cached, c.last = true, b
		c.cut = c.by.need(c.bits, b, func(s float64) bool { return s >= worst })
	}
	return c.cut
}

func (c *nearest) add(h Hit) {
	if len(c.heap) < c.k {
		c.heap = append(c.heap, h)
		for i := len(c.heap) - 1; i > 0; {
			p := (i - 1) / 2
			if !c.heap[p].before(c.heap[i]) {
				break
			}
			c.heap[p], c.heap[i] = c.heap[i], c.heap[p]
			i = p
		}
		return
	}
	if !h.before(c.heap[0]) {
		return
	}
	c.cached = false
	c.heap[0] = h
	for i := 0; ; {
		worst := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(c.heap) && c.heap[worst].before(c.heap[child]) {
				worst = child
			}
		}
		if worst == i {
			return
		}
		c.heap[i], c.heap[worst] = c.heap[worst], c.heap[i]
		i = worst
	}
}

func (c *nearest) hits() []Hit {
	slices.SortFunc(c.heap, compareHits)
	return c.heap
}
