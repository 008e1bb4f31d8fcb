package note

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/task"
	"galen.dev/text"
	"galen.dev/text/assertion"
	"galen.dev/text/crf"
)

// Prediction is what the model says of one note. Offsets are bytes of the note after text.Clean.
type Prediction struct {
	Case int `json:"case"` // 1-based place in the input

	// Of classify.
	Class    string       `json:"class,omitempty"`   // the event, or the likeliest class
	Classes  []Chance     `json:"classes,omitempty"` // with more than two classes
	Risk     *float64     `json:"risk,omitempty"`    // calibrated probability of the class; absent where the model abstains
	Low      *float64     `json:"low,omitempty"`     // Venn–Abers interval
	High     *float64     `json:"high,omitempty"`
	Set      []string     `json:"set,omitempty"` // conformal prediction set
	Coverage float64      `json:"coverage,omitempty"`
	Why      *Explanation `json:"why,omitempty"`

	// Of entities, and of assertion the finding.
	Entities []Found `json:"entities,omitempty"`

	Known     float64  `json:"known_words"` // share of the note's words that training notes had
	Abstained bool     `json:"abstained"`
	Reasons   []string `json:"reasons,omitempty"`
	Model     string   `json:"model"`
	Note      string   `json:"note"`
}

// Chance is the probability of a class.
type Chance struct {
	Class       string  `json:"class"`
	Probability float64 `json:"probability"`
}

// Found is a span with what is said of it.
type Found struct {
	text.Span
	Type       string              `json:"type,omitempty"`
	Section    string              `json:"section,omitempty"`
	Assertion  assertion.Assertion `json:"assertion"`
	Because    []assertion.Because `json:"because,omitempty"` // triggers; offsets as those of the span
	Confidence float64             `json:"confidence"`
	Unsure     bool                `json:"unsure,omitempty"`
}

const researchNote = "For research use. Not a medical device."

// apply predicts each note of the input: CSV or JSON Lines with a column of texts, a .txt file, or CoNLL.
func apply(ctx context.Context, r *task.Run) error {
	m, err := loadModel(r)
	if err != nil {
		return err
	}
	defer m.Close()
	x := newReader(columnNames(r), r.Bool("replace-invalid"), "text")
	if m.Kind == assertions {
		x.need = []string{"text", "phrase"}
	}
	if err := input(ctx, r, m, x); err != nil {
		return err
	}
	if err := fault.Refuse("the input", x.findings); err != nil {
		return err
	}
	a := &applier{run: r, model: m, words: r.Int("words"), abstain: r.Float("abstain"), least: r.Float("least")}
	for k := range x.records {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := a.predict(ctx, x.records, k)
		if err != nil {
			return fmt.Errorf("note %d of the input: %w", k+1, err)
		}
		if err := r.Emit(p); err != nil {
			return err
		}
	}
	return nil
}

// input reads the notes.
func input(ctx context.Context, r *task.Run, m *model, x *reader) error {
	in, err := r.Input.Read()
	if err != nil {
		return err
	}
	defer in.Close()
	name := r.Input.Path
	switch ext := path.Ext(strings.TrimSuffix(name, ".gz")); {
	case m.Kind == entities && (ext == ".tsv" || ext == ".conll" || ext == ".bio"):
		return x.conll(ctx, in, name, "")
	case ext == ".txt":
		plain, _, err := unzip(in, name)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(io.LimitReader(bufio.NewReader(plain), text.MaxBytes+1))
		if err != nil {
			return fault.Disk("reading the input", err)
		}
		x.file = path.Base(name)
		b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
		x.take(func(column string) (string, bool) { return string(b), column == "text" }, "")
		return nil
	}
	return x.table(ctx, in, name)
}

type applier struct {
	run            *task.Run
	model          *model
	words          int
	abstain, least float64
}

func (a *applier) predict(ctx context.Context, all []record, k int) (*Prediction, error) {
	rec := &all[k]
	p := &Prediction{Case: k + 1, Model: a.run.Model, Note: researchNote}
	d := text.Parse(rec.Text)
	p.Known = a.model.plan.known(d)
	switch {
	case len(d.Tokens) == 0:
		p.Abstained, p.Reasons = true, []string{"the note has no words"}
		return p, nil
	case a.model.Kind == entities:
		return p, a.entities(ctx, p, rec, d)
	case a.model.Kind == assertions:
		f := locate(rec.Text, rec.Phrase)
		ans := a.model.Assertions.Assess(&f)
		least := min(ans.Confidence[0], ans.Confidence[1], ans.Confidence[2])
		p.Entities = []Found{{Span: text.Span{Start: f.Tokens[f.From].Start, End: f.Tokens[f.To-1].End}, Section: f.Section, Assertion: ans.Assertion, Because: ans.Because, Confidence: least, Unsure: least < a.least}}
		return p, nil
	}
	return p, a.classify(ctx, p, d)
}

