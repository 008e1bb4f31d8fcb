package segment

import (
	"fmt"
	"math"
	"slices"

	"galen.dev/volume"
)

// domain is what training images were like, so that an image of another kind is noticed: a network segments whatever
// it is given.
type domain struct {
	Features []feature `json:"features"`
}

// feature is one number of an image, with its range over the training images.
type feature struct {
	Name string  `json:"name"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Scale is the least width by which the range counts: training images that are all alike must not make every
	// other image strange.
	Scale float64 `json:"scale"`
	Log   bool    `json:"log,omitempty"` // low, high and scale are logarithms: ratios count
}

// How far outside the training images a feature is worth a word, and from where on the model abstains, in widths of
// the range.
const (
	worthAWord = .25
	tooFar     = 1.5
)

// featuresOf are the numbers of an image: spacings in rising order, and of each channel what nearly all, half and
// nearly no values lie above.
func featuresOf(v *volume.Volume, channels []string) []feature {
	spacing := v.Spacing()
	s := []float64{spacing[0], spacing[1], spacing[2]}
	if v.Dims[2] == 1 {
		s = s[:2]
	}
	slices.Sort(s)
	var out []feature
	for i, mm := range s {
		l := math.Log(mm)
		out = append(out, feature{Name: fmt.Sprintf("spacing %d", i+1), Low: l, High: l, Scale: math.Log(1.5), Log: true})
	}
	for k, name := range channels {
		q := v.Percentiles(k, 0, 1, 50, 99)
		width := max(q[2]-q[0], 1e-6)
		for i, what := range []string{"percentile 1", "median", "percentile 99"} {
			out = append(out, feature{Name: what + " of " + name, Low: q[i], High: q[i], Scale: width / 2})
		}
	}
	return out
}

// add widens the ranges by a training image.
func (d *domain) add(image []feature) {
	if d.Features == nil {
		d.Features = image
		return
	}
	for i := range d.Features {
		if i >= len(image) {
			break
		}
		f := &d.Features[i]
		f.Low, f.High, f.Scale = min(f.Low, image[i].Low), max(f.High, image[i].High), max(f.Scale, image[i].Scale)
	}
}

// compare says in which features an image lies outside the training images, and whether so far that the model had
// better say nothing.
func (d *domain) compare(image []feature) (outside []string, far bool) {
	if len(image) != len(d.Features) {
		return []string{dimensionText(len(image) < len(d.Features))}, true
	}
	for i, f := range d.Features {
		width := max(f.High-f.Low, f.Scale)
		beyond := max(f.Low-image[i].Low, image[i].Low-f.High) / width
		if beyond > worthAWord {
			outside = append(outside, f.Name)
		}
		far = far || beyond > tooFar
	}
	return outside, far
}

func dimensionText(flat bool) string {
	if flat {
		return "a single slice, where training images were volumes"
	}
	return "a volume, where training images were single slices"
}

// blank says whether every channel of an image has one value throughout. Intensities are brought to scale by their
// spread, so that nothing but rounding would be left for the network to see.
func blank(v *volume.Volume) bool {
	for k := range v.NumChannels() {
		if ends := v.Percentiles(k, 0, 0, 100); ends[0] != ends[1] {
			return false
		}
	}
	return true
}
