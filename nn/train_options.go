package nn

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"galen.dev/fault"
)

// Objective builds the number that a training makes small: the mean over the samples, weighted by weights, of
// dimensions (batch), which is nil where all weigh the same. It panics where shapes do not fit, as layers do.
type Objective func(outputs, targets []*Node, weights *Node) *Node

// A Player is a part of a network whose weights make another number small than the rest, as the generator of an
// adversarial network does beside its critic. All change in the same step, from the same forward pass (simultaneous
// gradient descent: Mescheder, Nowozin and Geiger 2017).
type Player struct {
	Scope     string // a scope of the network, or one weight
	Objective Objective
}

// Options says how to train. Fields without a remark on zero must be set.
type Options struct {
	Seed      uint64    // of the first weights and of dropout
	Epochs    int       // passes over the data; 1 or more
	Optimiser Optimiser // nil means SGD{}
	Schedule  Schedule  // of the learning rate
	Clip      Clip      // zero: gradients are not clipped
	Average   Average   // zero: no average of the weights is kept
	Frozen    []string  // weights that stay as they are: a name, or a scope with all in it ("encoder")
	// Accumulate makes one update of this many batches, whose gradients are averaged by the weights of their
	// samples: as one larger batch would, but in the memory of one. 0 means 1.
	Accumulate int
	Players    []Player // weights with an aim of their own; nil: all follow the objective
	Initial    *Weights // nil: drawn from Seed

	Validation Source       // nil: none
	Scores     func() Meter // what to score on the validation set beside the loss; nil: nothing
	Early      Early        // zero: all epochs are run
	Guard      Guard        // zero: stop at the first number that is not finite, and at an explosion

	Prefetch    Prefetch // zero: two batches ahead
	Checkpoints Checkpoints
	Memory      int64          // bytes that the training may take; 0: what the machine has free
	Progress    func(Progress) // called by the training goroutine; nil: nothing is told
	// Data names the data and their preprocessing, as by a hash: resuming with other data is refused.
	Data  string
	Galen string // version of the program, for the metadata of checkpoints
}

// Early ends a training that no longer gets better on the validation set, and says what is best. Where there is a
// validation set, the result are the best weights, unless KeepLast.
type Early struct {
	Patience int     `json:"patience"`  // epochs without a better score before the end; 0: never end early
	MinDelta float64 `json:"min_delta"` // what counts as better
	Score    string  `json:"score"`     // which score decides; "" means the loss
	Greater  bool    `json:"greater"`   // greater scores are better
	KeepLast bool    `json:"keep_last"` // the result are the last weights
}

// Guard watches the loss and the gradients.
type Guard struct {
	// Skip leaves out an update whose loss or gradient is not finite, instead of stopping, at most this many times
	// in a row.
	Skip int `json:"skip"`
	// Factor and Steps: the training stops where the loss was above Factor × the median of the last steps, and
	// above the first loss, for Steps steps in a row. 0 means 20 and 20; a negative Factor turns it off.
	Factor float64 `json:"factor"`
	Steps  int     `json:"steps"`
}

// Meter scores the predictions on a validation set. A new one is made for each epoch.
type Meter struct {
	Add    func(outputs []Array, b *Batch) error // outputs are valid during the call only
	Result func() ([]Score, error)
}

// Score is a figure with its name.
type Score struct {
	Name  string
	Value float64 // may be NaN, where nothing can be said
}

