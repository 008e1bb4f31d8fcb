package assess

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/report"
	"galen.dev/table"
)

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func split(c *table.Column, rows []int) ([]int, []string) {
	g := GroupBy(c, rows)
	return g.Of, g.Levels
}

// drawn gives cases whose raw outputs overstate what is known: the true log odds are half of them.
func drawn(n, classes int, seed uint64) (raw [][]float64, y []int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for range n {
		if classes == 2 {
			x := 2 * rng.NormFloat64()
			raw = append(raw, []float64{1 / (1 + math.Exp(-x))})
			class := 0
			if rng.Float64() < 1/(1+math.Exp(-x/2)) {
				class = 1
			}
			y = append(y, class)
			continue
		}
		p := make([]float64, classes)
		sum := 0.0
		for k := range p {
			p[k] = math.Exp(rng.NormFloat64())
			sum += p[k]
		}
		u, class := rng.Float64()*sum, -1
		for k := range p {
			if u -= p[k]; u < 0 && class < 0 {
				class = k
			}
			p[k] /= sum
		}
		raw, y = append(raw, p), append(y, max(class, 0))
	}
	return raw, y
}

// TestMeasure takes drawn predictions through readout, scores and page: recalibration mends their overconfidence,
// the sets keep their promise, and the same seed gives the same scores.
func TestMeasure(t *testing.T) {
	for _, classes := range []int{2, 3} {
		raw, y := drawn(600, classes, 1)
		r, err := FitReadout(raw, y, nil, classes, ReadoutOptions{Calibration: "auto", Coverage: .9})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		read := new(Readout)
		if err := json.Unmarshal(text, read); err != nil || read.Check(classes) != nil {
			t.Fatalf("reading it back: %v, %v", err, read.Check(classes))
		}
		if err := read.Check(5 - classes); fault.KindOf(err) != fault.Corrupt {
			t.Errorf("a readout of %d classes serves %d: %v", classes, 5-classes, err)
		}
		test, truth := drawn(500, classes, 2)
		p, q := new(Predictions), new(Predictions)
		for i := range test {
			p.Add(0, i, truth[i], test[i], r)
			q.Add(0, i, truth[i], test[i], read)
		}
		if !reflect.DeepEqual(p, q) {
			t.Error("the readout that was read back predicts otherwise")
		}
		o := Outcome{Target: "fever", Classes: []string{"no", "mild", "high"}[:classes]}
		group := Group{Column: "ward", Of: make([]int, len(truth)), Levels: []string{"north", "south"}}
		for i := range group.Of {
			group.Of[i] = i % 2
		}
		opt := Options{Rounds: 100, Seed: 3, Kept: r.Threshold, Groups: []Group{group}}
		a, err := Measure(context.Background(), o, []*Predictions{p}, opt)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Measure(context.Background(), o, []*Predictions{p}, opt)
		if err != nil || !reflect.DeepEqual(a.Scores, b.Scores) {
			t.Errorf("the same seed gives other scores (%v)", err)
		}
		if c := a.Scores.Sets.Covered.Value; c < .85 || c > .96 {
			t.Errorf("sets of coverage .9 cover %g", c)
		}
		told := map[string]float64{}
		a.Headline(func(name string, v float64) { told[name] = v })
		page := &report.Report{Title: "drawn", Headline: a.KeyFigures(), Sections: []report.Section{a.Discrimination("model")}}
		want := []string{"Scores on test cases", "drawn"}
		if classes == 2 {
			if s := told["calibration-slope"]; s < .7 || s > 1.4 {
				t.Errorf("after recalibration the slope is %g", s)
			}
			if low, high, ok := r.Bounds(test[0]); !ok || low > p.Prob[0][1] || high < p.Prob[0][1] {
				t.Errorf("the risk %g is outside its interval from %g to %g", p.Prob[0][1], low, high)
			}
			page.Sections = append(page.Sections, a.Calibration(), a.Decision("model"), a.SubgroupSection())
			want = append(want, "before recalibration", "Net benefit", "ward: north", "interventions avoided")
		} else if told["accuracy"] < .45 {
			t.Errorf("accuracy %g", told["accuracy"])
		}
		page.Sections = append(page.Sections, report.Section{ID: "trust", Title: "Trust", Blocks: []report.Block{a.SetsTable(.9)}})
		var out strings.Builder
		if err := page.WriteHTML(&out); err != nil {
			t.Fatal(err)
		}
		for _, w := range append(want, "promised coverage") {
			if !strings.Contains(out.String(), w) {
				t.Errorf("the page of %d classes lacks %q", classes, w)
			}
		}
	}
}

