package calibrate

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"galen.dev/fault"
	"galen.dev/metric"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Vectors come from testdata/vectors.py.
type vectors struct {
	Binary []struct {
		P, At, Isotonic, X, Sigmoid, Beta []float64
		Y                                 []bool
		Sharpness                         float64
		Venn                              [][2]float64
	}
	Multi struct {
		P, Isotonic [][]float64
		Y           []int
		Sharpness   float64
	}
}

func load(t *testing.T) (v vectors) {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s = %.17g, want %.17g (off by %.2g)", what, got, want, got-want)
	}
}

func mustFit(t *testing.T, m Method, p []float64, y []bool) *Calibrator {
	t.Helper()
	c, err := Fit(m, p, y)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAgainstScikitLearnAndStatsmodels(t *testing.T) {
	for _, v := range load(t).Binary {
		iso := mustFit(t, Isotonic, v.P, v.Y)
		for i, x := range v.At {
			near(t, "isotonic", iso.Apply(x), v.Isotonic[i], 1e-12)
		}
		if d := cmp.Diff(v.X, iso.X); d != "" {
			t.Errorf("isotonic keeps other points: %s", d)
		}
		platt := mustFit(t, Platt, v.P, v.Y)
		// scikit-learn minimises by L-BFGS, which stops about 1e-6 short.
		near(t, "Platt slope", platt.B, -v.Sigmoid[0], 2e-5)
		near(t, "Platt intercept", platt.A, -v.Sigmoid[1], 2e-5)
		beta := mustFit(t, Beta, v.P, v.Y)
		near(t, "beta c", beta.C, v.Beta[0], 1e-7)
		near(t, "beta a", beta.A, v.Beta[1], 1e-7)
		near(t, "beta b", beta.B, v.Beta[2], 1e-7)
		temp := mustFit(t, Temperature, v.P, v.Y)
		near(t, "1/T", temp.B, v.Sharpness, 1e-6) // SciPy's bounded search resolves about sqrt of the rounding error
		venn := mustFit(t, VennAbers, v.P, v.Y)
		for i, x := range v.At {
			p0, p1 := venn.Bounds(x)
			near(t, "p0", p0, v.Venn[i][0], 1e-12)
			near(t, "p1", p1, v.Venn[i][1], 1e-12)
			near(t, "p", venn.Apply(x), p1/(1-p0+p1), 0)
		}
	}
}

func TestMultiAgainstScikitLearn(t *testing.T) {
	v := load(t).Multi
	temp, err := FitMulti(Temperature, v.P, v.Y)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "1/T", temp.B, v.Sharpness, 1e-6)
	iso, err := FitMulti(Isotonic, v.P, v.Y)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range iso.ApplyAll(v.P) {
		for c, x := range row {
			near(t, "isotonic", x, v.Isotonic[i][c], 1e-12)
		}
	}
	for _, m := range []*Multi{temp, iso} {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back Multi
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(m, &back); d != "" {
			t.Error(d)
		}
		if err := back.Check(3); err != nil {
			t.Error(err)
		}
	}
	if fault.KindOf(iso.Check(4)) != fault.Corrupt {
		t.Error("a wrong number of classes passes")
	}
}

func TestSlopeScoresAreMaximal(t *testing.T) {
	v := load(t).Binary[0]
	c := mustFit(t, InterceptSlope, v.P, v.Y)
	a, b := metric.CalibrationSlope(c.ApplyAll(v.P), v.Y)
	near(t, "slope after", b, 1, 1e-8)
	near(t, "intercept after", a, 0, 1e-8)
	c = mustFit(t, Intercept, v.P, v.Y)
	near(t, "intercept after", metric.CalibrationIntercept(c.ApplyAll(v.P), v.Y), 0, 1e-9)
}

// random draws few risks with ties and outcomes of both classes.
func random(t *rapid.T) ([]float64, []bool) {
	n := rapid.IntRange(2, 25).Draw(t, "n")
	p, y := make([]float64, n), make([]bool, n)
	for i := range p {
		p[i] = float64(rapid.IntRange(0, 12).Draw(t, "p")) / 12
		y[i] = rapid.Bool().Draw(t, "y")
	}
	y[0], y[1] = true, false
	return p, y
}

func TestFitsRiseRoundTripAndStayProbabilities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, y := random(t)
		m := rapid.SampledFrom(Methods()).Draw(t, "method")
		c, err := Fit(m, p, y)
		if err != nil {
			always := m == None || m == Isotonic || m == VennAbers || m == Temperature || m == Intercept
			if fault.KindOf(err) != fault.Data || fault.HintOf(err) == "" || always {
				t.Fatalf("%s: %v", m, err)
			}
			return
		}
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back Calibrator
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		last := -1.0
		for i := -1; i <= 49; i++ {
			x := float64(i) / 48
			v := c.Apply(x)
			if w := back.Apply(x); w != v {
				t.Fatalf("%s: %v became %v on the way through JSON", m, v, w)
			}
			falls := v < last-1e-12 && !((m == Platt || m == InterceptSlope) && c.B < 0)
			if !(v >= 0 && v <= 1) || falls {
				t.Fatalf("%s: %v after %v", m, v, last)
			}
			last = v
		}
		if !math.IsNaN(c.Apply(math.NaN())) {
			t.Fatalf("%s makes a number of NaN", m)
		}
	})
}

