package signal

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"galen.dev/explain"
	"galen.dev/fault"
	waves "galen.dev/signal"
	"galen.dev/task"
)

// Prediction is what the model says of one recording.
type Prediction struct {
	Case    int      `json:"case"` // 1-based place in the input
	Record  string   `json:"record,omitempty"`
	Answers []Answer `json:"answers"` // one; with several labels one for each

	Abstained bool     `json:"abstained"`
	Reasons   []string `json:"reasons,omitempty"` // why the model abstains, or what to be careful about
	Leads     []string `json:"leads,omitempty"`   // what is wrong with the leads

	Why      *Explanation `json:"why,omitempty"`
	Trace    string       `json:"trace,omitempty"` // SVG
	Nearest  []Near       `json:"nearest,omitempty"`
	Distance float64      `json:"distance_percentile"` // share of training recordings that lie nearer to the others than this one
	Windows  int          `json:"windows"`             // of a network; trees see the whole

	Model string `json:"model"`
	Note  string `json:"note"`
}

// Answer is what the model says of one outcome.
type Answer struct {
	Outcome  string   `json:"outcome"`
	Class    string   `json:"class"`             // of the risk: the event, or the likeliest class
	Classes  []Chance `json:"classes,omitempty"` // with more than two classes
	Risk     *float64 `json:"risk"`              // calibrated probability; null where the model abstains
	Low      *float64 `json:"low"`               // Venn–Abers interval; null where there is none
	High     *float64 `json:"high"`
	Set      []string `json:"set"` // conformal prediction set
	Coverage float64  `json:"coverage"`
}

// Chance is the probability of a class.
type Chance struct {
	Class       string  `json:"class"`
	Probability float64 `json:"probability"`
}

// Near is a training recording near to this one.
type Near struct {
	Row      int      `json:"row"` // 1-based row of the training data
	Distance float64  `json:"distance"`
	Outcomes []string `json:"outcomes"`
}

const researchNote = "For research use. Not a medical device."

// applier predicts recordings one by one.
type applier struct {
	run     *task.Run
	model   *ensemble
	cohort  *cohort
	train   []int
	near    *explain.Neighbours
	explain *explainer
	// labelled: the first number of each row of a matrix is passed over.
	labelled bool
	n        int
}

// apply predicts each recording of the input.
func apply(ctx context.Context, r *task.Run) error {
	model, co, near, err := loadModel(r, true)
	if err != nil {
		return err
	}
	defer model.Close()
	sp := new(splits)
	if err := r.ReadJSON(task.Preprocess, splitsFile, sp); err != nil {
		return err
	}
	a := &applier{run: r, model: model, cohort: co, train: sp.Train, near: near, labelled: r.Bool("labelled")}
	if a.explain, err = newExplainer(model, r.String("explain")); err != nil {
		return err
	}
	if a.explain != nil {
		defer a.explain.Close()
	}
	return a.inputs(ctx, func(rec *waves.Recording) error {
		a.n++
		x, findings := fit(rec, model.plan.Channels, a.n)
		if len(findings) > 0 {
			return fault.WithHint(fault.Refuse(fmt.Sprintf("recording %d of the input", a.n), findings), "the model was trained on the channels %s", strings.Join(names(model.plan.Channels), ", "))
		}
		p, err := a.predict(ctx, x, rec)
		if err != nil {
			return err
		}
		return r.Emit(p)
	})
}

func names(channels []channel) (out []string) {
	for _, c := range channels {
		out = append(out, c.Name)
	}
	return out
}

func (a *applier) predict(ctx context.Context, x *raw, rec *waves.Recording) (*Prediction, error) {
	m := a.model
	v, err := m.plan.prepare(x)
	if err != nil {
		return nil, fmt.Errorf("recording %d of the input: %w", a.n, err)
	}
	if len(v) == 0 {
		return nil, fault.Errorf(fault.Data, "recording %d of the input is too short", a.n)
	}
	raw, each, err := m.predict(ctx, v)
	if err != nil {
		return nil, err
	}
	p := &Prediction{Case: a.n, Record: rec.Name, Windows: len(each), Model: a.run.Model, Note: researchNote}
	for _, f := range waves.CheckLeads(rec) {
		p.Leads = append(p.Leads, strings.TrimSpace(f.Column+" "+f.Name))
	}
	top, head := 0, 0 // what is explained: the likeliest class, of several labels the likeliest yes
	for h := range m.Heads {
		ans, class := a.answer(rawOf(raw, h, len(m.Heads)), h)
		p.Answers = append(p.Answers, *ans)
		if h == 0 || *ans.Risk > *p.Answers[head].Risk {
			top, head = class, h
		}
	}
	a.situate(p, m.plan.features(v))
	if p.Abstained {
		for h := range p.Answers {
			ans := &p.Answers[h]
			ans.Risk, ans.Low, ans.High, ans.Classes, ans.Set = nil, nil, nil, nil, []string{}
		}
		return p, nil
	}
	if a.explain == nil {
		return p, nil
	}
	if p.Why, err = a.explain.explain(ctx, v, each, head, top); err != nil {
		return nil, err
	}
	if a.run.Bool("trace") {
		p.Trace = string(p.Why.draw(m.plan).SVG())
	}
	return p, nil
}

