package layout

import (
	"math"
	"math/cmplx"
	"slices"

	"galen.dev/chem"
)

// growPart lays one part from its root: what is placed is extended, first come first served.
func (g *graph) growPart(root int32, seeds []int32) {
	queue := append(make([]int32, 0, 64), seeds...)
	if len(seeds) == 0 {
		if s := g.system[root]; s >= 0 {
			queue = g.settle(queue, &g.bodies[s], transform{turn: 1})
		} else {
			g.at[root], g.placed[root] = 0, true
			queue = append(queue, root)
		}
	}
	for k := 0; k < len(queue); k++ {
		queue = g.expand(queue[k], queue)
	}
}

// settle takes over a body with a motion.
func (g *graph) settle(queue []int32, b *body, t transform) []int32 {
	for i, v := range b.atoms {
		if g.placed[v] {
			continue
		}
		g.at[v], g.placed[v] = t.apply(b.at[i]), true
		queue = append(queue, v)
	}
	return queue
}

// item is something to be placed at a vertex: a neighbour, or a ring system that has the vertex too.
type item struct {
	to, bond int32 // to = -1 for a ring system
	system   int32
	rank     int // how much the drawing should go on here
	terminal bool
}

// items lists what is to be placed at v, the main branch first.
func (g *graph) items(v int32) []item {
	var out []item
	for _, s := range append(g.spiro[v], g.system[v]) {
		if s >= 0 && slices.ContainsFunc(g.bodies[s].atoms, func(u int32) bool { return !g.placed[u] }) {
			out = append(out, item{to: -1, bond: -1, system: s, rank: math.MaxInt})
		}
	}
	for _, e := range g.edges(v) {
		if g.placed[e.to] || slices.ContainsFunc(out, func(i item) bool { return i.to < 0 && g.bodies[i.system].has(e.to) }) {
			continue
		}
		it := item{to: e.to, bond: e.bond, system: g.system[e.to], terminal: g.degree(e.to) == 1}
		if g.parent[e.to] == v {
			it.rank = int(g.height[e.to])*1000 + int(min(g.size[e.to], 999))
		}
		out = append(out, it)
	}
	slices.SortStableFunc(out, func(a, b item) int {
		switch {
		case a.rank > b.rank:
			return -1
		case a.rank < b.rank:
			return 1
		}
		return 0
	})
	return out
}

// expand places everything around a placed vertex.
func (g *graph) expand(v int32, queue []int32) []int32 {
	items := g.items(v)
	if len(items) == 0 {
		return queue
	}
	var known []complex128
	var from []int32
	for _, e := range g.edges(v) {
		if g.placed[e.to] {
			if d := g.at[e.to] - g.at[v]; cmplx.Abs(d) > 1e-6 {
				known = append(known, d/complex(cmplx.Abs(d), 0))
				from = append(from, e.to)
			}
		}
	}
	dirs := g.directions(v, known, from, items)
	for i, it := range items {
		queue = g.placeItem(v, it, dirs[i], queue)
	}
	return queue
}

// directions chooses a direction for each item.
func (g *graph) directions(v int32, known []complex128, from []int32, items []item) []complex128 {
	q := len(items)
	out := make([]complex128, q)
	spread := func(start complex128, step float64) {
		for i := range out {
			out[i] = start * cmplx.Rect(1, step*float64(i))
		}
	}
	switch {
	case len(known) == 0 && q == 1:
		out[0] = cmplx.Rect(1, math.Pi/6)
	case len(known) == 0 && q == 2 && !g.linear(v):
		out[0], out[1] = cmplx.Rect(1, math.Pi/6), cmplx.Rect(1, 5*math.Pi/6)
	case len(known) == 0:
		spread(cmplx.Rect(1, math.Pi/6), 2*math.Pi/float64(q))
	case len(known) == 1:
		g.onward(v, from[0], known[0], items, out)
	default:
		g.fill(v, known, from, out)
	}
	return out
}

// linear says whether the bonds of a vertex lie in a line.
func (g *graph) linear(v int32) bool {
	if g.degree(v) != 2 {
		return false
	}
	doubles := 0
	for _, e := range g.edges(v) {
		switch g.bonds[e.bond].order {
		case chem.Triple, chem.Quadruple:
			return true
		case chem.Double:
			doubles++
		}
	}
	return doubles == 2
}

