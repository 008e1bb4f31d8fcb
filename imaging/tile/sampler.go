package tile

import (
	"math"
	"math/rand/v2"
	"slices"

	"galen.dev/fault"
)

// Class is where one label lies in a case: voxels of it as indices into the row-major grid.
type Class struct {
	Label  uint16 `json:"label"`
	Voxels []int  `json:"voxels"`
}

// Locate lists the voxels of every label but background 0, in ascending order of labels, at most most of each,
// drawn without preference and ascending; most 0 stands for nnU-Net's 10000. Label ignore is left out as well;
// 0 leaves out nothing more. The seed decides the draw.
func Locate[L ~uint8 | ~uint16](labels []L, ignore L, most int, seed uint64) []Class {
	if most == 0 {
		most = 10000
	}
	rng := rand.New(rand.NewPCG(seed, 64))
	found := map[L]*reservoir{}
	for i, l := range labels {
		if l == 0 || l == ignore {
			continue
		}
		r := found[l]
		if r == nil {
			r = &reservoir{}
			found[l] = r
		}
		r.offer(i, most, rng)
	}
	var out []Class
	for l, r := range found {
		slices.Sort(r.kept)
		out = append(out, Class{uint16(l), r.kept})
	}
	slices.SortFunc(out, func(a, b Class) int { return int(a.Label) - int(b.Label) })
	return out
}

// reservoir keeps a fair sample of a stream (Vitter 1985, algorithm R).
type reservoir struct {
	kept []int
	seen int
}

func (r *reservoir) offer(v, most int, rng *rand.Rand) {
	r.seen++
	if len(r.kept) < most {
		r.kept = append(r.kept, v)
	} else if j := rng.IntN(r.seen); j < most {
		r.kept[j] = v
	}
}

// Case is what sampling needs of a training case.
type Case struct {
	Dims    [3]int
	Classes []Class // of Locate
}

// Sampler draws patches for training, with foreground in a share of every batch: nnU-Net's answer to lesions
// that a fair draw would hardly ever meet. Every draw is a function of seed and index alone, so that loaders may
// work in any order on any number of threads.
type Sampler struct {
	Patch [3]int
	Batch int // patches to a batch; 0 = 1

	// Foreground is the share of a batch that holds foreground for certain, 0 to 1: item i of a batch is forced
	// where i >= round(Batch * (1 - Foreground)). nnU-Net's .33 forces one of two. 0 forces none.
	Foreground float64
}

// Pick is one drawn patch. From may be negative, or reach beyond the image, where the image is smaller than the
// patch: Cut pads.
type Pick struct {
	Case   int    `json:"case"`
	From   [3]int `json:"from"`
	Forced bool   `json:"forced"`          // to hold foreground; false also where the case has none
	Label  uint16 `json:"label,omitempty"` // the class it was forced to hold
}

// Check returns a usage error for settings out of bounds.
func (s Sampler) Check() error {
	if min(s.Patch[0], s.Patch[1], s.Patch[2]) < 1 || s.Batch < 0 || !(s.Foreground >= 0 && s.Foreground <= 1) {
		return fault.Errorf(fault.Usage, "sampling patches: patch %v, batch %d or foreground %g is out of bounds", s.Patch, s.Batch, s.Foreground)
	}
	return nil
}

// Pick draws patch index of a training run: the case, then the class among those it has, then a voxel of the
// class, about which the patch is laid and moved inside the image. Patches that are not forced lie anywhere.
// It panics where there are no cases.
func (s Sampler) Pick(seed uint64, index int, cases []Case) Pick {
	rng := rand.New(rand.NewPCG(seed, 1<<32+uint64(index)))
	out := Pick{Case: rng.IntN(len(cases))}
	c := cases[out.Case]
	batch := max(s.Batch, 1)
	forced := index%batch >= int(math.RoundToEven(float64(batch)*(1-s.Foreground)))
	classes := slices.DeleteFunc(slices.Clone(c.Classes), func(c Class) bool { return len(c.Voxels) == 0 })
	if !forced || len(classes) == 0 {
		for axis, n := range c.Dims {
			out.From[axis] = between(n, s.Patch[axis], rng.IntN(max(1, n-s.Patch[axis]+1)))
		}
		return out
	}
	class := classes[rng.IntN(len(classes))]
	v := class.Voxels[rng.IntN(len(class.Voxels))]
	out.Forced, out.Label = true, class.Label
	at := [3]int{v / (c.Dims[1] * c.Dims[2]), v / c.Dims[2] % c.Dims[1], v % c.Dims[2]}
	for axis, n := range c.Dims {
		out.From[axis] = between(n, s.Patch[axis], at[axis]-s.Patch[axis]/2)
	}
	return out
}

// between moves a start inside an axis; an axis smaller than the patch lies in its middle.
func between(n, patch, start int) int {
	if n <= patch {
		return -((patch - n) / 2)
	}
	return max(0, min(start, n-patch))
}
