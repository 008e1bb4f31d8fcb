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
