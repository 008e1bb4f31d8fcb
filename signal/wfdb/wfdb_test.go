package wfdb

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"galen.dev/fault"
	"galen.dev/signal"
)

// vector is what the wfdb package read; testdata/vectors.py wrote it.
type vector struct {
	Rate     float64      `json:"rate"`
	Names    []string     `json:"names"`
	Comments []string     `json:"comments"`
	Physical [][]*float64 `json:"physical"`
	Digital  [][]int32    `json:"digital"`
	Range    [][]*float64 `json:"range"` // of the frames 7 to 18
	Start    string       `json:"start"`
}

type annotations struct {
	Rate    float64  `json:"rate"`
	Sample  []int64  `json:"sample"`
	Symbol  []string `json:"symbol"`
	Subtype []int    `json:"subtype"`
	Chan    []int    `json:"chan"`
	Num     []int    `json:"num"`
	Aux     []string `json:"aux"`
}

func vectors(t testing.TB) (records map[string]vector, notes map[string]annotations) {
	t.Helper()
	var all struct {
		Records     map[string]vector      `json:"records"`
		Annotations map[string]annotations `json:"annotations"`
	}
	text, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all.Records, all.Annotations
}

// same compares to the bit: both sides subtract and divide the same float64.
func same(t *testing.T, what string, got []float64, want []*float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d samples, want %d", what, len(got), len(want))
		return
	}
	for i, w := range want {
		if w == nil != math.IsNaN(got[i]) || w != nil && *w != got[i] {
			t.Errorf("%s: sample %d is %v", what, i, got[i])
			return
		}
	}
}

func TestRecordsAsWFDB(t *testing.T) {
	records, _ := vectors(t)
	fsys := os.DirFS("testdata/records")
	for name, want := range records {
		r, err := Open(fsys, name+".hea")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := r.Read(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Rate != want.Rate || len(got.Channels) != len(want.Physical) || !slices.Equal(got.Comments, want.Comments) {
			t.Errorf("%s: rate %v, %d channels, comments %q", name, r.Rate, len(got.Channels), got.Comments)
			continue
		}
		if want.Start != "" && got.Start.Format("2006-01-02T15:04:05.000000") != want.Start {
			t.Errorf("%s starts at %v, want %s", name, got.Start, want.Start)
		}
		for i := range got.Channels {
			c := &got.Channels[i]
			if want.Names[i] != "" && want.Names[i] != c.Name {
				t.Errorf("%s: channel %d is %q, want %q", name, i, c.Name, want.Names[i])
			}
			same(t, name+" "+c.Name, c.Samples, want.Physical[i])
			if want.Digital != nil && !slices.Equal(c.Digital, want.Digital[i]) {
				t.Errorf("%s %s: digital %v, want %v", name, c.Name, c.Digital, want.Digital[i])
			}
		}
		if want.Range == nil {
			continue
		}
		part, err := r.ReadRange(t.Context(), 7, 18)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range part.Channels {
			same(t, name+" in part", part.Channels[i].Samples, want.Range[i])
		}
	}
}

// TestRangesMakeTheWhole joins parts of every length: blocks of packed formats begin within a frame.
func TestRangesMakeTheWhole(t *testing.T) {
	records, _ := vectors(t)
	fsys := os.DirFS("testdata/records")
	for name, want := range records {
		r, err := Open(fsys, name+".hea")
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []int64{1, 5, 13} {
			joined := make([][]float64, len(r.Signals))
			for at := int64(0); at < r.Frames; at += step {
				part, err := r.ReadRange(t.Context(), at, min(at+step, r.Frames))
				if err != nil {
					t.Fatal(err)
				}
				for i := range part.Channels {
					joined[i] = append(joined[i], part.Channels[i].Samples...)
				}
			}
			for i := range joined {
				same(t, name, joined[i], want.Physical[i])
			}
		}
	}
}

func TestAnnotationsAsWFDB(t *testing.T) {
	_, notes := vectors(t)
	fsys := os.DirFS("testdata/records")
	for name, want := range notes {
		rate := want.Rate
		if rate == 0 {
			rate = 250
		}
		got, err := ReadAnnotations(fsys, name, rate)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got) != len(want.Sample) {
			t.Errorf("%s: %d annotations, want %d", name, len(got), len(want.Sample))
			continue
		}
		for i, g := range got {
			w := signal.Annotation{Sample: want.Sample[i], Time: float64(want.Sample[i]) / rate, Symbol: want.Symbol[i], Subtype: want.Subtype[i], Channel: want.Chan[i], Number: want.Num[i], Text: want.Aux[i]}
			g.Text = strings.TrimRight(g.Text, "\x00")
			if g != w {
				t.Errorf("%s: annotation %d is %+v, want %+v", name, i, g, w)
			}
		}
	}
	if !IsBeat("N") || !IsBeat("/") || IsBeat("+") || IsBeat("") || IsBeat("NL") {
		t.Error("wrong symbols mark beats")
	}
}

