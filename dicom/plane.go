package dicom

import (
	"fmt"
	"math"
	"strings"

	"galen.dev/fault"
	"galen.dev/volume"
)

// plane is one frame with its place in the patient, in DICOM's coordinates (LPS+, mm).
type plane struct {
	file  *File
	image *Image
	frame int

	position         volume.Vec // of the centre of the first pixel
	row, col, normal volume.Vec // unit vectors: along a row, down a column, and across
	spacing          [2]float64 // between rows, between columns
	thickness        float64    // 0 = not known
	rescale          Rescale
	along            float64 // position on the normal
}

// finding says what is wrong with a plane: it names the file, the instance and the frame.
func (p *plane) finding(name, message string) fault.Finding {
	return fault.Finding{Name: name, Severity: fault.Severe, File: p.file.Name, Message: p.label() + ": " + message}
}

func (p *plane) label() string {
	s := "instance without a number"
	if n, ok, err := p.file.Int(InstanceNumber); ok && err == nil {
		s = fmt.Sprintf("instance %d", n)
	}
	if p.image.Frames > 1 {
		s += fmt.Sprintf(", frame %d", p.frame+1)
	}
	return s
}

// planes returns every frame of the series with its geometry, or everything that keeps it from having one.
func (s *Series) planes() ([]*plane, []fault.Finding) {
	var out []*plane
	var list []fault.Finding
	for _, f := range s.Files {
		im, err := f.Image()
		if err != nil {
			list = append(list, findingsOf(f, err)...)
			continue
		}
		if im.Frames > 1 && !f.multiframe() {
			list = append(list, fault.Finding{
				Name: "multi-frame-geometry", Severity: fault.Severe, File: f.Name,
				Message: fmt.Sprintf("%d frames, and nothing says where each lies", im.Frames),
				Hint:    "only enhanced multi-frame objects with functional groups become volumes; read the frames as images",
			})
			continue
		}
		if per := len(f.Items(PerFrameFunctionalGroups)); f.multiframe() && per != im.Frames {
			list = append(list, fault.Finding{
				Name: "multi-frame-geometry", Severity: fault.Severe, File: f.Name,
				Message: fmt.Sprintf("%d frames and functional groups of %d", im.Frames, per),
			})
			continue
		}
		for i := range im.Frames {
			p, bad := planeOf(f, im, i)
			list = append(list, bad...)
			out = append(out, p)
		}
	}
	if len(out) == 0 && len(list) == 0 {
		list = append(list, fault.Finding{Name: "no-slices", Severity: fault.Severe, Message: "there are no slices"})
	}
	return out, list
}

// findingsOf turns an error into findings that name the file.
func findingsOf(f *File, err error) []fault.Finding {
	if list := fault.FindingsOf(err); len(list) > 0 {
		for i := range list {
			list[i].File = f.Name
		}
		return list
	}
	return []fault.Finding{{Name: "unreadable", Severity: fault.Severe, File: f.Name, Message: err.Error()}}
}

func planeOf(f *File, im *Image, i int) (*plane, []fault.Finding) {
	p := &plane{file: f, image: im, frame: i}
	var list []fault.Finding
	add := func(name string, t Tag, message string) {
		x := p.finding(name, message)
		x.Column = t.String()
		list = append(list, x)
	}
	numbers := func(sequence, t Tag, n int) []float64 {
		d := f.Dataset
		if f.multiframe() {
			if d = f.group(i, sequence); d == nil {
				add("no-geometry", sequence, "the functional group is absent")
				return nil
			}
		}
		v, err := d.Floats(t)
		switch {
		case err != nil:
			add("malformed-value", t, "a value is no number")
			return nil
		case len(v) != n:
			hint := "it is absent"
			if len(v) > 0 {
				hint = fmt.Sprintf("%d values instead of %d", len(v), n)
			}
			add("no-geometry", t, hint)
			return nil
		}
		for _, x := range v {
			if math.Abs(x) > 1e6 { // a kilometre
				add("out-of-range", t, "a value is too large for a patient")
				return nil
			}
		}
		return v
	}
	position := numbers(PlanePositionSequence, ImagePositionPatient, 3)
	cosines := numbers(PlaneOrientationSequence, ImageOrientationPatient, 6)
	spacing := numbers(PixelMeasuresSequence, PixelSpacing, 2)
	if position != nil {
		p.position = volume.Vec(position)
	}
	if cosines != nil && !p.orient(cosines) {
		add("not-orthonormal", ImageOrientationPatient, "the directions of rows and columns are no unit vectors at right angles")
	}
	if spacing != nil {
		if p.spacing = [2]float64(spacing); !(p.spacing[0] > 0 && p.spacing[1] > 0) {
			add("no-spacing", PixelSpacing, "it is not positive")
		}
	}
	var err error
	if p.rescale, err = im.Rescale(i); err != nil {
		list = append(list, findingsOf(f, err)...)
	}
	p.thickness = p.depth()
	return p, list
}

