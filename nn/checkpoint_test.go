package nn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"galen.dev/fault"
)

// worker is the environment variable that makes the test binary train instead of test: the folder to work in.
const worker = "GALEN_TEST_TRAIN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(worker); dir != "" {
		if err := trainWorker(dir); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// everything is a training in which every kind of state is in use.
func everything(dir string, pause time.Duration) (*Net, Source, Options, error) {
	data, err := FromArrays(planted(60, 4), Order{Size: 8, Shuffle: true, Seed: 4}, func(rng *rand.Rand, b *Batch) {
		for i := range b.Inputs[0].Floats {
			b.Inputs[0].Floats[i] += float32(rng.NormFloat64()) / 10
		}
		time.Sleep(pause)
	})
	if err != nil {
		return nil, nil, Options{}, err
	}
	far := planted(20, 4)
	for i := range far.Targets[0].Floats {
		far.Targets[0].Floats[i] *= 0.2 // the validation set is best on the way, so that best weights are at stake
	}
	validation, err := FromArrays(far, Order{Size: 9}, nil)
	return small(), data, Options{
		Epochs: 6, Seed: 11, Optimiser: AdamW{}, Schedule: Schedule{Kind: CosineRate, Rate: 0.02, WarmUp: 4},
		Clip: Clip{Norm: 1}, Average: Average{Decay: 0.9}, Accumulate: 2, Validation: validation,
		Early: Early{Patience: 5}, Data: "planted", Checkpoints: Checkpoints{Dir: dir, Steps: 3, Resume: true},
	}, err
}

func trainWorker(dir string) error {
	net, data, o, err := everything(filepath.Join(dir, "checkpoints"), 12*time.Millisecond)
	if err != nil {
		return err
	}
	o.Prefetch = Prefetch{Ahead: 1, Threads: 1}
	o.Progress = func(p Progress) {
		if p.Memory != nil {
			fmt.Println(p.Step)
		}
	}
	backend, err := Backend("go")
	if err != nil {
		return err
	}
	r, err := Train(context.Background(), backend, net, squares, data, o)
	if err != nil {
		return err
	}
	m, err := Describe(net, "")
	if err != nil {
		return err
	}
	m.Training = &r.Summary
	return SaveModel(filepath.Join(dir, "model.safetensors"), r.Weights, m)
}

// TestKilledAndResumed kills a training process at random moments until one comes through; the files it leaves are
// those of a training that was never disturbed, to the byte.
func TestKilledAndResumed(t *testing.T) {
	net, data, o, err := everything("", 0)
	if err != nil {
		t.Fatal(err)
	}
	o.Checkpoints = Checkpoints{}
	r := fit(t, net, data, o)
	if r.Summary.BestEpoch < 2 || r.Summary.BestEpoch > 4 {
		t.Fatalf("the best epoch is %d: best weights are not at stake", r.Summary.BestEpoch)
	}
	m, err := Describe(net, "")
	if err != nil {
		t.Fatal(err)
	}
	m.Training = &r.Summary
	want := t.TempDir()
	if err := SaveModel(filepath.Join(want, "model.safetensors"), r.Weights, m); err != nil {
		t.Fatal(err)
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got := t.TempDir()
	kills, resumed := 0, 0
	for {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), worker+"="+got)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		limit := time.Duration((1+kills)*(100+rand.IntN(150))) * time.Millisecond
		if kills >= 6 { // a slow machine may never come further within the limit
			limit = time.Minute
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("after %d kills: %v\n%s", kills, err, stderr.String())
			}
			if strings.TrimSpace(stdout.String()) != "0" {
				resumed++
			}
		case <-time.After(limit):
			if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			<-done
			kills++
			continue
		}
		break
	}
	t.Logf("killed %d times", kills)
	if kills == 0 || resumed == 0 {
		t.Fatal("the training was never killed, or its last process began anew")
	}
	for _, name := range []string{"model.safetensors", "model.json"} {
		a, errA := os.ReadFile(filepath.Join(want, name))
		b, errB := os.ReadFile(filepath.Join(got, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs from the undisturbed one (%v, %v)", name, errA, errB)
		}
	}
}

