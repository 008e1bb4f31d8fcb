package region

import (
	"math"
	"math/bits"
	"slices"
	"sync"
)

// The area of the surface at a corner where eight voxels meet is that of the polygons of marching cubes (Lorensen
// and Cline 1987) through the midpoints between voxels inside and outside. Two things are left open there. Where a
// face of the cube has opposite voxels inside, the kind of voxels of which there are fewer is kept apart. And
// a polygon that is not flat can be cut into triangles in several ways: here that of the largest area on cubic voxels
// is taken and, of equals, the one with the most unequal triangles. That gives the areas of DeepMind's
// table for every code and spacing, which the tests check.

// Corner k of the cube is the voxel at x = k&1, y = k>>1&1, z = k>>2; bit k of a code says it is inside.

// A triangle's area vector: half the cross product of two sides, on cubic voxels of side 1.
type areaVector [3]float64

// point is a midpoint between two voxels, times two, so that its coordinates are whole.
type point [3]int

// cubeTriangles returns, for each code, the area vectors of its triangles.
var cubeTriangles = sync.OnceValue(func() (out [256][]areaVector) {
	for code := 1; code < 255; code++ {
		few := code
		if bits.OnesCount8(uint8(code)) > 4 {
			few = 255 - code // the same surface, seen from the other side
		}
		for _, polygon := range polygons(uint8(few)) {
			out[code] = append(out[code], bestTriangles(polygon)...)
		}
	}
	return out
})

// surfaceAreas is the area in mm² of the surface by code.
func surfaceAreas(step [3]float64) (out [256]float64) {
	for code, triangles := range cubeTriangles() {
		for _, v := range triangles {
			x, y, z := v[0]*step[1]*step[2], v[1]*step[0]*step[2], v[2]*step[0]*step[1]
			out[code] += math.Sqrt(x*x + y*y + z*z)
		}
	}
	return out
}

// faces lists the corners of each face of the cube in a circle.
var faces = [6][4]int{{0, 1, 3, 2}, {4, 5, 7, 6}, {0, 1, 5, 4}, {2, 3, 7, 6}, {0, 2, 6, 4}, {1, 3, 7, 5}}

func midpoint(a, b int) point {
	return point{a&1 + b&1, a>>1&1 + b>>1&1, a>>2 + b>>2}
}

// polygons joins the line segments that the surface draws on the faces of the cube.
func polygons(code uint8) (out [][]point) {
	next := map[point][]point{}
	for _, f := range faces {
		inside := func(i int) bool { return code>>f[i&3]&1 == 1 }
		edge := func(i int) point { return midpoint(f[i&3], f[(i+1)&3]) }
		join := func(i, j int) {
			a, b := edge(i), edge(j)
			next[a], next[b] = append(next[a], b), append(next[b], a)
		}
		var crossed []int
		for i := range 4 {
			if inside(i) != inside(i+1) {
				crossed = append(crossed, i)
			}
		}
		switch len(crossed) {
		case 2:
			join(crossed[0], crossed[1])
		case 4: // cut off each corner that is inside
			first := 0
			if !inside(0) {
				first = 1
			}
			join(first+3, first)
			join(first+1, first+2)
		}
	}
	seen := map[point]bool{}
	for a := range 8 { // edges in a fixed order
		for _, b := range []int{a | 1, a | 2, a | 4} {
			start := midpoint(a, b)
			if a == b || next[start] == nil || seen[start] {
				continue
			}
			var polygon []point
			for at := start; !seen[at]; {
				seen[at] = true
				polygon = append(polygon, at)
				if at = next[at][0]; seen[at] {
					at = next[polygon[len(polygon)-1]][1]
				}
			}
			out = append(out, polygon)
		}
	}
	return out
}

// bestTriangles cuts a polygon into triangles.
func bestTriangles(p []point) (best []areaVector) {
	var bestArea, bestSquares float64
	for _, triangles := range cuts(p) {
		var area, squares float64
		for _, v := range triangles {
			a := v[0]*v[0] + v[1]*v[1] + v[2]*v[2]
			area += math.Sqrt(a)
			squares += a
		}
		const rounding = 1e-9
		if area > bestArea+rounding || area > bestArea-rounding && squares > bestSquares+rounding {
			best, bestArea, bestSquares = triangles, area, squares
		}
	}
	return best
}

// cuts returns every way to cut a polygon into triangles: by the third corner of the triangle on its last side.
func cuts(p []point) [][]areaVector {
	if len(p) < 3 {
		return [][]areaVector{nil}
	}
	var out [][]areaVector
	last := len(p) - 1
	for k := 1; k < last; k++ {
		t := triangle(p[0], p[k], p[last])
		for _, a := range cuts(p[:k+1]) {
			for _, b := range cuts(p[k:]) {
				out = append(out, slices.Concat(a, []areaVector{t}, b))
			}
		}
	}
	return out
}

func triangle(a, b, c point) areaVector {
	var u, v [3]float64
	for i := range 3 {
		u[i], v[i] = float64(b[i]-a[i])/2, float64(c[i]-a[i])/2
	}
	return areaVector{(u[1]*v[2] - u[2]*v[1]) / 2, (u[2]*v[0] - u[0]*v[2]) / 2, (u[0]*v[1] - u[1]*v[0]) / 2}
}
