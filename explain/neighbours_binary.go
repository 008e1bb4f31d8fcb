package explain

import (
	"encoding/binary"
	"math"
	"slices"

	"galen.dev/fault"
)

// The stored form, all numbers little-endian:
//
//	magic   "galen/neighbours\x01"
//	uint32  features, rows, k, probes
//	feature 1 byte: bit 0 category, bit 1 had missing values; then
//	        number:   float64 scale, low, high
//	        category: uint32 levels, float64 each
//	rows    uint32 each, ascending
//	cells   float32, row by row: numbers over their scale, then indices of levels
//	probes  float32 each, ascending
//
// Equal Neighbours have equal bytes, and reading accepts nothing that writing does not make.
const neighboursMagic = "galen/neighbours\x01"

// MarshalBinary writes the stored form.
func (n *Neighbours) MarshalBinary() ([]byte, error) {
	le := binary.LittleEndian
	b := make([]byte, 0, len(neighboursMagic)+16+32*len(n.features)+4*(len(n.rows)+len(n.z)+len(n.apart)))
	b = append(b, neighboursMagic...)
	for _, v := range []int{len(n.features), len(n.rows), n.k, len(n.apart)} {
		b = le.AppendUint32(b, uint32(v))
	}
	number := func(v float64) { b = le.AppendUint64(b, math.Float64bits(v)) }
	for _, f := range n.features {
		flags := byte(0)
		if f.category {
			flags |= 1
		}
		if f.missing {
			flags |= 2
		}
		b = append(b, flags)
		if !f.category {
			number(f.scale)
			number(f.low)
			number(f.high)
			continue
		}
		b = le.AppendUint32(b, uint32(len(f.levels)))
		for _, v := range f.levels {
			number(v)
		}
	}
	for _, r := range n.rows {
		b = le.AppendUint32(b, uint32(r))
	}
	for _, part := range [][]float32{n.z, n.apart} {
		for _, v := range part {
			bits := math.Float32bits(v)
			if v != v {
				bits = missingBits
			}
			b = le.AppendUint32(b, bits)
		}
	}
	return b, nil
}

// missingBits is the one NaN that stands for missing.
const missingBits = 0x7fc00000

// source reads numbers off the front of bytes; bad is set when they run out or make no sense.
type source struct {
	b   []byte
	bad bool
}

func (s *source) take(n int) []byte {
	if n < 0 || n > len(s.b) {
		s.bad = true
		return nil
	}
	head := s.b[:n]
	s.b = s.b[n:]
	return head
}

func (s *source) count() int {
	if b := s.take(4); b != nil {
		return int(binary.LittleEndian.Uint32(b))
	}
	return 0
}

func (s *source) number() float64 {
	if b := s.take(8); b != nil {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// singles reads n float32 values; nothing is allocated unless the bytes are there.
func (s *source) singles(n int) []float32 {
	if n > len(s.b)/4 {
		s.bad = true
		return nil
	}
	b, out := s.take(4*n), make([]float32, n)
	for i := range out {
		bits := binary.LittleEndian.Uint32(b[4*i:])
		out[i] = math.Float32frombits(bits)
		s.bad = s.bad || out[i] != out[i] && bits != missingBits
	}
	return out
}

// UnmarshalBinary reads what MarshalBinary wrote. The error's kind is Corrupt, and n is unchanged by it.
func (n *Neighbours) UnmarshalBinary(data []byte) error {
	s := &source{b: data}
	if string(s.take(len(neighboursMagic))) != neighboursMagic {
		return fault.Errorf(fault.Corrupt, "these are not stored neighbours")
	}
	features, rows, k, probes := s.count(), s.count(), s.count(), s.count()
	// Every feature and row takes bytes of its own, so these bounds keep a lie from costing memory.
	if features < 1 || features > len(s.b) || rows < 2 || rows > len(s.b)/4 || k < 1 || k >= rows || probes < 1 || probes > rows {
		return fault.Errorf(fault.Corrupt, "stored neighbours: the sizes make no sense")
	}
	m := &Neighbours{k: k}
	for range features {
		m.features = append(m.features, s.feature())
		if s.bad {
			break
		}
	}
	m.setOrder()
	for i := range rows {
		r := s.count()
		s.bad = s.bad || r > math.MaxInt32 || i > 0 && int(m.rows[i-1]) >= r
		m.rows = append(m.rows, int32(r))
		if s.bad {
			break
		}
	}
	if s.bad || rows > len(s.b)/4/features {
		return fault.Errorf(fault.Corrupt, "stored neighbours: cut short or damaged")
	}
	m.z = s.singles(rows * features)
	m.apart = s.singles(probes)
	if s.bad || len(s.b) > 0 || !m.sound() {
		return fault.Errorf(fault.Corrupt, "stored neighbours: cut short or damaged")
	}
	m.missing = gone(m.z, features)
	*n = *m
	return nil
}

func (s *source) feature() feature {
	f := feature{scale: 1, low: math.Inf(1), high: math.Inf(-1)}
	flags := s.take(1)
	if s.bad {
		return f
	}
	f.category, f.missing = flags[0]&1 == 1, flags[0]&2 == 2
	s.bad = flags[0] > 3
	if !f.category {
		f.scale, f.low, f.high = s.number(), s.number(), s.number()
		empty := math.IsInf(f.low, 1) && math.IsInf(f.high, -1)
		s.bad = s.bad || !(f.scale > 0) || math.IsInf(f.scale, 0) || !(f.low <= f.high) && !empty
		return f
	}
	levels := s.count()
	if levels > len(s.b)/8 {
		s.bad = true
		return f
	}
	for i := range levels {
		v := s.number()
		s.bad = s.bad || math.IsNaN(v) || i > 0 && f.levels[i-1] >= v
		f.levels = append(f.levels, v)
	}
	if levels > 0 {
		f.low, f.high = f.levels[0], f.levels[levels-1]
	}
	return f
}

// sound checks the cells: numbers within bounds, levels that exist, probes in order.
func (n *Neighbours) sound() bool {
	width := len(n.features)
	for i, v := range n.z {
		at := i % width
		if v != v {
			continue
		}
		if at < n.numbers {
			if v < -farthest || v > farthest {
				return false
			}
		} else if f := n.features[n.order[at]]; v < 0 || int(v) >= len(f.levels) || v != float32(int(v)) {
			return false
		}
	}
	return slices.IsSorted(n.apart) && n.apart[0] >= 0 && !math.IsInf(float64(n.apart[len(n.apart)-1]), 0)
}
