package depict

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"galen.dev/chem"
	"galen.dev/chem/layout"
	"galen.dev/chem/smiles"
	"galen.dev/internal/golden"
	"galen.dev/report"
	"gonum.org/v1/plot/vg/draw"
)

func parse(t testing.TB, s string) *chem.Mol {
	t.Helper()
	m, err := smiles.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type drug struct {
	name string
	mol  *chem.Mol
}

const docs = "../../docs/molecules/"

// drugs are the hundred of the documents.
func drugs(t testing.TB) []drug {
	text, err := os.ReadFile(docs + "drugs.smi")
	if err != nil {
		t.Fatal(err)
	}
	var out []drug
	for line := range strings.Lines(string(text)) {
		s, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		out = append(out, drug{strings.ReplaceAll(name, "_", " "), parse(t, s)})
	}
	if len(out) != 100 {
		t.Fatalf("%d drugs", len(out))
	}
	return out
}

// faults counts what is wrong with a drawing.
type faults struct {
	near    int // pairs of atoms, not bonded, within 0.35 bond lengths
	crossed int // pairs of bonds that cross
	covered int // letters that touch a bond of other atoms, or letters of other atoms
}

func measure(m *chem.Mol) faults {
	layout.Place(m)
	s := &scene{}
	k := newSketch(m, &Options{}, s)
	k.scaleTo(26)
	var f faults
	for i := range k.at {
		for j := range i {
			if m.BondBetween(int32(i), int32(j)) < 0 && dist(k.at[i], k.at[j]) < 0.35*k.unit {
				f.near++
			}
			f.covered += k.lettersMeet(int32(i), int32(j))
		}
	}
	for x := range k.m.Bonds {
		b := &k.m.Bonds[x]
		for y := range x {
			c := &k.m.Bonds[y]
			if b.Begin != c.Begin && b.Begin != c.End && b.End != c.Begin && b.End != c.End &&
				meet(k.at[b.Begin], k.at[b.End], k.at[c.Begin], k.at[c.End]) {
				f.crossed++
			}
		}
		p, q, ok := k.clip(b.Begin, b.End, k.at[b.Begin], k.at[b.End])
		for i := range k.labels {
			if int32(i) == b.Begin || int32(i) == b.End || !ok {
				continue
			}
			for _, r := range k.labels[i].boxes() {
				if _, _, hit := cut(r, 0, p, q); hit {
					f.covered++
				}
			}
		}
	}
	return f
}

func dist(p, q complex128) float64 { return math.Hypot(real(p-q), imag(p-q)) }

func meet(a, b, c, d complex128) bool {
	turn := func(p, q, r complex128) float64 { return real(q-p)*imag(r-p) - imag(q-p)*real(r-p) }
	return turn(a, b, c)*turn(a, b, d) < 0 && turn(c, d, a)*turn(c, d, b) < 0
}

func (k *sketch) lettersMeet(i, j int32) int {
	n := 0
	for _, a := range k.labels[i].boxes() {
		for _, b := range k.labels[j].boxes() {
			if a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1 {
				n++
			}
		}
	}
	return n
}

// bridged says whether two rings share more than one bond: then some drawings cannot do without crossings.
func bridged(m *chem.Mol) bool {
	r := m.Rings()
	for i := range r.Len() {
		for j := range i {
			n := 0
			for _, b := range r.Bonds(i) {
				if slices.Contains(r.Bonds(j), b) {
					n++
				}
			}
			if n > 1 {
				return true
			}
		}
	}
	return false
}

// The hundred drugs are drawn without overlaps; bonds cross only at bridged rings. The pictures and counts are the
// documents'.
func TestDrugs(t *testing.T) {
	list := drugs(t)
	var crossings []string
	for _, d := range list {
		f := measure(d.mol)
		if f.near > 0 || f.covered > 0 {
			t.Errorf("%s: %d pairs of atoms too near, %d letters covered", d.name, f.near, f.covered)
		}
		if f.crossed > 0 {
			if !bridged(d.mol) {
				t.Errorf("%s: %d crossings", d.name, f.crossed)
			}
			crossings = append(crossings, fmt.Sprintf("%s %d", d.name, f.crossed))
		}
	}
	for page := range 4 {
		var cells []Cell
		for _, d := range list[25*page : 25*page+25] {
			cells = append(cells, Cell{Mol: d.mol, Caption: d.name})
		}
		svg := Grid(cells, GridOptions{Columns: 5, Width: 190, Height: 150, Title: fmt.Sprintf("Drugs %d to %d", 25*page+1, 25*page+25)})
		golden.Check(t, fmt.Sprintf("%sdrugs-%d.svg", docs, page+1), string(svg))
	}
	golden.Check(t, docs+"crossings.txt", strings.Join(crossings, "\n")+"\n")
}

// checkXML fails where a document is not well formed or brings anything that is not drawn here.
func checkXML(t *testing.T, svg []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %.200s", err, svg)
		}
		if e, ok := tok.(xml.StartElement); ok && !slices.Contains([]string{"svg", "title", "desc", "style", "g", "path", "circle", "text"}, e.Name.Local) {
			t.Errorf("element %s", e.Name.Local)
		}
	}
	for _, bad := range []string{"NaN", "Inf", "<script", "href"} {
		if bytes.Contains(svg, []byte(bad)) {
			t.Errorf("%q in %.200s", bad, svg)
		}
	}
}

