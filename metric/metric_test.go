package metric

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"galen.dev/fault"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// cohort draws n risks and outcomes whose log-odds are distorted by a shift and a slope.
func cohort(seed uint64, n int, shift, slope float64) ([]float64, []bool) {
	r := rand.New(rand.NewPCG(seed, 1))
	p, y := make([]float64, n), make([]bool, n)
	for i := range p {
		l := -1 + 1.3*r.NormFloat64()
		p[i] = expit(l)
		y[i] = r.Float64() < expit(shift+slope*l)
	}
	return p, y
}

// small draws few rows with many ties.
func small(t *rapid.T) ([]float64, []bool) {
	n := rapid.IntRange(1, 30).Draw(t, "n")
	p, y := make([]float64, n), make([]bool, n)
	for i := range p {
		p[i] = float64(rapid.IntRange(0, 10).Draw(t, "p")) / 10
		y[i] = rapid.Bool().Draw(t, "y")
	}
	return p, y
}

func TestAUROCIsShareOfPairsWon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, y := small(t)
		won, pairs := 0.0, 0.0
		for i := range p {
			for j := range p {
				if y[i] && !y[j] {
					pairs++
					switch {
					case p[i] > p[j]:
						won++
					case p[i] == p[j]:
						won += .5
					}
				}
			}
		}
		got := AUROC(p, y)
		if pairs == 0 && !math.IsNaN(got) || pairs > 0 && math.Abs(got-won/pairs) > exact {
			t.Fatalf("AUROC = %v, want %v of %v pairs", got, won, pairs)
		}
	})
}

func TestMonotoneMapKeepsRanks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, y := small(t)
		q := make([]float64, len(p))
		for i, v := range p {
			q[i] = v * v / 2
		}
		for _, f := range []func([]float64, []bool) float64{AUROC, AveragePrecision, MinSensitivityPPV} {
			if a, b := f(p, y), f(q, y); a != b && !(math.IsNaN(a) && math.IsNaN(b)) {
				t.Fatalf("%v became %v", a, b)
			}
		}
	})
}

func TestWeightsAreCopies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, y := small(t)
		w := make([]float64, len(p))
		var pp []float64
		var yy []bool
		for i := range p {
			k := rapid.IntRange(0, 3).Draw(t, "w")
			w[i] = float64(k)
			for range k {
				pp, yy = append(pp, p[i]), append(yy, y[i])
			}
		}
		same := func(a, b float64) bool { return math.Abs(a-b) < exact || math.IsNaN(a) && math.IsNaN(b) }
		if !same(AUROCWeighted(p, y, w), AUROC(pp, yy)) || !same(AveragePrecisionWeighted(p, y, w), AveragePrecision(pp, yy)) ||
			!same(BrierWeighted(p, y, w), Brier(pp, yy)) || !same(LogLossWeighted(p, y, w), LogLoss(pp, yy)) {
			t.Fatal("weight k differs from k copies")
		}
	})
}

