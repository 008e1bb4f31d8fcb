package gemm

// Number is any type that Generic multiplies.
type Number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint | ~float32 | ~float64
}

// Generic computes what a Plan of shape s computes, for any number type, by plain loops that sum in the order
// of the inner dimension. It is the reference for tests and serves types that no kernel is written for. It
// takes no packed B.
func Generic[T Number](s Shape, a, b, c []T) {
	if s.Packed {
		panic("gemm: Generic takes no packed B")
	}
	s = s.complete()
	if s.N == 0 {
		return
	}
	aStep, aRow := steps(s.LDA, s.TransA)
	bCol, bStep := steps(s.LDB, s.TransB)
	runs := span{0, s.K, s.Segments}.clip(aStep, bStep)
	for row := range s.Batch * s.M {
		e, i := row/s.M, row%s.M
		out := c[e*s.StrideC+i*s.LDC:][:s.N]
		if !s.Accumulate {
			clear(out)
		}
		for _, g := range runs {
			for k := range g.K {
				x := a[e*s.StrideA+g.A+i*aRow+k*aStep]
				from := e*s.StrideB + g.B + k*bStep
				for j := range out {
					out[j] += x * b[from+j*bCol]
				}
			}
		}
	}
}

// steps are how far apart in memory neighbours in a row and in a column of a matrix lie.
func steps(ld int, transposed bool) (inRow, inColumn int) {
	if transposed {
		return ld, 1
	}
	return 1, ld
}
