//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"galen.dev/task"
)

// The server as a user starts it: where it listens, reports, predictions, one refusal, the end by Ctrl-C.
func TestServe(t *testing.T) {
	root := finishedRun(t, "run")
	cmd := exec.Command("galen", "serve", "--store", root, "--addr", "127.0.0.1:0")
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewReader(errs)
	first, err := lines.ReadString('\n')
	m := regexp.MustCompile(`^serving .*runs at (http://127\.0\.0\.1:\d+) \(Ctrl-C stops\)\n$`).FindStringSubmatch(first)
	if err != nil || m == nil {
		t.Fatalf("%q, %v", first, err)
	}
	ask := func(method, path, kind, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, m[1]+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", kind)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	code, page := ask("GET", "/", "", "")
	link := regexp.MustCompile(`href="(/runs/small-[0-9a-f]+/report\.html)"`).FindStringSubmatch(page)
	if code != 200 || link == nil {
		t.Fatalf("the home page: %d\n%.500s", code, page)
	}
	if code, text := ask("GET", link[1], "", ""); code != 200 || !strings.Contains(text, "AUROC") || strings.Contains(text, canary) {
		t.Errorf("the report: %d", code)
	}
	code, text := ask("POST", "/v1/runs/small/predictions", "application/json", `{"age (a)": 71.5, "crp (mg/l)": 6.2, "site": "north"}`)
	var got []struct {
		Risk *float64
		Case int
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != 200 || len(got) != 1 || got[0].Risk == nil {
		t.Errorf("a prediction: %d %s", code, text)
	}
	// The command line says the same of the same case.
	_, line, _ := galen(t, `{"age (a)": 71.5, "crp (mg/l)": 6.2, "site": "north"}`, "apply", "--store", root, "small", "-", "--json")
	if line != text {
		t.Errorf("apply says\n%s\nthe server\n%s", line, text)
	}
	for body, want := range map[string]string{
		`{"age (a)": "` + canary + `", "crp (mg/l)": ` + secret + `, "site": "north"}`: `age (a)`,
		`{"crp (mg/l)": ` + secret + `}`:                                               `age (a)`,
		`{"` + canary:                                                                  `body.json`,
		``:                                                                             `body.json`,
	} {
		code, text := ask("POST", "/v1/runs/small/predictions", "application/json", body)
		if code != 422 || !strings.Contains(text, want) || strings.Contains(text, canary) || strings.Contains(text, secret) {
			t.Errorf("%s: %d %s", body, code, text)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(lines)
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if string(rest) != "" || out.String() != "" {
		t.Errorf("it said more: %q %q", rest, &out)
	}
}

// A defect has exit code 1, not that of a wrong command line, and does not repeat what it stumbled over.
func TestDefect(t *testing.T) {
	defer func(before []*task.Task) { tasks = before }(tasks)
	tasks = append(tasks, &task.Task{Name: "area/defect", Collect: func(context.Context, *task.Run) error { panic("at " + canary) }})
	code, stdout, stderr := galen(t, "", "run", "area/defect", "--data", "wdbc", "--store", t.TempDir())
	if code != 1 || stdout != "" || !strings.Contains(stderr, "galen: error: a defect of Galen") || !strings.Contains(stderr, "serve_test.go:") || strings.Contains(stderr, canary) {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}
