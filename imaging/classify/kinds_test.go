package classify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"galen.dev/fault"
	"galen.dev/imaging/classify"
	"galen.dev/nifti"
	"galen.dev/store"
	"galen.dev/task"
	"galen.dev/volume"
	"galen.dev/volume/npy"
)

// bed runs studies in a store of its own.
type bed struct {
	t      *testing.T
	runner *task.Runner
	folder string
	mu     sync.Mutex
	notes  []string
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{t: t, folder: t.TempDir()}
	s, err := store.Open(t.Context(), filepath.Join(b.folder, "runs"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b.runner = &task.Runner{Tasks: []*task.Task{classify.Task}, Store: s, Version: "test", Monitor: func(e task.Event) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if e.Kind == task.Note {
			b.notes = append(b.notes, e.Text)
		}
	}}
	return b
}

func study(data string, params map[string]any) *task.Study {
	s := &task.Study{Name: "study", Task: classify.Task.Name, Data: data, Seed: 1, Params: map[string]any{}}
	for k, v := range quick {
		s.Params[k] = v
	}
	for k, v := range params {
		s.Params[k] = v
	}
	return s
}

func (b *bed) run(data string, params map[string]any) *task.Result {
	b.t.Helper()
	res, err := b.runner.Run(b.t.Context(), study(data, params), task.Evaluate)
	if err != nil {
		b.t.Fatal(err)
	}
	return res
}

func (b *bed) apply(run, path string, params map[string]any) ([]classify.Prediction, error) {
	b.t.Helper()
	var out bytes.Buffer
	if _, err := b.runner.Apply(b.t.Context(), run, task.Input{Path: path}, params, &out, task.JSON); err != nil {
		return nil, err
	}
	var got []classify.Prediction
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		b.t.Fatal(err)
	}
	return got, nil
}

// writeNPZ writes arrays of images with labels: n images in each of three parts, made by draw.
func writeNPZ(t *testing.T, n int, shape []int, columns int, draw func(rng *rand.Rand, image []uint8, labels []uint8)) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(9, 9))
	size := 1
	for _, d := range shape {
		size *= d
	}
	arrays := map[string]*npy.Array{}
	for _, part := range []string{"train", "val", "test"} {
		images, labels := make(volume.Slice[uint8], n*size), make(volume.Slice[uint8], n*columns)
		for i := range n {
			draw(rng, images[i*size:(i+1)*size], labels[i*columns:(i+1)*columns])
		}
		arrays[part+"_images"] = &npy.Array{Shape: append([]int{n}, shape...), Data: images}
		arrays[part+"_labels"] = &npy.Array{Shape: []int{n, columns}, Data: labels}
	}
	path := filepath.Join(t.TempDir(), "set.npz")
	writeArchive(t, path, arrays)
	return path
}

// Every network learns pictures, and those that differ for volumes learn volumes.
func TestNetworks(t *testing.T) {
	flat := writeNPZ(t, 96, []int{side, side}, 1, func(rng *rand.Rand, image, labels []uint8) {
		labels[0] = uint8(rng.IntN(2))
		copy(image, picture(rng, side, int(labels[0])))
	})
	const deep = 8
	solid := writeNPZ(t, 64, []int{deep, deep, deep}, 1, func(rng *rand.Rand, image, labels []uint8) {
		labels[0] = uint8(rng.IntN(2))
		for i := range image {
			image[i] = uint8(rng.IntN(80))
			if (i/(deep*deep) < deep/2) == (labels[0] == 1) {
				image[i] += 100
			}
		}
	})
	for _, c := range []struct {
		model, data string
		params      map[string]any
	}{
		{"resnet18", flat, map[string]any{"width": 4, "epochs": 6, "tta": "both", "flips": "all", "augment": "light"}},
		{"resnet34", solid, map[string]any{"width": 2, "epochs": 6}},
		{"resnet18", solid, map[string]any{"width": 4, "epochs": 5, "flips": "horizontal", "augment": "strong"}},
		{"basic-rnn", flat, map[string]any{"width": 32, "epochs": 40}},
		{"basic-rnn", solid, map[string]any{"width": 16, "epochs": 10}},
		{"cnn-rnn", flat, map[string]any{"width": 16, "epochs": 12}},
		{"cnn-rnn", solid, map[string]any{"width": 16, "epochs": 12}},
		{"basic-cnn", solid, map[string]any{"epochs": 8}},
	} {
		t.Run(c.model+"/"+map[bool]string{true: "pictures", false: "volumes"}[c.data == flat], func(t *testing.T) {
			params := map[string]any{"model": c.model}
			for k, v := range c.params {
				params[k] = v
			}
			flips := params["flips"]
			if flips == "all" || flips == "horizontal" { // a flip would exchange left and right, or up and down
				params["flips"] = "none"
			}
			if res := newBed(t).run(c.data, params); res.Metrics["auc"] < .9 {
				t.Errorf("AUC %.3f", res.Metrics["auc"])
			}
		})
	}
}

