package region

import (
	"math"

	"galen.dev/internal/cpu"
)

// Convention says what the surface of a mask is made of. Published figures come from both; they differ by up to a
// voxel, so say which one a figure is from.
type Convention uint8

// The conventions.
const (
	// Elements are the pieces of surface between voxels, weighted by their area in mm², or by their length in an
	// image: those of marching cubes. Each is taken to lie at the corner where its voxels meet. This is
	// DeepMind's surface-distance (Nikolov et al., J Med Internet Res 2021;23:e26151), and MONAI's surface
	// Dice with subvoxels.
	Elements Convention = iota
	// Borders are the voxels of the mask that share a face (in an image an edge) with background. Each counts
	// one, however thick the slices. This is what MONAI, MedPy and the library of Metrics Reloaded do.
	Borders
)

// surfaces are the surface points of both masks on one lattice. A code of zero is no point; others index weight.
type surfaces struct {
	dims      [3]int
	step      [3]float64 // mm
	pred, ref []uint8
	weight    [256]float64
}

// masks are both masks within a box, with a margin of background: bit 0 is the prediction, bit 1 the reference.
type masks struct {
	dims [3]int // with the margin of one voxel on every side; an image has none along z
	flat bool
	bits []uint8
}

// cutMasks copies the voxels of one class in a box; class 0 stands for all labels.
func cutMasks[T Label](pred, ref []T, class T, g Grid, b box) *masks {
	d := b.dims()
	m := &masks{dims: [3]int{d[0] + 2, d[1] + 2, d[2] + 2}, flat: g.flat()}
	margin := 1
	if m.flat {
		m.dims[2], margin = 1, 0
	}
	m.bits = make([]uint8, m.dims[0]*m.dims[1]*m.dims[2])
	rows := d[1] * d[2]
	pieces, size := cpu.Chunks(rows, max(1, (1<<15)/d[0]), 256)
	cpu.Do(pieces, func(_, piece int) {
		for row := piece * size; row < min(rows, (piece+1)*size); row++ {
			y, z := row%d[1], row/d[1]
			from := ((z+b.from[2])*g.Dims[1]+y+b.from[1])*g.Dims[0] + b.from[0]
			p, r := pred[from:from+d[0]], ref[from:from+d[0]]
			to := ((z+margin)*m.dims[1]+y+1)*m.dims[0] + 1
			out := m.bits[to : to+d[0]]
			for x := range out {
				var bits uint8
				if p[x] == class != (class == 0) {
					bits = 1
				}
				if r[x] == class != (class == 0) {
					bits |= 2
				}
				out[x] = bits
			}
		}
	})
	return m
}

// surfacesOf finds the surfaces of one class of which b is the box.
func surfacesOf[T Label](pred, ref []T, class T, g Grid, b box, c Convention) *surfaces {
	m := cutMasks(pred, ref, class, g, b)
	if c == Borders {
		return m.borders(g)
	}
	return m.elements(g)
}

// borders has a lattice point at each voxel of the box.
func (m *masks) borders(g Grid) *surfaces {
	margin := 1
	if m.flat {
		margin = 0
	}
	s := newSurfaces([3]int{m.dims[0] - 2, m.dims[1] - 2, m.dims[2] - 2*margin}, g)
	s.weight[1] = 1
	nx, plane := m.dims[0], m.dims[0]*m.dims[1]
	s.rows(func(y, z, to int) {
		from := (z+margin)*plane + (y+1)*nx + 1
		n := s.dims[0]
		row, up, down := m.bits[from-1:from+n+1], m.bits[from-nx:from-nx+n], m.bits[from+nx:from+nx+n]
		under, over := up, up
		if !m.flat {
			under, over = m.bits[from-plane:from-plane+n], m.bits[from+plane:from+plane+n]
		}
		pred, ref := s.pred[to:to+n], s.ref[to:to+n]
		for x := range pred {
			border := row[x+1] &^ (row[x] & row[x+2] & up[x] & down[x] & under[x] & over[x])
			pred[x], ref[x] = border&1, border>>1
		}
	})
	return s
}

