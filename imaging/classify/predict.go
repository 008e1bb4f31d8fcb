package classify

import (
	"context"
	"math"

	"github.com/gomlx/compute"

	"galen.dev/imaging/augment"
	"galen.dev/nn"
)

// ensemble predicts by the mean over members and views. It belongs to one goroutine.
type ensemble struct {
	labels  *labelling
	plan    *plan
	views   []augment.Parameters
	members []*nn.Predictor
	batch   int
}

// views are the ways in which an image is looked at: mirrored as flips says, and shifted by a thirtieth each way.
func views(tta, flips string, dims [3]int) []augment.Parameters {
	out := []augment.Parameters{{From: dims}}
	if tta == "flips" || tta == "both" {
		for _, m := range augment.Mirrors(dims) {
			deep, high := m.Matrix[0][0] < 0, m.Matrix[1][1] < 0
			wide := m.Matrix[2][2] < 0
			if !deep && !high && !wide || flips == "none" || flips == "horizontal" && (deep || high) {
				continue
			}
			out = append(out, m)
		}
	}
	if tta == "shifts" || tta == "both" {
		for _, p := range out[:len(out):len(out)] {
			for _, d := range [][2]float64{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
				q := p
				q.Border = augment.Edge
				q.Shift[1] += d[0] * max(math.Round(float64(dims[1])/30), 1)
				q.Shift[2] += d[1] * max(math.Round(float64(dims[2])/30), 1)
				out = append(out, q)
			}
		}
	}
	return out
}

// predictBatch is how many images go through a network at once, fewer where they are large.
func predictBatch(values int) int { return min(max(1<<20/values, 1), 64) }

// watched is a network that also returns the mean of its features over their places, where it names any.
func watched(net *nn.Net) *nn.Net {
	out := *net
	out.Forward = func(s *nn.Scope, in ...*nn.Node) []*nn.Node {
		var features *nn.Node
		y := net.Forward(s.Watch(func(f *nn.Node) *nn.Node {
			features = f
			return f
		}), in...)
		if features != nil {
			y = append(y[:1:1], nn.GlobalAveragePool(features))
		}
		return y
	}
	return &out
}

func newEnsemble(backend compute.Backend, net *nn.Net, members []*nn.Weights, l *labelling, p *plan, v []augment.Parameters) (*ensemble, error) {
	e := &ensemble{labels: l, plan: p, views: v, batch: predictBatch(p.values())}
	for _, w := range members {
		x, err := nn.NewPredictor(backend, watched(net), w)
		if err != nil {
			e.close()
			return nil, err
		}
		e.members = append(e.members, x)
	}
	return e, nil
}

func (e *ensemble) close() {
	for _, m := range e.members {
		m.Close()
	}
}

// answer is what an ensemble says of one image: probabilities, and the first member's features of the first view.
type answer struct {
	p        []float64
	features []float64
}

// predict answers for inputs one after the other; read fills dst with input i of n.
func (e *ensemble) predict(ctx context.Context, n int, read func(i int, dst []float32) error, progress func(done int)) ([]answer, error) {
	out := make([]answer, 0, n)
	size := e.plan.values()
	batch := make([]float32, e.batch*size)
	for from := 0; from < n; from += e.batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m := min(e.batch, n-from)
		for i := range m {
			if err := read(from+i, batch[i*size:(i+1)*size]); err != nil {
				return nil, err
			}
		}
		clear(batch[m*size:]) // one shape of batch is one compilation
		more, err := e.answers(ctx, batch, m)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
		if progress != nil {
			progress(len(out))
		}
	}
	return out, nil
}

func (e *ensemble) answers(ctx context.Context, batch []float32, m int) ([]answer, error) {
	size, n := e.plan.values(), e.labels.outputs()
	out := make([]answer, m)
	share := 1 / float64(len(e.members)*len(e.views))
	seen := make([]float32, len(batch))
	for v, view := range e.views {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		copy(seen, batch)
		if v > 0 {
			for i := range m {
				copy(seen[i*size:], augment.ApplyImage(view, batch[i*size:(i+1)*size]))
			}
		}
		for k, member := range e.members {
			y, err := member.Run(nn.Array{Dims: append([]int{e.batch}, e.plan.shape()...), Floats: seen})
			if err != nil {
				return nil, err
			}
			for i := range m {
				p := e.labels.probabilities(y[0].Floats[i*n : (i+1)*n])
				if out[i].p == nil {
					out[i].p = make([]float64, len(p))
				}
				for c := range p {
					out[i].p[c] += share * p[c]
				}
				if v == 0 && k == 0 && len(y) > 1 {
					width := len(y[1].Floats) / e.batch
					for _, f := range y[1].Floats[i*width : (i+1)*width] {
						out[i].features = append(out[i].features, float64(f))
					}
				}
			}
		}
	}
	return out, nil
}
