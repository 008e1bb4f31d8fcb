package server

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"galen.dev/fault"
	"galen.dev/store"
	"galen.dev/task"
)

// secret is in the bodies of requests; nothing but predictions may repeat it.
const secret = "Quokka-98765"

// echo is a small task whose model repeats lines of the input with what the input is called.
var echo = &task.Task{
	Name: "area/echo", Short: "Repeats", Needs: "Lines", Long: "Long",
	Params:  []task.Param{{Name: "n", Kind: task.Int, Unit: "1", Step: task.Train, Help: "N."}},
	Collect: func(_ context.Context, r *task.Run) error { return r.WriteFile("data", []byte("data")) },
	Train:   func(_ context.Context, r *task.Run) error { return r.WriteFile("model", []byte("model")) },
	Evaluate: func(_ context.Context, r *task.Run) error {
		r.Metric("score", .5)
		return r.WriteFile("report.html", []byte("<!DOCTYPE html><title>Report</title>"))
	},
	Apply: func(ctx context.Context, r *task.Run) error {
		in, err := r.Input.Read()
		if err != nil {
			return err
		}
		defer in.Close()
		data, err := io.ReadAll(in)
		if err != nil {
			return fmt.Errorf("reading %q: %w", r.Input.Path, err)
		}
		var findings []fault.Finding
		for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
			switch line {
			case "bad":
				findings = append(findings, fault.Finding{Name: "bad-row", Severity: fault.Severe, File: r.Input.Path, Rows: []int{i + 1}, Message: "a bad row"})
			case "panic":
				panic("a defect at " + string(data))
			case "odd":
				return errors.New("odd trouble")
			}
			if err := r.Emit(said{r.Input.Path, line}); err != nil {
				return err
			}
		}
		return fault.Refuse("the cases", findings)
	},
}

type said struct {
	From string `json:"from"`
	Line string `json:"line"`
}

func (s said) CSV() (header, cells []string) {
	return []string{"from", "line"}, []string{s.From, s.Line}
}

type site struct {
	t    *testing.T
	x    *task.Runner
	url  string
	run  string // id of a finished run, whose study is called done
	half string // id of a run without model
}

func newSite(t *testing.T, o Options) *site {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), filepath.Join(dir, "runs"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	data := filepath.Join(dir, "data.txt")
	if err := os.WriteFile(data, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	x := &task.Runner{Tasks: []*task.Task{echo}, Store: s, Version: "test"}
	res, err := x.Run(t.Context(), &task.Study{Name: "done", Task: echo.Name, Data: data}, task.Evaluate)
	if err != nil {
		t.Fatal(err)
	}
	half, err := x.Run(t.Context(), &task.Study{Name: "half", Task: echo.Name, Data: data}, task.Collect)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(New(x, o))
	t.Cleanup(srv.Close)
	return &site{t, x, srv.URL, res.Run, half.Run}
}

// ask sends a request; headers are name, value, name, value. "Host" sets the host.
func (s *site) ask(method, path, body string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
		if got := res.Header.Get(name); got != want {
			s.t.Errorf("%s %s: %s is %q", method, path, name, got)
		}
	}
	if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") {
		s.t.Errorf("%s %s: the policy is %q", method, path, csp)
	}
	return res, string(text)
}

// refused wants an error of this status and kind, with the words in its message or hint.
func (s *site) refused(status int, kind, words, method, path, body string, headers ...string) {
	s.t.Helper()
	res, text := s.ask(method, path, body, headers...)
	var e struct {
		Error struct {
			Kind, Message, Hint string
			Findings            []fault.Finding
		}
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		s.t.Errorf("%s %s: no JSON: %v\n%s", method, path, err, text)
	}
	if res.StatusCode != status || e.Error.Kind != kind || !strings.Contains(e.Error.Message+e.Error.Hint, words) || res.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s %s: %s, %s\nwant %d, kind %s, words %q", method, path, res.Status, text, status, kind, words)
	}
	if strings.Contains(text, secret) || strings.Contains(e.Error.Message, "\n") {
		s.t.Errorf("%s %s: the error holds what it must not:\n%s", method, path, text)
	}
}

func (s *site) value(path string) (v any) {
	s.t.Helper()
	res, text := s.ask("GET", path, "")
	if err := json.Unmarshal([]byte(text), &v); err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" {
		s.t.Fatalf("GET %s: %s, %v\n%s", path, res.Status, err, text)
	}
	return v
}

