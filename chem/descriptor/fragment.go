package descriptor

import (
	_ "embed"
	"math"
	"strings"
	"sync"

	"galen.dev/chem/smarts"
)

// fragmentText is RDKit's list of functional groups: name, what it is, SMARTS, and two columns that are not used.
//
//go:embed data/fragments.tsv
var fragmentText string

// functionalGroup is a substructure whose places are counted.
type functionalGroup struct{ name, doc, smarts string }

var functionalGroups = sync.OnceValue(func() []functionalGroup {
	var groups []functionalGroup
	for line := range strings.Lines(fragmentText) {
		fields := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if strings.HasPrefix(line, "#") || len(fields) < 3 {
			continue
		}
		name := strings.NewReplacer("=", "_", "-", "_").Replace(fields[0])
		groups = append(groups, functionalGroup{name, strings.Trim(fields[1], `"`), fields[2]})
	}
	return groups
})

var functionalSet = sync.OnceValue(func() *smarts.Set {
	var patterns []*smarts.Pattern
	for _, g := range functionalGroups() {
		patterns = append(patterns, smarts.MustParse(g.smarts))
	}
	return smarts.NewSet(patterns)
})

// fragmentGroup counts functional groups: the places of each that differ in their atoms.
func fragmentGroup() group {
	g := group{fill: (*Describer).fragments}
	for _, f := range functionalGroups() {
		g.infos = append(g.infos, Info{f.name, f.doc, "", 0, math.Inf(1), "RDKit, FragmentDescriptors.csv"})
	}
	return g
}

func (d *Describer) fragments(out []float64) {
	if d.groups == nil {
		d.groups = functionalSet().Matcher()
	}
	d.groups.Reset(d.m)
	for i := range out {
		out[i] = float64(d.groups.Count(i))
	}
}
