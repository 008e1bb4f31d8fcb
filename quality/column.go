package quality

import (
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/table"
)

// column is a table's column together with what the checks know of it.
type column struct {
	*table.Column
	feature   bool // a model will see it
	ignored   bool
	missing   int
	infinite  int
	distinct  int
	common    int       // rows that hold the commonest value
	agree     float64   // chance that two rows with a value agree in it
	grid      float64   // step within which two numbers count as equal for near-duplicates; 0 = exact
	mean, sd  float64   // of a numeric column's finite values
	order     []int32   // Numeric, Date: rows of the finite values, ascending; only while the column is checked
	sorted    []float64 // the finite values themselves, in that order
	counts    []int     // Category, Code: rows of each level; Text: of each distinct text
	codes     []int32   // Category, Code, Text: level of each row, -1 missing; only while checked for Text
	texts     []string  // Text: the distinct texts
	index     bool      // identifier-column fired
	found     []fault.Finding
	tests     []test
	summary   Summary
	isInteger bool
}

// test is a p-value that waits for the correction over all columns. Without a message it only counts as one
// more test: the difference is too small to speak of, whatever its p-value.
type test struct {
	p       float64
	finding fault.Finding
}

func (c *column) add(f fault.Finding) { c.found = append(c.found, f) }

func (c *column) isNumber() bool { return c.Kind == table.Numeric || c.Kind == table.Date }

// prepare takes all that the checks ask of the column again and again.
func (c *column) prepare(sorter *sorter) {
	switch {
	case c.isNumber():
		c.prepareNumbers(sorter)
	case c.Kind == table.Text:
		c.intern()
	default:
		c.codes = c.Cat
		c.counts = make([]int, len(c.Levels))
	}
	if c.isNumber() {
		return
	}
	n := 0
	for _, k := range c.codes {
		if k < 0 {
			c.missing++
			continue
		}
		c.counts[k]++
		n++
	}
	for _, k := range c.counts {
		if k > 0 {
			c.distinct++
		}
		c.common = max(c.common, k)
		c.agree += float64(k) / float64(max(n, 1)) * float64(k) / float64(max(n, 1))
	}
}

func (c *column) release() {
	c.order, c.sorted = nil, nil
	if c.Kind == table.Text {
		c.codes, c.texts, c.counts = nil, nil, nil
	}
}

// prepareNumbers sorts once and takes every moment from the sorted values, so that the order of rows does
// not show in the last bits.
func (c *column) prepareNumbers(sorter *sorter) {
	keys := sorter.fill(len(c.Num))[:0]
	for i, v := range c.Num {
		switch {
		case math.IsNaN(v):
			c.missing++
		case math.IsInf(v, 0):
			c.infinite++
		default:
			keys = append(keys, pair{floatKey(v), int32(i)})
		}
	}
	c.order, c.sorted = make([]int32, len(keys)), make([]float64, len(keys))
	for i, p := range sorter.sort(len(keys)) {
		c.order[i], c.sorted[i] = p.row, c.Num[p.row]
	}
	n := float64(len(c.order))
	c.isInteger = true
	sum := 0.0
	c.eachTie(func(v float64, rows []int32) {
		k := len(rows)
		c.distinct++
		c.common = max(c.common, k)
		c.agree += float64(k) / n * float64(k) / n
		c.isInteger = c.isInteger && v == math.Trunc(v)
		sum += v / n * float64(k)
	})
	c.mean = sum
	square := 0.0
	c.eachTie(func(v float64, rows []int32) { square += (v - c.mean) * (v - c.mean) * float64(len(rows)) })
	if n > 1 {
		c.sd = math.Sqrt(square / (n - 1))
	}
	// A thousandth of the middle spread tells rounding from another measurement.
	if c.Kind == table.Numeric && n > 0 {
		c.grid = (c.quantile(.75) - c.quantile(.25)) / 1.349 / 1000
	}
}

// eachTie calls f for every distinct finite value, ascending, with its rows.
func (c *column) eachTie(f func(v float64, rows []int32)) {
	for a := 0; a < len(c.order); {
		v := c.sorted[a]
		b := a + 1
		for b < len(c.sorted) && c.sorted[b] == v {
			b++
		}
		f(v, c.order[a:b])
		a = b
	}
}

// quantile is the linear one (R's type 7) of the finite values; NaN when there are none.
func (c *column) quantile(q float64) float64 {
	return quantile(c.sorted, q)
}

func quantile(sorted []float64, q float64) float64 {
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	h := q * float64(n-1)
	i := int(h)
	if i+1 >= n {
		return sorted[n-1]
	}
	return sorted[i] + (h-float64(i))*(sorted[i+1]-sorted[i])
}

// intern numbers the distinct texts in the order of their bytes, which no order of rows changes.
func (c *column) intern() {
	at := make(map[string]int32)
	for _, s := range c.Text {
		if s != "" {
			at[s] = 0
		}
	}
	c.texts = make([]string, 0, len(at))
	for s := range at {
		c.texts = append(c.texts, s)
	}
	slices.Sort(c.texts)
	for i, s := range c.texts {
		at[s] = int32(i)
	}
	c.codes = make([]int32, len(c.Text))
	for i, s := range c.Text {
		c.codes[i] = -1
		if s != "" {
			c.codes[i] = at[s]
		}
	}
	c.counts = make([]int, len(c.texts))
}

// levelNames are the names that the codes stand for.
func (c *column) levelNames() []string {
	if c.Kind == table.Text {
		return c.texts
	}
	return c.Levels
}

// rowsWhere lists the rows for which is holds.
func rowsWhere(n int, is func(i int) bool) *rowList {
	l := &rowList{}
	for i := range n {
		if is(i) {
			l.add(i)
		}
	}
	return l
}
