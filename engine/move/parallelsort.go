package move

import "galen.dev/internal/cpu"

// sortRun is the length of the runs that threads sort on their own: a run and its copy stay in a second-level cache.
const sortRun = 1 << 15

// parallelSort sorts one long lane: runs on their own, then neighbours merged in rounds, each merge cut into pieces
// at places found by binary search ("merge path", Green, McColl and Bader 2012).
type parallelSort struct {
	n, width     int // width of the runs that are sorted already
	a, b         []uint64
	runs         int
	sort1, merge func(worker, item int)
}

func newParallelSort(n int) *parallelSort {
	p := &parallelSort{n: n, runs: (n + sortRun - 1) / sortRun}
	p.sort1, p.merge = p.sortRun, p.mergePiece
	return p
}

func (p *parallelSort) sort(a, b []uint64) (sorted, other []uint64) {
	p.a, p.b = a, b
	cpu.Do(p.runs, p.sort1)
	for p.width = sortRun; p.width < p.n; p.width *= 2 {
		cpu.Do(p.runs, p.merge)
		p.a, p.b = p.b, p.a
	}
	sorted, other = p.a, p.b
	p.a, p.b = nil, nil
	return sorted, other
}

func (p *parallelSort) sortRun(_, run int) {
	first, last := run*sortRun, min((run+1)*sortRun, p.n)
	if sorted, _ := sortUpper(p.a[first:last], p.b[first:last]); &sorted[0] == &p.b[first] {
		copy(p.a[first:last], sorted)
	}
}

// mergePiece writes the elements of one piece of sortRun elements of b.
func (p *parallelSort) mergePiece(_, piece int) {
	first, last := piece*sortRun, min((piece+1)*sortRun, p.n)
	base := first / (2 * p.width) * 2 * p.width
	middle, end := min(base+p.width, p.n), min(base+2*p.width, p.n)
	left, right := p.a[base:middle], p.a[middle:end]
	i := splitMerge(left, right, first-base)
	left, right = left[i:], right[first-base-i:]
	out := p.b[first:last]
	for k := range out {
		if len(right) == 0 || len(left) > 0 && left[0] < right[0] {
			out[k], left = left[0], left[1:]
		} else {
			out[k], right = right[0], right[1:]
		}
	}
}

// splitMerge says how many of the first k merged elements come from left. Elements are distinct: their lower bits
// are places.
func splitMerge(left, right []uint64, k int) int {
	low, high := max(0, k-len(right)), min(k, len(left))
	for low < high {
		i := (low + high) / 2
		if left[i] < right[k-i-1] {
			low = i + 1
		} else {
			high = i
		}
	}
	return low
}
