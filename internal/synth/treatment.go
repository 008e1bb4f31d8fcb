package synth

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// TreatmentCases is the number of cases of the made-up cohort.
const TreatmentCases = 2000

// Treatment is a made-up cohort of outpatients with heart and metabolic disease as CSV: facts, diagnoses, allergies,
// current drugs, the treatments given and the outcome. Which drugs are given follows rules of prescription that are
// known (treatmentGiven), so that it is known what there is to learn. In one of twelve cases the prescriber overlooks
// what a label forbids, as happens; whoever learns from these cases learns the mistakes too.
func Treatment() []byte { return TreatmentTable(TreatmentCases, 1) }

// TreatmentTable is Treatment with another number of cases and seed.
func TreatmentTable(n int, seed uint64) []byte {
	rng := stream(40, seed)
	var b strings.Builder
	b.WriteString("patient,age (a),sex,pregnant,egfr (mL/min/1.73m2),crcl (mL/min),potassium (mmol/L),alt (U/L),ldl (mmol/L),bp (mmHg),diagnoses,allergies,taking,given,improved\n")
	for i := range n {
		c := drawTreatmentCase(rng)
		given := treatmentGiven(c, rng)
		fmt.Fprintf(&b, "p%04d,%.0f,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s\n", i+1, c.age, c.sex, c.pregnant, c.number(c.egfr, 0), c.number(c.crcl, 0), c.number(c.potassium, 1), c.number(c.alt, 0), c.number(c.ldl, 1), c.number(c.bp, 0),
			listed(c.diagnoses), listed(c.allergies), listed(c.taking), listed(given), treatmentOutcome(c, given, rng))
	}
	return []byte(b.String())
}

func listed(items []string) string {
	if len(items) == 0 {
		return "none"
	}
	return strings.Join(items, ";")
}

// treatmentCase is one made-up patient.
type treatmentCase struct {
	age                                   float64
	sex, pregnant                         string
	egfr, crcl, potassium, alt, ldl, bp   float64
	diagnoses, allergies, taking          []string
	heart, fibrillation, diabetes, asthma bool
	missing                               uint64
}

// number writes a value, or nothing where the test was not made.
func (c *treatmentCase) number(v float64, decimals int) string {
	c.missing = c.missing*6364136223846793005 + 1442695040888963407
	if c.missing>>60 == 0 { // one of sixteen
		return ""
	}
	return fmt.Sprintf("%.*f", decimals, v)
}

func drawTreatmentCase(rng *rand.Rand) *treatmentCase {
	chance := func(p float64) bool { return rng.Float64() < p }
	c := &treatmentCase{age: math.Round(min(95, max(18, 62+16*rng.NormFloat64()))), sex: "male", pregnant: "no", missing: rng.Uint64()}
	if chance(.5) {
		c.sex = "female"
		if c.age < 45 && chance(.15) {
			c.pregnant = []string{"1", "2", "3"}[rng.IntN(3)]
		}
	}
	c.egfr = min(130, max(8, 125-.75*c.age+18*rng.NormFloat64()))
	c.crcl = min(150, max(6, c.egfr*(1+.1*rng.NormFloat64())))
	c.potassium, c.alt = 4.3+.45*rng.NormFloat64()+max(0, 45-c.egfr)/60, math.Exp(3.1+.5*rng.NormFloat64())
	c.ldl, c.bp = max(1, 3.2+rng.NormFloat64()), 138+18*rng.NormFloat64()
	add := func(code string, p float64) bool {
		has := chance(p)
		if has {
			c.diagnoses = append(c.diagnoses, code)
		}
		return has
	}
	c.heart = add("I50.9", .25)
	c.fibrillation = add("I48.9", .22)
	c.diabetes = add("E11.9", .35)
	c.asthma = add("J45.9", .12)
	add("I10", .5)
	add("I25.1", .25)
	add("K25.9", .05)
	add("M10.9", .08)
	for _, a := range []struct {
		name string
		p    float64
	}{{"ace inhibitors", .06}, {"nsaids", .05}, {"penicillins", .08}, {"statins", .03}} {
		if chance(a.p) {
			c.allergies = append(c.allergies, a.name)
		}
	}
	for _, d := range []struct {
		name string
		p    float64
	}{{"amiodarone", .06}, {"clarithromycin", .04}, {"omeprazole", .2}, {"verapamil", .05}, {"sertraline", .1}, {"azathioprine", .03}} {
		if chance(d.p) {
			c.taking = append(c.taking, d.name)
		}
	}
	return c
}

// treatmentGiven prescribes: log odds of each drug, and what labels forbid left out but for the one in twelve.
func treatmentGiven(c *treatmentCase, rng *rand.Rand) []string {
	is := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	has := func(list []string, word string) bool {
		for _, w := range list {
			if w == word {
				return true
			}
		}
		return false
	}
	pregnant := c.pregnant != "no"
	var out []string
	for _, d := range []struct {
		name   string
		logit  float64
		banned bool
	}{
		{"ramipril", -2 + 2.2*is(c.heart) + .06*(c.bp-140) + 1.2*is(c.diabetes), pregnant || has(c.allergies, "ace inhibitors")},
		{"carvedilol", -3 + 3.4*is(c.heart) + 1.2*is(c.fibrillation), c.asthma},
		{"apixaban", -4 + 5.5*is(c.fibrillation) + .03*(c.age-65), false},
		{"metformin", -3.5 + 5*is(c.diabetes), c.egfr < 30},
		{"simvastatin", -2.5 + 1.6*(c.ldl-3) + 1.2*is(c.diabetes) + .03*(c.age-60), has(c.taking, "clarithromycin") || has(c.allergies, "statins")},
		{"spironolactone", -4 + 4*is(c.heart), c.potassium > 5.5},
		{"furosemide", -3.5 + 3.2*is(c.heart) + .02*(80-c.egfr), false},
		{"amlodipine", -2.5 + .09*(c.bp-140), false},
		{"naproxen", -3 + 3.5*is(has(c.diagnoses, "M10.9")) - .02*(c.age-60), c.egfr < 30 || has(c.diagnoses, "K25.9") || has(c.allergies, "nsaids") || has(c.allergies, "salicylates") || c.pregnant == "3"},
		{"febuxostat", -5 + 5.5*is(has(c.diagnoses, "M10.9")), has(c.taking, "azathioprine")},
	} {
		wanted := rng.Float64() < 1/(1+math.Exp(-d.logit))
		overlooked := rng.Float64() < 1./12
		if wanted && (!d.banned || overlooked) {
			out = append(out, d.name)
		}
	}
	return out
}

// treatmentOutcome is better where indicated drugs were given, and worse where an overlooked one did harm.
func treatmentOutcome(c *treatmentCase, given []string, rng *rand.Rand) string {
	logit := .8 - .02*(c.age-60)
	for _, d := range given {
		switch {
		case d == "carvedilol" && c.asthma, d == "metformin" && c.egfr < 30, d == "spironolactone" && c.potassium > 5.5:
			logit -= 2
		case c.heart && (d == "ramipril" || d == "carvedilol"), c.fibrillation && d == "apixaban", c.diabetes && d == "metformin":
			logit += .6
		}
	}
	if rng.Float64() < 1/(1+math.Exp(-logit)) {
		return "yes"
	}
	return "no"
}
