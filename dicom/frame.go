package dicom

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"

	"galen.dev/dicom/codec"
	"galen.dev/fault"
	"galen.dev/volume"
)

// share gives each frame its fragments: by the extended or basic offset table; where there is none, by the
// standard's rule that a single frame owns all, or one fragment each, or by the marks with which JPEG streams begin.
func (im *Image) share(c *checks) {
	pieces := im.pixels.bulk.fragments
	if len(pieces) < 2 {
		c.add("no-fragments", PixelData, "the encapsulated pixel data have no fragments")
		return
	}
	table, pieces := pieces[0], pieces[1:]
	if offsets := im.extendedOffsets(); im.byOffsets(offsets, pieces) {
		return
	}
	if offsets, err := im.basicOffsets(table); err == nil && im.byOffsets(offsets, pieces) {
		return
	}
	switch {
	case im.Frames == 1:
		im.frames = [][]fragment{pieces}
	case len(pieces) == im.Frames:
		im.frames = make([][]fragment, im.Frames)
		for i := range pieces {
			im.frames[i] = pieces[i : i+1]
		}
	case len(pieces) > im.Frames:
		im.byMarks(pieces)
	}
	if len(im.frames) != im.Frames {
		im.frames = nil
		c.add("frames", PixelData, fmt.Sprintf("%d fragments cannot be shared among %d frames without a valid offset table", len(pieces), im.Frames))
	}
}

func (im *Image) extendedOffsets() []uint64 {
	e := im.file.Find(ExtendedOffsetTable)
	if e == nil || e.Len() != int64(im.Frames)*8 {
		return nil
	}
	b, err := e.Bytes()
	if err != nil {
		return nil
	}
	out := make([]uint64, im.Frames)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return out
}

