package course

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/event"
	"galen.dev/fault"
	"galen.dev/nn"
	"galen.dev/tree"
)

// Explanation says which values and hours a risk rests on, and whether that is true.
type Explanation struct {
	Method string `json:"method"` // gradients, shap, linear or occlusion
	// Parts are the largest effects, of a code in a stretch of time. The effects of gradients, shap and linear are
	// log-odds before recalibration, and add up over everything; those of occlusion are falls of the risk.
	Parts []Part `json:"parts"`
	// Codes are shares of the absolute effects, largest first.
	Codes []Share `json:"codes"`
	// Residual is the share of the log-odds that the sum of effects misses; gradients, shap and linear alone.
	Residual *float64 `json:"residual,omitempty"`
	// Hidden are the falls of the risk as each stretch of time is hidden, in order of time.
	Hidden []Stretch `json:"hidden"`
	// Deletion is the mean risk while stretches of time are hidden one after the other, largest effect first, Reverse
	// with the smallest first. Faithfulness is Reverse less Deletion: above 0, the hours named first matter more.
	Deletion     float64 `json:"deletion"`
	Reverse      float64 `json:"reverse"`
	Faithfulness float64 `json:"faithfulness"`

	effect []float64 // (steps, timed)
	grid   []float32
}

// Part is a code in a stretch of time, in hours before the index time; both are 0 for what is known from the start, and
// for what the absence of a code does.
type Part struct {
	Code   string  `json:"code"`
	From   float64 `json:"from_h"`
	To     float64 `json:"to_h"`
	Kind   string  `json:"kind"` // values, absent or start
	Effect float64 `json:"effect"`
}

// Share is a code's part in an answer.
type Share struct {
	Code  string  `json:"code"`
	Share float64 `json:"share"`
}

// Stretch is a stretch of time, in hours before the index time, and what hiding it does.
type Stretch struct {
	From float64 `json:"from_h"`
	To   float64 `json:"to_h"`
	Fall float64 `json:"fall"`
}

const (
	gradientSteps = 32 // points of the integral
	partsNamed    = 8
	mostBlocks    = 200
)

// explainer explains an ensemble's answers.
type explainer struct {
	*ensemble
	method string
	block  float64 // h
	slopes []*nn.Predictor
	trees  []*tree.Explainer
	space  scratch
}

// newExplainer resolves auto and readies gradients or Shapley values. nil: nothing is to be explained.
func newExplainer(e *ensemble, method string, block float64) (*explainer, error) {
	fits := map[bool]string{true: "gradients", false: "shap"}[isNetwork(e.Kind)]
	if e.Kind == "basic-rnn" {
		fits = "occlusion" // codes have no gradient
	}
	switch method {
	case "none":
		return nil, nil
	case "auto":
		method = fits
	case "gradients", "shap":
		if method != fits {
			return nil, fault.WithHint(fault.Errorf(fault.Usage, "explain: %s does not suit the model %s", method, e.Kind), "take explain: %s", fits)
		}
	}
	x := &explainer{ensemble: e, method: method, block: max(block, e.reader.Declare.Window/mostBlocks)}
	for _, m := range e.members {
		switch {
		case method == "shap" && m.boost != nil:
			x.trees = append(x.trees, m.boost.Explainer())
		case method == "shap":
			x.method = "linear"
		case method == "gradients":
			p, err := nn.NewPredictor(e.backend, slopeNet(e.net), m.weights)
			if err != nil {
				x.Close()
				return nil, err
			}
			x.slopes = append(x.slopes, p)
		}
	}
	return x, nil
}

// slopeNet gives the mean of the logits and its gradient by both inputs.
func slopeNet(net *nn.Net) *nn.Net {
	in := slices.Clone(net.Inputs)
	for k := range in {
		in[k].DType = dtypes.Float32
	}
	return &nn.Net{Name: net.Name, Inputs: in, Forward: func(s *nn.Scope, in ...*nn.Node) []*nn.Node {
		logit := graph.ReduceMean(net.Forward(s, in...)[0], -1)
		g := graph.Gradient(graph.ReduceAllSum(logit), in[0], in[1])
		return []*nn.Node{logit, g[0], g[1]}
	}}
}

