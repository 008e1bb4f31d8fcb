package loop

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A number is an element in the reference interpreter: a float, a whole number, or a truth value.
type num struct {
	f float64
	i int64
	b bool
}

func narrow(t Type, x num) num {
	switch t {
	case F32:
		x.f = float64(float32(x.f))
	case I32:
		x.i = int64(int32(x.i))
	case U8:
		x.i = int64(uint8(x.i))
	}
	return x
}

func readNum(t Type, b []byte, at int) num {
	b = b[at*t.Size():]
	switch t {
	case F32:
		return num{f: float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))}
	case F64:
		return num{f: math.Float64frombits(binary.LittleEndian.Uint64(b))}
	case I32:
		return num{i: int64(int32(binary.LittleEndian.Uint32(b)))}
	case I64:
		return num{i: int64(binary.LittleEndian.Uint64(b))}
	case U8:
		return num{i: int64(b[0])}
	}
	return num{b: b[0] != 0}
}

func writeNum(t Type, b []byte, at int, x num) {
	b = b[at*t.Size():]
	switch t {
	case F32:
		binary.LittleEndian.PutUint32(b, math.Float32bits(float32(x.f)))
	case F64:
		binary.LittleEndian.PutUint64(b, math.Float64bits(x.f))
	case I32:
		binary.LittleEndian.PutUint32(b, uint32(int32(x.i)))
	case I64:
		binary.LittleEndian.PutUint64(b, uint64(x.i))
	case U8:
		b[0] = byte(x.i)
	case Bool:
		b[0] = 0
		if x.b {
			b[0] = 1
		}
	}
}

func refConvert(from, to Type, x num) num {
	switch {
	case from == Bool && x.b:
		x = num{f: 1, i: 1, b: true}
	case from == Bool:
		x = num{}
	case from.float():
		x = num{f: x.f, i: int64(x.f), b: x.f != 0}
	default:
		x = num{f: float64(x.i), i: x.i, b: x.i != 0}
	}
	return narrow(to, x)
}

func refFloat(op Op, a, b, c float64) float64 {
	switch op {
	case Add:
		return a + b
	case Sub:
		return a - b
	case Mul:
		return a * b
	case Div:
		return a / b
	case Max:
		return max(a, b)
	case Min:
		return min(a, b)
	case Pow:
		return math.Pow(a, b)
	case Rem:
		return math.Mod(a, b)
	case Atan2:
		return math.Atan2(a, b)
	case Neg:
		return -a
	case Abs:
		return math.Abs(a)
	case Sign:
		if a > 0 {
			return 1
		} else if a < 0 {
			return -1
		}
		return a
	case Square:
		return a * a
	case Exp:
		return math.Exp(a)
	case Expm1:
		return math.Expm1(a)
	case Log:
		return math.Log(a)
	case Log1p:
		return math.Log1p(a)
	case Sqrt:
		return math.Sqrt(a)
	case Rsqrt:
		return 1 / math.Sqrt(a)
	case Reciprocal:
		return 1 / a
	case Sin:
		return math.Sin(a)
	case Cos:
		return math.Cos(a)
	case Tanh:
		return math.Tanh(a)
	case Logistic:
		return 1 / (1 + math.Exp(-a))
	case Erf:
		return math.Erf(a)
	case Gelu:
		return a * 0.5 * (1 + math.Erf(a/math.Sqrt2))
	case GeluTanh:
		return 0.5 * a * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(a+0.044715*a*a*a)))
	case Silu:
		return a / (1 + math.Exp(-a))
	case Floor:
		return math.Floor(a)
	case Ceil:
		return math.Ceil(a)
	case Round:
		return math.RoundToEven(a)
	case Clamp:
		return min(max(b, a), c)
	case MulAdd:
		return a*b + c
	case MulSub:
		return a*b - c
	case NegMulAdd:
		return c - a*b
	}
	panic(op)
}

