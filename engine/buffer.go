package engine

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// keep is how many bytes of finalized buffers a backend holds for reuse. The parameters, the gradients' moments
// and the batches of the largest named network fit.
const keep = 1 << 30

// recycler keeps memory of finalized buffers by exact size, so that a training step, whose sizes repeat, allocates
// nothing. What has not been asked for the longest goes first when there is too much.
type recycler struct {
	mu    sync.Mutex
	free  map[int]*freeList
	bytes int
	clock int
}

type freeList struct {
	blocks [][]byte
	used   int // the clock when it was last asked for or added to
}

// take returns n bytes with undefined content.
func (r *recycler) take(n int) []byte {
	r.mu.Lock()
	list := r.free[n]
	if list == nil || len(list.blocks) == 0 {
		r.mu.Unlock()
		return newBytes(n)
	}
	r.clock++
	list.used = r.clock
	last := len(list.blocks) - 1
	mem := list.blocks[last]
	list.blocks[last] = nil
	list.blocks = list.blocks[:last]
	r.bytes -= n
	r.mu.Unlock()
	return mem
}

// give hands memory back, of which the caller keeps no slice.
func (r *recycler) give(mem []byte) {
	if len(mem) == 0 || len(mem) > keep {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.free == nil {
		r.free = map[int]*freeList{}
	}
	list := r.free[len(mem)]
	if list == nil {
		list = &freeList{}
		r.free[len(mem)] = list
	}
	r.clock++
	list.used = r.clock
	list.blocks = append(list.blocks, mem)
	r.bytes += len(mem)
	for r.bytes > keep {
		r.dropOldest()
	}
}

// dropOldest lets go of the size that was not wanted for the longest, which is never a size without blocks.
func (r *recycler) dropOldest() {
	oldest, at := 0, 0
	for size, list := range r.free { // the clock differs between sizes, so the order of the map does not matter
		if at == 0 || list.used < at {
			oldest, at = size, list.used
		}
	}
	r.bytes -= oldest * len(r.free[oldest].blocks)
	delete(r.free, oldest)
}

func (r *recycler) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free, r.bytes = nil, 0
}

// What a buffer is, apart from live.
var (
	errFinalized = errors.New("the buffer is finalized")
	errDonated   = errors.New("the buffer was donated to an execution")
)

// buffer implements compute.Buffer: a tensor in row-major order.
type buffer struct {
	backend *backend
	shape   shapes.Shape
	mu      sync.Mutex
	mem     []byte
	gone    error // why mem is gone; nil while it is there
	// id is different for every content: kernels remember under it what they made of weights. It is 0 once
	// somebody outside can write to mem.
	id uint64
}

var lastID atomic.Uint64

var _ compute.Buffer = (*buffer)(nil)

// newBuffer returns a buffer of the given shape with undefined content.
func (b *backend) newBuffer(s shapes.Shape) *buffer {
	return &buffer{backend: b, shape: s, mem: b.take(bytesOf(s)), id: lastID.Add(1)}
}

func (b *backend) HasSharedBuffers() bool { return true }

// NewSharedBuffer returns a buffer of undefined content, and its values.
func (b *backend) NewSharedBuffer(device compute.DeviceNum, s shapes.Shape) (compute.Buffer, any, error) {
	if err := b.checkDevice(device); err != nil {
		return nil, nil, err
	}
	if err := checkStorable(s); err != nil {
		return nil, nil, err
	}
	buf := b.newBuffer(s.Clone())
	buf.id = 0
	return buf, typed(buf.mem, s.DType, s.Size()), nil
}

// BufferFromFlatData copies flat, a slice of the Go type of the shape (of bytes for types of less than a byte).
func (b *backend) BufferFromFlatData(device compute.DeviceNum, flat any, s shapes.Shape) (compute.Buffer, error) {
	if err := b.checkDevice(device); err != nil {
		return nil, err
	}
	if err := checkStorable(s); err != nil {
		return nil, err
	}
	if err := checkFlat(flat, s); err != nil {
		return nil, err
	}
	buf := b.newBuffer(s.Clone())
	copy(buf.mem, rawBytes(flat))
	return buf, nil
}