func TestUndefinedIsNaN(t *testing.T) {
	p := []float64{.1, .4, .8, .9, .95}
	nan := math.NaN()
	none, all := make([]bool, 5), []bool{true, true, true, true, true}
	mixed := []bool{false, true, false, true, true}
	type f = func([]float64, []bool) float64
	slope := func(p []float64, y []bool) float64 { _, b := CalibrationSlope(p, y); return b }
	ici := func(p []float64, y []bool) float64 { return SmoothCalibration(p, y).ICI }
	ece := func(p []float64, y []bool) float64 { return ECE(p, y, 0, EqualCount) }
	z := func(p []float64, y []bool) float64 { z, _ := SpiegelhalterZ(p, y); return z }
	delong := func(p []float64, y []bool) float64 { return DeLong(p, y).Logit.Low }
	needsBoth := map[string]f{
		"AUROC": AUROC, "scaled Brier": ScaledBrier, "intercept": CalibrationIntercept, "slope": slope, "ICI": ici,
		"Youden": YoudenThreshold, "DeLong": delong,
	}
	needsRows := map[string]f{"Brier": Brier, "log loss": LogLoss, "ECE": ece, "AP": AveragePrecision, "z": z}
	for name, f := range needsBoth {
		for _, y := range [][]bool{none, all} {
			if v := f(p, y); !math.IsNaN(v) {
				t.Errorf("%s of one class = %v", name, v)
			}
		}
		needsRows[name] = f
	}
	for name, f := range needsRows {
		if v := f(nil, nil); !math.IsNaN(v) {
			t.Errorf("%s of nothing = %v", name, v)
		}
		if v := f([]float64{.1, nan, .8, .9, .95}, mixed); !math.IsNaN(v) {
			t.Errorf("%s with a NaN = %v", name, v)
		}
		if v := f(p, mixed); math.IsNaN(v) {
			t.Errorf("%s of good data is NaN", name)
		}
	}
	if a, b := CalibrationSlope([]float64{.1, .2, .3, .4}, []bool{false, false, true, true}); !math.IsNaN(a) || !math.IsNaN(b) {
		t.Errorf("slope of separated classes = %v, %v", a, b)
	}
	if ROC(p, none) != nil || PR(p, none) != nil || CalibrationBins(nil, nil, 0, EqualCount) != nil {
		t.Error("a curve without events is not nil")
	}
}

func TestLengthMismatchPanics(t *testing.T) {
	defer func() {
		if r := recover(); r != "metric: length mismatch" {
			t.Errorf("recovered %v", r)
		}
	}()
	AUROC([]float64{.1, .2}, []bool{true})
}

func TestCheckFindsEverything(t *testing.T) {
	names := func(fs []fault.Finding) (out []string) {
		for _, f := range fs {
			out = append(out, f.Name)
		}
		return out
	}
	fs := Check([]float64{.5, math.NaN(), 1.75, math.Inf(1)}, make([]bool, 4))
	if d := cmp.Diff([]string{"prediction-missing", "prediction-out-of-range", "one-class"}, names(fs)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{3, 4}, fs[1].Rows); d != "" {
		t.Error(d)
	}
	for _, f := range fs {
		if strings.Contains(f.String(), "1.75") {
			t.Errorf("a value is in %q", f)
		}
	}
	if fs := Check([]float64{.5, .6}, []bool{true, false}); fs != nil {
		t.Errorf("good data: %v", fs)
	}
	classes := CheckClasses([][]float64{{.5, .5}, {.5, .6}, {1}, {math.NaN(), 1}, {-1, 2}, {0, 1}}, []int{0, 1, 0, 1, 0, 7})
	want := []string{"ragged-predictions", "prediction-missing", "prediction-out-of-range", "prediction-sum", "label-out-of-range"}
	if d := cmp.Diff(want, names(classes)); d != "" {
		t.Error(d)
	}
	if names(Check(nil, nil))[0] != "no-predictions" || names(CheckClasses(nil, nil))[0] != "no-predictions" {
		t.Error("nothing to score is not found")
	}
}

