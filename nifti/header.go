package nifti

import (
	"encoding/binary"
	"fmt"
	"math"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Header is every field of a NIfTI header, of either version, under the names of the standard. What version 1
// keeps in 16 or 32 bits is widened without loss, and written back as it was.
type Header struct {
	Version int              // 1 or 2
	Order   binary.ByteOrder // of the file
	Pair    bool             // the voxels are in a file of their own, .img beside .hdr

	DimInfo                uint8
	Dim                    [8]int64
	IntentP                [3]float64
	IntentCode             int64
	Datatype, Bitpix       int64
	SliceStart, SliceEnd   int64
	SliceCode, XYZTUnits   int64
	Pixdim                 [8]float64
	VoxOffset              float64
	SclSlope, SclInter     float64
	CalMax, CalMin         float64
	SliceDuration, Toffset float64
	Descrip                [80]byte
	AuxFile                [24]byte
	QformCode, SformCode   int64
	Quatern, Qoffset       [3]float64 // b, c, d; x, y, z
	Srow                   [3][4]float64
	IntentName             [16]byte

	magic [8]byte
	old   [39]byte // of version 1: fields of Analyze 7.5 before dim_info
	gl    [2]int64 // of version 1: glmax and glmin
	tail  [15]byte // of version 2: unused
}

// Lengths of the headers, and the least offset of voxels behind one in the same file.
const (
	size1, size2 = 348, 540
	extender     = 4
)

func (h *Header) size() int {
	if h.Version == 2 {
		return size2
	}
	return size1
}

// A field is a place in the header and where its value is kept.
type field struct {
	at   int
	kind byte // 'b' uint8, 'h' int16, 'i' int32, 'q' int64, 'f' float32, 'd' float64, 's' bytes
	to   any
}

func (h *Header) fields() []field {
	var out []field
	ints := func(at int, kind byte, to ...*int64) {
		for _, p := range to {
			out = append(out, field{at, kind, p})
			at += widths[kind]
		}
	}
	floats := func(at int, kind byte, to ...*float64) {
		for _, p := range to {
			out = append(out, field{at, kind, p})
			at += widths[kind]
		}
	}
	text := func(at int, to []byte) { out = append(out, field{at, 's', to}) }
	all := func(s []float64) (p []*float64) {
		for i := range s {
			p = append(p, &s[i])
		}
		return p
	}
	dims := func() (p []*int64) {
		for i := range h.Dim {
			p = append(p, &h.Dim[i])
		}
		return p
	}
	if h.Version == 1 {
		text(4, h.old[4:])
		out = append(out, field{39, 'b', &h.DimInfo})
		ints(40, 'h', dims()...)
		floats(56, 'f', all(h.IntentP[:])...)
		ints(68, 'h', &h.IntentCode, &h.Datatype, &h.Bitpix, &h.SliceStart)
		floats(76, 'f', all(h.Pixdim[:])...)
		floats(108, 'f', &h.VoxOffset, &h.SclSlope, &h.SclInter)
		ints(120, 'h', &h.SliceEnd)
		ints(122, 'c', &h.SliceCode, &h.XYZTUnits)
		floats(124, 'f', &h.CalMax, &h.CalMin, &h.SliceDuration, &h.Toffset)
		ints(140, 'i', &h.gl[0], &h.gl[1])
		text(148, h.Descrip[:])
		text(228, h.AuxFile[:])
		ints(252, 'h', &h.QformCode, &h.SformCode)
		floats(256, 'f', all(h.Quatern[:])...)
		floats(268, 'f', all(h.Qoffset[:])...)
		for r := range 3 {
			floats(280+16*r, 'f', all(h.Srow[r][:])...)
		}
		text(328, h.IntentName[:])
		text(344, h.magic[:4])
		return out
	}
	text(4, h.magic[:])
	ints(12, 'h', &h.Datatype, &h.Bitpix)
	ints(16, 'q', dims()...)
	floats(80, 'd', all(h.IntentP[:])...)
	floats(104, 'd', all(h.Pixdim[:])...)
	out = append(out, field{168, 'o', &h.VoxOffset})
	floats(176, 'd', &h.SclSlope, &h.SclInter, &h.CalMax, &h.CalMin, &h.SliceDuration, &h.Toffset)
	ints(224, 'q', &h.SliceStart, &h.SliceEnd)
	text(240, h.Descrip[:])
	text(320, h.AuxFile[:])
	ints(344, 'i', &h.QformCode, &h.SformCode)
	floats(352, 'd', all(h.Quatern[:])...)
	floats(376, 'd', all(h.Qoffset[:])...)
	for r := range 3 {
		floats(400+32*r, 'd', all(h.Srow[r][:])...)
	}
	ints(496, 'i', &h.SliceCode, &h.XYZTUnits, &h.IntentCode)
	text(508, h.IntentName[:])
	out = append(out, field{524, 'b', &h.DimInfo})
	text(525, h.tail[:])
	return out
}

// widths of the kinds; 'c' is a byte kept as int64, 'o' an int64 kept as float64.
var widths = map[byte]int{'b': 1, 'c': 1, 'h': 2, 'i': 4, 'q': 8, 'f': 4, 'd': 8, 'o': 8}

// sniff says which version and byte order a header begins with; version 0 is none.
func sniff(head []byte) (version int, order binary.ByteOrder) {
	if len(head) < 4 {
		return 0, nil
	}
	for _, o := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch o.Uint32(head) {
		case size1:
			return 1, o
		case size2:
			return 2, o
		}
	}
	return 0, nil
}

