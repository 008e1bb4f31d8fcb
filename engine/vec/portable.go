package vec

import "math"

func addGo(dst, a, b []float32) {
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

func subGo(dst, a, b []float32) {
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

func mulGo(dst, a, b []float32) {
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

func divGo(dst, a, b []float32) {
	for i := range dst {
		dst[i] = a[i] / b[i]
	}
}

// greater and smaller define Max and Min, the choice between equal numbers and NaN included.
func greater(a, b float32) float32 {
	if b > a || b != b {
		return b
	}
	return a
}

func smaller(a, b float32) float32 {
	if b < a || b != b {
		return b
	}
	return a
}

func maximumGo(dst, a, b []float32) {
	for i := range dst {
		dst[i] = greater(a[i], b[i])
	}
}

func minimumGo(dst, a, b []float32) {
	for i := range dst {
		dst[i] = smaller(a[i], b[i])
	}
}

func addScalarGo(dst, a []float32, s float32) {
	for i := range dst {
		dst[i] = a[i] + s
	}
}

func scalarSubGo(dst, a []float32, s float32) {
	for i := range dst {
		dst[i] = s - a[i]
	}
}

func mulScalarGo(dst, a []float32, s float32) {
	for i := range dst {
		dst[i] = a[i] * s
	}
}

func divScalarGo(dst, a []float32, s float32) {
	for i := range dst {
		dst[i] = a[i] / s
	}
}

func scalarDivGo(dst, a []float32, s float32) {
	for i := range dst {
		dst[i] = s / a[i]
	}
}

func maxScalarGo(dst, a []float32, s float32) {
	for i := range dst {
		dst[i] = greater(a[i], s)
	}
}

func minScalarGo(dst, a []float32, s float32) {
	for i := range dst {
		dst[i] = smaller(a[i], s)
	}
}

// fma is a*b+c rounded once to float32. The product is exact in float64. The sum is rounded to odd there, so
// that rounding it again to float32 gives what one rounding would.
func fma(a, b, c float32) float32 {
	p, d := float64(a)*float64(b), float64(c)
	s := p + d
	if s == 0 || math.IsInf(s, 0) || s != s {
		return float32(s)
	}
	t := s - p
	rest := (p - (s - t)) + (d - t)
	bits := math.Float64bits(s)
	if rest == 0 || bits&1 == 1 {
		return float32(s)
	}
	if (rest > 0) == (s > 0) {
		return float32(math.Float64frombits(bits + 1))
	}
	return float32(math.Float64frombits(bits - 1))
}

func mulAddGo(dst, a, b, c []float32) {
	for i := range dst {
		dst[i] = fma(a[i], b[i], c[i])
	}
}

func mulSubGo(dst, a, b, c []float32) {
	for i := range dst {
		dst[i] = fma(a[i], b[i], -c[i])
	}
}

func negMulAddGo(dst, a, b, c []float32) {
	for i := range dst {
		dst[i] = fma(-a[i], b[i], c[i])
	}
}

func mulScalarAddGo(dst, a, c []float32, s float32) {
	for i := range dst {
		dst[i] = fma(a[i], s, c[i])
	}
}

func mulScalarSubGo(dst, a, c []float32, s float32) {
	for i := range dst {
		dst[i] = fma(a[i], s, -c[i])
	}
}

func mulAddScalarGo(dst, a, b []float32, t float32) {
	for i := range dst {
		dst[i] = fma(a[i], b[i], t)
	}
}

func negMulAddScalarGo(dst, a, b []float32, t float32) {
	for i := range dst {
		dst[i] = fma(-a[i], b[i], t)
	}
}

func affineGo(dst, a []float32, s, t float32) {
	for i := range dst {
		dst[i] = fma(a[i], s, t)
	}
}

func clampGo(dst, a []float32, low, high float32) {
	for i := range dst {
		dst[i] = smaller(greater(a[i], low), high)
	}
}

func negGo(dst, a []float32) {
	for i := range dst {
		dst[i] = -a[i]
	}
}

func absGo(dst, a []float32) {
	for i := range dst {
		dst[i] = float32(math.Abs(float64(a[i])))
	}
}

func sqrtGo(dst, a []float32) {
	for i := range dst {
		dst[i] = float32(math.Sqrt(float64(a[i])))
	}
}

func rsqrtGo(dst, a []float32) {
	for i := range dst {
		x := a[i]
		r := 1 / float32(math.Sqrt(float64(x)))
		t := x * r
		lost := fma(x, r, -t)
		h := fma(-lost, r, fma(-t, r, 1))
		if h == h { // neither 0 nor infinity
			r = fma(r*0.5, h, r)
		}
		dst[i] = r
	}
}

func signGo(dst, a []float32) {
	for i, x := range a {
		switch {
		case x > 0:
			x = 1
		case x < 0:
			x = -1
		}
		dst[i] = x
	}
}

func floorGo(dst, a []float32) { each(dst, a, math.Floor) }
func ceilGo(dst, a []float32)  { each(dst, a, math.Ceil) }
func roundGo(dst, a []float32) { each(dst, a, math.RoundToEven) }

func each(dst, a []float32, f func(float64) float64) {
	for i := range dst {
		dst[i] = float32(f(float64(a[i])))
	}
}

func each2(dst, a, b []float32, f func(x, y float64) float64) {
	for i := range dst {
		dst[i] = float32(f(float64(a[i]), float64(b[i])))
	}
}

func expGo(dst, a []float32)   { each(dst, a, math.Exp) }
func expm1Go(dst, a []float32) { each(dst, a, math.Expm1) }
func logGo(dst, a []float32)   { each(dst, a, math.Log) }
func log1pGo(dst, a []float32) { each(dst, a, math.Log1p) }
func tanhGo(dst, a []float32)  { each(dst, a, math.Tanh) }
func erfGo(dst, a []float32)   { each(dst, a, math.Erf) }

func logisticGo(dst, a []float32) {
	each(dst, a, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })
}

func siluGo(dst, a []float32) {
	each(dst, a, func(x float64) float64 {
		if math.IsInf(x, -1) {
			return math.Copysign(0, -1)
		}
		return x / (1 + math.Exp(-x))
	})
}

func geluGo(dst, a []float32) {
	each(dst, a, func(x float64) float64 {
		if math.IsInf(x, -1) {
			return math.Copysign(0, -1)
		}
		return x / 2 * math.Erfc(-x/math.Sqrt2)
	})
}

// geluTanhGo uses (1+tanh(u))/2 = 1/(1+e^-2u), which does not cancel for negative u.
func geluTanhGo(dst, a []float32) {
	each(dst, a, func(x float64) float64 {
		if math.IsInf(x, -1) {
			return math.Copysign(0, -1)
		}
		u := math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x)
		return x / (1 + math.Exp(-2*u))
	})
}
