package gemm

import (
	"fmt"
	"strings"
	"testing"
)

// The shapes that bench/gemm_peer.py runs with PyTorch: products of recurrences, networks and large squares, and
// the two gradients of each. The name is M x K x N, then t after a transposed operand.
var benchmarks = []Shape{
	{M: 1024, K: 1024, N: 1024},
	{M: 1024, K: 1024, N: 1024, TransB: true},
	{M: 1024, K: 1024, N: 1024, TransA: true},
	{M: 32768, K: 576, N: 64},
	{M: 12544, K: 288, N: 64},
	{M: 64, K: 128, N: 512},
	{M: 64, K: 512, N: 128, TransB: true},
	{M: 128, K: 64, N: 512, TransA: true},
	{M: 64, K: 76, N: 512},
	{M: 3072, K: 76, N: 512},
	{M: 3072, K: 512, N: 76, TransB: true},
	{M: 76, K: 3072, N: 512, TransA: true},
	{M: 128, K: 3072, N: 512, TransA: true},
	{M: 256, K: 64, N: 256},
	{M: 256, K: 256, N: 64, TransB: true},
	{M: 64, K: 256, N: 256, TransA: true},
	{M: 256, K: 256, N: 256},
	{M: 256, K: 256, N: 256, TransB: true},
	{M: 256, K: 256, N: 256, TransA: true},
	{M: 64, K: 3136, N: 128},
	{M: 64, K: 128, N: 3136, TransB: true},
	{M: 3136, K: 64, N: 128, TransA: true},
	{M: 64, K: 128, N: 10},
	{M: 128, K: 64, N: 10, TransA: true},
	{M: 64, K: 10, N: 128, TransB: true},
	{M: 64, K: 100000, N: 64},
	{M: 64, K: 100000, N: 64, TransA: true},
	{M: 1, K: 512, N: 2048},
	{M: 1, K: 2048, N: 512, TransB: true},
	{M: 4, K: 512, N: 2048},
	{M: 4, K: 2048, N: 512, TransB: true},
	{M: 4096, K: 256, N: 1},
	{M: 256, K: 4096, N: 1, TransA: true},
	{M: 4096, K: 256, N: 4},
	{M: 256, K: 4096, N: 4, TransA: true},
	{Batch: 96, M: 64, K: 32, N: 64, TransB: true},
	{Batch: 96, M: 64, K: 64, N: 32},
	{Batch: 2000, M: 8, K: 8, N: 8},
}

func title(s Shape) string {
	name := fmt.Sprintf("%dx%dx%d", s.M, s.K, s.N)
	if s.Batch > 1 {
		name = fmt.Sprintf("%d*%s", s.Batch, name)
	}
	if s.TransA || s.TransB {
		name += "-"
	}
	name += strings.Repeat("At", number(s.TransA)) + strings.Repeat("Bt", number(s.TransB))
	return name
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range benchmarks {
		b.Run(title(s), func(b *testing.B) {
			batch := max(1, s.Batch)
			x, y, z := aligned(batch*s.M*s.K), aligned(batch*s.K*s.N), aligned(batch*s.M*s.N)
			for i := range x {
				x[i] = float32(i%7) - 3
			}
			for i := range y {
				y[i] = float32(i%5) - 2
			}
			p := New(s, nil)
			for b.Loop() {
				p.Run(x, y, z)
			}
			flops := 2 * float64(batch) * float64(s.M) * float64(s.N) * float64(s.K)
			b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
