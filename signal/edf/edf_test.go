package edf

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"galen.dev/fault"
	"galen.dev/signal"
)

type vector struct {
	Start       string      `json:"start"`
	Labels      []string    `json:"labels"`
	Rates       []float64   `json:"rates"`
	Physical    [][]float64 `json:"physical"`
	Digital     [][]int32   `json:"digital"`
	Annotations [][]any     `json:"annotations"`
}

func vectors(t *testing.T) map[string]vector {
	t.Helper()
	var out map[string]vector
	text, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAsPyEDFlib(t *testing.T) {
	for name, want := range vectors(t) {
		got, err := signal.Formats{Format()}.Read(t.Context(), os.DirFS("testdata"), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if s := got.Start.Format("2006-01-02T15:04:05"); s != want.Start {
			t.Errorf("%s starts at %s, want %s", name, s, want.Start)
		}
		if !slices.Equal(got.Names(), want.Labels) || got.Channels[1].Unit != "uV" {
			t.Errorf("%s: channels %q", name, got.Names())
		}
		for i := range got.Channels {
			c := &got.Channels[i]
			if c.Rate != want.Rates[i] || !slices.Equal(c.Digital, want.Digital[i]) {
				t.Errorf("%s: channel %d has rate %v", name, i, c.Rate)
			}
			for k := range want.Physical[i] {
				if len(c.Samples) != len(want.Physical[i]) || math.Abs(c.Samples[k]-want.Physical[i][k]) > 1e-12*(1+math.Abs(want.Physical[i][k])) {
					t.Fatalf("%s: channel %d, sample %d is %v, want %v", name, i, k, c.Samples[k], want.Physical[i][k])
				}
			}
		}
		if len(got.Annotations) != len(want.Annotations) {
			t.Errorf("%s: annotations %+v", name, got.Annotations)
			continue
		}
		for i, w := range want.Annotations {
			if a := got.Annotations[i]; math.Abs(a.Time-w[0].(float64)) > 1e-7 || math.Abs(a.Duration-w[1].(float64)) > 1e-7 || a.Text != w[2] {
				t.Errorf("%s: annotation %+v, want %v", name, a, w)
			}
		}
	}
}

// TestGaps reads edfplus.edf with its second record moved from 1 to 4.5 seconds and its third to 5.5.
func TestGaps(t *testing.T) {
	fsys := os.DirFS("testdata")
	whole, err := Read(t.Context(), fsys, "edfplus.edf")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(t.Context(), fsys, "gaps.edf")
	if err != nil {
		t.Fatal(err)
	}
	x, w := got.Channels[0].Samples, whole.Channels[0].Samples
	if len(x) != 130 || !slices.Equal(x[:20], w[:20]) || !slices.Equal(x[90:], w[20:]) {
		t.Errorf("%d samples", len(x))
	}
	if g := got.Channels[0].Gaps(); len(g) != 1 || g[0] != (signal.Span{From: 20, To: 90}) {
		t.Errorf("gaps %v", g)
	}
}

func TestRefused(t *testing.T) {
	good, err := os.ReadFile("testdata/edfplus.edf")
	if err != nil {
		t.Fatal(err)
	}
	edit := func(at int, text string) []byte {
		b := bytes.Clone(good)
		copy(b[at:], text)
		return b
	}
	gaps, err := os.ReadFile("testdata/gaps.edf")
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		data []byte
		want string
	}{
		"cut":           {good[:len(good)-3], "claims 3 data records, and the file holds 2"},
		"head":          {good[:100], "cut short"},
		"heads":         {good[:300], "cut short"},
		"records":       {edit(236, "99999999"), "claims 99999999 data records"},
		"signals":       {edit(252, "9999"), "number of signals is not within"},
		"number":        {edit(244, "one     "), "is no number"},
		"samples":       {edit(256+3*216, "1e9     "), "is not within"},
		"physical":      {edit(256+3*104, "5.5     "), "range is empty"},
		"nearly gap":    {bytes.Replace(gaps, []byte("+4.5\x14\x14"), []byte("+9e9\x14\x14"), 1), "nearly all gap"},
		"order":         {bytes.Replace(gaps, []byte("+4.5\x14\x14"), []byte("+0.5\x14\x14"), 1), "begins before"},
		"no annotation": {bytes.Replace(gaps, []byte("+4.5\x14\x14"), []byte("x4.5\x14\x14"), 1), "not in the form of EDF+"},
	} {
		_, err := Read(t.Context(), fstest.MapFS{"a.edf": {Data: c.data}}, "a.edf")
		if fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"edf.edf", "edfplus.edf", "bdfplus.bdf", "gaps.edf"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Read(t.Context(), fstest.MapFS{"a.edf": {Data: data}}, "a.edf"); err != nil && fault.KindOf(err) != fault.Data {
			t.Fatal(err)
		}
	})
}