// checkFlat refuses what is not a slice of the values of shape s.
func checkFlat(flat any, s shapes.Shape) error {
	t := reflect.TypeOf(flat)
	if t == nil || t.Kind() != reflect.Slice {
		return fmt.Errorf("flat data must be a slice of %s, not %T", s.DType.GoType(), flat)
	}
	if s.DType.IsPacked() {
		if t.Elem() != reflect.TypeFor[byte]() {
			return fmt.Errorf("values of %s are packed into []byte, not %T", s.DType, flat)
		}
	} else if dtypes.FromGoType(t.Elem()) != s.DType {
		return fmt.Errorf("flat data of type %T does not hold values of %s", flat, s)
	}
	have, want := reflect.ValueOf(flat).Len(), s.Size()
	if s.DType.IsPacked() {
		want = bytesOf(s)
	}
	if have != want {
		return fmt.Errorf("flat data has %d values, %s takes %d", have, s, want)
	}
	return nil
}

// typed views mem as a slice of n values.
func typed(mem []byte, dtype dtypes.DType, n int) any {
	if n == 0 {
		return dtypes.MakeAnySlice(dtype, 0)
	}
	return dtypes.UnsafeAnySliceFromBytes(unsafe.Pointer(unsafe.SliceData(mem)), dtype, n)
}

// as is mem as values of T.
func as[T any](mem []byte) []T {
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(mem))), len(mem)/int(unsafe.Sizeof(zero)))
}

func (b *buffer) Backend() compute.Backend { return b.backend }

func (b *buffer) alive() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.gone
}

// content is the id of what the buffer holds.
func (b *buffer) content() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.id
}

func (b *buffer) Shape() (shapes.Shape, error) {
	if err := b.alive(); err != nil {
		return shapes.Invalid(), err
	}
	return b.shape, nil
}

func (b *buffer) DeviceNum() (compute.DeviceNum, error) { return 0, b.alive() }

// Data returns the values themselves. They are the buffer's until it is finalized or donated.
func (b *buffer) Data() (any, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone != nil {
		return nil, b.gone
	}
	b.id = 0
	return typed(b.mem, b.shape.DType, b.shape.Size()), nil
}

func (b *buffer) ToFlatData(flat any) error {
	if err := b.alive(); err != nil {
		return err
	}
	if err := checkFlat(flat, b.shape); err != nil {
		return err
	}
	copy(rawBytes(flat), b.mem)
	return nil
}

// CopyToDevice copies the buffer; there is one device.
func (b *buffer) CopyToDevice(device compute.DeviceNum) (compute.Buffer, error) {
	if err := b.backend.checkDevice(device); err != nil {
		return nil, err
	}
	if err := b.alive(); err != nil {
		return nil, err
	}
	other := b.backend.newBuffer(b.shape)
	copy(other.mem, b.mem)
	return other, nil
}

// Finalize gives the memory back. Doing it twice is an error; after a donation, which took the memory, it does
// nothing.
func (b *buffer) Finalize() error {
	if b == nil {
		return errors.New("the buffer is nil")
	}
	mem, err := b.release(errFinalized)
	if errors.Is(err, errDonated) {
		return nil
	}
	if err != nil {
		return err
	}
	if !b.backend.finalized.Load() {
		b.backend.give(mem)
	}
	return nil
}

// release takes the memory out of the buffer, which answers with why from then on. The error is why it could not:
// the memory is gone already.
func (b *buffer) release(why error) (mem []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	err = b.gone
	b.gone = why
	mem, b.mem = b.mem, nil
	if err != nil {
		return nil, err
	}
	return mem, nil
}

// rawBytes views a slice of values as bytes.
func rawBytes(flat any) []byte { return dtypes.UnsafeByteSliceFromAny(flat) }
