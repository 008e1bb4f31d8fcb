package conformal

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"galen.dev/fault"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The fixtures of the reference: at alpha .1, nine scores give the ninth and eight give infinity.
func TestQuantileFixtures(t *testing.T) {
	s := []float64{9, 1, 8, 2, 7, 3, 6, 4, 5}
	if q := Quantile(s, .1); q != 9 {
		t.Errorf("n = 9: %v", q)
	}
	if q := Quantile(s[1:], .1); !math.IsInf(q, 1) {
		t.Errorf("n = 8: %v", q)
	}
	if q := Quantile(s, .5); q != 5 {
		t.Errorf("median: %v", q)
	}
	if s[0] != 9 {
		t.Error("the scores were reordered")
	}
	for _, c := range []struct {
		alpha float64
		n     int
	}{{.1, 9}, {.05, 19}, {.01, 99}, {.2, 4}, {.5, 1}, {.3, 3}, {.9, 1}} {
		if n := Smallest(c.alpha); n != c.n {
			t.Errorf("smallest n at %v is %d, want %d", c.alpha, n, c.n)
		}
	}
}

func TestRankIsExact(t *testing.T) {
	for n := range 3000 {
		for a := 1; a < 1000; a++ { // alpha in thousandths, so that integers give the truth
			if want := max(((n+1)*(1000-a)+999)/1000, 1); rank(n, float64(a)/1000) != want {
				t.Fatalf("n %d, alpha %d/1000: %d, want %d", n, a, rank(n, float64(a)/1000), want)
			}
		}
	}
}

func TestScoresByHand(t *testing.T) {
	p := []float64{.2, .5, .3}
	for _, c := range []struct {
		score Score
		want  []float64
	}{
		{LAC, []float64{.8, .5, .7}},
		{APS, []float64{1, .5, .8}},
		{APSRandomised, []float64{.95, .375, .725}},
	} {
		s := Sets{Score: c.score}
		for k, v := range s.scores(p, .25) {
			if math.Abs(v-c.want[k]) > 1e-15 {
				t.Errorf("%s of class %d = %v, want %v", c.score, k, v, c.want[k])
			}
		}
	}
	s := Sets{Score: APS, Bounds: []Bound{.8}}
	if d := cmp.Diff([]int{1, 2}, s.Predict(p, 0)); d != "" {
		t.Error(d)
	}
	s = Sets{Score: LAC, Mondrian: true, Bounds: []Bound{.9, .4, .7}}
	if d := cmp.Diff([]int{0, 2}, s.Predict(p, 0)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{0, 1, 2}, s.Predict([]float64{.5, math.NaN(), .5}, 0)); d != "" {
		t.Error(d)
	}
}

// patients draws classes of unequal size and probabilities of a model that is too sure.
func patients(r *rand.Rand, n int) (p [][]float64, y []int, u []float64) {
	for range n {
		c := 0
		if r.Float64() < .3 {
			c = 1 + r.IntN(2)
		}
		row, sum := make([]float64, 3), 0.0
		for k := range row {
			l := 2 * r.NormFloat64()
			if k == c {
				l += 1.5
			}
			row[k] = math.Exp(l)
			sum += row[k]
		}
		for k := range row {
			row[k] /= sum
		}
		p, y, u = append(p, row), append(y, c), append(u, r.Float64())
	}
	return p, y, u
}

// On average over calibration sets, coverage lies within [1-α, 1-α + 1/(n+1)] for scores without ties. With 400
// repetitions of 50 new patients the standard error is below .004; a margin of .015 fails by chance less
// than once in a thousand runs, and the seed is fixed besides.
func TestCoverageOnExchangeablePatients(t *testing.T) {
	const n, fresh, rounds, alpha, margin = 39, 50, 400, .2, .015
	for _, score := range []Score{LAC, APS, APSRandomised} {
		for _, mondrian := range []bool{false, true} {
			r := rand.New(rand.NewPCG(1, 1))
			var all [][]int
			var truth []int
			for range rounds {
				p, y, u := patients(r, n+fresh)
				opt := SetOptions{Score: score, Alpha: alpha, Mondrian: mondrian}
				if score == APSRandomised {
					opt.U = u[:n]
				}
				s, err := FitSets(p[:n], y[:n], opt)
				if err != nil {
					t.Fatal(err)
				}
				for i := n; i < n+fresh; i++ {
					all = append(all, s.Predict(p[i], u[i]))
				}
				truth = append(truth, y[n:]...)
			}
			c := Measure(all, truth, 3)
			low, high := 1-alpha-margin, 1-alpha+1./(n+1)+margin
			// Deterministic APS gives a class of lowest rank the score 1, and so many ties: only the lower bound holds.
			if v := c.Covered.Value; !mondrian && (v < low || v > high && score != APS) {
				t.Errorf("%s covers %.3f", score, v)
			}
			for k, v := range c.ByClass {
				if mondrian && v.Value < low {
					t.Errorf("%s covers %.3f of class %d", score, v.Value, k)
				}
			}
		}
	}
}

