package glm

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"galen.dev/fault"
)

func names(err error) (out []string) {
	for _, f := range fault.FindingsOf(err) {
		out = append(out, f.Name+" "+f.Column)
	}
	return out
}

func wantRefusal(t *testing.T, err error, kind fault.Kind, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("not refused")
	}
	if fault.KindOf(err) != kind {
		t.Errorf("kind %s, want %s: %v", fault.KindOf(err), kind, err)
	}
	if got := strings.Join(names(err), "; "); got != strings.Join(want, "; ") {
		t.Errorf("findings %q, want %q", got, strings.Join(want, "; "))
	}
}

func TestRefusals(t *testing.T) {
	X, y := cohort(11, 60, 3, 2)
	with := func(j, i int, v float64) [][]float64 {
		c := clone(X)
		c[j][i] = v
		return c
	}
	bin := Params{Family: Binomial}
	cases := []struct {
		name string
		X    [][]float64
		y    []float64
		p    Params
		kind fault.Kind
		want []string
	}{
		{"no rows", [][]float64{{}, {}}, nil, bin, fault.Data, []string{"no-rows "}},
		{"missing", with(1, 4, math.NaN()), y, bin, fault.Data, []string{"missing-value x2"}},
		{"infinite", with(2, 0, math.Inf(-1)), y, bin, fault.Data, []string{"infinite-value x3"}},
		{"huge", with(0, 0, 1e200), y, bin, fault.Data, []string{"huge-value x1"}},
		{"one class", X, make([]float64, 60), bin, fault.Data, []string{"one-class outcome"}},
		{"not a class", X, X[0], bin, fault.Data, []string{"not-a-class outcome"}},
		{"class two", X, constant(60, 2), bin, fault.Data, []string{"not-a-class outcome"}},
		{"missing outcome", X, constant(60, math.NaN()), Params{}, fault.Data, []string{"missing-value outcome"}},
		{"absent class", X, times(y, 2), Params{Family: Multinomial}, fault.Data, []string{"absent-class outcome"}},
		{"no weight", X, y, Params{Family: Binomial, Weights: make([]float64, 60)}, fault.Data, []string{"no-weight ", "one-class outcome"}},
		{"negative weight", X, y, Params{Family: Binomial, Weights: constant(60, -1)}, fault.Data, []string{"bad-weight ", "one-class outcome"}},
		{"ragged", [][]float64{X[0], X[1][:59]}, y, bin, fault.Usage, nil},
		{"alpha", X, y, Params{Alpha: 1.5}, fault.Usage, nil},
		{"alpha NaN", X, y, Params{Alpha: math.NaN()}, fault.Usage, nil},
		{"lambda", X, y, Params{Lambda: -1}, fault.Usage, nil},
		{"family", X, y, Params{Family: 9}, fault.Usage, nil},
		{"ascending lambdas", X, y, Params{Lambdas: []float64{1, 2}}, fault.Usage, nil},
		{"factor", X, y, Params{PenaltyFactor: []float64{1, -1, 1}}, fault.Usage, nil},
		{"collinear", [][]float64{X[0], X[1], sum(X[0], times(X[1], 3))}, y, bin, fault.Data, []string{"collinear-column x3"}},
		{"few rows", [][]float64{X[0][:3], X[1][:3], X[2][:3]}, []float64{0, 1, 0}, bin, fault.Data, []string{"too-few-rows "}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Fit(background, c.X, c.y, c.p)
			wantRefusal(t, err, c.kind, c.want...)
		})
	}
}

func constant(n int, v float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func times(v []float64, s float64) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = v[i] * s
	}
	return out
}

func sum(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] + b[i]
	}
	return out
}

// All findings come at once, under the names of the columns.
func TestRefusalListsEverything(t *testing.T) {
	X, y := cohort(11, 60, 3, 2)
	X[0][5], X[2][7], y[3] = math.NaN(), math.Inf(1), 7
	_, err := Fit(background, X, y, Params{Family: Binomial, Names: []string{"age", "bmi", "creatinine"}})
	wantRefusal(t, err, fault.Data, "missing-value age", "infinite-value creatinine", "not-a-class outcome")
	if got := fault.FindingsOf(err)[0].Rows; len(got) != 1 || got[0] != 6 {
		t.Errorf("rows %v, want [6]", got)
	}
}

