package segment

import (
	"encoding/binary"
	"math"

	"galen.dev/imaging/plan"
	"galen.dev/volume"
)

// referenceClasses are the classes of a mask on its own grid.
func referenceClasses(p *plan.Plan, m *volume.LabelMap) []uint8 {
	return classesOf(p, labelsOf(m), [3]int{m.Dims[2], m.Dims[1], m.Dims[0]}, false)
}

// referenceNumbers are the instances of a mask: its labels, or the connected parts of its classes.
func referenceNumbers(p *plan.Plan, m *volume.LabelMap, border bool) ([]uint32, error) {
	if border {
		out := make([]uint32, m.Voxels())
		for i, v := range labelsOf(m) {
			out[i] = uint32(v)
		}
		return out, nil
	}
	numbers, _, err := volume.NewLabels(m.Geometry, referenceClasses(p, m), nil).Components(volume.Faces)
	return numbers, err
}

func labelsOf(m *volume.LabelMap) []uint16 {
	switch d := m.Data.(type) {
	case volume.Slice[uint16]:
		return d
	case volume.Slice[uint8]:
		out := make([]uint16, len(d))
		for i, v := range d {
			out[i] = uint16(v)
		}
		return out
	}
	panic("segment: a label map of another type")
}

func asBytes(v []float32) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

func fromBytes(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}