// parse fills the header from its bytes, whose version and order are set.
func (h *Header) parse(raw []byte) {
	o := h.Order
	for _, f := range h.fields() {
		at := raw[f.at:]
		switch p := f.to.(type) {
		case []byte:
			copy(p, at)
		case *uint8:
			*p = at[0]
		case *int64:
			switch f.kind {
			case 'c':
				*p = int64(at[0])
			case 'h':
				*p = int64(int16(o.Uint16(at)))
			case 'i':
				*p = int64(int32(o.Uint32(at)))
			case 'q':
				*p = int64(o.Uint64(at))
			}
		case *float64:
			switch f.kind {
			case 'f':
				*p = float64(math.Float32frombits(o.Uint32(at)))
			case 'd':
				*p = math.Float64frombits(o.Uint64(at))
			case 'o':
				*p = float64(int64(o.Uint64(at)))
			}
		}
	}
	h.Pair = h.magic[1] == 'i'
}

// bytes is the header as it stands in a file.
func (h *Header) bytes() []byte {
	raw := make([]byte, h.size())
	o := h.Order
	o.PutUint32(raw, uint32(h.size()))
	for _, f := range h.fields() {
		at := raw[f.at:]
		switch p := f.to.(type) {
		case []byte:
			copy(at, p)
		case *uint8:
			at[0] = *p
		case *int64:
			switch f.kind {
			case 'c':
				at[0] = uint8(*p)
			case 'h':
				o.PutUint16(at, uint16(*p))
			case 'i':
				o.PutUint32(at, uint32(*p))
			case 'q':
				o.PutUint64(at, uint64(*p))
			}
		case *float64:
			switch f.kind {
			case 'f':
				o.PutUint32(at, math.Float32bits(float32(*p)))
			case 'd':
				o.PutUint64(at, math.Float64bits(*p))
			case 'o':
				o.PutUint64(at, uint64(int64(*p)))
			}
		}
	}
	return raw
}

// magics of the versions, in one file and as a pair.
var magics = map[string]bool{"n+1\x00": true, "ni1\x00": true, "n+2\x00\r\n\x1a\n": true, "ni2\x00\r\n\x1a\n": true}

func (h *Header) magicText() string {
	if h.Version == 1 {
		return string(h.magic[:4])
	}
	return string(h.magic[:])
}

// A kind is a datatype code of the standard.
type kind struct {
	name     string
	bits     int
	store    volume.Type
	channels int // values in one voxel
}

