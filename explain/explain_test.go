package explain

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"galen.dev/fault"

	"pgregory.net/rapid"
)

// polynomial is the function of testdata/vectors.py.
func polynomial(X [][]float64, out []float64) {
	for i := range out {
		out[i] = 2*X[0][i] - X[1][i]*X[2][i] + .5*X[3][i]*X[3][i] + X[0][i]*X[3][i]*X[4][i] - 3
	}
}

type vectors struct {
	X           [][]float64 `json:"x"`
	Y           []float64   `json:"y"`
	Orders      [][]int     `json:"orders"`
	Permutation []float64   `json:"permutation"`
	Dependence  []struct {
		Grid []float64   `json:"grid"`
		Mean []float64   `json:"mean"`
		ICE  [][]float64 `json:"ice"`
	} `json:"dependence"`
	Shapley [][]float64 `json:"shapley"`
	Base    float64     `json:"base"`
}

func readVectors(t *testing.T) *vectors {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	v := &vectors{}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %.17g, want %.17g", what, got, want)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var ctx = context.Background()

// rowsFrom copies some rows of X.
func rowsFrom(X [][]float64, from, to int) [][]float64 {
	out := make([][]float64, len(X))
	for j := range X {
		out[j] = X[j][from:to]
	}
	return out
}

func caseOf(X [][]float64, i int) []float64 {
	x := make([]float64, len(X))
	rowOf(x, X, i)
	return x
}

func negativeMSE(y []float64) Score {
	return func(rows []int, pred []float64) float64 {
		s := 0.0
		for k, r := range rows {
			s -= (y[r] - pred[k]) * (y[r] - pred[k])
		}
		return s / float64(len(rows))
	}
}

// The sums run in another order than NumPy's pairwise ones: 1e-12 is some hundred roundings.
func TestPermutationAgreesWithScikitLearn(t *testing.T) {
	v := readVectors(t)
	got := must(permutation(ctx, polynomial, v.X, negativeMSE(v.Y), PermutationOptions{}, v.Orders))
	for j, imp := range got {
		near(t, "importance", imp.Mean, v.Permutation[j], 1e-12)
	}
}

func TestPartialDependenceAgreesWithScikitLearn(t *testing.T) {
	v := readVectors(t)
	for j, want := range v.Dependence {
		d := must(PartialDependence(ctx, polynomial, v.X, j, want.Grid, []int{0, 1, 2}))
		for g := range want.Grid {
			near(t, "mean", d.Mean[g], want.Mean[g], 1e-12)
			for i := range want.ICE {
				near(t, "ICE", d.ICE[i][g], want.ICE[i][g], 1e-12)
			}
		}
	}
}

func TestExactAgreesWithSHAP(t *testing.T) {
	v := readVectors(t)
	for i, want := range v.Shapley {
		a := must(Exact(ctx, polynomial, caseOf(v.X, 30+i), rowsFrom(v.X, 0, 15)))
		near(t, "base", a.Base, v.Base, 1e-12)
		for j := range want {
			near(t, "phi", a.Phi[j], want[j], 1e-10)
		}
		if err := CheckAdditivity(a.Phi, a.Base, a.Value); err != nil {
			t.Error(err)
		}
	}
}

// Games worked by hand.
func TestGame(t *testing.T) {
	for _, g := range []struct {
		name string
		n    int
		v    func(s uint32) float64
		want []float64
	}{
		{"gloves: one left, two right", 3, func(s uint32) float64 {
			if s&1 == 1 && s&6 != 0 {
				return 1
			}
			return 0
		}, []float64{2. / 3, 1. / 6, 1. / 6}},
		{"majority of 4, 2, 1 with quota 4 of 7", 3, func(s uint32) float64 {
			if 4*(s&1)+2*(s>>1&1)+s>>2&1 >= 4 {
				return 1
			}
			return 0
		}, []float64{1, 0, 0}},
		{"runway of costs 8, 11, 13, 18", 4, func(s uint32) float64 {
			return [...]float64{0, 8, 11, 13, 18}[bits.Len32(s)]
		}, []float64{2, 3, 4, 9}},
		{"additive", 2, func(s uint32) float64 { return 3*float64(s&1) + 5*float64(s>>1) }, []float64{3, 5}},
	} {
		for i, got := range Game(g.n, g.v) {
			near(t, g.name, got, g.want[i], 1e-15)
		}
	}
}

func TestSampleConvergesToExact(t *testing.T) {
	v := readVectors(t)
	x, background := caseOf(v.X, 33), rowsFrom(v.X, 0, 15)
	exact := must(Exact(ctx, polynomial, x, background))
	a := must(Sample(ctx, polynomial, x, background, SampleOptions{Orders: 3000, Seed: 4}))
	near(t, "base", a.Base, exact.Base, 1e-9)
	if err := CheckAdditivity(a.Phi, a.Base, a.Value); err != nil {
		t.Error(err)
	}
	for j := range a.Phi {
		// Five standard errors: one in a million by chance, and the seed is fixed.
		near(t, "phi", a.Phi[j], exact.Phi[j], 5*a.SE[j]+1e-12)
		if a.SE[j] > .1 {
			t.Errorf("standard error %g", a.SE[j])
		}
	}
}

func TestSampleIsExactForSums(t *testing.T) {
	sum := func(X [][]float64, out []float64) {
		for i := range out {
			out[i] = X[0][i] + 2*X[1][i]
		}
	}
	a := must(Sample(ctx, sum, []float64{3, 5}, [][]float64{{1}, {2}}, SampleOptions{Orders: 3}))
	if a.Phi[0] != 2 || a.Phi[1] != 6 || a.Base != 5 || a.Value != 13 || a.SE[0] != 0 {
		t.Errorf("%+v", a)
	}
}

func TestCheckAdditivity(t *testing.T) {
	if err := CheckAdditivity([]float64{1e16, 1, -1e16}, 0, 1); err != nil {
		t.Error(err)
	}
	for _, x := range []struct {
		phi         []float64
		base, value float64
		ok          bool
	}{
		{[]float64{.1, .2}, .3, .6, true},
		{[]float64{.1, .2}, .3, .6 + 2e-9, false},
		{[]float64{.1, .2}, .3, .6 + .9e-9, true},
		{[]float64{math.NaN()}, 0, 0, false},
		{[]float64{1e6}, 0, 1e6 + 1e-4, true},
	} {
		err := CheckAdditivity(x.phi, x.base, x.value)
		if (err == nil) != x.ok || err != nil && fault.KindOf(err) != fault.Internal {
			t.Errorf("%+v: %v", x, err)
		}
	}
}

// x0 and x1 are one variable twice; f is 0 on the line they live on and wild off it. Partial dependence is
// misled, local effects are not.
func TestLocalEffectsStayWithTheData(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	X := [][]float64{make([]float64, 2000), make([]float64, 2000)}
	for i := range X[0] {
		X[0][i] = rng.Float64()
		X[1][i] = X[0][i]
	}
	f := func(X [][]float64, out []float64) {
		for i := range out {
			out[i] = X[0][i]
			if math.Abs(X[0][i]-X[1][i]) > .2 {
				out[i] += 100
			}
		}
	}
	l := must(LocalEffects(ctx, f, X, 0, 20))
	for k, e := range l.Edges {
		near(t, "effect", l.Effect[k], e-.5, .02)
	}
	d := must(PartialDependence(ctx, f, X, 0, []float64{.5}, nil))
	if d.Mean[0] < 10 {
		t.Errorf("partial dependence %g should be misled", d.Mean[0])
	}
}

// By hand: f = x², values 0, 1, 2, 3, two bins with edges 0, 1, 3: differences 1 and 8, effects 0, 1, 9; weighted
// middle (2·½ + 2·5)/4 = 2.75. The missing row counts nowhere.
func TestLocalEffectsByHand(t *testing.T) {
	f := func(X [][]float64, out []float64) {
		for i := range out {
			out[i] = X[0][i] * X[0][i]
		}
	}
	l := must(LocalEffects(ctx, f, [][]float64{{3, 1, math.NaN(), 0, 2}}, 0, 2))
	if !slices.Equal(l.Edges, []float64{0, 1, 3}) || !slices.Equal(l.Effect, []float64{-2.75, -1.75, 6.25}) || !slices.Equal(l.Count, []int{2, 2}) {
		t.Errorf("%+v", l)
	}
}

func TestGrid(t *testing.T) {
	if g := Grid([]float64{2, math.NaN(), 0, 2, 1}, true, 0); !slices.Equal(g, []float64{0, 1, 2}) {
		t.Errorf("categories %v", g)
	}
	x := make([]float64, 101)
	for i := range x {
		x[i] = float64(i)
	}
	if g := Grid(x, false, 3); !slices.Equal(g, []float64{5, 50, 95}) {
		t.Errorf("quantiles %v", g)
	}
	if g := Grid([]float64{math.NaN()}, false, 3); g != nil {
		t.Errorf("nothing present: %v", g)
	}
}

func TestPermutationGroupsAndInterval(t *testing.T) {
	v := readVectors(t)
	o := PermutationOptions{Groups: [][]int{{0}, {1, 2}, {3, 4}}, Seed: 3}
	got := must(Permutation(ctx, polynomial, v.X, negativeMSE(v.Y), o))
	for _, imp := range got {
		if !(imp.Low < imp.Mean && imp.Mean < imp.High && imp.Mean > 0) {
			t.Errorf("%+v", imp)
		}
	}
	again := must(Permutation(ctx, polynomial, v.X, negativeMSE(v.Y), o))
	if a, b := must(json.Marshal(got)), must(json.Marshal(again)); !bytes.Equal(a, b) {
		t.Error("two runs differ")
	}
	// Feature 1 does nothing in this function, so its importance is exactly nothing.
	silent := func(X [][]float64, out []float64) { copy(out, X[0]) }
	if imp := must(Permutation(ctx, silent, v.X, negativeMSE(v.Y), PermutationOptions{}))[1]; imp.Mean != 0 || imp.Low != 0 || imp.High != 0 {
		t.Errorf("%+v", imp)
	}
}

// A bootstrap sample may have no score, such as an AUROC without cases: the interval is of the others.
func TestIntervalLeavesOutWhatHasNoScore(t *testing.T) {
	v := readVectors(t)
	score := func(rows []int, pred []float64) float64 {
		if !slices.Contains(rows, 0) {
			return math.NaN()
		}
		return pred[0]
	}
	imp := must(Permutation(ctx, polynomial, v.X, score, PermutationOptions{}))[0]
	if math.IsNaN(imp.Low) || math.IsNaN(imp.High) || imp.Low > imp.High {
		t.Errorf("%+v", imp)
	}
}

func TestGlobal(t *testing.T) {
	phi := [][]float64{{1, -1, 3, -3}, {0, 0, -3, 3}}
	got := must(Global(ctx, phi, GlobalOptions{Groups: [][]int{{0}, {1}, {0, 1}}}))
	for g, want := range []float64{2, 1.5, .5} {
		near(t, "mean", got[g].Mean, want, 0)
		if got[g].Low > want || got[g].High < want {
			t.Errorf("interval %+v", got[g])
		}
	}
	// Two patients of two cases each: only their own two means and the middle can come out.
	got = must(Global(ctx, phi, GlobalOptions{Patient: []int{8, 8, 9, 9}}))
	if got[0].Low != 1 || got[0].High != 3 {
		t.Errorf("by patient: %+v", got[0])
	}
}

// TestGlobalCovers: the interval holds the true mean |N(0,1)| = √(2/π) about as often as it says.
func TestGlobalCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	hit := 0
	for range 200 {
		phi := [][]float64{make([]float64, 100)}
		for i := range phi[0] {
			phi[0][i] = rng.NormFloat64()
		}
		g := must(Global(ctx, phi, GlobalOptions{Samples: 400, Seed: rng.Uint64()}))[0]
		if want := math.Sqrt(2 / math.Pi); g.Low <= want && want <= g.High {
			hit++
		}
	}
	if hit < 180 || hit > 199 { // 190 expected, standard deviation 3
		t.Errorf("%d of 200 intervals cover", hit)
	}
}

