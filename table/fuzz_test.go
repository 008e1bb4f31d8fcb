package table

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"galen.dev/fault"
)

// readFuzzed checks what must hold for any bytes: no panic, an error of kind Data or a table whose columns have one
// length, and a table that reads back identically after a round through Parquet and its own schema.
func readFuzzed(t *testing.T, data []byte) {
	o := Options{Threads: 1, MaxColumns: 1000}
	tb, err := ReadFrom(context.Background(), bytes.NewReader(data), "fuzz", o)
	if err != nil {
		if k := fault.KindOf(err); k != fault.Data {
			t.Fatalf("kind %v: %v", k, err)
		}
		return
	}
	for _, c := range tb.Columns {
		if c.Len() != tb.Rows {
			t.Fatalf("column %q has %d rows of %d", c.Name, c.Len(), tb.Rows)
		}
		for i := range c.Cat {
			if c.Cat[i] >= int32(len(c.Levels)) {
				t.Fatalf("column %q: code %d of %d levels", c.Name, c.Cat[i], len(c.Levels))
			}
		}
	}
	if tb.Line != nil && len(tb.Line) != tb.Rows {
		t.Fatalf("%d lines for %d rows", len(tb.Line), tb.Rows)
	}
	text := tb.Schema().YAML()
	s, err := ParseSchema(text, "schema")
	if err != nil {
		t.Fatalf("its own schema: %v\n%s", err, text)
	}
	if diff := cmp.Diff(tb.Schema(), s, cmpopts.IgnoreFields(Schema{}, "File")); diff != "" {
		t.Fatalf("schema through YAML:\n%s", diff)
	}
	if len(tb.Columns) == 0 || len(tb.Columns) > 6 || tb.Rows > 100 {
		return // writing Parquet is slow
	}
	var b bytes.Buffer
	if err := tb.WriteParquet(&b); err != nil {
		t.Fatal(err)
	}
	back, err := ReadFrom(context.Background(), bytes.NewReader(b.Bytes()), "back", Options{})
	if err != nil {
		t.Fatalf("reading back: %v", err)
	}
	if diff := cmp.Diff(tb.Columns, back.Columns, cmpopts.EquateNaNs()); diff != "" {
		t.Fatalf("through Parquet:\n%s", diff)
	}
}

func seedFiles(f *testing.F, pattern string) {
	paths, err := filepath.Glob(filepath.Join("testdata/vectors", pattern))
	if err != nil || len(paths) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

func FuzzCSV(f *testing.F) {
	seedFiles(f, "*.csv")
	for _, s := range []string{
		"a,b\n1,2\n", "a;b\r\n\"x\"\"y\";\n", "a\n\n1", "a,b\n\"1\",inf\n", "\"a\nb\"\t2\n3\t4", "x|y\n1|\n",
		"a,b\n05/04/2020,1\n", "\xff\xfea\x00\n\x001\x00", "a,,\n1,,\n", "id\n12345678901234567890\n007\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { readFuzzed(t, data) })
}

func FuzzARFF(f *testing.F) {
	seedFiles(f, "*.arff")
	f.Add([]byte("@relation r\n@attribute a numeric\n@attribute b {x,'y z'}\n@data\n{0 1, 1 'y z'}\n{}\n?,x\n"))
	f.Add([]byte("@attribute s string\n@attribute d date 'dd.MM.yyyy'\n@data\n'it\\'s',\"31.12.2020\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) { readFuzzed(t, append([]byte("@relation r\n"), data...)) })
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":"x"}` + "\n" + `{"b":null,"c":true}`, `[{"a":1e3},{"a":-0.5}]`, `{"a":"\u00e9\n"}`, `{"a":{"b":[1,"]"]}}`,
		`{"a":NaN}`, `{"a":"2020-01-01","a":2}`, `{}`, `[]`, `{"":1}`, `{"a":1}{"a":2}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { readFuzzed(t, append([]byte(`{"k":1}`), data...)) })
}

func FuzzParquet(f *testing.F) {
	seedFiles(f, "*.parquet")
	f.Fuzz(func(t *testing.T, data []byte) { readFuzzed(t, data) })
}

func FuzzSchema(f *testing.F) {
	f.Add([]byte("columns:\n  - {name: a, kind: numeric, unit: kg, min: 0, max: 1, missing: [-9]}\n"))
	f.Add([]byte("columns:\n  - name: b\n    kind: category\n    levels: [x, \"y z\"]\n  - {name: c, kind: date, format: d/m/y}\n"))
	f.Add([]byte("columns: [{name: d, kind: code, system: ICD-10, levels: [yes, ~]}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSchema(data, "schema")
		if err != nil {
			if fault.KindOf(err) != fault.Data {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseSchema(s.YAML(), "schema")
		if err != nil {
			t.Fatalf("%v\n%s", err, s.YAML())
		}
		if diff := cmp.Diff(s, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{
		"2020-02-29", "1999/1/2", "31.12.2020", "31/12/2020 23:59", "12/31/2020", "05-04-2020", "1-Jan-2000", "01JAN2000",
		"2020-01-01T00:00:00.5+01:00", "2020-01-01 9:05Z", "0001-01-01", "9999-12-31 23:59:59",
		"2000-02-29T00:00:01",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		days, form := parseDate(s, false)
		if m, ok := isoMode(s); ok {
			v, _ := readISO([]byte(s), m)
			if form != certain || v != days || writeISO(v, m) != s {
				t.Fatalf("%q is read as %v, want %v, and written %q", s, v, days, writeISO(v, m))
			}
		}
		if form == notDate {
			return
		}
		text := formatDate(days)
		if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "0000") || len(text) > 4 && text[4] != '-' {
			return // a time zone pushed it out of the years 1 to 9999
		}
		if again, _ := parseDate(text, false); again != days {
			t.Fatalf("%q is %v days, written %q, read as %v", s, days, text, again)
		}
	})
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1", "-0.5e3", "007", "+.5", "5.", "1e400", "9007199254740993", "0.1234567890123456789", "inf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkNumber(t, s) })
}
