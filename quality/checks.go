package quality

import (
	"strconv"

	"galen.dev/fault"
)

// Info describes one check for the reference documentation and for waivers.
type Info struct {
	Name     string         `json:"name"`
	Severity fault.Severity `json:"severity"` // the highest that the check gives
	Short    string         `json:"short"`
}

// checks is the table of all checks, in the order in which a report lists them.
var checks = []Info{
	{"no-rows", fault.Severe, "the table has no row"},
	{"target-absent", fault.Severe, "the column to predict is not in the table"},
	{"column-absent", fault.Severe, "a column that the study names is not in the table, or is of the wrong kind"},
	{"row-outside", fault.Severe, "a split names a row that the table does not have"},
	{"target-missing", fault.Severe, "rows have no value of the target"},
	{"one-class", fault.Severe, "the target has one value only"},
	{"class-counts", fault.Warning, "a class has few rows, in all or for the number of predictors"},
	{"all-missing", fault.Severe, "a column has no value at all"},
	{"high-missing", fault.Warning, "a large share of a column is missing"},
	{"missing-differs-by-outcome", fault.Warning, "values are missing more often in one class than in another"},
	{"constant-column", fault.Warning, "a column has one value only"},
	{"nearly-constant", fault.Info, "nearly all rows of a column have the same value"},
	{"infinite-value", fault.Severe, "a number is infinite"},
	{"impossible-value", fault.Severe, "a number lies outside its plausible range or outside what a living body can have"},
	{"mixed-units", fault.Warning, "a column's values fall into two groups that differ by the factor between two units"},
	{"zero-as-missing", fault.Warning, "zeros stand apart from all other values, as if they meant missing"},
	{"category-typos", fault.Warning, "levels differ by case, blanks, accents or one letter only"},
	{"huge-category", fault.Warning, "a category has very many levels, or few rows for each"},
	{"duplicate-rows", fault.Warning, "rows equal each other in every column but identifiers"},
	{"conflicting-duplicates", fault.Warning, "rows equal each other in every predictor and differ in the target"},
	{"near-duplicate-rows", fault.Warning, "rows agree in nearly all cells"},
	{"patient-in-two-splits", fault.Severe, "the same patient, or the same row, is in two splits"},
	{"duplicate-across-splits", fault.Severe, "equal rows lie in different splits"},
	{"near-duplicate-across-splits", fault.Warning, "rows that agree in nearly all cells lie in different splits"},
	{"target-leakage", fault.Severe, "a column, one of its levels or its missingness gives the target away"},
	{"identifier-column", fault.Warning, "a predictor numbers or names the rows"},
	{"row-order-leakage", fault.Warning, "the order of the rows follows the target"},
	{"date-after-index", fault.Severe, "a date is later than the time of prediction"},
	{"future-date", fault.Warning, "a date lies in the future"},
	{"drift", fault.Warning, "a column is distributed otherwise in one split than in the first"},
	{"outliers", fault.Info, "numbers lie far from the middle of their column"},
	{"high-correlation", fault.Info, "two columns carry nearly the same numbers"},
	{"unused-waiver", fault.Warning, "a waiver matches no finding or no check"},
}

var checkIndex = func() map[string]int {
	m := make(map[string]int, len(checks))
	for i, c := range checks {
		m[c.Name] = i
	}
	return m
}()

// Checks lists all checks in the order of a report.
func Checks() []Info { return append([]Info(nil), checks...) }

// finding starts a finding that concerns the given 0-based rows, which must be in ascending order.
func finding(name string, sev fault.Severity, column string, rows []int) fault.Finding {
	f := fault.Finding{Name: name, Severity: sev, Column: column, Count: len(rows)}
	for _, r := range rows[:min(len(rows), fault.MaxRows)] {
		f.Rows = append(f.Rows, r+1)
	}
	return f
}

// rowList gathers rows in ascending order: all are counted, the first few kept.
type rowList struct {
	rows  []int
	count int
}

func (l *rowList) add(row int) {
	l.count++
	if len(l.rows) < fault.MaxRows {
		l.rows = append(l.rows, row)
	}
}

func (l *rowList) finding(name string, sev fault.Severity, column string) fault.Finding {
	f := finding(name, sev, column, l.rows)
	f.Count = l.count
	return f
}

// counted writes a number with its noun, or its noun and verb.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
