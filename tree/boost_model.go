package tree

// Boost is a fitted boosting model. It is safe for concurrent use.
type Boost struct {
	loss    Loss
	classes int
	base    []float64 // margin before the first tree, per output
	ens     *ensemble

	// History is the mean loss on Valid after each round, also of those past the best; nil without Valid.
	// It is not part of the model's bytes.
	History []float64
}

// Outputs is the number of margins of a row: Classes for Softmax, else 1.
func (b *Boost) Outputs() int { return b.ens.outputs }

// Features is the number of features of a row.
func (b *Boost) Features() int { return b.ens.features }

// Loss is the loss the model was fitted with.
func (b *Boost) Loss() Loss { return b.loss }

// Classes is the number of classes, or 0 for regression.
func (b *Boost) Classes() int { return b.classes }

// Rounds is the number of rounds kept.
func (b *Boost) Rounds() int { return b.ens.trees() / b.ens.outputs }

// Importance sums gains and counts of splits by feature.
func (b *Boost) Importance() Importance { return b.ens.importance() }

// Margin is the sum of the trees for one row: the value itself for regression, the log odds of class 1 for
// Logistic, one value a class for Softmax.
func (b *Boost) Margin(x []float64) []float64 {
	out := append([]float64(nil), b.base...)
	b.ens.sum(x, out)
	return out
}

// MarginColumns gives margins of many rows as out[output][row].
func (b *Boost) MarginColumns(x [][]float64) [][]float64 {
	n := rowCount(x, b.ens.features)
	out := make([][]float64, b.ens.outputs)
	for k := range out {
		out[k] = make([]float64, n)
		fill(out[k], b.base[k])
	}
	b.ens.sumColumns(x, out)
	return out
}

// Predict gives the value for regression, the probability of class 1 for Logistic, or the probability of
// each class for Softmax.
func (b *Boost) Predict(x []float64) []float64 {
	out := b.Margin(x)
	b.respond(out)
	return out
}

// PredictColumns predicts many rows as out[output][row]; the same bits as Predict.
func (b *Boost) PredictColumns(x [][]float64) [][]float64 {
	out := b.MarginColumns(x)
	if b.loss != Logistic && b.loss != Softmax {
		return out
	}
	chunks(len(out[0]), func(_, from, to int) {
		row := make([]float64, len(out))
		for i := from; i < to; i++ {
			for k := range out {
				row[k] = out[k][i]
			}
			b.respond(row)
			for k := range out {
				out[k][i] = row[k]
			}
		}
	})
	return out
}

// respond turns margins into predictions in place.
func (b *Boost) respond(m []float64) {
	switch b.loss {
	case Logistic:
		m[0] = sigmoid(m[0])
	case Softmax:
		softmaxInPlace(m)
	}
}