func TestReading(t *testing.T) {
	s := newSite(t, Options{})
	if v := fmt.Sprint(s.value("/v1/health")); v != "map[status:ok]" {
		t.Error(v)
	}
	tasks := s.value("/v1/tasks").([]any)
	if got := tasks[0].(map[string]any); got["name"] != "area/echo" || got["schema"].(map[string]any)["type"] != "object" {
		t.Errorf("%v", got)
	}
	runs := s.value("/v1/runs").([]any)
	if len(runs) != 2 || runs[0].(map[string]any)["id"] != s.half {
		t.Errorf("%v", runs)
	}
	if v := s.value("/v1/runs?task=no/such").([]any); len(v) != 0 {
		t.Errorf("%v", v)
	}
	for _, name := range []string{s.run, s.run[:6], "done"} {
		run := s.value("/v1/runs/" + name).(map[string]any)
		if run["id"] != s.run || len(run["steps"].([]any)) != 3 || run["metrics"].(map[string]any)["score"] != .5 {
			t.Errorf("%s: %v", name, run)
		}
	}
	for _, name := range []string{s.run, "done"} {
		res, text := s.ask("GET", "/runs/"+name+"/report.html", "")
		if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || !strings.Contains(text, "<title>Report</title>") {
			t.Errorf("the report of %s: %s %s\n%s", name, res.Status, res.Header, text)
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "http") {
			t.Errorf("the policy of a report is %q", csp)
		}
	}
	if res, text := s.ask("HEAD", "/runs/done/report.html", ""); res.StatusCode != 200 || text != "" {
		t.Errorf("HEAD: %s %q", res.Status, text)
	}
	if res, _ := s.ask("GET", "/", ""); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/v1/runs" {
		t.Errorf("/ without a home page: %s", res.Status)
	}
	s.refused(404, "not-found", "start at /", "GET", "/nowhere", "")
	s.refused(404, "not-found", `no run "nosuch"`, "GET", "/v1/runs/nosuch", "")
	s.refused(404, "not-found", `no run "nosuch"`, "GET", "/runs/nosuch/report.html", "")
	s.refused(404, "not-found", "evaluate step", "GET", "/runs/half/report.html", "")
}

func TestMethods(t *testing.T) {
	s := newSite(t, Options{})
	for _, c := range [][2]string{{"POST", "/v1/runs"}, {"DELETE", "/v1/runs/done"}, {"PUT", "/v1/health"}, {"GET", "/v1/runs/done/predictions"}, {"POST", "/"}} {
		res, _ := s.ask(c[0], c[1], "")
		if res.StatusCode != http.StatusMethodNotAllowed && res.StatusCode != http.StatusNotFound {
			t.Errorf("%s %s: %s", c[0], c[1], res.Status)
		}
	}
	if _, err := s.x.Store.Run(t.Context(), s.run); err != nil {
		t.Error(err)
	}
}

// A client names runs of the store and nothing else on the disk.
func TestNoPaths(t *testing.T) {
	s := newSite(t, Options{})
	outside := newSite(t, Options{})
	folder := filepath.Join(outside.x.Store.Root(), outside.run)
	for _, name := range []string{"%2e%2e", "..%2fruns%2f" + s.run, strings.ReplaceAll(folder, "/", "%2f"), "%2fetc%2fpasswd", "..%5cx"} {
		s.refused(404, "not-found", "no run", "GET", "/v1/runs/"+name, "")
		s.refused(404, "not-found", "no run", "GET", "/runs/"+name+"/report.html", "")
		s.refused(404, "not-found", "no run", "POST", "/v1/runs/"+name+"/predictions", "x", "Content-Type", "text/csv")
	}
}

func TestHome(t *testing.T) {
	s := newSite(t, Options{Home: func(w io.Writer) error { _, err := io.WriteString(w, "<p>home"); return err }})
	if res, text := s.ask("GET", "/", ""); res.StatusCode != 200 || text != "<p>home" || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%s %q", res.Status, text)
	}
	s = newSite(t, Options{Home: func(w io.Writer) error {
		_, _ = io.WriteString(w, "half of")
		return fault.Errorf(fault.Storage, "disk trouble")
	}})
	s.refused(507, "storage", "disk trouble", "GET", "/", "")
}

