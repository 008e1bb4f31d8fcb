package task

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galen.dev/fault"
	"galen.dev/store"
)

// counting is a small task: each step writes what it read. Its apply repeats lines of the input.
func counting() *Task {
	return &Task{
		Name: "area/count",
		Params: []Param{
			{Name: "file", Kind: Path, Step: Collect, Help: "File."},
			{Name: "early", Kind: Int, Unit: "1", Step: Preprocess, Help: "Early."},
			{Name: "late", Kind: Int, Unit: "1", Step: Evaluate, Help: "Late."},
			{Name: "wait", Kind: Bool, Step: Train, Help: "Wait for the end of the context."},
			{Name: "last", Kind: Int, Unit: "1", Step: Apply, Help: "Last."},
		},
		Collect: func(_ context.Context, r *Run) error {
			in, err := r.Source.Open(0)
			if err != nil {
				return err
			}
			defer in.Close()
			data, err := io.ReadAll(in)
			if err != nil {
				return err
			}
			if path := r.String("file"); path != "" {
				more, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				data = append(data, more...)
			}
			return r.WriteFile("data.txt", data)
		},
		Preprocess: func(_ context.Context, r *Run) error {
			data, err := r.ReadFile(Collect, "data.txt")
			if err != nil {
				return err
			}
			return r.WriteJSON("count.json", map[string]int{"bytes": len(data), "early": r.Int("early")})
		},
		Train: func(ctx context.Context, r *Run) error {
			if r.Bool("wait") {
				if err := r.WriteFile("half", []byte("half")); err != nil {
					return err
				}
				<-ctx.Done()
				return ctx.Err()
			}
			return r.WriteFile("model", fmt.Appendf(nil, "%d", r.Rand("model").Uint64()))
		},
		Evaluate: func(_ context.Context, r *Run) error {
			var count struct{ Bytes int }
			if err := r.ReadJSON(Preprocess, "count.json", &count); err != nil {
				return err
			}
			r.Metric("bytes", float64(count.Bytes))
			return r.WriteFile("report.html", fmt.Appendf(nil, "%d", r.Int("late")))
		},
		Apply: func(_ context.Context, r *Run) error {
			model, err := r.ReadFile(Train, "model")
			if err != nil {
				return err
			}
			data, err := io.ReadAll(r.Input.Reader)
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(data)) {
				if err := r.Emit(row{strings.TrimSpace(line), string(model)}); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

type row struct {
	Text  string `json:"text"`
	Model string `json:"model"`
}

func (r row) CSV() (header, cells []string) {
	return []string{"text", "model"}, []string{r.Text, r.Model}
}

type bed struct {
	t      *testing.T
	x      *Runner
	folder string
	events []Event
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{t: t, folder: t.TempDir()}
	s, err := store.Open(t.Context(), filepath.Join(b.folder, "runs"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b.x = &Runner{Tasks: []*Task{counting()}, Store: s, Version: "1", Monitor: func(e Event) { b.events = append(b.events, e) }}
	b.write("data.txt", "some data")
	return b
}

func (b *bed) write(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func (b *bed) study(params map[string]any) *Study {
	return &Study{Name: "s", Task: "area/count", Data: filepath.Join(b.folder, "data.txt"), Params: params}
}

// outcomes runs a study and says in short what became of its steps: f(inished), s(kipped), r(eused).
func (b *bed) outcomes(s *Study) string {
	b.t.Helper()
	res, err := b.x.Run(b.t.Context(), s, Evaluate)
	if err != nil {
		b.t.Fatal(err)
	}
	out := ""
	for _, r := range res.Steps {
		out += string(r.Outcome)[:1]
	}
	return out
}

func TestCaching(t *testing.T) {
	b := newBed(t)
	extra := b.write("extra.txt", "x")
	want := func(what, outcomes string, s *Study) {
		t.Helper()
		if got := b.outcomes(s); got != outcomes {
			t.Errorf("%s: %s, want %s", what, got, outcomes)
		}
	}
	p := func(kv ...any) *Study {
		m := map[string]any{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i].(string)] = kv[i+1]
		}
		return b.study(m)
	}
	want("first", "ffff", p())
	want("again", "ssss", p())
	want("a default given", "ssss", p("late", 0))
	want("evaluate's parameter", "rrrf", p("late", 1))
	want("preprocess's parameter", "rfff", p("early", 1))
	want("apply's parameter", "rrrr", p("last", 1))
	seeded := p()
	seeded.Seed = 2
	want("the seed", "rfff", seeded)
	titled := p()
	titled.Title = "another title"
	want("a title", "ssss", titled)
	want("a file", "ffff", p("file", extra))
	want("the same file by another name", "rrrr", p("file", b.write("other.txt", "x")))
	b.write("other.txt", "y")
	want("another content", "ffff", p("file", filepath.Join(b.folder, "other.txt")))
	b.write("data.txt", "other data")
	want("other data", "ffff", p())
	b.x.Version = "2"
	want("another version", "ffff", p())
}

// A step that was harmed on the disk is done again, with a word.
func TestHarmedStepIsRedone(t *testing.T) {
	b := newBed(t)
	res, err := b.x.Run(t.Context(), b.study(nil), Evaluate)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(res.Folder, "train", "model"), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.events = nil
	if got := b.outcomes(b.study(nil)); got != "ssfs" {
		t.Errorf("outcomes %s", got)
	}
	if !slices.ContainsFunc(b.events, func(e Event) bool {
		return e.Kind == Note && e.Step == Train && strings.Contains(e.Text, "doing the step again")
	}) {
		t.Errorf("nothing was said: %v", b.events)
	}
}

// Known answers: the ids and streams of studies must stay as they are from version to version of Galen, or no
// old run would be found again.
func TestRunIDAndStreamsAreStable(t *testing.T) {
	tk := counting()
	s := &Study{Name: "s", Task: tk.Name, Data: "data.txt", Seed: 7, Params: map[string]any{"early": 3}}
	if got := RunID(tk, s); got != "s-77c8a677" {
		t.Errorf("RunID = %s", got)
	}
	r := &Run{Task: tk, Study: s, Step: Train}
	if got := r.Seed("split"); got != 0x76574704406ed919 {
		t.Errorf("Seed = %#x", got)
	}
	if got := r.Rand("split").Uint64(); got != 0x870c02a89c514d84 {
		t.Errorf("Rand = %#x", got)
	}
	if r.Seed("split") == r.Seed("fit") {
		t.Error("two purposes share a seed")
	}
	other := &Run{Task: tk, Study: s, Step: Preprocess}
	if other.Seed("split") != r.Seed("split") {
		t.Error("the seed depends on the step")
	}
	again := *s
	again.Title = "t"
	if RunID(tk, &again) != RunID(tk, s) {
		t.Error("a title changes the run")
	}
	for what, change := range map[string]func(*Study){
		"data": func(s *Study) { s.Data = "d" }, "seed": func(s *Study) { s.Seed++ }, "waive": func(s *Study) { s.Waive = []string{"x"} },
		"params": func(s *Study) { s.Params = map[string]any{"early": 4} },
	} {
		again := *s
		change(&again)
		if RunID(tk, &again) == RunID(tk, s) {
			t.Errorf("other %s give the same run", what)
		}
	}
}

// Steps that ask for what they may not see are defects, found at once.
func TestStepsAreHeldToTheirDeclarations(t *testing.T) {
	tk := counting()
	r := &Run{Task: tk, Study: &Study{Params: map[string]any{}}, Step: Preprocess, used: map[string]bool{}}
	for what, f := range map[string]func(){
		"undeclared parameter":         func() { r.Int("none") },
		"parameter of a later step":    func() { r.Int("late") },
		"parameter of another kind":    func() { r.Float("early") },
		"files of the step itself":     func() { _, _ = r.ReadFile(Preprocess, "x") },
		"files of a later step":        func() { _, _ = r.Outputs(Train) },
		"a list where a number stands": func() { r.Strings("early") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			f()
		}()
	}
	if r.Int("early") != 0 || !r.used["early"] || r.Given("early") {
		t.Error("an allowed parameter is not read")
	}
}

func TestCancelled(t *testing.T) {
	b := newBed(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.x.Monitor = func(e Event) {
		if e.Step == Train && e.Kind == Started {
			cancel()
		}
	}
	res, err := b.x.Run(ctx, b.study(map[string]any{"wait": true}), Evaluate)
	if fault.KindOf(err) != fault.Canceled || len(res.Steps) != 2 {
		t.Fatalf("%v after %d steps", err, len(res.Steps))
	}
	if left, _ := filepath.Glob(filepath.Join(res.Folder, ".stage*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := b.x.Store.Manifest(res.Run, "train"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a step that was cancelled was published: %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.x.Run(done, b.study(nil), Evaluate); fault.KindOf(err) != fault.Canceled {
		t.Errorf("before it began: %v", err)
	}
}

func TestSources(t *testing.T) {
	b := newBed(t)
	folder := filepath.Join(b.folder, "many")
	if err := os.MkdirAll(filepath.Join(folder, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.write("many/b.txt", "b")
	b.write("many/in/a.txt", "a")
	b.write("many/.hidden", "h")
	find := func(data, file string) (*Source, error) {
		return findSource(t.Context(), &Study{Data: data, File: file})
	}
	src, err := find(folder, "")
	if err != nil || len(src.Files) != 2 || src.Files[0].Name != "b.txt" || src.Files[1].Name != "in/a.txt" || src.Files[0].Size != 1 {
		t.Fatalf("%+v, %v", src, err)
	}
	if src, err := find("data.txt", filepath.Join(b.folder, "study.yaml")); err != nil || src.Path(0) != filepath.Join(b.folder, "data.txt") {
		t.Errorf("relative to the study: %+v, %v", src, err)
	}
	empty := t.TempDir()
	if _, err := find(empty, ""); fault.KindOf(err) != fault.Data {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := find("nowhere/x.csv", ""); fault.KindOf(err) != fault.NotFound || fault.HintOf(err) == "" {
		t.Errorf("nowhere: %v", err)
	}
	if _, err := find("nosuchset", ""); fault.KindOf(err) != fault.NotFound || fault.HintOf(err) == "" {
		t.Errorf("no set: %v", err)
	}
	src, err = find("wdbc", "") // in the program
	if err != nil || src.Path(0) != "" || src.Licence == "" {
		t.Fatalf("%+v, %v", src, err)
	}
	in, err := src.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if n, err := io.Copy(io.Discard, in); err != nil || n != src.Files[0].Size {
		t.Errorf("%d bytes, %v; the manifest says %d", n, err, src.Files[0].Size)
	}
}

func TestRecordWriter(t *testing.T) {
	rows := []row{{`a,"b"`, "1"}, {"<&>é\n", "2"}}
	for _, c := range []struct {
		f    Format
		n    int
		want string
	}{
		{JSON, 0, "[]\n"},
		{JSON, 1, "[\n{\"text\":\"a,\\\"b\\\"\",\"model\":\"1\"}\n]\n"},
		{JSON, 2, "[\n{\"text\":\"a,\\\"b\\\"\",\"model\":\"1\"},\n{\"text\":\"<&>é\\n\",\"model\":\"2\"}\n]\n"},
		{JSONLines, 0, ""},
		{JSONLines, 2, "{\"text\":\"a,\\\"b\\\"\",\"model\":\"1\"}\n{\"text\":\"<&>é\\n\",\"model\":\"2\"}\n"},
		{CSV, 0, ""},
		{CSV, 2, "text,model\n\"a,\"\"b\"\"\",1\n\"<&>é\n\",2\n"},
	} {
		var b bytes.Buffer
		rw := newRecordWriter(&b, c.f)
		for _, r := range rows[:c.n] {
			if err := rw.write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := rw.close(); err != nil || b.String() != c.want || rw.n != c.n {
			t.Errorf("%s of %d: %q, %v; want %q", c.f, c.n, b.String(), err, c.want)
		}
	}
	rw := newRecordWriter(io.Discard, JSON)
	if err := rw.write(notFinite{}); err == nil {
		t.Error("a NaN was written as JSON")
	}
	for _, f := range []Format{CSV, JSON, JSONLines} {
		rw := newRecordWriter(broken{}, f)
		err := errors.Join(rw.write(rows[0]), rw.close())
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: the failing writer is not told: %v", f, err)
		}
	}
}

type notFinite struct{}

func (notFinite) CSV() (header, cells []string) { return nil, nil }
func (notFinite) MarshalJSON() ([]byte, error)  { return json.Marshal(math.NaN()) }

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestFormatOf(t *testing.T) {
	for path, want := range map[string]Format{"a.csv": CSV, "b/c.json": JSON, "d.jsonl": JSONLines, "e.ndjson": JSONLines} {
		if got, err := FormatOf(path); err != nil || got != want {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
	for _, path := range []string{"a", "a.txt", "a.csv.gz", ""} {
		if _, err := FormatOf(path); fault.KindOf(err) != fault.Usage || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestApply(t *testing.T) {
	b := newBed(t)
	s := b.study(nil)
	if _, err := b.x.Run(t.Context(), s, Preprocess); err != nil {
		t.Fatal(err)
	}
	apply := func(run, text string) (*Applied, string, error) {
		var out bytes.Buffer
		done, err := b.x.Apply(t.Context(), run, Input{Path: "input", Reader: strings.NewReader(text)}, nil, &out, JSONLines)
		return done, out.String(), err
	}
	if _, _, err := apply("s", "x"); fault.KindOf(err) != fault.NotFound || !strings.Contains(fault.HintOf(err), "no model yet") {
		t.Errorf("without a model: %v", err)
	}
	if _, err := b.x.Run(t.Context(), s, Train); err != nil {
		t.Fatal(err)
	}
	done, out, err := apply("s", "secret\nb\n")
	if err != nil || done.Cases != 2 || !strings.HasPrefix(out, `{"text":"secret"`) {
		t.Fatalf("%+v, %q, %v", done, out, err)
	}
	audit, err := os.ReadFile(filepath.Join(b.x.Store.Root(), done.Run, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var line struct {
		Cases        int
		Run, Model   string
		InputSHA256  string `json:"input_sha256"`
		OutputSHA256 string `json:"output_sha256"`
	}
	if err := json.Unmarshal(audit, &line); err != nil || bytes.Contains(audit, []byte("secret")) {
		t.Fatalf("%s: %v", audit, err)
	}
	in, _ := hashReader(strings.NewReader("secret\nb\n"))
	outSum, _ := hashReader(strings.NewReader(out))
	if line.Cases != 2 || line.Run != done.Run || line.InputSHA256 != in || line.OutputSHA256 != outSum {
		t.Errorf("%s", audit)
	}

	// A study's name means its newest run.
	newer := b.study(map[string]any{"early": 1})
	res, err := b.x.Run(t.Context(), newer, Train)
	if err != nil {
		t.Fatal(err)
	}
	if done, _, err := apply("s", "x"); err != nil || done.Run != res.Run {
		t.Errorf("by name: %+v, %v; the newest is %s", done, err, res.Run)
	}
	if _, err := b.x.FindRun(t.Context(), "nosuch"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("nosuch: %v", err)
	}

	// Runs of another store are not mixed up with this one's.
	other := newBed(t)
	theirs, err := other.x.Run(t.Context(), other.study(nil), Train)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := apply(theirs.Folder, "x"); fault.KindOf(err) != fault.Usage {
		t.Errorf("a run outside: %v", err)
	}
	if _, err := (&Input{Path: b.folder}).Read(); fault.KindOf(err) != fault.Usage {
		t.Errorf("a folder: %v", err)
	}
	if _, err := (&Input{Path: filepath.Join(b.folder, "none")}).Read(); fault.KindOf(err) != fault.NotFound {
		t.Errorf("nothing: %v", err)
	}
}

func TestSteps(t *testing.T) {
	steps := Steps()
	steps[0] = "changed"
	if fmt.Sprint(Steps()) != "[collect preprocess train evaluate]" {
		t.Error("the steps can be changed from outside, or are in another order")
	}
	if _, err := Find([]*Task{counting()}, "area/cuont"); fault.HintOf(err) != `did you mean "area/count"?` {
		t.Error(err)
	}
}
