package jpegls

import (
	"errors"
	"fmt"
	mathbits "math/bits"
)

// preset holds the coding parameters of T.87 C.2.4.1.1; 0 = the standard's default.
type preset struct{ maxVal, t1, t2, t3, reset int }

// params are the parameters of one scan and what follows from them (T.87 A.2).
type params struct {
	preset
	near  int
	scale int32 // 2 near + 1
	span  int32 // number of different errors: RANGE
	qbpp  uint  // bits of an error that is coded plainly
	limit uint  // longest code: LIMIT
	// quant maps a gradient, plus maxVal, to -4 ... 4 (A.3.3).
	quant []int8
}

// complete fills in the defaults (T.87 C.2.4.1.1.1) and checks the parameters.
func (p preset) complete(precision, near int) (*params, error) {
	top := 1<<precision - 1
	if p.maxVal == 0 {
		p.maxVal = top
	}
	if p.maxVal > top {
		return nil, fmt.Errorf("the greatest sample %d needs more than %d bits", p.maxVal, precision)
	}
	if near > min(255, p.maxVal/2) {
		return nil, fmt.Errorf("an error bound of %d is greater than half of the range", near)
	}
	clamp := func(i, j int) int {
		if i > p.maxVal || i < j {
			return j
		}
		return i
	}
	t1, t2, t3 := 0, 0, 0
	if p.maxVal >= 128 {
		f := (min(p.maxVal, 4095) + 128) / 256
		t1 = clamp(f*(3-2)+2+3*near, near+1)
		t2 = clamp(f*(7-3)+3+5*near, t1)
		t3 = clamp(f*(21-4)+4+7*near, t2)
	} else {
		f := 256 / (p.maxVal + 1)
		t1 = clamp(max(2, 3/f+3*near), near+1)
		t2 = clamp(max(3, 7/f+5*near), t1)
		t3 = clamp(max(4, 21/f+7*near), t2)
	}
	if p.t1 == 0 {
		p.t1 = t1
	}
	if p.t2 == 0 {
		p.t2 = t2
	}
	if p.t3 == 0 {
		p.t3 = t3
	}
	if p.reset == 0 {
		p.reset = 64
	}
	if p.t1 < near+1 || p.t1 > p.t2 || p.t2 > p.t3 || p.t3 > p.maxVal || p.reset < 3 || p.reset > max(255, p.maxVal) {
		return nil, errors.New("thresholds or reset are outside of the standard")
	}
	q := &params{preset: p, near: near, scale: int32(2*near + 1)}
	q.span = int32((p.maxVal+2*near)/(2*near+1) + 1)
	q.qbpp = uint(mathbits.Len32(uint32(q.span - 1)))
	bpp := max(2, uint(mathbits.Len32(uint32(p.maxVal))))
	q.limit = 2 * (bpp + max(8, bpp))
	q.quantiser()
	return q, nil
}

func (p *params) quantiser() {
	p.quant = make([]int8, 2*p.maxVal+1)
	for d := range p.maxVal + 1 {
		var v int8
		switch {
		case d <= p.near:
			v = 0
		case d < p.t1:
			v = 1
		case d < p.t2:
			v = 2
		case d < p.t3:
			v = 3
		default:
			v = 4
		}
		p.quant[p.maxVal+d] = v
		p.quant[p.maxVal-d] = -v
	}
}

// context is the state of one of the contexts of regular mode.
type context struct {
	a int32 // sum of magnitudes of errors
	b int32 // sum of errors, for the bias
	c int32 // correction of the prediction
	n int32 // how many errors the sums hold
}

// runContext is the state of one of the two contexts that end runs.
type runContext struct{ a, n, nn int32 }

// runOrder is J of T.87 A.2.1: the logarithm of the length of a run's next piece.
var runOrder = [32]uint8{
	0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15,
}

// model is what a scan has learnt so far.
type model struct {
	*params
	contexts [365]context
	runs     [2]runContext
}

func (m *model) reset() {
	a := max(2, (m.span+32)/64)
	for i := range m.contexts {
		m.contexts[i] = context{a: a, n: 1}
	}
	m.runs = [2]runContext{{a: a, n: 1}, {a: a, n: 1}}
}

// golomb is the parameter of the Golomb code: the least k with n<<k >= a (A.5.1).
func golomb(n, a int32) uint {
	k := uint(max(mathbits.Len32(uint32(a))-mathbits.Len32(uint32(n)), 0)) & 31
	return k + uint(uint32(n<<k-a)>>31) // one more where n<<k < a
}

// learn takes an error into a context (A.6).
func (c *context) learn(err int32, m *params) {
	c.a += max(err, -err)
	c.b += err * m.scale
	if c.n == int32(m.preset.reset) {
		c.a >>= 1
		c.b >>= 1
		c.n >>= 1
	}
	c.n++
	if c.b <= -c.n {
		c.b = max(c.b+c.n, 1-c.n)
		c.c = max(c.c-1, -128)
	} else if c.b > 0 {
		c.b = min(c.b-c.n, 0)
		c.c = min(c.c+1, 127)
	}
}

// learn takes the error at the end of a run into its context (A.7.2.2).
func (c *runContext) learn(err, mapped, kind int32, m *params) {
	if err < 0 {
		c.nn++
	}
	c.a += (mapped + 1 - kind) >> 1
	if c.n == int32(m.preset.reset) {
		c.a >>= 1
		c.n >>= 1
		c.nn >>= 1
	}
	c.n++
}

// parameter is the Golomb parameter of the context.
func (c *runContext) parameter(kind int32) uint {
	t := c.a
	if kind == 1 {
		t += c.n >> 1
	}
	return golomb(c.n, t)
}

// predict is the median of a, b and a+b-c: an edge detector (A.4.1).
func predict(a, b, c int32) int32 {
	lo, hi := min(a, b), max(a, b)
	return max(lo, min(hi, a+b-c))
}
