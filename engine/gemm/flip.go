package gemm

import "galen.dev/internal/cpu"

// A flip computes C with few columns as the transpose of a product with few rows.
type flip struct {
	shape  Shape
	inner  *Plan
	direct bool      // C is one column without gaps: its transpose lies in memory as C does
	out    []float32 // else the transposes of all elements of the batch, N × M each

	c        []float32
	epilogue Epilogue
	pieces   int // per element of the batch
	size     int // rows in a piece
	each     func(worker, item int)
}

func newFlip(s Shape) *flip {
	f := &flip{shape: s, direct: s.N == 1 && s.LDC == 1}
	t := Shape{
		M: s.N, N: s.M, K: s.K, Batch: s.Batch, TransA: !s.TransB, TransB: !s.TransA, LDA: s.LDB, LDB: s.LDA,
		StrideA: strideOf(s.StrideB), StrideB: strideOf(s.StrideA),
	}
	for _, g := range s.Segments {
		g.A, g.B = g.B, g.A
		t.Segments = append(t.Segments, g)
	}
	if f.direct {
		t.LDC, t.StrideC, t.Accumulate = s.M, s.StrideC, s.Accumulate
	} else {
		f.out = aligned(s.Batch * s.N * s.M)
	}
	f.inner = New(t, nil)
	f.pieces, f.size = cpu.Chunks(s.M, 1<<14/s.N, 16)
	f.each = f.piece
	return f
}

// strideOf turns a stride of a completed shape back into one of a new shape.
func strideOf(stride int) int {
	if stride == 0 {
		return Same
	}
	return stride
}

func (f *flip) run(a, b, c []float32, epilogue Epilogue) {
	out := f.out
	if f.direct {
		out = c
	}
	f.inner.Run(b, a, out)
	if f.direct && epilogue == nil {
		return
	}
	f.c, f.epilogue = c, epilogue
	cpu.Do(f.shape.Batch*f.pieces, f.each)
	f.c, f.epilogue = nil, nil
}

// piece transposes some rows into C and passes them to the epilogue.
func (f *flip) piece(worker, item int) {
	s, e := f.shape, item/f.pieces
	row0 := item % f.pieces * f.size
	row1 := min(row0+f.size, s.M)
	if !f.direct {
		for i := row0; i < row1; i++ {
			line := f.c[e*s.StrideC+i*s.LDC:][:s.N]
			for j := range line {
				x := f.out[(e*s.N+j)*s.M+i]
				if s.Accumulate {
					x += line[j]
				}
				line[j] = x
			}
		}
	}
	finish{f.epilogue, e * s.M}.call(worker, row0, row1)
}
