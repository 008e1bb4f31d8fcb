//go:build long && unix

package classify_test

import (
	"math"
	"os"
	"syscall"
	"testing"

	"galen.dev/studies"
	"galen.dev/task"
)

// TestBars: the published bars of MedMNIST v2's ResNet-18 at 28 pixels (Yang et al., Sci Data 2023, table 3), as means
// of five seeds on the given test part. The basic CNN has no bar: it is measured as the article lists it.
func TestBars(t *testing.T) {
	if os.Getenv("GALEN_DATA") == "" {
		t.Skip("set GALEN_DATA to a folder that has the images")
	}
	for _, c := range []struct {
		study    string
		auc, acc float64
	}{
		{"breastmnist", .901, .863}, {"pneumoniamnist", .944, .854}, {"breastmnist_basic", 0, 0}, {"pneumoniamnist_basic", 0, 0},
	} {
		t.Run(c.study, func(t *testing.T) {
			data, ok := studies.Read(c.study)
			if !ok {
				t.Fatal("no such study")
			}
			b := newBed(t)
			before := cpuSeconds(t)
			var auc, acc, chosen []float64
			for seed := range uint64(5) {
				s, err := task.ParseStudy(data, c.study+".yaml", b.runner.Tasks)
				if err != nil {
					t.Fatal(err)
				}
				s.File, s.Seed = "", seed+1
				s.Params["bootstrap"], s.Params["pictures"] = 100, 0
				res, err := b.runner.Run(t.Context(), s, task.Evaluate)
				if err != nil {
					t.Fatal(err)
				}
				auc, acc, chosen = append(auc, res.Metrics["auc"]), append(acc, res.Metrics["acc"]), append(chosen, res.Metrics["acc-at-threshold"])
				t.Logf("seed %d: AUC %.4f, accuracy %.4f, %.4f at the chosen threshold", s.Seed, res.Metrics["auc"], res.Metrics["acc"], res.Metrics["acc-at-threshold"])
			}
			meanAUC, halfAUC := meanOf(auc)
			meanACC, halfACC := meanOf(acc)
			meanChosen, halfChosen := meanOf(chosen)
			t.Logf("%s: AUC %.4f ± %.4f, accuracy %.4f ± %.4f, %.4f ± %.4f at the chosen threshold; %.1f minutes of CPU time", c.study, meanAUC, halfAUC, meanACC, halfACC, meanChosen, halfChosen, (cpuSeconds(t)-before)/60)
			if meanAUC < c.auc || meanACC < c.acc {
				t.Errorf("below the bars of %.3f and %.3f", c.auc, c.acc)
			}
		})
	}
}

// meanOf is the mean of five with the half width of its 95 % interval by Student's t of 4 degrees of freedom.
func meanOf(v []float64) (mean, half float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	square := 0.0
	for _, x := range v {
		square += (x - mean) * (x - mean)
	}
	return mean, 2.776 * math.Sqrt(square/float64(len(v)-1)/float64(len(v)))
}

func cpuSeconds(t *testing.T) float64 {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	seconds := func(v syscall.Timeval) float64 { return float64(v.Sec) + float64(v.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}
