//go:build avo

package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A kernel is an elementwise loop: inputs are slices of 32-bit elements, scalars are broadcast.
type kernel struct {
	name    string
	sig     string // of the Go function, such as (dst, a, b []float32)
	inputs  []string
	scalars []string
	unroll  int
	body    func(m *isa, x, s []Op) Op
}

// begin opens a function and notes its signature for the dispatch.
func (m *isa) begin(name, sig string) {
	TEXT(name+m.name, NOSPLIT, "func"+sig)
	Pragma("noescape")
	Doc(fmt.Sprintf("%s%s is %s for %s.", name, m.name, name, map[bool]string{true: "AVX-512", false: "AVX2 with FMA"}[m.wide]))
	dispatch(name, sig)
}

func (k kernel) emit(m *isa) {
	m.begin(k.name, k.sig)
	dst := Load(Param("dst").Base(), GP64()).(reg.GPVirtual)
	n := Load(Param("dst").Len(), GP64()).(reg.GPVirtual)
	var in []reg.GPVirtual
	for _, name := range k.inputs {
		in = append(in, Load(Param(name).Base(), GP64()).(reg.GPVirtual))
	}
	var s []Op
	for _, name := range k.scalars {
		s = append(s, m.broadcast(name))
	}
	i, next := GP64(), GP64()
	XORQ(i, i)
	step := func(u int, tail bool) {
		at := func(p reg.GPVirtual) Mem { return Mem{Base: p, Index: i, Scale: 4, Disp: u * m.bytes()} }
		var x []Op
		for _, p := range in {
			x = append(x, m.load(at(p), tail))
		}
		m.store(k.body(m, x, s), at(dst), tail)
	}
	for _, u := range []int{k.unroll, 1} {
		if u == 1 && k.unroll == 1 {
			continue
		}
		label := fmt.Sprintf("by%d", u)
		end := fmt.Sprintf("end%d", u)
		Label(label)
		LEAQ(Mem{Base: i, Disp: u * m.lanes}, next)
		CMPQ(next, n)
		JG(LabelRef(end))
		for j := range u {
			step(j, false)
		}
		MOVQ(next, i)
		JMP(LabelRef(label))
		Label(end)
	}
	if k.unroll == 1 {
		Label("by1")
		LEAQ(Mem{Base: i, Disp: m.lanes}, next)
		CMPQ(next, n)
		JG(LabelRef("end1"))
		step(0, false)
		MOVQ(next, i)
		JMP(LabelRef("by1"))
		Label("end1")
	}
	SUBQ(i, n)
	JZ(LabelRef("done"))
	m.setMask(n)
	step(0, true)
	Label("done")
	VZEROUPPER()
	RET()
}

// names of the parameters in a signature's first slice group, such as a and b of (dst, a, b []float32, s float32).
func inputsOf(sig string) (inputs, scalars []string) {
	sig = strings.Trim(sig, "()")
	var pending []string
	for _, part := range strings.Split(sig, ", ") {
		name, typ, typed := strings.Cut(part, " ")
		pending = append(pending, name)
		if !typed {
			continue
		}
		for _, p := range pending {
			switch {
			case p == "dst":
			case strings.HasPrefix(typ, "[]"):
				inputs = append(inputs, p)
			default:
				scalars = append(scalars, p)
			}
		}
		pending = nil
	}
	return inputs, scalars
}

func each(name, sig string, unroll int, body func(m *isa, x, s []Op) Op) kernel {
	in, sc := inputsOf(sig)
	return kernel{name: name, sig: sig, inputs: in, scalars: sc, unroll: unroll, body: body}
}
