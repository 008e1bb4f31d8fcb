package treatment

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "galen.dev/engine" // the backend "cpu"
	"galen.dev/safety"
	"galen.dev/task"
	"galen.dev/task/tasktest"
)

const header = "name,seen,ended,age (a),egfr (mL/min/1.73m2),noise,site,sex,diagnoses,allergies,taking,given,well\n"

// cohortCSV writes a generated cohort: amlodipine goes by a site, apixaban by a diagnosis, ramipril by the age. Some
// patients have two rows.
func cohortCSV(t *testing.T, folder string, n int, seed uint64, shuffled bool) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	rows, given := make([]string, n), make([]string, n)
	patient := 0
	for i := range n {
		if i%7 != 0 {
			patient++
		}
		age, site, ill := 55+15*rng.NormFloat64(), []string{"north", "south", "west"}[rng.IntN(3)], "I10"
		var g []string
		if rng.Float64() < .4 {
			ill = "I48.9;E11"
		}
		for _, d := range []struct {
			name string
			on   bool
		}{{"amlodipine", site == "west"}, {"apixaban", ill != "I10"}, {"ramipril", age > 60}} {
			if d.on != (rng.Float64() < .03) {
				g = append(g, d.name)
			}
		}
		if given[i] = strings.Join(g, ";"); g == nil {
			given[i] = "none"
		}
		egfr := strconv.Itoa(60 + rng.IntN(40))
		if rng.IntN(12) == 0 {
			egfr = ""
		}
		rows[i] = fmt.Sprintf("%s %04d,2024-%02d-%02d,2025-01-%02d,%.1f,%s,%.3f,%s,male,%s,none,%s", tasktest.Canary, patient, 1+i*12/n, 1+rng.IntN(28), 1+rng.IntN(28), age, egfr, rng.NormFloat64(), site, ill, []string{"none", "omeprazole"}[rng.IntN(2)])
	}
	if shuffled {
		rng.Shuffle(n, func(i, j int) { given[i], given[j] = given[j], given[i] })
	}
	var b strings.Builder
	b.WriteString(header)
	for i := range rows {
		fmt.Fprintf(&b, "%s,%s,%s\n", rows[i], given[i], []string{"no", "yes"}[rng.IntN(2)])
	}
	return put(t, folder, "cohort.csv", b.String())
}

func put(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// held returns the test rows of the user's data as a CSV, in the order of predictions.csv.
func held(t *testing.T, folder, data string) ([]byte, string) {
	t.Helper()
	all := readCSV(t, data)
	var b strings.Builder
	w := csv.NewWriter(&b)
	rows := [][]string{all[0]}
	for _, p := range readCSV(t, filepath.Join(folder, "evaluate", predictionsFile))[1:] {
		row, err := strconv.Atoi(p[0])
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, all[row])
	}
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String()), "held.csv"
}

func same(t *testing.T, folder string, answer []byte) {
	t.Helper()
	var got []Prediction
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	want := readCSV(t, filepath.Join(folder, "evaluate", predictionsFile))
	if len(got) != len(want)-1 || len(got) == 0 {
		t.Fatalf("%d predictions, %d held-out cases", len(got), len(want)-1)
	}
	suggested, abstained := 0, 0
	for i, g := range got {
		if g.Abstained {
			abstained++
		}
		if g.Note != note {
			t.Error("a prediction does not say that it is association")
		}
		for _, s := range g.Suggestions {
			suggested++
			k := slices.Index(want[0], "p("+s.Treatment+")")
			if p, err := strconv.ParseFloat(want[i+1][k], 64); err != nil || p != s.Probability {
				t.Errorf("case %d, %s: apply says %v, evaluate %v", i+1, s.Treatment, s.Probability, want[i+1][k])
			}
			if s.Why == nil || s.Rests.Nearest == 0 || s.Rests.Given > 0 && len(s.Rests.Cases) == 0 {
				t.Errorf("case %d, %s: no reasons: %+v", i+1, s.Treatment, s)
				continue
			}
			sum := s.Why.Base + s.Why.Rest
			for _, c := range s.Why.Contributions {
				sum += c.Effect
			}
			if math.IsNaN(sum) {
				t.Errorf("case %d: contributions do not add up", i+1)
			}
		}
	}
	if suggested < len(got)/2 || abstained > len(got)/5 {
		t.Errorf("%d suggestions and %d abstentions for %d cases like those it learned from", suggested, abstained, len(got))
	}
}

