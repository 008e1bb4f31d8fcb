package classify

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"galen.dev/fault"
	"galen.dev/imaging/cases"
	"galen.dev/volume"
)

// plan is how an image becomes the network's input, from the training images alone. It is plan.json, and may be read
// by people.
type plan struct {
	Format   int    `json:"format"`
	Depth    int    `json:"depth"` // slices; 0 for pictures
	Height   int    `json:"height"`
	Width    int    `json:"width"`
	Channels int    `json:"channels"`
	Fit      string `json:"fit"`    // pad or stretch
	Scheme   string `json:"scheme"` // training, window or image

	// Of each channel, from training images: bounds of the clip (window), mean and standard deviation.
	Low  []float64 `json:"low,omitempty"`
	High []float64 `json:"high,omitempty"`
	Mean []float64 `json:"mean,omitempty"`
	SD   []float64 `json:"sd,omitempty"`
}

const planFormat = 1

// Largest sides of the network's input where the study names none.
const (
	mostPixels = 224
	mostVoxels = 64
)

// dims is the shape of an input without its channels, depth first.
func (p *plan) dims() [3]int { return [3]int{max(p.Depth, 1), p.Height, p.Width} }

// shape is the shape of an input.
func (p *plan) shape() []int {
	if p.Depth == 0 {
		return []int{p.Height, p.Width, p.Channels}
	}
	return []int{p.Depth, p.Height, p.Width, p.Channels}
}

// values is how many numbers an input has.
func (p *plan) values() int { return max(p.Depth, 1) * p.Height * p.Width * p.Channels }

// planOptions are the study's choices that a plan depends on.
type planOptions struct {
	Channels, Fit, Intensity string
	Size, Slices             int
	Seed                     uint64
}

// fitPlan makes the plan from training images; progress hears how many were read.
func fitPlan(ctx context.Context, c *cases.Container, list []int, o planOptions, progress func(done int)) (*plan, error) {
	p := &plan{Format: planFormat, Fit: o.Fit, Scheme: o.Intensity}
	if err := p.sizes(c, list, o); err != nil {
		return nil, err
	}
	if o.Intensity == "auto" {
		p.Scheme = "image"
		switch b := c.Records[list[0]].Image; {
		case b.Unit == volume.Hounsfield || b.Modality == "CT":
			p.Scheme = "window"
		case b.Type == volume.Uint8:
			p.Scheme = "training"
		}
	}
	if p.Scheme == "image" {
		return p, nil
	}
	return p, p.statistics(ctx, c, list, o.Seed, progress)
}

// sizes decides the shape of the input.
func (p *plan) sizes(c *cases.Container, list []int, o planOptions) error {
	var sides [3][]int
	deep, flat, colour := 0, 0, 0
	for _, i := range list {
		b := &c.Records[i].Image
		if b.Times > 1 {
			return fault.WithHint(fault.Errorf(fault.Data, "%s: an image of %d points of time cannot be classified", c.Records[i].Name, b.Times), "give one volume for each point of time")
		}
		if b.Dims[2] > 1 {
			deep++
		} else {
			flat++
		}
		if b.Channels == 3 || b.Channels == 4 && (b.Type == volume.Uint8 || b.Type == volume.Uint16) { // the fourth is opacity
			colour++
		}
		for a := range 3 {
			sides[a] = append(sides[a], b.Dims[2-a])
		}
	}
	if deep > 0 && flat > 0 {
		return fault.WithHint(fault.Errorf(fault.Data, "of the training images %d are volumes and %d are pictures", deep, flat), "a model is for one of them")
	}
	p.Channels = channelsOf(c, list)
	switch {
	case o.Channels == "grey":
		p.Channels = 1
	case o.Channels == "colour" || colour > 0 && deep == 0:
		p.Channels = 3
	}
	most := mostPixels
	if deep > 0 {
		most = mostVoxels
	}
	median := [3]int{}
	for a := range 3 {
		slices.Sort(sides[a])
		median[a] = sides[a][len(sides[a])/2]
	}
	if longest := slices.Max(median[1:]); longest > most {
		for a := 1; a < 3; a++ {
			median[a] = max(median[a]*most/longest, 1)
		}
	}
	p.Height, p.Width = max(median[1], smallest), max(median[2], smallest)
	if o.Size > 0 {
		p.Height, p.Width = max(o.Size, smallest), max(o.Size, smallest)
	}
	if deep > 0 {
		p.Depth = max(min(median[0], most), smallest)
		if o.Slices > 0 {
			p.Depth = max(o.Slices, smallest)
		}
	} else if o.Slices > 0 {
		return fault.WithHint(fault.Errorf(fault.Usage, "the parameter slices is for volumes, and these are pictures"), "leave it out")
	}
	return nil
}

// smallest is the least side of an input that two poolings leave something of.
const smallest = 8

func channelsOf(c *cases.Container, list []int) int {
	most := 1
	for _, i := range list {
		most = max(most, c.Records[i].Image.Channels)
	}
	return most
}

