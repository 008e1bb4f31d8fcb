package quality

import (
	"fmt"
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/table"
)

// conversion is a pair of units in which one quantity is written, and what one unit is in the other.
type conversion struct {
	names       []string // as in Limit
	small, big  string   // the unit that gives the smaller numbers, and the other
	factor, add float64  // big = factor * small + add
}

var conversions = []conversion{
	{[]string{"weight", "bodyweight", "bodymass", "wt"}, "kg", "lb", 2.20462, 0},
	{[]string{"height", "bodyheight", "stature", "ht", "waist", "waistcircumference", "headcircumference"}, "in", "cm", 2.54, 0},
	{[]string{"temp", "temperature", "bodytemp", "bodytemperature"}, "°C", "°F", 1.8, 32},
	{[]string{"glucose", "bloodglucose", "fastingglucose", "plasmaglucose", "glu", "bloodsugar"}, "mmol/L", "mg/dL", 18.016, 0},
	{[]string{"cholesterol", "chol", "totalcholesterol", "hdl", "ldl", "hdlcholesterol", "ldlcholesterol"}, "mmol/L", "mg/dL", 38.67, 0},
	{[]string{"creatinine", "crea", "creat", "serumcreatinine"}, "mg/dL", "µmol/L", 88.42, 0},
	{[]string{"triglycerides", "tg", "trig"}, "mmol/L", "mg/dL", 88.57, 0},
	{[]string{"bilirubin", "bili", "totalbilirubin"}, "mg/dL", "µmol/L", 17.1, 0},
	{[]string{"calcium", "ca2"}, "mmol/L", "mg/dL", 4.008, 0},
	{[]string{"hemoglobin", "haemoglobin", "hgb", "hb", "albumin", "alb"}, "g/dL", "g/L", 10, 0},
	{[]string{"bun", "bloodureanitrogen"}, "mmol/L", "mg/dL", 2.801, 0},
}

// checkUnits looks for two groups of values that differ by the factor between two units. Where the column's
// name tells the quantity, any valley before the smaller group's peak is enough; elsewhere only groups
// with nothing between them count, for other mixtures are common.
func (s *session) checkUnits(c *column) {
	if c.Kind != table.Numeric {
		return
	}
	x := c.logShape()
	if x == nil {
		return
	}
	name, first := squeeze(c.Name), otsu(x)
	for _, v := range conversions {
		// Where the quantity is known, a small group is looked for on either side of the rest as well.
		named, starts := slices.Contains(v.names, name), []int{first}
		if named {
			middle := quantile(x, .5)
			step := math.Log(v.factor+v.add/math.Exp(middle)) / 2
			for _, cut := range []float64{middle + step, middle - step} {
				at, _ := slices.BinarySearch(x, cut)
				starts = append(starts, at)
			}
		}
		for _, at := range starts {
			if g, ok := twoGroups(x, at); ok && v.fits(g, named) {
				c.add(s.mixedUnits(c, &v, g, named))
				return
			}
		}
	}
}

// mixedUnits lists the rows of the smaller group: they are likelier the ones to convert.
func (s *session) mixedUnits(c *column, v *conversion, g groups, named bool) fault.Finding {
	sev := fault.Info
	if named {
		sev = fault.Warning
	}
	f := rowsWhere(s.t.Rows, func(i int) bool {
		return c.Num[i] > 0 && !math.IsInf(c.Num[i], 0) && (math.Log(c.Num[i]) > g.cut) == (g.high < g.low)
	}).finding("mixed-units", sev, c.Name)
	f.Message = fmt.Sprintf("values fall into two groups whose medians differ as %s and %s do", v.small, v.big)
	f.Hint = "find out the unit of each row and convert at the source"
	return f
}

// groups are two clusters of the logarithms of a column's positive values.
type groups struct {
	low, high        int // values in each
	median           [2]float64
	spread           [2]float64 // IQR / 1.349
	cut              float64
	valley           float64 // density at the cut over density at the smaller group's median
	twoPeaks         bool
	distinctEnough   bool
	nothingInBetween bool
}

// logShape is the logarithms of the positive values, sorted, thinned to ten thousand quantiles; nil where two
// groups could not be told: below 50 values, or of a few whole numbers, which are a scale and no measurement.
func (c *column) logShape() []float64 {
	positive := c.sorted[c.notPositive():]
	n := len(positive)
	if n < 50 || c.distinct < 20 || positive[n-1] < 1.8*positive[0] {
		return nil
	}
	x := make([]float64, min(n, 10_000))
	for i := range x {
		x[i] = math.Log(positive[i*(n-1)/(len(x)-1)])
	}
	return x
}

