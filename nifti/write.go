package nifti

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/flate"

	"galen.dev/fault"
	"galen.dev/internal/cpu"
	"galen.dev/volume"
)

// New makes an image that holds v, with a header of the smallest version that fits, in millimetres, little
// endian. Volumes of three or four channels of uint8 become colours; other channels lie along the fifth axis.
func New(v *volume.Volume) *Image {
	im := &Image{Volume: v, Header: Header{Version: 1, Order: binary.LittleEndian, SformCode: 1}}
	im.Header.magic = [8]byte{'n', '+', '1'}
	for _, d := range v.Dims {
		if d > math.MaxInt16 {
			im.Header.Version = 2
		}
	}
	if max(v.NumTimes(), v.NumChannels()) > math.MaxInt16 {
		im.Header.Version = 2
	}
	if im.Header.Version == 2 {
		im.Header.magic = [8]byte{'n', '+', '2', 0, '\r', '\n', 0x1a, '\n'}
	}
	im.Header.VoxOffset = float64(im.Header.size() + extender)
	im.Header.VoxOffset += math.Mod(16-math.Mod(im.Header.VoxOffset, 16), 16)
	im.Header.SclSlope, im.Header.SclInter = v.Scale()
	im.Header.setShape(v)
	im.Header.setGeometry(v.Affine)
	return im
}

// labelIntent is the standard's code for labels, vectorIntent that for a vector in each voxel.
const (
	labelIntent  = 1002
	vectorIntent = 1007
)

// NewLabels makes an image that holds a label map. The format has no place for the labels' names.
func NewLabels(m *volume.LabelMap) *Image {
	im := New(&volume.Volume{Geometry: m.Geometry, Data: m.Data})
	im.Header.IntentCode = labelIntent
	return im
}

// setShape writes the sizes and the datatype.
func (h *Header) setShape(v *volume.Volume) {
	channels, times := v.NumChannels(), v.NumTimes()
	code := int64(0)
	t := v.Data.Type()
	for _, c := range []int64{2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280} {
		if datatypes[c].store == t {
			code = c
		}
	}
	outer := channels
	for _, c := range []int64{128, 2304} {
		if k := datatypes[c]; t == k.store && channels == k.channels {
			code, outer = c, 1
		}
	}
	h.Datatype, h.Bitpix = code, int64(datatypes[code].bits)
	d := [5]int{v.Dims[0], v.Dims[1], v.Dims[2], times, outer}
	h.Dim = [8]int64{3, 1, 1, 1, 1, 1, 1, 1}
	for i, n := range d {
		h.Dim[i+1] = int64(n)
		if i > 2 && n > 1 {
			h.Dim[0] = int64(i + 1)
		}
	}
	if outer > 1 {
		h.IntentCode = vectorIntent
	}
	if times > 1 && v.TimeStep > 0 {
		h.Pixdim[4] = v.TimeStep
		h.XYZTUnits = h.XYZTUnits&7 | 8
	}
}

// settle brings the header into agreement with the volume, touching only what differs: an image that was read and
// not changed is written back bit for bit.
func (im *Image) settle() error {
	h, v := &im.Header, im.Volume
	if err := v.Check("writing NIfTI"); err != nil {
		return err
	}
	d := h.dims()
	k := datatypes[h.Datatype]
	if d[0] != int64(v.Dims[0]) || d[1] != int64(v.Dims[1]) || d[2] != int64(v.Dims[2]) || int(d[3]) != v.NumTimes() ||
		int(d[4])*k.channels != v.NumChannels() || k.store != v.Data.Type() {
		h.setShape(v)
	}
	colour := datatypes[h.Datatype].bits == 24 || h.Datatype == 2304
	if slope, inter := v.Scale(); !colour && (h.scaled() || slope != 1 || inter != 0) && (h.SclSlope != slope || h.SclInter != inter) {
		h.SclSlope, h.SclInter = slope, inter
	}
	if h.Version == 1 && h.scaled() && (float64(float32(h.SclSlope)) != h.SclSlope || float64(float32(h.SclInter)) != h.SclInter) {
		im.widen()
	}
	if have, _ := h.geometry(Sform, false); have.Affine != v.Affine {
		if have, _ = h.geometry(Qform, false); have.Affine != v.Affine {
			h.setGeometry(v.Affine)
		}
	}
	for _, n := range h.dims() {
		if h.Version == 1 && n > math.MaxInt16 {
			im.widen()
		}
	}
	im.settleOffset()
	return nil
}

