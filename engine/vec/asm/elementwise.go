//go:build avo

package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	vv  = "(dst, a, b []float32)"
	vs  = "(dst, a []float32, s float32)"
	v1  = "(dst, a []float32)"
	vvv = "(dst, a, b, c []float32)"
)

func elementwise() []kernel {
	type ops = []Op
	return []kernel{
		each("add", vv, 4, func(m *isa, x, s ops) Op { return m.add(x[0], x[1]) }),
		each("sub", vv, 4, func(m *isa, x, s ops) Op { return m.sub(x[0], x[1]) }),
		each("mul", vv, 4, func(m *isa, x, s ops) Op { return m.mul(x[0], x[1]) }),
		each("div", vv, 2, func(m *isa, x, s ops) Op { return m.div(x[0], x[1]) }),
		each("maximum", vv, 2, func(m *isa, x, s ops) Op { return m.max(x[0], x[1]) }),
		each("minimum", vv, 2, func(m *isa, x, s ops) Op { return m.min(x[0], x[1]) }),
		each("addScalar", vs, 4, func(m *isa, x, s ops) Op { return m.add(x[0], s[0]) }),
		each("scalarSub", vs, 4, func(m *isa, x, s ops) Op { return m.sub(s[0], x[0]) }),
		each("mulScalar", vs, 4, func(m *isa, x, s ops) Op { return m.mul(x[0], s[0]) }),
		each("divScalar", vs, 2, func(m *isa, x, s ops) Op { return m.div(x[0], s[0]) }),
		each("scalarDiv", vs, 2, func(m *isa, x, s ops) Op { return m.div(s[0], x[0]) }),
		each("maxScalar", vs, 4, func(m *isa, x, s ops) Op { return m.max(x[0], s[0]) }),
		each("minScalar", vs, 4, func(m *isa, x, s ops) Op { return m.min(x[0], s[0]) }),
		each("mulAdd", vvv, 4, func(m *isa, x, s ops) Op { return m.fma(x[0], x[1], x[2]) }),
		each("mulSub", vvv, 4, func(m *isa, x, s ops) Op { return m.fms(x[0], x[1], x[2]) }),
		each("negMulAdd", vvv, 4, func(m *isa, x, s ops) Op { return m.nfma(x[0], x[1], x[2]) }),
		each("mulScalarAdd", "(dst, a, c []float32, s float32)", 4, func(m *isa, x, s ops) Op { return m.fma(x[0], s[0], x[1]) }),
		each("mulScalarSub", "(dst, a, c []float32, s float32)", 4, func(m *isa, x, s ops) Op { return m.fms(x[0], s[0], x[1]) }),
		each("mulAddScalar", "(dst, a, b []float32, t float32)", 4, func(m *isa, x, s ops) Op { return m.fma(x[0], x[1], s[0]) }),
		each("negMulAddScalar", "(dst, a, b []float32, t float32)", 4, func(m *isa, x, s ops) Op { return m.nfma(x[0], x[1], s[0]) }),
		each("affine", "(dst, a []float32, s, t float32)", 4, func(m *isa, x, s ops) Op { return m.fma(x[0], s[0], s[1]) }),
		each("clamp", "(dst, a []float32, low, high float32)", 2, func(m *isa, x, s ops) Op { return m.min(m.max(x[0], s[0]), s[1]) }),
		each("neg", v1, 4, func(m *isa, x, s ops) Op { return m.neg(x[0]) }),
		each("abs", v1, 4, func(m *isa, x, s ops) Op { return m.abs(x[0]) }),
		each("sqrt", v1, 2, func(m *isa, x, s ops) Op { return m.sqrt(x[0]) }),
		each("rsqrt", v1, 2, func(m *isa, x, s ops) Op {
			// A Newton step with the whole of 1 - x*r² mends the two roundings. It is NaN for 0 and infinity.
			r := m.div(m.copy(single(1)), m.sqrt(x[0]))
			t := m.mul(x[0], r)
			lost := m.fms(x[0], r, t)
			h := m.nfma(lost, r, m.nfma(t, r, m.copy(single(1))))
			better := m.fma(m.mul(r, single(0.5)), h, r)
			return m.choose(m.test(unordered, h, h), r, better)
		}),
		each("sign", v1, 2, func(m *isa, x, s ops) Op {
			// A number other than 0 becomes 1 with its sign; 0 and NaN stay.
			one := m.or(m.and(x[0], word(0x80000000)), single(1))
			magnitude := m.abs(x[0])
			return m.choose(m.test(above, magnitude, m.zero()), one, x[0])
		}),
		each("floor", v1, 4, func(m *isa, x, s ops) Op { return m.round(x[0], down) }),
		each("ceil", v1, 4, func(m *isa, x, s ops) Op { return m.round(x[0], up) }),
		each("round", v1, 4, func(m *isa, x, s ops) Op { return m.round(x[0], nearest) }),
		each("fromInts", "(dst []float32, a []int32)", 4, func(m *isa, x, s ops) Op {
			v := m.reg()
			VCVTDQ2PS(x[0], v)
			return v
		}),
		each("toInts", "(dst []int32, a []float32)", 4, func(m *isa, x, s ops) Op {
			v := m.reg()
			VCVTTPS2DQ(x[0], v)
			return v
		}),
	}
}

