package calibrate_test

import (
	"fmt"

	"galen.dev/calibrate"
	"galen.dev/metric"
)

// A model that is too sure is updated on patients that it was not trained on.
func ExampleFit() {
	risk := []float64{.01, .02, .05, .1, .1, .9, .9, .95, .97, .99}
	died := []bool{false, false, true, false, false, true, true, false, true, true}
	c, err := calibrate.Fit(calibrate.Temperature, risk, died)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("T = %.2f: a risk of 95 %% becomes %.0f %%\n", 1/c.B, 100*c.Apply(.95))
	fmt.Printf("log loss %.3f before, %.3f after\n", metric.LogLoss(risk, died), metric.LogLoss(c.ApplyAll(risk), died))
	// Output:
	// T = 2.24: a risk of 95 % becomes 79 %
	// log loss 0.648 before, 0.497 after
}
