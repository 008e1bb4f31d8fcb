package move

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapes"
	"pgregory.net/rapid"
)

func TestConvert(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for from := range Type(types) {
		for to := range Type(types) {
			x := random(r, from, 300)
			if from >= Float16 { // also outside the range of small integers, but no NaN: its bits are free
				for i := range 40 {
					v := []float64{(r.Float64() - 0.5) * math.Exp2(float64(r.IntN(80)))}
					size := from.Size()
					convertAll(Float64, from, x.data[i*size:(i+1)*size], Bytes(v))
				}
			}
			if to == Float16 && from >= Float16 {
				continue // the stock backend flushes subnormal numbers; TestHalves checks these
			}
			want, err := onStock([]tensor{x}, one(func(f compute.Function, v []compute.Value) (compute.Value, error) {
				return f.ConvertDType(v[0], stockTypes[to])
			}))
			if err != nil {
				want = [][]byte{make([]byte, 300*to.Size())}
				if from != to {
					t.Errorf("from %d to %d: %v", from, to, err)
					continue
				}
				copy(want[0], x.data)
			}
			p := NewConvert(to, from, 300)
			same(t, "convert", want[0], func(dst []byte) { p.Run(dst, x.data) })
		}
	}
	big := random(r, Int32, 100000)
	want := make([]float32, 100000)
	for i, v := range view[int32](big.data) {
		want[i] = float32(v)
	}
	p := NewConvert(Float32, Int32, 100000)
	same(t, "many", Bytes(want), func(dst []byte) { p.Run(dst, big.data) })
	dst := make([]byte, len(big.data))
	noAllocation(t, "convert", func() { p.Run(dst, big.data) })
}

// TestHalves goes through all numbers of 16 bits, and through the ones next to and halfway between neighbours.
func TestHalves(t *testing.T) {
	for h := range 1 << 16 {
		f, b := fromFloat16(uint16(h)), fromBFloat16(uint16(h))
		if want := float16.Float16(h).Float32(); math.Float32bits(f) != math.Float32bits(want) && (f == f || want == want) {
			t.Fatalf("binary16 %#x is %g, want %g", h, f, want)
		}
		if want := bfloat16.BFloat16(h).Float32(); math.Float32bits(b) != math.Float32bits(want) {
			t.Fatalf("bfloat16 %#x is %g, want %g", h, b, want)
		}
		if f == f {
			checkNearest(t, uint16(h), f, fromFloat16(uint16(h+1)), toFloat16)
		} else if v := toFloat16(f); fromFloat16(v) == fromFloat16(v) {
			t.Fatalf("NaN %#x becomes %#x", h, v)
		}
		if b == b {
			checkNearest(t, uint16(h), b, fromBFloat16(uint16(h+1)), toBFloat16)
		} else if v := toBFloat16(b); fromBFloat16(v) == fromBFloat16(v) {
			t.Fatalf("NaN %#x becomes %#x", h, v)
		}
	}
	if v := toBFloat16(math.Float32frombits(0x7f800001)); fromBFloat16(v) == fromBFloat16(v) {
		t.Errorf("a NaN with low bits alone becomes %#x", v)
	}
	for _, c := range []struct {
		x    float32
		want uint16
	}{{65519.996, 0x7bff}, {65520, 0x7c00}, {1e9, 0x7c00}, {-70000, 0xfc00}, {1e-9, 0}, {-1e-9, 0x8000}} {
		if got := toFloat16(c.x); got != c.want {
			t.Errorf("%g becomes %#x, want %#x", c.x, got, c.want)
		}
	}
}

// checkNearest rounds the number h, whose value is v, and those between it and the next away from zero.
func checkNearest(t *testing.T, h uint16, v, next float32, round func(float32) uint16) {
	even := h
	if h&1 == 1 {
		even++
	}
	if got := round(v); got != h {
		t.Fatalf("%g becomes %#x, want %#x", v, got, h)
	}
	if math.IsInf(float64(v), 0) || math.IsInf(float64(next), 0) || next != next {
		return
	}
	middle := float32((float64(v) + float64(next)) / 2)
	away := math.Float32frombits(math.Float32bits(middle) + 1)
	toward := math.Float32frombits(math.Float32bits(middle) - 1)
	if a, b, c := round(toward), round(middle), round(away); a != h || b != even || c != h+1 {
		t.Fatalf("around %g: %#x %#x %#x, want %#x %#x %#x", middle, a, b, c, h, even, h+1)
	}
}