// Classes, grades and several findings are told apart, with mixed images, folds and classes that weigh alike.
func TestLabelKinds(t *testing.T) {
	// Three levels of brightness.
	grades := writeNPZ(t, 90, []int{side, side, 3}, 1, func(rng *rand.Rand, image, labels []uint8) {
		labels[0] = uint8(rng.IntN(3))
		for i := range image {
			image[i] = uint8(20 + 70*int(labels[0]) + rng.IntN(60))
		}
	})
	classes := newBed(t).run(grades, map[string]any{"class-weight": "balanced", "mixup": .2, "smoothing": .05})
	if classes.Metrics["auc"] < .95 || classes.Metrics["acc"] < .85 {
		t.Errorf("classes: %v", classes.Metrics)
	}
	ordered := newBed(t).run(grades, map[string]any{"labels": "ordinal", "folds": 2, "epochs": 12, "class-weight": "balanced"})
	if ordered.Metrics["quadratic-kappa"] < .8 || ordered.Metrics["auc"] < .9 {
		t.Errorf("grades: %v", ordered.Metrics)
	}
	event := newBed(t).run(grades, map[string]any{"positive": []string{"1", "2"}})
	if event.Metrics["auc"] < .95 {
		t.Errorf("event: %v", event.Metrics)
	}

	// Findings: a bright left half, and a bright lower half.
	findings := writeNPZ(t, 120, []int{side, side}, 2, func(rng *rand.Rand, image, labels []uint8) {
		labels[0], labels[1] = uint8(rng.IntN(2)), uint8(rng.IntN(2))
		for i := range image {
			image[i] = uint8(20 + rng.IntN(60))
			if i%side < side/2 {
				image[i] += 70 * labels[0]
			}
			if i/side >= side/2 {
				image[i] += 70 * labels[1]
			}
		}
	})
	b := newBed(t)
	several := b.run(findings, map[string]any{"members": 2, "class-weight": "balanced"})
	if several.Metrics["auc"] < .95 || several.Metrics["acc"] < .85 {
		t.Errorf("findings: %v", several.Metrics)
	}
	got, err := b.apply(several.Run, findings, map[string]any{"overlays": filepath.Join(b.folder, "pictures")})
	if err != nil {
		t.Fatal(err)
	}
	if p := got[0]; len(got) != 360 || len(p.Findings) != 2 && !p.Abstained || p.Risk != nil {
		t.Errorf("%d predictions, the first %+v", len(got), p)
	}
	if _, err := b.runner.Run(t.Context(), study(grades, map[string]any{"thresholds": []float64{.5}}), task.Evaluate); fault.KindOf(err) != fault.Usage {
		t.Errorf("thresholds of classes: %v", err)
	}
}

