package region

import (
	"context"
	"encoding/csv"
	"io"
	"math"
	"slices"
	"strconv"

	"galen.dev/fault"
	"galen.dev/metric"
)

// Table is the scores of many cases under the same options.
type Table struct {
	Names   []string `json:"names"`   // of the scores in each row
	Classes []string `json:"classes"` // of the rows of each case
	Cases   []Case   `json:"cases"`
}

// NewTable keeps the cases, which were all evaluated with these options.
func NewTable(o Options, cases []Case) *Table {
	t := &Table{Names: o.Names(), Cases: cases}
	for _, c := range o.rows() {
		t.Classes = append(t.Classes, c.Name)
	}
	for _, c := range cases {
		if len(c.Rows) != len(t.Classes) {
			panic("region: case of other options")
		}
		for _, r := range c.Rows {
			if len(r.Scores) != len(t.Names) {
				panic("region: case of other options")
			}
		}
	}
	return t
}

// WriteCSV writes one line for each case and class: case, class, state, the scores. A score that is left out is an
// empty field.
func (t *Table) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write(append([]string{"case", "class", "state"}, t.Names...)) // errors stay with out until Flush
	for _, c := range t.Cases {
		for _, r := range c.Rows {
			line := []string{c.Name, r.Class, r.State.String()}
			for _, v := range r.Scores {
				if math.IsNaN(v) {
					line = append(line, "")
				} else {
					line = append(line, strconv.FormatFloat(v, 'g', -1, 64))
				}
			}
			out.Write(line)
		}
	}
	out.Flush()
	return out.Error()
}

// Average is one score over all cases that have it.
type Average struct {
	Name    string          `json:"name"`
	Mean    metric.Interval `json:"mean"`
	Median  metric.Interval `json:"median"` // of distances it says more than the mean, which one case can ruin
	Cases   int             `json:"cases"`  // with a value
	LeftOut int             `json:"left_out"`
}

// Summary is one class over all cases.
type Summary struct {
	Class        string    `json:"class"`
	Present      int       `json:"present"`       // cases where both masks have the class
	NoReference  int       `json:"no_reference"`  // false alarms
	NoPrediction int       `json:"no_prediction"` // misses
	Neither      int       `json:"neither"`
	Scores       []Average `json:"scores"`
	// Of all instances of all cases together: sensitivity, precision, f1, sq, pq. A mean over cases counts the only
	// lesion of one patient as much as the twenty of another; these do not. nil without instances.
	Pooled []metric.Score `json:"pooled,omitempty"`
}

var pooledNames = []string{"sensitivity", "precision", "f1", "sq", "pq"}

// Summarise gives the mean and the median of every score of every class with percentile intervals of the bootstrap
// over cases, or over patients with r.Groups. r.N is set here.
func (t *Table) Summarise(ctx context.Context, r metric.Resample) ([]Summary, error) {
	r.N = len(t.Cases)
	per := 2*len(t.Names) + len(pooledNames)
	ivs, err := metric.Bootstrap(ctx, r, func(rows []int) []float64 {
		out := make([]float64, 0, per*len(t.Classes))
		scratch := make([]float64, 0, len(rows))
		for class := range t.Classes {
			for score := range t.Names {
				scratch = t.defined(scratch[:0], class, score, rows)
				out = append(out, mean(scratch), median(scratch))
			}
			var d Detection
			for _, i := range rows {
				d.Add(t.Cases[i].Rows[class].Detection)
			}
			out = append(out, d.Sensitivity(), d.Precision(), d.F1(), d.SQ(), d.PQ())
		}
		return out
	})
	if err != nil {
		return nil, err
	}
	out := make([]Summary, len(t.Classes))
	for class, name := range t.Classes {
		out[class] = t.summary(class, name, ivs[class*per:(class+1)*per])
	}
	return out, nil
}

func (t *Table) summary(class int, name string, ivs []metric.Interval) Summary {
	s := Summary{Class: name}
	for _, c := range t.Cases {
		switch c.Rows[class].State {
		case Present:
			s.Present++
		case NoReference:
			s.NoReference++
		case NoPrediction:
			s.NoPrediction++
		case Neither:
			s.Neither++
		}
	}
	all := make([]int, len(t.Cases))
	for i := range all {
		all[i] = i
	}
	for score, name := range t.Names {
		n := len(t.defined(nil, class, score, all))
		s.Scores = append(s.Scores, Average{name, ivs[2*score], ivs[2*score+1], n, len(all) - n})
	}
	if slices.Contains(t.Names, "pq") {
		for i, name := range pooledNames {
			s.Pooled = append(s.Pooled, metric.Score{Name: name, Interval: ivs[2*len(t.Names)+i]})
		}
	}
	return s
}

// defined appends the values of a score that are not left out.
func (t *Table) defined(out []float64, class, score int, rows []int) []float64 {
	for _, i := range rows {
		if v := t.Cases[i].Rows[class].Scores[score]; !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v)) // NaN where there are none
}

// median reorders v.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// ClassDifference is how much two segmentations of the same cases differ in one class.
type ClassDifference struct {
	Class  string         `json:"class"`
	Scores []metric.Score `json:"scores"`
	Cases  []int          `json:"cases"` // that have the score in both tables
}

// Differences gives the mean of t's score minus other's over the cases that have the score in both, with intervals
// on the same resamples: what two models share cancels out. It refuses tables whose cases, classes or scores
// are not the same, in the same order.
func (t *Table) Differences(ctx context.Context, other *Table, r metric.Resample) ([]ClassDifference, error) {
	if err := t.sameCases(other); err != nil {
		return nil, err
	}
	r.N = len(t.Cases)
	count := func(class, score int, rows []int) (sum float64, n int) {
		for _, i := range rows {
			if d := t.Cases[i].Rows[class].Scores[score] - other.Cases[i].Rows[class].Scores[score]; !math.IsNaN(d) {
				sum += d
				n++
			}
		}
		return sum, n
	}
	ivs, err := metric.Bootstrap(ctx, r, func(rows []int) []float64 {
		var out []float64
		for class := range t.Classes {
			for score := range t.Names {
				sum, n := count(class, score, rows)
				out = append(out, sum/float64(n))
			}
		}
		return out
	})
	if err != nil {
		return nil, err
	}
	all := make([]int, len(t.Cases))
	for i := range all {
		all[i] = i
	}
	out := make([]ClassDifference, len(t.Classes))
	for class, name := range t.Classes {
		out[class].Class = name
		for score, name := range t.Names {
			_, n := count(class, score, all)
			out[class].Scores = append(out[class].Scores, metric.Score{Name: name, Interval: ivs[class*len(t.Names)+score]})
			out[class].Cases = append(out[class].Cases, n)
		}
	}
	return out, nil
}

func (t *Table) sameCases(other *Table) error {
	var out []fault.Finding
	add := func(name, message string) {
		out = append(out, fault.Finding{Name: name, Severity: fault.Severe, Message: message})
	}
	if !slices.Equal(t.Classes, other.Classes) {
		add("classes-differ", "the tables are of different classes")
	}
	if !slices.Equal(t.Names, other.Names) {
		add("scores-differ", "the tables are of different scores")
	}
	if !slices.EqualFunc(t.Cases, other.Cases, func(a, b Case) bool { return a.Name == b.Name }) {
		add("cases-differ", "the tables are of different cases, or of the same in another order")
	}
	return fault.Refuse("comparing segmentations", out)
}
