package segment

import (
	"context"
	"fmt"
	"os"
	"slices"

	"galen.dev/fault"
	"galen.dev/imaging/cases"
	"galen.dev/imaging/plan"
	"galen.dev/task"
	"galen.dev/volume"
)

// Files that preprocess leaves, beside prepared.bin and prepared.json.
const (
	planFile   = "plan.json"   // how images are prepared, and the network
	splitsFile = "splits.json" // which cases train, validate and test
	domainFile = "domain.json" // what training images are like
)

// splits say which cases are used for what, by their places in the collection.
type splits struct {
	cases.Splits
	Folds     []fold           `json:"folds"` // places of the collection; entries of the prepared file are in this order too
	Patients  map[string][]int `json:"patients"`
	Instances string           `json:"instances"`
	Seed      uint64           `json:"seed"`
}

// preprocess sets test patients apart, plans from the training cases, and prepares all that training reads.
func preprocess(ctx context.Context, r *task.Run) error {
	c, err := openCases(r)
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := setApart(c.Collection, r)
	if err != nil {
		return err
	}
	classes, err := chooseClasses(c.Collection, s, r)
	if err != nil {
		return err
	}
	p, d, err := makePlan(ctx, c, s, classes, r)
	if err != nil {
		return err
	}
	conf := p.Chosen()
	r.Note("%s: patches of %v voxels at %s, %d in a batch, %d stages; training takes about %.2f GiB", conf.Name, conf.Patch, millimetres(conf.SpacingMM), conf.Batch, len(conf.Features), float64(p.Memory.TrainingBytes)/(1<<30))
	if err := prepareAll(ctx, c, s, p, r); err != nil {
		return err
	}
	if err := r.WriteJSON(splitsFile, s); err != nil {
		return err
	}
	if err := r.WriteJSON(domainFile, d); err != nil {
		return err
	}
	return r.WriteJSON(planFile, p)
}

func millimetres(v []float64) string {
	text := ""
	for i, x := range v {
		if i > 0 {
			text += " × "
		}
		text += fmt.Sprintf("%.3g", x)
	}
	return text + " mm"
}

// setApart splits by patient.
func setApart(c *cases.Collection, r *task.Run) (*splits, error) {
	seed := r.Seed("split")
	k := r.Int("folds")
	given, err := cases.Split(c, nil, cases.SplitOptions{Test: r.Float("test"), Validation: r.Float("validation"), Seed: seed})
	if err != nil {
		return nil, err
	}
	s := &splits{Splits: *given, Seed: seed, Instances: r.String("instances"), Patients: map[string][]int{}}
	learning := slices.Concat(s.Train, s.Val)
	slices.Sort(learning)
	if k == 1 {
		s.Folds = []fold{{Train: s.Train, Val: s.Val}}
	} else {
		parts := cases.Folds(c, learning, k, seed)
		for i, part := range parts {
			if len(part) == 0 {
				return nil, fault.WithHint(fault.Errorf(fault.Data, "%d folds of %s that do not test: fold %d is empty", k, fault.Count(len(learning), "image"), i+1), "take fewer folds")
			}
			f := fold{Val: part}
			for _, j := range learning {
				if !slices.Contains(part, j) {
					f.Train = append(f.Train, j)
				}
			}
			s.Folds = append(s.Folds, f)
		}
	}
	for _, i := range learning {
		s.Patients["train"] = append(s.Patients["train"], c.Records[i].Patient)
	}
	for _, i := range s.Test {
		s.Patients["test"] = append(s.Patients["test"], c.Records[i].Patient)
	}
	for _, list := range s.Patients {
		slices.Sort(list)
	}
	s.Patients["train"], s.Patients["test"] = slices.Compact(s.Patients["train"]), slices.Compact(s.Patients["test"])
	return s, nil
}

// planning are the cases that the plan may know of: with one validation split those that train.
func (s *splits) planning() []int {
	if len(s.Folds) == 1 {
		return s.Folds[0].Train
	}
	return s.learning()
}

// learning are all cases that do not test, ascending: the order of the prepared file.
func (s *splits) learning() []int {
	out := slices.Concat(s.Train, s.Val)
	slices.Sort(out)
	return out
}

// entries turns places of the collection into entries of the prepared file.
func (s *splits) entries(list []int) []int {
	learning := s.learning()
	out := make([]int, len(list))
	for i, k := range list {
		out[i], _ = slices.BinarySearch(learning, k)
	}
	return out
}

// fewLabels is how many labels may be classes without anybody naming them.
const fewLabels = 16

