//go:build avo

package main

import (
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// give stores the gradient of gate g before its nonlinearity, and adds it to the bias's.
func (f *family) give(at map[string]Register, s Strides, g int, d VecVirtual) {
	f.store(d, s.gate(at["d"], g))
	f.store(f.add(d, f.load(s.gate(at["db"], g))), s.gate(at["db"], g))
}

// arriving is the gradient of the state: from later steps and from the output.
func (f *family) arriving(at map[string]Register) VecVirtual {
	return f.add(f.load(Mem{Base: at["dh"]}), f.load(Mem{Base: at["dy"]}))
}

// slope is x - x², the derivative of the sigmoid whose value is x.
func (f *family) slope(x VecVirtual) VecVirtual { return f.fromMul(x, x, x) }

func (f *family) rnnBackward() {
	f.kernel("rnnBackward", "takes dh and dy through y = tanh(…) to d, adds d to db and clears dh.",
		[]string{"y", "dy", "dh", "d", "db"},
		func(at map[string]Register, s Strides) {
			t, y := f.arriving(at), f.load(Mem{Base: at["y"]})
			f.give(at, s, 0, f.fromMul(t, t, f.mul(y, y)))
			f.store(f.zero(), Mem{Base: at["dh"]})
		})
}

func (f *family) gruBackward() {
	f.kernel("gruBackward", "takes dh and dy through a step of GRU whose former state was h: d becomes the gradients of r, z, n and the state's n, which are added to db; dh becomes what reaches the former state beside the product. next and nextD are where the step before is kept and goes.",
		[]string{"kept", "h", "dy", "dh", "d", "db", "next", "nextD"},
		func(at map[string]Register, s Strides) {
			f.fetch(at["next"], s, 4)
			f.fetch(at["nextD"], s, 4)
			t := f.arriving(at)
			z, n := f.load(s.gate(at["kept"], 1)), f.load(s.gate(at["kept"], 2))
			f.store(f.mul(t, z), Mem{Base: at["dh"]})
			dz := f.mul(f.mul(t, f.sub(f.load(Mem{Base: at["h"]}), n)), f.slope(z))
			f.give(at, s, 1, dz)
			dn := f.fromMul(t, t, z)
			dn = f.fromMul(dn, dn, f.mul(n, n))
			f.give(at, s, 2, dn)
			r := f.load(s.gate(at["kept"], 0))
			f.give(at, s, 3, f.mul(dn, r))
			f.give(at, s, 0, f.mul(f.mul(dn, f.load(s.gate(at["kept"], 3))), f.slope(r)))
		})
}

func (f *family) lstmBackward() {
	f.kernel("lstmBackward", "takes dh, dy and dc through a step of LSTM whose former cell was c: d becomes the gradients of i, f, g, o, which are added to db; dh is cleared, dc becomes that of the former cell. next and nextD are where the step before is kept and goes.",
		[]string{"kept", "c", "dy", "dh", "dc", "d", "db", "next", "nextD"},
		func(at map[string]Register, s Strides) {
			f.fetch(at["next"], s, 5)
			f.fetch(at["nextD"], s, 4)
			t := f.arriving(at)
			tc, o := f.tanh(f.load(s.gate(at["kept"], 4))), f.load(s.gate(at["kept"], 3))
			f.give(at, s, 3, f.mul(f.mul(t, tc), f.slope(o)))
			t = f.mul(t, o)
			dc := f.add(f.load(Mem{Base: at["dc"]}), f.fromMul(t, t, f.mul(tc, tc)))
			f.store(f.zero(), Mem{Base: at["dh"]})
			forget := f.load(s.gate(at["kept"], 1))
			f.store(f.mul(dc, forget), Mem{Base: at["dc"]})
			f.give(at, s, 1, f.mul(f.mul(dc, f.load(Mem{Base: at["c"]})), f.slope(forget)))
			in, g := f.load(s.gate(at["kept"], 0)), f.load(s.gate(at["kept"], 2))
			f.give(at, s, 0, f.mul(f.mul(dc, g), f.slope(in)))
			f.give(at, s, 2, f.mul(f.fromMul(dc, dc, f.mul(g, g)), in))
		})
}
