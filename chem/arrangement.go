package chem

// Places is the number of neighbours of an arrangement, 0 where it has no table.
func Places(c Chirality) int {
	switch c {
	case SquarePlanar:
		return 4
	case TrigonalBipyramidal:
		return 5
	case Octahedral:
		return 6
	}
	return 0
}

// shape writes an arrangement as positions: shape[i] says which position of the polyhedron the i-th neighbour of a
// list takes. Positions 2k and 2k+1 lie opposite each other, up to the rotations listed in turns.
type shape [6]uint8

// Rearrange returns the number of a square planar, trigonal bipyramidal or octahedral arrangement in the order 0, 1,
// 2…, where it has the given number (from 1) in the order list, a permutation of Places(c) neighbours.
func Rearrange(c Chirality, number uint8, list []int) uint8 {
	from := shapes[c][number-1]
	var to shape
	for i, x := range list {
		to[x] = from[i]
	}
	return numberOf[c][to]
}

// The tables of OpenSMILES. Square planar: which neighbour lies opposite the first. Trigonal bipyramidal: the two
// axial neighbours, and the sense of the other three seen from the first of them. Octahedral: the neighbour opposite
// the first, and the order of the other four around that axis.
var (
	squares = [3][4]int{{0, 1, 2, 3}, {0, 2, 1, 3}, {0, 1, 3, 2}} // around the square: U, 4, Z
	axes    = [20]struct {
		from, to int
		at       bool
	}{
		{0, 4, true},
		{0, 4, false},
		{0, 3, true},
		{0, 3, false},
		{0, 2, true},
		{0, 2, false},
		{0, 1, true},
		{0, 1, false},
		{1, 4, true},
		{1, 3, true},
		{1, 4, false},
		{1, 3, false},
		{1, 2, true},
		{1, 2, false},
		{2, 4, true},
		{2, 3, true},
		{3, 4, true},
		{3, 4, false},
		{2, 3, false},
		{2, 4, false},
	}
	octahedra = [30]struct {
		to   int
		form byte // U, 4 or Z
		at   bool
	}{
		{5, 'U', true},
		{5, 'U', false},
		{4, 'U', true},
		{5, 'Z', true},
		{4, 'Z', true},
		{3, 'U', true},
		{3, 'Z', true},
		{5, '4', true},
		{4, '4', true},
		{5, '4', false},
		{4, '4', false},
		{3, '4', true},
		{3, '4', false},
		{5, 'Z', false},
		{4, 'Z', false},
		{4, 'U', false},
		{3, 'Z', false},
		{3, 'U', false},
		{2, 'U', true},
		{2, 'Z', true},
		{2, '4', true},
		{2, '4', false},
		{2, 'Z', false},
		{2, 'U', false},
		{1, 'U', true},
		{1, 'Z', true},
		{1, '4', true},
		{1, '4', false},
		{1, 'Z', false},
		{1, 'U', false},
	}
)

var shapes, numberOf = func() (map[Chirality][]shape, map[Chirality]map[shape]uint8) {
	list := map[Chirality][]shape{}
	for _, ring := range squares {
		var s shape
		for place, x := range ring {
			s[x] = uint8(place)
		}
		list[SquarePlanar] = append(list[SquarePlanar], s)
	}
	for _, t := range axes {
		s := shape{}
		s[t.from], s[t.to] = 0, 1
		place := uint8(2)
		for x := range 5 {
			if x != t.from && x != t.to {
				s[x] = place
				place++
			}
		}
		if !t.at {
			s = swapped(s, 3, 4)
		}
		list[TrigonalBipyramidal] = append(list[TrigonalBipyramidal], s)
	}
	for _, o := range octahedra {
		s := shape{}
		s[0], s[o.to] = 0, 1
		var rest []int
		for x := 1; x < 6; x++ {
			if x != o.to {
				rest = append(rest, x)
			}
		}
		around := map[byte][4]int{'U': {0, 1, 2, 3}, '4': {0, 2, 1, 3}, 'Z': {0, 1, 3, 2}}[o.form]
		for k, r := range around {
			place := uint8(2 + k)
			if !o.at {
				place = uint8(2 + (4-k)%4)
			}
			s[rest[r]] = place
		}
		list[Octahedral] = append(list[Octahedral], s)
	}
	back := map[Chirality]map[shape]uint8{}
	for c, ss := range list {
		back[c] = map[shape]uint8{}
		for i, s := range ss {
			for _, turned := range rotations(c, s) {
				back[c][turned] = uint8(i + 1)
			}
		}
	}
	return list, back
}()

// swapped exchanges two positions.
func swapped(s shape, p, q uint8) shape {
	for i, x := range s {
		switch x {
		case p:
			s[i] = q
		case q:
			s[i] = p
		}
	}
	return s
}

// turns generate the rotations of each shape: position k moves to turn[k].
var turns = map[Chirality][]shape{
	SquarePlanar:        {{1, 2, 3, 0}, {0, 3, 2, 1}},             // the plane may be seen from both sides
	TrigonalBipyramidal: {{0, 1, 3, 4, 2}, {1, 0, 2, 4, 3}},       // around the axis; upside down
	Octahedral:          {{0, 1, 3, 4, 5, 2}, {2, 4, 1, 3, 0, 5}}, // around the axis; around a second one
}

// rotations lists all forms of a shape that rotation makes equal.
func rotations(c Chirality, s shape) []shape {
	size := Places(c)
	all := []shape{s}
	seen := map[shape]bool{s: true}
	for k := 0; k < len(all); k++ {
		for _, t := range turns[c] {
			var r shape
			for i := range size {
				r[i] = t[all[k][i]]
			}
			if !seen[r] {
				seen[r] = true
				all = append(all, r)
			}
		}
	}
	return all
}