// classify gives the class of a note.
func (a *applier) classify(ctx context.Context, p *Prediction, d *text.Document) error {
	m := a.model
	if p.Known < a.abstain {
		p.Abstained = true
		p.Reasons = append(p.Reasons, fmt.Sprintf("of the note's words only %.0f %% stand in the training notes", 100*p.Known))
		return nil
	}
	raw, err := m.predict(ctx, []*text.Document{d})
	if err != nil {
		return err
	}
	probs := m.Readout.Probabilities(raw[0])
	top := 1
	if !m.Outcome.Binary() {
		top = argmax(probs)
		for k, c := range m.Outcome.Classes {
			p.Classes = append(p.Classes, Chance{c, probs[k]})
		}
	} else if low, high, ok := m.Readout.Bounds(raw[0]); ok {
		p.Low, p.High = &low, &high
	}
	p.Class, p.Risk, p.Set, p.Coverage = m.Outcome.Classes[top], &probs[top], []string{}, 1-m.Readout.Sets.Alpha
	for _, class := range m.Readout.Sets.Predict(probs, 0) {
		p.Set = append(p.Set, m.Outcome.Classes[class])
	}
	switch n := len(p.Set); {
	case n == 0:
		p.Reasons = append(p.Reasons, "the prediction set is empty: the risk is such as few notes of any class have")
	case n > 1:
		p.Reasons = append(p.Reasons, fmt.Sprintf("the prediction set holds %d classes: the model cannot tell them apart at this coverage", n))
	}
	if a.words > 0 {
		p.Why, err = m.explain(ctx, d, top, a.words)
	}
	return err
}

// entities finds names in a note and what is said of each.
func (a *applier) entities(ctx context.Context, p *Prediction, rec *record, d *text.Document) error {
	list := []crf.Sentence{{Text: rec.Text, Tokens: rec.Tokens}}
	sections := []string{""}
	if rec.Tokens == nil { // a note, not a sentence of a CoNLL file
		list, sections = nil, nil
		for _, s := range d.Sentences {
			list = append(list, crf.Sentence{Text: d.Text, Tokens: d.TokensOf(s)})
			name := ""
			if sec := d.SectionOf(s.Start); sec != nil {
				name = sec.Name
			}
			sections = append(sections, name)
		}
	}
	found, err := a.model.Tagger.Find(ctx, list)
	if err != nil {
		return err
	}
	for k, s := range list {
		if len(found[k]) == 0 {
			continue
		}
		scan := assertion.Default.Scan(s.Text, s.Tokens)
		for _, e := range found[k] {
			said, because := scan.Assess(e.From, e.To, sections[k])
			p.Entities = append(p.Entities, Found{Span: text.Span{Start: s.Tokens[e.From].Start, End: s.Tokens[e.To-1].End}, Type: e.Type, Section: sections[k], Assertion: said, Because: because, Confidence: e.Confidence, Unsure: e.Confidence < a.least})
		}
	}
	return nil
}

// CSV gives one row.
func (p *Prediction) CSV() (header, cells []string) {
	optional := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	}
	var spans []string
	for _, f := range p.Entities {
		spans = append(spans, strings.Join([]string{fmt.Sprintf("%d-%d", f.Start, f.End), f.Type, f.Assertion.Presence, f.Assertion.Temporality, f.Assertion.Experiencer, strconv.FormatFloat(f.Confidence, 'g', 4, 64)}, " "))
	}
	return []string{"case", "class", "risk", "low", "high", "set", "entities", "abstained", "reasons", "known_words", "model"},
		[]string{strconv.Itoa(p.Case), p.Class, optional(p.Risk), optional(p.Low), optional(p.High), strings.Join(p.Set, "; "), strings.Join(spans, "; "), strconv.FormatBool(p.Abstained), strings.Join(p.Reasons, "; "), strconv.FormatFloat(p.Known, 'g', 4, 64), p.Model}
}
