package dicom

import (
	"fmt"
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/volume"
)

const segmentationStorage = "1.2.840.10008.5.1.4.1.1.66.4"

// Segment describes what a segment shows.
type Segment struct {
	Value       uint16 // its label in the label map; of no meaning for probabilities
	Label       string // up to 64 characters
	Description string
	Category    Code // CID 7150, as {"123037004", "SCT", "Anatomical Structure"}
	Type        Code // CID 7151 and below, as {"10200004", "SCT", "Liver"}
	Algorithm   string
	Semi        bool     // a person helped: SEMIAUTOMATIC, not AUTOMATIC
	RGB         [3]uint8 // suggested colour; black stands for none
}

// Segmentation describes a segmentation object.
type Segmentation struct {
	Derived
	Segments    []Segment
	Label       string // Content Label: capitals, digits, underscores; empty stands for SEGMENTATION
	Description string
	Creator     string // name of a person or program, as "Galen"
}

// Binary makes a segmentation object (PS3.3 A.51) of a label map that lies on the grid of its source: one frame
// of one bit a pixel for each slice in which a segment occurs. The label map's axes may point otherwise than
// the source's; grids that differ are refused. Every label that occurs must have a segment.
func (s Segmentation) Binary(m *volume.LabelMap, source *Stack) (*Dataset, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	turned, err := m.Reorient(source.Geometry.Affine.Codes())
	if err != nil {
		return nil, err
	}
	if err := volume.SameGeometry(turned.Geometry, source.Geometry); err != nil {
		return nil, fault.WithHint(fmt.Errorf("the label map is not on the grid of its source: %w", err), "resample it to the series first")
	}
	number := map[uint16]int{}
	for i, x := range s.Segments {
		if _, twice := number[x.Value]; twice || x.Value == 0 {
			return nil, fault.Errorf(fault.Usage, "segments %d: labels must differ and not be 0", i+1)
		}
		number[x.Value] = i + 1
	}
	n := turned.Dims[0] * turned.Dims[1]
	used := make([][]bool, len(s.Segments)+1)
	for i := range used {
		used[i] = make([]bool, turned.Dims[2])
	}
	unknown := map[uint16]int{}
	for z := range turned.Dims[2] {
		for i := z * n; i < (z+1)*n; i++ {
			v := turned.Get(i)
			if v == 0 {
				continue
			}
			if k, ok := number[v]; ok {
				used[k][z] = true
			} else {
				unknown[v]++
			}
		}
	}
	if err := refuseUnknown(unknown); err != nil {
		return nil, err
	}
	frames := framesOf(used)
	packed := make([]byte, (len(frames)*n+7)/8)
	for f, fr := range frames {
		want := s.Segments[fr.segment-1].Value
		for i := range n {
			if turned.Get(fr.z*n+i) == want {
				bit := f*n + i
				packed[bit>>3] |= 1 << (bit & 7)
			}
		}
	}
	return s.object(source, frames, packed, false)
}

func refuseUnknown(unknown map[uint16]int) error {
	var labels []int
	for v := range unknown {
		labels = append(labels, int(v))
	}
	slices.Sort(labels)
	var list []fault.Finding
	for _, v := range labels {
		list = append(list, fault.Finding{Name: "unknown-label", Severity: fault.Severe, Count: unknown[uint16(v)], Message: fmt.Sprintf("label %d occurs and has no segment", v)})
	}
	return fault.Refuse("writing a segmentation", list)
}

