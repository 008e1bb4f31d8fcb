package similar

import (
	"cmp"
	"context"
	"slices"
)

// Butina clusters the rows: the row with most neighbours within a distance, 1 - Tanimoto, takes them as its
// cluster, then the row with next most takes what is left of its own, and so on. Each cluster starts with its
// centre. With reorder, neighbours that are taken do not count any more when the next centre is chosen.
//
// Clusters are those of RDKit's Butina.ClusterData on the same distances, in the same order: among equals the
// higher row goes first. Memory grows with the number of pairs within the distance.
func Butina(ctx context.Context, m *Matrix, distance float64, reorder bool) ([][]int, error) {
	near, err := m.neighbours(ctx, distance)
	if err != nil {
		return nil, err
	}
	b := &butina{near: near, count: make([]int, len(near)), seen: make([]bool, len(near))}
	for i, l := range near {
		b.count[i] = len(l)
	}
	if reorder {
		return b.reordering(ctx)
	}
	order := make([]int, len(near))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return cmp.Or(cmp.Compare(b.count[y], b.count[x]), cmp.Compare(y, x)) })
	for _, i := range order {
		b.cluster(i)
	}
	return b.clusters, nil
}

type butina struct {
	near     [][]int32 // of each row, itself included, rising
	count    []int
	seen     []bool
	clusters [][]int
}

// cluster makes a cluster around a row, unless it is in one.
func (b *butina) cluster(i int) []int {
	if b.seen[i] {
		return nil
	}
	b.seen[i] = true
	c := []int{i}
	for _, k := range b.near[i] {
		if !b.seen[k] {
			b.seen[k] = true
			c = append(c, int(k))
		}
	}
	b.clusters = append(b.clusters, c)
	return c
}

// reordering keeps rows in buckets by the number of their neighbours that are free.
func (b *butina) reordering(ctx context.Context) ([][]int, error) {
	most := 0
	for _, n := range b.count {
		most = max(most, n)
	}
	buckets := make([]rowHeap, most+1)
	for i, n := range b.count {
		buckets[n].push(i)
	}
	for n := most; n > 0; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		i, ok := buckets[n].pop()
		if !ok {
			n--
			continue
		}
		if b.seen[i] || b.count[i] != n {
			continue
		}
		for _, member := range b.cluster(i) {
			for _, k := range b.near[member] {
				if !b.seen[k] {
					b.count[k]--
					buckets[b.count[k]].push(int(k))
				}
			}
		}
	}
	return b.clusters, nil
}

// rowHeap gives the highest row first.
type rowHeap []int

func (h *rowHeap) push(row int) {
	*h = append(*h, row)
	l := *h
	for i := len(l) - 1; i > 0 && l[(i-1)/2] < l[i]; i = (i - 1) / 2 {
		l[i], l[(i-1)/2] = l[(i-1)/2], l[i]
	}
}

func (h *rowHeap) pop() (int, bool) {
	l := *h
	if len(l) == 0 {
		return 0, false
	}
	top := l[0]
	l[0] = l[len(l)-1]
	l = l[:len(l)-1]
	*h = l
	for i := 0; ; {
		best := i
		for _, c := range [2]int{2*i + 1, 2*i + 2} {
			if c < len(l) && l[c] > l[best] {
				best = c
			}
		}
		if best == i {
			return top, true
		}
		l[i], l[best] = l[best], l[i]
		i = best
	}
}

// neighbours lists for each row the rows within a distance, itself included, rising.
func (m *Matrix) neighbours(ctx context.Context, distance float64) ([][]int32, error) {
	// Distances are rounded before they are compared, as RDKit's are.
	good := func(score float64) bool { return 1-score <= distance }
	hits, err := NewIndex(m).search(ctx, m, Tanimoto, func(a int) collector { return &above{bits: a, good: good} })
	if err != nil {
		return nil, err
	}
	near := make([][]int32, len(hits))
	for i, l := range hits {
		near[i] = make([]int32, 0, len(l)+1)
		for _, h := range l {
			near[i] = append(near[i], int32(h.Row))
		}
		slices.Sort(near[i])
		if k, ok := slices.BinarySearch(near[i], int32(i)); !ok { // empty fingerprints are not similar to themselves
			near[i] = slices.Insert(near[i], k, int32(i))
		}
		hits[i] = nil
	}
	return near, nil
}