// TestStoppedAnywhere cancels after each step in turn, and once in validation, and resumes.
func TestStoppedAnywhere(t *testing.T) {
	net, data, o, err := everything("", 0)
	if err != nil {
		t.Fatal(err)
	}
	o.Checkpoints = Checkpoints{}
	want := fit(t, net, data, o)
	for _, stop := range []int{1, 2, 3, 4, 5, 13, 16, 19, 23, 24} {
		o.Checkpoints = Checkpoints{Dir: filepath.Join(t.TempDir(), "deep", "er"), Steps: 1000, Resume: true}
		ctx, cancel := context.WithCancel(context.Background())
		o.Progress = func(p Progress) {
			if p.Step == stop && p.Ended == nil {
				cancel()
			}
		}
		if _, err := Train(ctx, stock(t), net, squares, data, o); !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at step %d: %v", stop, err)
		}
		began := -1
		o.Progress = func(p Progress) {
			if p.Memory != nil {
				began = p.Step
			}
		}
		got := fit(t, net, data, o)
		if began != stop {
			t.Errorf("stopped at step %d, resumed at %d", stop, began)
		}
		if fingerprint(got.Weights) != fingerprint(want.Weights) || got.Summary != want.Summary || len(got.History) != 6 {
			t.Errorf("stopped at step %d: other weights", stop)
		}
		// Resuming what is finished gives the same once more.
		if again := fit(t, net, data, o); fingerprint(again.Weights) != fingerprint(want.Weights) || again.Summary != want.Summary {
			t.Errorf("stopped at step %d, finished and resumed: other weights", stop)
		}
	}
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range list {
		names = append(names, f.Name())
	}
	return names
}

func TestCheckpointsKept(t *testing.T) {
	dir := t.TempDir()
	net, data, o, err := everything(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, ".step-1.safetensors.123.partial")
	if err := os.WriteFile(left, []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	o.Checkpoints.Keep, o.Checkpoints.Steps = 3, 5
	r := fit(t, net, data, o)
	want := []string{"best.safetensors", fileOf(15), fileOf(20), fileOf(24)}
	if got := files(t, dir); !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	best, err := readCheckpoint(filepath.Join(dir, bestFile))
	if err != nil {
		t.Fatal(err)
	}
	w, err := best.archive.weights("average/", best.States)
	if err != nil || best.Position.Best != r.Summary.BestEpoch || fingerprint(w) != fingerprint(r.Weights) {
		t.Errorf("the best checkpoint is of epoch %d, the best epoch %d (%v)", best.Position.Best, r.Summary.BestEpoch, err)
	}

	o.Checkpoints.Resume = false
	if _, err := Train(context.Background(), stock(t), net, squares, data, o); fault.KindOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("a used folder: %v", err)
	}
}

