package signal

import (
	"context"
	"fmt"
	"math"
	"slices"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/table"
	"galen.dev/task"
)

// Files that preprocess leaves.
const (
	planFile     = "plan.json"
	cohortFile   = "cohort.json"
	splitsFile   = "splits.json"
	preparedFile = "prepared.bin" // float32, (time, channels), one recording after the other
)

// cohort is what is predicted, and of whom.
type cohort struct {
	// Heads are the outcomes: one, or with several labels one yes or no for each.
	Heads   []assess.Outcome `json:"heads"`
	Y       [][]int          `json:"y"` // class of each recording, by head
	Row     []int            `json:"row"`
	Patient []int            `json:"patient"`
	Length  []int            `json:"length"` // samples in time
	Offset  []int64          `json:"offset"`
}

// splits says which recordings train and which test.
type splits struct {
	Kind     string           `json:"kind"` // given or random
	Train    []int            `json:"train"`
	Test     []int            `json:"test"`
	Patients map[string][]int `json:"patients"`
}

// preprocess sets test patients apart, makes the plan from training recordings, and prepares all of them.
func preprocess(ctx context.Context, r *task.Run) error {
	var ix index
	if err := r.ReadJSON(task.Collect, indexFile, &ix); err != nil {
		return err
	}
	co, err := outcomes(&ix, r.Strings("positive"))
	if err != nil {
		return err
	}
	sp, err := divide(&ix, co, r.String("split"), r.Float("test"), r.Seed("split"))
	if err != nil {
		return err
	}
	if err := checkSplit(co, sp); err != nil {
		return err
	}
	in, err := openSamples(r, task.Collect, samplesFile)
	if err != nil {
		return err
	}
	defer in.Close()
	p, err := makePlan(ctx, r, &ix, sp, in)
	if err != nil {
		return err
	}
	out, err := newSampleWriter(r, preparedFile)
	if err != nil {
		return err
	}
	for i := range ix.Entries {
		if err = ctx.Err(); err != nil {
			break
		}
		r.Progress("preparing", int64(i), int64(len(ix.Entries)))
		var x []float32
		if x, err = prepareEntry(&ix, p, i, in); err != nil {
			break
		}
		co.Length, co.Offset = append(co.Length, len(x)/len(p.Channels)), append(co.Offset, out.n)
		if err = out.write(x); err != nil {
			break
		}
	}
	if cerr := out.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	for name, v := range map[string]any{planFile: p, cohortFile: co, splitsFile: sp} {
		if err := r.WriteJSON(name, v); err != nil {
			return err
		}
	}
	return nil
}

// load reads a recording as it was collected.
func load(ix *index, i int, in *sampleReader) (*raw, error) {
	e := &ix.Entries[i]
	all, err := in.read(e.Offset, e.size())
	if err != nil {
		return nil, err
	}
	x := &raw{rates: e.Rates}
	for k, n := range e.Lengths {
		x.samples, all = append(x.samples, all[:n]), all[n:]
		if e.Rates == nil {
			x.rates = append(x.rates, ix.Channels[k].Rate)
		}
	}
	return x, nil
}

func prepareEntry(ix *index, p *plan, i int, in *sampleReader) ([]float32, error) {
	x, err := load(ix, i, in)
	if err != nil {
		return nil, err
	}
	out, err := p.prepare(x)
	if err != nil {
		return nil, fmt.Errorf("row %d: %w", ix.Entries[i].Row, err)
	}
	return out, nil
}

// outcomes turns labels into classes.
func outcomes(ix *index, positive []string) (*cohort, error) {
	co := &cohort{}
	var levels []string
	for _, e := range ix.Entries {
		levels = append(levels, e.Labels...)
		co.Row, co.Patient = append(co.Row, e.Row), append(co.Patient, e.Patient)
	}
	slices.Sort(levels)
	levels = slices.Compact(levels)
	var findings []fault.Finding
	for _, p := range positive {
		if !slices.Contains(levels, p) {
			findings = append(findings, fault.Finding{Name: "positive", Severity: fault.Severe, Column: "label", Message: "the parameter positive names a label that no recording has", Hint: fault.DidYouMean(p, levels)})
		}
	}
	if err := fault.Refuse("parameter positive", findings); err != nil {
		return nil, err
	}
	if len(levels) < 2 && !ix.Several || len(levels) == 0 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "the recordings have %s, and nothing can be told apart", fault.Count(len(levels), "label")), "there must be two or more")
	}
	switch {
	case ix.Several:
		if len(positive) == 0 {
			positive = levels
		}
		for _, name := range positive {
			co.Heads = append(co.Heads, assess.Outcome{Target: name, Classes: []string{"no", "yes"}})
		}
		for _, e := range ix.Entries {
			y := make([]int, len(positive))
			for k, name := range positive {
				if slices.Contains(e.Labels, name) {
					y[k] = 1
				}
			}
			co.Y = append(co.Y, y)
		}
		return co, nil
	case len(positive) > 0:
		if len(positive) == len(levels) {
			return nil, fault.Errorf(fault.Usage, "the parameter positive names every label")
		}
		co.Heads = []assess.Outcome{{Target: "label", Classes: []string{"other", "event"}, Event: positive}}
		for _, e := range ix.Entries {
			co.Y = append(co.Y, []int{indicator(slices.Contains(positive, e.Labels[0]))})
		}
		return co, nil
	case len(levels) == 2 && !speaks(levels):
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "of the two labels neither is plainly the event"), "name the event: positive: [%s]", levels[1])
	}
	co.Heads = []assess.Outcome{{Target: "label", Classes: levels}}
	for _, e := range ix.Entries {
		at, _ := slices.BinarySearch(levels, e.Labels[0])
		co.Y = append(co.Y, []int{at})
	}
	return co, nil
}

