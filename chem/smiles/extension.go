package smiles

import (
	"strconv"
	"strings"

	"galen.dev/chem"
)

// ExtensionProp names the property that keeps the extension of a CXSMILES as it was written: enhanced stereo groups, labels,
// and all else that it says.
const ExtensionProp = "CXSMILES"

// cutExtension splits the text behind a SMILES into its extension, |...| without the bars, and the rest. Bars within
// labels, which stand between $, do not end it.
func cutExtension(s string) (extension, rest string, ok bool) {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "|") {
		return "", s, false
	}
	label := false
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '$':
			label = !label
		case s[i] == '|' && !label:
			return s[1:i], strings.TrimSpace(s[i+1:]), true
		}
	}
	if i := strings.IndexByte(s[1:], '|'); i >= 0 { // a lone $
		return s[1 : i+1], strings.TrimSpace(s[i+2:]), true
	}
	return "", s, false
}

// splitExtension splits a SMILES from the extension behind it.
func splitExtension(s string) (graph, extension string) {
	s = strings.TrimSpace(s)
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	if x, _, ok := cutExtension(s[i:]); ok {
		return s[:i], x
	}
	return s, ""
}

// extend keeps an extension as a property, and its coordinates where there is a complete pair or triple of numbers for
// each atom. Nothing it says changes the graph, so a broken extension does no harm.
func extend(m *chem.Mol, extension string) {
	m.Props = append(m.Props, chem.Prop{Name: ExtensionProp, Value: extension})
	lo := strings.IndexByte(extension, '(')
	if lo != 0 {
		return // coordinates come first
	}
	hi := strings.IndexByte(extension, ')')
	if hi < 0 || strings.Count(extension[:hi], ";") > len(m.Atoms) {
		return
	}
	places := strings.Split(strings.TrimSuffix(extension[1:hi], ";"), ";")
	if len(places) != len(m.Atoms) {
		return
	}
	coords, flat := make([]chem.Point, len(places)), true
	for i, p := range places {
		fields := strings.Split(p, ",")
		if len(fields) < 2 || len(fields) > 3 {
			return
		}
		var v [3]float64
		for k, f := range fields {
			if f == "" && k == 2 {
				continue
			}
			x, err := strconv.ParseFloat(f, 64)
			if err != nil || !(x > -1e9 && x < 1e9) {
				return
			}
			v[k] = x
		}
		coords[i] = chem.Point{X: v[0], Y: v[1], Z: v[2]}
		flat = flat && v[2] == 0
	}
	m.Coords, m.Flat = coords, flat
}
