package task

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"galen.dev/fault"
)

var kindTask = &Task{Name: "area/verb", Params: everyKind}

func parse(text string) (*Study, error) {
	return ParseStudy([]byte(text), "dir/small.yaml", []*Task{kindTask})
}

func TestParseStudy(t *testing.T) {
	s, err := parse("# why\ntask: area/verb\ndata: &d cases.csv\nseed: 18446744073709551615\ntitle: 2024\nwaive: [one, two:col]\nparams:\n  needed: *d\n  text: !!str 12\n  strings: one\n  floats: .5\n  int: 0x10\n")
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "small" || s.Title != "2024" || s.Seed != 1<<64-1 || len(s.Waive) != 2 || s.File != "dir/small.yaml" {
		t.Errorf("%+v", s)
	}
	if s.Params["needed"] != "cases.csv" || s.Params["text"] != "12" || s.Params["int"] != 16 || s.Params["strings"].([]string)[0] != "one" || s.Params["floats"].([]float64)[0] != .5 {
		t.Errorf("%#v", s.Params)
	}
	if _, given := s.Params["bool"]; given {
		t.Error("a default was filled in")
	}
	if got := s.Resolve("x.csv"); got != filepath.Join("dir", "x.csv") {
		t.Errorf("Resolve gives %q", got)
	}
	if got := s.Resolve("/abs/x.csv"); got != "/abs/x.csv" {
		t.Errorf("Resolve gives %q", got)
	}
	if s, err = parse("task: area/verb\ndata: x\nname: other\nparams:\n  needed: y\n"); err != nil || s.Name != "other" {
		t.Errorf("%+v, %v", s, err)
	}
}

