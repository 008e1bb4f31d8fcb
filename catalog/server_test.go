package catalog

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// publisher is a real HTTP server on the loopback that behaves, or misbehaves, as its fields say.
type publisher struct {
	*httptest.Server

	mu       sync.Mutex
	content  []byte
	etag     string        // sent when not empty
	ranges   bool          // answers Range
	cut      []int         // the connection breaks after so many bytes, request by request; then no more
	status   []int         // these statuses first
	delay    time.Duration // after each kilobyte
	announce int64         // Content-Length to claim; 0 = the true one
	requests []http.Header
}

func publish(t *testing.T, size int) *publisher {
	t.Helper()
	p := &publisher{content: make([]byte, size), etag: `"v1"`, ranges: true}
	for i := range p.content {
		p.content[i] = byte(i * i >> 3)
	}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r.Header.Clone())
	body, etag, delay := p.content, p.etag, p.delay
	status, cut := http.StatusOK, -1
	if len(p.status) > 0 {
		status, p.status = p.status[0], p.status[1:]
	} else if len(p.cut) > 0 {
		cut, p.cut = p.cut[0], p.cut[1:]
	}
	ranges, announce := p.ranges, p.announce
	p.mu.Unlock()

	if status != http.StatusOK {
		w.WriteHeader(status)
		return
	}
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	length := int64(len(body))
	want := r.Header.Get("If-Range")
	if from, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && ranges && (want == "" || want == etag) {
		start, _ := strconv.Atoi(strings.TrimSuffix(from, "-"))
		if start >= len(body) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(body)))
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(body)-1, len(body)))
		body, status, length = body[start:], http.StatusPartialContent, int64(len(body)-start)
	}
	if announce != 0 {
		length = announce
	}
	w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	w.WriteHeader(status)
	if cut >= 0 && cut < len(body) {
		body = body[:cut]
	}
	for len(body) > 0 {
		n := min(1024, len(body))
		if delay == 0 {
			n = len(body)
		}
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		body = body[n:]
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(delay):
		}
	}
	if cut >= 0 {
		panic(http.ErrAbortHandler) // breaks the connection
	}
}

func (p *publisher) seen() []http.Header {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

// entry describes what the publisher has.
func (p *publisher) entry(checksum bool) Entry {
	r := Resource{Name: "area/set.bin", URL: p.URL + "/set.bin"}
	if checksum {
		s, m := sha256.Sum256(p.content), md5.Sum(p.content)
		r.SHA256, r.MD5, r.Size = hex.EncodeToString(s[:]), hex.EncodeToString(m[:]), int64(len(p.content))
	}
	return Entry{Name: "test-set", Page: "https://example.org/page", Licence: "CC0-1.0", Citation: "Nobody (2026)", Files: []Resource{r}}
}

// quick are options that do not make tests wait.
var quick = PullOptions{Retries: 3, Wait: time.Millisecond}
