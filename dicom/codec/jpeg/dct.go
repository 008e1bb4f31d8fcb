package jpeg

// The inverse DCT is the factorisation of Loeffler, Ligtenberg and Moschytz (ICASSP 1989) in 13-bit fixed
// point: twelve multiplications for eight values, columns first, then rows.

const constBits = 13

// The factors, times 2^13.
const (
	f0298 = 2446
	f0390 = 3196
	f0541 = 4433
	f0765 = 6270
	f0899 = 7373
	f1175 = 9633
	f1501 = 12299
	f1847 = 15137
	f1961 = 16069
	f2053 = 16819
	f2562 = 20995
	f3072 = 25172
)

// flat stores a block of which only the first coefficient is not zero.
func (s *dctScan) flat(dst []uint16, stride int) {
	v := s.clamp((int(s.coef[0]) + 4) >> 3)
	for y := range 8 {
		row := dst[y*stride:][:8]
		for x := range row {
			row[x] = v
		}
	}
}

// clamp shifts a sample by half of the range and limits it.
func (s *dctScan) clamp(v int) uint16 {
	return uint16(min(max(v+int(s.limits+1)/2, 0), int(s.limits)))
}

// inverse transforms the coefficients and stores the samples.
func (s *dctScan) inverse(dst []uint16, stride int) {
	var work [64]int
	c := &s.coef
	down := constBits - s.shift
	for x := range 8 {
		c1, c2, c3, c4, c5, c6, c7 := int(c[x+8]), int(c[x+16]), int(c[x+24]), int(c[x+32]), int(c[x+40]), int(c[x+48]), int(c[x+56])
		if c1|c2|c3|c4|c5|c6|c7 == 0 {
			v := int(c[x]) << s.shift
			for y := 0; y < 64; y += 8 {
				work[x+y] = v
			}
			continue
		}
		e0, e1, e2, e3, o0, o1, o2, o3 := lift(int(c[x]), c1, c2, c3, c4, c5, c6, c7, 1<<(down-1))
		work[x] = (e0 + o3) >> down
		work[x+56] = (e0 - o3) >> down
		work[x+8] = (e1 + o2) >> down
		work[x+48] = (e1 - o2) >> down
		work[x+16] = (e2 + o1) >> down
		work[x+40] = (e2 - o1) >> down
		work[x+24] = (e3 + o0) >> down
		work[x+32] = (e3 - o0) >> down
	}
	down = constBits + s.shift + 3
	top := int(s.limits)
	// Half of the range joins the rounding term: one addition for both.
	bias := 1<<(down-1) + (top+1)/2<<down
	for y := range 8 {
		w := work[8*y:][:8]
		row := dst[y*stride:][:8]
		e0, e1, e2, e3, o0, o1, o2, o3 := lift(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], bias)
		row[0] = uint16(min(max((e0+o3)>>down, 0), top))
		row[7] = uint16(min(max((e0-o3)>>down, 0), top))
		row[1] = uint16(min(max((e1+o2)>>down, 0), top))
		row[6] = uint16(min(max((e1-o2)>>down, 0), top))
		row[2] = uint16(min(max((e2+o1)>>down, 0), top))
		row[5] = uint16(min(max((e2-o1)>>down, 0), top))
		row[3] = uint16(min(max((e3+o0)>>down, 0), top))
		row[4] = uint16(min(max((e3-o0)>>down, 0), top))
	}
}

// lift computes the even and odd halves of eight values; bias is added to the even ones.
func lift(c0, c1, c2, c3, c4, c5, c6, c7, bias int) (e0, e1, e2, e3, o0, o1, o2, o3 int) {
	z := (c2 + c6) * f0541
	t2, t3 := z-c6*f1847, z+c2*f0765
	t0, t1 := (c0+c4)<<constBits+bias, (c0-c4)<<constBits+bias
	e0, e3, e1, e2 = t0+t3, t0-t3, t1+t2, t1-t2

	z5 := (c7 + c3 + c5 + c1) * f1175
	z1, z2 := (c7+c1)*f0899, (c5+c3)*f2562
	z3, z4 := z5-(c7+c3)*f1961, z5-(c5+c1)*f0390
	o0 = c7*f0298 - z1 + z3
	o1 = c5*f2053 - z2 + z4
	o2 = c3*f3072 - z2 + z3
	o3 = c1*f1501 - z1 + z4
	return e0, e1, e2, e3, o0, o1, o2, o3
}