func patientsOfSplit(t *testing.T, folder string) (train, test []int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, "preprocess", splitsFile))
	if err != nil {
		t.Fatal(err)
	}
	var sp splits
	if err := json.Unmarshal(data, &sp); err != nil {
		t.Fatal(err)
	}
	return sp.Patients["train"], sp.Patients["test"]
}

// memorise is a study whose test cases are its training cases, as patients of other names.
func memorise(t *testing.T, folder string) *task.Study {
	t.Helper()
	data, err := os.ReadFile(cohortCSV(t, folder, 32, 5, true))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	out := lines[0] + ",part\n"
	for _, part := range []string{"train", "test"} {
		for i, line := range lines[1:] {
			_, rest, _ := strings.Cut(line, ",")
			out += fmt.Sprintf("%s %d,%s,%s\n", part, i, rest, part)
		}
	}
	params := quick(map[string]any{"model": "mlp", "epochs": 300, "width": 64, "dropout": 0., "calibration": "none", "split": "column", "split-column": "part", "folds": 2, "rare": 1})
	return &task.Study{
		Name: "memorise", Task: Task.Name, Data: put(t, folder, "twice.csv", out), Seed: 1, Params: params,
		Waive: []string{"duplicate-across-splits", "near-duplicate-across-splits", "duplicate-rows"},
	}
}

func quick(more map[string]any) map[string]any {
	p := map[string]any{
		"treatments": []string{"given"}, "patient": "name", "outcome": "well", "diagnoses": "diagnoses", "allergies": "allergies", "drugs": "taking", "age": "age", "sex": "sex",
		"labs": []string{"egfr=egfr"}, "model": "logistic", "folds": 3, "bootstrap": 100, "min-cases": 5,
	}
	for k, v := range more {
		p[k] = v
	}
	return p
}

func TestTreatmentConforms(t *testing.T) {
	folder := t.TempDir()
	rules := put(t, folder, "ward.csv", "id,kind,drug,other,condition,severity,action,limit,text,source,year\nWARD-1,lab,ramipril,,age > 85 a,low,warn,,Start low.,ward handbook,2024\n")
	drugs := put(t, folder, "drugs.csv", "name,atc,synonyms\nphysiotherapy,,\n")
	schema := put(t, folder, "schema.yaml", `columns:
  - {name: name, kind: text}
  - {name: seen, kind: date}
  - {name: ended, kind: date}
  - {name: age (a), kind: numeric, unit: a}
  - {name: egfr (mL/min/1.73m2), kind: numeric, unit: mL/min}
  - {name: noise, kind: numeric}
  - {name: site, kind: category}
  - {name: sex, kind: category}
  - {name: diagnoses, kind: category}
  - {name: allergies, kind: category}
  - {name: taking, kind: category}
  - {name: given, kind: category}
  - {name: well, kind: category}
`)
	tasktest.Run(t, tasktest.Case{
		Task: Task, Data: cohortCSV, Params: quick(nil),
		Cover: []map[string]any{
			{"schema": schema, "rules": rules, "drug-table": drugs, "model": "auto", "candidates": []string{"logistic", "nearest"}, "votes": 10, "treatment-date": "seen", "outcome-date": "ended", "split": "time", "positive": []string{"yes"}, "exclude": []string{"noise"}},
			{"model": "boost", "rounds": 10, "learning-rate": .1, "leaves": 4, "unknown": "show", "threshold": .3, "abstain": 1., "separator": ";"},
			{"model": "mlp", "epochs": 2, "width": 8, "dropout": .1, "impute": "mean"},
		},
		Score: "prauc", Learns: .85, Chance: [2]float64{.3, .8},
		Memorise: memorise, Memorises: .95,
		Held: held, Same: same, Splits: patientsOfSplit,
	})
}

