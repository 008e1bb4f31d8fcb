package region

import "math"

// State says which of two masks have voxels.
type State uint8

// The states of a pair of masks.
const (
	Present      State = iota // both have
	NoReference               // only the prediction has: a false alarm
	NoPrediction              // only the reference has: a miss
	Neither                   // rightly nothing
)

var states = []string{"present", "no-reference", "no-prediction", "neither"}

func (s State) String() string { return states[s] }

// MarshalText writes a state as its word.
func (s State) MarshalText() ([]byte, error) { return []byte(states[s]), nil }

func stateOf(c Counts) State {
	switch {
	case c.Predicted() > 0 && c.Reference() > 0:
		return Present
	case c.Predicted() > 0:
		return NoReference
	case c.Reference() > 0:
		return NoPrediction
	}
	return Neither
}

// Empty says what becomes of scores where masks are empty, as Metrics Reloaded asks to state it:
//
//   - One is empty. Dice, IoU, surface Dice, detection F1, panoptic quality and aggregated Jaccard index are 0: that is no
//     choice. Sensitivity and the relative volume error divide by the reference, precision by the prediction: where that is
//     empty they are left out. Distances do not exist, and One decides.
//   - Both are empty. Every score is 0/0, and Both decides.
//
// Left out means NaN in a Row, null or nothing in files, and not counted in a mean, which says how many cases it left
// out. The zero value leaves out all.
type Empty struct {
	Both BothEmpty
	One  OneEmpty
}

// BothEmpty is a rule for two empty masks.
type BothEmpty uint8

// The rules for two empty masks.
const (
	LeaveOut BothEmpty = iota // the mean is over cases that show the class in one of the masks
	Perfect                   // shares are 1, distances and errors 0: rightly finding nothing counts in full
)

// OneEmpty is a rule for distances where one mask is empty.
type OneEmpty uint8

// The rules for distances to an empty mask.
const (
	// NoDistance leaves the case out. The mean distance then flatters a model that misses whole structures: read
	// it beside the number of cases left out.
	NoDistance OneEmpty = iota
	// Diagonal takes the worst that the image allows, the length of its diagonal in mm. The mean then depends on the
	// size of the images.
	Diagonal
)

// A kind of score has its own value where both masks are empty.
type kind uint8

const (
	size     kind = iota // a volume or a number: always defined
	share                // 0 to 1, 1 is perfect
	errors               // 0 is perfect
	distance             // mm, 0 is perfect, the diagonal is worst
)

// apply fills in what the rules give for an undefined score.
func (r Empty) apply(v float64, k kind, s State, g Grid) float64 {
	if !math.IsNaN(v) || s == Present || k == size {
		return v
	}
	switch {
	case s == Neither && r.Both == Perfect && k == share:
		return 1
	case s == Neither && r.Both == Perfect:
		return 0
	case s != Neither && r.One == Diagonal && k == distance:
		return g.DiagonalMM()
	}
	return v
}
