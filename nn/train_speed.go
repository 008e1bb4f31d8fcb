package nn

import "time"

// speedometer measures samples per second over about the last ten seconds.
type speedometer struct {
	marks []mark
}

type mark struct {
	at      time.Time
	samples int // since the start
}

// start begins anew, as after a validation, whose time is not that of steps.
func (s *speedometer) start(now time.Time) { s.marks = append(s.marks[:0], mark{at: now}) }

// add counts samples that were worked on until now.
func (s *speedometer) add(now time.Time, samples int) {
	s.marks = append(s.marks, mark{now, s.marks[len(s.marks)-1].samples + samples})
	old := 0
	for old < len(s.marks)-2 && now.Sub(s.marks[old+1].at) > 10*time.Second {
		old++
	}
	s.marks = append(s.marks[:0], s.marks[old:]...)
}

// perSecond is 0 where nothing was measured yet.
func (s *speedometer) perSecond() float64 {
	first, last := s.marks[0], s.marks[len(s.marks)-1]
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(last.samples-first.samples) / seconds
}
