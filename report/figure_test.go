package report

import (
	"fmt"
	"image/color"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"pgregory.net/rapid"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)

	pathData = regexp.MustCompile(` d="([^"]*)"`)
	number   = regexp.MustCompile(`-?[0-9.]+`)
	places   = regexp.MustCompile(` (x|y|cx|cy)="([^"]*)"`)
)

// checkDrawing fails where a figure is not well formed, has no words, or draws outside its frame.
func checkDrawing(t interface {
	Helper()
	Errorf(string, ...any)
}, f Figure,
) {
	t.Helper()
	svg := string(f.SVG())
	if f.Alt == "" || f.Title == "" {
		t.Errorf("a figure without title or words: %.80s", svg)
	}
	if strings.Contains(f.body, "NaN") || strings.Contains(f.body, "Inf") {
		t.Errorf("%s: not a number in the drawing", f.Title)
	}
	const slack = 8
	inside := func(axis string, s string) {
		v, err := strconv.ParseFloat(s, 64)
		size := f.Width
		if strings.HasSuffix(axis, "y") {
			size = f.Height
		}
		if err != nil || v < -slack || v > size+slack {
			t.Errorf("%s: %s = %s lies outside of %s × %s", f.Title, axis, s, num(f.Width), num(f.Height))
		}
	}
	for _, m := range pathData.FindAllStringSubmatch(f.body, -1) {
		for i, n := range number.FindAllString(m[1], -1) {
			inside([]string{"x", "y"}[i%2], n)
		}
	}
	for _, m := range places.FindAllStringSubmatch(f.body, -1) {
		inside(m[1], m[2])
	}
	if f.narrow != nil {
		checkDrawing(t, *f.narrow)
	}
}

func TestSampleFiguresStayInside(t *testing.T) {
	for _, f := range sampleFigures() {
		checkDrawing(t, f)
		elements(t, string(f.SVG()))
	}
}

func TestTooLittleData(t *testing.T) {
	one := Curve{Name: "a", X: []float64{.5}, Y: []float64{.5}}
	bad := Curve{X: []float64{nan, inf, 0}, Y: []float64{0, 1, -inf}}
	short := Curve{X: []float64{0, 1}, Y: []float64{1}}
	for name, f := range map[string]Figure{
		"ROC of nothing":       ROC(),
		"ROC of one point":     ROC(one),
		"ROC of no number":     ROC(bad),
		"ROC of unequal sides": ROC(short),
		"PR":                   PrecisionRecall(nan, bad),
		"calibration":          Calibration(CalibrationData{Bins: []RiskBin{{Predicted: nan}}}),
		"decision":             DecisionCurve(DecisionData{Models: []Curve{one}}),
		"forest":               Forest(ForestData{Rows: []ForestRow{{Label: "a", Value: nan}, {Heading: true}}}),
		"log forest":           Forest(ForestData{Log: true, Rows: []ForestRow{{Label: "a", Value: -1}}}),
		"bars":                 Bars(BarData{Bars: []Bar{{Value: inf}}}),
		"waterfall":            Waterfall(WaterfallData{Base: nan, Steps: []Step{{"a", 1}}}),
		"empty waterfall":      Waterfall(WaterfallData{}),
		"effect":               Effect(EffectData{Curve: one}),
		"categories":           Effect(EffectData{Categories: []Bar{{Value: nan}}}),
		"distribution":         Distribution(DistributionData{Groups: []Group{{"a", []float64{nan, 1}}}}),
		"folds":                Folds("x", []FoldRow{{Mean: nan}}),
		"flow":                 Flow(FlowData{}),
		"learning":             Learning("Step", "Loss"),
		"missingness":          Missingness(nil, nil),
		"confusion":            Confusion([]string{"a"}, [][]int{{0}}),
		"ragged confusion":     Confusion([]string{"a", "b"}, [][]int{nil}),
		"scatter":              Scatter(ScatterData{X: []float64{1}, Y: []float64{1}}),
		"heatmap":              Heatmap(HeatmapData{XNames: []string{"a"}, YNames: []string{"b"}, Values: [][]float64{nil}}),
		"survival":             Survival("t", nil, nil, nil),
	} {
		if !strings.Contains(string(f.SVG()), "Not enough data") {
			t.Errorf("%s: the figure does not say that data are missing", name)
		}
		checkDrawing(t, f)
	}
}

