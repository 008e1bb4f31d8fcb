package event

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/medcode/ucum"
)

// gathered reads a source and keeps its stays.
func gathered(t testing.TB, source string, opt Options) ([]Stay, *Vocabulary, Report, error) {
	t.Helper()
	words := NewVocabulary()
	var stays []Stay
	report, err := Read(t.Context(), source, opt, func(s *Stay) error {
		c := *s
		c.Events, c.Facts = slices.Clone(s.Events), slices.Clone(s.Facts)
		stays = append(stays, c)
		return nil
	}, words)
	return stays, words, report, err
}

// told writes a stay in words.
func told(s Stay, words *Vocabulary) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s %s:", s.Patient, s.ID, s.Part)
	for _, e := range s.Events {
		at := "-"
		if e.At != NoTime {
			at = fmt.Sprint(float64(e.At) / float64(Hour))
		}
		fmt.Fprintf(&b, " %s %s=%v%s;", at, words.Codes[e.Code], e.Value, words.Units[e.Unit])
	}
	for _, f := range s.Facts {
		fmt.Fprintf(&b, " %s:%v", words.Codes[f.Code], f.Value)
	}
	return b.String()
}

func hasFinding(t *testing.T, list []fault.Finding, name string, rows ...int) {
	t.Helper()
	for _, f := range list {
		if f.Name == name && slices.Equal(f.Rows, rows) {
			return
		}
	}
	t.Errorf("no finding %s with rows %v in %v", name, rows, list)
}

func count(list []Count, part string) int {
	n := 0
	for _, c := range list {
		if strings.Contains(c.What, part) {
			n += c.N
		}
	}
	return n
}

// TestCSV reads lines in any order, with units in several spellings and outcomes.
func TestCSV(t *testing.T) {
	dir := folder(t, map[string]string{
		"events.csv": "patient,stay,hours,code,value,unit\n" +
			"p2,s1,1.5,LOINC|2345-7,90,mg/dL\np1,s9,2,LOINC//2345-7,1.8,g/L\np1,s9,,sex,F,\np1,s9,1,http://loinc.org|2345-7,\"100\",mg/dl\np1,s9,1,note,NA,\np1,s8,-1,HR,80,bpm\n",
		"outcomes.csv": "patient,stay,died,split,end\np1,s9,1,train,48\np1,s8,,test,\np2,s1,0,train,\n",
	})
	stays, words, report, err := gathered(t, dir, Options{Words: true})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, s := range stays {
		got += told(s, words) + "\n"
	}
	want := "p1/s8 test: -1 HR=80/min;\n" +
		"p1/s9 train: - sex//F=NaN; 1 LOINC/2345-7=100mg/dL; 1 note=NaN; 2 LOINC/2345-7=180mg/dL; died:1\n" +
		"p2/s1 train: 1.5 LOINC/2345-7=90mg/dL; died:0\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if report.Patients != 2 || report.Stays != 3 || report.Events != 6 || report.Clock != "start" || !words.Relative || stays[1].End != 48*Hour || stays[1].Start != 0 {
		t.Errorf("%+v", report)
	}
	if count(report.Notes, "turned into") != 2 || count(report.Notes, "is written") == 0 {
		t.Errorf("notes %v", report.Notes)
	}
}

