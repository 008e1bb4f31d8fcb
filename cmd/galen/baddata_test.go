package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// This file takes bad data through the whole program: the user gets one clear error that names the file and the
// place with a hint, with the exit code of its kind; never a panic, never a patient's value.

// secret stands in cells of bad data; no error may repeat it.
const secret = "98765.4321"

// lines is the cohort's header and rows as lines.
func lines(n int) []string { return strings.Split(strings.TrimSuffix(cohort(n), "\n"), "\n") }

// edited is the cohort with each row changed; cells has name, age, crp, site, died.
func edited(n int, edit func(i int, cells []string) []string) []byte {
	rows := lines(n)
	for i := 1; i < len(rows); i++ {
		rows[i] = strings.Join(edit(i, strings.Split(rows[i], ",")), ",")
	}
	return []byte(strings.Join(rows, "\n") + "\n")
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// wide is a table of one million columns.
func wide() []byte {
	var b bytes.Buffer
	for row := range 3 {
		for c := range 1_000_000 {
			if c > 0 {
				b.WriteByte(',')
			}
			if row == 0 {
				b.WriteByte('c')
			}
			b.WriteString(strconv.Itoa(c))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// refusal is what a user must see of a piece of bad data.
type refusal struct {
	name, file string
	data       []byte
	args       []string // further flags
	code       int
	want       []string // regular expressions, each found in stderr
}

func refusals() []refusal {
	set := func(column int, value string) func(int, []string) []string {
		return func(_ int, cells []string) []string { cells[column] = value; return cells }
	}
	at := func(rows map[int]string, column int) func(int, []string) []string {
		return func(i int, cells []string) []string {
			if v, ok := rows[i]; ok {
				cells[column] = v
			}
			return cells
		}
	}
	plain := []byte(cohort(80))
	gz := gzipped(plain)
	return []refusal{
		{"empty", "cases.csv", nil, nil, 3, []string{`cases\.csv`, `empty|no data|holds nothing`}},
		{"only a header", "cases.csv", []byte(lines(1)[0] + "\n"), nil, 3, []string{`cases\.csv`, `no (data )?rows?|no cases`}},
		{"one class", "cases.csv", edited(80, set(4, "yes")), nil, 3, []string{`cases\.csv: died: `, `fewer than two classes`}},
		{"target without values", "cases.csv", edited(80, set(4, "")), nil, 3, []string{`cases\.csv: died: `}},
		{"target absent", "cases.csv", plain, []string{"--target", "dies"}, 3, []string{`cases\.csv: dies: `, `names a column that is not there; did you mean "died"`}},
		{"column without values", "cases.csv", edited(80, set(2, "")), nil, 3, []string{`cases\.csv`, `crp \(mg/l\): `, `all|no value|missing`}},
		{"a million columns", "cases.csv", wide(), nil, 3, []string{`cases\.csv`, `column`}},
		{"ragged rows", "cases.csv", edited(80, func(i int, cells []string) []string {
			switch i {
			case 7:
				return cells[:3]
			case 9:
				return append(cells, secret)
			}
			return cells
		}), nil, 3, []string{`cases\.csv:8`, `cases\.csv:10|rows 7, 9|row 9`, `cells|fields`}},
		{"NUL bytes", "cases.csv", edited(80, at(map[int]string{5: "no\x00rth", 6: "so\x00uth"}, 3)), nil, 3, []string{`cases\.csv`, `NUL`}},
		{"a binary file", "cases.csv", bytes.Repeat([]byte{0, 1, 2, 0xff, 0xfe, '\n'}, 500), nil, 3, []string{`cases\.csv`}},
		{"wrong encoding", "cases.csv", edited(80, at(map[int]string{5: "north\xff\xfe\x81", 6: "\xc3\x28\x81\x8d"}, 3)), nil, 3, []string{`cases\.csv`, `UTF-8|encod`}},
		{"infinite values", "cases.csv", edited(80, at(map[int]string{5: "inf", 6: "-Infinity"}, 2)), nil, 3, []string{`cases\.csv`, `crp \(mg/l\)`, `infinite|finite`, `rows? 5, 6|:6|:7`}},
		{"text among numbers", "cases.csv", edited(80, at(map[int]string{5: "see note"}, 2)), []string{"--schema", "schema.yaml"}, 3, []string{`cases\.csv`, `crp \(mg/l\)`, `row 5|rows 5|:6`}},
		{"huge category", "cases.csv", edited(80, func(i int, cells []string) []string { cells[4] = fmt.Sprint(canary, i); return cells }), nil, 3, []string{`cases\.csv: died: `, `classes`}},
		{"truncated gzip", "cases.csv.gz", gz[:len(gz)/2], nil, 3, []string{`cases\.csv\.gz`, `cut short`}},
		{"gzip with a wrong checksum", "cases.csv.gz", append(bytes.Clone(gz[:len(gz)-8]), 1, 2, 3, 4, 5, 6, 7, 8), nil, 3, []string{`cases\.csv\.gz`}},
		{"no gzip", "cases.csv.gz", []byte("not gzip at all"), nil, 3, []string{`cases\.csv\.gz`}},
		{"unclosed quote", "cases.csv", edited(80, at(map[int]string{5: `"north`}, 3)), nil, 3, []string{`cases\.csv`, `quote`}},
		{"repeated column", "cases.csv", []byte(strings.Replace(cohort(80), "site", "died", 1)), nil, 3, []string{`cases\.csv`, `died`}},
		{"JSON broken off", "cases.jsonl", []byte(`{"a": 1, "died": "no"}` + "\n" + `{"a": `), nil, 3, []string{`cases\.jsonl`}},
		{"no Parquet", "cases.parquet", []byte("PAR1 this is none PAR1"), nil, 3, []string{`cases\.parquet`}},
		{"no ARFF", "cases.arff", []byte("@relation x\n@attribute died {yes,no}\n@data\nmaybe\n"), nil, 3, []string{`cases\.arff`}},
		{"an unknown format", "cases.xlsx", []byte("PK\x03\x04 a workbook"), nil, 3, []string{`cases\.xlsx`}},
		{"too few cases", "cases.csv", []byte(strings.Join(lines(3), "\n") + "\n"), nil, 3, []string{`cases\.csv`}},
		{"no predictor", "cases.csv", plain, []string{"--exclude", "age (a),crp (mg/l),site"}, 3, []string{`cases\.csv`, `no column is left`}},
	}
}

func TestBadData(t *testing.T) {
	for _, r := range refusals() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, r.file), r.data)
			write(t, filepath.Join(dir, "schema.yaml"), []byte(schemaYAML))
			args := []string{
				"run", "diagnosis/risk", "--store", filepath.Join(dir, "runs"), "--data", filepath.Join(dir, r.file),
				"--target", "died", "--exclude", "name", "--model", "logistic", "--folds", "3", "--bootstrap", "100",
			}
			for _, a := range r.args {
				if a == "schema.yaml" {
					a = filepath.Join(dir, a)
				}
				args = append(args, a)
			}
			code, stdout, stderr := galen(t, "", args...)
			checkRefusal(t, r, code, stdout, stderr)
			if left := published(t, filepath.Join(dir, "runs")); len(left) > 1 {
				t.Errorf("steps after the refusal were published: %v", left)
			}
		})
	}
}

