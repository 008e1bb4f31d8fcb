package engine

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomlx/compute"
	stock "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
)

// The fallback runs single operations on the stock Go backend. Its operations run one after another: its parallel
// mode raises panics on goroutines of its own, where nobody can recover them.
var stockBackend = sync.OnceValues(func() (compute.Backend, error) { return stock.New("ops_sequential") })

// errNoKernel is what compiling says of operations that nothing here runs.
var errNoKernel = errors.New("nothing here runs it")

// Spent is what an operation has cost on the stock backend since the program started.
type Spent struct {
	Calls int64
	Time  time.Duration
}

var fallbackTimes [compute.OpTypeLast]struct{ calls, nanoseconds atomic.Int64 }

// FallbackTimes says which operations ran on the stock Go backend because the engine has no kernel for them, how
// often and for how long.
func FallbackTimes() map[compute.OpType]Spent {
	spent := map[compute.OpType]Spent{}
	for op := range fallbackTimes {
		if calls := fallbackTimes[op].calls.Load(); calls > 0 {
			spent[compute.OpType(op)] = Spent{calls, time.Duration(fallbackTimes[op].nanoseconds.Load())}
		}
	}
	return spent
}

// A borrowed operation is compiled on the stock backend, with buffers there for its inputs.
type borrowed struct {
	op      compute.OpType
	exec    compute.Executable
	inputs  []compute.Buffer
	mem     [][]byte // of inputs
	donate  []bool
	outputs int
}

// fallback returns a kernel that runs n on the stock backend. The kernel copies operands there and results back.
func fallback(n *node) (kernel, error) {
	if n.replay == nil {
		return nil, fmt.Errorf("%s: %w", n.op, errNoKernel)
	}
	b := &borrowed{op: n.op, outputs: len(n.shapes), donate: make([]bool, len(n.in))}
	if err := b.compile(n); err != nil {
		return nil, fmt.Errorf("%s%v: %w", n.op, inputShapes(n), err)
	}
	return b.run, nil
}

func inputShapes(n *node) []shapes.Shape {
	list := make([]shapes.Shape, len(n.in))
	for i, v := range n.in {
		list[i] = v.shape()
	}
	return list
}

func (b *borrowed) compile(n *node) (err error) {
	defer recovered(&err)
	on, err := stockBackend()
	if err != nil {
		return err
	}
	builder := on.Builder(n.op.String())
	main := builder.Main()
	in := make([]compute.Value, len(n.in))
	for i, v := range n.in {
		shape := withoutNames(v.shape())
		if in[i], err = main.Parameter(fmt.Sprint("in", i), shape, nil); err != nil {
			return err
		}
		buf, flat, err := on.NewSharedBuffer(0, shape)
		if err != nil {
			return err
		}
		b.inputs, b.mem = append(b.inputs, buf), append(b.mem, rawBytes(flat))
	}
	out, err := n.replay(main, in)
	if err != nil {
		return err
	}
	if err := main.Return(out, nil); err != nil {
		return err
	}
	b.exec, err = builder.Compile()
	return err
}

func (b *borrowed) run(in, out [][]byte) (err error) {
	start := time.Now()
	defer func() {
		spent := &fallbackTimes[b.op]
		spent.calls.Add(1)
		spent.nanoseconds.Add(int64(time.Since(start)))
	}()
	defer recovered(&err)
	for i, mem := range in {
		copy(b.mem[i], mem)
	}
	results, err := b.exec.Execute(b.inputs, b.donate, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", b.op, err)
	}
	for i, r := range results {
		flat, err := r.Data()
		if err != nil {
			return fmt.Errorf("%s: %w", b.op, err)
		}
		copy(out[i], rawBytes(flat))
		if err := r.Finalize(); err != nil {
			return fmt.Errorf("%s: %w", b.op, err)
		}
	}
	return nil
}

// recovered makes an error of a panic of the stock backend, which panics for types it does not have.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the stock backend failed: %v", r)
	}
}
