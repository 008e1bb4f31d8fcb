package table

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"galen.dev/fault"
)

func drawTable(t *rapid.T) *Table {
	n := rapid.IntRange(1, 12).Draw(t, "rows")
	tb := &Table{Rows: n}
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Z "',:#é(%-]{0,6}[a-zé"']`), 1, 5, rapid.ID).Draw(t, "names")
	word := rapid.StringMatching(`[a-zA-Z0-9 ,;"'\n\té.?#:{}-]{0,5}[a-zA-Z0-9"'.?é]`)
	for _, name := range names {
		c := &Column{Name: strings.TrimSpace(name), Kind: rapid.SampledFrom([]Kind{Numeric, Category, Code, Date, Text}).Draw(t, "kind")}
		switch c.Kind {
		case Numeric:
			c.Unit = rapid.SampledFrom([]string{"", "kg", "mmol/L", "%"}).Draw(t, "unit")
			c.Num = rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-1e300, 1e300), rapid.Float64Range(-10, 10), rapid.Just(nan)), n, n).Draw(t, "num")
		case Date:
			c.Num = make([]float64, n)
			for i := range c.Num {
				days, nanos := rapid.Int64Range(-30000, 60000).Draw(t, "day"), rapid.Int64Range(0, dayNanos-1).Draw(t, "time")
				c.Num[i] = joinDays(days, rapid.SampledFrom([]int64{0, nanos / 1e9 * 1e9, nanos / 1000 * 1000}).Draw(t, "step"))
			}
		case Text:
			c.Text = rapid.SliceOfN(rapid.OneOf(word, rapid.Just("")), n, n).Draw(t, "text")
		default:
			c.Levels = rapid.SliceOfNDistinct(word, 1, 4, rapid.ID).Draw(t, "levels")
			if c.Kind == Code {
				c.System = rapid.SampledFrom([]string{"", "ICD-10"}).Draw(t, "system")
			}
			c.Cat = rapid.SliceOfN(rapid.Int32Range(-1, int32(len(c.Levels)-1)), n, n).Draw(t, "cat")
		}
		tb.Columns = append(tb.Columns, c)
	}
	return tb
}

// TestRoundTrips writes random tables in every format and reads them back under their schema, which itself goes
// through YAML.
func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tb := drawTable(t)
		if len(tb.Schema().Check()) > 0 {
			t.Skip("names that differ by blanks only")
		}
		text := tb.Schema().YAML()
		s, err := ParseSchema(text, "schema.yaml")
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(tb.Schema(), s, cmpopts.IgnoreFields(Schema{}, "File")); diff != "" {
			t.Fatalf("schema through YAML:\n%s\n%s", diff, text)
		}
		for name, write := range map[string]func(*strings.Builder) error{
			"CSV":     func(b *strings.Builder) error { return tb.WriteCSV(b) },
			"JSONL":   func(b *strings.Builder) error { return tb.WriteJSONL(b) },
			"Parquet": func(b *strings.Builder) error { return tb.WriteParquet(b) },
		} {
			var b strings.Builder
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			o := Options{Schema: s}
			if name == "Parquet" {
				o.Schema = nil // it brings its own
			}
			back, err := ReadFrom(context.Background(), strings.NewReader(b.String()), name, o)
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, b.String())
			}
			if diff := cmp.Diff(tb.Columns, back.Columns, cmpopts.EquateNaNs()); diff != "" {
				t.Fatalf("through %s:\n%s\n%s", name, diff, b.String())
			}
			if diff := cmp.Diff(tb.Schema(), back.Schema(), cmpopts.IgnoreFields(Schema{}, "File")); diff != "" {
				t.Fatalf("schema after %s:\n%s", name, diff)
			}
		}
	})
}

func TestParseSchemaFindsEverything(t *testing.T) {
	_, err := ParseSchema([]byte(`columns:
  - name: age
    kind: numerc
    min: old
  - name: sex
    kind: category
    level: [m, f]
    unit: kg
  - kind: text
  - name: age
    kind: numeric
    min: 3
    max: 2
`), "s.yaml")
	want := `schema "s.yaml": 6 findings
  s.yaml:3: age: unknown kind "numerc"; did you mean "numeric"?
  s.yaml:4: age: min must be a number
  s.yaml:7: sex: unknown key "level"; did you mean "levels"?
  s.yaml:9: a column without a name
  s.yaml:10: age: min is greater than max
  s.yaml:10: age: the column is listed on line 2 already`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	for _, bad := range []string{"", "a: [", "- x", "columns: 3", "columns: [3]", "columns: []\n---\ncolumns: []\n", "{}"} {
		if _, err := ParseSchema([]byte(bad), "s.yaml"); fault.KindOf(err) != fault.Data {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestReadUnderSchema(t *testing.T) {
	s, err := ParseSchema([]byte(`columns:
  - {name: sex, kind: category, levels: [f, m]}
  - {name: age, kind: numeric, unit: a, missing: [-9, unknown], min: 0, max: 120}
  - {name: seen, kind: date, format: d/m/y}
  - {name: icd, kind: code, system: ICD-10}
`), "s.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tb := readString(t, "age,sex,seen,icd\n63,m,05/04/2020,I21\n-9.0,x,31/12/2020,\nunknown,f,2020-04-05,I21\n", Options{Schema: s})
	want := []*Column{
		{Name: "sex", Kind: Category, Cat: []int32{1, -1, 0}, Levels: []string{"f", "m"}},
		{Name: "age", Unit: "a", Num: []float64{63, nan, nan}},
		{Name: "seen", Kind: Date, Num: []float64{18357, 18627, 18357}},
		{Name: "icd", Kind: Code, System: "ICD-10", Cat: []int32{0, -1, 0}, Levels: []string{"I21"}},
	}
	if diff := cmp.Diff(want, tb.Columns, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	if len(tb.Findings) != 1 || tb.Findings[0].Name != "unknown-level" || tb.Findings[0].Rows[0] != 2 {
		t.Errorf("findings %v", tb.Findings)
	}
	if lo := tb.Schema().Column("age").Min; lo == nil || *lo != 0 {
		t.Error("the plausible range is lost")
	}
	bad := "agee,sex,seen\nx,m,12/31/2020\n"
	refuse(t, bad, Options{Schema: s}, "absent-column", "absent-column", "extra-column", "not-a-date")
	refuse(t, bad, Options{Schema: s, AllowAbsent: true, AllowExtra: true}, "not-a-date")
	var wide strings.Builder
	for i := range 60 {
		fmt.Fprintf(&wide, "c%d,", i)
	}
	_, err = ReadFrom(context.Background(), strings.NewReader(wide.String()+"x\n"+strings.Repeat("1,", 60)+"1\n"), "x", Options{Schema: s, AllowAbsent: true})
	if f := fault.FindingsOf(err); len(f) != maxMissed+1 || f[maxMissed].Message != "and 11 more columns of which the same is true" {
		t.Errorf("many extra columns: %v", err)
	}
	found := refuse(t, "age,sex,seen,icd\nold,m,05/04/2020,\n", Options{Schema: s}, "not-a-number")
	if strings.Contains(found[0].String(), "old") {
		t.Error("a cell's value is in the finding")
	}
	tb = readString(t, "agee,sex,seen\nx,m,2020-12-31\n", Options{Schema: s, AllowAbsent: true, AllowExtra: true})
	if c := tb.Column("age"); c == nil || !c.Missing(0) || len(tb.Findings) != 3 {
		t.Errorf("tolerated: %v, %v", c, tb.Findings)
	}
}
