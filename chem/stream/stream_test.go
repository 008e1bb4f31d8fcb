package stream

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"galen.dev/fault"
)

// got is what a test sees of a record.
type got struct {
	line   int
	atoms  int
	name   string
	fault  string
	fields string
}

func read(t *testing.T, text string, o Options) (*Reader, []got) {
	t.Helper()
	r, err := NewReader(strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	var all []got
	err = Each(t.Context(), r, func(_ int, rec *Record) got {
		g := got{line: rec.Line, fields: strings.Join(rec.Fields, "|")}
		if rec.Err != nil {
			for _, f := range fault.FindingsOf(rec.Err) {
				g.fault, g.line = f.Name, f.Line
			}
			if g.fault == "" || fault.KindOf(rec.Err) != fault.Data {
				t.Errorf("record %d: error without finding: %v", rec.Number, rec.Err)
			}
			return g
		}
		g.atoms, g.name = len(rec.Mol.Atoms), rec.Mol.Name
		return g
	}, func(rec *Record, g got) error {
		if rec.Number != len(all)+1 {
			t.Errorf("record %d comes as number %d", rec.Number, len(all)+1)
		}
		all = append(all, g)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, all
}

const ethanol = "ethanol\n\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 C   0  0\n    1.5000    0.0000    0.0000 C   0  0\n    2.2000    1.2000    0.0000 O   0  0\n  1  2  1  0\n  2  3  1  0\nM  END\n"

// Every form is found by its content, and bad records are told where they are.
func TestForms(t *testing.T) {
	for _, c := range []struct {
		name, text string
		form       Form
		want       []got
	}{
		{"lines", "CCO ethanol\n\nCC\tethane here\r\nC1CC\nC |$a b$| labelled\n", SMI, []got{
			{1, 3, "ethanol", "", ""}, {3, 2, "ethane here", "", ""}, {line: 4, fault: "unclosed-ring"}, {5, 1, "labelled", "", ""},
		}},
		{"lines with a header", "SMILES\nCCO\n", SMI, []got{{2, 3, "", "", ""}}},
		{"byte order mark", "\ufeffCCO x\n", SMI, []got{{1, 3, "x", "", ""}}},
		{"no end of line", "CCO x", SMI, []got{{1, 3, "x", "", ""}}},
		{"comma", "id,smiles,note\r\na,CCO,\"x, \"\"y\"\"\nz\"\r\nb,CC\r\nc,CN,\n", CSV, []got{
			{2, 3, "a", "", "a|CCO|x, \"y\"\nz"}, {line: 4, fault: "bad-row"}, {5, 2, "c", "", "c|CN|"},
		}},
		{"tab", "canonical_smiles\tmolecule_id\nCCO\t7\n\t8\n", TSV, []got{{2, 3, "7", "", "CCO|7"}, {line: 3, fault: "no-smiles", fields: "|8"}}},
		{"semicolon", "mol;Name\nCCO;a\n", CSV, []got{{2, 3, "a", "", "CCO|a"}}},
		{"an open quote hides no rows", "smiles,id\nCC,\"a\nCCO,b\nCCC,c\n", CSV, []got{{line: 2, fault: "bad-row"}, {3, 3, "b", "", "CCO|b"}, {4, 3, "c", "", "CCC|c"}}},
		{"sdf", ethanol + ">  <act>\n5\n\n$$$$\n" + strings.Replace(ethanol, "  3  2", "  x  2", 1) + "$$$$\n" + ethanol, SDF, []got{
			{1, 3, "ethanol", "", "5"}, {line: 18, fault: "counts"}, {26, 3, "ethanol", "", ""},
		}},
		{"empty", "", SMI, nil},
		{"blank", "\n \n", SMI, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, all := read(t, c.text, Options{File: "x"})
			if r.Form() != c.form {
				t.Errorf("form %v, want %v", r.Form(), c.form)
			}
			if len(all) != len(c.want) {
				t.Fatalf("got %d records, want %d: %+v", len(all), len(c.want), all)
			}
			for i, w := range c.want {
				if w.fault == "counts" {
					w.fault = all[i].fault
					if !strings.Contains(w.fault, "count") {
						t.Errorf("a broken counts line is called %q", w.fault)
					}
				}
				if all[i] != w {
					t.Errorf("record %d: %+v, want %+v", i+1, all[i], w)
				}
			}
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			_, _ = z.Write([]byte(c.text))
			_ = z.Close()
			if _, again := read(t, packed.String(), Options{File: "x"}); fmt.Sprint(again) != fmt.Sprint(all) {
				t.Errorf("packed: %v", again)
			}
		})
	}
}

func TestColumns(t *testing.T) {
	const text = "a,smiles,b_smiles,who\nx,CC,CCO,me\n"
	if _, all := read(t, text, Options{Column: "b_smiles", NameColumn: "who"}); all[0].atoms != 3 || all[0].name != "me" {
		t.Errorf("columns by name: %+v", all)
	}
	for _, o := range []Options{{Column: "smile"}, {NameColumn: "nobody"}} {
		_, err := NewReader(strings.NewReader(text), o)
		if fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "a, smiles, b_smiles, who") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := NewReader(strings.NewReader("a,b\n1,2\n"), Options{File: "x.csv"}); fault.KindOf(err) != fault.Data {
		t.Errorf("a table without SMILES: %v", err)
	}
	if _, err := NewReader(strings.NewReader("PK\x03\x04\x00\x00"), Options{}); fault.KindOf(err) != fault.Data {
		t.Errorf("no text: %v", err)
	}
}

// What is cut short is told, and what came before is handed on.
func TestCutShort(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for i := range 50_000 {
		fmt.Fprintf(z, "%s n%d\n", strings.Repeat("C", 1+i*7919%60), i)
	}
	_ = z.Close()
	r, err := NewReader(bytes.NewReader(packed.Bytes()[:packed.Len()*2/3]), Options{File: "x.smi.gz"})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = Each(t.Context(), r, func(int, *Record) int { return 0 }, func(*Record, int) error { n++; return nil })
	if fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "x.smi.gz broke off after record") {
		t.Errorf("error %v", err)
	}
	if n < 10_000 || n > 40_000 {
		t.Errorf("%d records came before", n)
	}
}

// The order is that of the file, whatever the number of threads, and taking stops at its first error.
func TestOrder(t *testing.T) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "%s %d\n", strings.Repeat("C", 1+i%40), i)
	}
	for _, threads := range []int{1, 4} {
		old := runtime.GOMAXPROCS(threads)
		_, all := read(t, text.String(), Options{})
		runtime.GOMAXPROCS(old)
		for i, g := range all {
			if g.name != fmt.Sprint(i) || g.atoms != 1+i%40 {
				t.Fatalf("record %d: %+v", i, g)
			}
		}
	}
	stop := errors.New("stop")
	r, _ := NewReader(strings.NewReader(text.String()), Options{})
	n := 0
	err := Each(t.Context(), r, func(int, *Record) int { return 0 }, func(*Record, int) error {
		if n++; n == 1500 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || n != 1500 {
		t.Errorf("stopped after %d with %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, _ = NewReader(strings.NewReader(text.String()), Options{})
	n = 0
	err = Each(ctx, r, func(int, *Record) int { return 0 }, func(*Record, int) error { n++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || n > batch {
		t.Errorf("cancelled after %d with %v", n, err)
	}
}

// written reads text and writes it in a form, with a column added.
func written(t *testing.T, text string, form Form, added []Column, extra []string) string {
	t.Helper()
	r, err := NewReader(strings.NewReader(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := NewLayout(r, form, added)
	out := l.Header()
	err = Each(t.Context(), r, func(_ int, rec *Record) []byte {
		b, err := l.Append(nil, r, rec, Row{Mol: rec.Mol, Extra: extra})
		if err != nil {
			t.Error(err)
		}
		return b
	}, func(_ *Record, b []byte) error { out = append(out, b...); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestWrite(t *testing.T) {
	table := "id,smiles,note\na,OCC,\"x,\"\"y\"\"\"\n"
	block := ethanol + ">  <act>\n5\n\n$$$$\n"
	added := []Column{{Name: "n", Number: true}}
	for _, c := range []struct {
		name, text string
		form       Form
		want       string
	}{
		{"table again", table, Auto, "id,smiles,note,n\na,OCC,\"x,\"\"y\"\"\",3\n"},
		{"table to tabs", table, TSV, "id\tsmiles\tnote\tn\na\tOCC\t\"x,\"\"y\"\"\"\t3\n"},
		{"table to lines", table, SMI, "OCC a\n"},
		{"table to objects", table, JSONL, `{"id":"a","smiles":"OCC","note":"x,\"y\"","n":3}` + "\n"},
		{"lines to a table", "OCC a b\n", Auto, "smiles,name,n\nOCC,a b,3\n"},
		{"semicolons stay", "smiles;n\nOCC;7\n", Auto, "smiles;n\nOCC;3\n"},
		{"sdf to a table", block, CSV, "smiles,name,act,n\nCCO,ethanol,5,3\n"},
	} {
		if got := written(t, c.text, c.form, added, []string{"3"}); got != c.want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.name, got, c.want)
		}
	}
	sdf := written(t, table, SDF, added, []string{"3"})
	for _, want := range []string{"a\n", "V2000", ">  <note>\nx,\"y\"\n", ">  <n>\n3\n", "$$$$"} {
		if !strings.Contains(sdf, want) {
			t.Errorf("SDF lacks %q:\n%s", want, sdf)
		}
	}
	if back := written(t, sdf, CSV, nil, nil); back != "smiles,name,note,n\nOCC,a,\"x,\"\"y\"\"\",3\n" {
		t.Errorf("back from SDF: %s", back)
	}
}

// Whatever the bytes, reading ends without a panic, every record is a molecule or a told fault, and what is written
// as a table is read again as the same number of records.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"CCO x\nC1CC\n", "id,smiles\na,CCO\n\"b\",\"C\"\"C\"\n", "smiles\tn\nC\t\"\n\n", ethanol + ">  <a>\n1\n\n$$$$\n" + ethanol,
		"a;smiles\n1;CC\n", "\x1f\x8b\x08\x00", "\ufeffsmiles,\"x\ny\"\nC,2\n", "$$$$\n$$$$\n", "C |$x;$| n\nC |a\n", "smiles\n", "C" + strings.Repeat("(C)", 50),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return
		}
		r, err := NewReader(bytes.NewReader(data), Options{})
		if err != nil {
			if fault.KindOf(err) != fault.Data {
				t.Fatalf("kind %v: %v", fault.KindOf(err), err)
			}
			return
		}
		l := NewLayout(r, CSV, []Column{{Name: "z"}})
		out, good := l.Header(), 0
		err = Each(t.Context(), r, func(_ int, rec *Record) []byte {
			if (rec.Mol == nil) == (rec.Err == nil) {
				t.Errorf("record %d: molecule %v, error %v", rec.Number, rec.Mol, rec.Err)
			}
			if rec.Mol == nil || len(rec.Mol.Atoms) == 0 {
				return nil
			}
			b, err := l.Append(nil, r, rec, Row{Mol: rec.Mol, Extra: []string{"1"}})
			if err != nil {
				t.Errorf("a table refuses record %d: %v", rec.Number, err)
			}
			return b
		}, func(rec *Record, b []byte) error {
			if b != nil {
				good++
			}
			out = append(out, b...)
			return nil
		})
		if err != nil && fault.KindOf(err) != fault.Data {
			t.Fatalf("kind %v: %v", fault.KindOf(err), err)
		}
		if good == 0 || r.smiles >= 0 && l.find(r.columns[r.smiles]) != r.smiles {
			return
		}
		back, err := NewReader(bytes.NewReader(out), Options{Form: CSV})
		if err != nil {
			return // a header of foreign names may hide the column
		}
		n := 0
		if err := Each(t.Context(), back, func(int, *Record) int { return 0 }, func(rec *Record, _ int) error { n++; return nil }); err != nil || n != good {
			t.Errorf("%d records written, %d read: %v\n%q", good, n, err, out)
		}
	})
}
