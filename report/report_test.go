package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"reflect"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/internal/golden"
)

func render(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func renderIndex(t *testing.T, title string, entries ...Entry) string {
	t.Helper()
	var b bytes.Buffer
	if err := Index(&b, title, entries); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	drawing = regexp.MustCompile(`(?s)(<svg[^>]*>).*?(</svg>)`)
	style   = regexp.MustCompile(`(?s)<style>.*?</style>`)
	script  = regexp.MustCompile(`(?s)<script>.*?</script>`)
	policy  = regexp.MustCompile(`sha256-.*?&#39;`)
	picture = regexp.MustCompile(`base64,[^"]*`)
	void    = regexp.MustCompile(`<(meta|img|input)\b([^>]*)>`)
	boolean = regexp.MustCompile(` (checked)( |>|/)`)
)

// skeleton is a page without what other goldens and tests cover.
func skeleton(page string) string {
	page = drawing.ReplaceAllString(page, "$1…$2")
	page = style.ReplaceAllString(page, "<style>…</style>")
	page = script.ReplaceAllString(page, "<script>…</script>")
	page = policy.ReplaceAllString(page, "sha256-…&#39;")
	return picture.ReplaceAllString(page, "base64,…")
}

func TestPageGolden(t *testing.T) {
	golden.Check(t, "testdata/report.html", skeleton(render(t, sampleReport())))
	golden.Check(t, "testdata/index.html", skeleton(renderIndex(t, "Galen demo",
		Entry{
			Title: "Heart disease", Task: "diagnosis/risk", Summary: "303 adults.", Href: "heart/report.html", Thumbnail: sampleFigures()["roc"],
			Figures: []KeyFigure{{Label: "AUROC", Value: "0.89", Interval: "0.84–0.94"}},
		},
		Entry{Title: "Made up", Href: "b.html", Synthetic: true})))
	golden.Check(t, "testdata/empty.html", skeleton(render(t, &Report{Title: "Nothing"})))
}

func TestFigureGoldens(t *testing.T) {
	for name, f := range sampleFigures() {
		// One element a line, so that a change can be read.
		golden.Check(t, "testdata/figure/"+name+".svg", strings.ReplaceAll(string(f.SVG()), "><", ">\n<"))
	}
}

func TestSameBytes(t *testing.T) {
	want := render(t, sampleReport())
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got := render(t, sampleReport()); got != want {
		t.Error("the page depends on GOMAXPROCS or on the run")
	}
}

// element is a start tag of a page.
type element struct {
	name  string
	attrs map[string]string
}

// elements parses a page as strict XML, after closing the void elements of HTML, which proves that every
// tag is closed in order and every attribute quoted once.
func elements(t *testing.T, page string) []element {
	t.Helper()
	page = script.ReplaceAllString(page, "<script></script>")
	page = boolean.ReplaceAllString(page, ` $1="" $2`)
	page = void.ReplaceAllString(page, "<$1$2/>")
	d := xml.NewDecoder(strings.NewReader(page))
	var out []element
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			line, _ := d.InputPos()
			t.Fatalf("the page is not well formed: %v near %q", err, strings.Split(page, "\n")[line-1])
		}
		if s, ok := tok.(xml.StartElement); ok {
			e := element{s.Name.Local, map[string]string{}}
			for _, a := range s.Attr {
				if _, twice := e.attrs[a.Name.Local]; twice {
					t.Errorf("<%s> has %s twice", e.name, a.Name.Local)
				}
				e.attrs[a.Name.Local] = a.Value
			}
			out = append(out, e)
		}
	}
}

func TestPageIsAccessibleAndWhole(t *testing.T) {
	pages := map[string]string{
		"report": render(t, sampleReport()),
		"bare":   render(t, &Report{Title: "x"}),
		"index":  renderIndex(t, "y", Entry{Title: "a", Href: "a.html", Thumbnail: sampleFigures()["forest"]}),
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(page, "Research use only") || !strings.Contains(page, "not a medical device") {
				t.Error("the page does not say that it is for research")
			}
			if i := strings.Index(strings.ReplaceAll(page, "http-equiv", ""), "http"); i >= 0 {
				t.Errorf("the page mentions http: %q", page[i:min(i+60, len(page))])
			}
			ids, links, level := map[string]bool{}, []string{}, 0
			for _, e := range elements(t, page) {
				if id, ok := e.attrs["id"]; ok {
					if ids[id] {
						t.Errorf("id %q occurs twice", id)
					}
					ids[id] = true
				}
				switch e.name {
				case "a":
					links = append(links, e.attrs["href"])
				case "h1", "h2", "h3":
					next := int(e.name[1] - '0')
					if next > level+1 {
						t.Errorf("h%d follows h%d", next, level)
					}
					level = next
				case "img":
					if e.attrs["alt"] == "" || !strings.HasPrefix(e.attrs["src"], "data:image/") {
						t.Error("a picture without alternative text or from elsewhere")
					}
				case "svg":
					if e.attrs["aria-hidden"] != "true" && (e.attrs["role"] != "img" || e.attrs["aria-label"] == "") {
						t.Error("a figure without role or alternative text")
					}
				case "th":
					if e.attrs["scope"] == "" {
						t.Error("a heading cell without scope")
					}
				}
			}
			for _, l := range links {
				if id, inside := strings.CutPrefix(l, "#"); inside && !ids[id] {
					t.Errorf("the link %q leads nowhere", l)
				}
			}
		})
	}
}

