package glm

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"galen.dev/fault"
)

func mustFitAdditive(t testing.TB, X [][]float64, y, w []float64, p AdditiveParams) *Additive {
	t.Helper()
	m, err := FitAdditive(background, X, y, w, p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// scene is a cohort whose truth is known: a curve, a step, a category, a feature without effect, missing
// values with an effect of their own, and an interaction that no main effect can express.
type scene struct {
	X      [][]float64
	y      []float64
	levels []int
	truth  []float64 // margin
}

func draw(seed uint64, n int, f Family) scene {
	r := rand.New(rand.NewPCG(seed, 3))
	s := scene{X: rect(6, n), y: make([]float64, n), levels: []int{0, 0, 4, 0, 0, 0}, truth: make([]float64, n)}
	effect := []float64{-1, 0.5, 1.5, -0.2}
	for i := range n {
		for j := range s.X {
			s.X[j][i] = r.Float64()*2 - 1
		}
		s.X[2][i] = float64(r.IntN(4))
		eta := 1.5 * math.Sin(3*s.X[0][i])
		if s.X[1][i] > 0.2 {
			eta++
		}
		eta += effect[int(s.X[2][i])]
		if r.Float64() < 0.15 {
			s.X[1][i] = math.NaN()
			eta = 1.5*math.Sin(3*s.X[0][i]) + effect[int(s.X[2][i])] - 1.5
		}
		if s.X[3][i]*s.X[4][i] > 0 {
			eta += 1.2
		} else {
			eta -= 1.2
		}
		s.truth[i] = eta
		if f == Gaussian {
			s.y[i] = eta + 0.3*r.NormFloat64()
		} else if r.Float64() < sigmoid(eta) {
			s.y[i] = 1
		}
	}
	return s
}

func TestPlantedShapesAreRecovered(t *testing.T) {
	for _, f := range []Family{Gaussian, Binomial} {
		s := draw(1, 4000, f)
		m := mustFitAdditive(t, s.X, s.y, nil, AdditiveParams{Family: f, Levels: s.levels, Bags: 4, Pairs: 3, LearningRate: 0.05})
		if len(m.Terms) != 9 {
			t.Fatalf("%d terms, want 6 and 3 pairs", len(m.Terms))
		}
		first := m.Terms[6]
		if first.Axes[0].Feature != 3 || first.Axes[1].Feature != 4 {
			t.Errorf("%s: the strongest pair is of features %d and %d, want 3 and 4", f, first.Axes[0].Feature, first.Axes[1].Feature)
		}
		// The step of 1 at 0.2, and missing values 1.5 below the lower side.
		at := func(term int, v float64) float64 { return m.Terms[term].Scores[0][m.Terms[term].Axes[0].Bin(v)] }
		// Bins hold a dozen rows each; means over a stretch of values say what was learned.
		mean := func(term int, lo, hi float64) (s float64) {
			for i := range 100 {
				s += at(term, lo+(hi-lo)*(float64(i)+0.5)/100) / 100
			}
			return s
		}
		tol := map[Family]float64{Gaussian: 0.15, Binomial: 0.5}[f]
		for name, got := range map[string][2]float64{
			"step":     {mean(1, 0.25, 1) - mean(1, -1, 0.15), 1},
			"missing":  {at(1, math.NaN()) - mean(1, -1, 0.15), -1.5},
			"category": {at(2, 2) - at(2, 0), 2.5},
			"curve":    {mean(0, 0.45, 0.6) - mean(0, -0.6, -0.45), 3},
			"noise":    {mean(5, 0, 1) - mean(5, -1, 0), 0},
		} {
			if math.Abs(got[0]-got[1]) > tol {
				t.Errorf("%s: the %s is %.3f, planted %g", f, name, got[0], got[1])
			}
		}
		if a, b := m.Terms[5].Importance(0), m.Terms[0].Importance(0); a > b/5 {
			t.Errorf("%s: the feature without effect has importance %.3f beside %.3f", f, a, b)
		}
	}
}

// Contributions sum to the margin for any row, seen or not, and terms are centred and pure.
func TestAdditivity(t *testing.T) {
	s := draw(2, 600, Binomial)
	m := mustFitAdditive(t, s.X, s.y, nil, AdditiveParams{Family: Binomial, Levels: s.levels, Bags: 3, Rounds: 200})
	r := rand.New(rand.NewPCG(5, 5))
	row, out := make([]float64, 6), []float64{0}
	for range 500 {
		for j := range row {
			row[j] = r.NormFloat64() * 2
			if r.IntN(5) == 0 {
				row[j] = math.NaN()
			}
		}
		m.Margin(row, out)
		phi, sum := m.Contributions(0, row)
		both := sum
		for _, v := range phi {
			sum += v
		}
		for _, v := range m.PerFeature(phi) {
			both += v
		}
		if math.Abs(sum-out[0]) > 1e-9 || math.Abs(both-out[0]) > 1e-9 {
			t.Fatalf("contributions sum to %g, by feature to %g, margin %g", sum, both, out[0])
		}
	}
	for i := range m.Terms {
		checkPure(t, &m.Terms[i])
	}
	for _, u := range m.Uncertainty(0, row) {
		if !(u >= 0 && u < 5) {
			t.Errorf("uncertainty %g", u)
		}
	}
}

func checkPure(t *testing.T, term *Term) {
	t.Helper()
	wide := 1
	if len(term.Axes) == 2 {
		wide = term.Axes[1].Bins()
	}
	rows, cols := make([]float64, len(term.Weight)/wide), make([]float64, wide)
	var mean, total float64
	for b, w := range term.Weight {
		v := w * term.Scores[0][b]
		mean, total = mean+v, total+w
		rows[b/wide] += v
		cols[b%wide] += v
	}
	if math.Abs(mean) > 1e-9 || math.Abs(total-1) > 1e-9 {
		t.Errorf("a term has mean %g and weight %g", mean, total)
	}
	for _, v := range append(rows, cols...) {
		if wide > 1 && math.Abs(v) > 1e-9 {
			t.Errorf("a pair has a marginal of %g", v)
		}
	}
}

func TestAdditiveClasses(t *testing.T) {
	n := 900
	r := rand.New(rand.NewPCG(8, 8))
	X, y := rect(2, n), make([]float64, n)
	for i := range y {
		X[0][i], X[1][i] = r.Float64(), float64(r.IntN(3))
		switch {
		case X[0][i] < 0.3:
			y[i] = 0
		case X[1][i] == 1:
			y[i] = 1
		default:
			y[i] = 2
		}
		if r.IntN(10) == 0 {
			y[i] = float64(r.IntN(3))
		}
	}
	m := mustFitAdditive(t, X, y, nil, AdditiveParams{Family: Multinomial, Levels: []int{0, 3}, Bags: 3, LearningRate: 0.1})
	if m.Outputs() != 3 || len(m.Terms) != 2 {
		t.Fatalf("%d outputs, %d terms", m.Outputs(), len(m.Terms))
	}
	out, hits := make([]float64, 3), 0
	for i := range y {
		m.Predict([]float64{X[0][i], X[1][i]}, out)
		if math.Abs(out[0]+out[1]+out[2]-1) > 1e-12 {
			t.Fatalf("probabilities %v", out)
		}
		if slices.Index(out, slices.Max(out)) == int(y[i]) {
			hits++
		}
	}
	// .90 of the outcomes follow the rule and a third of the others do so by chance; an additive model can
	// express the rule.
	if hits < n*90/100 {
		t.Errorf("%d of %d right", hits, n)
	}
}

func TestMonotoneShapes(t *testing.T) {
	s := draw(4, 500, Binomial)
	mono := []int8{1, 0, 0, -1, 0, 0}
	m := mustFitAdditive(t, s.X, s.y, nil, AdditiveParams{Family: Binomial, Levels: s.levels, Monotone: mono, Bags: 3, Rounds: 300})
	for i := range m.Terms {
		for _, a := range m.Terms[i].Axes {
			if len(m.Terms[i].Axes) == 2 && mono[a.Feature] != 0 {
				t.Errorf("a monotone feature is in a pair")
			}
		}
	}
	free := mustFitAdditive(t, s.X, s.y, nil, AdditiveParams{Family: Binomial, Levels: s.levels, Bags: 3, Rounds: 300})
	for j, sign := range mono {
		if sign == 0 {
			continue
		}
		rises := func(sc []float64) bool {
			for b := 2; b < len(sc); b++ {
				if (sc[b]-sc[b-1])*float64(sign) < 0 {
					return false
				}
			}
			return true
		}
		if !rises(m.Terms[j].Scores[0]) {
			t.Errorf("feature %d is not monotone", j)
		}
		if rises(free.Terms[j].Scores[0]) {
			t.Errorf("feature %d is monotone without the constraint: the test shows nothing", j)
		}
		checkPure(t, &m.Terms[j])
	}
}

func TestAdditiveDeterministicOverProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	s := draw(5, 300, Binomial)
	fit := func(seed uint64) []byte {
		m := mustFitAdditive(t, s.X, s.y, nil, AdditiveParams{Family: Binomial, Levels: s.levels, Bags: 5, Rounds: 100, Seed: seed})
		b, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	want := fit(1)
	for _, procs := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(procs)
		if !bytes.Equal(fit(1), want) {
			t.Errorf("other bytes with %d processors", procs)
		}
	}
	if bytes.Equal(fit(2), want) {
		t.Error("the seed changes nothing")
	}
}

// Rows of weight zero are as good as absent, but for the draw of the bags: bins, centring and outcome classes
// ignore them. A doubled weight moves the fit towards its rows.
func TestAdditiveWeights(t *testing.T) {
	s := draw(6, 800, Binomial)
	w := make([]float64, len(s.y))
	for i := range w {
		w[i] = 1
		if s.y[i] == 1 {
			w[i] = 5
		}
		if i >= 700 {
			w[i], s.X[0][i] = 0, 100
		}
	}
	p := AdditiveParams{Family: Binomial, Levels: s.levels, Bags: 3, Rounds: 150}
	m := mustFitAdditive(t, s.X, s.y, w, p)
	if e := m.Terms[0].Axes[0].Edges; slices.Max(e) > 1 {
		t.Error("rows without weight made a bin")
	}
	plain := mustFitAdditive(t, s.X, s.y, nil, p)
	if d := m.Intercept[0] - plain.Intercept[0]; !(d > 1 && d < 2.5) {
		t.Errorf("five times the weight on cases moves the intercept by %g, about log 5 expected", d)
	}
}

func TestAdditiveRefusals(t *testing.T) {
	s := draw(7, 100, Binomial)
	p := AdditiveParams{Family: Binomial, Levels: s.levels}
	inf := clone(s.X)
	inf[0][3] = math.Inf(1)
	_, err := FitAdditive(background, inf, s.y, nil, p)
	wantRefusal(t, err, fault.Data, "infinite-value x1")
	_, err = FitAdditive(background, s.X, make([]float64, 100), nil, p)
	wantRefusal(t, err, fault.Data, "one-class outcome")
	_, err = FitAdditive(background, [][]float64{{}}, nil, nil, AdditiveParams{Family: Binomial})
	wantRefusal(t, err, fault.Data, "no-rows ")
	many := p
	many.Levels = []int{0, 0, 300, 0, 0, 0}
	_, err = FitAdditive(background, s.X, s.y, nil, many)
	wantRefusal(t, err, fault.Data, "too-many-levels x3")
	few := p
	few.Levels = []int{0, 0, 3, 0, 0, 0}
	_, err = FitAdditive(background, s.X, s.y, nil, few)
	wantRefusal(t, err, fault.Data, "not-a-level x3")
	for _, q := range []AdditiveParams{
		{MaxBins: 300},
		{MaxBins: 2},
		{Bags: -1},
		{Validation: 1},
		{LearningRate: 2},
		{Levels: []int{1}},
		{Monotone: []int8{0, 0, 1, 0, 0, 0}, Levels: s.levels},
		{Monotone: []int8{2, 0, 0, 0, 0, 0}},
	} {
		if _, err := FitAdditive(background, s.X, s.y, nil, q); fault.KindOf(err) != fault.Usage {
			t.Errorf("%+v: %v", q, err)
		}
	}
	ctx, stop := context.WithTimeout(background, 10*time.Millisecond)
	defer stop()
	start := time.Now()
	big := draw(8, 20000, Binomial)
	if _, err := FitAdditive(ctx, big.X, big.y, nil, p); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled: %v", err)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("stopped after %s", d)
	}
}