// answer reads one head's outputs.
func (a *applier) answer(raw []float64, h int) (*Answer, int) {
	ro, head := a.model.Readouts[h], a.model.Heads[h]
	probs := ro.Probabilities(raw)
	top := 1
	if !head.Binary() {
		top = argmax(probs)
	}
	risk := probs[top]
	ans := &Answer{Outcome: head.Target, Class: head.Classes[top], Risk: &risk, Set: []string{}, Coverage: 1 - ro.Sets.Alpha}
	if !head.Binary() {
		for k, c := range head.Classes {
			ans.Classes = append(ans.Classes, Chance{c, probs[k]})
		}
	} else if low, high, ok := ro.Bounds(raw); ok {
		ans.Low, ans.High = &low, &high
	}
	for _, class := range ro.Sets.Predict(probs, 0) {
		ans.Set = append(ans.Set, head.Classes[class])
	}
	return ans, top
}

// situate holds a recording against the training recordings, by its features.
func (a *applier) situate(p *Prediction, features []float64) {
	for _, n := range a.near.Nearest(features, a.run.Int("neighbours")) {
		i := a.train[n.Row]
		near := Near{Row: a.cohort.Row[i], Distance: n.Distance}
		for h, y := range a.cohort.Y[i] {
			near.Outcomes = append(near.Outcomes, a.cohort.Heads[h].Classes[y])
		}
		p.Nearest = append(p.Nearest, near)
	}
	p.Distance = a.near.Applicability(features).Percentile
	if limit := a.run.Float("abstain"); limit < 1 && p.Distance > limit {
		p.Abstained = true
		p.Reasons = append(p.Reasons, fmt.Sprintf("the recording lies farther from the training recordings than %.4g %% of them from each other", 100*limit))
	}
	for _, ans := range p.Answers {
		switch n := len(ans.Set); {
		case p.Abstained:
		case n == 0:
			p.Reasons = append(p.Reasons, ans.Outcome+": the prediction set is empty: the risk is such as few recordings of any class have")
		case n > 1:
			p.Reasons = append(p.Reasons, fmt.Sprintf("%s: the prediction set holds %d classes: the model cannot tell them apart at this coverage", ans.Outcome, n))
		}
	}
}

// CSV gives one row, with the first answers' numbers side by side.
func (p *Prediction) CSV() (header, cells []string) {
	header = []string{"case", "record"}
	cells = []string{strconv.Itoa(p.Case), p.Record}
	for _, a := range p.Answers {
		prefix := ""
		if len(p.Answers) > 1 {
			prefix = a.Outcome + " "
		}
		header = append(header, prefix+"class", prefix+"risk", prefix+"low", prefix+"high", prefix+"set")
		cells = append(cells, a.Class, optional(a.Risk), optional(a.Low), optional(a.High), strings.Join(a.Set, "; "))
	}
	why := ""
	if p.Why != nil {
		var parts []string
		for _, part := range p.Why.Parts[:min(3, len(p.Why.Parts))] {
			parts = append(parts, fmt.Sprintf("%.4g-%.4g s %+.3g", part.From, part.To, part.Effect))
		}
		why = strings.Join(parts, "; ")
	}
	header = append(header, "abstained", "reasons", "leads", "why", "distance_percentile", "model")
	return header, append(cells, strconv.FormatBool(p.Abstained), strings.Join(p.Reasons, "; "), strings.Join(p.Leads, "; "), why, strconv.FormatFloat(p.Distance, 'g', 6, 64), p.Model)
}

func optional(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}