// A trained model meets images that it knows nothing of.
func TestForeignImagesAreFlagged(t *testing.T) {
	b := newBed(t)
	res := b.run(writeCases(t, t.TempDir(), 160, 1, false), map[string]any{"model": "resnet18", "width": 4})
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(3, 3))
	good := picture(rng, side, 1)
	writePNG(t, filepath.Join(dir, "1-good.png"), side, good)
	writePNG(t, filepath.Join(dir, "2-blank.png"), side, make([]uint8, side*side))
	dark := make([]uint8, len(good))
	for i, v := range good {
		dark[i] = v / 40
	}
	writePNG(t, filepath.Join(dir, "3-dark.png"), side, dark)
	wide := make(volume.Slice[uint16], len(good))
	for i, v := range good {
		wide[i] = uint16(v) * 257
	}
	a := &npy.Array{Shape: []int{side, side}, Data: wide}
	var text bytes.Buffer
	if err := a.Write(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "4-wide.npy"), text.Bytes())
	g := volume.Geometry{Dims: [3]int{8, 8, 8}, Affine: volume.Identity()}
	if err := nifti.New(volume.New(g, make([]int16, 512))).Write(t.Context(), filepath.Join(dir, "5-volume.nii")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "6-cut.png"), []byte("\x89PNG\r\n\x1a\nand no more"))
	archive := filepath.Join(b.folder, "input.zip")
	pack(t, archive, dir)
	pictures := filepath.Join(b.folder, "pictures")
	got, err := b.apply(res.Run, archive, map[string]any{"overlays": pictures, "abstain": 1.})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"", "blank", "outside", "outside", "slices", "cannot be used"}
	for i, p := range got {
		if p.Abstained != (want[i] != "") || !strings.Contains(strings.Join(p.Reasons, "; "), want[i]) || p.Abstained && p.Risk != nil {
			t.Errorf("%s: abstained %v, risk %v, reasons %q", p.Image, p.Abstained, p.Risk, p.Reasons)
		}
	}
	if len(got) != len(want) || got[0].Why == nil {
		t.Fatalf("%d predictions of %d, the first %+v", len(got), len(want), got[0])
	}
	if _, err := os.Stat(got[0].Why.Overlay); err != nil {
		t.Error(err)
	}
	if math.IsNaN(got[0].Why.BetterDeletion) {
		t.Error("the map's faithfulness is missing")
	}
	// Alone, an image that cannot be read is an error.
	if _, err := b.apply(res.Run, filepath.Join(dir, "6-cut.png"), nil); fault.KindOf(err) != fault.Data {
		t.Errorf("a cut image alone: %v", err)
	}
	if _, err := b.apply(res.Run, filepath.Join(dir, "1-good.png"), map[string]any{"abstain": .5, "explain": "none", "overlays": pictures}); err != nil {
		t.Error(err)
	}
}

// The cap on memory makes batches smaller and the updates the same in number, or the study is refused.
func TestMemoryCap(t *testing.T) {
	data := writeNPZ(t, 64, []int{32, 32}, 1, func(rng *rand.Rand, image, labels []uint8) {
		labels[0] = uint8(rng.IntN(2))
		copy(image, picture(rng, 32, int(labels[0])))
	})
	b := newBed(t)
	read := func(memory float64) (batch, added int) {
		res := b.run(data, map[string]any{"model": "resnet18", "width": 8, "batch": 64, "epochs": 1, "memory": memory})
		var history []struct {
			Batch int   `json:"batch"`
			Added int   `json:"accumulated"`
			Bytes int64 `json:"estimated_bytes"`
		}
		text, err := os.ReadFile(filepath.Join(res.Folder, "train", "history.json"))
		if err == nil {
			err = json.Unmarshal(text, &history)
		}
		if err != nil {
			t.Fatal(err)
		}
		if cap := int64(memory * (1 << 30)); memory > 0 && history[0].Bytes > cap {
			t.Errorf("%d bytes are over the cap of %d", history[0].Bytes, cap)
		}
		return history[0].Batch, history[0].Added
	}
	if batch, added := read(0); batch != 64 || added != 1 {
		t.Errorf("without a cap: %d × %d", added, batch)
	}
	if batch, added := read(.03); batch >= 64 || batch*added != 64 {
		t.Errorf("with a cap: %d × %d", added, batch)
	}
	_, err := b.runner.Run(t.Context(), study(data, map[string]any{"model": "resnet18", "width": 64, "memory": .001}), task.Evaluate)
	if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "would take") {
		t.Errorf("a cap that nothing keeps: %v", err)
	}
}

