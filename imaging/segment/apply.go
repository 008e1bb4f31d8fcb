package segment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"galen.dev/dicom"
	"galen.dev/fault"
	"galen.dev/imaging/cases"
	"galen.dev/task"
	"galen.dev/volume"
)

// Prediction is what the model says of one image.
type Prediction struct {
	Case  int    `json:"case"`  // 1-based place in the input
	Image string `json:"image"` // its name in the input

	Findings []Finding `json:"findings"` // one for each class; null where the model abstains

	Abstained  bool     `json:"abstained"`
	Reasons    []string `json:"reasons,omitempty"`      // why the model abstains, or what to be careful about
	Agreement  *float64 `json:"agreement"`              // Dice of mirrored predictions with their average; null without mirroring
	OutOfRange []string `json:"out_of_range,omitempty"` // what of the image is unlike the training images
	// Percentile is the share of validation images whose mirrored predictions agreed less; null without mirroring.
	Percentile *float64 `json:"agreement_percentile"`

	Files map[string]string `json:"files,omitempty"` // what was written, by kind

	Model string `json:"model"` // run and version of its model
	Note  string `json:"note"`
}

// Finding is one class in an image.
type Finding struct {
	Class      string   `json:"class"`
	Label      uint16   `json:"label"` // in the mask; in masks that number instances, of no meaning
	Voxels     int      `json:"voxels"`
	VolumeML   float64  `json:"volume_ml"`
	Confidence *float64 `json:"confidence"` // mean probability of its voxels; null where it has none
	Instances  *int     `json:"instances,omitempty"`
}

// CSV gives one row; findings are joined.
func (p *Prediction) CSV() (header, cells []string) {
	header = []string{"case", "image", "volumes_ml", "instances", "abstained", "reasons", "agreement", "out_of_range", "files", "model"}
	var volumes, counts, files []string
	for _, f := range p.Findings {
		volumes = append(volumes, fmt.Sprintf("%s %s", f.Class, strconv.FormatFloat(f.VolumeML, 'g', 8, 64)))
		if f.Instances != nil {
			counts = append(counts, fmt.Sprintf("%s %d", f.Class, *f.Instances))
		}
	}
	for _, kind := range writable {
		if f := p.Files[kind]; f != "" {
			files = append(files, f)
		}
	}
	agreement := ""
	if p.Agreement != nil {
		agreement = strconv.FormatFloat(*p.Agreement, 'g', 6, 64)
	}
	return header, []string{
		strconv.Itoa(p.Case), p.Image, strings.Join(volumes, "; "), strings.Join(counts, "; "), strconv.FormatBool(p.Abstained),
		strings.Join(p.Reasons, "; "), agreement, strings.Join(p.OutOfRange, "; "), strings.Join(files, "; "), p.Model,
	}
}

// applier segments images one by one.
type applier struct {
	run     *task.Run
	model   *model
	writer  *writer
	abstain float64
	n, read int
	unread  []error
	reading time.Time // when the reading of the next image began
}

// apply segments every image of the input.
func apply(ctx context.Context, r *task.Run) error {
	w, err := begin(r)
	if err != nil {
		return err
	}
	defer w.close()
	a := &applier{run: r, abstain: r.Float("abstain"), writer: &writer{folder: r.Study.Resolve(r.String("output")), kinds: r.Strings("write"), version: r.Version, seed: r.Study.Seed, model: r.Model}}
	if a.model, err = w.load(); err != nil {
		return err
	}
	defer a.model.close()
	in, err := r.Input.Read()
	if err != nil {
		return err
	}
	defer in.Close()
	assume := r.Bool("assume-geometry")
	use := func(path string) error {
		a.reading = time.Now()
		stacks, skipped, err := dicomStacks(ctx, path)
		if err != nil {
			return err
		}
		if len(stacks) > 0 {
			if len(skipped) > 0 {
				r.Note("beside the DICOM series, %s passed over: %s; pictures and volumes of other formats want a folder of their own", fault.Count(len(skipped), "file"), strings.Join(skipped[:min(len(skipped), 5)], ", "))
			}
			return a.series(ctx, stacks)
		}
		return cases.Images(ctx, path, cases.Options{AssumeGeometry: assume}, func(rec *cases.Record, v *volume.Volume, err error) error {
			return a.take(ctx, rec.Name, rec.Hash, v, nil, err)
		})
	}
	if err = cases.Spool(ctx, in, r.Input.Path, use); err != nil {
		return err
	}
	if a.read == 0 {
		if err := errors.Join(a.unread...); err != nil {
			return err
		}
		return fault.Errorf(fault.Data, "the input holds no image")
	}
	return nil
}

