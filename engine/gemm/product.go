package gemm

import (
	"galen.dev/engine/tile"
	"galen.dev/internal/cpu"
)

// A span is a part of the inner dimension: k elements from k0 on, which segments (of the whole) place in memory.
type span struct {
	k0, k    int
	segments []tile.ColSeg
}

// clip is the part of the segments that covers the span.
func (r span) clip(lda, ldb int) []tile.ColSeg {
	if r.segments == nil {
		return []tile.ColSeg{{A: r.k0 * lda, B: r.k0 * ldb, K: r.k}}
	}
	var part []tile.ColSeg
	at := 0
	for _, g := range r.segments {
		from, to := max(r.k0, at), min(r.k0+r.k, at+g.K)
		if from < to {
			part = append(part, tile.ColSeg{A: g.A + (from-at)*lda, B: g.B + (from-at)*ldb, K: to - from})
		}
		at += g.K
	}
	return part
}

// A group is a part of the inner dimension that is packed at once.
type group struct {
	span
	source []tile.ColSeg // where it lies
	blocks []block
}

// A block is a part of a group between two visits of C.
type block struct {
	k0, k    int           // from the group's start
	segments []tile.ColSeg // for tile.Col; offsets of packed operands count from the tile's or panel's start
	row      [1]tile.Seg   // for tile.Row
}

// operands are the matrices of one product. panels is set instead of b where B was packed before.
type operands struct{ a, b, panels, c []float32 }

// A product is one matrix product, cut and ready; it holds no operands but while it runs.
type product struct {
	m, n, k        int
	lda, ldb, ldc  int
	transA, transB bool
	add            bool
	a, b           form
	given          bool // B comes packed, as panels of givenK rows
	givenK         int
	height         int // of a tile
	tiles, panels  int
	grid           grid
	tileOuter      bool // tiles run outside panels, because B stays in cache
	groups         []group
	most           int // the longest group

	// While running on several threads:
	operands
	scratch  *scratch
	finish   finish
	group    int
	rowsEach int // rows passed to the epilogue at once where items share rows
	packOne  func(worker, item int)
	tilesOne func(worker, item int)
	lastOne  func(worker, item int)
}

// newProduct plans the part of s in the span k (one element of the batch); alone says that it runs on one thread.
func newProduct(s Shape, k span, alone bool) *product {
	p := &product{
		m: s.M, n: s.N, k: k.k, lda: s.LDA, ldb: s.LDB, ldc: s.LDC, transA: s.TransA, transB: s.TransB,
		add: s.Accumulate, given: s.Packed, givenK: s.K, height: tile.Height(s.M), panels: tile.Panels(s.N),
	}
	p.a, p.b = forms(s)
	p.tiles = (p.m + p.height - 1) / p.height
	p.grid = grid{1, 1, p.tiles, p.panels}
	if !alone {
		p.grid = cut(p.m, p.n, p.k, p.tiles, p.panels)
	}
	p.tileOuter = p.grid.panels*min(p.k, p.blockK())*tile.Width <= inPlaceFloats
	p.cutInner(k)
	_, p.rowsEach = cpu.Chunks(p.m, (epilogueFloats+p.n-1)/p.n, mostItems)
	p.packOne, p.tilesOne, p.lastOne = p.packItem, p.tileItem, p.lastItem
	return p
}

// cutInner cuts the inner dimension into groups and blocks, as even as can be.
func (p *product) cutInner(whole span) {
	size := 0
	if p.packsA() {
		size += p.tiles * tile.Lead
	}
	if p.packsB() {
		size += p.panels * tile.Width
	}
	perGroup := whole.k
	if size > 0 {
		perGroup = max(blockK, groupFloats/size)
	}
	for _, g := range even(whole.k0, whole.k, perGroup) {
		r := span{g[0], g[1], whole.segments}
		grp := group{span: r, source: r.clip(p.aStep(), p.bStep())}
		p.most = max(p.most, r.k)
		for _, b := range even(0, r.k, p.blockK()) {
			grp.blocks = append(grp.blocks, p.block(r, b[0], b[1]))
		}
		p.groups = append(p.groups, grp)
	}
}

// blockK is the longest block.
func (p *product) blockK() int {
	switch {
	case p.b == inPlace && p.m <= dotRows:
		return max(16, min(blockInPlace, vectorFloats/p.ldb/4*4))
	case p.b == inPlace:
		return blockInPlace
	case p.b == alongRows:
		return blockRows
	}
	return blockK
}

// even cuts n elements from k0 on into the fewest parts of at most most elements.
func even(k0, n, most int) [][2]int {
	var parts [][2]int
	count := (n + most - 1) / max(most, 1)
	for i := range count {
		from, to := i*n/count, (i+1)*n/count
		parts = append(parts, [2]int{k0 + from, to - from})
	}
	return parts
}

// aStep and bStep are how far apart in memory neighbours along the inner dimension lie.
func (p *product) aStep() int {
	if p.transA {
		return p.lda
	}
	return 1
}

