package tree

import (
	"math"
	"testing"
)

// Predicting columns gives the bits of predicting row by row, for few rows and many, with and without categories,
// at the thresholds and at odd values.
func TestColumnsSameBits(t *testing.T) {
	for _, levels := range []int{0, 5} {
		for _, classes := range []int{0, 3} {
			m := makeTable(11, 700, 5, classes, levels, 0.1)
			odd := []float64{math.Inf(1), math.Inf(-1), math.NaN(), 0, math.Copysign(0, -1), -math.NaN(), 1e300}
			f := mustForest(t, m, nil, ForestParams{Classes: classes, Trees: 5, MinLeaf: 1, Categories: m.cats})
			b := mustBoost(t, m, nil, BoostParams{Loss: [...]Loss{Squared, 0, 0, Softmax}[classes], Classes: classes, Rounds: 9, Categories: m.cats})
			for i := range 600 {
				for k := range m.x {
					if n := &f.ens.nodes[(7*i+k)%len(f.ens.nodes)]; i%3 == 0 && n.feat&isLeaf == 0 && n.feat>>flagBits == uint32(k) {
						m.x[k][i] = n.value // exactly at a threshold
					} else if i%3 == 1 {
						m.x[k][i] = odd[(i+k)%len(odd)]
					}
				}
			}
			for _, rows := range []int{13, 700} {
				part := make([][]float64, len(m.x))
				for k := range part {
					part[k] = m.x[k][:rows]
				}
				pf, pb := f.PredictColumns(part), b.PredictColumns(part)
				for i := range rows {
					x := m.row(i)
					rf, rb := f.Predict(x), b.Predict(x)
					for k := range rf {
						if pf[k][i] != rf[k] || pb[k][i] != rb[k] {
							t.Fatalf("levels %d, classes %d, %d rows, row %d: other bits", levels, classes, rows, i)
						}
					}
				}
			}
		}
	}
}
