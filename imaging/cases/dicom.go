package cases

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"galen.dev/dicom"
	"galen.dev/fault"
	"galen.dev/volume"
)

// planar are the modalities whose objects are pictures and not slices of a volume (PS3.3 C.7.3.1.1.1).
var planar = []string{"CR", "DX", "MG", "RF", "XA", "US", "SC", "OT", "XC", "ES", "GM", "OP", "OPT", "SM", "IO", "PX", "RG", "DG", "TG", "EPS", "BMD"}

// dicom makes items of DICOM files: a volume for each stack of slices, and a picture for each file of a modality
// that makes pictures, or that says nothing of its place in the patient.
func (s *source) dicom(ctx context.Context, l *layout, names []string) ([]*item, error) {
	c, err := dicom.ScanFS(ctx, s.fsys, names)
	if err != nil {
		return nil, err
	}
	for _, f := range c.Findings {
		if f.Severity == fault.Severe {
			f.Name = "unreadable"
			l.findings = append(l.findings, f)
		}
	}
	var items []*item
	for _, series := range c.Series {
		files := slices.DeleteFunc(slices.Clone(series.Files), func(f *dicom.File) bool {
			return f.Find(dicom.PixelData) == nil && f.Find(dicom.FloatPixelData) == nil && f.Find(dicom.DoubleFloatPixelData) == nil
		})
		if len(files) == 0 || series.Modality == "SEG" {
			continue
		}
		if isPlanar(series.Modality, files) {
			for _, f := range files {
				items = append(items, picture(f))
			}
			continue
		}
		stacks, err := series.Stacks()
		if err != nil {
			l.findings = append(l.findings, fault.FindingsOf(err)...)
			if len(fault.FindingsOf(err)) == 0 {
				return nil, err
			}
			continue
		}
		for _, k := range stacks {
			items = append(items, stacked(k, len(stacks) > 1))
		}
	}
	slices.SortStableFunc(items, func(a, b *item) int { return strings.Compare(a.name, b.name) })
	return items, nil
}

func isPlanar(modality string, files []*dicom.File) bool {
	if slices.Contains(planar, modality) {
		return true
	}
	return !slices.ContainsFunc(files, func(f *dicom.File) bool {
		return f.Find(dicom.ImagePositionPatient) != nil || f.Find(dicom.SharedFunctionalGroups) != nil
	})
}

// patientKey tells patients apart: the identifier, or the study where there is none.
func patientKey(f *dicom.File) string {
	if id := f.Text(dicom.PatientID); id != "" {
		return id
	}
	return "study " + f.Text(dicom.StudyInstanceUID)
}

func stacked(k *dicom.Stack, several bool) *item {
	f := k.Slices[0].File
	name := f.Name
	if len(k.Slices) > 1 {
		if dir := path.Dir(f.Name); dir != "." {
			name = dir
		}
	}
	if several {
		name += " (" + k.Label + ")"
	}
	return &item{name: name, class: -1, patient: patientKey(f), image: func(ctx context.Context) (*volume.Volume, error) { return k.Volume(ctx) }}
}

// picture is the item of one file that shows a picture: as a viewer shows it, with its modality and VOI transforms
// applied and MONOCHROME1 inverted.
func picture(f *dicom.File) *item {
	return &item{name: f.Name, class: -1, patient: patientKey(f), image: func(ctx context.Context) (*volume.Volume, error) {
		im, err := f.Image()
		if err != nil {
			return nil, err
		}
		if im.Frames > 1 {
			return nil, fault.WithHint(fault.Errorf(fault.Data, "reading %q: it holds %d frames without a place in the patient", f.Name, im.Frames), "export the frames that count as single images")
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		g := volume.Geometry{Dims: [3]int{im.Columns, im.Rows, 1}, Affine: volume.Scaling(pixelSpacing(f))}
		var v *volume.Volume
		if im.Monochrome() {
			grey, err := im.Grey(0, nil)
			if err != nil {
				return nil, err
			}
			v = volume.New(g, grey)
		} else {
			rgb, err := im.RGB(0)
			if err != nil {
				return nil, err
			}
			v = &volume.Volume{Geometry: g, Channels: 3, Data: volume.Slice[uint8](planes(rgb))}
		}
		v.Modality = f.Text(dicom.Modality)
		return v, v.Check(fmt.Sprintf("reading %q", f.Name))
	}}
}

// planes brings colours that lie side by side into planes.
func planes(rgb []uint8) []uint8 {
	n := len(rgb) / 3
	out := make([]uint8, len(rgb))
	for i := range n {
		out[i], out[n+i], out[2*n+i] = rgb[3*i], rgb[3*i+1], rgb[3*i+2]
	}
	return out
}

const imagerPixelSpacing dicom.Tag = 0x00181164

// pixelSpacing is the distance of pixels in mm, 1 where the file names none.
func pixelSpacing(f *dicom.File) volume.Vec {
	for _, t := range []dicom.Tag{dicom.PixelSpacing, imagerPixelSpacing} {
		if d, err := f.Floats(t); err == nil && len(d) == 2 && d[0] > 0 && d[1] > 0 {
			return volume.Vec{d[1], d[0], 1}
		}
	}
	return volume.Vec{1, 1, 1}
}
