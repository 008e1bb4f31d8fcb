package dicom

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Stack is a volume's worth of slices in a series: parallel, of one size, at equal distances.
type Stack struct {
	Series   *Series
	Label    string          // what tells it from the series' other stacks, as "echo time 2.46"; empty for the only one
	Geometry volume.Geometry // in the patient, RAS+
	Slices   []Slice         // z = 0, 1, ...: along the normal, which is row direction x column direction

	planes []*plane
}

// Slice is where a slice comes from.
type Slice struct {
	File  *File
	Frame int // from 0
}

// How far from a perfect grid slices may lie. Scanners write positions with two or three decimals, so that gaps
// of half a millimetre differ by two percent from rounding alone; a tenth of a voxel is below what any reading
// of the images resolves.
const (
	sameDirection = 1e-3 // difference of unit vectors
	samePlace     = 0.01 // mm along the normal: closer slices are duplicates
	gapSlack      = 0.05 // of the median gap
	driftSlack    = 0.1  // of the median gap, from the straight line through first and last
	sideSlack     = 0.25 // of a pixel, sideways from that line
	tiltSlack     = 0.2 * math.Pi / 180
)

// Stacks finds the volumes of a series. Slices of several orientations make several stacks; where positions
// occur more than once, stacks are told apart by echo time, time, b-value and the like. Everything that is not a
// regular grid is refused, with each slice concerned: mixed orientations, sizes, spacings or units, absent
// geometry, duplicate or missing slices, unequal gaps, and gantry tilt.
func (s *Series) Stacks() ([]*Stack, error) {
	planes, list := s.planes()
	if len(list) > 0 {
		return nil, s.refuse(list)
	}
	var out []*Stack
	groups, list := byOrientation(planes)
	for _, g := range groups {
		list = append(list, uniform(g)...)
	}
	if len(list) > 0 {
		return nil, s.refuse(list)
	}
	for _, g := range groups {
		sortAlong(g)
		parts, ok := separate(g, traits, new(int))
		if !ok {
			list = append(list, duplicates(g)...)
			continue
		}
		for _, part := range parts {
			stack, bad := s.stack(part)
			list = append(list, bad...)
			out = append(out, stack)
		}
	}
	if len(list) > 0 {
		return nil, s.refuse(list)
	}
	if len(out) == 1 {
		out[0].Label = ""
	} else if len(groups) > 1 {
		for _, k := range out {
			k.Label = joinLabel(string(k.Geometry.Affine.Codes()), k.Label)
		}
	}
	return out, nil
}

func (s *Series) refuse(list []fault.Finding) error {
	return fault.Refuse(fmt.Sprintf("making a volume of a series of %s", fault.Count(len(s.Files), "file")), list)
}

func joinLabel(a, b string) string {
	if b == "" {
		return a
	}
	return a + ", " + b
}

// byOrientation groups parallel slices. A slice that stands alone beside others has lost its stack, or is a
// localiser that slipped in: it is refused.
func byOrientation(planes []*plane) ([][]*plane, []fault.Finding) {
	var groups [][]*plane
next:
	for _, p := range planes {
		for i, g := range groups {
			if g[0].row.Minus(p.row).Length() < sameDirection && g[0].col.Minus(p.col).Length() < sameDirection {
				groups[i] = append(g, p)
				continue next
			}
		}
		groups = append(groups, []*plane{p})
	}
	largest := slices.MaxFunc(groups, func(a, b []*plane) int { return cmp.Compare(len(a), len(b)) })
	var list []fault.Finding
	if len(groups) > 1 && slices.ContainsFunc(groups, func(g []*plane) bool { return len(g) == 1 }) {
		for _, g := range groups {
			if len(g) == len(largest) && len(g) > 1 {
				continue
			}
			for _, p := range g {
				list = append(list, p.finding("mixed-orientation", "its orientation differs from that of the other slices"))
			}
		}
	}
	return groups, list
}

// uniform compares what all slices of a stack must share with what most of them have.
func uniform(group []*plane) []fault.Finding {
	var list []fault.Finding
	for _, c := range []struct {
		name, what string
		of         func(p *plane) string
	}{
		{"mixed-size", "its numbers of rows and columns differ", func(p *plane) string { return fmt.Sprint(p.image.Rows, p.image.Columns) }},
		{"mixed-spacing", "its pixel spacing differs", func(p *plane) string { return fmt.Sprintf("%.4g %.4g", p.spacing[0], p.spacing[1]) }},
		{"mixed-frame-of-reference", "its frame of reference differs", func(p *plane) string { return p.file.Text(FrameOfReferenceUID) }},
		{"mixed-units", "the unit of its values differs", func(p *plane) string { return string(p.rescale.Unit) }},
		{"mixed-photometric", "its photometric interpretation differs", func(p *plane) string { return p.image.Photometric }},
	} {
		counts := map[string]int{}
		for _, p := range group {
			counts[c.of(p)]++
		}
		if len(counts) < 2 {
			continue
		}
		usual := c.of(group[0])
		for _, p := range group {
			if v := c.of(p); counts[v] > counts[usual] {
				usual = v
			}
		}
		for _, p := range group {
			if c.of(p) != usual {
				list = append(list, p.finding(c.name, c.what+" from that of most slices"))
			}
		}
	}
	return list
}

// sortAlong sorts by position on the normal of the first slice.
func sortAlong(group []*plane) {
	n := group[0].normal
	for _, p := range group {
		p.along = p.position.Dot(n)
	}
	slices.SortStableFunc(group, func(a, b *plane) int { return cmp.Compare(a.along, b.along) })
}

func distinct(group []*plane) bool {
	for i := 1; i < len(group); i++ {
		if group[i].along-group[i-1].along < samePlace {
			return false
		}
	}
	return true
}

