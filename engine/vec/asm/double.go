//go:build avo

package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// GELU decays like e^(-x²/2): single precision loses the exponent's last digits, and with them some fifty ulp.
// These functions work in float64 and are rounded once.

// inDouble applies body to both halves of x, widened.
func (m *isa) inDouble(x Op, body func(m *isa, x Op) Op) Op {
	v := x.(reg.VecVirtual)
	low, high := m.reg(), m.reg()
	if m.wide {
		upper := YMM()
		VEXTRACTF32X8(U8(1), v, upper)
		VCVTPS2PD(v.AsY(), low)
		VCVTPS2PD(upper, high)
		a, b := YMM(), YMM()
		VCVTPD2PS(body(m, low), a)
		VCVTPD2PS(body(m, high), b)
		out := ZMM()
		// A YMM destination clears what is above it.
		VINSERTF32X8(U8(1), b, a.AsZ(), out)
		return out
	}
	upper := XMM()
	VEXTRACTF128(U8(1), v, upper)
	VCVTPS2PD(v.AsX(), low)
	VCVTPS2PD(upper, high)
	a, b := XMM(), XMM()
	VCVTPD2PSY(body(m, low), a)
	VCVTPD2PSY(body(m, high), b)
	out := YMM()
	VINSERTF128(U8(1), b, a.AsY(), out)
	return out
}

func (m *isa) poly2(x Op, c ...float64) reg.VecVirtual {
	v := m.copy(double(c[len(c)-1]))
	for i := len(c) - 2; i >= 0; i-- {
		VFMADD213PD(double(c[i]), x, v)
	}
	return v
}

func (m *isa) mul2(a, b Op) reg.VecVirtual { return m.two(VMULPD, a, b) }
func (m *isa) add2(a, b Op) reg.VecVirtual { return m.two(VADDPD, a, b) }

// exp2 is e^x for x from -700 to 700 with a relative error of 4e-9, a fifteenth of a last place of float32.
func (m *isa) exp2(x Op) reg.VecVirtual {
	// Adding 1.5*2^52 leaves the whole number in the low bits.
	const magic = 0x1.8p52
	shifted := m.copy(double(magic))
	VFMADD231PD(double(math.Log2E), x, shifted)
	n := m.two(VSUBPD, shifted, double(magic))
	r := m.copy(x)
	VFNMADD231PD(double(math.Ln2), n, r)
	p := m.poly2(r, append([]float64{1, 1}, expCoefficients...)...)
	bits := m.reg()
	VPSLLQ(U8(52), shifted, bits)
	return m.two(VPADDQ, p, bits)
}

// bounded is x, not below low, NaN kept.
func (m *isa) bounded(x Op, low float64) reg.VecVirtual {
	return m.two(VMAXPD, m.copy(double(low)), x)
}

// geluDouble is x*Phi(x). Phi(-t) = e^(-t²/2)*R(t), R by a minimax quotient for t up to 15.
func (m *isa) geluDouble(x Op) Op {
	x = m.bounded(x, -15)
	t := m.two(VANDPD, x, quad(1<<63-1))
	top := m.two(VMINPD, m.copy(double(15)), t)
	e := m.exp2(m.mul2(m.mul2(top, top), double(-0.5)))
	p := m.poly2(top, 0.5000000031513706, 0.43928588876407326, 0.18397100429106683, 0.040881768984135335, 0.004153328194983154)
	q := m.poly2(top, 1, 1.6764567846691754, 1.205555934114279, 0.4714136325707702, 0.10248151396280146, 0.010410738235973532)
	tail := m.two(VDIVPD, m.mul2(e, p), q) // Phi(-t)
	rest := m.two(VSUBPD, m.copy(double(1)), tail)
	return m.mul2(x, m.chooseSign(x, tail, rest))
}

// geluTanhDouble is x*logistic(2u), u = sqrt(2/pi)*(x+0.044715x³).
func (m *isa) geluTanhDouble(x Op) Op {
	x = m.bounded(x, -30)
	inner := m.poly2(m.mul2(x, x), 2*math.Sqrt(2/math.Pi), 2*math.Sqrt(2/math.Pi)*0.044715)
	w := m.mul2(x, inner)
	t := m.two(VORPD, w, quad(1<<63))
	e := m.exp2(m.bounded(t, -500))
	num := m.chooseSign(x, e, m.copy(double(1)))
	return m.mul2(x, m.two(VDIVPD, num, m.add2(e, double(1))))
}

// chooseSign is a where x has its sign bit set, else b.
func (m *isa) chooseSign(x, a, b Op) reg.VecVirtual {
	v := m.reg()
	if m.wide {
		k := K()
		VPMOVQ2M(x, k)
		VBLENDMPD(a, b, k, v)
		return v
	}
	VBLENDVPD(x, a, b, v)
	return v
}
