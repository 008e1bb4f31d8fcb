package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"galen.dev/task"
)

// This file tells a user how far things are, on stderr. The rules are:
//
//   - On a terminal one line is redrawn, with a bar and the remaining time; elsewhere plain lines come, at
//     most one every ten seconds beside those that start and end a step.
//   - Nothing of it goes to stdout, and no patient's values are in it.

// monitor returns what hears the events of runs, or nil under --quiet.
func (a *app) monitor() task.Monitor {
	if a.quiet {
		return nil
	}
	p := &progress{w: a.err, now: time.Now}
	a.progress = p
	if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal = true
		p.width = func() int {
			if w, _, err := term.GetSize(int(f.Fd())); err == nil {
				return w
			}
			return 80
		}
	}
	return p.event
}

// progress draws the events of one command.
type progress struct {
	w        io.Writer
	now      func() time.Time
	terminal bool
	width    func() int

	mu    sync.Mutex
	label string    // what the bar speaks of
	since time.Time // when its counting began
	from  int64     // the count at that time
	most  int64     // the largest count since
	drawn time.Time
	open  bool // a bar stands on the current line
}

// barInterval and lineInterval keep progress from costing time or filling logs.
const (
	barInterval  = 100 * time.Millisecond
	lineInterval = 10 * time.Second
)

func (p *progress) event(e task.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	step := string(e.Step)
	switch e.Kind {
	case task.Started:
		p.line("%-10s %s", step, "…")
	case task.Note:
		p.line("%-10s %s", step, e.Text)
	case task.Skipped:
		p.line("%-10s skipped: nothing it depends on has changed", step)
	case task.Reused:
		p.line("%-10s reused from %s", step, e.Text)
	case task.Finished:
		p.line("%-10s done in %s", step, duration(time.Duration(e.Seconds*float64(time.Second))))
	case task.Progress:
		p.progress(step, e)
	}
}

func (p *progress) progress(step string, e task.Event) {
	now := p.now()
	label := step + " " + e.Text
	// Counting begins anew for the next fold; goroutines that tell their counts out of turn do not make it so.
	if label != p.label || e.Done < p.most/2 {
		p.label, p.since, p.from, p.most = label, now, e.Done, e.Done
		if !p.terminal {
			p.drawn = now
		}
	}
	p.most = max(p.most, e.Done)
	interval := lineInterval
	if p.terminal {
		interval = barInterval
	}
	if now.Sub(p.drawn) < interval {
		return
	}
	p.drawn = now
	text := fmt.Sprintf("%-10s %s", step, e.Text)
	if e.Total > 0 {
		e.Done = min(e.Done, e.Total)
		share := float64(e.Done) / float64(e.Total)
		text += fmt.Sprintf(" %3.0f %%", 100*share)
		if got := e.Done - p.from; got > 0 && now.Sub(p.since) > time.Second {
			left := time.Duration(float64(now.Sub(p.since)) * float64(e.Total-e.Done) / float64(got))
			text += ", " + duration(left) + " left"
		}
		if p.terminal {
			const cells = 20
			n := min(cells, int(share*cells))
			text = fmt.Sprintf("%-10s [%s%s]%s", step, strings.Repeat("█", n), strings.Repeat("·", cells-n), strings.TrimPrefix(text, fmt.Sprintf("%-10s", step)))
		}
	}
	if !p.terminal {
		p.line("%s", text)
		return
	}
	if r := []rune(text); len(r) >= p.width() {
		text = string(r[:max(p.width()-1, 1)])
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", text)
	p.open = true
}

func (p *progress) line(format string, args ...any) {
	p.wipe()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// clear takes a bar away, so that what comes next on stderr has the line for itself.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

func (p *progress) wipe() {
	if p.open {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.open = false
	}
}

// duration is a rounded duration that people read: 0.4 s, 12 s, 3 min 05 s, 2 h 10 min.
func duration(d time.Duration) string {
	d = max(d, 0)
	tenths, seconds, minutes := d.Round(100*time.Millisecond), int(d.Round(time.Second).Seconds()), int(d.Round(time.Minute).Minutes())
	switch {
	case tenths < 10*time.Second:
		return fmt.Sprintf("%.1f s", tenths.Seconds())
	case seconds < 60:
		return fmt.Sprintf("%d s", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%d min %02d s", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d h %02d min", minutes/60, minutes%60)
}