// TestNothingGetsRoundTheGate draws 100,000 cases and what a model might say of them, NaN, infinities and numbers that
// are no probabilities included: no suggestion is forbidden, alone or beside the others, and none is unknown unless the
// study shows these.
func TestNothingGetsRoundTheGate(t *testing.T) {
	rules, err := safety.New(safety.Shipped())
	if err != nil {
		t.Fatal(err)
	}
	names := []string{
		"warfarin", "amiodarone", "simvastatin", "clarithromycin", "metformin", "ramipril", "losartan", "spironolactone", "propranolol", "sumatriptan", "phenelzine",
		"sertraline", "ibuprofen", "amoxicillin", "ceftriaxone", "haloperidol", "methadone", "isotretinoin", "valproic acid", "dabigatran", "febuxostat", "azathioprine",
	}
	g, err := newGate(rules, names)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	codes := []string{"J459", "I500", "I441", "K259", "I639", "K746", "G409", "G20", "I219", "E872"}
	allergies := []string{"penicillins", "nsaids", "statins", "ace inhibitors", "warfarin", "none known"}
	cases, suggestions, ruled := 100_000, 0, 0
	if testing.Short() {
		cases = 10_000
	}
	prob := make([]float64, len(names))
	for range cases {
		p := safety.NewPatient()
		p.CodesKnown, p.AllergiesKnown, p.DrugsKnown = rng.IntN(9) > 0, rng.IntN(9) > 0, rng.IntN(9) > 0
		for a, scale := range [safety.Analytes]float64{90, 120, 120, 200, 200, 50, 7, 150, 300, 8, 160, 600, 120, 5} {
			if rng.IntN(10) > 0 {
				p.Labs[a] = scale * rng.Float64()
			}
		}
		p.Sex, p.Pregnancy = safety.Sex(rng.IntN(3)), safety.Pregnancy(rng.IntN(6))
		for range rng.IntN(3) {
			p.Codes = append(p.Codes, codes[rng.IntN(len(codes))])
			p.Drugs = append(p.Drugs, safety.Drug(rng.IntN(rules.Drugs())))
		}
		if rng.IntN(2) == 0 {
			a, err := rules.Allergen(allergies[rng.IntN(len(allergies))])
			if err != nil {
				t.Fatal(err)
			}
			p.Allergies = append(p.Allergies, a)
		}
		for k := range prob {
			switch prob[k] = rng.Float64(); rng.IntN(20) {
			case 0:
				prob[k] = math.NaN()
			case 1:
				prob[k] = math.Inf(1 - 2*rng.IntN(2))
			case 2:
				prob[k] = 1e9 * rng.NormFloat64()
			}
		}
		g.top, g.threshold, g.unknown = 1+rng.IntN(8), rng.Float64()/2, rng.IntN(2) == 0
		suggested, out := g.pass(p, prob)
		ruled += len(out)
		if len(suggested) > g.top {
			t.Fatal("more than top")
		}
		var set []safety.Drug
		for _, s := range suggested {
			set = append(set, g.drugs[s.treatment])
		}
		for k, d := range set {
			suggestions++
			v := rules.Check(p, slices.Delete(slices.Clone(set), k, k+1), d)
			if v.Status == safety.Forbidden || v.Status == safety.Unknown && !g.unknown || !(prob[suggested[k].treatment] >= g.threshold) {
				t.Fatalf("%s is suggested, and is %v", rules.Name(d), v.Status)
			}
		}
		for k, m := range g.masked(p, prob) {
			if m > 0 && g.blocks(rules.Check(p, nil, g.drugs[k]).Status) {
				t.Fatal("the mask lets something through")
			}
		}
	}
	if suggestions < cases/4 || ruled < cases/4 {
		t.Errorf("%d suggestions, %d ruled out: the cases test little", suggestions, ruled)
	}
}
