package signal

import (
	"context"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"galen.dev/fault"
	"galen.dev/nn"
)

// Explanation says which parts of a trace an answer rests on, and whether that is true.
type Explanation struct {
	Method string  `json:"method"` // integrated-gradients or occlusion
	Of     string  `json:"of"`     // the class explained
	From   float64 `json:"from"`   // s: the window explained, the one that speaks most for the class
	To     float64 `json:"to"`
	// Parts are the stretches of time by their effect, largest first; integrated gradients add up over samples to the
	// difference of the log-odds from those of a trace at its mean, occlusion gives falls of the probability.
	Parts []Part `json:"parts"`
	// Channels are the shares of the absolute effects; they add up to 1.
	Channels []Share `json:"channels"`
	// Residual is the share of that difference that the sum misses; integrated gradients alone.
	Residual *float64 `json:"residual,omitempty"`
	// Deletion is the mean probability of the class while parts are covered, largest effect first, and Insertion while
	// they are put back the same way, which meets the same traces as covering the smallest effect first. Faithfulness is
	// Insertion less Deletion: above 0, the parts named first matter more.
	Deletion     float64 `json:"deletion"`
	Insertion    float64 `json:"insertion"`
	Faithfulness float64 `json:"faithfulness"`

	effect []float64 // of each sample and channel of the window
	window []float32
}

// Part is a stretch of time.
type Part struct {
	From   float64 `json:"from"` // s, of the recording
	To     float64 `json:"to"`
	Effect float64 `json:"effect"`
}

// Share is a channel's part in an answer.
type Share struct {
	Channel string  `json:"channel"`
	Share   float64 `json:"share"`
}

const (
	gradientSteps = 32 // points of the integral
	partCount     = 40 // stretches in which faithfulness is measured
	partsNamed    = 5
)

// explainer explains an ensemble's answers.
type explainer struct {
	*ensemble
	method string
	slopes []*nn.Predictor
}

// newExplainer resolves auto and makes the networks with gradients. nil: nothing is to be explained.
func newExplainer(e *ensemble, method string) (*explainer, error) {
	switch {
	case method == "none":
		return nil, nil
	case method == "auto" && e.Kind == "boost":
		method = "occlusion"
	case method == "auto":
		method = "integrated-gradients"
	case method == "integrated-gradients" && e.Kind == "boost":
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "integrated gradients need a network, and this model is boost"), "take explain: occlusion")
	}
	x := &explainer{ensemble: e, method: method}
	if method == "occlusion" {
		return x, nil
	}
	chosen := nn.Input{Name: "chosen", DType: dtypes.Float32, Dims: []int{0, 0}}
	net := &nn.Net{Name: e.net.Name, Inputs: []nn.Input{e.net.Inputs[0], chosen}, Forward: func(s *nn.Scope, in ...*nn.Node) []*nn.Node {
		logits := e.net.Forward(s, in[0])[0]
		return []*nn.Node{logits, graph.Gradient(graph.ReduceAllSum(graph.Mul(logits, in[1])), in[0])[0]}
	}}
	for _, m := range e.members {
		p, err := nn.NewPredictor(e.backend, net, m.weights)
		if err != nil {
			x.Close()
			return nil, err
		}
		x.slopes = append(x.slopes, p)
	}
	return x, nil
}

// Close frees the gradients; the ensemble is its owner's.
func (x *explainer) Close() {
	for _, p := range x.slopes {
		p.Close()
	}
}

// chance is the probability of a class of a head, from raw outputs.
func (e *ensemble) chance(raw []float64, head, class int) float64 {
	p := rawOf(raw, head, len(e.Heads))
	switch {
	case len(p) > 1:
		return p[class]
	case class == 1:
		return p[0]
	}
	return 1 - p[0]
}

