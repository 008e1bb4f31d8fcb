// Package raster reads pictures: PNG, JPEG and TIFF, of 8 or 16 bits, in grey or in colour, as volumes of one
// slice, and TIFF files of many pages as stacks.
//
// Depth is kept: 16 bits stay 16 bits. A picture does not say where it lies in a patient; the volume's affine
// counts in pixels, x to the right of the picture and y down, and Format takes a spacing where the caller knows
// one. PNG and JPEG are decoded by the standard library; TIFF is decoded here, because 16-bit stacks in tiles are
// what microscopes write.
//
// Start with Read; Format is for volume.Formats.
package raster

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"galen.dev/fault"
	"galen.dev/volume"
)

// MaxPixels bounds a picture, all pages together: what a whole slide at its finest holds is read in parts
// elsewhere.
const MaxPixels = 1 << 30

// maxFile bounds a file, which is read whole.
const maxFile = 8 << 30

// Read reads the picture in a file.
func Read(ctx context.Context, name string) (*volume.Volume, error) {
	return ReadFS(ctx, os.DirFS(filepath.Dir(name)), filepath.Base(name))
}

// ReadFS reads a picture from a folder or an archive.
func ReadFS(ctx context.Context, fsys fs.FS, name string) (*volume.Volume, error) {
	subject := fmt.Sprintf("reading %q", name)
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fault.Disk(subject, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fault.Disk(subject, err)
	}
	v, err := decode(ctx, b)
	return v, refuse(subject, err)
}

// Decode reads a picture from its bytes.
func Decode(ctx context.Context, b []byte) (*volume.Volume, error) {
	v, err := decode(ctx, b)
	return v, refuse("reading a picture", err)
}

func refuse(subject string, err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		return fault.Refuse(subject, []fault.Finding{{Name: "truncated", Severity: fault.Severe, Message: "the file ends within the picture", Hint: "copy or download it again"}})
	}
	return fault.Refuse(subject, []fault.Finding{{Name: "picture", Severity: fault.Severe, Message: err.Error()}})
}

const (
	pngMagic  = "\x89PNG\r\n\x1a\n"
	jpegMagic = "\xff\xd8\xff"
)

func isTIFF(b []byte) bool {
	return bytes.HasPrefix(b, []byte("II*\x00")) || bytes.HasPrefix(b, []byte("MM\x00*"))
}