func (p *product) bStep() int {
	if p.transB {
		return 1
	}
	return p.ldb
}

// block prepares the kernels' arguments for k elements from k0 on of the group r.
func (p *product) block(r span, k0, k int) block {
	b := block{k0: k0, k: k}
	if p.a == rowsInPlace || p.a == rowsCopied {
		b.row[0].K = k
		return b
	}
	b.segments = span{r.k0 + k0, k, r.segments}.clip(p.aStep(), p.bStep())
	at := k0
	for i := range b.segments {
		s := &b.segments[i]
		if p.a == packed {
			s.A = at * tile.Lead
		}
		if p.b == packed {
			s.B = at * tile.Width
		}
		at += s.K
	}
	return b
}

// aLead is the leading dimension with which tile.Col reads A.
func (p *product) aLead() int {
	switch {
	case p.a == packed:
		return tile.Lead
	case !p.transA:
		return 1 // a single row, read along itself
	}
	return p.lda
}

// rowStride is the distance of copied rows: no multiple of a cache's period, so that rows do not displace each
// other.
func rowStride(k int) int {
	const line, period = 16, 256
	stride := (k + line - 1) / line * line
	if stride%period == 0 {
		stride += line
	}
	return stride
}

// scratchSizes are how many floats of A and B are packed at once.
func (p *product) scratchSizes() (a, b int) {
	switch p.a {
	case packed:
		a = p.tiles * tile.Lead * p.most
	case rowsCopied:
		a = p.tiles * p.height * rowStride(p.most)
	}
	if p.packsB() {
		b = p.panels * tile.Width * p.most
	}
	return a, b
}

// packsA and packsB say which operands are copied.
func (p *product) packsA() bool { return p.a == packed || p.a == rowsCopied }
func (p *product) packsB() bool { return p.b == packed && !p.given }

// packTile copies tile t of A for the group g.
func (p *product) packTile(o operands, s *scratch, g *group, t int) {
	i, high := t*p.height, min(p.height, p.m-t*p.height)
	switch {
	case p.a == rowsCopied:
		stride := rowStride(g.k)
		for r := i; r < i+high; r++ {
			p.copyRow(s.a[r*stride:][:g.k], o.a, g, r)
		}
	case p.transA:
		dst := s.a[t*g.k*tile.Lead:]
		for _, seg := range g.source {
			tile.PackA(dst, o.a[seg.A+i:], p.lda, seg.K, high)
			dst = dst[seg.K*tile.Lead:]
		}
	default:
		tile.PackAT(s.a[t*g.k*tile.Lead:], o.a[i*p.lda+g.k0:], p.lda, g.k, high)
	}
}

// copyRow copies row r of A.
func (p *product) copyRow(dst, a []float32, g *group, r int) {
	if !p.transA {
		copy(dst, a[r*p.lda+g.k0:])
		return
	}
	for _, seg := range g.source {
		for k := range seg.K {
			dst[k] = a[seg.A+k*p.lda+r]
		}
		dst = dst[seg.K:]
	}
}

// packPanels copies the panels from first to end of B for the group g.
func (p *product) packPanels(o operands, s *scratch, g *group, first, end int) {
	for j := first; j < end; j++ {
		dst := s.b[j*g.k*tile.Width:][:g.k*tile.Width]
		wide := min(tile.Width, p.n-j*tile.Width)
		if p.transB {
			tile.PackBT(dst, o.b[j*tile.Width*p.ldb+g.k0:], p.ldb, g.k, wide)
			continue
		}
		for _, seg := range g.source {
			tile.PackB(dst, o.b[seg.B+j*tile.Width:], p.ldb, seg.K, wide)
			dst = dst[seg.K*tile.Width:]
		}
	}
}

// multiply computes the tiles from row tile t0 to t1 and panel p0 to p1 over the group g.
func (p *product) multiply(o operands, s *scratch, g *group, t0, t1, p0, p1 int) {
	for n := range g.blocks {
		b := &g.blocks[n]
		add := p.add || n > 0 || g != &p.groups[0]
		if p.tileOuter {
			for t := t0; t < t1; t++ {
				for j := p0; j < p1; j++ {
					p.tile(o, s, g, b, t, j, add)
				}
			}
			continue
		}
		for j := p0; j < p1; j++ {
			for t := t0; t < t1; t++ {
				p.tile(o, s, g, b, t, j, add)
			}
		}
	}
}

