package tile

import (
	"fmt"
	"testing"

	"galen.dev/internal/cpu"
)

// The benchmarks report GFLOP/s and the share of the machine's peak.
func report(b *testing.B, peak float64, flops int) {
	rate := float64(flops) * float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate/1e9, "GFLOP/s")
	b.ReportMetric(rate/peak*100, "%peak")
}

func BenchmarkTile(b *testing.B) {
	for f := cpu.Portable; f <= cpu.Hardware(); f++ {
		defer cpu.Use(f)()
		peak := Peak()
		for _, shape := range [][3]int{{14, 32, 256}, {14, 16, 256}, {13, 32, 512}, {11, 32, 64}, {8, 32, 256}, {6, 32, 256}, {4, 32, 256}, {2, 32, 256}, {1, 32, 256}, {14, 32, 9}, {14, 12, 256}} {
			rows, cols, k := shape[0], shape[1], shape[2]
			x, y, z := make([]float32, 14*(k+16)), make([]float32, k*Width+16), make([]float32, 14*Width)
			b.Run(fmt.Sprintf("row/%v/%dx%dx%d", f, rows, cols, k), func(b *testing.B) {
				segs := []Seg{{0, k}}
				for b.Loop() {
					Row(&z[0], Width, &x[0], k+16, segs, &y[0], rows, cols, false)
				}
				report(b, peak, 2*rows*cols*k)
			})
			b.Run(fmt.Sprintf("col/%v/%dx%dx%d", f, rows, cols, k), func(b *testing.B) {
				segs := []ColSeg{{0, 0, k}}
				for b.Loop() {
					Col(&z[0], Width, &x[0], Lead, &y[0], Width, segs, rows, cols, false)
				}
				report(b, peak, 2*rows*cols*k)
			})
		}
	}
}

func BenchmarkPack(b *testing.B) {
	for f := cpu.Portable; f <= cpu.Hardware(); f++ {
		defer cpu.Use(f)()
		src, dst := make([]float32, 128*512), make([]float32, 128*512)
		b.Run(fmt.Sprintf("B/%v", f), func(b *testing.B) {
			b.SetBytes(4 * 128 * 512)
			for b.Loop() {
				PackB(dst, src, 512, 128, 512)
			}
		})
		b.Run(fmt.Sprintf("BT/%v", f), func(b *testing.B) {
			b.SetBytes(4 * 128 * 512)
			for b.Loop() {
				PackBT(dst, src, 128, 128, 512)
			}
		})
	}
}
