package main

import (
	"strings"
	"testing"
	"time"

	"galen.dev/task"
)

// clocked is progress on a clock that the test moves.
func clocked(terminal bool, width int) (*progress, *strings.Builder, func(time.Duration)) {
	now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	out := new(strings.Builder)
	p := &progress{w: out, now: func() time.Time { return now }, terminal: terminal, width: func() int { return width }}
	return p, out, func(d time.Duration) { now = now.Add(d) }
}

func at(label string, done, total int64) task.Event {
	return task.Event{Step: task.Train, Kind: task.Progress, Text: label, Done: done, Total: total}
}

func TestPlainLines(t *testing.T) {
	p, out, pass := clocked(false, 0)
	p.event(task.Event{Step: task.Train, Kind: task.Started})
	for i := range int64(100) { // a hundred seconds
		p.event(at("fitting", i, 100))
		pass(time.Second)
	}
	p.event(task.Event{Step: task.Train, Kind: task.Note, Text: "model: logistic"})
	p.event(task.Event{Step: task.Train, Kind: task.Finished, Seconds: 100})
	p.event(task.Event{Step: task.Evaluate, Kind: task.Skipped})
	p.event(task.Event{Step: task.Evaluate, Kind: task.Reused, Text: "a-1"})
	want := `train      …
train      fitting  10 %, 1 min 30 s left
train      fitting  20 %, 1 min 20 s left
train      fitting  30 %, 1 min 10 s left
train      fitting  40 %, 1 min 00 s left
train      fitting  50 %, 50 s left
train      fitting  60 %, 40 s left
train      fitting  70 %, 30 s left
train      fitting  80 %, 20 s left
train      fitting  90 %, 10 s left
train      model: logistic
train      done in 1 min 40 s
evaluate   skipped: nothing it depends on has changed
evaluate   reused from a-1
`
	if out.String() != want {
		t.Errorf("got:\n%s", out)
	}
}

func TestBar(t *testing.T) {
	const erase = "\r\x1b[K"
	p, out, pass := clocked(true, 80)
	step := func(what string, e task.Event, want string) {
		t.Helper()
		out.Reset()
		p.event(e)
		if out.String() != want {
			t.Errorf("%s: %q, want %q", what, out, want)
		}
	}
	step("start", task.Event{Step: task.Train, Kind: task.Started}, "train      …\n")
	pass(time.Second)
	step("first", at("fitting", 0, 200), erase+"train      [····················] fitting   0 %")
	pass(50 * time.Millisecond)
	step("too soon", at("fitting", 1, 200), "")
	pass(9950 * time.Millisecond)
	step("half", at("fitting", 100, 200), erase+"train      [██████████··········] fitting  50 %, 10 s left")
	pass(10 * time.Second)
	step("all", at("fitting", 200, 200), erase+"train      [████████████████████] fitting 100 %, 0.0 s left")
	pass(time.Second)
	step("more than all", at("fitting", 300, 200), erase+"train      [████████████████████] fitting 100 %, 0.0 s left")
	pass(time.Second)
	step("another label", at("explaining", 5, 0), erase+"train      explaining")
	step("a line takes its place", task.Event{Step: task.Train, Kind: task.Note, Text: "said"}, erase+"train      said\n")
	step("once", task.Event{Step: task.Train, Kind: task.Note, Text: "said"}, "train      said\n")

	pass(time.Second)
	p.event(at("fitting", 1, 2))
	out.Reset()
	p.clear()
	p.clear()
	if out.String() != erase {
		t.Errorf("clear: %q", out)
	}

	// A narrow terminal: the line must not wrap, or it could not be redrawn.
	for width := range 60 {
		p, out, pass := clocked(true, width)
		pass(time.Second)
		p.event(at("fitting é", 50, 200))
		if n := len([]rune(strings.TrimPrefix(out.String(), erase))); n > max(width-1, 1) {
			t.Errorf("%d letters on a terminal of %d", n, width)
		}
	}
}

// Counting that begins anew, as for the next fold, does not spoil the time that is left.
func TestRemainingTimeAfterRestart(t *testing.T) {
	p, out, pass := clocked(true, 80)
	pass(time.Second)
	p.event(at("fold", 0, 100))
	pass(10 * time.Second)
	p.event(at("fold", 100, 100))
	pass(time.Second)
	p.event(at("fold", 0, 100))
	pass(10 * time.Second)
	out.Reset()
	p.event(at("fold", 20, 100))
	if !strings.HasSuffix(out.String(), "20 %, 40 s left") {
		t.Errorf("%q", out)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0 s", 440 * time.Millisecond: "0.4 s", 9940 * time.Millisecond: "9.9 s", 9960 * time.Millisecond: "10 s", 12*time.Second + 400*time.Millisecond: "12 s",
		59600 * time.Millisecond: "1 min 00 s", 185 * time.Second: "3 min 05 s", 59*time.Minute + 59800*time.Millisecond: "1 h 00 min", 130 * time.Minute: "2 h 10 min",
		-time.Second: "0.0 s",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// Without a terminal, and under --quiet, the monitor is what is promised.
func TestMonitor(t *testing.T) {
	if (&app{err: new(strings.Builder), quiet: true}).monitor() != nil {
		t.Error("a quiet monitor speaks")
	}
	var out strings.Builder
	a := &app{err: &out}
	a.monitor()(task.Event{Step: task.Train, Kind: task.Started})
	if out.String() != "train      …\n" {
		t.Errorf("%q", &out)
	}
	if a.progress == nil || a.progress.terminal {
		t.Error("a buffer was taken for a terminal")
	}
}
