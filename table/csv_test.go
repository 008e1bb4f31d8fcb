package table

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"galen.dev/fault"
)

func readString(t *testing.T, s string, o Options) *Table {
	t.Helper()
	tb, err := ReadFrom(context.Background(), strings.NewReader(s), "x.csv", o)
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

// refuse reads and expects findings of the given names, in order.
func refuse(t *testing.T, s string, o Options, names ...string) []fault.Finding {
	t.Helper()
	_, err := ReadFrom(context.Background(), strings.NewReader(s), "x.csv", o)
	if err == nil {
		t.Fatal("read without error")
	}
	if k := fault.KindOf(err); k != fault.Data {
		t.Errorf("kind %v, want data: %v", k, err)
	}
	found := fault.FindingsOf(err)
	var got []string
	for _, f := range found {
		got = append(got, f.Name)
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("findings of %v:\n%s", err, diff)
	}
	return found
}

var nan = math.NaN()

func TestCSVKinds(t *testing.T) {
	tb := readString(t, "age,sex,\"weight (kg)\",seen,note\r\n"+
		"63,male,70.5,2020-01-31,\"a \"\"b\"\"\nc\"\r\n"+
		"NA,female,?,2020-02-01 12:00,\r\n"+
		"-1e2,male,.,,x\r\n", Options{})
	want := []*Column{
		{Name: "age", Num: []float64{63, nan, -100}},
		{Name: "sex", Kind: Category, Cat: []int32{0, 1, 0}, Levels: []string{"male", "female"}},
		{Name: "weight (kg)", Unit: "kg", Num: []float64{70.5, nan, nan}},
		{Name: "seen", Kind: Date, Num: []float64{18292, 18293.5, nan}},
		{Name: "note", Kind: Category, Cat: []int32{0, -1, 1}, Levels: []string{"a \"b\"\nc", "x"}},
	}
	if diff := cmp.Diff(want, tb.Columns, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{2, 4, 5}, tb.Line); diff != "" {
		t.Error(diff)
	}
}

func TestDelimiters(t *testing.T) {
	for _, d := range []string{",", ";", "\t", "|"} {
		s := strings.ReplaceAll("a#b#c\n1#\"x#y\"#2\n3#z#4\n", "#", d)
		tb := readString(t, s, Options{})
		if len(tb.Columns) != 3 || tb.Rows != 2 || tb.Columns[1].Levels[0] != "x"+d+"y" {
			t.Errorf("delimiter %q: %d columns, %d rows", d, len(tb.Columns), tb.Rows)
		}
	}
	if tb := readString(t, "only\n1\n\n2\n", Options{}); tb.Rows != 2 || len(tb.Columns) != 1 {
		t.Errorf("one column: %d rows", tb.Rows)
	}
}

// bigCSV makes a file of several chunks whose columns change their nature late.
func bigCSV(rows int) string {
	var b strings.Builder
	b.WriteString("id,x,late,quoted,group,when\n")
	for i := range rows {
		late := fmt.Sprint(i % 7)
		if i == rows-5 {
			late = "unknown"
		}
		fmt.Fprintf(&b, "P%06d,%g,%s,\"line\n%d, and \"\"%d\"\"\",g%d,2020-01-%02d\n", i, float64(i)/7, late, i%3, i%5, i%11, i%28+1)
	}
	return b.String()
}

func TestThreadsDoNotMatter(t *testing.T) {
	s := bigCSV(60000)
	if len(s) < 3*chunkSize {
		t.Fatalf("%d bytes are too few to make chunks", len(s))
	}
	one := readString(t, s, Options{Threads: 1})
	four := readString(t, s, Options{Threads: 4})
	if diff := diffTables(one, four); diff != "" || one.Line == nil {
		t.Error(diff)
	}
	if diff := cmp.Diff(one.Spec, four.Spec); diff != "" {
		t.Error(diff)
	}
	if one.Rows != 60000 {
		t.Errorf("%d rows", one.Rows)
	}
	late := one.Column("late")
	if late.Kind != Category || len(late.Levels) != 8 || late.Levels[6] != "6" || late.Cat[6] != 6 || late.Levels[late.Cat[59995]] != "unknown" {
		t.Errorf("late column: %v %v", late.Kind, late.Levels)
	}
	if k := one.Column("id").Kind; k != Text {
		t.Errorf("identifiers are %v", k)
	}
	if k := one.Column("when").Kind; k != Date {
		t.Errorf("dates are %v", k)
	}
	if l := one.Line[59999]; l != 2+2*59999 {
		t.Errorf("last row begins on line %d", l)
	}
}

// TestLateWords reads columns of dates and times in which another word turns up late, early, in a form that is a date
// all the same, or never. Where the column is no date, the strings must be those of the file.
func TestLateWords(t *testing.T) {
	const rows, late = 150_000, 140_000
	cell := func(col, i int) string {
		day := formatDate(float64(i%20_000 - 10_000))
		clock := fmt.Sprintf("%02d:%02d:%02d", i%24, i%60, i*7%60)
		odd := i == late || i == late+3
		switch col {
		case 0:
			return day
		case 1:
			return map[bool]string{true: "unknown", false: formatDate(float64(i % 900))}[odd]
		case 2:
			return map[bool]string{true: "31.12.2020", false: day}[odd]
		case 3:
			return day + " " + clock
		case 4:
			return map[bool]string{true: day, false: day + "T" + clock}[odd]
		case 5:
			return map[bool]string{true: "?", false: formatDate(float64(i%99)) + "T" + clock[:3] + "00:00"}[odd || i%7 == 0]
		case 6:
			return map[bool]string{true: "?", false: map[bool]string{true: "later", false: formatDate(float64(i%99)) + " 10:00:00"}[odd]}[i%7 == 0]
		}
		return map[bool]string{true: "first", false: day}[i == 0]
	}
	var b strings.Builder
	b.WriteString("plain,broken,mixed,times,timesT,gaps,gone,early\n")
	for i := range rows {
		for col := range 8 {
			if col > 0 {
				b.WriteByte(',')
			}
			b.WriteString(cell(col, i))
		}
		b.WriteByte('\n')
	}
	one := readString(t, b.String(), Options{Threads: 1})
	for _, threads := range []int{2, 5} {
		if diff := diffTables(one, readString(t, b.String(), Options{Threads: threads})); diff != "" {
			t.Error(diff)
		}
	}
	for col, kind := range []Kind{Date, Category, Date, Date, Date, Date, Category, Text} {
		c := one.Columns[col]
		if c.Kind != kind {
			t.Errorf("%s is %v, want %v", c.Name, c.Kind, kind)
			continue
		}
		for i := range rows {
			w, same := cell(col, i), false
			switch {
			case w == "?":
				same = c.Missing(i)
			case kind == Date:
				days, _ := parseDate(w, false)
				same = c.Num[i] == days
			case kind == Category:
				same = c.Levels[c.Cat[i]] == w
			default:
				same = c.Text[i] == w
			}
			if !same {
				t.Errorf("%s, row %d: not %q", c.Name, i+1, w)
				break
			}
		}
	}
}

func TestDictionary(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		// Words of few letters share beginnings, ends and lengths.
		words := rapid.SliceOfN(rapid.StringMatching(`[ab]{1,9}|[ab]c{7,20}[ab]|NA|a{40}[ab]{2}`), 1, 200).Draw(r, "words")
		var d dictionary
		want := map[string]int32{"NA": -1}
		for _, w := range words {
			code, ok := want[w]
			if !ok {
				code = int32(len(d.words))
				want[w] = code
			}
			if got := d.code([]byte(w), defaultMarks); got != code || code >= 0 && d.words[code] != w {
				r.Fatalf("%q has code %d, want %d", w, got, code)
			}
		}
	})
}