func masks() []kernel {
	type ops = []Op
	compare := func(name string, predicate uint8) []kernel {
		return []kernel{
			each(name, "(dst []uint32, a, b []float32)", 4, func(m *isa, x, s ops) Op { return m.lanesOf(m.test(predicate, x[0], x[1])) }),
			each(name+"Scalar", "(dst []uint32, a []float32, s float32)", 4, func(m *isa, x, s ops) Op { return m.lanesOf(m.test(predicate, x[0], s[0])) }),
		}
	}
	list := compare("equal", equals)
	list = append(list, compare("notEqual", differs)...)
	list = append(list, compare("less", below)...)
	list = append(list, compare("lessEqual", atMost)...)
	list = append(list, compare("greater", above)[1], compare("greaterEqual", atLeast)[1])
	whole := func(name string, predicate uint8, wideLess bool) kernel {
		return each(name, "(dst []uint32, a, b []int32)", 4, func(m *isa, x, s ops) Op {
			if m.wide {
				k := K()
				VPCMPD(U8(predicate), x[1], x[0], k)
				return m.lanesOf(k)
			}
			if wideLess {
				return m.two(VPCMPGTD, x[1], x[0])
			}
			return m.two(VPCMPEQD, x[0], x[1])
		})
	}
	list = append(list, whole("equalInt", 0, false), whole("lessInt", 1, true))
	return append(list,
		each("selectVV", "(dst, a, b []float32, mask []uint32)", 4, func(m *isa, x, s ops) Op { return m.choose(m.testOf(x[2]), x[0], x[1]) }),
		each("selectVS", "(dst, a []float32, mask []uint32, s float32)", 4, func(m *isa, x, s ops) Op { return m.choose(m.testOf(x[1]), x[0], s[0]) }),
		each("selectSV", "(dst, b []float32, mask []uint32, s float32)", 4, func(m *isa, x, s ops) Op { return m.choose(m.testOf(x[1]), s[0], x[0]) }),
		each("selectSS", "(dst []float32, mask []uint32, s, t float32)", 4, func(m *isa, x, s ops) Op { return m.choose(m.testOf(x[0]), s[0], s[1]) }),
		each("and", "(dst, a, b []uint32)", 4, func(m *isa, x, s ops) Op { return m.and(x[0], x[1]) }),
		each("or", "(dst, a, b []uint32)", 4, func(m *isa, x, s ops) Op { return m.or(x[0], x[1]) }),
		each("xor", "(dst, a, b []uint32)", 4, func(m *isa, x, s ops) Op { return m.xor(x[0], x[1]) }),
		each("not", "(dst, a []uint32)", 4, func(m *isa, x, s ops) Op { return m.xor(x[0], word(0xffffffff)) }),
	)
}

