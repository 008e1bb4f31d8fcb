package treatment

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"galen.dev/explain"
	"galen.dev/safety"
	"galen.dev/table"
)

// Prediction is what is suggested for one case.
type Prediction struct {
	Case        int          `json:"case"`        // 1-based row of the input
	Suggestions []Suggestion `json:"suggestions"` // the most probable first; they can be followed together
	RuledOut    []RuledOut   `json:"ruled_out"`   // what reached the threshold and was not cleared

	Abstained bool     `json:"abstained"`
	Reasons   []string `json:"reasons,omitempty"` // why nothing is suggested, or what to be careful about
	Missing   []string `json:"missing,omitempty"` // columns without a value
	Distance  float64  `json:"distance_percentile"`

	Model string `json:"model"` // run and version of its model
	Note  string `json:"note"`
}

// Suggestion is a treatment that the rules clear.
type Suggestion struct {
	Treatment   string        `json:"treatment"`
	ATC         []string      `json:"atc,omitempty"`
	Probability float64       `json:"probability"` // calibrated, of having been given to such a case
	Status      safety.Status `json:"status"`      // allowed, warned, limited, or unknown where the study shows these
	Rules       []RuleHit     `json:"rules,omitempty"`
	Why         *Explanation  `json:"why,omitempty"`
	Rests       Support       `json:"rests_on"`
}

// RuledOut is a treatment that the rules keep from being suggested.
type RuledOut struct {
	Treatment   string        `json:"treatment"`
	Probability float64       `json:"probability"`
	Status      safety.Status `json:"status"` // forbidden or unknown
	Rules       []RuleHit     `json:"rules"`
}

// RuleHit is a rule that applies, or that cannot be cleared, with its source.
type RuleHit struct {
	Rule    string        `json:"rule"`
	Action  safety.Action `json:"action"`
	With    string        `json:"with,omitempty"`    // the other drug, the analyte, the allergen
	Missing string        `json:"missing,omitempty"` // the fact that is needed to clear it
	Limit   string        `json:"limit,omitempty"`   // the largest dose
	Text    string        `json:"text"`
	Source  string        `json:"source"`
}

// Explanation says what speaks for and against a treatment. Base and contributions add up to the model's log odds before
// recalibration, to 1e-9; an explanation that does not is withheld.
type Explanation struct {
	Scale         string         `json:"scale"`
	Base          float64        `json:"base"`
	Contributions []Contribution `json:"contributions"` // the largest ten, largest first
	Rest          float64        `json:"rest"`          // of all others together
}

// Contribution is what one predictor adds.
type Contribution struct {
	Predictor string  `json:"predictor"`
	Value     string  `json:"value"` // "" = missing; yes or no for items of lists and levels
	Unit      string  `json:"unit,omitempty"`
	Effect    float64 `json:"effect"`
}

// Support are the training cases that a suggestion rests on.
type Support struct {
	Nearest int    `json:"nearest"` // cases looked at
	Given   int    `json:"given"`   // of them, those that got the treatment
	Good    *int   `json:"good"`    // of those, with a good outcome; null where outcomes are not known
	Cases   []Near `json:"cases,omitempty"`
}

// Near is a training case that got the treatment.
type Near struct {
	Row      int     `json:"row"` // 1-based row of the training data
	Distance float64 `json:"distance"`
	Good     *bool   `json:"good"` // null where its outcome is not known
}

const note = "Association, not effect: what was given to similar cases, mistakes included. For research use. Not a medical device."

// supportCases is how many nearest training cases a suggestion rests on.
const supportCases = 50

// shownContributions bounds the contributions of an explanation.
const shownContributions = 10

// suggester makes predictions of encoded cases.
type suggester struct {
	f          *fitted
	gate       *gate
	attribute  *attributor
	cohort     *cohort
	kept       []int // prepared rows of the training cases, in the order of the neighbours
	table      *table.Table
	model      string
	neighbours int
	abstain    float64
}

// one makes the prediction of row i of the input, in w.row, for a patient.
func (s *suggester) one(i int, p *safety.Patient, w *work) *Prediction {
	out := &Prediction{Case: i + 1, Suggestions: []Suggestion{}, RuledOut: []RuledOut{}, Model: s.model, Note: note}
	near := s.situate(out, w.row)
	if out.Abstained {
		return out
	}
	raw := make([]float64, s.f.treatments)
	s.f.margins(w.row, raw, w)
	for t := range raw {
		raw[t] = sigmoid(raw[t])
	}
	suggested, ruledOut := s.gate.pass(p, s.f.calibrated(raw))
	for _, x := range ruledOut {
		out.RuledOut = append(out.RuledOut, RuledOut{Treatment: s.f.Treatments[x.treatment], Probability: x.p, Status: x.verdict.Status, Rules: hits(x.verdict)})
	}
	treatments := make([]int, len(suggested))
	for k, x := range suggested {
		treatments[k] = x.treatment
	}
	whys := s.attribute.explain(w.row, treatments, w)
	for k, x := range suggested {
		g := Suggestion{
			Treatment: s.f.Treatments[x.treatment], ATC: s.gate.rules.ATC(s.gate.drugs[x.treatment]), Probability: x.p, Status: x.verdict.Status,
			Rules: hits(x.verdict), Rests: s.support(near, x.treatment),
		}
		if whys != nil {
			if err := explain.CheckAdditivity(whys[k].phi, whys[k].base, whys[k].value); err != nil {
				out.Reasons = append(out.Reasons, "the explanation of "+g.Treatment+" is withheld: "+err.Error())
			} else {
				g.Why = s.why(i, w.row, &whys[k])
			}
		}
		out.Suggestions = append(out.Suggestions, g)
	}
	switch {
	case len(suggested) == 0 && len(ruledOut) > 0:
		out.Abstained = true
		out.Reasons = append(out.Reasons, "no treatment that such cases got clears the rules")
	case len(suggested) == 0:
		out.Reasons = append(out.Reasons, fmt.Sprintf("no treatment reaches the probability %.4g", s.gate.threshold))
	}
	return out
}

