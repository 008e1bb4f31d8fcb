//go:build avo

package main

import (
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// pre is gate g before its nonlinearity: the product and the bias.
func (f *family) pre(at map[string]Register, s Strides, g int) VecVirtual {
	return f.add(f.load(s.gate(at["pre"], g)), f.load(s.gate(at["bias"], g)))
}

func (f *family) rnnForward() {
	f.kernel("rnnForward", "sets h and y to tanh(pre+bias).",
		[]string{"pre", "bias", "h", "y"},
		func(at map[string]Register, s Strides) {
			h := f.tanh(f.pre(at, s, 0))
			f.store(h, Mem{Base: at["h"]})
			f.store(h, Mem{Base: at["y"]})
		})
}

func (f *family) gruForward() {
	f.kernel("gruForward", "makes a step of GRU: pre and bias hold r, z, n of the input and n of the state; h and y become the new state, kept r, z, n and the state's n; next is where the next step is kept.",
		[]string{"pre", "bias", "h", "y", "kept", "next"},
		func(at map[string]Register, s Strides) {
			f.fetch(at["next"], s, 4)
			r := f.sigmoid(f.pre(at, s, 0))
			f.store(r, s.gate(at["kept"], 0))
			hn := f.pre(at, s, 3)
			f.store(hn, s.gate(at["kept"], 3))
			n := f.tanh(f.mulAdd(r, hn, f.pre(at, s, 2)))
			f.store(n, s.gate(at["kept"], 2))
			z := f.sigmoid(f.pre(at, s, 1))
			f.store(z, s.gate(at["kept"], 1))
			h := f.mulAdd(f.sub(f.load(Mem{Base: at["h"]}), n), z, n)
			f.store(h, Mem{Base: at["h"]})
			f.store(h, Mem{Base: at["y"]})
		})
}

func (f *family) lstmForward() {
	f.kernel("lstmForward", "makes a step of LSTM: pre and bias hold i, f, g, o; c is the cell, h and y become the new state, kept i, f, g, o and the new cell; next is where the next step is kept.",
		[]string{"pre", "bias", "c", "h", "y", "kept", "next"},
		func(at map[string]Register, s Strides) {
			f.fetch(at["next"], s, 5)
			in := f.sigmoid(f.pre(at, s, 0))
			f.store(in, s.gate(at["kept"], 0))
			g := f.tanh(f.pre(at, s, 2))
			f.store(g, s.gate(at["kept"], 2))
			in = f.mul(in, g)
			forget := f.sigmoid(f.pre(at, s, 1))
			f.store(forget, s.gate(at["kept"], 1))
			c := f.mulAdd(forget, f.load(Mem{Base: at["c"]}), in)
			f.store(c, Mem{Base: at["c"]})
			f.store(c, s.gate(at["kept"], 4))
			o := f.sigmoid(f.pre(at, s, 3))
			f.store(o, s.gate(at["kept"], 3))
			h := f.mul(o, f.tanh(c))
			f.store(h, Mem{Base: at["h"]})
			f.store(h, Mem{Base: at["y"]})
		})
}