const schemaYAML = `columns:
  - {name: name, kind: text}
  - {name: age (a), kind: numeric, unit: a}
  - {name: crp (mg/l), kind: numeric, unit: mg/l}
  - {name: site, kind: category}
  - {name: died, kind: category}
`

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkRefusal holds what the user saw against the rules of errors.
func checkRefusal(t *testing.T, r refusal, code int, stdout, stderr string) {
	t.Helper()
	if code != r.code {
		t.Errorf("exit code %d, want %d", code, r.code)
	}
	if stdout != "" {
		t.Errorf("stdout is not empty: %.500s", stdout)
	}
	for _, w := range r.want {
		if !regexp.MustCompile(w).MatchString(stderr) {
			t.Errorf("stderr lacks %s", w)
		}
	}
	if strings.Count(stderr, "galen: error: ") != 1 {
		t.Errorf("stderr has not one error")
	}
	if !strings.Contains(stderr, "galen: hint: ") && !regexp.MustCompile(`\n  .*; .`).MatchString(stderr) {
		t.Errorf("stderr has no hint")
	}
	for _, never := range []string{canary, secret, "panic", "goroutine", "internal error", "%!"} {
		if strings.Contains(stderr, never) {
			t.Errorf("stderr holds %q", never)
		}
	}
	if len(stderr) > 8000 {
		t.Errorf("stderr has %d bytes", len(stderr))
	}
	if t.Failed() || testing.Verbose() {
		t.Logf("stderr:\n%.3000s", stderr)
	}
}