// chooseClasses names what is learned, and refuses masks with other labels.
func chooseClasses(c *cases.Collection, s *splits, r *task.Run) ([]plan.Class, error) {
	var out []plan.Class
	given := r.Map("classes")
	if s.Instances == "border" {
		out = []plan.Class{{Value: 1, Name: "instance"}}
		for name := range given { // of one
			out[0].Name = name
		}
		if len(given) > 1 {
			return nil, fault.WithHint(fault.Errorf(fault.Usage, "instances: border learns one class, and classes names %d", len(given)), "name one class, or take instances: components")
		}
		return out, foregroundIn(c, s)
	}
	for name, v := range given {
		if v != float64(uint16(v)) {
			return nil, fault.Errorf(fault.Usage, "the parameter classes: %g is no label; labels are whole numbers", v)
		}
		out = append(out, plan.Class{Value: uint16(v), Name: name})
	}
	if len(given) == 0 {
		for _, l := range c.Regions {
			out = append(out, plan.Class{Value: l.Value, Name: l.Name})
		}
	}
	if len(out) == 0 {
		seen := map[int]bool{}
		for _, i := range s.learning() {
			for _, v := range c.Records[i].Present {
				if v > 0 && !seen[v] {
					seen[v] = true
					out = append(out, plan.Class{Value: uint16(v), Name: fmt.Sprintf("label %d", v)})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b plan.Class) int { return int(a.Value) - int(b.Value) })
	for i := range out {
		if i > 0 && out[i].Value == out[i-1].Value {
			return nil, fault.Errorf(fault.Usage, "the parameter classes names the label %d twice", out[i].Value)
		}
	}
	if err := foregroundIn(c, s); err != nil {
		return nil, err
	}
	if len(given) == 0 && len(c.Regions) == 0 && len(out) > fewLabels {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "the masks have %d labels without names: they seem to number instances", len(out)), "say instances: border where labels number instances, or name the labels under classes")
	}
	if len(out) > 250 {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "the masks have %d labels: at most 250 classes can be learned", len(out)), "where labels number instances, say instances: border")
	}
	return out, unknownLabels(c, out)
}

// foregroundIn refuses a training set without anything to learn.
func foregroundIn(c *cases.Collection, s *splits) error {
	for _, f := range s.Folds {
		found := false
		for _, i := range f.Train {
			found = found || slices.ContainsFunc(c.Records[i].Present, func(v int) bool { return v > 0 })
		}
		if !found {
			return fault.WithHint(fault.Errorf(fault.Data, "no training mask has any foreground: there is nothing to learn"), "check that masks hold labels above 0")
		}
	}
	return nil
}

// unknownLabels lists every case whose mask has labels that no class names.
func unknownLabels(c *cases.Collection, classes []plan.Class) error {
	var findings []fault.Finding
	for i := range c.Records {
		rec := &c.Records[i]
		var unknown []int
		for _, v := range rec.Present {
			if v > 0 && !slices.ContainsFunc(classes, func(k plan.Class) bool { return int(k.Value) == v }) {
				unknown = append(unknown, v)
			}
		}
		if len(unknown) > 0 {
			findings = append(findings, fault.Finding{
				Name: "unknown-label", Severity: fault.Severe, File: rec.Name, Message: fmt.Sprintf("the mask has labels that no class names: %s", someOf(unknown)),
				Hint: "name them under classes; where labels number instances, say instances: border",
			})
		}
	}
	return fault.Refuse("reading masks", findings)
}

func someOf(v []int) string {
	const most = 8
	if len(v) <= most {
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("%v and %d more", v[:most], len(v)-most)
}

// channelNames are those of the study, of the source, or of the modality.
func channelNames(c *cases.Collection, r *task.Run, first *cases.Record) ([]string, error) {
	n := max(first.Image.Channels, 1)
	names := r.Strings("channels")
	if len(names) == 0 {
		names = c.Channels
	}
	if len(names) == 0 {
		for k := range n {
			switch {
			case n == 1 && first.Image.Modality == "CT":
				names = append(names, "CT")
			case n == 1:
				names = append(names, "image")
			default:
				names = append(names, fmt.Sprintf("channel %d", k+1))
			}
		}
	}
	if len(names) != n {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "%s are named, and the images have %d", fault.Count(len(names), "channel"), n), "name as many under channels as the images have")
	}
	var findings []fault.Finding
	for i := range c.Records {
		if got := max(c.Records[i].Image.Channels, 1); got != n {
			findings = append(findings, fault.Finding{Name: "channels", Severity: fault.Severe, File: c.Records[i].Name, Message: fmt.Sprintf("%s, and the first image has %d", fault.Count(got, "channel"), n)})
		}
		if c.Records[i].Image.Times > 1 {
			findings = append(findings, fault.Finding{Name: "times", Severity: fault.Severe, File: c.Records[i].Name, Message: "several points of time: give each as an image of its own"})
		}
	}
	return names, fault.Refuse("reading images", findings)
}

