package layout

import (
	"math"
	"math/cmplx"
	"slices"

	"galen.dev/chem"
)

// body is a group of vertices that keep their places relative to each other.
type body struct {
	atoms   []int32
	at      []complex128
	slot    map[int32]int
	upright bool // not to be turned
}

func newBody(size int) *body { return &body{slot: make(map[int32]int, size)} }

func (b *body) put(v int32, p complex128) {
	if i, ok := b.slot[v]; ok {
		b.at[i] = p
		return
	}
	b.slot[v] = len(b.atoms)
	b.atoms = append(b.atoms, v)
	b.at = append(b.at, p)
}

func (b *body) has(v int32) bool {
	_, ok := b.slot[v]
	return ok
}

func (b *body) pos(v int32) complex128 { return b.at[b.slot[v]] }

// macro is the size from which a ring is too large for a regular polygon.
const macro = 9

// large says whether a ring is laid by turns: one of macro atoms or more, or with a double bond that may be trans.
func (g *graph) large(r int) bool {
	return len(g.rings[r].atoms) >= macro || len(g.rings[r].atoms) == macro-1 &&
		slices.ContainsFunc(g.rings[r].bonds, func(b int32) bool { return g.bonds[b].stereo > chem.AnyStereo })
}

// maxRelaxed bounds the ring systems whose places are improved by forces, which take time with the square of the size.
const maxRelaxed = 300

// layBodies lays every ring system.
func (g *graph) layBodies() {
	for s := range g.systems {
		g.bodies[s] = *g.laySystem(g.systems[s])
	}
}

// laySystem lays one ring system: its core, then ring by ring what is fused to it.
func (g *graph) laySystem(rings []int) *body {
	if len(rings) == 1 && !g.large(rings[0]) {
		r := &g.rings[rings[0]]
		b := newBody(len(r.atoms))
		for i, p := range polygon(len(r.atoms)) {
			b.put(r.atoms[i], p)
		}
		return b
	}
	s := system{g: g, rings: rings, b: newBody(8 * len(rings)), done: make(map[int]bool, len(rings))}
	s.split()
	s.core()
	for s.next() {
	}
	if len(s.b.atoms) <= maxRelaxed && (s.rough || s.strained()) {
		s.relax()
	}
	return s.b
}

// polygon is the regular polygon of n sides of length 1 around 0.
func polygon(n int) []complex128 {
	r := 0.5 / math.Sin(math.Pi/float64(n))
	out := make([]complex128, n)
	for i := range out {
		out[i] = cmplx.Rect(r, 2*math.Pi*float64(i)/float64(n)+math.Pi/2)
	}
	return out
}

type system struct {
	g        *graph
	rings    []int
	clusters [][]int // rings that share more than one bond
	b        *body
	done     map[int]bool // rings placed
	rough    bool         // laid by a rule that leaves bonds of unequal length
	bonds    []int32
}

// split finds bridged clusters among the small rings.
func (s *system) split() {
	n := len(s.rings)
	group := newGroups(n)
	through := map[int32][]int{}
	for i, r := range s.rings {
		if s.g.large(r) {
			continue
		}
		shared := map[int]int{}
		for _, b := range s.g.rings[r].bonds {
			for _, o := range through[b] {
				if shared[o]++; shared[o] == 2 {
					group.join(i, o)
				}
			}
			through[b] = append(through[b], i)
		}
	}
	for _, l := range group.lists() {
		if len(l) < 2 {
			continue
		}
		c := make([]int, len(l))
		for k, i := range l {
			c[k] = s.rings[i]
		}
		s.clusters = append(s.clusters, c)
	}
	seen := map[int32]bool{}
	for _, r := range s.rings {
		for _, b := range s.g.rings[r].bonds {
			if !seen[b] {
				seen[b] = true
				s.bonds = append(s.bonds, b)
			}
		}
	}
}

