package table

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"galen.dev/fault"
)

// wantError expects a Data error with the given words and a hint.
func wantError(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), words) {
		t.Errorf("error %v (kind %v), want data with %q", err, fault.KindOf(err), words)
	}
	if fault.HintOf(err) == "" && len(fault.FindingsOf(err)) == 0 {
		t.Errorf("no hint: %v", err)
	}
}

func readBytes(b []byte, o Options) (*Table, error) {
	return ReadFrom(context.Background(), bytes.NewReader(b), "x", o)
}

func packed(t *testing.T, zip func(io.Writer) io.WriteCloser, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipWriter(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

func zstdWriter(w io.Writer) io.WriteCloser {
	z, err := zstd.NewWriter(w)
	if err != nil {
		panic(err)
	}
	return z
}

func TestPacked(t *testing.T) {
	plain := []byte(bigCSV(30000))
	want, err := readBytes(plain, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var pq bytes.Buffer
	if err := want.WriteParquet(&pq); err != nil {
		t.Fatal(err)
	}
	for name, zip := range map[string]func(io.Writer) io.WriteCloser{"gzip": gzipWriter, "zstd": zstdWriter} {
		z := packed(t, zip, plain)
		got, err := readBytes(z, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := diffTables(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		got, err = readBytes(packed(t, zip, pq.Bytes()), Options{})
		if err != nil {
			t.Fatalf("Parquet in %s: %v", name, err)
		}
		if diff := diffTables(want, got); diff != "" {
			t.Errorf("Parquet in %s: %s", name, diff)
		}
		_, err = readBytes(z[:len(z)/2], Options{})
		wantError(t, err, "cut short")
		_, err = readBytes(z[:len(z)-3], Options{})
		wantError(t, err, "cut short")
		z[len(z)/2] ^= 0xff
		_, err = readBytes(z, Options{})
		wantError(t, err, "")
	}
	_, err = readBytes([]byte{0x1f, 0x8b, 8}, Options{})
	wantError(t, err, "cut short")
}

func TestParquetDeterministicAndDamaged(t *testing.T) {
	tb := readString(t, bigCSV(5000), Options{})
	var a, b bytes.Buffer
	if err := tb.WriteParquet(&a); err != nil {
		t.Fatal(err)
	}
	if err := tb.WriteParquet(&b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two writes differ")
	}
	whole := a.Bytes()
	for _, n := range []int{4, 11, 100, len(whole) / 2, len(whole) - 1} {
		_, err := readBytes(whole[:n], Options{})
		wantError(t, err, "cut short")
	}
	for at := 10; at < len(whole); at += 997 { // every damage is an error or harmless, never a panic
		d := bytes.Clone(whole)
		d[at] ^= 0x5a
		if _, err := readBytes(d, Options{}); err != nil && fault.KindOf(err) != fault.Data {
			t.Errorf("byte %d: %v", at, err)
		}
	}
	for _, name := range []string{"a\xff", "\x00a", " "} {
		var odd bytes.Buffer
		if err := (&Table{Columns: []*Column{{Name: name, Num: []float64{1}}}, Rows: 1}).WriteParquet(&odd); err != nil {
			t.Fatal(err)
		}
		_, err := readBytes(odd.Bytes(), Options{})
		wantError(t, err, "name")
	}
	if err := (&Table{}).WriteParquet(io.Discard); fault.KindOf(err) != fault.Data {
		t.Errorf("a table without columns: %v", err)
	}
}

func TestRowGroups(t *testing.T) {
	n := rowGroup + 10
	c := &Column{Name: "x", Num: make([]float64, n)}
	s := &Column{Name: "s", Kind: Category, Cat: make([]int32, n), Levels: []string{"never", "b", "a"}}
	for i := range n {
		c.Num[i], s.Cat[i] = float64(i), int32(i%3-1)*2
		if s.Cat[i] < 0 {
			s.Cat[i] = -1
		}
	}
	tb := &Table{Columns: []*Column{c, s}, Rows: n}
	var b bytes.Buffer
	if err := tb.WriteParquet(&b); err != nil {
		t.Fatal(err)
	}
	back, err := readBytes(b.Bytes(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := diffTables(tb, back); diff != "" {
		t.Error(diff)
	}
}

func TestNestedParquet(t *testing.T) {
	_, err := Read(context.Background(), "testdata/nested.parquet", Options{})
	wantError(t, err, "a nested or repeated column")
	var names []string
	for _, f := range fault.FindingsOf(err) {
		names = append(names, f.Column)
	}
	if diff := cmp.Diff([]string{"visits", "address", "raw"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestNotTables(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	_, err := Read(ctx, dir, Options{})
	wantError(t, err, "is a folder")
	_, err = Read(ctx, filepath.Join(dir, "none.csv"), Options{})
	if fault.KindOf(err) != fault.NotFound || fault.HintOf(err) == "" {
		t.Errorf("absent file: %v", err)
	}
	for start, words := range map[string]string{
		"PK\x03\x04...": "Excel", "\xd0\xcf\x11\xe0": "Excel", "%PDF-1.7": "PDF", "<!DOCTYPE html><p>": "web page", "SQLite format 3\x00": "SQLite",
	} {
		_, err := readBytes([]byte(start), Options{})
		wantError(t, err, words)
	}
}

func TestEncodings(t *testing.T) {
	const text = "name,x\nJosé Müller,1\nZoë,2\nÅse,3\n"
	latin := []byte(strings.NewReplacer("é", "\xe9", "ü", "\xfc", "ë", "\xeb", "Å", "\xc5").Replace(text))
	want := []string{"José Müller", "Zoë", "Åse"}
	tb, err := readBytes(latin, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, tb.Columns[0].Levels); diff != "" {
		t.Error(diff)
	}
	if len(tb.Findings) != 1 || tb.Findings[0].Name != "read-as-windows-1252" || tb.Findings[0].Line != 2 || tb.Findings[0].Count != 4 {
		t.Errorf("findings %+v", tb.Findings)
	}
	// The sign is far from the start, and split over the reads.
	far := []byte("x,y\n" + strings.Repeat("1,a\n", rawSize/4-1) + "2,\xe9t\xe9\n")
	if tb, err := readBytes(far, Options{}); err != nil || tb.Columns[1].Levels[1] != "été" {
		t.Errorf("far from the start: %v", err)
	}
	if _, err := readBytes([]byte("x,y\n"+strings.Repeat("1,é\n", rawSize/2)), Options{}); err != nil {
		t.Errorf("characters cut by reads: %v", err)
	}
	for name, b := range map[string]string{
		"mixed":     "x\né\n\xe9\n",
		"undefined": "x\n\x81\n",
		"chinese":   "x\n\xd6\xd0\xce\xc4\n",
		"utf-16":    "\xff\xfex\x00\n\x00\x00\xd8\n\x00",
	} {
		_, err := readBytes([]byte(b), Options{})
		if f := fault.FindingsOf(err); len(f) != 1 || f[0].Name != "wrong-encoding" || !strings.Contains(f[0].Hint, "gb18030") {
			t.Errorf("%s: %v", name, err)
		}
	}
	tb, err = readBytes([]byte("x\n\xd6\xd0\xce\xc4\n"), Options{Encoding: "gb18030"})
	if err != nil || tb.Columns[0].Levels[0] != "中文" {
		t.Errorf("named encoding: %v", err)
	}
	if _, err = readBytes([]byte("x\n1\n"), Options{Encoding: "klingon"}); fault.KindOf(err) != fault.Usage {
		t.Errorf("unknown encoding: %v", err)
	}
}

func TestHugeCategory(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,code\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "p%d,c%d\n", i, i%500)
	}
	tb := readString(t, b.String(), Options{MaxLevels: 100})
	if tb.Columns[0].Kind != Text || tb.Columns[1].Kind != Text || tb.Columns[1].Text[501] != "c1" {
		t.Errorf("kinds %v, %v", tb.Columns[0].Kind, tb.Columns[1].Kind)
	}
	if len(tb.Findings) != 1 || tb.Findings[0].Name != "huge-category" || tb.Findings[0].Column != "code" {
		t.Errorf("findings %v", tb.Findings)
	}
	if k := readString(t, b.String(), Options{}).Columns[1].Kind; k != Category {
		t.Errorf("under the default limit: %v", k)
	}
}

func TestInferenceRules(t *testing.T) {
	tb := readString(t, "empty,ambiguous,american,big,zip,glucose [mmol/L],simvastatin (Zocor),yes\n"+
		",05/04/2020,12/31/2020,12345678901234567,01234,1,1,NO\n,06/04/2020,01/02/2020,2,2,2,2,na\n", Options{})
	want := []*Column{
		{Name: "empty", Num: []float64{nan, nan}},
		{Name: "ambiguous", Kind: Text, Text: []string{"05/04/2020", "06/04/2020"}},
		{Name: "american", Kind: Date, Num: []float64{18627, 18263}},
		{Name: "big", Kind: Category, Cat: []int32{0, 1}, Levels: []string{"12345678901234567", "2"}},
		{Name: "zip", Num: []float64{1234, 2}},
		{Name: "glucose [mmol/L]", Num: []float64{1, 2}, Unit: "mmol/L"},
		{Name: "simvastatin (Zocor)", Num: []float64{1, 2}},
		{Name: "yes", Kind: Category, Cat: []int32{0, -1}, Levels: []string{"NO"}},
	}
	if diff := cmp.Diff(want, tb.Columns, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	var names []string
	for _, f := range tb.Findings {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff([]string{"ambiguous-dates", "leading-zeros"}, names); diff != "" {
		t.Error(diff)
	}
	if f := tb.Spec.Column("american").Format; f != "m/d/y" {
		t.Errorf("format %q", f)
	}
	tb = readString(t, "a;b\n1,5;x\n2;1,5\n", Options{})
	if len(tb.Findings) != 1 || tb.Findings[0].Name != "decimal-commas" || tb.Findings[0].Column != "a" {
		t.Errorf("decimal commas: %v", tb.Findings)
	}
	if tb := readString(t, "63.5,1\n2,3\n", Options{}); len(tb.Findings) != 1 || tb.Findings[0].Name != "numbered-header" {
		t.Errorf("numbers as names: %v", tb.Findings)
	}
}

func TestJSON(t *testing.T) {
	want := []*Column{
		{Name: "a", Num: []float64{1, nan, -2.5}},
		{Name: "b", Kind: Category, Cat: []int32{0, 1, -1}, Levels: []string{"12", "é\n"}},
		{Name: "c", Kind: Category, Cat: []int32{-1, 0, 1}, Levels: []string{"true", "false"}},
	}
	for name, s := range map[string]string{
		"lines": `{"a":1,"b":"12"}` + "\n" + `{"a":null,"b":"\u00e9\n","c":true}` + "\n\n" + `{"c":false,"a":-2.5}`,
		"array": `[ {"a":1,"b":"12"}, {"b":"é\n","c":true},` + "\n" + `{"c":false,"a":-25e-1} ]`,
	} {
		tb := readString(t, s, Options{})
		if diff := cmp.Diff(want, tb.Columns, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	refuse(t, `{"a":{"b":1}}`+"\n"+`{"a":[1,"]"]}`, Options{}, "nested-value", "nested-value")
	refuse(t, `{"a":1,"a":2}`, Options{}, "duplicate-key")
	refuse(t, `{"a":1}`+"\n"+`{"a":2`, Options{}, "bad-json", "json-cut-short")
	refuse(t, `{"a":1} 7`+"\n"+`{"a":x}`+"\n"+`{a:1}`, Options{}, "bad-json", "bad-json", "bad-json")
	refuse(t, `{"a":1}{"a":-Infinity}`, Options{}, "infinite-value")
	found := refuse(t, `{"":1}`+"\n"+`{" ":1}`, Options{}, "blank-name", "blank-name")
	if found[1].Line != 2 {
		t.Errorf("line %d, want 2", found[1].Line)
	}
	wide := `{"a":1`
	for i := range 30 {
		wide += fmt.Sprintf(`,"k%d":1`, i)
	}
	refuse(t, wide+"}", Options{MaxColumns: 10}, "too-many-columns")
	s := &Schema{Columns: []ColumnSchema{{Name: "a", Kind: Numeric}}}
	tb := readString(t, `{"a":"63","z":1}`, Options{Schema: s, AllowExtra: true})
	if tb.Columns[0].Num[0] != 63 || len(tb.Findings) != 1 || tb.Findings[0].Column != "z" {
		t.Errorf("under a schema: %v %v", tb.Columns[0], tb.Findings)
	}
}

func TestARFF(t *testing.T) {
	tb := readString(t, "% c\n@RELATION r\n@attribute 'age (years)' INTEGER\n@attribute sex {m, 'f e', \"?\"}\n"+
		"@attribute note string\n@attribute d DATE \"dd.MM.yyyy\"\n\n@DATA\n63,m,'it\\'s',31.12.2020\n?,'?',?,?\n% x\n1e1,\"f e\",'a,b','1.1.2000'\n", Options{})
	want := []*Column{
		{Name: "age (years)", Num: []float64{63, nan, 10}, Unit: "years"},
		{Name: "sex", Kind: Category, Cat: []int32{0, 2, 1}, Levels: []string{"m", "f e", "?"}},
		{Name: "note", Kind: Category, Cat: []int32{0, -1, 1}, Levels: []string{"it's", "a,b"}},
		{Name: "d", Kind: Date, Num: []float64{18627, nan, 10957}},
	}
	if diff := cmp.Diff(want, tb.Columns, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{9, 10, 12}, tb.Line); diff != "" {
		t.Error(diff)
	}
	const head = "@relation r\n@attribute a numeric\n@attribute b {x,y}\n@data\n"
	tb = readString(t, head+"{}\n{0 5}\n{1 y, }\n{0 1,1 ?}\n", Options{})
	want = []*Column{
		{Name: "a", Num: []float64{0, 5, 0, 1}},
		{Name: "b", Kind: Category, Cat: []int32{0, 0, 1, -1}, Levels: []string{"x", "y"}},
	}
	if diff := cmp.Diff(want, tb.Columns); diff != "" {
		t.Error(diff)
	}
	refuse(t, head+"1\n1,x,2\n1,'x\n{1 x,0 2}\n{0 1\n1,x,{2}\n", Options{}, "ragged-row", "ragged-row", "ragged-row", "ragged-row", "ragged-row", "ragged-row")
	refuse(t, head+"1,z\nq,x\n", Options{}, "not-a-number", "unknown-level")
	refuse(t, "@relation r\n@attribute a numeric\n@attribute a real\n@attribute b relational\n@attribute c\nx\n@attribute d {p,p}\n@attribute e date yy\n@data\n", Options{},
		"duplicate-column", "arff-bad-attribute", "arff-bad-attribute", "arff-bad-line", "arff-bad-attribute", "arff-bad-attribute")
	refuse(t, "@relation r\n@attribute a numeric\n", Options{}, "arff-no-data")
	refuse(t, "@relation r\n@data\n1\n", Options{}, "arff-no-attributes")
}

// TestRealFiles reads what GALEN_DATA holds: nothing may be refused, and counts must be those of the data's
// documentation.
func TestRealFiles(t *testing.T) {
	dir := os.Getenv("GALEN_DATA")
	if dir == "" {
		t.Skip("GALEN_DATA names no folder of data")
	}
	for file, want := range map[string][2]int{
		"diagnosis/heart_cleveland.arff": {303, 14}, "diagnosis/arrhythmia.arff.gz": {452, 280}, "diagnosis/support2.csv.gz": {9105, 48},
		"therapy/ist.csv.gz": {19435, 112}, "therapy/iwpc_warfarin.csv.gz": {5701, 63}, "therapy/nhefs.csv.gz": {1629, 68},
		"drug/moleculenet/tox21.csv": {7831, 14}, "drug/qm9_smiles.csv.gz": {132040, 2},
	} {
		tb, err := Read(context.Background(), filepath.Join(dir, file), Options{})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if tb.Rows != want[0] || len(tb.Columns) != want[1] {
			t.Errorf("%s: %d rows and %d columns, want %v", file, tb.Rows, len(tb.Columns), want)
		}
		again, err := Read(context.Background(), filepath.Join(dir, file), Options{Schema: tb.Schema(), AllowExtra: true})
		if err != nil {
			t.Errorf("%s under its own schema: %v", file, err)
			continue
		}
		if diff := diffTables(tb, again); diff != "" {
			t.Errorf("%s under its own schema: %s", file, diff)
		}
	}
}