func TestFaithOfAdditivePredictor(t *testing.T) {
	f := func(X [][]float64, out []float64) {
		for i := range out {
			out[i] = 4*X[0][i] + 2*X[1][i] + X[2][i]
		}
	}
	x, zero := []float64{1, 1, 1}, [][]float64{{0}, {0}, {0}}
	good := must(Faith(ctx, f, x, []float64{4, 2, 1}, zero, FaithOptions{}))
	// By hand: deletion runs 7, 3, 1, 0: (5 + 2 + ½)/21; insertion 0, 4, 6, 7: (2 + 5 + 6.5)/21.
	near(t, "deletion", *good.Deletion, 7.5/21, 1e-15)
	near(t, "insertion", *good.Insertion, 13.5/21, 1e-15)
	near(t, "random deletion", *good.RandomDeletion, .5, .03)
	near(t, "infidelity", good.Infidelity, 0, 1e-25)
	bad := must(Faith(ctx, f, x, []float64{1, 2, 4}, zero, FaithOptions{}))
	if *bad.Deletion < *bad.RandomDeletion || *bad.Unexplained < .1 {
		t.Errorf("a wrong explanation passes: %+v", bad)
	}
	none := must(Faith(ctx, f, []float64{0, 0, 0}, []float64{0, 0, 0}, zero, FaithOptions{}))
	if none.Deletion != nil || none.Unexplained != nil || none.Infidelity != 0 {
		t.Errorf("%+v", none)
	}
}

