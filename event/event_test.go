package event

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"galen.dev/fault"
)

func written(t testing.TB, words *Vocabulary, stays []Stay) []byte {
	var b bytes.Buffer
	w := NewWriter(&b, words)
	for i := range stays {
		if err := w.Add(&stays[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSet: what was written is read, in any order.
func TestSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := NewVocabulary()
		for _, c := range []string{"HR", "Temp", "died"} {
			words.Code(c)
		}
		words.Unit("/min")
		number := rapid.OneOf(rapid.Float64(), rapid.Just(math.NaN()), rapid.Just(37.5), rapid.Just(math.Inf(1)))
		var stays []Stay
		for range rapid.IntRange(0, 5).Draw(t, "stays") {
			s := Stay{ID: rapid.String().Draw(t, "id"), Patient: rapid.String().Draw(t, "patient"), Part: "a", File: "set-a/1.txt", Start: rapid.Int64().Draw(t, "start"), End: NoTime}
			for range rapid.IntRange(0, 3).Draw(t, "facts") {
				s.Facts = append(s.Facts, Fact{Code: 2, Value: number.Draw(t, "fact")})
			}
			for range rapid.IntRange(0, 6).Draw(t, "events") {
				at := rapid.OneOf(rapid.Int64Range(-1<<50, 1<<50), rapid.Just(int64(NoTime))).Draw(t, "at")
				s.Events = append(s.Events, Event{At: at, Code: int32(rapid.IntRange(0, 2).Draw(t, "code")), Unit: int32(rapid.IntRange(0, 1).Draw(t, "unit")), Value: number.Draw(t, "value"), Row: rapid.Int64Range(0, 1<<40).Draw(t, "row")})
			}
			s.Sort()
			stays = append(stays, s)
		}
		data := written(&testing.T{}, words, stays)
		r, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil || r.Len() != len(stays) || !reflect.DeepEqual(r.Codes, words.Codes) || r.Find("died") != 2 || r.Find("x") != -1 {
			t.Fatalf("%v: %d stays, codes %v", err, r.Len(), r.Codes)
		}
		var got Stay
		for i := len(stays) - 1; i >= 0; i-- {
			if err := r.Read(i, &got); err != nil {
				t.Fatal(err)
			}
			if !same(got, stays[i]) {
				t.Fatalf("wrote %+v, read %+v", stays[i], got)
			}
		}
	})
}

// same compares stays, where NaN equals NaN.
func same(a, b Stay) bool {
	bits := func(s Stay) (out []uint64) {
		for _, e := range s.Events {
			out = append(out, uint64(e.At), uint64(e.Code), uint64(e.Unit), uint64(e.Row), math.Float64bits(e.Value))
		}
		for _, f := range s.Facts {
			out = append(out, uint64(f.Code), math.Float64bits(f.Value))
		}
		return out
	}
	x, y := bits(a), bits(b)
	a.Events, b.Events, a.Facts, b.Facts = nil, nil, nil, nil
	return reflect.DeepEqual(a, b) && reflect.DeepEqual(x, y)
}

// TestDamage: each changed byte is noticed, when the set is opened or when the stay is read.
func TestDamage(t *testing.T) {
	words := NewVocabulary()
	stays := []Stay{{ID: "1", Events: []Event{{At: 5, Code: words.Code("HR"), Value: 80, Row: 2}}}, {ID: "2", Facts: []Fact{{Code: words.Code("died"), Value: 1}}}}
	data := written(t, words, stays)
	begin := bytes.Index(data, []byte(`{"codes"`))
	for i := len(magic); i < begin; i++ {
		bad := bytes.Clone(data)
		bad[i] ^= 0x10
		r, err := Open(bytes.NewReader(bad), int64(len(bad)))
		var s Stay
		for k := 0; err == nil && k < r.Len(); k++ {
			err = r.Read(k, &s)
		}
		if fault.KindOf(err) != fault.Corrupt {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	for n := range data {
		if _, err := Open(bytes.NewReader(data[:n]), int64(n)); fault.KindOf(err) != fault.Corrupt {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	words := NewVocabulary()
	f.Add(written(f, words, []Stay{{ID: "1", Events: []Event{{At: 5, Code: words.Code("HR"), Value: 80, Row: 2}}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Open(bytes.NewReader(data), int64(len(data)))
		var s Stay
		for i := 0; err == nil && i < r.Len(); i++ {
			err = r.Read(i, &s)
		}
		if err != nil && fault.KindOf(err) != fault.Corrupt {
			t.Fatal(err)
		}
	})
}

const stay1 = "Time,Parameter,Value\n00:00,RecordID,1\n00:00,Age,70\n00:00,Gender,-1\n00:00,Weight,80\n00:10,HR,90\n47:59,HR,95\n"

func folder(t *testing.T, files map[string]string) string {
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestPhysioNet reads a folder and the same as an archive.
func TestPhysioNet(t *testing.T) {
	files := map[string]string{"set-a/1.txt": stay1, "Outcomes-a.txt": "RecordID,SAPS-I,In-hospital_death\n1,-1,1\n", "set-a/LICENSE": "x"}
	dir := folder(t, files)
	archive := filepath.Join(t.TempDir(), "x.tar.gz")
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range []string{"set-a/1.txt", "Outcomes-a.txt"} { // the outcomes come last
		_ = w.WriteHeader(&tar.Header{Name: "challenge/" + name, Mode: 0o644, Size: int64(len(files[name]))})
		_, _ = w.Write([]byte(files[name]))
	}
	_ = w.Close()
	_ = z.Close()
	if err := os.WriteFile(archive, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{dir, archive} {
		words := NewVocabulary()
		n := 0
		err := PhysioNet(t.Context(), source, func(s *Stay) error {
			n++
			if s.Part != "a" || len(s.Events) != 4 || s.Events[0].At != NoTime || s.Events[3].At != 48*Hour-Hour/60 || s.Events[3].Value != 95 || s.Events[3].Row != 7 {
				t.Errorf("%+v", s)
			}
			if len(s.Facts) != 1 || words.Codes[s.Facts[0].Code] != "In-hospital_death" || s.Facts[0].Value != 1 {
				t.Errorf("facts %+v", s.Facts)
			}
			return nil
		}, words)
		if err != nil || n != 1 || !words.Relative {
			t.Error(n, err)
		}
	}
}

// TestPhysioNetWrong: every finding comes at once, with its file and line, and without values.
func TestPhysioNetWrong(t *testing.T) {
	dir := folder(t, map[string]string{
		"set-a/1.txt": "Time,Parameter,Value\n00:00,RecordID,1\n02:00,HR,90\n01:00,HR,91\n", "set-a/2.txt": "Time,Parameter,Value\n00:00,RecordID,7\n1:77,HR,secret\n3:00,HR,secret\nx\n", "set-a/3.txt": "something else\n", "set-a/4.txt": stay1,
		"Outcomes-a.txt": "RecordID,In-hospital_death\n1,0\n2,0\n2,1\n3,yes\n9,0\n",
	})
	err := PhysioNet(t.Context(), dir, func(*Stay) error { return nil }, NewVocabulary())
	if fault.KindOf(err) != fault.Data {
		t.Fatal(err)
	}
	want := []string{
		"set-a/1.txt: the time is before that of the line above (row 4)", "set-a/2.txt: the RecordID is not the name of the file (row 2)", "set-a/2.txt: the time is not hh:mm (row 3)", "set-a/2.txt: the value is no number (row 4)",
		"set-a/2.txt: a line has not three fields (row 5)", "set-a/3.txt: the first line is not Time,Parameter,Value (row 1)", "set-a/4.txt: no outcome", "Outcomes-a.txt: the outcome of a stay is given twice (row 4)",
		"Outcomes-a.txt: In-hospital_death is no number (row 5)", "2 outcomes are of stays that are not there",
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error lacks %q", w)
		}
	}
	if strings.Contains(err.Error(), "secret") || t.Failed() {
		t.Error(err)
	}
	if err := PhysioNet(t.Context(), t.TempDir(), func(*Stay) error { return nil }, NewVocabulary()); fault.KindOf(err) != fault.Data {
		t.Error(err)
	}
}
