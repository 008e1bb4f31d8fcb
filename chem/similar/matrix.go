package similar

import "math/bits"

// Matrix holds fingerprints of one length in rows. Rows are padded to whole cache lines.
type Matrix struct {
	bits  int
	width int // words of a row, a multiple of 8
	data  []uint64
	count []int32  // bits set in each row
	ids   []string // names of rows, empty where none has one
}

// NewMatrix makes a matrix without rows for fingerprints of a number of bits.
func NewMatrix(bits int) *Matrix {
	if bits < 1 {
		panic("similar: a fingerprint has at least one bit")
	}
	return &Matrix{bits: bits, width: (bits + 511) / 512 * 8}
}

// Bits is the length of a fingerprint.
func (m *Matrix) Bits() int { return m.bits }

// Len is the number of rows.
func (m *Matrix) Len() int { return len(m.count) }

// Words is the number of words of a row without padding: what fingerprint.Generator.Words says.
func (m *Matrix) Words() int { return (m.bits + 63) / 64 }

// Append adds a row and its name, which may be empty. fp has Words words; bits beyond Bits must not be set.
func (m *Matrix) Append(fp []uint64, id string) {
	if len(fp) != m.Words() || m.bits%64 != 0 && fp[len(fp)-1]>>(m.bits%64) != 0 {
		panic("similar: the fingerprint has another length than the matrix")
	}
	n := 0
	for _, w := range fp {
		n += bits.OnesCount64(w)
	}
	m.data = append(m.data, fp...)
	for range m.width - len(fp) {
		m.data = append(m.data, 0)
	}
	m.count = append(m.count, int32(n))
	if id != "" {
		for len(m.ids) < len(m.count)-1 {
			m.ids = append(m.ids, "")
		}
		m.ids = append(m.ids, id)
	}
}

// Row is a row without padding. It belongs to the matrix.
func (m *Matrix) Row(i int) []uint64 { return m.data[i*m.width : i*m.width+m.Words()] }

// ID is the name of a row.
func (m *Matrix) ID(i int) string {
	if i < len(m.ids) {
		return m.ids[i]
	}
	return ""
}

// Count is the number of bits set in a row.
func (m *Matrix) Count(i int) int { return int(m.count[i]) }

func (m *Matrix) padded(i int) []uint64 { return m.data[i*m.width : (i+1)*m.width] }

// Score is the similarity of two rows.
func (m *Matrix) Score(by Measure, i, j int) float64 {
	var c [1]uint32
	common(c[:], m.padded(i), m.padded(j))
	return by.Score(int(c[0]), m.Count(i), m.Count(j))
}
