// Package show draws medical images for people: a slice with its window, in radiological orientation, with masks and
// heat maps over it, beside one another, as PNG.
//
// A picture of a patient must not mislead. So the planes are drawn as radiologists read them (the patient's right on the
// left of the picture, in front and above up), letters say where right, left, front and back are, pixels keep the
// proportions of the spacing, and the window is in the words that describe the picture. Images whose place in the patient
// is not known, such as PNG files, are drawn as they are stored and carry no letters.
//
// Masks get an outline and a light fill in the colours of package report, whose hues people with colour blindness can
// tell apart; the seventh label and on have broken outlines. A heat map is clear where it says nothing and has its
// legend beside it. Voxels that are no number are drawn as the lowest value. Everything is a pure function, and the same
// input gives the same pixels on every machine.
//
// Start with Panel, then Draw, Row, Compare and Montage. Picture.Block puts a picture into a report.
package show

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/report"
	"galen.dev/volume"
)

// Bounds of what is drawn.
const (
	DefaultSize = 384     // pixels of the longer side of a panel
	MaxSize     = 2048    // the same at most
	MaxPanels   = 64      // in one row or montage
	maxPixels   = 1 << 26 // of a whole picture
)

// Panel is one slice of an image with what lies over it. Only Image has to be there.
type Panel struct {
	Title string // written above; what does not fit is cut
	Image *volume.Volume
	Mask  *volume.LabelMap // drawn over the image; nil = none. Its grid is that of Image.
	Heat  *Heat            // drawn over the image, below the mask; nil = none
	View  View
}

// View says which slice is shown, and how.
type View struct {
	Plane  Plane
	Slice  Slice
	Time   int    // 0-based
	Window Window // zero = Auto of the image
	Size   int    // pixels of the longer side of the slice; 0 = DefaultSize, at most MaxSize
	// Channel is shown in grey, counted from 1; 0 = channels of red, green and blue in colour where there are three, and
	// the first channel otherwise.
	Channel int
	Blocks  bool // enlarge pixels as squares, as very small images may want, in place of smoothly
	Fill    Fill // how dense masks are filled
	NoKey   bool // name no labels beneath: they number instances
}

// Fill is the opacity of the inside of masks.
type Fill float64

// NoFill draws outlines alone; the zero value of a Fill is light, .25.
const NoFill Fill = -1

func (f Fill) opacity() float64 {
	switch {
	case f == 0:
		return .25
	case f < 0:
		return 0
	}
	return min(float64(f), 1)
}

// Picture is a drawing with its description in words.
type Picture struct {
	Pixels *image.RGBA // every pixel opaque
	Alt    string
}

// PNG is the picture as a file.
func (p Picture) PNG() []byte {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestCompression}
	if err := e.Encode(&b, p.Pixels); err != nil {
		panic("show: " + err.Error()) // memory takes every write, and sizes are bounded
	}
	return b.Bytes()
}

// Block is the picture as a part of a report, which holds its bytes within the page.
func (p Picture) Block(title, caption string) report.Image {
	return report.Image{Bytes: p.PNG(), Alt: p.Alt, Title: title, Caption: caption}
}

// Draw draws one panel.
func Draw(p Panel) (Picture, error) { return Row(p) }

// Row draws panels side by side, their upper edges in line. Labels of their masks are named once, beneath.
func Row(panels ...Panel) (Picture, error) { return Montage(len(panels), panels...) }

// Montage draws panels in rows of columns; columns 0 = as near to a square as there is.
func Montage(columns int, panels ...Panel) (Picture, error) {
	if len(panels) == 0 || len(panels) > MaxPanels {
		return Picture{}, fault.Errorf(fault.Usage, "a picture has 1 to %d panels, not %d", MaxPanels, len(panels))
	}
	tiles := make([]*image.RGBA, len(panels))
	alt := make([]string, len(panels))
	total := 0
	for _, p := range panels { // before anything is drawn
		if err := p.check(); err != nil {
			return Picture{}, err
		}
		w, h := size(p.View.Plane.of(p.Image.Geometry), p.Image.Geometry, p.View.Size)
		total += w * h
	}
	if total > maxPixels {
		return Picture{}, tooLarge(total)
	}
	titled := slices.ContainsFunc(panels, func(p Panel) bool { return p.Title != "" })
	for i, p := range panels {
		if titled && p.Title == "" {
			p.Title = " " // its slice stays in line with the others
		}
		pl := p.place()
		tiles[i], alt[i] = pl.draw(), pl.words()
	}
	key := labelKey(panels)
	pix, err := arrange(columns, tiles, key)
	if err != nil {
		return Picture{}, err
	}
	return Picture{Pixels: pix, Alt: strings.Join(append(alt, key.words()...), " ")}, nil
}

