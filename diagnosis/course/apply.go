package course

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"galen.dev/event"
	"galen.dev/explain"
	"galen.dev/task"
)

// Prediction is what the model says of one stay at one index time.
type Prediction struct {
	Case    int     `json:"case"`    // 1-based place of the stay in the input
	Stay    string  `json:"stay"`    // as the input calls it
	Hours   float64 `json:"index_h"` // the index time, after the start of the stay
	Outcome string  `json:"outcome"`

	Risk     *float64 `json:"risk"` // calibrated; null where the model abstains
	Low      *float64 `json:"low"`  // Venn–Abers interval; null where there is none
	High     *float64 `json:"high"`
	Set      []string `json:"set"` // conformal prediction set
	Coverage float64  `json:"coverage"`
	// Alarm tells whether the risk reaches the threshold that training stays chose.
	Alarm     bool    `json:"alarm"`
	Threshold float64 `json:"threshold"`
	// Curve is the risk by the end of each interval of the horizon, before recalibration; with bins alone.
	Curve []Point `json:"curve,omitempty"`

	Abstained  bool     `json:"abstained"`
	Reasons    []string `json:"reasons,omitempty"` // why the model abstains, or what to be careful about
	Future     int      `json:"events_after_index"`
	Impossible int      `json:"impossible"` // values that were taken for missing

	Why      *Explanation `json:"why,omitempty"`
	Picture  string       `json:"picture,omitempty"` // SVG
	Nearest  []Near       `json:"nearest,omitempty"`
	Distance float64      `json:"distance_percentile"` // share of training stays that lie nearer to the others than this one

	Model string `json:"model"`
	Note  string `json:"note"`
}

// Point is a risk by a time, in hours after the index.
type Point struct {
	Hours float64 `json:"h"`
	Risk  float64 `json:"risk"`
}

// Near is a training stay near to this one.
type Near struct {
	Stay     int     `json:"stay"` // 1-based place in the training data
	Distance float64 `json:"distance"`
	Outcome  string  `json:"outcome"`
}

const researchNote = "For research use. Not a medical device."

// applier predicts stays one by one.
type applier struct {
	run       *task.Run
	model     *loaded
	cohort    *cohort
	train     []int
	near      *explain.Neighbours
	explain   *explainer
	words     *event.Vocabulary
	declare   *resolved
	reader    *reader
	codes     int // of words, and units, that reader knows
	units     int
	situation []int
	space     scratch
	n         int
}

// apply predicts each stay of the input, at each of its index times.
func apply(ctx context.Context, r *task.Run) error {
	a, err := newApplier(r)
	if err != nil {
		return err
	}
	defer a.Close()
	path, remove, err := spool(r)
	if err != nil {
		return err
	}
	defer remove()
	_, err = readEvents(ctx, r, path, func(s *event.Stay) error { return a.stay(ctx, s, r.Emit) }, a.words)
	return err
}

// newApplier loads the model of a run.
func newApplier(r *task.Run) (*applier, error) {
	p, err := loadPlan(r)
	if err != nil {
		return nil, err
	}
	a := &applier{run: r, cohort: new(cohort), words: event.NewVocabulary()}
	a.reader = p.reader(a.words)
	if a.model, err = loadModel(r, p, a.reader, false); err != nil {
		return nil, err
	}
	sp := new(splits)
	if err := r.ReadJSON(task.Preprocess, splitsFile, sp); err != nil {
		return nil, err
	}
	if err := r.ReadJSON(task.Preprocess, cohortFile, a.cohort); err != nil {
		return nil, err
	}
	a.train, a.situation = sp.Train, a.reader.situation()
	content, err := r.ReadFile(task.Train, neighboursFile)
	if err != nil {
		return nil, err
	}
	a.near = new(explain.Neighbours)
	if err := a.near.UnmarshalBinary(content); err != nil {
		return nil, err
	}
	a.explain, err = newExplainer(a.model.main(), r.String("explain"), r.Float("block"))
	return a, err
}

func (a *applier) Close() {
	if a.explain != nil {
		a.explain.Close()
	}
	a.model.Close()
}

// ready makes the reader anew where the input has brought new codes or units.
func (a *applier) ready() {
	if a.declare != nil && a.codes == len(a.words.Codes) && a.units == len(a.words.Units) {
		return
	}
	d := a.model.plan.Declare
	a.codes, a.units = len(a.words.Codes), len(a.words.Units)
	a.reader = a.model.plan.reader(a.words)
	a.model.main().reader = a.reader
	a.declare = &resolved{declaration: d, outcome: a.words.Find(d.Outcome), index: -1}
	if d.IndexCode != "" {
		if a.declare.index = a.words.Find(d.IndexCode); a.declare.index < 0 {
			a.declare.index = unknownCode
		}
	}
	for _, code := range d.Exclude {
		if c := a.words.Find(code); c >= 0 {
			a.declare.exclude = append(a.declare.exclude, c)
		}
	}
}

// unknownCode is the number of a code that no event has.
const unknownCode = 1 << 30

