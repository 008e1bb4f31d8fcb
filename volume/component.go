package volume

import (
	"cmp"
	"fmt"
	"slices"

	"galen.dev/fault"
)

// Neighbours says which voxels touch.
type Neighbours uint8

// The ways. In a single slice Faces are 4 neighbours and Corners are 8.
const (
	Faces   Neighbours = iota // 6: those that share a face
	Edges                     // 18: or an edge
	Corners                   // 26: or a corner
)

// Component is one connected part of a label map.
type Component struct {
	Number uint32 // its value in the numbered grid, from 1
	Label  uint16 // the label of its voxels
	Voxels int
	Box    Box
	Centre Vec // the mean place of its voxels, in voxels
}

// Components numbers the connected parts of the label map. Voxels touch where they have the same label, not
// background, and are neighbours. Numbers run from 1 in the order in which parts are met along memory, as
// scipy.ndimage.label has them for one label; the grid of numbers and the table of parts are returned.
//
// Slabs are joined inside on every thread, then across their borders: union by the lower place (Rosenfeld and
// Pfaltz 1966 with He's equivalences), so that the result is the same for every number of threads. Memory: four
// bytes a voxel.
func (m *LabelMap) Components(n Neighbours) ([]uint32, []Component, error) {
	voxels := m.Voxels()
	if voxels >= 1<<32-1 {
		return nil, nil, fault.Errorf(fault.Data, "connected components: %d voxels are more than %d", voxels, int64(1<<32-2))
	}
	c := &components{dims: m.Dims, parent: make([]uint32, voxels)}
	switch d := m.Data.(type) {
	case Slice[uint8]:
		link(c, d, n)
	case Slice[uint16]:
		link(c, d, n)
	default:
		panic(fmt.Sprintf("volume: labels are stored as %s", m.Data.Type()))
	}
	return c.parent, c.number(m), nil
}

// components is a forest: parent[i] is 0 for background, else one more than the place of another voxel of the
// same part that lies earlier in memory, or of the voxel itself.
type components struct {
	dims   [3]int
	parent []uint32
}

func (c *components) root(i uint32) uint32 {
	p := c.parent
	for p[i] != i+1 {
		p[i] = p[p[i]-1] // halve the path
		i = p[i] - 1
	}
	return i
}

func (c *components) union(i, j uint32) {
	a, b := c.root(i), c.root(j)
	if a < b {
		c.parent[b] = a + 1
	} else {
		c.parent[a] = b + 1
	}
}

// A step leads to a neighbour that lies earlier in memory.
type stepTo struct{ x, y, z int }

func (n Neighbours) earlier() (out []stepTo) {
	for z := -1; z <= 0; z++ {
		for y := -1; y <= 1; y++ {
			for x := -1; x <= 1; x++ {
				away := x*x + y*y + z*z
				if away >= 1 && away <= int(n)+1 && (z < 0 || y < 0 || y == 0 && x < 0) {
					out = append(out, stepTo{x, y, z})
				}
			}
		}
	}
	return out
}

// slabs is how many pieces a grid is cut into, by its size alone.
const slabs = 16

func link[T uint8 | uint16](c *components, in Slice[T], n Neighbours) {
	d := c.dims
	steps := n.earlier()
	// A single slice is cut along y, a volume along z.
	axis := 2
	if d[2] == 1 {
		axis = 1
	}
	count := min(slabs, d[axis])
	size := (d[axis] + count - 1) / count
	count = (d[axis] + size - 1) / size
	do(count, func(s int) {
		var b Box
		b.To = d
		b.From[axis], b.To[axis] = s*size, min(d[axis], (s+1)*size)
		linkBox(c, in, steps, b)
	})
	for s := 1; s < count; s++ {
		linkBorder(c, in, steps, axis, s*size)
	}
}

// fresh are the steps that lead from a voxel to those that are no neighbours of the one before it in its row: where
// both have one label, the others are joined already.
func fresh(steps []stepTo) (out []stepTo) {
	for _, s := range steps {
		if s != (stepTo{-1, 0, 0}) && !slices.Contains(steps, stepTo{s.x + 1, s.y, s.z}) {
			out = append(out, s)
		}
	}
	return out
}

// linkBox joins voxels of a box to earlier neighbours in it.
func linkBox[T uint8 | uint16](c *components, in Slice[T], all []stepTo, b Box) {
	offset := func(steps []stepTo) []int {
		out := make([]int, len(steps))
		for k, s := range steps {
			out[k] = (s.z*c.dims[1]+s.y)*c.dims[0] + s.x
		}
		return out
	}
	few := fresh(all)
	allOffsets, fewOffsets := offset(all), offset(few)
	for z := b.From[2]; z < b.To[2]; z++ {
		for y := b.From[1]; y < b.To[1]; y++ {
			line := (z*c.dims[1] + y) * c.dims[0]
			rows := z > b.From[2] && y > b.From[1] && y < b.To[1]-1 // every neighbour's row is in the box
			for x := b.From[0]; x < b.To[0]; x++ {
				i := line + x
				if in[i] == 0 {
					continue
				}
				own := uint32(i) + 1
				c.parent[i] = own
				steps, offsets := all, allOffsets
				if x > b.From[0] && in[i-1] == in[i] {
					c.parent[i] = c.parent[i-1]
					steps, offsets = few, fewOffsets
				}
				middle := rows && x > 0 && x < b.To[0]-1
				for k, s := range steps {
					if !middle {
						px, py, pz := x+s.x, y+s.y, z+s.z
						if px < b.From[0] || py < b.From[1] || pz < b.From[2] || px >= b.To[0] || py >= b.To[1] {
							continue
						}
					}
					j := i + offsets[k]
					switch {
					case in[j] != in[i] || c.parent[j] == c.parent[i]:
					case c.parent[i] == own: // the first neighbour: follow it
						c.parent[i] = c.parent[j]
					default:
						c.union(uint32(i), uint32(j))
					}
				}
			}
		}
	}
}

