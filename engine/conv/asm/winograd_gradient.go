//go:build avo

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// all returns the register i; those from 3 on are free where the others have their meaning.
func (m *isa) all(i int) VecPhysical {
	if m.wide {
		return []VecPhysical{
			Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23,
		}[i]
	}
	return []VecPhysical{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15}[i]
}

// transform emits the frame of both transforms of tiles: block is emitted for whole registers and for the last
// channels. It finds the channels at c floats behind the pointers at table, of which each tile has its own, step
// bytes behind those of the tile before, and stores the 16 planes by store.
func (m *isa) transform(name, what string, step int, block func(load func(i int, to VecPhysical), store func(i int, from VecPhysical))) {
	TEXT(name+m.name, NOSPLIT, "func(dst *float32, plane, ld int, from **float32, count, cols int)")
	Doc(fmt.Sprintf("%s%s is %s for a count above 0.", name, m.name, what))
	Pragma("noescape")
	dst, plane, ld, table, count, cols := RDI, RSI, R8, R9, R10, R11
	c, at, to, plane3, left := RAX, RBX, RDX, R12, R13
	load("dst", dst)
	load("plane", plane)
	load("ld", ld)
	load("from", table)
	load("count", count)
	load("cols", cols)
	SHLQ(U8(2), plane)
	SHLQ(U8(2), ld)
	LEAQ(Mem{Base: plane, Index: plane, Scale: 2}, plane3)
	MOVQ(cols, RCX)
	ANDQ(U8(m.lanes-1), RCX)
	m.setMask(RCX, RAX)
	Label("tile")
	XORQ(c, c)
	MOVQ(cols, left)
	piece := func(tail bool) {
		loads := func(i int, r VecPhysical) {
			MOVQ(Mem{Base: table, Disp: 8 * i}, at)
			m.get(Mem{Base: at, Index: c, Scale: 1}, r, tail)
		}
		LEAQ(Mem{Base: dst, Index: c, Scale: 1}, to)
		next := 0
		// Planes are stored in their order; padded rows have room for a whole register.
		store := func(i int, r VecPhysical) {
			if i != next {
				panic("planes out of order")
			}
			next++
			switch i % 4 {
			case 0:
				VMOVUPS(r, Mem{Base: to})
			case 1, 2:
				VMOVUPS(r, Mem{Base: to, Index: plane, Scale: uint8(i % 4)})
			case 3:
				VMOVUPS(r, Mem{Base: to, Index: plane3, Scale: 1})
				LEAQ(Mem{Base: to, Index: plane, Scale: 4}, to)
			}
		}
		block(loads, store)
	}
	Label("channels")
	SUBQ(U8(m.lanes), left)
	JLT(LabelRef("rest"))
	piece(false)
	ADDQ(U32(m.bytes()), c)
	JMP(LabelRef("channels"))
	Label("rest")
	ADDQ(U8(m.lanes), left)
	JZ(LabelRef("next"))
	piece(true)
	Label("next")
	ADDQ(U8(step), table)
	ADDQ(ld, dst)
	DECQ(count)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// gradientInput takes tiles of x to Bᵀ·d·B.
func gradientInput(m *isa) {
	m.transform("gradientInput", "gradientInput", 64, func(load func(int, VecPhysical), store func(int, VecPhysical)) {
		// line combines four registers into the four of a line of planes, the last in the place of the first.
		line := func(plane int, d [4]VecPhysical, spare VecPhysical) {
			VSUBPS(d[2], d[0], spare)
			store(plane, spare)
			VADDPS(d[1], d[2], spare)
			store(plane+1, spare)
			VSUBPS(d[1], d[2], spare)
			store(plane+2, spare)
			VSUBPS(d[3], d[1], spare)
			store(plane+3, spare)
		}
		if !m.wide {
			// There is no room for 16 sums: each line of planes reads the two rows that it needs.
			a, spare := [4]VecPhysical{m.all(3), m.all(4), m.all(5), m.all(6)}, m.all(7)
			for i, rows := range [4][2]int{{0, 2}, {1, 2}, {2, 1}, {1, 3}} {
				for j := range 4 {
					load(4*j+rows[0], a[j])
					load(4*j+rows[1], spare)
					if i == 1 {
						VADDPS(spare, a[j], a[j])
					} else {
						VSUBPS(spare, a[j], a[j])
					}
				}
				line(4*i, a, spare)
			}
			return
		}
		t := func(i, j int) VecPhysical { return m.all(4 + 4*i + j) }
		spare := m.all(3)
		for j := range 4 {
			for i := range 4 {
				load(4*j+i, t(i, j))
			}
			VSUBPS(t(2, j), t(0, j), t(0, j))
			VSUBPS(t(3, j), t(1, j), t(3, j))
			VSUBPS(t(1, j), t(2, j), spare)
			VADDPS(t(2, j), t(1, j), t(1, j))
			VMOVAPS(spare, t(2, j))
		}
		for i := range 4 {
			line(4*i, [4]VecPhysical{t(i, 0), t(i, 1), t(i, 2), t(i, 3)}, spare)
		}
	})
}

// gradientOutput takes tiles of the gradient of y to A·e·Aᵀ, where the last row of A counts positive.
func gradientOutput(m *isa) {
	m.transform("gradientOutput", "gradientOutput", 32, func(load func(int, VecPhysical), store func(int, VecPhysical)) {
		e := func(i, j int) VecPhysical { return m.all(3 + i + 2*j) }
		sum := [2]VecPhysical{m.all(7), m.all(8)}
		difference := [2]VecPhysical{m.all(9), m.all(10)}
		spare := m.all(11)
		for j := range 2 {
			for i := range 2 {
				load(2*j+i, e(i, j))
			}
			VADDPS(e(1, j), e(0, j), sum[j])
			VSUBPS(e(1, j), e(0, j), difference[j])
		}
		for i, d := range [4][2]VecPhysical{{e(0, 0), e(0, 1)}, sum, difference, {e(1, 0), e(1, 1)}} {
			store(4*i, d[0])
			VADDPS(d[1], d[0], spare)
			store(4*i+1, spare)
			VSUBPS(d[1], d[0], spare)
			store(4*i+2, spare)
			store(4*i+3, d[1])
		}
	})
}

// gradientWeights takes the 16 sums to Gᵀ·u·G, where the last row of G counts negative.
func gradientWeights(m *isa) {
	TEXT("gradientWeights"+m.name, NOSPLIT, "func(dst *float32, tap, ldd int, u *float32, plane, ldu, rows, cols int)")
	Doc(fmt.Sprintf("gradientWeights%s is gradientWeights for rows above 0.", m.name))
	Pragma("noescape")
	dst, tap, ldd, u, plane, ldu, rows, cols := RDI, RSI, R8, R9, R10, R11, R12, R13
	c, from, to, plane3, left := RAX, RBX, RDX, R14, R15
	load("dst", dst)
	load("tap", tap)
	load("ldd", ldd)
	load("u", u)
	load("plane", plane)
	load("ldu", ldu)
	load("rows", rows)
	load("cols", cols)
	for _, r := range []GPPhysical{tap, ldd, plane, ldu} {
		SHLQ(U8(2), r)
	}
	LEAQ(Mem{Base: plane, Index: plane, Scale: 2}, plane3)
	MOVQ(cols, RCX)
	ANDQ(U8(m.lanes-1), RCX)
	m.setMask(RCX, RAX)
	half, spare := m.all(0), m.all(1)
	MOVL(U32(0x3f000000), RAX.As32())
	VMOVD(RAX.As32(), X0)
	VBROADCASTSS(X0, half)
	t := func(i, j int) VecPhysical { return m.all(3 + i + 3*j) }
	piece := func(tail bool) {
		LEAQ(Mem{Base: u, Index: c, Scale: 1}, from)
		// Plane 4i+j is column j of row i.
		row := []Mem{
			{Base: from},
			{Base: from, Index: plane, Scale: 4},
			{Base: from, Index: plane, Scale: 8},
			{Base: from, Index: plane3, Scale: 4},
		}
		for j := range 4 {
			VMOVUPS(row[1], t(1, j))
			VADDPS(row[2], t(1, j), t(0, j))
			VSUBPS(row[2], t(1, j), t(1, j))
			VMULPS(half, t(0, j), t(0, j))
			VMULPS(half, t(1, j), t(1, j))
			VSUBPS(row[3], t(0, j), t(2, j))
			VADDPS(row[0], t(0, j), t(0, j))
			ADDQ(plane, from)
		}
		LEAQ(Mem{Base: dst, Index: c, Scale: 1}, to)
		put := func(r VecPhysical, last bool) {
			m.put(r, Mem{Base: to}, tail)
			if !last {
				ADDQ(tap, to)
			}
		}
		for i := range 3 {
			VADDPS(t(i, 2), t(i, 1), spare)
			VSUBPS(t(i, 2), t(i, 1), t(i, 1))
			VMULPS(half, spare, spare)
			VMULPS(half, t(i, 1), t(i, 1))
			VADDPS(spare, t(i, 0), t(i, 0))
			VSUBPS(t(i, 3), spare, t(i, 3))
			put(t(i, 0), false)
			put(t(i, 1), false)
			put(t(i, 3), i == 2)
		}
	}
	Label("row")
	XORQ(c, c)
	MOVQ(cols, left)
	Label("channels")
	SUBQ(U8(m.lanes), left)
	JLT(LabelRef("rest"))
	piece(false)
	ADDQ(U32(m.bytes()), c)
	JMP(LabelRef("channels"))
	Label("rest")
	ADDQ(U8(m.lanes), left)
	JZ(LabelRef("next"))
	piece(true)
	Label("next")
	ADDQ(ldd, dst)
	ADDQ(ldu, u)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// fetchLines emits what both families share, once.
func fetchLines(m *isa) {
	if !m.wide {
		return
	}
	TEXT("fetchLines", NOSPLIT, "func(from **float32, count, channels int)")
	Doc("fetchLines prefetches the first channels behind count pointers into the second-level cache. count is above 0.")
	Pragma("noescape")
	from, count, channels, at, end := RDI, RCX, RDX, RAX, RBX
	load("from", from)
	load("count", count)
	load("channels", channels)
	Label("position")
	MOVQ(Mem{Base: from}, at)
	LEAQ(Mem{Base: at, Index: channels, Scale: 4}, end)
	Label("line")
	PREFETCHT1(Mem{Base: at})
	ADDQ(U8(64), at)
	CMPQ(at, end)
	JLT(LabelRef("line"))
	ADDQ(U8(8), from)
	DECQ(count)
	JNZ(LabelRef("position"))
	RET()
}