// Degenerate data give a model, not a crash.
func TestAdditiveSmall(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		X [][]float64
		y []float64
		f Family
	}{
		{[][]float64{{1, 2}}, []float64{0, 1}, Binomial},
		{[][]float64{{nan, nan, nan}, {5, 5, 5}}, []float64{0, 1, 0}, Binomial},
		{[][]float64{}, []float64{0, 1, 1, 0}, Binomial},
		{[][]float64{{1}}, []float64{3}, Gaussian},
		{[][]float64{{-1e150, 1e150, 0, 1, 2, 3, 4, 5, 6, 7}}, []float64{0, 1, 2, 0, 1, 2, 0, 1, 2, 0}, Multinomial},
	} {
		m := mustFitAdditive(t, c.X, c.y, nil, AdditiveParams{Family: c.f})
		row := make([]float64, len(c.X))
		out := make([]float64, m.Outputs())
		for i := range row {
			row[i] = nan
		}
		m.Predict(row, out)
		for _, v := range out {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%v predicts %v", c, out)
			}
		}
	}
}

func TestEdges(t *testing.T) {
	w := constant(6, 1)
	for _, c := range []struct {
		x    []float64
		most int
		want []float64
	}{
		{[]float64{3, 1, 2, 2, 1, 3}, 10, []float64{1.5, 2.5}},
		{[]float64{1, 1, 1, 1, 1, 1}, 10, nil},
		{[]float64{6, 5, 4, 3, 2, 1}, 3, []float64{2.5, 4.5}},
		{[]float64{0, 0, 0, 0, 1, 2}, 2, []float64{0.5}},
		{[]float64{math.NaN(), 1, math.NaN(), 2, 2, 2}, 4, []float64{1.5}},
		{[]float64{1, math.Nextafter(1, 2), 1, 1, 1, 1}, 4, []float64{math.Nextafter(1, 2)}},
	} {
		if got := edges(c.x, w, c.most); !slices.Equal(got, c.want) {
			t.Errorf("edges of %v, %d bins: %v, want %v", c.x, c.most, got, c.want)
		}
	}
}