// TestCSVWrong: all findings come at once, with their rows and without cells; those that are allowed are counted.
func TestCSVWrong(t *testing.T) {
	dir := folder(t, map[string]string{
		"events.csv": "patient,time,code,value,unit\n" +
			"p1,2020-01-01T10:00,HR,80,/min\n" + // 2
			"p1,2020-01-01T10:00,HR,80,/min\n" + // 3 twice
			"p1,2020-01-01T25:00,HR,80,/min\n" + // 4 no time
			"p1,2020-01-01T11:00,HR,secret,/min\n" + // 5 no number
			"p1,2020-01-01T12:00,HR,80,blorps\n" + // 6 unknown unit
			"p1,2020-01-01T13:00,HR,80,kg\n" + // 7 clash
			"p1,2020-01-05T13:00,HR,81,/min\n" + // 8 after the end
			"p2,2020-01-01T10:00,HR\n" + // 9 cells
			",2020-01-01T10:00,HR,1,/min\n" + // 10
			"p3,2020-01-01,HR,1,\n" + // 11 no unit; no outcome
			"p1,2020-01-01T14:00,,1,/min\n", // 12
		"outcomes.csv": "patient,discharge,died\np1,2020-01-02 00:00:00,no\np9,,1\np1,,0\n",
	})
	_, _, _, err := gathered(t, dir, Options{})
	if fault.KindOf(err) != fault.Data || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "blorps") || strings.Contains(err.Error(), "p1") {
		t.Fatal(err)
	}
	list := fault.FindingsOf(err)
	for name, row := range map[string]int{
		"duplicate-event": 3, "time": 4, "number": 5, "unit-unknown": 6, "after-discharge": 8, "fields": 9, "identifier": 10, "code": 12, "outcome-without-stay": 3, "stay-without-outcome": 11, "duplicate-stay": 4, "outcome-number": 2,
	} {
		hasFinding(t, list, name, row)
	}
	hasFinding(t, list, "unit-clash", 6, 7)
}

func TestCSVAllowed(t *testing.T) {
	dir := folder(t, map[string]string{"events.csv": "patient,time,code,value,unit\na,2020-01-01,HR,80,/min\na,2020-01-01,HR,80,/min\na,2020-01-01,HR,81,/min\na,2020-01-02,HR,80,kg\na,2020-01-03,HR,x,/min\na,2020-01-03,HR,3,\n"})
	stays, words, report, err := gathered(t, dir, Options{Allow: []string{"duplicate-event", "unit-clash", "number"}})
	if err != nil || len(stays) != 1 {
		t.Fatal(err)
	}
	if got := told(stays[0], words); strings.Count(got, "HR=") != 3 || strings.Contains(got, "kg") {
		t.Error(got)
	}
	if count(report.LeftOut, "twice") != 1 || count(report.LeftOut, "does not convert") != 1 || count(report.LeftOut, "no number") != 1 || report.Clock != "local" {
		t.Errorf("%+v", report)
	}
	hasFinding(t, report.Findings, "duplicate-event", 3)
	hasFinding(t, report.Findings, "unit-missing", 7)
}

// TestCSVRefused are files that cannot be read at all.
func TestCSVRefused(t *testing.T) {
	for text, name := range map[string]string{
		"patient,time,code\na,2020-01-01T00:00,x\na,2020-01-01T01:00Z,x\n": "time-mix",
		"patient,hours,code\na,2020-01-01,x\na,5,x\n":                      "time-mix",
		"patient,time,code\na,5,x\n":                                       "time-unit",
		"patient,code\na,x\n":                                              "missing-column",
		"patient,time,code\na,2020-01-01,\"x\n":                            "quote",
		"patient,time,code\na,2020-01-01," + strings.Repeat("x", maxLine):  "line",
		"patient,time,code\na,2021-02-29,x\n":                              "time",
	} {
		_, _, _, err := gathered(t, folder(t, map[string]string{"events.csv": text}), Options{Allow: []string{"time-mix", "time-unit", "line", "elsewhere"}})
		if !slices.ContainsFunc(fault.FindingsOf(err), func(f fault.Finding) bool { return f.Name == name }) {
			t.Errorf("%.40q: %v, want %s", text, err, name)
		}
	}
	if _, _, _, err := gathered(t, folder(t, map[string]string{"events.csv": ""}), Options{}); fault.KindOf(err) != fault.Data {
		t.Error(err)
	}
	if _, _, _, err := gathered(t, folder(t, map[string]string{"x": ""}), Options{}); fault.KindOf(err) != fault.Data {
		t.Error(err)
	}
	if _, _, _, err := gathered(t, filepath.Join(t.TempDir(), "absent"), Options{}); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}

