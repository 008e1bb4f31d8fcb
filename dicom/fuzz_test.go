package dicom

import (
	"bytes"
	"context"
	"io"
	"testing"
	"testing/fstest"
)

func seeds(f *testing.F) [][]byte {
	var out [][]byte
	for _, syntax := range []string{ExplicitLittleEndian, DeflatedLittleEndian, RLELossless} {
		out = append(out, encode(f, ct(1), syntax))
	}
	out = append(out, encode(f, enhanced([]int{2, 0, 3, 1}), ""))
	deep := begun()
	for range 80 {
		deep.long(SourceImageSequence, "SQ", undefined, "").implicit(item, undefined, "")
	}
	out = append(out, deep.Bytes(), begun().long(SourceImageSequence, "UN", 18, new(raw).implicit(item, 10, "").implicit(Modality, 2, "CT").String()).Bytes())
	out = append(out, new(raw).short(SpecificCharacterSet, "CS", `ISO 2022 IR 13\ISO 2022 IR 87`).short(PatientName, "PN", "\xd4\xcf\x1b$B;3ED\x1b(J^\x1b$BB@").Bytes())
	palette := ct(0)
	palette.SetText(PhotometricInterpretation, "PALETTE COLOR")
	for _, t := range []Tag{RedPaletteDescriptor, GreenPaletteDescriptor, BluePaletteDescriptor} {
		palette.SetInts(t, 6, 0, 16)
	}
	for _, t := range []Tag{SegmentedRedPaletteData, SegmentedGreenPaletteData, SegmentedBluePaletteData} {
		palette.SetBytes(t, OW, words([]int16{0, 1, 5, 1, 2, 9, 2, 2, 0, 0}))
	}
	return append(out, encode(f, palette, ""))
}

// touch reads everything that a file offers.
func touch(d *Dataset) {
	for _, e := range d.All() {
		d.Texts(e.Tag)
		d.Floats(e.Tag)
		d.PrivateCreator(e.Tag)
		_ = e.Tag.String()
		for _, it := range e.Items {
			touch(it)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	maxInflated = 1 << 20
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Parse(bytes.NewReader(b), int64(len(b)), "fuzz")
		if err != nil {
			return
		}
		touch(file.Dataset)
		touch(file.Meta)
		_ = Write(io.Discard, file.Dataset, "")
		im, err := file.Image()
		if err != nil || int64(im.Rows)*int64(im.Columns) > 1<<20 {
			return
		}
		last := im.Frames - 1
		im.Frame(last)
		im.RGB(last)
		if im.Monochrome() {
			im.Grey(last, nil)
			im.Grey(last, &Window{Center: 3, Width: 7, Function: "SIGMOID"})
		}
	})
}

func FuzzSeries(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	others := map[string][]byte{"a": encode(f, ct(0), ""), "c": encode(f, ct(2), "")}
	maxInflated = 1 << 20
	f.Fuzz(func(t *testing.T, b []byte) {
		fsys := fstest.MapFS{"b": {Data: b}}
		for name, data := range others {
			fsys[name] = &fstest.MapFile{Data: data}
		}
		c, err := ScanFS(context.Background(), fsys, []string{"a", "b", "c"})
		if err != nil {
			return
		}
		for _, s := range c.Series {
			stacks, err := s.Stacks()
			if err != nil {
				continue
			}
			for _, k := range stacks {
				if err := k.Geometry.Check("a stack"); err != nil {
					t.Fatal(err)
				}
				if k.Geometry.Voxels() > 1<<20 {
					continue
				}
				v, err := k.Volume(context.Background())
				if err != nil {
					continue
				}
				if err := v.Check("a volume"); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
