package report

import (
	"math"

	"gonum.org/v1/plot/vg"
)

const (
	tolerance = 0.12 // pixels by which a thinned line may differ: below what the one decimal shows
	maxPath   = 4000 // points of one line, at most
)

// simplify thins a line on the page: points within a tenth of a pixel of the last are dropped, columns of
// half a pixel keep first, lowest, highest and last, and the rest goes through Douglas and Peucker's
// algorithm (1973). It is deterministic and keeps both ends.
func simplify(pts []vg.Point) []vg.Point {
	pts = columns(pts)
	if len(pts) < 3 {
		return pts
	}
	keep := make([]bool, len(pts))
	keep[0], keep[len(pts)-1] = true, true
	type stretch struct{ lo, hi int }
	for todo := []stretch{{0, len(pts) - 1}}; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		far, at := 0.0, -1
		for i := s.lo + 1; i < s.hi; i++ {
			if d := distance(pts[i], pts[s.lo], pts[s.hi]); d > far {
				far, at = d, i
			}
		}
		if far > tolerance {
			keep[at] = true
			todo = append(todo, stretch{s.lo, at}, stretch{at, s.hi})
		}
	}
	out := pts[:0:0]
	for i, p := range pts {
		if keep[i] {
			out = append(out, p)
		}
	}
	return out
}

// columns bounds the number of points before the slower pass.
func columns(pts []vg.Point) []vg.Point {
	if len(pts) <= 1000 {
		return pts
	}
	var out []vg.Point
	for i := 0; i < len(pts); {
		col := math.Floor(float64(pts[i].X) * 2)
		j, lo, hi := i, i, i
		for ; j < len(pts) && math.Floor(float64(pts[j].X)*2) == col; j++ {
			if pts[j].Y < pts[lo].Y {
				lo = j
			}
			if pts[j].Y > pts[hi].Y {
				hi = j
			}
		}
		last := -1
		for _, k := range [4]int{i, min(lo, hi), max(lo, hi), j - 1} {
			if k != last {
				out = append(out, pts[k])
			}
			last = k
		}
		i = j
	}
	if len(out) <= maxPath {
		return out
	}
	// Only a line that runs back and forth comes here, such as a path in two dimensions.
	thin := make([]vg.Point, 0, maxPath)
	for i := range maxPath {
		thin = append(thin, out[i*(len(out)-1)/(maxPath-1)])
	}
	return thin
}

// distance is that of p from the segment a–b.
func distance(p, a, b vg.Point) float64 {
	dx, dy := float64(b.X-a.X), float64(b.Y-a.Y)
	px, py := float64(p.X-a.X), float64(p.Y-a.Y)
	if l := dx*dx + dy*dy; l > 0 {
		t := min(max((px*dx+py*dy)/l, 0), 1)
		px, py = px-t*dx, py-t*dy
	}
	return math.Hypot(px, py)
}

// sparse picks indexes so that no two points lie in the same square cell of the page; cells grow until at
// most limit remain. The first point of a cell stays.
func sparse(pts []vg.Point, limit int) []int {
	for cell := 1.5; ; cell *= 1.4 {
		seen := make(map[[2]int]bool, len(pts))
		var keep []int
		for i, p := range pts {
			k := [2]int{int(math.Floor(float64(p.X) / cell)), int(math.Floor(float64(p.Y) / cell))}
			if !seen[k] {
				seen[k] = true
				keep = append(keep, i)
			}
		}
		if len(keep) <= limit {
			return keep
		}
	}
}
