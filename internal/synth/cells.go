package synth

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"
)

// Cells are made-up fluorescence images: bright nuclei on uneven, noisy ground, some of which touch.
const (
	CellImages = 48 // images of the set
	cellSize   = 96 // side in pixels
)

// cellSplit is the part of an image: 32 for training, 6 for validation, 10 for testing.
func cellSplit(i int) string {
	switch {
	case i < 32:
		return "train"
	case i < 38:
		return "val"
	}
	return "test"
}

// CellName is the identifier of an image.
func CellName(i int) string { return fmt.Sprintf("cells%03d", i) }

// CellsTable is the set's split.csv: id, nuclei, split.
func CellsTable() []byte {
	var b strings.Builder
	b.WriteString("id,nuclei,split\n")
	for i := range CellImages {
		_, nuclei := nuclei(i)
		fmt.Fprintf(&b, "%s,%d,%s\n", CellName(i), nuclei, cellSplit(i))
	}
	return []byte(b.String())
}

// CellsImage is the i-th image as an 8-bit grey PNG.
func CellsImage(i int) []byte {
	labels, _ := nuclei(i)
	rng := stream(3, uint64(i))
	slopeX, slopeY := 25*rng.NormFloat64(), 25*rng.NormFloat64()
	bright := map[uint16]float64{}
	img := image.NewGray(image.Rect(0, 0, cellSize, cellSize))
	for y := range cellSize {
		for x := range cellSize {
			v := 40 + slopeX*(float64(x)/cellSize-.5) + slopeY*(float64(y)/cellSize-.5)
			if l := labels[y*cellSize+x]; l > 0 {
				if bright[l] == 0 {
					bright[l] = 60 + 60*rng.Float64()
				}
				v += bright[l] * (.8 + .2*math.Sin(float64(x)*.9+float64(l))*math.Cos(float64(y)*.7))
			}
			img.SetGray(x, y, color.Gray{Y: clip(v + 9*rng.NormFloat64())})
		}
	}
	return encode(img)
}

// CellsLabels is the label map of the i-th image as a 16-bit PNG: 0 is ground, each nucleus has a number.
func CellsLabels(i int) []byte {
	labels, _ := nuclei(i)
	img := image.NewGray16(image.Rect(0, 0, cellSize, cellSize))
	for k, l := range labels {
		img.SetGray16(k%cellSize, k/cellSize, color.Gray16{Y: l})
	}
	return encode(img)
}

func encode(img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic("synth: " + err.Error()) // memory only
	}
	return b.Bytes()
}

// nuclei places ellipses that may touch and do not cover each other's middle.
func nuclei(i int) (labels []uint16, n int) {
	rng := stream(2, uint64(i))
	labels = make([]uint16, cellSize*cellSize)
	want := 6 + rng.IntN(10)
	var centres [][2]float64
	for range 20 * want {
		if len(centres) == want {
			break
		}
		cx, cy := cellSize*rng.Float64(), cellSize*rng.Float64()
		free := true
		for _, c := range centres {
			free = free && math.Hypot(c[0]-cx, c[1]-cy) > 12
		}
		if !free {
			continue
		}
		centres = append(centres, [2]float64{cx, cy})
		ellipse(rng, labels, cx, cy, uint16(len(centres)))
	}
	return labels, len(centres)
}

func ellipse(rng *rand.Rand, labels []uint16, cx, cy float64, label uint16) {
	a, b, turn := 5+3*rng.Float64(), 5+2*rng.Float64(), math.Pi*rng.Float64()
	sin, cos := math.Sincos(turn)
	for y := range cellSize {
		for x := range cellSize {
			dx, dy := float64(x)-cx, float64(y)-cy
			u, v := (dx*cos+dy*sin)/a, (dy*cos-dx*sin)/b
			if u*u+v*v <= 1 && labels[y*cellSize+x] == 0 {
				labels[y*cellSize+x] = label
			}
		}
	}
}
