package classify_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"galen.dev/imaging/classify"
	"galen.dev/task"
	"galen.dev/task/tasktest"
	"galen.dev/volume"
	"galen.dev/volume/raster"
)

// picture draws a bright square on noise, on the left or the right.
func picture(rng *rand.Rand, size, class int) []uint8 {
	out := make([]uint8, size*size)
	for i := range out {
		out[i] = uint8(60 + rng.IntN(60))
	}
	x0, y0 := rng.IntN(size/4), rng.IntN(size/2)
	if class == 1 {
		x0 += size / 2
	}
	for y := y0; y < y0+size/4; y++ {
		for x := x0; x < x0+size/4; x++ {
			out[y*size+x] = uint8(190 + rng.IntN(60))
		}
	}
	return out
}

func writePNG(t *testing.T, path string, size int, data []uint8) {
	t.Helper()
	var b bytes.Buffer
	if err := raster.WritePNG(&b, volume.New(volume.Geometry{Dims: [3]int{size, size, 1}, Affine: volume.Identity()}, data)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

const side = 12

// writeCases writes a table of paths, labels and patients, every fourth patient with two images.
func writeCases(t *testing.T, folder string, n int, seed uint64, shuffled bool) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	var rows strings.Builder
	rows.WriteString("path,label,patient\n")
	for i := range n {
		class := rng.IntN(2)
		writePNG(t, filepath.Join(folder, fmt.Sprintf("%04d.png", i)), side, picture(rng, side, class))
		if shuffled {
			class = rng.IntN(2)
		}
		patient := i
		if i%4 == 1 {
			patient = i - 1
		}
		fmt.Fprintf(&rows, "%04d.png,%s,%s %d\n", i, []string{"left", "right"}[class], tasktest.Canary, patient)
	}
	if err := os.WriteFile(filepath.Join(folder, "cases.csv"), []byte(rows.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}

// quick are the parameters of a study that takes a second.
var quick = map[string]any{
	"model": "basic-cnn", "epochs": 6, "batch": 32, "learning-rate": .003, "ema": 0., "augment": "none", "select": "last", "bootstrap": 100, "pictures": 1, "calibration": "platt",
}

func TestConformance(t *testing.T) {
	tasktest.Run(t, tasktest.Case{
		Task: classify.Task, Data: writeCases, Params: quick,
		Cover: []map[string]any{{"labels": "ordinal", "folds": 2, "epochs": 1}},
		Score: "auc", Learns: .9, Chance: [2]float64{.25, .75},
		Memorise: memorise, Memorises: .95, Held: heldOut, Same: same, Splits: splits,
	})
}

// memorise is a study that trains and tests on the same 32 images with labels dealt at random.
func memorise(t *testing.T, folder string) *task.Study {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 7))
	var rows strings.Builder
	rows.WriteString("path,label,split\n")
	for i := range 32 {
		data := make([]uint8, side*side)
		for k := range data {
			data[k] = uint8(rng.IntN(256))
		}
		for _, split := range []string{"train", "val", "test"} {
			name := fmt.Sprintf("%s-%d.png", split, i)
			writePNG(t, filepath.Join(folder, name), side, data)
			fmt.Fprintf(&rows, "%s,%d,%s\n", name, i*7%2, split)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "cases.csv"), []byte(rows.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &task.Study{Name: "memory", Task: classify.Task.Name, Data: folder, Seed: 1, Params: map[string]any{}}
	for k, v := range quick {
		s.Params[k] = v
	}
	s.Params["epochs"] = 60
	s.Params["calibration"] = "none"
	return s
}

// predicted reads evaluate's predictions.csv.
func predicted(t *testing.T, folder string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, "evaluate", "predictions.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// heldOut packs the test images into an archive, in the order of predictions.csv.
func heldOut(t *testing.T, folder, data string) (input []byte, name string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for k, row := range predicted(t, folder) {
		n, err := strconv.Atoi(row[0])
		if err != nil {
			t.Fatal(err)
		}
		image, err := os.ReadFile(filepath.Join(data, fmt.Sprintf("%04d.png", n-1)))
		if err != nil {
			t.Fatal(err)
		}
		w, err := z.Create(fmt.Sprintf("%04d.png", k))
		if err == nil {
			_, err = w.Write(image)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), "held-out.zip"
}

func same(t *testing.T, folder string, predictions []byte) {
	t.Helper()
	var got []classify.Prediction
	if err := json.Unmarshal(predictions, &got); err != nil {
		t.Fatal(err)
	}
	rows := predicted(t, folder)
	if len(rows) != len(got) {
		t.Fatalf("%d predictions of %d images", len(got), len(rows))
	}
	told := 0
	for i, p := range got {
		if p.Abstained {
			continue
		}
		told++
		want, err := strconv.ParseFloat(rows[i][4], 64)
		if err != nil {
			t.Fatal(err)
		}
		// The same numbers go through the same graph.
		if p.Risk == nil || math.Abs(*p.Risk-want) > 1e-12 {
			t.Fatalf("image %d: applied %v, evaluated %v", i, p.Risk, want)
		}
		if p.Low != nil && (*p.Low > *p.Risk || *p.High < *p.Risk) {
			t.Errorf("image %d: risk %v lies outside its interval", i, *p.Risk)
		}
	}
	if told < len(rows)*9/10 {
		t.Errorf("only %d of %d held-out images are told", told, len(rows))
	}
}

func splits(t *testing.T, folder string) (train, test []int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, "preprocess", "cohort.json"))
	if err != nil {
		t.Fatal(err)
	}
	var h struct {
		Patient []int
		Splits  struct{ Train, Val, Test []int }
	}
	if err := json.Unmarshal(data, &h); err != nil {
		t.Fatal(err)
	}
	for _, i := range append(slices.Clone(h.Splits.Train), h.Splits.Val...) {
		train = append(train, h.Patient[i])
	}
	for _, i := range h.Splits.Test {
		test = append(test, h.Patient[i])
	}
	return train, test
}
