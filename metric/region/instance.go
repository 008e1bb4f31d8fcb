package region

import (
	"cmp"
	"slices"

	"galen.dev/internal/cpu"
	"galen.dev/volume"
)

// Number is the type of a voxel's instance; 0 is background, and all voxels with one number are one instance.
type Number interface{ ~uint8 | ~uint16 | ~uint32 }

// Instances are the lesions, nuclei or other countable things of two masks, and how far each of one overlaps each of
// the other.
type Instances struct {
	voxelML   float64
	pred, ref []int // voxels of each, by rising number
	pairs     []pair
}

// pair is a reference and a predicted instance that have voxels in common; ordered by ref, then pred.
type pair struct{ ref, pred, voxels int }

func (p *Instances) iou(o pair) float64 {
	return float64(o.voxels) / float64(p.ref[o.ref]+p.pred[o.pred]-o.voxels)
}

// NumPredicted is the number of predicted instances.
func (p *Instances) NumPredicted() int { return len(p.pred) }

// NumReference is the number of instances in the reference.
func (p *Instances) NumReference() int { return len(p.ref) }

// Compare finds the instances of two numbered grids and all overlaps between them.
func Compare[T Number](pred, ref []T, g Grid) *Instances {
	g.holds(len(pred), len(ref))
	pieces, size := cpu.Chunks(len(pred), 1<<17, 64)
	parts := make([][]run, pieces)
	cpu.Do(pieces, func(_, i int) {
		to := min(len(pred), (i+1)*size)
		parts[i] = runs(pred[i*size:to], ref[i*size:to])
	})
	return newInstances(merged(slices.Concat(parts...)), g)
}

// run counts voxels with the same two numbers.
type run struct {
	ref, pred uint32
	voxels    int
}

func runs[T Number](pred, ref []T) (out []run) {
	seen := map[[2]uint32]int{}
	for from := 0; from < len(pred); {
		p, r := pred[from], ref[from]
		to := from + 1
		for to < len(pred) && pred[to] == p && ref[to] == r {
			to++
		}
		if p|r != 0 {
			key := [2]uint32{uint32(r), uint32(p)}
			at, ok := seen[key]
			if !ok {
				at = len(out)
				seen[key] = at
				out = append(out, run{ref: key[0], pred: key[1]})
			}
			out[at].voxels += to - from
		}
		from = to
	}
	return out
}

// merged adds up runs with the same numbers, in their order.
func merged(all []run) (out []run) {
	slices.SortFunc(all, func(a, b run) int { return cmp.Or(cmp.Compare(a.ref, b.ref), cmp.Compare(a.pred, b.pred)) })
	for _, r := range all {
		if k := len(out) - 1; k >= 0 && out[k].ref == r.ref && out[k].pred == r.pred {
			out[k].voxels += r.voxels
		} else {
			out = append(out, r)
		}
	}
	return out
}

func newInstances(all []run, g Grid) *Instances {
	p := &Instances{voxelML: g.VoxelML()}
	numbers := map[uint32]int{} // of predicted instances
	var predicted []uint32
	for _, r := range all {
		if _, ok := numbers[r.pred]; !ok && r.pred != 0 {
			numbers[r.pred] = 0
			predicted = append(predicted, r.pred)
		}
	}
	slices.Sort(predicted)
	for i, n := range predicted {
		numbers[n] = i
	}
	p.pred = make([]int, len(predicted))
	last := uint32(0)
	for _, r := range all {
		if r.ref != 0 {
			if r.ref != last {
				p.ref, last = append(p.ref, 0), r.ref
			}
			p.ref[len(p.ref)-1] += r.voxels
		}
		if r.pred != 0 {
			p.pred[numbers[r.pred]] += r.voxels
		}
		if r.ref != 0 && r.pred != 0 {
			p.pairs = append(p.pairs, pair{len(p.ref) - 1, numbers[r.pred], r.voxels})
		}
	}
	return p
}

// Components compares the connected parts of one class: each is taken for a lesion. Lesions that touch count as one.
func Components[T Label](pred, ref []T, class T, g Grid, n volume.Neighbours) (*Instances, error) {
	all := extents(pred, ref, g)
	if class == 0 {
		panic("region: background has no parts")
	}
	if int(class) >= len(all) {
		return &Instances{voxelML: g.VoxelML()}, nil
	}
	return componentsIn(pred, ref, class, g, all[class], n)
}

func componentsIn[T Label](pred, ref []T, class T, g Grid, e extent, n volume.Neighbours) (*Instances, error) {
	if e.box.empty() {
		return &Instances{voxelML: g.VoxelML()}, nil
	}
	inside := Grid{e.box.dims(), g.SpacingMM}
	var numbered [2][]uint32
	for side, labels := range [2][]T{pred, ref} {
		mask := cutOne(labels, class, g, e.box)
		parts, _, err := volume.NewLabels(volume.Geometry{Dims: inside.Dims}, mask, nil).Components(n)
		if err != nil {
			return nil, err
		}
		numbered[side] = parts
	}
	return Compare(numbered[0], numbered[1], inside), nil
}

// cutOne is 1 where a voxel of the box has the class; class 0 stands for all labels.
func cutOne[T Number](labels []T, class T, g Grid, b box) []uint8 {
	d := b.dims()
	out := make([]uint8, d[0]*d[1]*d[2])
	cpu.Do(d[2], func(_, z int) {
		for y := range d[1] {
			from := ((z+b.from[2])*g.Dims[1]+y+b.from[1])*g.Dims[0] + b.from[0]
			to := (z*d[1] + y) * d[0]
			for x, v := range labels[from : from+d[0]] {
				if v == class != (class == 0) {
					out[to+x] = 1
				}
			}
		}
	})
	return out
}

// AJI is the aggregated Jaccard index, 0 to 1 (Kumar et al., IEEE Trans Med Imaging 2017;36:1550): each reference
// instance is paired with the prediction of the largest IoU, and the voxels of all overlaps are divided by those of all
// unions, unpaired instances included. One prediction may be paired twice, so that it punishes merged instances
// harshly; AJIPlus does not. Large instances weigh more. 0 where one side has none, NaN where neither has.
func (p *Instances) AJI() float64 {
	var chosen []pair
	best := 0.0
	for _, o := range p.pairs {
		k := len(chosen) - 1
		switch {
		case k < 0 || chosen[k].ref != o.ref:
			chosen, best = append(chosen, o), p.iou(o)
		case p.iou(o) > best:
			chosen[k], best = o, p.iou(o)
		}
	}
	return p.aggregate(chosen)
}

// AJIPlus is AJI where each prediction is paired at most once, so that the sum of the IoU is largest (Graham et al.,
// Medical Image Analysis 2019;58:101563).
func (p *Instances) AJIPlus() float64 {
	var iou []float64
	for _, o := range p.pairs {
		iou = append(iou, p.iou(o))
	}
	var chosen []pair
	for _, i := range p.assign(iou) {
		chosen = append(chosen, p.pairs[i])
	}
	return p.aggregate(chosen)
}

func (p *Instances) aggregate(chosen []pair) float64 {
	usedRef, usedPred := make([]bool, len(p.ref)), make([]bool, len(p.pred))
	common, all := 0, 0
	for _, o := range chosen {
		usedRef[o.ref], usedPred[o.pred] = true, true
		common += o.voxels
		all += p.ref[o.ref] + p.pred[o.pred] - o.voxels
	}
	for i, n := range p.ref {
		if !usedRef[i] {
			all += n
		}
	}
	for i, n := range p.pred {
		if !usedPred[i] {
			all += n
		}
	}
	return ratio(common, all)
}