func functions() []kernel {
	type ops = []Op
	f := func(name string, unroll int, body func(m *isa, x Op) Op) kernel {
		return each(name, v1, unroll, func(m *isa, x, s ops) Op { return body(m, x[0]) })
	}
	return []kernel{
		f("exp", 2, func(m *isa, x Op) Op {
			p, n := m.exponential(m.upper(m.lower(x, single(89)), single(-104)))
			return m.scale(p, n)
		}),
		f("expm1", 2, (*isa).expm1),
		f("log", 2, (*isa).log),
		f("log1p", 2, (*isa).log1p),
		f("tanh", 2, (*isa).tanh),
		f("logistic", 2, func(m *isa, x Op) Op {
			// 1/(1+e), or e/(1+e) for negative x, with e = e^-|x|, which cannot overflow.
			h, tail, n := m.exponentialExact(m.upper(m.neg(m.abs(x)), single(-120)))
			negative := m.sign(x)
			num := m.choose(negative, h, m.copy(single(1)))
			lost := m.choose(negative, tail, m.zero())
			shift := m.choose(negative, n, m.zero())
			return m.scale(m.quotient(num, lost, m.scale(m.add(h, tail), n)), shift)
		}),
		f("silu", 2, func(m *isa, x Op) Op {
			// As logistic, with x multiplied in before the scaling that may lose digits.
			t := m.upper(x, single(-120))
			h, tail, n := m.exponentialExact(m.upper(m.neg(m.abs(t)), single(-120)))
			negative := m.sign(t)
			product := m.mul(t, h)
			rest := m.fma(t, tail, m.fms(t, h, product))
			num := m.choose(negative, product, t)
			lost := m.choose(negative, rest, m.zero())
			shift := m.choose(negative, n, m.zero())
			v := m.scale(m.quotient(num, lost, m.scale(m.add(h, tail), n)), shift)
			return m.choose(m.test(above, x, single(100)), x, v)
		}),
		f("erf", 2, (*isa).erf),
		f("gelu", 1, func(m *isa, x Op) Op { return m.inDouble(x, (*isa).geluDouble) }),
		f("geluTanh", 1, func(m *isa, x Op) Op { return m.inDouble(x, (*isa).geluTanhDouble) }),
	}
}

// sign tests the sign bit.
func (m *isa) sign(x Op) Op {
	if m.wide {
		return m.testOf(x)
	}
	return x // VBLENDVPS reads the sign bit itself
}

// exponential is e^x as p*2^n, p in [0.7, 1.42]: x = n*log(2) + r, and a minimax polynomial for (e^r-1-r)/r².
func (m *isa) exponential(x Op) (p, n Op) {
	nf, r := m.reduce(x)
	q := m.poly(r, expCoefficients...)
	r2 := m.mul(r, r)
	return m.add(m.fma(r2, q, r), single(1)), nf
}

// exponentialExact is e^x as (h+tail)*2^n: it keeps what is lost in r and in 1 + r.
func (m *isa) exponentialExact(x Op) (h, tail, n Op) {
	nf := m.round(m.mul(x, single(math.Log2E)), nearest)
	t := m.nfma(nf, single(log2Upper), x)
	r := m.nfma(nf, single(log2Lower), t)
	lost := m.nfma(nf, single(log2Lower), m.sub(t, r))
	s := m.fma(m.mul(r, r), m.poly(r, expCoefficients...), lost)
	sum := m.add(r, single(1))
	return sum, m.add(s, m.sub(r, m.sub(sum, single(1)))), nf
}

// quotient is (num+lost)/(1+e) with little more than one rounding, for e from 0 to 1: the remainder of the
// division, and what is lost in 1 + e, correct it.
func (m *isa) quotient(num, lost, e Op) reg.VecVirtual {
	den := m.add(e, single(1))
	rest := m.sub(e, m.sub(den, single(1)))
	inverse := m.div(m.copy(single(1)), den)
	q := m.mul(num, inverse)
	remainder := m.nfma(q, den, num)
	remainder = m.add(m.nfma(q, rest, remainder), lost)
	return m.fma(remainder, inverse, q)
}

var expCoefficients = []float64{0.5, 0.16666512191295624, 0.0416661873459816, 0.008369598537683487, 0.001395171508193016}

// The upper part of log(2) has 9 trailing zeros: its product with n is exact.
const (
	log2Upper = 0.693359375
	log2Lower = -2.12194440e-4
)

func (m *isa) reduce(x Op) (n, r Op) {
	nf := m.round(m.mul(x, single(math.Log2E)), nearest)
	t := m.nfma(nf, single(log2Upper), x)
	return nf, m.nfma(nf, single(log2Lower), t)
}

func (m *isa) expm1(x Op) Op {
	t := m.upper(m.lower(x, single(89)), single(-30))
	n, r := m.reduce(t)
	e := m.fma(m.mul(r, r), m.poly(r, expCoefficients...), r) // e^r - 1
	// Half of 2^n*e + (2^n-1), because 2^128 is none.
	half := m.power(m.ints(m.sub(n, single(1))))
	v := m.fma(half, e, m.sub(half, single(0.5)))
	v = m.add(v, v)
	return m.choose(m.test(below, m.abs(x), single(0x1p-24)), x, v)
}