// dicomStacks are the volumes of the DICOM series at a path, with the files that they came from; none where there is
// no series of slices; and the names of files that are no DICOM. Pictures without a place in the patient are read by
// package cases.
func dicomStacks(ctx context.Context, path string) (stacks []*dicom.Stack, skipped []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fault.Disk("reading the input", err)
	}
	if !info.IsDir() {
		ok, err := mayBeDICOM(path)
		if !ok || err != nil {
			return nil, nil, err
		}
	}
	c, err := dicom.Scan(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	var severe []fault.Finding
	for _, f := range c.Findings {
		switch {
		case f.Severity == fault.Severe:
			severe = append(severe, f)
		case f.Name == "skipped":
			_, inside, packed := strings.Cut(f.File, "!") // within an archive
			if !packed {
				inside = f.File
			}
			skipped = append(skipped, filepath.Base(inside))
		}
	}
	var out []*dicom.Stack
	for _, s := range c.Series {
		if !slices.ContainsFunc(s.Files, func(f *dicom.File) bool {
			placed := f.Find(dicom.ImagePositionPatient) != nil || f.Find(dicom.SharedFunctionalGroups) != nil
			return placed && f.Find(dicom.SegmentSequence) == nil && (f.Find(dicom.PixelData) != nil || f.Find(dicom.FloatPixelData) != nil)
		}) {
			continue
		}
		stacks, err := s.Stacks()
		if err != nil {
			return nil, nil, err
		}
		out = append(out, stacks...)
	}
	if len(out) > 0 {
		if err := fault.Refuse("reading DICOM files", severe); err != nil {
			return nil, nil, err
		}
	}
	return out, skipped, nil
}

// mayBeDICOM looks at a file's beginning: DICOM itself, or an archive that may hold some.
func mayBeDICOM(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, fault.Disk("reading the input", err)
	}
	defer f.Close()
	head := make([]byte, 132)
	n, _ := f.ReadAt(head, 0) // fewer bytes are no error here
	if n < 4 {
		return false, nil // an empty file is refused by whoever reads it
	}
	return string(head[:4]) == "PK\x03\x04" || dicom.Is(head[:n]), nil
}