// A training that was stopped in its middle goes on from its checkpoint, to the same bytes.
func TestStoppedTrainingGoesOn(t *testing.T) {
	data := writeCases(t, t.TempDir(), 160, 1, false)
	params := map[string]any{"epochs": 20, "members": 2}
	whole := newBed(t)
	want := whole.run(data, params)
	b := newBed(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listen := b.runner.Monitor
	b.runner.Monitor = func(e task.Event) {
		if e.Step == task.Train && e.Kind == task.Progress && e.Done >= 30 {
			cancel()
		}
		listen(e)
	}
	res, err := b.runner.Run(ctx, study(data, params), task.Evaluate)
	if fault.KindOf(err) != fault.Canceled {
		t.Fatalf("stopped: %v", err)
	}
	kept, err := filepath.Glob(filepath.Join(res.Folder, ".training", "*"))
	if err != nil || len(kept) != 2 {
		t.Fatalf("checkpoints %q, %v", kept, err)
	}
	b.runner.Monitor = listen
	again := b.run(data, params)
	for _, name := range []string{"member-00.safetensors", "member-01.safetensors", "model.json"} {
		x, err := os.ReadFile(filepath.Join(want.Folder, "train", name))
		if err != nil {
			t.Fatal(err)
		}
		y, err := os.ReadFile(filepath.Join(again.Folder, "train", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(x, y) {
			t.Errorf("%s differs from that of a training that ran through", name)
		}
	}
	if _, err := os.Stat(filepath.Join(again.Folder, ".training")); err == nil {
		t.Error("checkpoints are left behind")
	}
}

// What cannot be learnt from is refused, with everything that is wrong.
func TestRefused(t *testing.T) {
	b := newBed(t)
	table := func(text string, files ...string) string {
		dir := t.TempDir()
		rng := rand.New(rand.NewPCG(1, 1))
		for k, f := range files {
			writePNG(t, filepath.Join(dir, f), side, picture(rng, side, k%2))
		}
		write(t, filepath.Join(dir, "cases.csv"), []byte(text))
		return dir
	}
	for _, c := range []struct {
		name, data string
		params     map[string]any
		kind       fault.Kind
		says       []string
	}{
		{"one class", table("path,label\na.png,x\nb.png,x\n", "a.png", "b.png"), nil, fault.Data, []string{"one class"}},
		{"no label", table("path\na.png\nb.png\n", "a.png", "b.png"), nil, fault.Data, []string{"no labels"}},
		{"absent and unreadable", table("path,label\na.png,x\nb.png,y\ncases.csv,y\n", "a.png"), nil, fault.Data, []string{"no image of a known format", "not there", "no image is of this class"}},
		{"patients on both sides", table("path,label,patient,split\na.png,x,p,train\nb.png,y,p,test\n", "a.png", "b.png"), nil, fault.Data, []string{"1 patient", "different sides"}},
		{"too few", table("path,label\na.png,x\nb.png,y\n", "a.png", "b.png"), nil, fault.Data, []string{"2 train, 0 validate"}},
		{"unknown event", table("path,label\na.png,x\nb.png,y\n", "a.png", "b.png"), map[string]any{"positive": []string{"z"}}, fault.Usage, []string{"no class of the data"}},
		{"unknown column", table("path,label\na.png,x\nb.png,y\n", "a.png", "b.png"), map[string]any{"columns": []string{"labell"}}, fault.Data, []string{"labell", "not there"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := b.runner.Run(t.Context(), study(c.data, c.params), task.Evaluate)
			if fault.KindOf(err) != c.kind {
				t.Fatalf("kind %v: %v", fault.KindOf(err), err)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) && !strings.Contains(fmt.Sprint(fault.FindingsOf(err)), s) {
					t.Errorf("the error does not say %q: %v", s, err)
				}
			}
		})
	}
	good := writeCases(t, t.TempDir(), 60, 1, false)
	for name, params := range map[string]map[string]any{
		"width of basic-cnn": {"width": 8}, "folds and members": {"folds": 2, "members": 2}, "slices of pictures": {"slices": 8},
		"unknown backend": {"backend": "abacus"}, "decision range": {"decision-range": []float64{.5, .1}},
	} {
		if _, err := b.runner.Run(t.Context(), study(good, params), task.Evaluate); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
