package segment

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"galen.dev/task"
	"galen.dev/task/tasktest"
)

const side = 16 // pixels of a generated image

// spot is a generated image: noise with a bright square, and its mask.
func spot(rng *rand.Rand) (picture, mask *image.Gray) {
	picture, mask = image.NewGray(image.Rect(0, 0, side, side)), image.NewGray(image.Rect(0, 0, side, side))
	size := 4 + rng.IntN(3)
	x0, y0 := rng.IntN(side-size), rng.IntN(side-size)
	for y := range side {
		for x := range side {
			v := 60 + rng.IntN(40)
			if x >= x0 && x < x0+size && y >= y0 && y < y0+size {
				v += 110
				mask.SetGray(x, y, color.Gray{Y: 1})
			}
			picture.SetGray(x, y, color.Gray{Y: uint8(v)})
		}
	}
	return picture, mask
}

func savePNG(t *testing.T, name string, m image.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// spots writes about n/10 images with masks, and the table that names them with patients and, where given, splits.
// Some patients have two images. If shuffled, masks are dealt at random.
func spots(t *testing.T, folder string, n int, seed uint64, shuffled bool, splits ...string) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 7))
	count := max(16, n/10)
	var pictures, masks []*image.Gray
	for range count {
		p, m := spot(rng)
		pictures, masks = append(pictures, p), append(masks, m)
	}
	if shuffled {
		rng.Shuffle(count, func(i, j int) { masks[i], masks[j] = masks[j], masks[i] })
	}
	var b strings.Builder
	header := "path,mask,patient"
	if len(splits) > 0 {
		header += ",split"
	} else {
		splits = []string{""}
	}
	b.WriteString(header + "\n")
	patient := 0
	for _, s := range splits {
		for i := range count {
			if i%5 != 1 {
				patient++
			}
			name := fmt.Sprintf("%s%03d", s, i)
			savePNG(t, filepath.Join(folder, name+".png"), pictures[i])
			savePNG(t, filepath.Join(folder, name+"-mask.png"), masks[i])
			fmt.Fprintf(&b, "%s.png,%s-mask.png,%s %d", name, name, tasktest.Canary, patient)
			if s != "" {
				b.WriteString("," + s)
			}
			b.WriteString("\n")
		}
	}
	path := filepath.Join(folder, "table.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func planted(t *testing.T, folder string, n int, seed uint64, shuffled bool) string {
	return spots(t, folder, n, seed, shuffled)
}

// tested are the rows of evaluate's cases.csv of the first class.
func tested(t *testing.T, folder string) []map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "evaluate", casesFile))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, r := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = r[i]
		}
		out = append(out, m)
	}
	return out
}

// heldOut packs the test images, in the order of cases.csv.
func heldOut(t *testing.T, folder, data string) ([]byte, string) {
	t.Helper()
	text, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	table, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, row := range tested(t, folder) {
		number, err := strconv.Atoi(strings.TrimPrefix(row["case"], "image "))
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(filepath.Dir(data), table[number][0]))
		if err != nil {
			t.Fatal(err)
		}
		f, err := w.Create(fmt.Sprintf("%03d.png", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), "held.zip"
}

func same(t *testing.T, folder string, answer []byte) {
	t.Helper()
	var got []Prediction
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	want := tested(t, folder)
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d predictions, %d test images", len(got), len(want))
	}
	abstained := 0
	for i, p := range got {
		if p.Abstained {
			abstained++
			continue
		}
		ml, err := strconv.ParseFloat(want[i]["predicted_ml"], 64)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(p.Findings[0].VolumeML-ml) > 1e-12 {
			t.Errorf("image %d: apply says %v mL, evaluate %v", i+1, p.Findings[0].VolumeML, ml)
		}
		for kind, name := range p.Files {
			if info, err := os.Stat(name); err != nil || info.Size() == 0 {
				t.Errorf("image %d: %s was not written: %v", i+1, kind, err)
			}
		}
	}
	if abstained > len(got)/3 {
		t.Errorf("the model abstains on %d of %d images like those it learned from", abstained, len(got))
	}
}

func patientsOf(t *testing.T, folder string) (train, test []int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "preprocess", splitsFile))
	if err != nil {
		t.Fatal(err)
	}
	var s splits
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s.Patients["train"], s.Patients["test"]
}

var quick = map[string]any{
	"width": 4, "patch": side, "batch": 8, "epochs": 4, "iterations": 8, "validations": 2, "bootstrap": 100, "learning-rate": .02, "memory": .5, "mirror": false,
}

func with(more map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range quick {
		out[k] = v
	}
	for k, v := range more {
		out[k] = v
	}
	return out
}

// memorise is a study whose validation and test images are its training images, of other patients: masks have nothing
// to do with images and must be learned by heart.
func memorise(t *testing.T, folder string) *task.Study {
	return &task.Study{
		Name: "memorise", Task: Task.Name, Data: spots(t, folder, 320, 5, true, "train", "val", "test"), Seed: 1,
		Params: with(map[string]any{"width": 16, "epochs": 16, "iterations": 16, "augment": "none", "flip": false, "tidy": "none", "learning-rate": .01}),
	}
}

func TestConforms(t *testing.T) {
	planned := filepath.Join(t.TempDir(), "plan.json")
	tasktest.Run(t, tasktest.Case{
		Task: Task, Data: planted, Params: quick,
		Cover: []map[string]any{
			{"instances": "components", "folds": 2, "mirror": true, "checkpoints": t.TempDir(), "output": t.TempDir(), "write": []string{"nifti", "pdf"}},
			{"classes": map[string]float64{"spot": 1}, "instances": "border", "plan": handPlan(t, planned), "optimiser": "sgd", "learning-rate": .01},
		},
		Score: "dice", Learns: .75, Chance: [2]float64{0, .5},
		Memorise: memorise, Memorises: .7,
		Held: heldOut, Same: same, Splits: patientsOf,
	})
}

// handPlan writes a plan by hand for the generated images.
func handPlan(t *testing.T, name string) string {
	t.Helper()
	text := `{
  "format": 1, "use": "2d", "transpose": [0, 1, 2],
  "channels": [{"name": "image", "scheme": "zscore", "masked": false, "mean": 0, "sd": 1, "low": 0, "high": 1, "min": 0, "max": 1}],
  "classes": [{"value": 1, "name": "spot"}],
  "configurations": [{
    "name": "2d", "spacing_mm": [1, 1], "median": [16, 16], "patch": [16, 16], "batch": 4, "features": [4, 8],
    "kernels": [[3, 3], [3, 3]], "strides": [[1, 1], [2, 2]], "batch_dice": true, "estimate": 0, "operations": 0
  }],
  "resampling": {"image": "cubic", "labels": "linear", "probabilities": "linear", "coarse_axis": "nearest"},
  "memory": {"limit_bytes": 0, "training_bytes": 0},
  "fingerprint": {"cases": 0, "median_spacing_mm": [0, 0, 0], "median_shape": [0, 0, 0], "median_relative_size": 0}
}`
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}
