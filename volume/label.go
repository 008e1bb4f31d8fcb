package volume

import (
	"fmt"
	"slices"

	"galen.dev/fault"
)

// LabelMap gives each voxel of a grid one label; 0 is background. It cannot be interpolated: see ResampleLabels.
type LabelMap struct {
	Geometry
	Data   Data    // Slice[uint8] or Slice[uint16], Voxels() of them
	Labels []Label // what the labels stand for, by rising value; background is not named
}

// Label names one value.
type Label struct {
	Value uint16
	Name  string
}

// NewLabels makes a label map that owns data. It panics where the length is not the number of voxels.
func NewLabels[T uint8 | uint16](g Geometry, data []T, labels []Label) *LabelMap {
	if len(data) != g.Voxels() {
		panic("volume: data do not fill the grid")
	}
	return &LabelMap{Geometry: g, Data: Slice[T](data), Labels: labels}
}

// At is the label of a voxel.
func (m *LabelMap) At(x, y, z int) uint16 { return m.Get(m.Index(x, y, z)) }

// Get is the label at a place in memory.
func (m *LabelMap) Get(i int) uint16 {
	switch d := m.Data.(type) {
	case Slice[uint8]:
		return uint16(d[i])
	case Slice[uint16]:
		return d[i]
	}
	panic("volume: labels are uint8 or uint16")
}

// Name is the name of a label, or "" where it has none.
func (m *LabelMap) Name(value uint16) string {
	if i, ok := slices.BinarySearchFunc(m.Labels, value, func(l Label, v uint16) int { return int(l.Value) - int(v) }); ok {
		return m.Labels[i].Name
	}
	return ""
}

// Counts returns the number of voxels of each label from 0 to the largest that occurs.
func (m *LabelMap) Counts() []int {
	n := m.Data.Len()
	count, size := pieces(n)
	parts := make([][]int, count)
	do(count, func(p int) {
		part := make([]int, 256)
		for i := p * size; i < min(n, (p+1)*size); i++ {
			l := int(m.Get(i))
			for l >= len(part) {
				part = append(part, make([]int, len(part))...)
			}
			part[l]++
		}
		parts[p] = part
	})
	var total []int
	for _, part := range parts {
		for l, c := range part {
			if c == 0 {
				continue
			}
			if l >= len(total) {
				total = append(total, make([]int, l+1-len(total))...)
			}
			total[l] += c
		}
	}
	return total
}

// Check refuses a label map whose sizes, type or names cannot be right, with every finding at once.
func (m *LabelMap) Check(subject string) error {
	findings := m.Geometry.findings()
	add := func(name, message string) {
		findings = append(findings, fault.Finding{Name: name, Severity: fault.Severe, Message: message})
	}
	switch {
	case m.Data == nil:
		add("no-voxels", "there are no voxels")
	case m.Data.Type() != Uint8 && m.Data.Type() != Uint16:
		add("label-type", fmt.Sprintf("labels are stored as %s; uint8 or uint16 is needed", m.Data.Type()))
	case m.Data.Len() != m.Voxels():
		add("voxel-count", fmt.Sprintf("%d labels for %d voxels", m.Data.Len(), m.Voxels()))
	}
	for i, l := range m.Labels {
		if l.Value == 0 || i > 0 && l.Value <= m.Labels[i-1].Value {
			add("label-names", "label values rise from 1 on, each once")
			break
		}
	}
	return fault.Refuse(subject, findings)
}

// AsLabels turns an image that holds whole numbers into a label map. It refuses several channels or times,
// values that are not whole, negative or beyond 65535, counting them all. Labels up to 255 become uint8.
func AsLabels(v *Volume, labels []Label) (*LabelMap, error) {
	var findings []fault.Finding
	if v.NumChannels() > 1 || v.NumTimes() > 1 {
		findings = append(findings, fault.Finding{
			Name: "label-channels", Severity: fault.Severe,
			Message: fmt.Sprintf("a label map has 1 channel and 1 time, not %d and %d", v.NumChannels(), v.NumTimes()),
		})
		return nil, fault.Refuse("labels", findings)
	}
	slope, inter := v.Scale()
	n := v.Voxels()
	count, size := pieces(n)
	bad, top := make([]int, count), make([]uint16, count)
	wide := make([]uint16, n)
	do(count, func(p int) {
		for i := p * size; i < min(n, (p+1)*size); i++ {
			f := float64(slope*v.Data.At(i)) + inter
			if !(f >= 0 && f <= 65535) || f != float64(uint16(f)) {
				bad[p]++
				continue
			}
			wide[i] = uint16(f)
			top[p] = max(top[p], wide[i])
		}
	})
	total, highest := 0, uint16(0)
	for p := range count {
		total, highest = total+bad[p], max(highest, top[p])
	}
	if total > 0 {
		return nil, fault.Refuse("labels", []fault.Finding{{
			Name: "label-values", Severity: fault.Severe, Count: total,
			Message: fmt.Sprintf("%s not whole numbers from 0 to 65535", fault.Count(total, "voxel")),
			Hint:    "is this an image, or a probability map, and no mask?",
		}})
	}
	if highest > 255 {
		return NewLabels(v.Geometry, wide, labels), nil
	}
	narrow := make([]uint8, n)
	inPieces(n, func(from, to int) {
		for i := from; i < to; i++ {
			narrow[i] = uint8(wide[i])
		}
	})
	return NewLabels(v.Geometry, narrow, labels), nil
}