// Close frees the gradients; the ensemble is its owner's.
func (x *explainer) Close() {
	for _, p := range x.slopes {
		p.Close()
	}
}

// effects are what one method finds.
type effects struct {
	cells            []float64 // (steps, timed)
	absent, start    []float64 // of each timed code that is not there, and of each static one
	residual         *float64
	steps, variables int
}

// explain explains the risk of a stay at an index time.
func (x *explainer) explain(ctx context.Context, s *event.Stay, at int64, risk float64) (*Explanation, error) {
	r := x.reader
	v := r.look(s, at, &x.space)
	v = &view{grid: slices.Clone(v.grid), agg: slices.Clone(v.agg), tokens: slices.Clone(v.tokens)}
	f := &effects{cells: make([]float64, len(v.grid)), absent: make([]float64, len(r.Timed)), start: make([]float64, len(r.Static)), steps: r.Steps, variables: len(r.Timed)}
	var err error
	switch x.method {
	case "gradients":
		err = x.integrate(ctx, v, f)
	case "occlusion":
		err = x.occlude(ctx, s, at, risk, v, f)
	default:
		x.contributions(v, f)
	}
	if err != nil {
		return nil, err
	}
	why := &Explanation{Method: x.method, Residual: f.residual, effect: f.cells, grid: v.grid, Parts: []Part{}, Codes: []Share{}}
	x.describe(why, f)
	return why, x.faith(ctx, why, s, at, risk)
}

// blocks are stretches of time in steps of the grid, oldest first.
func (x *explainer) blocks() (out [][2]int) {
	width := max(1, int(math.Round(x.block/x.reader.Bin)))
	for to := x.reader.Steps; to > 0; to -= width {
		out = append(out, [2]int{max(0, to-width), to})
	}
	slices.Reverse(out)
	return out
}

// before is the time before the index, in hours, at which a step begins.
func (r *reader) before(step int) float64 {
	return max(0, r.Declare.Window-float64(step)*r.Bin)
}

func (x *explainer) describe(why *Explanation, f *effects) {
	r := x.reader
	share := map[string]float64{}
	total := 0.0
	add := func(p Part) {
		if p.Effect != 0 {
			why.Parts = append(why.Parts, p)
		}
	}
	for k := range r.Timed {
		code := r.Timed[k].Code
		for _, b := range x.blocks() {
			sum := 0.0
			for t := b[0]; t < b[1]; t++ {
				e := f.cells[t*f.variables+k]
				sum += e
				share[code] += math.Abs(e)
				total += math.Abs(e)
			}
			add(Part{code, r.before(b[0]), r.before(b[1]), "values", sum})
		}
		share[code] += math.Abs(f.absent[k])
		total += math.Abs(f.absent[k])
		add(Part{Code: code, Kind: "absent", Effect: f.absent[k]})
	}
	for k := range r.Static {
		share[r.Static[k].Code] += math.Abs(f.start[k])
		total += math.Abs(f.start[k])
		add(Part{Code: r.Static[k].Code, Kind: "start", Effect: f.start[k]})
	}
	slices.SortStableFunc(why.Parts, func(a, b Part) int { return cmp.Compare(math.Abs(b.Effect), math.Abs(a.Effect)) })
	why.Parts = why.Parts[:min(partsNamed, len(why.Parts))]
	for code, s := range share {
		if s > 0 {
			why.Codes = append(why.Codes, Share{code, s / total})
		}
	}
	slices.SortFunc(why.Codes, func(a, b Share) int { return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Code, b.Code)) })
	why.Codes = why.Codes[:min(partsNamed, len(why.Codes))]
}

