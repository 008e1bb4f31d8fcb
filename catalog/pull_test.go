package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"galen.dev/fault"
)

func wantKind(t *testing.T, err error, k fault.Kind, parts ...string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != k {
		t.Fatalf("got error %v of kind %v, want kind %v", err, fault.KindOf(err), k)
	}
	text := err.Error() + "\n" + fault.HintOf(err)
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("error %q does not say %q", text, p)
		}
	}
}

// files lists what a folder holds, without the provenance.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasSuffix(path, ".provenance.json") {
			out = append(out, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantWhole checks that a folder holds the publisher's file, entirely and alone.
func wantWhole(t *testing.T, p *publisher, dir string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, "area", "set.bin"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, p.content) {
		t.Errorf("the file on disk (%d bytes) is not the publisher's (%d bytes)", len(got), len(p.content))
	}
	if have := files(t, dir); len(have) != 1 {
		t.Errorf("left over: %v", have)
	}
}

func TestPull(t *testing.T) {
	for _, checksum := range []bool{true, false} {
		p, dir := publish(t, 3<<20), t.TempDir()
		var last Progress
		o := quick
		o.Progress = func(pr Progress) {
			if pr.Done < last.Done {
				t.Errorf("progress went back from %d to %d", last.Done, pr.Done)
			}
			last = pr
		}
		got, err := pull(t.Context(), p.entry(checksum), dir, o)
		if err != nil {
			t.Fatal(err)
		}
		wantWhole(t, p, dir)
		if want := (Progress{File: "area/set.bin", Done: 3 << 20, Total: 3 << 20}); last != want {
			t.Errorf("last progress is %+v", last)
		}
		if want := map[bool]Basis{true: Published, false: Unknown}[checksum]; got[0].Basis != want || got[0].Present {
			t.Errorf("pulled %+v", got[0])
		}
		text, err := os.ReadFile(filepath.Join(dir, "area", "set.bin.provenance.json"))
		if err != nil {
			t.Fatal(err)
		}
		var prov Provenance
		if err := json.Unmarshal(text, &prov); err != nil {
			t.Fatal(err)
		}
		if prov.URL != p.URL+"/set.bin" || prov.Licence != "CC0-1.0" || prov.SHA256 != got[0].SHA256 || prov.Size != 3<<20 || time.Since(prov.Fetched) > time.Minute {
			t.Errorf("provenance is %+v", prov)
		}

		// A second pull checks what is there and asks the server nothing.
		n := len(p.seen())
		again, err := pull(t.Context(), p.entry(checksum), dir, quick)
		if err != nil || !again[0].Present {
			t.Errorf("second pull: %+v, %v", again, err)
		}
		if want := map[bool]Basis{true: Published, false: Recorded}[checksum]; again[0].Basis != want {
			t.Errorf("second pull compared with %v", again[0].Basis)
		}
		if len(p.seen()) != n {
			t.Error("the second pull asked the server")
		}
	}
}

func TestResumeAfterCut(t *testing.T) {
	for name, set := range map[string]struct {
		change      func(p *publisher)
		checksum    bool
		wantRanges  []string
		wantIfRange string
	}{
		"etag":                       {func(p *publisher) {}, false, []string{"", "bytes=1000000-", "bytes=1500000-"}, `"v1"`},
		"checksum and no etag":       {func(p *publisher) { p.etag = "" }, true, []string{"", "bytes=1000000-", "bytes=1500000-"}, ""},
		"no etag, no checksum":       {func(p *publisher) { p.etag = "" }, false, []string{"", "", ""}, ""},
		"weak etag, no checksum":     {func(p *publisher) { p.etag = `W/"v1"` }, false, []string{"", "", ""}, ""},
		"server cannot do ranges":    {func(p *publisher) { p.ranges = false }, true, []string{"", "bytes=1000000-", "bytes=500000-"}, `"v1"`},
		"server is overloaded first": {func(p *publisher) { p.status = []int{503, 429} }, true, []string{"", "", "", "bytes=1000000-", "bytes=1500000-"}, `"v1"`},
	} {
		t.Run(name, func(t *testing.T) {
			p, dir := publish(t, 2_000_000), t.TempDir()
			p.cut = []int{1_000_000, 500_000}
			set.change(p)
			if _, err := pull(t.Context(), p.entry(set.checksum), dir, quick); err != nil {
				t.Fatal(err)
			}
			wantWhole(t, p, dir)
			var ranges []string
			for _, h := range p.seen() {
				ranges = append(ranges, h.Get("Range"))
			}
			if strings.Join(ranges, "|") != strings.Join(set.wantRanges, "|") {
				t.Errorf("asked for ranges %q, want %q", ranges, set.wantRanges)
			}
			if got := p.seen()[len(ranges)-1].Get("If-Range"); got != set.wantIfRange {
				t.Errorf("If-Range is %q", got)
			}
		})
	}
}

