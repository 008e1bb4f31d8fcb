package loop

// Work is cut into chunks by its amount alone. A chunk is worth grain simple operations on an element, a few
// microseconds, so that handing it to another thread pays; more than mostChunks would only add partial sums.
const (
	grain      = 24 << 10
	mostChunks = 64
	minWidth   = 512 // elements that a piece of a dimension and those inside it have at least
)

// A grid cuts the dimensions down to the split one into pieces; a chunk is a choice of one piece of each.
type grid struct {
	pieces []int
	size   []int
	chunks int
}

// cost estimates what an element takes, in simple vector operations.
func (p *Program) cost() int {
	cost := 1
	for _, a := range p.actions {
		if a.act != compute {
			cost++
			continue
		}
		v := &p.values[a.d]
		switch {
		case a.single:
		case v.op >= Exp && v.op <= Silu || v.op == Pow || v.op == Rem || v.op == Atan2:
			cost += 8
		case v.typ != F32 && v.typ != Bool:
			cost += 8
		default:
			cost++
		}
	}
	return cost
}

// cut makes the grid. Dimensions that every reduction keeps are cut first: their chunks share no sums.
func (p *Program) cut() {
	g := grid{pieces: make([]int, p.split+1), size: make([]int, p.split+1), chunks: 1}
	want := 1
	for want < mostChunks && p.total*p.cost() >= 2*want*grain {
		want *= 2
	}
	for d := range g.pieces {
		g.pieces[d] = 1
	}
	for _, shared := range []bool{false, true} {
		for d := range g.pieces {
			if p.shared(d) != shared || want <= 1 {
				continue
			}
			most := min(p.dims[d], p.dims[d]*p.inside(d)/minWidth)
			if shared {
				most = min(most, p.affordable(d))
			}
			pieces := min(want, most)
			if pieces <= 1 {
				continue
			}
			size := (p.dims[d] + pieces - 1) / pieces
			if d == p.split && size > p.block {
				size = (size + p.block - 1) / p.block * p.block
			}
			g.pieces[d] = (p.dims[d] + size - 1) / size
			want = (want + g.pieces[d] - 1) / g.pieces[d]
		}
	}
	for d, n := range g.pieces {
		g.size[d] = (p.dims[d] + n - 1) / n
		if d == p.split && g.size[d] > p.block {
			g.size[d] = (g.size[d] + p.block - 1) / p.block * p.block
		}
		g.chunks *= n
	}
	p.grid = g
	for i := range p.outputs {
		r := &p.outputs[i]
		r.slots = 1
		for d, n := range g.pieces {
			if r.reduced && r.acc[d] == 0 {
				r.slots *= n
			}
		}
		p.reducing = p.reducing || r.reduced
		p.rowSums = p.rowSums || r.reduced && (r.byRow || !r.direct)
	}
}

// inside is the number of elements for each index of dimension d.
func (p *Program) inside(d int) int {
	n := 1
	for _, x := range p.dims[d+1:] {
		n *= x
	}
	return n
}

// shared says whether chunks along dimension d would add to the same sums.
func (p *Program) shared(d int) bool {
	for i := range p.outputs {
		if r := &p.outputs[i]; r.reduced && r.acc[d] == 0 {
			return true
		}
	}
	return false
}

// affordable is how many pieces dimension d may have such that partial sums stay well below the operands.
func (p *Program) affordable(d int) int {
	most := mostChunks
	for i := range p.outputs {
		if r := &p.outputs[i]; r.reduced && r.acc[d] == 0 {
			most = min(most, max(p.total/4, 16<<10)/max(r.count, 1))
		}
	}
	return most
}

// box sets lo and hi to the range of a chunk.
func (g *grid) box(chunk int, dims, lo, hi []int) {
	for d := len(g.pieces) - 1; d >= 0; d-- {
		i := chunk % g.pieces[d]
		chunk /= g.pieces[d]
		lo[d] = min(i*g.size[d], dims[d])
		hi[d] = min(lo[d]+g.size[d], dims[d])
	}
}

// slot is which partial result of an output a chunk adds to.
func (g *grid) slot(chunk int, r *result) int {
	slot, weight := 0, 1
	for d := len(g.pieces) - 1; d >= 0; d-- {
		i := chunk % g.pieces[d]
		chunk /= g.pieces[d]
		if r.acc[d] == 0 {
			slot += i * weight
			weight *= g.pieces[d]
		}
	}
	return slot
}
