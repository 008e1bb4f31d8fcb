package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapes"
)

func newTestBackend(t testing.TB) *backend {
	t.Helper()
	b, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b.(*backend)
}

func bufferOf(t testing.TB, b *backend, flat any, dims ...int) compute.Buffer {
	t.Helper()
	dtype, err := flatDType(flat)
	if err != nil {
		t.Fatal(err)
	}
	buf, err := b.BufferFromFlatData(0, flat, shapes.Make(dtype, dims...))
	if err != nil {
		t.Fatal(err)
	}
	return buf
}

func TestBuffersHoldEveryType(t *testing.T) {
	b := newTestBackend(t)
	for _, flat := range []any{
		[]bool{true, false, true},
		[]int8{-1, 2, 3},
		[]int16{-1, 2, 3},
		[]int32{-1, 2, 3},
		[]int64{-1, 2, 3},
		[]uint8{1, 2, 3},
		[]uint16{1, 2, 3},
		[]uint32{1, 2, 3},
		[]uint64{1, 2, 3},
		[]float16.Float16{float16.FromFloat32(1.5), 2, 3},
		[]bfloat16.BFloat16{bfloat16.FromFloat32(1.5), 2, 3},
		[]float32{1, 2, 3},
		[]float64{1, 2, 3},
		[]complex64{1i, 2, 3},
		[]complex128{1i, 2, 3},
	} {
		buf := bufferOf(t, b, flat, 3)
		mem := buf.(*buffer).mem
		if uintptr(unsafe.Pointer(&mem[0]))%alignment != 0 {
			t.Errorf("%T: memory is not aligned", flat)
		}
		data, err := buf.Data()
		if err != nil || !slices.Equal(rawBytes(data), rawBytes(flat)) {
			t.Errorf("%T: Data gives %v, %v", flat, data, err)
		}
		dtype, _ := flatDType(flat)
		back := dtypes.MakeAnySlice(dtype, 3)
		if err := buf.ToFlatData(back); err != nil || !slices.Equal(rawBytes(back), rawBytes(flat)) {
			t.Errorf("%T: ToFlatData gives %v, %v", flat, back, err)
		}
	}
	packed, err := b.BufferFromFlatData(0, []uint8{0x21, 0x03}, shapes.Make(dtypes.Int4, 3))
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := packed.Data(); !slices.Equal(data.([]uint8), []uint8{0x21, 0x03}) {
		t.Errorf("three packed values are %v", data)
	}
}

func TestBuffersRefuse(t *testing.T) {
	b := newTestBackend(t)
	vector := shapes.Make(dtypes.Float32, 3)
	for name, make := range map[string]func() error{
		"another device": func() error { _, err := b.BufferFromFlatData(1, []float32{1, 2, 3}, vector); return err },
		"another type":   func() error { _, err := b.BufferFromFlatData(0, []int32{1, 2, 3}, vector); return err },
		"too few values": func() error { _, err := b.BufferFromFlatData(0, []float32{1, 2}, vector); return err },
		"no slice":       func() error { _, err := b.BufferFromFlatData(0, 1, vector); return err },
		"nothing":        func() error { _, err := b.BufferFromFlatData(0, nil, vector); return err },
		"unknown sizes": func() error {
			_, _, err := b.NewSharedBuffer(0, shapes.MakeDynamic(dtypes.Float32, []int{-1}, []string{"batch"}))
			return err
		},
		"short destination": func() error { return bufferOf(t, b, []float32{1, 2, 3}, 3).ToFlatData(make([]float32, 2)) },
	} {
		if make() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestFinalizedBuffersAnswerWithErrors(t *testing.T) {
	b := newTestBackend(t)
	buf := bufferOf(t, b, []float32{1, 2}, 2)
	if err := buf.Finalize(); err != nil {
		t.Fatal(err)
	}
	if err := buf.Finalize(); !errors.Is(err, errFinalized) {
		t.Errorf("finalizing twice: %v", err)
	}
	_, shapeErr := buf.Shape()
	_, dataErr := buf.Data()
	_, deviceErr := buf.DeviceNum()
	_, copyErr := buf.CopyToDevice(0)
	for i, err := range []error{shapeErr, dataErr, deviceErr, copyErr, buf.ToFlatData(make([]float32, 2))} {
		if !errors.Is(err, errFinalized) {
			t.Errorf("method %d of a finalized buffer: %v", i, err)
		}
	}
}

func TestRecyclerKeepsExactSizesWithinItsLimit(t *testing.T) {
	var r recycler
	a := r.take(100)
	r.give(a)
	if b := r.take(104); &b[0] == &a[0] {
		t.Error("memory of another size is handed out")
	}
	if b := r.take(100); &b[0] != &a[0] {
		t.Error("memory of the same size is not reused")
	}
	if r.bytes != 0 {
		t.Errorf("%d bytes are counted, none are held", r.bytes)
	}
	old, fresh := r.take(keep/2), r.take(keep/2+64)
	r.give(old)
	r.give(fresh)
	if r.bytes > keep || r.free[keep/2] != nil || len(r.free[keep/2+64].blocks) != 1 {
		t.Errorf("%d bytes are held, the oldest is not the one that went", r.bytes)
	}
	r.clear()
	if r.bytes != 0 || len(r.free) != 0 {
		t.Error("clear leaves memory behind")
	}
}

func TestBackendOptions(t *testing.T) {
	if _, err := compute.NewWithConfig("cpu"); err != nil {
		t.Fatal(err)
	}
	_, err := compute.NewWithConfig("cpu:threads=3")
	if err == nil || !strings.Contains(err.Error(), "threads=3") {
		t.Errorf("an unknown option gives %v", err)
	}
	b, _ := newBackend("")
	b.Finalize()
	if !b.IsFinalized() {
		t.Error("the backend does not say that it is finalized")
	}
	if _, err := b.BufferFromFlatData(0, []float32{1}, shapes.Make(dtypes.Float32, 1)); err == nil {
		t.Error("a finalized backend makes buffers")
	}
}
