package treatment

import (
	"bytes"
	"context"
	"testing"

	"galen.dev/explain"
	"galen.dev/internal/synth"
	"galen.dev/safety"
	"galen.dev/table"
)

// BenchmarkSuggestions tells how many suggestions with their reasons (rules, contributions, nearest cases) are made in a
// second, by each kind of model, from the cases in memory to predictions in memory.
func BenchmarkSuggestions(b *testing.B) {
	ctx := context.Background()
	t, err := table.ReadFrom(ctx, bytes.NewReader(synth.TreatmentTable(2000, 1)), "cases.csv", table.Options{})
	if err != nil {
		b.Fatal(err)
	}
	rules, err := safety.New(safety.Shipped())
	if err != nil {
		b.Fatal(err)
	}
	ro := &roles{
		Treatments: []treatmentColumn{{Column: "given"}}, Separator: ";", Diagnoses: "diagnoses", Allergies: "allergies", Drugs: "taking", Age: "age (a)", Sex: "sex", Pregnant: "pregnant",
		Labs:        []labColumn{{"egfr", "egfr (mL/min/1.73m2)"}, {"crcl", "crcl (mL/min)"}, {"potassium", "potassium (mmol/L)"}, {"alt", "alt (U/L)"}},
		NoPredictor: []string{"patient", "improved", "given", "diagnoses", "allergies", "taking"},
	}
	cs, err := readPatients(t, ro, rules)
	if err != nil {
		b.Fatal(err)
	}
	rd, err := newReader(t, ro, rules)
	if err != nil {
		b.Fatal(err)
	}
	co := &cohort{Roles: *ro, Rare: 10, Impute: "median"}
	given := make([][]safety.Drug, t.Rows)
	rows := make([]int, t.Rows)
	for i := range rows {
		rows[i] = i
		given[i], _ = rd.given(i)
		co.Row, co.Patient = append(co.Row, i+1), append(co.Patient, i)
	}
	if err := co.choose(t, given, rows, rules, 20); err != nil {
		b.Fatal(err)
	}
	tr := &trainer{settings: settings{Folds: 3, Calibration: "none", L1Share: .5, Votes: 50, Rounds: 100, LearningRate: .05, Leaves: 8, Width: 64, Epochs: 3, Dropout: .3}, cases: cs, cohort: co}
	for _, kind := range candidateNames {
		b.Run(kind, func(b *testing.B) {
			p := tr.plan(rows)
			e := tr.examples(p, rows)
			m, err := tr.fit(ctx, kind, p, e, len(co.Treatments), 1)
			if err != nil {
				b.Fatal(err)
			}
			f := &fitted{predictor: m, modelFile: modelFile{Treatments: co.Treatments, Calibrators: tr.calibrators(m.predict(e.X), rows, 1), Threshold: .3}}
			if f.neighbours, err = explain.NewNeighbours(ctx, e.X, p.categorical(), explain.NeighbourOptions{Seed: 1}); err != nil {
				b.Fatal(err)
			}
			g, err := newGate(rules, co.Treatments)
			if err != nil {
				b.Fatal(err)
			}
			g.top, g.threshold = 5, .3
			s := &suggester{f: f, gate: g, attribute: newAttributor(m), cohort: co, kept: rows, table: t, neighbours: 3, abstain: .99}
			n := 0
			b.ResetTimer()
			for range b.N {
				err := s.all(ctx, e.X, cs.patients, func(p *Prediction) error {
					n += len(p.Suggestions)
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "suggestions/s")
			b.ReportMetric(float64(b.N*t.Rows)/b.Elapsed().Seconds(), "cases/s")
		})
	}
}
