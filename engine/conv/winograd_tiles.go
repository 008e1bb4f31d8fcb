package conv

import "galen.dev/engine/tile"

// A tiling cuts y into tiles of 2 × 2 outputs along the height and the width, counted row by row over all planes of all
// images, and leads the transforms through x and y. The last tiles of a plane of odd size are not whole.
type tiling struct {
	shape      Shape
	out        [3]int
	rows, cols int // of tiles in a plane of y
	all        int // tile rows in all planes
	zeros      []float32
}

func newTiling(s Shape) tiling {
	t := tiling{shape: s, out: s.Out()}
	t.rows, t.cols = (t.out[1]+1)/2, (t.out[2]+1)/2
	t.all = s.N * t.out[0] * t.rows
	t.zeros = make([]float32, s.In[2]*s.Cin)
	return t
}

// position is the row of y at which a tile row begins.
func (t *tiling) position(row int) int {
	return (row/t.rows*t.out[1] + 2*(row%t.rows)) * t.out[2]
}

// input transforms what n tiles from the tile first on see of x. dst[p·plane+i·ld:] begins with the number p of tile i,
// for each tap along the depth and in it each input channel.
func (t *tiling) input(dst []float32, plane, ld int, x []float32, first, n int) {
	s := t.shape
	line := s.In[2] * s.Cin
	for n > 0 {
		row, col := first/t.cols, first%t.cols
		count := min(n, t.cols-col)
		image, d, h := row/t.rows/t.out[0], row/t.rows%t.out[0], 2*(row%t.rows)-s.PadLow[1]
		for tap := range s.Kernel[0] {
			// Lines outside of x are zeros.
			lines := [4][]float32{t.zeros, t.zeros, t.zeros, t.zeros}
			if d := d*s.Stride[0] + tap*s.Dilation[0] - s.PadLow[0]; d >= 0 && d < s.In[0] {
				for i := range lines {
					if h := h + i; h >= 0 && h < s.In[1] {
						lines[i] = x[((image*s.In[0]+d)*s.In[1]+h)*line:][:line]
					}
				}
			}
			t.inputLine(dst[tap*s.Cin:], plane, ld, &lines, col, count)
		}
		dst, first, n = dst[min(len(dst), count*ld):], first+count, n-count
	}
}

// inputLine transforms count tiles of a tile row, from the column col on, which see four lines.
func (t *tiling) inputLine(dst []float32, plane, ld int, lines *[4][]float32, col, count int) {
	s := t.shape
	var src [16]*float32
	for i := 0; i < count; {
		at, run := 2*(col+i)-s.PadLow[2], 1
		if at >= 0 && at+4 <= s.In[2] {
			run = min(count-i, (s.In[2]-at-4)/2+1) // all of these lie inside
		}
		for r, line := range lines {
			for k := range 4 {
				src[4*r+k] = &t.zeros[0]
				if at+k >= 0 && at+k < s.In[2] {
					src[4*r+k] = &line[(at+k)*s.Cin]
				}
			}
		}
		winogradInput(&dst[i*ld], plane, ld, &src, 2*s.Cin, run, s.Cin)
		i += run
	}
}

// output transforms the products of n tiles, from the tile first on, to the channels co <= c < co+cols of y. The
// products are panels as wide as those of the weights, plane apart.
func (t *tiling) output(product []float32, plane int, y []float32, first, n, co, cols int) {
	channels := t.shape.Cout
	var dst [4]*float32
	for n > 0 {
		row, col := first/t.cols, first%t.cols
		// The last tile of a line of odd length goes alone.
		count := min(n, t.cols-col)
		right, below := channels, t.out[2]*channels
		if 2*(col+count) > t.out[2] {
			count = max(1, count-1)
			if 2*(col+count) > t.out[2] {
				right = 0
			}
		}
		if 2*(row%t.rows)+1 == t.out[1] {
			below = 0
		}
		from := (t.position(row)+2*col)*channels + co
		dst[0], dst[1] = &y[from], &y[from+right]
		dst[2], dst[3] = &y[from+below], &y[from+below+right]
		winogradOutput(&dst, 2*channels, &product[0], plane, tile.Width, count, cols)
		product, first, n = product[count*tile.Width:], first+count, n-count
	}
}