// TestQuotesAtAnyPlace moves quoted fields past the ends of eight-byte words.
func TestQuotesAtAnyPlace(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var b strings.Builder
		b.WriteString("a,b\n")
		var want []string
		for range rapid.IntRange(1, 20).Draw(r, "rows") {
			w := rapid.StringMatching(`x[xy", \n\r]{0,30}x`).Draw(r, "cell")
			want = append(want, w)
			fmt.Fprintf(&b, "\"%s\",\"%s\"\n", strings.ReplaceAll(w, `"`, `""`), "z")
		}
		s := &Schema{Columns: []ColumnSchema{{Name: "a", Kind: Text}, {Name: "b", Kind: Text}}}
		tb, err := ReadFrom(context.Background(), strings.NewReader(b.String()), "x", Options{Schema: s})
		if err != nil {
			r.Fatal(err)
		}
		line := 2
		for i, w := range want {
			if tb.Columns[0].Text[i] != w || tb.Line[i] != line {
				r.Fatalf("row %d on line %d is %q, want line %d, %q", i+1, tb.Line[i], tb.Columns[0].Text[i], line, w)
			}
			line += 1 + strings.Count(w, "\n")
		}
	})
}

func TestBadCSV(t *testing.T) {
	t.Run("ragged", func(t *testing.T) {
		var b strings.Builder
		b.WriteString("a,b\n")
		for range 15 {
			b.WriteString("1\n1,2\n1,2,3\n")
		}
		var names []string
		for range fault.MaxRows + 1 {
			names = append(names, "ragged-row")
		}
		found := refuse(t, b.String(), Options{}, names...)
		if f := found[1]; f.Line != 4 || f.Rows[0] != 3 || f.Message != "3 fields where the header has 2" {
			t.Errorf("second finding %+v", f)
		}
		if f := found[fault.MaxRows]; f.Count != 30 {
			t.Errorf("last finding %+v", f)
		}
	})
	t.Run("duplicate names", func(t *testing.T) {
		refuse(t, "a,b,a,b\n1,2,3,4\n", Options{}, "duplicate-column", "duplicate-column")
	})
	t.Run("blank name", func(t *testing.T) {
		refuse(t, ",b, \n1,2,\n", Options{}, "blank-name")
		tb := readString(t, "a,b,,\n1,2,,\n", Options{})
		if len(tb.Columns) != 2 || len(tb.Findings) != 2 {
			t.Errorf("blank columns at the edge: %d columns, %v", len(tb.Columns), tb.Findings)
		}
		refuse(t, "a,b,\n1,2,3\n", Options{Schema: tb.Schema()}, "blank-name")
		tb = readString(t, "a,b,\n1,2,3\n", Options{Schema: tb.Schema(), AllowExtra: true})
		if len(tb.Columns) != 2 || len(tb.Findings) != 1 {
			t.Errorf("a blank column under a schema: %d columns, %v", len(tb.Columns), tb.Findings)
		}
	})
	t.Run("unclosed quote", func(t *testing.T) {
		found := refuse(t, "a,b\n1,2\n3,\"x\n4,5\n", Options{}, "unclosed-quote")
		if found[0].Line != 3 {
			t.Errorf("line %d, want 3", found[0].Line)
		}
		refuse(t, "a,\"b\n1,2\n", Options{}, "unclosed-quote")
	})
	t.Run("text after quote", func(t *testing.T) {
		refuse(t, "a,b\n1,\"x\"y\n", Options{}, "text-after-quote")
	})
	t.Run("infinite", func(t *testing.T) {
		found := refuse(t, "a,b\n1,2\ninf,3\n-Infinity,1e999\n", Options{}, "infinite-value", "infinite-value")
		if diff := cmp.Diff([]int{2, 3}, found[0].Rows); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("NUL", func(t *testing.T) {
		found := refuse(t, "a,b\n1,2\n1,\x00\n", Options{}, "nul-byte")
		if found[0].Line != 3 {
			t.Errorf("line %d, want 3", found[0].Line)
		}
	})
	for name, s := range map[string]string{
		"empty": "", "header only": "a,b\n", "blank lines": "\n\n", "CR alone": "a,b\r1,2\r",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadFrom(context.Background(), strings.NewReader(s), "x.csv", Options{})
			if fault.KindOf(err) != fault.Data || fault.HintOf(err) == "" {
				t.Errorf("error %v, hint %q", err, fault.HintOf(err))
			}
		})
	}
}