func (a *applier) series(ctx context.Context, stacks []*dicom.Stack) error {
	for _, k := range stacks {
		v, err := k.Volume(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		name := k.Slices[0].File.Name
		if filepath.IsAbs(name) { // the input itself, which lies in a folder of the moment
			name = filepath.Base(name)
		}
		if n := len(k.Slices); n > 1 {
			name = fmt.Sprintf("%s and %d more", name, n-1)
		}
		if err := a.take(ctx, name, k.Series.UID+k.Label, v, k, err); err != nil {
			return err
		}
	}
	return nil
}

// take segments an image, writes what is wanted and hands the prediction out. One that cannot be read becomes an
// abstention with its reason.
func (a *applier) take(ctx context.Context, name, key string, v *volume.Volume, stack *dicom.Stack, err error) error {
	reading := time.Since(a.reading)
	a.n++
	p := &Prediction{Case: a.n, Image: name, Model: a.run.Model, Note: researchNote}
	if err == nil {
		err = checkImage(name, v, a.model.plan)
	}
	var res *result
	if err == nil {
		res, err = a.model.segment(ctx, v, false)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		a.unread = append(a.unread, fmt.Errorf("%s: %w", name, err))
		p.Abstained = true
		text, _, _ := strings.Cut(err.Error(), "\n")
		p.Reasons = []string{"the image cannot be used: " + text}
		for _, f := range fault.FindingsOf(err) {
			p.Reasons = append(p.Reasons, f.String())
		}
		a.reading = time.Now()
		return a.run.Emit(p)
	}
	a.read++
	a.judge(p, v, res)
	start := time.Now()
	if !p.Abstained {
		p.Findings = a.findings(res, v)
		if p.Files, err = a.writer.write(ctx, key, v, stack, a.model, res, p); err != nil {
			return err
		}
		if len(p.Files) == 0 && len(a.writer.kinds) > 0 {
			a.run.Note("image %d: nothing is written: %s refer to a DICOM series, and this is none", a.n, strings.Join(a.writer.kinds, " and "))
		}
	}
	a.tell(a.n, reading, res, time.Since(start))
	a.reading = time.Now()
	return a.run.Emit(p)
}

// judge decides whether the model abstains.
func (a *applier) judge(p *Prediction, v *volume.Volume, res *result) {
	names := make([]string, len(a.model.plan.Channels))
	for k, c := range a.model.plan.Channels {
		names[k] = c.Name
	}
	far := false
	p.OutOfRange, far = a.model.choice.Domain.compare(featuresOf(v, names))
	if len(p.OutOfRange) > 0 {
		p.Reasons = append(p.Reasons, "unlike the training images: "+strings.Join(p.OutOfRange, ", "))
	}
	if far && a.abstain > 0 {
		p.Abstained = true
		p.Reasons = append(p.Reasons, "the image is far from all training images")
	}
	if blank(v) && a.abstain > 0 {
		p.Abstained = true
		p.Reasons = append(p.Reasons, "the image is blank: it has one value throughout")
	}
	if !a.model.choice.Mirror {
		return
	}
	p.Agreement = &res.agreement
	list := a.model.choice.Agreement
	at, _ := slices.BinarySearchFunc(list, res.agreement, func(x, y float64) int { return cmp.Compare(x, y) })
	share := float64(at) / float64(len(list))
	p.Percentile = &share
	if res.agreement < a.abstain {
		p.Abstained = true
		p.Reasons = append(p.Reasons, fmt.Sprintf("mirrored predictions agree by a Dice of %.2f only", res.agreement))
	}
}

func (a *applier) findings(res *result, v *volume.Volume) []Finding {
	var out []Finding
	for k, c := range a.model.plan.Classes {
		f := Finding{Class: c.Name, Label: c.Value, Voxels: res.voxels[k], VolumeML: float64(res.voxels[k]) * v.VoxelML()}
		if q := res.confidence[k]; !math.IsNaN(q) {
			f.Confidence = &q
		}
		if a.model.choice.Instances != "none" {
			f.Instances = &res.count[k]
		}
		out = append(out, f)
	}
	return out
}

// tell says where the time went.
func (a *applier) tell(n int, reading time.Duration, res *result, writing time.Duration) {
	total := reading + res.time.Prepare + res.time.Model + res.time.Tiles + res.time.Restore + res.tidyTime + writing
	var parts []string
	for _, s := range []struct {
		name string
		took time.Duration
	}{{"reading", reading}, {"preparing", res.time.Prepare}, {"network", res.time.Model}, {"joining patches", res.time.Tiles}, {"resampling back", res.time.Restore}, {"tidying", res.tidyTime}, {"writing", writing}} {
		parts = append(parts, fmt.Sprintf("%s %.2f s (%.0f %%)", s.name, s.took.Seconds(), 100*s.took.Seconds()/total.Seconds()))
	}
	text := fmt.Sprintf("image %d: %.2f s: %s", n, total.Seconds(), strings.Join(parts, ", "))
	if peak := peakMemory(); peak > 0 {
		text += fmt.Sprintf("; peak memory %.2f GiB", float64(peak)/(1<<30))
	}
	a.run.Note("%s", text)
}
