package conv

import "unsafe"

//go:generate go run -tags avo ./asm -out kernel_amd64.s -stubs kernel_amd64.go -pkg conv

// A depthTap says where a tap of a depthwise convolution lies: x is read, and the weight or its gradient found, so
// many floats behind their bases.
type depthTap struct{ x, w int }

// A depthSeg is a run of positions: k rows of x and dy, from x and dy floats behind their bases.
type depthSeg struct{ x, dy, k int }

// What one call of the kernels below may compute.
const (
	depthRows = 8
	depthTaps = 6
)

// at returns the address n floats behind p.
func at(p *float32, n int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), n*4)) }

// depthRowPortable computes y[i·ldy+j] = Σ over taps of x[i·ldx+tap.x+j] · w[tap.w+j] for i < rows and j < cols.
func depthRowPortable(y *float32, ldy int, x *float32, ldx int, w *float32, taps []depthTap, rows, cols int) {
	for i := range rows {
		out := unsafe.Slice(at(y, i*ldy), cols)
		clear(out)
		for _, t := range taps {
			from, weights := unsafe.Slice(at(x, i*ldx+t.x), cols), unsafe.Slice(at(w, t.w), cols)
			for j, v := range from {
				out[j] += v * weights[j]
			}
		}
	}
}

// depthColPortable computes sums[tap.w+j] = Σ over segments and k of x[seg.x+tap.x+k·ldx+j] · dy[seg.dy+k·ldy+j] for
// each tap and j < cols, or adds that to sums where add is set.
func depthColPortable(sums, x *float32, ldx int, dy *float32, ldy int, taps []depthTap, segs []depthSeg, cols int, add bool) {
	for _, t := range taps {
		out := unsafe.Slice(at(sums, t.w), cols)
		if !add {
			clear(out)
		}
		for _, s := range segs {
			for k := range s.k {
				from, grad := unsafe.Slice(at(x, s.x+t.x+k*ldx), cols), unsafe.Slice(at(dy, s.dy+k*ldy), cols)
				for j, v := range from {
					out[j] += v * grad[j]
				}
			}
		}
	}
}
