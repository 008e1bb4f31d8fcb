// Package volume holds images of the body and what they need before a model may see them: where each voxel
// lies in the patient, resampling, reorientation, cropping, connected components. Two-dimensional images are
// volumes of one slice.
//
// Volume is an image and may be interpolated. LabelMap is a type of its own, so that labels never are: a value
// between two labels is a third organ. Voxels stay in the type they were stored in, and the rescale to real
// values (Hounsfield units, say) is applied where they are read.
//
// Positions are in millimetres in the patient, right, anterior and superior being positive (RAS+), as in NIfTI;
// DICOM counts left and posterior (LPS+), and Affine converts. Nothing here invents a geometry: whoever reads a
// file without one gets an error from the reader.
//
// Start with Affine and Geometry, then Volume and LabelMap. Open reads files by what they contain, given the
// table of formats; packages nifti, nrrd, npy and raster bring the formats. All loops run on every thread and
// give the same bits for any number of threads.
package volume

import (
	"fmt"
	"math"

	"galen.dev/fault"
)

// Unit of a voxel's real value, where the source says one.
type Unit string

// Units that readers set. Others are written as the source writes them.
const (
	UnknownUnit Unit = ""
	Hounsfield  Unit = "HU"
)

// Volume is an image on a grid: one or more channels, one or more points of time.
//
// Voxel (x, y, z) of channel c at time t is stored at ((((t*Channels+c)*Z+z)*Y+y)*X+x, where X, Y, Z are Dims.
type Volume struct {
	Geometry
	Channels int  // 1 for grey, 3 for RGB; 0 stands for 1
	Times    int  // points of time; 0 stands for 1
	Data     Data // stored values, Channels*Times*Voxels() of them

	// A real value is Slope*stored + Inter. Slope 0 stands for 1.
	Slope, Inter float64

	Modality string  // DICOM's code, "CT", "MR", "CR" ..., or "" where the source says none
	Unit     Unit    // of the real values
	TimeStep float64 // seconds between points of time; 0 = not known
}

// New makes a volume of one channel and one point of time that owns data. It panics where the length is not
// the number of voxels: callers that read a foreign file check the sizes first.
func New[T Number](g Geometry, data []T) *Volume {
	if len(data) != g.Voxels() {
		panic("volume: data do not fill the grid")
	}
	return &Volume{Geometry: g, Channels: 1, Times: 1, Data: Slice[T](data)}
}

// NumChannels is Channels with its default.
func (v *Volume) NumChannels() int { return max(v.Channels, 1) }

// NumTimes is Times with its default.
func (v *Volume) NumTimes() int { return max(v.Times, 1) }

// Scale returns slope and intercept with the default filled in.
func (v *Volume) Scale() (slope, inter float64) {
	if v.Slope == 0 {
		return 1, v.Inter
	}
	return v.Slope, v.Inter
}

// At is the real value of a voxel. It panics outside the grid.
func (v *Volume) At(x, y, z, channel, time int) float64 {
	if x < 0 || y < 0 || z < 0 || x >= v.Dims[0] || y >= v.Dims[1] || z >= v.Dims[2] ||
		channel < 0 || channel >= v.NumChannels() || time < 0 || time >= v.NumTimes() {
		panic("volume: voxel outside the grid")
	}
	slope, inter := v.Scale()
	return slope*v.Data.At(v.offset(channel, time)+v.Index(x, y, z)) + inter
}

func (v *Volume) offset(channel, time int) int { return (time*v.NumChannels() + channel) * v.Voxels() }

// Frame is the stored data of one channel at one time, x fastest. It shares memory with the volume.
func (v *Volume) Frame(channel, time int) Data {
	at := v.offset(channel, time)
	return v.Data.Cut(at, at+v.Voxels())
}

// Float32 writes the real values of one channel at one time into dst, of Voxels() elements, and returns it; a
// nil dst is made. The arithmetic is in double precision, rounded once.
func (v *Volume) Float32(dst []float32, channel, time int) []float32 {
	n := v.Voxels()
	if dst == nil {
		dst = make([]float32, n)
	}
	if len(dst) != n {
		panic("volume: length mismatch")
	}
	slope, inter := v.Scale()
	frame := v.Frame(channel, time)
	inPieces(n, func(from, to int) { frame.Float32(dst[from:to], from, slope, inter) })
	return dst
}

// Real returns the volume with its real values stored as float32, every channel and time, and no rescale left.
// Where v is that already, it is returned itself.
func (v *Volume) Real() *Volume {
	slope, inter := v.Scale()
	if v.Data.Type() == Float32 && slope == 1 && inter == 0 {
		return v
	}
	out := *v
	out.Slope, out.Inter = 0, 0
	data := make([]float32, v.Data.Len())
	inPieces(len(data), func(from, to int) { v.Data.Float32(data[from:to], from, slope, inter) })
	out.Data = Slice[float32](data)
	return &out
}

// Check refuses a volume whose sizes, geometry or rescale cannot be right, with every finding at once. subject
// names the volume in the error, as `reading "a.nii"`. It looks at no voxel: see CheckFinite.
func (v *Volume) Check(subject string) error {
	findings := v.Geometry.findings()
	want := v.Voxels() * v.NumChannels() * v.NumTimes()
	switch {
	case v.Data == nil:
		findings = append(findings, fault.Finding{Name: "no-voxels", Severity: fault.Severe, Message: "there are no voxels"})
	case v.Data.Len() != want:
		findings = append(findings, fault.Finding{
			Name: "voxel-count", Severity: fault.Severe,
			Message: fmt.Sprintf("%d stored values for %d voxels x %d channels x %d times", v.Data.Len(), v.Voxels(), v.NumChannels(), v.NumTimes()),
		})
	}
	if !isFinite(v.Slope) || !isFinite(v.Inter) {
		findings = append(findings, fault.Finding{Name: "rescale", Severity: fault.Severe, Message: "slope or intercept is not a finite number"})
	}
	return fault.Refuse(subject, findings)
}

// CheckFinite returns a finding where real values are NaN or infinite: how many, and the place of the first.
func (v *Volume) CheckFinite() []fault.Finding {
	if t := v.Data.Type(); t != Float32 && t != Float64 {
		return nil
	}
	n := v.Data.Len()
	pieces, size := pieces(n)
	bad, first := make([]int, pieces), make([]int, pieces)
	do(pieces, func(p int) {
		first[p] = -1
		for i := p * size; i < min(n, (p+1)*size); i++ {
			if !isFinite(v.Data.At(i)) {
				if first[p] < 0 {
					first[p] = i
				}
				bad[p]++
			}
		}
	})
	total, at := 0, -1
	for p := range pieces {
		if total += bad[p]; at < 0 {
			at = first[p]
		}
	}
	if total == 0 {
		return nil
	}
	place := at % v.Voxels()
	x, y, z := place%v.Dims[0], place/v.Dims[0]%v.Dims[1], place/(v.Dims[0]*v.Dims[1])
	return []fault.Finding{{
		Name: "not-finite", Severity: fault.Severe,
		Message: fmt.Sprintf("%s NaN or infinite, the first at voxel (%d, %d, %d)", fault.Count(total, "value"), x, y, z),
		Hint:    "mask or fill these voxels where the image was made",
	}}
}

func isFinite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
