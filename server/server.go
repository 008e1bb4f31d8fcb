// Package server answers over HTTP what the command line answers: which tasks and runs there are, their
// reports, and predictions for new cases.
//
// It binds to the loopback address unless told otherwise, answers no other host name than the one it is
// reached by there (a web page elsewhere cannot use a reader's browser to ask it), takes bounded bodies and
// keeps no patient's values: a prediction's body is read, answered and forgotten, and the run's audit.jsonl
// gets hashes. Start reading at New.
package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"galen.dev/fault"
	"galen.dev/store"
	"galen.dev/task"
)

// Options say how to serve. The zero value is the default.
type Options struct {
	Home    func(w io.Writer) error // the page at /; nil = a plain list of runs
	MaxBody int64                   // bytes of a request's body; 0 = 64 MiB
	Hosts   []string                // host names that may be asked for besides localhost and loopback addresses
}

// New returns the handler of
//
//	GET  /                              the home page
//	GET  /runs/{run}/report.html        a run's report
//	GET  /v1/health                     {"status":"ok"}
//	GET  /v1/tasks                      the tasks with the JSON schemas of their studies
//	GET  /v1/runs                       the runs, newest first
//	GET  /v1/runs/{run}                 one run with its manifests
//	POST /v1/runs/{run}/predictions     cases in (JSON, JSON lines or CSV by Content-Type), predictions out
//	                                    (JSON, or by Accept: application/x-ndjson, text/csv)
//
// Errors are {"error":{"kind","message","hint","findings"}} with the status of their kind.
func New(x *task.Runner, o Options) http.Handler {
	s := &server{x: x, o: o}
	if s.o.MaxBody == 0 {
		s.o.MaxBody = 64 << 20
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /runs/{run}/report.html", s.report)
	mux.HandleFunc("GET /v1/health", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]string{"status": "ok"}) })
	mux.HandleFunc("GET /v1/tasks", s.tasks)
	mux.HandleFunc("GET /v1/runs", s.runs)
	mux.HandleFunc("GET /v1/runs/{run}", s.run)
	mux.HandleFunc("POST /v1/runs/{run}/predictions", s.predict)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, fault.WithHint(fault.Errorf(fault.NotFound, "there is no page %q", r.URL.Path), "start at /"))
	})
	return s.guard(mux)
}

type server struct {
	x *task.Runner
	o Options
}

// guard sets the headers that keep a page from loading or being loaded by anything else, and refuses
// requests that come by another name than the server's own: DNS rebinding, and pages of other origins.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if !s.knows(r.Host) {
			refuse(w, fault.Errorf(fault.Usage, "this server is not known by that name"))
			return
		}
		if o := r.Header.Get("Origin"); o != "" && o != "http://"+r.Host && o != "https://"+r.Host {
			refuse(w, fault.Errorf(fault.Usage, "a page of another origin may not ask"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, s.o.MaxBody)
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			// The stack tells where; the panic's own value is left out, because it may quote the input.
			log.Printf("galen: a defect stopped %s %s\n%s", r.Method, r.URL.Path, debug.Stack())
			refuse(w, fault.WithHint(fault.Errorf(fault.Internal, "a defect of Galen stopped this request"), "the server's log says where; please report it"))
		}()
		next.ServeHTTP(w, r)
	})
}

