package show

import (
	"fmt"
	"math"
	"slices"

	"galen.dev/volume"
)

// Window is the range of real values that is shown from black to white. The zero value stands for Auto.
type Window struct{ Low, High float64 }

// Level is a window by its centre and width, as in CT.
func Level(center, width float64) Window { return Window{center - width/2, center + width/2} }

// Soft, Lung and Bone are windows for CT, in Hounsfield units.
var (
	Soft = Level(40, 400)
	Lung = Level(-600, 1500)
	Bone = Level(400, 1800)
)

// sample bounds how many voxels Auto looks at.
const sample = 1 << 18

// Percentile is the window between two percentiles (0 to 100) of the real values of a channel at the first time. Of large
// volumes it looks at an even selection of 2^18 voxels.
func Percentile(v *volume.Volume, channel int, low, high float64) Window {
	data := v.Frame(channel, 0)
	n := data.Len()
	slope, inter := v.Scale()
	step := max(1, n/sample)
	if step > 1 {
		step |= 1 // even steps would fall on the same columns again and again
	}
	values := make([]float64, 0, n/step+1)
	for i := 0; i < n; i += step {
		if x := float64(slope*data.At(i)) + inter; !math.IsNaN(x) && !math.IsInf(x, 0) {
			values = append(values, x)
		}
	}
	if len(values) == 0 {
		return Window{0, 1}
	}
	slices.Sort(values)
	at := func(percent float64) float64 {
		return values[int(math.Round(min(max(percent, 0), 100)/100*float64(len(values)-1)))]
	}
	return Window{at(low), at(high)}
}

// Auto is the usual window of an image: for Hounsfield units that of soft tissue, for bytes their whole range, for others
// the percentiles .5 and 99.5.
func Auto(v *volume.Volume, channel int) Window {
	slope, inter := v.Scale()
	switch {
	case v.Unit == volume.Hounsfield:
		return Soft
	case v.Data.Type() == volume.Uint8 && slope == 1 && inter == 0:
		return Window{0, 255}
	}
	w := Percentile(v, channel, .5, 99.5)
	if w.Low == w.High {
		w = Percentile(v, channel, 0, 100) // almost all voxels are one value
	}
	return w
}

// share is a value's place in the window, 0 to 1. A window without width is black up to its value and white above it.
func (w Window) share(x float64) float64 {
	switch {
	case math.IsNaN(x) || x <= w.Low:
		return 0
	case x >= w.High:
		return 1
	}
	return (x - w.Low) / (w.High - w.Low)
}

func (w Window) String() string { return fmt.Sprintf("%s to %s", number(w.Low), number(w.High)) }

// number writes a value in three digits.
func number(x float64) string { return fmt.Sprintf("%.3g", x) }
