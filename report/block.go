package report

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"slices"
	"strings"

	"galen.dev/fault"
)

// Block is a part of a section. The set is closed: the types of this file, Checklist and ModelCard.
type Block interface{ kind() string }

// Text is one or more paragraphs, separated by empty lines.
type Text string

// Heading is a heading inside a section.
type Heading string

// List is a list of short texts.
type List struct {
	Items   []string
	Ordered bool
}

// Align says where the cells of a column stand.
type Align uint8

// Auto is right for columns that hold only numbers and left for others.
const (
	Auto Align = iota
	Left
	Right
	Center
)

// Table is a table with a caption. The first cell of each row is its heading. Tables of more than
// LongTable rows show the first ones and unfold on request; paper shows all; past MaxTable rows the rest is
// counted in the footnote.
type Table struct {
	Caption  string
	Columns  []string
	Align    []Align // by column; missing ones are Auto
	Rows     [][]string
	Strong   []int // indexes of rows to set in bold, e.g. the chosen model
	Footnote string
}

// Limits of tables and lists of findings.
const (
	LongTable = 12
	MaxTable  = 200
)

// Findings lists what checks found, gravest first. Names in Waived are marked as waived by the study.
type Findings struct {
	Caption string
	List    []fault.Finding
	Waived  []string
}

// FigureBlock is a figure with its caption; an empty Title takes the figure's own.
type FigureBlock struct {
	Figure
	Title   string
	Caption string
}

// Figures sets figures side by side where there is room.
type Figures []FigureBlock

// KeyValues is a list of labels with values.
type KeyValues []Fact

// Code is text that keeps its spaces and lines.
type Code struct{ Caption, Text string }

// Image is a PNG or JPEG picture; other bytes are replaced by a note.
type Image struct {
	Bytes          []byte
	Alt            string
	Title, Caption string
	Width          int  // natural width in pixels; 0 = the picture's own
	Pixelated      bool // show each pixel as a square when enlarged
}

// Mood is how grave a callout is.
type Mood uint8

// A Note informs, a Caution warns, a Danger says that results must not be used as they are.
const (
	Note Mood = iota
	Caution
	Danger
)

// Callout is a framed remark.
type Callout struct {
	Mood  Mood
	Title string
	Text  string
}

func (Text) kind() string        { return "text" }
func (Heading) kind() string     { return "heading" }
func (List) kind() string        { return "list" }
func (Table) kind() string       { return "table" }
func (Findings) kind() string    { return "findings" }
func (FigureBlock) kind() string { return "figure" }
func (Figures) kind() string     { return "grid" }
func (KeyValues) kind() string   { return "keyvalues" }
func (Code) kind() string        { return "code" }
func (Image) kind() string       { return "image" }
func (Callout) kind() string     { return "callout" }

// Paragraphs splits at empty lines.
func (t Text) Paragraphs() []string {
	var out []string
	for _, p := range strings.Split(strings.ReplaceAll(string(t), "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// Word and Mark name a mood in words and by a shape.
func (m Mood) Word() string { return [...]string{"Note", "Caution", "Warning"}[min(m, Danger)] }

// Class is the style of the mood.
func (m Mood) Class() string { return [...]string{"note", "caution", "danger"}[min(m, Danger)] }

// Source is the picture as a data URI, or empty where the bytes are no picture that pages show.
func (i Image) Source() template.URL {
	var kind string
	switch {
	case bytes.HasPrefix(i.Bytes, []byte("\x89PNG\r\n\x1a\n")):
		kind = "png"
	case bytes.HasPrefix(i.Bytes, []byte("\xff\xd8\xff")):
		kind = "jpeg"
	default:
		return ""
	}
	return template.URL("data:image/" + kind + ";base64," + base64.StdEncoding.EncodeToString(i.Bytes))
}

// alignment resolves Auto by looking at the cells.
func (t Table) alignment() []Align {
	out := make([]Align, len(t.Columns))
	for j := range out {
		if j < len(t.Align) {
			out[j] = t.Align[j]
		}
		if out[j] != Auto {
			continue
		}
		out[j] = Left
		numbers := 0
		for _, row := range t.Rows {
			if j < len(row) && row[j] != "" && row[j] != "–" {
				if !numeric(row[j]) {
					numbers = -1
					break
				}
				numbers++
			}
		}
		if numbers > 0 && j > 0 {
			out[j] = Right
		}
	}
	return out
}

// numeric reports whether a cell is made of numbers, signs and brackets only, such as "0.91 (0.86–0.95)".
func numeric(s string) bool {
	digits := false
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits = true
		case strings.ContainsRune(".,%()[]–−-+±×<>≤≥/ \u202f\u00a0∞e", r):
		default:
			return strings.Contains(s, " to ") && numeric(strings.ReplaceAll(s, " to ", " "))
		}
	}
	return digits
}

// ModelCard says what a model is and what it is for (Mitchell et al., Model cards for model reporting,
// FAT* 2019). Empty fields are named as not stated.
type ModelCard struct {
	Name, Version, Date string
	Type                string // algorithm and its main settings
	Outcome             string // what it predicts, and the time horizon
	Predictors          string
	IntendedUse         string
	IntendedUsers       string
	OutOfScope          string
	TrainingData        string
	EvaluationData      string
	Performance         string // with intervals
	Subgroups           string
	Limitations         string
	Ethics              string
	Licence, Contact    string
}

func (ModelCard) kind() string { return "modelcard" }

// Unstated names the empty fields.
func (m ModelCard) Unstated() string {
	var names []string
	for _, f := range m.fields() {
		if f.Value == "" {
			names = append(names, lower(f.Label))
		}
	}
	return strings.Join(names, ", ")
}

// Rows lists the fields that are stated.
func (m ModelCard) Rows() []Fact {
	return slices.DeleteFunc(m.fields(), func(f Fact) bool { return f.Value == "" })
}

// fields lists all fields in the order of the paper.
func (m ModelCard) fields() []Fact {
	return []Fact{
		{"Model", m.Name},
		{"Version", m.Version},
		{"Date", m.Date},
		{"Type", m.Type},
		{"Outcome", m.Outcome},
		{"Predictors", m.Predictors},
		{"Intended use", m.IntendedUse},
		{"Intended users", m.IntendedUsers},
		{"Out of scope", m.OutOfScope},
		{"Training data", m.TrainingData},
		{"Evaluation data", m.EvaluationData},
		{"Performance", m.Performance},
		{"Subgroups", m.Subgroups},
		{"Limitations", m.Limitations},
		{"Ethical considerations", m.Ethics},
		{"Licence", m.Licence},
		{"Contact", m.Contact},
	}
}
