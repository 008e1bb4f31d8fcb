package engine

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"

	"galen.dev/internal/cpu"
)

// Name is what the backend is registered under: GOMLX_BACKEND=cpu chooses it.
const Name = "cpu"

func init() {
	compute.Register(Name, newBackend)
}

// New returns a backend. It holds no more than a recycler of buffers, so that several may live side by side;
// buffers of one cannot be used in another.
func New() (compute.Backend, error) { return newBackend("") }

// newBackend is called with what follows "cpu:" in a configuration. There are no options: threads follow
// GOMAXPROCS, and the family of instructions the environment variable GALEN_CPU.
func newBackend(config string) (compute.Backend, error) {
	for option := range strings.SplitSeq(config, ",") {
		if option = strings.TrimSpace(option); option != "" {
			return nil, fmt.Errorf("the backend %q has no option %q: threads are set by GOMAXPROCS, instructions by %s", Name, option, cpu.Variable)
		}
	}
	if err := cpu.Check(); err != nil {
		return nil, err
	}
	return &backend{}, nil
}

// backend implements compute.Backend.
type backend struct {
	recycler
	finalized atomic.Bool
}

var _ compute.Backend = (*backend)(nil)

func (b *backend) Name() string    { return Name }
func (b *backend) String() string  { return Name }
func (b *backend) NumDevices() int { return 1 }

func (b *backend) Description() string {
	return fmt.Sprintf("Galen's engine for CPUs (%s, %d threads)", cpu.Level(), cpu.Threads())
}

func (b *backend) DeviceDescription(compute.DeviceNum) string { return "CPU" }

// Finalize frees the memory kept for reuse. Buffers that live on stay readable, nothing new can be made.
func (b *backend) Finalize() {
	b.finalized.Store(true)
	b.clear()
}

func (b *backend) IsFinalized() bool { return b.finalized.Load() }

func (b *backend) Capabilities() compute.Capabilities { return capabilities.Clone() }

// checkDevice refuses devices other than the only one, and everything once the backend is finalized.
func (b *backend) checkDevice(device compute.DeviceNum) error {
	if b.finalized.Load() {
		return fmt.Errorf("the backend %q is finalized", Name)
	}
	if device != 0 {
		return fmt.Errorf("the backend %q has device 0 only, not %d", Name, device)
	}
	return nil
}

// checkStorable refuses shapes of which no buffer can be made.
func checkStorable(s shapes.Shape) error {
	if !s.Ok() || s.IsTuple() || !capabilities.DTypes[s.DType] {
		return fmt.Errorf("the backend %q stores no %s", Name, s)
	}
	for _, d := range s.Dimensions {
		if d < 0 {
			return fmt.Errorf("a buffer needs known dimensions, got %s", s)
		}
	}
	return nil
}
