package event

import (
	"slices"

	"galen.dev/fault"
)

// findings collects what is wrong. Findings of rows are counted together by name, file and message; a name that is
// allowed becomes a warning.
type findings struct {
	allow        []string
	severe, mild []fault.Finding
	index        map[findingKey]findingAt
	left, notes  counter
	more         bool
}

type findingKey struct{ name, file, message string }

type findingAt struct {
	mild bool
	at   int
}

func newFindings(allow []string) *findings {
	return &findings{allow: allow, severe: nil, mild: []fault.Finding{}, index: map[findingKey]findingAt{}}
}

// row adds a finding of one row, or of a whole file where row is 0.
func (l *findings) row(name string, severity fault.Severity, file string, row int, message, hint string) {
	key := findingKey{name, file, message}
	at, ok := l.index[key]
	if !ok {
		f := fault.Finding{Name: name, Severity: severity, File: file, Message: message, Hint: hint}
		if at, ok = l.put(f); !ok {
			return
		}
		l.index[key] = at
	}
	f := &l.severe
	if at.mild {
		f = &l.mild
	}
	if row > 0 {
		g := &(*f)[at.at]
		g.Count++
		if len(g.Rows) < fault.MaxRows {
			g.Rows = append(g.Rows, row)
		}
	}
}

// path adds a finding of an element, named by its path.
func (l *findings) path(name string, severity fault.Severity, file, expression, message, hint string) {
	l.put(fault.Finding{Name: name, Severity: severity, File: file, Column: expression, Message: message, Hint: hint})
}

func (l *findings) put(f fault.Finding) (findingAt, bool) {
	if slices.Contains(l.allow, f.Name) && slices.Contains(Allowed, f.Name) {
		f.Severity = min(f.Severity, fault.Warning)
	}
	list := &l.severe
	if f.Severity < fault.Severe {
		list = &l.mild
	}
	if len(*list) >= maxFindings {
		if f.Severity == fault.Severe && !l.more {
			l.more = true
			*list = append(*list, fault.Finding{Name: "more", Severity: fault.Severe, Message: "there are more findings, which are not listed"})
		}
		return findingAt{}, false
	}
	*list = append(*list, f)
	return findingAt{f.Severity < fault.Severe, len(*list) - 1}, true
}

// leave counts what is left out; note what is changed.
func (l *findings) leave(what string, n int) { l.left.add(what, n) }

func (l *findings) note(what string, n int) { l.notes.add(what, n) }

// counter counts by name. The names are listed by the alphabet.
type counter struct{ n map[string]int }

func (c *counter) add(what string, n int) {
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[what] += n
}

func (c *counter) list() []Count {
	out := make([]Count, 0, len(c.n))
	for what, n := range c.n {
		out = append(out, Count{what, n})
	}
	slices.SortFunc(out, func(a, b Count) int {
		if a.What < b.What {
			return -1
		}
		return 1
	})
	return out
}