func hits(v safety.Verdict) []RuleHit {
	out := make([]RuleHit, len(v.Hits))
	for k, h := range v.Hits {
		r := h.Rule
		out[k] = RuleHit{Rule: r.ID, Action: r.Action, With: h.With, Missing: h.Missing, Limit: r.Limit, Text: r.Text, Source: r.Source + ", " + strconv.Itoa(r.Year)}
	}
	return out
}

// situate holds the case against the training cases and decides whether it lies too far from them.
func (s *suggester) situate(out *Prediction, row []float64) []explain.Neighbour {
	known := 0
	missing := map[string]bool{}
	for j := range row {
		f := &s.f.plan.Features[j]
		if !math.IsNaN(row[j]) {
			known++
		} else {
			missing[f.Column] = true
		}
	}
	for column := range missing {
		out.Missing = append(out.Missing, column)
	}
	sort.Strings(out.Missing)
	out.Distance = s.f.neighbours.Applicability(row).Percentile
	switch {
	case known == 0:
		out.Abstained = true
		out.Reasons = append(out.Reasons, "the case has no value in any column that the model uses")
	case s.abstain < 1 && out.Distance > s.abstain:
		out.Abstained = true
		out.Reasons = append(out.Reasons, fmt.Sprintf("the case lies farther from the training cases than %.4g %% of them from each other", 100*s.abstain))
	default:
		return s.f.neighbours.Nearest(row, supportCases)
	}
	return nil
}

// support finds the nearest cases that got a treatment.
func (s *suggester) support(near []explain.Neighbour, t int) Support {
	out := Support{Nearest: len(near)}
	good, known := 0, 0
	for _, n := range near {
		k := s.kept[n.Row]
		if !has(s.cohort.Given[k], t) {
			continue
		}
		out.Given++
		var did *bool
		if s.cohort.Outcome != nil && s.cohort.Outcome[k] >= 0 {
			well := s.cohort.Outcome[k] == 1
			did = &well
			known++
			if well {
				good++
			}
		}
		if len(out.Cases) < s.neighbours {
			out.Cases = append(out.Cases, Near{Row: s.cohort.Row[k], Distance: n.Distance, Good: did})
		}
	}
	if known > 0 {
		out.Good = &good
	}
	return out
}

// why keeps the largest contributions.
func (s *suggester) why(i int, row []float64, x *attribution) *Explanation {
	order := make([]int, len(x.phi))
	for j := range order {
		order[j] = j
	}
	sort.SliceStable(order, func(a, b int) bool { return math.Abs(x.phi[order[a]]) > math.Abs(x.phi[order[b]]) })
	out := &Explanation{Scale: "log odds", Base: x.base, Contributions: []Contribution{}}
	for k, j := range order {
		if k >= shownContributions || x.phi[j] == 0 {
			out.Rest += x.phi[j]
			continue
		}
		f := &s.f.plan.Features[j]
		out.Contributions = append(out.Contributions, Contribution{Predictor: f.Name, Value: s.value(f, i, row[j]), Unit: f.Unit, Effect: x.phi[j]})
	}
	return out
}

func (s *suggester) value(f *feature, i int, x float64) string {
	switch {
	case f.Numeric:
		return cellText(s.table.Column(f.Column), i)
	case math.IsNaN(x):
		return ""
	case x == 1:
		return "yes"
	}
	return "no"
}

// CSV gives one row: suggestions with their probability and status, and what was ruled out with the rules.
func (p *Prediction) CSV() (header, cells []string) {
	header = []string{"case", "suggestions", "probabilities", "status", "rules", "why", "ruled_out", "abstained", "reasons", "distance_percentile", "model", "note"}
	var names, probs, status, rules, why, out []string
	for _, s := range p.Suggestions {
		names = append(names, s.Treatment)
		probs = append(probs, strconv.FormatFloat(s.Probability, 'g', -1, 64))
		status = append(status, s.Status.String())
		var ids []string
		for _, r := range s.Rules {
			ids = append(ids, r.Rule)
		}
		rules = append(rules, strings.Join(ids, " "))
		text := ""
		if s.Why != nil && len(s.Why.Contributions) > 0 {
			text = fmt.Sprintf("%s %+.3f", s.Why.Contributions[0].Predictor, s.Why.Contributions[0].Effect)
		}
		why = append(why, text)
	}
	for _, r := range p.RuledOut {
		ids := make([]string, len(r.Rules))
		for k, h := range r.Rules {
			ids[k] = h.Rule
		}
		out = append(out, fmt.Sprintf("%s: %s (%s)", r.Treatment, r.Status, strings.Join(ids, " ")))
	}
	join := func(v []string) string { return strings.Join(v, "; ") }
	return header, []string{
		strconv.Itoa(p.Case), join(names), join(probs), join(status), join(rules), join(why), join(out),
		strconv.FormatBool(p.Abstained), join(p.Reasons), strconv.FormatFloat(p.Distance, 'g', 6, 64), p.Model, p.Note,
	}
}
