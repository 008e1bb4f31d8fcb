package volume

import "galen.dev/fault"

// Reorient returns the volume with its axes pointing as the codes say ("RAS" is canonical), by swapping and
// mirroring axes alone: every value is kept, and every voxel keeps its place in the patient. The result has
// memory of its own, unless v already points that way and is returned itself.
func (v *Volume) Reorient(to Codes) (*Volume, error) {
	t, err := turnTo(v.Affine, to)
	if err != nil || t.isNothing() {
		return v, err
	}
	out := *v
	out.Geometry = t.geometry(v.Geometry)
	out.Data = t.data(v.Data, v.Dims)
	return &out, nil
}

// Reorient returns the label map with its axes pointing as the codes say; see Volume.Reorient.
func (m *LabelMap) Reorient(to Codes) (*LabelMap, error) {
	t, err := turnTo(m.Affine, to)
	if err != nil || t.isNothing() {
		return m, err
	}
	return &LabelMap{Geometry: t.geometry(m.Geometry), Data: t.data(m.Data, m.Dims), Labels: m.Labels}, nil
}

// Permute returns the volume with its axes in another order: axis i of the result is axis order[i] of v, as
// nnU-Net's transposition. It panics where order is no permutation of 0, 1, 2.
func (v *Volume) Permute(order [3]int) *Volume {
	t := turn{from: order}
	t.check()
	out := *v
	out.Geometry = t.geometry(v.Geometry)
	out.Data = t.data(v.Data, v.Dims)
	return &out
}

// Permute returns the label map with its axes in another order; see Volume.Permute.
func (m *LabelMap) Permute(order [3]int) *LabelMap {
	t := turn{from: order}
	t.check()
	return &LabelMap{Geometry: t.geometry(m.Geometry), Data: t.data(m.Data, m.Dims), Labels: m.Labels}
}

// Flip returns the volume mirrored along the axes that are set. The patient is not mirrored: the affine says
// where the voxels went.
func (v *Volume) Flip(axes [3]bool) *Volume {
	t := turn{from: [3]int{0, 1, 2}, mirror: axes}
	out := *v
	out.Geometry = t.geometry(v.Geometry)
	out.Data = t.data(v.Data, v.Dims)
	return &out
}

// Flip returns the label map mirrored along the axes that are set; see Volume.Flip.
func (m *LabelMap) Flip(axes [3]bool) *LabelMap {
	t := turn{from: [3]int{0, 1, 2}, mirror: axes}
	return &LabelMap{Geometry: t.geometry(m.Geometry), Data: t.data(m.Data, m.Dims), Labels: m.Labels}
}

// A turn swaps and mirrors axes: axis i of the result is axis from[i] of the source, mirrored where mirror[i].
type turn struct {
	from   [3]int
	mirror [3]bool
}

func (t turn) isNothing() bool { return t == turn{from: [3]int{0, 1, 2}} }

func (t turn) check() {
	if f := t.from; f[0]|f[1]|f[2] > 3 || min(f[0], f[1], f[2]) < 0 || 1<<f[0]|1<<f[1]|1<<f[2] != 7 {
		panic("volume: order is no permutation of three axes")
	}
}

func turnTo(a Affine, to Codes) (turn, error) {
	var t turn
	axes, signs, err := to.parse()
	if err != nil {
		return t, err
	}
	haveAxes, haveSigns := a.orientation()
	for i := range 3 {
		for v := range 3 {
			if haveAxes[v] == axes[i] {
				t.from[i], t.mirror[i] = v, haveSigns[v] != signs[i]
			}
		}
	}
	return t, nil
}

// parse returns the patient's axis and direction (1 = positive) for each letter.
func (c Codes) parse() (axes, signs [3]int, err error) {
	seen := [3]bool{}
	if len(c) != 3 {
		return axes, signs, fault.Errorf(fault.Usage, "orientation %q: three letters such as RAS are needed", string(c))
	}
	for i := range 3 {
		found := false
		for axis, pair := range letters {
			for sign, letter := range pair {
				if c[i] == letter && !seen[axis] {
					axes[i], signs[i], found, seen[axis] = axis, sign, true, true
				}
			}
		}
		if !found {
			return axes, signs, fault.Errorf(fault.Usage, "orientation %q: use one letter of each pair R/L, A/P, S/I", string(c))
		}
	}
	return axes, signs, nil
}

func (t turn) geometry(g Geometry) Geometry {
	m := Affine{3: {0, 0, 0, 1}} // index in the result to index in the source
	var out Geometry
	for i, f := range t.from {
		out.Dims[i] = g.Dims[f]
		m[f][i] = 1
		if t.mirror[i] {
			m[f][i], m[f][3] = -1, float64(g.Dims[f]-1)
		}
	}
	out.Affine = g.Affine.Compose(m)
	return out
}

// data moves every frame, one line of the result after the other.
func (t turn) data(in Data, dims [3]int) Data {
	strides := [3]int{1, dims[0], dims[0] * dims[1]}
	var to, step [3]int
	first := 0
	for i, f := range t.from {
		to[i], step[i] = dims[f], strides[f]
		if t.mirror[i] {
			first += (dims[f] - 1) * strides[f]
			step[i] = -step[i]
		}
	}
	voxels := dims[0] * dims[1] * dims[2]
	out := in.Make(in.Len())
	do(in.Len()/max(voxels, 1)*to[2], func(plane int) {
		frame, z := plane/to[2], plane%to[2]
		for y := range to[1] {
			out.move(frame*voxels+(z*to[1]+y)*to[0], in, frame*voxels+first+z*step[2]+y*step[1], step[0], to[0])
		}
	})
	return out
}