// onward chooses directions at a vertex that has one placed neighbour: 120 degrees, with the main branch in zigzag.
func (g *graph) onward(v, u int32, back complex128, items []item, out []complex128) {
	q := len(items)
	if q == 1 && g.linear(v) {
		out[0] = -back
		return
	}
	left, right := back*cmplx.Rect(1, 2*math.Pi/3), back*cmplx.Rect(1, -2*math.Pi/3)
	switch {
	case q <= 2 || q == 3 && items[1].terminal && items[2].terminal && !items[0].terminal:
		main, side := left, right
		if !g.zigzag(v, u, left, items[0]) {
			main, side = right, left
		}
		if q == 2 && g.wrongSide(v, u, main, items) {
			main, side = side, main
		}
		out[0] = main
		if q == 2 {
			out[1] = side
		}
		if q == 3 {
			third := side / main
			turn := cmplx.Rect(1, math.Copysign(2*math.Pi/9*2, imag(third)))
			out[1], out[2] = main*turn, main*turn*turn
		}
	default:
		for i := range out {
			out[i] = back * cmplx.Rect(1, 2*math.Pi*float64(i+1)/float64(q+1))
		}
		if q == 3 { // straight on for the main branch
			out[0], out[1] = out[1], out[0]
		}
	}
}

// stereoAt returns the stereo double bond between v and u, with the reference at u and at v.
func (g *graph) stereoAt(v, u int32) (b *bond, ru, rv int32) {
	i := g.between(u, v)
	if i < 0 || g.bonds[i].stereo <= chem.AnyStereo {
		return nil, 0, 0
	}
	b = &g.bonds[i]
	if b.a == u {
		return b, b.ra, b.rb
	}
	return b, b.rb, b.ra
}

// wrongSide says whether, with the first of two items in a direction, the double bond from u to v is not as stated.
func (g *graph) wrongSide(v, u int32, main complex128, items []item) bool {
	b, ru, rv := g.stereoAt(v, u)
	if b == nil || !g.placed[ru] {
		return false
	}
	axis := g.at[v] - g.at[u]
	same := cross(axis, g.at[ru]-g.at[u])*cross(axis, main) > 0
	if items[0].to != rv {
		same = !same
	}
	return same != (b.stereo == chem.Cis)
}

// zigzag says whether the main branch at v goes on in a direction rather than in its mirror image.
func (g *graph) zigzag(v, u int32, dir complex128, main item) bool {
	axis := g.at[v] - g.at[u]
	if b, ru, rv := g.stereoAt(v, u); b != nil && g.placed[ru] {
		same := cross(axis, g.at[ru]-g.at[u])*cross(axis, dir) > 0
		if main.to != rv {
			same = !same
		}
		return same == (b.stereo == chem.Cis)
	}
	// Away from the neighbour of u that the chain comes from; else to where there is more room.
	ref := g.parent[u]
	if ref < 0 || ref == v || !g.placed[ref] {
		ref = -1
		for _, e := range g.edges(u) {
			if e.to != v && g.placed[e.to] && (ref < 0 || g.size[e.to] > g.size[ref]) {
				ref = e.to
			}
		}
	}
	if ref >= 0 && (g.system[u] < 0 || g.degree(u) == 2) {
		if c := cross(axis, g.at[ref]-g.at[u]) * cross(axis, dir); math.Abs(c) > 1e-6 {
			return c < 0
		}
	}
	mirror := reflect(dir, axis)
	a, b := g.crowdAt(g.at[v]+1.5*dir), g.crowdAt(g.at[v]+1.5*mirror)
	return a <= b+1e-9
}

// reflect mirrors a direction at an axis.
func reflect(p, axis complex128) complex128 {
	u := axis / complex(cmplx.Abs(axis), 0)
	return cmplx.Conj(p*cmplx.Conj(u)) * u
}

// maxCrowd bounds the molecules for which every choice looks at all placed vertices.
const maxCrowd = 1500

// crowdAt says how crowded a place is.
func (g *graph) crowdAt(p complex128) float64 {
	if len(g.atom) > maxCrowd {
		return 0
	}
	sum := 0.0
	for v, q := range g.at {
		if g.placed[v] {
			d := p - q
			sum += 1 / (0.1 + real(d)*real(d) + imag(d)*imag(d))
		}
	}
	return sum
}