func refWhole(op Op, t Type, a, b, c int64) int64 {
	width := t.Size() * 8
	raw := func(x int64) uint64 { return uint64(x) << (64 - width) >> (64 - width) }
	outside := b < 0 || b >= int64(width)
	switch op {
	case Add:
		return a + b
	case Sub:
		return a - b
	case Mul:
		return a * b
	case Div:
		if b == 0 {
			return -1
		}
		return a / b
	case Rem:
		if b == 0 {
			return a
		}
		return a % b
	case Pow:
		r := int64(1)
		for range b {
			r *= a
		}
		switch {
		case b < 0 && a == -1:
			return 1 - 2*(-b%2)
		case b < 0 && a != 1:
			return 0
		}
		return r
	case Max:
		return max(a, b)
	case Min:
		return min(a, b)
	case Neg:
		return -a
	case Abs:
		return max(a, -a)
	case Sign:
		return min(max(a, -1), 1)
	case Square:
		return a * a
	case Clamp:
		return min(max(b, a), c)
	case BitwiseAnd:
		return a & b
	case BitwiseOr:
		return a | b
	case BitwiseXor:
		return a ^ b
	case BitwiseNot:
		return ^a
	case ShiftLeft:
		if outside {
			return 0
		}
		return a << b
	case ShiftRightArithmetic:
		if outside {
			return a >> 63
		}
		return a >> b
	case ShiftRightLogical:
		if outside {
			return 0
		}
		return int64(raw(a) >> b)
	case BitCount:
		return int64(bits.OnesCount64(raw(a)))
	case Clz:
		return int64(bits.LeadingZeros64(raw(a)) - (64 - width))
	}
	panic(op)
}

func compareNum(op Op, less, equal, nan bool) bool {
	switch op {
	case Equal:
		return equal
	case NotEqual:
		return !equal
	case LessThan:
		return less
	case LessOrEqual:
		return less || equal
	case GreaterThan:
		return !less && !equal && !nan
	}
	return !less && !nan
}

func refOp(op Op, t Type, x [3]num) num {
	a, b, c := x[0], x[1], x[2]
	switch {
	case op == Where:
		if a.b {
			return b
		}
		return c
	case op == IsNaN:
		return num{b: a.f != a.f}
	case op == IsFinite:
		return num{b: !math.IsNaN(a.f) && !math.IsInf(a.f, 0)}
	case op == LogicalAnd:
		return num{b: a.b && b.b}
	case op == LogicalOr:
		return num{b: a.b || b.b}
	case op == LogicalXor, op == NotEqual && t == Bool:
		return num{b: a.b != b.b}
	case op == LogicalNot:
		return num{b: !a.b}
	case op == Equal && t == Bool:
		return num{b: a.b == b.b}
	case ops[op].kind == comparing && t.float():
		return num{b: compareNum(op, a.f < b.f, a.f == b.f, a.f != a.f || b.f != b.f)}
	case ops[op].kind == comparing:
		return num{b: compareNum(op, a.i < b.i, a.i == b.i, false)}
	case t.float():
		return narrow(t, num{f: refFloat(op, a.f, b.f, c.f)})
	}
	return narrow(t, num{i: refWhole(op, t, a.i, b.i, c.i)})
}

func refFold(how Reduction, t Type, a, b num) num {
	switch how {
	case Sum:
		return narrow(t, num{i: a.i + b.i, f: a.f + b.f})
	case Product:
		return narrow(t, num{i: a.i * b.i, f: a.f * b.f})
	case Maximum:
		return num{i: max(a.i, b.i), f: max(a.f, b.f)}
	case Minimum:
		return num{i: min(a.i, b.i), f: min(a.f, b.f)}
	case All:
		return num{b: a.b && b.b}
	}
	return num{b: a.b || b.b}
}

func refIdentity(how Reduction, t Type) num {
	least := map[Type]int64{I32: math.MinInt32, I64: math.MinInt64}
	most := map[Type]int64{I32: math.MaxInt32, I64: math.MaxInt64, U8: math.MaxUint8}
	switch how {
	case Product:
		return num{f: 1, i: 1}
	case Maximum:
		return num{f: math.Inf(-1), i: least[t]}
	case Minimum:
		return num{f: math.Inf(1), i: most[t]}
	case All:
		return num{b: true}
	}
	return num{}
}