// speaks says whether the second of two sorted labels is an event by its name.
func speaks(levels []string) bool {
	for _, pair := range [][]string{{"0", "1"}, {"no", "yes"}, {"No", "Yes"}, {"false", "true"}, {"-1", "1"}, {"negative", "positive"}, {"normal", "pathological"}} {
		if slices.Equal(levels, pair) {
			return true
		}
	}
	return false
}

func indicator(b bool) int {
	if b {
		return 1
	}
	return 0
}

// strata are the numbers by which splits are stratified: the class, or whether a recording has any label.
func (co *cohort) strata() []int {
	out := make([]int, len(co.Y))
	for i, y := range co.Y {
		out[i] = y[0]
		if len(y) > 1 {
			out[i] = slices.Index(y, 1) + 1
		}
	}
	return out
}

// divide takes the split that the data give, or draws one.
func divide(ix *index, co *cohort, kind string, test float64, seed uint64) (*splits, error) {
	sp := &splits{Kind: "random", Patients: map[string][]int{}}
	for i, e := range ix.Entries {
		switch e.Split {
		case "train":
			sp.Train = append(sp.Train, i)
		case "test":
			sp.Test = append(sp.Test, i)
		}
	}
	if kind == "auto" && len(sp.Train) > 0 && len(sp.Test) > 0 && len(sp.Train)+len(sp.Test) == len(ix.Entries) {
		sp.Kind = "given"
	} else {
		s, err := table.Holdout(len(ix.Entries), co.Patient, co.strata(), 0, test, seed)
		if err != nil {
			return nil, err
		}
		sp.Train, sp.Test = s.Train, s.Test
	}
	for side, rows := range map[string][]int{"train": sp.Train, "test": sp.Test} {
		for _, i := range rows {
			sp.Patients[side] = append(sp.Patients[side], co.Patient[i])
		}
		slices.Sort(sp.Patients[side])
		sp.Patients[side] = slices.Compact(sp.Patients[side])
	}
	return sp, nil
}

// checkSplit refuses a split on which nothing can be learnt or tested.
func checkSplit(co *cohort, sp *splits) error {
	var findings []fault.Finding
	for h, head := range co.Heads {
		for class, name := range head.Classes {
			for _, side := range []struct {
				name string
				rows []int
				need int
			}{{"training", sp.Train, 2}, {"test", sp.Test, indicator(head.Binary())}} {
				n := 0
				for _, i := range side.rows {
					n += indicator(co.Y[i][h] == class)
				}
				if n < side.need {
					findings = append(findings, fault.Finding{Name: "class-too-small", Severity: fault.Severe, Column: head.Target, Message: fmt.Sprintf("class %q has %s among those for %s, and needs %d", name, fault.Count(n, "recording"), side.name, side.need)})
				}
			}
		}
	}
	return fault.Refuse("split", findings)
}

// makePlan reads the training recordings once, for mean and spread and for the shortest of them.
func makePlan(ctx context.Context, r *task.Run, ix *index, sp *splits, in *sampleReader) (*plan, error) {
	p := &plan{Format: planFormat, Channels: ix.Channels, Rate: r.Float("resample"), Band: r.Floats("band"), Notch: r.Float("notch"), Baseline: r.Bool("baseline"), Normalise: r.String("normalise")}
	if p.Rate == 0 {
		if err := oneRate(ix); err != nil {
			return nil, err
		}
		p.Rate = ix.Channels[0].Rate
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	tallies := make([]tally, len(p.Channels))
	shortest := math.MaxInt
	for k, i := range sp.Train {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.Progress("measuring", int64(k), int64(len(sp.Train)))
		x, err := load(ix, i, in)
		if err != nil {
			return nil, err
		}
		y, err := p.filtered(x)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", ix.Entries[i].Row, err)
		}
		shortest = min(shortest, len(y[0]))
		for c := range y {
			tallies[c].add(y[c])
		}
	}
	for c := range tallies {
		mean, spread := tallies[c].result()
		p.Mean, p.Spread = append(p.Mean, mean), append(p.Spread, spread)
	}
	p.Crop = shortest
	if s := r.Float("crop"); s > 0 {
		p.Crop = int(math.Round(s * p.Rate))
	}
	if p.Crop < 16 || p.Crop > 1<<20 {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "windows of %s are too short or too long to learn from", fault.Count(p.Crop, "sample")), "set crop, in seconds, or resample: a window has 16 to 1,048,576 samples")
	}
	p.Stride = max(1, int(math.Round(r.Float("stride")*float64(p.Crop))))
	return p, nil
}

// oneRate refuses rates that differ where the study does not say what to bring them to.
func oneRate(ix *index) error {
	want := ix.Channels[0].Rate
	var rows []int
	differ := false
	for _, c := range ix.Channels {
		differ = differ || c.Rate != want
	}
	for _, e := range ix.Entries {
		for _, rate := range e.Rates {
			if rate != want {
				rows = append(rows, e.Row)
				break
			}
		}
	}
	if !differ && len(rows) == 0 {
		return nil
	}
	return fault.Refuse("recordings", []fault.Finding{{Name: "rates", Severity: fault.Severe, Rows: rows[:min(len(rows), fault.MaxRows)], Count: len(rows), Message: "channels or recordings have different sampling rates", Hint: "set resample to the rate that all are brought to"}})
}
