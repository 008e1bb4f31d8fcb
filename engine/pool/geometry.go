package pool

// geometry says which elements each window holds. A tensor is seen as images × places along the axes with windows ×
// channels; along one axis a window holds an arithmetic progression of elements, so that first element and count
// describe it.
type geometry struct {
	images, channels int
	axes             []line
	inImage, inRow   int // elements of the operand: of an image, and steps along the last axis (channels)
	outImage         int // elements of the result per image
	rows             int // rows of the result per image: places along all axes but the last
	runs             []run
	most             int // elements of the largest window
}

// line is one axis: window o holds elements first[o], first[o]+step, …, count[o] of them.
type line struct {
	n, out       int
	first, count []int
	step         int
	stride       int // elements of the operand between neighbours along the axis
}

// run is a set of windows along the last axis, each holding count elements: windows at, at+outStep, … , the first
// elements inStep apart.
type run struct{ at, n, outStep, first, inStep, count int }

func newGeometry(dims []int, axes []Axis) *geometry {
	result := Result(dims, axes)
	full := make([]Axis, len(dims))
	copy(full, axes)
	first, last := len(dims), 0
	for i := range full {
		full[i] = full[i].filled()
		a := full[i]
		must(a.Stride > 0, "a window %+v", a)
		if a != (Axis{Size: 1, Stride: 1, Dilation: a.Dilation, InputDilation: 1}) {
			first, last = min(first, i), i+1
		}
	}
	if first >= last { // no window at all: one axis of one element each
		first, last = len(dims), len(dims)
	}
	g := &geometry{images: 1, channels: 1, rows: 1, most: 1}
	for _, n := range dims[:first] {
		g.images *= n
	}
	for _, n := range dims[last:] {
		g.channels *= n
	}
	if first == last {
		g.axes = []line{{n: 1, out: 1, first: []int{0}, count: []int{1}, step: 1}}
	}
	for i := first; i < last; i++ {
		g.axes = append(g.axes, newLine(full[i], dims[i], result[i]))
	}
	g.inImage, g.outImage = g.channels, g.channels
	for i := len(g.axes) - 1; i >= 0; i-- {
		a := &g.axes[i]
		a.stride = g.inImage
		g.inImage *= a.n
		g.outImage *= a.out
		if i < len(g.axes)-1 {
			g.rows *= a.out
		}
		widest := 0
		for _, c := range a.count {
			widest = max(widest, c)
		}
		g.most *= widest
	}
	g.inRow = g.channels
	g.runs = fewestRuns(&g.axes[len(g.axes)-1])
	return g
}

func newLine(a Axis, n, out int) line {
	common := gcd(a.Dilation, a.InputDilation)
	skip := a.InputDilation / common // every so many elements of the window hit no hole
	l := line{n: n, out: out, step: a.Dilation / common, first: make([]int, out), count: make([]int, out)}
	for o := range out {
		begin := o*a.Stride - a.Before
		for k := range min(a.Size, skip) {
			if at := begin + k*a.Dilation; mod(at, a.InputDilation) == 0 {
				l.first[o], l.count[o] = progression(floorDiv(at, a.InputDilation), l.step, (a.Size-1-k)/skip+1, n)
				break
			}
		}
	}
	return l
}

// progression keeps what of at, at+step, … (count of them) lies in [0, n).
func progression(at, step, count, n int) (first, kept int) {
	if at < 0 {
		drop := (-at + step - 1) / step
		at, count = at+drop*step, count-drop
	}
	if at >= n || count <= 0 {
		return 0, 0
	}
	return at, min(count, (n-1-at)/step+1)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func mod(a, b int) int { return (a%b + b) % b }

func floorDiv(a, b int) int { return (a - mod(a, b)) / b }

// fewestRuns cuts the windows of an axis into runs: neighbours, or every second, third, … window, as holes ask.
func fewestRuns(l *line) (best []run) {
	for period := 1; period <= 8; period++ {
		if runs := runsOf(l, period); best == nil || len(runs) < len(best) {
			best = runs
		}
	}
	return best
}

func runsOf(l *line, period int) (runs []run) {
	for phase := range min(period, l.out) {
		for o := phase; o < l.out; {
			r := run{at: o, n: 1, outStep: period, first: l.first[o], count: l.count[o]}
			for o += period; o < l.out && l.count[o] == r.count; o += period {
				step := l.first[o] - l.first[o-period]
				if r.n == 1 {
					r.inStep = step
				} else if step != r.inStep && r.count > 0 {
					break
				}
				r.n++
			}
			runs = append(runs, r)
		}
	}
	return runs
}

// taps is the table of a worker: where the elements of a window are, relative to its first.
type taps struct {
	offsets []int
	counts  []int // of the table, per axis
}

func (g *geometry) newTaps() taps {
	return taps{make([]int, 0, g.most), make([]int, len(g.axes))}
}

// row walks the windows of one row of the result in runs: f gets where the first window begins in the image, and the
// run. The row counts within an image.
func (g *geometry) row(t *taps, row int, f func(at int, r *run, offsets []int)) {
	last := len(g.axes) - 1
	at, changed, empty := 0, false, false
	for i := last - 1; i >= 0; i-- {
		a := &g.axes[i]
		o := row % a.out
		row /= a.out
		at += a.first[o] * a.stride
		if t.counts[i] != a.count[o] {
			t.counts[i], changed = a.count[o], true
		}
		empty = empty || a.count[o] == 0
	}
	for i := range g.runs {
		r := &g.runs[i]
		if empty || r.count == 0 {
			f(at, r, nil)
			continue
		}
		if t.counts[last] != r.count || changed {
			t.counts[last], changed = r.count, false
			g.fill(t)
		}
		f(at+r.first*g.inRow, r, t.offsets)
	}
	if changed { // no window needed the new table
		t.counts[last] = -1
	}
}

func (g *geometry) fill(t *taps) {
	t.offsets = append(t.offsets[:0], 0)
	for i, a := range g.axes {
		// Each entry so far becomes count entries.
		n := len(t.offsets)
		t.offsets = t.offsets[:n*t.counts[i]]
		for k := n - 1; k >= 0; k-- {
			base := t.offsets[k]
			for j := t.counts[i] - 1; j >= 0; j-- {
				t.offsets[k*t.counts[i]+j] = base + j*a.step*a.stride
			}
		}
	}
}