func TestAwkwardNumbers(t *testing.T) {
	flat := Curve{X: []float64{1, 1, 1}, Y: []float64{2, 2, 2}, Lo: []float64{nan, 2, -inf}, Hi: []float64{nan, 2, inf}}
	wide := Curve{X: []float64{-1e308, 0, 1e308}, Y: []float64{-1e308, 5, 1e308}}
	tiny := Curve{X: []float64{0, 1e-300}, Y: []float64{0, 4e-320}}
	for _, c := range []Curve{flat, wide, tiny} {
		for _, f := range []Figure{
			Lines(LineData{Curves: []Curve{c}}), ROC(c), PrecisionRecall(5, c), Effect(EffectData{Curve: c, Zero: true, Values: []float64{nan, inf, 1}}),
			Calibration(CalibrationData{Smooth: []Curve{c}, Positive: []float64{nan, 2, .5}}), DecisionCurve(DecisionData{Models: []Curve{c}, Prevalence: nan}),
			Scatter(ScatterData{X: c.X, Y: c.Y, Equal: true}), Distribution(DistributionData{Groups: []Group{{"a", c.X}}}),
			Distribution(DistributionData{Density: true, Groups: []Group{{"a", c.Y}}}), Survival("t", []Curve{c}, nil, []Curve{c}),
		} {
			checkDrawing(t, f)
		}
	}
	for _, v := range []float64{0, 1e-310, -1e300, 1e300, 7} {
		checkDrawing(t, Bars(BarData{Bars: []Bar{{Label: "a", Value: v, Lo: nan, Hi: v}, {Label: strings.Repeat("long name ", 50), Value: v / 3, Lo: -2, Hi: 3}}}))
		checkDrawing(t, Forest(ForestData{Measure: "m", Reference: nan, Rows: []ForestRow{{Label: strings.Repeat("W", 400), Value: v, Lo: v - 1, Hi: v + 1, N: -4}}}))
		checkDrawing(t, Forest(ForestData{Measure: "m", Log: true, Rows: []ForestRow{{Label: "a", Value: math.Abs(v) + 1e-9, Lo: 0, Hi: inf}}}))
		checkDrawing(t, Waterfall(WaterfallData{Base: v, Result: 2 * v, Steps: []Step{{"a", v}, {"b", 0}}}))
		checkDrawing(t, Folds("m", []FoldRow{{"a", []float64{v, nan}, v, nan, inf, true}}))
	}
	checkDrawing(t, Flow(FlowData{Start: strings.Repeat("word ", 90), N: 1, Steps: []FlowStep{{make([]Exclusion, 40), "", -3}}, Parts: make([]FlowPart, 9)}))
	checkDrawing(t, Forest(ForestData{Measure: "OR", Log: true, Reference: 1, Rows: []ForestRow{{Label: "a", Value: 1.2, Lo: .01, Hi: 90}, {Label: "b", Value: .8, Lo: .7, Hi: .9}}}))
}

func TestAnyCurveDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-3, 3), rapid.Float64(), rapid.Just(nan), rapid.Just(inf)), 0, 30)
		c := Curve{Name: rapid.String().Draw(t, "name"), X: values.Draw(t, "x"), Y: values.Draw(t, "y"), Lo: values.Draw(t, "lo"), Hi: values.Draw(t, "hi"), Step: rapid.Bool().Draw(t, "step"), Marks: true}
		for _, f := range []Figure{ROC(c), Lines(LineData{Curves: []Curve{c, c}}), Calibration(CalibrationData{Smooth: []Curve{c}, Negative: c.Y}), Distribution(DistributionData{Groups: []Group{{c.Name, c.X}, {"b", c.Y}}})} {
			checkDrawing(t, f)
		}
	})
}

