//go:build avo

// Command asm writes the assembly of package similar.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	avx512()
	avx2()
	Generate()
}

const signature = "func(dst []uint32, rows, query []uint64)"

// arguments loads what both kernels share: pointers, the number of rows, the bytes of a row.
func arguments() (dst, rows, query, n, stride reg.GPVirtual) {
	dst = Load(Param("dst").Base(), GP64()).(reg.GPVirtual)
	n = Load(Param("dst").Len(), GP64()).(reg.GPVirtual)
	rows = Load(Param("rows").Base(), GP64()).(reg.GPVirtual)
	query = Load(Param("query").Base(), GP64()).(reg.GPVirtual)
	stride = Load(Param("query").Len(), GP64()).(reg.GPVirtual)
	SHLQ(U8(3), stride)
	return dst, rows, query, n, stride
}

// avx512 counts 8 rows at a time with VPOPCNTQ: a register for each row, summed crosswise at the end.
func avx512() {
	TEXT("commonAVX512", NOSPLIT, signature)
	Pragma("noescape")
	Doc("commonAVX512 is common for AVX-512 with VPOPCNTDQ.")
	dst, rows, query, n, stride := arguments()
	rows3, rows6, next, k := GP64(), GP64(), GP64(), GP64()
	Label("eight")
	CMPQ(n, U8(8))
	JL(LabelRef("one"))
	LEAQ(Mem{Base: rows, Index: stride, Scale: 2}, rows3)
	ADDQ(stride, rows3)
	LEAQ(Mem{Base: rows3, Index: stride, Scale: 2}, rows6)
	ADDQ(stride, rows6)
	LEAQ(Mem{Base: rows, Index: stride, Scale: 8}, next)
	var sum [8]reg.VecVirtual
	for i := range sum {
		sum[i] = ZMM()
		VPXORQ(sum[i], sum[i], sum[i])
	}
	XORQ(k, k)
	Label("eightloop")
	q := ZMM()
	VMOVDQU64(Mem{Base: query, Index: k, Scale: 1}, q)
	for i := range sum {
		base := [3]reg.GPVirtual{rows, rows3, rows6}[i/3]
		m := Mem{Base: base}
		if i%3 > 0 {
			m.Index, m.Scale = stride, uint8(i%3)
		}
		v := ZMM()
		VPANDQ(m, q, v)
		VPOPCNTQ(v, v)
		VPADDQ(v, sum[i], sum[i])
	}
	ADDQ(U8(64), k)
	ADDQ(U8(64), rows)
	ADDQ(U8(64), rows3)
	ADDQ(U8(64), rows6)
	CMPQ(k, stride)
	JL(LabelRef("eightloop"))
	// Sums of two rows beside each other in each 128 bits, then quarters are added.
	var pair [4]reg.VecVirtual
	for i := range pair {
		pair[i] = ZMM()
		t := ZMM()
		VPUNPCKLQDQ(sum[2*i+1], sum[2*i], pair[i])
		VPUNPCKHQDQ(sum[2*i+1], sum[2*i], t)
		VPADDQ(t, pair[i], pair[i])
	}
	fold := func(a, b reg.VecVirtual) reg.VecVirtual {
		u, t := ZMM(), ZMM()
		VSHUFI64X2(U8(0x88), b, a, u)
		VSHUFI64X2(U8(0xdd), b, a, t)
		VPADDQ(t, u, u)
		return u
	}
	total := fold(fold(pair[0], pair[1]), fold(pair[2], pair[3]))
	narrow := YMM()
	VPMOVQD(total, narrow)
	VMOVDQU(narrow, Mem{Base: dst})
	ADDQ(U8(32), dst)
	MOVQ(next, rows)
	SUBQ(U8(8), n)
	JMP(LabelRef("eight"))

	Label("one")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	s := ZMM()
	VPXORQ(s, s, s)
	XORQ(k, k)
	Label("oneloop")
	v := ZMM()
	VMOVDQU64(Mem{Base: query, Index: k, Scale: 1}, v)
	VPANDQ(Mem{Base: rows, Index: k, Scale: 1}, v, v)
	VPOPCNTQ(v, v)
	VPADDQ(v, s, s)
	ADDQ(U8(64), k)
	CMPQ(k, stride)
	JL(LabelRef("oneloop"))
	half := YMM()
	VEXTRACTI64X4(U8(1), s, half)
	VPADDQ(half, s.AsY(), half)
	store(half, dst)
	ADDQ(stride, rows)
	ADDQ(U8(4), dst)
	DECQ(n)
	JMP(LabelRef("one"))
	Label("done")
	VZEROUPPER()
	RET()
}

// store adds four sums of 64 bits and writes 32.
func store(v reg.VecVirtual, dst reg.GPVirtual) {
	x, t := XMM(), XMM()
	VEXTRACTI128(U8(1), v, x)
	VPADDQ(v.AsX(), x, x)
	VPSHUFD(U8(0xee), x, t)
	VPADDQ(t, x, x)
	VMOVD(x, Mem{Base: dst})
}

// avx2 looks up the bits of each half byte (W. Muła), 64 bytes at a time.
func avx2() {
	table := GLOBL("nibbles", RODATA|NOPTR)
	for i := range 32 {
		n := 0
		for b := i % 16; b > 0; b >>= 1 {
			n += b & 1
		}
		DATA(i, U8(n))
	}
	low := GLOBL("lowNibbles", RODATA|NOPTR)
	for i := range 32 {
		DATA(i, U8(15))
	}
	TEXT("commonAVX2", NOSPLIT, signature)
	Pragma("noescape")
	Doc("commonAVX2 is common for AVX2.")
	dst, rows, query, n, stride := arguments()
	k := GP64()
	lookup, mask, zero := YMM(), YMM(), YMM()
	VMOVDQU(table, lookup)
	VMOVDQU(low, mask)
	VPXOR(zero, zero, zero)
	Label("row")
	TESTQ(n, n)
	JZ(LabelRef("done2"))
	sum := YMM()
	VPXOR(sum, sum, sum)
	XORQ(k, k)
	Label("rowloop")
	var bytes reg.VecVirtual
	for i := range 2 {
		v, t := YMM(), YMM()
		VMOVDQU(Mem{Base: query, Index: k, Scale: 1, Disp: 32 * i}, v)
		VPAND(Mem{Base: rows, Index: k, Scale: 1, Disp: 32 * i}, v, v)
		VPSRLW(U8(4), v, t)
		VPAND(mask, v, v)
		VPAND(mask, t, t)
		VPSHUFB(v, lookup, v)
		VPSHUFB(t, lookup, t)
		VPADDB(t, v, v)
		if i == 0 {
			bytes = v
		} else {
			VPADDB(v, bytes, bytes)
		}
	}
	VPSADBW(zero, bytes, bytes)
	VPADDQ(bytes, sum, sum)
	ADDQ(U8(64), k)
	CMPQ(k, stride)
	JL(LabelRef("rowloop"))
	store(sum, dst)
	ADDQ(stride, rows)
	ADDQ(U8(4), dst)
	DECQ(n)
	JMP(LabelRef("row"))
	Label("done2")
	VZEROUPPER()
	RET()
}
