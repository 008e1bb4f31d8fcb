package classify

import (
	"bufio"
	"context"
	bits "encoding/binary"
	"fmt"
	"math"
	"os"
	"strings"

	"galen.dev/fault"
	"galen.dev/imaging/cases"
	"galen.dev/task"
)

// Files that preprocess leaves.
const (
	inputsFile = "inputs.bin" // the images as the network takes them, float32 little endian, one after the other
	cohortFile = "cohort.json"
	planFile   = "plan.json"
)

// cohort is who is in the study, in the order of inputs.bin.
type cohort struct {
	Labels  labelling    `json:"labels"`
	Case    []int        `json:"case"`    // place of each in the container, from 0
	Patient []int        `json:"patient"` // numbered in order of appearance
	Y       []int        `json:"y"`       // class, 0 where there are findings
	Marks   [][]int8     `json:"marks,omitempty"`
	Splits  cases.Splits `json:"splits"`   // places in this list
	Left    int          `json:"left_out"` // images without a label
	Stats   [][]float64  `json:"stats"`    // of each image's real values: see describe
}

func opener(r *task.Run) func(name string) (*os.File, error) {
	return func(name string) (*os.File, error) { return r.Open(task.Collect, name) }
}

// preprocess sets test patients apart, fixes the plan from training images and applies it to all of them.
func preprocess(ctx context.Context, r *task.Run) error {
	c, err := openCases(r)
	if err != nil {
		return err
	}
	defer c.Close()
	h, err := newCohort(r, c)
	if err != nil {
		return err
	}
	var train []int
	for _, i := range h.Splits.Train {
		train = append(train, h.Case[i])
	}
	total := int64(len(train) + len(h.Case))
	p, err := fitPlan(ctx, c, train, planOptions{
		Channels: r.String("channels"), Fit: r.String("fit"), Intensity: r.String("intensity"), Size: r.Int("size"), Slices: r.Int("slices"), Seed: r.Seed("plan"),
	}, func(done int) { r.Progress("preparing", int64(done), total) })
	if err != nil {
		return err
	}
	if err := h.write(ctx, r, c, p, func(done int) { r.Progress("preparing", int64(len(train)+done), total) }); err != nil {
		return err
	}
	if err := r.WriteJSON(cohortFile, h); err != nil {
		return err
	}
	r.Note("%s: %d images train, %d validate, %d test; the network's input is %v", h.Labels.Kind, len(h.Splits.Train), len(h.Splits.Val), len(h.Splits.Test), p.shape())
	return r.WriteJSON(planFile, p)
}

// newCohort takes the labelled images and splits them.
func newCohort(r *task.Run, c *cases.Container) (*cohort, error) {
	l, y, marks, err := readLabelling(c.Collection, r.String("labels"), r.Strings("positive"))
	if err != nil {
		return nil, err
	}
	usable := make([]bool, len(y))
	h := &cohort{Labels: *l}
	place := make([]int, len(y))
	for i, class := range y {
		if usable[i] = class >= 0; !usable[i] {
			h.Left++
			continue
		}
		place[i] = len(h.Case)
		h.Case, h.Patient, h.Y = append(h.Case, i), append(h.Patient, c.Records[i].Patient), append(h.Y, class)
		if marks != nil {
			h.Marks = append(h.Marks, marks[i])
		}
	}
	s, err := cases.Split(c.Collection, usable, cases.SplitOptions{
		Ignore: r.String("split") == "random", Test: r.Float("test"), Validation: r.Float("validation"), Seed: r.Seed("split"),
	})
	if err != nil {
		return nil, err
	}
	h.Splits.Given = s.Given
	for _, part := range []struct{ from, to *[]int }{{&s.Train, &h.Splits.Train}, {&s.Val, &h.Splits.Val}, {&s.Test, &h.Splits.Test}} {
		for _, i := range *part.from {
			*part.to = append(*part.to, place[i])
		}
	}
	var missing []string
	for _, part := range []struct {
		name string
		list []int
	}{{"training", h.Splits.Train}, {"validation", h.Splits.Val}, {"test", h.Splits.Test}} {
		missing = append(missing, l.checkCounts(part.name, part.list, h.Y, h.Marks)...)
	}
	if len(missing) > 0 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "a part of the split cannot be judged: %s", strings.Join(missing, "; ")), "give more images, leave the class out, or draw the split (split: random)")
	}
	return h, nil
}

// write transforms every image of the cohort, one in memory at a time.
func (h *cohort) write(ctx context.Context, r *task.Run, c *cases.Container, p *plan, progress func(done int)) error {
	out, err := r.Create(inputsFile)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 1<<16)
	for done, i := range h.Case {
		if err = ctx.Err(); err != nil {
			break
		}
		v, e := c.Image(ctx, i)
		if err = e; err != nil {
			break
		}
		h.Stats = append(h.Stats, describe(v))
		x, e := p.input(v)
		if e != nil {
			err = fmt.Errorf("%s: %w", c.Records[i].Name, e)
			break
		}
		if err = writeFloats(w, x); err != nil {
			break
		}
		progress(done + 1)
	}
	if err == nil {
		err = w.Flush()
	}
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}

func writeFloats(w *bufio.Writer, x []float32) error {
	var b [4]byte
	for _, v := range x {
		bits.LittleEndian.PutUint32(b[:], math.Float32bits(v))
		if _, err := w.Write(b[:]); err != nil {
			return err
		}
	}
	return nil
}

// inputs reads inputs.bin by place, from several goroutines.
type inputs struct {
	file *os.File
	n    int // values of one
}

func openInputs(r *task.Run, p *plan, count int) (*inputs, error) {
	f, err := r.Open(task.Preprocess, inputsFile)
	if err != nil {
		return nil, err
	}
	in := &inputs{f, p.values()}
	info, err := f.Stat()
	if err == nil && info.Size() != 4*int64(in.n)*int64(count) {
		err = fault.Errorf(fault.Corrupt, "run %s: %s is of another size", r.ID, inputsFile)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return in, nil
}

func (in *inputs) close() error { return in.file.Close() }

// read reads input i into dst.
func (in *inputs) read(i int, dst []float32) error {
	b := make([]byte, 4*in.n)
	if _, err := in.file.ReadAt(b, int64(i)*int64(len(b))); err != nil {
		return fault.Disk("reading images", err)
	}
	for k := range dst[:in.n] {
		dst[k] = math.Float32frombits(bits.LittleEndian.Uint32(b[4*k:]))
	}
	return nil
}
