package jpeg2000

import mathbits "math/bits"

// coder decodes code-blocks (T.800 annex D). Values are kept in half units, so that a coefficient whose
// lower bit planes are missing stands in the middle of what it may be.
type coder struct {
	mq
	raw    rawBits
	values []int32  // four of each column of a stripe beside each other
	flags  []uint64 // of each stripe's columns, with a margin of one on all sides
	w, h   int
	stride int
	zero   *[512]uint8
	causal bool
	slack  int64
	buffer []byte // a codeword segment in one piece
}

// prepare clears the coder for a block.
func (b *coder) prepare(w, h, orient int, style byte) {
	b.w, b.h, b.stride = w, h, w+2
	b.causal = style&causal != 0
	b.zero = &zeroContext[orient]
	stripes := (h + 3) / 4
	b.values = cleared(b.values, stripes*w*4)
	b.flags = cleared(b.flags, (stripes+2)*b.stride)
	b.forget()
}

func cleared[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// decode runs the coding passes of a block over its chunks. It returns false where a segmentation symbol is
// wrong: the data are damaged.
func (b *coder) decode(k *block, chunks []chunk, orient int, style byte) bool {
	b.prepare(int(k.w), int(k.h), orient, style)
	at, done := k.first, 0
	for at != 0 {
		room := segmentRoom(style, done)
		raw := style&bypass != 0 && done >= 10 && (done-10)%3 != 2
		passes, data := 0, []byte(nil)
		for joined := false; at != 0 && passes < room; at = chunks[at].next {
			c := &chunks[at]
			passes += int(c.passes)
			switch {
			case data == nil && !joined:
				data = c.data
			case !joined:
				b.buffer = append(append(b.buffer[:0], data...), c.data...)
				data, joined = b.buffer, true
			default:
				b.buffer = append(b.buffer, c.data...)
				data = b.buffer
			}
		}
		if raw {
			b.raw = rawBits{src: data}
		} else {
			b.slack = b.start(data)
		}
		for range passes {
			if !b.pass(done, int(k.planes), raw, style) {
				return false
			}
			done++
		}
	}
	return true
}

// pass runs coding pass number n: a cleanup, then significance, refinement and cleanup of each lower plane.
func (b *coder) pass(n, planes int, raw bool, style byte) bool {
	plane := uint(planes - 1 - (n+2)/3)
	switch n % 3 {
	case 1:
		if raw {
			b.significanceRaw(plane)
		} else {
			b.significance(plane)
		}
	case 2:
		if raw {
			b.refinementRaw(plane)
		} else {
			b.refinement(plane)
		}
	default:
		b.cleanup(plane)
		if style&symbols != 0 && b.segmentSymbol() != 0xA {
			return false
		}
	}
	if style&resetStyle != 0 {
		b.forget()
	}
	return true
}

// rows marks the samples of a stripe's columns that lie within the block.
func (b *coder) rows(stripe int) uint64 {
	return 1<<(3*min(4, b.h-4*stripe)) - 1
}

// turn makes a sample significant and tells its neighbours; i3 is three times its row in the stripe.
func (b *coder) turn(p int, i3 uint, sign uint64) {
	f := b.flags
	f[p-1] |= 1 << 5 << (i3 & 15)
	f[p] |= (selfBit | sign<<negative) << (i3 & 15)
	f[p+1] |= 1 << 3 << (i3 & 15)
	if i3 == 0 && !b.causal {
		q := p - b.stride
		f[q-1] |= 1 << 17
		f[q] |= 1<<16 | sign<<33
		f[q+1] |= 1 << 15
	}
	if i3 == 9 {
		q := p + b.stride
		f[q-1] |= 1 << 2
		f[q] |= 1<<1 | sign<<18
		f[q+1] |= 1
	}
}

// signIndex is the index into signContext.
func signIndex(left, own, right uint64, i3 uint) uint8 {
	i3 &= 15
	w := own >> i3
	return uint8(w&0xAA | w>>18&0x41 | left>>i3>>19&4 | right>>i3>>17&0x10)
}

// sign decodes the sign of a sample that became significant, in bit 0.
func (b *coder) sign(p int, i3 uint, slack int64) (uint64, int64) {
	s := signContext[signIndex(b.flags[p-1], b.flags[p], b.flags[p+1], i3)]
	k := uint(s & 31)
	v := b.cx[k]
	bit := v & 1
	if slack -= int64(v >> 16 << 16); slack < 0 {
		bit, slack = b.slow(k, slack)
	}
	return uint64(bit) ^ uint64(s>>7), slack
}

// significance is the first pass of a bit plane: samples with a significant neighbour.
func (b *coder) significance(plane uint) {
	value := int32(3) << plane
	slack := b.slack
	zero := b.zero
	for s := 0; 4*s < b.h; s++ {
		within := b.rows(s)
		p := (s+1)*b.stride + 1
		values := b.values[4*s*b.w:]
		flags := b.flags[p : p+b.w]
		for x, f := range flags {
			if f&significant == 0 {
				continue
			}
			todo := candidates(f) & within
			if todo == 0 {
				continue
			}
			for todo != 0 {
				i3 := uint(mathbits.TrailingZeros64(todo)) & 15
				k := uint(zero[f>>i3&neighbours]) & 31
				v := b.cx[k]
				bit := v & 1
				if slack -= int64(v >> 16 << 16); slack < 0 {
					bit, slack = b.slow(k, slack)
				}
				todo &= todo - 1
				if bit != 0 {
					var sign uint64
					sign, slack = b.sign(p+x, i3, slack)
					values[4*x+int(i3/3)] = (value ^ -int32(sign)) + int32(sign)
					b.turn(p+x, i3, sign)
					f |= flags[x]
					todo = candidates(f) & within &^ (1<<(i3+1) - 1)
				}
				f |= 1 << visited << i3
			}
			flags[x] = f
		}
	}
	b.slack = slack
}

// refinement is the second pass: one more bit of the samples that were significant before.
func (b *coder) refinement(plane uint) {
	slack := b.slack
	for s := 0; 4*s < b.h; s++ {
		p := (s+1)*b.stride + 1
		flags := b.flags[p : p+b.w]
		values := b.values[4*s*b.w:][:4*b.w]
		for x, f := range flags {
			todo := f >> 4 &^ (f >> visited) & everyThird
			if todo == 0 {
				continue
			}
			column := values[4*x : 4*x+4]
			for ; todo != 0; todo &= todo - 1 {
				i3 := uint(mathbits.TrailingZeros64(todo)) & 15
				w := f >> i3
				k := uint(14)
				if w>>refined&1 != 0 {
					k = 16
				} else if w&neighbours != 0 {
					k = 15
				}
				v := b.cx[k]
				bit := v & 1
				if slack -= int64(v >> 16 << 16); slack < 0 {
					bit, slack = b.slow(k, slack)
				}
				f |= 1 << refined << i3
				column[i3/3&3] += refine(bit, int32(w>>negative&1), plane)
			}
			flags[x] = f
		}
	}
	b.slack = slack
}

// refine is what a refinement bit adds to a value: half of the plane, away from zero for a one.
func refine(bit uint32, negative int32, plane uint) int32 {
	m := int32(bit) - 1 ^ -negative // 0: up, -1: down
	return (int32(1)<<plane ^ m) - m
}

// cleanup is the third pass: all samples that the others left out, with runs of four in empty surroundings.
func (b *coder) cleanup(plane uint) {
	value := int32(3) << plane
	slack := b.slack
	zero := b.zero
	for s := 0; 4*s < b.h; s++ {
		within := b.rows(s) & everyThird
		p := (s+1)*b.stride + 1
		values := b.values[4*s*b.w:]
		for x := range b.w {
			f := b.flags[p+x]
			todo := within &^ (f>>4 | f>>visited)
			first := uint(99) // the sample that a run ended with
			if f&(significant|allVisited) == 0 && within == everyThird {
				v := b.cx[contextRun]
				bit := v & 1
				if slack -= int64(v >> 16 << 16); slack < 0 {
					bit, slack = b.slow(contextRun, slack)
				}
				if bit == 0 {
					continue
				}
				var n uint32
				n, slack = b.uniform(2, slack)
				first = uint(3 * n)
				todo &^= 1<<first - 1
			}
			for ; todo != 0; todo &= todo - 1 {
				i3 := uint(mathbits.TrailingZeros64(todo)) & 15
				bit := uint32(1)
				if i3 != first {
					k := uint(zero[f>>i3&neighbours]) & 31
					v := b.cx[k]
					bit = v & 1
					if slack -= int64(v >> 16 << 16); slack < 0 {
						bit, slack = b.slow(k, slack)
					}
				}
				if bit != 0 {
					var sign uint64
					sign, slack = b.sign(p+x, i3, slack)
					values[4*x+int(i3/3)] = (value ^ -int32(sign)) + int32(sign)
					b.turn(p+x, i3, sign)
					f = b.flags[p+x]
				}
			}
			b.flags[p+x] = f &^ allVisited
		}
	}
	b.slack = slack
}

// uniform decodes n bits of equal chance.
func (b *coder) uniform(n int, slack int64) (uint32, int64) {
	var out uint32
	for range n {
		v := b.cx[contextUniform]
		bit := v & 1
		if slack -= int64(v >> 16 << 16); slack < 0 {
			bit, slack = b.slow(contextUniform, slack)
		}
		out = out<<1 | bit
	}
	return out, slack
}

func (b *coder) segmentSymbol() uint32 {
	v, slack := b.uniform(4, b.slack)
	b.slack = slack
	return v
}
