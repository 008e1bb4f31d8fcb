package synth

import (
	"math"
	"math/rand/v2"
)

// ultrasoundSize is the side of an image in pixels, that of MedMNIST's smallest form.
const ultrasoundSize = 28

// Ultrasound makes a set in MedMNIST's form, an .npz with train, val and test: grey images of a dark lesion in speckled
// tissue. Label 0 has a smooth ellipse, wider than high; label 1 an irregular outline, higher than wide, and a shadow
// beneath it. About one lesion in ten looks like the other kind.
func Ultrasound() []byte {
	var arrays []array
	for part, p := range []struct {
		name string
		n    int
	}{{"train", 480}, {"val", 120}, {"test", 200}} {
		images, labels := array{name: p.name + "_images", shape: []int{p.n, ultrasoundSize, ultrasoundSize}}, array{name: p.name + "_labels", shape: []int{p.n, 1}}
		for i := range p.n {
			rng := stream(1, uint64(part<<32|i))
			label := rng.IntN(2)
			labels.data = append(labels.data, byte(label))
			images.data = append(images.data, lesion(rng, label)...)
		}
		arrays = append(arrays, images, labels)
	}
	return npz(arrays)
}

func lesion(rng *rand.Rand, label int) []byte {
	const size = ultrasoundSize
	looks := float64(label)
	if rng.Float64() < .1 {
		looks = 1 - looks
	}
	cx, cy := size/2+3*rng.NormFloat64()/2, size/2+2*rng.NormFloat64()/2
	area := 5 + 1.2*rng.NormFloat64()
	stretch := math.Exp(.25 - .4*looks + .15*rng.NormFloat64()) // width over height
	rx, ry := area*math.Sqrt(stretch), area/math.Sqrt(stretch)
	var wave, phase [4]float64
	for k := range wave {
		wave[k] = (.02 + .09*looks) * rng.NormFloat64()
		phase[k] = 2 * math.Pi * rng.Float64()
	}
	depth, shadow := 55+12*rng.NormFloat64(), 22*looks*rng.Float64()
	out := make([]byte, 0, size*size)
	for y := range size {
		for x := range size {
			dx, dy := float64(x)-cx, float64(y)-cy
			angle := math.Atan2(dy, dx)
			edge := 1.0
			for k := range wave {
				edge += wave[k] * math.Sin(float64(k+3)*angle+phase[k])
			}
			r := math.Hypot(dx/rx, dy/ry) / edge
			tissue := 120 - 1.2*float64(y)
			inside := 1 / (1 + math.Exp((r-1)*(14-6*looks)))
			v := tissue - depth*inside
			if dy > 0 && math.Abs(dx) < rx {
				v -= shadow * (1 - inside)
			}
			out = append(out, clip(v*(1+.22*rng.NormFloat64()))) // speckle grows with the signal
		}
	}
	return out
}
