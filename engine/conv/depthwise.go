package conv

// depthwise computes convolutions in which every channel sees only itself: no product, but a sum over taps of
// vectors of channels, which lie one behind the other in x, in the weights and in y.
type depthwise struct {
	bands
	taps [][]depthTap // for each phase
	w    []float32    // read in place
}

// depthwise says whether every channel is a group.
func (s Shape) depthwise() bool { return s.Groups > 1 && s.Groups == s.Cin && s.Groups == s.Cout }

func newDepthwise(s Shape) *depthwise {
	d := &depthwise{bands: newBands(s)}
	for i := range d.phases {
		d.taps = append(d.taps, d.shape.depthTaps(&d.phases[i], d.window.pitch()))
	}
	d.work, d.cover = d.item, d.multiply
	return d
}

// depthTaps lists the taps of a phase over a box of positions with the given distances.
func (s Shape) depthTaps(ph *phase, pitch [3]int) []depthTap {
	var taps []depthTap
	for jd := range ph.axis[0].taps {
		for jh := range ph.axis[1].taps {
			for jw := range ph.axis[2].taps {
				j := [3]int{jd, jh, jw}
				t := depthTap{w: s.tapBase(ph.kernelTap(j), 0)}
				for i := range 3 {
					t.x += j[i] * ph.axis[i].dilation * pitch[i]
				}
				taps = append(taps, t)
			}
		}
	}
	return taps
}

func (d *depthwise) prepare(w []float32) { d.w = w }

// multiply computes the outputs of a walk.
func (d *depthwise) multiply(phase, _ int, image, y []float32, w walk) {
	for i := range w.count[0] {
		for h := range w.count[1] {
			from, to := w.a+i*w.aStep[0]+h*w.aStep[1], w.c+i*w.cStep[0]+h*w.cStep[1]
			for r := 0; r < w.count[2]; r += depthRows {
				depthRow(&y[to+r*w.cStep[2]], w.cStep[2], &image[from+r*w.aStep[2]], w.aStep[2],
					&d.w[0], d.taps[phase], min(depthRows, w.count[2]-r), d.shape.Cout)
			}
		}
	}
}

// A depthGroup is a few taps of a phase whose sums are made in one pass over the positions.
type depthGroup struct {
	phase int
	taps  []depthTap
}

// listGroups does for depthwise convolutions what arrange and listUnits do for others. The taps' distances need the
// window, which is made on the way.
func (g *gradient) listGroups() {
	g.merged, g.direct, g.cols = true, true, g.shape.Cout
	g.sumLen = g.shape.WeightsLen()
	g.listBands()
	seen := 0
	for i := range g.phases {
		taps := g.shape.depthTaps(&g.phases[i], g.window.pitch())
		seen += len(taps)
		parts := (len(taps) + depthTaps - 1) / depthTaps
		for p := range parts {
			g.groups = append(g.groups, depthGroup{i, taps[len(taps)*p/parts : len(taps)*(p+1)/parts]})
		}
	}
	g.unseen = seen < volume(g.shape.Kernel)
}

// depthProduct adds what a band gives to the sums of a group of taps.
func (g *gradient) depthProduct(worker int, group *depthGroup, b *gradientBand, x []float32, origin [3]int, sums []float32, add bool) {
	s, ph := g.shape, &g.phases[group.phase]
	segs := g.depthSegs[worker][:0]
	g.boxLines(ph, [3]int{}, b, origin, func(xi, yi, k int) {
		segs = append(segs, depthSeg{xi * s.Cin, yi * s.Cout, k})
	})
	g.depthSegs[worker] = segs
	w := &ph.axis[2]
	depthCol(&sums[0], &x[0], w.stride*s.Cin, &g.dy[0], w.step*s.Cout, group.taps, segs, s.Cout, add)
}