func TestResumeInALaterCall(t *testing.T) {
	p, dir := publish(t, 2_000_000), t.TempDir()
	p.cut = []int{1_200_000, 0, 0, 0, 0}
	_, err := pull(t.Context(), p.entry(true), dir, quick)
	wantKind(t, err, fault.Unavailable, "gave up", "goes on from there")
	if got := files(t, dir); strings.Join(got, " ") != "area/set.bin.part area/set.bin.part.json" {
		t.Errorf("kept %v", got)
	}
	p.mu.Lock()
	p.cut = nil
	n := len(p.requests)
	p.mu.Unlock()
	if _, err := pull(t.Context(), p.entry(true), dir, quick); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, p, dir)
	if got := p.seen()[n].Get("Range"); got != "bytes=1200000-" {
		t.Errorf("asked for %q", got)
	}
}

// The file changes at the publisher between two halves.
func TestChangedWhileCut(t *testing.T) {
	for _, etag := range []bool{true, false} {
		p, dir := publish(t, 2_000_000), t.TempDir()
		p.cut = []int{1_000_000, 0, 0, 0, 0}
		if !etag {
			p.etag = "" // then only the checksum can tell
		}
		old := p.entry(true)
		_, err := pull(t.Context(), old, dir, quick)
		wantKind(t, err, fault.Unavailable)
		p.mu.Lock()
		p.cut = nil
		p.content = bytes.Repeat([]byte("new"), 2_000_000/3+1)[:2_000_000]
		if etag {
			p.etag = `"v2"`
		}
		p.mu.Unlock()
		if _, err := pull(t.Context(), p.entry(true), dir, quick); err != nil {
			t.Fatalf("etag %v: %v", etag, err)
		}
		wantWhole(t, p, dir)
	}
}

func TestCompletePartOnly(t *testing.T) {
	p, dir := publish(t, 100_000), t.TempDir()
	e := p.entry(true)
	dest := filepath.Join(dir, "area", "set.bin")
	part, err := openPart(mkdirFor(t, dest))
	if err != nil {
		t.Fatal(err)
	}
	if err := part.begin(partState{URL: e.Files[0].URL}); err != nil {
		t.Fatal(err)
	}
	if _, err := part.file.Write(p.content); err != nil {
		t.Fatal(err)
	}
	part.release()
	if _, err := pull(t.Context(), e, dir, quick); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, p, dir)
}

