package report

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"sync"

	"galen.dev/fault"
)

//go:embed page/report.html page/index.html page/blocks.html page/style.css page/script.js
var assets embed.FS

// templates parses on first use: most runs of the program write no report.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").ParseFS(assets, "page/*.html"))
})

// frame is what every page has.
type frame struct {
	PageTitle string
	Style     template.CSS
	Script    template.JS
	// Policy allows the page's own script by its hash and styles, and nothing from elsewhere.
	Policy    string
	Synthetic bool
}

func newFrame(title string) frame {
	script := asset("script.js")
	sum := sha256.Sum256([]byte(script))
	return frame{
		PageTitle: title,
		Style:     template.CSS(styleSheet()),
		Script:    template.JS(script),
		Policy: "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; script-src 'sha256-" +
			base64.StdEncoding.EncodeToString(sum[:]) + "'",
	}
}

func asset(name string) string {
	b, err := assets.ReadFile("page/" + name)
	if err != nil {
		panic(err) // the file is compiled in
	}
	return string(b)
}

// styleSheet joins the tones, once for each theme, with the page's style.
var styleSheet = sync.OnceValue(func() string {
	light, dark := toneVariables(false), toneVariables(true)
	css := asset("style.css")
	css = strings.ReplaceAll(css, "/*light*/", light)
	css = strings.ReplaceAll(css, "/*dark*/", dark)
	return strings.ReplaceAll(css, "/*tones*/", toneRules(func(t Tone) string { return "var(--" + t.name() + ")" }))
})

type reportView struct {
	frame
	R        *Report
	Sections []sectionView
}

type indexView struct {
	frame
	Entries []Entry
}

type sectionView struct {
	ID, Title, Lead string
	Number          int
	Blocks          []blockView
}

// blockView is a block with what a template needs to show it.
type blockView struct {
	Kind   string
	Number int // of the figure or table on the page; 0 = none
	B      Block
	Parts  []blockView             // figures of a grid
	Table  tableView               // of a table
	Found  []findingView           // of findings
	Rest   int                     // entries left out
	Groups []groupView             // of a checklist
	Links  map[string]*sectionView // the sections by the ids their makers gave them
}

type tableView struct {
	Head []cell
	Rows []rowView
	Long bool
}

type rowView struct {
	Strong bool
	Cells  []cell
}

type cell struct {
	Text  string
	Class string
}

type findingView struct {
	fault.Finding
	Waived bool
}

type groupView struct {
	Title string
	Items []Item
}

// numbering counts figures and tables through a page.
type numbering struct {
	figures, tables int
	links           map[string]*sectionView
}

func newView(r *Report) reportView {
	v := reportView{frame: newFrame(r.Title), R: r}
	v.Synthetic = r.Synthetic
	ids := anchors{"top": true, "contents": true, "main": true, "theme-light": true, "theme-dark": true}
	n := numbering{links: map[string]*sectionView{}}
	for i, s := range r.Sections {
		want := s.ID
		if want == "" {
			want = s.Title
		}
		id := ids.take(want)
		sv := sectionView{ID: id, Title: s.Title, Lead: s.Lead, Number: i + 1}
		if _, taken := n.links[s.ID]; s.ID != "" && !taken {
			n.links[s.ID] = &sv
		}
		v.Sections = append(v.Sections, sv)
	}
	for i, s := range r.Sections {
		for _, b := range s.Blocks {
			v.Sections[i].Blocks = append(v.Sections[i].Blocks, n.view(b))
		}
	}
	return v
}

func (n *numbering) view(b Block) blockView {
	v := blockView{Kind: b.kind(), B: b, Links: n.links}
	switch b := b.(type) {
	case FigureBlock, Image:
		n.figures++
		v.Number = n.figures
	case Figures:
		for _, f := range b {
			v.Parts = append(v.Parts, n.view(f))
		}
	case Table:
		if b.Caption != "" {
			n.tables++
			v.Number = n.tables
		}
		v.Table, v.Rest = tableOf(b)
	case Findings:
		v.Found, v.Rest = findingsOf(b)
	case Checklist:
		v.Groups = groupsOf(b)
	}
	return v
}

func tableOf(t Table) (v tableView, rest int) {
	align := t.alignment()
	class := func(j int) string {
		if j >= len(align) {
			return ""
		}
		return [...]string{"", "", "num", "mid"}[min(align[j], Center)]
	}
	for j, c := range t.Columns {
		v.Head = append(v.Head, cell{c, class(j)})
	}
	rows := t.Rows
	if len(rows) > MaxTable {
		rest = len(rows) - MaxTable
		rows = rows[:MaxTable]
	}
	for i, row := range rows {
		r := rowView{Strong: slices.Contains(t.Strong, i)}
		for j := range max(len(row), len(t.Columns)) {
			c := cell{Class: class(j)}
			if j < len(row) {
				c.Text = row[j]
			}
			r.Cells = append(r.Cells, c)
		}
		v.Rows = append(v.Rows, r)
	}
	v.Long = len(v.Rows) > LongTable
	return v, rest
}

