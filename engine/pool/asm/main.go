//go:build avo

// Command asm writes the assembly of package pool, for AVX2 and AVX-512. kernel.go in package pool says what the
// kernels compute.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Predicates of VCMPPS: quiet, false where a NaN is compared, but for unordered.
const (
	unordered = 3
	less      = 17
	greater   = 30
)

func main() {
	tailMasks()
	for _, f := range []*family{avx2, avx512} {
		for _, op := range []string{"sum", "product", "max", "min"} {
			window(f, op)
		}
		for _, op := range []string{"Max", "Min"} {
			selection(f, "select", op)
			selection(f, "add", op)
		}
	}
	Generate()
}

var masks Mem

// tailMasks is eight lanes of ones before eight of zeros: masks for the last lanes of AVX2 begin within.
func tailMasks() {
	masks = GLOBL("tailMasks", RODATA|NOPTR)
	for i := range 16 {
		v := uint32(0xffffffff)
		if i >= 8 {
			v = 0
		}
		DATA(4*i, U32(v))
	}
}

// family is a set of instructions.
type family struct {
	name  string
	lanes int
	wide  bool // AVX-512
}

var (
	avx2   = &family{"AVX2", 8, false}
	avx512 = &family{"AVX512", 16, true}
)

func (f *family) vector() reg.VecVirtual {
	if f.wide {
		return ZMM()
	}
	return YMM()
}

// tail is the mask of the lanes that exist; nil means all.
type tail struct {
	k reg.OpmaskVirtual
	v reg.VecVirtual
}

// tailOf makes the mask of the lowest rem lanes.
func (f *family) tailOf(rem reg.GPVirtual) *tail {
	if f.wide {
		bits := GP64()
		MOVQ(I32(-1), bits)
		BZHIQ(rem, bits, bits)
		k := K()
		KMOVW(bits.As32(), k)
		return &tail{k: k}
	}
	at, n := GP64(), GP64()
	LEAQ(masks, at)
	MOVQ(rem, n)
	NEGQ(n)
	v := YMM()
	VMOVUPS(Mem{Base: at, Disp: 32, Index: n, Scale: 4}, v)
	return &tail{v: v}
}

func (f *family) load(m Mem, t *tail, v reg.VecVirtual) {
	switch {
	case t == nil:
		VMOVUPS(m, v)
	case f.wide:
		VMOVUPS_Z(m, t.k, v)
	default:
		VMASKMOVPS(m, t.v, v)
	}
}

func (f *family) store(v reg.VecVirtual, t *tail, m Mem) {
	switch {
	case t == nil:
		VMOVUPS(v, m)
	case f.wide:
		VMOVUPS(v, t.k, m)
	default:
		VMASKMOVPS(v, t.v, m)
	}
}

// combine sets acc to op(acc, x). Of equal elements acc stays; a NaN in either stays, x's before acc's.
func (f *family) combine(op string, x, acc reg.VecVirtual) {
	switch op {
	case "sum":
		VADDPS(x, acc, acc)
		return
	case "product":
		VMULPS(x, acc, acc)
		return
	case "max":
		VMAXPS(acc, x, acc) // the second source, acc, where they are equal or unordered
	case "min":
		VMINPS(acc, x, acc)
	}
	if f.wide {
		k := K()
		VCMPPS(Imm(unordered), x, x, k)
		VMOVAPS(x, k, acc)
		return
	}
	nan := YMM()
	VCMPPS(Imm(unordered), x, x, nan)
	VBLENDVPS(nan, x, acc, acc)
}

