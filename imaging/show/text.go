package show

import (
	"image"
	"image/color"
	"strings"
)

// Sizes of letters in pixels.
const (
	letterWidth = 7
	lineHeight  = 13
)

// plain are signs that the font lacks and what stands for them.
var plain = strings.NewReplacer("−", "-", "–", "-", "—", "-", "×", "x", "µ", "u", "μ", "u", "²", "2", "³", "3", "°", " deg",
	"ä", "ae", "ö", "oe", "ü", "ue", "é", "e", "è", "e", "ß", "ss", "≥", ">=", "≤", "<=", "±", "+-", "…", "...", "\u202f", " ", "\u00a0", " ")

// textWidth is the width of a text in pixels.
func textWidth(s string) int { return letterWidth * len([]rune(plain.Replace(s))) }

// fit cuts a text that is wider than there is room.
func fit(s string, width int) string {
	r := []rune(plain.Replace(s))
	if n := width / letterWidth; len(r) > n {
		if n < 4 {
			return string(r[:max(n, 0)])
		}
		return string(r[:n-2]) + ".."
	}
	return string(r)
}

// write draws a text with its upper left corner at (x, y). Other characters than those of ASCII become question marks.
func write(m *image.RGBA, x, y int, s string, c color.RGBA) {
	for _, r := range plain.Replace(s) {
		if r < ' ' || r > '~' {
			r = '?'
		}
		glyph := glyphs[int(r-' ')*2*lineHeight:][:2*lineHeight]
		for row := range lineHeight {
			bits := digit(glyph[2*row])<<4 | digit(glyph[2*row+1])
			for col := range 6 {
				if p := (image.Point{x + col, y + row}); bits>>(5-col)&1 == 1 && p.In(m.Rect) {
					m.SetRGBA(p.X, p.Y, c)
				}
			}
		}
		x += letterWidth
	}
}

func digit(c byte) int {
	if c >= 'a' {
		return int(c-'a') + 10
	}
	return int(c - '0')
}