// widen makes the header one of version 2, which holds doubles: a slope that single precision would round makes
// other values.
func (im *Image) widen() {
	h := &im.Header
	h.Version = 2
	first := byte('+')
	if h.Pair {
		first = 'i'
	}
	h.magic = [8]byte{'n', first, '2', 0, '\r', '\n', 0x1a, '\n'}
	im.rest = nil
}

// before is what stands between the header and the voxels of one file, or behind the header of a pair.
func (im *Image) before() []byte {
	if len(im.Extensions) == 0 {
		if im.rest == nil && !im.Header.Pair {
			return make([]byte, extender)
		}
		return im.rest
	}
	mark := im.Extensions[0].mark
	out := append([]byte{1}, mark[:]...)
	for _, e := range im.Extensions {
		size := (len(e.Data) + 8 + 15) / 16 * 16
		var lead [8]byte
		im.Header.Order.PutUint32(lead[:], uint32(size))
		im.Header.Order.PutUint32(lead[4:], uint32(e.Code))
		out = append(out, lead[:]...)
		out = append(out, e.Data...)
		out = append(out, make([]byte, size-8-len(e.Data))...)
	}
	return append(out, im.rest...)
}

// settleOffset moves the voxels where the extensions no longer fit before them.
func (im *Image) settleOffset() {
	if im.Header.Pair {
		return
	}
	if low := float64(im.Header.size() + len(im.before())); im.Header.VoxOffset < low {
		im.Header.VoxOffset = math.Ceil(low/16) * 16
	}
}

// Encode writes an image of one file, not packed. Images of a pair are refused: see Write.
func (im *Image) Encode(ctx context.Context, w io.Writer) error {
	if im.Header.Pair {
		return fault.Errorf(fault.Usage, "writing NIfTI: the image is a pair of files")
	}
	if err := im.settle(); err != nil {
		return err
	}
	if err := im.head(w); err != nil {
		return fault.Disk("writing NIfTI", err)
	}
	return fault.Disk("writing NIfTI", im.voxels(ctx, w))
}

// head writes everything in front of the voxels.
func (im *Image) head(w io.Writer) error {
	b := append(im.Header.bytes(), im.before()...)
	if gap := int(im.Header.VoxOffset) - len(b); !im.Header.Pair && gap > 0 {
		b = append(b, make([]byte, gap)...)
	}
	_, err := w.Write(b)
	return err
}

// voxels writes the stored values in the order of the file.
func (im *Image) voxels(ctx context.Context, w io.Writer) error {
	if im.Header.Pair {
		if _, err := w.Write(make([]byte, int(im.Header.VoxOffset))); err != nil {
			return err
		}
	}
	v := im.Volume
	n, inner := v.Voxels(), datatypes[im.Header.Datatype].channels
	for c := 0; c < v.NumChannels(); c += inner {
		for t := range v.NumTimes() {
			at := (t*v.NumChannels() + c) * n
			part := v.Data.Cut(at, at+inner*n)
			if inner > 1 { // values of a voxel lie side by side: a frame of n by inner, turned
				part, _ = volume.Rearrange(part, []int{n, inner}, "yx")
			}
			if err := volume.WriteData(ctx, w, part, im.Header.Order); err != nil {
				return err
			}
		}
	}
	return nil
}

