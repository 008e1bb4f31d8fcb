package show

import (
	"fmt"
	"image"
	"image/color"
	"strings"

	"galen.dev/report"
	"galen.dev/volume"
)

// placed is a panel with everything about its drawing decided.
type placed struct {
	Panel
	o      orientation
	index  int
	w, h   int // pixels of the slice
	window Window
	color  bool
	labels []uint16 // labels of the mask, pixel by pixel; nil = no mask
	heat   *drawnHeat
}

// place decides everything about a panel that check let pass.
func (p Panel) place() *placed {
	pl := &placed{Panel: p, o: p.View.Plane.of(p.Image.Geometry), window: p.View.Window, color: p.inColor()}
	pl.index = p.View.Slice.index(p, pl.o)
	pl.w, pl.h = size(pl.o, p.Image.Geometry, p.View.Size)
	if pl.window == (Window{}) {
		pl.window = Auto(p.Image, max(p.View.Channel, 1)-1)
	}
	if p.Mask != nil {
		v := cut(pl.o, p.Mask.Geometry, pl.index, func(voxel int) float64 { return float64(p.Mask.Get(voxel)) }).scaled(pl.w, pl.h, true)
		pl.labels = make([]uint16, len(v.at))
		for i, x := range v.at {
			pl.labels[i] = uint16(x)
		}
	}
	if p.Heat != nil {
		pl.heat = p.Heat.drawn(pl)
	}
	return pl
}

// inColor says whether channels are red, green and blue: three of them, or four bytes with opacity, which is left out.
func (p Panel) inColor() bool {
	n := p.Image.NumChannels()
	return p.View.Channel == 0 && (n == 3 || n == 4 && p.Image.Data.Type() == volume.Uint8)
}

// draw draws the panel without its surroundings: title, slice, legend of the heat map.
func (pl *placed) draw() *image.RGBA {
	top, bottom := 0, 0
	if pl.Title != "" {
		top = lineHeight + 4
	}
	if pl.heat != nil {
		bottom = legendHeight
	}
	m := canvas(pl.w, top+pl.h+bottom)
	if top > 0 {
		write(m, 2, 2, fit(pl.Title, pl.w-4), report.Ink.Dark())
	}
	slice := m.SubImage(image.Rect(0, top, pl.w, top+pl.h)).(*image.RGBA)
	pl.paintImage(slice)
	if pl.heat != nil {
		pl.heat.paint(slice)
		pl.heat.legend(m, top+pl.h+4)
	}
	if pl.labels != nil {
		pl.paintMask(slice)
	}
	pl.paintLetters(slice)
	return m
}

func (pl *placed) paintImage(m *image.RGBA) {
	g, v := pl.Image.Geometry, pl.View
	slope, inter := pl.Image.Scale()
	channels := []int{max(v.Channel, 1) - 1}
	if pl.color {
		channels = []int{0, 1, 2}
	}
	var shown [3][]float64
	for i, c := range channels {
		data := pl.Image.Frame(c, v.Time)
		shown[i] = cut(pl.o, g, pl.index, func(voxel int) float64 {
			return pl.window.share(float64(slope*data.At(voxel)) + inter)
		}).scaled(pl.w, pl.h, v.Blocks).at
	}
	for y := range pl.h {
		for x := range pl.w {
			i := y*pl.w + x
			r := level(shown[0][i])
			c := color.RGBA{r, r, r, 255}
			if pl.color {
				c.G, c.B = level(shown[1][i]), level(shown[2][i])
			}
			m.SetRGBA(m.Rect.Min.X+x, m.Rect.Min.Y+y, c)
		}
	}
}

// labelColor is the colour of a label: the series of package report in the values for dark pages.
func labelColor(label uint16) color.RGBA { return report.Series(int(label-1) % 6).Dark() }

