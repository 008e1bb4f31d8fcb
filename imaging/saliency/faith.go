package saliency

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"

	"galen.dev/fault"
)

// Faith says whether a map tells where the network looks (Petsiuk et al., BMVC 2018). The image is cut into cells. For
// deletion they are covered one after the other, those with the highest mean of the map first, and the probability of the
// class is watched: a faithful map makes it fall soon, so a small area under the curve is good. For insertion the cells
// come back in the same order into an image that says nothing: a large area is good. Random orders of the same cells are
// the control, without which an area says little.
type Faith struct {
	Deletion        float64 `json:"deletion"` // mean probability along the curve, 0 to 1
	RandomDeletion  float64 `json:"randomDeletion"`
	Insertion       float64 `json:"insertion"`
	RandomInsertion float64 `json:"randomInsertion"`
	// Better is the share of random orders that the map beats, in deletion and in insertion (ties count half): about .5 is
	// a map that says nothing.
	BetterDeletion  float64 `json:"betterDeletion"`
	BetterInsertion float64 `json:"betterInsertion"`

	Curves Curves `json:"curves"`
}

// Curves are the probabilities along both ways; the share of cells taken out or put back is in Share.
type Curves struct {
	Share           []float64 `json:"share"`
	Deletion        []float64 `json:"deletion"`
	Insertion       []float64 `json:"insertion"`
	RandomDeletion  []float64 `json:"randomDeletion"` // means over the random orders
	RandomInsertion []float64 `json:"randomInsertion"`
}

// FaithOptions tune Model.Faith.
type FaithOptions struct {
	Cells  int       // along each axis; 0 = 8 in planes, 4 in volumes. Never more than there are voxels
	Points int       // of a curve beside its beginning; 0 = 16
	Orders int       // random orders; 0 = 10
	Seed   uint64    // draws them
	Fill   []float32 // of each channel: what covers the image; nil = the image's own means
	Batch  int       // images at once; 0 = 32, fewer where they are large
}

func (o FaithOptions) filled(axes int) (FaithOptions, error) {
	if o.Cells < 0 || o.Points < 0 || o.Orders < 0 || o.Batch < 0 {
		return o, fault.Errorf(fault.Usage, "faithfulness with %d cells, %d points, %d orders and batches of %d", o.Cells, o.Points, o.Orders, o.Batch)
	}
	o.Cells = cmp.Or(o.Cells, map[bool]int{true: 4, false: 8}[axes == 3])
	o.Points, o.Orders, o.Batch = cmp.Or(o.Points, 16), cmp.Or(o.Orders, 10), cmp.Or(o.Batch, 32)
	return o, nil
}

// Faith measures a map against the network and stores the result with it.
func (m *Model) Faith(ctx context.Context, x Image, mp *Map, o FaithOptions) error {
	t, err := m.target(ctx, x, mp.Class)
	if err != nil {
		return err
	}
	spatial := x.Dims[:len(x.Dims)-1]
	if !slices.Equal(mp.Dims, spatial) {
		return fault.Errorf(fault.Usage, "a map of sizes %v does not belong to an image of %v", mp.Dims, spatial)
	}
	if o, err = o.filled(len(spatial)); err != nil {
		return err
	}
	fill, err := x.constant(o.Fill)
	if err != nil {
		return err
	}
	c := cells(spatial, o.Cells)
	orders := [][]int{c.byMean(mp.Values)}
	rng := rand.New(rand.NewPCG(o.Seed, 0x5a11e9c1))
	for range o.Orders {
		orders = append(orders, rng.Perm(c.n))
	}
	points := min(o.Points, c.n)
	if runs := len(orders) * 2 * (points + 1); runs > MaxRuns {
		return fault.Errorf(fault.Usage, "faithfulness would take %d answers, more than %d: take fewer points or orders", runs, MaxRuns)
	}
	curves := make([][]float64, 2*len(orders)) // deletion and insertion of each order
	for i := range curves {
		curves[i] = make([]float64, points+1)
	}
	channels := x.Dims[len(x.Dims)-1]
	err = m.score(ctx, x.Dims, len(curves)*(points+1), o.Batch, func(i int, dst []float32) {
		curve, point := i/(points+1), i%(points+1)
		under, over := x.Values, fill
		if curve%2 == 1 {
			under, over = fill, x.Values
		}
		c.paint(dst, under, over, channels, orders[curve/2], point*c.n/points)
	}, func(i int, logits []float32) {
		curves[i/(points+1)][i%(points+1)] = m.probability(logits, t.class)
	})
	if err != nil {
		return err
	}
	mp.Faith = judge(curves, c.n, points)
	return nil
}

// grid cuts an image into cells.
type grid struct {
	n      int
	cellOf []int // of each voxel
}

func cells(spatial []int, perAxis int) grid {
	g := grid{n: 1}
	voxels := 1
	for _, d := range spatial {
		voxels *= d
	}
	g.cellOf = make([]int, voxels)
	for a, d := range spatial {
		k := min(perAxis, d)
		inner := 1
		for _, e := range spatial[a+1:] {
			inner *= e
		}
		for i := range g.cellOf {
			g.cellOf[i] = g.cellOf[i]*k + i/inner%d*k/d
		}
		g.n *= k
	}
	return g
}

// byMean orders the cells by the mean of the map, highest first; equals keep their order.
func (g grid) byMean(values []float32) []int {
	sum, count := make([]float64, g.n), make([]float64, g.n)
	for i, c := range g.cellOf {
		sum[c] += float64(values[i])
		count[c]++
	}
	order := make([]int, g.n)
	for i := range order {
		order[i] = i
		sum[i] /= count[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sum[b], sum[a]) })
	return order
}

// paint writes under, with the first k cells of the order from over.
func (g grid) paint(dst, under, over []float32, channels int, order []int, k int) {
	taken := make([]bool, g.n)
	for _, c := range order[:k] {
		taken[c] = true
	}
	for i, c := range g.cellOf {
		from := under
		if taken[c] {
			from = over
		}
		copy(dst[i*channels:(i+1)*channels], from[i*channels:(i+1)*channels])
	}
}

// judge turns curves into areas: those of the map come first, then those of random orders.
func judge(curves [][]float64, n, points int) *Faith {
	share := make([]float64, points+1)
	for i := range share {
		share[i] = float64(i*n/points) / float64(n)
	}
	area := func(curve []float64) (a float64) {
		for i := range points {
			a += (curve[i] + curve[i+1]) / 2 * (share[i+1] - share[i])
		}
		return a
	}
	f := &Faith{Deletion: area(curves[0]), Insertion: area(curves[1])}
	f.Curves = Curves{share, curves[0], curves[1], make([]float64, points+1), make([]float64, points+1)}
	orders := float64(len(curves)/2 - 1)
	beats := func(a, b float64) float64 {
		switch {
		case a < b:
			return 1
		case a == b:
			return .5
		}
		return 0
	}
	for i := 2; i < len(curves); i += 2 {
		d, in := area(curves[i]), area(curves[i+1])
		f.RandomDeletion += d / orders
		f.RandomInsertion += in / orders
		f.BetterDeletion += beats(f.Deletion, d) / orders
		f.BetterInsertion += beats(in, f.Insertion) / orders
		for k := range share {
			f.Curves.RandomDeletion[k] += curves[i][k] / orders
			f.Curves.RandomInsertion[k] += curves[i+1][k] / orders
		}
	}
	return f
}
