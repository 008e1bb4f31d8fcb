package dicom

import (
	"encoding/binary"
	"fmt"
	"math"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Window maps modality values to brightness (PS3.3 C.11.2.1).
type Window struct {
	Center, Width float64
	Function      string // LINEAR (also where empty), LINEAR_EXACT or SIGMOID
	Explanation   string
}

// At is the brightness of a value, 0 to 1.
func (w Window) At(v float64) float64 {
	switch w.Function {
	case "SIGMOID":
		return 1 / (1 + math.Exp(-4*(v-w.Center)/w.Width))
	case "LINEAR_EXACT":
		return min(max((v-w.Center)/w.Width+0.5, 0), 1)
	}
	if w.Width <= 1 {
		if v <= w.Center-0.5 {
			return 0
		}
		return 1
	}
	return min(max((v-(w.Center-0.5))/(w.Width-1)+0.5, 0), 1)
}

// check refuses what the standard forbids: LINEAR windows are at least 1 wide, the others wider than 0.
func (w Window) check() error {
	switch {
	case w.Function != "" && w.Function != "LINEAR" && w.Function != "LINEAR_EXACT" && w.Function != "SIGMOID":
		return malformed(VOILUTFunction, "it is none of LINEAR, LINEAR_EXACT and SIGMOID")
	case w.Width <= 0 || w.Width < 1 && (w.Function == "" || w.Function == "LINEAR"):
		return malformed(WindowWidth, "the window is too narrow")
	}
	return nil
}

// Windows are the windows that the file suggests for a frame, in its order.
func (im *Image) Windows(i int) ([]Window, error) {
	d := im.file.Dataset
	if g := im.file.group(i, FrameVOILUTSequence); g != nil {
		d = g
	}
	centers, err := d.Floats(WindowCenter)
	if err != nil {
		return nil, im.wrap(i, err)
	}
	widths, err := d.Floats(WindowWidth)
	if err != nil {
		return nil, im.wrap(i, err)
	}
	if len(centers) != len(widths) {
		return nil, im.wrap(i, malformed(WindowWidth, "there are not as many widths as centers"))
	}
	names := d.Texts(WindowExplanation)
	out := make([]Window, len(centers))
	for k := range out {
		out[k] = Window{Center: centers[k], Width: widths[k], Function: d.Text(VOILUTFunction)}
		if k < len(names) {
			out[k].Explanation = names[k]
		}
		if err := out[k].check(); err != nil {
			return nil, im.wrap(i, err)
		}
	}
	return out, nil
}

// Grey renders a monochrome frame with 8 bits: modality transform, then w, or where w is nil the file's VOI
// LUT, its first window, or else the range of the values; then the inversion of MONOCHROME1. Padding is black.
func (im *Image) Grey(i int, w *Window) ([]uint8, error) {
	if !im.Monochrome() {
		return nil, im.wrap(i, fault.Errorf(fault.Usage, "the image has colours"))
	}
	stored, err := im.Frame(i)
	if err != nil {
		return nil, err
	}
	rescale, err := im.Rescale(i)
	if err != nil {
		return nil, err
	}
	bright, err := im.brightness(i, w, stored, &rescale)
	if err != nil {
		return nil, err
	}
	invert := im.Photometric == "MONOCHROME1"
	low, high, padded := im.Padding()
	out := make([]uint8, stored.Len())
	one := func(v float64) uint8 {
		if padded && v >= float64(low) && v <= float64(high) {
			return 0
		}
		b := bright(rescale.apply(v))
		if invert {
			b = 1 - b
		}
		if math.IsNaN(b) {
			return 0
		}
		return uint8(math.Floor(b*255 + 0.5))
	}
	tabulate(out, stored, one)
	return out, nil
}

// tabulate applies f to every value, once for each that can occur where they are few.
func tabulate(out []uint8, stored volume.Data, f func(float64) uint8) {
	switch s := stored.(type) {
	case volume.Slice[uint16]:
		table := make([]uint8, 1<<16)
		seen := make([]bool, 1<<16)
		for i, v := range s {
			if !seen[v] {
				table[v], seen[v] = f(float64(v)), true
			}
			out[i] = table[v]
		}
	case volume.Slice[int16]:
		table := make([]uint8, 1<<16)
		seen := make([]bool, 1<<16)
		for i, v := range s {
			if k := uint16(v); !seen[k] {
				table[k], seen[k] = f(float64(v)), true
			}
			out[i] = table[uint16(v)]
		}
	default:
		for i := range out {
			out[i] = f(stored.At(i))
		}
	}
}

// brightness chooses the map from modality values to 0..1.
func (im *Image) brightness(i int, w *Window, stored volume.Data, r *Rescale) (func(float64) float64, error) {
	if w != nil {
		if err := w.check(); err != nil {
			return nil, fault.Errorf(fault.Usage, "the window: %v", err)
		}
		return w.At, nil
	}
	if seq := im.file.First(VOILUTSequence); seq != nil {
		signed := im.Signed || r.Inter < 0
		l, err := readLUT(seq, LUTDescriptor, LUTData, signed)
		if err != nil {
			return nil, im.wrap(i, err)
		}
		top := float64(uint32(1)<<l.Bits - 1)
		return func(v float64) float64 { return min(float64(l.At(int(math.Round(v))))/top, 1) }, nil
	}
	windows, err := im.Windows(i)
	if err != nil {
		return nil, err
	}
	if len(windows) > 0 {
		return windows[0].At, nil
	}
	low, high := im.valueRange(stored, r)
	if !(high > low) {
		return func(float64) float64 { return 0 }, nil
	}
	return func(v float64) float64 { return min(max((v-low)/(high-low), 0), 1) }, nil
}

func (im *Image) valueRange(stored volume.Data, r *Rescale) (low, high float64) {
	padLow, padHigh, padded := im.Padding()
	low, high = math.Inf(1), math.Inf(-1)
	for k := range stored.Len() {
		v := stored.At(k)
		if padded && v >= float64(padLow) && v <= float64(padHigh) {
			continue
		}
		v = r.apply(v)
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

// RGB renders a colour frame as red, green and blue of 8 bits, side by side. A monochrome frame is rendered as
// Grey does, with three equal values.
func (im *Image) RGB(i int) ([]uint8, error) {
	if im.Monochrome() {
		grey, err := im.Grey(i, nil)
		if err != nil {
			return nil, err
		}
		out := make([]uint8, 3*len(grey))
		for k, v := range grey {
			out[3*k], out[3*k+1], out[3*k+2] = v, v, v
		}
		return out, nil
	}
	raw, photometric, err := im.decode(i, nil)
	if err != nil {
		return nil, err
	}
	dst := volume.MakeData(im.Type(), im.Rows*im.Columns*im.Samples)
	im.settle(dst, raw)
	if photometric == "PALETTE COLOR" {
		out, err := im.palette(dst)
		return out, im.wrap(i, err)
	}
	out, err := im.eightBits(dst)
	if err != nil {
		return nil, im.wrap(i, err)
	}
	switch photometric {
	case "YBR_FULL", "YBR_FULL_422":
		fromYBR(out)
	case "YBR_PARTIAL_422", "YBR_PARTIAL_420":
		fromPartialYBR(out)
	}
	return out, nil
}

func (im *Image) eightBits(d volume.Data) ([]uint8, error) {
	if s, ok := d.(volume.Slice[uint8]); ok && im.BitsStored == 8 {
		return s, nil
	}
	if im.Signed || im.Float {
		return nil, fault.Errorf(fault.Data, "colours with signed or floating-point samples are in no standard")
	}
	out := make([]uint8, d.Len())
	top := math.Exp2(float64(im.BitsStored)) - 1
	for k := range out {
		out[k] = uint8(d.At(k)/top*255 + 0.5)
	}
	return out, nil
}

// palette looks colours up (PS3.3 C.7.6.3.1.5).
func (im *Image) palette(index volume.Data) ([]uint8, error) {
	out := make([]uint8, 3*index.Len())
	tags := [3][3]Tag{
		{RedPaletteDescriptor, RedPaletteData, SegmentedRedPaletteData},
		{GreenPaletteDescriptor, GreenPaletteData, SegmentedGreenPaletteData},
		{BluePaletteDescriptor, BluePaletteData, SegmentedBluePaletteData},
	}
	for c, t := range tags {
		l, err := im.paletteLUT(t[0], t[1], t[2])
		if err != nil {
			return nil, err
		}
		shift := l.Bits - 8
		for k := range index.Len() {
			out[3*k+c] = uint8(l.At(int(index.At(k))) >> shift)
		}
	}
	return out, nil
}

func (im *Image) paletteLUT(descriptor, data, segmented Tag) (*LUT, error) {
	e := im.file.Find(segmented)
	if e == nil {
		l, err := readLUT(im.file.Dataset, descriptor, data, im.Signed)
		return widened(l), err
	}
	l, n, err := readDescriptor(im.file.Dataset, descriptor, im.Signed)
	if err != nil {
		return nil, err
	}
	b, err := e.Bytes()
	if err != nil {
		return nil, err
	}
	var words []uint16
	if l.Bits <= 8 {
		return nil, malformed(segmented, "segmented tables have entries of 16 bits")
	}
	for ; len(b) >= 2; b = b[2:] {
		words = append(words, binary.LittleEndian.Uint16(b))
	}
	if l.Entries, err = expandSegments(words, n); err != nil {
		return nil, fmt.Errorf("%s: %w", segmented, err)
	}
	return l, nil
}

// widened repairs a frequent fault: tables that claim 16 bits and hold 8.
func widened(l *LUT) *LUT {
	if l == nil || l.Bits <= 8 {
		return l
	}
	for _, v := range l.Entries {
		if v > 0xFF {
			return l
		}
	}
	out := *l
	out.Bits = 8
	return &out
}

// fromYBR turns YBR_FULL into RGB in place (PS3.3 C.7.6.3.1.2).
func fromYBR(b []uint8) {
	for k := 0; k+2 < len(b); k += 3 {
		y, cb, cr := float64(b[k]), float64(b[k+1])-128, float64(b[k+2])-128
		b[k] = clamp(y + 1.402*cr)
		b[k+1] = clamp(y - 0.114*1.772/0.587*cb - 0.299*1.402/0.587*cr)
		b[k+2] = clamp(y + 1.772*cb)
	}
}

// fromPartialYBR is fromYBR for luminance of 16..235 and chrominance of 16..240.
func fromPartialYBR(b []uint8) {
	for k := 0; k+2 < len(b); k += 3 {
		b[k] = clamp((float64(b[k]) - 16) * 255 / 219)
		b[k+1] = clamp((float64(b[k+1])-128)*255/224 + 128)
		b[k+2] = clamp((float64(b[k+2])-128)*255/224 + 128)
	}
	fromYBR(b)
}

func clamp(v float64) uint8 { return uint8(min(max(math.Floor(v+0.5), 0), 255)) }