// Fractional makes a segmentation object of probabilities, 0 to 1, one volume for each segment, on the grid of
// the source: frames of 8 bits, 255 standing for 1. Slices in which all are 0 have no frame.
func (s Segmentation) Fractional(probabilities []*volume.Volume, source *Stack) (*Dataset, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if len(probabilities) != len(s.Segments) {
		return nil, fault.Errorf(fault.Usage, "%d volumes of probabilities for %d segments", len(probabilities), len(s.Segments))
	}
	dims := source.Geometry.Dims
	n := dims[0] * dims[1]
	levels := make([][]byte, len(probabilities))
	used := make([][]bool, len(probabilities)+1)
	used[0] = make([]bool, dims[2])
	for k, p := range probabilities {
		turned, err := p.Reorient(source.Geometry.Affine.Codes())
		if err != nil {
			return nil, err
		}
		if err := volume.SameGeometry(turned.Geometry, source.Geometry); err != nil {
			return nil, fault.WithHint(fmt.Errorf("the probabilities are not on the grid of their source: %w", err), "resample them to the series first")
		}
		values := turned.Float32(nil, 0, 0)
		levels[k], used[k+1] = make([]byte, len(values)), make([]bool, dims[2])
		bad := 0
		for i, v := range values {
			if !(v >= 0 && v <= 1) {
				bad++
				continue
			}
			q := byte(math.Floor(float64(v)*255 + 0.5))
			levels[k][i] = q
			if q > 0 {
				used[k+1][i/n] = true
			}
		}
		if bad > 0 {
			return nil, fault.Errorf(fault.Data, "segment %d: %s no probability between 0 and 1", k+1, fault.Count(bad, "voxel"))
		}
	}
	frames := framesOf(used)
	pixels := make([]byte, 0, len(frames)*n)
	for _, f := range frames {
		pixels = append(pixels, levels[f.segment-1][f.z*n:][:n]...)
	}
	return s.object(source, frames, pixels, true)
}

// segmentFrame is a frame: slice z of a segment, which counts from 1.
type segmentFrame struct{ segment, z int }

// framesOf lists the frames by segment, then along the normal. An empty segmentation has one empty frame, since
// an image must have one.
func framesOf(used [][]bool) []segmentFrame {
	var out []segmentFrame
	for k := 1; k < len(used); k++ {
		for z, u := range used[k] {
			if u {
				out = append(out, segmentFrame{k, z})
			}
		}
	}
	if len(out) == 0 {
		out = append(out, segmentFrame{1, 0})
	}
	return out
}

func (s Segmentation) check() error {
	var list []fault.Finding
	add := func(i int, message string) {
		list = append(list, fault.Finding{Name: "segment", Severity: fault.Severe, Message: fmt.Sprintf("segment %d: %s", i+1, message)})
	}
	if len(s.Segments) == 0 {
		list = append(list, fault.Finding{Name: "no-segments", Severity: fault.Severe, Message: "there is no segment"})
	}
	for i, x := range s.Segments {
		if x.Label == "" {
			add(i, "it has no label")
		}
		if x.Category.empty() || x.Type.empty() {
			add(i, "category or type is no code with scheme and meaning")
		}
		if x.Algorithm == "" {
			add(i, "the algorithm has no name")
		}
	}
	return fault.Refuse("describing a segmentation", list)
}