// Each text with all that is wrong in it: line, name of the finding, what its message and hint hold.
func TestStudyFaults(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // "line name message; hint", in order
	}{
		{"nothing there", "{}", []string{`1 missing-key the key "task" is missing`, `1 missing-key the key "data" is missing`}},
		{"empty values", "task: ''\ndata:\n", []string{"1 missing-key is empty", "2 missing-key is empty"}},
		{"unknown keys", "task: area/verb\ndata: x\nsed: 1\nint: 3\nzzzzzz: 1\nparams: {needed: x}\n", []string{
			`3 unknown-key unknown key "sed"; did you mean "seed"?`, `4 unknown-key unknown key "int"; it is a parameter: put it under params`, `5 unknown-key unknown key "zzzzzz"`,
		}},
		{"wrong types", "task: [a]\ndata: {a: b}\nseed: x\nwaive: y\ntitle: [z]\nname: [z]\n", []string{
			"1 wrong-type must be a text", "2 wrong-type must be a text", "3 wrong-type must be a whole number", "4 wrong-type must be a list of texts", "5 wrong-type must be a text", "6 wrong-type must be a text",
		}},
		{"unknown task", "task: area/vreb\ndata: x\n", []string{`1 unknown-task no task is called "area/vreb"; did you mean "area/verb"?`}},
		{"params of a wrong type", "task: area/verb\ndata: x\nparams: [a]\n", []string{"3 wrong-type must be a mapping; write name: value lines beneath it"}},
		{"no params", "task: area/verb\ndata: x\nparams:\n", []string{`1 missing-parameter area/verb needs the parameter "needed"; Needed.`}},
		{"every parameter wrong", "task: area/verb\ndata: x\nparams:\n  text: [a]\n  choice: c\n  bool: maybe\n  int: 1.5\n  float: 7\n  open: .inf\n  strings: {a: b}\n  some: [a, d]\n  floats: [.5, x]\n  map: [a]\n  path: ~\n  needed: ''\n  txt: x\n", []string{
			"4 wrong-value must be a text", `5 wrong-value "c" is not one of a, b`, "6 wrong-value must be a yes/no", "7 wrong-value must be a whole number", "8 wrong-value 7 is out of range: 0 to 1",
			"9 wrong-value +Inf is out of range", "10 wrong-value must be a list of texts", `11 wrong-value "d" is not one of a, b, c`, "12 wrong-value must be a list of numbers", "13 wrong-value must be a map of numbers",
			"14 wrong-value must be a file", "15 wrong-value is empty", `16 unknown-parameter area/verb has no parameter "txt"; did you mean "text"?`,
		}},
		{"repeated keys", "task: area/verb\ndata: x\ndata: y\nparams:\n  needed: x\n  int: 3\n  int: 4\n", []string{
			`3 repeated-key the key "data" stands twice; first in line 2`, `7 repeated-key the key "params.int" stands twice; first in line 6`,
		}},
		{"bad name", "task: area/verb\ndata: x\nname: ../up\nparams: {needed: x}\n", []string{`3 bad-name "../up" cannot name a run; use letters`}},
		{"quoted numbers", "task: area/verb\ndata: x\nparams:\n  needed: x\n  int: '3'\n  bool: 'true'\n", []string{"5 wrong-value must be a whole number", "6 wrong-value must be a yes/no"}},
		{"lists with holes", "task: area/verb\ndata: x\nwaive: [a, ~]\nparams:\n  needed: x\n  strings: [a, ~]\n  floats: [1, ~]\n  map: {a: ~}\n", []string{
			"3 wrong-type must be a list of texts", "6 wrong-value must be a list of texts", "7 wrong-value must be a list of numbers", "8 wrong-value must be a map of numbers",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(c.text)
			if fault.KindOf(err) != fault.Usage {
				t.Fatalf("kind %v of %v", fault.KindOf(err), err)
			}
			findings := fault.FindingsOf(err)
			var got []string
			for _, f := range findings {
				if f.File != "dir/small.yaml" || f.Severity != fault.Severe {
					t.Errorf("%+v", f)
				}
				text := strings.TrimSpace(strings.Join([]string{strconv.Itoa(f.Line), f.Name, f.Message}, " "))
				if f.Hint != "" {
					text += "; " + f.Hint
				}
				got = append(got, text)
			}
			if len(got) != len(c.want) {
				t.Fatalf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) {
					t.Errorf("got %q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}

func TestNoStudy(t *testing.T) {
	for name, c := range map[string][2]string{
		"nothing":       {"", "is not a YAML mapping"},
		"a comment":     {"# x\n", "is not a YAML mapping"},
		"a list":        {"[a]", "is not a YAML mapping"},
		"no YAML":       {"task: [", "yaml: line 1"},
		"tabs":          {"task:\n\t- x", "yaml: "},
		"two documents": {"task: area/verb\n---\nx: 1\n", "goes on after its end"},
		"broken after":  {"task: area/verb\n---\n[", "goes on after its end"},
		"huge":          {strings.Repeat("# x\n", maxStudy/4+1), "is larger than 1 MiB"},
		"itself within": {"task: &a [*a]\ndata: x\n", "must be a text"},
		"laughs":        {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\ntask: area/verb\ndata: x\nparams: {needed: x, strings: [*e,*e,*e,*e,*e,*e,*e,*e]}\n", "must be a list of texts"},
	} {
		if _, err := parse(c[0]); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadStudy(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadStudy(filepath.Join(dir, "none.yaml"), nil); fault.KindOf(err) != fault.NotFound || fault.HintOf(err) == "" {
		t.Errorf("none: %v", err)
	}
	if _, err := ReadStudy(dir, nil); fault.KindOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("folder: %v", err)
	}
	huge := filepath.Join(dir, "huge.yaml")
	if err := os.WriteFile(huge, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 1<<40); err != nil { // holes: it must not be read to be refused
		t.Skip(err)
	}
	if _, err := ReadStudy(huge, nil); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("huge: %v", err)
	}
}

func TestComplete(t *testing.T) {
	s := &Study{Task: "area/verb", Name: "a b", Params: map[string]any{"int": 1}}
	err := s.Complete(kindTask)
	if fault.KindOf(err) != fault.Usage || len(fault.FindingsOf(err)) != 4 {
		t.Errorf("%v", err)
	}
	for _, want := range []string{"data: no data are named", `name: "a b" cannot name a run`, "int: 1 is out of range", `needs the parameter "needed"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

// Whatever the bytes, a study is refused with kind Usage or read; one that is read is whole, and is written and
// read back as itself.
func FuzzStudy(f *testing.F) {
	for _, s := range []string{
		"task: area/verb\ndata: x\nparams: {needed: y}\n",
		"task: area/verb\ndata: &d x\nseed: 7\nwaive: [a]\ntitle: t\nparams:\n  needed: *d\n  text: |\n    long\n  choice: b\n  bool: false\n  int: 3\n  float: .5\n  strings: [a, b]\n  some: a\n  floats: [.1, .2]\n  map: {a: 1}\n  path: p\n",
		"task: &a [*a]\n", "? [a]\n: b\n", "<<: {task: area/verb}\ndata: x", "task: !!binary aGk=\ndata: !!timestamp 2024-01-01\n", "---\n...\n", "%YAML 1.1\n---\ntask: x", "{task: area/verb, data: x, params: {needed: !!binary aGk=}}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseStudy(data, "f.yaml", []*Task{kindTask})
		if err != nil {
			if fault.KindOf(err) != fault.Usage {
				t.Fatalf("kind %v: %v", fault.KindOf(err), err)
			}
			return
		}
		if err := s.Complete(kindTask); err != nil {
			t.Fatalf("it was read and is not complete: %v", err)
		}
		id := RunID(kindTask, s)
		text := s.YAML(kindTask)
		again, err := ParseStudy(text, "f.yaml", []*Task{kindTask})
		if err != nil {
			t.Fatalf("it is not read back: %v\n%s", err, text)
		}
		if got := RunID(kindTask, again); got != id || again.Title != s.Title {
			t.Fatalf("read back it is another study\n%+v\n%+v\n%s", s, again, text)
		}
	})
}