// TestHugeHeaders refuses headers of a million columns, and reads those of a million lines, without work for each pair.
func TestHugeHeaders(t *testing.T) {
	for _, name := range []string{"x,", "\"x\",", "\"a\nb\","} {
		wide := append(bytes.Repeat([]byte(name), 1_000_000), "x\n1\n"...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := readBytes(wide, Options{})
		runtime.ReadMemStats(&after)
		wantError(t, err, "1000001 columns; the limit is 100000")
		if took := after.TotalAlloc - before.TotalAlloc; took > 100<<20 {
			t.Errorf("%q: %d MiB allocated", name, took>>20)
		}
	}
	for _, line := range []string{"\n", "\"\"\n"} {
		long := "a,\"x" + strings.Repeat(line, 1_000_000)
		refuse(t, long, Options{}, "unclosed-quote")
		if tb := readString(t, long+"\"\n1,2\n", Options{}); tb.Rows != 1 || len(tb.Columns) != 2 {
			t.Errorf("%d rows, %d columns", tb.Rows, len(tb.Columns))
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{Threads: 2, Progress: func(done, _ int64) {
		if done > 1<<20 {
			cancel()
		}
	}}
	if _, err := ReadFrom(ctx, strings.NewReader(bigCSV(60000)), "x.csv", o); err != context.Canceled {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

// diffTables tells the first difference of two tables' rows, lines and columns, or "". It is quicker than cmp.Diff
// on long columns; NaN equals NaN.
func diffTables(a, b *Table) string {
	if a.Rows != b.Rows || !slices.Equal(a.Line, b.Line) && a.Line != nil && b.Line != nil || len(a.Columns) != len(b.Columns) {
		return fmt.Sprintf("%d rows and %d columns, or lines, against %d and %d", a.Rows, len(a.Columns), b.Rows, len(b.Columns))
	}
	for i, c := range a.Columns {
		d := b.Columns[i]
		sameBits := func(x, y float64) bool { return x == y || x != x && y != y }
		if c.Name != d.Name || c.Kind != d.Kind || c.Unit != d.Unit || c.System != d.System || !slices.Equal(c.Levels, d.Levels) ||
			!slices.EqualFunc(c.Num, d.Num, sameBits) || !slices.Equal(c.Cat, d.Cat) || !slices.Equal(c.Text, d.Text) {
			return fmt.Sprintf("column %q (%v) differs from %q (%v)", c.Name, c.Kind, d.Name, d.Kind)
		}
	}
	return ""
}
