package nrrd

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/volume"
)

// layout is what the axes are.
type layout struct {
	kind     volume.Type
	sizes    []int
	roles    []byte // x, y, z, c, t
	affine   volume.Affine
	timeStep float64
	unit     volume.Unit
}

func (l *layout) count() int {
	n := 1
	for _, s := range l.sizes {
		n *= s
	}
	return n
}

func (l *layout) bytes() int64 {
	if l.kind == 0 {
		return 0
	}
	return int64(l.count()) * int64(l.kind.Size())
}

func (l *layout) assemble(data volume.Data) *volume.Volume {
	v := &volume.Volume{TimeStep: l.timeStep, Unit: l.unit}
	var dims [5]int
	v.Data, dims = volume.Rearrange(data, l.sizes, string(l.roles))
	v.Geometry = volume.Geometry{Dims: [3]int(dims[:3]), Affine: l.affine}
	v.Channels, v.Times = dims[3], dims[4]
	return v
}

const maxAxes = 5

// layout makes sense of the fields; what is wrong becomes findings.
func (h *header) layout(o Options) *layout {
	l := &layout{affine: volume.Identity()}
	kind, ok := kinds[strings.ToLower(h.fields["type"])]
	if !ok {
		h.severe("type", "", "the type of the values is none that is read")
	}
	l.kind = kind
	if h.order == nil {
		if ok && kind.Size() > 1 {
			h.severe("endian", "", "the header does not say the byte order of values of %d bytes", kind.Size())
		}
		h.order = binary.LittleEndian
	}
	axes, err := strconv.Atoi(h.fields["dimension"])
	if err != nil || axes < 1 || axes > 16 {
		h.severe("dimension", "", "dimension is not a number from 1 to 16")
		return l
	}
	if axes > maxAxes {
		h.severe("dimension", "split the file", "%d axes are not read; %d are", axes, maxAxes)
		return l
	}
	words := strings.Fields(h.fields["sizes"])
	if len(words) != axes {
		h.severe("axes", "", "sizes has %d values for %d axes", len(words), axes)
		return l
	}
	left := int64(math.MaxInt64 / 16)
	for _, w := range words {
		n, err := strconv.ParseInt(w, 10, 64)
		if err != nil || n < 1 || n > left {
			h.severe("size", "", "a size is not a positive number, or all multiply to more than any file can hold")
			l.sizes = nil
			return l
		}
		left /= n
		l.sizes = append(l.sizes, int(n))
	}
	h.place(l, o)
	l.unit = volume.Unit(strings.Trim(h.fields["sample units"], `"`))
	return l
}

// spaces whose axes are the patient's, with the signs that turn them to RAS+.
var spaces = map[string][2]float64{
	"right-anterior-superior": {1, 1}, "ras": {1, 1}, "left-anterior-superior": {-1, 1}, "las": {-1, 1},
	"left-posterior-superior": {-1, -1}, "lps": {-1, -1},
}

// place finds which axes are space, and where they lie.
func (h *header) place(l *layout, o Options) {
	axes := len(l.sizes)
	l.roles = make([]byte, axes)
	directions := h.vectors("space directions")
	spacings := h.numbers("spacings", axes)
	if _, has := h.fields["space directions"]; has && len(directions) != axes {
		h.severe("axes", "", "space directions has %d vectors for %d axes", len(directions), axes)
		return
	}
	kinds := strings.Fields(strings.ToLower(h.fields["kinds"]))
	if len(kinds) != axes && len(kinds) != 0 {
		h.severe("axes", "", "kinds has %d words for %d axes", len(kinds), axes)
		return
	}
	space, named := spaces[strings.ToLower(h.fields["space"])]
	inSpace := func(i int) bool {
		if directions != nil {
			return directions[i] != nil
		}
		return len(kinds) == 0 || kinds[i] == "domain" || kinds[i] == "space" || kinds[i] == "???" || kinds[i] == "none"
	}
	var at []int
	for i := range axes {
		if inSpace(i) && len(at) < 3 {
			l.roles[i] = "xyz"[len(at)]
			at = append(at, i)
			continue
		}
		role := byte('c')
		if len(kinds) > 0 && kinds[i] == "time" {
			role = 't'
			if spacings != nil && spacings[i] > 0 {
				l.timeStep = spacings[i]
			}
		}
		if strings.IndexByte(string(l.roles), role) >= 0 {
			h.severe("axes", "", "two axes are channels, or two are times")
			return
		}
		l.roles[i] = role
	}
	switch {
	case directions != nil && named:
		h.turn(l, directions, at, space)
	case !o.AssumeGeometry:
		h.severe("geometry-unknown", "set space and space directions with the program that made the file, or ask for the assumption of spacings alone", "the header does not say where the voxels lie in the patient: space or space directions is missing, or names no patient's axes")
	case len(at) < 2:
		h.severe("axes", "", "fewer than two axes lie in space")
	default:
		h.findings = append(h.findings, fault.Finding{Name: "geometry-assumed", Severity: fault.Warning, Message: "the header does not say where the voxels lie: spacings alone are used, and the orientation is assumed"})
		s := volume.Vec{1, 1, 1}
		for k, i := range at {
			if directions != nil {
				s[k] = directions[i].Length()
			} else if spacings != nil && !math.IsNaN(spacings[i]) {
				s[k] = math.Abs(spacings[i])
			}
		}
		l.affine = volume.Scaling(s)
	}
	if h.bad() == nil {
		g := volume.Geometry{Dims: [3]int{1, 1, 1}, Affine: l.affine}
		for k, i := range at {
			g.Dims[k] = l.sizes[i]
		}
		h.findings = append(h.findings, fault.FindingsOf(g.Check("geometry"))...)
	}
}

// turn makes the affine of three vectors in a named space.
func (h *header) turn(l *layout, directions []*volume.Vec, at []int, space [2]float64) {
	if len(at) != 3 {
		h.severe("axes", "", "%d axes have a direction in space; three are needed", len(at))
		return
	}
	origin := h.vectors("space origin")
	if len(origin) != 1 || origin[0] == nil {
		h.severe("origin", "", "the header does not say where the first voxel lies: space origin is missing or NaN")
		return
	}
	scale := h.unitMM()
	place := func(v volume.Vec) volume.Vec {
		return volume.Vec{v[0] * space[0] * scale, v[1] * space[1] * scale, v[2] * scale}
	}
	l.affine = volume.FromColumns(place(*directions[at[0]]), place(*directions[at[1]]), place(*directions[at[2]]), place(*origin[0]))
	for r := range 3 {
		for c := range 4 {
			l.affine[r][c] += 0 // no minus zero
		}
	}
}

// units of length in mm.
var units = map[string]float64{"mm": 1, "millimeter": 1, "millimeters": 1, "cm": 10, "m": 1000, "um": 0.001, "µm": 0.001, "micron": 0.001}

// unitMM is the length of the space's unit in mm; axes in different units are refused.
func (h *header) unitMM() float64 {
	text := h.fields["space units"]
	if text == "" {
		h.findings = append(h.findings, fault.Finding{Name: "unit-unknown", Severity: fault.Warning, Message: "the header names no unit of length: millimetres are taken, as programs for medical images write them"})
		return 1
	}
	scale := 0.0
	for _, w := range strings.Fields(text) {
		f, ok := units[strings.Trim(w, `"`)]
		if !ok || scale != 0 && f != scale {
			h.severe("unit", "", "space units are not one unit of length that is known (mm, cm, m, um)")
			return 1
		}
		scale = f
	}
	return max(scale, 1e-3)
}
