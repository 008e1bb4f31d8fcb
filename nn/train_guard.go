package nn

import (
	"fmt"
	"math"
	"slices"

	"galen.dev/fault"
)

// watched is how many losses the running median is of.
const watched = 101

func (g Guard) factor() float64 { return or(g.Factor, 20) }

func (g Guard) steps() int {
	if g.Steps == 0 {
		return 20
	}
	return g.Steps
}

// watch is what the guard remembers of the steps so far.
type watch struct {
	First   float64   `json:"first"`   // the first loss
	Recent  []float64 `json:"recent"`  // the last losses that were not above the bound
	Above   int       `json:"above"`   // steps in a row above it
	InRow   int       `json:"in_row"`  // steps in a row left out
	Skipped int       `json:"skipped"` // steps left out in all
}

// see looks at the numbers of a step. skip says that the step was left out.
func (t *trainer) see(w *watch, u outcome) (skip bool, err error) {
	loss, norm, b := u.loss, u.norm, u.shown
	if !finite(loss) || !finite(norm) {
		what := "the loss"
		if finite(loss) {
			what = "the gradient"
		}
		g := t.options.Guard
		if w.InRow++; w.InRow <= g.Skip {
			w.Skipped++
			return true, nil
		}
		err := fmt.Errorf("%s is not a finite number in %s", what, t.where(b))
		if g.Skip > 0 {
			err = fmt.Errorf("%w, after %s left out in a row", err, fault.Count(g.Skip, "step"))
		}
		return false, fault.WithHint(fault.Errorf(fault.Data, "%w", err), "%s", t.cure(b))
	}
	w.InRow = 0
	if len(w.Recent) == 0 {
		w.First = loss
	}
	if median := middle(w.Recent); len(w.Recent) > 0 && t.options.Guard.factor() > 0 && loss > t.options.Guard.factor()*math.Abs(median) && loss > w.First {
		if w.Above++; w.Above >= t.options.Guard.steps() {
			err := fault.Errorf(fault.Data, "the training diverges: the loss was above %g times its median for %s, up to %s", t.options.Guard.factor(), fault.Count(w.Above, "step"), t.where(b))
			return false, fault.WithHint(err, "%s", t.cure(b))
		}
		return false, nil // what explodes must not raise the median
	}
	w.Above = 0
	if len(w.Recent) >= watched {
		w.Recent = append(w.Recent[:0], w.Recent[1:]...)
	}
	w.Recent = append(w.Recent, loss)
	return false, nil
}

func (t *trainer) where(b *Batch) string {
	p := &t.position
	return fmt.Sprintf("step %d, batch %d of epoch %d (%s)", p.Step+1, p.Batch+1, p.Epoch+1, b.place())
}

// cure is the likely remedy: bad inputs first, which can be seen, then the learning rate.
func (t *trainer) cure(b *Batch) string {
	for i, a := range b.Inputs {
		bad, most := 0, float32(0)
		for _, v := range a.Floats {
			if !finite(float64(v)) {
				bad++
				continue
			}
			most = max(most, v, -v)
		}
		if bad > 0 {
			return fmt.Sprintf("%s of input %q of this batch are not finite: fill in or leave out what is missing", fault.Count(bad, "number"), t.inputName(i))
		}
		if most > 1e4 {
			return fmt.Sprintf("numbers of input %q are large: scale inputs to a mean of 0 and a spread of 1", t.inputName(i))
		}
	}
	if t.options.Clip == (Clip{}) {
		return fmt.Sprintf("lower the learning rate (%g), or clip gradients, such as at norm 1", t.rate())
	}
	return fmt.Sprintf("lower the learning rate (%g), clip gradients tighter, or warm up longer", t.rate())
}

func (t *trainer) inputName(i int) string { return t.net.Inputs[i].Name }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// middle is the median, 0 of nothing.
func middle(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