// interpret runs a Spec one element at a time, straight from what its methods promise.
func interpret(s *Spec, mem [][]byte) {
	total := 1
	for _, n := range s.Dims {
		total *= n
	}
	at := make([]int, len(s.Dims))
	offset := func(strides []int) int {
		o := 0
		for d, x := range strides {
			o += at[d] * x
		}
		return o
	}
	each := func(f func()) {
		clear(at)
		for range total {
			f()
			for d := len(at) - 1; d >= 0; d-- {
				if at[d]++; at[d] < s.Dims[d] {
					break
				}
				at[d] = 0
			}
		}
	}
	// Sums are kept in float64 while they are added up.
	sums := make([]map[int]num, len(s.outputs))
	for i, o := range s.outputs {
		sums[i] = map[int]num{}
		if !o.reduced {
			continue
		}
		op := s.operands[o.operand]
		kept := slices.Clone(s.Dims)
		for d, x := range op.strides {
			if x == 0 {
				kept[d] = 1
			}
		}
		sub := &Spec{Dims: kept}
		walk(sub.Dims, op.strides, func(off int) { sums[i][off] = refIdentity(o.how, op.typ) })
	}
	vals := make([]num, len(s.code))
	each(func() {
		for i, in := range s.code {
			switch in.op {
			case load:
				op := s.operands[in.operand]
				vals[i] = readNum(in.typ, mem[in.operand], offset(op.strides))
			case constant:
				cell := make([]byte, 8)
				binary.LittleEndian.PutUint64(cell, in.bits)
				vals[i] = readNum(in.typ, cell, 0)
			case index:
				vals[i] = refConvert(I64, in.typ, num{i: int64(at[in.operand])})
			case convert:
				vals[i] = refConvert(s.code[in.args[0]].typ, in.typ, vals[in.args[0]])
			default:
				t := s.code[in.args[0]].typ
				if in.op == Where {
					t = in.typ
				}
				vals[i] = refOp(in.op, t, [3]num{vals[in.args[0]], vals[in.args[1]], vals[in.args[2]]})
			}
		}
		for i, o := range s.outputs {
			op := s.operands[o.operand]
			off := offset(op.strides)
			if !o.reduced {
				sums[i][off] = vals[o.value]
				continue
			}
			t := op.typ
			if t == F32 {
				t = F64
			}
			sums[i][off] = refFold(o.how, t, sums[i][off], vals[o.value])
		}
	})
	for i, o := range s.outputs {
		for off, x := range sums[i] {
			writeNum(s.operands[o.operand].typ, mem[o.operand], off, x)
		}
	}
}

func walk(dims, strides []int, f func(off int)) {
	if len(dims) == 0 {
		f(0)
		return
	}
	for i := range dims[0] {
		walk(dims[1:], strides[1:], func(off int) { f(off + i*strides[0]) })
	}
}

// A drawing makes a random Spec. A value is rough once it has been rounded: what a comparison or a rounding
// to whole numbers makes of it could differ from the reference.
type drawing struct {
	*rapid.T
	Spec
	rough []bool
	size  []float64 // bound of what a float may be
}

func (d *drawing) n(what string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(d.T, what) }

func (d *drawing) keep(v Value, rough bool, size float64) Value {
	for len(d.rough) <= int(v) {
		d.rough, d.size = append(d.rough, false), append(d.size, 2)
	}
	d.rough[v], d.size[v] = rough, size
	return v
}

// layout draws strides that are dense up to padding, in a random order of the dimensions, over those that
// keep allows.
func (d *drawing) layout(keep func(dim int) bool) []int {
	order := make([]int, len(d.Dims))
	for i := range order {
		order[i] = i
	}
	if d.n("permute", 0, 3) == 0 {
		order = rapid.Permutation(order).Draw(d.T, "order")
	}
	strides := make([]int, len(d.Dims))
	next := 1
	if d.n("spaced", 0, 7) == 0 {
		next = 2
	}
	for i := len(order) - 1; i >= 0; i-- {
		dim := order[i]
		if !keep(dim) {
			continue
		}
		strides[dim] = next
		next *= max(d.Dims[dim], 1)
		if d.n("padded", 0, 7) == 0 {
			next += 3
		}
	}
	return strides
}

