package quality

import (
	"galen.dev/fault"
	"galen.dev/table"
)

// checkDates holds a date column against today and, where a predictor, against the time of prediction.
func (s *session) checkDates(c *column) {
	if c.Kind != table.Date || len(c.order) == 0 {
		return
	}
	if last := c.sorted[len(c.sorted)-1]; last >= s.o.Today+1 {
		f := rowsWhere(s.t.Rows, func(i int) bool { return c.Num[i] >= s.o.Today+1 }).
			finding("future-date", fault.Warning, c.Name)
		f.Message = counted(f.Count, "date lies", "dates lie") + " in the future"
		f.Hint = "look for a wrong century, swapped day and month, or a shift made to hide the true dates"
		c.add(f)
	}
	index := s.named(s.o.Index)
	if index == nil || index.Kind != table.Date || !c.feature {
		return
	}
	// Missing is NaN, which is not later than anything.
	l := rowsWhere(s.t.Rows, func(i int) bool { return c.Num[i] > index.Num[i] })
	if l.count == 0 {
		return
	}
	f := l.finding("date-after-index", fault.Severe, c.Name)
	f.Message = counted(f.Count, "date is", "dates are") + " later than the time of prediction"
	f.Hint = "what happens later cannot be a predictor: drop the column or these rows"
	c.add(f)
}
