package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The scripts in testdata/script run the command line as a user does, one file for each command. They know,
// beside the usual commands of such scripts:
//
//	exits CODE galen ARGS...   runs galen and wants this exit code
//	cohort FILE ROWS           writes a generated table of cases, whose outcome follows its columns
//	json FILE PATH REGEXP      wants FILE to be one JSON value and nothing else, and what lies at PATH to match;
//	                           PATH is keys and indexes with dots between, "." for the whole

func TestMain(m *testing.M) {
	// What is on this machine must not change what the tests see.
	for _, name := range []string{"GALEN_STORE", "GALEN_INDEX", "GALEN_HOME"} {
		os.Unsetenv(name)
	}
	testscript.Main(m, commands)
}

// commands are the programs that the tests find by name: this test binary under other names.
var commands = map[string]func(){"galen": main}

func TestScripts(t *testing.T) { testscript.Run(t, scripts()) }

func scripts() testscript.Params {
	return testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("GALEN_HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("GALEN_DATA", "")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":  scriptExits,
			"cohort": scriptCohort,
			"json":   scriptJSON,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	}
}

func scriptExits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := err.(interface{ ExitCode() int })
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit code %d, want %s", got, want)
	}
	if text := ts.ReadFile("stderr"); strings.Contains(text, "panic:") || strings.Contains(text, "goroutine ") {
		ts.Fatalf("it panicked:\n%s", text)
	}
}

func scriptCohort(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: cohort FILE ROWS")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(cohort(n)), 0o644))
}

func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH REGEXP")
	}
	text := ts.ReadFile(args[0])
	v, err := oneJSON(text)
	if err != nil {
		ts.Fatalf("%s is no JSON value: %v\n%s", args[0], err, text)
	}
	got, err := jsonAt(v, args[1])
	if err != nil {
		if neg {
			return
		}
		ts.Fatalf("%s: %v\n%s", args[0], err, text)
	}
	if regexp.MustCompile(args[2]).MatchString(got) == neg {
		ts.Fatalf("%s: at %s is %q\n%s", args[0], args[1], got, text)
	}
}

// oneJSON reads text that must be one JSON value.
func oneJSON(text string) (any, error) {
	var v any
	err := json.Unmarshal([]byte(text), &v)
	return v, err
}

func jsonAt(v any, path string) (string, error) {
	if path != "." {
		for key := range strings.SplitSeq(path, ".") {
			switch x := v.(type) {
			case map[string]any:
				inner, ok := x[key]
				if !ok {
					return "", fmt.Errorf("no key %q on the way to %s", key, path)
				}
				v = inner
			case []any:
				i, err := strconv.Atoi(key)
				if err != nil || i < 0 || i >= len(x) {
					return "", fmt.Errorf("no element %q on the way to %s", key, path)
				}
				v = x[i]
			default:
				return "", fmt.Errorf("nothing below %q on the way to %s", key, path)
			}
		}
	}
	if s, ok := v.(string); ok {
		return s, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// canary begins every patient's name in the generated cases. No output but predictions may hold it, and they
// have no place for it either.
const canary = "Quokka"

// cohort is a table of n cases whose outcome follows age, a laboratory value and the site.
func cohort(n int) string {
	rng := rand.New(rand.NewPCG(5, 6))
	var b strings.Builder
	b.WriteString("name,age (a),crp (mg/l),site,died\n")
	for i := range n {
		age, crp := 60+10*rng.NormFloat64(), 5+2*rng.NormFloat64()
		site := []string{"north", "south", "west"}[rng.IntN(3)]
		logit := 1.5*(age-60)/10 + 1.2*(crp-5)/2
		if site == "west" {
			logit++
		}
		died := "no"
		if rng.Float64() < 1/(1+math.Exp(-logit)) {
			died = "yes"
		}
		fmt.Fprintf(&b, "%s%04d,%.1f,%.2f,%s,%s\n", canary, i, age, crp, site, died)
	}
	return b.String()
}

// galen runs the command line in this process.
func galen(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = Main(args, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

// Every command of the tree says what it does with an example, every flag what it is for.
func TestEveryCommandHasHelp(t *testing.T) {
	code, text, _ := galen(t, "", "run", "diagnosis/risk", "--help")
	if code != 0 {
		t.Fatalf("galen run diagnosis/risk --help: exit code %d", code)
	}
	for i := range tasks[0].Params {
		if name := "--" + tasks[0].Params[i].Name + " "; !strings.Contains(text, name) {
			t.Errorf("galen run diagnosis/risk --help does not show %s", name)
		}
	}
	n := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		n++
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: the short text %q must be a phrase without full stop", c.CommandPath(), c.Short)
		}
		if !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s: the example %q does not show the command", c.CommandPath(), c.Example)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s has no help", c.CommandPath(), f.Name)
			}
		})
		code, text, stderr := galen(t, "", append(strings.Fields(c.CommandPath())[1:], "--help")...)
		if code != 0 || stderr != "" || !strings.Contains(text, "Examples:") {
			t.Errorf("%s --help: exit code %d, stderr %q, text:\n%s", c.CommandPath(), code, stderr, text)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk((&app{}).root())
	if n < 20 {
		t.Errorf("only %d commands were found", n)
	}
}

// The flags of each study command must be those of the task, whose names must not meet those of galen itself.
func TestParametersAreFlags(t *testing.T) {
	for _, command := range []string{"run", "collect", "preprocess", "train", "evaluate"} {
		for _, tk := range tasks {
			a := &app{}
			root := a.root()
			a.bindTaskFlags(root, []string{command, tk.Name})
			cmd, _, err := root.Find([]string{command})
			if err != nil {
				t.Fatal(err)
			}
			for i := range tk.Params {
				p := &tk.Params[i]
				f := cmd.Flags().Lookup(p.Name)
				if f == nil {
					t.Errorf("galen %s %s has no flag --%s", command, tk.Name, p.Name)
					continue
				}
				if !strings.HasPrefix(f.Usage, p.Help) {
					t.Errorf("--%s: the help %q is not the parameter's", p.Name, f.Usage)
				}
			}
		}
	}
}
