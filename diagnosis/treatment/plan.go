package treatment

import (
	"math"
	"slices"
	"sort"

	"galen.dev/safety"
	"galen.dev/table"
)

// plan is the fixed transformation from a case to the numbers that models take, with statistics of training rows only.
// docs/format/treatment.md describes it.
type plan struct {
	Features []feature `json:"features"`
	Rows     int       `json:"rows"` // training rows that the statistics come from
}

// feature is one number of a case: a measurement, or whether a level or an item of a list is there.
type feature struct {
	Name      string  `json:"name"`
	Column    string  `json:"column,omitempty"` // "" of an item of a list
	Level     string  `json:"level,omitempty"`  // of a category: 1 where the case has it, NaN where it has none
	Unit      string  `json:"unit,omitempty"`
	Numeric   bool    `json:"numeric,omitempty"`
	Fill      float64 `json:"fill"` // what a missing value becomes in the linear design
	Mean      float64 `json:"mean"`
	SD        float64 `json:"sd"`
	Indicator bool    `json:"indicator,omitempty"` // training rows lack it at times: the linear design says where
}

// cases are rows read: what rules go by, items of lists, treatments given.
type cases struct {
	table    *table.Table
	patients []*safety.Patient
	tokens   [][]string
}

// fitPlan lists the predictors and computes their statistics from the given rows.
func fitPlan(c *cases, rows []int, ro *roles, rare int, impute string) *plan {
	p := &plan{Rows: len(rows)}
	for _, col := range c.table.Columns {
		if slices.Contains(ro.NoPredictor, col.Name) {
			continue
		}
		switch col.Kind {
		case table.Numeric:
			p.Features = append(p.Features, feature{Name: col.Name, Column: col.Name, Unit: col.Unit, Numeric: true})
		case table.Category, table.Code:
			n := make([]int, len(col.Levels))
			for _, i := range rows {
				if col.Cat[i] >= 0 {
					n[col.Cat[i]]++
				}
			}
			var levels []string
			for l, k := range n {
				if k >= rare {
					levels = append(levels, col.Levels[l])
				}
			}
			sort.Strings(levels)
			if len(levels) == 2 {
				levels = levels[1:] // two levels need one number
			}
			for _, l := range levels {
				p.Features = append(p.Features, feature{Name: col.Name + " = " + l, Column: col.Name, Level: l})
			}
		}
	}
	n := map[string]int{}
	for _, i := range rows {
		for _, t := range c.tokens[i] {
			n[t]++
		}
	}
	var items []string
	for t, k := range n {
		if k >= rare {
			items = append(items, t)
		}
	}
	sort.Strings(items)
	for _, t := range items {
		p.Features = append(p.Features, feature{Name: t})
	}
	p.statistics(c, rows, impute)
	return p
}

// statistics fills in means and what missing values become, and drops predictors that do not vary.
func (p *plan) statistics(c *cases, rows []int, impute string) {
	kept := p.Features[:0]
	X := p.encode(c, rows)
	for j, f := range p.Features {
		var known []float64
		for _, v := range X[j] {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				known = append(known, v)
			}
		}
		sort.Float64s(known)
		if len(known) == 0 || known[0] == known[len(known)-1] && len(known) == len(rows) {
			continue
		}
		f.Indicator = len(known) < len(rows)
		f.Fill, _ = meanSD(known)
		if f.Numeric && impute == "median" {
			f.Fill = (known[(len(known)-1)/2] + known[len(known)/2]) / 2
		}
		for range len(rows) - len(known) {
			known = append(known, f.Fill)
		}
		f.Mean, f.SD = meanSD(known)
		kept = append(kept, f)
	}
	p.Features = kept
}

func meanSD(x []float64) (mean, sd float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / float64(len(x)))
}

// encode turns cases into X[feature][row]; NaN is missing.
func (p *plan) encode(c *cases, rows []int) [][]float64 {
	X := make([][]float64, len(p.Features))
	for j := range p.Features {
		f := &p.Features[j]
		x := make([]float64, len(rows))
		X[j] = x
		if f.Column == "" {
			for k, i := range rows {
				if _, has := slices.BinarySearch(c.tokens[i], f.Name); has {
					x[k] = 1
				}
			}
			continue
		}
		col := c.table.Column(f.Column)
		level := int32(slices.Index(col.Levels, f.Level))
		for k, i := range rows {
			switch {
			case col.Missing(i):
				x[k] = math.NaN()
			case f.Numeric:
				x[k] = col.Num[i]
			case col.Cat[i] == level:
				x[k] = 1
			}
		}
	}
	return X
}

// linear is the number of columns of the linear design: each feature scaled, then the indicators of missingness.
func (p *plan) linear() int {
	n := len(p.Features)
	for j := range p.Features {
		if p.Features[j].Indicator {
			n++
		}
	}
	return n
}

// linearRow writes the linear design of an encoded case into z.
func (p *plan) linearRow(row, z []float64) {
	at := len(p.Features)
	for j := range p.Features {
		f := &p.Features[j]
		v, missing := row[j], math.IsNaN(row[j])
		if missing {
			v = f.Fill
		}
		z[j] = 0
		if f.SD > 0 {
			z[j] = (v - f.Mean) / f.SD
		}
		if f.Indicator {
			z[at] = 0
			if missing {
				z[at] = 1
			}
			at++
		}
	}
}

// linearDesign turns X[feature][row] into Z[column][row].
func (p *plan) linearDesign(X [][]float64) [][]float64 {
	Z := make([][]float64, p.linear())
	n := rowsOf(X)
	for k := range Z {
		Z[k] = make([]float64, n)
	}
	row, z := make([]float64, len(X)), make([]float64, len(Z))
	for i := range n {
		for j := range X {
			row[j] = X[j][i]
		}
		p.linearRow(row, z)
		for k := range z {
			Z[k][i] = z[k]
		}
	}
	return Z
}

func rowsOf(X [][]float64) int {
	if len(X) == 0 {
		return 0
	}
	return len(X[0])
}

// categorical tells which features are codes for the distance between cases.
func (p *plan) categorical() []bool {
	out := make([]bool, len(p.Features))
	for j := range out {
		out[j] = !p.Features[j].Numeric
	}
	return out
}
