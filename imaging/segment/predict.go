package segment

import (
	"context"
	"time"

	"github.com/gomlx/compute"

	"galen.dev/fault"
	"galen.dev/imaging/plan"
	"galen.dev/imaging/tile"
	"galen.dev/internal/cpu"
	"galen.dev/nn"
	"galen.dev/volume"
)

// model is what segments an image: the networks of all folds under one plan, and what was chosen on validation.
type model struct {
	plan   *plan.Plan
	choice *choice
	nets   []*nn.Predictor
	out    int // classes of the networks
	batch  int // patches at once
}

// choice is what is decided on validation cases and kept with the networks.
type choice struct {
	Instances string    `json:"instances"` // none, components or border
	Mirror    bool      `json:"mirror"`    // predictions are averaged over mirrored patches
	Tidy      tidying   `json:"tidy"`
	Rule      instances `json:"instance_rule"`
	// Agreement of the mirrored predictions on each validation case, ascending.
	Agreement []float64 `json:"validation_agreement"`
	Domain    domain    `json:"domain"`
	Folds     int       `json:"folds"`
}

// border tells whether the network learns the inside and the border of instances rather than classes.
func (c *choice) border() bool { return c.Instances == "border" }

// newModel puts networks on the backend.
func newModel(backend compute.Backend, p *plan.Plan, c *choice, weights []*nn.Weights) (*model, error) {
	m := &model{plan: p, choice: c, out: outputs(p, c.border()), batch: 1}
	conf := p.Chosen()
	if len(conf.Patch) == 2 {
		m.batch = min(conf.Batch, 4)
	}
	net := network(conf, len(p.Channels), m.out)
	for _, w := range weights {
		x, err := nn.NewPredictor(backend, net, w)
		if err != nil {
			m.close()
			return nil, err
		}
		m.nets = append(m.nets, x)
	}
	return m, nil
}

func (m *model) close() {
	for _, x := range m.nets {
		x.Close()
	}
}

// outputs is how many classes networks tell apart, background among them.
func outputs(p *plan.Plan, border bool) int {
	if border {
		return 3
	}
	return len(p.Classes) + 1
}

// predicted is what the networks say of an image, on its own grid, before anything is tidied.
type predicted struct {
	classes    []uint8 // of the networks
	foreground []float32
	// foreground is the probability of anything but background; nil unless asked for
	inside     []float32 // of class 1 alone; nil unless asked for
	confidence []float64 // of each class: mean probability over the voxels that were given to it
	agreement  float64   // Dice of mirrored predictions with their average, mean over classes; 1 without mirroring
	time       timing
}

// timing is where the time went.
type timing struct {
	Prepare, Model, Tiles, Restore time.Duration
}

