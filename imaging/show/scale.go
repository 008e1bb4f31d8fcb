package show

import (
	"math"

	"galen.dev/volume"
)

// values are a slice of one value per pixel, row by row.
type values struct {
	w, h int
	at   []float64
}

// cut reads a slice of a frame through f.
func cut(o orientation, g volume.Geometry, index int, f func(voxel int) float64) values {
	v := values{at: make([]float64, g.Dims[o.right]*g.Dims[o.down])}
	v.w, v.h = o.places(g, index, func(pixel, voxel int) { v.at[pixel] = f(voxel) })
	return v
}

// tap is an input pixel with its weight in an output pixel.
type tap struct {
	at     int
	weight float64
}

// taps says, for each of out pixels, from which of in pixels it comes: linear where the picture is enlarged, the mean of
// the area where it is made smaller, and the nearest one where squares are wanted.
func taps(in, out int, nearest bool) [][]tap {
	t := make([][]tap, out)
	ratio := float64(in) / float64(out)
	for i := range t {
		switch center := float64((float64(i)+.5)*ratio) - .5; {
		case nearest:
			t[i] = []tap{{min(max(int(math.Round(center)), 0), in-1), 1}}
		case ratio <= 1:
			low := math.Floor(center)
			part := center - low
			a, b := min(max(int(low), 0), in-1), min(max(int(low)+1, 0), in-1)
			t[i] = []tap{{a, 1 - part}, {b, part}}
		default:
			from, to := float64(float64(i)*ratio), float64(float64(i+1)*ratio)
			for k := int(from); k < in && float64(k) < to; k++ {
				if w := min(to, float64(k+1)) - max(from, float64(k)); w > 0 {
					t[i] = append(t[i], tap{k, float64(w / ratio)})
				}
			}
		}
	}
	return t
}

// scaled is the slice in another size. Products are rounded apart from sums, so that machines that can do both at once
// give the same pixels.
func (v values) scaled(w, h int, nearest bool) values {
	across, down := taps(v.w, w, nearest), taps(v.h, h, nearest)
	rows := make([]float64, w*v.h)
	for y := range v.h {
		for x, ts := range across {
			sum := 0.0
			for _, t := range ts {
				sum += float64(t.weight * v.at[y*v.w+t.at])
			}
			rows[y*w+x] = sum
		}
	}
	out := values{w, h, make([]float64, w*h)}
	for y, ts := range down {
		for x := range w {
			sum := 0.0
			for _, t := range ts {
				sum += float64(t.weight * rows[t.at*w+x])
			}
			out.at[y*w+x] = sum
		}
	}
	return out
}

// size is how many pixels a slice takes: its proportions are those in millimetres.
func size(o orientation, g volume.Geometry, longest int) (w, h int) {
	if longest == 0 {
		longest = DefaultSize
	}
	s := g.Spacing()
	across, down := float64(g.Dims[o.right])*s[o.right], float64(g.Dims[o.down])*s[o.down]
	scale := float64(longest) / max(across, down)
	return max(1, int(math.Round(across*scale))), max(1, int(math.Round(down*scale)))
}