// An unpenalised fit of separated classes is refused by name, whether a column separates all rows, all but
// ties (quasi-complete separation) or only in combination; a ridge fit of the same data is fine.
func TestSeparation(t *testing.T) {
	X, y := cohort(12, 80, 3, 2)
	complete := make([]float64, len(y))
	quasi := make([]float64, len(y))
	for i := range y {
		complete[i] = (y[i]*2-1)*(1+math.Abs(X[0][i])) + 40
		if i%5 == 0 {
			quasi[i] = y[i]
		}
	}
	hidden := make([]float64, len(y))
	for i := range y {
		hidden[i] = complete[i] - 0.5*X[1][i]
	}
	softmaxY := make([]float64, len(y))
	for i := range y {
		softmaxY[i] = y[i] + float64(i%2)*(1-y[i])*2
	}
	for _, c := range []struct {
		name string
		X    [][]float64
		y    []float64
		f    Family
		col  string
	}{
		{"complete", [][]float64{X[0], complete, X[2]}, y, Binomial, "x2"},
		{"quasi", [][]float64{X[0], X[1], quasi}, y, Binomial, "x3"},
		{"combined", [][]float64{X[0], X[1], hidden}, y, Binomial, "x3"},
		{"softmax", [][]float64{X[0], X[1], complete}, softmaxY, Multinomial, "x3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Fit(background, c.X, c.y, Params{Family: c.f})
			if fault.KindOf(err) != fault.Data || fault.HintOf(err) == "" {
				t.Fatalf("not refused with a hint: %v", err)
			}
			if got := strings.Join(names(err), "; "); !strings.Contains(got, "perfect-separation "+c.col) {
				t.Errorf("findings %q do not name %s", got, c.col)
			}
			mustFit(t, c.X, c.y, Params{Family: c.f, Lambda: 1e-4})
			j := int(c.col[1] - '1')
			free := Params{Family: c.f, Alpha: 1, Lambda: 0.05, PenaltyFactor: []float64{1, 1, 1}}
			free.PenaltyFactor[j] = 0
			if _, err := Fit(background, c.X, c.y, free); c.name != "combined" && !slices.Contains(names(err), "perfect-separation "+c.col) {
				t.Errorf("the column alone without a penalty: %v", err)
			}
			if _, err := FitPath(background, c.X, c.y, Params{Family: c.f, Alpha: 1}); err != nil {
				t.Errorf("a path must work: %v", err)
			}
		})
	}
}

// Nearly separated data have a solution, if a large one: they must not be refused.
func TestAlmostSeparated(t *testing.T) {
	x := make([]float64, 200)
	y := make([]float64, 200)
	for i := range x {
		x[i] = float64(i)
		if i >= 100 {
			y[i] = 1
		}
	}
	y[99], y[100] = 1, 0
	m := mustFit(t, [][]float64{x}, y, Params{Family: Binomial})
	if b := m.Coef[0][0]; !(b > 0.5 && b < 5) {
		t.Errorf("slope %g", b)
	}
}

func TestConstantAndNoColumns(t *testing.T) {
	X, y := cohort(13, 70, 2, 2)
	X = append(X, constant(70, 1e9), constant(70, 0))
	m := mustFit(t, X, y, Params{Family: Binomial})
	if m.Coef[0][2] != 0 || m.Coef[0][3] != 0 || m.StdErr(0, 2) != 0 {
		t.Errorf("constant columns got coefficients %v", m.Coef[0][2:])
	}
	one := mustFit(t, X[:2], y, Params{Family: Binomial})
	near(t, "intercept", m.Intercept[0], one.Intercept[0], 1e-9)
	var mean float64
	for _, v := range y {
		mean += v / 70
	}
	none := mustFit(t, [][]float64{}, y, Params{Family: Binomial})
	out := []float64{0}
	none.Predict(nil, out)
	near(t, "risk without features", out[0], mean, 1e-12)
	flat := mustFit(t, X[:2], constant(70, 3), Params{Lambda: 0.1, Alpha: 1})
	if flat.Intercept[0] != 3 || nonzero(flat) != 0 {
		t.Errorf("a constant outcome gave %v %v", flat.Intercept, flat.Coef)
	}
}

// More columns than rows, and columns of very different magnitude, are fine with a penalty.
func TestWideAndExtreme(t *testing.T) {
	X, y := cohort(14, 30, 200, 2)
	for i := range y {
		X[0][i] *= 1e140
		X[1][i] *= 1e-140
	}
	for _, alpha := range []float64{0, 1} {
		m := mustFit(t, X, y, Params{Family: Binomial, Lambda: 0.05, Alpha: alpha})
		out, row := []float64{0}, make([]float64, len(X))
		for i := range y {
			for j := range X {
				row[j] = X[j][i]
			}
			if m.Predict(row, out); !(out[0] >= 0 && out[0] <= 1) {
				t.Fatalf("risk %v", out[0])
			}
		}
	}
}

func TestCancellation(t *testing.T) {
	X, y := cohort(15, 4000, 30, 2)
	fold := make([]int, len(y))
	for i := range fold {
		fold[i] = i % 5
	}
	ctx, stop := context.WithCancel(background)
	stop()
	if _, err := Fit(ctx, X, y, Params{Family: Binomial}); !errors.Is(err, context.Canceled) {
		t.Errorf("Fit: %v", err)
	}
	ctx, stop = context.WithTimeout(background, 20*time.Millisecond)
	defer stop()
	start := time.Now()
	if _, _, err := FitCV(ctx, X, y, fold, Params{Family: Binomial, Alpha: 0.5, PathLength: 100000}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("FitCV: %v", err)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("stopped after %s", d)
	}
}