// Other names for the server, and pages of other origins, are refused: a web page elsewhere cannot use the
// browser of somebody near the server.
func TestForeign(t *testing.T) {
	s := newSite(t, Options{Hosts: []string{"galen.hospital.example"}})
	port := s.url[strings.LastIndex(s.url, ":"):]
	for _, host := range []string{"evil.example", "evil.example" + port, "localhost.evil.example", "10.0.0.1", "127.0.0.1.evil.example", "0.0.0.0", "[::2]"} {
		s.refused(400, "usage", "not known by that name", "GET", "/v1/runs", "", "Host", host)
		s.refused(400, "usage", "not known by that name", "POST", "/v1/runs/done/predictions", secret, "Host", host, "Content-Type", "text/csv")
	}
	for _, host := range []string{"localhost", "LOCALHOST" + port, "127.0.0.1", "127.8.9.1", "[::1]", "[::1]" + port, "galen.hospital.example", "Galen.Hospital.Example:80"} {
		if res, text := s.ask("GET", "/v1/health", "", "Host", host); res.StatusCode != 200 {
			t.Errorf("%s: %s %s", host, res.Status, text)
		}
	}
	for _, origin := range []string{"http://evil.example", "null", "http://localhost:1", "file://", "http://127.0.0.1"} {
		s.refused(400, "usage", "another origin", "POST", "/v1/runs/done/predictions", secret, "Origin", origin, "Content-Type", "text/csv")
		s.refused(400, "usage", "another origin", "GET", "/v1/runs", "", "Origin", origin)
	}
	if res, text := s.ask("POST", "/v1/runs/done/predictions", "x", "Origin", s.url, "Content-Type", "text/csv"); res.StatusCode != 200 {
		t.Errorf("its own origin: %s %s", res.Status, text)
	}
	if res, _ := s.ask("OPTIONS", "/v1/runs/done/predictions", "", "Origin", s.url, "Access-Control-Request-Method", "POST"); res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("other origins are let in")
	}
}

func TestPredictions(t *testing.T) {
	s := newSite(t, Options{})
	for kind, name := range map[string]string{
		"application/json": "body.json", "application/json; charset=utf-8": "body.json", "APPLICATION/JSON": "body.json",
		"application/x-ndjson": "body.jsonl", "application/jsonl": "body.jsonl", "text/csv": "body.csv", "text/csv; header=present": "body.csv",
	} {
		res, text := s.ask("POST", "/v1/runs/done/predictions", "a\nb\n", "Content-Type", kind)
		var got []said
		if err := json.Unmarshal([]byte(text), &got); err != nil || res.StatusCode != 200 || len(got) != 2 || got[1] != (said{name, "b"}) || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %s", kind, res.Status, text)
		}
	}
	for _, c := range []struct{ accept, kind, want string }{
		{"", "application/json", "[\n{"},
		{"*/*", "application/json", "[\n{"},
		{"application/json", "application/json", "[\n{"},
		{"application/x-ndjson", "application/x-ndjson", `{"from":"body.csv","line":"a"}` + "\n{"},
		{"text/csv", "text/csv; charset=utf-8", "from,line\nbody.csv,a\n"},
	} {
		res, text := s.ask("POST", "/v1/runs/"+s.run+"/predictions", "a\nb\n", "Content-Type", "text/csv", "Accept", c.accept)
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != c.kind || !strings.HasPrefix(text, c.want) {
			t.Errorf("%s: %s %s\n%s", c.accept, res.Status, res.Header.Get("Content-Type"), text)
		}
	}
	audit, err := os.ReadFile(filepath.Join(s.x.Store.Root(), s.run, "audit.jsonl"))
	if err != nil || bytes.Count(audit, []byte("\n")) != 12 {
		t.Errorf("the audit has not a line for each: %v\n%s", err, audit)
	}

	post := "/v1/runs/done/predictions"
	for _, kind := range []string{"", "text/plain", "application/xml", "multipart/form-data; boundary=x", ";;;", "application/x-www-form-urlencoded"} {
		s.refused(400, "usage", "application/json, application/x-ndjson or text/csv", "POST", post, secret, "Content-Type", kind)
	}
	s.refused(404, "not-found", `no run "nosuch"`, "POST", "/v1/runs/nosuch/predictions", secret, "Content-Type", "text/csv")
	s.refused(404, "not-found", "no model yet", "POST", "/v1/runs/half/predictions", secret, "Content-Type", "text/csv")
	s.refused(422, "data", "the cases: 1 finding", "POST", post, secret+"\nbad\n", "Content-Type", "text/csv")
	s.refused(500, "internal", "odd trouble", "POST", post, secret+"\nodd\n", "Content-Type", "text/csv")
}