// Write writes the image to a file: packed where the name ends in .gz, a pair where it is .hdr or .img. The
// files appear complete or not at all, and the same image makes the same bytes.
func (im *Image) Write(ctx context.Context, name string) error {
	doing := fmt.Sprintf("writing %q", filepath.Base(name))
	lower := strings.ToLower(name)
	packed := strings.HasSuffix(lower, ".gz")
	plain := strings.TrimSuffix(lower, ".gz")
	pair := strings.HasSuffix(plain, ".hdr") || strings.HasSuffix(plain, ".img")
	if !pair && !strings.HasSuffix(plain, ".nii") {
		return fault.Errorf(fault.Usage, "%s: the name ends in none of .nii, .nii.gz, .hdr, .img", doing)
	}
	out := *im
	if pair != out.Header.Pair {
		out.setPair(pair)
	}
	if err := out.settle(); err != nil {
		return err
	}
	if !pair {
		return fault.Disk(doing, whole(name, packed, func(w io.Writer) error {
			if err := out.head(w); err != nil {
				return err
			}
			return out.voxels(ctx, w)
		}))
	}
	base, suffix := name[:len(plain)-len(".hdr")], lower[len(plain):]
	if err := whole(base+".img"+suffix, packed, func(w io.Writer) error { return out.voxels(ctx, w) }); err != nil {
		return fault.Disk(doing, err)
	}
	return fault.Disk(doing, whole(base+".hdr"+suffix, packed, out.head))
}

// setPair makes the header one of a pair, or of one file.
func (im *Image) setPair(pair bool) {
	h := &im.Header
	h.Pair, h.VoxOffset, im.rest = pair, 0, nil
	h.magic[1] = '+'
	if pair {
		h.magic[1] = 'i'
	}
}

// whole writes a file beside its place and puts it there when it is complete.
func whole(name string, packed bool, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".nifti-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	var w io.Writer = f
	var z *packer
	if packed {
		z = newPacker(f)
		w = z
	}
	if err = write(w); err != nil {
		return err
	}
	if z != nil {
		if err = z.Close(); err != nil {
			return err
		}
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// block is how many bytes are packed as one piece. It is fixed, so that the packed bytes do not depend on the
// number of threads.
const block = 1 << 20

// level is that of the usual trade of size against time.
const level = 5

// A packer writes one gzip member, without name and time, whose pieces are packed on every thread: each ends on
// a whole byte, so that they join to one stream of deflate.
type packer struct {
	w      io.Writer
	buffer []byte
	crc    uint32
	size   uint32
	begun  bool
}

func newPacker(w io.Writer) *packer { return &packer{w: w} }

// Write implements io.Writer.
func (p *packer) Write(b []byte) (int, error) {
	p.crc = crc32.Update(p.crc, crc32.IEEETable, b)
	p.size += uint32(len(b))
	p.buffer = append(p.buffer, b...)
	if len(p.buffer) < 16*block {
		return len(b), nil
	}
	n := len(p.buffer) / block * block
	if err := p.pack(p.buffer[:n]); err != nil {
		return 0, err
	}
	p.buffer = append(p.buffer[:0], p.buffer[n:]...)
	return len(b), nil
}

// pack writes whole pieces, and the last, shorter one.
func (p *packer) pack(b []byte) error {
	if !p.begun {
		p.begun = true
		if _, err := p.w.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}); err != nil {
			return err
		}
	}
	pieces := (len(b) + block - 1) / block
	packed, errs := make([]bytes.Buffer, pieces), make([]error, pieces)
	cpu.Do(pieces, func(_, i int) {
		z, err := flate.NewWriter(&packed[i], level)
		if err == nil {
			_, err = z.Write(b[i*block : min(len(b), (i+1)*block)])
		}
		if err == nil {
			err = z.Flush()
		}
		errs[i] = err
	})
	for i := range packed {
		if errs[i] != nil {
			return errs[i]
		}
		if _, err := packed[i].WriteTo(p.w); err != nil {
			return err
		}
	}
	return nil
}

// Close packs what is left and ends the member.
func (p *packer) Close() error {
	if err := p.pack(p.buffer); err != nil {
		return err
	}
	end := []byte{1, 0, 0, 255, 255} // an empty last block
	end = binary.LittleEndian.AppendUint32(end, p.crc)
	_, err := p.w.Write(binary.LittleEndian.AppendUint32(end, p.size))
	return err
}