// TestGroups: quarters of numbers and dates, the commonest levels, and a group for missing values.
func TestGroups(t *testing.T) {
	days := &table.Column{Kind: table.Date, Num: []float64{0, 1, 365.5, 366, nan, 730, 731, 732}}
	group, levels := split(days, upTo(8))
	if fmt.Sprint(group, len(levels)) != "[0 0 1 1 4 2 3 3] 5" || levels[0] != "up to 1970-01-02" || levels[4] != "no value" {
		t.Errorf("dates are in groups %v of %q", group, levels)
	}
	same := &table.Column{Kind: table.Numeric, Num: []float64{3, 3, 3}}
	if group, levels := split(same, upTo(3)); fmt.Sprint(group, levels) != "[0 0 0] [up to 3]" {
		t.Errorf("one value is in groups %v of %q", group, levels)
	}
	many := &table.Column{Kind: table.Category}
	for l := range 50 {
		many.Levels = append(many.Levels, fmt.Sprint("l", l))
		for range l + 1 {
			many.Cat = append(many.Cat, int32(l))
		}
	}
	group, levels = split(many, upTo(len(many.Cat)))
	if len(levels) != maxGroups || levels[0] != "l31" || levels[maxGroups-1] != "31 other levels" || group[0] != maxGroups-1 || group[len(group)-1] != maxGroups-2 {
		t.Errorf("fifty levels become %q", levels)
	}
	rare := &table.Column{Kind: table.Category, Levels: []string{"mayor", "nurse"}, Cat: []int32{0, 1, 1, 1, 1, 1}}
	if group, levels := split(rare, upTo(6)); fmt.Sprint(group, levels) != "[1 0 0 0 0 0] [nurse 1 other level]" {
		t.Errorf("a rare level is in groups %v of %q", group, levels)
	}
	empty := &table.Column{Kind: table.Category, Levels: []string{"x"}, Cat: []int32{-1, -1}}
	if group, levels := split(empty, upTo(2)); fmt.Sprint(group, levels) != "[0 0] [no value]" {
		t.Errorf("no values are in groups %v of %q", group, levels)
	}
}

// TestSpread: the interval over repeated folds comes from the folds. Two repeats that agree in everything,
// whose folds differ, have an interval all the same.
func TestSpread(t *testing.T) {
	o := Outcome{Classes: []string{"no", "yes"}}
	one := &Predictions{Y: []int{0, 1, 0, 1, 0, 1, 0, 1}, Part: []int{0, 0, 0, 0, 1, 1, 1, 1}}
	for _, p := range []float64{.1, .9, .2, .8, .9, .3, .1, .6} { // AUROC 1 in the first fold, .5 in the second
		one.Prob = append(one.Prob, []float64{1 - p, p})
	}
	two := *one
	two.Part = []int{2, 2, 2, 2, 3, 3, 3, 3}
	s := &Assessment{Outcome: o, opt: Options{TestShare: 1}}
	s.spread([]*Predictions{one, &two})
	// Brier scores of the folds are .025, .3675, .025, .3675: mean .19625, SD .197742. t(3, .975) = 3.182446, and
	// half the interval is t · SD · √(1/4 + 1) = .703584; it ends at 0.
	if got := s.Spread["brier"]; math.Abs(got.Value-.19625) > 1e-9 || got.Low != 0 || math.Abs(got.High-.899834) > 1e-5 {
		t.Errorf("the mean Brier score is %v from %v to %v", got.Value, got.Low, got.High)
	}
	if got := s.Spread["auroc"]; got.Value != s.Repeats[0]["auroc"] || got.High != 1 {
		t.Errorf("the mean AUROC is %v from %v to %v, of repeats %v", got.Value, got.Low, got.High, s.Repeats)
	}
}

// TestOwnThresholds: each fold's cases are decided by its own threshold.
func TestOwnThresholds(t *testing.T) {
	one := &Predictions{Prob: [][]float64{{.6, .4}, {.6, .4}, {.2, .8}, {.9, .1}}, Thresholds: []float64{.5, .3, .3, .3}}
	got := one.atOwnThresholds([]bool{true, true, false, false}, .25)[0]
	if got.Threshold != .25 || got.Counts.TP != 1 || got.Counts.FN != 1 || got.Counts.FP != 1 || got.Counts.TN != 1 {
		t.Errorf("%+v", got)
	}
}
