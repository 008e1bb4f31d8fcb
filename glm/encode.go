package glm

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"galen.dev/fault"
)

// The bytes of both models are described in docs/format/glm.md: a magic, a body of little-endian numbers and
// a checksum. Floats are kept bit for bit.
const (
	magicLinear   = "GALNGLM1"
	magicAdditive = "GALNEBM1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type writer struct{ b []byte }

func (w *writer) u8(v uint8)      { w.b = append(w.b, v) }
func (w *writer) u32(v int)       { w.b = binary.LittleEndian.AppendUint32(w.b, uint32(v)) }
func (w *writer) float(v float64) { w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(v)) }

func (w *writer) floats(vs []float64) {
	for _, v := range vs {
		w.float(v)
	}
}

func (w *writer) seal() []byte {
	return binary.LittleEndian.AppendUint32(w.b, crc32.Checksum(w.b, castagnoli))
}

// reader takes numbers off a body. After the first fault all reads give zero and bad stays set, so that
// parsers need only one check before they use a length.
type reader struct {
	b   []byte
	bad string
}

// open checks magic and checksum.
func open(data []byte, magic string) *reader {
	r := &reader{}
	switch {
	case len(data) < len(magic)+4 || string(data[:len(magic)]) != magic:
		r.bad = "not a model of this kind and version"
	case crc32.Checksum(data[:len(data)-4], castagnoli) != binary.LittleEndian.Uint32(data[len(data)-4:]):
		r.bad = "the checksum does not match"
	default:
		r.b = data[len(magic) : len(data)-4]
	}
	return r
}

func (r *reader) fail(why string) {
	if r.bad == "" {
		r.bad, r.b = why, nil
	}
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.fail("the model is cut short")
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u32() int {
	if b := r.take(4); b != nil {
		return int(binary.LittleEndian.Uint32(b))
	}
	return 0
}

// float reads a number that must be finite.
func (r *reader) float() float64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(b))
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.fail("a number is not finite")
		return 0
	}
	return v
}

// floats reads n numbers; no more is allocated than the bytes can hold.
func (r *reader) floats(n int) []float64 {
	if n < 0 || n > len(r.b)/8 {
		r.fail("the model is cut short")
		return nil
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = r.float()
	}
	return out
}

// done is the verdict on the whole.
func (r *reader) done() error {
	if r.bad == "" && len(r.b) > 0 {
		r.fail("bytes are left over")
	}
	if r.bad != "" {
		return fault.Errorf(fault.Corrupt, "glm: reading a model: %s", r.bad)
	}
	return nil
}

// MarshalBinary writes the model; the same model gives the same bytes.
func (m *Model) MarshalBinary() ([]byte, error) {
	w := &writer{b: []byte(magicLinear)}
	w.u8(uint8(m.Family))
	w.float(m.Alpha)
	w.float(m.Lambda)
	w.u32(len(m.Coef))
	w.u32(m.Features())
	w.floats(m.Intercept)
	for _, row := range m.Coef {
		w.floats(row)
	}
	if m.Covariance == nil {
		w.u8(0)
	} else {
		w.u8(1)
		w.floats(m.Covariance)
	}
	return w.seal(), nil
}

// UnmarshalBinary reads what MarshalBinary wrote. Anything else is a Corrupt error and leaves m as it was.
func (m *Model) UnmarshalBinary(data []byte) error {
	r := open(data, magicLinear)
	var got Model
	got.Family = Family(r.u8())
	got.Alpha, got.Lambda = r.float(), r.float()
	k, p := r.u32(), r.u32()
	single := got.Family != Multinomial
	if got.Family > Multinomial || k > maxClasses || single && k != 1 || !single && k < 2 || got.Alpha < 0 || got.Alpha > 1 || got.Lambda < 0 {
		r.fail("the header makes no sense")
	}
	if r.bad == "" && p > len(r.b)/8 {
		r.fail("the model is cut short")
	}
	if r.bad == "" {
		got.Intercept = r.floats(k)
		got.Coef = make([][]float64, k)
		for c := range got.Coef {
			got.Coef[c] = r.floats(p)
		}
		switch r.u8() {
		case 0:
		case 1:
			// p is bounded by the bytes and k by maxClasses, so this does not overflow.
			dim := k * (p + 1)
			if dim > 1<<24 {
				r.fail("the model is cut short")
				break
			}
			got.Covariance = r.floats(dim * dim)
		default:
			r.fail("the header makes no sense")
		}
	}
	if err := r.done(); err != nil {
		return err
	}
	*m = got
	return nil
}
