package risk

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"galen.dev/diagnosis/intake"
	"galen.dev/explain"
	"galen.dev/fault"
	"galen.dev/table"
	"galen.dev/task"
)

// Prediction is what the model says of one case.
type Prediction struct {
	Case     int      `json:"case"` // 1-based row of the input
	Outcome  string   `json:"outcome"`
	Classes  []Chance `json:"classes,omitempty"` // with more than two classes; each with its calibrated probability
	Risk     *float64 `json:"risk"`              // calibrated probability of the event, or of the likeliest class; null where the model abstains
	Low      *float64 `json:"low"`               // Venn–Abers interval of the risk; null where there is none
	High     *float64 `json:"high"`
	Set      []string `json:"set"`      // conformal prediction set: holds the true class for the study's share of each class's cases
	Coverage float64  `json:"coverage"` // that share

	Abstained bool     `json:"abstained"`
	Reasons   []string `json:"reasons,omitempty"` // why the model abstains, or what to be careful about

	Why        *Explanation `json:"why,omitempty"`
	Nearest    []Near       `json:"nearest,omitempty"`
	OutOfRange []string     `json:"out_of_range,omitempty"` // columns with values that the training cases did not have
	Missing    []string     `json:"missing,omitempty"`      // columns without a value
	Distance   float64      `json:"distance_percentile"`    // share of training cases that lie nearer to their neighbours than this one

	Model string `json:"model"` // run and version of its model
	Note  string `json:"note"`
}

// Chance is the probability of a class.
type Chance struct {
	Class       string  `json:"class"`
	Probability float64 `json:"probability"`
}

// Explanation says what the columns add. Base and contributions add up to the model's output before
// recalibration, to 1e-9; an explanation that does not is withheld.
type Explanation struct {
	Scale         string         `json:"scale"` // "log odds" or "probability"
	Of            string         `json:"of"`    // the class explained
	Base          float64        `json:"base"`
	Contributions []Contribution `json:"contributions"` // largest first
	// Faithfulness is how much sooner the output changes when columns are hidden in this order than in the
	// opposite one: 1 is best, 0 is chance, null where hiding changes nothing.
	Faithfulness *float64 `json:"faithfulness"`
}

// Contribution is what one column adds.
type Contribution struct {
	Column string  `json:"column"`
	Value  string  `json:"value"` // as the case has it; "" = missing
	Unit   string  `json:"unit,omitempty"`
	Effect float64 `json:"effect"`
}

// Near is a training case near to the case.
type Near struct {
	Row      int     `json:"row"` // 1-based row of the training data
	Distance float64 `json:"distance"`
	Outcome  string  `json:"outcome"`
}

const researchNote = "For research use. Not a medical device."

// apply predicts each case of the input.
func apply(ctx context.Context, r *task.Run) error {
	f, err := loadFitted(r, "")
	if err != nil {
		return err
	}
	t, err := readCases(ctx, r, f)
	if err != nil {
		return err
	}
	c := new(cohort)
	if err := r.ReadJSON(task.Preprocess, cohortFile, c); err != nil {
		return err
	}
	sp := new(splits)
	if err := r.ReadJSON(task.Preprocess, splitsFile, sp); err != nil {
		return err
	}
	attribute, err := newAttributor(f)
	if err != nil {
		return err
	}
	p := &applier{
		f: f, attribute: attribute, cohort: c, kept: sp.kept(), model: r.Model, table: t,
		neighbours: r.Int("neighbours"), abstain: r.Float("abstain"),
	}
	rows := make([]int, t.Rows)
	for i := range rows {
		rows[i] = i
	}
	X := f.plan.encode(t, rows, f.Options.IndexDate)
	row := make([]float64, len(X))
	for i := range t.Rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		for j := range X {
			row[j] = X[j][i]
		}
		if err := r.Emit(p.predict(i, row)); err != nil {
			return err
		}
	}
	return nil
}