// published lists the finished steps of the runs of a store.
func published(t *testing.T, root string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "*", "*", "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// finishedRun makes a run and returns its store.
func finishedRun(t *testing.T, last string, more ...string) (root string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cases.csv"), []byte(cohort(120)))
	root = filepath.Join(dir, "runs")
	args := append([]string{
		last, "diagnosis/risk", "-q", "--store", root, "--data", filepath.Join(dir, "cases.csv"), "--name", "small",
		"--target", "died", "--exclude", "name", "--model", "logistic", "--folds", "3", "--bootstrap", "100",
	}, more...)
	if code, _, stderr := galen(t, "", args...); code != 0 {
		t.Fatalf("galen %v: exit code %d\n%s", args, code, stderr)
	}
	return root
}

// The encodings that a table may come in besides UTF-8 are read as well.
func TestOtherEncodings(t *testing.T) {
	root := finishedRun(t, "train")
	head := "age (a),crp (mg/l),site\n71.5,6.2,north\n"
	units := utf16.Encode([]rune("\ufeff" + head))
	utf16le := make([]byte, 0, 2*len(units))
	for _, u := range units {
		utf16le = append(utf16le, byte(u), byte(u>>8))
	}
	_, want, _ := galen(t, head, "apply", "--store", root, "small", "-", "--format", "csv")
	if !strings.HasPrefix(want, "case,") {
		t.Fatal("no predictions")
	}
	for name, data := range map[string][]byte{"BOM": []byte("\ufeff" + head), "UTF-16": utf16le, "gzip": gzipped([]byte(head)), "semicolons": []byte(strings.ReplaceAll(head, ",", ";")), "CRLF": []byte(strings.ReplaceAll(head, "\n", "\r\n"))} {
		file := filepath.Join(t.TempDir(), "new.csv")
		if name == "gzip" {
			file += ".gz"
		}
		write(t, file, data)
		code, got, stderr := galen(t, "", "apply", "--store", root, "small", file, "--format", "csv")
		if code != 0 || got != want {
			t.Errorf("%s: exit code %d, %s\ngot  %s\nwant %s", name, code, stderr, got, want)
		}
	}
}

// Bad input of apply.
func TestBadApply(t *testing.T) {
	root := finishedRun(t, "train")
	head := "age (a),crp (mg/l),site\n"
	gz := gzipped([]byte(head + strings.Repeat("71.5,6.2,north\n", 500)))
	for _, r := range []refusal{
		{"empty", "new.csv", nil, nil, 3, []string{`new\.csv`}},
		{"empty JSON", "new.json", nil, nil, 3, []string{`new\.json`}},
		{"missing columns", "new.csv", []byte("crp (mg/l)\n" + secret + "\n"), nil, 3, []string{`new\.csv`, `age \(a\)`, `site`, `hint: the cases need the columns`}},
		{"mistyped column", "new.csv", []byte("age,crp (mg/l),site\n1,2,north\n"), nil, 3, []string{`new\.csv`, `age \(a\)`}},
		{"wrong types", "new.csv", []byte(head + "old" + secret + ",6.2,north\n71,high,north\n"), nil, 3, []string{`new\.csv`, `age \(a\): `, `crp \(mg/l\): `, `row 1|rows 1|:2`, `row 2|rows 2|:3`}},
		{"infinite", "new.csv", []byte(head + "inf,6.2,north\n"), nil, 3, []string{`new\.csv`, `age \(a\)`}},
		{"ragged", "new.csv", []byte(head + "71.5,6.2\n71.5,6.2,north," + secret + "\n"), nil, 3, []string{`new\.csv`}},
		{"NUL", "new.csv", []byte(head + "71.5,6.2,no\x00rth\n"), nil, 3, []string{`new\.csv`, `NUL`}},
		{"truncated gzip", "new.csv.gz", gz[:len(gz)-12], nil, 3, []string{`new\.csv\.gz`}},
		{"broken JSON", "new.json", []byte(`[{"age (a)": 71.5, "crp (mg/l)": 6.2, "site": "` + secret), nil, 3, []string{`new\.json`}},
		{"JSON of another form", "new.json", []byte(`"` + secret + `"`), nil, 3, []string{`new\.json`}},
		{"nested JSON", "new.json", []byte(`[{"age (a)": {"v": ` + secret + `}, "crp (mg/l)": 6.2, "site": "north"}]`), nil, 3, []string{`new\.json`, `age \(a\)`}},
	} {
		t.Run(r.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), r.file)
			write(t, file, r.data)
			code, stdout, stderr := galen(t, "", "apply", "--store", root, "small", file)
			checkRefusal(t, r, code, stdout, stderr)
			out := filepath.Join(t.TempDir(), "out.csv")
			code, stdout, stderr = galen(t, "", "apply", "--store", root, "small", file, "--out", out)
			checkRefusal(t, r, code, stdout, stderr)
			if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	t.Run("folder", func(t *testing.T) {
		code, stdout, stderr := galen(t, "", "apply", "--store", root, "small", t.TempDir())
		checkRefusal(t, refusal{code: 2, want: []string{`is a folder|is a directory`}}, code, stdout, stderr)
	})
	t.Run("no rows", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "new.csv")
		write(t, file, []byte(head))
		code, stdout, stderr := galen(t, "", "apply", "--store", root, "small", file)
		checkRefusal(t, refusal{code: 3, want: []string{`new\.csv`}}, code, stdout, stderr)
	})
	t.Run("no model", func(t *testing.T) {
		root := finishedRun(t, "preprocess")
		file := filepath.Join(t.TempDir(), "new.csv")
		write(t, file, []byte(head+"71.5,6.2,north\n"))
		code, stdout, stderr := galen(t, "", "apply", "--store", root, "small", file)
		checkRefusal(t, refusal{code: 4, want: []string{"hint: `galen run` the study first: the run has no model yet"}}, code, stdout, stderr)
	})
}

