//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"galen.dev/store"
	"galen.dev/task"
)

// This file is about what happens to a run whose process is killed, stopped or not alone. The tests run the
// test binary again as another process, under the names galen and dying.

func init() { commands["dying"] = dying }

// dying runs a study as galen does, with trouble at a step: `dying TROUBLE STEP ARGS...`, where ARGS are those of
// `galen run`. Trouble is
//
//	started   kill -9 when the step begins
//	half      kill -9 when the step has begun to write files
//	finished  kill -9 when the step is published
//	hold      say "held" when the step begins, and wait until standard input ends
func dying() {
	trouble, step, args := os.Args[1], task.StepName(os.Args[2]), os.Args[3:]
	ctx := context.Background()
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, quiet: true}
	root := a.root()
	a.bindTaskFlags(root, args)
	cmd, rest, err := root.Find(args)
	check(err)
	check(cmd.ParseFlags(rest))
	s, err := a.study(cmd, cmd.Flags().Arg(0))
	check(err)
	x, err := a.runner(ctx)
	check(err)
	x.Monitor = func(e task.Event) {
		if e.Step != step {
			return
		}
		switch {
		case string(e.Kind) == trouble:
			kill()
		case e.Kind == task.Started && trouble == "half":
			go func() {
				for {
					if files, _ := filepath.Glob(filepath.Join(a.folder, s.Name+"-*", ".stage*"+string(step)+"*", "*")); len(files) > 0 {
						kill()
					}
				}
			}()
		case e.Kind == task.Started && trouble == "hold":
			fmt.Println("held")
			_, _ = io.Copy(io.Discard, os.Stdin)
		}
	}
	_, err = x.Run(ctx, s, task.Evaluate)
	check(err)
	if trouble != "hold" {
		kill() // half of a quick step may not have been seen
	}
	check(a.close())
}

func kill() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(99)
	}
}

// trial is a small study in a folder of its own.
type trial struct {
	root string
	args []string // of galen run
}

func newTrial(t *testing.T, more ...string) trial {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cases.csv"), []byte(cohort(80)))
	root := filepath.Join(dir, "runs")
	return trial{root, append([]string{
		"run", "diagnosis/risk", "-q", "--store", root, "--data", filepath.Join(dir, "cases.csv"), "--name", "small",
		"--target", "died", "--exclude", "name", "--model", "logistic", "--folds", "3", "--bootstrap", "100",
	}, more...)}
}

