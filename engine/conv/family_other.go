//go:build !amd64

package conv

func depthRow(y *float32, ldy int, x *float32, ldx int, w *float32, taps []depthTap, rows, cols int) {
	depthRowPortable(y, ldy, x, ldx, w, taps, rows, cols)
}

func depthCol(sums, x *float32, ldx int, dy *float32, ldy int, taps []depthTap, segs []depthSeg, cols int, add bool) {
	depthColPortable(sums, x, ldx, dy, ldy, taps, segs, cols, add)
}
