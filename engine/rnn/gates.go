package rnn

import "math"

// One step of one row, unit by unit, in plain Go. The assembly does the same for a register of units at a time.
// Sums, biases, kept numbers and gradients hold one gate after the other, each as long as the state.

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

func tanh(x float32) float32 { return float32(math.Tanh(float64(x))) }

func rnnForwardPortable(pre, bias, h, y []float32) {
	for i := range h {
		h[i] = tanh(pre[i] + bias[i])
		y[i] = h[i]
	}
}

func gruForwardPortable(pre, bias, h, y, kept []float32) {
	u := len(h)
	for i := range h {
		r := sigmoid(pre[i] + bias[i])
		z := sigmoid(pre[u+i] + bias[u+i])
		hn := pre[3*u+i] + bias[3*u+i]
		n := tanh(pre[2*u+i] + bias[2*u+i] + r*hn)
		kept[i], kept[u+i], kept[2*u+i], kept[3*u+i] = r, z, n, hn
		h[i] = (h[i]-n)*z + n
		y[i] = h[i]
	}
}

func lstmForwardPortable(pre, bias, c, h, y, kept []float32) {
	u := len(h)
	for i := range h {
		in := sigmoid(pre[i] + bias[i])
		forget := sigmoid(pre[u+i] + bias[u+i])
		g := tanh(pre[2*u+i] + bias[2*u+i])
		o := sigmoid(pre[3*u+i] + bias[3*u+i])
		c[i] = forget*c[i] + in*g
		kept[i], kept[u+i], kept[2*u+i], kept[3*u+i], kept[4*u+i] = in, forget, g, o, c[i]
		h[i] = o * tanh(c[i])
		y[i] = h[i]
	}
}

func rnnBackwardPortable(y, dy, dh, d, db []float32) {
	for i := range dh {
		t := dh[i] + dy[i]
		d[i] = t * (1 - y[i]*y[i])
		db[i] += d[i]
		dh[i] = 0
	}
}

func gruBackwardPortable(kept, h, dy, dh, d, db []float32) {
	u := len(dh)
	for i := range dh {
		r, z, n, hn := kept[i], kept[u+i], kept[2*u+i], kept[3*u+i]
		t := dh[i] + dy[i]
		dh[i] = t * z
		dz := t * (h[i] - n) * (z - z*z)
		dn := t * (1 - z) * (1 - n*n)
		dr := dn * hn * (r - r*r)
		d[i], d[u+i], d[2*u+i], d[3*u+i] = dr, dz, dn, dn*r
		db[i] += dr
		db[u+i] += dz
		db[2*u+i] += dn
		db[3*u+i] += dn * r
	}
}

func lstmBackwardPortable(kept, c, dy, dh, dc, d, db []float32) {
	u := len(dh)
	for i := range dh {
		in, forget, g, o, tc := kept[i], kept[u+i], kept[2*u+i], kept[3*u+i], tanh(kept[4*u+i])
		t := dh[i] + dy[i]
		dh[i] = 0
		do := t * tc * (o - o*o)
		cell := dc[i] + t*o*(1-tc*tc)
		dc[i] = cell * forget
		di := cell * g * (in - in*in)
		df := cell * c[i] * (forget - forget*forget)
		dg := cell * in * (1 - g*g)
		d[i], d[u+i], d[2*u+i], d[3*u+i] = di, df, dg, do
		db[i] += di
		db[u+i] += df
		db[2*u+i] += dg
		db[3*u+i] += do
	}
}