// linkBorder joins the plane at a slab's beginning to the plane before it.
func linkBorder[T uint8 | uint16](c *components, in Slice[T], steps []stepTo, axis, at int) {
	var from [3]int
	to := c.dims
	from[axis], to[axis] = at, at+1
	for z := from[2]; z < to[2]; z++ {
		for y := from[1]; y < to[1]; y++ {
			for x := range to[0] {
				i := (z*c.dims[1]+y)*c.dims[0] + x
				if in[i] == 0 {
					continue
				}
				for _, s := range steps {
					p := [3]int{x + s.x, y + s.y, z + s.z}
					if p[axis] != at-1 || p[0] < 0 || p[1] < 0 || p[2] < 0 || p[0] >= c.dims[0] || p[1] >= c.dims[1] {
						continue
					}
					if j := (p[2]*c.dims[1]+p[1])*c.dims[0] + p[0]; in[j] == in[i] {
						c.union(uint32(i), uint32(j))
					}
				}
			}
		}
	}
}

// numbered is the number of the part of a voxel that has none yet, while those before it have theirs: a root begins the
// next part after parts.
func (c *components) numbered(i, parts int) uint32 {
	if c.parent[i] == uint32(i)+1 {
		return uint32(parts + 1)
	}
	return c.parent[c.parent[i]-1]
}

// number replaces parents by numbers: a part's first voxel in memory is its root, so that it is met first.
func (c *components) number(m *LabelMap) []Component {
	var out []Component
	p := c.parent
	for z := range c.dims[2] {
		for y := range c.dims[1] {
			line := (z*c.dims[1] + y) * c.dims[0]
			row := p[line : line+c.dims[0]]
			for x := 0; x < len(row); {
				if row[x] == 0 {
					x++
					continue
				}
				// A run of one part counts at once; sums of whole numbers are exact in any order.
				from, number := x, c.numbered(line+x, len(out))
				if int(number) > len(out) {
					out = append(out, Component{Number: number, Label: m.Get(line + x), Box: Box{From: c.dims}})
				}
				row[x] = number
				for x++; x < len(row) && row[x] != 0 && c.numbered(line+x, len(out)) == number; x++ {
					row[x] = number
				}
				part, n := &out[number-1], x-from
				part.Voxels += n
				part.Box.join(Box{From: [3]int{from, y, z}, To: [3]int{x, y + 1, z + 1}})
				part.Centre = part.Centre.Plus(Vec{float64(n * (from + x - 1) / 2), float64(n * y), float64(n * z)})
			}
		}
	}
	for k := range out {
		out[k].Centre = out[k].Centre.Times(1 / float64(out[k].Voxels))
	}
	return out
}

// Largest returns the label map with, of each label, the largest part alone; of equals the first in memory. Where
// together is true all labels count as one for connecting, and one part of the whole foreground is kept.
func (m *LabelMap) Largest(n Neighbours, together bool) (*LabelMap, error) {
	return m.keep(n, together, func(parts []Component) map[uint32]bool {
		best := map[uint16]Component{}
		for _, c := range parts {
			if b, ok := best[c.Label]; !ok || c.Voxels > b.Voxels {
				best[c.Label] = c
			}
		}
		kept := map[uint32]bool{}
		for _, c := range best {
			kept[c.Number] = true
		}
		return kept
	})
}

// AtLeast returns the label map without parts of fewer than voxels voxels.
func (m *LabelMap) AtLeast(n Neighbours, voxels int) (*LabelMap, error) {
	return m.keep(n, false, func(parts []Component) map[uint32]bool {
		kept := map[uint32]bool{}
		for _, c := range parts {
			kept[c.Number] = c.Voxels >= voxels
		}
		return kept
	})
}

func (m *LabelMap) keep(n Neighbours, together bool, choose func([]Component) map[uint32]bool) (*LabelMap, error) {
	source := m
	if together {
		binary := make([]uint8, m.Voxels())
		inPieces(len(binary), func(from, to int) {
			for i := from; i < to; i++ {
				if m.Get(i) != 0 {
					binary[i] = 1
				}
			}
		})
		source = NewLabels(m.Geometry, binary, nil)
	}
	numbers, parts, err := source.Components(n)
	if err != nil {
		return nil, err
	}
	kept := choose(parts)
	keeps := make([]bool, len(parts)+1)
	for number, yes := range kept {
		keeps[number] = yes
	}
	out := &LabelMap{Geometry: m.Geometry, Data: m.Data.Make(m.Data.Len()), Labels: m.Labels}
	inPieces(len(numbers), func(from, to int) {
		for i := from; i < to; {
			end := i + 1
			for end < to && keeps[numbers[end]] == keeps[numbers[i]] {
				end++
			}
			if keeps[numbers[i]] {
				out.Data.move(i, m.Data, i, 1, end-i)
			}
			i = end
		}
	})
	return out, nil
}

// BySize sorts parts by falling size; equals keep their order.
func BySize(parts []Component) {
	slices.SortStableFunc(parts, func(a, b Component) int { return cmp.Compare(b.Voxels, a.Voxels) })
}