func TestSVG(t *testing.T) {
	for _, s := range []string{
		"", "C", "[2H]O[2H]", "O", "[NH4+].[Cl-]", "[13CH3][O-]", "C[CH2]", "CC=C=CC", "N#N", "c1ccccc1", "C/C=C/C", "CC(F)=C~O",
		"N->[Fe]", "C[C@H](N)O", "*C", "[CH3:7]C", "C$C", "[He]", "C[N+](C)(C)C",
	} {
		m := parse(t, s)
		m.Name = `a < b & "c"` + "\x01"
		for c := range Current + 1 {
			svg := SVG(m, Options{Colour: c, Numbers: Maps, Heat: make([]float64, len(m.Atoms))})
			checkXML(t, svg)
			if c == Current && bytes.Contains(svg, []byte("#1b2733")) {
				t.Errorf("%s: a fixed colour where the text's was asked for", s)
			}
		}
		checkXML(t, Figure(m, Options{Numbers: Indices}).SVG())
	}
}

// The same molecule gives the same bytes, whatever the order of its atoms.
func TestSameBytes(t *testing.T) {
	for _, d := range drugs(t) {
		want := SVG(d.mol, Options{Title: d.name})
		for seed := range uint64(2) {
			if got := SVG(parse(t, smiles.Random(d.mol, seed)), Options{Title: d.name}); !bytes.Equal(got, want) {
				t.Errorf("%s: order %d gives other bytes", d.name, seed)
			}
		}
	}
}

// Labels say what the molecule is.
func TestLabels(t *testing.T) {
	for s, want := range map[string]string{
		"C[NH3+]": "N H 3 +", "[13CH4]": "C H 4 13", "C[O-]": "O −", "[Ca+2]": "Ca 2+", "C[CH2]": "C H 2 •", "O": "O 2 H", "CC=C=C": "C", "CO": "O H",
	} {
		m := parse(t, s)
		layout.Place(m)
		k := newSketch(m, &Options{}, &scene{})
		k.scaleTo(26)
		var got []string
		for i := range k.labels {
			for _, p := range k.labels[i].pieces {
				got = append(got, p.text)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is labelled %q, want %q", s, strings.Join(got, " "), want)
		}
	}
}

// Heat has colours for both signs, and a legend with the largest value.
func TestHeat(t *testing.T) {
	m := parse(t, "CCO")
	svg := string(SVG(m, Options{Heat: []float64{1.5, -0.75, math.NaN()}, HeatLabel: "contribution"}))
	checkXML(t, []byte(svg))
	for _, want := range []string{`class="f-k2" fill-opacity="0.6"`, `class="f-k1" fill-opacity="0.3"`, "+1.5", "−1.5", "contribution"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %q in %s", want, svg)
		}
	}
	plain := SVG(m, Options{})
	marked := SVG(m, Options{Highlights: []Highlight{{Atoms: []int32{0, 99}, Bonds: []int32{0, -1}, Colour: 2, Weight: 0.5}}})
	checkXML(t, marked)
	if bytes.Contains(plain, []byte("f-k3")) || !bytes.Contains(marked, []byte(`f-k3" fill-opacity="0.25`)) {
		t.Error("the highlight does not show")
	}
}

