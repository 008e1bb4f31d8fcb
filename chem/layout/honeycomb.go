package layout

import (
	"math"
	"slices"
	"sync"

	"galen.dev/chem"
)

// Large rings run along the edges of a honeycomb: the outlines of groups of hexagons (polyhexes). An outline is a
// list of turns, +1 outwards (a convex corner, with room for a substituent) and -1 inwards.

// maxHexes bounds the groups of hexagons; their outlines reach 4 maxHexes + 2 corners.
const maxHexes = 6

type outline []int8

// outlines are those of all polyhexes without holes up to maxHexes, by their number of corners.
var outlines = sync.OnceValue(func() map[int][]outline {
	type cell = [2]int
	neighbours := [6]cell{{1, 0}, {0, 1}, {-1, 1}, {-1, 0}, {0, -1}, {1, -1}}
	found := map[int][]outline{}
	seen := map[string]bool{}
	level := [][]cell{{{0, 0}}}
	for size := 1; size <= maxHexes; size++ {
		var next [][]cell
		known := map[string]bool{}
		for _, group := range level {
			if o := trace(group); o != nil {
				if key := o.key(); !seen[key] {
					seen[key] = true
					found[len(o)] = append(found[len(o)], o)
				}
			}
			if size == maxHexes {
				continue
			}
			for _, c := range group {
				for _, d := range neighbours {
					n := cell{c[0] + d[0], c[1] + d[1]}
					if slices.Contains(group, n) {
						continue
					}
					bigger := append(slices.Clone(group), n)
					slices.SortFunc(bigger, func(a, b cell) int {
						if a[0] != b[0] {
							return a[0] - b[0]
						}
						return a[1] - b[1]
					})
					o := bigger[0]
					key := make([]byte, 0, 2*len(bigger))
					for i := range bigger {
						bigger[i] = cell{bigger[i][0] - o[0], bigger[i][1] - o[1]}
						key = append(key, byte(bigger[i][0]+64), byte(bigger[i][1]+64))
					}
					if !known[string(key)] {
						known[string(key)] = true
						next = append(next, bigger)
					}
				}
			}
		}
		level = next
	}
	return found
})

// trace walks around a group of hexagons. It returns nil where the outline touches itself or the group has a hole.
func trace(group [][2]int) outline {
	// Corners of the hexagon at (q, r) in integer coordinates of a skew lattice three times as fine.
	corner := func(c [2]int, k int) [2]int {
		x, y := 2*c[0]+c[1], 3*c[1]
		d := [6][2]int{{1, 1}, {0, 2}, {-1, 1}, {-1, -1}, {0, -2}, {1, -1}}[k%6]
		return [2]int{x + d[0], y + d[1]}
	}
	next := map[[2]int][2]int{}
	inner := map[[4]int]bool{}
	for _, c := range group {
		for k := range 6 {
			a, b := corner(c, k), corner(c, k+1)
			inner[[4]int{a[0], a[1], b[0], b[1]}] = true
		}
	}
	var start [2]int
	for _, c := range group {
		for k := range 6 {
			a, b := corner(c, k), corner(c, k+1)
			if inner[[4]int{b[0], b[1], a[0], a[1]}] {
				continue
			}
			if _, twice := next[a]; twice {
				return nil
			}
			next[a] = b
			start = a
		}
	}
	for a := range next { // the lowest corner, so that the walk does not depend on the group's order
		if a[0] < start[0] || a[0] == start[0] && a[1] < start[1] {
			start = a
		}
	}
	var path [][2]int
	for p := start; ; {
		path = append(path, p)
		if p = next[p]; p == start || len(path) > len(next) {
			break
		}
	}
	if len(path) != len(next) {
		return nil
	}
	n := len(path)
	o := make(outline, n)
	for i := range path {
		a, b, c := path[(i+n-1)%n], path[i], path[(i+1)%n]
		// y is in units of 1/2, x of √3/2: the sign of the cross product does not mind.
		o[i] = 1
		if (b[0]-a[0])*(c[1]-b[1])-(b[1]-a[1])*(c[0]-b[0]) < 0 {
			o[i] = -1
		}
	}
	return o
}

// key is the same for all rotations and mirror images of an outline.
func (o outline) key() string {
	n := len(o)
	best := ""
	b := make([]byte, n)
	for _, step := range [2]int{1, n - 1} {
		for s := range n {
			for i := range n {
				b[i] = byte('1' + o[(s+i*step)%n])
			}
			if k := string(b); best == "" || k < best {
				best = k
			}
		}
	}
	return best
}

// placeMacro lays a large ring: along the outline that suits it best, or as a polygon.
func (s *system) placeMacro(r int) {
	atoms := s.g.rings[r].atoms
	n := len(atoms)
	turns := s.wishes(r)
	even := n + n%2
	var best []int8
	most := math.Inf(-1)
	for _, o := range outlines()[even] {
		area := 0.0
		for _, t := range o {
			area -= float64(t) // inward corners cost: compact shapes are better
		}
		for _, step := range [2]int{1, even - 1} {
			for start := range even {
				score, cand := s.fit(o, start, step, turns, n)
				if score > most+1e-9 {
					best, most = cand, score
				}
			}
		}
	}
	if best == nil || poor(best, turns) {
		best = polygonTurns(turns)
	}
	s.walk(atoms, best)
	s.done[r] = true
	s.rough = true
	s.mark()
}

