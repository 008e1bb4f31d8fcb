package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"galen.dev/fault"
)

func samplePlan(t testing.TB) []byte {
	t.Helper()
	f := &Fingerprint{Channels: []Intensity{{Name: "CT", Mean: 40, SD: 20, Low: -50, High: 100, Min: -60, Max: 120}}, RelativeSize: 1}
	for range 20 {
		f.SpacingsMM, f.Shapes = append(f.SpacingsMM, [3]float64{3, .8, .8}), append(f.Shapes, [3]int{60, 200, 220})
	}
	p, err := Make(f, []Class{{1, "organ"}, {2, "lesion"}}, Options{Base: 8, Limit: 4 << 30, MaxSolid: 96})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestReadsBack: a plan that was written reads back as itself, whatever its estimates were changed to.
func TestReadsBack(t *testing.T) {
	text := samplePlan(t)
	p, err := Read(text, "plan.json")
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(p)
	if err != nil || string(again) != string(text) {
		t.Errorf("%s\nread back as\n%s\n%v", text, again, err)
	}
}

// TestRefusesPlans: everything that does not hold together is found at once.
func TestRefusesPlans(t *testing.T) {
	change := func(pairs ...string) []byte {
		return []byte(strings.NewReplacer(pairs...).Replace(string(samplePlan(t))))
	}
	for name, c := range map[string]struct {
		text     []byte
		findings int
		want     string
	}{
		"no JSON":       {[]byte("{\n\"format\": x"), 1, "invalid character"},
		"unknown key":   {change(`"format":1`, `"format":1,"colour":2`), 1, "colour"},
		"several":       {change(`"format":1`, `"format":9`, `"transpose":[0,1,2]`, `"transpose":[0,0,2]`, `"use":"3d_fullres"`, `"use":"4d"`), 3, "is none of"},
		"scheme":        {change(`"scheme":"ct"`, `"scheme":"magic"`), 1, "no scheme"},
		"stride":        {change(`"strides":[[1,1,1]`, `"strides":[[2,1,1]`), 1, "strides are"},
		"class twice":   {change(`"value":2`, `"value":1`), 1, "stands twice"},
		"two documents": {append(samplePlan(t), '{'), 0, "follows the plan"},
	} {
		_, err := Read(c.text, "plan.json")
		if fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), c.want) || len(fault.FindingsOf(err)) < c.findings {
			t.Errorf("%s: %v", name, err)
		}
	}
	low := change(`"limit_bytes":4294967296`, `"limit_bytes":1000`)
	if _, err := Read(low, "plan.json"); fault.KindOf(err) != fault.Usage {
		t.Errorf("a bound below the plan: %v", err)
	}
}

// FuzzRead: no file makes reading panic, and what is accepted reads back.
func FuzzRead(f *testing.F) {
	f.Add(samplePlan(f))
	f.Add([]byte(`{"format":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Read(text, "plan.json")
		if err != nil {
			return
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(again, "plan.json"); err != nil {
			t.Errorf("accepted, and not read back: %v\n%s", err, again)
		}
	})
}