func draw(t *rapid.T) *drawing {
	d := &drawing{T: t}
	total := 1
	sizes := []int{1, 2, 3, 5, 7, 10, 16, 17, 32, 33, 64, 100, 255, 1000, 2049, 5000}
	for range d.n("rank", 0, 4) {
		n := rapid.SampledFrom(sizes).Draw(t, "dim")
		if d.n("empty", 0, 40) == 0 {
			n = 0
		}
		if total*n > 40000 {
			n = 2
		}
		total *= max(n, 1) // operands beside an empty dimension have memory all the same
		d.Dims = append(d.Dims, n)
	}
	if len(d.Dims) > 0 {
		d.RowDims = d.n("rows", 0, len(d.Dims))
	}
	types := []Type{F32, F32, F32, F32, F32, F64, I32, I64, U8, Bool}
	only := rapid.SampledFrom(types).Draw(t, "only")
	mixed := d.n("mixed", 0, 2) == 0
	for range d.n("inputs", 1, 4) {
		typ := only
		if mixed {
			typ = rapid.SampledFrom(types).Draw(t, "type")
		}
		some := d.n("broadcast", 0, 1) == 1
		v := d.Input(typ, d.layout(func(int) bool { return !some || d.n("varies", 0, 1) == 1 })...)
		d.keep(v, false, 2)
	}
	for range d.n("constants", 0, 2) {
		d.keep(d.Const(only, float64(d.n("constant", 0, 8))/4), false, 2)
	}
	if len(d.Dims) > 0 && only != Bool && d.n("iota", 0, 4) == 0 {
		d.keep(d.Iota(only, d.n("along", 0, len(d.Dims)-1)), false, 5000)
	}
	for range d.n("code", 0, 12) {
		d.step()
	}
	for range d.n("outputs", 1, 3) {
		v := Value(d.n("value", max(0, len(d.code)-4), len(d.code)-1))
		if d.n("reduce", 0, 1) == 0 {
			d.Store(v, d.layout(func(int) bool { return true })...)
			continue
		}
		how := rapid.SampledFrom([]Reduction{Sum, Sum, Maximum, Minimum, Product}).Draw(t, "how")
		if d.code[v].typ == Bool {
			how = rapid.SampledFrom([]Reduction{All, Any}).Draw(t, "how")
		}
		if how == Product && d.code[v].typ.float() {
			how = Sum
		}
		d.Reduce(how, v, d.layout(func(int) bool { return d.n("kept", 0, 1) == 1 })...)
	}
	return d
}

// step adds a random instruction whose arguments suit it.
func (d *drawing) step() {
	op := Op(d.n("op", int(Add), int(opCount)-1))
	pickOf := func(t Type, any bool) Value {
		v := Value(d.n("arg", 0, len(d.code)-1))
		if !any && d.code[v].typ != t {
			w := d.Convert(v, t)
			if d.rough[v] && !t.float() {
				return d.keep(d.Const(t, 1), false, 2)
			}
			if int(w) >= len(d.rough) {
				d.keep(w, d.rough[v], d.size[v])
			}
			return w
		}
		return v
	}
	first := pickOf(0, true)
	t := d.code[first].typ
	if !ops[op].accepts(t) || d.rough[first] && ops[op].kind == comparing {
		return
	}
	args := []Value{first}
	if op == Where {
		args = []Value{pickOf(Bool, false), first}
		t = d.code[first].typ
	}
	for len(args) < ops[op].arity {
		args = append(args, pickOf(t, false))
	}
	rough, size := false, 0.0
	for _, a := range args {
		rough, size = rough || d.rough[a], max(size, d.size[a])
	}
	if t.float() {
		var ok bool
		if rough, size, ok = grows(op, rough, size); !ok {
			return
		}
	} else {
		size = 256 // after a conversion to float; larger ones come out rounded the same
		rough = false
		if op == Pow || op == ShiftLeft || op == Mul || op == Square {
			size = 1e30
		}
	}
	d.keep(d.Do(op, args...), rough, size)
}

// grows says what a float operation does to roughness and bound; ok is false where a small error of an argument
// could become a large one of the result.
func grows(op Op, rough bool, size float64) (bool, float64, bool) {
	switch op {
	case Add, Sub:
		return rough || size > 1000, 2 * size, true
	case Mul, Square, MulAdd, MulSub, NegMulAdd:
		return rough || size > 32, size*size + size, size < 1e6
	case Max, Min, Neg, Abs, Clamp, Where:
		return rough, size, true
	case Sign, Floor, Ceil, Round, Equal, NotEqual, LessThan, LessOrEqual, GreaterThan, GreaterOrEqual, IsNaN, IsFinite:
		return false, size + 1, !rough
	case Tanh, Logistic, Erf, Sin, Cos:
		return true, 1, size < 100
	case Gelu, GeluTanh, Silu:
		return true, size, size < 100
	case Exp, Expm1:
		return true, math.Exp(min(size, 10)), size < 5
	case Sqrt:
		return true, size, !rough
	}
	return true, 1e6, false // Log and division near 0 are tested by themselves
}

