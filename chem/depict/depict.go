// Package depict draws molecules as SVG.
//
// [SVG] draws one molecule, [Grid] several with captions, [Figure] one as a figure of package report. The drawing is
// a skeletal formula after the IUPAC recommendations: carbon as corners, hydrogens at hetero atoms only, aromatic
// rings as Kekulé structures, wedges at stereo centres. Atoms and bonds can be highlighted, and coloured by signed
// values ("heat"), such as what a model attributes to each atom.
//
// The SVG stands alone: no scripts, no fonts, no links; it has a title and a description for screen readers, and
// follows the reader's light or dark setting. The same molecule gives the same bytes.
//
// Read scene.go first, then label.go and bond.go.
//
// Source: J. Brecher, Graphical representation standards for chemical structure diagrams (IUPAC), Pure Appl. Chem.
// 80 (2008) 277.
package depict

import (
	"galen.dev/chem"
)

// Colour says what a drawing is coloured for.
type Colour uint8

const (
	Adaptive Colour = iota // for light and dark, as the reader has set; on the page's ground
	Light                  // for light ground
	Dark                   // for dark ground
	Current                // in the colour of the text around: for inline SVG
)

// Numbering says which numbers stand beside the atoms.
type Numbering uint8

const (
	None    Numbering = iota
	Indices           // from 1, in the order of the molecule
	Maps              // atom maps, where an atom has one
)

// Options change a drawing. The zero value is a drawing of natural size.
type Options struct {
	Scale         float64 // pixels per bond; 0 stands for 26
	Width, Height float64 // frame in pixels, in which the molecule is centred and shrunk if need be; 0 = as needed
	Colour        Colour
	Numbers       Numbering
	Highlights    []Highlight
	Heat          []float64 // a signed value for each atom, or nil; others than numbers are passed over
	HeatTop       float64   // value that has the full colour; 0 = the largest of Heat
	HeatLabel     string    // beside the legend: what the values are
	Title         string    // for screen readers and tooltips; empty = the molecule's name
	Desc          string    // for screen readers; empty = a count of the atoms
}

// SVG draws a molecule. Coordinates of a drawing are used; without them the molecule is laid out.
func SVG(m *chem.Mol, o Options) []byte {
	s := drawing(m, &o)
	return s.svg(nil, &o, title(m, &o), desc(m, &o))
}

const legendRoom = 36

// drawing draws one molecule with its legend.
func drawing(m *chem.Mol, o *Options) *scene {
	s := &scene{}
	top := heatTop(o.Heat)
	if o.HeatTop > 0 {
		top = o.HeatTop
	}
	h := o.Height
	if top > 0 && h > 0 {
		h = max(h-legendRoom, 20)
	}
	k := newSketch(m, o, s)
	s.w, s.h = k.place(0, 0, o.Width, h)
	if top > 0 {
		need := 130.0
		if o.HeatLabel != "" {
			need += 14 + textWidth(o.HeatLabel, 11)
		}
		if o.Width == 0 && need > s.w { // centre the molecule above the legend
			for i := range s.shapes {
				for j := range s.shapes[i].pts {
					s.shapes[i].pts[j] += complex((need-s.w)/2, 0)
				}
			}
			s.w = need
		}
		s.legend(6, s.h+10, top, o.HeatLabel)
		s.h += legendRoom
	}
	return s
}
