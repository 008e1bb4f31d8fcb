package region

import (
	"math"

	"galen.dev/internal/cpu"
)

// The exact distance from some points of a lattice to the nearest of others takes time linear in the size of the
// lattice, axis by axis: the squared distance along a line is the lower envelope of parabolas, one over each point of
// the line (Felzenszwalb and Huttenlocher, Theory of Computing 2012;8:415). Kept between the passes is not a
// squared distance but the step to the nearest point within the plane, in voxels, 16 bits along x and y: half the
// memory, and rounding does not add up. The last pass, along z, visits only columns where a distance is asked for, and
// writes it straight to its list.

// columns is how many columns are worked on at once: a line of the cache has as many.
const columns = 16

// nearest is the first two passes done.
type nearest struct {
	dims  [3]int
	step  [3]float64
	steps []uint32 // to the nearest point of the same plane: along x in the low 16 bits, along y in the high ones
	some  []bool   // planes that have points
}

// planes finds the nearest point of each place within its plane. Points are where codes are not zero. steps is
// scratch of the lattice's size.
func planes(dims [3]int, step [3]float64, codes []uint8, steps []uint32) *nearest {
	n := &nearest{dims: dims, step: step, steps: steps, some: make([]bool, dims[2])}
	nx, ny := dims[0], dims[1]
	filled := make([]bool, ny*dims[2]) // rows that have points
	rows := len(filled)
	pieces, size := cpu.Chunks(rows, max(1, (1<<15)/nx), 256)
	cpu.Do(pieces, func(_, piece int) {
		for row := piece * size; row < min(rows, (piece+1)*size); row++ {
			filled[row] = alongRow(codes[row*nx:(row+1)*nx], steps[row*nx:(row+1)*nx])
		}
	})
	for row, yes := range filled {
		n.some[row/ny] = n.some[row/ny] || yes
	}
	// A wide enough piece of a plane keeps a thread busy: all of a small plane, a few columns of a large one.
	wide := max(columns, (1<<15)/ny/columns*columns)
	across := (nx + wide - 1) / wide
	scratch := make([]*envelope, cpu.Threads())
	cpu.Do(across*dims[2], func(worker, item int) {
		z := item / across
		if !n.some[z] {
			return
		}
		if scratch[worker] == nil {
			scratch[worker] = newEnvelope(ny, step[1])
		}
		plane := steps[z*nx*ny : (z+1)*nx*ny]
		for from := item % across * wide; from < min(nx, (item%across+1)*wide); from += columns {
			scratch[worker].alongColumns(plane, filled[z*ny:(z+1)*ny], nx, from, min(nx, from+columns), step[0])
		}
	})
	return n
}

// alongRow writes the distance in voxels to the nearest point of the row; false if there is none.
func alongRow(codes []uint8, steps []uint32) bool {
	at := -1
	for x, c := range codes {
		if c != 0 {
			if at < 0 {
				for k := range x {
					steps[k] = uint32(x - k)
				}
			} else {
				half := (at + x) / 2
				for k := half + 1; k < x; k++ {
					steps[k] = uint32(x - k)
				}
				for k := at + 1; k <= half; k++ {
					steps[k] = uint32(k - at)
				}
			}
			steps[x] = 0
			at = x
		}
	}
	if at < 0 {
		return false
	}
	for k := at + 1; k < len(codes); k++ {
		steps[k] = uint32(k - at)
	}
	return true
}

// An envelope is the lower envelope of parabolas over a line of evenly spaced places.
type envelope struct {
	step    float64
	inverse []float64 // of 2 k step² for each k from 1: a division would be the slowest part of all
	places  []int32   // of the parabolas that touch the envelope, rising
	height  []float64 // of their vertices
	from    []float64 // where each begins to be the lowest, in places
	size    int
	gather  []uint32 // columns of a plane, one after the other
}

func newEnvelope(n int, step float64) *envelope {
	inverse := make([]float64, n)
	for k := 1; k < n; k++ {
		inverse[k] = 1 / (2 * float64(k) * step * step)
	}
	return &envelope{step: step, inverse: inverse, places: make([]int32, n), height: make([]float64, n), from: make([]float64, n), gather: make([]uint32, columns*n)}
}

// add puts a parabola with its vertex at the place, which is higher than those before, and height f.
func (e *envelope) add(place int, f float64) {
	at := math.Inf(-1)
	k := e.size
	for k > 0 {
		// Where the new parabola gets below the last: half way, moved by the difference in height.
		v := int(e.places[k-1])
		at = float64(place+v)/2 + float64((f-e.height[k-1])*e.inverse[place-v])
		if at > e.from[k-1] {
			break
		}
		k--
	}
	e.places[k], e.height[k], e.from[k] = int32(place), f, at
	e.size = k + 1
}