var datatypes = map[int64]kind{
	2: {"uint8", 8, volume.Uint8, 1}, 4: {"int16", 16, volume.Int16, 1}, 8: {"int32", 32, volume.Int32, 1},
	16: {"float32", 32, volume.Float32, 1}, 32: {"complex64", 64, volume.Float32, 2}, 64: {"float64", 64, volume.Float64, 1},
	128: {"RGB24", 24, volume.Uint8, 3}, 256: {"int8", 8, volume.Int8, 1}, 512: {"uint16", 16, volume.Uint16, 1},
	768: {"uint32", 32, volume.Uint32, 1}, 1024: {"int64", 64, volume.Int64, 1}, 1280: {"uint64", 64, volume.Uint64, 1},
	1792: {"complex128", 128, volume.Float64, 2}, 2304: {"RGBA32", 32, volume.Uint8, 4},
}

// Datatypes that are known and refused: bits are not voxels of their own here, and 128-bit numbers mean two
// different things to two families of machines.
var refused = map[int64]string{1: "bits", 1536: "float128", 2048: "complex256"}

// dims are the sizes along x, y, z, time and the fifth axis.
func (h *Header) dims() [5]int64 {
	d := [5]int64{1, 1, 1, 1, 1}
	for i := range d {
		if int64(i) < h.Dim[0] {
			d[i] = h.Dim[i+1]
		}
	}
	return d
}

// findings says everything that is wrong with the sizes and the datatype.
func (h *Header) findings() (out []fault.Finding) {
	severe := func(name, hint, format string, args ...any) {
		out = append(out, fault.Finding{Name: name, Severity: fault.Severe, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	if !magics[h.magicText()] {
		severe("magic", "a header of Analyze 7.5 holds no orientation: convert it with the program that made it", "the header has the length of NIfTI-%d but not its mark", h.Version)
	}
	if h.Dim[0] < 1 || h.Dim[0] > 7 {
		severe("dimensions", "", "the header declares %d dimensions; 1 to 7 are possible", h.Dim[0])
		return out
	}
	left := int64(math.MaxInt64 / 16)
	for i := int64(1); i <= h.Dim[0]; i++ {
		d := h.Dim[i]
		switch {
		case d < 1:
			severe("size", "", "dim[%d] is %d", i, d)
		case i > 5 && d > 1:
			severe("size", "split the file", "dim[%d] is %d: sizes beyond the fifth dimension are not read", i, d)
		case d > left:
			severe("size", "", "the sizes multiply to more than any file can hold")
			return out
		default:
			left /= d
		}
	}
	k, ok := datatypes[h.Datatype]
	switch {
	case refused[h.Datatype] != "":
		severe("datatype", "store the voxels as another type", "voxels are %s, which is not read", refused[h.Datatype])
	case !ok:
		severe("datatype", "", "datatype %d is none of the standard", h.Datatype)
	case h.Bitpix != int64(k.bits):
		severe("bitpix", "", "bitpix is %d for %s of %d bits", h.Bitpix, k.name, k.bits)
	case k.channels > 1 && h.dims()[4] > 1:
		severe("channels", "split the file", "voxels of %s along a fifth dimension of %d are not read", k.name, h.dims()[4])
	}
	if low := float64(h.size() + extender); !h.Pair && !(h.VoxOffset >= low) || h.Pair && !(h.VoxOffset >= 0) || h.VoxOffset > 1<<31 || h.VoxOffset != math.Trunc(h.VoxOffset) {
		severe("vox-offset", "", "voxels cannot begin at byte %g", h.VoxOffset)
	}
	if math.IsInf(h.SclSlope, 0) || h.scaled() && (math.IsNaN(h.SclInter) || math.IsInf(h.SclInter, 0)) {
		severe("rescale", "", "scl_slope or scl_inter is not a finite number")
	}
	return out
}

// scaled says whether the rescale counts: the standard says no where the slope is 0, and nibabel writes NaN.
func (h *Header) scaled() bool { return h.SclSlope != 0 && !math.IsNaN(h.SclSlope) }
