package segment

import (
	"context"
	"math"

	"galen.dev/imaging/augment"
	"galen.dev/imaging/plan"
	"galen.dev/imaging/tile"
	"galen.dev/nn"
)

// patches is the source of training batches: patches of prepared cases, drawn with foreground in a third of each batch
// and varied. A batch depends on seed, epoch and index alone.
type patches struct {
	reader   *preparedReader
	cases    []int // entries of the reader
	tiles    []tile.Case
	sampler  tile.Sampler
	settings augment.Settings // zero for validation
	vary     bool
	margin   [3]int // what a patch is read larger on each side, so that turned corners are filled
	planes   bool
	batches  int
	seed     uint64
}

// foreground is nnU-Net's share of patches that hold a class for certain.
const foreground = .33

func newPatches(r *preparedReader, cases []int, c *plan.Configuration, batches int, seed uint64, vary bool) *patches {
	s := &patches{
		reader: r, cases: cases, batches: batches, seed: seed, vary: vary, planes: len(c.Patch) == 2,
		sampler: tile.Sampler{Patch: c.Patch3(), Batch: c.Batch, Foreground: foreground},
	}
	for _, i := range cases {
		s.tiles = append(s.tiles, tile.Case{Dims: r.Entries[i].Dims, Classes: r.Entries[i].Class})
	}
	if !vary {
		return s
	}
	patch := c.Patch3()
	if s.planes {
		s.settings = augment.NNUNet2D([2]int{patch[1], patch[2]})
	} else {
		s.settings = augment.NNUNet3D(patch)
	}
	s.margin = margins(patch, s.settings)
	return s
}

// smallestScale bounds how much larger a patch is read because images are shrunk: nnU-Net leaves corners of the
// smallest scales black rather than read twice the voxels.
const smallestScale = .85

// margins is what rotation and scale may bring into a patch from outside, half on each side.
func margins(patch [3]int, s augment.Settings) (m [3]int) {
	need := [3]float64{float64(patch[0]), float64(patch[1]), float64(patch[2])}
	size := need
	for axis, r := range s.Rotation.Degrees {
		if s.Rotation.Probability == 0 || r.High == 0 && r.Low == 0 {
			continue
		}
		angle := min(max(math.Abs(r.Low), math.Abs(r.High)), 90) * math.Pi / 180
		a, b := (axis+1)%3, (axis+2)%3
		sin, cos := math.Sin(angle), math.Cos(angle)
		need[a] = max(need[a], size[a]*cos+size[b]*sin)
		need[b] = max(need[b], size[b]*cos+size[a]*sin)
	}
	for a := range m {
		if patch[a] > 1 {
			m[a] = int(math.Ceil((need[a]/smallestScale - size[a]) / 2))
		}
	}
	return m
}

func (s *patches) Batches() int { return s.batches }

// Next makes one batch.
func (s *patches) Next(ctx context.Context, epoch, at int) (*nn.Batch, error) {
	p, n, ch := s.sampler.Patch, s.sampler.Batch, s.reader.Channels
	voxels := p[0] * p[1] * p[2]
	dims := []int{n, p[0], p[1], p[2]}
	if s.planes {
		dims = []int{n, p[1], p[2]}
	}
	b := &nn.Batch{IDs: make([]int, n)}
	images, labels := make([]float32, n*voxels*ch), make([]int32, n*voxels)
	for k := range n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		draw := (epoch*s.batches+at)*n + k
		pick := s.sampler.Pick(s.seed, draw, s.tiles)
		b.IDs[k] = s.cases[pick.Case]
		values, classes, err := s.load(s.cases[pick.Case], pick.From, uint64(draw))
		if err != nil {
			return nil, err
		}
		copy(images[k*voxels*ch:], values)
		for i, c := range classes {
			labels[k*voxels+i] = int32(c)
		}
	}
	b.Inputs = []nn.Array{{Dims: append(append([]int{}, dims...), ch), Floats: images}}
	b.Targets = []nn.Array{{Dims: dims, Ints: labels}}
	return b, nil
}

// load reads a patch and varies it.
func (s *patches) load(entry int, from [3]int, draw uint64) ([]float32, []uint8, error) {
	size, ch := s.sampler.Patch, s.reader.Channels
	if !s.vary {
		values, classes := make([]float32, size[0]*size[1]*size[2]*ch), make([]uint8, size[0]*size[1]*size[2])
		return values, classes, s.reader.patch(entry, from, size, values, classes)
	}
	big := size
	for a := range big {
		big[a] += 2 * s.margin[a]
	}
	o := s.settings
	o.Size = size
	shape := []int{big[0], big[1], big[2], ch}
	if s.planes {
		shape = shape[1:]
	}
	p := augment.Draw(s.seed^draw*0x9e3779b97f4a7c15, o, shape)
	if stays(p) { // only mirrored, if that: the margin would be read in vain
		big = size
		p.From, p.To, p.Shift = size, size, [3]float64{}
	}
	for a := range from {
		from[a] -= (big[a] - size[a]) / 2
	}
	values, classes := make([]float32, big[0]*big[1]*big[2]*ch), make([]uint8, big[0]*big[1]*big[2])
	if err := s.reader.patch(entry, from, big, values, classes); err != nil {
		return nil, nil, err
	}
	values, classes = augment.Apply(p, values, classes)
	return values, classes, nil
}

// stays says whether a movement is a mirroring at most.
func stays(p augment.Parameters) bool {
	for a, row := range p.Matrix {
		for b, v := range row {
			if a != b && v != 0 || a == b && v != 0 && math.Abs(v) != 1 {
				return false
			}
		}
	}
	return p.Elastic == nil
}
