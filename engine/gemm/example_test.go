package gemm_test

import (
	"fmt"

	"galen.dev/engine/gemm"
)

// A dense layer: y = x·w + bias, the bias added while the rows of y are in cache.
func ExampleNew() {
	x := []float32{1, 2, 3, 4, 5, 6} // 2 × 3
	w := []float32{1, 0, 0, 1, 1, 1} // 3 × 2
	bias := []float32{10, 20}
	y := make([]float32, 2*2)
	plan := gemm.New(gemm.Shape{M: 2, K: 3, N: 2}, func(_, row0, row1 int) {
		for i := row0; i < row1; i++ {
			for j := range bias {
				y[2*i+j] += bias[j]
			}
		}
	})
	plan.Run(x, w, y)
	fmt.Println(y)
	// Output: [14 25 20 31]
}