// window writes a kernel that reduces windows: blocks of four vectors of channels, of one, and the rest.
func window(f *family, op string) {
	name := op + f.name
	TEXT(name, NOSPLIT, "func(dst, src *float32, offsets *int, taps, count, dstStep, srcStep, channels int)")
	Doc(name + " is a windowKernel.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	offsets := Load(Param("offsets"), GP64())
	taps := Load(Param("taps"), GP64())
	count := Load(Param("count"), GP64())
	d, s, rem, i, at := GP64(), GP64(), GP64(), GP64(), GP64()

	Label("position")
	MOVQ(dst, d)
	MOVQ(src, s)
	Load(Param("channels"), rem)
	block := func(label, next string, vectors int, t *tail) {
		acc := make([]reg.VecVirtual, vectors)
		MOVQ(Mem{Base: offsets}, at)
		for v := range acc {
			acc[v] = f.vector()
			f.load(Mem{Base: s, Index: at, Scale: 4, Disp: 4 * f.lanes * v}, t, acc[v])
		}
		MOVQ(U32(1), i)
		Label(label + "Tap")
		CMPQ(i, taps)
		JGE(LabelRef(label + "Done"))
		MOVQ(Mem{Base: offsets, Index: i, Scale: 8}, at)
		for v := range acc {
			x := f.vector()
			f.load(Mem{Base: s, Index: at, Scale: 4, Disp: 4 * f.lanes * v}, t, x)
			f.combine(op, x, acc[v])
		}
		INCQ(i)
		JMP(LabelRef(label + "Tap"))
		Label(label + "Done")
		for v := range acc {
			f.store(acc[v], t, Mem{Base: d, Disp: 4 * f.lanes * v})
		}
		if t == nil {
			ADDQ(U32(uint32(4*f.lanes*vectors)), d)
			ADDQ(U32(uint32(4*f.lanes*vectors)), s)
			SUBQ(U32(uint32(f.lanes*vectors)), rem)
			JMP(LabelRef(next))
		}
	}
	Label("four")
	CMPQ(rem, U32(uint32(4*f.lanes)))
	JLT(LabelRef("two"))
	block("four", "four", 4, nil)
	Label("two")
	CMPQ(rem, U32(uint32(2*f.lanes)))
	JLT(LabelRef("one"))
	block("two", "two", 2, nil)
	Label("one")
	CMPQ(rem, U32(uint32(f.lanes)))
	JLT(LabelRef("rest"))
	block("one", "one", 1, nil)
	Label("rest")
	TESTQ(rem, rem)
	JZ(LabelRef("next"))
	block("rest", "", 1, f.tailOf(rem))
	Label("next")
	step := GP64()
	Load(Param("dstStep"), step)
	ADDQ(step, dst)
	Load(Param("srcStep"), step)
	ADDQ(step, src)
	DECQ(count)
	JNZ(LabelRef("position"))
	VZEROUPPER()
	RET()
}

// selection writes a kernel that finds which element of each window was selected, in a first pass over its elements,
// and in a second gives it the gradient: by storing it, and zero elsewhere, or by adding it.
func selection(f *family, how, op string) {
	name := how + op + f.name
	TEXT(name, NOSPLIT, "func(dst, x, grad *float32, offsets *int, taps, count, step, gradStep, channels int)")
	Doc(name + " is a selectKernel.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("x"), GP64())
	grad := Load(Param("grad"), GP64())
	offsets := Load(Param("offsets"), GP64())
	taps := Load(Param("taps"), GP64())
	d, s, g, rem, i, at := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	better := greater
	if op == "Min" {
		better = less
	}

	Label("position")
	MOVQ(dst, d)
	MOVQ(src, s)
	MOVQ(grad, g)
	Load(Param("channels"), rem)
	block := func(label string, t *tail) {
		best, chosen := f.vector(), f.vector()
		MOVQ(Mem{Base: offsets}, at)
		f.load(Mem{Base: s, Index: at, Scale: 4}, t, best)
		if f.wide {
			VPXORD(chosen, chosen, chosen)
		} else {
			VPXOR(chosen, chosen, chosen)
		}
		MOVQ(U32(1), i)
		Label(label + "Find")
		CMPQ(i, taps)
		JGE(LabelRef(label + "Found"))
		MOVQ(Mem{Base: offsets, Index: i, Scale: 8}, at)
		x, number := f.vector(), f.number(i)
		f.load(Mem{Base: s, Index: at, Scale: 4}, t, x)
		if f.wide {
			wins, nan := K(), K()
			VCMPPS(Imm(uint64(better)), best, x, wins)
			VCMPPS(Imm(unordered), x, x, nan)
			KORW(wins, nan, wins)
			VMOVAPS(x, wins, best)
			VMOVDQA32(number, wins, chosen)
		} else {
			wins, nan := YMM(), YMM()
			VCMPPS(Imm(uint64(better)), best, x, wins)
			VCMPPS(Imm(unordered), x, x, nan)
			VORPS(wins, nan, wins)
			VBLENDVPS(wins, x, best, best)
			VBLENDVPS(wins, number, chosen, chosen)
		}
		INCQ(i)
		JMP(LabelRef(label + "Find"))
		Label(label + "Found")
		v := f.vector()
		f.load(Mem{Base: g}, t, v)
		XORQ(i, i)
		Label(label + "Give")
		MOVQ(Mem{Base: offsets, Index: i, Scale: 8}, at)
		number = f.number(i)
		given := f.vector()
		place := Mem{Base: d, Index: at, Scale: 4}
		if f.wide {
			this := K()
			VPCMPEQD(number, chosen, this)
			VMOVAPS_Z(v, this, given)
		} else {
			this := YMM()
			VPCMPEQD(number, chosen, this)
			VANDPS(this, v, given)
		}
		if how == "add" {
			old := f.vector()
			f.load(place, t, old)
			VADDPS(old, given, given)
		}
		f.store(given, t, place)
		INCQ(i)
		CMPQ(i, taps)
		JLT(LabelRef(label + "Give"))
	}
	Label("one")
	CMPQ(rem, U32(uint32(f.lanes)))
	JLT(LabelRef("rest"))
	block("one", nil)
	for _, p := range []reg.GPVirtual{d, s, g} {
		ADDQ(U32(uint32(4*f.lanes)), p)
	}
	SUBQ(U32(uint32(f.lanes)), rem)
	JMP(LabelRef("one"))
	Label("rest")
	TESTQ(rem, rem)
	JZ(LabelRef("next"))
	block("rest", f.tailOf(rem))
	Label("next")
	step := GP64()
	Load(Param("step"), step)
	ADDQ(step, dst)
	ADDQ(step, src)
	Load(Param("gradStep"), step)
	ADDQ(step, grad)
	count, err := Param("count").Resolve()
	if err != nil {
		panic(err)
	}

	DECQ(count.Addr)
	JNZ(LabelRef("position"))
	VZEROUPPER()
	RET()
}

// number is i in every lane.
func (f *family) number(i reg.GPVirtual) reg.VecVirtual {
	v := f.vector()
	if f.wide {
		VPBROADCASTD(i.As32(), v)
		return v
	}
	x := XMM()
	VMOVD(i.As32(), x)
	VPBROADCASTD(x, v)
	return v
}
