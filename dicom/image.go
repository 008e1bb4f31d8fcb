package dicom

import (
	"fmt"
	"math"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Image is the pixel data of a file with what is needed to read them (PS3.3 C.7.6.3). Its methods may be used
// by several goroutines at once.
type Image struct {
	Rows, Columns int
	Frames        int // at least 1
	Samples       int // of a pixel: 1, or 3 for colours
	BitsAllocated int // 1, 8, 16, 32 or 64
	BitsStored    int
	HighBit       int
	Signed        bool
	Float         bool   // Float or Double Float Pixel Data
	Photometric   string // MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB, YBR_...
	Planar        bool   // the samples of a frame lie in planes

	file   *File
	pixels *Element
	frames [][]fragment // of encapsulated pixel data
}

// Monochrome says whether a pixel is one value on a scale from black to white.
func (im *Image) Monochrome() bool {
	return im.Photometric == "MONOCHROME1" || im.Photometric == "MONOCHROME2"
}

var photometrics = map[string]int{ // samples
	"MONOCHROME1": 1, "MONOCHROME2": 1, "PALETTE COLOR": 1, "RGB": 3, "YBR_FULL": 3, "YBR_FULL_422": 3,
	"YBR_PARTIAL_422": 3, "YBR_PARTIAL_420": 3, "YBR_RCT": 3, "YBR_ICT": 3,
}

// Image reads the description of the pixel data and checks it against the bytes that there are. The error
// lists everything that makes the pixels unreadable.
func (f *File) Image() (*Image, error) {
	im := &Image{file: f}
	c := checks{file: f}
	for _, t := range []Tag{PixelData, FloatPixelData, DoubleFloatPixelData} {
		if e := f.Find(t); e != nil {
			im.pixels = e
			break
		}
	}
	if im.pixels == nil {
		return nil, c.refuse("no-pixels", PixelData, "the object has no pixel data")
	}
	im.Float = im.pixels.Tag != PixelData
	im.Rows = c.number(Rows, 1, math.MaxUint16, -1)
	im.Columns = c.number(Columns, 1, math.MaxUint16, -1)
	im.Frames = c.number(NumberOfFrames, 0, 1<<22, 1)
	im.Frames = max(im.Frames, 1) // some writers say 0 for a single image
	im.Samples = c.number(SamplesPerPixel, 1, 4, 1)
	im.BitsAllocated = c.number(BitsAllocated, 1, 64, -1)
	im.bits(&c)
	im.Planar = c.number(PlanarConfiguration, 0, 1, 0) == 1 && im.Samples > 1
	im.Photometric = f.Text(PhotometricInterpretation)
	if im.Float && im.Photometric == "" {
		im.Photometric = "MONOCHROME2"
	}
	samples, known := photometrics[im.Photometric]
	switch {
	case !known:
		c.add("photometric", PhotometricInterpretation, "it is absent or not one that Galen reads")
	case samples != im.Samples:
		c.add("samples", SamplesPerPixel, fmt.Sprintf("it is %d, which %s does not have", im.Samples, im.Photometric))
	}
	if len(c.list) == 0 {
		im.extent(&c)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	return im, nil
}

// bits checks how a sample lies in its memory.
func (im *Image) bits(c *checks) {
	if im.Float {
		want := 32
		if im.pixels.Tag == DoubleFloatPixelData {
			want = 64
		}
		if im.BitsAllocated != want {
			c.add("bits", BitsAllocated, fmt.Sprintf("it is %d where floating-point pixels have %d", im.BitsAllocated, want))
		}
		im.BitsStored, im.HighBit = want, want-1
		return
	}
	switch im.BitsAllocated {
	case 1, 8, 16, 32:
	default:
		c.add("bits", BitsAllocated, fmt.Sprintf("it is %d; Galen reads 1, 8, 16 and 32", im.BitsAllocated))
		return
	}
	im.BitsStored = c.number(BitsStored, 1, im.BitsAllocated, im.BitsAllocated)
	im.HighBit = c.number(HighBit, 0, im.BitsAllocated-1, im.BitsStored-1)
	if im.HighBit < im.BitsStored-1 {
		c.add("bits", HighBit, fmt.Sprintf("%d bits stored do not fit below high bit %d", im.BitsStored, im.HighBit))
	}
	im.Signed = c.number(PixelRepresentation, 0, 1, 0) == 1
}

// frameBytes is the size of one native frame; bit-packed frames have none of their own.
func (im *Image) frameBytes() int64 {
	n := int64(im.Rows) * int64(im.Columns)
	if im.subsampled() {
		return n * 2 * int64(im.BitsAllocated/8)
	}
	return n * int64(im.Samples) * int64(im.BitsAllocated/8)
}

// subsampled says whether two native pixels share their chrominance (PS3.3 C.7.6.3.1.2).
func (im *Image) subsampled() bool {
	return im.pixels.bulkFragments() == nil && (im.Photometric == "YBR_FULL_422" || im.Photometric == "YBR_PARTIAL_422")
}

func (e *Element) bulkFragments() []fragment {
	if e.bulk == nil {
		return nil
	}
	return e.bulk.fragments
}

// extent checks the pixel data's length, or shares its fragments among the frames.
func (im *Image) extent(c *checks) {
	e := im.pixels
	if e.bulk != nil && e.bulk.truncated {
		c.add("truncated", e.Tag, "the file ends inside the pixel data")
		return
	}
	if e.bulkFragments() != nil {
		im.share(c)
		return
	}
	if im.Photometric == "YBR_PARTIAL_420" || im.Photometric == "YBR_RCT" || im.Photometric == "YBR_ICT" {
		c.add("photometric", PhotometricInterpretation, im.Photometric+" exists in compressed pixels only")
		return
	}
	if !native(im.file.TransferSyntax) {
		c.add("not-encapsulated", e.Tag, "the transfer syntax compresses pixels, but they are not in fragments")
		return
	}
	if im.subsampled() && (im.Columns%2 != 0 || im.BitsAllocated != 8 || im.Planar) {
		c.add("photometric", PhotometricInterpretation, im.Photometric+" needs an even number of columns, 8 bits and samples beside each other")
		return
	}
	want := im.frameBytes() * int64(im.Frames)
	if im.BitsAllocated == 1 {
		want = (int64(im.Rows)*int64(im.Columns)*int64(im.Samples)*int64(im.Frames) + 7) / 8
	}
	if have := e.Len(); have < want {
		c.add("truncated", e.Tag, fmt.Sprintf("there are %d bytes of pixels where the attributes promise %d", have, want))
	}
}

// Type is how Frame stores a sample: the smallest type that holds what the attributes promise.
func (im *Image) Type() volume.Type {
	switch {
	case im.Float && im.BitsAllocated == 64:
		return volume.Float64
	case im.Float:
		return volume.Float32
	case im.BitsAllocated <= 8 && im.Signed:
		return volume.Int8
	case im.BitsAllocated <= 8:
		return volume.Uint8
	case im.BitsAllocated == 16 && im.Signed:
		return volume.Int16
	case im.BitsAllocated == 16:
		return volume.Uint16
	case im.Signed:
		return volume.Int32
	}
	return volume.Uint32
}

// Frame reads the stored values of a frame, 0 to Frames-1, rows from the top, the samples of a pixel beside
// each other: no rescale, window or colour is applied. Bits above the stored ones are dropped.
func (im *Image) Frame(i int) (volume.Data, error) {
	dst := volume.MakeData(im.Type(), 0)
	raw, _, err := im.decode(i, nil)
	if err != nil {
		return nil, err
	}
	dst = dst.Make(im.Rows * im.Columns * im.Samples)
	im.settle(dst, raw)
	return dst, nil
}

// checks collects what is wrong with a file's attributes.
type checks struct {
	file *File
	list []fault.Finding
}

func (c *checks) add(name string, t Tag, message string) {
	x := severe(name, t, message, "")
	x.File = c.file.Name
	c.list = append(c.list, x)
}

func (c *checks) err() error {
	return fault.Refuse(fmt.Sprintf("reading the pixels of %q", c.file.Name), c.list)
}

func (c *checks) refuse(name string, t Tag, message string) error {
	c.add(name, t, message)
	return c.err()
}

// number reads a whole number between low and high. Where it is absent, absent stands for it, or a finding if
// that is negative.
func (c *checks) number(t Tag, low, high, absent int) int {
	v, ok, err := c.file.Int(t)
	switch {
	case err != nil:
		c.add("malformed-value", t, "it is no whole number")
		return max(absent, low)
	case !ok && absent < 0:
		c.add("absent", t, "it is absent")
		return low
	case !ok:
		return absent
	case v < low || v > high:
		c.add("out-of-range", t, fmt.Sprintf("it is not between %d and %d", low, high))
		return low
	}
	return v
}
