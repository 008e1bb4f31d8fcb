package layout

import (
	"math"
	"math/cmplx"
)

// orient turns a part so that its longest axis lies flat, and its bonds along the usual directions: most at 30, 90 or 150
// degrees.
func (g *graph) orient(part []int32) {
	if len(part) < 2 {
		return
	}
	if len(part) == 2 {
		d := g.at[part[1]] - g.at[part[0]]
		g.turn(part, cmplx.Conj(d)/complex(cmplx.Abs(d), 0))
		g.handedness(part)
		return
	}
	g.turn(part, g.align(part))
	best, least := complex128(1), math.Inf(1)
	for k := range 6 {
		t := cmplx.Rect(1, math.Pi*float64(k)/6)
		b := newBox()
		spread := 0.0
		var mean complex128
		for _, v := range part {
			p := g.at[v] * t
			b.add(p)
			mean += p
		}
		mean /= complex(float64(len(part)), 0)
		for _, v := range part {
			p := g.at[v]*t - mean
			spread += imag(p) * imag(p)
		}
		w, h := b.x1-b.x0, b.y1-b.y0
		cost := h - 0.3*w + 0.2*math.Sqrt(spread/float64(len(part)))
		if k%2 == 1 {
			cost += 0.7 + 0.06*w // bonds would lie at 0, 60 and 120 degrees
		}
		if cost < least-1e-6 {
			best, least = t, cost
		}
	}
	g.turn(part, best)
	g.handedness(part)
}

// align is the turn that brings most bonds to 30 degrees, modulo 60: the mean of directions on a circle of 60 degrees.
func (g *graph) align(part []int32) complex128 {
	var sum complex128
	for _, v := range part {
		for _, e := range g.edges(v) {
			if e.to < v {
				continue
			}
			d := g.at[e.to] - g.at[v]
			u := d / complex(max(cmplx.Abs(d), 1e-9), 0)
			w := complex(1, 0)
			if g.bonds[e.bond].ring {
				w = 1.5
			}
			u2 := u * u
			sum += w * u2 * u2 * u2
		}
	}
	if cmplx.Abs(sum) < 1e-6 {
		return 1
	}
	return cmplx.Rect(1, (math.Pi-cmplx.Phase(sum))/6)
}

func (g *graph) turn(part []int32, t complex128) {
	for _, v := range part {
		g.at[v] *= t
	}
}

// handedness chooses among the four orientations with the same box: hetero atoms to the right, then up.
func (g *graph) handedness(part []int32) {
	var centre, heavy complex128
	n := 0.0
	for _, v := range part {
		centre += g.at[v]
	}
	centre /= complex(float64(len(part)), 0)
	for _, v := range part {
		if z := g.of(v).Element; z != 6 && z != 1 {
			heavy += g.at[v] - centre
			n++
		}
	}
	if n == 0 {
		return
	}
	if real(heavy) < -1e-6 || math.Abs(real(heavy)) <= 1e-6 && imag(heavy) < -1e-6 {
		g.turn(part, -1)
	}
}