// integrate follows the gradient from a stay of which nothing is known to this one (Sundararajan et al., ICML 2017), by
// the middles of equal steps.
func (x *explainer) integrate(ctx context.Context, v *view, f *effects) error {
	r := x.reader
	empty := &view{grid: slices.Repeat([]float32{float32(math.NaN())}, len(v.grid)), agg: slices.Repeat([]float64{math.NaN()}, len(v.agg))}
	from, to := r.inputs(x.Kind, empty), r.inputs(x.Kind, v)
	var all [][]nn.Array
	for at := range gradientSteps {
		share := (float32(at) + .5) / gradientSteps
		point := make([]nn.Array, len(to))
		for k := range to {
			point[k] = nn.Array{Dims: to[k].Dims, Floats: make([]float32, len(to[k].Floats))}
			for i := range to[k].Floats {
				point[k].Floats[i] = from[k].Floats[i] + share*(to[k].Floats[i]-from[k].Floats[i])
			}
		}
		all = append(all, point)
	}
	size, fixed := len(to[0].Floats), len(to[1].Floats)
	slope := [2][]float64{make([]float64, size), make([]float64, fixed)}
	change := 0.0
	for _, p := range x.slopes {
		for at := 0; at < gradientSteps; at += batchOf {
			if err := ctx.Err(); err != nil {
				return err
			}
			out, err := p.Run(stack(all[at : at+batchOf])...)
			if err != nil {
				return err
			}
			for k := range slope {
				n := len(slope[k])
				for i, g := range out[1+k].Floats {
					slope[k][i%n] += float64(g) / float64(gradientSteps*len(x.slopes))
				}
			}
		}
		out, err := p.Run(stack([][]nn.Array{from, to})...)
		if err != nil {
			return err
		}
		change += float64(out[0].Floats[1]-out[0].Floats[0]) / float64(len(x.slopes))
	}
	x.spread(slope, from, to, f, change)
	return nil
}

// spread sums the effects of the channels of a cell.
func (x *explainer) spread(slope [2][]float64, from, to []nn.Array, f *effects, change float64) {
	r, V := x.reader, len(x.reader.Timed)
	sum := 0.0
	for i, g := range slope[0] {
		e := g * float64(to[0].Floats[i]-from[0].Floats[i])
		f.cells[i/(channels*V)*V+i%V] += e
		sum += e
	}
	at := 0
	for k := range r.Static {
		for range 1 + max(1, len(r.Static[k].Levels)) {
			e := slope[1][at] * float64(to[1].Floats[at]-from[1].Floats[at])
			f.start[k] += e
			sum += e
			at++
		}
	}
	f.residual = residual(sum, change)
}

func residual(sum, change float64) *float64 {
	if math.Abs(change) < 1e-12 {
		return nil
	}
	d := math.Abs(sum-change) / math.Abs(change)
	return &d
}

// contributions are Shapley values of trees, or the terms of a regression, of each aggregate; that of an aggregate is
// spread evenly over the hours of its window in which there are values.
func (x *explainer) contributions(v *view, f *effects) {
	r := x.reader
	bins := max(1, r.Declare.Bins)
	share := 1 / float64(bins*len(x.members))
	sum, change := 0.0, 0.0
	for k, m := range x.members {
		for b := range bins {
			if m.boost != nil {
				row := r.tableRow(v.agg, b)
				a := x.trees[k].Explain(row)
				for j, phi := range a.Phi[0] {
					if j < len(r.names) {
						f.aggregate(r, v, j, phi*share)
					}
					sum += phi * share
				}
				change += (m.boost.Margin(row)[0] - a.Base[0]) * share
				continue
			}
			l := m.linear
			row := l.row(r, v.agg, b)
			phi, base := l.model.Contributions(0, row, l.Mean)
			for j, p := range phi {
				sum += p * share
				f.linear(r, v, l, j, p*share)
			}
			var margin [1]float64
			l.model.Margin(row, margin[:])
			change += (margin[0] - base) * share
		}
	}
	f.residual = residual(sum, change)
}

// linear gives a column of a regression its effect.
func (f *effects) linear(r *reader, v *view, l *linear, j int, phi float64) {
	if j < len(l.Columns) {
		f.aggregate(r, v, l.Columns[j], phi)
		return
	}
	at := len(l.Columns)
	for k := range r.Static {
		if at += 1 + max(1, len(r.Static[k].Levels)); j < at {
			f.start[k] += phi
			return
		}
	}
}