// tile computes one tile over one block.
func (p *product) tile(o operands, s *scratch, g *group, b *block, t, panel int, add bool) {
	i, j := t*p.height, panel*tile.Width
	rows, cols := min(p.height, p.m-i), min(tile.Width, p.n-j)
	c := &o.c[i*p.ldc+j]
	if p.a == rowsInPlace || p.a == rowsCopied {
		a, lda := p.rowsOf(o, s, g, b, i)
		if p.b == alongRows {
			tile.Dot(c, p.ldc, a, lda, &o.b[j*p.ldb+g.k0+b.k0], p.ldb, b.k, rows, cols, add)
			return
		}
		tile.Row(c, p.ldc, a, lda, b.row[:], p.panel(o, s, g, b.k0, panel), rows, cols, add)
		return
	}
	var a *float32
	if p.a == packed {
		a = &s.a[t*g.k*tile.Lead]
	} else {
		a = &o.a[i]
	}
	if p.b == inPlace {
		tile.Col(c, p.ldc, a, p.aLead(), &o.b[j], p.ldb, b.segments, rows, cols, add)
		return
	}
	tile.Col(c, p.ldc, a, p.aLead(), p.panel(o, s, g, 0, panel), tile.Width, b.segments, rows, cols, add)
}

// rowsOf is A from row i on, and its leading dimension, at the block's start.
func (p *product) rowsOf(o operands, s *scratch, g *group, b *block, i int) (*float32, int) {
	if p.a == rowsInPlace {
		return &o.a[i*p.lda+g.k0+b.k0], p.lda
	}
	stride := rowStride(g.k)
	return &s.a[i*stride+b.k0], stride
}

// panel is the k0-th row of the group in a panel of B.
func (p *product) panel(o operands, s *scratch, g *group, k0, panel int) *float32 {
	if p.given {
		return &o.panels[(panel*p.givenK+g.k0+k0)*tile.Width]
	}
	return &s.b[(panel*g.k+k0)*tile.Width]
}

// empty sets C to 0, which is the sum of nothing.
func (p *product) empty(o operands) {
	for i := 0; i < p.m && !p.add; i++ {
		clear(o.c[i*p.ldc:][:p.n])
	}
}

// serial computes the product on the calling goroutine.
func (p *product) serial(o operands, s *scratch) {
	if p.k == 0 {
		p.empty(o)
	}
	for n := range p.groups {
		g := &p.groups[n]
		for t := 0; t < p.tiles && p.packsA(); t++ {
			p.packTile(o, s, g, t)
		}
		// A panel is used while it is still near.
		step := p.serialPanels()
		for j := 0; j < p.panels; j += step {
			end := min(p.panels, j+step)
			if p.packsB() {
				p.packPanels(o, s, g, j, end)
			}
			p.multiply(o, s, g, 0, p.tiles, j, end)
		}
	}
}

// serialPanels is how many panels are packed before they are used.
func (p *product) serialPanels() int {
	return max(1, inPlaceFloats/(tile.Width*max(1, p.most)))
}

// parallel computes the product on all threads and calls f for finished rows.
func (p *product) parallel(o operands, s *scratch, f finish) {
	items := p.grid.rowBlocks * p.grid.colBlocks
	if items <= 1 || p.k == 0 {
		p.serial(o, s)
		f.call(0, 0, p.m)
		return
	}
	p.operands, p.scratch, p.finish = o, s, f
	for n := range p.groups {
		p.group = n
		if count := p.packItems(); count > 0 {
			cpu.Do(count, p.packOne)
		}
		cpu.Do(items, p.tilesOne)
	}
	if p.grid.colBlocks > 1 && f.epilogue != nil {
		cpu.Do((p.m+p.rowsEach-1)/p.rowsEach, p.lastOne)
	}
	p.operands, p.scratch, p.finish = operands{}, nil, finish{}
}

// packsFirst says that B is packed before the tiles run; where there is one block of rows only, each item packs
// its own panels instead.
func (p *product) packsFirst() bool { return p.packsB() && p.grid.rowBlocks > 1 }

// packItems is how many tiles of A and panels of B are packed first.
func (p *product) packItems() int {
	count := 0
	if p.packsA() {
		count += p.tiles
	}
	if p.packsFirst() {
		count += p.panels
	}
	return count
}

func (p *product) packItem(_, item int) {
	g := &p.groups[p.group]
	if p.packsFirst() {
		if item < p.panels {
			p.packPanels(p.operands, p.scratch, g, item, item+1)
			return
		}
		item -= p.panels
	}
	p.packTile(p.operands, p.scratch, g, item)
}

func (p *product) tileItem(worker, item int) {
	down, across := item/p.grid.colBlocks, item%p.grid.colBlocks
	t0, t1 := down*p.grid.tiles, min((down+1)*p.grid.tiles, p.tiles)
	j0, j1 := across*p.grid.panels, min((across+1)*p.grid.panels, p.panels)
	g := &p.groups[p.group]
	if p.packsB() && !p.packsFirst() {
		p.packPanels(p.operands, p.scratch, g, j0, j1)
	}
	p.multiply(p.operands, p.scratch, g, t0, t1, j0, j1)
	if p.group == len(p.groups)-1 && p.grid.colBlocks == 1 {
		p.finish.call(worker, t0*p.height, min(t1*p.height, p.m))
	}
}

// lastItem passes rows to the epilogue whose columns several items computed.
func (p *product) lastItem(worker, item int) {
	p.finish.call(worker, item*p.rowsEach, min((item+1)*p.rowsEach, p.m))
}
