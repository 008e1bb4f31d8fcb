package engine

import (
	"fmt"
	"reflect"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// builder implements compute.Builder: it collects the functions of one computation.
type builder struct {
	name     string
	backend  *backend
	main     *function
	named    map[string]*function
	copies   map[*function]*function // what functions of the builder it was copied from became, see specialize.go
	sizes    shapes.AxisBindings     // sizes of named axes; nil where it is not such a copy
	compiled bool
}

var _ compute.Builder = (*builder)(nil)

func (b *backend) Builder(name string) compute.Builder { return b.newBuilder(name) }

func (b *backend) newBuilder(name string) *builder {
	made := &builder{name: name, backend: b, named: map[string]*function{}}
	made.main = &function{name: compute.MainName, builder: made}
	return made
}

func (b *builder) Name() string           { return b.name }
func (b *builder) Main() compute.Function { return b.main }

// NewFunction makes a function that others call by Call. Its name must be its own.
func (b *builder) NewFunction(name string) (compute.Function, error) {
	switch {
	case b.compiled:
		return nil, fmt.Errorf("the computation %q is compiled, no function can be added", b.name)
	case name == "":
		return nil, fmt.Errorf("a function of the computation %q needs a name", b.name)
	case name == compute.MainName || b.named[name] != nil:
		return nil, fmt.Errorf("the computation %q has a function %q already", b.name, name)
	}
	f := &function{name: name, builder: b}
	b.named[name] = f
	return f, nil
}

func (b *builder) OpShape(v compute.Value) (shapes.Shape, error) {
	own, err := b.own("OpShape", 0, v)
	if err != nil {
		return shapes.Invalid(), err
	}
	return own.shape(), nil
}

func (b *builder) DistributedSPMD(devices int) error {
	if devices == 1 {
		return nil
	}
	return fmt.Errorf("the backend %q has one device, not %d: %w", Name, devices, compute.ErrNotImplemented)
}

func (b *builder) DistributedAutoSharding(...compute.Mesh) error {
	return fmt.Errorf("the backend %q has one device, nothing to shard over: %w", Name, compute.ErrNotImplemented)
}

func (b *builder) DeviceAssignment(devices ...compute.DeviceNum) error {
	if len(devices) == 1 && devices[0] == 0 {
		return nil
	}
	return fmt.Errorf("the backend %q has device 0 only, not %v: %w", Name, devices, compute.ErrNotImplemented)
}

// Compile plans the computation; nothing can be added afterwards.
func (b *builder) Compile() (compute.Executable, error) {
	if b.compiled {
		return nil, fmt.Errorf("the computation %q is compiled already", b.name)
	}
	if !b.main.returned {
		return nil, fmt.Errorf("the main function of %q has not returned", b.name)
	}
	if b.backend.finalized.Load() {
		return nil, fmt.Errorf("the backend %q is finalized", Name)
	}
	b.compiled = true
	return newExecutable(b)
}

// flatDType is the type of the values of a slice.
func flatDType(flat any) (dtypes.DType, error) {
	t := reflect.TypeOf(flat)
	if t == nil || t.Kind() != reflect.Slice {
		return dtypes.InvalidDType, fmt.Errorf("flat data must be a slice, not %T", flat)
	}
	d := dtypes.FromGoType(t.Elem())
	if d == dtypes.InvalidDType || !capabilities.DTypes[d] {
		return d, fmt.Errorf("the backend %q has no values of type %s", Name, t.Elem())
	}
	return d, nil
}