func TestIntervalsCover(t *testing.T) {
	const n, fresh, rounds, alpha = 49, 50, 300, .1
	r := rand.New(rand.NewPCG(3, 1))
	var lo, hi, qlo, qhi, truth []float64
	for range rounds {
		var f, l, h, y []float64
		for range n + fresh {
			x := r.NormFloat64()
			s := .2 + math.Abs(x) // hard patients are those far out
			f, l, h = append(f, x), append(l, x-s), append(h, x+s)
			y = append(y, x+s*r.NormFloat64())
		}
		a, err := FitResidual(f[:n], y[:n], 0)
		if err != nil {
			t.Fatal(err)
		}
		b, err := FitQuantiles(l[:n], h[:n], y[:n], alpha)
		if err != nil {
			t.Fatal(err)
		}
		for i := n; i < n+fresh; i++ {
			u, v := a.Around(f[i])
			lo, hi = append(lo, u), append(hi, v)
			u, v = b.Between(l[i], h[i])
			qlo, qhi = append(qlo, u), append(qhi, v)
		}
		truth = append(truth, y[n:]...)
	}
	plain, quantile := MeasureIntervals(lo, hi, truth), MeasureIntervals(qlo, qhi, truth)
	for _, c := range []IntervalCoverage{plain, quantile} {
		if v := c.Covered.Value; v < .885 || v > .935 {
			t.Errorf("coverage %.3f", v)
		}
	}
	if quantile.MeanWidth >= plain.MeanWidth {
		t.Errorf("intervals that follow difficulty are wider: %v, %v", quantile.MeanWidth, plain.MeanWidth)
	}
}

func TestIntervalsByHand(t *testing.T) {
	v, err := FitResidual([]float64{0, 0, 0, 0}, []float64{1, -3, 2, .5}, .25)
	if err != nil || v.Bound != 3 {
		t.Errorf("bound %v, %v", v, err)
	}
	if lo, hi := v.Around(10); lo != 7 || hi != 13 {
		t.Errorf("interval %v to %v", lo, hi)
	}
	narrow := Intervals{Bound: -2}
	if lo, hi := narrow.Between(0, 10); lo != 2 || hi != 8 {
		t.Errorf("interval %v to %v", lo, hi)
	}
	if lo, hi := narrow.Between(0, 3); lo != 1.5 || hi != 1.5 {
		t.Errorf("turned interval %v to %v", lo, hi)
	}
	few, err := FitResidual([]float64{0}, []float64{1}, .1)
	if err != nil || !few.Infinite() {
		t.Errorf("one patient: %v, %v", few, err)
	}
	if lo, hi := few.Around(0); !math.IsInf(lo, -1) || !math.IsInf(hi, 1) {
		t.Errorf("interval %v to %v", lo, hi)
	}
}

func TestMeasureByHand(t *testing.T) {
	c := Measure([][]int{{0}, {0, 1}, {}, {1}}, []int{0, 1, 1, 0}, 2)
	got := []float64{c.Covered.Value, c.ByClass[0].Value, c.ByClass[1].Value, c.Size, c.Single.Value, c.Empty.Value, c.Full.Value}
	if d := cmp.Diff([]float64{.5, .5, .5, 1, .5, .25, .25}, got); d != "" {
		t.Error(d)
	}
	if _, err := json.Marshal(Measure(nil, nil, 2)); err != nil {
		t.Error(err)
	}
}

func TestSetsRoundTrip(t *testing.T) {
	p, y, _ := patients(rand.New(rand.NewPCG(1, 9)), 25)
	s, err := FitSets(p, y, SetOptions{Mondrian: true})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Infinite() || !slices.Contains(s.Bounds, Bound(math.Inf(1))) {
		t.Fatalf("rare classes are bounded: %+v", s)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Sets
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s, &back); d != "" {
		t.Error(d)
	}
	if err := back.Check(3); err != nil {
		t.Error(err)
	}
	back.Bounds[0] = -1
	if fault.KindOf(back.Check(3)) != fault.Corrupt || fault.KindOf(s.Check(4)) != fault.Corrupt {
		t.Error("corruption passes")
	}
}

func TestSetsGrowWithConfidence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		p, y, u := patients(r, 60)
		score := rapid.SampledFrom([]Score{LAC, APS, APSRandomised}).Draw(t, "score")
		opt := SetOptions{Score: score, Mondrian: rapid.Bool().Draw(t, "mondrian"), Alpha: .05}
		if score == APSRandomised {
			opt.U = u
		}
		wide, err := FitSets(p, y, opt)
		if err != nil {
			t.Fatal(err)
		}
		opt.Alpha = .3
		narrow, err := FitSets(p, y, opt)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p {
			big := wide.Predict(p[i], u[i])
			for _, c := range narrow.Predict(p[i], u[i]) {
				if !slices.Contains(big, c) {
					t.Fatalf("class is in the set at 70 %% and not at 95 %%")
				}
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	p, y := [][]float64{{.5, .5}, {math.NaN(), 1}, {.9, .3}}, []int{0, 1, 5}
	_, err := FitSets(p, y, SetOptions{Score: "best", Alpha: 1})
	var names []string
	for _, f := range fault.FindingsOf(err) {
		names = append(names, f.Name)
	}
	want := []string{"prediction-missing", "prediction-sum", "label-out-of-range", "alpha-out-of-range", "score-unknown"}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
	if _, err := FitSets(p[:1], y[:1], SetOptions{U: []float64{.5}}); fault.KindOf(err) != fault.Data {
		t.Errorf("unused numbers: %v", err)
	}
	if _, err := FitSets(p[:1], y[:1], SetOptions{Score: APSRandomised, U: []float64{2}}); fault.KindOf(err) != fault.Data {
		t.Errorf("uniform number 2: %v", err)
	}
	_, err = FitQuantiles([]float64{0, 2, math.Inf(-1)}, []float64{1, 1, 1}, []float64{0, 0, 0}, -1)
	if f := fault.FindingsOf(err); len(f) != 3 || f[0].Rows[0] != 3 || f[1].Rows[0] != 2 {
		t.Errorf("got %v", err)
	}
	if _, err := FitResidual(nil, nil, 0); fault.KindOf(err) != fault.Data {
		t.Errorf("no rows: %v", err)
	}
}
