package treatment

import (
	"context"
	"slices"
	"strings"

	"galen.dev/diagnosis/intake"
	"galen.dev/fault"
	"galen.dev/internal/cpu"
	"galen.dev/safety"
	"galen.dev/table"
	"galen.dev/task"
)

// batch is how many cases are worked on at once.
const batch = 256

// apply suggests treatments for each case of the input. A drug, an allergy or a diagnosis that is not known refuses the
// whole input, for a rule that cannot be asked would be a rule ignored.
func apply(ctx context.Context, r *task.Run) error {
	f, err := loadFitted(r)
	if err != nil {
		return err
	}
	co, sp := new(cohort), new(splits)
	if err := r.ReadJSON(task.Preprocess, cohortFile, co); err != nil {
		return err
	}
	if err := r.ReadJSON(task.Preprocess, splitsFile, sp); err != nil {
		return err
	}
	rules, err := loadRules(r)
	if err != nil {
		return err
	}
	t, err := readCases(ctx, r, f, &co.Roles)
	if err != nil {
		return err
	}
	cs, err := readPatients(t, &co.Roles, rules)
	if err != nil {
		return err
	}
	s, err := newSuggester(r, f, co, sp, rules, t)
	if err != nil {
		return err
	}
	s.neighbours = r.Int("neighbours")
	rows := make([]int, t.Rows)
	for i := range rows {
		rows[i] = i
	}
	X := f.plan.encode(cs, rows)
	return s.all(ctx, X, cs.patients, func(p *Prediction) error { return r.Emit(p) })
}

// newSuggester puts a model behind the gate.
func newSuggester(r *task.Run, f *fitted, co *cohort, sp *splits, rules *safety.Set, t *table.Table) (*suggester, error) {
	g, err := newGate(rules, f.Treatments)
	if err != nil {
		return nil, err
	}
	g.top, g.unknown, g.threshold = r.Int("top"), r.String("unknown") == "show", f.Threshold
	return &suggester{f: f, gate: g, attribute: newAttributor(f.predictor), cohort: co, kept: sp.Train, table: t, model: r.Model, abstain: r.Float("abstain")}, nil
}

// all makes the predictions of encoded cases and hands them out in order.
func (s *suggester) all(ctx context.Context, X [][]float64, patients []*safety.Patient, emit func(*Prediction) error) error {
	works := make([]*work, cpu.Threads())
	out := make([]*Prediction, batch)
	for start := 0; start < len(patients); start += batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(batch, len(patients)-start)
		cpu.Do(n, func(worker, k int) {
			if works[worker] == nil {
				works[worker] = s.f.work()
			}
			w := works[worker]
			for j := range X {
				w.row[j] = X[j][start+k]
			}
			out[k] = s.one(start+k, patients[start+k], w)
		})
		for _, p := range out[:n] {
			if err := emit(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// readCases reads the input by the schema of the training data. Columns of predictors and of facts must be there;
// others, and what was given, are passed over.
func readCases(ctx context.Context, r *task.Run, f *fitted, ro *roles) (*table.Table, error) {
	data, err := r.ReadFile(task.Collect, intake.SchemaFile)
	if err != nil {
		return nil, err
	}
	whole, err := table.ParseSchema(data, "collect/"+intake.SchemaFile)
	if err != nil {
		return nil, err
	}
	var needed []string
	add := func(column string) {
		if column != "" && !slices.Contains(needed, column) {
			needed = append(needed, column)
		}
	}
	for j := range f.plan.Features {
		add(f.plan.Features[j].Column)
	}
	for _, column := range []string{ro.Diagnoses, ro.Allergies, ro.Drugs, ro.Age, ro.Sex, ro.Pregnant} {
		add(column)
	}
	for _, l := range ro.Labs {
		add(l.Column)
	}
	schema := &table.Schema{}
	for _, name := range needed {
		c := whole.Column(name)
		if c == nil {
			return nil, fault.Errorf(fault.Corrupt, "run %s: its schema lacks the column %q of its plan", r.ID, name)
		}
		col := *c
		col.Levels = nil // a level that training did not have is not an error
		schema.Columns = append(schema.Columns, col)
	}
	in, err := r.Input.Read()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	t, err := table.ReadFrom(ctx, in, r.Input.Path, table.Options{Schema: schema, AllowExtra: true})
	if err != nil {
		return nil, fault.WithHint(err, "the cases need the columns that the model was trained on: %s", strings.Join(needed, ", "))
	}
	toCategories(t, ro.Categories)
	return t, nil
}