func (pl *placed) paintMask(m *image.RGBA) {
	thick := 1 + max(pl.w, pl.h)/400
	inside := uint32(pl.View.Fill.opacity()*255 + .5)
	at := func(x, y int) uint16 {
		if x < 0 || y < 0 || x >= pl.w || y >= pl.h {
			return 0
		}
		return pl.labels[y*pl.w+x]
	}
	for y := range pl.h {
		for x := range pl.w {
			l := at(x, y)
			if l == 0 {
				continue
			}
			edge := false
			for d := 1; d <= thick && !edge; d++ {
				edge = at(x-d, y) != l || at(x+d, y) != l || at(x, y-d) != l || at(x, y+d) != l
			}
			broken := l > 6 && ((x+y)>>2)%2 == 1
			opacity := inside
			if edge && !broken {
				opacity = 255
			}
			blend(m, x, y, labelColor(l), opacity)
		}
	}
}

// paintLetters writes where the edges look, with a dark rim that shows on bright images.
func (pl *placed) paintLetters(m *image.RGBA) {
	for i, s := range pl.o.letters {
		w := textWidth(s)
		if s == "" || pl.w < 3*w+20 || pl.h < 4*lineHeight {
			continue
		}
		x, y := (pl.w-w)/2, (pl.h-lineHeight)/2
		switch i {
		case 0:
			x = 3
		case 1:
			x = pl.w - w - 3
		case 2:
			y = 2
		case 3:
			y = pl.h - lineHeight - 2
		}
		x, y = x+m.Rect.Min.X, y+m.Rect.Min.Y
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				write(m, x+dx, y+dy, s, color.RGBA{0, 0, 0, 255})
			}
		}
		write(m, x, y, s, color.RGBA{255, 255, 255, 255})
	}
}

// words describe the panel for those who do not see it.
func (pl *placed) words() string {
	var b strings.Builder
	if s := strings.TrimSpace(pl.Title); s != "" {
		fmt.Fprintf(&b, "%s: ", s)
	}
	if n := pl.Image.Dims[pl.o.axis]; n > 1 {
		fmt.Fprintf(&b, "%s slice %d of %d", pl.o.plane, pl.index+1, n)
	} else {
		fmt.Fprintf(&b, "image %s", pl.o.plane)
	}
	if pl.color {
		b.WriteString(" in colour")
	} else {
		fmt.Fprintf(&b, ", %s from black to white", strings.TrimSpace(pl.window.String()+" "+string(pl.Image.Unit)))
	}
	if pl.heat != nil {
		fmt.Fprintf(&b, "; heat map %s", pl.heat.words())
	}
	if pl.labels != nil {
		n := 0
		for _, l := range pl.labels {
			if l != 0 {
				n++
			}
		}
		fmt.Fprintf(&b, "; the mask covers %.1f%%", 100*float64(n)/float64(len(pl.labels)))
	}
	return strings.ToUpper(b.String()[:1]) + b.String()[1:] + "."
}

// level is a share as a byte.
func level(share float64) uint8 { return uint8(min(max(float64(share*255)+.5, 0), 255)) }

func canvas(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	fill(m, m.Rect, report.Paper.Dark())
	return m
}

func fill(m *image.RGBA, r image.Rectangle, c color.RGBA) {
	r = r.Intersect(m.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			m.SetRGBA(x, y, c)
		}
	}
}

// blend lays a colour over a pixel, counted from the picture's corner, with an opacity of 0 to 255.
func blend(m *image.RGBA, x, y int, c color.RGBA, opacity uint32) {
	x, y = x+m.Rect.Min.X, y+m.Rect.Min.Y
	under := m.RGBAAt(x, y)
	m.SetRGBA(x, y, over(c, under, opacity))
}

func over(c, under color.RGBA, opacity uint32) color.RGBA {
	mix := func(a, b uint8) uint8 { return uint8((uint32(a)*opacity + uint32(b)*(255-opacity) + 127) / 255) }
	return color.RGBA{mix(c.R, under.R), mix(c.G, under.G), mix(c.B, under.B), 255}
}
