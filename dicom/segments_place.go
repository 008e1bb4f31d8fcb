package dicom

import (
	"context"
	"fmt"
	"math"

	"galen.dev/fault"
	"galen.dev/volume"
)

// placement says where frames of segments lie on a grid, which may point otherwise: pixel (column, row) of a frame is
// voxel origin + column*right + row*down.
type placement struct {
	segments    *Segments
	onto        volume.Geometry
	origin      [][3]int // of each frame
	right, down [3]int   // of all frames
}

// onGrid is how far from a voxel's centre a pixel may lie, in voxels: positions are written with few decimals.
const onGrid = .1

// place finds the voxel of every frame's first pixel, or says which frames lie beside the grid.
func (s *Segments) place(onto volume.Geometry) (*placement, error) {
	p := &placement{segments: s, onto: onto, origin: make([][3]int, len(s.planes))}
	subject := fmt.Sprintf("laying the segmentation %q on the grid of the images", s.file.Name)
	if err := onto.Check(subject); err != nil {
		return nil, err
	}
	inverse, _ := onto.Affine.Inverse()
	var list []fault.Finding
	for i, f := range s.planes {
		to := inverse.Compose(volume.FromLPS(volume.FromColumns(f.row.Times(f.spacing[1]), f.col.Times(f.spacing[0]), f.normal, f.position)))
		right, ok1 := whole(to.Column(0), onGrid/float64(f.image.Columns))
		down, ok2 := whole(to.Column(1), onGrid/float64(f.image.Rows))
		origin, ok3 := whole(to.Origin(), onGrid)
		switch {
		case !ok1 || !ok2 || length1(right) != 1 || length1(down) != 1:
			list = append(list, f.finding("other-grid", "its rows and columns are not those of the images"))
		case !ok3:
			list = append(list, f.finding("other-grid", "its pixels lie between the voxels of the images"))
		case i > 0 && len(list) == 0 && (right != p.right || down != p.down):
			list = append(list, f.finding("mixed-orientation", "its orientation differs from that of the first frame"))
		case !p.holds(right, f.image.Columns) || !p.holds(down, f.image.Rows):
			list = append(list, f.finding("other-grid", "it is larger than the images"))
		}
		p.origin[i], p.right, p.down = origin, right, down
		if len(list) == maxFaults {
			break
		}
	}
	if err := fault.Refuse(subject, list); err != nil {
		return nil, fault.WithHint(err, "give the images that were segmented, or resample the label map of the segments' own grid")
	}
	return p, nil
}

// whole rounds to whole numbers, if they are close.
func whole(v volume.Vec, slack float64) (out [3]int, ok bool) {
	for i, x := range v {
		r := math.Round(x)
		if !(math.Abs(x-r) <= slack && math.Abs(r) < 1<<30) { // NaN neither
			return out, false
		}
		out[i] = int(r)
	}
	return out, true
}

func length1(v [3]int) (n int) {
	for _, x := range v {
		n += max(x, -x)
	}
	return n
}

// holds says whether n pixels along an axis are no more than the grid has.
func (p *placement) holds(step [3]int, n int) bool {
	for a, x := range step {
		if x != 0 && n > p.onto.Dims[a] {
			return false
		}
	}
	return true
}

// ready checks what memory a grid takes, and that the first frame can be decoded, before memory is taken.
func (p *placement) ready(bytes int) error {
	if need := int64(p.onto.Voxels()) * int64(bytes); need > MemoryLimit {
		return fault.Errorf(fault.Data, "the segmentation needs %d bytes of memory, more than %d", need, int64(MemoryLimit))
	}
	first := p.segments.planes[0]
	_, _, err := first.image.decode(first.frame, nil)
	return err
}

// paint calls set for every marked pixel of the frames that are wanted, with its frame, its voxel and its value. Marked
// pixels outside the grid are refused after all have been counted.
func (p *placement) paint(ctx context.Context, wanted func(frame int) bool, set func(frame, voxel, value int)) error {
	stride := [3]int{1, p.onto.Dims[0], p.onto.Dims[0] * p.onto.Dims[1]}
	var list []fault.Finding
	for i, f := range p.segments.planes {
		if !wanted(i) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		pixels, err := f.image.Frame(f.frame)
		if err != nil {
			return err
		}
		outside := 0
		k := 0
		for r := range f.image.Rows {
			for c := range f.image.Columns {
				v := int(pixels.At(k))
				k++
				if v == 0 {
					continue
				}
				voxel, in := 0, true
				for a := range 3 {
					at := p.origin[i][a] + c*p.right[a] + r*p.down[a]
					in = in && at >= 0 && at < p.onto.Dims[a]
					voxel += at * stride[a]
				}
				if !in {
					outside++
					continue
				}
				set(i, voxel, v)
			}
		}
		if outside > 0 && len(list) < maxFaults {
			x := f.finding("outside", fmt.Sprintf("%s outside the images", fault.Count(outside, "marked pixel")))
			list = append(list, x)
		}
	}
	return fault.Refuse(fmt.Sprintf("reading the segmentation %q", p.segments.file.Name), list)
}

// labelsOf paints all segments into one label map.
func labelsOf[T uint8 | uint16](ctx context.Context, s *Segments, onto volume.Geometry) (*volume.LabelMap, error) {
	p, err := s.place(onto)
	if err != nil {
		return nil, err
	}
	if err := p.ready(4); err != nil {
		return nil, err
	}
	data := make([]T, onto.Voxels())
	var shares []uint16 // of the heaviest segment so far
	if s.Fractional {
		shares = make([]uint16, len(data))
	}
	known := map[int]bool{}
	for _, x := range s.List {
		known[int(x.Value)] = true
	}
	shared, unknown := map[[2]int]int{}, 0
	err = p.paint(ctx, func(int) bool { return true }, func(frame, voxel, value int) {
		switch {
		case s.numbers == nil:
			if !known[value] {
				unknown++
				return
			}
			data[voxel] = T(value)
		case s.Fractional:
			n := T(s.numbers[frame])
			v := uint16(min(value, s.full))
			if 2*int(v) >= s.full && (v > shares[voxel] || v == shares[voxel] && n < data[voxel]) {
				shares[voxel], data[voxel] = v, n
			}
		default:
			n := T(s.numbers[frame])
			if old := data[voxel]; old != 0 && old != n {
				shared[[2]int{int(min(old, n)), int(max(old, n))}]++
				return
			}
			data[voxel] = n
		}
	})
	if err != nil {
		return nil, err
	}
	if err := s.refuseShared(shared, unknown); err != nil {
		return nil, err
	}
	return volume.NewLabels(onto, data, s.Names()), nil
}

func (s *Segments) refuseShared(shared map[[2]int]int, unknown int) error {
	var list []fault.Finding
	for i, a := range s.List {
		for _, b := range s.List[i+1:] {
			if n := shared[[2]int{int(a.Value), int(b.Value)}]; n > 0 && len(list) < maxFaults {
				list = append(list, fault.Finding{
					Name: "overlap", Severity: fault.Severe, File: s.file.Name, Count: n,
					Message: fmt.Sprintf("segments %d and %d share %s", a.Value, b.Value, fault.Count(n, "voxel")),
					Hint:    "a voxel has one label: read the segments as masks, one by one",
				})
			}
		}
	}
	if unknown > 0 {
		list = append(list, fault.Finding{Name: "unknown-label", Severity: fault.Severe, File: s.file.Name, Count: unknown, Message: fault.Count(unknown, "voxel") + " with the number of no segment"})
	}
	return fault.Refuse(fmt.Sprintf("reading the segmentation %q", s.file.Name), list)
}