// Cases that are odd but can be predicted: the prediction says what is odd.
func TestOddCases(t *testing.T) {
	root := finishedRun(t, "train")
	predict := func(text string) (any, string) {
		t.Helper()
		code, stdout, stderr := galen(t, text, "apply", "--store", root, "small", "-", "--json")
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		v, err := oneJSON(stdout)
		if err != nil {
			t.Fatal(err)
		}
		return v, stdout
	}
	for _, c := range []struct{ name, text, path, want string }{
		{"unseen category", "age (a),crp (mg/l),site\n60,5,moon\n", "0.out_of_range", `^\["site"\]$`},
		{"missing value", "age (a),crp (mg/l),site\n60,,north\n", "0.missing", `^\["crp \(mg/l\)"\]$`},
		{"missing value keeps its risk", "age (a),crp (mg/l),site\n60,,north\n", "0.risk", `^0\.\d+`},
		{"out of range", "age (a),crp (mg/l),site\n60,500,north\n", "0.out_of_range", `crp`},
		{"out of range says why", "age (a),crp (mg/l),site\n60,500,north\n", "0.reasons", `values outside those of the training cases: crp`},
		{"far away abstains", "age (a),crp (mg/l),site\n600,5000,north\n", "0.abstained", `^true$`},
		{"far away has no risk", "age (a),crp (mg/l),site\n600,5000,north\n", "0.risk", `^null$`},
		{"nothing known abstains", "age (a),crp (mg/l),site\n,,\n60,5,north\n", "0.reasons", `no value in any column`},
		{"further columns are passed over", "note,age (a),crp (mg/l),site,name\nx,60,5,north,y\n", "0.abstained", `^false$`},
		{"columns in another order", "site,crp (mg/l),age (a)\nnorth,5,60\n", "0.missing", `^null$`},
	} {
		v, text := predict(c.text)
		got, err := jsonAt(v, c.path)
		if err != nil {
			got = "null" // left out as empty
		}
		if !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s: at %s is %s, want %s\n%s", c.name, c.path, got, c.want, text)
		}
	}
}

// A model's file that was changed on the disk is named, and running the study again mends it.
func TestCorruptModel(t *testing.T) {
	root := finishedRun(t, "train")
	models, err := filepath.Glob(filepath.Join(root, "small-*", "train", "model.bin"))
	if err != nil || len(models) != 1 {
		t.Fatal(models, err)
	}
	data, err := os.ReadFile(models[0])
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "new.csv")
	write(t, file, []byte("age (a),crp (mg/l),site\n71.5,6.2,north\n"))
	for name, harm := range map[string]func() error{
		"changed":   func() error { return os.WriteFile(models[0], append([]byte{1}, data[1:]...), 0o644) },
		"truncated": func() error { return os.WriteFile(models[0], data[:len(data)/2], 0o644) },
		"gone":      func() error { return os.Remove(models[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := harm(); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := galen(t, "", "apply", "--store", root, "small", file)
			want := refusal{code: 6, want: []string{`train.model\.bin`}}
			checkRefusal(t, want, code, stdout, stderr)
			if err := os.WriteFile(models[0], data, 0o644); err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := galen(t, "", "apply", "--store", root, "small", file); code != 0 {
				t.Errorf("with the file back: exit code %d\n%s", code, stderr)
			}
		})
	}
}