// broken is the folder of records with some files changed.
func broken(t *testing.T, change func(fstest.MapFS)) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	entries, err := os.ReadDir("testdata/records")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile("testdata/records/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = &fstest.MapFile{Data: data}
	}
	change(out)
	return out
}

func TestRefused(t *testing.T) {
	replace := func(file, old, now string) func(fstest.MapFS) {
		return func(m fstest.MapFS) {
			text := strings.Replace(string(m[file].Data), old, now, 1)
			if text == string(m[file].Data) {
				t.Fatalf("%s does not hold %q", file, old)
			}
			m[file] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	for what, c := range map[string]struct {
		record string
		change func(fstest.MapFS)
		want   string
	}{
		"cut short":        {"f212_30", func(m fstest.MapFS) { m["f212_30.dat"].Data = m["f212_30.dat"].Data[:80] }, "claims 30 samples of each signal, and the file holds 26"},
		"no file":          {"f16_30", func(m fstest.MapFS) { delete(m, "f16_30.dat") }, "it is not there"},
		"checksum":         {"f16_30", func(m fstest.MapFS) { m["f16_30.dat"].Data[9] ^= 4 }, "f16_30.dat: II: the samples do not match the checksum"},
		"claims of length": {"f16_30", replace("f16_30.hea", " 30\n", " 999999999999\n"), "claims 999999999999 samples"},
		"claims of frames": {"f16_30", replace("f16_30.hea", "f16_30 2", "f16_30 2000000"), "number of signals is not within"},
		"lines":            {"f16_30", replace("f16_30.hea", "f16_30 2", "f16_30 4"), "claims 4 signals, and 2 follow"},
		"flac":             {"f16_30", replace("f16_30.hea", "f16_30.dat 16 ", "f16_30.dat 516 "), "compressed by FLAC"},
		"format":           {"f16_30", replace("f16_30.hea", "f16_30.dat 16 ", "f16_30.dat 17 "), "format 17 is not known"},
		"folder":           {"f16_30", replace("f16_30.hea", "f16_30.dat 16 ", "../f16_30.dat 16 "), "not in the folder of its header"},
		"own segment":      {"fixed", replace("fixed.hea", "fix_0", "fixed"), "segment of itself"},
		"segment length":   {"fixed", replace("fixed.hea", "fixed/2 2 250 50", "fixed/2 2 250 51"), "the segments hold 50 samples, and the record line says 51"},
		"segment rate":     {"fixed", replace("fix_1.hea", " 250 ", " 200 "), "another rate"},
		"no segment":       {"fixed", func(m fstest.MapFS) { delete(m, "fix_1.hea") }, "segment 2"},
		"all gap":          {"fixed", replace("fixed.hea", "fixed/2 2 250 50\nfix_0 30", "fixed/2 2 250 5000020\n~ 5000000"), "nearly all gap"},
		"segment unit":     {"fixed", replace("fix_1.hea", "/mV", "/mmHg"), "another unit"},
		"empty":            {"f16_30", func(m fstest.MapFS) { m["f16_30.hea"].Data = nil }, "the header is empty"},
		"rate":             {"f16_30", replace("f16_30.hea", " 250 ", " 0 "), "rate is not above 0"},
		"date":             {"f8", replace("f8.hea", "28/02/2024", "31/02/2024"), "no time and date"},
	} {
		_, err := Read(t.Context(), broken(t, c.change), c.record+".hea")
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.KindOf(err) != fault.Data && fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v (%v)", what, err, fault.KindOf(err))
		}
	}
	data, err := os.ReadFile("testdata/records/ann.atr")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 15, len(data) - 2, len(data) - 1} {
		if _, err := ParseAnnotations(data[:n], "ann.atr", 360); fault.KindOf(err) != fault.Data {
			t.Errorf("%d bytes of an annotation file: %v", n, err)
		}
	}
}