// MarshalJSON writes a score with its value as text, since JSON has no NaN.
func (s Score) MarshalJSON() ([]byte, error) {
	return json.Marshal(scoreText{s.Name, strconv.FormatFloat(s.Value, 'g', -1, 64)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Score) UnmarshalJSON(text []byte) error {
	var t scoreText
	if err := json.Unmarshal(text, &t); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(t.Value, 64)
	*s = Score{t.Name, v}
	return err
}

type scoreText struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Progress is what is known after a step, an epoch or before the start.
type Progress struct {
	Epoch, Epochs int     // 1-based
	Step, Steps   int     // updates made so far, and in all
	Loss          float64 // of the step; at the end of an epoch, the mean over it
	GradientNorm  float64 // of the step, before clipping
	Rate          float64 // learning rate of the step
	Skipped       bool    // the step's numbers were not finite, and it was left out

	SamplesPerSecond float64       // over about the last ten seconds
	Remaining        time.Duration // at this speed, without validation

	Memory *MemoryEstimate // before the start only
	Ended  *EpochResult    // at the end of an epoch only
}

// EpochResult is what is known at the end of an epoch.
type EpochResult struct {
	Epoch      int     `json:"epoch"`                // 1-based
	Loss       float64 `json:"loss"`                 // mean over the training batches, as they were met
	Validation []Score `json:"validation,omitempty"` // "loss" first, then those of Options.Scores; empty without a validation set
	Best       bool    `json:"best,omitempty"`       // the best so far
}

// Result is the end of a training.
type Result struct {
	Weights *Weights // the best ones or the last ones: see Early
	Summary Summary
	History []EpochResult
	Early   bool // the training ended early
	Skipped int  // updates left out
	Memory  MemoryEstimate
}

// Check returns a Usage error with everything that is wrong with the options.
func (o *Options) Check() error {
	var all []error
	add := func(err error) { all = append(all, err) }
	if o.Epochs < 1 {
		add(fault.Errorf(fault.Usage, "%d epochs: want 1 or more", o.Epochs))
	}
	if o.Accumulate < 0 {
		add(fault.Errorf(fault.Usage, "accumulating %d batches: want 1 or more", o.Accumulate))
	}
	if o.Memory < 0 {
		add(fault.Errorf(fault.Usage, "a memory of %d bytes: want more than 0", o.Memory))
	}
	for _, p := range o.Players {
		if p.Scope == "" || p.Objective == nil {
			add(fault.Errorf(fault.Usage, "the player %q lacks a scope or an objective", p.Scope))
		}
	}
	add(o.Schedule.Check())
	add(o.optimiser().Check())
	add(o.Clip.Check())
	add(o.Average.Check())
	add(o.Checkpoints.check())
	if o.Early.Patience < 0 || !(o.Early.MinDelta >= 0) || math.IsInf(o.Early.MinDelta, 0) {
		add(fault.Errorf(fault.Usage, "patience %d and least improvement %g: want 0 or more", o.Early.Patience, o.Early.MinDelta))
	}
	if o.Validation == nil && (o.Early != Early{KeepLast: o.Early.KeepLast} || o.Scores != nil) {
		add(fault.Errorf(fault.Usage, "early stopping and scores need a validation set"))
	}
	if o.Guard.Skip < 0 || o.Guard.Steps < 0 || math.IsNaN(o.Guard.Factor) {
		add(fault.Errorf(fault.Usage, "a guard that skips %d steps and stops after %d: want 0 or more", o.Guard.Skip, o.Guard.Steps))
	}
	if err := errors.Join(all...); err != nil {
		return fault.Errorf(fault.Usage, "training options: %w", err)
	}
	return nil
}

func (o *Options) optimiser() Optimiser {
	if o.Optimiser == nil {
		return SGD{}
	}
	return o.Optimiser
}

func (o *Options) accumulate() int { return max(o.Accumulate, 1) }

// record is everything that decides the result of a training, by name: a resumed one must agree. What changes only
// speed, memory and messages is left out.
func (o *Options) record(net *Net, initial *Weights, data Source) (map[string]string, error) {
	r := map[string]string{}
	players := []string{}
	for _, p := range o.Players {
		players = append(players, p.Scope)
	}
	for name, value := range map[string]any{
		"network": net.Name, "config": net.Config, "seed": o.Seed, "epochs": o.Epochs,
		"optimiser": fmt.Sprintf("%T", o.optimiser()), "optimiser fields": o.optimiser(), "schedule": o.Schedule,
		"clip": o.Clip, "average": o.Average, "frozen": append([]string{}, o.Frozen...), "players": players, "accumulate": o.accumulate(),
		"early stopping": o.Early, "guard": o.Guard, "validation": o.Validation != nil, "data": o.Data,
		"batches": data.Batches(), "first weights": fingerprint(initial),
	} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fault.Errorf(fault.Internal, "the training option %q is no JSON: %w", name, err)
		}
		r[name] = string(text)
	}
	return r, nil
}