func findingsOf(f Findings) (v []findingView, rest int) {
	for _, x := range f.List {
		v = append(v, findingView{x, slices.Contains(f.Waived, x.Name)})
	}
	stableBy(v, func(a, b findingView) bool { return a.Severity > b.Severity })
	if len(v) > MaxTable {
		rest = len(v) - MaxTable
		v = v[:MaxTable]
	}
	return v, rest
}

func groupsOf(c Checklist) []groupView {
	var groups []groupView
	for _, it := range c.Items {
		if n := len(groups); n == 0 || groups[n-1].Title != it.Section {
			groups = append(groups, groupView{Title: it.Section})
		}
		g := &groups[len(groups)-1]
		g.Items = append(g.Items, it)
	}
	return groups
}

// Summary counts findings by severity, in words.
func (f Findings) Summary() string {
	if len(f.List) == 0 {
		return "The checks found nothing."
	}
	var n [3]int
	waived := 0
	for _, x := range f.List {
		n[min(x.Severity, fault.Severe)]++
		if slices.Contains(f.Waived, x.Name) {
			waived++
		}
	}
	var parts []string
	for s := fault.Severe; ; s-- {
		if k := n[s]; k > 0 {
			word := [...]string{"remark", "warning", "error"}[s]
			if k > 1 {
				word += "s"
			}
			parts = append(parts, fmt.Sprintf("%d %s", k, word))
		}
		if s == fault.Info {
			break
		}
	}
	out := strings.Join(parts, ", ")
	if waived > 0 {
		out += fmt.Sprintf("; %d waived by the study", waived)
	}
	return out + "."
}

// Mark is the shape of a severity.
func (f findingView) Mark() string {
	return [...]string{"i", "▲", "✕"}[min(f.Severity, fault.Severe)]
}

// Class is the style of a severity.
func (f findingView) Class() string {
	return [...]string{"note", "caution", "danger"}[min(f.Severity, fault.Severe)]
}

// Place says where a finding was made.
func (f findingView) Place() string {
	var parts []string
	switch {
	case f.File != "" && f.Line > 0:
		parts = append(parts, fmt.Sprintf("%s:%d", f.File, f.Line))
	case f.File != "":
		parts = append(parts, f.File)
	case f.Line > 0:
		parts = append(parts, fmt.Sprintf("line %d", f.Line))
	}
	if f.Column != "" {
		parts = append(parts, f.Column)
	}
	return strings.Join(parts, ", ")
}

// RowList names the rows of a finding, or counts them.
func (f findingView) RowList() string {
	if len(f.Rows) == 0 {
		if f.Count > 0 {
			return Count(f.Count) + " rows"
		}
		return ""
	}
	var b strings.Builder
	b.WriteString("rows ")
	for i, r := range f.Rows {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d", r)
	}
	if f.Count > len(f.Rows) {
		fmt.Fprintf(&b, " and %s more", Count(f.Count-len(f.Rows)))
	}
	return b.String()
}

// SVG of a figure inside the page. Its text was escaped when it was drawn.
func (f FigureBlock) Inline() template.HTML { return template.HTML(f.inline()) }

// Name is the figure's title on the page.
func (f FigureBlock) Name() string {
	if f.Title != "" {
		return f.Title
	}
	return f.Figure.Title
}

// Picture is the thumbnail of an entry.
func (e Entry) Picture() template.HTML { return template.HTML(e.Thumbnail.inline()) }

// Scale draws the interval of a key figure; readers have it in words beside it.
func (k KeyFigure) Scale() template.HTML {
	r := k.Range
	if r == nil || !finite(r.Min, r.Max, r.Value) || r.Max <= r.Min {
		return ""
	}
	const w, h = 140.0, 12.0
	s := newSheet(w, h)
	x := func(v float64) float64 { return 4 + min(max((v-r.Min)/(r.Max-r.Min), 0), 1)*(w-8) }
	s.line(4, h/2, w-4, h/2, stroke(Grid, 2, nil))
	if finite(r.Lo, r.Hi) && r.Lo <= r.Hi {
		s.line(x(r.Lo), h/2, x(r.Hi), h/2, stroke(Series(0), 4, nil))
	}
	s.circle(x(r.Value), h/2, 3.5, fill(Ink))
	return template.HTML(fmt.Sprintf(`<svg class="scale" viewBox="0 0 %s %s" aria-hidden="true" focusable="false">%s</svg>`, num(w), num(h), s.b.String()))
}

// Meter draws how much of a checklist is reported; the sentence above says it in words.
func (c Checklist) Meter() template.HTML {
	if len(c.Items) == 0 {
		return ""
	}
	const w, h = 420.0, 10.0
	s := newSheet(w, h)
	x, each := 0.0, w/float64(len(c.Items))
	for _, part := range []struct {
		n     int
		paint string
	}{
		{c.Count(Done), fill(Series(2))},
		{c.Count(Partly), fill(Series(2).Band())},
	} {
		s.rect(x, 0, each*float64(part.n), h, 0, part.paint)
		x += each * float64(part.n)
	}
	s.rect(.5, .5, w-1, h-1, 2, stroke(Muted, 1, nil))
	return template.HTML(fmt.Sprintf(`<svg class="meter" viewBox="0 0 %s %s" preserveAspectRatio="none" aria-hidden="true" focusable="false">%s</svg>`, num(w), num(h), s.b.String()))
}
