package risk

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"galen.dev/assess"
	"galen.dev/explain"
	"galen.dev/table"
)

// drawn is a trainer over n generated cases with so many classes: the class follows two numbers and their
// product, one has missing cells, and a category has a rare level. Every third patient has two rows.
func drawn(n, classes int, seed uint64) *trainer {
	rng := rand.New(rand.NewPCG(seed, 7))
	a, b := &table.Column{Name: "a", Kind: table.Numeric}, &table.Column{Name: "b", Kind: table.Numeric}
	c := &table.Column{Name: "c", Kind: table.Category, Levels: []string{"one", "two", "rare"}}
	names := []string{"no", "yes"}
	if classes > 2 {
		names = nil
		for k := range classes {
			names = append(names, fmt.Sprint("class ", k))
		}
	}
	tr := &trainer{
		table:  &table.Table{Rows: n, Columns: []*table.Column{a, b, c}},
		cohort: &cohort{Outcome: assess.Outcome{Target: "y", Classes: names}, Options: planOptions{Impute: "median", Indicators: true, Rare: 5}},
		settings: settings{
			Folds: 3, Calibration: "auto", L1Share: .5, Trees: 12 * classes, MinLeaf: 5, Rounds: 30, LearningRate: .1, Leaves: 8, Interactions: 2, Coverage: .9,
		},
	}
	patient := 0
	for i := range n {
		x, z := rng.NormFloat64(), rng.NormFloat64()
		score := x + x*z + rng.NormFloat64()/2
		a.Num, b.Num = append(a.Num, x), append(b.Num, z)
		c.Cat = append(c.Cat, int32(rng.IntN(2)))
		if i < 3 {
			c.Cat[i] = 2
		}
		if rng.IntN(6) == 0 {
			b.Num[i] = nan
		}
		y := 0
		for k := 1; k < classes; k++ {
			if score > 1.5*(float64(k)-float64(classes)/2) {
				y = k
			}
		}
		if i%3 != 1 {
			patient++
		}
		tr.cohort.Y, tr.cohort.Patient, tr.cohort.Row = append(tr.cohort.Y, y), append(tr.cohort.Patient, patient), append(tr.cohort.Row, i+1)
	}
	return tr
}

func upTo(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// TestContributionsAddUp: for each kind of model, with two and more classes and both kinds of Shapley values,
// base and contributions are the output, and faithfulness is from -1 to 1 or undefined.
func TestContributionsAddUp(t *testing.T) {
	for _, classes := range []int{2, 3} {
		for _, kind := range candidateNames {
			for _, interventional := range []bool{false, true} {
				if interventional && (kind == "logistic" || kind == "ebm") {
					continue // these have one kind of explanation
				}
				t.Run(fmt.Sprintf("%s, %d classes, interventional %v", kind, classes, interventional), func(t *testing.T) {
					tr := drawn(240, classes, 3)
					tr.Interventional = interventional
					f, _, err := tr.train(t.Context(), upTo(200), []string{kind}, 1)
					if err != nil {
						t.Fatal(err)
					}
					explained(t, f, f.plan.encode(tr.table, upTo(240)[200:], ""))
				})
			}
		}
	}
}

func explained(t *testing.T, f *fitted, X [][]float64) {
	t.Helper()
	a, err := newAttributor(f)
	if err != nil {
		t.Fatal(err)
	}
	P := f.predict(X)
	spread, faithful, n := 0.0, 0.0, 0
	for k := range f.outputs {
		all, err := a.all(t.Context(), X, k)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range all {
			if err := explain.CheckAdditivity(x.phi, x.base, x.value); err != nil {
				t.Fatalf("case %d, output %d: %v", i, k, err)
			}
			if a.scale() == "probability" && math.Abs(x.value-P[k][i]) > 1e-12 || f.outputs == 1 && a.scale() == "log odds" && math.Abs(1/(1+math.Exp(-x.value))-P[0][i]) > 1e-9 {
				t.Fatalf("case %d: the output explained is %v, the prediction %v", i, x.value, P[k][i])
			}
			row := make([]float64, len(X))
			for j := range X {
				row[j] = X[j][i]
				spread += math.Abs(x.phi[j])
			}
			switch v := a.faithfulness(row, x, k); {
			case v < -1 || v > 1:
				t.Fatalf("case %d: faithfulness %v", i, v)
			case !math.IsNaN(v):
				faithful += v
				n++
			}
		}
	}
	if spread == 0 || n == 0 || faithful/float64(n) <= 0 {
		t.Errorf("contributions sum to %v in size, mean faithfulness %v of %d: they tell nothing", spread, faithful/float64(n), n)
	}
}

// TestHeldOut: the predictions that calibration rests on are of models that had seen no row of the case's
// patient. A patient's outcome that contradicts all others cannot have taught the model that predicts it.
func TestHeldOut(t *testing.T) {
	tr := drawn(120, 2, 5)
	rows := upTo(120)
	fold, err := foldIDs(tr.cohort.Y, tr.cohort.Patient, tr.Folds, 9)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		for j := range rows {
			if tr.cohort.Patient[i] == tr.cohort.Patient[j] && fold[i] != fold[j] {
				t.Fatalf("rows %d and %d of one patient are in folds %d and %d", i, j, fold[i], fold[j])
			}
		}
	}
	tr.Trees, tr.MinLeaf = 30, 1
	before, err := tr.choose(t.Context(), rows, []string{"forest"}, 9)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows { // other values in one fold change no prediction for the others' models of that fold
		if fold[i] == 0 {
			tr.cohort.Y[i] = 1 - tr.cohort.Y[i]
		}
	}
	p := fitPlan(tr.table, pick(rows, outside(fold, 0)), tr.cohort.Options)
	m, err := tr.fit(t.Context(), "forest", p, tr.cases(p, pick(rows, outside(fold, 0))), 9)
	if err != nil {
		t.Fatal(err)
	}
	_, held := inAndOut(fold, 0)
	for k, v := range m.predict(tr.cases(p, held).X)[0] {
		if v != before.heldOut[0][held[k]] {
			t.Fatalf("row %d: %v by the models of the choice, %v by a model without its fold", held[k], before.heldOut[0][held[k]], v)
		}
	}
}