// orient takes the direction cosines. Rounding to three digits is forgiven; the rest is made exact.
func (p *plane) orient(v []float64) bool {
	const slack = 2e-3
	p.row, p.col = volume.Vec{v[0], v[1], v[2]}, volume.Vec{v[3], v[4], v[5]}
	if math.Abs(p.row.Length()-1) > slack || math.Abs(p.col.Length()-1) > slack || math.Abs(p.row.Dot(p.col)) > slack {
		return false
	}
	p.row = p.row.Times(1 / p.row.Length())
	p.normal = p.row.Cross(p.col)
	p.normal = p.normal.Times(1 / p.normal.Length())
	p.col = p.normal.Cross(p.row)
	return true
}

// depth is how much a slice that stands alone extends along the normal.
func (p *plane) depth() float64 {
	d := p.file.Dataset
	if p.file.multiframe() {
		d = p.file.group(p.frame, PixelMeasuresSequence)
	}
	for _, t := range []Tag{SpacingBetweenSlices, SliceThickness} {
		if v, ok, err := d.Float(t); err == nil && ok && v > 0 && v < 1e4 {
			return v
		}
	}
	return 0
}

// trait is something by which the slices of several volumes in one series may differ.
type trait struct {
	name string
	of   func(p *plane) string
}

// traits in the order in which they are tried.
var traits = []trait{
	{"stack", func(p *plane) string { return p.group(FrameContentSequence).Text(StackID) }},
	{"echo time", func(p *plane) string {
		if d := p.group(MREchoSequence); d != nil {
			return d.Text(EffectiveEchoTime)
		}
		return p.file.Text(EchoTime)
	}},
	{"time", func(p *plane) string {
		if t := p.group(FrameContentSequence).Text(TemporalPositionIndex); t != "" {
			return t
		}
		return p.file.Text(TemporalPositionIdentifier)
	}},
	{"b-value", func(p *plane) string {
		d := p.group(MRDiffusionSequence)
		if d == nil {
			d = p.file.Dataset
		}
		return d.Text(DiffusionBValue)
	}},
	{"gradient", func(p *plane) string {
		d := p.group(MRDiffusionSequence).First(DiffusionGradientDirectionSeq)
		if d == nil {
			d = p.file.Dataset
		}
		return strings.Join(d.Texts(DiffusionGradientOrientation), ",")
	}},
	{"image type", func(p *plane) string {
		for _, t := range []Tag{CTImageFrameTypeSequence, MRImageFrameTypeSequence} {
			if d := p.group(t); d != nil {
				return strings.Join(d.Texts(FrameType), ",")
			}
		}
		return strings.Join(p.file.Texts(ImageType), ",")
	}},
	{"acquisition", func(p *plane) string {
		if t := p.group(FrameContentSequence).Text(FrameAcquisitionNumber); t != "" {
			return t
		}
		return p.file.Text(AcquisitionNumber)
	}},
	{"trigger", func(p *plane) string {
		if d := p.group(CardiacSynchronizationSequence); d != nil {
			return d.Text(NominalCardiacTriggerDelayTime)
		}
		return p.file.Text(TriggerTime)
	}},
	{"frame time", func(p *plane) string { return p.file.Text(FrameReferenceTime) }},
	{"acquisition time", func(p *plane) string { return p.file.Text(AcquisitionTime) }},
}

// group is a functional group of the plane, or nil where the file has none.
func (p *plane) group(sequence Tag) *Dataset {
	if !p.file.multiframe() {
		return nil
	}
	return p.file.group(p.frame, sequence)
}
