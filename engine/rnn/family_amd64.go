package rnn

import "galen.dev/internal/cpu"

// The steps in the family that the machine runs. Slices are as long as the state, or hold so many for each gate.

func rnnForward(pre, bias, h, y []float32) {
	switch cpu.Level() {
	case cpu.AVX512:
		rnnForwardAVX512(len(h), &pre[0], &bias[0], &h[0], &y[0])
	case cpu.AVX2:
		rnnForwardAVX2(len(h), &pre[0], &bias[0], &h[0], &y[0])
	default:
		rnnForwardPortable(pre, bias, h, y)
	}
}

func gruForward(pre, bias, h, y, kept, next []float32) {
	switch cpu.Level() {
	case cpu.AVX512:
		gruForwardAVX512(len(h), &pre[0], &bias[0], &h[0], &y[0], &kept[0], &next[0])
	case cpu.AVX2:
		gruForwardAVX2(len(h), &pre[0], &bias[0], &h[0], &y[0], &kept[0], &next[0])
	default:
		gruForwardPortable(pre, bias, h, y, kept)
	}
}

func lstmForward(pre, bias, c, h, y, kept, next []float32) {
	switch cpu.Level() {
	case cpu.AVX512:
		lstmForwardAVX512(len(h), &pre[0], &bias[0], &c[0], &h[0], &y[0], &kept[0], &next[0])
	case cpu.AVX2:
		lstmForwardAVX2(len(h), &pre[0], &bias[0], &c[0], &h[0], &y[0], &kept[0], &next[0])
	default:
		lstmForwardPortable(pre, bias, c, h, y, kept)
	}
}

func rnnBackward(y, dy, dh, d, db []float32) {
	switch cpu.Level() {
	case cpu.AVX512:
		rnnBackwardAVX512(len(dh), &y[0], &dy[0], &dh[0], &d[0], &db[0])
	case cpu.AVX2:
		rnnBackwardAVX2(len(dh), &y[0], &dy[0], &dh[0], &d[0], &db[0])
	default:
		rnnBackwardPortable(y, dy, dh, d, db)
	}
}

func gruBackward(kept, h, dy, dh, d, db, next, nextD []float32) {
	switch cpu.Level() {
	case cpu.AVX512:
		gruBackwardAVX512(len(dh), &kept[0], &h[0], &dy[0], &dh[0], &d[0], &db[0], &next[0], &nextD[0])
	case cpu.AVX2:
		gruBackwardAVX2(len(dh), &kept[0], &h[0], &dy[0], &dh[0], &d[0], &db[0], &next[0], &nextD[0])
	default:
		gruBackwardPortable(kept, h, dy, dh, d, db)
	}
}

func lstmBackward(kept, c, dy, dh, dc, d, db, next, nextD []float32) {
	switch cpu.Level() {
	case cpu.AVX512:
		lstmBackwardAVX512(len(dh), &kept[0], &c[0], &dy[0], &dh[0], &dc[0], &d[0], &db[0], &next[0], &nextD[0])
	case cpu.AVX2:
		lstmBackwardAVX2(len(dh), &kept[0], &c[0], &dy[0], &dh[0], &dc[0], &d[0], &db[0], &next[0], &nextD[0])
	default:
		lstmBackwardPortable(kept, c, dy, dh, dc, d, db)
	}
}
