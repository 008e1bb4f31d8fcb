package segment

import (
	"math"

	"galen.dev/imaging/plan"
	"galen.dev/internal/cpu"
)

// restorer brings logits from the prepared grid back to the image: resampled to the image's spacing, the likeliest
// class of each voxel, moved out of the crop and into the image's own order of axes. It takes planes as they are
// finished, so that no volume of logits is ever held: one plane beyond those given, and the result.
type restorer struct {
	back    plan.Back
	out     int       // classes
	dims    [3]int    // of the cropped, transposed image: depth, height, width
	axes    [3][]step // where each of its planes, rows, columns lies on the prepared grid
	stride  [3]int    // in the result
	origin  int       // of the crop in the result
	next    int       // the next plane of the image to write
	last    []float32 // the last plane of logits that was given
	lastZ   int
	scratch [][]float32 // of each thread

	classes            []uint8
	foreground, inside []float32
	sums               []float64 // probability of the voxels of each class
	counts             []int64
}

// step says between which two places of the prepared grid a place lies: (1-share) of low and share of high.
type step struct {
	low, high int
	share     float32
}

// steps maps n places of an axis to in places of the same extent.
func steps(n, in int, nearest bool) []step {
	out := make([]step, n)
	for i := range out {
		at := (float64(i)+.5)*float64(in)/float64(n) - .5
		if nearest {
			k := min(max(int(math.Floor(at+.5)), 0), in-1)
			out[i] = step{low: k, high: k}
			continue
		}
		at = min(max(at, 0), float64(in-1))
		k := min(int(at), in-1)
		out[i] = step{low: k, high: min(k+1, in-1), share: float32(at - float64(k))}
		if out[i].share == 0 {
			out[i].high = k
		}
	}
	return out
}

func newRestorer(b plan.Back, out int, probabilities bool) *restorer {
	size := b.Box.Dims()
	r := &restorer{back: b, out: out, dims: [3]int{size[2], size[1], size[0]}, lastZ: -1}
	for a := range 3 {
		r.axes[a] = steps(r.dims[a], b.Dims[a], a == b.Coarse)
	}
	d := b.Geometry.Dims
	memory := [3]int{1, d[0], d[0] * d[1]} // of the image's axes x, y, z
	for a := range 3 {
		axis := b.Order[2-a] // the image's axis that is the transposed image's a-th, counting from depth
		r.stride[a] = memory[axis]
		r.origin += b.Box.From[2-a] * memory[axis]
	}
	n := d[0] * d[1] * d[2]
	r.classes = make([]uint8, n)
	if probabilities {
		r.foreground, r.inside = make([]float32, n), make([]float32, n)
	}
	r.scratch = make([][]float32, cpu.Threads())
	r.sums, r.counts = make([]float64, out), make([]int64, out)
	return r
}

// add takes the planes from..to of the prepared grid, in order, and writes every plane of the image that they complete.
func (r *restorer) add(from, to int, logits []float32) {
	plane := r.back.Dims[1] * r.back.Dims[2] * r.out
	at := func(z int) []float32 {
		if z >= from {
			return logits[(z-from)*plane:][:plane]
		}
		return r.last
	}
	for ; r.next < r.dims[0] && r.axes[0][r.next].high < to; r.next++ {
		s := r.axes[0][r.next]
		r.write(r.next, at(s.low), at(s.high), s.share)
	}
	r.last = append(r.last[:0], logits[(to-1-from)*plane:][:plane]...)
	r.lastZ = to - 1
}

// tallies of one row.
type rowTally struct {
	sums   []float64
	counts []int64
}

// write makes one plane of the image from two of logits.
func (r *restorer) write(z int, low, high []float32, share float32) {
	rows := make([]rowTally, r.dims[1])
	width, out := r.back.Dims[2], r.out
	direct := r.dims[2] == width
	cpu.Do(r.dims[1], func(worker, y int) {
		if r.scratch[worker] == nil {
			r.scratch[worker] = make([]float32, (width+r.dims[2])*out)
		}
		row := r.scratch[worker][:width*out]
		s := r.axes[1][y]
		blend(row, low[s.low*width*out:], low[s.high*width*out:], high[s.low*width*out:], high[s.high*width*out:], s.share, share)
		fine := row
		if !direct {
			fine = r.scratch[worker][width*out:][:r.dims[2]*out]
			for x, s := range r.axes[2] {
				a, b, to := row[s.low*out:][:out], row[s.high*out:][:out], fine[x*out:][:out]
				for k := range to {
					to[k] = a[k] + (b[k]-a[k])*s.share
				}
			}
		}
		rows[y] = r.decide(r.origin+z*r.stride[0]+y*r.stride[1], fine)
	})
	for i := range rows { // in order, so that the sums do not depend on threads
		for k := range rows[i].sums {
			r.sums[k] += rows[i].sums[k]
			r.counts[k] += rows[i].counts[k]
		}
	}
}

// blend interpolates a row between two rows of two planes.
func blend(row, lowA, lowB, highA, highB []float32, rowShare, planeShare float32) {
	n := len(row)
	lowA, lowB, highA, highB = lowA[:n], lowB[:n], highA[:n], highB[:n]
	switch {
	case rowShare == 0 && planeShare == 0:
		copy(row, lowA)
	case planeShare == 0:
		for i := range row {
			row[i] = lowA[i] + (lowB[i]-lowA[i])*rowShare
		}
	case rowShare == 0:
		for i := range row {
			row[i] = lowA[i] + (highA[i]-lowA[i])*planeShare
		}
	default:
		for i := range row {
			a := lowA[i] + (lowB[i]-lowA[i])*rowShare
			b := highA[i] + (highB[i]-highA[i])*rowShare
			row[i] = a + (b-a)*planeShare
		}
	}
}

// decide writes the classes of a row of voxels.
func (r *restorer) decide(at int, logits []float32) (t rowTally) {
	out, stride := r.out, r.stride[2]
	for x := 0; x < r.dims[2]; x++ {
		v := logits[x*out:][:out]
		k := argmax(v)
		i := at + x*stride
		if k > 0 {
			r.classes[i] = uint8(k)
		}
		if k == 0 && r.foreground == nil {
			continue
		}
		if r.foreground != nil || k > 0 {
			total, first := 0., math.Exp(float64(v[0]-v[k]))
			for _, l := range v {
				total += math.Exp(float64(l - v[k]))
			}
			if r.foreground != nil {
				r.foreground[i] = float32(1 - first/total)
				r.inside[i] = float32(math.Exp(float64(v[1]-v[k])) / total)
			}
			if k > 0 {
				if t.sums == nil {
					t.sums, t.counts = make([]float64, out), make([]int64, out)
				}
				t.sums[k] += 1 / total
				t.counts[k]++
			}
		}
	}
	return t
}

// confidence is the mean probability of each class over its voxels; NaN where it has none.
func (r *restorer) confidence() []float64 {
	out := make([]float64, r.out)
	for k := range out {
		out[k] = r.sums[k] / float64(r.counts[k])
	}
	return out
}