func mkdirFor(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRefused(t *testing.T) {
	for name, set := range map[string]struct {
		change func(p *publisher, e *Entry)
		kind   fault.Kind
		say    []string
	}{
		"sha256":         {func(_ *publisher, e *Entry) { e.Files[0].SHA256 = strings.Repeat("0", 64) }, fault.Corrupt, []string{"SHA-256", "refused and removed", "example.org/page"}},
		"md5":            {func(_ *publisher, e *Entry) { e.Files[0].MD5 = strings.Repeat("0", 32) }, fault.Corrupt, []string{"MD5", "refused and removed"}},
		"size":           {func(_ *publisher, e *Entry) { e.Files[0].Size = 7 }, fault.Corrupt, []string{"300000 bytes", "has 7"}},
		"not found":      {func(p *publisher, _ *Entry) { p.status = []int{404, 404} }, fault.NotFound, []string{"404", "moved"}},
		"gone":           {func(p *publisher, _ *Entry) { p.status = []int{410} }, fault.NotFound, []string{"410"}},
		"forbidden":      {func(p *publisher, _ *Entry) { p.status = []int{403} }, fault.Unavailable, []string{"403", "everybody"}},
		"always failing": {func(p *publisher, _ *Entry) { p.status = []int{500, 502, 503, 504, 500, 500, 500} }, fault.Unavailable, []string{"gave up after 4 attempts", "504"}},
		"too short for ever": {func(p *publisher, e *Entry) {
			p.announce = 400_000
			e.Files[0].Size, e.Files[0].SHA256, e.Files[0].MD5 = 0, "", ""
			p.etag = ""
		}, fault.Unavailable, []string{"gave up", "cut after 300000 bytes"}},
		"no server":  {func(p *publisher, _ *Entry) { p.Close() }, fault.Unavailable, []string{"reaching the server"}},
		"no address": {func(_ *publisher, e *Entry) { e.Files[0].URL = "" }, fault.NotFound, []string{"no public address", "GALEN_DATA"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, dir := publish(t, 300_000), t.TempDir()
			e := p.entry(true)
			set.change(p, &e)
			_, err := pull(t.Context(), e, dir, quick)
			wantKind(t, err, set.kind, append(set.say, "test-set")...)
			if _, err := os.Stat(filepath.Join(dir, "area", "set.bin")); err == nil {
				t.Error("a refused file has its name")
			}
			if set.kind == fault.Corrupt {
				if got := files(t, dir); len(got) != 0 {
					t.Errorf("left over: %v", got)
				}
			}
		})
	}
}

// Without a published checksum the first download is the measure.
func TestFirstDownloadIsRemembered(t *testing.T) {
	p, dir := publish(t, 50_000), t.TempDir()
	if _, err := pull(t.Context(), p.entry(false), dir, quick); err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(dir, "area", "set.bin")
	if err := os.Remove(dest); err != nil {
		t.Fatal(err)
	}
	got, err := pull(t.Context(), p.entry(false), dir, quick)
	if err != nil || got[0].Basis != Recorded {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := os.Remove(dest); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.content[3] ^= 1
	p.mu.Unlock()
	_, err = pull(t.Context(), p.entry(false), dir, quick)
	wantKind(t, err, fault.Corrupt, "differs from the download of", "set.bin.provenance.json")
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("left over: %v", got)
	}
	if err := os.Remove(provenancePath(dest)); err != nil {
		t.Fatal(err)
	}
	if _, err := pull(t.Context(), p.entry(false), dir, quick); err != nil {
		t.Fatal(err)
	}
}

func TestForeignFileIsNotTouched(t *testing.T) {
	p, dir := publish(t, 50_000), t.TempDir()
	dest := mkdirFor(t, filepath.Join(dir, "area", "set.bin"))
	if err := os.WriteFile(dest, []byte("the user's own"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := pull(t.Context(), p.entry(true), dir, quick)
	wantKind(t, err, fault.Corrupt, "there already", "delete")
	if got, _ := os.ReadFile(dest); string(got) != "the user's own" {
		t.Error("it was changed")
	}
}

func TestCancelSlowServer(t *testing.T) {
	p, dir := publish(t, 1<<20), t.TempDir()
	p.delay = 5 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	o := quick
	o.Progress = func(Progress) { cancel() }
	began := time.Now()
	_, err := pull(ctx, p.entry(true), dir, o)
	if !errors.Is(err, context.Canceled) || fault.KindOf(err) != fault.Canceled {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("cancelling took %v", took)
	}
	if _, err := os.Stat(filepath.Join(dir, "area", "set.bin")); err == nil {
		t.Error("a part has the final name")
	}
	p.mu.Lock()
	p.delay = 0
	p.mu.Unlock()
	if _, err := pull(t.Context(), p.entry(true), dir, quick); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, p, dir)
}

func TestSilentServer(t *testing.T) {
	stop := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	defer srv.Close()
	defer close(stop)
	o := quick
	o.Retries, o.Idle = 1, 30*time.Millisecond
	e := Entry{Name: "silent", Files: []Resource{{Name: "x", URL: srv.URL}}}
	_, err := pull(t.Context(), e, t.TempDir(), o)
	wantKind(t, err, fault.Unavailable, "no byte came for 30ms")
}

// full fails as a full disk does, after some bytes.
type full struct {
	w    io.Writer
	left int
}

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		n, _ := f.w.Write(p[:f.left])
		f.left -= n
		return n, &os.PathError{Op: "write", Path: "part", Err: syscall.ENOSPC}
	}
	f.left -= len(p)
	return f.w.Write(p)
}

func TestDiskFull(t *testing.T) {
	p, dir := publish(t, 1<<20), t.TempDir()
	o := quick
	o.writer = func(w io.Writer) io.Writer { return &full{w, 600_000} }
	_, err := pull(t.Context(), p.entry(true), dir, o)
	wantKind(t, err, fault.Storage, "no space left", "full", "area/set.bin")
	if _, err := pull(t.Context(), p.entry(true), dir, quick); err != nil { // space was made
		t.Fatal(err)
	}
	wantWhole(t, p, dir)
	if got := p.seen()[1].Get("Range"); got == "" {
		t.Error("what was on the disk was fetched again")
	}
}

func TestDiskTooSmall(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("mounting a small file system needs root on Linux")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256k", "galen-test", dir).CombinedOutput(); err != nil {
		t.Skipf("mount: %v: %s", err, out)
	}
	defer func() { _ = exec.Command("umount", "-l", dir).Run() }()
	p := publish(t, 1<<20)
	_, err := pull(t.Context(), p.entry(true), dir, quick)
	wantKind(t, err, fault.Storage, "MB more", "free some space")
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("left over: %v", got)
	}
}

func TestNamesThatLeadOut(t *testing.T) {
	p, dir := publish(t, 10), t.TempDir()
	for _, name := range []string{"../x", "/tmp/x", "a/../../x", `a\..\x`, "", "c:x"} {
		e := p.entry(false)
		e.Files[0].Name = name
		if _, err := pull(t.Context(), e, filepath.Join(dir, "in"), quick); fault.KindOf(err) != fault.Usage {
			t.Errorf("name %q: %v", name, err)
		}
	}
	if len(p.seen()) > 0 {
		t.Error("the server was asked")
	}
}

