//go:build avo

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Conversions between bytes and lanes, for AVX-512 alone: it has the instructions, and masks for the tail.

func (m *isa) fromByte(name, sig, from, to string, body func(v reg.VecVirtual) Op) {
	m.begin(name, sig)
	m.byteLoop(from, to, func(src, dst, i reg.GPVirtual, tail bool) {
		v := ZMM()
		if tail {
			VPMOVZXBD_Z(Mem{Base: src, Index: i, Scale: 1}, m.mask, v)
		} else {
			VPMOVZXBD(Mem{Base: src, Index: i, Scale: 1}, v)
		}
		m.store(body(v), Mem{Base: dst, Index: i, Scale: 4}, tail)
	})
}

func (m *isa) byteLoop(from, to string, step func(src, dst, i reg.GPVirtual, tail bool)) {
	src := Load(Param(from).Base(), GP64()).(reg.GPVirtual)
	dst := Load(Param(to).Base(), GP64()).(reg.GPVirtual)
	n := Load(Param(to).Len(), GP64()).(reg.GPVirtual)
	i, next := GP64(), GP64()
	XORQ(i, i)
	Label("by16")
	LEAQ(Mem{Base: i, Disp: 16}, next)
	CMPQ(next, n)
	JG(LabelRef("tail"))
	step(src, dst, i, false)
	MOVQ(next, i)
	JMP(LabelRef("by16"))
	Label("tail")
	SUBQ(i, n)
	JZ(LabelRef("done"))
	m.setMask(n)
	step(src, dst, i, true)
	Label("done")
	VZEROUPPER()
	RET()
}

func (m *isa) byteKernels() {
	m.fromByte("bytesToMask", "(mask []uint32, b []byte)", "b", "mask", func(v reg.VecVirtual) Op {
		k := K()
		VPTESTMD(v, v, k)
		return m.lanesOf(k)
	})
	m.fromByte("fromBytes", "(dst []float32, b []byte)", "b", "dst", func(v reg.VecVirtual) Op {
		VCVTDQ2PS(v, v)
		return v
	})
	m.begin("maskToBytes", "(b []byte, mask []uint32)")
	m.byteLoop("mask", "b", func(src, dst, i reg.GPVirtual, tail bool) {
		v := m.load(Mem{Base: src, Index: i, Scale: 4}, tail)
		VPSRLD(U8(31), v, v)
		to := Mem{Base: dst, Index: i, Scale: 1}
		if tail {
			VPMOVDB(v, m.mask, to)
		} else {
			VPMOVDB(v, to)
		}
	})
}
