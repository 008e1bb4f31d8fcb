package dicom

import (
	"context"
	"fmt"

	"galen.dev/fault"
	"galen.dev/volume"
)

// MemoryLimit bounds the voxels of one volume in bytes: what is beyond is refused before memory is taken.
const MemoryLimit = 16 << 30

// Volume reads the pixels of a stack, several files at a time. Stored values are kept as they are, with the
// rescale beside them, where all slices share one; where slopes differ from slice to slice (as in PET) or the
// modality has a table, real values are stored as float32. Colours become three channels of uint8. MONOCHROME1
// is not inverted: see Image.Grey for what a viewer shows.
func (k *Stack) Volume(ctx context.Context) (*volume.Volume, error) {
	first := k.planes[0]
	v := &volume.Volume{Geometry: k.Geometry, Channels: 1, Times: 1, Modality: k.Series.Modality}
	read, kind := (*plane).stored, first.image.Type()
	switch {
	case !first.image.Monochrome():
		read, kind, v.Channels = (*plane).colours, volume.Uint8, 3
	case k.alike():
		v.Slope, v.Inter, v.Unit = first.rescale.Slope, first.rescale.Inter, first.rescale.Unit
	default:
		read, kind, v.Unit = (*plane).real, volume.Float32, first.rescale.Unit
	}
	n := first.image.Rows * first.image.Columns
	if need := int64(n) * int64(len(k.planes)) * int64(v.Channels*kind.Size()); need > MemoryLimit {
		return nil, fault.Errorf(fault.Data, "the series needs %d bytes of memory, more than %d", need, int64(MemoryLimit))
	}
	// A frame of few bytes may claim to be huge: memory for all is taken once the first is there.
	if _, _, err := first.image.decode(first.frame, nil); err != nil {
		return nil, err
	}
	v.Data = volume.MakeData(kind, n*len(k.planes)*v.Channels)
	problems := make([]error, len(k.planes))
	inParallel(ctx, len(k.planes), func(z int) { problems[z] = read(k.planes[z], v, z) })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var list []fault.Finding
	for z, err := range problems {
		if err == nil {
			continue
		}
		if fault.KindOf(err) != fault.Data {
			return nil, err
		}
		if list = append(list, k.planes[z].finding("unreadable-pixels", err.Error())); len(list) == maxFaults {
			break
		}
	}
	if err := k.Series.refuse(list); err != nil {
		return nil, err
	}
	return v, nil
}

// alike says whether one type and one rescale hold for all slices.
func (k *Stack) alike() bool {
	first := k.planes[0]
	for _, p := range k.planes {
		if p.image.Type() != first.image.Type() || p.rescale != first.rescale || p.rescale.LUT != nil {
			return false
		}
	}
	return true
}

func (p *plane) stored(v *volume.Volume, z int) error {
	n := p.image.Rows * p.image.Columns
	return p.image.read(p.frame, v.Data.Cut(z*n, (z+1)*n))
}

func (p *plane) real(v *volume.Volume, z int) error {
	n := p.image.Rows * p.image.Columns
	stored, err := p.image.Frame(p.frame)
	if err != nil {
		return err
	}
	dst := v.Data.Cut(z*n, (z+1)*n).(volume.Slice[float32])
	if p.rescale.LUT == nil {
		stored.Float32(dst, 0, p.rescale.Slope, p.rescale.Inter)
		return nil
	}
	for i := range dst {
		dst[i] = float32(p.rescale.apply(stored.At(i)))
	}
	return nil
}

func (p *plane) colours(v *volume.Volume, z int) error {
	rgb, err := p.image.RGB(p.frame)
	if err != nil {
		return err
	}
	n, all := len(rgb)/3, v.Data.(volume.Slice[uint8])
	for c := range 3 {
		plane := all[(c*v.Dims[2]+z)*n:][:n]
		for i := range plane {
			plane[i] = rgb[3*i+c]
		}
	}
	return nil
}

// ReadVolume reads the one volume that the paths hold: files, folders or zip archives as for Scan. Files that
// cannot be read, and more than one series of images or one stack, are refused; reports, documents and
// segmentations beside them are passed over.
func ReadVolume(ctx context.Context, paths ...string) (*volume.Volume, *Stack, error) {
	c, err := Scan(ctx, paths...)
	if err != nil {
		return nil, nil, err
	}
	k, err := c.only(paths)
	if err != nil {
		return nil, nil, err
	}
	v, err := k.Volume(ctx)
	if err != nil {
		return nil, nil, err
	}
	return v, k, nil
}

// only returns the one stack that was found.
func (c *Collection) only(paths []string) (*Stack, error) {
	subject := fmt.Sprintf("reading %q", paths)
	if len(paths) == 1 {
		subject = fmt.Sprintf("reading %q", paths[0])
	}
	list := c.severe()
	var series []*Series
	for _, s := range c.Series {
		if s.hasImages() {
			series = append(series, s)
		}
	}
	if len(list) == 0 && len(series) != 1 {
		for _, s := range series {
			list = append(list, fault.Finding{
				Name: "several-series", Severity: fault.Severe, File: s.Files[0].Name,
				Message: fmt.Sprintf("it begins a series of %s, modality %q", fault.Count(len(s.Files), "file"), s.Modality),
				Hint:    "give the files of one series",
			})
		}
		if len(list) == 0 {
			return nil, fault.Errorf(fault.Data, "%s: there is no DICOM image", subject)
		}
	}
	if err := fault.Refuse(subject, list); err != nil {
		return nil, err
	}
	stacks, err := series[0].Stacks()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", subject, err)
	}
	if len(stacks) != 1 {
		for _, k := range stacks {
			list = append(list, fault.Finding{
				Name: "several-volumes", Severity: fault.Severe, File: k.Slices[0].File.Name,
				Message: fmt.Sprintf("it begins the volume %q of %s", k.Label, fault.Count(len(k.Slices), "slice")),
				Hint:    "give the files of one volume",
			})
		}
		return nil, fault.Refuse(subject, list)
	}
	return stacks[0], nil
}
