package region

import (
	"math"

	"galen.dev/fault"
)

// Overlap says how much of an overlap makes a detection.
type Overlap uint8

// The measures of the overlap of two instances.
const (
	IoU           Overlap = iota // voxels in common over those of either
	OverReference                // over those of the reference instance: finding it counts, whatever the outline
	InstanceDice                 // twice those in common over the sum of both sizes
)

// Matching says which predicted instance is which reference instance. Pairs are one to one, chosen so that the
// sum of their overlaps is largest (Kuhn 1955); pairs whose overlap is not above Above are then undone. Where IoU must
// be above one half, no two instances can claim a third and there is nothing to choose (Kirillov et al., CVPR
// 2019).
type Matching struct {
	Overlap Overlap
	Above   float64 // 0 = .5. For "any voxel in common" give a number that is smaller than any overlap, as 1e-9
	// A reference instance that is smaller than either need not be found, and what is matched to it does not
	// count. A prediction that is smaller is no false alarm. Zero = all count.
	MinVoxels int
	MinML     float64
}

func (m Matching) above() float64 {
	if m.Above == 0 {
		return .5
	}
	return m.Above
}

// findings is what is wrong with the options.
func (m Matching) findings() (out []fault.Finding) {
	add := func(name, message string) {
		out = append(out, fault.Finding{Name: name, Severity: fault.Severe, Message: message})
	}
	if m.Overlap > InstanceDice {
		add("overlap", "the measure of overlap is none of those known")
	}
	if !(m.Above >= 0 && m.Above < 1) {
		add("overlap-threshold", "the least overlap of a match is not from 0 to 1")
	}
	if m.MinVoxels < 0 || !(m.MinML >= 0) || math.IsInf(m.MinML, 1) {
		add("least-size", "the least size of an instance is negative or no number")
	}
	return out
}

// Detection says how many instances were found. They are counts, so those of several cases may be added.
type Detection struct {
	TP      int     `json:"tp"`      // matched pairs
	FP      int     `json:"fp"`      // predictions without a partner
	FN      int     `json:"fn"`      // reference instances without a partner
	Ignored int     `json:"ignored"` // too small to count, on both sides
	SumIoU  float64 `json:"sum_iou"` // over matched pairs
}

// Add adds the counts of another case.
func (d *Detection) Add(o Detection) {
	d.TP, d.FP, d.FN, d.Ignored, d.SumIoU = d.TP+o.TP, d.FP+o.FP, d.FN+o.FN, d.Ignored+o.Ignored, d.SumIoU+o.SumIoU
}

// Sensitivity is the part of the lesions that were found. NaN where the reference has none.
func (d Detection) Sensitivity() float64 { return ratio(d.TP, d.TP+d.FN) }

// Precision is the part of the detections that are right. NaN where there are none.
func (d Detection) Precision() float64 { return ratio(d.TP, d.TP+d.FP) }

// F1 is 2 TP / (2 TP + FP + FN), also called recognition quality (RQ). 0 where one side has no instances, NaN
// where neither has.
func (d Detection) F1() float64 { return ratio(2*d.TP, 2*d.TP+d.FP+d.FN) }

// SQ is the segmentation quality: the mean IoU of matched pairs. NaN where nothing was matched.
func (d Detection) SQ() float64 {
	if d.TP == 0 {
		return math.NaN()
	}
	return d.SumIoU / float64(d.TP)
}

// PQ is the panoptic quality, SQ times F1, 0 to 1: one number for finding and outlining, to be read beside its two
// factors. 0 where nothing was matched, NaN where neither side has instances.
func (d Detection) PQ() float64 {
	n := 2*d.TP + d.FP + d.FN
	if n == 0 {
		return math.NaN()
	}
	return 2 * d.SumIoU / float64(n)
}

// Detect matches instances and counts. It panics where options are out of range.
func (p *Instances) Detect(m Matching) Detection {
	if len(m.findings()) > 0 {
		panic("region: matching out of range")
	}
	overlap := make([]float64, len(p.pairs))
	for i, o := range p.pairs {
		switch m.Overlap {
		case IoU:
			overlap[i] = p.iou(o)
		case OverReference:
			overlap[i] = float64(o.voxels) / float64(p.ref[o.ref])
		case InstanceDice:
			overlap[i] = 2 * float64(o.voxels) / float64(p.ref[o.ref]+p.pred[o.pred])
		}
	}
	small := func(voxels int) bool {
		return voxels < m.MinVoxels || float64(voxels)*p.voxelML < m.MinML
	}
	var d Detection
	foundRef, foundPred := make([]bool, len(p.ref)), make([]bool, len(p.pred))
	for _, i := range p.assign(overlap) {
		o := p.pairs[i]
		if overlap[i] <= m.above() {
			continue
		}
		foundRef[o.ref], foundPred[o.pred] = true, true
		if small(p.ref[o.ref]) {
			d.Ignored += 2
			continue
		}
		d.TP++
		d.SumIoU += p.iou(o)
	}
	missed := func(sizes []int, found []bool) (n int) {
		for i, voxels := range sizes {
			switch {
			case found[i]:
			case small(voxels):
				d.Ignored++
			default:
				n++
			}
		}
		return n
	}
	d.FN, d.FP = missed(p.ref, foundRef), missed(p.pred, foundPred)
	return d
}
