package pool

import (
	"math/rand/v2"
	"testing"
)

var (
	basicDims = []int{64, 28, 28, 32}
	basicAxes = []Axis{{}, {Size: 2}, {Size: 2}}
	stemDims  = []int{16, 112, 112, 64}
	stemAxes  = []Axis{{}, {Size: 3, Stride: 2, Before: 1, After: 1}, {Size: 3, Stride: 2, Before: 1, After: 1}}
)

func benchReduce(b *testing.B, op Op, dims []int, axes []Axis) {
	x := draw[float32](rand.New(rand.NewPCG(1, 2)), product(dims), false)
	dst := make([]float32, product(Result(dims, axes)))
	p := NewReduce[float32](op, dims, axes)
	b.SetBytes(int64(4 * (len(x) + len(dst))))
	for b.Loop() {
		p.Run(dst, x)
	}
}

func benchSelect(b *testing.B, dims []int, axes []Axis) {
	x := draw[float32](rand.New(rand.NewPCG(1, 2)), product(dims), false)
	grad := make([]float32, product(Result(dims, axes)))
	dst := make([]float32, len(x))
	p := NewSelect[float32](Max, dims, axes)
	b.SetBytes(int64(4 * (2*len(x) + len(grad))))
	for b.Loop() {
		p.Run(dst, x, grad)
	}
}

func BenchmarkMax2x2(b *testing.B)         { benchReduce(b, Max, basicDims, basicAxes) }
func BenchmarkMax2x2Gradient(b *testing.B) { benchSelect(b, basicDims, basicAxes) }
func BenchmarkMax3x3(b *testing.B)         { benchReduce(b, Max, stemDims, stemAxes) }
func BenchmarkMax3x3Gradient(b *testing.B) { benchSelect(b, stemDims, stemAxes) }

func BenchmarkGlobalAverage(b *testing.B) {
	benchReduce(b, Sum, []int{32, 4, 4, 512}, []Axis{{}, {Size: 4}, {Size: 4}})
}

func BenchmarkSpread2x2(b *testing.B) {
	p := NewSpread[float32](basicDims, basicAxes)
	grad, dst := make([]float32, p.in), make([]float32, p.out)
	b.SetBytes(int64(4 * (p.in + p.out)))
	for b.Loop() {
		p.Run(dst, grad)
	}
}

func BenchmarkChannelsFirst2x2(b *testing.B) {
	benchReduce(b, Max, []int{64, 32, 28, 28}, []Axis{{}, {}, {Size: 2}, {Size: 2}})
}
