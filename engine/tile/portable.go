package tile

import "unsafe"

// The portable kernels compute blocks of 4 × 4, which is what fits 32 scalar registers. Where fewer rows or
// columns are left, the last one is computed again instead and not stored.

// at returns the address n floats behind p.
func at(p *float32, n int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), n*4)) }

func rowPortable(c *float32, ldc int, a *float32, lda int, segs []Seg, b *float32, rows, cols int, add bool) {
	for i := 0; i < rows; i += 4 {
		last := min(4, rows-i) - 1
		for j := 0; j < cols; j += 4 {
			var sum [16]float32
			p := 0
			for _, s := range segs {
				if s.K <= 0 {
					continue
				}
				base := i*lda + s.Off
				a0 := unsafe.Slice(at(a, base), s.K)
				a1 := unsafe.Slice(at(a, base+min(1, last)*lda), s.K)
				a2 := unsafe.Slice(at(a, base+min(2, last)*lda), s.K)
				a3 := unsafe.Slice(at(a, base+last*lda), s.K)
				panel := unsafe.Slice(at(b, p*Width), s.K*Width)
				rowBlock(&sum, a0, a1, a2, a3, panel, j)
				p += s.K
			}
			store(&sum, at(c, i*ldc+j), ldc, last+1, min(4, cols-j), add)
		}
	}
}

// rowBlock adds the products of four rows of A and the panel's columns j to j+3 to sum.
func rowBlock(sum *[16]float32, a0, a1, a2, a3, panel []float32, j int) {
	a1, a2, a3 = a1[:len(a0)], a2[:len(a0)], a3[:len(a0)]
	s00, s01, s02, s03 := sum[0], sum[1], sum[2], sum[3]
	s10, s11, s12, s13 := sum[4], sum[5], sum[6], sum[7]
	s20, s21, s22, s23 := sum[8], sum[9], sum[10], sum[11]
	s30, s31, s32, s33 := sum[12], sum[13], sum[14], sum[15]
	for k, x0 := range a0 {
		x1, x2, x3 := a1[k], a2[k], a3[k]
		y := panel[k*Width+j:][:4]
		y0, y1, y2, y3 := y[0], y[1], y[2], y[3]
		s00, s01, s02, s03 = s00+x0*y0, s01+x0*y1, s02+x0*y2, s03+x0*y3
		s10, s11, s12, s13 = s10+x1*y0, s11+x1*y1, s12+x1*y2, s13+x1*y3
		s20, s21, s22, s23 = s20+x2*y0, s21+x2*y1, s22+x2*y2, s23+x2*y3
		s30, s31, s32, s33 = s30+x3*y0, s31+x3*y1, s32+x3*y2, s33+x3*y3
	}
	*sum = [16]float32{s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23, s30, s31, s32, s33}
}

func colPortable(c *float32, ldc int, a *float32, lda int, b *float32, ldb int, segs []ColSeg, rows, cols int, add bool) {
	for i := 0; i < rows; i += 4 {
		lastRow := min(4, rows-i) - 1
		for j := 0; j < cols; j += 4 {
			lastCol := min(4, cols-j) - 1
			var sum [16]float32
			for _, s := range segs {
				colBlock(&sum, at(a, s.A+i), lda, lastRow, at(b, s.B+j), ldb, lastCol, s.K)
			}
			store(&sum, at(c, i*ldc+j), ldc, lastRow+1, lastCol+1, add)
		}
	}
}

// colBlock adds k products of a's rows and b's rows to sum.
func colBlock(sum *[16]float32, a *float32, lda, lastRow int, b *float32, ldb, lastCol, k int) {
	i1, i2 := min(1, lastRow), min(2, lastRow)
	j1, j2 := min(1, lastCol), min(2, lastCol)
	s00, s01, s02, s03 := sum[0], sum[1], sum[2], sum[3]
	s10, s11, s12, s13 := sum[4], sum[5], sum[6], sum[7]
	s20, s21, s22, s23 := sum[8], sum[9], sum[10], sum[11]
	s30, s31, s32, s33 := sum[12], sum[13], sum[14], sum[15]
	for n := range k {
		x := unsafe.Slice(at(a, n*lda), lastRow+1)
		y := unsafe.Slice(at(b, n*ldb), lastCol+1)
		x0, x1, x2, x3 := x[0], x[i1], x[i2], x[lastRow]
		y0, y1, y2, y3 := y[0], y[j1], y[j2], y[lastCol]
		s00, s01, s02, s03 = s00+x0*y0, s01+x0*y1, s02+x0*y2, s03+x0*y3
		s10, s11, s12, s13 = s10+x1*y0, s11+x1*y1, s12+x1*y2, s13+x1*y3
		s20, s21, s22, s23 = s20+x2*y0, s21+x2*y1, s22+x2*y2, s23+x2*y3
		s30, s31, s32, s33 = s30+x3*y0, s31+x3*y1, s32+x3*y2, s33+x3*y3
	}
	*sum = [16]float32{s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23, s30, s31, s32, s33}
}

// store writes rows × cols of a block to c, or adds it.
func store(sum *[16]float32, c *float32, ldc, rows, cols int, add bool) {
	for i := range rows {
		out := unsafe.Slice(at(c, i*ldc), cols)
		for j := range out {
			if add {
				out[j] += sum[4*i+j]
			} else {
				out[j] = sum[4*i+j]
			}
		}
	}
}

func dotPortable(c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, rows, cols int, add bool) {
	for i := range rows {
		x := unsafe.Slice(at(a, i*lda), k)
		for j := range cols {
			y := unsafe.Slice(at(b, j*ldb), k)
			var sum [4]float32
			n := 0
			for ; n+4 <= k; n += 4 {
				sum[0] += x[n] * y[n]
				sum[1] += x[n+1] * y[n+1]
				sum[2] += x[n+2] * y[n+2]
				sum[3] += x[n+3] * y[n+3]
			}
			for ; n < k; n++ {
				sum[0] += x[n] * y[n]
			}
			total := (sum[0] + sum[1]) + (sum[2] + sum[3])
			if add {
				total += *at(c, i*ldc+j)
			}
			*at(c, i*ldc+j) = total
		}
	}
}
