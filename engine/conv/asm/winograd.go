//go:build avo

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// spread holds the addresses of 16 planes at one distance: four bases, and the distance once and three times.
type spread struct {
	base   [4]GPPhysical
	d1, d3 GPPhysical
}

func newSpread() spread {
	return spread{base: [4]GPPhysical{R9, R10, R11, R12}, d1: R13, d3: R14}
}

// set fills in the bases from the first one and the distance, both loaded.
func (s spread) set() {
	LEAQ(Mem{Base: s.d1, Index: s.d1, Scale: 2}, s.d3)
	for i := range 3 {
		LEAQ(Mem{Base: s.base[i], Index: s.d1, Scale: 4}, s.base[i+1])
	}
}

// plane is where the plane 4·r+k lies.
func (s spread) plane(r, k int) Mem {
	switch k {
	case 1, 2:
		return Mem{Base: s.base[r], Index: s.d1, Scale: uint8(k)}
	case 3:
		return Mem{Base: s.base[r], Index: s.d3, Scale: 1}
	}
	return Mem{Base: s.base[r]}
}

func (s spread) move(by Op) {
	for _, b := range s.base {
		ADDQ(by, b)
	}
}

// temp is the register i of those that hold no mask.
func (m *isa) temp(i int) VecPhysical {
	if i >= 2 && !m.wide {
		i++
	}
	return m.all(i)
}

// overTiles emits the loops over tiles and channels around block, which finds planes at s and everything else
// behind pointers at the index.
func (m *isa) overTiles(s spread, name string, block func(index GPPhysical, tail bool)) {
	index, origin, left, tiles := R8, R15, RDI, RDX
	lanesLog := map[bool]uint{true: 4, false: 3}[m.wide]
	full, rest, step, delta := AllocLocal(8), AllocLocal(8), AllocLocal(8), AllocLocal(8)
	load("plane", s.d1)
	SHLQ(U8(2), s.d1)
	s.set()
	load("step", RAX)
	SHLQ(U8(2), RAX)
	MOVQ(RAX, step)
	load("cols", RCX)
	MOVQ(RCX, RAX)
	SHRQ(U8(lanesLog), RAX)
	MOVQ(RAX, full)
	SHLQ(U8(lanesLog+2), RAX)
	load("ld", RBX)
	SHLQ(U8(2), RBX)
	SUBQ(RAX, RBX)
	MOVQ(RBX, delta)
	ANDQ(U8(m.lanes-1), RCX)
	MOVQ(RCX, rest)
	m.setMask(RCX, RAX)
	load("tiles", tiles)
	XORQ(origin, origin)

	Label(name + "Tile")
	MOVQ(origin, index)
	MOVQ(full, left)
	TESTQ(left, left)
	JZ(LabelRef(name + "Rest"))
	Label(name + "Full")
	block(index, false)
	ADDQ(U8(m.bytes()), index)
	s.move(U8(m.bytes()))
	DECQ(left)
	JNZ(LabelRef(name + "Full"))
	Label(name + "Rest")
	CMPQ(rest, U8(0))
	JE(LabelRef(name + "Next"))
	block(index, true)
	Label(name + "Next")
	ADDQ(step, origin)
	MOVQ(delta, RAX)
	s.move(RAX)
	DECQ(tiles)
	JNZ(LabelRef(name + "Tile"))
	VZEROUPPER()
	RET()
}

// minus writes a - b to c.
func minus(a, b, c VecPhysical) { VSUBPS(b, a, c) }

func plus(a, b, c VecPhysical) { VADDPS(b, a, c) }

// transform writes Bᵀ·d to o for vectors d and o of four.
func transform(row int, d func(int) VecPhysical, o VecPhysical) {
	switch row {
	case 0:
		minus(d(0), d(2), o)
	case 1:
		plus(d(1), d(2), o)
	case 2:
		minus(d(2), d(1), o)
	case 3:
		minus(d(1), d(3), o)
	}
}

func winogradInput(m *isa) {
	TEXT("winogradInput"+m.name, NOSPLIT, "func(dst *float32, plane, ld int, src **float32, step, tiles, cols int)")
	Doc("winogradInput" + m.name + " is winogradInput for at least one tile. src points to 16 pointers.")
	Pragma("noescape")
	s, table, pointers := newSpread(), RSI, []GPPhysical{RAX, RBX}
	load("dst", s.base[0])
	load("src", table)
	m.overTiles(s, "input", func(index GPPhysical, tail bool) {
		fetch := func(i int, to VecPhysical) {
			p := pointers[i&1]
			MOVQ(Mem{Base: table, Disp: 8 * i}, p)
			m.get(Mem{Base: p, Index: index, Scale: 1}, to, tail)
		}
		// With enough registers each value is loaded once, else once for each row that needs it.
		if m.wide {
			for i := range 16 {
				fetch(i, m.temp(4+i))
			}
		}
		for r := range 4 {
			for c := range 4 {
				transform(r, func(i int) VecPhysical {
					if m.wide {
						return m.temp(4 + 4*i + c)
					}
					fetch(4*i+c, m.temp(4+i))
					return m.temp(4 + i)
				}, m.temp(c))
			}
			for k := range 4 {
				out := m.temp(8 + k)
				if m.wide {
					out = m.temp(20 + k)
				}
				transform(k, func(i int) VecPhysical { return m.temp(i) }, out)
				m.put(out, s.plane(r, k), tail)
			}
		}
	})
}