// Compare draws the image, the reference over it and the prediction over it side by side, at one slice: where view asks
// for the slice of the largest mask, that of the reference, or of the prediction where the reference is empty.
func Compare(image *volume.Volume, reference, prediction *volume.LabelMap, view View) (Picture, error) {
	panels := []Panel{{Title: "Image", Image: image}, {Title: "Reference", Image: image, Mask: reference}, {Title: "Prediction", Image: image, Mask: prediction}}
	for i := range panels {
		panels[i].View = view
	}
	if view.Slice == (Slice{}) && reference != nil && prediction != nil {
		m := reference
		if _, any := reference.Bounds(); !any {
			m = prediction
		}
		if err := (Panel{Image: image, Mask: m}).check(); err != nil {
			return Picture{}, err
		}
		at := At(Largest(m, view.Plane))
		for i := range panels {
			panels[i].View.Slice = at
		}
	}
	return Row(panels...)
}

// Slices draws n slices of one panel, evenly spread over its mask where it has one that is not empty, else
// over the image, from left, back or feet on.
func Slices(p Panel, n int) (Picture, error) {
	if n < 1 || n > MaxPanels {
		return Picture{}, fault.Errorf(fault.Usage, "a montage has 1 to %d slices, not %d", MaxPanels, n)
	}
	if err := p.check(); err != nil {
		return Picture{}, err
	}
	o := p.View.Plane.of(p.Image.Geometry)
	axis := o.axis
	from, to := 0, p.Image.Dims[axis]
	if p.Mask != nil {
		if b, any := p.Mask.Bounds(); any {
			from, to = b.From[axis], b.To[axis]
		}
	}
	if p.View.Window == (Window{}) {
		p.View.Window = Auto(p.Image, max(p.View.Channel, 1)-1)
	}
	n = min(n, to-from)
	panels := make([]Panel, n)
	for i := range panels {
		panels[i] = p
		at := from + o.along(((2*i+1)*(to-from))/(2*n), to-from)
		panels[i].View.Slice = At(at)
		panels[i].Title = strings.TrimSpace(fmt.Sprintf("%s %d", p.Title, at+1))
	}
	return Montage(0, panels...)
}

// check refuses what cannot be drawn.
func (p Panel) check() error {
	if p.Image == nil {
		return fault.Errorf(fault.Usage, "a panel has no image")
	}
	if err := p.Image.Check("drawing an image"); err != nil {
		return err
	}
	v := p.View
	var bad []string
	say := func(wrong bool, format string, args ...any) {
		if wrong {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	say(v.Size < 0 || v.Size > MaxSize, "size %d is not within 0 to %d pixels", v.Size, MaxSize)
	say(v.Channel < 0 || v.Channel > p.Image.NumChannels(), "channel %d is not one of %d", v.Channel, p.Image.NumChannels())
	say(v.Time < 0 || v.Time >= p.Image.NumTimes(), "time %d is not within 0 to %d", v.Time, p.Image.NumTimes()-1)
	say(v.Plane > Sagittal, "there is no plane %d", v.Plane)
	if len(bad) > 0 {
		return fault.Errorf(fault.Usage, "drawing an image: %s", strings.Join(bad, "; "))
	}
	if p.Mask != nil {
		if err := volume.SameGeometry(p.Image.Geometry, p.Mask.Geometry); err != nil {
			return fmt.Errorf("drawing a mask over an image: %w", err)
		}
	}
	if p.Heat != nil {
		return p.Heat.check(p.Image.Geometry)
	}
	return nil
}