// predict runs the networks over an image. probabilities asks for the foreground's.
func (m *model) predict(ctx context.Context, v *volume.Volume, probabilities bool) (*predicted, error) {
	begin := time.Now()
	p, err := m.plan.Prepare(ctx, v, nil, false)
	if err != nil {
		return nil, err
	}
	out := &predicted{agreement: 1}
	out.time.Prepare = time.Since(begin)
	conf := m.plan.Chosen()
	tiles, err := tile.NewPlan(p.Dims, conf.Patch3(), tile.Overlap)
	if err != nil {
		return nil, err
	}
	back := newRestorer(p.Back, m.out, probabilities || m.choice.border())
	w := m.newWorker()
	in := len(m.plan.Channels)
	values := p.Values
	begin = time.Now()
	err = tiles.Run(ctx, tile.Options{Batch: m.batch}, in, m.out, tile.Array(values, p.Dims, tiles.Patch, in), w.run, func(from, to int, logits []float32) error {
		start := time.Now()
		back.add(from, to, logits)
		out.time.Restore += time.Since(start)
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	out.time.Model = w.time
	out.time.Tiles = time.Since(begin) - out.time.Model - out.time.Restore
	out.classes, out.foreground, out.inside = back.classes, back.foreground, back.inside
	out.confidence = back.confidence()
	out.agreement = w.agreement()
	return out, nil
}

// worker predicts patches: every fold, every mirroring, averaged as logits.
type worker struct {
	model *model
	flips [][3]bool
	patch [3]int
	dims  []int
	input []float32
	sum   []float32
	votes [][]uint8 // of each mirroring
	both  []int64   // of each class: voxels of a mirroring that agree with the average
	all   []int64   // and the sizes of both masks
	time  time.Duration
}

func (m *model) newWorker() *worker {
	c := m.plan.Chosen()
	w := &worker{model: m, patch: c.Patch3(), both: make([]int64, m.out), all: make([]int64, m.out), flips: [][3]bool{{}}}
	if m.choice.Mirror {
		for axis := range 3 {
			if w.patch[axis] == 1 {
				continue
			}
			for _, f := range w.flips {
				f[axis] = true
				w.flips = append(w.flips, f)
			}
		}
	}
	w.dims = append([]int{m.batch}, c.Patch...)
	w.dims = append(w.dims, len(m.plan.Channels))
	n := m.batch * w.patch[0] * w.patch[1] * w.patch[2]
	w.input = make([]float32, n*len(m.plan.Channels))
	w.sum = make([]float32, n*m.out)
	if len(w.flips) > 1 {
		for range w.flips {
			w.votes = append(w.votes, make([]uint8, n))
		}
	}
	return w
}

// run is a tile.Predict.
func (w *worker) run(ctx context.Context, n int, patches, predictions []float32) error {
	begin := time.Now()
	defer func() { w.time += time.Since(begin) }()
	voxels := w.patch[0] * w.patch[1] * w.patch[2]
	in, out := len(w.model.plan.Channels), w.model.out
	clear(w.sum)
	scale := float32(1) / float32(len(w.flips)*len(w.model.nets))
	for k, flip := range w.flips {
		for b := range n {
			mirror(w.input[b*voxels*in:], patches[b*voxels*in:], w.patch, in, flip, 0)
		}
		clear(w.input[n*voxels*in:])
		for f, net := range w.model.nets {
			if err := ctx.Err(); err != nil {
				return err
			}
			res, err := net.Run(nn.Array{Dims: w.dims, Floats: w.input})
			if err != nil {
				return err
			}
			logits := res[0].Floats
			for b := range n {
				mirror(w.sum[b*voxels*out:], logits[b*voxels*out:], w.patch, out, flip, scale)
			}
			if w.votes != nil && f == 0 {
				for b := range n {
					vote(w.votes[k][b*voxels:], logits[b*voxels*out:], w.patch, out, flip)
				}
			}
		}
	}
	copy(predictions[:n*voxels*out], w.sum)
	if w.votes != nil {
		w.compare(n * voxels)
	}
	return nil
}

// compare counts how far the mirrored predictions agree with their average.
func (w *worker) compare(n int) {
	out := w.model.out
	type counts struct{ both, all [256]int64 }
	parts := make([]counts, (n+voteBlock-1)/voteBlock)
	cpu.Do(len(parts), func(_, item int) {
		c := &parts[item]
		for i := item * voteBlock; i < min((item+1)*voteBlock, n); i++ {
			mean := argmax(w.sum[i*out : (i+1)*out])
			for _, v := range w.votes {
				if k := v[i]; int(k) == mean {
					c.both[k]++
				}
				c.all[v[i]]++
				c.all[mean]++
			}
		}
	})
	for i := range parts {
		for k := range out {
			w.both[k] += parts[i].both[k]
			w.all[k] += parts[i].all[k]
		}
	}
}

const voteBlock = 1 << 15

// agreement is the mean over the classes that occur; an image in which none does agrees in full.
func (w *worker) agreement() float64 {
	sum, n := 0., 0
	for k := 1; k < len(w.both); k++ {
		if w.all[k] > 0 {
			sum += 2 * float64(w.both[k]) / float64(w.all[k])
			n++
		}
	}
	if n == 0 {
		return 1
	}
	return sum / float64(n)
}

// mirror writes a patch of channels, flipped, into dst; with a scale it adds the scaled values instead.
func mirror(dst, src []float32, patch [3]int, channels int, flip [3]bool, scale float32) {
	row := patch[2] * channels
	cpu.Do(patch[0]*patch[1], func(_, item int) {
		z, y := item/patch[1], item%patch[1]
		if flip[0] {
			z = patch[0] - 1 - z
		}
		if flip[1] {
			y = patch[1] - 1 - y
		}
		from, to := src[(z*patch[1]+y)*row:][:row], dst[item*row:][:row]
		switch {
		case !flip[2] && scale == 0:
			copy(to, from)
		case !flip[2]:
			for i, v := range from {
				to[i] += v * scale
			}
		default:
			for x := range patch[2] {
				a, b := from[(patch[2]-1-x)*channels:][:channels], to[x*channels:][:channels]
				if scale == 0 {
					copy(b, a)
					continue
				}
				for k, v := range a {
					b[k] += v * scale
				}
			}
		}
	})
}

// vote writes the most likely class of each voxel of a mirrored prediction, turned back.
func vote(dst []uint8, logits []float32, patch [3]int, out int, flip [3]bool) {
	cpu.Do(patch[0]*patch[1], func(_, item int) {
		z, y := item/patch[1], item%patch[1]
		if flip[0] {
			z = patch[0] - 1 - z
		}
		if flip[1] {
			y = patch[1] - 1 - y
		}
		from, to := logits[(z*patch[1]+y)*patch[2]*out:], dst[item*patch[2]:][:patch[2]]
		for x := range to {
			at := x
			if flip[2] {
				at = patch[2] - 1 - x
			}
			to[x] = uint8(argmax(from[at*out : (at+1)*out]))
		}
	})
}

// checkImage refuses images that no network can read, with every finding.
func checkImage(name string, v *volume.Volume, p *plan.Plan) error {
	findings := v.CheckFinite()
	for i := range findings {
		findings[i].File = name
	}
	if v.NumChannels() != len(p.Channels) {
		findings = append(findings, fault.Finding{
			Name: "channels", Severity: fault.Severe, File: name, Message: fault.Count(v.NumChannels(), "channel") + ", and the model reads " + fault.Count(len(p.Channels), "channel"),
		})
	}
	return fault.Refuse("reading an image", findings)
}