func TestSectionIDsStayUnique(t *testing.T) {
	page := render(t, &Report{Title: "x", Sections: []Section{{Title: "Über 1"}, {Title: "Über 1"}, {ID: "main", Title: "a"}, {ID: "theme-dark", Title: "b"}, {Title: "日本"}, {Title: "日本"}}})
	seen := map[string]bool{}
	for _, e := range elements(t, page) {
		if id := e.attrs["id"]; id != "" {
			if seen[id] {
				t.Errorf("id %q occurs twice", id)
			}
			seen[id] = true
		}
	}
}

const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>{{.}}` + "`${alert(3)}` &amp; ]]>"

// fillStrings puts the hostile text into every string that v holds, however deep.
func fillStrings(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			if v.Kind() == reflect.Interface {
				c := reflect.New(v.Elem().Type()).Elem()
				c.Set(v.Elem())
				fillStrings(c)
				v.Set(c)
				return
			}
			fillStrings(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fillStrings(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			fillStrings(v.Index(i))
		}
	case reflect.String:
		v.SetString(hostile)
	}
}

func checkHarmless(t *testing.T, page string) {
	t.Helper()
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img src=x") {
		t.Error("hostile text became markup")
	}
	scripts := 0
	for _, e := range elements(t, page) {
		if e.name == "script" {
			scripts++
		}
		for k, v := range e.attrs {
			if strings.HasPrefix(k, "on") || strings.HasPrefix(strings.TrimSpace(strings.ToLower(v)), "javascript:") {
				t.Errorf("<%s> got %s=%q", e.name, k, v)
			}
		}
	}
	if scripts > 1 {
		t.Errorf("%d scripts on the page", scripts)
	}
}

func TestHostileTextStaysText(t *testing.T) {
	r := sampleReport()
	fillStrings(reflect.ValueOf(r))
	page := render(t, r)
	if strings.Count(page, "alert(1)") < 100 {
		t.Fatal("the hostile text did not reach the page: the test checks nothing")
	}
	checkHarmless(t, page)
	e := Entry{Figures: []KeyFigure{{}}}
	fillStrings(reflect.ValueOf(&e))
	e.Href = "javascript:alert(1)"
	e.Thumbnail = ROC(Curve{Name: hostile, X: []float64{0, 1}, Y: []float64{0, 1}})
	checkHarmless(t, renderIndex(t, hostile, e))
}

func TestHostileNamesInFigures(t *testing.T) {
	line := Curve{Name: hostile, Note: hostile, X: []float64{0, 1}, Y: []float64{0, 1}}
	for _, f := range []Figure{
		ROC(line), PrecisionRecall(.5, line), Survival(hostile, []Curve{line}, []AtRisk{{hostile, []float64{0, 1}, []int{5, 2}}}, nil),
		Calibration(CalibrationData{Smooth: []Curve{line}}), DecisionCurve(DecisionData{Models: []Curve{line}}),
		Lines(LineData{Title: hostile, XLabel: hostile, YLabel: hostile, Curves: []Curve{line}, Lines: []Reference{{.5, hostile}}}),
		Forest(ForestData{Title: hostile, Measure: hostile, Rows: []ForestRow{{Label: hostile, Heading: true}, {Label: hostile, Value: 1, Lo: 0, Hi: 2}}}),
		Bars(BarData{Title: hostile, XLabel: hostile, Bars: []Bar{{Label: hostile, Value: 1, Note: hostile}}}), Missingness([]string{hostile}, []float64{.5}),
		Waterfall(WaterfallData{BaseName: hostile, ResultName: hostile, XLabel: hostile, Steps: []Step{{hostile, 1}}}),
		Effect(EffectData{Predictor: hostile, Output: hostile, Curve: line}), Effect(EffectData{Predictor: hostile, Categories: []Bar{{Label: hostile, Value: 1}}}),
		Heatmap(HeatmapData{Title: hostile, XLabel: hostile, YLabel: hostile, XNames: []string{hostile}, YNames: []string{hostile}, Values: [][]float64{{1}}}),
		Folds(hostile, []FoldRow{{Label: hostile, Mean: 1, Chosen: true}}), Confusion([]string{hostile}, [][]int{{3}}),
		Distribution(DistributionData{Title: hostile, XLabel: hostile, Groups: []Group{{hostile, []float64{1, 2, 3}}}}),
		Scatter(ScatterData{Title: hostile, XLabel: hostile, YLabel: hostile, X: line.X, Y: line.Y, Fit: line, Note: hostile}),
		Flow(FlowData{Start: hostile, N: 3, Steps: []FlowStep{{[]Exclusion{{hostile, 1}}, hostile, 2}}, Parts: []FlowPart{{hostile, 2, hostile}}}),
	} {
		svg := string(f.SVG())
		if !strings.Contains(svg, "&lt;") {
			t.Errorf("%s: the name is not in the figure", f.Title)
		}
		checkHarmless(t, svg)
	}
}

func TestControlCharactersNeverBreakSVG(t *testing.T) {
	name := "a\x00b\x1bc\xff\ufffed\u0085"
	f := Bars(BarData{Bars: []Bar{{Label: name, Value: 1}}})
	elements(t, string(f.SVG()))
}

func TestChecklist(t *testing.T) {
	answers := map[string]Answer{}
	mains := map[string]bool{}
	for i, it := range tripod {
		mains[strings.TrimRight(it.Number, "abcdefg")] = true
		if it.Text == "" || it.Topic == "" || it.Section == "" {
			t.Errorf("item %s is not whole", it.Number)
		}
		if i < 19 {
			answers[it.Number] = Answer{Status: Done}
		}
	}
	if len(tripod) != 52 || len(mains) != 27 {
		t.Fatalf("%d items, %d main ones; the statement has 52 and 27", len(tripod), len(mains))
	}
	c, err := TRIPODAI(answers)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Summary(), "19 of 52 reported by this run; 33 are for the authors."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if tripod[0].Answer.Status != Missing {
		t.Error("answers of one report leak into the next")
	}
	_, err = TRIPODAI(map[string]Answer{"12h": {}, "0": {}, "1": {}})
	if err == nil || fault.KindOf(err) != fault.Internal || !strings.Contains(err.Error(), `"0", "12h"`) {
		t.Errorf("unknown items: got %v", err)
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Num(-0.004, 2), "0.00"},
		{Num(-0.25, 2), "−0.25"},
		{Num(math.NaN(), 2), "–"},
		{Num(math.Inf(-1), 2), "−∞"},
		{Interval(.81, .93, 2), "0.81–0.93"},
		{Interval(-.02, .05, 2), "−0.02 to 0.05"},
		{Interval(math.NaN(), math.NaN(), 2), "–"},
		{Count(1034), "1034"},
		{Count(1234567), "1\u202f234\u202f567"},
		{Count(-20000), "−20\u202f000"},
		{short(0.000012), "1.20e−05"},
		{short(1.234), "1.23"},
		{fit("abcdefghij", 12, 30), "ab…"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestNumericColumnsStandRight(t *testing.T) {
	tab := Table{Columns: []string{"a", "b", "c", "d", "e"}, Rows: [][]string{
		{"1", "0.91 (0.86–0.95)", "−0.02 to 0.05", "yes", ""}, {"2", "–", "3", "4", ""},
	}}
	if got, want := tab.alignment(), []Align{Left, Right, Right, Left, Left}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTableLimits(t *testing.T) {
	rows := make([][]string, 5000)
	list := make([]fault.Finding, 5000)
	for i := range rows {
		rows[i] = []string{"row", strconv.Itoa(i)}
		list[i] = fault.Finding{Name: "x", Message: "finding " + strconv.Itoa(i)}
	}
	list[4999].Severity = fault.Severe
	page := render(t, &Report{Title: "x", Sections: []Section{{Title: "s", Blocks: []Block{Table{Columns: []string{"a", "b"}, Rows: rows}, Findings{List: list}}}}})
	for _, want := range []string{"4800 more rows are not shown", "4800 more findings are not shown", "Show all 200 rows", "finding 4999", "1 error, 4999 remarks"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
