package synth

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"galen.dev/event"
)

func written(t *testing.T, name string, data []byte) string {
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestStays: the set reads as PhysioNet's, is the same each time, and what happens depends on the course: the severity's
// signs at the end tell less than their change.
func TestStays(t *testing.T) {
	data := Stays()
	if !bytes.Equal(data, Stays()) {
		t.Error("made twice, it differs")
	}
	words := event.NewVocabulary()
	var deaths, last, change, unsteady []float64
	parts := map[string]int{}
	report, err := event.Read(t.Context(), written(t, "stays.tar", data), event.Options{}, func(s *event.Stay) error {
		parts[s.Part]++
		for _, f := range s.Facts {
			if words.Codes[f.Code] == "In-hospital_death" {
				deaths = append(deaths, f.Value)
			}
		}
		var early, late, pulse []float64
		final := 0.0
		for _, e := range s.Events {
			switch words.Codes[e.Code] {
			case "SysABP":
				if e.At < 12*event.Hour {
					early = append(early, e.Value)
				} else if e.At >= 36*event.Hour {
					late = append(late, e.Value)
				}
				final = -e.Value
			case "HR":
				pulse = append(pulse, e.Value)
			}
		}
		swing := 0.0
		for i := 1; i < len(pulse); i++ {
			swing += math.Abs(pulse[i]-pulse[i-1]) / float64(len(pulse))
		}
		last, change, unsteady = append(last, final), append(change, average(early)-average(late)), append(unsteady, swing)
		return nil
	}, words)
	if err != nil || parts["a"] != StaysA || parts["b"] != StaysB {
		t.Fatal(err, parts)
	}
	if rate := average(deaths); rate < .1 || rate > .3 {
		t.Errorf("%.3f of the stays end in death", rate)
	}
	snapshot, course, swing := auroc(last, deaths), auroc(change, deaths), auroc(unsteady, deaths)
	t.Logf("%d events, %.3f die; AUROC of the last pressure %.3f, of its change %.3f, of the swing of the pulse %.3f", report.Events, average(deaths), snapshot, course, swing)
	if course < snapshot+.05 || course < .65 {
		t.Error("the course tells no more than the last value")
	}
}

func auroc(score, truth []float64) float64 {
	labels := make([]bool, len(truth))
	for i, y := range truth {
		labels[i] = y == 1
	}
	return concordance(score, labels)
}

// concordance is the share of pairs in which the one with the event has the higher score.
func concordance(score []float64, event []bool) float64 {
	won, pairs := 0.0, 0.0
	for i := range score {
		for j := range score {
			if event[i] && !event[j] {
				pairs++
				switch {
				case score[i] > score[j]:
					won++
				case score[i] == score[j]:
					won += .5
				}
			}
		}
	}
	return won / pairs
}

// TestVisits: the codes have their vocabularies' form, and the last diagnosis tells who has an infarction.
func TestVisits(t *testing.T) {
	data := Visits()
	if !bytes.Equal(data, Visits()) {
		t.Error("made twice, it differs")
	}
	words := event.NewVocabulary()
	var score, truth, number []float64
	report, err := event.Read(t.Context(), written(t, "visits.csv", data), event.Options{}, func(s *event.Stay) error {
		y, stage, n := 0.0, 0.0, 0.0
		for _, e := range s.Events {
			code := words.Codes[e.Code]
			if e.At > visitDays*24*event.Hour {
				if code == "ICD10/I21.4" {
					y = 1
				}
				continue
			}
			for k, c := range stageCodes {
				if c == code {
					stage, n = float64(k), n+float64(k)
				}
			}
		}
		score, truth, number = append(score, stage), append(truth, y), append(number, n)
		return nil
	}, words)
	if err != nil || report.Stays != VisitPatients || len(report.Findings) > 0 {
		t.Fatal(err, report)
	}
	ordered, bag := auroc(score, truth), auroc(number, truth)
	t.Logf("%d events, %.3f have the event; AUROC of the last stage %.3f, of the sum of stages %.3f", report.Events, average(truth), ordered, bag)
	if rate := average(truth); rate < .1 || rate > .4 || ordered < bag+.05 || ordered < .7 {
		t.Error("the order tells no more than the number")
	}
}
