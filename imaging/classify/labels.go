package classify

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/imaging/cases"
)

// labelKind is what is told of an image.
type labelKind string

const (
	binary     labelKind = "binary"      // an event or its absence
	multiClass labelKind = "multi-class" // one of several classes
	ordinal    labelKind = "ordinal"     // one of several grades in rising order
	multiLabel labelKind = "multi-label" // any of several findings
)

// labelling is what is told, and by which names.
type labelling struct {
	Kind  labelKind `json:"kind"`
	Names []string  `json:"names"`           // classes, of which with two the second is the event; or findings
	Event []string  `json:"event,omitempty"` // classes of the data that make up the event, where there were more or others
}

// classes is how many classes an image may have; findings are each of two.
func (l *labelling) classes() int {
	if l.Kind == multiLabel {
		return 2
	}
	return len(l.Names)
}

// outputs is how many logits a network has: one for each class, one for each step between grades, one for each finding.
func (l *labelling) outputs() int {
	if l.Kind == ordinal {
		return len(l.Names) - 1
	}
	return len(l.Names)
}

// questions is how many outcomes are measured apart: one, or one for each finding.
func (l *labelling) questions() int {
	if l.Kind == multiLabel {
		return len(l.Names)
	}
	return 1
}

// outcome is a question as package assess takes it.
func (l *labelling) outcome(question int) assess.Outcome {
	if l.Kind == multiLabel {
		return assess.Outcome{Target: l.Names[question], Classes: []string{"no " + l.Names[question], l.Names[question]}, Event: []string{l.Names[question]}}
	}
	o := assess.Outcome{Target: "finding", Classes: l.Names}
	if l.Kind == binary {
		o.Event = l.Event
	}
	return o
}

// readLabelling decides what is told, and gives each case its answers: y[case] is the class, or -1; marks[case] are
// the findings, nil where there are none.
func readLabelling(c *cases.Collection, declared string, positive []string) (l *labelling, y []int, marks [][]int8, err error) {
	switch c.Kind {
	case cases.Unlabelled:
		return nil, nil, nil, fault.WithHint(fault.Errorf(fault.Data, "the images have no labels (%s)", c.Layout), "give a folder for each class, or a table (CSV) with the columns path and label")
	case cases.Findings:
		if len(positive) > 0 || declared == "ordinal" {
			return nil, nil, nil, fault.WithHint(fault.Errorf(fault.Usage, "the images have several findings each, and neither an event nor grades"), "leave out the parameters positive and labels")
		}
		y = make([]int, len(c.Records))
		for i := range c.Records {
			m := c.Records[i].Labels
			if y[i] = -1; slices.ContainsFunc(m, func(v int8) bool { return v >= 0 }) {
				y[i] = 0
			}
			marks = append(marks, m)
		}
		return &labelling{Kind: multiLabel, Names: c.Names}, y, marks, nil
	}
	for i := range c.Records {
		y = append(y, c.Records[i].Class)
	}
	l = &labelling{Kind: multiClass, Names: c.Names}
	if len(positive) > 0 {
		return eventOf(c, y, positive)
	}
	switch {
	case len(c.Names) < 2:
		return nil, nil, nil, fault.WithHint(fault.Errorf(fault.Data, "all images are of one class, %q", strings.Join(c.Names, "")), "there is nothing to tell apart")
	case len(c.Names) == 2:
		l.Kind, l.Event = binary, c.Names[1:]
	case declared == "ordinal":
		l.Kind = ordinal
	}
	return l, y, nil, nil
}

func eventOf(c *cases.Collection, y []int, positive []string) (*labelling, []int, [][]int8, error) {
	event := make([]bool, len(c.Names))
	for _, p := range positive {
		k := slices.Index(c.Names, p)
		if k < 0 {
			return nil, nil, nil, fault.WithHint(fault.Errorf(fault.Usage, "the parameter positive names %q, which is no class of the data", p), "%s", orText(fault.DidYouMean(p, c.Names), "the classes are "+strings.Join(c.Names, ", ")))
		}
		event[k] = true
	}
	var no, yes []string
	for k, name := range c.Names {
		if event[k] {
			yes = append(yes, name)
		} else {
			no = append(no, name)
		}
	}
	if len(no) == 0 {
		return nil, nil, nil, fault.Errorf(fault.Usage, "the parameter positive names every class of the data")
	}
	for i, k := range y {
		if k >= 0 && event[k] {
			y[i] = 1
		} else if k >= 0 {
			y[i] = 0
		}
	}
	return &labelling{Kind: binary, Names: []string{strings.Join(no, " or "), strings.Join(yes, " or ")}, Event: yes}, y, nil, nil
}

func orText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// target writes what a network is to answer: shares of the classes, or of each yes; keep is 0 where nobody knows.
func (l *labelling) target(y int, marks []int8, smoothing float64, target, keep []float32) {
	for k := range keep {
		keep[k] = 1
	}
	switch l.Kind {
	case multiLabel:
		for k, v := range marks {
			target[k] = float32(max(v, 0))
			if v < 0 {
				keep[k] = 0
			}
		}
	case ordinal:
		for k := range target {
			target[k] = 0
			if y > k {
				target[k] = 1
			}
		}
	default:
		clear(target)
		target[y] = 1
	}
	if smoothing > 0 {
		even := float32(smoothing) / 2
		if l.Kind == binary || l.Kind == multiClass {
			even = float32(smoothing) / float32(len(target))
		}
		for k := range target {
			target[k] = target[k]*(1-float32(smoothing)) + even
		}
	}
}

// softmax says whether the outputs share one whole.
func (l *labelling) softmax() bool { return l.Kind == binary || l.Kind == multiClass }

// probabilities turns logits into probabilities of the classes, or of each finding.
func (l *labelling) probabilities(logits []float32) []float64 {
	p := make([]float64, len(logits))
	switch l.Kind {
	case multiLabel:
		for k, v := range logits {
			p[k] = sigmoid(float64(v))
		}
	case ordinal:
		// Beyond the k-th grade lies no more than beyond the one before.
		beyond, out := 1.0, make([]float64, len(logits)+1)
		for k, v := range logits {
			q := min(beyond, sigmoid(float64(v)))
			out[k], beyond = beyond-q, q
		}
		out[len(logits)] = beyond
		return out
	default:
		top, sum := math.Inf(-1), 0.0
		for _, v := range logits {
			top = max(top, float64(v))
		}
		for k, v := range logits {
			p[k] = math.Exp(float64(v) - top)
			sum += p[k]
		}
		for k := range p {
			p[k] /= sum
		}
	}
	return p
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// raw is what the readout of a question takes: the probability of the event alone, or of every class.
func (l *labelling) raw(p []float64, question int) []float64 {
	switch l.Kind {
	case multiLabel:
		return p[question : question+1]
	case binary:
		return p[1:]
	}
	return p
}

// checkCounts refuses a part of the split that lacks a class, or a finding's presence or absence.
func (l *labelling) checkCounts(part string, list, y []int, marks [][]int8) []string {
	var missing []string
	for k, name := range l.Names {
		yes, no := 0, 0
		for _, i := range list {
			switch {
			case l.Kind == multiLabel && marks[i][k] == 1 || l.Kind != multiLabel && y[i] == k:
				yes++
			case l.Kind != multiLabel || marks[i][k] == 0:
				no++
			}
		}
		if yes == 0 || no == 0 {
			missing = append(missing, fmt.Sprintf("%s: every %s image or none is %q", part, part, name))
		}
	}
	return missing
}
