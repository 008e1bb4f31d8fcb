package classify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/imaging/cases"
	"galen.dev/imaging/show"
	"galen.dev/task"
	"galen.dev/volume"
)

// Prediction is what the model says of one image.
type Prediction struct {
	Case  int    `json:"case"`  // 1-based place in the input
	Image string `json:"image"` // its name in the input

	Finding  string    `json:"finding"`            // the likeliest class; "" where the model abstains or tells several findings
	Risk     *float64  `json:"risk"`               // calibrated probability of the event, or of the likeliest class; null where the model abstains
	Low      *float64  `json:"low"`                // Venn–Abers interval of the risk; null where there is none
	High     *float64  `json:"high"`               //
	Classes  []Chance  `json:"classes,omitempty"`  // with more than two classes
	Findings []Present `json:"findings,omitempty"` // several findings, each with its own probability
	Set      []string  `json:"set"`                // conformal prediction set
	Coverage float64   `json:"coverage"`           // share of each class's images whose class their sets hold

	Abstained bool     `json:"abstained"`
	Reasons   []string `json:"reasons,omitempty"`   // why the model abstains, or what to be careful about
	Distance  float64  `json:"distance_percentile"` // share of training images that lie nearer to the others than this one

	Why *Why `json:"why,omitempty"`

	Model string `json:"model"` // run and version of its model
	Note  string `json:"note"`
}

// Chance is the probability of a class.
type Chance struct {
	Class       string  `json:"class"`
	Probability float64 `json:"probability"`
}

// Present is the probability of one of several findings.
type Present struct {
	Finding string   `json:"finding"`
	Risk    float64  `json:"risk"`
	Low     *float64 `json:"low"`
	High    *float64 `json:"high"`
	Set     []string `json:"set"`
	Above   bool     `json:"above_threshold"` // at or above the threshold that was chosen on validation images
}

// Why says where the map is of what spoke for a class, and how faithful it is to the model.
type Why struct {
	Of              string  `json:"of"`
	Method          string  `json:"method"`
	Overlay         string  `json:"overlay"`          // a PNG
	BetterDeletion  float64 `json:"better_deletion"`  // share of random orders that covering its highest places first beats; .5 is chance
	BetterInsertion float64 `json:"better_insertion"` // likewise uncovering
}

const researchNote = "For research use. Not a medical device."

// apply tells what each image of the input shows.
func apply(ctx context.Context, r *task.Run) error {
	m, err := loadModel(r)
	if err != nil {
		return err
	}
	ens, backend, stop, err := m.start()
	if err != nil {
		return err
	}
	defer stop()
	a := &applier{run: r, model: m, ensemble: ens, abstain: r.Float("abstain"), overlays: r.String("overlays")}
	if method := r.String("explain"); a.overlays != "" && method != "none" {
		if a.explainer, err = newExplainer(backend, m, method, r.Seed("faith")); err != nil {
			return err
		}
		defer a.explainer.close()
	}
	if a.overlays != "" {
		if err := os.MkdirAll(a.overlays, 0o755); err != nil {
			return fault.Disk("making the folder for overlays", err)
		}
	}
	in, err := r.Input.Read()
	if err != nil {
		return err
	}
	defer in.Close()
	o := cases.Options{AssumeGeometry: r.Bool("assume-geometry")}
	err = cases.Spool(ctx, in, r.Input.Path, func(path string) error {
		return cases.Images(ctx, path, o, func(rec *cases.Record, v *volume.Volume, err error) error { return a.take(ctx, rec, v, err) })
	})
	if err == nil {
		err = a.flush(ctx)
	}
	if err == nil && a.read == 0 {
		err = errors.Join(a.unread...)
		if err == nil {
			err = fault.Errorf(fault.Data, "the input holds no image")
		}
	}
	return err
}

// applier predicts images in batches.
type applier struct {
	run       *task.Run
	model     *model
	ensemble  *ensemble
	explainer *explainer // nil = nothing is explained
	overlays  string
	abstain   float64

	n, read int
	unread  []error
	waiting []waiting
}

// waiting is an image that has been read and not yet predicted; without an input, it could not be.
type waiting struct {
	*Prediction
	input   []float32
	foreign []string
	image   *volume.Volume // where its overlay is drawn
}

// take prepares an image. One that cannot be read, or that the model cannot take, becomes an abstention with its reason.
func (a *applier) take(ctx context.Context, rec *cases.Record, v *volume.Volume, err error) error {
	a.n++
	w := waiting{Prediction: &Prediction{Case: a.n, Image: rec.Name, Set: []string{}, Coverage: 1 - a.model.Readouts[0].Sets.Alpha, Model: a.run.Model, Note: researchNote}}
	if err == nil {
		w.input, err = a.model.Plan.input(v)
	}
	if err != nil {
		a.unread = append(a.unread, fmt.Errorf("%s: %w", rec.Name, err))
		w.Abstained = true
		text, _, _ := strings.Cut(err.Error(), "\n")
		w.Reasons = []string{"the image cannot be used: " + text}
		for _, f := range fault.FindingsOf(err) {
			w.Reasons = append(w.Reasons, f.String())
		}
	} else {
		a.read++
		if w.foreign = a.model.Reach.foreign(describe(v)); a.overlays != "" {
			w.image = v
		}
	}
	if a.waiting = append(a.waiting, w); len(a.waiting) < a.ensemble.batch {
		return nil
	}
	return a.flush(ctx)
}

