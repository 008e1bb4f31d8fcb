package metric_test

import (
	"context"
	"fmt"

	"galen.dev/metric"
)

// Two patients came twice; the interval resamples patients, not visits.
func ExampleBinary_Intervals() {
	risk := []float64{.9, .8, .7, .35, .6, .4, .3, .2, .2, .1, .5, .05}
	died := []bool{true, true, true, true, false, false, false, false, false, false, true, false}
	patient := []int{1, 1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10}
	if fs := metric.Check(risk, died); len(fs) > 0 {
		fmt.Println(fs)
	}
	b := metric.NewBinary(risk, died, metric.BinaryOptions{Thresholds: []float64{.5}})
	scores, err := b.Intervals(context.Background(), metric.Resample{N: len(risk), Groups: patient, Rounds: 200, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range scores {
		if s.Name == "auroc" || s.Name == "sensitivity@0.5" {
			fmt.Printf("%s %.3f (%.3f to %.3f), %d of %d rounds undefined\n", s.Name, s.Value, s.Low, s.High, s.Undefined, s.Rounds)
		}
	}
	// Output:
	// auroc 0.914 (0.599 to 1.000), 1 of 200 rounds undefined
	// sensitivity@0.5 0.800 (0.238 to 1.000), 1 of 200 rounds undefined
}

func ExampleDecisionCurve() {
	risk := []float64{.9, .6, .4, .3, .1, .1, .05, .05, .02, .01}
	died := []bool{true, true, false, true, false, false, false, false, false, false}
	for _, d := range metric.DecisionCurve(risk, died, []float64{.1, .25}) {
		fmt.Printf("at %.2f: model %.3f, treat all %.3f, %.0f of 100 interventions avoided\n", d.Threshold, d.Model, d.All, d.Avoided)
	}
	// Output:
	// at 0.10: model 0.267, treat all 0.222, 40 of 100 interventions avoided
	// at 0.25: model 0.267, treat all 0.067, 60 of 100 interventions avoided
}