// poor says whether an outline lets more than one substituent point inwards, or a fused ring or double bond the wrong way.
func poor(turns []int8, w []wish) bool {
	inwards := 0
	n := len(turns)
	for i, t := range turns {
		if w[i].turn > 0 && t < 0 {
			inwards++
		}
		if w[i].turn < -1 && t > 0 || w[i].same != 0 && t*turns[(i+1)%n] != w[i].same {
			return true
		}
	}
	return inwards > 1
}

// polygonTurns is a round ring: all corners outwards but those that must not be. The best turns are found exactly,
// corner by corner (dynamic programming), once for each turn of the first corner.
func polygonTurns(w []wish) []int8 {
	n := len(w)
	worth := func(i int, t int8) float64 { return float64(t) * (2 + max(w[i].turn, -9)) }
	joint := func(i int, t, next int8) float64 {
		if w[i].same != 0 && t*next != w[i].same {
			return -1000
		}
		return 0
	}
	var best []int8
	most := math.Inf(-1)
	for _, first := range [2]int8{1, -1} {
		score := [2]float64{worth(0, 1), math.Inf(-1)}
		if first < 0 {
			score = [2]float64{math.Inf(-1), worth(0, -1)}
		}
		from := make([][2]int8, n)
		for i := 1; i < n; i++ {
			var next [2]float64
			for k, t := range [2]int8{1, -1} {
				a, b := score[0]+joint(i-1, 1, t), score[1]+joint(i-1, -1, t)
				next[k], from[i][k] = a+worth(i, t), 0
				if b > a {
					next[k], from[i][k] = b+worth(i, t), 1
				}
			}
			score = next
		}
		for k, t := range [2]int8{1, -1} {
			if total := score[k] + joint(n-1, t, first); total > most {
				most = total
				best = make([]int8, n)
				for i, state := n-1, int8(k); i >= 0; i-- {
					best[i] = 1 - 2*state
					state = from[i][state]
				}
			}
		}
	}
	sum := 0
	for _, t := range best {
		sum += int(t)
	}
	if sum < 3 { // it would not close
		for i := range best {
			best[i] = 1
		}
	}
	return best
}

// wish says what a corner of a large ring should be.
type wish struct {
	turn float64 // above 0: outwards, below 0: inwards
	same int8    // with the next corner: +1 on the same side (cis), -1 on opposite sides (trans), 0 either
}

// wishes collects what substituents, fused rings and double bonds ask of the corners of a ring.
func (s *system) wishes(r int) []wish {
	g := s.g
	atoms, bonds := g.rings[r].atoms, g.rings[r].bonds
	n := len(atoms)
	in := make(map[int32]int, n)
	for i, v := range atoms {
		in[v] = i
	}
	w := make([]wish, n)
	for i, v := range atoms {
		w[i].turn = 1.2 * float64(g.degree(v)-2)
		if g.degree(v) == 2 {
			w[i].turn = -0.3 // bare atoms may turn inwards
		}
		if b := &g.bonds[bonds[i]]; b.stereo > chem.AnyStereo {
			w[i].same = 1
			cis := b.stereo == chem.Cis
			_, ra := in[b.ra]
			_, rb := in[b.rb]
			if cis != (ra == rb) {
				w[i].same = -1
			}
		}
	}
	for _, o := range s.rings {
		if o == r || g.large(o) {
			continue
		}
		s.wishShared(o, in, w)
	}
	return w
}

// wishShared lets a small ring that shares a path with the large one lie outside: the inner atoms of the path turn inwards.
func (s *system) wishShared(o int, in map[int32]int, w []wish) {
	n := len(w)
	var shared []int
	has := map[int]bool{}
	for _, v := range s.g.rings[o].atoms {
		if i, ok := in[v]; ok {
			shared = append(shared, i)
			has[i] = true
		}
	}
	for _, i := range shared {
		if has[(i+1)%n] && has[(i+n-1)%n] {
			w[i].turn = -8
		} else {
			w[i].turn += 4
		}
	}
}

// fit judges an outline in one position. A ring of odd size leaves one corner out: the first that is convex and bare.
func (s *system) fit(o outline, start, step int, w []wish, n int) (float64, []int8) {
	cand := make([]int8, n)
	size := len(o)
	for i := range cand {
		cand[i] = o[(start+i*step)%size]
	}
	score := 0.0
	if size != n { // the corner left out is the last
		if o[(start+n*step)%size] != 1 || cand[n-1] != 1 || cand[0] != 1 {
			return math.Inf(-1), nil
		}
	}
	for i, t := range cand {
		score += float64(t) * w[i].turn
		if w[i].turn > 0 && t < 0 {
			score -= 2 * w[i].turn
		}
		if k := w[i].same; k != 0 && t*cand[(i+1)%n] != k {
			score -= 60
		}
		if t < 0 {
			score -= 0.35
			if cand[(i+1)%n] < 0 {
				score -= 1.5 // a bay in which substituents meet
			}
		}
	}
	return score, cand
}

// walk places the corners by their turns and closes the ring evenly.
func (s *system) walk(atoms []int32, turns []int8) {
	n := len(atoms)
	sum := 0
	for _, t := range turns {
		sum += int(t)
	}
	// The turns must add up to a full circle.
	angle := math.Pi / 3
	if sum > 0 {
		angle = 2 * math.Pi / float64(sum)
	}
	at := make([]complex128, n)
	dir := 0.0
	p := complex128(0)
	for i := range at {
		at[i] = p
		p += complex(math.Cos(dir), math.Sin(dir))
		dir += angle * float64(turns[(i+1)%n])
	}
	// p should be back at 0: the gap is spread over all corners.
	for i := range at {
		at[i] -= p * complex(float64(i)/float64(n), 0)
		s.b.put(atoms[i], at[i])
	}
}
