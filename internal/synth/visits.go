package synth

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// VisitPatients is the number of patients of Visits.
const VisitPatients = 900

// visitDays is where the question is asked: what happens within a year after three.
const visitDays = 3 * 365

// Visits makes coded visits over four years, one line for each code: patient, days since the first visit, code of ICD-10
// or ATC. Behind them is a heart disease that goes up and down its stages. ICD10/I21.4, an infarction, may come in the
// fourth year; its chance depends on the stage at the end of the third, and on whether the drug for it was still taken
// then. Earlier codes are much the same in all patients: the order tells, not the number.
func Visits() []byte {
	var b strings.Builder
	b.WriteString("patient,days,code\n")
	for i := range VisitPatients {
		patient(&b, fmt.Sprintf("v%04d", i), stream(5, uint64(i)))
	}
	return []byte(b.String())
}

// stageCodes are the diagnoses of the stages; stageDrugs what is given for them.
var (
	stageCodes = []string{"ICD10/I10", "ICD10/I20.9", "ICD10/I25.1", "ICD10/I50.9"}
	stageDrugs = []string{"ATC/C09AA05", "ATC/C07AB02", "ATC/C10AA05", "ATC/C03CA01"}
	otherCodes = []string{"ICD10/E11.9", "ICD10/J06.9", "ICD10/M54.5", "ICD10/K21.9", "ICD10/F32.9", "ICD10/N39.0", "ATC/A02BC01", "ATC/N02BE01", "ATC/M01AE01", "ATC/A10BA02"}
)

func patient(b *strings.Builder, id string, rng *rand.Rand) {
	line := func(day int, code string) { fmt.Fprintf(b, "%s,%d,%s\n", id, day, code) }
	stage, taking := rng.IntN(4), rng.Float64() < .7
	line(0, map[bool]string{true: "sex//female", false: "sex//male"}[rng.IntN(2) == 0])
	for day := 0; day < visitDays; day += 20 + rng.IntN(90) {
		switch move := rng.Float64(); {
		case move < .3:
			stage = min(stage+1, 3)
		case move < .55:
			stage = max(stage-1, 0)
		}
		if rng.Float64() < .25 {
			taking = !taking
		}
		line(day, stageCodes[stage])
		if taking {
			line(day, stageDrugs[stage])
		}
		for _, k := range rng.Perm(len(otherCodes))[:rng.IntN(3)] {
			line(day, otherCodes[k])
		}
	}
	risk := -3.6 + 1.5*float64(stage)
	if taking {
		risk -= 1.2
	}
	if rng.Float64() < 1/(1+math.Exp(-risk)) {
		line(visitDays+10+rng.IntN(340), "ICD10/I21.4")
	}
	line(visitDays+360, "ICD10/Z00.0") // seen at the end of the fourth year
}
