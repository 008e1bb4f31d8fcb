package augment

// knot is where a coordinate of the result lies among the control points of an axis: four of them with the
// weights of the uniform cubic B-spline.
type knot struct {
	point  [4]int
	weight [4]float64
}

// knots places the result's voxels among the control points.
func (s *sampler) knots() {
	g := s.field
	if min(g.Points[0], g.Points[1], g.Points[2]) < 1 || len(g.Displacement) != voxels(g.Points)*3 {
		panic("augment: the displacements do not fill their grid")
	}
	for axis, n := range s.to {
		s.spline[axis] = resize(s.spline[axis], n)
		points := g.Points[axis]
		for i := range s.spline[axis] {
			at := 0.
			if n > 1 {
				at = float64(i) * float64(points-1) / float64(n-1)
			}
			s.spline[axis][i] = newKnot(at, points)
		}
	}
	s.row = resize(s.row, g.Points[2]*3)
}

func newKnot(at float64, points int) (k knot) {
	base := int(at)
	t := at - float64(base)
	u := 1 - t
	k.weight = [4]float64{u * u * u / 6, (4 - 6*t*t + 3*t*t*t) / 6, (4 - 6*u*u + 3*u*u*u) / 6, t * t * t / 6}
	for i := range k.point {
		k.point[i] = max(0, min(base+i-1, points-1))
	}
	return k
}

// startRow sums the field over depth and height for one row of the result.
func (s *sampler) startRow(d, h int) {
	clear(s.row)
	kd, kh := &s.spline[0][d], &s.spline[1][h]
	for i, pd := range kd.point {
		for j, ph := range kh.point {
			w := kd.weight[i] * kh.weight[j]
			at := (pd*s.field.Points[1] + ph) * len(s.row)
			for x, v := range s.field.Displacement[at : at+len(s.row)] {
				s.row[x] += w * float64(v)
			}
		}
	}
}

// displace adds the field to the positions of the row.
func (s *sampler) displace() {
	z, y, x := s.read[0], s.read[1], s.read[2]
	for w := range x {
		k := &s.spline[2][w]
		var d [3]float64
		for i, point := range k.point {
			r := s.row[point*3:][:3]
			d[0] += k.weight[i] * r[0]
			d[1] += k.weight[i] * r[1]
			d[2] += k.weight[i] * r[2]
		}
		z[w] += d[0]
		y[w] += d[1]
		x[w] += d[2]
	}
}
