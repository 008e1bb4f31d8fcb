package explain

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
)

// GlobalOptions tune Global.
type GlobalOptions struct {
	Groups  [][]int // features whose contributions are added before the absolute value; nil = each alone
	Samples int     // bootstrap samples; 0 = 1000
	Level   float64 // of the interval; 0 = .95
	Patient []int   // patient of each case, resampled as a whole; nil = every case is its own
	Seed    uint64
}

// Global sums up many cases' contributions, phi[feature][case], as the mean absolute contribution of each
// feature or group, with a bootstrap interval over patients.
func Global(ctx context.Context, phi [][]float64, o GlobalOptions) ([]Importance, error) {
	n := rowsOf(phi)
	if n == 0 {
		return nil, noRows("global importance")
	}
	if o.Samples == 0 {
		o.Samples = 1000
	}
	groups := groupsOr(o.Groups, len(phi))
	members := membersOf(n, o.Patient)
	// sums[patient*groups+g] is the patient's sum of absolute contributions of the group.
	sums, size, out := make([]float64, len(members)*len(groups)), make([]float64, len(members)), make([]Importance, len(groups))
	for g, group := range groups {
		out[g].Features = group
		for p, rows := range members {
			size[p] = float64(len(rows))
			for _, i := range rows {
				v := 0.0
				for _, j := range group {
					v += phi[j][i]
				}
				sums[p*len(groups)+g] += math.Abs(v)
			}
			out[g].Mean += sums[p*len(groups)+g]
		}
		out[g].Mean /= float64(n)
	}
	means, err := resampleMeans(ctx, sums, size, len(groups), o)
	if err != nil {
		return nil, err
	}
	for g := range out {
		out[g].Low, out[g].High = interval(means[g], o.Level)
	}
	return out, nil
}

// resampleMeans returns the means of each group over each bootstrap sample. A sample has a generator of its own,
// so that the number of processors does not show.
func resampleMeans(ctx context.Context, sums, size []float64, groups int, o GlobalOptions) ([][]float64, error) {
	means := make([][]float64, groups)
	for g := range means {
		means[g] = make([]float64, o.Samples)
	}
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			total := make([]float64, groups)
			for s := w; s < o.Samples && ctx.Err() == nil; s += workers {
				rng := rand.New(rand.NewPCG(o.Seed, 0x910b<<32+uint64(s)))
				clear(total)
				rows := 0.0
				for range size {
					p := rng.IntN(len(size))
					rows += size[p]
					for g, v := range sums[p*groups : (p+1)*groups] {
						total[g] += v
					}
				}
				for g, v := range total {
					means[g][s] = v / rows
				}
			}
		})
	}
	wg.Wait()
	return means, ctx.Err()
}
