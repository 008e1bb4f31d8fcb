package move

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"pgregory.net/rapid"

	"galen.dev/internal/cpu"
)

// The stock Go backend is the oracle: what it computes is what the operations mean.
var stock = func() compute.Backend {
	b, err := compute.NewWithConfig("go:ops_sequential")
	if err != nil {
		panic(err)
	}
	return b
}()

var stockTypes = [types]dtypes.DType{
	dtypes.Bool, dtypes.Int8, dtypes.Int16, dtypes.Int32, dtypes.Int64, dtypes.Uint8, dtypes.Uint16,
	dtypes.Uint32, dtypes.Uint64, dtypes.Float16, dtypes.BFloat16, dtypes.Float32, dtypes.Float64,
}

// tensor is an argument or a result of the stock backend.
type tensor struct {
	typ  Type
	dims []int
	data []byte
}

// onStock runs one operation on the stock backend. ok is false where the backend refuses it or panics.
func onStock(args []tensor, build func(f compute.Function, args []compute.Value) ([]compute.Value, error)) (results [][]byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the stock backend panics: %v", r)
		}
	}()
	builder := stock.Builder("test")
	main := builder.Main()
	var inputs []compute.Buffer
	var params []compute.Value
	for i, a := range args {
		shape := shapes.Make(stockTypes[a.typ], a.dims...)
		buffer, flat, err := stock.NewSharedBuffer(0, shape)
		if err != nil {
			return nil, err
		}
		copy(flatBytes(flat), a.data)
		p, err := main.Parameter(fmt.Sprint("x", i), shape, nil)
		if err != nil {
			return nil, err
		}
		inputs, params = append(inputs, buffer), append(params, p)
	}
	values, err := build(main, params)
	if err != nil {
		return nil, err
	}
	if err := main.Return(values, nil); err != nil {
		return nil, err
	}
	exec, err := builder.Compile()
	if err != nil {
		return nil, err
	}
	outputs, err := exec.Execute(inputs, nil, 0)
	if err != nil {
		return nil, err
	}
	for _, o := range outputs {
		flat, err := o.Data()
		if err != nil {
			return nil, err
		}
		results = append(results, append([]byte(nil), flatBytes(flat)...))
	}
	return results, nil
}

// one is a build function of an operation with one result.
func one(f func(f compute.Function, args []compute.Value) (compute.Value, error)) func(compute.Function, []compute.Value) ([]compute.Value, error) {
	return func(main compute.Function, args []compute.Value) ([]compute.Value, error) {
		v, err := f(main, args)
		return []compute.Value{v}, err
	}
}

// convertAll converts between types.
func convertAll(from, to Type, dst, src []byte) {
	NewConvert(to, from, len(src)/from.Size()).Run(dst, src)
}

func scalar(typ Type) shapes.Shape { return shapes.Make(stockTypes[typ]) }

func flatBytes(flat any) []byte {
	return dtypes.UnsafeByteSliceFromAny(flat)
}

// random fills a tensor with finite values of its type.
func random(r *rand.Rand, typ Type, dims ...int) tensor {
	n := product(dims)
	t := tensor{typ, dims, make([]byte, n*typ.Size())}
	for i := range n {
		v := r.IntN(41) - 20
		at := t.data[i*typ.Size():]
		switch typ {
		case Bool:
			at[0] = byte(v & 1)
		case Int8, Uint8:
			at[0] = byte(r.Uint32())
		case Int16, Uint16:
			*(*uint16)(unsafe.Pointer(&at[0])) = uint16(r.Uint32())
		case Int32, Uint32:
			*(*uint32)(unsafe.Pointer(&at[0])) = r.Uint32()
		case Int64, Uint64:
			*(*uint64)(unsafe.Pointer(&at[0])) = r.Uint64()
		case Float16:
			*(*uint16)(unsafe.Pointer(&at[0])) = toFloat16(float32(v) / 4)
		case BFloat16:
			*(*uint16)(unsafe.Pointer(&at[0])) = toBFloat16(float32(v) / 4)
		case Float32:
			*(*float32)(unsafe.Pointer(&at[0])) = float32(v) / 4
		case Float64:
			*(*float64)(unsafe.Pointer(&at[0])) = float64(v) / 4
		}
	}
	return t
}

func drawDims(t *rapid.T, rank, most int) []int {
	return rapid.SliceOfN(rapid.IntRange(0, most), rank, rank).Draw(t, "dims")
}

func drawType(t *rapid.T) Type { return Type(rapid.IntRange(0, types-1).Draw(t, "type")) }

func drawRand(t *rapid.T) *rand.Rand {
	return rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
}

// fenced is n bytes within a fence that notices writes outside.
func fenced(n int) (b []byte, check func(t interface{ Fatalf(string, ...any) })) {
	const fence = 64
	whole := make([]byte, n+2*fence)
	for i := range whole {
		whole[i] = 0xa5
	}
	return whole[fence : fence+n : fence+n], func(t interface{ Fatalf(string, ...any) }) {
		for i := range fence {
			if whole[i] != 0xa5 || whole[fence+n+i] != 0xa5 {
				t.Fatalf("a write outside the result")
			}
		}
	}
}

// everywhere runs f on each family of kernels and with one, two and eight threads.
func everywhere(f func()) {
	for _, family := range []cpu.Family{cpu.Portable, cpu.AVX2, cpu.AVX512} {
		if family > cpu.Hardware() {
			continue
		}
		restore := cpu.Use(family)
		for _, threads := range []int{1, 2, 8} {
			if family != cpu.Hardware() && threads == 2 {
				continue
			}
			before := runtime.GOMAXPROCS(threads)
			f()
			runtime.GOMAXPROCS(before)
		}
		restore()
	}
}

// same runs a plan everywhere and compares each result, bit for bit.
func same(t interface{ Fatalf(string, ...any) }, what string, want []byte, run func(dst []byte)) {
	everywhere(func() {
		got, check := fenced(len(want))
		run(got)
		check(t)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%s on %s, %d threads: byte %d of %d is %d, want %d", what, cpu.Level(), cpu.Threads(), i, len(want), got[i], want[i])
			}
		}
	})
}

// noAllocation checks that a plan that has run once allocates nothing.
func noAllocation(t *testing.T, what string, run func()) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if n := testing.AllocsPerRun(3, run); n > 0 {
		t.Errorf("%s allocates %g times per run", what, n)
	}
}