func winogradOutput(m *isa) {
	TEXT("winogradOutput"+m.name, NOSPLIT, "func(dst **float32, step int, src *float32, plane, ld, tiles, cols int)")
	Doc("winogradOutput" + m.name + " is winogradOutput for at least one tile. dst points to four pointers.")
	Pragma("noescape")
	s, table := newSpread(), RSI
	load("src", s.base[0])
	load("dst", table)
	m.overTiles(s, "output", func(index GPPhysical, tail bool) {
		sum := func(i, c int) VecPhysical { return m.temp(4*i + c) }
		for c := range 4 {
			for r := range 4 {
				m.get(s.plane(r, c), m.temp(8+r), tail)
			}
			plus(m.temp(9), m.temp(10), m.temp(12))
			minus(m.temp(9), m.temp(10), m.temp(13))
			plus(m.temp(8), m.temp(12), sum(0, c))
			minus(m.temp(13), m.temp(11), sum(1, c))
		}
		for i := 1; i >= 0; i-- {
			plus(sum(i, 1), sum(i, 2), m.temp(8))
			minus(sum(i, 1), sum(i, 2), m.temp(9))
			plus(sum(i, 0), m.temp(8), m.temp(8))
			minus(m.temp(9), sum(i, 3), m.temp(9))
			for k := 1; k >= 0; k-- {
				MOVQ(Mem{Base: table, Disp: 8 * (2*i + k)}, RAX)
				m.put(m.temp(8+k), Mem{Base: RAX, Index: index, Scale: 1}, tail)
			}
		}
	})
}

func winogradWeights(m *isa) {
	TEXT("winogradWeights"+m.name, NOSPLIT, "func(dst *float32, plane int, src *float32, ld, n int)")
	Doc(fmt.Sprintf("winogradWeights%s is winogradWeights for n a multiple of %d, above 0.", m.name, m.lanes))
	Pragma("noescape")
	s, ld, n := newSpread(), R8, RDX
	from := []GPPhysical{RSI, RDI, RBX}
	load("dst", s.base[0])
	load("plane", s.d1)
	SHLQ(U8(2), s.d1)
	s.set()
	load("src", from[0])
	load("ld", ld)
	SHLQ(U8(2), ld)
	for i := range 2 {
		LEAQ(Mem{Base: from[i], Index: ld, Scale: 2}, from[i+1])
		ADDQ(ld, from[i+1])
	}
	load("n", n)
	half := m.temp(14)
	MOVL(U32(0x3f000000), RAX.As32())
	VMOVD(RAX.As32(), X0)
	VBROADCASTSS(X0, half)
	tap := func(r, c int) Mem {
		if c == 0 {
			return Mem{Base: from[r]}
		}
		return Mem{Base: from[r], Index: ld, Scale: uint8(c)}
	}
	// G·g: the first and the last row are those of g.
	middle := func(a, b, c, up, down, spare VecPhysical) {
		plus(a, c, up)
		VMULPS(half, up, up)
		VMULPS(half, b, spare)
		minus(up, spare, down)
		plus(up, spare, up)
	}
	put := func(r int, a, b, c VecPhysical) {
		VMOVUPS(a, s.plane(r, 0))
		middle(a, b, c, m.temp(11), m.temp(12), m.temp(13))
		VMOVUPS(m.temp(11), s.plane(r, 1))
		VMOVUPS(m.temp(12), s.plane(r, 2))
		VMOVUPS(c, s.plane(r, 3))
	}
	Label("weights")
	for c := range 3 {
		for r := range 3 {
			VMOVUPS(tap(r, c), m.temp(6+r))
		}
		middle(m.temp(6), m.temp(7), m.temp(8), m.temp(c), m.temp(3+c), m.temp(9))
	}
	put(1, m.temp(0), m.temp(1), m.temp(2))
	put(2, m.temp(3), m.temp(4), m.temp(5))
	for _, r := range []int{0, 2} {
		for c := range 3 {
			VMOVUPS(tap(r, c), m.temp(c))
		}
		put(r+r/2, m.temp(0), m.temp(1), m.temp(2))
	}
	s.move(U8(m.bytes()))
	for _, p := range from {
		ADDQ(U8(m.bytes()), p)
	}
	SUBQ(U8(m.lanes), n)
	JG(LabelRef("weights"))
	VZEROUPPER()
	RET()
}
