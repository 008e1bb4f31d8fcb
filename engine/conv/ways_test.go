package conv

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestWays(t *testing.T) {
	for _, l := range Layers {
		for i, s := range []Shape{l.Shape.normal(), l.Shape.DataGradient()} {
			r := rand.New(rand.NewPCG(1, 1))
			x, w, y := numbers(s.XLen(), r), numbers(s.WeightsLen(), r), make([]float32, s.YLen())
			if s.Groups > 1 {
				continue
			}
			ways := []forward{newLines(s), newImages(s)}
			t.Log(narrowest(s))
			if n := narrowest(s); n > 1 {
				ways[1] = newNarrow(s, n)
			}
			best := [2]float64{1e9, 1e9}
			for range 8 {
				for k, f := range ways {
					f.run(x, w, y, nil)
					t := time.Now()
					f.run(x, w, y, nil)
					best[k] = min(best[k], time.Since(t).Seconds())
				}
			}
			t.Logf("%20s %d lines %6.1f images %6.1f  actual %5.2f estimate %5.2f", l.Name, i, l.Flops()/1e9/best[0], l.Flops()/1e9/best[1], best[1]/best[0], imagesCost(s)/linesCost(s))
		}
	}
}
