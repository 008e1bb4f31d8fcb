package quality

import "slices"

// tally counts the classes within consecutive cells (tied values, bins or levels) of a column, and scores
// how well the cell alone predicts the class.
type tally struct {
	classes int
	cells   []int // counts of each class, cell after cell
	open    []int // the cell being filled
	n       int   // rows in it
}

func newTally(classes int) *tally { return &tally{classes: classes, open: make([]int, classes)} }

func (t *tally) addRow(class int32) {
	t.open[class]++
	t.n++
}

// next closes the open cell.
func (t *tally) next() {
	if t.n == 0 {
		return
	}
	t.cells = append(t.cells, t.open...)
	clear(t.open)
	t.n = 0
}

func (t *tally) totals() []int {
	sum := make([]int, t.classes)
	for i, n := range t.cells {
		sum[i%t.classes] += n
	}
	return sum
}

// ordered is the AUROC of class k against the rest when the score is the cell's place, in the better direction.
func (t *tally) ordered(k int) float64 {
	a := t.auroc(k, nil)
	return max(a, 1-a)
}

// pooled is the AUROC of class k against the rest when the score is the share of k in the cell.
func (t *tally) pooled(k int) float64 {
	order := make([]int, len(t.cells)/t.classes)
	share := make([]float64, len(order))
	for i := range order {
		order[i] = i
		cell := t.cells[i*t.classes : (i+1)*t.classes]
		all := 0
		for _, n := range cell {
			all += n
		}
		share[i] = float64(cell[k]) / float64(all)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case share[a] < share[b]:
			return -1
		case share[a] > share[b]:
			return 1
		}
		return 0
	})
	return t.auroc(k, order)
}

// auroc is P(cell+ > cell-) + ½ P(tie) in the order of the cells, or in that given.
func (t *tally) auroc(k int, order []int) float64 {
	below, wins, pos := 0.0, 0.0, 0.0
	for i := range len(t.cells) / t.classes {
		at := i
		if order != nil {
			at = order[i]
		}
		cell := t.cells[at*t.classes : (at+1)*t.classes]
		p, rest := float64(cell[k]), 0.0
		for c, n := range cell {
			if c != k {
				rest += float64(n)
			}
		}
		wins += p * (below + rest/2)
		below += rest
		pos += p
	}
	return wins / pos / below
}

// overall weighs the classes' scores by their rows; two classes have one score between them. Classes under
// 10 rows, in which chance alone can look perfect, do not count; enough is false when fewer than two remain.
func (t *tally) overall(score func(class int) float64) (auroc float64, enough bool) {
	const least = 10
	total, weight, used := t.totals(), 0.0, 0
	for _, n := range total {
		if n >= least {
			used++
		}
	}
	if used < 2 {
		return 0, false
	}
	if t.classes == 2 {
		return score(1), true
	}
	for k, n := range total {
		if n >= least {
			auroc += float64(n) * score(k)
			weight += float64(n)
		}
	}
	return auroc / weight, true
}