func TestBodyLimit(t *testing.T) {
	s := newSite(t, Options{MaxBody: 1000})
	post := "/v1/runs/done/predictions"
	if res, text := s.ask("POST", post, strings.Repeat("x", 1000), "Content-Type", "text/csv"); res.StatusCode != 200 {
		t.Errorf("at the limit: %s %.100s", res.Status, text)
	}
	s.refused(413, "data", "too large", "POST", post, strings.Repeat(secret, 1000), "Content-Type", "text/csv")
}

// A defect in one request neither ends the server nor answers with half of something, and the log says where it
// is without a word of the input.
func TestPanic(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	s := newSite(t, Options{})
	s.refused(500, "internal", "a defect of Galen stopped this request", "POST", "/v1/runs/done/predictions", secret+"\npanic\n", "Content-Type", "text/csv")
	if text := logged.String(); strings.Contains(text, secret) || !strings.Contains(text, "POST /v1/runs/done/predictions") || !strings.Contains(text, "server_test.go:") {
		t.Errorf("the log says:\n%s", text)
	}
	if res, _ := s.ask("GET", "/v1/health", ""); res.StatusCode != 200 {
		t.Errorf("after it: %s", res.Status)
	}
}

func TestConcurrentPredictions(t *testing.T) {
	s := newSite(t, Options{})
	var wg sync.WaitGroup
	const clients, each = 8, 10
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				line := fmt.Sprintf("client %d case %d", c, i)
				res, err := http.Post(s.url+"/v1/runs/done/predictions", "text/csv", strings.NewReader(line))
				if err != nil {
					t.Error(err)
					return
				}
				var got []said
				err = json.NewDecoder(res.Body).Decode(&got)
				res.Body.Close()
				if err != nil || len(got) != 1 || got[0].Line != line {
					t.Errorf("%s: %v, %v", line, got, err)
				}
			}
		})
	}
	wg.Wait()
	audit, err := os.ReadFile(filepath.Join(s.x.Store.Root(), s.run, "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(audit)) {
		var a struct {
			Input string `json:"input_sha256"`
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("a line of the audit is broken: %v\n%s", err, line)
		}
		seen[a.Input] = true
	}
	if len(seen) != clients*each {
		t.Errorf("the audit knows %d inputs of %d", len(seen), clients*each)
	}
}

// Without an audit no prediction goes out.
func TestNoAuditNoPrediction(t *testing.T) {
	s := newSite(t, Options{})
	if err := os.Mkdir(filepath.Join(s.x.Store.Root(), s.run, "audit.jsonl"), 0o755); err != nil {
		t.Fatal(err)
	}
	res, text := s.ask("POST", "/v1/runs/done/predictions", secret, "Content-Type", "text/csv")
	if res.StatusCode < 500 || strings.Contains(text, secret) || !strings.Contains(text, "no prediction goes without its audit") {
		t.Errorf("%s %s", res.Status, text)
	}
}

func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	entered, leave := make(chan bool), make(chan bool)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			entered <- true
			<-leave
		}
		_, _ = io.WriteString(w, "whole")
	})
	addr := make(chan net.Addr, 1)
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, "127.0.0.1:0", h, func(a net.Addr) { addr <- a }) }()
	base := "http://" + (<-addr).String()
	answered := make(chan string, 1)
	go func() {
		res, err := http.Get(base + "/slow")
		if err != nil {
			answered <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		answered <- string(b)
	}()
	<-entered
	cancel() // with a request under way: it is let end
	select {
	case err := <-ended:
		t.Fatalf("it ended before its request: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(leave)
	if got := <-answered; got != "whole" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := Serve(t.Context(), l.Addr().String(), h, nil); fault.KindOf(err) != fault.Unavailable || fault.HintOf(err) == "" {
		t.Errorf("a port that is taken: %v", err)
	}
}

func TestCSVAnswerIsCSV(t *testing.T) {
	s := newSite(t, Options{})
	_, text := s.ask("POST", "/v1/runs/done/predictions", "a,\"b\"\n=c", "Content-Type", "text/csv", "Accept", "text/csv")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][1] != `a,"b"` {
		t.Errorf("%v, %v", rows, err)
	}
}
