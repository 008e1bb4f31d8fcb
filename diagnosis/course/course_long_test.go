//go:build long

package course

import (
	"math"
	"os"
	"testing"
	"time"

	"galen.dev/studies"
	"galen.dev/task"
)

// TestBars: PhysioNet 2012, trained on set a and reported on set b, over five seeds, for the network and for boosting
// alike: the mean AUROC is .85 or more, and the mean of score 1, min(sensitivity, PPV) at the threshold that set a chose,
// .50 or more. The winner of the Challenge had .5353 on set c.
func TestBars(t *testing.T) {
	if os.Getenv("GALEN_DATA") == "" {
		t.Skip("set GALEN_DATA to a folder that has physionet2012")
	}
	data, _ := studies.Read("physionet2012")
	x := bench(t)
	got := map[string][]float64{}
	for seed := range uint64(5) {
		s, err := task.ParseStudy(data, "physionet2012.yaml", x.Tasks)
		if err != nil {
			t.Fatal(err)
		}
		s.File = ""
		s.Seed, s.Params["model"], s.Params["bootstrap"] = seed+1, "gru", 200
		begin := time.Now()
		res, err := x.Run(t.Context(), s, task.Evaluate)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("seed %d: %v in %v", seed+1, res.Metrics, time.Since(begin).Round(time.Second))
		for _, name := range []string{"auroc", "score-1", "boost-auroc", "boost-score-1"} {
			got[name] = append(got[name], res.Metrics[name])
		}
	}
	for name, bar := range map[string]float64{"auroc": .85, "score-1": .5, "boost-auroc": .85, "boost-score-1": .5} {
		mean, se := meanSE(got[name])
		const t4 = 2.776 // Student's 97.5 % quantile of four degrees of freedom
		t.Logf("%s: %.4f (%.4f to %.4f) over five seeds", name, mean, mean-t4*se, mean+t4*se)
		if mean < bar || math.IsNaN(mean) {
			t.Errorf("%s: %.4f, less than %.2f", name, mean, bar)
		}
	}
}