// core places the part that the rest is built around: the pattern of a known cage, the largest ring, the largest
// bridged cluster, or the ring with most neighbours.
func (s *system) core() {
	g := s.g
	if s.fromPattern() {
		return
	}
	for i := len(s.rings) - 1; i >= 0; i-- {
		if r := s.rings[i]; g.large(r) {
			s.placeMacro(r)
			return
		}
	}
	var big []int
	for _, c := range s.clusters {
		if len(c) > len(big) {
			big = c
		}
	}
	if big != nil {
		s.merge(g.layCluster(big))
		s.mark()
		s.rough = true
		return
	}
	best, most := s.rings[0], -1
	for _, r := range s.rings {
		count := 0
		for _, o := range s.rings {
			if o != r && len(s.rings) < 200 && sharesBond(&g.rings[r], &g.rings[o]) {
				count += 2
			}
		}
		if len(g.rings[r].atoms) == 6 {
			count++
		}
		if count > most {
			best, most = r, count
		}
	}
	for i, p := range polygon(len(g.rings[best].atoms)) {
		s.b.put(g.rings[best].atoms[i], p)
	}
	s.done[best] = true
}

func sharesBond(a, b *ring) bool {
	for _, x := range a.bonds {
		if slices.Contains(b.bonds, x) {
			return true
		}
	}
	return false
}

// mark notes which rings lie completely among placed vertices.
func (s *system) mark() {
	for _, r := range s.rings {
		if !s.done[r] && !slices.ContainsFunc(s.g.rings[r].atoms, func(v int32) bool { return !s.b.has(v) }) {
			s.done[r] = true
		}
	}
}

// next places the ring, or the bridged cluster, that is best prepared. Rings of six go first, since fused ones fit
// each other exactly.
func (s *system) next() bool {
	best, score := -1, 0
	for _, r := range s.rings {
		if s.done[r] {
			continue
		}
		known := 0
		atoms := s.g.rings[r].atoms
		for i, v := range atoms {
			if s.b.has(v) && s.b.has(atoms[(i+1)%len(atoms)]) {
				known++
			}
		}
		if known == 0 {
			continue
		}
		sc := 4 * known
		if len(atoms) == 6 {
			sc += 3
		}
		if s.g.large(r) {
			sc = 1
		}
		if sc > score {
			best, score = r, sc
		}
	}
	if best < 0 {
		return false
	}
	for _, c := range s.clusters {
		if slices.Contains(c, best) && s.attach(c) {
			s.mark()
			s.rough = true
			return true
		}
	}
	s.complete(best)
	s.done[best] = true
	s.mark()
	return true
}

// attach lays a bridged cluster by itself and moves it to where it shares vertices with what is placed.
func (s *system) attach(c []int) bool {
	for _, r := range c {
		if s.done[r] {
			return false
		}
	}
	l := s.g.layCluster(c)
	var from, to []complex128
	for i, v := range l.atoms {
		if s.b.has(v) {
			from = append(from, l.at[i])
			to = append(to, s.b.pos(v))
		}
	}
	if len(from) < 2 {
		return false
	}
	best, least := []complex128(nil), math.Inf(1)
	for _, mirror := range [2]bool{false, true} {
		t := superpose(from, to, mirror)
		moved := make([]complex128, len(l.at))
		cost := 0.0
		for i, p := range l.at {
			moved[i] = t.apply(p)
			if s.b.has(l.atoms[i]) {
				continue
			}
			for _, q := range s.b.at {
				cost += crowd(cmplx.Abs(moved[i] - q))
			}
		}
		if cost < least-1e-9 {
			best, least = moved, cost
		}
	}
	for i, v := range l.atoms {
		if !s.b.has(v) {
			s.b.put(v, best[i])
		}
	}
	return true
}

// merge takes over the places of another body.
func (s *system) merge(o *body) {
	for i, v := range o.atoms {
		s.b.put(v, o.at[i])
	}
}

// complete places what is missing of a ring, as arcs between its placed vertices, on the free side.
func (s *system) complete(r int) {
	atoms := s.g.rings[r].atoms
	n := len(atoms)
	first := slices.IndexFunc(atoms, s.b.has)
	if first < 0 {
		return
	}
	for i := 0; i < n; {
		k := i + 1
		for k < n && !s.b.has(atoms[(first+k)%n]) {
			k++
		}
		if k > i+1 {
			s.gap(atoms, first+i, first+k)
		}
		i = k
	}
}

