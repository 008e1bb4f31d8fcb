//go:build !amd64

package rnn

func rnnForward(pre, bias, h, y []float32) { rnnForwardPortable(pre, bias, h, y) }

func gruForward(pre, bias, h, y, kept, _ []float32) { gruForwardPortable(pre, bias, h, y, kept) }

func lstmForward(pre, bias, c, h, y, kept, _ []float32) {
	lstmForwardPortable(pre, bias, c, h, y, kept)
}

func rnnBackward(y, dy, dh, d, db []float32) { rnnBackwardPortable(y, dy, dh, d, db) }

func gruBackward(kept, h, dy, dh, d, db, _, _ []float32) { gruBackwardPortable(kept, h, dy, dh, d, db) }

func lstmBackward(kept, c, dy, dh, dc, d, db, _, _ []float32) {
	lstmBackwardPortable(kept, c, dy, dh, dc, d, db)
}