// object assembles the data set.
func (s Segmentation) object(source *Stack, frames []segmentFrame, pixels []byte, fractional bool) (*Dataset, error) {
	first := source.planes[0]
	d, err := s.begin(first.file, segmentationStorage, "SEG")
	if err != nil {
		return nil, err
	}
	frame := first.file.Text(FrameOfReferenceUID)
	if frame == "" {
		return nil, fault.Errorf(fault.Data, "the source has no frame of reference: a segmentation would have no place")
	}
	if len(pixels) > math.MaxUint32-2 {
		return nil, fault.Errorf(fault.Data, "the segmentation has more than 4 GiB of pixels: write fewer segments")
	}
	d.SetText(FrameOfReferenceUID, frame)
	d.SetText(PositionReferenceIndicator)
	d.SetText(ImageType, "DERIVED", "PRIMARY")
	label := s.Label
	if label == "" {
		label = "SEGMENTATION"
	}
	d.SetText(ContentLabel, label)
	d.SetText(ContentDescription, s.Description)
	d.SetText(ContentCreatorName, s.Creator)
	d.SetInts(SamplesPerPixel, 1)
	d.SetText(PhotometricInterpretation, "MONOCHROME2")
	d.SetInts(NumberOfFrames, len(frames))
	d.SetInts(Rows, first.image.Rows)
	d.SetInts(Columns, first.image.Columns)
	d.SetInts(PixelRepresentation, 0)
	d.copyLossy(first.file.Dataset)
	if fractional {
		d.SetInts(BitsAllocated, 8)
		d.SetInts(BitsStored, 8)
		d.SetInts(HighBit, 7)
		d.SetText(SegmentationType, "FRACTIONAL")
		d.SetText(SegmentationFractionalType, "PROBABILITY")
		d.SetInts(MaximumFractionalValue, 255)
		d.SetText(SegmentsOverlap, "UNDEFINED")
	} else {
		d.SetInts(BitsAllocated, 1)
		d.SetInts(BitsStored, 1)
		d.SetInts(HighBit, 0)
		d.SetText(SegmentationType, "BINARY")
		d.SetText(SegmentsOverlap, "NO")
	}
	var items []*Dataset
	for i, x := range s.Segments {
		items = append(items, x.item(i+1))
	}
	d.SetItems(SegmentSequence, items...)
	s.dimensions(d, frame)
	d.SetItems(SharedFunctionalGroups, source.sharedGroups())
	d.SetItems(PerFrameFunctionalGroups, source.frameGroups(frames)...)
	d.SetItems(ReferencedSeriesSequence, source.references())
	d.SetBytes(PixelData, OB, pixels)
	return d, s.finish(d)
}

// copyLossy passes on that the source was compressed with loss: so is what was derived from it.
func (d *Dataset) copyLossy(src *Dataset) {
	if src.Text(LossyImageCompression) != "01" {
		d.SetText(LossyImageCompression, "00")
		return
	}
	d.copyFrom(src, false, LossyImageCompression, LossyImageCompressionRatio, LossyImageCompressionMethod)
}

func (x Segment) item(number int) *Dataset {
	d := &Dataset{}
	d.SetInts(SegmentNumber, number)
	d.SetText(SegmentLabel, x.Label)
	if x.Description != "" {
		d.SetText(SegmentDescription, x.Description)
	}
	kind := "AUTOMATIC"
	if x.Semi {
		kind = "SEMIAUTOMATIC"
	}
	d.SetText(SegmentAlgorithmType, kind)
	d.SetText(SegmentAlgorithmName, x.Algorithm)
	d.SetItems(SegmentedPropertyCategory, x.Category.item())
	d.SetItems(SegmentedPropertyType, x.Type.item())
	if x.RGB != [3]uint8{} {
		lab := cieLab(x.RGB)
		d.SetInts(RecommendedDisplayCIELab, lab[0], lab[1], lab[2])
	}
	return d
}

// dimensions says that frames are ordered by segment, then by position.
func (s Segmentation) dimensions(d *Dataset, frame string) {
	uid := UID(s.Seed, "dimensions", frame)
	org := &Dataset{}
	org.SetText(DimensionOrganizationUID, uid)
	d.SetItems(DimensionOrganizationSeq, org)
	index := func(pointer, group Tag, label string) *Dataset {
		x := &Dataset{}
		x.SetText(DimensionOrganizationUID, uid)
		x.SetTags(DimensionIndexPointer, pointer)
		x.SetTags(FunctionalGroupPointer, group)
		x.SetText(DimensionDescriptionLabel, label)
		return x
	}
	d.SetItems(DimensionIndexSequence,
		index(ReferencedSegmentNumber, SegmentIdentificationSeq, "Segment Number"),
		index(ImagePositionPatient, PlanePositionSequence, "Image Position Patient"))
}