func duplicates(group []*plane) []fault.Finding {
	var list []fault.Finding
	for i, p := range group {
		var twin *plane
		switch {
		case i > 0 && p.along-group[i-1].along < samePlace:
			twin = group[i-1]
		case i+1 < len(group) && group[i+1].along-p.along < samePlace:
			twin = group[i+1]
		default:
			continue
		}
		list = append(list, p.finding("duplicate-slice", fmt.Sprintf("it lies where %s of %s does, and nothing tells them apart", twin.label(), twin.file.Name)))
	}
	return list
}

// part is a stack in the making.
type part struct {
	label  string
	planes []*plane
}

// separate splits a group by traits until no position occurs twice. tries bounds the search.
func separate(group []*plane, traits []trait, tries *int) ([]part, bool) {
	if distinct(group) {
		return []part{{"", group}}, true
	}
	for i, t := range traits {
		if *tries++; *tries > 500 {
			return nil, false
		}
		split := map[string][]*plane{}
		var keys []string
		for _, p := range group {
			k := t.of(p)
			if split[k] == nil {
				keys = append(keys, k)
			}
			split[k] = append(split[k], p)
		}
		if len(keys) < 2 {
			continue
		}
		slices.SortFunc(keys, compareValues)
		var out []part
		ok := true
		for _, k := range keys {
			var parts []part
			// A trait that leaves single slices, as a time of its own for each, tells no volumes apart.
			if len(split[k]) == 1 {
				ok = false
				break
			}
			if parts, ok = separate(split[k], traits[i+1:], tries); !ok {
				break
			}
			for _, p := range parts {
				out = append(out, part{joinLabel(t.name+" "+k, p.label), p.planes})
			}
		}
		if ok {
			return out, true
		}
	}
	return nil, false
}

func compareValues(a, b string) int {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	if err1 == nil && err2 == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

// stack checks that sorted slices are a grid, and makes its geometry.
func (s *Series) stack(p part) (*Stack, []fault.Finding) {
	planes := p.planes
	k := &Stack{Series: s, Label: p.label, planes: planes}
	for _, p := range planes {
		k.Slices = append(k.Slices, Slice{p.file, p.frame})
	}
	first := planes[0]
	var step volume.Vec
	if len(planes) == 1 {
		if first.thickness == 0 {
			return k, []fault.Finding{first.finding("no-spacing", "a single slice without thickness is no volume")}
		}
		step = first.normal.Times(first.thickness)
	} else {
		if list := gaps(planes); len(list) > 0 {
			return k, list
		}
		last := planes[len(planes)-1]
		step = last.position.Minus(first.position).Times(1 / float64(len(planes)-1))
		if list := straight(planes, step); len(list) > 0 {
			return k, list
		}
		// The tilt that is left is rounding of positions.
		step = first.normal.Times(step.Dot(first.normal))
	}
	k.Geometry = volume.Geometry{
		Dims: [3]int{first.image.Columns, first.image.Rows, len(planes)},
		Affine: volume.FromLPS(volume.FromColumns(
			first.row.Times(first.spacing[1]), first.col.Times(first.spacing[0]), step, first.position)),
	}
	if err := k.Geometry.Check("the series"); err != nil {
		return k, fault.FindingsOf(err)
	}
	return k, nil
}

// gaps compares each gap with the median.
func gaps(planes []*plane) []fault.Finding {
	all := make([]float64, len(planes)-1)
	for i := range all {
		all[i] = planes[i+1].along - planes[i].along
	}
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	median := sorted[len(sorted)/2]
	if len(sorted)%2 == 0 {
		median = sorted[len(sorted)/2-1] // a real gap, and the smaller: a missing slice makes gaps larger
	}
	var list []fault.Finding
	for i, g := range all {
		if math.Abs(g-median) <= gapSlack*median {
			continue
		}
		between := fmt.Sprintf("between it and %s of %s", planes[i+1].label(), planes[i+1].file.Name)
		times := math.Round(g / median)
		if times >= 2 && math.Abs(g-times*median) <= gapSlack*median*times {
			x := planes[i].finding("missing-slice", fmt.Sprintf("%s missing %s", fault.Count(int(times)-1, "slice"), between))
			x.Hint = "transfer the series again"
			list = append(list, x)
			continue
		}
		list = append(list, planes[i].finding("unequal-gap", fmt.Sprintf("the gap %s is %.3f mm instead of %.3f mm", between, g, median)))
	}
	return list
}

// straight checks that the slices lie on one line along the normal.
func straight(planes []*plane, step volume.Vec) []fault.Finding {
	first := planes[0]
	n := first.normal
	height := step.Dot(n)
	side := step.Minus(n.Times(height)).Length()
	if angle := math.Atan2(side, height); angle > tiltSlack {
		var list []fault.Finding
		message := fmt.Sprintf("the slices are shifted against each other as by a gantry tilt of %.1f degrees", angle*180/math.Pi)
		for _, p := range planes {
			x := p.finding("gantry-tilt", message)
			x.Hint = "reformat the series on a straight grid at the scanner"
			list = append(list, x)
		}
		return list
	}
	pixel := min(first.spacing[0], first.spacing[1])
	var list []fault.Finding
	for i, p := range planes {
		off := p.position.Minus(first.position.Plus(step.Times(float64(i))))
		along := off.Dot(n)
		switch {
		case math.Abs(along) > driftSlack*height:
			list = append(list, p.finding("unequal-gap", fmt.Sprintf("it lies %.3f mm from where equal gaps would put it", along)))
		case off.Minus(n.Times(along)).Length() > max(sideSlack*pixel, samePlace):
			list = append(list, p.finding("displaced-slice", "it is shifted sideways against the other slices"))
		}
	}
	return list
}