func decode(ctx context.Context, b []byte) (*volume.Volume, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch {
	case len(b) > maxFile:
		return nil, fmt.Errorf("the file has more than %d bytes", int64(maxFile))
	case bytes.HasPrefix(b, []byte(pngMagic)):
		c, err := png.DecodeConfig(bytes.NewReader(b))
		// A row of a 1-bit PNG packs 8 pixels a byte, and deflate gains 1032 at most.
		if err := bounded(c, err, len(b), 8*1032); err != nil {
			return nil, err
		}
		im, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return fromImage(im), nil
	case bytes.HasPrefix(b, []byte(jpegMagic)):
		c, err := jpeg.DecodeConfig(bytes.NewReader(b))
		// An empty block of 64 pixels takes some bits in every component; runs of empty blocks in progressive
		// files take fewer.
		if err := bounded(c, err, len(b), 64*1024); err != nil {
			return nil, err
		}
		im, err := jpeg.Decode(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return fromImage(im), nil
	case isTIFF(b):
		return decodeTIFF(ctx, b)
	}
	return nil, fmt.Errorf("the file is no PNG, JPEG or TIFF")
}

// bounded refuses sizes before memory is taken for them.
func bounded(c image.Config, err error, size, perByte int) error {
	if err != nil {
		return err
	}
	if c.Width < 1 || c.Height < 1 || c.Width > MaxPixels/c.Height {
		return fmt.Errorf("a picture of %d x %d pixels is empty or larger than %d pixels", c.Width, c.Height, MaxPixels)
	}
	if c.Width*c.Height/perByte > size {
		return fmt.Errorf("the file claims %d x %d pixels, more than its %d bytes can hold", c.Width, c.Height, size)
	}
	return nil
}

// pixels is the grid of a picture: as many mm as pixels.
func pixels(w, h, pages int) volume.Geometry {
	return volume.Geometry{Dims: [3]int{w, h, pages}, Affine: volume.Identity()}
}

// fromImage keeps the depth of a decoded picture. Palettes become colours; alpha is kept where it is not full
// everywhere.
func fromImage(im image.Image) *volume.Volume {
	b := im.Bounds()
	w, h := b.Dx(), b.Dy()
	switch m := im.(type) {
	case *image.Gray:
		data := make([]uint8, w*h)
		for y := range h {
			copy(data[y*w:][:w], m.Pix[y*m.Stride:])
		}
		return volume.New(pixels(w, h, 1), data)
	case *image.Gray16:
		data := make([]uint16, w*h)
		for y := range h {
			row := m.Pix[y*m.Stride:]
			for x := range w {
				data[y*w+x] = uint16(row[2*x])<<8 | uint16(row[2*x+1])
			}
		}
		return volume.New(pixels(w, h, 1), data)
	case *image.RGBA64, *image.NRGBA64:
		return planes(w, h, func(x, y int) [4]uint16 {
			c := color.NRGBA64Model.Convert(im.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA64)
			return [4]uint16{c.R, c.G, c.B, c.A}
		}, 65535)
	}
	return planes(w, h, func(x, y int) [4]uint8 {
		c := color.NRGBAModel.Convert(im.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
		return [4]uint8{c.R, c.G, c.B, c.A}
	}, 255)
}

func planes[T uint8 | uint16](w, h int, at func(x, y int) [4]T, full T) *volume.Volume {
	data := make([]T, 4*w*h)
	opaque := true
	for y := range h {
		for x := range w {
			c := at(x, y)
			for k := range c {
				data[k*w*h+y*w+x] = c[k]
			}
			opaque = opaque && c[3] == full
		}
	}
	v := &volume.Volume{Geometry: pixels(w, h, 1), Channels: 4, Times: 1, Data: volume.Slice[T](data)}
	if opaque {
		v.Channels, v.Data = 3, volume.Slice[T](data[:3*w*h])
	}
	return v
}

// Format is pictures for volume.Formats. spacing is the distance in mm between pixels, and between pages, where
// the caller knows it; zero leaves one mm for a pixel.
func Format(spacing volume.Vec) volume.Format {
	return volume.Format{
		Name: "picture",
		Match: func(head []byte) bool {
			return bytes.HasPrefix(head, []byte(pngMagic)) || bytes.HasPrefix(head, []byte(jpegMagic)) || isTIFF(head)
		},
		Read: func(ctx context.Context, fsys fs.FS, names []string) ([]*volume.Volume, error) {
			var out []*volume.Volume
			for _, n := range names {
				v, err := ReadFS(ctx, fsys, n)
				if err != nil {
					return nil, err
				}
				if spacing != (volume.Vec{}) {
					v.Affine = volume.Scaling(spacing)
					if err := v.Check("the spacing of pictures"); err != nil {
						return nil, err
					}
				}
				out = append(out, v)
			}
			return out, nil
		},
	}
}

// WritePNG writes a single slice of one channel (grey), three (RGB) or four (RGBA) of uint8 or uint16 at one time.
func WritePNG(w io.Writer, v *volume.Volume) error {
	if err := v.Check("writing PNG"); err != nil {
		return err
	}
	t, n := v.Data.Type(), v.NumChannels()
	if v.Dims[2] != 1 || v.NumTimes() != 1 || n != 1 && n != 3 && n != 4 || t != volume.Uint8 && t != volume.Uint16 {
		return fault.Errorf(fault.Usage, "writing PNG: one slice of 1, 3 or 4 channels of uint8 or uint16 is needed")
	}
	b := image.Rect(0, 0, v.Dims[0], v.Dims[1])
	value := func(x, y, c int) uint16 { return uint16(v.Data.At(c*v.Voxels() + y*v.Dims[0] + x)) }
	alpha := func(x, y int) uint16 {
		if n == 4 {
			return value(x, y, 3)
		}
		return 65535
	}
	var im image.Image
	switch {
	case n == 1 && t == volume.Uint8:
		im = &image.Gray{Pix: v.Data.(volume.Slice[uint8]), Stride: v.Dims[0], Rect: b}
	case n == 1:
		g := image.NewGray16(b)
		for y := range v.Dims[1] {
			for x := range v.Dims[0] {
				g.SetGray16(x, y, color.Gray16{Y: value(x, y, 0)})
			}
		}
		im = g
	case t == volume.Uint8:
		g := image.NewNRGBA(b)
		for y := range v.Dims[1] {
			for x := range v.Dims[0] {
				g.SetNRGBA(x, y, color.NRGBA{uint8(value(x, y, 0)), uint8(value(x, y, 1)), uint8(value(x, y, 2)), uint8(alpha(x, y))})
			}
		}
		im = g
	default:
		g := image.NewNRGBA64(b)
		for y := range v.Dims[1] {
			for x := range v.Dims[0] {
				g.SetNRGBA64(x, y, color.NRGBA64{R: value(x, y, 0), G: value(x, y, 1), B: value(x, y, 2), A: alpha(x, y)})
			}
		}
		im = g
	}
	return fault.Disk("writing PNG", png.Encode(w, im))
}
