package region

import (
	"math"

	"galen.dev/internal/cpu"
)

// Counts are the voxels on which two masks agree and differ. All scores of overlap follow from them.
type Counts struct {
	TP int `json:"tp"` // in both
	FP int `json:"fp"` // predicted only
	FN int `json:"fn"` // in the reference only
}

// Predicted is the size of the predicted mask, in voxels.
func (c Counts) Predicted() int { return c.TP + c.FP }

// Reference is the size of the reference mask, in voxels.
func (c Counts) Reference() int { return c.TP + c.FN }

// Dice is twice the overlap over the sum of both sizes, 0 to 1: the F1 score of voxels. 0 where one mask is empty,
// NaN where both are. It hardly sees the outline of large structures, and swings by chance on those of a few voxels.
func (c Counts) Dice() float64 { return ratio(2*c.TP, 2*c.TP+c.FP+c.FN) }

// IoU is the overlap over the union, 0 to 1, also called Jaccard index: Dice/(2-Dice), which ranks a pair of masks
// the same. 0 where one mask is empty, NaN where both are.
func (c Counts) IoU() float64 { return ratio(c.TP, c.TP+c.FP+c.FN) }

// Sensitivity is the part of the reference that was found. NaN where the reference is empty.
func (c Counts) Sensitivity() float64 { return ratio(c.TP, c.Reference()) }

// Precision is the part of the prediction that is right. NaN where the prediction is empty.
func (c Counts) Precision() float64 { return ratio(c.TP, c.Predicted()) }

// RelativeVolumeError is (predicted - reference)/reference: .1 is a tenth too large. Two masks of equal size have
// none even where they do not touch. NaN where the reference is empty.
func (c Counts) RelativeVolumeError() float64 {
	return ratio(c.Predicted()-c.Reference(), c.Reference())
}

func ratio(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// Count compares the voxels of one class in both label maps.
func Count[T Label](pred, ref []T, class T) Counts {
	if len(pred) != len(ref) {
		panic("region: length mismatch")
	}
	pieces, size := cpu.Chunks(len(pred), 1<<16, 64)
	parts := make([]Counts, pieces)
	cpu.Do(pieces, func(_, i int) {
		var c Counts
		to := min(len(pred), (i+1)*size)
		p, r := pred[i*size:to], ref[i*size:to]
		for k, v := range p {
			switch {
			case v == class && r[k] == class:
				c.TP++
			case v == class:
				c.FP++
			case r[k] == class:
				c.FN++
			}
		}
		parts[i] = c
	})
	var all Counts
	for _, c := range parts {
		all.add(c)
	}
	return all
}

func (c *Counts) add(o Counts) { c.TP, c.FP, c.FN = c.TP+o.TP, c.FP+o.FP, c.FN+o.FN }

// A box holds voxels from from to, but not including, to.
type box struct{ from, to [3]int }

func (b box) dims() [3]int {
	return [3]int{b.to[0] - b.from[0], b.to[1] - b.from[1], b.to[2] - b.from[2]}
}

func (b box) empty() bool { return b.to[0] == 0 }

func (b *box) join(o box) {
	if o.empty() {
		return
	}
	if b.empty() {
		*b = o
		return
	}
	for i := range 3 {
		b.from[i], b.to[i] = min(b.from[i], o.from[i]), max(b.to[i], o.to[i])
	}
}

// extent is what one pass over both label maps finds out about a class.
type extent struct {
	Counts
	box box // around both masks
}

// extents looks at every class in one pass; index 0 is the foreground, all labels together.
func extents[T Label](pred, ref []T, g Grid) []extent {
	g.holds(len(pred), len(ref))
	rows := g.Dims[1] * g.Dims[2]
	pieces, size := cpu.Chunks(rows, max(1, (1<<16)/g.Dims[0]), 64)
	parts := make([][]extent, pieces)
	cpu.Do(pieces, func(_, i int) {
		found := make([]extent, 1, 16)
		for row := i * size; row < min(rows, (i+1)*size); row++ {
			found = extentsOfRow(found, pred[row*g.Dims[0]:][:g.Dims[0]], ref[row*g.Dims[0]:][:g.Dims[0]], row%g.Dims[1], row/g.Dims[1])
		}
		parts[i] = found
	})
	all := make([]extent, 1)
	for _, part := range parts {
		all = grown(all, len(part)-1)
		for label, e := range part {
			all[label].add(e.Counts)
			all[label].box.join(e.box)
		}
	}
	return all
}

func grown(found []extent, label int) []extent {
	for len(found) <= label {
		found = append(found, extent{})
	}
	return found
}

func extentsOfRow[T Label](found []extent, pred, ref []T, y, z int) []extent {
	for from := 0; from < len(pred); {
		p, r := pred[from], ref[from]
		to := from + 1
		for to < len(pred) && pred[to] == p && ref[to] == r {
			to++
		}
		if p|r != 0 {
			found = grown(found, int(max(p, r)))
			run := box{[3]int{from, y, z}, [3]int{to, y + 1, z + 1}}
			found[0].meet(p != 0, r != 0, run)
			if p != 0 {
				found[p].meet(true, p == r, run)
			}
			if r != 0 && r != p {
				found[r].meet(false, true, run)
			}
		}
		from = to
	}
	return found
}

// meet adds a run of voxels.
func (e *extent) meet(pred, ref bool, run box) {
	n := run.to[0] - run.from[0]
	switch {
	case pred && ref:
		e.TP += n
	case pred:
		e.FP += n
	default:
		e.FN += n
	}
	e.box.join(run)
}
