package region

import (
	"cmp"
	"math"
	"slices"

	"galen.dev/internal/cpu"
)

// Distances are those between the surfaces of two masks, in mm. All scores of the outline follow from them.
type Distances struct {
	convention Convention
	// By rising distance: from points of the predicted surface to the reference, and the other way round. A side is
	// empty where its mask is; the other's distances are infinite then.
	pred, ref             []sample
	predWeight, refWeight float64
}

// SurfaceDistances compares the surfaces of one class. Time is linear in the size of the box around both masks.
// Memory is up to eight bytes for a voxel of that box, and 32 for a point of the surfaces.
func SurfaceDistances[T Label](pred, ref []T, class T, g Grid, c Convention) *Distances {
	all := extents(pred, ref, g)
	if class == 0 {
		panic("region: background has no surface")
	}
	if int(class) >= len(all) {
		return &Distances{convention: c}
	}
	return distancesIn(pred, ref, class, g, all[class], c)
}

// distancesIn is SurfaceDistances where the extent is known; class 0 stands for the foreground.
func distancesIn[T Label](pred, ref []T, class T, g Grid, e extent, c Convention) *Distances {
	d := &Distances{convention: c}
	if e.box.empty() {
		return d
	}
	s := surfacesOf(pred, ref, class, g, e.box, c)
	switch {
	case e.Predicted() == 0:
		d.ref = s.infinite(s.ref)
	case e.Reference() == 0:
		d.pred = s.infinite(s.pred)
	default:
		steps := make([]uint32, len(s.pred))
		d.pred = planes(s.dims, s.step, s.ref, steps).at(s.pred, &s.weight)
		d.ref = planes(s.dims, s.step, s.pred, steps).at(s.ref, &s.weight)
	}
	sides := [2][]sample{d.pred, d.ref}
	weights := [2]float64{}
	cpu.Do(2, func(_, i int) {
		slices.SortFunc(sides[i], func(a, b sample) int {
			if c := cmp.Compare(a.mm, b.mm); c != 0 {
				return c
			}
			return cmp.Compare(a.weight, b.weight)
		})
		for _, p := range sides[i] {
			weights[i] += p.weight
		}
	})
	d.predWeight, d.refWeight = weights[0], weights[1]
	return d
}

func (s *surfaces) infinite(codes []uint8) (out []sample) {
	for _, c := range codes {
		if c != 0 {
			out = append(out, sample{math.Inf(1), s.weight[c]})
		}
	}
	return out
}

// undefined is true where a mask is empty, so that there is no distance.
func (d *Distances) undefined() bool { return len(d.pred) == 0 || len(d.ref) == 0 }

// PredictedSize and ReferenceSize are the sizes of the surfaces: mm² (mm in an image) of Elements, voxels of Borders.
func (d *Distances) PredictedSize() float64 { return d.predWeight }

// ReferenceSize is the size of the reference's surface; see PredictedSize.
func (d *Distances) ReferenceSize() float64 { return d.refWeight }

// Hausdorff is the largest distance from either surface to the other, in mm. One stray voxel decides it. NaN where a
// mask is empty.
func (d *Distances) Hausdorff() float64 {
	if d.undefined() {
		return math.NaN()
	}
	return max(d.pred[len(d.pred)-1].mm, d.ref[len(d.ref)-1].mm)
}

// Percentile is a Hausdorff distance that forgives the largest errors, in mm: p = 95 gives HD95. It is the larger of
// the percentiles of both directions, as of MONAI, DeepMind and Metrics Reloaded. Of Elements it is the smallest distance
// that p % of the surface's area keeps; of Borders it is interpolated between voxels, as NumPy does. It panics where p
// is outside 0 to 100. NaN where a mask is empty.
func (d *Distances) Percentile(p float64) float64 {
	checkPercentile(p)
	if d.undefined() {
		return math.NaN()
	}
	if d.convention == Elements {
		return max(weighted(d.pred, d.predWeight, p), weighted(d.ref, d.refWeight, p))
	}
	return max(interpolated(d.pred, p), interpolated(d.ref, p))
}

// PooledPercentile is the percentile of the distances of both directions taken together, as MedPy's hd95 is. It is
// lower than Percentile where one direction is worse.
func (d *Distances) PooledPercentile(p float64) float64 {
	checkPercentile(p)
	if d.undefined() {
		return math.NaN()
	}
	both := slices.Concat(d.pred, d.ref)
	slices.SortStableFunc(both, func(a, b sample) int { return cmp.Compare(a.mm, b.mm) })
	if d.convention == Elements {
		return weighted(both, d.predWeight+d.refWeight, p)
	}
	return interpolated(both, p)
}

func checkPercentile(p float64) {
	if !(p >= 0 && p <= 100) {
		panic("region: percentile outside 0 to 100")
	}
}

func weighted(s []sample, total, p float64) float64 {
	sum := 0.0
	for _, v := range s {
		if sum += v.weight; sum/total >= p/100 {
			return v.mm
		}
	}
	return s[len(s)-1].mm
}

func interpolated(s []sample, p float64) float64 {
	at := p / 100 * float64(len(s)-1)
	i := min(int(at), len(s)-1)
	if i+1 == len(s) {
		return s[i].mm
	}
	return s[i].mm + (at-float64(i))*(s[i+1].mm-s[i].mm)
}

// Average is the average surface distance in mm, from the predicted surface to the reference and from the reference to
// the prediction. The first is blind to what was missed, the second to what was invented. NaN where a mask is
// empty.
func (d *Distances) Average() (fromPredicted, fromReference float64) {
	if d.undefined() {
		return math.NaN(), math.NaN()
	}
	return total(d.pred) / d.predWeight, total(d.ref) / d.refWeight
}

func total(s []sample) float64 {
	sum := 0.0
	for _, v := range s {
		sum += float64(v.mm * v.weight)
	}
	return sum
}

// ASSD is the average symmetric surface distance, in mm: the mean over the points of both surfaces together, as of
// MONAI, MedPy and Metrics Reloaded. The larger surface weighs more. NaN where a mask is empty.
func (d *Distances) ASSD() float64 {
	if d.undefined() {
		return math.NaN()
	}
	return (total(d.pred) + total(d.ref)) / (d.predWeight + d.refWeight)
}

// MASD is the mean of the two average distances, in mm: both surfaces weigh the same, whatever their size. NaN where a mask is empty.
func (d *Distances) MASD() float64 {
	a, b := d.Average()
	return (a + b) / 2
}

// SurfaceDice is the part of both surfaces that lies within the tolerance of the other, 0 to 1: the normalised surface
// distance (NSD). With the distance by which experts differ as tolerance it says how much of the outline needs no
// correction. 0 where one mask is empty, NaN where both are. It panics where the tolerance is negative.
func (d *Distances) SurfaceDice(toleranceMM float64) float64 {
	if !(toleranceMM >= 0) {
		panic("region: negative tolerance")
	}
	a, b := within(d.pred, toleranceMM), within(d.ref, toleranceMM)
	return (a + b) / (d.predWeight + d.refWeight)
}

func within(s []sample, tolerance float64) float64 {
	sum := 0.0
	for _, v := range s {
		if v.mm > tolerance || math.IsInf(v.mm, 1) {
			break
		}
		sum += v.weight
	}
	return sum
}