func TestCheckpointsByTime(t *testing.T) {
	dir := t.TempDir()
	net, data, o, err := everything(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	o.Checkpoints.Steps, o.Checkpoints.Every, o.Checkpoints.Keep = 0, time.Nanosecond, 1000
	fit(t, net, data, o)
	if got := files(t, dir); len(got) != 24+1 {
		t.Errorf("%d files", len(got))
	}
}

func TestResumeWithOtherOptions(t *testing.T) {
	dir := t.TempDir()
	net, data, o, err := everything(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	fit(t, net, data, o)
	for want, change := range map[string]func(o *Options){
		"seed first weights":        func(o *Options) { o.Seed = 12 },
		"epochs":                    func(o *Options) { o.Epochs = 7 },
		"optimiser":                 func(o *Options) { o.Optimiser = Adam{} },
		"optimiser fields":          func(o *Options) { o.Optimiser = AdamW{Beta1: 0.8} },
		"schedule":                  func(o *Options) { o.Schedule.Rate = 0.03 },
		"average clip":              func(o *Options) { o.Average.Decay, o.Clip.Norm = 0.8, 0 },
		"frozen":                    func(o *Options) { o.Frozen = []string{"first"} },
		"accumulate":                func(o *Options) { o.Accumulate = 3 },
		"early stopping":            func(o *Options) { o.Early.Patience = 2 },
		"guard":                     func(o *Options) { o.Guard.Skip = 1 },
		"early stopping validation": func(o *Options) { o.Validation, o.Early = nil, Early{} },
		"data":                      func(o *Options) { o.Data = "other" },
	} {
		other := o
		change(&other)
		_, err := Train(context.Background(), stock(t), net, squares, data, other)
		var got []string
		for _, f := range fault.FindingsOf(err) {
			got = append(got, f.Column)
		}
		wanted := strings.Fields(want)
		for _, w := range got {
			if !strings.Contains(want, w) {
				t.Errorf("%s: differs in %q", want, got)
			}
		}
		if fault.KindOf(err) != fault.Usage || len(got) == 0 || len(got) > len(wanted) {
			t.Errorf("%s: %q, %v", want, got, err)
		}
	}
	// What does not decide the result may change.
	o.Prefetch, o.Memory, o.Checkpoints.Keep, o.Galen = Prefetch{Ahead: 5}, 1<<40, 1, "2"
	fit(t, net, data, o)
}

func TestDamagedCheckpoints(t *testing.T) {
	dir := t.TempDir()
	net, data, o, err := everything(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := fit(t, net, data, o)
	path := filepath.Join(dir, fileOf(24))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(b []byte) []byte{
		"cut":            func(b []byte) []byte { return b[:len(b)-1] },
		"a bit":          func(b []byte) []byte { b[len(b)-9] ^= 1; return b },
		"other content":  func([]byte) []byte { var w bytes.Buffer; _, _ = sample().WriteTo(&w); return w.Bytes() },
		"unknown entry":  func(b []byte) []byte { return bytes.Replace(b, []byte(`\"format\"`), []byte(`\"tamrof\"`), 1) },
		"other options":  func(b []byte) []byte { return bytes.Replace(b, []byte(`\"hash\":\"`), []byte(`\"hash\":\"0`), 1) },
		"another format": func(b []byte) []byte { return bytes.Replace(b, []byte(`\"format\":1`), []byte(`\"format\":9`), 1) },
	} {
		changed := change(slices.Clone(whole))
		if bytes.Equal(changed, whole) {
			t.Fatalf("%s: nothing changed", name)
		}
		if err := os.WriteFile(path, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Train(context.Background(), stock(t), net, squares, data, o)
		if k := fault.KindOf(err); k != fault.Corrupt && name != "another format" || err == nil {
			t.Errorf("%s: %v", name, err)
		}
		if hint := fault.HintOf(err); hint == "" {
			t.Errorf("%s: no hint", name)
		}
	}
	if err := os.Remove(path); err != nil { // the one before takes over
		t.Fatal(err)
	}
	if got := fit(t, net, data, o); fingerprint(got.Weights) != fingerprint(want.Weights) {
		t.Error("resumed from the one before: other weights")
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	var b bytes.Buffer
	a := sample()
	a.Metadata = map[string]string{"checkpoint": `{"format":1,"galen":"","options":{"a":"1"},"hash":"","position":{"epoch":1,"history":[{"epoch":1,"loss":0.5,"validation":[{"name":"loss","value":"NaN"}]}]},"sha256":"` + a.hash() + `"}`}
	if _, err := a.WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	if _, err := parseCheckpoint(b.Bytes()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := parseCheckpoint(content)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Corrupt && k != fault.Data {
				t.Fatalf("kind %v: %v", k, err)
			}
			return
		}
		if s.archive.hash() != s.SHA256 {
			t.Fatal("hash")
		}
	})
}