// TestCSVOrder: the order of the lines, gzip and the memory given do not change the set, but for the rows.
func TestCSVOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var lines []string
	for p := range 300 {
		for h := range 200 {
			lines = append(lines, fmt.Sprintf("patient-%d,%d,c%d,%d,%s", p, h, h%7, rng.IntN(100), []string{"mg", "g"}[rng.IntN(10)/9]))
		}
	}
	head := "patient,hours,code,value,unit\n"
	read := func(name string, opt Options) string {
		words := NewVocabulary()
		var out strings.Builder
		_, err := Read(t.Context(), name, opt, func(s *Stay) error {
			out.WriteString(told(*s, words) + "\n")
			return nil
		}, words)
		if err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	dir := t.TempDir()
	ordered, mixed := filepath.Join(dir, "a.csv"), filepath.Join(dir, "b.csv.gz")
	if err := os.WriteFile(ordered, []byte(head+strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	want := read(ordered, Options{})
	rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, head+strings.Join(lines, "\r\n")+"\r\n")
	_ = z.Close()
	if err := os.WriteFile(mixed, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	for _, mb := range []int{1, 128} {
		if got := read(mixed, Options{MemoryMB: mb, TempDir: temp}); got != want {
			t.Errorf("with %d MB another set comes out", mb)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v %v", left, err)
	}
	if len(want) < 60000*10 {
		t.Error("events are missing")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, ordered, Options{}, func(*Stay) error { return nil }, NewVocabulary()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestSpillRuns: more files than a merge opens.
func TestSpillRuns(t *testing.T) {
	s := newSpill(t.TempDir(), 1)
	s.limit = 400
	const n = 5000
	for i := range n {
		if err := s.add(fmt.Appendf(nil, "%d", i*7919%1000), fmt.Appendf(nil, "[%d]", i)); err != nil {
			t.Fatal(err)
		}
	}
	last, bodies := "", 0
	err := s.each(func(key, body []byte) error {
		if string(key) <= last {
			t.Errorf("%q after %q", key, last)
		}
		last = string(key)
		before := -1
		for word := range strings.SplitSeq(strings.Trim(string(body), "[]"), "][") {
			var i int
			if _, err := fmt.Sscan(word, &i); err != nil || i <= before || fmt.Sprint(i*7919%1000) != last {
				t.Fatalf("key %s has %s", key, body)
			}
			before = i
			bodies++
		}
		return nil
	})
	if err = s.close(err); err != nil || bodies != n {
		t.Error(err, bodies)
	}
}

func TestCalendar(t *testing.T) {
	for text, want := range map[string]struct {
		at   int64
		kind clockKind
	}{
		"1970-01-01": {0, clockLocal}, "1970-01-02T00:00": {86400e6, clockLocal}, "2000-02-29 23:59:59.25": {951868799250000, clockLocal},
		"1970-01-01T01:00:00+01:00": {0, clockUTC}, "1969-12-31T23:59:59,5Z": {-500000, clockUTC}, "1970-01-01 00:00 -0230": {9000e6, clockUTC}, "1970-01-01T00:00:00.1234567+14": {-50400e6 + 123456, clockUTC},
	} {
		if at, kind, ok := calendar([]byte(text)); at != want.at || kind != want.kind || !ok {
			t.Errorf("%s is %d %v %v", text, at, kind, ok)
		}
	}
	for _, text := range []string{"", "1970", "1970-13-01", "1970-02-30", "1970-01-01T", "1970-01-01T24:00", "1970-01-01T00:00:61", "1970-01-01T00:00:00.", "1970-01-01T00:00+15", "1970-01-01T00:00Zz", "1970-01-01x00:00", "0000-01-01", "1970-01-01T00:00+01:0"} {
		if _, _, ok := calendar([]byte(text)); ok {
			t.Errorf("%q is taken for a time", text)
		}
	}
	if at, ok := elapsed([]byte("-100:30:15")); !ok || at != -(100*Hour+30*60e6+15e6) {
		t.Error(at, ok)
	}
	if m := microsecondsOf(1.5, "h"); m != 90*60e6 {
		t.Error(m)
	}
}

func microsecondsOf(v float64, unit string) int64 {
	at, ok := microseconds(v, timeUnits[unit])
	if !ok || math.IsNaN(v) {
		return -1
	}
	return at
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("patient,stay,time,code,value,unit\na,1,2020-01-01,HR,80,/min\n\"a\"\"b\",1,2020-01-01T00:00,LOINC|2345-7,1e3,mg/dL\n"), []byte("patient,stay,died,end,split\na,1,1,2020-02-01,x\n"), true)
	f.Add([]byte("\xef\xbb\xbfpatient;hours;code\na;1,5;x\na;-1:30;x\n"), []byte("patient;x\n"), false)
	f.Fuzz(func(t *testing.T, events, outcomes []byte, words bool) {
		for _, opt := range []Options{{Words: words}, {Words: words, Allow: Allowed, TimeUnit: "h"}} {
			checkRead(t, opt, func(in *input) error {
				c := newCSV(in)
				c.file, c.outcomes, c.listed = "events.csv", "outcomes.csv", len(outcomes) > 0
				err := c.read(sizedRows(bytes.NewReader(events), 1<<12), c.file, c.eventHead)
				if err == nil && c.listed {
					err = c.read(sizedRows(bytes.NewReader(outcomes), 1<<12), c.outcomes, c.outcomeHead)
				}
				if err != nil {
					return err
				}
				return c.all()
			})
		}
	})
}

// checkRead holds for any bytes: a stay is well formed, and an error has a kind.
func checkRead(t *testing.T, opt Options, read func(*input) error) {
	words := NewVocabulary()
	var b bytes.Buffer
	w := NewWriter(&b, words)
	in := newInput(t.Context(), opt, w.Add, words)
	if err := read(in); err != nil {
		if fault.KindOf(err) != fault.Data {
			t.Fatalf("kind %v: %v", fault.KindOf(err), err)
		}
		return
	}
	in.finish()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || r.Len() != in.report.Stays {
		t.Fatal(r, err)
	}
	var s Stay
	for i := range r.Len() {
		if err := r.Read(i, &s); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadPhysioNet: what Read checks of any source comes beside what PhysioNet checks, and duplicates may pass.
func TestReadPhysioNet(t *testing.T) {
	twice := strings.Replace(stay1, "00:10,HR,90\n", "00:10,HR,90\n00:10,HR,91\n00:10,HR,90\n", 1)
	dir := folder(t, map[string]string{"set-a/1.txt": twice, "set-a/2.txt": "x\n"})
	_, _, _, err := gathered(t, dir, Options{})
	hasFinding(t, fault.FindingsOf(err), "duplicate-event", 8)
	hasFinding(t, fault.FindingsOf(err), "header", 1)
	dir = folder(t, map[string]string{"set-a/1.txt": twice})
	stays, _, report, err := gathered(t, dir, Options{Allow: []string{"duplicate-event"}})
	if err != nil || len(stays) != 1 || len(stays[0].Events) != 5 || count(report.LeftOut, "twice") != 1 || report.Form != FormPhysioNet {
		t.Error(err, stays, report)
	}
}

// TestCSVColumns: columns, the unit of times and a molar mass may be given.
func TestCSVColumns(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.csv": "who;when;what;x;in\na;90;glucose;5;mmol/L\na;91;glucose;90;mg/dL\na;92;glucose;90.5;mg/dL\n",
		"b.csv": "who;sex\na;1\n",
	})
	opt := Options{
		Columns: Columns{Patient: "who", Time: "when", Code: "what", Value: "x", Unit: "in"}, TimeUnit: "min", Outcomes: filepath.Join(dir, "b.csv"),
		Substances: map[string]ucum.Substance{"glucose": {MolarMass: 180.156}},
	}
	stays, words, _, err := gathered(t, filepath.Join(dir, "a.csv"), opt)
	if err != nil {
		t.Fatal(err)
	}
	if got := told(stays[0], words); !strings.HasPrefix(got, "a/a : 1.5 glucose=90.078mg/dL; 1.51") || !strings.HasSuffix(got, "sex:1") {
		t.Error(got)
	}
	opt.Columns.Unit, opt.Substances = "units", nil
	_, _, _, err = gathered(t, filepath.Join(dir, "a.csv"), opt)
	hasFinding(t, fault.FindingsOf(err), "missing-column")
	opt.Columns.Unit = "in"
	_, _, _, err = gathered(t, filepath.Join(dir, "a.csv"), opt)
	hasFinding(t, fault.FindingsOf(err), "unit-clash", 2)
}
