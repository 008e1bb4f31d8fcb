package metric

import (
	"math"

	"galen.dev/fault"
)

// Confusion counts predicted against true classes: N[true][predicted]. Its methods are NaN where undefined.
type Confusion struct{ N [][]float64 }

// NewConfusion counts labels 0 … classes-1. Labels out of range are refused, with their rows.
func NewConfusion(truth, predicted []int, classes int) (*Confusion, error) {
	sameLength(len(truth), len(predicted))
	c := &Confusion{N: make([][]float64, classes)}
	for i := range c.N {
		c.N[i] = make([]float64, classes)
	}
	var out rowList
	for i, y := range truth {
		if q := predicted[i]; y < 0 || y >= classes || q < 0 || q >= classes {
			out.add(i)
		} else {
			c.N[y][q]++
		}
	}
	fs := out.finding(nil, "label-out-of-range", "a label is not one of the classes")
	if err := fault.Refuse("confusion matrix", fs); err != nil {
		return nil, err
	}
	return c, nil
}

// MostLikely returns the class of the largest probability of each row, the first in case of ties.
func MostLikely(p [][]float64) []int {
	out := make([]int, len(p))
	for i, row := range p {
		for c, v := range row {
			if v > row[out[i]] {
				out[i] = c
			}
		}
	}
	return out
}

// Of is the two-by-two table of one class against all others.
func (c *Confusion) Of(class int) Counts {
	var k Counts
	for y, row := range c.N {
		for q, n := range row {
			switch {
			case y == class && q == class:
				k.TP += n
			case y == class:
				k.FN += n
			case q == class:
				k.FP += n
			default:
				k.TN += n
			}
		}
	}
	return k
}

// margins are the row sums (truth), the column sums (prediction), the diagonal and the total.
func (c *Confusion) margins() (truth, predicted []float64, right, n float64) {
	truth, predicted = make([]float64, len(c.N)), make([]float64, len(c.N))
	for y, row := range c.N {
		for q, v := range row {
			truth[y] += v
			predicted[q] += v
			n += v
		}
		right += row[y]
	}
	return truth, predicted, right, n
}

// Accuracy is the share of right answers, 0 to 1.
func (c *Confusion) Accuracy() float64 {
	_, _, right, n := c.margins()
	return ratio(right, n)
}

// BalancedAccuracy is the mean over the classes that occur of the share found, 0 to 1: every class counts alike.
func (c *Confusion) BalancedAccuracy() float64 {
	truth, _, _, _ := c.margins()
	s, k := 0.0, 0.0
	for y, n := range truth {
		if n > 0 {
			s += c.N[y][y] / n
			k++
		}
	}
	return ratio(s, k)
}

// MacroF1 is the mean over classes of F1; a class that neither occurs nor is predicted makes it NaN.
func (c *Confusion) MacroF1() float64 {
	s := 0.0
	for y := range c.N {
		s += c.Of(y).F1()
	}
	return ratio(s, float64(len(c.N)))
}

// WeightedF1 is the mean over classes of F1, weighted by how often each class occurs.
func (c *Confusion) WeightedF1() float64 {
	truth, _, _, n := c.margins()
	s := 0.0
	for y, w := range truth {
		if w > 0 {
			s += w * c.Of(y).F1()
		}
	}
	return ratio(s, n)
}

// MCC is the correlation of truth and prediction for any number of classes (Gorodkin 2004), at most 1; NaN if
// either is constant.
func (c *Confusion) MCC() float64 {
	truth, predicted, right, n := c.margins()
	var tp, tt, pp float64
	for i := range truth {
		tp += truth[i] * predicted[i]
		tt += truth[i] * truth[i]
		pp += predicted[i] * predicted[i]
	}
	return ratio(right*n-tp, math.Sqrt(n*n-pp)*math.Sqrt(n*n-tt))
}

// KappaWeights says how much a disagreement of several grades counts.
type KappaWeights uint8

// The weights of Cohen's kappa. Linear and Quadratic are for ordered classes, such as lengths of stay.
const (
	Unweighted KappaWeights = iota // every disagreement counts 1
	Linear                         // |i - j|
	Quadratic                      // (i - j)²
)

// Kappa is Cohen's agreement beyond chance (1960, weighted 1968), at most 1, 0 for chance. NaN if truth and
// prediction are the same constant.
func (c *Confusion) Kappa(w KappaWeights) float64 {
	truth, predicted, _, n := c.margins()
	var seen, chance float64
	for y, row := range c.N {
		for q, v := range row {
			d := math.Abs(float64(y - q))
			switch w {
			case Unweighted:
				d = math.Min(d, 1)
			case Quadratic:
				d *= d
			}
			seen += d * v
			chance += d * truth[y] * predicted[q] / n
		}
	}
	if chance == 0 || n == 0 {
		return math.NaN()
	}
	return 1 - seen/chance
}