// The frame holds everything.
func TestFrame(t *testing.T) {
	for _, d := range drugs(t)[:40] {
		s := drawing(d.mol, &Options{Width: 120, Height: 80})
		if s.w != 120 || s.h != 80 {
			t.Fatalf("%s: %v × %v", d.name, s.w, s.h)
		}
		for _, p := range s.shapes {
			for _, q := range p.pts {
				if real(q) < 0 || real(q) > 120 || imag(q) < 0 || imag(q) > 80 {
					t.Errorf("%s: a shape at %v", d.name, q)
				}
			}
		}
	}
}

// The colours are those of package report.
func TestTones(t *testing.T) {
	for i := range tones {
		p := shape{tone: tone(i)}
		c := color.NRGBAModel.Convert(p.reportTone()).(color.NRGBA)
		if got := fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B); got != tones[i].light {
			t.Errorf("%s is %s, the report's %s", tones[i].name, tones[i].light, got)
		}
		page := string(report.Draw("t", "a", 10, 10, func(draw.Canvas) {}).SVG())
		if want := ".f-" + tones[i].name + "{fill:" + tones[i].dark + "}"; !strings.Contains(page, want) {
			t.Errorf("the report's dark %s is another", tones[i].name)
		}
	}
}

// zinc returns n SMILES of the data folder.
func zinc(t testing.TB, n int) []string {
	dir := os.Getenv("GALEN_DATA")
	f, err := os.Open(filepath.Join(dir, "drug", "zinc250k.smi.gz"))
	if dir == "" || err != nil {
		t.Skip("GALEN_DATA names no folder with drug/zinc250k.smi.gz")
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for sc := bufio.NewScanner(z); sc.Scan() && len(out) < n; {
		s, _, _ := strings.Cut(sc.Text(), " ")
		out = append(out, s)
	}
	return out
}

// A picture takes less than a millisecond with its layout: the median over a thousand molecules.
func TestSpeed(t *testing.T) {
	var mols []*chem.Mol
	for _, s := range zinc(t, 1000) {
		mols = append(mols, parse(t, s))
	}
	took := make([]float64, 0, len(mols))
	for _, m := range mols {
		start := time.Now()
		SVG(m, Options{})
		took = append(took, float64(time.Since(start).Microseconds()))
	}
	slices.Sort(took)
	t.Logf("median %.0f µs, 99 %% below %.0f µs", took[len(took)/2], took[len(took)*99/100])
	if d := took[len(took)/2]; d > 3000 { // room for a busy machine
		t.Errorf("the median picture takes %.0f µs", d)
	}
}

// Faults over a thousand molecules nobody chose.
func TestZinc(t *testing.T) {
	var sum faults
	bad := 0
	list := zinc(t, 1000)
	for _, s := range list {
		m := parse(t, s)
		f := measure(m)
		if f.near > 0 || f.covered > 0 || f.crossed > 0 && !bridged(m) {
			bad++
			if testing.Verbose() {
				t.Logf("%s: %+v", s, f)
			}
		}
		sum.near, sum.crossed, sum.covered = sum.near+f.near, sum.crossed+f.crossed, sum.covered+f.covered
	}
	t.Logf("%d of %d drawings with faults: %+v", bad, len(list), sum)
	if bad > len(list)/50 {
		t.Errorf("%d of %d drawings have faults", bad, len(list))
	}
}

func BenchmarkSVG(b *testing.B) {
	list := drugs(b)
	for _, d := range list {
		d.mol.Coords = nil
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		SVG(list[i%len(list)].mol, Options{})
	}
}
