// Package vec holds the float32 loops that everything elementwise in the engine is made of: arithmetic,
// the functions of networks (exp, tanh, logistic, erf, GELU, ...), comparisons, selection, conversions and
// reductions, on contiguous slices.
//
// Every kernel exists three times: in plain Go, for AVX2 with FMA and for AVX-512 (written by the generator
// in asm). cpu.Level chooses at each call. The two assembly families give the same bits; plain Go gives the
// same bits for everything but the transcendental functions, which it computes through float64.
//
// Accuracy: arithmetic, Sqrt, Reciprocal and MulAdd are correctly rounded, Rsqrt is within 0.51 ulp, the
// transcendental functions are within 2 ulp of the exact value over all of float32, subnormal numbers,
// infinities and NaN included. (Worst seen: Expm1 1.6, Tanh 1.4, Exp 1.1, the others below 1.)
//
// Order of sums: a sum over n numbers has 64 partial sums, number i belongs to partial i mod 64, and the
// partials are added in halves (32, 16, 8, 4, 2, 1). The order is the same in all families.
//
// Rules that hold everywhere: slices have the same length unless told otherwise (a mismatch panics), the
// destination may be the very same slice as a source but not a shifted one, nothing is allocated, and nothing
// is read or written outside the slices. A mask is a []uint32 whose elements are 0 or all ones.
//
// Read arithmetic.go, function.go, mask.go, reduce.go; portable*.go are the references in plain Go.
package vec

func match(n int, lengths ...int) {
	for _, m := range lengths {
		if m != n {
			panic("vec: length mismatch")
		}
	}
}

//go:generate go run -tags avo ./asm -out kernel_amd64.s -stubs kernel_amd64.go -pkg vec
