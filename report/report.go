// Package report writes one self-contained HTML page per run, and the figures on it.
//
// A page must be readable years later, on a phone, on paper and by a screen reader, inside a hospital
// without internet. So everything is in the one file: styles, figures as SVG with text as text, images as
// data. Nothing is loaded, the page works with scripts off, and a content security policy in the page
// forbids what Galen did not put there. Every string goes through html/template, since names of columns come
// from foreign files. The same report gives the same bytes.
//
// The package knows blocks and figures, not tasks: an area fills a Report with sections, tables and the
// figures of this package. Figures follow the conventions of clinical journals: intervals beside every
// estimate, numbers at risk under survival curves, net benefit with both default strategies. Colours
// are by role (Tone) and never carry meaning alone: dashes, marks and words do too.
//
// Read Report, then block.go for what a section may hold, then figure.go and chart.go for how figures are
// made. TRIPODAI fills the reporting checklist of Collins et al., BMJ 2024;385:e078378; ModelCard follows
// Mitchell et al., FAT* 2019.
package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Report is one page. All fields but Title may be empty; an empty one leaves no trace on the page.
type Report struct {
	Title     string
	Subtitle  string
	Facts     []Fact      // task, data, seed, version, date, model: shown beneath the title
	Headline  []KeyFigure // the few numbers a reader looks for first
	Sections  []Section
	Synthetic bool   // the data are generated: a banner says so
	Footer    string // e.g. how to make this report again
}

// Fact is a label with its value.
type Fact struct{ Label, Value string }

// KeyFigure is one number of the headline row.
type KeyFigure struct {
	Label    string // "AUROC"
	Value    string // "0.91"
	Interval string // "95% CI 0.86–0.95"
	Note     string // "test set, 91 patients"
	Range    *Range // draws the interval on a small scale; nil = none
}

// Range places a value and its interval on a scale.
type Range struct{ Min, Max, Value, Lo, Hi float64 }

// Section is one numbered part of a page, with an entry in the table of contents.
type Section struct {
	ID     string // anchor for links; empty = from the title
	Title  string
	Lead   string // one or two sentences that say what the reader will see
	Blocks []Block
}

// WriteHTML writes the page.
func (r *Report) WriteHTML(w io.Writer) error {
	if err := write(w, "report", newView(r)); err != nil {
		return fmt.Errorf("writing report %q: %w", r.Title, err)
	}
	return nil
}

// write fills a template and writes it in one go, so that a failure leaves no half page.
func write(w io.Writer, name string, view any) error {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, view); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Entry is one report on an index page.
type Entry struct {
	Title     string
	Task      string
	Summary   string
	Figures   []KeyFigure
	Thumbnail Figure
	Href      string // relative link to the report
	Synthetic bool
}

// Index writes a page that links reports.
func Index(w io.Writer, title string, entries []Entry) error {
	v := indexView{frame: newFrame(title), Entries: entries}
	for _, e := range entries {
		v.Synthetic = v.Synthetic || e.Synthetic
	}
	if err := write(w, "index", v); err != nil {
		return fmt.Errorf("writing index %q: %w", title, err)
	}
	return nil
}

// slug makes an anchor from a title: lower-case letters, digits and single hyphens.
func slug(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(s) {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte('-')
			gap = false
		}
		b.WriteRune(r)
		if b.Len() >= 60 {
			break
		}
	}
	if b.Len() == 0 {
		return "section"
	}
	return b.String()
}

// anchors hands out ids that are unique on a page.
type anchors map[string]bool

func (a anchors) take(want string) string {
	id := slug(want)
	for n := 2; a[id]; n++ {
		id = fmt.Sprintf("%s-%d", slug(want), n)
	}
	a[id] = true
	return id
}