// chances are those of several inputs, each a window or, for trees, a whole recording.
func (x *explainer) chances(ctx context.Context, inputs [][]float32, head, class int) ([]float64, error) {
	var out []float64
	for at := 0; at < len(inputs); at += batchOf {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part := inputs[at:min(at+batchOf, len(inputs))]
		var raws [][]float64
		if x.Kind == "boost" {
			for _, v := range part {
				raw, _, err := x.predict(ctx, v)
				if err != nil {
					return nil, err
				}
				raws = append(raws, raw)
			}
		} else {
			var err error
			if raws, err = x.windows(part); err != nil {
				return nil, err
			}
		}
		for _, raw := range raws {
			out = append(out, x.chance(raw, head, class))
		}
	}
	return out, nil
}

// explain explains why a class of a head was given to a recording. each are the answers of its windows.
func (x *explainer) explain(ctx context.Context, rec []float32, each [][]float64, head, class int) (*Explanation, error) {
	width := len(x.plan.Channels)
	start, v := 0, rec
	if each != nil {
		starts, best := x.plan.windows(len(rec)/width), 0
		for k := range each {
			if x.chance(each[k], head, class) > x.chance(each[best], head, class) {
				best = k
			}
		}
		start, v = starts[best], make([]float32, x.plan.Crop*width)
		x.plan.window(rec, start, v)
	}
	n := len(v) / width
	why := &Explanation{Method: x.method, Of: x.Heads[head].Classes[class], From: float64(start) / x.plan.Rate, To: float64(start+n) / x.plan.Rate, window: v}
	if len(x.Heads) > 1 {
		why.Of = x.Heads[head].Target
	}
	var err error
	if x.method == "occlusion" {
		why.effect, err = x.occlude(ctx, v, head, class)
	} else {
		why.effect, why.Residual, err = x.integrate(ctx, v, head, class)
	}
	if err != nil {
		return nil, err
	}
	parts := why.describe(x.plan, n)
	return why, x.faith(ctx, why, parts, head, class)
}

// spans are equal stretches of n samples.
func spans(n int) [][2]int {
	count := min(n, partCount)
	out := make([][2]int, count)
	for k := range out {
		out[k] = [2]int{k * n / count, (k + 1) * n / count}
	}
	return out
}

// describe sums effects over stretches and channels, and returns the effect of each stretch.
func (why *Explanation) describe(p *plan, n int) []float64 {
	width := len(p.Channels)
	all := spans(n)
	sums := make([]float64, len(all))
	shares, total := make([]float64, width), 0.0
	for k, s := range all {
		for t := s[0]; t < s[1]; t++ {
			for c := range width {
				e := why.effect[t*width+c]
				sums[k] += e
				shares[c] += math.Abs(e)
				total += math.Abs(e)
			}
		}
		why.Parts = append(why.Parts, Part{why.From + float64(s[0])/p.Rate, why.From + float64(s[1])/p.Rate, sums[k]})
	}
	slices.SortStableFunc(why.Parts, func(a, b Part) int {
		switch d := math.Abs(b.Effect) - math.Abs(a.Effect); {
		case d > 0:
			return 1
		case d < 0:
			return -1
		}
		return 0
	})
	why.Parts = why.Parts[:min(partsNamed, len(why.Parts))]
	for c, s := range shares {
		why.Channels = append(why.Channels, Share{p.Channels[c].Name, s / math.Max(total, 1e-300)})
	}
	return sums
}