func outside(fold []int, k int) []int {
	in, _ := inAndOut(fold, k)
	return in
}

// TestRank: the one-standard-error rule by hand.
func TestRank(t *testing.T) {
	for _, c := range []struct {
		name   string
		loss   map[string][]float64
		chosen string
	}{
		{"the best is far ahead", map[string][]float64{"logistic": {.5, .6, .7}, "boost": {.3, .4, .5}}, "boost"},
		{"the simplest within one SE", map[string][]float64{"logistic": {.42, .38, .43}, "ebm": {.41, .39, .42}, "boost": {.40, .40, .40}}, "logistic"},
		{"the simplest is behind", map[string][]float64{"logistic": {.6, .6, .6}, "ebm": {.41, .39, .42}, "boost": {.40, .40, .40}}, "ebm"},
		{"behind by the same in every fold", map[string][]float64{"logistic": {.31, .41, .51}, "boost": {.3, .4, .5}}, "boost"},
		{"equal", map[string][]float64{"ebm": {.3, .4}, "forest": {.3, .4}}, "ebm"},
		{"alone", map[string][]float64{"forest": {.3, .4}}, "forest"},
	} {
		var ch choice
		for _, kind := range candidateNames {
			if l, ok := c.loss[kind]; ok {
				ch.Rows = append(ch.Rows, trial{Kind: kind, LogLoss: l})
			}
		}
		if at := ch.rank(); ch.Chosen != c.chosen || ch.Rows[at].Kind != c.chosen {
			t.Errorf("%s: chosen is %s, not %s", c.name, ch.Chosen, c.chosen)
		}
	}
}

// TestSplits: no patient is on both sides, whatever the kind of split, and the latest test.
func TestSplits(t *testing.T) {
	c := &cohort{Outcome: assess.Outcome{Target: "y", Classes: []string{"no", "yes"}}}
	when := &table.Column{Name: "when", Kind: table.Date}
	for i := range 100 {
		c.Y, c.Patient, c.Row = append(c.Y, i%2), append(c.Patient, i/2), append(c.Row, 2*i+1)
		when.Num = append(when.Num, float64(1000+i/4)) // ties of four rows
	}
	cases := &table.Table{Rows: 100, Columns: []*table.Column{when}}
	for _, test := range []float64{.05, .1, .25, .5, .9} {
		var s splits
		if err := s.byTime(cases, c, "when", test); err != nil {
			t.Fatal(err)
		}
		p := s.Parts[0]
		if len(p.Train) == 0 || len(p.Test) == 0 || when.Num[slices.Max(p.Train)] >= when.Num[slices.Min(p.Test)] {
			t.Errorf("test share %v: %d train, %d test, or a test case is earlier", test, len(p.Train), len(p.Test))
		}
		if share := float64(len(p.Test)) / 100; math.Abs(share-test) > .04 {
			t.Errorf("test share %v became %v", test, share)
		}
		if in, out := patientsOf(c, p.Train), patientsOf(c, p.Test); in[len(in)-1] >= out[0] {
			t.Errorf("patient %d is on both sides", out[0])
		}
	}
	when.Num[3] = nan
	var s splits
	if err := s.byTime(cases, c, "when", .25); err == nil {
		t.Error("a case without a date is in a split by time")
	}
}

// TestEnough: how many patients of a class a split needs, and that rows of one patient count once.
func TestEnough(t *testing.T) {
	c := &cohort{Outcome: assess.Outcome{Target: "y", Classes: []string{"no", "yes"}}}
	for i := range 40 {
		c.Y, c.Patient = append(c.Y, int(indicator(i < 8))), append(c.Patient, i/2)
	}
	s := splits{Parts: []part{{Train: append(upTo(6), upTo(30)[8:]...), Test: append([]int{6, 7}, upTo(40)[30:]...)}}}
	cases := &table.Table{Rows: 40}
	if err := s.enough(cases, c, 3); err != nil { // three patients with the event, six rows
		t.Error(err)
	}
	if err := s.enough(cases, c, 2); err == nil {
		t.Error("two folds leave one patient with the event")
	}
	c.Patient[0], c.Patient[1] = c.Patient[2], c.Patient[2]
	if err := s.enough(cases, c, 3); err == nil {
		t.Error("four rows of a patient count as two patients")
	}
}