// fill puts items into the widest gap between placed neighbours. The inside of a ring is no gap if there is another.
func (g *graph) fill(v int32, known []complex128, from []int32, out []complex128) {
	type direction struct {
		angle float64
		to    int32
	}
	ds := make([]direction, len(known))
	for i, k := range known {
		ds[i] = direction{cmplx.Phase(k), from[i]}
	}
	slices.SortFunc(ds, func(a, b direction) int {
		switch {
		case a.angle < b.angle:
			return -1
		case a.angle > b.angle:
			return 1
		}
		return int(a.to - b.to)
	})
	type gap struct{ start, width, worth float64 }
	gaps := make([]gap, len(ds))
	for i, d := range ds {
		next := ds[(i+1)%len(ds)]
		w := next.angle - d.angle
		if i == len(ds)-1 {
			w += 2 * math.Pi
		}
		gaps[i] = gap{d.angle, w, w}
		if g.sameRing(v, d.to, next.to) && (len(ds) > 2 || w < math.Pi) {
			gaps[i].worth = w / 3
		}
	}
	// Gap by gap: each item goes where it gets most room.
	share := make([]int, len(gaps))
	for range out {
		best := 0
		for i := range gaps {
			if gaps[i].worth/float64(share[i]+2) > gaps[best].worth/float64(share[best]+2)+1e-6 {
				best = i
			}
		}
		share[best]++
	}
	k := 0
	for i, n := range share {
		for j := range n {
			out[k] = cmplx.Rect(1, gaps[i].start+gaps[i].width*float64(j+1)/float64(n+1))
			k++
		}
	}
}

// sameRing says whether two neighbours of v lie in one small ring with it.
func (g *graph) sameRing(v, a, b int32) bool {
	s := g.system[v]
	if s < 0 || g.system[a] < 0 || g.system[b] < 0 {
		return false
	}
	for _, s := range append(g.spiro[v], s) {
		if len(g.systems[s]) > 300 {
			continue
		}
		for _, r := range g.systems[s] {
			atoms := g.rings[r].atoms
			n := len(atoms)
			i := slices.Index(atoms, v)
			if i < 0 || n >= macro {
				continue
			}
			x, y := atoms[(i+1)%n], atoms[(i+n-1)%n]
			if x == a && y == b || x == b && y == a {
				return true
			}
		}
	}
	return false
}

// placeItem places a neighbour, or a whole ring system, in a direction.
func (g *graph) placeItem(v int32, it item, dir complex128, queue []int32) []int32 {
	if it.to >= 0 && g.placed[it.to] {
		return queue
	}
	switch {
	case it.to < 0:
		b := &g.bodies[it.system]
		return g.settle(queue, b, g.fitBody(b, v, g.at[v], -dir, -1))
	case it.system >= 0:
		b := &g.bodies[it.system]
		return g.settle(queue, b, g.fitBody(b, it.to, g.at[v]+dir, -dir, v))
	}
	g.at[it.to], g.placed[it.to] = g.at[v]+dir, true
	return append(queue, it.to)
}

// fitBody moves a body so that its vertex w lies at a place, with the free side of w in the direction out. Of the two mirror
// images, the one with the stated double bond, or else with more room, is taken.
func (g *graph) fitBody(b *body, w int32, place, out complex128, neighbour int32) transform {
	free := g.freeSide(b, w, neighbour)
	best, least := transform{}, math.Inf(1)
	for _, mirror := range [2]bool{false, true} {
		f := free
		if mirror {
			f = cmplx.Conj(f)
		}
		t := transform{mirror: mirror, turn: out / f}
		t.shift = place - transform{mirror: mirror, turn: t.turn}.apply(b.pos(w))
		cost := 0.0
		if len(g.atom) <= maxCrowd {
			for i, v := range b.atoms {
				if v == w {
					continue
				}
				p := t.apply(b.at[i])
				for u, q := range g.at {
					if g.placed[u] {
						d := p - q
						cost += 1 / (0.05 + real(d)*real(d) + imag(d)*imag(d))
					}
				}
			}
		}
		if neighbour >= 0 {
			if k, ru, rw := g.stereoAt(w, neighbour); k != nil && g.placed[ru] && b.has(rw) {
				axis := g.at[neighbour] - place
				same := cross(axis, g.at[ru]-g.at[neighbour])*cross(axis, t.apply(b.pos(rw))-place) > 0
				if same != (k.stereo == chem.Cis) {
					cost += 1e9
				}
			}
		}
		if cost < least-1e-7 {
			best, least = t, cost
		}
	}
	return best
}

// freeSide is the direction from a vertex of a body to where its next neighbour belongs.
func (g *graph) freeSide(b *body, w, neighbour int32) complex128 {
	var known []complex128
	var from []int32
	others := 0
	for _, e := range g.edges(w) {
		if b.has(e.to) {
			d := b.pos(e.to) - b.pos(w)
			if r := cmplx.Abs(d); r > 1e-6 {
				known = append(known, d/complex(r, 0))
				from = append(from, e.to)
			}
		} else {
			others++
		}
	}
	if len(known) == 0 {
		return 1
	}
	if neighbour < 0 { // a ring system that meets here: both share the room evenly
		others = 1
	}
	dirs := make([]complex128, max(others, 1))
	g.fill(w, known, from, dirs)
	return dirs[0]
}