// logarithm is log(u) + d/u for positive, finite, normal u and small d: u = 2^n*(1+f).
func (m *isa) logarithm(u, shift, d Op) Op {
	bits := m.two(VPSUBD, u, word(0x3f3504f3)) // sqrt(1/2)
	n := m.reg()
	VPSRAD(U8(23), bits, n)
	fn := m.reg()
	VCVTDQ2PS(n, fn)
	if shift != nil {
		fn = m.add(fn, shift)
	}
	mantissa := m.two(VPADDD, m.and(bits, word(0x7fffff)), word(0x3f3504f3))
	f := m.sub(mantissa, single(1))
	p := m.poly(f, 0.3333331346511841, -0.25000008940696716, 0.20002123713493347, -0.16668005287647247,
		0.1421944946050644, -0.12405344843864441, 0.11888722330331802, -0.11677494645118713, 0.06747651100158691)
	f2 := m.mul(f, f)
	t := m.mul(m.mul(f2, f), p)
	t = m.fma(fn, single(log2Lower), t)
	if d != nil {
		t = m.add(t, m.div(d, u))
	}
	t = m.nfma(f2, single(0.5), t)
	return m.fma(fn, single(log2Upper), m.add(f, t))
}

// limits puts in what a logarithm is of numbers that are not positive and finite.
func (m *isa) limits(u, v Op) Op {
	v = m.choose(m.test(equals, u, m.zero()), single(math.Inf(-1)), v)
	v = m.choose(m.test(below, u, m.zero()), word(0x7fc00000), v)
	infinite := m.test(equals, u, single(math.Inf(1)))
	v = m.choose(infinite, single(math.Inf(1)), v)
	return m.choose(m.test(unordered, u, u), u, v)
}

func (m *isa) log(x Op) Op {
	small := m.test(below, x, single(0x1p-126))
	u := m.choose(small, m.mul(x, single(0x1p23)), x)
	shift := m.choose(small, single(-23), m.zero())
	return m.limits(x, m.logarithm(u, shift, nil))
}

func (m *isa) log1p(x Op) Op {
	u := m.add(x, single(1))
	lost := m.sub(x, m.sub(u, single(1)))
	v := m.limits(u, m.logarithm(u, nil, lost))
	return m.choose(m.test(below, m.abs(x), single(0x1p-25)), x, v)
}

// tanh is a polynomial below 5/8, and 1 - 2/(e^2|x|+1) from there.
func (m *isa) tanh(x Op) Op {
	t := m.lower(m.abs(x), single(9.1))
	p, n := m.exponential(m.add(t, t))
	e := m.scale(p, n)
	large := m.sub(m.copy(single(1)), m.div(m.copy(single(2)), m.add(e, single(1))))
	large = m.or(large, m.and(x, word(0x80000000)))
	z := m.mul(x, x)
	q := m.poly(z, -0.3333333134651184, 0.1333318054676056, -0.05394339933991432, 0.021681638434529305,
		-0.008128993213176727, 0.002097714925184846)
	small := m.fma(m.mul(z, q), x, x)
	return m.choose(m.test(below, t, single(0.625)), small, large)
}

// erf is a polynomial below 0.93, and 1 - exp(-t+t*q(t)) from there.
func (m *isa) erf(x Op) Op {
	t := m.lower(m.abs(x), single(4))
	q := m.poly(t, -0.1286521703004837, -0.6351358890533447, -0.1062631756067276, 0.02378537692129612,
		-0.003653778461739421, 0.0003256564086768776, -1.152267668658169e-05)
	p, n := m.exponential(m.fms(q, t, t))
	large := m.sub(m.copy(single(1)), m.scale(p, n))
	large = m.or(large, m.and(x, word(0x80000000)))
	z := m.mul(x, x)
	s := m.poly(z, 0.12837916612625122, -0.37612634897232056, 0.11283694207668304, -0.02685927040874958,
		0.005200634244829416, -0.0008137436816468835, 8.345222158823162e-05)
	small := m.fma(s, x, x)
	return m.choose(m.test(below, t, single(0.93)), small, large)
}
