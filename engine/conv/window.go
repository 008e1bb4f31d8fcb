package conv

// A window is the box of positions of x that a piece of work reads. Where it reaches beyond x, it is copied, with
// zeros for what lies outside, into scratch space; else x is read in place. Both are addressed alike.
type window struct {
	in       [3]int // positions of x
	size     [3]int // positions of the box; those of x where it is read in place
	channels int
	copied   bool
	steady   bool // all boxes begin at the same position of a line: the zeros at both ends, once there, stay
}

// reach returns, for one axis of the phases, the lowest position that outputs lo <= o < hi see, and one beyond the
// highest. Both are 0 where none sees any.
func reach(phases []phase, axis, lo, hi int) (from, to int) {
	first := true
	for i := range phases {
		ph := &phases[i]
		a := &ph.axis[axis]
		t0, t1 := a.below(lo), a.below(hi)
		if ph.taps() == 0 || t0 == t1 {
			continue
		}
		f, t := t0*a.stride+a.from, (t1-1)*a.stride+a.from+(a.taps-1)*a.dilation+1
		if first {
			from, to, first = f, t, false
		}
		from, to = min(from, f), max(to, t)
	}
	return from, to
}

// newWindow returns the window that is large enough for every piece of band outputs.
func newWindow(s Shape, phases []phase, out, band [3]int) window {
	w := window{in: s.In, channels: s.Cin, steady: band[2] == out[2]}
	for i := range 3 {
		for o := 0; o < out[i]; o += band[i] {
			from, to := reach(phases, i, o, min(out[i], o+band[i]))
			w.size[i] = max(w.size[i], to-from)
			w.copied = w.copied || from < 0 || to > s.In[i]
		}
	}
	if !w.copied {
		w.size = s.In
	}
	return w
}

// len is how many floats the scratch space needs.
func (w *window) len() int {
	if !w.copied {
		return 0
	}
	return volume(w.size) * w.channels
}

// pitch is the distance, in floats, between neighbours along each axis.
func (w *window) pitch() [3]int {
	return [3]int{w.size[1] * w.size[2] * w.channels, w.size[2] * w.channels, w.channels}
}

// fill copies the box of the image that begins at the position from and ends before to into scratch, which was zero
// when it was new.
func (w *window) fill(scratch, image []float32, from, to [3]int) {
	line := w.size[2] * w.channels
	left, right := max(0, -from[2]), min(w.in[2], to[2])-from[2]
	for d := from[0]; d < to[0]; d++ {
		for h := from[1]; h < to[1]; h++ {
			dst := scratch[((d-from[0])*w.size[1]+h-from[1])*line:][:(to[2]-from[2])*w.channels]
			if d < 0 || d >= w.in[0] || h < 0 || h >= w.in[1] || right <= left {
				clear(dst)
				continue
			}
			src := ((d*w.in[1]+h)*w.in[2] + from[2] + left) * w.channels
			copy(dst[left*w.channels:right*w.channels], image[src:])
			if !w.steady {
				clear(dst[:left*w.channels])
				clear(dst[right*w.channels:])
			}
		}
	}
}