// twoGroups parts sorted values in two by k-medians, started from the first at of them against the others.
func twoGroups(x []float64, at int) (g groups, ok bool) {
	n := len(x)
	if at <= 0 || at >= n {
		return g, false
	}
	for range 20 {
		g.median = [2]float64{quantile(x[:at], .5), quantile(x[at:], .5)}
		g.cut = (g.median[0] + g.median[1]) / 2
		to, _ := slices.BinarySearch(x, g.cut)
		if to == at || to == 0 || to == n {
			break
		}
		at = to
	}
	g.low, g.high = at, n-at
	if smaller := min(g.low, g.high); smaller < 5 || float64(smaller) < .005*float64(n) {
		return g, false
	}
	for i, part := range [][]float64{x[:at], x[at:]} {
		g.spread[i] = (quantile(part, .75) - quantile(part, .25)) / 1.349
	}
	gap := g.median[1] - g.median[0]
	within := func(mid, half float64) float64 {
		a, _ := slices.BinarySearch(x, mid-half)
		b, _ := slices.BinarySearch(x, mid+half)
		return float64(b - a)
	}
	minor := 0
	if g.high < g.low {
		minor = 1
	}
	dip, peak := within(g.cut, gap/10), within(g.median[minor], gap/10)
	g.valley = dip / max(peak, 1)
	// Two and a half standard errors of the difference of two counts: the tail of one group is no second peak.
	g.twoPeaks = peak-dip > 2.5*math.Sqrt(peak+dip)
	g.nothingInBetween = within(g.cut, gap/5) == 0
	g.distinctEnough = distinctIn(x[:at]) >= 10 && distinctIn(x[at:]) >= 10 && min(g.low, g.high) >= 20
	return g, true
}

// fits tells whether the groups' medians differ by the conversion and their spreads are alike, as those of
// one quantity in two units are.
func (v *conversion) fits(g groups, named bool) bool {
	small, big := math.Exp(g.median[0]), math.Exp(g.median[1])
	tolerance, depth := .15, .8
	if !named {
		// Without a name the shapes must agree closely, and an affine change is too easily met.
		tolerance, depth = .05, 0
		if v.add != 0 || !g.nothingInBetween || !g.distinctEnough {
			return false
		}
	}
	if math.Abs(math.Log(big/(v.factor*small+v.add))) > tolerance || g.valley > depth || !g.twoPeaks {
		return false
	}
	if v.add != 0 {
		return g.median[1]-g.median[0] > 6*max(g.spread[0], g.spread[1])
	}
	lo, hi := min(g.spread[0], g.spread[1]), max(g.spread[0], g.spread[1])
	if !named && (lo == 0 || hi > 1.5*lo) {
		return false
	}
	return hi <= 3*lo+.05
}

// notPositive counts the finite values up to zero.
func (c *column) notPositive() int {
	n, _ := slices.BinarySearch(c.sorted, math.SmallestNonzeroFloat64)
	return n
}

// otsu returns where to cut sorted values so that the variance between the two parts is largest (Otsu, IEEE
// Trans SMC 1979).
func otsu(x []float64) int {
	total := 0.0
	for _, v := range x {
		total += v
	}
	n, sum, best, at := float64(len(x)), 0.0, -1.0, 1
	for i := 1; i < len(x); i++ {
		sum += x[i-1]
		k := float64(i)
		d := sum/k - (total-sum)/(n-k)
		if between := k * (n - k) * d * d; between > best {
			best, at = between, i
		}
	}
	return at
}

// distinctIn counts the distinct values of a sorted slice.
func distinctIn(x []float64) int {
	n := 0
	for i := range x {
		if i == 0 || x[i] != x[i-1] {
			n++
		}
	}
	return n
}

// neverZero are quantities that a living patient has more than none of.
var neverZero = []string{
	"glucose", "bloodglucose", "plasmaglucose", "plas", "bloodpressure", "pres", "sbp", "dbp", "sysbp", "diasbp", "systolicbp",
	"diastolicbp", "meanbp", "map", "trestbps", "skinthickness", "skin", "insulin", "insu", "bmi", "mass", "cholesterol", "chol",
	"totalcholesterol", "hdl", "weight", "height", "heartrate", "hr", "hrt", "pulse", "resprate", "respiratoryrate", "resp",
	"temp", "temperature", "sodium", "potassium", "hemoglobin", "haemoglobin", "hgb", "hematocrit", "haematocrit", "spo2",
	"platelets", "wbc", "wblc", "albumin", "alb", "ph", "pao2", "creatinine", "crea", "bun",
}

// checkZeros looks for zeros that stand for missing: in a column that is never zero in life, or, as mere
// information, where they stand apart from all other values of a measurement.
func (s *session) checkZeros(c *column) {
	if c.Kind != table.Numeric || len(c.order) < 20 || c.sorted[0] < 0 {
		return
	}
	positive := c.notPositive()
	rest := c.sorted[positive:]
	if positive == 0 || len(rest) < 20 || c.distinct < 20 {
		return
	}
	named := slices.Contains(neverZero, squeeze(c.Name))
	apart := rest[0] > 1.5*(quantile(rest, .75)-quantile(rest, .25))
	if !named && (!apart || positive < 5 || positive*100 < len(c.order)) {
		return
	}
	sev := fault.Info
	if named {
		sev = fault.Warning
	}
	f := rowsWhere(s.t.Rows, func(i int) bool { return c.Num[i] == 0 }).finding("zero-as-missing", sev, c.Name)
	f.Message = counted(f.Count, "value is", "values are") + " exactly zero, apart from all others"
	if !apart {
		f.Message = counted(f.Count, "value is", "values are") + " exactly zero, which this quantity is not in a living patient"
	}
	f.Hint = "if zero stands for missing, list it among the missing marks of the column"
	c.add(f)
}