func TestTwoPullsAtOnce(t *testing.T) {
	p, dir := publish(t, 200_000), t.TempDir()
	p.delay = time.Millisecond
	var wg sync.WaitGroup
	results := make([]error, 4)
	for i := range results {
		wg.Go(func() { _, results[i] = pull(t.Context(), p.entry(true), dir, quick) })
	}
	wg.Wait()
	good := 0
	for _, err := range results {
		switch {
		case err == nil:
			good++
		case fault.KindOf(err) != fault.Busy:
			t.Errorf("got %v", err)
		}
	}
	if good == 0 {
		t.Error("nobody succeeded")
	}
	wantWhole(t, p, dir)
}

func TestRedirects(t *testing.T) {
	p, dir := publish(t, 100_000), t.TempDir()
	p.cut = []int{50_000}
	front := httptest.NewServer(http.RedirectHandler(p.URL+"/set.bin", http.StatusFound))
	defer front.Close()
	e := p.entry(true)
	e.Files[0].URL = front.URL + "/set.bin"
	if _, err := pull(t.Context(), e, dir, quick); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, p, dir)
	prov, err := readProvenance(filepath.Join(dir, "area", "set.bin"))
	if err != nil || prov.URL != front.URL+"/set.bin" || prov.Served != p.URL+"/set.bin" {
		t.Errorf("provenance is %+v, %v", prov, err)
	}

	secure := httptest.NewTLSServer(http.RedirectHandler(p.URL+"/set.bin", http.StatusFound))
	defer secure.Close()
	e.Files[0].URL = secure.URL + "/set.bin"
	o := quick
	o.Client = secure.Client()
	_, err = pull(t.Context(), e, t.TempDir(), o)
	wantKind(t, err, fault.Unavailable, "from https to http")
}

func TestCompressedAnswerIsRefused(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "identity" {
			t.Error("compression was not declined")
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write([]byte("whatever"))
	}))
	defer srv.Close()
	e := Entry{Name: "zipped", Files: []Resource{{Name: "x", URL: srv.URL}}}
	_, err := pull(t.Context(), e, t.TempDir(), quick)
	wantKind(t, err, fault.Unavailable, "compressed")
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-9/10", "bytes 5-9/*", "bytes */10", "", "bytes 9-5/10", "bytes 0-9/99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		start, total, ok := parseContentRange(s)
		if ok && (start < 0 || total >= 0 && start >= total) || total < -1 {
			t.Errorf("%q gives %d, %d, %v", s, start, total, ok)
		}
	})
}

func FuzzProvenance(f *testing.F) {
	f.Add([]byte(`{"name":"x","sha256":"` + strings.Repeat("0", 64) + `","size":3}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parseProvenance(text)
		if err != nil {
			return
		}
		once, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseProvenance(once); err != nil {
			t.Fatalf("%q was written as %q: %v", text, once, err)
		}
	})
}

func TestPresentInAFolderThatIsNotWritable(t *testing.T) {
	p, dir := publish(t, 1000), t.TempDir()
	dest := mkdirFor(t, filepath.Join(dir, "area", "set.bin"))
	if err := os.WriteFile(dest, p.content, 0o444); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dest+".part", 0o777); err != nil { // opening the part would fail, for root as well
		t.Fatal(err)
	}
	got, err := pull(t.Context(), p.entry(true), dir, quick)
	if err != nil || !got[0].Present || got[0].Basis != Published {
		t.Errorf("%+v, %v", got, err)
	}
}

// A part of one address is never continued from another, even if both servers give the same tag.
func TestPartOfAnotherAddress(t *testing.T) {
	one, two, dir := publish(t, 200_000), publish(t, 200_000), t.TempDir()
	one.cut = []int{100_000, 0, 0, 0, 0}
	_, err := pull(t.Context(), one.entry(false), dir, quick)
	wantKind(t, err, fault.Unavailable)
	two.content = bytes.Repeat([]byte{7}, 200_000)
	if _, err := pull(t.Context(), two.entry(false), dir, quick); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, two, dir)
}

// A server that continues with more than the file had is refused, and its bytes are dropped.
func TestMoreThanAnnounced(t *testing.T) {
	first := true
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if first {
			first = false
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write(make([]byte, 50))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Range", "bytes 50-99/100")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(make([]byte, 500))
	}))
	defer srv.Close()
	dir := t.TempDir()
	e := Entry{Name: "long", Files: []Resource{{Name: "x", URL: srv.URL}}}
	_, err := pull(t.Context(), e, dir, quick)
	wantKind(t, err, fault.Corrupt, "more than the 100 bytes")
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("left over: %v", got)
	}
}