// sums are the hashes of all that the steps of the trial's only run left.
func (tr trial) sums(t *testing.T) map[string]string {
	t.Helper()
	s, err := store.Open(t.Context(), tr.root, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	runs, err := s.List(t.Context(), store.Filter{})
	if err != nil || len(runs) != 1 || runs[0].Problem != "" {
		t.Fatalf("the store lists %+v, %v", runs, err)
	}
	info, err := s.Run(t.Context(), runs[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range info.Steps {
		if err := s.Verify(t.Context(), info.ID, m.Step); err != nil {
			t.Error(err)
		}
		for _, f := range m.Outputs {
			out[m.Step+"/"+f.Name] = f.SHA256
		}
	}
	return out
}

// hidden lists what steps left half-written.
func (tr trial) hidden(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(tr.root, "*", ".*"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range found {
		if info, err := os.Stat(f); err == nil && info.IsDir() {
			out = append(out, f)
		}
	}
	return out
}

// A run that is killed in the middle of any step leaves a whole store, and the next run goes on from the last
// finished step to the same bytes.
func TestKilledInEachStep(t *testing.T) {
	undisturbed := newTrial(t)
	if code, _, stderr := galen(t, "", undisturbed.args...); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	// Reports and manifests name the data's folder and the times; the hashes of everything else must agree.
	want := undisturbed.sums(t)
	for i, step := range task.Steps() {
		for _, trouble := range []string{"started", "half", "finished"} {
			t.Run(string(step)+"/"+trouble, func(t *testing.T) {
				t.Parallel()
				tr := trial{filepath.Join(t.TempDir(), "runs"), append([]string(nil), undisturbed.args...)}
				for k, a := range tr.args {
					if a == undisturbed.root {
						tr.args[k] = tr.root
					}
				}
				cmd := exec.Command("dying", append([]string{trouble, string(step)}, tr.args...)...)
				out, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("it was not killed: %v\n%s", err, out)
				}
				left := tr.sums(t) // whole as far as it got
				for name, sum := range left {
					if want[name] != sum {
						t.Errorf("after the kill, %s has other bytes", name)
					}
				}
				code, stdout, stderr := galen(t, "", append(tr.args, "--json")...)
				if code != 0 {
					t.Fatalf("the next run: exit code %d\n%s", code, stderr)
				}
				v, err := oneJSON(stdout)
				if err != nil {
					t.Fatal(err)
				}
				for k := range i {
					if got, _ := jsonAt(v, fmt.Sprintf("steps.%d.outcome", k)); got != "skipped" {
						t.Errorf("step %d was %s, and it had been done before the kill", k, got)
					}
				}
				got := tr.sums(t)
				if len(got) != len(want) {
					t.Errorf("%d files, want %d", len(got), len(want))
				}
				for name, sum := range want {
					if got[name] != sum {
						t.Errorf("%s has other bytes than after an undisturbed run", name)
					}
				}
				if left := tr.hidden(t); len(left) > 0 {
					t.Errorf("left half-written: %v", left)
				}
			})
		}
	}
}

// A second process on the same run is turned away, and the first ends undisturbed. Reading needs no lock.
func TestTwoProcessesOnOneRun(t *testing.T) {
	tr := newTrial(t)
	cmd := exec.Command("dying", append([]string{"hold", "train"}, tr.args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "held\n" {
		t.Fatal(line, err)
	}
	code, stdout, stderr := galen(t, "", tr.args...)
	checkRefusal(t, refusal{code: 5, want: []string{fmt.Sprintf("is in use by process %d, since 20", cmd.Process.Pid)}}, code, stdout, stderr)
	code, stdout, _ = galen(t, "", append(tr.args, "--json")...)
	v, err := oneJSON(stdout)
	if kind, _ := jsonAt(v, "error.kind"); err != nil || code != 5 || kind != "busy" {
		t.Errorf("--json: exit code %d, kind %q, %v", code, kind, err)
	}
	if code, stdout, stderr := galen(t, "", "runs", "list", "--store", tr.root); code != 0 || !strings.Contains(stdout, "up to preprocess") {
		t.Errorf("runs list meanwhile: exit code %d\n%s%s", code, stdout, stderr)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the first process: %v", err)
	}
	code, stdout, stderr = galen(t, "", tr.args...)
	if code != 0 || strings.Count(stdout, "skipped") != 4 {
		t.Errorf("after it: exit code %d\n%s%s", code, stdout, stderr)
	}
}

// signalled starts galen, waits until its stderr shows the text, sends the signal and returns what came of it.
func signalled(t *testing.T, sig syscall.Signal, text string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command("galen", args...)
	var out strings.Builder
	cmd.Stdout = &out
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe() // open and silent, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	sent := false
	if text == "" {
		time.Sleep(300 * time.Millisecond) // it waits for its input and says nothing
		sent = true
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewScanner(errs)
	for lines.Scan() {
		stderr += lines.Text() + "\n"
		if !sent && strings.Contains(stderr, text) {
			sent = true
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() < 0 {
		t.Fatalf("it did not stop by itself: %v\n%s", err, stderr)
	}
	if !sent {
		t.Fatalf("it never said %q:\n%s", text, stderr)
	}
	return cmd.ProcessState.ExitCode(), out.String(), stderr
}

// Ctrl-C stops soon, leaves nothing half-written and exits with 130; so does a service manager's SIGTERM.
func TestStoppedInTheMiddle(t *testing.T) {
	stopped := regexp.MustCompile(`galen: error: stopped; nothing half-written was left, and running it again goes on from the last finished step\n$`)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t, "--model", "forest", "--trees", "100000", "-q=false")
			begin := time.Now()
			code, stdout, stderr := signalled(t, sig, "train      …", tr.args...)
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("it took %v to stop", took)
			}
			if code != 130 || stdout != "" || !stopped.MatchString(stderr) {
				t.Errorf("exit code %d, stdout %q, stderr:\n%s", code, stdout, stderr)
			}
			if left := tr.hidden(t); len(left) > 0 {
				t.Errorf("left half-written: %v", left)
			}
			for name := range tr.sums(t) {
				if strings.HasPrefix(name, "train/") {
					t.Errorf("%s was published", name)
				}
			}
			args := append([]string{"preprocess"}, tr.args[1:]...)
			if code, stdout, _ := galen(t, "", args...); code != 0 || strings.Count(stdout, "skipped") != 2 {
				t.Errorf("what was finished is not there any more: exit code %d\n%s", code, stdout)
			}
		})
	}
	t.Run("waiting for input", func(t *testing.T) {
		t.Parallel()
		root := finishedRun(t, "train")
		out := filepath.Join(t.TempDir(), "out.csv")
		code, stdout, stderr := signalled(t, syscall.SIGINT, "", "apply", "--store", root, "small", "-", "--out", out)
		if code != 130 || stdout != "" || !stopped.MatchString(stderr) {
			t.Errorf("exit code %d, stdout %q, stderr:\n%s", code, stdout, stderr)
		}
		if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
			t.Errorf("left half-written: %v", left)
		}
	})
}