func (f *effects) aggregate(r *reader, v *view, j int, phi float64) {
	a := r.names[j]
	if a.Static {
		f.start[a.Variable] += phi
		return
	}
	first := max(0, int((r.Declare.Window-a.Window)/r.Bin))
	var at []int
	for t := first; t < r.Steps; t++ {
		if c := t*f.variables + a.Variable; v.grid[c] == v.grid[c] {
			at = append(at, c)
		}
	}
	if len(at) == 0 {
		f.absent[a.Variable] += phi
		return
	}
	for _, c := range at {
		f.cells[c] += phi / float64(len(at))
	}
}

// without is a stay in which what hide tells of is left out.
func (x *explainer) without(ctx context.Context, s *event.Stay, at int64, hide func(e *event.Event, step int) bool) (float64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r := x.reader
	from, bin := at-hours(r.Declare.Window), float64(hours(r.Bin))
	less := event.Stay{Start: s.Start, End: s.End}
	for i := range s.Events {
		e := &s.Events[i]
		if e.At != event.NoTime && e.At >= from && e.At <= at && hide(e, min(r.Steps-1, int(float64(e.At-from)/bin))) {
			continue
		}
		less.Events = append(less.Events, *e)
	}
	p, _, err := x.predict(r.look(&less, at, &x.space))
	return p, err
}

// occlude hides each code in each stretch of time in which it has values.
func (x *explainer) occlude(ctx context.Context, s *event.Stay, at int64, risk float64, v *view, f *effects) error {
	r := x.reader
	for _, b := range x.blocks() {
		for k := range r.Timed {
			var cells []int
			for t := b[0]; t < b[1]; t++ {
				if c := t*f.variables + k; v.grid[c] == v.grid[c] {
					cells = append(cells, c)
				}
			}
			if len(cells) == 0 {
				continue
			}
			p, err := x.without(ctx, s, at, func(e *event.Event, step int) bool {
				return int(r.timed[e.Code]) == k && step >= b[0] && step < b[1]
			})
			if err != nil {
				return err
			}
			for _, c := range cells {
				f.cells[c] += (risk - p) / float64(len(cells))
			}
		}
	}
	return nil
}

// faith hides stretches of time, alone and one after the other, and watches the risk (Petsiuk et al., BMVC 2018).
func (x *explainer) faith(ctx context.Context, why *Explanation, s *event.Stay, at int64, risk float64) error {
	blocks, V := x.blocks(), len(x.reader.Timed)
	order, effect := make([]int, len(blocks)), make([]float64, len(blocks))
	for k, b := range blocks {
		order[k] = k
		for _, e := range why.effect[b[0]*V : b[1]*V] {
			effect[k] += e
		}
		p, err := x.without(ctx, s, at, func(_ *event.Event, step int) bool { return step >= b[0] && step < b[1] })
		if err != nil {
			return err
		}
		why.Hidden = append(why.Hidden, Stretch{x.reader.before(b[0]), x.reader.before(b[1]), risk - p})
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(effect[b], effect[a]) })
	curve := func(order []int) (float64, error) {
		gone, sum := make([]bool, len(blocks)), risk
		of := make([]int, x.reader.Steps)
		for k, b := range blocks {
			for t := b[0]; t < b[1]; t++ {
				of[t] = k
			}
		}
		for _, k := range order {
			gone[k] = true
			p, err := x.without(ctx, s, at, func(_ *event.Event, step int) bool { return gone[of[step]] })
			if err != nil {
				return 0, err
			}
			sum += p
		}
		return sum / float64(len(order)+1), nil
	}
	var err error
	if why.Deletion, err = curve(order); err != nil {
		return err
	}
	slices.Reverse(order)
	if why.Reverse, err = curve(order); err != nil {
		return err
	}
	why.Faithfulness = why.Reverse - why.Deletion
	return nil
}