func (s *server) knows(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || strings.EqualFold(host, "localhost") {
		return true
	}
	for _, h := range s.o.Hosts {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}

func (s *server) home(w http.ResponseWriter, r *http.Request) {
	if s.o.Home == nil {
		http.Redirect(w, r, "/v1/runs", http.StatusSeeOther)
		return
	}
	var b bytes.Buffer
	if err := s.o.Home(&b); err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the reader has gone; nothing to do
}

// find finds the run of a request. Unlike the command line it takes no path: a client may not look around
// on this machine's disks.
func (s *server) find(r *http.Request) (store.RunInfo, error) {
	run := r.PathValue("run")
	if strings.ContainsAny(run, `/\`) || run == "." || run == ".." {
		return store.RunInfo{}, fault.WithHint(fault.Errorf(fault.NotFound, "no run %q", run), "/v1/runs lists the runs")
	}
	return s.x.FindRun(r.Context(), run)
}

func (s *server) report(w http.ResponseWriter, r *http.Request) {
	info, err := s.find(r)
	if err != nil {
		refuse(w, err)
		return
	}
	f, err := s.x.Store.Open(info.ID, string(task.Evaluate), "report.html")
	if err != nil {
		refuse(w, fault.WithHint(fault.Errorf(fault.NotFound, "run %s has no report", info.ID), "it is written by the evaluate step"))
		return
	}
	defer f.Close()
	http.ServeContent(w, r, "report.html", time.Time{}, f)
}

func (s *server) tasks(w http.ResponseWriter, _ *http.Request) {
	type row struct {
		Name   string         `json:"name"`
		Short  string         `json:"short"`
		Needs  string         `json:"needs"`
		Schema map[string]any `json:"schema"`
	}
	rows := make([]row, len(s.x.Tasks))
	for i, t := range s.x.Tasks {
		rows[i] = row{t.Name, t.Short, t.Needs, t.Schema()}
	}
	answer(w, rows)
}

func (s *server) runs(w http.ResponseWriter, r *http.Request) {
	infos, err := s.x.Store.List(r.Context(), store.Filter{Task: r.URL.Query().Get("task")})
	if err != nil {
		refuse(w, err)
		return
	}
	if infos == nil {
		infos = []store.RunInfo{}
	}
	answer(w, infos)
}

func (s *server) run(w http.ResponseWriter, r *http.Request) {
	info, err := s.find(r)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, info)
}

// predict answers with predictions. The whole answer is made first: half of one never goes out.
func (s *server) predict(w http.ResponseWriter, r *http.Request) {
	name, err := bodyName(r.Header.Get("Content-Type"))
	if err != nil {
		refuse(w, err)
		return
	}
	format, kind := task.JSON, "application/json"
	switch accept := r.Header.Get("Accept"); {
	case strings.Contains(accept, "ndjson"):
		format, kind = task.JSONLines, "application/x-ndjson"
	case strings.Contains(accept, "text/csv"):
		format, kind = task.CSV, "text/csv; charset=utf-8"
	}
	info, err := s.find(r)
	if err != nil {
		refuse(w, err)
		return
	}
	var b bytes.Buffer
	if _, err := s.x.Apply(r.Context(), info.ID, task.Input{Path: name, Reader: r.Body}, nil, &b, format); err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(b.Bytes())
}

// bodyName stands for the body in messages.
func bodyName(contentType string) (string, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = ""
	}
	switch kind {
	case "application/json":
		return "body.json", nil
	case "application/x-ndjson", "application/jsonl":
		return "body.jsonl", nil
	case "text/csv":
		return "body.csv", nil
	}
	return "", fault.WithHint(fault.Errorf(fault.Usage, "the Content-Type names no format of cases"), "send application/json, application/x-ndjson or text/csv")
}

func answer(w http.ResponseWriter, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		refuse(w, fmt.Errorf("encoding the answer: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(b, '\n'))
}

func refuse(w http.ResponseWriter, err error) {
	kind := fault.KindOf(err)
	status := kind.HTTPStatus()
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		kind, status = fault.Data, http.StatusRequestEntityTooLarge
	}
	message, _, _ := strings.Cut(err.Error(), "\n")
	hint, findings := fault.HintOf(err), fault.FindingsOf(err)
	if status == http.StatusRequestEntityTooLarge {
		hint = "send fewer cases at once"
	}
	if findings == nil {
		findings = []fault.Finding{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"kind": kind.String(), "message": message, "hint": hint, "findings": findings,
	}})
}

// Serve listens on addr until ctx is done, then lets running requests end. ready hears the address that it
// listens on.
func Serve(ctx context.Context, addr string, h http.Handler, ready func(net.Addr)) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fault.WithHint(fault.Errorf(fault.Unavailable, "listening on %s: %w", addr, err), "another program may use the port, or the address is not this machine's: choose one with --addr; 127.0.0.1:0 takes any free port")
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	if ready != nil {
		ready(l.Addr())
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fault.Errorf(fault.Unavailable, "serving on %s: %w", addr, err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		return errors.Join(err, os.ErrDeadlineExceeded)
	}
	return nil
}
