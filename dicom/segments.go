package dicom

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/volume"
)

// labelmapStorage is the class of segmentations whose pixels are the numbers of segments (PS3.3 A.51, 2024).
const labelmapStorage = "1.2.840.10008.5.1.4.1.1.66.7"

// Segments is a segmentation object as it was read: which parts of the body its frames mark, and where they lie.
type Segments struct {
	// List describes the segments. Value is the number by which frames refer to one, and its label in LabelMap.
	// Algorithm is empty where a person drew it.
	List       []Segment
	Fractional bool   // pixels are probabilities or shares of a voxel, and not 0 or 1
	SeriesUID  string // of the images that were segmented; empty where the object names none
	FrameUID   string // of the frame of reference, which a grid in the same patient shares

	file    *File
	planes  []*plane
	numbers []int // of each frame's segment; nil where pixels hold the numbers
	full    int   // the pixel value that stands for 1
}

// isSegmentation says whether a file holds segments.
func (f *File) isSegmentation() bool {
	class := f.Text(SOPClassUID)
	return class == segmentationStorage || class == labelmapStorage
}

// Segments reads the description of a segmentation object (PS3.3 A.51): binary, fractional, or a label map. Pixels are
// read by LabelMap and Mask. Frames without a place in the patient are refused.
func (f *File) Segments() (*Segments, error) {
	c := checks{file: f}
	if !f.isSegmentation() {
		return nil, c.refuse("no-segmentation", SOPClassUID, "the object is no segmentation")
	}
	s := &Segments{file: f, SeriesUID: f.First(ReferencedSeriesSequence).Text(SeriesInstanceUID), FrameUID: f.Text(FrameOfReferenceUID)}
	s.list(&c)
	var bad []fault.Finding
	s.planes, bad = (&Series{Files: []*File{f}}).planes()
	c.list = append(c.list, bad...)
	if err := c.err(); err != nil {
		return nil, err
	}
	s.kind(&c)
	if len(c.list) == 0 && s.numbers != nil {
		s.assign(&c)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// list reads the segments.
func (s *Segments) list(c *checks) {
	seen := map[int]bool{}
	for i, d := range s.file.Items(SegmentSequence) {
		n, ok, err := d.Int(SegmentNumber)
		if err != nil || !ok || n < 0 || n > math.MaxUint16 || seen[n] {
			if len(c.list) < maxFaults {
				c.add("segment-number", SegmentNumber, fmt.Sprintf("segment %d of the list has no number of its own", i+1))
			}
			continue
		}
		seen[n] = true
		if n == 0 {
			continue // label maps may describe their background
		}
		x := Segment{
			Value: uint16(n), Label: d.Text(SegmentLabel), Description: d.Text(SegmentDescription),
			Category: codeOf(d.First(SegmentedPropertyCategory)), Type: codeOf(d.First(SegmentedPropertyType)),
			Algorithm: d.Text(SegmentAlgorithmName), Semi: d.Text(SegmentAlgorithmType) == "SEMIAUTOMATIC",
		}
		if lab, err := d.Floats(RecommendedDisplayCIELab); err == nil && len(lab) == 3 {
			x.RGB = sRGB([3]int{int(lab[0]), int(lab[1]), int(lab[2])})
		}
		s.List = append(s.List, x)
	}
	slices.SortFunc(s.List, func(a, b Segment) int { return cmp.Compare(a.Value, b.Value) })
	if len(s.List) == 0 && len(c.list) == 0 {
		c.add("no-segments", SegmentSequence, "no segment is described")
	}
}

func codeOf(d *Dataset) Code {
	return Code{d.Text(CodeValue), d.Text(CodingSchemeDesignator), d.Text(CodeMeaning)}
}

// kind reads what a pixel stands for.
func (s *Segments) kind(c *checks) {
	im := s.planes[0].image
	kind := s.file.Text(SegmentationType)
	s.full = 1
	s.numbers = make([]int, len(s.planes))
	switch {
	case im.Samples != 1 || im.Float || im.Signed || im.BitsAllocated > 16:
		c.add("bits", BitsAllocated, "the pixels are neither bits nor unsigned numbers of 8 or 16 bits")
	case kind == "BINARY":
	case kind == "FRACTIONAL":
		s.Fractional = true
		s.full = c.number(MaximumFractionalValue, 1, 1<<im.BitsStored-1, -1)
	case kind == "LABELMAP":
		s.numbers = nil
	default:
		c.add("segmentation-type", SegmentationType, "it is none of BINARY, FRACTIONAL and LABELMAP")
	}
}

// assign finds the segment of each frame.
func (s *Segments) assign(c *checks) {
	known := map[int]bool{}
	for _, x := range s.List {
		known[int(x.Value)] = true
	}
	for i, p := range s.planes {
		n, ok, err := p.group(SegmentIdentificationSeq).Int(ReferencedSegmentNumber)
		if err != nil || !ok || !known[n] {
			x := p.finding("unknown-segment", "it belongs to no segment of the list")
			if c.list = append(c.list, x); len(c.list) >= maxFaults {
				return
			}
		}
		s.numbers[i] = n
	}
}

// Names are the labels of the segments, for a label map.
func (s *Segments) Names() []volume.Label {
	var out []volume.Label
	for _, x := range s.List {
		out = append(out, volume.Label{Value: x.Value, Name: cmp.Or(x.Label, x.Type.Meaning)})
	}
	return out
}

// Source finds the images that were segmented: the stack of the referenced series, or else of the same frame of
// reference, on whose grid all frames lie. Where there is none, the error says why.
func (s *Segments) Source(c *Collection) (*Stack, error) {
	var candidates []*Series
	for _, x := range c.Series {
		if x.UID == s.SeriesUID && x.hasImages() {
			candidates = []*Series{x}
			break
		}
		if s.FrameUID != "" && x.hasImages() && x.Files[0].Text(FrameOfReferenceUID) == s.FrameUID {
			candidates = append(candidates, x)
		}
	}
	var first error
	for _, x := range candidates {
		stacks, err := x.Stacks()
		for _, k := range stacks {
			if _, err = s.place(k.Geometry); err == nil {
				return k, nil
			}
		}
		if first == nil {
			first = err
		}
	}
	if first != nil {
		return nil, fmt.Errorf("finding the images of segmentation %q: %w", s.file.Name, first)
	}
	return nil, fault.WithHint(fault.Errorf(fault.Data, "finding the images of segmentation %q: neither the series that it names nor another one of its frame of reference is there", s.file.Name),
		"give the images beside the segmentation")
}

// Geometry is the segments' own grid, from the first to the last frame: what there is where the images are not at hand.
// Slices that have no frame are empty.
func (s *Segments) Geometry() (volume.Geometry, error) {
	groups, list := byOrientation(s.planes)
	if len(groups) > 1 && len(list) == 0 {
		list = append(list, s.planes[0].finding("mixed-orientation", "frames have several orientations"))
	}
	list = append(list, uniform(groups[0])...)
	subject := fmt.Sprintf("placing the segmentation %q", s.file.Name)
	if err := fault.Refuse(subject, capped(list)); err != nil {
		return volume.Geometry{}, err
	}
	planes := slices.Clone(s.planes)
	sortAlong(planes)
	first := planes[0]
	step, n := s.step(planes)
	for _, p := range planes {
		at := (p.along - first.along) / step
		if off := math.Abs(at-math.Round(at)) * step; off > max(gapSlack*step, samePlace) || step == 0 {
			list = append(list, p.finding("unequal-gap", "it does not lie a whole number of slices from the first frame"))
		}
	}
	g := volume.Geometry{Dims: [3]int{first.image.Columns, first.image.Rows, n}, Affine: volume.FromLPS(volume.FromColumns(
		first.row.Times(first.spacing[1]), first.col.Times(first.spacing[0]), first.normal.Times(step), first.position))}
	if err := fault.Refuse(subject, capped(list)); err != nil {
		return g, err
	}
	return g, g.Check(subject)
}

// step is the distance of slices and their number: the smallest distance that occurs, or what the object says where it
// holds one slice or says less.
func (s *Segments) step(planes []*plane) (step float64, n int) {
	last := planes[len(planes)-1].along - planes[0].along
	for i := 1; i < len(planes); i++ {
		if gap := planes[i].along - planes[i-1].along; gap >= samePlace && (step == 0 || gap < step) {
			step = gap
		}
	}
	if said := planes[0].thickness; said > 0 && (step == 0 || said < step) {
		if times := step / said; math.Abs(times-math.Round(times)) < gapSlack {
			step = said
		}
	}
	if step == 0 {
		return 0, 1
	}
	// The straight line from first to last is more precise than one gap.
	slices := math.Round(last / step)
	if slices > 0 {
		step = last / slices
	}
	return step, int(min(slices, 1<<20)) + 1
}

func capped(list []fault.Finding) []fault.Finding { return list[:min(len(list), maxFaults)] }

// sRGB turns a colour in CIELab under D50 into the one of 8 bits that screens take; see cieLab.
func sRGB(lab [3]int) (rgb [3]uint8) {
	l, a, b := float64(lab[0])/65535*100, float64(lab[1])/65535*255-128, float64(lab[2])/65535*255-128
	fy := (l + 16) / 116
	back := func(f float64) float64 {
		if f*f*f > 216.0/24389 {
			return f * f * f
		}
		return (116*f - 16) * 27 / 24389
	}
	x, y, z := .96422*back(fy+a/500), back(fy), .82521*back(fy-b/200)
	for i, v := range [3]float64{
		3.1338561*x - 1.6168667*y - .4906146*z,
		-.9787684*x + 1.9161415*y + .0334540*z,
		.0719453*x - .2289914*y + 1.4052427*z,
	} {
		if v <= .0031308 {
			v *= 12.92
		} else {
			v = 1.055*math.Pow(v, 1/2.4) - .055
		}
		rgb[i] = uint8(math.Round(min(max(v, 0), 1) * 255))
	}
	return rgb
}

// LabelMap is the segments as one label map on a grid: that of the images (Stack.Geometry), or their own (Geometry).
// Frames that do not lie on the grid's slices, marked voxels outside it, and voxels of two binary segments are refused,
// all at once. Of fractional segments a voxel takes the one with the largest share, where that is at least a half.
func (s *Segments) LabelMap(ctx context.Context, onto volume.Geometry) (*volume.LabelMap, error) {
	top := uint16(0)
	for _, x := range s.List {
		top = max(top, x.Value)
	}
	if top <= math.MaxUint8 {
		return labelsOf[uint8](ctx, s, onto)
	}
	return labelsOf[uint16](ctx, s, onto)
}

// Mask is one segment on a grid, by its number: 0 or 1, or the share or probability in between. Segments that overlap
// are read so.
func (s *Segments) Mask(ctx context.Context, number uint16, onto volume.Geometry) (*volume.Volume, error) {
	if !slices.ContainsFunc(s.List, func(x Segment) bool { return x.Value == number }) {
		return nil, fault.Errorf(fault.Usage, "segmentation %q has no segment %d", s.file.Name, number)
	}
	p, err := s.place(onto)
	if err != nil {
		return nil, err
	}
	if err := p.ready(4); err != nil {
		return nil, err
	}
	data := make([]float32, onto.Voxels())
	err = p.paint(ctx, func(frame int) bool { return s.numbers == nil || s.numbers[frame] == int(number) }, func(_, voxel, value int) {
		if s.numbers == nil {
			if value == int(number) {
				data[voxel] = 1
			}
			return
		}
		data[voxel] = float32(min(float64(value)/float64(s.full), 1))
	})
	if err != nil {
		return nil, err
	}
	return volume.New(onto, data), nil
}