func TestIntervalJSON(t *testing.T) {
	in := Score{"auroc", Interval{math.NaN(), .25, math.Inf(1), 10, 3}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"name":"auroc","value":null,"low":0.25,"high":null,"rounds":10,"undefined":3}`; string(b) != want {
		t.Errorf("got %s", b)
	}
	var out Score
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	in.High = math.NaN()
	if d := cmp.Diff(in, out, cmpopts.EquateNaNs()); d != "" {
		t.Error(d)
	}
}

// The figures of the reference: 100 patients, 20 with the event, 15 true and 10 false positives at .2.
func TestDecisionCurveFixture(t *testing.T) {
	var p []float64
	var y []bool
	add := func(n int, risk float64, event bool) {
		for range n {
			p, y = append(p, risk), append(y, event)
		}
	}
	add(15, .6, true)
	add(5, .1, true)
	add(10, .3, false)
	add(70, .05, false)
	d := DecisionCurve(p, y, []float64{.2})[0]
	near(t, "model", d.Model, .125, exact)
	near(t, "all", d.All, 0, exact)
	near(t, "none", d.None, 0, 0)
	near(t, "avoided", d.Avoided, 50, 1e-10)
	o := AtThresholds(p, y, []float64{.2})[0]
	if o.Counts != (Counts{15, 10, 70, 5}) {
		t.Errorf("counts %v", o.Counts)
	}
	near(t, "LR+", o.LRPositive, .75/.125, exact)
	near(t, "LR-", o.LRNegative, .25/.875, exact)
	near(t, "NPV", o.NPV.Value, 70./75, exact)
	bands, err := DecisionBands(context.Background(), Resample{N: 100, Rounds: 200}, p, y, []float64{.2, .5})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "benefit", bands[0].Benefit.Value, .125, exact)
	if b := bands[0].Model; !(b.Low < .125 && b.High > .125) {
		t.Errorf("interval %v", b)
	}
}

func TestChosenThresholds(t *testing.T) {
	p := []float64{.1, .2, .3, .4, .5, .6, .7, .8}
	y := []bool{false, false, true, false, false, true, true, true}
	near(t, "Youden", YoudenThreshold(p, y), .6, 0)
	near(t, "all events", ThresholdForSensitivity(p, y, 1), .3, 0)
	near(t, "three quarters", ThresholdForSensitivity(p, y, .75), .6, 0)
	near(t, "misses cost 5", ThresholdForCost(p, y, 5), .3, 0)
	near(t, "misses cost 1", ThresholdForCost(p, y, 1), .6, 0)
	if v := ThresholdForCost([]float64{.9, .1, .1}, []bool{false, true, true}, .4); !math.IsInf(v, 1) {
		t.Errorf("treating nobody is cheapest, got %v", v)
	}
}

func TestECEByHand(t *testing.T) {
	p := []float64{.05, .15, .15, .95, .99, 1}
	y := []bool{false, true, false, true, true, false}
	// Widths of a tenth: .05; .3 - 1 of two; 2.94 - 2 of three.
	near(t, "equal width", ECE(p, y, 10, EqualWidth), (.05+.7+.94)/6, exact)
	// Two bins of three: .35 - 1 and 2.94 - 2.
	near(t, "equal count", ECE(p, y, 2, EqualCount), (.65+.94)/6, exact)
	b := CalibrationBins(p, y, 2, EqualCount)
	if len(b) != 2 || b[0].Cases != 3 || b[1].Events != 2 || b[1].Low != .95 || b[1].High != 1 {
		t.Errorf("bins %+v", b)
	}
	near(t, "mean", b[0].Mean, .35/3, exact)
	q := [][]float64{{.95, .05}, {.85, .15}}
	near(t, "classwise", ClasswiseECE(q, []int{0, 0}, 1, EqualWidth), .1, exact)
}

func TestCalibrationFindsDistortion(t *testing.T) {
	p, y := cohort(3, 40000, .5, .7)
	_, slope := CalibrationSlope(p, y)
	near(t, "slope", slope, .7, .04)
	z, pv := SpiegelhalterZ(p, y)
	s := SmoothCalibration(p, y)
	if math.Abs(z) < 5 || pv > 1e-6 || s.ICI < .05 {
		t.Errorf("distorted risks pass: z %v, p %v, ICI %v", z, pv, s.ICI)
	}
	for _, c := range s.Curve {
		if c.Risk > .1 && c.Risk < .6 {
			near(t, "curve", c.Observed, expit(.5+.7*Logit(c.Risk)), .03)
		}
	}
	p, y = cohort(4, 40000, 0, 1)
	z, _ = SpiegelhalterZ(p, y)
	if s := SmoothCalibration(p, y); s.ICI > .01 || math.Abs(z) > 4 {
		t.Errorf("true risks fail: ICI %v, z %v", s.ICI, z)
	}
}

func TestSmoothSurvivesTies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, y := small(t)
		s := SmoothCalibration(p, y)
		tl := newTally(p, y, nil)
		if undefined := tl.oneClass() || len(p) < 4; undefined != math.IsNaN(s.ICI) {
			t.Fatalf("ICI = %v of %d rows", s.ICI, len(p))
		}
		for _, c := range s.Curve {
			if !(c.Observed >= 0 && c.Observed <= 1) {
				t.Fatalf("curve passes %v", c)
			}
		}
		if s.ICI > s.EMax+exact || s.E50 > s.E90 || s.E90 > s.EMax {
			t.Fatalf("summaries out of order: %v", s)
		}
	})
}

func TestWeightedQuantileIsSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		ds := make([]distance, n)
		total := 0.0
		for i := range ds {
			ds[i] = distance{float64(rapid.IntRange(0, 9).Draw(t, "d")), float64(rapid.IntRange(1, 4).Draw(t, "w"))}
			total += ds[i].w
		}
		target := total * rapid.Float64Range(.01, 1).Draw(t, "q")
		sorted := slices.Clone(ds)
		slices.SortFunc(sorted, func(a, b distance) int { return int(a.d - b.d) })
		want, seen := 0.0, 0.0
		for _, d := range sorted {
			if want = d.d; seen+d.w >= target {
				break
			}
			seen += d.w
		}
		if got := weightedQuantile(ds, target); got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestBinaryEqualsFunctions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, y := small(t)
		rows := rapid.SliceOfN(rapid.IntRange(0, len(p)-1), 1, 40).Draw(t, "rows")
		var pp []float64
		var yy []bool
		for _, i := range rows {
			pp, yy = append(pp, p[i]), append(yy, y[i])
		}
		b := NewBinary(p, y, BinaryOptions{Thresholds: []float64{.3}})
		_, slope := CalibrationSlope(pp, yy)
		s := SmoothCalibration(pp, yy)
		c := CountsAt(pp, yy, .3)
		want := []float64{
			(c.TP + c.FN) / float64(len(pp)), AUROC(pp, yy), AveragePrecision(pp, yy), MinSensitivityPPV(pp, yy),
			Brier(pp, yy), ScaledBrier(pp, yy), LogLoss(pp, yy),
			CalibrationIntercept(pp, yy), slope, ECE(pp, yy, 0, EqualCount), s.ICI, s.E50, s.E90, s.EMax, c.Sensitivity(),
			c.Specificity(), c.PPV(), c.NPV(), c.Accuracy(), c.BalancedAccuracy(), c.F1(), c.MCC(), c.NetBenefit(.3),
		}
		got := b.Scores(rows)
		if len(got) != len(b.Names()) {
			t.Fatalf("%d scores, %d names", len(got), len(b.Names()))
		}
		if d := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(0, 1e-9)); d != "" {
			t.Fatal(d)
		}
	})
}

func TestBootstrapIgnoresProcessors(t *testing.T) {
	p, y := cohort(5, 300, 0, 1)
	b := NewBinary(p, y, BinaryOptions{Thresholds: []float64{.2}})
	groups := make([]int, len(p))
	for i := range groups {
		groups[i] = 1000 - i/3
	}
	run := func(procs int) []Score {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		s, err := b.Intervals(context.Background(), Resample{N: len(p), Groups: groups, Rounds: 100, Seed: 9})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if d := cmp.Diff(run(1), run(7)); d != "" {
		t.Error(d)
	}
}

func TestBootstrapCovers(t *testing.T) {
	// The mean of 200 uniforms has standard error sqrt(1/12/200) = .0204; a percentile interval is about ± 1.96 of it.
	r := rand.New(rand.NewPCG(1, 2))
	v := make([]float64, 200)
	for i := range v {
		v[i] = r.Float64()
	}
	stat := func(rows []int) []float64 {
		s := 0.0
		for _, i := range rows {
			s += v[i]
		}
		return []float64{s / float64(len(rows))}
	}
	ivs, err := Bootstrap(context.Background(), Resample{N: 200, Rounds: 2000}, stat)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "width", ivs[0].Width(), 2*1.96*.0204, .01)
	// Every value four times over, as four rows of one patient, must not narrow it; taken as independent it halves.
	groups := make([]int, 800)
	for i := range groups {
		groups[i] = i / 4
	}
	four := func(rows []int) []float64 {
		s := 0.0
		for _, i := range rows {
			s += v[i/4]
		}
		return []float64{s / float64(len(rows))}
	}
	by, _ := Bootstrap(context.Background(), Resample{N: 800, Groups: groups, Rounds: 2000}, four)
	naive, _ := Bootstrap(context.Background(), Resample{N: 800, Rounds: 2000}, four)
	near(t, "ratio by patient", by[0].Width()/ivs[0].Width(), 1, .06)
	near(t, "ratio by row", naive[0].Width()/ivs[0].Width(), .5, .06)
}

func TestBootstrapStrataKeepCounts(t *testing.T) {
	y := []bool{true, false, false, false, false, false, false, false}
	strata := []int{1, 0, 0, 0, 0, 0, 0, 0}
	stat := func(rows []int) []float64 {
		n := 0.0
		for _, i := range rows {
			if y[i] {
				n++
			}
		}
		if n == 0 {
			n = math.NaN()
		}
		return []float64{n}
	}
	with, err := Bootstrap(context.Background(), Resample{N: 8, Strata: strata, Rounds: 500}, stat)
	if err != nil {
		t.Fatal(err)
	}
	if v := with[0]; v.Low != 1 || v.High != 1 || v.Undefined != 0 {
		t.Errorf("with strata: %v", v)
	}
	without, _ := Bootstrap(context.Background(), Resample{N: 8, Rounds: 500}, stat)
	// (7/8)^8 = 34 % of rounds draw no event.
	if v := without[0]; v.Undefined < 130 || v.Undefined > 215 || v.Rounds != 500 {
		t.Errorf("without strata: %v", v)
	}
}

func TestBootstrapDifferencePairs(t *testing.T) {
	p, y := cohort(6, 200, 0, 1)
	b := NewBinary(p, y, BinaryOptions{})
	d, err := b.Differences(context.Background(), b, Resample{N: 200, Rounds: 50})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range d {
		if s.Value != 0 || s.Low != 0 || s.High != 0 {
			t.Errorf("%s differs from itself: %v", s.Name, s.Interval)
		}
	}
}

func TestBootstrapRefusesAndStops(t *testing.T) {
	stat := func([]int) []float64 { return []float64{1} }
	_, err := Bootstrap(context.Background(), Resample{Rounds: -1, Level: 2}, stat)
	if len(fault.FindingsOf(err)) != 3 || fault.KindOf(err) != fault.Data {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var calls atomic.Int64
	_, err = Bootstrap(ctx, Resample{N: 5, Rounds: 1 << 20}, func([]int) []float64 {
		if calls.Add(1) == 100 {
			cancel()
		}
		return []float64{1}
	})
	if !errors.Is(err, context.Canceled) || calls.Load() > 200 {
		t.Errorf("%d calls, %v", calls.Load(), err)
	}
}

func TestSubgroups(t *testing.T) {
	p, y := cohort(7, 3000, 0, 1)
	group := make([]int, len(p))
	r := rand.New(rand.NewPCG(7, 7))
	for i := range group {
		group[i] = i % 2
		switch {
		case i%100 == 0:
			group[i] = 2
		case i%101 == 0:
			group[i] = -1
		case group[i] == 1: // men get noise for a risk
			p[i] = expit(-1 + 1.3*r.NormFloat64())
		}
	}
	levels := []string{"women", "men", "other"}
	res := Resample{N: len(p), Rounds: 200}
	table, err := Subgroups(context.Background(), res, p, y, group, levels, SubgroupOptions{Threshold: .3})
	if err != nil {
		t.Fatal(err)
	}
	if table[0].N != 3000 || table[0].Differences != nil || table[3].Hidden == "" || table[3].Scores != nil || table[3].N != 0 {
		t.Errorf("table %+v", table)
	}
	var pw []float64
	var yw []bool
	for i, g := range group {
		if g == 0 {
			pw, yw = append(pw, p[i]), append(yw, y[i])
		}
	}
	near(t, "women's AUROC", table[1].Scores[0].Value, AUROC(pw, yw), exact)
	if d := table[2].Differences[0]; d.Name != "auroc" || !(d.High < 0) {
		t.Errorf("noise for men goes unseen: %v", d)
	}
	table, err = Subgroups(context.Background(), res, p, y, group, levels, SubgroupOptions{Threshold: .3, Reference: "women"})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "men against women", table[2].Differences[0].Value, table[2].Scores[0].Value-table[1].Scores[0].Value, exact)
	if table[1].Differences != nil || table[0].Differences == nil {
		t.Error("differences are not to the reference")
	}
	_, err = Subgroups(context.Background(), res, p, y, group, levels, SubgroupOptions{Threshold: .3, Reference: "other"})
	if fault.KindOf(err) != fault.Usage {
		t.Errorf("a hidden reference gives %v", err)
	}
	group[5] = 9
	_, err = Subgroups(context.Background(), res, p, y, group, levels, SubgroupOptions{Threshold: .3})
	if f := fault.FindingsOf(err); len(f) != 1 || f[0].Rows[0] != 6 {
		t.Errorf("a wrong group gives %v", err)
	}
}

func TestConfusionRefusesLabels(t *testing.T) {
	_, err := NewConfusion([]int{0, 3}, []int{0, 1}, 2)
	if f := fault.FindingsOf(err); len(f) != 1 || f[0].Rows[0] != 2 {
		t.Errorf("got %v", err)
	}
}

func TestKendallAgainstPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 25).Draw(t, "n")
		a, b := make([]float64, n), make([]float64, n)
		for i := range a {
			a[i], b[i] = float64(rapid.IntRange(0, 5).Draw(t, "a")), float64(rapid.IntRange(0, 5).Draw(t, "b"))
		}
		sign := func(x float64) float64 { return float64(compareFloat(x, 0)) }
		var s, na, nb float64
		for i := range n {
			for j := range i {
				u, v := sign(a[i]-a[j]), sign(b[i]-b[j])
				s += u * v
				na += u * u
				nb += v * v
			}
		}
		want := s / math.Sqrt(na*nb)
		if got := KendallTau(a, b); math.Abs(got-want) > exact || math.IsNaN(got) != math.IsNaN(want) {
			t.Fatalf("tau = %v, want %v", got, want)
		}
	})
}

func BenchmarkBootstrapAll10000x1000(b *testing.B) {
	p, y := cohort(8, 10000, 0, 1)
	m := NewBinary(p, y, BinaryOptions{Thresholds: []float64{.1, .2, .3}})
	for b.Loop() {
		if _, err := m.Intervals(context.Background(), Resample{N: len(p)}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAUROC1e6(b *testing.B) {
	p, y := cohort(8, 1000000, 0, 1)
	for b.Loop() {
		AUROC(p, y)
	}
}

// At the maximum the scores vanish: residuals sum to 0, alone and against the log-odds. Risks of 0 and 1 are among the cases.
func TestSlopeIsMaximum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, y := small(t)
		tl := newTally(p, y, nil)
		a, b := CalibrationSlope(p, y)
		if undefined := tl.oneClass() || tl.separated(); undefined != math.IsNaN(b) {
			t.Fatalf("slope = %v, classes separated: %v", b, undefined)
		}
		if math.IsNaN(b) {
			return
		}
		var s0, s1 float64
		for i, v := range p {
			r := -expit(a + b*Logit(v))
			if y[i] {
				r++
			}
			s0 += r
			s1 += r * Logit(v)
		}
		if math.Abs(s0) > 1e-7 || math.Abs(s1) > 1e-6 {
			t.Fatalf("scores %v, %v at %v, %v", s0, s1, a, b)
		}
		if i := CalibrationIntercept(p, y); math.IsNaN(i) {
			t.Fatal("intercept is NaN")
		}
	})
}