// memory makes the operands: inputs with values that leave sums exact, everything with a guard behind.
const guard = 64

func (d *drawing) memory() [][]byte {
	var mem [][]byte
	seed := uint32(d.n("seed", 0, 1<<20))
	for i, o := range d.operands {
		n := 1
		for k, x := range o.strides {
			n += (max(d.Dims[k], 1) - 1) * x
		}
		b := make([]byte, n*o.typ.Size()+guard)
		for j := range b {
			b[j] = 0xA5
		}
		if i < d.inputs {
			for j := range n {
				seed = seed*1664525 + 1013904223
				q := int64(seed>>28) - 8
				x := num{f: float64(q) / 4, i: q, b: q > 0}
				writeNum(o.typ, b, j, narrow(o.typ, x))
			}
		}
		mem = append(mem, b)
	}
	return mem
}

func cloneAll(mem [][]byte) [][]byte {
	c := make([][]byte, len(mem))
	for i := range mem {
		c[i] = slices.Clone(mem[i])
	}
	return c
}

// view hands out the operands without their guards.
func view(mem [][]byte) [][]byte {
	c := make([][]byte, len(mem))
	for i := range mem {
		n := len(mem[i]) - guard
		c[i] = mem[i][:n:n]
	}
	return c
}

// different compares an operand, guard included, and returns what differs. Rough sums over n elements may be off
// by their rounding.
func different(t Type, got, want []byte, tolerance float64) error {
	n := (len(got) - guard) / t.Size()
	for i := range n {
		a, b := readNum(t, got, i), readNum(t, want, i)
		off := math.Abs(a.f - b.f)
		same := a.f == b.f || a.f != a.f && b.f != b.f || off <= tolerance*(1+math.Abs(b.f))
		if !same || a.i != b.i || a.b != b.b {
			return fmt.Errorf("element %d is %v, want %v", i, a, b)
		}
	}
	if !slices.Equal(got[n*t.Size():], want[n*t.Size():]) {
		return fmt.Errorf("the bytes behind it were written")
	}
	return nil
}

func (d *drawing) compare(t *rapid.T, how string, got, want [][]byte) {
	for i, o := range d.operands {
		tolerance := 0.0
		if i >= d.inputs && o.typ.float() {
			tolerance = 2e-4
			if v := d.outputs[i-d.inputs].value; d.size[v] > 1e3 {
				tolerance = 2e-3
			}
		}
		if err := different(o.typ, got[i], want[i], tolerance); err != nil {
			t.Fatalf("%s: operand %d (%s): %v\ndims %v\n%s", how, i, o.typ, err, d.Dims, d.text())
		}
	}
}

func (d *drawing) text() string {
	s := ""
	for i, in := range d.code {
		s += fmt.Sprintf("%d = %s %s %v operand %d bits %x\n", i, in.op, in.typ, in.args[:in.op.arity()], in.operand, in.bits)
	}
	for i, o := range d.operands {
		s += fmt.Sprintf("operand %d %s %v\n", i, o.typ, o.strides)
	}
	return s + fmt.Sprintf("outputs %v\n", d.outputs)
}

// TestRandomPrograms holds Run and RunRows to the interpreter, for random programs, shapes and layouts.
func TestRandomPrograms(t *testing.T) {
	eachFamily(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			d := draw(t)
			p, err := New(&d.Spec)
			if err != nil {
				t.Fatal(err)
			}
			before := d.memory()
			want := cloneAll(before)
			interpret(&d.Spec, view(want))
			got := cloneAll(before)
			p.Run(view(got))
			d.compare(t, "Run", got, want)
			rows := cloneAll(before)
			for at := 0; at < p.Rows(); {
				next := min(p.Rows(), at+d.n("rows", 1, max(1, p.Rows())))
				p.RunRows(d.n("worker", 0, 3), at, next, view(rows))
				at = next
			}
			p.Finish(view(rows))
			if p.total > 0 {
				d.compare(t, "RunRows", rows, want)
			}
			again := cloneAll(before)
			p.Run(view(again))
			for i := range again {
				if !slices.Equal(again[i], got[i]) {
					t.Fatalf("the second Run gave other bytes in operand %d", i)
				}
			}
		})
	})
}