// flush predicts and hands out what waits, in its order.
func (a *applier) flush(ctx context.Context) error {
	var usable []int
	for k := range a.waiting {
		if a.waiting[k].input != nil {
			usable = append(usable, k)
		}
	}
	answers, err := a.ensemble.predict(ctx, len(usable), func(i int, dst []float32) error {
		copy(dst, a.waiting[usable[i]].input)
		return nil
	}, nil)
	if err != nil {
		return err
	}
	for j, k := range usable {
		if err := a.finish(ctx, &a.waiting[k], answers[j]); err != nil {
			return err
		}
	}
	if a.read == 0 && len(a.unread) == a.n { // nothing has been predicted yet: perhaps nothing can be
		return nil
	}
	for _, w := range a.waiting {
		if err := a.run.Emit(w.Prediction); err != nil {
			return err
		}
	}
	a.waiting = a.waiting[:0]
	a.run.Progress("predicting", int64(a.n), 0)
	return nil
}

// finish says what the answer means.
func (a *applier) finish(ctx context.Context, w *waiting, x answer) error {
	m := a.model
	w.Distance = m.Reach.distance(x.features)
	w.Reasons = append(w.Reasons, w.foreign...)
	w.Abstained = len(w.foreign) > 0
	if a.abstain < 1 && w.Distance > a.abstain {
		w.Abstained = true
		w.Reasons = append(w.Reasons, fmt.Sprintf("the image lies farther from the training images than %.4g %% of them from each other", 100*a.abstain))
	}
	if w.Abstained {
		return nil
	}
	class := 0
	if m.Labels.Kind == multiLabel {
		class = w.several(m, x.p)
	} else {
		class = w.single(m, x.p)
	}
	if w.image == nil {
		return nil
	}
	return a.overlay(ctx, w, class)
}

// single tells one class.
func (p *Prediction) single(m *model, answer []float64) int {
	f, l := m.Readouts[0], &m.Labels
	raw := l.raw(answer, 0)
	probs := f.Probabilities(raw)
	top := largest(probs)
	p.Finding = l.Names[top]
	risk := probs[top]
	if l.Kind == binary {
		risk = probs[1]
		if low, high, ok := f.Bounds(raw); ok {
			p.Low, p.High = &low, &high
		}
	} else {
		for k, name := range l.Names {
			p.Classes = append(p.Classes, Chance{name, probs[k]})
		}
	}
	p.Risk = &risk
	for _, class := range f.Sets.Predict(probs, 0) {
		p.Set = append(p.Set, l.Names[class])
	}
	switch {
	case len(p.Set) == 0:
		p.Reasons = append(p.Reasons, "the prediction set is empty: the probabilities are such as few images of any class have")
	case len(p.Set) > 1:
		p.Reasons = append(p.Reasons, fmt.Sprintf("the prediction set holds %d classes: the model cannot tell them apart at this coverage", len(p.Set)))
	}
	return top
}

// several tells findings that may occur together, and returns the likeliest.
func (p *Prediction) several(m *model, answer []float64) int {
	best, most := 0, -1.0
	for q, name := range m.Labels.Names {
		f := m.Readouts[q]
		raw := answer[q : q+1]
		probs := f.Probabilities(raw)
		x := Present{Finding: name, Risk: probs[1], Set: []string{}, Above: probs[1] >= f.Threshold}
		if low, high, ok := f.Bounds(raw); ok {
			x.Low, x.High = &low, &high
		}
		for _, class := range f.Sets.Predict(probs, 0) {
			x.Set = append(x.Set, []string{"absent", "present"}[class])
		}
		p.Findings = append(p.Findings, x)
		if probs[1] > most {
			best, most = q, probs[1]
		}
	}
	return best
}

// overlay writes the picture of an image with what spoke for a class.
func (a *applier) overlay(ctx context.Context, w *waiting, class int) error {
	name := a.model.Labels.Names[class]
	panels := []show.Panel{{Title: name, Image: w.image, View: show.View{Size: 256, Blocks: max(w.image.Dims[0], w.image.Dims[1]) < 64}}}
	path := filepath.Join(a.overlays, fmt.Sprintf("%05d.png", w.Case))
	if a.explainer != nil {
		s, err := a.explainer.explain(ctx, w.input, class)
		if err != nil {
			return err
		}
		if panels, err = a.explainer.panels(ctx, w.image, s, "image", "what spoke for "+name); err != nil {
			return err
		}
		w.Why = &Why{Of: name, Method: string(s.Method), Overlay: path, BetterDeletion: s.Faith.BetterDeletion, BetterInsertion: s.Faith.BetterInsertion}
	}
	picture, err := show.Row(panels...)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, picture.PNG(), 0o600); err != nil {
		return fault.Disk("writing an overlay", err)
	}
	return nil
}

// CSV gives one row; several findings are joined.
func (p *Prediction) CSV() (header, cells []string) {
	header = []string{"case", "image", "finding", "risk", "low", "high", "classes", "set", "abstained", "reasons", "distance_percentile", "overlay", "model"}
	var classes []string
	for _, c := range p.Classes {
		classes = append(classes, c.Class+" "+number(&c.Probability))
	}
	for _, f := range p.Findings {
		classes = append(classes, f.Finding+" "+number(&f.Risk))
	}
	overlay := ""
	if p.Why != nil {
		overlay = p.Why.Overlay
	}
	return header, []string{
		strconv.Itoa(p.Case), p.Image, p.Finding, number(p.Risk), number(p.Low), number(p.High), strings.Join(classes, "; "), strings.Join(p.Set, "; "),
		strconv.FormatBool(p.Abstained), strings.Join(p.Reasons, "; "), strconv.FormatFloat(p.Distance, 'g', 6, 64), overlay, p.Model,
	}
}

func number(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}