// One more patient is added and the isotonic fit made anew: the definition that Vovk's algorithm shortens.
func TestVennAbersByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, y := random(t)
		c, err := Fit(VennAbers, p, y)
		if err != nil {
			t.Fatal(err)
		}
		x := float64(rapid.IntRange(0, 24).Draw(t, "x")) / 24
		p0, p1 := c.Bounds(x)
		for label, got := range []float64{p0, p1} {
			want := fitIsotonic(group(append(p[:len(p):len(p)], x), append(y[:len(y):len(y)], label == 1))).Apply(x)
			if math.Abs(got-want) > 1e-12 {
				t.Fatalf("p%d = %v, want %v", label, got, want)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	parted := []float64{.1, .2, .8, .9}
	y := []bool{false, false, true, true}
	for _, m := range []Method{Beta, InterceptSlope} {
		if _, err := Fit(m, parted, y); fault.KindOf(err) != fault.Data || fault.HintOf(err) == "" {
			t.Errorf("%s of separated classes: %v", m, err)
		}
	}
	for _, m := range []Method{Platt, Temperature, Isotonic, VennAbers, Intercept} {
		if c, err := Fit(m, parted, y); err != nil || c.Check() != nil {
			t.Errorf("%s of separated classes: %v", m, err)
		}
	}
	for _, m := range Methods() {
		_, err := Fit(m, []float64{.1, math.NaN()}, []bool{true, true})
		want := 2
		if m == None {
			want = 1
		}
		if len(fault.FindingsOf(err)) != want {
			t.Errorf("%s: %v", m, err)
		}
	}
	if _, err := Fit("spline", parted, y); fault.KindOf(err) != fault.Usage {
		t.Errorf("unknown method: %v", err)
	}
	if _, err := FitMulti(InterceptSlope, [][]float64{{.5, .5}, {.4, .6}}, []int{0, 1}); fault.KindOf(err) != fault.Usage {
		t.Errorf("unknown method: %v", err)
	}
	if _, err := FitMulti(Isotonic, [][]float64{{.5, .4, .1}, {.4, .5, .1}}, []int{0, 1}); fault.KindOf(err) != fault.Data {
		t.Errorf("absent class: %v", err)
	}
}

func TestCheckFindsCorruption(t *testing.T) {
	for _, text := range []string{
		`{"method":"spline"}`, `{"method":"isotonic"}`, `{"method":"none","x":[1]}`,
		`{"method":"isotonic","x":[0,1],"y":[0]}`,
		`{"method":"beta","a":-1,"b":1}`, `{"method":"temperature"}`, `{"method":"platt","a":1e10}`,
		`{"method":"isotonic","x":[1,1],"y":[0,1]}`, `{"method":"isotonic","x":[0,1],"y":[1,0]}`, `{"method":"isotonic","x":[0],"y":[2]}`,
		`{"method":"venn-abers","x":[0],"y":[1]}`, `{"method":"isotonic","x":[0],"y":[1],"y1":[1]}`,
	} {
		var c Calibrator
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		if fault.KindOf(c.Check()) != fault.Corrupt {
			t.Errorf("%s passes", text)
		}
	}
}

func site(seed uint64, n int, intercept, slope float64) ([]float64, []bool) {
	r := rand.New(rand.NewPCG(seed, 1))
	p, y := make([]float64, n), make([]bool, n)
	for i := range p {
		l := -1 + 1.5*r.NormFloat64()
		p[i] = expit(l)
		y[i] = r.Float64() < expit(intercept+slope*l)
	}
	return p, y
}

func TestAutoTakesWhatIsNeeded(t *testing.T) {
	for _, c := range []struct {
		name             string
		n                int
		intercept, slope float64
		want             Method
	}{
		{"right already", 2000, 0, 1, None},
		{"shifted site", 2000, 1.2, 1, Intercept},
		{"overfitted", 3000, 0, .4, Temperature},
		{"shifted and overfitted", 3000, -1, .4, InterceptSlope},
	} {
		p, y := site(11, c.n, c.intercept, c.slope)
		got, table, err := Auto(p, y, AutoOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Method != c.want {
			t.Errorf("%s: %s of %+v", c.name, got.Method, table)
		}
	}
	p, y := site(12, 15, 1, .3)
	got, table, err := Auto(p, y, AutoOptions{})
	if err != nil || got.Method != None || table[1].Skipped == "" || !table[0].Chosen {
		t.Errorf("15 patients: %v, %+v, %v", got, table, err)
	}
}

func TestAutoKeepsPatientsTogether(t *testing.T) {
	groups := make([]int, 300)
	for i := range groups {
		groups[i] = -(i / 7)
	}
	fold := folds(300, func(i int) int { return i % 2 }, AutoOptions{Groups: groups, Folds: 4, Seed: 3})
	size := make([]int, 4)
	for i := range fold {
		if fold[i] != fold[i/7*7] {
			t.Fatalf("rows %d and %d of one patient are in folds %d and %d", i/7*7, i, fold[i/7*7], fold[i])
		}
		size[fold[i]]++
	}
	for _, n := range size {
		if n < 60 {
			t.Errorf("folds hold %v rows", size)
		}
	}
}

func TestAutoMulti(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	p, y := make([][]float64, 900), make([]int, 900)
	for i := range p {
		l := []float64{r.NormFloat64(), r.NormFloat64(), r.NormFloat64()}
		true_, claimed := make([]float64, 3), make([]float64, 3)
		softmax(l, 1, true_)
		softmax(l, 3, claimed) // three times too sure
		p[i] = claimed
		u := r.Float64()
		for u > true_[y[i]] && y[i] < 2 {
			u -= true_[y[i]]
			y[i]++
		}
	}
	m, table, err := AutoMulti(p, y, AutoOptions{})
	if err != nil || m.Method != Temperature {
		t.Fatalf("%v, %+v, %v", m, table, err)
	}
	near(t, "T", 1/m.B, 3, .4)
}

func BenchmarkFit(b *testing.B) {
	p, y := site(1, 100000, .3, .6)
	for _, m := range Methods() {
		b.Run(string(m), func(b *testing.B) {
			for b.Loop() {
				if _, err := Fit(m, p, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
