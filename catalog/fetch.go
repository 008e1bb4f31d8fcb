package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"galen.dev/fault"
)

// noContext stands for "this is too short to be cancelled".
var noContext = context.Background()

// fetch brings one file into its part.
type fetch struct {
	r      Resource
	o      PullOptions
	part   *part
	served string // address that answered
	etag   string
	total  int64 // bytes in all, as far as the server said; -1 = not known
	shown  time.Time
}

// retryable marks a failure after which another attempt makes sense.
type retryable struct {
	err   error
	after time.Duration // as the server wished; 0 = no wish
}

func (r *retryable) Error() string { return r.err.Error() }
func (r *retryable) Unwrap() error { return r.err }

// whole brings the file, over as many attempts as it takes, and returns its fingerprints. Attempts are
// counted afresh only when one has come further than any before, so it always ends.
func (f *fetch) whole(ctx context.Context) (Sums, error) {
	wait, failures, furthest, anew := f.o.Wait, 0, int64(0), false
	for {
		resumed, err := f.attempt(ctx)
		if err == nil {
			sums, err := f.fingerprint(ctx)
			if err != nil {
				return sums, err
			}
			// A part that was continued and does not match may have begun with another version.
			if _, bad := judge(f.r, sums); bad == nil || !resumed || anew {
				return sums, nil
			}
			anew = true
			if err := f.part.begin(partState{}); err != nil {
				return sums, storageError(ctx, "beginning again", err)
			}
			continue
		}
		var again *retryable
		if ctx.Err() != nil {
			return Sums{}, ctx.Err()
		}
		if !errors.As(err, &again) {
			return Sums{}, err
		}
		if _, have := f.part.state(); have > furthest {
			furthest, failures, wait = have, 0, f.o.Wait
		}
		if failures++; failures > f.o.Retries {
			return Sums{}, fault.WithHint(fault.Errorf(fault.Unavailable, "gave up after %d attempts: %w", failures, again.err),
				"try again later: what has been fetched is kept, and the download goes on from there")
		}
		pause := max(wait, min(again.after, time.Minute))
		wait = min(2*wait, 30*time.Second)
		select {
		case <-ctx.Done():
			return Sums{}, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (f *fetch) fingerprint(ctx context.Context) (Sums, error) {
	if err := f.part.at(0); err != nil {
		return Sums{}, storageError(ctx, "reading it back", err)
	}
	sums, err := sum(ctx, f.part.file)
	return sums, storageError(ctx, "reading it back", err)
}

// attempt makes one request and copies its body. It says whether it continued an earlier part.
func (f *fetch) attempt(ctx context.Context) (resumed bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(f.o.Idle, func() { cancel(errors.New("no byte came for " + f.o.Idle.String())) })
	defer idle.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.r.URL, nil)
	if err != nil {
		return false, fault.Errorf(fault.Internal, "malformed address: %w", err)
	}
	req.Header.Set("Accept-Encoding", "identity") // the checksum is of the file, not of a compression of it
	req.Header.Set("User-Agent", "galen")
	offset := f.resumeFrom(req)
	resp, err := f.o.Client.Do(req)
	if err != nil {
		return false, f.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	f.served, f.etag = resp.Request.URL.String(), resp.Header.Get("ETag")

	start, err := f.accept(resp, offset)
	if err != nil || f.total == start && start > 0 {
		return start > 0, err
	}
	if err := f.room(start); err != nil {
		return false, err
	}
	return start > 0, f.copy(ctx, resp, start, idle)
}

func (f *fetch) unreachable(ctx context.Context, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return known
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return &retryable{err: fmt.Errorf("reaching the server: %w", err)}
}

// resumeFrom asks for the rest of a part, where it is sure that the part belongs to the same file: by a
// validator that the server will check, or by a checksum that will tell afterwards.
func (f *fetch) resumeFrom(req *http.Request) int64 {
	st, have := f.part.state()
	if have == 0 || st.URL != f.r.URL || (st.Validator == "" && f.r.SHA256 == "" && f.r.MD5 == "") {
		return 0
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	if st.Validator != "" {
		req.Header.Set("If-Range", st.Validator)
	}
	return have
}

// accept reads the head of an answer and returns where its body begins in the file.
func (f *fetch) accept(resp *http.Response, offset int64) (int64, error) {
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return 0, fault.Errorf(fault.Unavailable, "the server sends the file compressed (%s), though it was asked not to", enc)
	}
	switch {
	case resp.StatusCode == http.StatusPartialContent && offset > 0:
		start, total, ok := parseContentRange(resp.Header.Get("Content-Range"))
		if !ok || start != offset {
			return 0, f.restart("the server answered with another range than was asked for")
		}
		f.total = total
	case resp.StatusCode == http.StatusOK: // the server cannot resume, or the file has changed
		offset, f.total = 0, resp.ContentLength
		if err := f.part.begin(partState{URL: f.r.URL, Validator: validator(resp.Header)}); err != nil {
			return 0, storageError(noContext, "beginning", err)
		}
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && offset > 0:
		if _, total, _ := parseContentRange(resp.Header.Get("Content-Range")); total == offset {
			f.total = total // it was complete already
			return offset, nil
		}
		return 0, f.restart("the server no longer has the file that was begun")
	default:
		return 0, refusal(resp)
	}
	if f.r.Size > 0 && f.total >= 0 && f.total != f.r.Size {
		f.part.empty()
		return 0, fault.Errorf(fault.Corrupt, "the server offers %d bytes; the file has %d", f.total, f.r.Size)
	}
	return offset, nil
}

// restart forgets the part and tries again from the beginning.
func (f *fetch) restart(why string) error {
	f.part.empty()
	return &retryable{err: errors.New(why)}
}

// refusal turns a status into an error.
func refusal(resp *http.Response) error {
	status := fmt.Errorf("the server answers %s", resp.Status)
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound || code == http.StatusGone:
		return fault.WithHint(fault.Errorf(fault.NotFound, "%w", status), "the publisher has moved or removed the file: see the page that galen data list shows")
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= 500:
		return &retryable{err: status, after: retryAfter(resp.Header.Get("Retry-After"))}
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fault.WithHint(fault.Errorf(fault.Unavailable, "%w", status), "the publisher, or a proxy on the way, does not give this file to everybody")
	}
	return fault.Errorf(fault.Unavailable, "%w", status)
}

func retryAfter(header string) time.Duration {
	if s, err := strconv.Atoi(header); err == nil && s > 0 {
		return time.Duration(min(s, 3600)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// validator returns what If-Range may carry (RFC 9110, 13.1.5): a strong ETag or a date.
func validator(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return h.Get("Last-Modified")
}

// parseContentRange reads "bytes START-END/TOTAL" and "bytes */TOTAL" (RFC 9110, 14.4); a total that is not
// given is -1.
func parseContentRange(s string) (start, total int64, ok bool) {
	rest, isBytes := strings.CutPrefix(s, "bytes ")
	span, size, cut := strings.Cut(rest, "/")
	if !isBytes || !cut {
		return 0, -1, false
	}
	total = -1
	if size != "*" {
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil || n < 0 {
			return 0, -1, false
		}
		total = n
	}
	from, to, cut := strings.Cut(span, "-")
	start, err := strconv.ParseInt(from, 10, 64)
	end, err2 := strconv.ParseInt(to, 10, 64)
	if !cut || err != nil || err2 != nil || start < 0 || end < start || total >= 0 && end != total-1 {
		return 0, total, false
	}
	return start, total, true
}

// room refuses a download for which the disk has no place, before it has filled it.
func (f *fetch) room(start int64) error {
	free, known := freeBytes(filepath.Dir(f.part.path))
	need := f.total - start
	if f.total < 0 || !known || free >= need {
		return nil
	}
	return fault.WithHint(fault.Errorf(fault.Storage, "it needs %d MB more, and the disk has %d MB left", need>>20+1, free>>20),
		"free some space, or pull into another folder")
}

// copy writes the body into the part, from byte start on.
func (f *fetch) copy(ctx context.Context, resp *http.Response, start int64, idle *time.Timer) error {
	if err := f.part.at(start); err != nil {
		return storageError(noContext, "writing the part file", err)
	}
	var w io.Writer = f.part.file
	if f.o.writer != nil {
		w = f.o.writer(w)
	}
	done := start
	buf := make([]byte, 256<<10)
	for {
		n, err := resp.Body.Read(buf)
		idle.Reset(f.o.Idle)
		if f.total >= 0 && done+int64(n) > f.total {
			f.part.empty()
			return fault.Errorf(fault.Corrupt, "the server sent more than the %d bytes that it announced", f.total)
		}
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return storageError(noContext, "writing the part file", werr)
			}
			done += int64(n)
			f.show(done, false)
		}
		if err == io.EOF && (f.total < 0 || done == f.total) {
			f.total = done
			f.show(done, true)
			return nil
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return &retryable{err: fmt.Errorf("the connection was cut after %d bytes: %w", done, err)}
		}
	}
}

func (f *fetch) show(done int64, last bool) {
	if f.o.Progress == nil || (!last && time.Since(f.shown) < 100*time.Millisecond) {
		return
	}
	f.shown = time.Now()
	f.o.Progress(Progress{File: f.r.Name, Done: done, Total: f.total})
}
