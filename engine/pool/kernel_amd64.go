package pool

import "galen.dev/internal/cpu"

//go:generate go run -tags avo ./asm -out pool_amd64.s -stubs pool_amd64.go -pkg pool

// windowKernelFor is the assembly for this machine, or nil.
func windowKernelFor(op Op) windowKernel {
	switch cpu.Level() {
	case cpu.AVX512:
		return [...]windowKernel{Sum: sumAVX512, Product: productAVX512, Max: maxAVX512, Min: minAVX512}[op]
	case cpu.AVX2:
		return [...]windowKernel{Sum: sumAVX2, Product: productAVX2, Max: maxAVX2, Min: minAVX2}[op]
	}
	return nil
}

// selectKernelFor is the assembly for this machine, or nil.
func selectKernelFor(op Op, add bool) selectKernel {
	kernels := [3][2][2]selectKernel{
		cpu.AVX2:   {{selectMaxAVX2, selectMinAVX2}, {addMaxAVX2, addMinAVX2}},
		cpu.AVX512: {{selectMaxAVX512, selectMinAVX512}, {addMaxAVX512, addMinAVX512}},
	}
	adds := 0
	if add {
		adds = 1
	}
	return kernels[cpu.Level()][adds][op-Max]
}
