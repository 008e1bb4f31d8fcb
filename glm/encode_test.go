package glm

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"hash/crc32"
	"math"
	"reflect"
	"testing"

	"galen.dev/fault"
)

type codec interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

func bytesOf(t testing.TB, m codec) []byte {
	t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sampleModels(t testing.TB) (linear []*Model, additive []*Additive) {
	for _, f := range []Family{Gaussian, Binomial, Multinomial} {
		X, y := cohort(31, 80, 3, classesOf(f))
		linear = append(linear, mustFit(t, X, y, Params{Family: f}), mustFit(t, X, y, Params{Family: f, Lambda: 0.1, Alpha: 1}))
		s := draw(31, 120, f)
		if f == Multinomial {
			s.y[0] = 2
		}
		additive = append(additive, mustFitAdditive(t, s.X, s.y, nil, AdditiveParams{Family: f, Levels: s.levels, Bags: 2, Rounds: 20, Pairs: 2, MaxBins: 5}))
	}
	return linear, additive
}

func TestModelsSurviveTheirBytes(t *testing.T) {
	linear, additive := sampleModels(t)
	for _, m := range linear {
		var back Model
		if err := back.UnmarshalBinary(bytesOf(t, m)); err != nil || !reflect.DeepEqual(*m, back) {
			t.Errorf("%s: %v, %+v became %+v", m.Family, err, m, back)
		}
	}
	for _, m := range additive {
		var back Additive
		if err := back.UnmarshalBinary(bytesOf(t, m)); err != nil || !bytes.Equal(bytesOf(t, m), bytesOf(t, &back)) {
			t.Errorf("%s: %v", m.Family, err)
		}
		row, a, b := make([]float64, m.Features), make([]float64, m.Outputs()), make([]float64, m.Outputs())
		row[0], row[2], row[4] = 0.3, 1, math.NaN()
		m.Predict(row, a)
		back.Predict(row, b)
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s: predicts %v, then %v", m.Family, a, b)
		}
	}
}

// Every cut and every changed byte is a Corrupt error and leaves the receiver alone.
func TestDamagedBytesAreRefused(t *testing.T) {
	linear, additive := sampleModels(t)
	check := func(good []byte, m codec) {
		before := bytesOf(t, m)
		for i := range good {
			if err := m.UnmarshalBinary(good[:i]); fault.KindOf(err) != fault.Corrupt {
				t.Fatalf("cut at %d: %v", i, err)
			}
			bad := bytes.Clone(good)
			bad[i] ^= 0x10
			if err := m.UnmarshalBinary(bad); fault.KindOf(err) != fault.Corrupt {
				t.Fatalf("byte %d changed: %v", i, err)
			}
		}
		if !bytes.Equal(before, bytesOf(t, m)) {
			t.Error("a failed read changed the model")
		}
	}
	check(bytesOf(t, linear[0]), linear[2])
	check(bytesOf(t, additive[0]), additive[1])
}

// resealed replaces the last four bytes by a right checksum, so that fuzzing reaches the parser.
func resealed(b []byte) []byte {
	if len(b) < 12 {
		return b
	}
	body := bytes.Clone(b[:len(b)-4])
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, castagnoli))
}

func FuzzModel(f *testing.F) {
	linear, _ := sampleModels(f)
	for _, m := range linear {
		f.Add(bytesOf(f, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = resealed(b)
		var m Model
		if m.UnmarshalBinary(b) != nil {
			return
		}
		if !bytes.Equal(bytesOf(t, &m), b) {
			t.Error("a model that was read is written in other bytes")
		}
		m.Predict(make([]float64, m.Features()), make([]float64, m.Outputs()))
		m.StdErr(0, -1)
	})
}

func FuzzAdditive(f *testing.F) {
	_, additive := sampleModels(f)
	for _, m := range additive {
		f.Add(bytesOf(f, m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = resealed(b)
		var m Additive
		if m.UnmarshalBinary(b) != nil {
			return
		}
		if !bytes.Equal(bytesOf(t, &m), b) {
			t.Error("a model that was read is written in other bytes")
		}
		if m.Features > 1e6 {
			return
		}
		row := make([]float64, m.Features)
		m.Predict(row, make([]float64, m.Outputs()))
		for j := range row {
			row[j] = math.Inf(j%3 - 1)
		}
		m.Predict(row, make([]float64, m.Outputs()))
	})
}
