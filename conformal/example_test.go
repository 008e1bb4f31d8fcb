package conformal_test

import (
	"fmt"

	"galen.dev/conformal"
)

// With a promise of 80 %, an unsure prediction becomes a set of two diagnoses.
func ExampleFitSets() {
	calibration := [][]float64{{.9, .05, .05}, {.7, .2, .1}, {.2, .6, .2}, {.45, .5, .05}, {.1, .1, .8}, {.3, .3, .4}}
	diagnosis := []int{0, 0, 1, 0, 2, 2}
	s, err := conformal.FitSets(calibration, diagnosis, conformal.SetOptions{Alpha: .2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Predict([]float64{.85, .1, .05}, 0), s.Predict([]float64{.5, .45, .05}, 0), s.Infinite())
	few, _ := conformal.FitSets(calibration, diagnosis, conformal.SetOptions{Alpha: .1})
	fmt.Println(few.Infinite(), conformal.Smallest(.1))
	// Output:
	// [0] [0 1] false
	// true 9
}
