package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"galen.dev/fault"
)

func TestInitialiserSpread(t *testing.T) {
	dims := []int{3, 3, 20, 30} // fan-in 180, fan-out 270
	for _, c := range []struct {
		name     string
		argument float64
		sd, most float64 // most is 0 where the distribution has no bound
	}{
		{"zeros", 0, 0, 0},
		{"uniform", 0.3, 0.3 / math.Sqrt(3), 0.3},
		{"normal", 0.2, 0.2, 0},
		{"glorot-uniform", 0, math.Sqrt(2.0 / 450), math.Sqrt(6.0 / 450)},
		{"xavier-normal", 0, math.Sqrt(2.0 / 450), 0},
		{"he-uniform", 0, math.Sqrt(2.0 / 180), math.Sqrt(6.0 / 180)},
		{"kaiming-normal", 0, math.Sqrt(2.0 / 180), 0},
		{"he-normal-fan-out", 0, math.Sqrt(2.0 / 270), 0},
		{"pytorch", 0, math.Sqrt(1.0 / 540), math.Sqrt(1.0 / 180)},
	} {
		init, err := InitialiserByName(c.name, c.argument)
		if err != nil {
			t.Fatal(err)
		}
		data := make([]float32, product(dims))
		init.fill(rand.New(rand.NewPCG(1, 2)), dims, data)
		var sum, squares, most float64
		for _, x := range data {
			sum += float64(x)
			squares += float64(x) * float64(x)
			most = max(most, math.Abs(float64(x)))
		}
		n := float64(len(data))
		// 5400 draws: the mean is within 4 standard errors, the standard deviation within 4 % (4 of its errors).
		if sd := math.Sqrt(squares / n); math.Abs(sd-c.sd) > 0.04*c.sd || math.Abs(sum/n) > 4*c.sd/math.Sqrt(n) {
			t.Errorf("%s: mean %g, standard deviation %g, want 0 and %g", c.name, sum/n, sd, c.sd)
		}
		if c.most > 0 && (most > c.most || most < 0.99*c.most) {
			t.Errorf("%s: the largest is %g, the bound %g", c.name, most, c.most)
		}
	}
}

func TestConstantInitialisers(t *testing.T) {
	for name, want := range map[string]float32{"ones": 1, "constant": 2.5, "zeros": 0} {
		argument := 0.0
		if name == "constant" {
			argument = 2.5
		}
		init, err := InitialiserByName(name, argument)
		if err != nil {
			t.Fatal(err)
		}
		data := []float32{9, 9}
		if init.fill(nil, []int{2}, data); data[0] != want || data[1] != want {
			t.Errorf("%s fills with %v", name, data)
		}
	}
	data := []float32{9}
	if (Initialiser{}).fill(nil, []int{1}, data); data[0] != 0 {
		t.Errorf("the zero value fills with %v", data)
	}
}

func TestOrthogonal(t *testing.T) {
	for _, dims := range [][]int{{6, 4}, {4, 6}, {3, 2, 5}} {
		data := make([]float32, product(dims))
		Orthogonal.fill(rand.New(rand.NewPCG(1, 2)), dims, data)
		cols := dims[len(dims)-1]
		rows := len(data) / cols
		at := func(v, k int) float64 { // element k of the v-th of the orthonormal vectors
			if rows >= cols {
				return float64(data[k*cols+v])
			}
			return float64(data[v*cols+k])
		}
		for i := range min(rows, cols) {
			for j := range i + 1 {
				sum := 0.0
				for k := range max(rows, cols) {
					sum += at(i, k) * at(j, k)
				}
				want := 0.0
				if i == j {
					want = 1
				}
				if math.Abs(sum-want) > 1e-6 {
					t.Errorf("%v: vectors %d and %d have the product %g", dims, i, j, sum)
				}
			}
		}
	}
}

func TestInitialiserByNameRefuses(t *testing.T) {
	if _, err := InitialiserByName("glorot", 0); fault.KindOf(err) != fault.Usage {
		t.Errorf("an unknown name: %v", err)
	}
	if _, err := InitialiserByName("pytorch", 1); fault.KindOf(err) != fault.Usage {
		t.Errorf("an argument too many: %v", err)
	}
}