// readCases reads the input by the schema of the training data: every column of the plan must be there, with
// its kind; other columns are passed over.
func readCases(ctx context.Context, r *task.Run, f *fitted) (*table.Table, error) {
	data, err := r.ReadFile(task.Collect, intake.SchemaFile)
	if err != nil {
		return nil, err
	}
	whole, err := table.ParseSchema(data, "collect/"+intake.SchemaFile)
	if err != nil {
		return nil, err
	}
	schema := &table.Schema{}
	for j := range f.plan.Columns {
		pc := &f.plan.Columns[j]
		c := whole.Column(pc.Name)
		if c == nil {
			return nil, fault.Errorf(fault.Corrupt, "run %s: its schema lacks the column %q of its plan", r.ID, pc.Name)
		}
		col := *c
		col.Levels = nil // a level that training did not have is out of range, not an error
		schema.Columns = append(schema.Columns, col)
	}
	needed := f.plan.names()
	if slices.ContainsFunc(f.plan.Columns, func(pc planColumn) bool { return pc.Kind == daysColumn }) {
		needed = append(needed, f.Options.IndexDate)
		schema.Columns = append(schema.Columns, *whole.Column(f.Options.IndexDate))
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
	toCategories(t, r.Strings("categories"))
	return t, nil
}

type applier struct {
	f          *fitted
	attribute  *attributor
	cohort     *cohort
	kept       []int // prepared rows of the training cases, in the order of the neighbours
	model      string
	table      *table.Table
	neighbours int
	abstain    float64
}

// predict makes the prediction of one encoded case, row i of the input.
func (a *applier) predict(i int, row []float64) *Prediction {
	f := a.f
	raw := make([]float64, f.outputs)
	f.predictRow(row, raw)
	probs := f.Probabilities(raw)
	top := 1
	if f.outputs > 1 {
		top = argmax(probs)
	}
	p := &Prediction{Case: i + 1, Outcome: f.Outcome.Target, Coverage: 1 - f.Sets.Alpha, Set: []string{}, Model: a.model, Note: researchNote}
	for _, class := range f.Sets.Predict(probs, 0) {
		p.Set = append(p.Set, f.Outcome.Classes[class])
	}
	risk := probs[top]
	p.Risk = &risk
	if f.outputs > 1 {
		for k, c := range f.Outcome.Classes {
			p.Classes = append(p.Classes, Chance{c, probs[k]})
		}
	} else if low, high, ok := f.Bounds(raw); ok {
		p.Low, p.High = &low, &high
	}
	a.situate(p, row)
	a.explain(p, row, top)
	if len(p.Set) == 0 && !p.Abstained {
		p.Reasons = append(p.Reasons, "the prediction set is empty: the risk is such as few cases of any class have")
	}
	if len(p.Set) > 1 && !p.Abstained {
		p.Reasons = append(p.Reasons, fmt.Sprintf("the prediction set holds %d classes: the model cannot tell them apart at this coverage", len(p.Set)))
	}
	if p.Abstained {
		p.Risk, p.Low, p.High, p.Classes, p.Why, p.Set = nil, nil, nil, nil, nil, []string{}
	}
	return p
}

func argmax(v []float64) int {
	best := 0
	for k := range v {
		if v[k] > v[best] {
			best = k
		}
	}
	return best
}

// situate holds the case against the training cases: nearest ones, distance, values outside what they had.
func (a *applier) situate(p *Prediction, row []float64) {
	near := a.f.neighbours
	for _, n := range near.Nearest(row, a.neighbours) {
		k := a.kept[n.Row]
		p.Nearest = append(p.Nearest, Near{Row: a.cohort.Row[k], Distance: n.Distance, Outcome: a.f.Outcome.Classes[a.cohort.Y[k]]})
	}
	known, unseen := 0, a.unseen(p.Case-1)
	for j := range row {
		name := a.f.plan.Columns[j].Name
		if !math.IsNaN(row[j]) {
			known++
		} else if !slices.Contains(unseen, name) { // it has a value, though one without a place
			p.Missing = append(p.Missing, name)
		}
	}
	place := near.Applicability(row)
	for _, o := range place.Outside {
		name := a.f.plan.Columns[o.Feature].Name
		if o.Reason == "missing" {
			continue // listed above
		}
		p.OutOfRange = append(p.OutOfRange, name)
	}
	for _, name := range unseen {
		if !slices.Contains(p.OutOfRange, name) {
			p.OutOfRange = append(p.OutOfRange, name)
		}
	}
	sort.Strings(p.OutOfRange)
	p.Distance = place.Percentile
	switch {
	case known == 0:
		p.Abstained = true
		p.Reasons = append(p.Reasons, "the case has no value in any column that the model uses")
	case a.abstain < 1 && p.Distance > a.abstain:
		p.Abstained = true
		p.Reasons = append(p.Reasons, fmt.Sprintf("the case lies farther from the training cases than %.4g %% of them from each other", 100*a.abstain))
	}
	if len(p.OutOfRange) > 0 {
		p.Reasons = append(p.Reasons, "values outside those of the training cases: "+strings.Join(p.OutOfRange, ", "))
	}
}

// unseen lists the categories whose level in the input no training case had, also where it shares the place of
// rare levels.
func (a *applier) unseen(i int) []string {
	var out []string
	for j := range a.f.plan.Columns {
		pc := &a.f.plan.Columns[j]
		if pc.Kind != categoryColumn {
			continue
		}
		c := a.table.Column(pc.Name)
		if l := c.Cat[i]; l >= 0 && !slices.Contains(pc.Levels, c.Levels[l]) && !slices.Contains(pc.Pooled, c.Levels[l]) {
			out = append(out, pc.Name)
		}
	}
	return out
}

// explain adds what the columns contribute to the class at top.
func (a *applier) explain(p *Prediction, row []float64, top int) {
	output := 0
	if a.f.outputs > 1 {
		output = top
	}
	x := a.attribute.explain(row, output)
	if err := explain.CheckAdditivity(x.phi, x.base, x.value); err != nil {
		p.Reasons = append(p.Reasons, "the explanation is withheld: "+err.Error())
		return
	}
	why := &Explanation{Scale: a.attribute.scale(), Of: a.f.Outcome.Classes[top], Base: x.base, Faithfulness: finite(a.attribute.faithfulness(row, x, output))}
	for j := range x.phi {
		pc := &a.f.plan.Columns[j]
		why.Contributions = append(why.Contributions, Contribution{Column: pc.Name, Value: a.valueText(pc, p.Case-1, row[j]), Unit: pc.Unit, Effect: x.phi[j]})
	}
	sort.SliceStable(why.Contributions, func(i, j int) bool {
		return math.Abs(why.Contributions[i].Effect) > math.Abs(why.Contributions[j].Effect)
	})
	p.Why = why
}

// valueText is the value of row i as the case has it: also a level that the plan pools with others or has no
// place for.
func (a *applier) valueText(pc *planColumn, i int, x float64) string {
	if pc.Kind == categoryColumn {
		if c := a.table.Column(pc.Name); c.Cat[i] >= 0 {
			return c.Levels[c.Cat[i]]
		}
		return ""
	}
	if math.IsNaN(x) {
		return ""
	}
	return numberText(x)
}

// CSV gives one row without the explanation's long tail: its three largest contributions.
func (p *Prediction) CSV() (header, cells []string) {
	header = []string{"case", "outcome", "class", "risk", "low", "high", "set", "abstained", "reasons", "why", "out_of_range", "distance_percentile", "model"}
	class, why := "", ""
	if p.Why != nil {
		class = p.Why.Of
		var top []string
		for _, c := range p.Why.Contributions[:min(3, len(p.Why.Contributions))] {
			top = append(top, fmt.Sprintf("%s %+.3f", c.Column, c.Effect))
		}
		why = strings.Join(top, "; ")
	}
	return header, []string{
		strconv.Itoa(p.Case), p.Outcome, class, optional(p.Risk), optional(p.Low), optional(p.High), strings.Join(p.Set, "; "),
		strconv.FormatBool(p.Abstained), strings.Join(p.Reasons, "; "), why, strings.Join(p.OutOfRange, "; "), strconv.FormatFloat(p.Distance, 'g', 6, 64), p.Model,
	}
}

// finite is v, or nil where it is NaN.
func finite(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

func optional(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}