// gap fills atoms[from+1 … to-1] of a ring.
func (s *system) gap(atoms []int32, from, to int) {
	n := len(atoms)
	a, b := s.b.pos(atoms[from%n]), s.b.pos(atoms[to%n])
	if a == b {
		b += 1e-3
	}
	axis := (b - a) / complex(cmplx.Abs(b-a), 0)
	side := func(p complex128) float64 { return imag((p - a) * cmplx.Conj(axis)) }
	// The ring lies opposite to what is placed of it, or of the rings around.
	bulge, count := 0.0, 0
	for k := to + 1; k < from+n; k++ {
		if v := atoms[k%n]; s.b.has(v) {
			bulge += side(s.b.pos(v))
			count++
		}
	}
	if count == 0 || math.Abs(bulge) < 0.1 {
		bulge = 0
		for i, p := range s.b.at {
			v := s.b.atoms[i]
			w := 0.02
			for _, e := range s.g.edges(v) {
				if e.to == atoms[from%n] || e.to == atoms[to%n] {
					w = 1
				}
			}
			bulge += w * side(p)
		}
	}
	steps := arc(to-from, cmplx.Abs(b-a))
	for i, p := range steps {
		if bulge > 0 {
			p = cmplx.Conj(p)
		}
		s.b.put(atoms[(from+1+i)%n], a+p*axis)
	}
}

// arc are the inner points of n chords of length 1 on a circle, from 0 to the point d on the real axis, above it. A
// distance that is too long for the chords stretches them.
func arc(n int, d float64) []complex128 {
	out := make([]complex128, n-1)
	if d >= 0.98*float64(n) {
		for i := range out {
			out[i] = complex(d*float64(i+1)/float64(n), 0.1)
		}
		return out
	}
	// Half the angle of one chord: sin(n t) / sin(t) = d.
	lo, hi := 1e-6, math.Pi/float64(n)
	for range 50 {
		t := (lo + hi) / 2
		if math.Sin(float64(n)*t) > d*math.Sin(t) {
			lo = t
		} else {
			hi = t
		}
	}
	t := (lo + hi) / 2
	p := complex128(0)
	for i := range out {
		p += cmplx.Rect(1, t*float64(n-1-2*i))
		out[i] = p
	}
	return out
}

// strained says whether bonds have unequal lengths or vertices lie on each other.
func (s *system) strained() bool {
	for _, i := range s.bonds {
		b := &s.g.bonds[i]
		if d := cmplx.Abs(s.b.pos(b.a) - s.b.pos(b.b)); d < 0.85 || d > 1.15 {
			return true
		}
	}
	if len(s.b.at) > maxRelaxed {
		return false
	}
	for i, p := range s.b.at {
		for _, q := range s.b.at[:i] {
			if cmplx.Abs(p-q) < 0.6 {
				return true
			}
		}
	}
	return false
}

// crowd is the cost of two vertices that are not bonded at a distance.
func crowd(d float64) float64 {
	const free = 1.3
	if d >= free {
		return 0
	}
	x := (free - d) / free
	e := x * x
	if d < 0.75 {
		e += 4 * (0.75 - d)
	}
	return e
}

// transform moves points: mirrored first, then turned, then shifted.
type transform struct {
	mirror bool
	turn   complex128
	shift  complex128
}

func (t transform) apply(p complex128) complex128 {
	if t.mirror {
		p = cmplx.Conj(p)
	}
	return p*t.turn + t.shift
}

// superpose is the rigid motion that brings points closest to others.
func superpose(from, to []complex128, mirror bool) transform {
	var cf, ct complex128
	n := complex(float64(len(from)), 0)
	flip := func(p complex128) complex128 {
		if mirror {
			return cmplx.Conj(p)
		}
		return p
	}
	for i := range from {
		cf += flip(from[i]) / n
		ct += to[i] / n
	}
	var h complex128
	for i := range from {
		h += (to[i] - ct) * cmplx.Conj(flip(from[i])-cf)
	}
	turn := complex128(1)
	if a := cmplx.Abs(h); a > 1e-9 {
		turn = h / complex(a, 0)
	}
	return transform{mirror, turn, ct - cf*turn}
}
