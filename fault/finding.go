package fault

import (
	"fmt"
	"strings"
)

// Severity grades a finding.
type Severity uint8

// Info informs, Warning asks for a look, Error stops the run unless the study waives it by name.
const (
	Info Severity = iota
	Warning
	Severe
)

var severities = [...]string{"info", "warning", "error"}

func (s Severity) String() string { return severities[s] }

// MarshalText writes a severity as its word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a severity's word.
func (s *Severity) UnmarshalText(text []byte) error {
	for i, w := range severities {
		if w == string(text) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("unknown severity %q", text)
}

// Finding is one thing that a check found: what, where and what to do. It never holds a patient's values.
type Finding struct {
	Name     string   `json:"name"` // kebab-case and stable, e.g. "constant-column": what a waiver names
	Severity Severity `json:"severity"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`   // 1-based line of a text file; 0 = not known
	Column   string   `json:"column,omitempty"` // a column's name, a study's key or a tag
	Rows     []int    `json:"rows,omitempty"`   // 1-based data rows; at most MaxRows of them
	Count    int      `json:"count,omitempty"`  // how many rows are concerned in all; 0 = the whole
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
}

// MaxRows bounds the rows that one finding lists, so that a bad file of a million rows stays readable.
const MaxRows = 10

// String is one line: place, message and hint.
func (f Finding) String() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d", f.Line)
		}
		b.WriteString(": ")
	} else if f.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", f.Line)
	}
	if f.Column != "" {
		fmt.Fprintf(&b, "%s: ", f.Column)
	}
	b.WriteString(f.Message)
	if len(f.Rows) > 0 {
		noun := " (rows "
		if len(f.Rows) == 1 && f.Count <= 1 {
			noun = " (row "
		}
		b.WriteString(noun)
		for i, r := range f.Rows {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%d", r)
		}
		if f.Count > len(f.Rows) {
			fmt.Fprintf(&b, " and %d more", f.Count-len(f.Rows))
		}
		b.WriteString(")")
	}
	if f.Hint != "" {
		b.WriteString("; ")
		b.WriteString(f.Hint)
	}
	return b.String()
}
