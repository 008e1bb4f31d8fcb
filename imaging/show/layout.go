package show

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
	"strings"

	"galen.dev/fault"
	"galen.dev/report"
	"galen.dev/volume"
)

const gap = 6 // pixels between panels

// key names the labels of masks beneath a picture.
type key []volume.Label

func labelKey(panels []Panel) key {
	var k key
	add := func(l volume.Label) {
		i, known := slices.BinarySearchFunc(k, l, func(a, b volume.Label) int { return int(a.Value) - int(b.Value) })
		switch {
		case !known:
			k = slices.Insert(k, i, l)
		case k[i].Name == "":
			k[i].Name = l.Name
		}
	}
	for _, p := range panels {
		if p.Mask == nil || p.View.NoKey {
			continue
		}
		for value, n := range p.Mask.Counts() {
			if value > 0 && n > 0 {
				add(volume.Label{Value: uint16(value), Name: p.Mask.Name(uint16(value))})
			}
		}
	}
	for i := range k {
		if k[i].Name == "" {
			k[i].Name = fmt.Sprintf("label %d", k[i].Value)
		}
	}
	return k
}

func (k key) words() []string {
	if len(k) == 0 {
		return nil
	}
	var names []string
	for _, l := range k[:min(len(k), maxKey)] {
		names = append(names, l.Name)
	}
	return []string{"Labels: " + strings.Join(names, ", ") + "."}
}

// maxKey bounds the labels that are named: a map of instances has hundreds.
const maxKey = 24

// lines breaks the key into lines of at most width pixels, each entry with its place.
func (k key) lines(width int) (at []image.Point, height int) {
	x, y := gap, 0
	for _, l := range k[:min(len(k), maxKey)] {
		w := 14 + textWidth(fit(l.Name, width-2*gap-14)) + 12
		if x > gap && x+w > width {
			x, y = gap, y+lineHeight+4
		}
		at = append(at, image.Point{x, y})
		x += w
	}
	if len(at) == 0 {
		return nil, 0
	}
	return at, y + lineHeight + gap
}

func (k key) draw(m *image.RGBA, top int) {
	at, _ := k.lines(m.Rect.Dx())
	for i, p := range at {
		c := labelColor(k[i].Value)
		box := image.Rect(p.X, top+p.Y+2, p.X+10, top+p.Y+12)
		fill(m, box, c)
		inner := box.Inset(2)
		fill(m, inner, over(c, color.RGBA{0, 0, 0, 255}, 64))
		if k[i].Value > 6 { // the broken outline
			fill(m, image.Rect(inner.Min.X, box.Min.Y, inner.Max.X, box.Max.Y), over(c, color.RGBA{0, 0, 0, 255}, 64))
		}
		write(m, p.X+14, top+p.Y, fit(k[i].Name, m.Rect.Dx()-p.X-14), report.Ink.Dark())
	}
}

// arrange sets tiles in rows and the key beneath them.
func arrange(columns int, tiles []*image.RGBA, k key) (*image.RGBA, error) {
	if columns <= 0 {
		columns = int(math.Ceil(math.Sqrt(float64(len(tiles)))))
	}
	columns = min(columns, len(tiles))
	var places []image.Point
	width, y := 0, gap
	for from := 0; from < len(tiles); from += columns {
		row := tiles[from:min(from+columns, len(tiles))]
		x, height := gap, 0
		for _, t := range row {
			places = append(places, image.Point{x, y})
			x += t.Rect.Dx() + gap
			height = max(height, t.Rect.Dy())
		}
		width = max(width, x)
		y += height + gap
	}
	_, more := k.lines(width)
	if width*(y+more) > maxPixels {
		return nil, tooLarge(width * (y + more))
	}
	m := canvas(width, y+more)
	for i, t := range tiles {
		draw.Draw(m, t.Rect.Add(places[i]), t, image.Point{}, draw.Src)
	}
	k.draw(m, y)
	return m, nil
}

func tooLarge(pixels int) error {
	return fault.WithHint(fault.Errorf(fault.Usage, "a picture of %d pixels is over the bound of %d", pixels, maxPixels), "make panels smaller, or draw fewer of them")
}