// elements has a lattice point at each corner of a voxel of the box, whose code says which of the voxels around it
// belong to the mask.
func (m *masks) elements(g Grid) *surfaces {
	dims := [3]int{m.dims[0] - 1, m.dims[1] - 1, max(1, m.dims[2]-1)}
	s := newSurfaces(dims, g)
	full := uint8(255)
	if m.flat {
		full = 15
		s.weight = contourLengths(g.SpacingMM)
	} else {
		s.weight = surfaceAreas(g.SpacingMM)
	}
	nx, plane := m.dims[0], m.dims[0]*m.dims[1]
	s.rows(func(y, z, to int) {
		from := z*plane + y*nx
		near, far := m.bits[from:from+nx], m.bits[from+nx:from+2*nx]
		pred, ref := s.pred[to:to+dims[0]], s.ref[to:to+dims[0]]
		if m.flat {
			codes4(near, far, pred, ref)
		} else {
			codes8(near, far, m.bits[from+plane:from+plane+nx], m.bits[from+plane+nx:from+plane+2*nx], pred, ref)
		}
		for x := range pred {
			if pred[x] == full {
				pred[x] = 0
			}
			if ref[x] == full {
				ref[x] = 0
			}
		}
	})
	return s
}

// codes4 and codes8 slide a window of two voxels along rows. Bit x + 2y + 4z of a code is the voxel at that place
// around the corner, as element.go has it.
func codes4(a, b, pred, ref []uint8) {
	var p, r uint8
	p, r = a[0]&1<<1|b[0]&1<<3, a[0]&2|b[0]&2<<2
	for x := range pred {
		a, b := a[x+1], b[x+1]
		p = p>>1&0x5 | a&1<<1 | b&1<<3
		r = r>>1&0x5 | a&2 | b&2<<2
		pred[x], ref[x] = p, r
	}
}

func codes8(a, b, c, d, pred, ref []uint8) {
	p := a[0]&1<<1 | b[0]&1<<3 | c[0]&1<<5 | d[0]&1<<7
	r := a[0]&2 | b[0]&2<<2 | c[0]&2<<4 | d[0]&2<<6
	n := len(pred)
	a, b, c, d = a[1:n+1], b[1:n+1], c[1:n+1], d[1:n+1]
	for x := range pred {
		a, b, c, d := a[x], b[x], c[x], d[x]
		p = p>>1&0x55 | a&1<<1 | b&1<<3 | c&1<<5 | d&1<<7
		r = r>>1&0x55 | a&2 | b&2<<2 | c&2<<4 | d&2<<6
		pred[x], ref[x] = p, r
	}
}

func newSurfaces(dims [3]int, g Grid) *surfaces {
	n := dims[0] * dims[1] * dims[2]
	return &surfaces{dims: dims, step: g.SpacingMM, pred: make([]uint8, n), ref: make([]uint8, n)}
}

// rows calls body for every row of the lattice, on every thread.
func (s *surfaces) rows(body func(y, z, to int)) {
	rows := s.dims[1] * s.dims[2]
	pieces, size := cpu.Chunks(rows, max(1, (1<<15)/s.dims[0]), 256)
	cpu.Do(pieces, func(_, piece int) {
		for row := piece * size; row < min(rows, (piece+1)*size); row++ {
			body(row%s.dims[1], row/s.dims[1], row*s.dims[0])
		}
	})
}

// contourLengths is the length of contour at a corner of an image, by code.
func contourLengths(step [3]float64) (out [256]float64) {
	x, y := step[0], step[1]
	corner := math.Sqrt(x*x+y*y) / 2
	for code := 1; code < 15; code++ {
		switch code {
		case 3, 12: // the two voxels of one row
			out[code] = x
		case 5, 10: // of one column
			out[code] = y
		case 6, 9: // opposite voxels
			out[code] = 2 * corner
		default:
			out[code] = corner
		}
	}
	return out
}
