package cases

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/volume"
)

// Options of reading. The zero value guesses nothing.
type Options struct {
	Labels         []string // columns of a table that hold the class, or each one label; none: those that speak for themselves
	Patient        string   // column of a table that tells patients apart; "" = patient or patient_id, if there is one
	AssumeGeometry bool     // take images whose files do not say where they lie by their spacing alone
	Masks          bool     // masks are wanted: cases without one are refused
	// Waive names findings that must not stop the study; the cases concerned are left out.
	Waive    []string
	Progress func(done, total int64)
}

// Collect reads every case of a source and writes it into a container, whose files create makes. Everything that
// is wrong with the source is in one error; what a study may live with is in Collection.Findings.
func Collect(ctx context.Context, name string, create func(name string) (io.WriteCloser, error), o Options) (*Collection, error) {
	s, only, closer, err := openSource(name, &o)
	if err != nil {
		return nil, err
	}
	defer closer()
	l, err := s.recognise(ctx, only)
	if err != nil {
		return nil, err
	}
	g := &gathering{layout: l, options: &o, writer: &writer{create: create}, patients: map[string]int{}}
	g.collection = &Collection{Layout: l.name, Kind: l.kind, Names: l.names, Masks: l.masks, Regions: l.regions, Channels: l.channels}
	err = l.each(ctx, func(it *item) error { return g.add(ctx, it) })
	if err != nil {
		g.writer.close()
		return nil, err
	}
	if err := g.check(); err != nil {
		g.writer.close()
		return nil, err
	}
	return g.collection, g.writer.finish(g.collection)
}

// gathering is the work of one Collect.
type gathering struct {
	layout     *layout
	options    *Options
	writer     *writer
	collection *Collection
	patients   map[string]int
	done       int
	blanks     fault.Finding
}

// add reads, checks and writes one case.
func (g *gathering) add(ctx context.Context, it *item) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if g.done++; g.options.Progress != nil && (g.done%64 == 0 || g.layout.total < 1000) {
		g.options.Progress(int64(g.done), int64(g.layout.total))
	}
	v, m, err := g.read(ctx, it)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		if k := fault.KindOf(err); k == fault.Storage || k == fault.Internal && !errors.As(err, new(*fault.Error)) {
			return fmt.Errorf("reading %q: %w", it.name, err)
		}
		g.layout.refused(it.name, err)
		return nil
	}
	if len(g.layout.findings) > maxFindings {
		return fault.Refuse("reading images", g.layout.findings)
	}
	rec := Record{Name: it.name, Row: it.row, Split: it.split, Class: it.class, Labels: it.labels, Patient: g.patient(it)}
	if !g.sound(&rec, v, m) {
		return nil
	}
	if rec.Hash, err = fingerprint(ctx, v); err != nil {
		return err
	}
	rec.Look = look(v)
	if m != nil {
		for label, n := range m.Counts() {
			if n > 0 {
				rec.Present = append(rec.Present, label)
			}
		}
	}
	if err := g.writer.add(ctx, &rec, v, m); err != nil {
		return err
	}
	g.collection.Records = append(g.collection.Records, rec)
	return nil
}

// maxFindings is when reading stops: nobody reads more.
const maxFindings = 1000

func (g *gathering) read(ctx context.Context, it *item) (v *volume.Volume, m *volume.LabelMap, err error) {
	if v, err = it.image(ctx); err != nil || it.mask == nil {
		return v, nil, err
	}
	if err = v.Check(it.name); err != nil {
		return nil, nil, err
	}
	m, err = it.mask(ctx)
	return v, m, err
}

func (g *gathering) patient(it *item) int {
	key := it.patient
	if key == "" {
		key = "\x00" + fmt.Sprint(g.done)
	} else {
		g.collection.Known = true
	}
	n, ok := g.patients[key]
	if !ok {
		n = len(g.patients)
		g.patients[key] = n
	}
	return n
}

// sound checks one case's voxels, geometry and mask; false where it cannot be used.
func (g *gathering) sound(rec *Record, v *volume.Volume, m *volume.LabelMap) bool {
	l := g.layout
	if err := v.Check(rec.Name); err != nil {
		l.refused(rec.Name, err)
		return false
	}
	before := len(l.findings)
	for _, f := range v.CheckFinite() {
		f.Name, f.File, f.Severity = "not-finite", rec.Name, fault.Severe
		l.findings = append(l.findings, f)
	}
	if m != nil {
		if err := volume.SameGeometry(v.Geometry, m.Geometry); err != nil {
			l.find(fault.Severe, "mask-geometry", rec.Name, shortMessage(fmt.Errorf("image %s; mask %s: %w", placed(v.Geometry), placed(m.Geometry), err)), "resample the mask onto the image, or export both anew")
		}
	} else if g.options.Masks {
		l.find(fault.Severe, "images-without-masks", rec.Name, "the case has no mask", "give its mask, or take the image out")
	}
	if len(l.findings) > before {
		return false
	}
	rec.Range = g.rangeOf(rec, v)
	return true
}

// placed is a grid in words.
func placed(g volume.Geometry) string {
	o, s := g.Affine.Origin(), g.Spacing()
	return fmt.Sprintf("%d×%d×%d voxels of %.4g×%.4g×%.4g mm at (%.4g, %.4g, %.4g) mm", g.Dims[0], g.Dims[1], g.Dims[2], s[0], s[1], s[2], o[0], o[1], o[2])
}

// rangeOf finds the range of real values, and blank images and slices on the way.
func (g *gathering) rangeOf(rec *Record, v *volume.Volume) Range {
	slope, inter := v.Scale()
	low, high := math.Inf(1), math.Inf(-1)
	plane, blank := v.Dims[0]*v.Dims[1], 0
	n := v.Data.Len()
	for from := 0; from < n; from += plane {
		lo, hi := extremes(v.Data.Cut(from, from+plane))
		if lo == hi {
			blank++
		}
		low, high = min(low, lo), max(high, hi)
	}
	if low == high {
		if g.blanks.Count++; len(g.blanks.Rows) < fault.MaxRows {
			g.blanks.Rows = append(g.blanks.Rows, len(g.collection.Records)+1)
		}
	} else if planes := n / plane; blank > 0 && planes > 1 && blank*2 > planes {
		g.layout.find(fault.Warning, "blank-slices", rec.Name, fmt.Sprintf("%d of %d slices have one value throughout", blank, planes), "")
	}
	a, b := slope*low+inter, slope*high+inter
	return Range{min(a, b), max(a, b)}
}

func extremes(d volume.Data) (low, high float64) {
	if s, ok := d.(volume.Slice[uint8]); ok {
		return float64(slices.Min(s)), float64(slices.Max(s))
	}
	low, high = d.At(0), d.At(0)
	for i := 1; i < d.Len(); i++ {
		v := d.At(i)
		low, high = min(low, v), max(high, v)
	}
	return low, high
}
