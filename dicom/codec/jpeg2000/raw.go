package jpeg2000

import mathbits "math/bits"

// rawBits reads the bits of passes that bypass the arithmetic coder: behind FF a zero bit is stuffed; behind
// the end there are ones (T.800 D.6).
type rawBits struct {
	src  []byte
	pos  int
	cur  byte
	left uint
}

func (r *rawBits) bit() uint32 {
	if r.left == 0 {
		r.left = 8
		if r.cur == 0xFF {
			r.left = 7
		}
		r.cur = 0xFF
		if r.pos < len(r.src) {
			r.cur = r.src[r.pos]
			r.pos++
		}
	}
	r.left--
	return uint32(r.cur >> r.left & 1)
}

// significanceRaw is significance without the arithmetic coder.
func (b *coder) significanceRaw(plane uint) {
	value := int32(3) << plane
	for s := 0; 4*s < b.h; s++ {
		within := b.rows(s)
		p := (s+1)*b.stride + 1
		for x := range b.w {
			f := b.flags[p+x]
			for todo := candidates(f) & within; todo != 0; {
				i3 := uint(mathbits.TrailingZeros64(todo)) & 15
				todo &= todo - 1
				if b.raw.bit() != 0 {
					sign := uint64(b.raw.bit())
					b.values[4*(s*b.w+x)+int(i3/3)] = (value ^ -int32(sign)) + int32(sign)
					b.turn(p+x, i3, sign)
					f |= b.flags[p+x]
					todo = candidates(f) & within &^ (1<<(i3+1) - 1)
				}
				f |= 1 << visited << i3
			}
			b.flags[p+x] = f
		}
	}
}

// refinementRaw is refinement without the arithmetic coder.
func (b *coder) refinementRaw(plane uint) {
	for s := 0; 4*s < b.h; s++ {
		p := (s+1)*b.stride + 1
		for x := range b.w {
			f := b.flags[p+x]
			for todo := f >> 4 &^ (f >> visited) & everyThird; todo != 0; todo &= todo - 1 {
				i3 := uint(mathbits.TrailingZeros64(todo)) & 15
				b.values[4*(s*b.w+x)+int(i3/3)] += refine(b.raw.bit(), int32(f>>i3>>negative&1), plane)
				f |= 1 << refined << i3
			}
			b.flags[p+x] = f
		}
	}
}
