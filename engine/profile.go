package engine

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// StepTime is what the steps of one kind have cost while a profile was kept.
type StepTime struct {
	Name  string // the operation, with the bytes of each operand and result
	Calls int64
	Time  time.Duration
}

var profile struct {
	on    atomic.Bool
	mutex sync.Mutex
	table map[string]*StepTime
}

// Profile starts a profile of all plans, or ends it. It costs a fraction of a microsecond for each step.
func Profile(on bool) {
	profile.mutex.Lock()
	defer profile.mutex.Unlock()
	if on {
		for _, t := range profile.table {
			t.Calls, t.Time = 0, 0
		}
	}
	profile.on.Store(on)
}

// StepTimes returns the profile, what cost most first.
func StepTimes() []StepTime {
	profile.mutex.Lock()
	defer profile.mutex.Unlock()
	var list []StepTime
	for _, t := range profile.table {
		if t.Calls > 0 {
			list = append(list, *t)
		}
	}
	slices.SortFunc(list, func(a, b StepTime) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// run runs the kernel of a step.
func (s *step) run() error {
	if !profile.on.Load() {
		return s.kernel(s.inMem, s.outMem)
	}
	begin := time.Now()
	err := s.kernel(s.inMem, s.outMem)
	spent := time.Since(begin)
	profile.mutex.Lock()
	defer profile.mutex.Unlock()
	if s.cost == nil {
		s.cost = profiled(s.label())
	}
	s.cost.Calls++
	s.cost.Time += spent
	return err
}

func profiled(name string) *StepTime {
	if profile.table == nil {
		profile.table = map[string]*StepTime{}
	}
	if profile.table[name] == nil {
		profile.table[name] = &StepTime{Name: name}
	}
	return profile.table[name]
}

// label names the step and the sizes of what it works on, in bytes.
func (s *step) label() string {
	label := s.name
	for _, at := range s.in {
		label += fmt.Sprint(" ", at.bytes)
	}
	label += " ->"
	for _, at := range s.out {
		label += fmt.Sprint(" ", at.bytes)
	}
	return label
}
