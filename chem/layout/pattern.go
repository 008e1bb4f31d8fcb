package layout

import "slices"

// pattern is a ring system, or a part of one, as chemists are used to see it. Elements and bond orders do not count.
type pattern struct {
	name    string
	points  []complex128
	bonds   [][2]int
	bridged bool // with rings that share more than a bond
	upright bool // its orientation is customary too
}

// patterns are tried in this order.
var patterns = []pattern{
	{
		// Rings A, B and C as in phenanthrene, the bridge with the nitrogen across ring B.
		name: "morphinan", bridged: true, upright: true,
		points: []complex128{
			-0.866 + 2.5i, -1.732 + 2i, -1.732 + 1i, -0.866 + 0.5i, 0 + 1i, 0 + 2i, // ring A: C2 C3 C4 C12 C11 C1
			0.866 + 0.5i, 0.866 - 0.5i, 0 - 1i, -0.866 - 0.5i, // ring B: C10 C9 C14 C13
			-1.732 - 1i, -1.732 - 2i, -0.866 - 2.5i, 0 - 2i, // ring C: C5 C6 C7 C8
			-0.3 + 0.22i, 0.62 + 0.2i, 1.55 - 0.05i, // C15 C16 N
		},
		bonds: [][2]int{
			{0, 1},
			{1, 2},
			{2, 3},
			{3, 4},
			{4, 5},
			{5, 0},
			{4, 6},
			{6, 7},
			{7, 8},
			{8, 9},
			{9, 3},
			{9, 10},
			{10, 11},
			{11, 12},
			{12, 13},
			{13, 8},
			{9, 14},
			{14, 15},
			{15, 16},
			{16, 7},
		},
	},
	{
		name: "benzomorphan", bridged: true,
		points: []complex128{
			-0.866 + 2.5i, -1.732 + 2i, -1.732 + 1i, -0.866 + 0.5i, 0 + 1i, 0 + 2i,
			0.866 + 0.5i, 0.866 - 0.5i, 0 - 1i, -0.866 - 0.5i,
			-0.3 + 0.22i, 0.62 + 0.2i, 1.55 - 0.05i,
		},
		bonds: [][2]int{
			{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 0}, {4, 6}, {6, 7}, {7, 8}, {8, 9}, {9, 3}, {9, 10}, {10, 11}, {11, 12}, {12, 7},
		},
	},
	{
		name: "adamantane", bridged: true,
		points: []complex128{
			0.49 + 0.69i, 0.87 - 0.77i, -0.42 + 0.75i, -0.95 - 0.67i, 1.35 - 0.07i,
			-1.35 + 0.07i, 0.08 + 1.42i, -0.08 - 1.42i, -0.45 + 0.02i, 0.45 - 0.02i,
		},
		bonds: [][2]int{{0, 4}, {0, 6}, {0, 8}, {1, 4}, {1, 7}, {1, 9}, {2, 5}, {2, 6}, {2, 9}, {3, 5}, {3, 7}, {3, 8}},
	},
	{
		name: "gonane", upright: true, // the skeleton of steroids: ring A to the left, D to the right
		points: []complex128{
			0 + 1i, -0.866 + 0.5i, -0.866 - 0.5i, 0 - 1i, 0.866 - 0.5i, 0.866 + 0.5i, // C1 C2 C3 C4 C5 C10
			1.732 - 1i, 2.598 - 0.5i, 2.598 + 0.5i, 1.732 + 1i, // C6 C7 C8 C9
			1.732 + 2i, 2.598 + 2.5i, 3.464 + 2i, 3.464 + 1i, // C11 C12 C13 C14
			4.415 + 0.691i, 5.003 + 1.5i, 4.415 + 2.309i, // C15 C16 C17
		},
		bonds: [][2]int{
			{0, 1},
			{1, 2},
			{2, 3},
			{3, 4},
			{4, 5},
			{5, 0},
			{4, 6},
			{6, 7},
			{7, 8},
			{8, 9},
			{9, 5},
			{9, 10},
			{10, 11},
			{11, 12},
			{12, 13},
			{13, 8},
			{13, 14},
			{14, 15},
			{15, 16},
			{16, 12},
		},
	},
}

// patternSteps bounds the search for one pattern.
const patternSteps = 5000

// fromPattern begins a ring system with a pattern that it holds.
func (s *system) fromPattern() bool {
	if len(s.rings) < 3 || len(s.rings) > 60 {
		return false
	}
	for i := range patterns {
		p := &patterns[i]
		if p.bridged == (len(s.clusters) == 0) || len(p.bonds) > len(s.bonds) {
			continue
		}
		match := s.find(p)
		if match == nil {
			continue
		}
		for k, v := range match {
			s.b.put(v, p.points[k])
		}
		s.b.upright = p.upright
		s.mark()
		return true
	}
	return false
}

// find looks for a pattern among the ring bonds of the system. Hetero atoms break ties: of a morphinan's rings the one
// with the bridging nitrogen fits by shape alone.
func (s *system) find(p *pattern) []int32 {
	near := make([][]int, len(p.points))
	for _, b := range p.bonds {
		near[b[0]] = append(near[b[0]], b[1])
		near[b[1]] = append(near[b[1]], b[0])
	}
	inside := map[int32]bool{}
	var atoms []int32
	for _, b := range s.bonds {
		inside[b] = true
		for _, v := range [2]int32{s.g.bonds[b].a, s.g.bonds[b].b} {
			if !slices.Contains(atoms, v) {
				atoms = append(atoms, v)
			}
		}
	}
	slices.Sort(atoms)
	var order []int
	for seen := make([]bool, len(near)); len(order) < len(near); {
		for k := range near {
			if !seen[k] && (len(order) == 0 || slices.ContainsFunc(near[k], func(x int) bool { return seen[x] })) {
				seen[k] = true
				order = append(order, k)
			}
		}
	}
	match := make([]int32, len(near))
	for i := range match {
		match[i] = -1
	}
	steps := patternSteps
	var search func(k int) bool
	search = func(k int) bool {
		if k == len(order) {
			return true
		}
		q := order[k]
		candidates := atoms
		for _, x := range near[q] {
			if v := match[x]; v >= 0 {
				candidates = nil
				for _, e := range s.g.edges(v) {
					if inside[e.bond] {
						candidates = append(candidates, e.to)
					}
				}
				break
			}
		}
		for _, v := range candidates {
			if steps--; steps < 0 {
				return false
			}
			if slices.Contains(match, v) || !s.joins(near[q], match, v, inside) {
				continue
			}
			match[q] = v
			if search(k + 1) {
				return true
			}
			match[q] = -1
		}
		return false
	}
	if search(0) {
		return match
	}
	return nil
}

// joins says whether v is bonded to all placed neighbours of a point of a pattern.
func (s *system) joins(near []int, match []int32, v int32, inside map[int32]bool) bool {
	for _, x := range near {
		if match[x] < 0 {
			continue
		}
		if b := s.g.between(v, match[x]); b < 0 || !inside[b] {
			return false
		}
	}
	return true
}
