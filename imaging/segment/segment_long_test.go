//go:build long

package segment

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"galen.dev/store"
	"galen.dev/task"
	"galen.dev/volume"
)

// TestNucleiBar: Dice of the foreground .90 or more on the test images of the split that comes with the data, by the
// ready study, with panoptic quality and aggregated Jaccard index beside.
func TestNucleiBar(t *testing.T) {
	data := os.Getenv("GALEN_DATA")
	if data == "" {
		t.Skip("GALEN_DATA names no folder with imaging/nuclei")
	}
	text, err := os.ReadFile("../../studies/nuclei.yaml")
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	s, err := task.ParseStudy(text, "nuclei.yaml", b.x.Tasks)
	if err != nil {
		t.Fatal(err)
	}
	s.Data = filepath.Join(data, "imaging", "nuclei")
	start := time.Now()
	res, err := b.x.Run(t.Context(), s, task.Evaluate)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %v", time.Since(start).Round(time.Second), res.Metrics)
	if d := res.Metrics["dice"]; d < .9 {
		t.Errorf("Dice of the foreground is %.4f, below .90", d)
	}
	if res.Metrics["pq"] < .6 || res.Metrics["aji"] < .6 {
		t.Errorf("panoptic quality %.3f, aggregated Jaccard %.3f: far below what this study has reached", res.Metrics["pq"], res.Metrics["aji"])
	}
}

// TestLatency applies a solid network of the default width to a CT of 512 × 512 × 200 that comes as a DICOM series: the
// network takes the largest share of the time, and the program stays within the bound of its plan.
func TestLatency(t *testing.T) {
	b := newBench(t)
	s := solid(bodies(t, 8, [3]int{48, 44, 18}), t.TempDir())
	for k, v := range map[string]any{"width": 16, "patch": 64, "epochs": 1, "iterations": 4, "mirror": false, "memory": 4., "abstain": 0., "tidy": "none", "write": []string{"nifti", "seg", "png"}} {
		s.Params[k] = v
	}
	res, err := b.x.Run(t.Context(), s, task.Evaluate)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := body(oblique([3]int{512, 512, 200}, volume.Vec{.7, .7, 1.5}), 5)
	packed := series(t, v)
	v = nil
	runtime.GC()
	b.notes.Reset()
	got := b.apply(t.Context(), t, res.Run, "series.zip", packed)
	if len(got) != 1 || got[0].Abstained {
		t.Fatalf("%+v", got)
	}
	t.Log(b.notes.String())
}

// TestKilledTrainingGoesOn: a process that is killed in the middle of training leaves checkpoints from which the next one
// makes the same bytes as one that was never killed.
func TestKilledTrainingGoesOn(t *testing.T) {
	if dir := os.Getenv("GALEN_TEST_KILL"); dir != "" {
		if _, err := killed(t, dir); err != nil {
			t.Fatal(err)
		}
		return
	}
	root := t.TempDir()
	spots(t, root, 200, 1, false)
	whole, err := killed(t, filepath.Join(root, "whole"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "cut")
	cmd := exec.Command(os.Args[0], "-test.run", "TestKilledTrainingGoesOn", "-test.v")
	cmd.Env = append(os.Environ(), "GALEN_TEST_KILL="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 600 { // until there is something to go on from
		time.Sleep(50 * time.Millisecond)
		if found, _ := filepath.Glob(filepath.Join(dir, "kept", "*", "fold-0", "step-*")); len(found) > 0 {
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the training ended before it could be killed")
	}
	again, err := killed(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, sum := range whole {
		if again[name] != sum {
			t.Errorf("%s differs after the process was killed", name)
		}
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "kept", "*")); len(found) > 0 {
		t.Errorf("checkpoints of a finished training stay: %v", found)
	}
}

// killed trains in a folder and returns the hashes of what training left.
func killed(t *testing.T, dir string) (map[string]string, error) {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(dir, "runs"), store.Options{})
	if err != nil {
		return nil, err
	}
	defer st.Close()
	x := &task.Runner{Tasks: []*task.Task{Task}, Store: st, Version: "test"}
	s := &task.Study{Name: "killed", Task: Task.Name, Data: filepath.Join(filepath.Dir(dir), "table.csv"), Seed: 2, Params: with(map[string]any{
		"epochs": 60, "iterations": 20, "checkpoints": filepath.Join(dir, "kept"), "checkpoint-steps": 40,
	})}
	res, err := x.Run(context.WithoutCancel(t.Context()), s, task.Train)
	if err != nil {
		return nil, err
	}
	m, err := st.Manifest(res.Run, string(task.Train))
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, f := range m.Outputs {
		out[f.Name] = f.SHA256
	}
	return out, nil
}

// TestMemoryDoesNotGrowWithCases: preprocessing ten times the cases takes hardly more memory.
func TestMemoryDoesNotGrowWithCases(t *testing.T) {
	peak := func(n int) uint64 {
		b := newBench(t)
		s := solid(bodies(t, n, [3]int{64, 64, 24}), t.TempDir())
		s.Params["iterations"], s.Params["epochs"] = 3, 1
		runtime.GC()
		stop, done := make(chan struct{}), make(chan uint64)
		go func() {
			var most uint64
			for {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
				select {
				case <-stop:
					done <- most
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}()
		_, err := b.x.Run(t.Context(), s, task.Train)
		close(stop)
		if err != nil {
			t.Fatal(err)
		}
		return <-done
	}
	few, many := peak(8), peak(80)
	t.Logf("heap at its peak: %d MiB with 8 cases, %d MiB with 80", few>>20, many>>20)
	if many > few+few/2+(32<<20) {
		t.Errorf("the heap grew from %d to %d MiB with ten times the cases", few>>20, many>>20)
	}
}