// TestExactIsMoreFaithfulThanNoise holds on a function with interactions, where infidelity cannot be 0.
func TestExactIsMoreFaithfulThanNoise(t *testing.T) {
	v := readVectors(t)
	background := rowsFrom(v.X, 0, 15)
	for i := 20; i < 40; i++ {
		x := caseOf(v.X, i)
		a := must(Exact(ctx, polynomial, x, background))
		turned := append(slices.Clone(a.Phi[1:]), a.Phi[0])
		good, bad := must(Faith(ctx, polynomial, x, a.Phi, background, FaithOptions{})), must(Faith(ctx, polynomial, x, turned, background, FaithOptions{}))
		if good.Infidelity >= bad.Infidelity {
			t.Errorf("case %d: infidelity %g of the exact values, %g of turned ones", i, good.Infidelity, bad.Infidelity)
		}
	}
}

func TestRefusals(t *testing.T) {
	wide := make([][]float64, 13)
	for j := range wide {
		wide[j] = []float64{1}
	}
	f := func([][]float64, []float64) {}
	_, e1 := Exact(ctx, f, make([]float64, 13), wide)
	_, e2 := Sample(ctx, f, nil, nil, SampleOptions{})
	_, e3 := Faith(ctx, f, nil, nil, nil, FaithOptions{})
	_, e4 := NewNeighbours(ctx, [][]float64{{1}}, nil, NeighbourOptions{})
	_, e5 := Permutation(ctx, f, nil, nil, PermutationOptions{})
	_, e6 := Global(ctx, nil, GlobalOptions{})
	_, e7 := PartialDependence(ctx, f, [][]float64{{}}, 0, nil, nil)
	for i, err := range []error{e1, e2, e3, e4, e5, e6, e7} {
		if want := []fault.Kind{fault.Usage, fault.Usage, fault.Usage, fault.Data, fault.Usage, fault.Usage, fault.Usage}[i]; err == nil || fault.KindOf(err) != want {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestCanceled(t *testing.T) {
	v := readVectors(t)
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	x, bg, s := caseOf(v.X, 0), v.X, negativeMSE(v.Y)
	_, e1 := Exact(stopped, polynomial, x, bg)
	_, e2 := Sample(stopped, polynomial, x, bg, SampleOptions{})
	_, e3 := Faith(stopped, polynomial, x, make([]float64, 5), bg, FaithOptions{})
	_, e4 := Permutation(stopped, polynomial, v.X, s, PermutationOptions{})
	_, e5 := PartialDependence(stopped, polynomial, v.X, 0, []float64{1}, nil)
	_, e6 := LocalEffects(stopped, polynomial, v.X, 0, 3)
	_, e7 := Global(stopped, v.X, GlobalOptions{})
	_, e8 := NewNeighbours(stopped, v.X, nil, NeighbourOptions{})
	for i, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8} {
		if err != context.Canceled {
			t.Errorf("%d: %v", i+1, err)
		}
	}
}

// Shapley's axioms hold for every game: efficiency, symmetry under renaming, and nothing for a player who adds nothing.
func TestShapleyAxioms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "players")
		value := rapid.SliceOfN(rapid.Float64Range(-9, 9), 1<<n, 1<<n).Draw(t, "values")
		phi := Game(n, func(s uint32) float64 { return value[s] })
		sum := 0.0
		for _, p := range phi {
			sum += p
		}
		if math.Abs(sum-(value[1<<n-1]-value[0])) > 1e-12 {
			t.Errorf("efficiency: %g", sum)
		}
		idle := Game(n+1, func(s uint32) float64 { return value[s&(1<<n-1)] })
		for i := range phi {
			if math.Abs(idle[i]-phi[i]) > 1e-12 {
				t.Errorf("an idle player changes %g to %g", phi[i], idle[i])
			}
		}
		if idle[n] != 0 {
			t.Errorf("idle player gets %g", idle[n])
		}
	})
}
