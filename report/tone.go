package report

import (
	"image/color"

	"gonum.org/v1/plot/vg"
)

// Tone is a colour by its role. Figures are drawn in tones, and the page's style sheet says what each
// one looks like in light, in dark and on paper. Tone is a color.Color, so any gonum/plot plotter takes
// it; RGBA gives the light value.
type Tone uint8

// The roles. Series tones come from Series.
const (
	Ink   Tone = iota // text, axes, reference values
	Muted             // secondary text, reference lines
	Grid              // grid lines and frames
	Paper             // the page itself
	Soft              // quiet fills
	series
)

const (
	seriesCount = 6
	bandBit     = 0x80
)

// palette holds the light and the dark value of every tone. The six series follow the hues of Okabe and Ito
// (2008), moved until each has a contrast of at least 4.5 with the page and every two stay apart under
// protanopia, deuteranopia and tritanopia; tests hold both.
var palette = [...]struct{ name, light, dark string }{
	{"ink", "#1b2733", "#e6ebf0"},
	{"muted", "#566473", "#a3b0bd"},
	{"grid", "#dde3e9", "#303b47"},
	{"paper", "#ffffff", "#12181f"},
	{"soft", "#eef2f6", "#1f2933"},
	{"k1", "#0b62a8", "#6ab4f2"},
	{"k2", "#c8310e", "#fd8d61"},
	{"k3", "#018546", "#56e08f"},
	{"k4", "#8a5e92", "#d467c4"},
	{"k5", "#6c6c08", "#e5b944"},
	{"k6", "#4b5b6b", "#a9b8c7"},
}

// Series returns the tone of the i-th series, counted from 0; after six they repeat, and dashes and
// marks, which repeat with another period, keep the series apart.
func Series(i int) Tone { return series + Tone(i%seriesCount) }

// Band returns the translucent version of a tone, for intervals and areas.
func (t Tone) Band() Tone { return t | bandBit }

// RGBA is the light value of the tone.
func (t Tone) RGBA() (r, g, b, a uint32) {
	c := hex(palette[t&^bandBit].light)
	if t&bandBit != 0 {
		c.A = 40
	}
	return color.NRGBAModel.Convert(c).(color.NRGBA).RGBA()
}

// Dark is the value of the tone on dark pages, opaque: what pictures on a dark ground, such as medical images, use.
func (t Tone) Dark() color.RGBA {
	c := hex(palette[t&^bandBit].dark)
	return color.RGBA(c) // opaque, so both models agree
}

func (t Tone) name() string { return palette[t&^bandBit].name }

func hex(s string) color.NRGBA {
	digit := func(c byte) uint8 {
		if c >= 'a' {
			return c - 'a' + 10
		}
		return c - '0'
	}
	at := func(i int) uint8 { return digit(s[i])<<4 | digit(s[i+1]) }
	return color.NRGBA{R: at(1), G: at(3), B: at(5), A: 255}
}

// dashes tell series apart without colour. Five against six colours give thirty combinations before one
// repeats.
var dashes = [...][]vg.Length{nil, {7, 3}, {2, 2.5}, {9, 3, 2, 3}, {4, 2}}

func dash(i int) []vg.Length { return dashes[i%len(dashes)] }

// The dash of reference lines (chance, ideal, zero), which no series uses.
var reference = []vg.Length{1, 3}