func TestBitcast(t *testing.T) {
	x := random(rand.New(rand.NewPCG(1, 9)), Uint8, 1001)
	p := NewBitcast(1001)
	same(t, "bitcast", x.data, func(dst []byte) { p.Run(dst, x.data) })
}

func TestIota(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := Type(rapid.IntRange(1, types-1).Draw(t, "type"))
		dims := drawDims(t, rapid.IntRange(1, 4).Draw(t, "rank"), 7)
		axis := rapid.IntRange(0, len(dims)-1).Draw(t, "axis")
		want, err := onStock(nil, one(func(f compute.Function, _ []compute.Value) (compute.Value, error) {
			return f.Iota(shapes.Make(stockTypes[typ], dims...), axis)
		}))
		if err != nil {
			t.Fatalf("%v", err)
		}
		p := NewIota(typ, dims, axis)
		same(t, "iota", want[0], p.Run)
	})
}

func TestRandomBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typ := drawType(t)
		if typ == Bool {
			typ = Uint8 // random bytes are no booleans
		}
		n := rapid.OneOf(rapid.IntRange(0, 70), rapid.IntRange(100000, 100100)).Draw(t, "n")
		var state RandomState
		for i := range state {
			state[i] = rapid.Uint64().Draw(t, "state")
		}
		shape := shapes.Make(stockTypes[typ], n)
		want, err := onStock([]tensor{{Uint64, []int{3}, Bytes(state[:])}}, func(f compute.Function, v []compute.Value) ([]compute.Value, error) {
			next, bits, err := f.RNGBitGenerator(v[0], shape)
			return []compute.Value{next, bits}, err
		})
		if err != nil {
			t.Fatalf("%v", err)
		}
		p := NewRandomBits(n * typ.Size())
		var next RandomState
		same(t, "bits", want[1], func(dst []byte) { next = p.Run(dst, state) })
		after := view[uint64](want[0])
		if next[0] != after[0] || next[1] != after[1] || next[2] != state[2] {
			t.Fatalf("the state becomes %v, want %v", next, after)
		}
	})
	p := NewRandomBits(100000)
	dst := make([]byte, 100000)
	noAllocation(t, "random bits", func() { p.Run(dst, RandomState{1, 2, 3}) })
}

// TestHalvesOfAllFamilies converts all halves, and floats of every exponent and kind, everywhere alike.
func TestHalvesOfAllFamilies(t *testing.T) {
	halves := make([]uint16, 1<<16+5)
	for i := range halves {
		halves[i] = uint16(i)
	}
	r := rand.New(rand.NewPCG(3, 3))
	floats := make([]float32, 100005)
	for i := range floats {
		floats[i] = math.Float32frombits(r.Uint32() &^ (r.Uint32() & 0x1fff))
	}
	for _, c := range []struct {
		typ    Type
		widen  func(uint16) float32
		narrow func(float32) uint16
	}{{Float16, fromFloat16, toFloat16}, {BFloat16, fromBFloat16, toBFloat16}} {
		wide, narrow := make([]float32, len(halves)), make([]uint16, len(floats))
		for i, h := range halves {
			wide[i] = c.widen(h)
		}
		for i, f := range floats {
			narrow[i] = c.narrow(f)
		}
		p := NewConvert(Float32, c.typ, len(halves))
		same(t, "widen", Bytes(wide), func(dst []byte) { p.Run(dst, Bytes(halves)) })
		q := NewConvert(c.typ, Float32, len(floats))
		same(t, "narrow", Bytes(narrow), func(dst []byte) { q.Run(dst, Bytes(floats)) })
	}
}
