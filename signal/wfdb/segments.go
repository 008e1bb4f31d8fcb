package wfdb

import (
	"context"
	"fmt"
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/signal"
)

// fillSegments puts the segments one after the other. A channel that a segment lacks has no samples there. Digital
// values are kept where all segments agree on gain and baseline.
func (r *Record) fillSegments(ctx context.Context, out *signal.Recording, from, to int64, verify bool) error {
	names := out.Names()
	for i := range out.Channels {
		out.Channels[i].Samples = missing(int(to-from) * r.Signals[i].PerFrame)
	}
	for k, seg := range r.segments {
		a, b := max(from, r.starts[k]), min(to, r.starts[k+1])
		if seg == nil || a >= b {
			continue
		}
		whole := verify && a == r.starts[k] && b == r.starts[k+1]
		part, err := seg.read(ctx, a-r.starts[k], b-r.starts[k], whole)
		if err != nil {
			return fmt.Errorf("segment %d of record %s: %w", k+1, r.Name, err)
		}
		for j := range part.Channels {
			if err := r.place(out, names, &part.Channels[j], int(a-from), k); err != nil {
				return err
			}
		}
	}
	for i := range out.Channels {
		out.Channels[i].Gain, out.Channels[i].Baseline = 0, 0 // there are no digital values of the whole
	}
	return nil
}

// place copies a channel of segment k into the whole, from a frame on.
func (r *Record) place(out *signal.Recording, names []string, c *signal.Channel, frame, k int) error {
	i := slices.Index(names, c.Name)
	if i < 0 {
		return fault.Errorf(fault.Data, "segment %d of record %s has a signal that the record does not list", k+1, r.Name)
	}
	to := &out.Channels[i]
	if to.Rate != c.Rate {
		return fault.Errorf(fault.Data, "segment %d of record %s has signal %d at another rate than the record", k+1, r.Name, i+1)
	}
	f, ok := signal.UnitFactor(c.Unit, to.Unit)
	if !ok {
		return fault.Errorf(fault.Data, "segment %d of record %s has signal %d in another unit than the record", k+1, r.Name, i+1)
	}
	at := frame * r.Signals[i].PerFrame
	for n, v := range c.Samples {
		if f != 1 && !math.IsNaN(v) {
			v *= f
		}
		to.Samples[at+n] = v
	}
	return nil
}
