package explain

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"

	"galen.dev/fault"
)

// Attribution is one case's explanation: Base + ΣPhi = Value.
type Attribution struct {
	Base  float64   `json:"base"` // mean prediction over the background
	Phi   []float64 `json:"phi"`  // contribution of each feature, in the units of the prediction
	Value float64   `json:"value"`
	SE    []float64 `json:"se,omitempty"` // standard error of each contribution, where it was sampled
}

// MaxExact is the most features for which Exact will enumerate all coalitions.
const MaxExact = 12

// Game returns the Shapley values of a game of n players: phi[i] is the mean of v(S+i) − v(S) over all orders
// in which the players may arrive. Bit i of a coalition is player i. It panics if n is over 20.
func Game(n int, v func(coalition uint32) float64) []float64 {
	if n > 20 {
		panic("explain: too many players")
	}
	value := make([]float64, 1<<n)
	for s := range value {
		value[s] = v(uint32(s))
	}
	return gameOf(n, value)
}

func gameOf(n int, value []float64) []float64 {
	// weight[k] = k! (n-k-1)! / n!, the share of orders in which a player comes after k given others.
	weight := make([]float64, n)
	for k := range weight {
		weight[k] = 1 / float64(n)
		for i := 1; i <= k; i++ {
			weight[k] *= float64(i) / float64(n-i)
		}
	}
	phi := make([]float64, n)
	for i := range phi {
		for s := range value {
			if s>>i&1 == 0 {
				phi[i] += weight[bits.OnesCount32(uint32(s))] * (value[s|1<<i] - value[s])
			}
		}
	}
	return phi
}

// Exact returns the interventional Shapley values of a case: a coalition's value is the mean prediction with
// its features taken from the case and the others from each row of the background. The cost is 2^features
// times the background's rows; more than MaxExact features are refused.
func Exact(ctx context.Context, f Predict, x []float64, background [][]float64) (*Attribution, error) {
	p, rows := len(x), rowsOf(background)
	if len(background) != p {
		panic("explain: length mismatch")
	}
	if p > MaxExact || rows == 0 {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "exact Shapley values of %d features over %d background rows", p, rows),
			"at most %d features and at least one row; use Sample for more features", MaxExact)
	}
	value := make([]float64, 1<<p)
	b, row := newBatch(f, p), make([]float64, p)
	for s := range value {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for i := range rows {
			for j := range row {
				if s>>j&1 == 1 {
					row[j] = x[j]
				} else {
					row[j] = background[j][i]
				}
			}
			b.add(row, func(v float64) { value[s] += v })
		}
	}
	b.flush()
	for s := range value {
		value[s] /= float64(rows)
	}
	return &Attribution{Base: value[0], Phi: gameOf(p, value), Value: value[len(value)-1]}, nil
}

// SampleOptions tune Sample.
type SampleOptions struct {
	Orders int    // pairs of an order and its reverse; 0 = 200: standard errors near 5 % of a contribution's spread
	Seed   uint64 // draws orders
}

// Sample estimates the values that Exact computes, for any number of features, by drawing orders of arrival
// (Štrumbelj and Kononenko 2014). Each order is walked forwards and backwards, which cancels much of the
// noise, and the background's rows are taken in turn. The contributions add up to Value exactly, with Base the
// mean prediction over the background rows that were used; that is all of them where Orders is a multiple.
// The cost is 2·Orders·(features+1) predictions.
func Sample(ctx context.Context, f Predict, x []float64, background [][]float64, o SampleOptions) (*Attribution, error) {
	p, rows := len(x), rowsOf(background)
	if len(background) != p {
		panic("explain: length mismatch")
	}
	if rows == 0 || p == 0 {
		return nil, fault.Errorf(fault.Usage, "Shapley values of %d features over %d background rows", p, rows)
	}
	if o.Orders == 0 {
		o.Orders = 200
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0x5a11))
	inTurn := rng.Perm(rows)
	w := &walk{b: newBatch(f, p), row: make([]float64, p), x: x, value: make([]float64, 2*(p+1))}
	a := &Attribution{Phi: make([]float64, p), SE: make([]float64, p)}
	squares := make([]float64, p)
	for m := range o.Orders {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		order := rng.Perm(p)
		w.run(order, background, inTurn[m%rows])
		a.Base += w.value[0]
		a.Value = w.value[p]
		for k, j := range order {
			// The reverse walk adds the features from the end of the order.
			d := (w.value[k+1] - w.value[k] + w.value[p+1+p-k] - w.value[p+p-k]) / 2
			a.Phi[j] += d
			squares[j] += d * d
		}
	}
	n := float64(o.Orders)
	a.Base /= n
	for j := range a.Phi {
		a.Phi[j] /= n
		if n > 1 {
			a.SE[j] = math.Sqrt(max(squares[j]/n-a.Phi[j]*a.Phi[j], 0) / (n - 1))
		}
	}
	return a, nil
}

// walk predicts along one order of arrival and along its reverse.
type walk struct {
	b      *batch
	row, x []float64
	value  []float64
}

func (w *walk) run(order []int, background [][]float64, i int) {
	at := 0
	step := func() {
		to := at
		w.b.add(w.row, func(v float64) { w.value[to] = v })
		at++
	}
	rowOf(w.row, background, i)
	step()
	for _, j := range order {
		w.row[j] = w.x[j]
		step()
	}
	rowOf(w.row, background, i)
	step()
	for k := len(order) - 1; k >= 0; k-- {
		w.row[order[k]] = w.x[order[k]]
		step()
	}
	w.b.flush()
}