// stay predicts one stay.
func (a *applier) stay(ctx context.Context, s *event.Stay, emit func(task.Record) error) error {
	a.n++
	a.ready()
	times, reason := a.declare.times(s)
	if reason >= 0 {
		return emit(a.refuse(s, 0, reasonText[reason]))
	}
	start, _ := begin(s)
	for _, at := range times {
		h := float64(at-start) / float64(event.Hour)
		if reason := a.declare.before(s, at); reason >= 0 {
			if err := emit(a.refuse(s, h, reasonText[reason])); err != nil {
				return err
			}
			continue
		}
		p, err := a.predict(ctx, s, at, h)
		if err != nil {
			return err
		}
		if err := emit(p); err != nil {
			return err
		}
	}
	return nil
}

func (a *applier) blank(s *event.Stay, h float64) *Prediction {
	main := a.model.main()
	return &Prediction{Case: a.n, Stay: s.ID, Hours: h, Outcome: a.model.Outcome.Target, Set: []string{}, Coverage: 1 - main.Readout.Sets.Alpha, Threshold: main.Threshold, Model: a.run.Model, Note: researchNote}
}

// refuse is an abstention.
func (a *applier) refuse(s *event.Stay, h float64, why string) *Prediction {
	p := a.blank(s, h)
	p.Abstained, p.Distance, p.Reasons = true, 1, []string{why}
	return p
}

func (a *applier) predict(ctx context.Context, s *event.Stay, at int64, h float64) (*Prediction, error) {
	if _, timed := a.reader.observed(s.Events, at); len(timed) == 0 {
		return a.refuse(s, h, reasonText[reasonEmpty]), nil
	}
	p, m := a.blank(s, h), a.model.main()
	v := a.reader.look(s, at, &a.space)
	raw, curve, err := m.predict(v)
	if err != nil {
		return nil, err
	}
	for k := len(s.Events) - 1; k >= 0 && s.Events[k].At > at; k-- {
		p.Future++
	}
	if p.Impossible = v.impossible; v.impossible > 0 {
		p.Reasons = append(p.Reasons, fmt.Sprintf("%d impossible values count as missing", v.impossible))
	}
	if v.oddUnits > 0 {
		p.Reasons = append(p.Reasons, fmt.Sprintf("%d values in units that do not convert count as missing", v.oddUnits))
	}
	if a.situate(p, v.agg); p.Abstained {
		return p, nil
	}
	a.answer(p, raw, curve)
	if a.explain == nil {
		return p, nil
	}
	if p.Why, err = a.explain.explain(ctx, s, at, raw); err != nil {
		return nil, err
	}
	if a.run.Bool("picture") {
		p.Picture = string(a.reader.picture(p.Why).SVG())
	}
	return p, nil
}

// answer reads the model's output.
func (a *applier) answer(p *Prediction, raw float64, curve []float64) {
	m, d := a.model.main(), a.model.plan.Declare
	risks := m.Readout.Probabilities([]float64{raw})
	risk := risks[1]
	p.Risk, p.Alarm = &risk, risk >= m.Threshold
	if low, high, ok := m.Readout.Bounds([]float64{raw}); ok {
		p.Low, p.High = &low, &high
	}
	for _, class := range m.Readout.Sets.Predict(risks, 0) {
		p.Set = append(p.Set, classes[class])
	}
	switch len(p.Set) {
	case 0:
		p.Reasons = append(p.Reasons, "the prediction set is empty: the risk is such as few stays of any class have")
	case 2:
		p.Reasons = append(p.Reasons, "the prediction set holds both classes: the model cannot tell them apart at this coverage")
	}
	for b, r := range curve {
		p.Curve = append(p.Curve, Point{d.Gap + d.Horizon*float64(b+1)/float64(len(curve)), r})
	}
}

// situate holds a stay against the training stays.
func (a *applier) situate(p *Prediction, agg []float64) {
	row := make([]float64, len(a.situation))
	for k, j := range a.situation {
		row[k] = agg[j]
	}
	for _, n := range a.near.Nearest(row, a.run.Int("neighbours")) {
		i := a.train[n.Row]
		p.Nearest = append(p.Nearest, Near{Stay: a.cohort.Stay[i] + 1, Distance: n.Distance, Outcome: classes[a.cohort.Y[i]]})
	}
	p.Distance = a.near.Applicability(row).Percentile
	if limit := a.run.Float("abstain"); limit < 1 && p.Distance > limit {
		p.Abstained = true
		p.Reasons = append(p.Reasons, fmt.Sprintf("the stay lies farther from the training stays than %.4g %% of them from each other", 100*limit))
	}
}

// CSV gives one row.
func (p *Prediction) CSV() (header, cells []string) {
	why := ""
	if p.Why != nil {
		var parts []string
		for _, part := range p.Why.Parts[:min(3, len(p.Why.Parts))] {
			parts = append(parts, part.String())
		}
		why = strings.Join(parts, "; ")
	}
	header = []string{"case", "stay", "index_h", "outcome", "risk", "low", "high", "set", "alarm", "abstained", "reasons", "why", "distance_percentile", "model"}
	return header, []string{
		strconv.Itoa(p.Case), p.Stay, strconv.FormatFloat(p.Hours, 'g', 8, 64), p.Outcome, optional(p.Risk), optional(p.Low), optional(p.High), strings.Join(slices.Clone(p.Set), "; "), strconv.FormatBool(p.Alarm),
		strconv.FormatBool(p.Abstained), strings.Join(p.Reasons, "; "), why, strconv.FormatFloat(p.Distance, 'g', 6, 64), p.Model,
	}
}

func optional(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}
