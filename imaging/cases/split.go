package cases

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"galen.dev/fault"
)

// SplitOptions say how patients are set apart.
type SplitOptions struct {
	Ignore     bool    // draw a split although the source gives one
	Test       float64 // share of patients for testing, where the source gives none; 0 = .2
	Validation float64 // share of the other patients for validation, where the source gives none; 0 = .15
	Seed       uint64
}

// Splits say which cases train, which validate and which test, by their places in Records, ascending.
type Splits struct {
	Given bool  `json:"given"` // the source says which cases test
	Train []int `json:"train"`
	Val   []int `json:"val"`
	Test  []int `json:"test"`
}

// Split sets patients apart: as the source says, and what it leaves open by drawing patients, stratified by class.
// usable says which cases count, nil for all.
func Split(c *Collection, usable []bool, o SplitOptions) (*Splits, error) {
	s := new(Splits)
	var free []int
	s.Given = c.Given() && !o.Ignore
	for i := range c.Records {
		if usable != nil && !usable[i] {
			continue
		}
		switch split := c.Records[i].Split; {
		case !s.Given:
			free = append(free, i)
		case split == Test:
			s.Test = append(s.Test, i)
		case split == Validation:
			s.Val = append(s.Val, i)
		case split == Train:
			s.Train = append(s.Train, i)
		}
	}
	if !s.Given {
		parts := Deal(c, free, []float64{orDefault(o.Test, .2)}, o.Seed)
		s.Test, s.Train = parts[0], parts[1]
	}
	if len(s.Val) == 0 {
		parts := Deal(c, s.Train, []float64{orDefault(o.Validation, .15)}, o.Seed+1)
		s.Val, s.Train = parts[0], parts[1]
	}
	if len(s.Train) == 0 || len(s.Val) == 0 || len(s.Test) == 0 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "splitting images: of %s, %d train, %d validate and %d test", fault.Count(len(c.Records), "image"), len(s.Train), len(s.Val), len(s.Test)), "every part needs images: give more patients, or other shares")
	}
	return s, nil
}

func orDefault(v, d float64) float64 {
	if v == 0 {
		return d
	}
	return v
}

// Folds deals cases into k folds by patient, stratified by class.
func Folds(c *Collection, cases []int, k int, seed uint64) [][]int {
	shares := make([]float64, k-1)
	for i := range shares {
		shares[i] = 1 / float64(k)
	}
	return Deal(c, cases, shares, seed)
}

// Deal deals cases into a part for each share, and one for what remains. All cases of a patient go to one part;
// parts get about their share of each class's patients, and of the cases. Same cases and seed, same parts.
func Deal(c *Collection, list []int, shares []float64, seed uint64) [][]int {
	byPatient := map[int][]int{}
	var patients []int
	for _, i := range list {
		p := c.Records[i].Patient
		if byPatient[p] == nil {
			patients = append(patients, p)
		}
		byPatient[p] = append(byPatient[p], i)
	}
	rest := 1.0
	for _, s := range shares {
		rest -= s
	}
	shares = append(slices.Clone(shares), rest)
	rng := rand.New(rand.NewPCG(seed, 0x5917))
	rng.Shuffle(len(patients), func(i, j int) { patients[i], patients[j] = patients[j], patients[i] })
	rare := rarity(c, list)
	stratum := func(p int) int {
		best := -1
		for _, i := range byPatient[p] {
			if k := strataOf(&c.Records[i], rare); best < 0 || rare[k] < rare[best] || rare[k] == rare[best] && k < best {
				best = k
			}
		}
		return best
	}
	strata := make(map[int]int, len(patients))
	for _, p := range patients {
		strata[p] = stratum(p)
	}
	// Large patients first within a class: the small ones then even out what they make uneven.
	slices.SortStableFunc(patients, func(a, b int) int {
		return cmp.Or(cmp.Compare(strata[a], strata[b]), cmp.Compare(len(byPatient[b]), len(byPatient[a])))
	})
	parts := make([][]int, len(shares))
	have := make([]float64, len(shares))    // cases of all classes
	ofClass := make([]float64, len(shares)) // cases of this class
	total, all := 0.0, 0.0
	for n, p := range patients {
		if n == 0 || strata[p] != strata[patients[n-1]] {
			clear(ofClass)
			total = 0
		}
		size := float64(len(byPatient[p]))
		total += size
		all += size
		best, lack := 0, -1e300
		for k, s := range shares {
			if s <= 0 {
				continue
			}
			// How far the part lags behind its share of the class, then of all cases.
			if d := (s*total - ofClass[k]) + 1e-3*(s*all-have[k]); d > lack+1e-9 {
				best, lack = k, d
			}
		}
		parts[best] = append(parts[best], byPatient[p]...)
		have[best] += size
		ofClass[best] += size
	}
	for k := range parts {
		slices.Sort(parts[k])
	}
	return parts
}

// strataOf is the class by which a case is stratified: of several labels the rarest that it has, and one more for
// cases without any.
func strataOf(r *Record, rare []int) int {
	if len(r.Labels) == 0 {
		return r.Class + 1
	}
	best := 0
	for k, v := range r.Labels {
		if v == 1 && (best == 0 || rare[k+1] < rare[best]) {
			best = k + 1
		}
	}
	return best
}

// rarity counts the cases of each stratum; 0 is for those without class or label.
func rarity(c *Collection, list []int) []int {
	n := make([]int, len(c.Names)+2)
	for _, i := range list {
		r := &c.Records[i]
		n[r.Class+1]++
		for k, v := range r.Labels {
			if v == 1 {
				n[k+1]++
			}
		}
	}
	return n
}
