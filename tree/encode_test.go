package tree

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"testing"

	"galen.dev/fault"
)

func smallModels(t testing.TB) (boosts []*Boost, forests []*Forest) {
	for _, classes := range []int{0, 2, 3} {
		m := makeTable(uint64(classes), 120, 6, classes, 5, 0.1)
		loss := [...]Loss{Squared, 0, Logistic, Softmax}[classes]
		w := make([]float64, len(m.y))
		for i := range w {
			w[i] = 0.5 + float64(i%3)/7
		}
		boosts = append(boosts, mustBoost(t, m, w, BoostParams{Loss: loss, Classes: classes, Rounds: 3, Leaves: 6, Categories: m.cats}))
		forests = append(forests, mustForest(t, m, nil, ForestParams{Classes: classes, Trees: 4, Categories: m.cats})) // not a multiple of the classes
	}
	return boosts, forests
}

func TestRoundTrip(t *testing.T) {
	boosts, forests := smallModels(t)
	m := makeTable(9, 50, 6, 0, 5, 0.2)
	for _, b := range boosts {
		data := marshal(t, b)
		var c Boost
		if err := c.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, marshal(t, &c)) {
			t.Fatal("boost: bytes change on the way")
		}
		sameColumns(t, b.PredictColumns(m.x), c.PredictColumns(m.x))
		for f, n := range b.Importance().Splits {
			if c.Importance().Splits[f] != n {
				t.Fatal("boost: importance changes on the way")
			}
		}
	}
	for _, f := range forests {
		data := marshal(t, f)
		var c Forest
		if err := c.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, marshal(t, &c)) {
			t.Fatal("forest: bytes change on the way")
		}
		sameColumns(t, f.PredictColumns(m.x), c.PredictColumns(m.x))
	}
}

func sameColumns(t *testing.T, a, b [][]float64) {
	t.Helper()
	for k := range a {
		for i := range a[k] {
			if a[k][i] != b[k][i] && !(math.IsNaN(a[k][i]) && math.IsNaN(b[k][i])) {
				t.Fatalf("output %d, row %d: %v and %v", k, i, a[k][i], b[k][i])
			}
		}
	}
}

// Every cut of a file and every flipped byte is refused as corrupt, and the model read into stays as it was.
func TestDamage(t *testing.T) {
	boosts, _ := smallModels(t)
	data := marshal(t, boosts[1])
	refuse := func(d []byte, what string) {
		b := Boost{classes: 7}
		err := b.UnmarshalBinary(d)
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind != fault.Corrupt {
			t.Fatalf("%s: error %v, want a Corrupt one", what, err)
		}
		if b.classes != 7 {
			t.Fatalf("%s: the model was touched", what)
		}
	}
	for n := range data {
		refuse(data[:n], "cut")
		if n != len(data)-4 { // cut, but with a right checksum; there that makes it whole again
			refuse(reseal(append(append([]byte(nil), data[:n]...), 0, 0, 0, 0)), "cut and sealed")
		}
		d := append([]byte(nil), data...)
		d[n] ^= 0x41
		refuse(d, "flip")
	}
	refuse(reseal(append(append([]byte(nil), data...), 0)), "extra byte")
	var f Forest
	if err := f.UnmarshalBinary(data); fault.KindOf(err) != fault.Corrupt {
		t.Fatalf("a boost read as a forest: %v", err)
	}
}

// reseal replaces the last four bytes by the right checksum.
func reseal(b []byte) []byte {
	n := len(b) - 4
	binary.LittleEndian.PutUint32(b[n:], crc32.Checksum(b[:n], castagnoli))
	return b
}

// Whatever the bytes are, reading ends, and what was read can be used and written again.
func FuzzUnmarshal(f *testing.F) {
	boosts, forests := smallModels(f)
	for _, b := range boosts {
		d := marshal(f, b)
		f.Add(d[:len(d)-4])
	}
	for _, m := range forests {
		d := marshal(f, m)
		f.Add(d[:len(d)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		data := reseal(append(append([]byte(nil), body...), 0, 0, 0, 0))
		var b Boost
		var m Forest
		if b.UnmarshalBinary(data) == nil {
			use(t, b.ens, &b, b.Explainer())
		} else if m.UnmarshalBinary(data) == nil {
			use(t, m.ens, &m, m.Explainer())
		}
	})
}

func use(t *testing.T, e *ensemble, m interface {
	Predict(x []float64) []float64
	MarshalBinary() ([]byte, error)
}, ex *Explainer,
) {
	x := make([]float64, e.features)
	for f := range x {
		x[f] = [...]float64{0, math.NaN(), math.Inf(1), -3, 1e300}[f%5]
	}
	m.Predict(x)
	ex.Explain(x)
	var again interface{ UnmarshalBinary([]byte) error } = &Boost{}
	if _, ok := m.(*Forest); ok {
		again = &Forest{}
	}
	if err := again.UnmarshalBinary(marshal(t, m)); err != nil {
		t.Fatalf("what was read cannot be read again: %v", err)
	}
}
