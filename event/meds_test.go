package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"galen.dev/fault"
)

// TestMEDS reads folders that pyarrow wrote to the schemas of the package meds, and counts what polars counts.
func TestMEDS(t *testing.T) {
	var want struct {
		Events   int
		Subjects []struct {
			ID             string
			Events, Values int
			Time           int64
			Value          float64
			Split          string
		}
		Codes map[string]int
	}
	text, err := os.ReadFile("testdata/meds/answer.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	stays, words, report, err := gathered(t, "testdata/meds", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Form != FormMEDS || report.Events != want.Events || len(stays) != len(want.Subjects) || report.Names["LOINC/2345-7"] != "Glucose" || count(report.LeftOut, "texts") != want.Codes["NOTE"] {
		t.Errorf("%+v", report)
	}
	codes := map[string]int{}
	for i, s := range stays {
		w := want.Subjects[i]
		var at int64
		value, values := 0.0, 0
		for _, e := range s.Events {
			if e.At != NoTime {
				at += e.At
			}
			if !math.IsNaN(e.Value) {
				value += e.Value
				values++
			}
			codes[words.Codes[e.Code]]++
		}
		if s.ID != w.ID || s.Part != w.Split || len(s.Events) != w.Events || at != w.Time || value != w.Value || values != w.Values || s.Events[0].At != NoTime {
			t.Errorf("subject %s: %d events, %d, %v, %d, %s; polars has %+v", s.ID, len(s.Events), at, value, values, s.Part, w)
		}
	}
	usual := map[string]int{}
	for c, n := range want.Codes {
		usual[map[string]string{"LOINC//2345-7": "LOINC/2345-7", "LOINC//8867-4": "LOINC/8867-4", "ICD10CM//I214": "ICD10/I21.4"}[c]] += n
		if !strings.Contains(c, "LOINC") && !strings.Contains(c, "ICD10") {
			usual[c] = n
		}
	}
	delete(usual, "")
	if !maps.Equal(codes, usual) {
		t.Errorf("codes %v, want %v", codes, usual)
	}
	stays, words, _, err = gathered(t, "testdata/meds/data/held_out/0.parquet", Options{Words: true})
	if err != nil || len(stays) != 2 || !slices.Contains(words.Codes, "NOTE//positive") {
		t.Error(err, words.Codes)
	}
}

type medsRow struct {
	Subject *int64     `parquet:"subject_id,optional"`
	Time    *time.Time `parquet:"time,optional,timestamp(millisecond)"`
	Code    *string    `parquet:"code,optional"`
	Value   *float64   `parquet:"numeric_value,optional"`
}

func timeOf(hour int) time.Time { return time.UnixMilli(int64(hour) * 3600e3) }

// TestMEDSWrong: order, togetherness and types are checked.
func TestMEDSWrong(t *testing.T) {
	dir := t.TempDir()
	row := func(id int64, hour int, code string, v float64) medsRow {
		at := timeOf(hour)
		return medsRow{&id, &at, &code, &v}
	}
	bad := row(4, 0, "A", 1)
	bad.Code = nil
	write := func(name string, rows []medsRow) {
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "data"), 0o700), parquet.WriteFile(filepath.Join(dir, "data", name), rows)); err != nil {
			t.Fatal(err)
		}
	}
	write("0.parquet", []medsRow{row(1, 5, "A", 1), row(1, 4, "A", 1), row(2, 0, "A", 1), row(2, 0, "A", 1), row(1, 9, "A", 2), bad, row(3, 0, "A", math.Inf(1))})
	write("1.parquet", []medsRow{row(2, 1, "A", 1)})
	_, _, _, err := gathered(t, dir, Options{})
	list := fault.FindingsOf(err)
	hasFinding(t, list, "time-order", 2)
	hasFinding(t, list, "subject-apart", 5)
	hasFinding(t, list, "duplicate-event", 4)
	hasFinding(t, list, "code", 6)
	hasFinding(t, list, "number", 7)
	hasFinding(t, list, "subject-apart", 1)
	if err := parquet.WriteFile(filepath.Join(dir, "data", "0.parquet"), []struct {
		Subject string `parquet:"subject_id"`
		Time    int64  `parquet:"time"`
	}{{"x", 1}}); err != nil {
		t.Fatal(err)
	}
	_, _, _, err = gathered(t, dir, Options{})
	hasFinding(t, fault.FindingsOf(err), "column-type")
	hasFinding(t, fault.FindingsOf(err), "missing-column")
	data, err := os.ReadFile("testdata/meds/data/train/0.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(data); n += 97 {
		name := filepath.Join(dir, "cut.parquet")
		if err := os.WriteFile(name, data[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := gathered(t, name, Options{Form: FormMEDS}); fault.KindOf(err) != fault.Data {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

func FuzzMEDS(f *testing.F) {
	for _, name := range []string{"data/train/0.parquet", "data/train/1.parquet", "data/held_out/0.parquet"} {
		data, err := os.ReadFile(filepath.Join("testdata/meds", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkRead(t, Options{Words: true, Allow: Allowed}, func(in *input) error {
			m := newMEDS(in)
			return parquetFrom(bytes.NewReader(data), int64(len(data)), "x.parquet", m.shard)
		})
	})
}
