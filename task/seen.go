package task

// OnStep lets a conformance test hear which parameters each finished step of a runner has read.
func OnStep(x *Runner, hear func(params []string)) {
	x.seen = func(r *Run) { hear(sortedKeys(r.used)) }
}