func (im *Image) basicOffsets(table fragment) ([]uint64, error) {
	if table.length != int64(im.Frames)*4 {
		return nil, nil
	}
	b := make([]byte, table.length)
	if err := readFull(im.pixels.bulk.src, b, table.at); err != nil {
		return nil, err
	}
	out := make([]uint64, im.Frames)
	for i := range out {
		out[i] = uint64(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out, nil
}

// byOffsets cuts at offsets, which count from the first fragment's item tag; all must be there, in order.
func (im *Image) byOffsets(offsets []uint64, pieces []fragment) bool {
	if len(offsets) == 0 {
		return false
	}
	starts := make([]int, 0, len(offsets)+1)
	at := 0
	for _, o := range offsets {
		for at < len(pieces) && uint64(pieces[at].at-pieces[0].at) < o {
			at++
		}
		if at == len(pieces) || uint64(pieces[at].at-pieces[0].at) != o || len(starts) > 0 && starts[len(starts)-1] == at {
			return false
		}
		starts = append(starts, at)
	}
	if starts[0] != 0 {
		return false
	}
	im.cut(starts, pieces)
	return true
}

func (im *Image) byMarks(pieces []fragment) {
	var starts []int
	var head [4]byte
	for i, p := range pieces {
		if p.length < 4 || readFull(im.pixels.bulk.src, head[:], p.at) != nil {
			continue
		}
		if head[0] == 0xFF && (head[1] == 0xD8 && head[2] == 0xFF || head[1] == 0x4F && head[2] == 0xFF) {
			starts = append(starts, i)
		}
	}
	if len(starts) == im.Frames && starts[0] == 0 {
		im.cut(starts, pieces)
	}
}

func (im *Image) cut(starts []int, pieces []fragment) {
	im.frames = make([][]fragment, len(starts))
	for i, from := range starts {
		to := len(pieces)
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		im.frames[i] = pieces[from:to]
	}
}

// stream joins the fragments of an encapsulated frame.
func (im *Image) stream(i int) ([]byte, error) {
	n := int64(0)
	for _, p := range im.frames[i] {
		n += p.length
	}
	out := make([]byte, n)
	at := int64(0)
	for _, p := range im.frames[i] {
		if err := readFull(im.pixels.bulk.src, out[at:at+p.length], p.at); err != nil {
			return nil, err
		}
		at += p.length
	}
	return out, nil
}

func (im *Image) wrap(i int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("reading frame %d of %q: %w", i+1, im.file.Name, err)
}

// decode returns the bytes of a frame, little endian, samples side by side, in room where they fit and can go
// there at once; and the photometric interpretation that they have now.
func (im *Image) decode(i int, room []byte) (raw []byte, photometric string, err error) {
	if i < 0 || i >= im.Frames {
		return nil, "", im.wrap(i, fault.Errorf(fault.Usage, "the image has %s", fault.Count(im.Frames, "frame")))
	}
	if im.frames == nil {
		raw, err = im.native(i, room)
		return raw, im.Photometric, im.wrap(i, err)
	}
	stream, err := im.stream(i)
	if err != nil {
		return nil, "", im.wrap(i, err)
	}
	out, err := DecodeFrame(im.file.TransferSyntax, stream, codec.Frame{
		Rows: im.Rows, Columns: im.Columns, SamplesPerPixel: im.Samples,
		BitsAllocated: im.BitsAllocated, BitsStored: im.BitsStored, Signed: im.Signed,
	})
	if err != nil {
		return nil, "", im.wrap(i, err)
	}
	photometric = im.Photometric
	switch {
	case out.Photometric != "" && im.Samples > 1:
		photometric = out.Photometric
	case photometric == "YBR_FULL_422":
		photometric = "YBR_FULL" // decoders give every pixel its own chrominance
	case photometric == "YBR_RCT" || photometric == "YBR_ICT":
		photometric = "RGB" // JPEG 2000 turns its own transform back
	}
	return out.Pixels, photometric, nil
}

// native reads a frame that is not compressed.
func (im *Image) native(i int, room []byte) ([]byte, error) {
	n := im.frameBytes()
	if im.BitsAllocated == 1 {
		return im.unpack(i)
	}
	if int64(len(room)) != n {
		room = make([]byte, n)
	}
	if e := im.pixels; e.bulk == nil {
		copy(room, e.data[int64(i)*n:])
	} else {
		if err := e.bulk.read(room, int64(i)*n); err != nil {
			return nil, err
		}
		// Numbers wider than OW's words are swapped as a whole; an odd frame of bytes in words is rare enough to
		// be read again at the word before.
		if e.bulk.swap > 1 {
			if err := im.swapWords(room, i, n); err != nil {
				return nil, err
			}
		}
	}
	if im.Planar {
		room = interleave(room, im.Rows*im.Columns, im.Samples, im.BitsAllocated/8)
	}
	if im.subsampled() {
		room = upsample(room)
	}
	return room, nil
}

func (im *Image) swapWords(room []byte, i int, n int64) error {
	if im.BitsAllocated > 8 {
		swap(room, im.BitsAllocated/8)
		return nil
	}
	from := int64(i) * n
	start := from &^ 1
	stop := min((from+n+1)&^1, im.pixels.bulk.length)
	words := make([]byte, stop-start)
	if err := im.pixels.bulk.read(words, start); err != nil {
		return err
	}
	swap(words, 2)
	copy(room, words[from-start:])
	return nil
}

// unpack reads pixels of one bit, which run on from frame to frame without a gap, lowest bit first.
func (im *Image) unpack(i int) ([]byte, error) {
	n := int64(im.Rows) * int64(im.Columns) * int64(im.Samples)
	first := int64(i) * n
	from, to := first/8, (first+n+7)/8
	var packed []byte
	if e := im.pixels; e.bulk == nil {
		packed = e.data[from:to]
	} else {
		start := from &^ 1
		packed = make([]byte, min((to+1)&^1, e.bulk.length)-start)
		if err := e.bulk.read(packed, start); err != nil {
			return nil, err
		}
		swap(packed, e.bulk.swap)
		packed = packed[from-start:]
	}
	out := make([]byte, n)
	for k := range out {
		bit := int(first-from*8) + k
		out[k] = packed[bit>>3] >> (bit & 7) & 1
	}
	return out, nil
}

// interleave turns planes into pixels.
func interleave(planes []byte, pixels, samples, size int) []byte {
	out := make([]byte, len(planes))
	for s := range samples {
		plane := planes[s*pixels*size:]
		for p := range pixels {
			copy(out[(p*samples+s)*size:][:size], plane[p*size:])
		}
	}
	return out
}

// upsample gives each pixel of 4:2:2 (Y1 Y2 Cb Cr) its own chrominance.
func upsample(b []byte) []byte {
	out := make([]byte, 0, len(b)/2*3)
	for ; len(b) >= 4; b = b[4:] {
		out = append(out, b[0], b[2], b[3], b[1], b[2], b[3])
	}
	return out
}

// littleEndian says whether numbers in memory lie as decoded pixels do.
var littleEndian = func() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1
}()

// memory is the memory of a slice of numbers as bytes, so that a file can be read right into it.
func memory[T volume.Number](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}

func memoryOf(d volume.Data) []byte {
	switch s := d.(type) {
	case volume.Slice[uint8]:
		return s
	case volume.Slice[int8]:
		return memory(s)
	case volume.Slice[uint16]:
		return memory(s)
	case volume.Slice[int16]:
		return memory(s)
	case volume.Slice[uint32]:
		return memory(s)
	case volume.Slice[int32]:
		return memory(s)
	case volume.Slice[float32]:
		return memory(s)
	case volume.Slice[float64]:
		return memory(s)
	}
	panic("dicom: pixels have no such type")
}

// read puts the stored values of a frame into dst, of Type and the frame's size.
func (im *Image) read(i int, dst volume.Data) error {
	raw, _, err := im.decode(i, memoryOf(dst))
	if err != nil {
		return err
	}
	im.settle(dst, raw)
	return nil
}

// settle moves raw into dst, unless it is there, in the order of this machine, and cuts what is not stored.
func (im *Image) settle(dst volume.Data, raw []byte) {
	b := memoryOf(dst)
	if len(raw) > 0 && len(b) > 0 && &raw[0] != &b[0] {
		copy(b, raw)
	}
	if !littleEndian {
		swap(b, im.BitsAllocated/8)
	}
	if im.Float || im.BitsAllocated == 1 {
		return
	}
	shift := im.HighBit + 1 - im.BitsStored
	if im.frames != nil {
		shift = 0
	}
	up := im.BitsAllocated - im.BitsStored // shifting up by it and down again cuts, and extends a sign
	if up == 0 && shift == 0 {
		return
	}
	switch s := dst.(type) {
	case volume.Slice[uint8]:
		trim(s, up-shift, up)
	case volume.Slice[int8]:
		trim(s, up-shift, up)
	case volume.Slice[uint16]:
		trim(s, up-shift, up)
	case volume.Slice[int16]:
		trim(s, up-shift, up)
	case volume.Slice[uint32]:
		trim(s, up-shift, up)
	case volume.Slice[int32]:
		trim(s, up-shift, up)
	}
}

func trim[T uint8 | int8 | uint16 | int16 | uint32 | int32](s []T, up, down int) {
	up, down = max(up, 0)&31, down&31
	for i, v := range s {
		s[i] = v << up >> down
	}
}

// Padding is the range of stored values that fill the outside of the image (PS3.3 C.7.5.1.1.2); ok is false
// where the file names none.
func (im *Image) Padding() (low, high int, ok bool) {
	v, ok, err := im.file.Int(PixelPaddingValue)
	if err != nil || !ok {
		return 0, 0, false
	}
	low, high = im.asStored(v), im.asStored(v)
	if w, ok, err := im.file.Int(PixelPaddingRangeLimit); err == nil && ok {
		high = im.asStored(w)
	}
	pair := []int{low, high}
	slices.Sort(pair)
	return pair[0], pair[1], true
}

// asStored reads a US that should be SS, and the other way round, as the pixels are.
func (im *Image) asStored(v int) int {
	if im.BitsAllocated != 16 {
		return v
	}
	if im.Signed {
		return int(int16(v))
	}
	return int(uint16(v))
}
