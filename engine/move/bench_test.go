package move

import (
	"math/rand/v2"
	"testing"
)

func benchTranspose(b *testing.B, dims, permutation []int) {
	x := random(rand.New(rand.NewPCG(1, 1)), Float32, dims...)
	dst := make([]byte, len(x.data))
	p := NewTranspose(4, dims, permutation)
	b.SetBytes(int64(2 * len(x.data)))
	for b.Loop() {
		p.Run(dst, x.data)
	}
}

func BenchmarkTransposeSquare2048(b *testing.B) { benchTranspose(b, []int{2048, 2048}, []int{1, 0}) }

func BenchmarkTransposeToChannelsLast(b *testing.B) {
	benchTranspose(b, []int{64, 64, 56, 56}, []int{0, 2, 3, 1})
}

func BenchmarkTransposeToChannelsFirst(b *testing.B) {
	benchTranspose(b, []int{64, 56, 56, 64}, []int{0, 3, 1, 2})
}

func BenchmarkCopy(b *testing.B) { benchTranspose(b, []int{64, 64, 56, 56}, []int{0, 1, 2, 3}) }

const benchRows, benchWidth, benchTable = 50000, 128, 20000

func benchIndices() []int64 {
	r := rand.New(rand.NewPCG(2, 2))
	rows := make([]int64, benchRows)
	for i := range rows {
		rows[i] = int64(r.IntN(benchTable))
	}
	return rows
}

func BenchmarkGatherRows(b *testing.B) {
	rows := benchIndices()
	table, dst := make([]byte, benchTable*benchWidth*4), make([]byte, benchRows*benchWidth*4)
	p := NewGather(4, GatherShape{[]int{benchTable, benchWidth}, []int{benchRows, 1}, Int64, 1, []int{1}, []int{0}, []int{0}, []int{1, benchWidth}})
	b.SetBytes(int64(2 * len(dst)))
	for b.Loop() {
		p.Run(dst, table, Bytes(rows))
	}
}

func BenchmarkScatterRows(b *testing.B) {
	rows := benchIndices()
	table, updates := make([]byte, benchTable*benchWidth*4), make([]byte, benchRows*benchWidth*4)
	p := NewScatter(Sum, Float32, ScatterShape{[]int{benchTable, benchWidth}, []int{benchRows, 1}, []int{benchRows, benchWidth}, Int64, 1, []int{1}, []int{0}, []int{0}})
	b.SetBytes(int64(3 * len(updates)))
	for b.Loop() {
		p.Run(table, table, Bytes(rows), updates)
	}
}

func BenchmarkSort1M(b *testing.B) {
	r := rand.New(rand.NewPCG(2, 2))
	x := make([]float32, 1_000_000)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	dst, order := make([]float32, len(x)), make([]int32, len(x))
	p := NewSortKeys(Float32, []int{len(x)}, 0, false)
	for b.Loop() {
		p.Run(Bytes(dst), Bytes(x), order)
	}
}

func BenchmarkSortRows(b *testing.B) {
	r := rand.New(rand.NewPCG(2, 2))
	x := make([]float32, 1_000_000)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	dst, order := make([]float32, len(x)), make([]int32, len(x))
	p := NewSortKeys(Float32, []int{1000, 1000}, 1, false)
	for b.Loop() {
		p.Run(Bytes(dst), Bytes(x), order)
	}
}

func BenchmarkTopK(b *testing.B) {
	x := random(rand.New(rand.NewPCG(2, 2)), Int32, 1000, 1000)
	order := make([]int32, 5*1000)
	p := NewTopK(Int32, x.dims, 1, 5)
	for b.Loop() {
		p.Run(order, x.data)
	}
}

func BenchmarkRandom10M(b *testing.B) {
	dst := make([]byte, 40_000_000)
	p := NewRandomBits(len(dst))
	b.SetBytes(int64(len(dst)))
	for b.Loop() {
		p.Run(dst, RandomState{1, 2, 3})
	}
}

func BenchmarkArgMax(b *testing.B) {
	x := random(rand.New(rand.NewPCG(2, 2)), Float32, 1000, 1000)
	dst := make([]byte, 8000)
	p := NewArgMinMax(Float32, Int64, x.dims, 1, false)
	b.SetBytes(4_000_000)
	for b.Loop() {
		p.Run(dst, x.data)
	}
}

func BenchmarkToBFloat16(b *testing.B) {
	x := random(rand.New(rand.NewPCG(2, 2)), Float32, 1_000_000)
	dst := make([]byte, 2_000_000)
	p := NewConvert(BFloat16, Float32, 1_000_000)
	b.SetBytes(6_000_000)
	for b.Loop() {
		p.Run(dst, x.data)
	}
}

func BenchmarkPad(b *testing.B) {
	x := random(rand.New(rand.NewPCG(2, 2)), Float32, 32, 56, 56, 64)
	p := NewPad(4, x.dims, Padding{}, Padding{1, 1, 0}, Padding{1, 1, 0})
	dst := make([]byte, p.dstBytes)
	b.SetBytes(int64(len(dst) + len(x.data)))
	for b.Loop() {
		p.Run(dst, x.data, make([]byte, 4))
	}
}
