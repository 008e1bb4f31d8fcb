package conv

// Float is a number type that the plain loops below are written for.
type Float interface{ ~float32 | ~float64 }

// Reference computes y from x and the weights with plain loops: for types other than float32, and as the oracle of
// the fast kernels.
func Reference[T Float](s Shape, x, w, y []T) {
	s = s.normal()
	s.fit(len(x), len(w), len(y))
	clear(y)
	l, in, out := s.layout(), s.Cin/s.Groups, s.Cout/s.Groups
	s.pairs(func(xi, yi int, tap [3]int) {
		for g := range s.Groups {
			base := s.tapBase(tap, g)
			from, to := x[xi*s.Cin+g*in:][:in], y[yi*s.Cout+g*out:][:out]
			for ci, v := range from {
				at := base + ci*l.ci
				if l.co == 1 {
					for co, weight := range w[at : at+out] {
						to[co] += v * weight
					}
					continue
				}
				for co := range to {
					to[co] += v * w[at+co*l.co]
				}
			}
		}
	})
}

// ReferenceWeightGradient computes dw, the gradient of the weights in the layout of the weights, from x and the
// gradient dy of y, with plain loops.
func ReferenceWeightGradient[T Float](s Shape, x, dy, dw []T) {
	s = s.normal()
	s.fit(len(x), len(dw), len(dy))
	clear(dw)
	l, in, out := s.layout(), s.Cin/s.Groups, s.Cout/s.Groups
	s.pairs(func(xi, yi int, tap [3]int) {
		for g := range s.Groups {
			base := s.tapBase(tap, g)
			from, to := x[xi*s.Cin+g*in:][:in], dy[yi*s.Cout+g*out:][:out]
			for ci, v := range from {
				at := base + ci*l.ci
				for co, d := range to {
					dw[at+co*l.co] += v * d
				}
			}
		}
	})
}

// pairs calls f for every position of x and position of y, both counted over all images, that the given tap
// connects, in the order of y.
func (s Shape) pairs(f func(xi, yi int, tap [3]int)) {
	out := s.Out()
	var o, k, i [3]int
	for n := range s.N {
		for at := range volume(out) {
			o[0], o[1], o[2] = at/(out[1]*out[2]), at/out[2]%out[1], at%out[2]
			for k[0] = range s.Kernel[0] {
				if i[0] = s.source(0, o[0], k[0]); i[0] < 0 {
					continue
				}
				for k[1] = range s.Kernel[1] {
					if i[1] = s.source(1, o[1], k[1]); i[1] < 0 {
						continue
					}
					for k[2] = range s.Kernel[2] {
						if i[2] = s.source(2, o[2], k[2]); i[2] >= 0 {
							f(((n*s.In[0]+i[0])*s.In[1]+i[1])*s.In[2]+i[2], n*volume(out)+at, k)
						}
					}
				}
			}
		}
	}
}

// source is the position of x, along one axis, that the output o sees through the tap k; -1 where that is padding
// or a zero between positions.
func (s Shape) source(axis, o, k int) int {
	at := o*s.Stride[axis] + k*s.Dilation[axis] - s.PadLow[axis]
	if at < 0 || at%s.InputDilation[axis] != 0 || at/s.InputDilation[axis] >= s.In[axis] {
		return -1
	}
	return at / s.InputDilation[axis]
}

// fit panics where a slice has not the length that the shape gives it.
func (s Shape) fit(x, w, y int) {
	if x != s.XLen() || w != s.WeightsLen() || y != s.YLen() {
		panic("conv: length mismatch")
	}
}