// alongColumns replaces the steps of columns from to to of a plane, found within rows, by the steps within the plane.
func (e *envelope) alongColumns(plane []uint32, filled []bool, nx, from, to int, stepX float64) {
	ny := len(filled)
	for y, yes := range filled {
		if yes {
			for k, v := range plane[y*nx+from : y*nx+to] {
				e.gather[k*ny+y] = v
			}
		}
	}
	for k := range to - from {
		column := e.gather[k*ny : (k+1)*ny]
		e.size = 0
		for y, yes := range filled {
			if yes {
				d := float64(column[y]) * stepX
				e.add(y, d*d)
			}
		}
		at, y := from+k, 0
		for i := range e.size {
			v := int(e.places[i])
			last := ny
			if i+1 < e.size {
				last = int(max(0, min(float64(ny), math.Ceil(e.from[i+1]))))
			}
			for ; y < last; y++ {
				plane[y*nx+at] = column[v] | uint32(max(y-v, v-y))<<16
			}
		}
	}
}

// A sample is one point of a surface: its distance in mm to the other surface, and its weight.
type sample struct{ mm, weight float64 }

// at returns the distances of all places where codes are not zero, weighted by code, in order of y, x, z.
func (n *nearest) at(codes []uint8, weight *[256]float64) []sample {
	nx, ny, nz := n.dims[0], n.dims[1], n.dims[2]
	// Planes without points have no parabolas.
	var some []int
	for z, yes := range n.some {
		if yes {
			some = append(some, z)
		}
	}
	pieces, size := cpu.Chunks(ny, max(1, (1<<15)/(nx*nz)), 512)
	found := make([][]sample, pieces)
	scratch := make([]*envelope, cpu.Threads())
	asked := make([][]bool, cpu.Threads())
	cpu.Do(pieces, func(worker, piece int) {
		if scratch[worker] == nil {
			scratch[worker], asked[worker] = newEnvelope(nz, n.step[2]), make([]bool, nx)
		}
		e, ask := scratch[worker], asked[worker]
		var out []sample
		for y := piece * size; y < min(ny, (piece+1)*size); y++ {
			clear(ask)
			for z := range nz {
				for x, c := range codes[(z*ny+y)*nx:][:nx] {
					if c != 0 {
						ask[x] = true
					}
				}
			}
			for x, yes := range ask {
				if yes {
					out = n.column(out, e, some, codes, weight, y*nx+x)
				}
			}
		}
		found[piece] = out
	})
	total := 0
	for _, part := range found {
		total += len(part)
	}
	all := make([]sample, 0, total)
	for _, part := range found {
		all = append(all, part...)
	}
	return all
}

// column appends the samples of the column along z at a place of the plane.
func (n *nearest) column(out []sample, e *envelope, some []int, codes []uint8, weight *[256]float64, place int) []sample {
	plane := n.dims[0] * n.dims[1]
	e.size = 0
	for _, z := range some {
		v := n.steps[z*plane+place]
		x, y := float64(v&0xffff)*n.step[0], float64(v>>16)*n.step[1]
		e.add(z, float64(x*x)+float64(y*y))
	}
	k := 0
	for z := range n.dims[2] {
		c := codes[z*plane+place]
		if c == 0 {
			continue
		}
		for k+1 < e.size && float64(z) >= e.from[k+1] {
			k++
		}
		d := float64(z-int(e.places[k])) * e.step
		out = append(out, sample{math.Sqrt(e.height[k] + float64(d*d)), weight[c]})
	}
	return out
}

// DistanceMap is the distance in mm from each voxel to the nearest one of the class, 0 within it: the Euclidean
// distance transform, as of scipy.ndimage.distance_transform_edt. +Inf everywhere if the class does not occur.
func DistanceMap[T Label](labels []T, class T, g Grid) []float64 {
	g.holds(len(labels), len(labels))
	codes, every := make([]uint8, len(labels)), make([]uint8, len(labels))
	found := false
	for i, v := range labels {
		every[i] = 1
		if v == class {
			codes[i], found = 1, true
		}
	}
	out := make([]float64, len(labels))
	if !found {
		for i := range out {
			out[i] = math.Inf(1)
		}
		return out
	}
	n := planes(g.Dims, g.SpacingMM, codes, make([]uint32, len(labels)))
	var one [256]float64
	samples := n.at(every, &one)
	// Samples come by y, then x, then z.
	i := 0
	for y := range g.Dims[1] {
		for x := range g.Dims[0] {
			for z := range g.Dims[2] {
				out[(z*g.Dims[1]+y)*g.Dims[0]+x] = samples[i].mm
				i++
			}
		}
	}
	return out
}
