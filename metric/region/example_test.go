package region_test

import (
	"context"
	"fmt"

	"galen.dev/metric"
	"galen.dev/metric/region"
)

// Three images: a good outline, a shifted one, and one where there was nothing to find and nothing was found.
func Example() {
	grid := region.Grid{Dims: [3]int{6, 4, 1}, SpacingMM: [3]float64{2, 2, 1}}
	square := func(x int) []uint8 {
		m := make([]uint8, grid.Voxels())
		for y := 1; y < 3; y++ {
			m[y*6+x], m[y*6+x+1] = 1, 1
		}
		return m
	}
	none := make([]uint8, grid.Voxels())
	o := region.Options{Classes: []region.Class{{Value: 1, Name: "tumour", ToleranceMM: 1}}}
	var cases []region.Case
	for i, m := range [][2][]uint8{{square(1), square(1)}, {square(2), square(1)}, {none, none}} {
		c, err := region.Evaluate(context.Background(), fmt.Sprint("case ", i+1), m[0], m[1], grid, o)
		if err != nil {
			fmt.Println(err)
			return
		}
		cases = append(cases, c)
	}
	sums, err := region.NewTable(o, cases).Summarise(context.Background(), metric.Resample{Rounds: 200, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range sums[0].Scores {
		if s.Name == "dice" || s.Name == "surface_dice" || s.Name == "hd95_mm" {
			fmt.Printf("%s %.2f (%.2f to %.2f) over %d cases, %d left out\n", s.Name, s.Mean.Value, s.Mean.Low, s.Mean.High, s.Cases, s.LeftOut)
		}
	}
	// Output:
	// dice 0.75 (0.50 to 1.00) over 2 cases, 1 left out
	// surface_dice 0.75 (0.50 to 1.00) over 2 cases, 1 left out
	// hd95_mm 1.00 (0.00 to 2.00) over 2 cases, 1 left out
}
