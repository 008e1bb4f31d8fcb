//go:build avo

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// peak emits a loop of twelve independent multiply-adds: what the arithmetic units can do when nothing has
// to be fetched.
func peak(m *isa) {
	TEXT("peak"+m.name, NOSPLIT, "func(rounds int)")
	Doc("peak" + m.name + " runs rounds of twelve independent multiply-adds of whole registers.")
	load("rounds", RCX)
	for _, r := range m.regs[:14] {
		m.zero(r)
	}
	Label("round")
	for _, r := range m.regs[2:14] {
		VFMADD231PS(m.regs[0], m.regs[1], r)
	}
	DECQ(RCX)
	JNZ(LabelRef("round"))
	VZEROUPPER()
	RET()
}
