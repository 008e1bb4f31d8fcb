package segment

import (
	"context"
	"math"

	"galen.dev/fault"
	"galen.dev/metric/region"
	"galen.dev/volume"
)

// instances says how countable things, such as nuclei, are told apart. The numbers are chosen on validation cases by
// the mean panoptic quality.
type instances struct {
	// Seed is the probability of the inside from which a voxel belongs to the seed of an instance (border).
	Seed float64 `json:"seed"`
	// Foreground is the probability of inside or border from which a voxel belongs to some instance (border).
	Foreground float64 `json:"foreground"`
	MinVoxels  int     `json:"min_voxels"` // smaller instances are dropped
	Quality    float64 `json:"validation_pq"`
}

// candidates are the rules that compete. Thresholds within the range in which networks are unsure; sizes that are
// small beside a nucleus of some hundred pixels.
func candidates(border bool) []instances {
	var out []instances
	for _, least := range []int{0, 8, 16, 32} {
		if !border {
			out = append(out, instances{MinVoxels: least})
			continue
		}
		for _, fg := range []float64{.4, .5, .6} {
			for _, seed := range []float64{.4, .5, .6, .7, .8} {
				out = append(out, instances{Seed: seed, Foreground: fg, MinVoxels: least})
			}
		}
	}
	return out
}

// fromBorder separates instances by their borders: connected voxels of the inside are seeds, which grow together over
// the foreground, nearest first. Foreground that no seed reaches is an instance of its own.
func (r *instances) fromBorder(g volume.Geometry, foreground, inside []float32) ([]uint32, error) {
	seeds, rest := make([]uint8, len(foreground)), make([]uint8, len(foreground))
	for i, p := range foreground {
		if float64(inside[i]) >= r.Seed && float64(p) >= r.Foreground {
			seeds[i] = 1
		}
	}
	numbers, parts, err := volume.NewLabels(g, seeds, nil).Components(volume.Faces)
	if err != nil {
		return nil, err
	}
	in := func(i int) bool { return float64(foreground[i]) >= r.Foreground }
	grow(g.Dims, numbers, in)
	for i := range rest {
		if numbers[i] == 0 && in(i) {
			rest[i] = 1
		}
	}
	more, _, err := volume.NewLabels(g, rest, nil).Components(volume.Faces)
	if err != nil {
		return nil, err
	}
	for i, k := range more {
		if k > 0 {
			numbers[i] = uint32(len(parts)) + k
		}
	}
	r.drop(numbers)
	return numbers, nil
}

// fromClasses takes each connected part of each class for an instance.
func (r *instances) fromClasses(g volume.Geometry, classes []uint8) ([]uint32, error) {
	numbers, _, err := volume.NewLabels(g, classes, nil).Components(volume.Faces)
	if err != nil {
		return nil, err
	}
	r.drop(numbers)
	return numbers, nil
}

// grow spreads numbers over the voxels that in allows, by faces, all at the same pace; where two meet the one that
// was there first stays, of equals the one earlier in memory.
func grow(dims [3]int, numbers []uint32, in func(int) bool) {
	plane, width := dims[0]*dims[1], dims[0]
	var front, next []int32
	for i, k := range numbers {
		if k > 0 {
			front = append(front, int32(i))
		}
	}
	for len(front) > 0 {
		next = next[:0]
		for _, f := range front {
			i := int(f)
			x, y, z := i%width, i/width%dims[1], i/plane
			visit := func(ok bool, j int) {
				if ok && numbers[j] == 0 && in(j) {
					numbers[j] = numbers[i]
					next = append(next, int32(j))
				}
			}
			visit(x > 0, i-1)
			visit(x+1 < width, i+1)
			visit(y > 0, i-width)
			visit(y+1 < dims[1], i+width)
			visit(z > 0, i-plane)
			visit(z+1 < dims[2], i+plane)
		}
		front, next = next, front
	}
}

// drop removes small instances and numbers the others from 1 in the order of memory.
func (r *instances) drop(numbers []uint32) {
	most := uint32(0)
	for _, k := range numbers {
		most = max(most, k)
	}
	sizes, renamed := make([]int, most+1), make([]uint32, most+1)
	for _, k := range numbers {
		sizes[k]++
	}
	last := uint32(0)
	for i, k := range numbers {
		if k == 0 {
			continue
		}
		if sizes[k] < r.MinVoxels {
			numbers[i] = 0
			continue
		}
		if renamed[k] == 0 {
			last++
			renamed[k] = last
		}
		numbers[i] = renamed[k]
	}
}

// instanceCase is a validation case for choosing: what the networks said, and the numbered reference.
type instanceCase struct {
	geometry           volume.Geometry
	classes            []uint8
	foreground, inside []float32
	reference          []uint32
}

// chooseInstances tries every candidate on every case and keeps the one with the best mean panoptic quality, the first
// of equals.
func chooseInstances(ctx context.Context, border bool, cases func(yield func(instanceCase) error) error) (instances, error) {
	rules := candidates(border)
	sums, counts := make([]float64, len(rules)), make([]int, len(rules))
	err := cases(func(c instanceCase) error {
		grid, err := gridOf(c.geometry)
		if err != nil {
			return err
		}
		for k := range rules {
			if err := ctx.Err(); err != nil {
				return err
			}
			got, err := rules[k].numbers(border, c.geometry, c.classes, c.foreground, c.inside)
			if err != nil {
				return err
			}
			if q := region.Compare(got, c.reference, grid).Detect(region.Matching{}).PQ(); !math.IsNaN(q) {
				sums[k] += q
				counts[k]++
			}
		}
		return nil
	})
	if err != nil {
		return instances{}, err
	}
	best := 0
	for k := range rules {
		if counts[k] > 0 {
			rules[k].Quality = sums[k] / float64(counts[k])
		}
		if rules[k].Quality > rules[best].Quality {
			best = k
		}
	}
	return rules[best], nil
}

func (r *instances) numbers(border bool, g volume.Geometry, classes []uint8, foreground, inside []float32) ([]uint32, error) {
	if border {
		return r.fromBorder(g, foreground, inside)
	}
	return r.fromClasses(g, classes)
}

// gridOf is the grid for scores in millimetres.
func gridOf(g volume.Geometry) (region.Grid, error) {
	grid, err := region.GridOf(g)
	if err != nil {
		return grid, fault.WithHint(err, "scores in millimetres need axes at right angles: resample the image first")
	}
	return grid, nil
}