func (k *Stack) sharedGroups() *Dataset {
	first := k.planes[0]
	orientation := &Dataset{}
	orientation.SetFloats(ImageOrientationPatient, first.row[0], first.row[1], first.row[2], first.col[0], first.col[1], first.col[2])
	measures := &Dataset{}
	gap := k.Geometry.Spacing()[2]
	measures.SetFloats(SliceThickness, gap)
	measures.SetFloats(SpacingBetweenSlices, gap)
	measures.SetFloats(PixelSpacing, first.spacing[0], first.spacing[1])
	d := &Dataset{}
	d.SetItems(PlaneOrientationSequence, orientation)
	d.SetItems(PixelMeasuresSequence, measures)
	return d
}

func (k *Stack) frameGroups(frames []segmentFrame) []*Dataset {
	out := make([]*Dataset, len(frames))
	for i, f := range frames {
		p := k.planes[f.z]
		source := reference(p.file)
		if p.image.Frames > 1 {
			source.SetInts(ReferencedFrameNumber, p.frame+1)
		}
		source.SetText(SpatialLocationsPreserved, "YES")
		source.SetItems(PurposeOfReferenceCodeSequence, Code{"121322", "DCM", "Source image for image processing operation"}.item())
		derivation := &Dataset{}
		derivation.SetItems(SourceImageSequence, source)
		derivation.SetItems(DerivationCodeSequence, Code{"113076", "DCM", "Segmentation"}.item())
		content := &Dataset{}
		content.SetInts(DimensionIndexValues, f.segment, f.z+1)
		position := &Dataset{}
		position.SetFloats(ImagePositionPatient, p.position[0], p.position[1], p.position[2])
		segment := &Dataset{}
		segment.SetInts(ReferencedSegmentNumber, f.segment)
		d := &Dataset{}
		d.SetItems(DerivationImageSequence, derivation)
		d.SetItems(FrameContentSequence, content)
		d.SetItems(PlanePositionSequence, position)
		d.SetItems(SegmentIdentificationSeq, segment)
		out[i] = d
	}
	return out
}

// references lists the series with every instance once.
func (k *Stack) references() *Dataset {
	d := &Dataset{}
	d.SetText(SeriesInstanceUID, k.Series.UID)
	var items []*Dataset
	seen := map[*File]bool{}
	for _, p := range k.planes {
		if !seen[p.file] {
			seen[p.file] = true
			items = append(items, reference(p.file))
		}
	}
	d.SetItems(ReferencedInstanceSequence, items...)
	return d
}

// cieLab converts sRGB to CIELab under D50, scaled to 16 bits (PS3.3 C.10.7.1.1).
func cieLab(rgb [3]uint8) [3]int {
	var lin [3]float64
	for i, v := range rgb {
		x := float64(v) / 255
		if x <= 0.04045 {
			lin[i] = x / 12.92
		} else {
			lin[i] = math.Pow((x+0.055)/1.055, 2.4)
		}
	}
	// sRGB to XYZ with Bradford adaptation to D50 (the matrix of ICC's sRGB profile).
	x := 0.4360747*lin[0] + 0.3850649*lin[1] + 0.1430804*lin[2]
	y := 0.2225045*lin[0] + 0.7168786*lin[1] + 0.0606169*lin[2]
	z := 0.0139322*lin[0] + 0.0971045*lin[1] + 0.7141733*lin[2]
	f := func(t float64) float64 {
		if t > 216.0/24389 {
			return math.Cbrt(t)
		}
		return (24389.0/27*t + 16) / 116
	}
	fx, fy, fz := f(x/0.96422), f(y), f(z/0.82521)
	l, a, b := 116*fy-16, 500*(fx-fy), 200*(fy-fz)
	round := func(v float64) int { return int(math.Round(min(max(v, 0), 65535))) }
	return [3]int{round(l / 100 * 65535), round((a + 128) / 255 * 65535), round((b + 128) / 255 * 65535)}
}
