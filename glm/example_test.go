package glm_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"galen.dev/glm"
)

// A risk with its standard error and the contribution of each feature.
func ExampleFit() {
	age := []float64{41, 45, 50, 53, 58, 60, 64, 67, 70, 75}
	smoker := []float64{0, 1, 0, 0, 1, 0, 1, 0, 1, 1}
	infarction := []float64{0, 0, 0, 1, 0, 0, 1, 1, 0, 1}
	m, err := glm.Fit(context.Background(), [][]float64{age, smoker}, infarction, glm.Params{Family: glm.Binomial})
	if err != nil {
		log.Fatal(err)
	}
	risk := make([]float64, 1)
	patient := []float64{62, 1}
	m.Predict(patient, risk)
	phi, base := m.Contributions(0, patient, []float64{58.3, 0.5})
	fmt.Printf("odds ratio of a year %.2f, standard error of its logarithm %.2f\n", math.Exp(m.Coef[0][0]), m.StdErr(0, 0))
	fmt.Printf("risk %.2f, log odds %.2f %+.2f for age %+.2f for smoking\n", risk[0], base, phi[0], phi[1])
	// Output:
	// odds ratio of a year 1.18, standard error of its logarithm 0.11
	// risk 0.31, log odds -0.67 +0.61 for age -0.76 for smoking
}
