package nn

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// Prefetch says how far batches are made ahead of their use. It changes the speed and the memory of a training,
// never its result.
type Prefetch struct {
	Ahead   int // batches made or being made beside the one in use; 0 means 2
	Threads int // goroutines that make them; 0 means up to 4, no more than the processors
}

func (p Prefetch) ahead() int {
	if p.Ahead == 0 {
		return 2
	}
	return max(p.Ahead, 1)
}

func (p Prefetch) threads() int {
	n := p.Threads
	if n <= 0 {
		n = min(runtime.GOMAXPROCS(0), 4)
	}
	return max(min(n, p.ahead()), 1)
}

// stream hands out the batches of a source in order, from one place through the epochs.
type stream struct {
	cancel  context.CancelFunc
	made    chan chan made // in order; each holds one batch when it is ready
	running sync.WaitGroup
}

type made struct {
	batch  *Batch
	err    error
	thrown any
}

// start makes batches from (epoch, index) on, up to the end of the last epoch.
func (p Prefetch) start(ctx context.Context, source Source, epoch, index, epochs int) *stream {
	ctx, cancel := context.WithCancel(ctx)
	// The channel holds what waits; one more is in the hands of the sender.
	s := &stream{cancel: cancel, made: make(chan chan made, p.ahead()-1)}
	tickets := make(chan struct{}, p.threads())
	s.running.Go(func() {
		defer close(s.made)
		for ; epoch < epochs; epoch, index = epoch+1, 0 {
			for ; index < source.Batches(); index++ {
				e, k := epoch, index
				select {
				case tickets <- struct{}{}:
				case <-ctx.Done():
					return
				}
				result := make(chan made, 1)
				s.running.Go(func() {
					result <- makeBatch(ctx, source, e, k)
					<-tickets
				})
				select {
				case s.made <- result:
				case <-ctx.Done():
					return
				}
			}
		}
	})
	return s
}

// makeBatch calls the source. A panic, a defect, is kept for the goroutine that waits for the batch.
func makeBatch(ctx context.Context, source Source, epoch, index int) (m made) {
	defer func() { m.thrown = recover() }()
	b, err := source.Next(ctx, epoch, index)
	if err == nil {
		err = b.check()
	}
	if err != nil {
		err = fmt.Errorf("making batch %d of epoch %d: %w", index+1, epoch+1, err)
	}
	return made{batch: b, err: err}
}

// next is the next batch, or nil after the last one.
func (s *stream) next(ctx context.Context) (*Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // select would choose by chance
	}
	select {
	case result, ok := <-s.made:
		if !ok {
			return nil, ctx.Err()
		}
		select {
		case m := <-result:
			if m.thrown != nil {
				panic(m.thrown)
			}
			return m.batch, m.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// stop ends the making of batches and waits until nothing of it runs.
func (s *stream) stop() {
	s.cancel()
	s.running.Wait()
}