func TestHugeDataStaySmall(t *testing.T) {
	const n = 100_000
	rng := rand.New(rand.NewPCG(1, 2))
	stairs := func() Curve {
		c := Curve{Name: "Model", Step: true}
		y := 0.0
		for i := range n {
			x := float64(i) / (n - 1)
			if rng.Float64() < 1-x {
				y += 2.0 / n
			}
			c.X, c.Y = append(c.X, x), append(c.Y, min(y, 1))
			c.Lo, c.Hi = append(c.Lo, max(y-.05*rng.Float64(), 0)), append(c.Hi, min(y+.05*rng.Float64(), 1))
		}
		return c
	}
	noise := make([]float64, n)
	other := make([]float64, n)
	names := make([]string, n)
	rows := make([]ForestRow, n)
	for i := range n {
		noise[i], other[i] = rng.NormFloat64(), rng.NormFloat64()
		names[i] = fmt.Sprintf("column %d", i)
		rows[i] = ForestRow{Label: names[i], Value: noise[i], Lo: noise[i] - 1, Hi: noise[i] + 1, N: i}
	}
	labels := make([]string, 300)
	counts := make([][]int, 300)
	for i := range counts {
		labels[i] = names[i]
		counts[i] = make([]int, 300)
		counts[i][i] = i
	}
	start := time.Now()
	figures := Figures{}
	for _, f := range []Figure{
		ROC(stairs(), stairs(), stairs()), PrecisionRecall(.1, stairs()), Calibration(CalibrationData{Smooth: []Curve{stairs()}, Positive: noise, Negative: other}),
		Lines(LineData{Curves: []Curve{{X: noise, Y: other}}}), Scatter(ScatterData{X: noise, Y: other}), Distribution(DistributionData{Density: true, Groups: []Group{{"a", noise}}}),
		Effect(EffectData{Predictor: "x", Curve: Curve{X: []float64{-3, 3}, Y: []float64{0, 1}}, Values: noise}), Missingness(names, other), Forest(ForestData{Measure: "m", Rows: rows}),
		Confusion(labels, counts), Heatmap(HeatmapData{XLabel: "x", YLabel: "y", XNames: names, YNames: names[:900], Values: [][]float64{noise, other}}), Folds("m", []FoldRow{{Label: "a", Points: noise, Mean: 0}}), Survival("t", []Curve{stairs()}, nil, []Curve{{X: noise, Y: other}}),
	} {
		checkDrawing(t, f)
		figures = append(figures, FigureBlock{Figure: f})
	}
	page := render(t, &Report{Title: "Huge", Sections: []Section{{Title: "All", Blocks: []Block{figures}}}})
	if len(page) > 1<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
	t.Logf("%d bytes in %v", len(page), time.Since(start))
	if strings.Count(page, "more rows are not shown") != 3 || !strings.Contains(page, "small classes are not shown") || !strings.Contains(page, "more levels are not shown") {
		t.Error("the page does not say what it leaves out")
	}
}

func TestThinningKeepsTheShape(t *testing.T) {
	var pts []vg.Point
	for i := range 50_000 {
		x := float64(i) / 125
		pts = append(pts, vg.Point{X: vg.Length(x), Y: vg.Length(100 + 80*math.Sin(x/20))})
	}
	thin := simplify(pts)
	if len(thin) > 500 {
		t.Errorf("%d points remain", len(thin))
	}
	if thin[0] != pts[0] || thin[len(thin)-1] != pts[len(pts)-1] {
		t.Error("an end is lost")
	}
	// Each original point lies near the thinned line.
	k := 0
	for _, p := range pts {
		for k+2 < len(thin) && thin[k+1].X < p.X {
			k++
		}
		if d := distance(p, thin[k], thin[k+1]); d > 0.3 {
			t.Fatalf("a point is %.2f pixels off", d)
		}
	}
}

func TestRoundTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{0, 1, "[0 0.2 0.4 0.6 0.8 1] 1"},
		{-.07, .37, "[0 0.1 0.2 0.3] 1"},
		{0, 100, "[0 20 40 60 80 100] 0"},
		{0, 13, "[0 2.5 5 7.5 10 12.5] 1"},
		{1, 1, "[] 0"},
	} {
		at, decimals := roundTicks(c.lo, c.hi, 6)
		for i := range at {
			at[i] = math.Round(at[i]*1e9) / 1e9
		}
		if got := fmt.Sprint(at, decimals); got != c.want {
			t.Errorf("%g to %g: got %s, want %s", c.lo, c.hi, got, c.want)
		}
	}
}

// TestDrawTakesAnyCanvasUse draws by the plain vg.Canvas methods, as code from elsewhere would.
func TestDrawTakesAnyCanvasUse(t *testing.T) {
	f := Draw("Molecule", "Two bonds", 100, 80, func(c draw.Canvas) {
		c.Push()
		c.Translate(vg.Point{X: 10, Y: 10})
		c.Scale(2, 2)
		c.StrokeLine2(draw.LineStyle{Color: Ink, Width: 2}, 0, 0, 10, 10)
		c.Pop()
		c.FillPolygon(color.NRGBA{R: 255, A: 128}, []vg.Point{{X: 0, Y: 0}, {X: 5, Y: 0}, {X: 5, Y: 5}})
		sty := TextStyle(12, Muted)
		sty.Rotation = math.Pi / 2
		sty.XAlign = draw.XCenter
		c.FillText(sty, vg.Point{X: 50, Y: 40}, "OH")
		c.DrawGlyph(draw.GlyphStyle{Color: Series(1), Radius: 3, Shape: draw.CircleGlyph{}}, vg.Point{X: 20, Y: 60})
	})
	svg := string(f.SVG())
	for _, want := range []string{`d="M10 70L30 50"`, `fill="#ff000080"`, `text-anchor="middle"`, `rotate(-90 `, `<circle class="f-k2" cx="20" cy="20" r="3"/>`} {
		if !strings.Contains(svg, want) {
			t.Errorf("the drawing lacks %s:\n%s", want, f.body)
		}
	}
}