// makePlan looks at the training cases one by one and applies the rules, or reads the plan that the study names.
func makePlan(ctx context.Context, c *cases.Container, s *splits, classes []plan.Class, r *task.Run) (*plan.Plan, *domain, error) {
	list := s.planning()
	names, err := channelNames(c.Collection, r, &c.Records[list[0]])
	if err != nil {
		return nil, nil, err
	}
	col, d := plan.NewCollector(names, len(list), r.Seed("fingerprint")), new(domain)
	for n, i := range list {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		x, err := c.Case(ctx, i)
		if err != nil {
			return nil, nil, err
		}
		if err := addToPrint(col, x); err != nil {
			return nil, nil, fmt.Errorf("looking at %q: %w", x.Name, err)
		}
		d.add(featuresOf(x.Image, names))
		r.Progress("planning", int64(n+1), int64(len(list)))
	}
	o := plan.Options{
		Use: r.String("configuration"), Base: r.Int("width"), Limit: int64(r.Float("memory") * (1 << 30)),
		MaxPlane: 256, MaxSolid: 80, MaxBatch: 8, TargetGB: max(8, r.Float("memory")),
	}
	if o.Use == "auto" {
		o.Use = ""
	}
	if v := r.Int("patch"); v > 0 {
		o.MaxPlane, o.MaxSolid = v, v
	}
	if v := r.Int("batch"); v > 0 {
		o.MaxBatch = v
	}
	file := r.String("plan")
	if file == "" {
		p, err := plan.Make(col.Fingerprint(), classes, o)
		return p, d, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("reading plan: %w", err)
	}
	p, err := plan.Read(data, file)
	if err != nil {
		return nil, nil, err
	}
	if !slices.Equal(p.Classes, classes) || len(p.Channels) != len(names) {
		return nil, nil, fault.WithHint(fault.Errorf(fault.Data, "plan %q is for other classes or channels than the data have", file), "start from the plan.json of a run on these data")
	}
	p.Memory.LimitBytes = o.Limit
	if p.Memory.TrainingBytes > o.Limit {
		return nil, nil, fault.WithHint(fault.Errorf(fault.Usage, "plan %q: training would take %.2f GiB, and the parameter memory allows %.2f", file, float64(p.Memory.TrainingBytes)/(1<<30), r.Float("memory")), "make patch, batch or features smaller, or allow more memory")
	}
	return p, d, nil
}

// flatSpacing stands for the depth of images that have none, so that their rows and columns are the fine axes.
const flatSpacing = 999

// addToPrint gives a case to the fingerprint: cropped to what is not zero, axes slowest first.
func addToPrint(col *plan.Collector, x *cases.Case) error {
	box, ok := x.Image.Bounds()
	if !ok {
		box = volume.Box{To: x.Image.Dims}
	}
	v, m := x.Image, x.Mask
	if box.To != v.Dims || box.From != [3]int{} {
		v, m = v.Cut(box, 0), m.Cut(box)
	}
	spacing, d, b := v.Spacing(), x.Image.Dims, v.Dims
	if d[2] == 1 {
		spacing[2] = flatSpacing
	}
	values := make([][]float32, v.NumChannels())
	for k := range values {
		values[k] = v.Float32(nil, k, 0)
	}
	in := make([]bool, v.Voxels())
	for i := range in {
		in[i] = m.Get(i) > 0
	}
	col.Add([3]float64{spacing[2], spacing[1], spacing[0]}, [3]int{d[2], d[1], d[0]}, [3]int{b[2], b[1], b[0]}, values, in)
	return nil
}

// prepareAll writes every case that does not test as the network sees it.
func prepareAll(ctx context.Context, c *cases.Container, s *splits, p *plan.Plan, r *task.Run) error {
	out, err := r.Create(preparedFile)
	if err != nil {
		return err
	}
	list := s.learning()
	w := newPreparedWriter(out, len(p.Channels), len(list), len(p.Classes), r.Seed("places"))
	for n, i := range list {
		x, err := c.Case(ctx, i)
		if err == nil {
			var made *plan.Prepared
			if made, err = prepareCase(ctx, p, x, s.Instances == "border"); err == nil {
				err = w.add(i, made, classesOf(p, made.Labels, made.Dims, s.Instances == "border"))
			}
			if err != nil {
				err = fmt.Errorf("preparing %q: %w", x.Name, err)
			}
		}
		if err != nil {
			out.Close()
			return err
		}
		r.Progress("preparing", int64(n+1), int64(len(list)))
	}
	index, err := w.finish()
	if e := out.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return r.WriteJSON(indexFile, index)
}

func prepareCase(ctx context.Context, p *plan.Plan, x *cases.Case, numbered bool) (*plan.Prepared, error) {
	return p.Prepare(ctx, x.Image, x.Mask, numbered)
}