// statistics finds mean, spread and percentiles of the values of training images, one image in memory at a time.
func (p *plan) statistics(ctx context.Context, c *cases.Container, list []int, seed uint64, progress func(done int)) error {
	rng := rand.New(rand.NewPCG(seed, 0x57a7))
	each := max(1_000_000/len(list), 64)
	samples := make([][]float32, p.Channels)
	for done, i := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		v, err := c.Image(ctx, i)
		if err != nil {
			return err
		}
		planes, err := p.planes(v)
		if err != nil {
			return err
		}
		for k, plane := range planes {
			if len(plane) <= each {
				samples[k] = append(samples[k], plane...)
				continue
			}
			for range each {
				samples[k] = append(samples[k], plane[rng.IntN(len(plane))])
			}
		}
		progress(done + 1)
	}
	for _, s := range samples {
		slices.Sort(s)
		low, high := float64(s[0]), float64(s[len(s)-1])
		if p.Scheme == "window" {
			low, high = float64(s[(len(s)-1)*5/1000]), float64(s[(len(s)-1)*995/1000])
		}
		sum, square := 0.0, 0.0
		for _, x := range s {
			sum += min(max(float64(x), low), high)
		}
		mean := sum / float64(len(s))
		for _, x := range s {
			d := min(max(float64(x), low), high) - mean
			square += d * d
		}
		p.Low, p.High = append(p.Low, low), append(p.High, high)
		p.Mean, p.SD = append(p.Mean, mean), append(p.SD, max(math.Sqrt(square/float64(len(s))), 1e-8))
	}
	return nil
}

// planes are the real values of an image's channels as the plan has them.
func (p *plan) planes(v *volume.Volume) ([][]float32, error) {
	n := v.NumChannels()
	take := func(k int) []float32 { return v.Float32(nil, k, 0) }
	switch {
	case n == p.Channels:
	case n == 4 && p.Channels == 3: // the fourth is opacity
	case n == 1:
		grey := take(0)
		out := make([][]float32, p.Channels)
		for k := range out {
			out[k] = slices.Clone(grey)
		}
		return out, nil
	case n >= 3 && p.Channels == 1:
		r, g, b := take(0), take(1), take(2)
		for i := range r { // luma of ITU-R BT.601
			r[i] = .299*r[i] + .587*g[i] + .114*b[i]
		}
		return [][]float32{r}, nil
	default:
		return nil, fault.Errorf(fault.Data, "the image has %s, and the model takes %d", fault.Count(n, "channel"), p.Channels)
	}
	out := make([][]float32, p.Channels)
	for k := range out {
		out[k] = take(k)
	}
	return out, nil
}

// input is an image as the network takes it, channels last. It is the same function for training and for new images.
func (p *plan) input(v *volume.Volume) ([]float32, error) {
	if (v.Dims[2] > 1) != (p.Depth > 0) {
		return nil, fault.Errorf(fault.Data, "the image has %s, and the model is for %s", fault.Count(v.Dims[2], "slice"), map[bool]string{true: "volumes", false: "pictures"}[p.Depth > 0])
	}
	if v.NumTimes() > 1 {
		return nil, fault.Errorf(fault.Data, "the image has %d points of time, and the model takes one", v.NumTimes())
	}
	if p.Depth > 0 { // the axes point the same way in all patients
		turned, err := v.Reorient("RAS")
		if err != nil {
			return nil, err
		}
		v = turned
	}
	planes, err := p.planes(v)
	if err != nil {
		return nil, err
	}
	from, to := [3]int{v.Dims[2], v.Dims[1], v.Dims[0]}, p.dims()
	inner := p.inner(from)
	out := make([]float32, p.values())
	for k, x := range planes {
		p.standardise(k, x)
		x = pad(resize3(x, from, inner), inner, to)
		for i, value := range x {
			out[i*p.Channels+k] = value
		}
	}
	return out, nil
}

// inner is the part of the input that an image of these sizes fills.
func (p *plan) inner(from [3]int) [3]int {
	to := p.dims()
	if p.Fit == "stretch" || p.Depth > 0 {
		return to
	}
	scale := min(float64(to[1])/float64(from[1]), float64(to[2])/float64(from[2]))
	side := func(n, most int) int { return min(max(int(math.Round(float64(n)*scale)), 1), most) }
	return [3]int{1, side(from[1], to[1]), side(from[2], to[2])}
}

// standardise changes the values of channel k in place.
func (p *plan) standardise(k int, x []float32) {
	mean, sd := 0.0, 1.0
	if p.Scheme == "image" {
		sum, square := 0.0, 0.0
		for _, v := range x {
			sum += float64(v)
		}
		mean = sum / float64(len(x))
		for _, v := range x {
			square += (float64(v) - mean) * (float64(v) - mean)
		}
		sd = max(math.Sqrt(square/float64(len(x))), 1e-8)
	} else {
		mean, sd = p.Mean[k], p.SD[k]
		if p.Scheme == "window" {
			low, high := float32(p.Low[k]), float32(p.High[k])
			for i := range x {
				x[i] = min(max(x[i], low), high)
			}
		}
	}
	for i, v := range x {
		x[i] = float32((float64(v) - mean) / sd)
	}
}

// check refuses a plan from a file that this package cannot have written.
func (p *plan) check() error {
	ok := p.Format == planFormat && p.Channels >= 1 && p.Channels <= 1024 && (p.Scheme == "image" || len(p.Mean) == p.Channels && len(p.SD) == p.Channels && len(p.Low) == p.Channels && len(p.High) == p.Channels)
	for _, d := range p.dims() {
		ok = ok && d >= 1 && d <= 4096
	}
	for _, s := range p.SD {
		ok = ok && s > 0
	}
	if !ok {
		return fault.Errorf(fault.Corrupt, "the plan is of another format, or incomplete")
	}
	return nil
}
