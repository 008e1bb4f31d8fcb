package quality

import (
	"cmp"
	"math"
	"slices"

	"galen.dev/table"
)

// Summary describes one column by aggregates. What fewer than MinCell rows share is not shown.
type Summary struct {
	Name     string  `json:"name"`
	Kind     string  `json:"kind"` // numeric, category, code, date, text
	Unit     string  `json:"unit,omitempty"`
	System   string  `json:"system,omitempty"`
	N        int     `json:"n"` // rows with a value
	Missing  int     `json:"missing"`
	Distinct int     `json:"distinct"`
	Spread   *Spread `json:"spread,omitempty"` // Numeric, Date, with at least 2*MinCell finite values
	Levels   []Level `json:"levels,omitempty"` // Category, Code: the commonest, at most 10
	Other    *int    `json:"other,omitempty"`  // rows of all other levels
}

// Spread is the mean, standard deviation (n-1) and linear quantiles. The extremes are left out on purpose:
// they are single patients' values.
type Spread struct {
	Mean   float64 `json:"mean"`
	SD     float64 `json:"sd"`
	Q05    float64 `json:"q05"`
	Q25    float64 `json:"q25"`
	Median float64 `json:"median"`
	Q75    float64 `json:"q75"`
	Q95    float64 `json:"q95"`
}

// Level is a category's level and the number of its rows.
type Level struct {
	Name string `json:"name"`
	N    int    `json:"n"`
}

// MinCell is the least number of rows that a shown level has, as in the cell-size rule of the United States'
// Medicare data (11, so that 1 to 10 stay hidden).
const MinCell = 11

var kindNames = [...]string{
	table.Numeric: "numeric", table.Category: "category", table.Code: "code", table.Date: "date", table.Text: "text",
}

func (c *column) summarise(rows int) Summary {
	m := Summary{
		Name: c.Name, Kind: kindNames[c.Kind], Unit: c.Unit, System: c.System,
		N: rows - c.missing, Missing: c.missing, Distinct: c.distinct,
	}
	switch c.Kind {
	case table.Numeric, table.Date:
		if len(c.order) >= 2*MinCell && !math.IsInf(c.sd, 0) && !math.IsNaN(c.sd) {
			m.Spread = &Spread{
				c.mean, c.sd, c.quantile(.05), c.quantile(.25), c.quantile(.5), c.quantile(.75), c.quantile(.95),
			}
		}
	case table.Category, table.Code:
		m.Levels, m.Other = c.topLevels()
	}
	return m
}

func (c *column) topLevels() ([]Level, *int) {
	var levels []Level
	other := 0
	for k, n := range c.counts {
		if n >= MinCell {
			levels = append(levels, Level{c.Levels[k], n})
		} else {
			other += n
		}
	}
	slices.SortFunc(levels, func(a, b Level) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name))
	})
	const shown = 10
	if len(levels) > shown {
		for _, l := range levels[shown:] {
			other += l.N
		}
		levels = levels[:shown]
	}
	if other == 0 {
		return levels, nil
	}
	return levels, &other
}
