package segment

import (
	"slices"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/imaging/cases"
	"galen.dev/report"
	"galen.dev/volume"
)

// TestReportTellsWhatTheChecksFound: what did not stop the study, and what was waived, stand on the page; where nothing
// was found there is no empty section.
func TestReportTellsWhatTheChecksFound(t *testing.T) {
	e := &evaluation{cases: &cases.Container{Collection: new(cases.Collection)}}
	if got := e.checks(); got != nil {
		t.Errorf("of nothing: %+v", got)
	}
	e.cases.Findings = []fault.Finding{{Name: "copies-across-split", Severity: fault.Warning, Message: "images are copies"}}
	e.cases.Waived = []fault.Finding{{Name: "images-without-masks", Severity: fault.Severe, Message: "no mask"}}
	page := &report.Report{Title: "page", Sections: e.checks()}
	var text strings.Builder
	if err := page.WriteHTML(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"What the checks found", "images are copies", "copies-across-split", "images-without-masks"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestBlank: an image is blank where no channel varies.
func TestBlank(t *testing.T) {
	g := volume.Geometry{Dims: [3]int{3, 2, 1}, Affine: volume.Identity()}
	for name, c := range map[string]struct {
		data []uint8
		want bool
	}{
		"one value": {slices.Repeat([]uint8{7}, 6), true},
		"one speck": {[]uint8{7, 7, 7, 7, 7, 8}, false},
	} {
		if got := blank(volume.New(g, c.data)); got != c.want {
			t.Errorf("%s: blank is %v", name, got)
		}
	}
}