// integrate follows the gradient from the mean to the trace (Sundararajan et al., ICML 2017), by the middles of equal
// steps.
func (x *explainer) integrate(ctx context.Context, v []float32, head, class int) ([]float64, *float64, error) {
	weight := x.logit(head, class)
	effect := make([]float64, len(v))
	in, chosen := make([]float32, batchOf*len(v)), make([]float32, 0, batchOf*len(weight))
	for range batchOf {
		chosen = append(chosen, weight...)
	}
	dims := []int{batchOf, x.plan.Crop, len(x.plan.Channels)}
	given, empty := 0.0, 0.0
	for _, p := range x.slopes {
		for at := 0; at < gradientSteps; at += batchOf {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			for b := range batchOf {
				share := (float32(at+b) + .5) / gradientSteps
				for i, s := range v {
					in[b*len(v)+i] = share * s
				}
			}
			out, err := p.Run(nn.Array{Dims: dims, Floats: in}, nn.Array{Dims: []int{batchOf, len(weight)}, Floats: chosen})
			if err != nil {
				return nil, nil, err
			}
			for b := range batchOf {
				for i, s := range v {
					effect[i] += float64(out[1].Floats[b*len(v)+i]) * float64(s) / float64(gradientSteps*len(x.slopes))
				}
			}
		}
	}
	for _, r := range x.runners {
		z, err := r.logits(x.plan, [][]float32{v, make([]float32, len(v))})
		if err != nil {
			return nil, nil, err
		}
		for o, w := range weight {
			given += float64(w) * z[0][o] / float64(len(x.runners))
			empty += float64(w) * z[1][o] / float64(len(x.runners))
		}
	}
	sum := 0.0
	for _, e := range effect {
		sum += e
	}
	if given == empty {
		return effect, nil, nil
	}
	residual := math.Abs(sum-(given-empty)) / math.Abs(given-empty)
	return effect, &residual, nil
}

// logit are the weights of the outputs whose sum speaks for a class: against the mean of the others where there are
// more than two.
func (x *explainer) logit(head, class int) []float32 {
	if x.plain() {
		out := make([]float32, len(x.Heads))
		out[head] = float32(2*class - 1)
		return out
	}
	n := len(x.Heads[head].Classes)
	out := slices.Repeat([]float32{-1 / float32(n-1)}, n)
	out[class] = 1
	return out
}

// occlude covers stretch after stretch of each channel with the mean, and spreads the fall of the probability over it.
func (x *explainer) occlude(ctx context.Context, v []float32, head, class int) ([]float64, error) {
	width := len(x.plan.Channels)
	all := spans(len(v) / width)
	inputs := [][]float32{v}
	for _, s := range all {
		for c := range width {
			covered := slices.Clone(v)
			for t := s[0]; t < s[1]; t++ {
				covered[t*width+c] = 0
			}
			inputs = append(inputs, covered)
		}
	}
	p, err := x.chances(ctx, inputs, head, class)
	if err != nil {
		return nil, err
	}
	effect := make([]float64, len(v))
	for k, s := range all {
		for c := range width {
			fall := (p[0] - p[1+k*width+c]) / float64(s[1]-s[0])
			for t := s[0]; t < s[1]; t++ {
				effect[t*width+c] = fall
			}
		}
	}
	return effect, nil
}

// faith covers the stretches one after the other and watches the probability (Petsiuk et al., BMVC 2018).
func (x *explainer) faith(ctx context.Context, why *Explanation, parts []float64, head, class int) error {
	v, width := why.window, len(x.plan.Channels)
	all := spans(len(v) / width)
	order := make([]int, len(all))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case parts[a] > parts[b]:
			return -1
		case parts[a] < parts[b]:
			return 1
		}
		return a - b
	})
	curve := func(order []int, from []float32, insert bool) (float64, error) {
		inputs := [][]float32{from}
		for _, k := range order {
			next := slices.Clone(inputs[len(inputs)-1])
			for i := all[k][0] * width; i < all[k][1]*width; i++ {
				next[i] = 0
				if insert {
					next[i] = v[i]
				}
			}
			inputs = append(inputs, next)
		}
		p, err := x.chances(ctx, inputs, head, class)
		sum := 0.0
		for _, q := range p {
			sum += q / float64(len(p))
		}
		return sum, err
	}
	var err error
	if why.Deletion, err = curve(order, v, false); err != nil {
		return err
	}
	if why.Insertion, err = curve(order, make([]float32, len(v)), true); err != nil {
		return err
	}
	why.Faithfulness = why.Insertion - why.Deletion
	return nil
}
