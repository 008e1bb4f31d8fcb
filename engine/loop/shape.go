package loop

// The loop as it is walked: dimensions of length 1 dropped, neighbours merged where every operand allows it,
// and the innermost ones gathered into tiles.
type shape struct {
	dims    []int // collapsed lengths, outermost first, at least one
	strides [][]int
	lead    int // how many leading dims hold RunRows' rows
	factor  int // elements of those dims per row
	rows    int // product of RowDims
	total   int
	tiling
}

// A tile is a block of dimension split together with all of the dimensions inside it.
type tiling struct {
	split int // the dimension that tiles cut
	block int // how much of it a tile takes at most
	inner int // elements of the dimensions inside it
}

// collapse drops and merges dimensions. Strides of an operand merge where stepping over the end of the inner
// dimension is a step of the outer one.
func collapse(spec *Spec, strides [][]int) shape {
	s := shape{strides: make([][]int, len(strides)), total: 1, rows: 1, factor: 1}
	lead := spec.RowDims
	if lead == 0 {
		lead = 1
	}
	lead = min(lead, len(spec.Dims))
	for d, n := range spec.Dims {
		s.total *= n
		if d < lead {
			s.rows *= n
		}
		if n == 1 {
			continue
		}
		last := len(s.dims) - 1
		merge := last >= 0
		for o := range strides {
			merge = merge && s.strides[o][last] == strides[o][d]*n
		}
		if merge {
			s.dims[last] *= n
			for o := range strides {
				s.strides[o][last] = strides[o][d]
			}
			if d >= lead && s.lead == len(s.dims) {
				s.factor *= n
			}
			continue
		}
		s.dims = append(s.dims, n)
		for o := range strides {
			s.strides[o] = append(s.strides[o], strides[o][d])
		}
		if d < lead {
			s.lead = len(s.dims)
		}
	}
	if len(s.dims) == 0 {
		s.dims = []int{1}
		for o := range strides {
			s.strides[o] = []int{0}
		}
	}
	return s
}

// tile chooses tiles of about size elements. They never cut inside the dimensions of rows, so that RunRows can.
func (s *shape) tile(size int) {
	s.inner, s.split = 1, len(s.dims)-1
	for s.split > max(s.lead-1, 0) && s.inner*s.dims[s.split] <= size {
		s.inner *= s.dims[s.split]
		s.split--
	}
	n := max(s.dims[s.split], 1)
	s.block = min(n, max(1, size/max(s.inner, 1)))
	blocks := (n + s.block - 1) / s.block
	s.block = (n + blocks - 1) / blocks
	if s.inner == 1 {
		s.block = min(n, (s.block+15)&^15)
	}
}

// A group is a run of a tile's dimensions that an operand crosses with one stride. The first group of a tile
// has length factor times the block.
type group struct{ length, stride int }

// groups merges the tile's dimensions for an operand with the given strides.
func (s *shape) groups(strides []int) []group {
	g := []group{{1, strides[s.split]}}
	for d := s.split + 1; d < len(s.dims); d++ {
		last := &g[len(g)-1]
		if last.stride == strides[d]*s.dims[d] {
			last.length *= s.dims[d]
			last.stride = strides[d]
			continue
		}
		g = append(g, group{s.dims[d], strides[d]})
	}
	return g
}

// dense says whether an operand's tile is one piece of memory.
func (s *shape) dense(strides []int) bool {
	g := s.groups(strides)
	if s.block == 1 && len(g) == 2 && g[0].length == 1 {
		return g[1].stride == 1
	}
	return len(g) == 1 && g[0].stride == 1
}

// fixed says whether an operand's tile is the same for every tile.
func (s *shape) fixed(strides []int) bool {
	for d := range s.split + 1 {
		if strides[d] != 0 {
			return false
		}
	}
	return true
}

// scalar says whether an operand has one element in each tile.
func (s *shape) scalar(strides []int) bool {
	for _, x := range strides[s.split:] {
		if x != 0 {
			return false
		}
	}
	return true
}
