package loop

import "math"

// fuse copies the code, with a few sequences replaced by one operation, and marks what the outputs need.
func fuse(s *Spec) []value {
	code := make([]value, len(s.code))
	uses := make([]int, len(s.code))
	for i, in := range s.code {
		code[i] = value{instr: in, arity: in.op.arity()}
		for _, a := range in.args[:code[i].arity] {
			uses[a]++
		}
	}
	for _, o := range s.outputs {
		uses[o.value]++
	}
	for i := range code {
		simplify(code, &code[i], uses)
	}
	for _, o := range s.outputs {
		code[o.value].live = true
	}
	for i := len(code) - 1; i >= 0; i-- {
		if v := &code[i]; v.live {
			for _, a := range v.args[:v.arity] {
				code[a].live = true
			}
		}
	}
	return code
}

func (v *value) become(op Op, args ...Value) {
	v.op, v.arity = op, len(args)
	copy(v.args[:], args)
}

// simplify rewrites one instruction. An argument that has another use is left alone: it is computed anyway.
func simplify(code []value, v *value, uses []int) {
	a, b := v.args[0], v.args[1]
	only := func(x Value, op Op) bool { return code[x].op == op && uses[x] == 1 }
	product := func(x Value) bool { return only(x, Mul) }
	switch v.op {
	case Mul:
		switch {
		case a == b:
			v.become(Square, a)
		case v.typ.float() && only(b, Logistic) && code[b].args[0] == a:
			v.become(Silu, a)
		case v.typ.float() && only(a, Logistic) && code[a].args[0] == b:
			v.become(Silu, b)
		}
	case Div:
		if v.typ == F32 && code[a].op == constant && code[a].bits == uint64(math.Float32bits(1)) && only(b, Sqrt) {
			v.become(Rsqrt, code[b].args[0])
		}
	case Add:
		switch {
		case v.typ != F32:
		case product(a):
			v.become(MulAdd, code[a].args[0], code[a].args[1], b)
		case product(b):
			v.become(MulAdd, code[b].args[0], code[b].args[1], a)
		}
	case Sub:
		switch {
		case v.typ != F32:
		case product(a):
			v.become(MulSub, code[a].args[0], code[a].args[1], b)
		case product(b):
			v.become(NegMulAdd, code[b].args[0], code[b].args[1], a)
		}
	}
}