func TestSegmentsOf(t *testing.T) {
	fsys := os.DirFS("testdata/records")
	if got := SegmentsOf(fsys, "variable.hea"); !slices.Equal(got, []string{"var_layout.hea", "var_0.hea", "var_1.hea"}) {
		t.Errorf("%q", got)
	}
	if got := SegmentsOf(fsys, "f16_30.hea"); got != nil {
		t.Errorf("a record of one has segments %q", got)
	}
}

func TestWriteAndReadAgain(t *testing.T) {
	want := &signal.Recording{Name: "made", Start: time.Date(2024, 2, 28, 12, 30, 5, 500_000_000, time.UTC), Comments: []string{"made up"}, Channels: []signal.Channel{
		{Name: "II", Unit: "mV", Rate: 250, Samples: []float64{0, .5, math.NaN(), -1.25, 2}},
		{Name: "resp rate", Unit: "/min", Rate: 250, Samples: []float64{12, 12.5, 13, 13, 1e4}},
	}}
	folder := t.TempDir()
	if err := Write(folder, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read(t.Context(), os.DirFS(folder), "made.hea")
	if err != nil {
		t.Fatal(err)
	}
	if !got.Start.Equal(want.Start) || !slices.Equal(got.Comments, want.Comments) {
		t.Errorf("start %v, comments %q", got.Start, got.Comments)
	}
	for i := range want.Channels {
		w, g := &want.Channels[i], &got.Channels[i]
		if g.Name != w.Name || g.Unit != w.Unit || g.Rate != w.Rate {
			t.Errorf("channel %d: %s %s %v", i, g.Name, g.Unit, g.Rate)
		}
		for k := range w.Samples {
			// A step of the converter is the range over 65,000.
			if math.IsNaN(w.Samples[k]) != math.IsNaN(g.Samples[k]) || math.Abs(w.Samples[k]-g.Samples[k]) > .51/g.Gain {
				t.Errorf("%s: sample %d is %v, want %v", w.Name, k, g.Samples[k], w.Samples[k])
			}
		}
	}
}

func FuzzRecord(f *testing.F) {
	for _, name := range []string{"f212_30", "f310_31", "skew", "offset", "rates", "f8"} {
		hea, err := os.ReadFile("testdata/records/" + name + ".hea")
		if err != nil {
			f.Fatal(err)
		}
		dat, err := os.ReadFile("testdata/records/" + name + ".dat")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(hea, dat)
	}
	f.Fuzz(func(t *testing.T, hea, dat []byte) {
		fsys := fstest.MapFS{"r.hea": {Data: hea}}
		if h, err := ParseHeader(hea, "r.hea"); err == nil {
			for _, s := range h.Signals {
				fsys[s.File] = &fstest.MapFile{Data: dat}
			}
		}
		r, err := Read(t.Context(), fsys, "r.hea")
		if err != nil {
			if k := fault.KindOf(err); k == fault.Internal {
				t.Fatalf("%v is of kind %v", err, k)
			}
			return
		}
		for i := range r.Channels {
			if c := &r.Channels[i]; c.Digital != nil && len(c.Digital) != len(c.Samples) {
				t.Fatal("lengths differ")
			}
		}
	})
}

func FuzzSegments(f *testing.F) {
	f.Add([]byte("v/3 1 250 30\nlay 0\nseg 20\n~ 10\n"), []byte("lay 1 250 0\n~ 0 200/mV 0 0 0 0 0 I\n"), []byte("seg 1 250 20\nd.dat 16 200/mV 16 0\n"))
	f.Fuzz(func(t *testing.T, top, layout, seg []byte) {
		fsys := fstest.MapFS{"v.hea": {Data: top}, "lay.hea": {Data: layout}, "seg.hea": {Data: seg}, "d.dat": {Data: make([]byte, 200)}}
		if _, err := Read(t.Context(), fsys, "v.hea"); err != nil && fault.KindOf(err) == fault.Internal {
			t.Fatal(err)
		}
	})
}

func FuzzAnnotations(f *testing.F) {
	for _, name := range []string{"ann.atr", "custom.qrs", "plain.qrs"} {
		data, err := os.ReadFile("testdata/records/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := ParseAnnotations(data, "a", 250); err != nil && fault.KindOf(err) != fault.Data {
			t.Fatal(err)
		}
	})
}
