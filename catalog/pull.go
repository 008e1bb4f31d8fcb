package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"galen.dev/fault"
)

// PullOptions configure a download. The zero value is the default.
type PullOptions struct {
	Client   *http.Client   // nil = one that honours the proxies of the environment
	Progress func(Progress) // called at most ten times a second and at the end of each file; nil = not wanted
	Retries  int            // attempts in a row that bring nothing new before it gives up; 0 = 6
	Wait     time.Duration  // before the first new attempt, doubled for each further one up to 30 s; 0 = 1 s
	Idle     time.Duration  // after so long without a byte a connection counts as cut; 0 = 1 min

	// writer wraps the file that is written; only tests set it.
	writer func(io.Writer) io.Writer
}

// Progress is how far a file has come.
type Progress struct {
	File  string // Resource.Name
	Done  int64  // bytes on disk
	Total int64  // bytes in all; -1 = the server does not say
}

// Pulled is a file that Pull has brought or found.
type Pulled struct {
	Check
	Present bool // it was there before, and nothing was fetched
}

// Pull downloads a set into folder dir ("" = Home). Each file is written beside its place under a name that
// ends in .part, compared with its checksum, and only then renamed; a download that was cut goes on where it
// stopped, in the same call and in a later one. A file that does not match is removed and refused. Files that
// are there already are checked and not fetched again. The caller shows the licence.
func Pull(ctx context.Context, name, dir string, o PullOptions) ([]Pulled, error) {
	e, err := Lookup(name)
	if err != nil {
		return nil, err
	}
	return pull(ctx, e, dir, o)
}

func pull(ctx context.Context, e Entry, dir string, o PullOptions) ([]Pulled, error) {
	if dir == "" {
		if dir = Home(); dir == "" {
			return nil, fault.WithHint(fault.Errorf(fault.Storage, "this user has no cache folder"), "name a folder, or set GALEN_HOME to one")
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("downloading %q: %w", e.Name, err)
	}
	if e.Embedded() {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "data set %q is inside the program", e.Name), "galen data path %s writes it to disk", e.Name)
	}
	if !e.CanPull() {
		return nil, fault.WithHint(fault.Errorf(fault.NotFound, "data set %q has no public address to download from", e.Name),
			"see %s, and put %s into a folder named by GALEN_DATA", e.Page, e.Files[0].Name)
	}
	o = o.withDefaults()
	var out []Pulled
	for _, r := range e.Fetched() {
		p, err := pullFile(ctx, e, r, dir, o)
		if err != nil {
			return out, fmt.Errorf("downloading %q of data set %q: %w", r.Name, e.Name, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func (o PullOptions) withDefaults() PullOptions {
	if o.Retries == 0 {
		o.Retries = 6
	}
	if o.Wait == 0 {
		o.Wait = time.Second
	}
	if o.Idle == 0 {
		o.Idle = time.Minute
	}
	client := http.Client{Transport: http.DefaultTransport}
	if o.Client != nil {
		client = *o.Client
	}
	if client.CheckRedirect == nil {
		client.CheckRedirect = refuseDowngrade
	}
	o.Client = &client
	return o
}

// refuseDowngrade lets a publisher redirect, but not from an encrypted to an open connection.
func refuseDowngrade(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("ten redirects in a row")
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fault.Errorf(fault.Unavailable, "the server redirects from https to %s", req.URL.Scheme)
	}
	return nil
}

func pullFile(ctx context.Context, e Entry, r Resource, dir string, o PullOptions) (Pulled, error) {
	local := filepath.FromSlash(r.Name)
	if !filepath.IsLocal(local) || strings.ContainsAny(r.Name, `\:`) {
		return Pulled{}, fault.Errorf(fault.Usage, "the name leads out of the data folder")
	}
	dest := filepath.Join(dir, local)
	have, ok, err := present(ctx, e, r, dest)
	if err != nil || ok {
		return have, err
	}
	if err := os.MkdirAll(filepath.Dir(dest), 0o777); err != nil {
		return Pulled{}, storageError(ctx, "making its folder", err)
	}
	part, err := openPart(dest)
	if err != nil {
		return Pulled{}, err
	}
	defer part.release()
	// The former holder of the part may just have finished.
	if have, ok, err = present(ctx, e, r, dest); err != nil || ok {
		return have, err
	}
	f := &fetch{r: r, o: o, part: part}
	sums, err := f.whole(ctx)
	if err != nil {
		return Pulled{}, err
	}
	return settle(e, r, dest, f, sums)
}

// present checks a file that is there already. One that does not match is not touched: it may be the
// user's.
func present(ctx context.Context, e Entry, r Resource, dest string) (Pulled, bool, error) {
	st, err := os.Stat(dest)
	if errors.Is(err, fs.ErrNotExist) {
		return Pulled{}, false, nil
	}
	if err == nil && !st.Mode().IsRegular() {
		err = fault.Errorf(fault.Storage, "%q is not a regular file", dest)
	}
	if err != nil {
		return Pulled{}, false, storageError(ctx, "looking for it", err)
	}
	l := Local{Resource: r, Path: dest}
	c, err := Found{Entry: e, Files: []Local{l}}.check(ctx, l)
	if fault.KindOf(err) == fault.Corrupt {
		err = fault.WithHint(fmt.Errorf("the file that is there already: %w", err), "delete %q and pull again", dest)
	}
	return Pulled{Check: c, Present: true}, err == nil, err
}

// settle compares a complete download with what is known of it, and gives it its name.
func settle(e Entry, r Resource, dest string, f *fetch, sums Sums) (Pulled, error) {
	out := Pulled{Check: Check{Local: Local{Resource: r, Path: dest}, Sums: sums}}
	var err error
	if out.Basis, err = judge(r, sums); err != nil {
		f.part.discard()
		return out, fault.WithHint(fmt.Errorf("what the server sent was refused and removed: it %w", err),
			"the publisher may have changed the file, or something on the way did; compare with %s", e.Page)
	}
	if out.Basis == Unknown {
		before, err := readProvenance(dest)
		if err != nil {
			return out, err
		}
		if before != nil && before.SHA256 != sums.SHA256 {
			f.part.discard()
			return out, fault.WithHint(fault.Errorf(fault.Corrupt, "what the server sent was refused and removed: it differs from the download of %s",
				before.Fetched.Format("2006-01-02")), "if the publisher has changed the file on purpose, delete %q and pull again", provenancePath(dest))
		}
		if before != nil {
			out.Basis = Recorded
		}
	}
	p := Provenance{
		Name: e.Name, URL: r.URL, ETag: f.etag, Fetched: time.Now().UTC().Truncate(time.Second), Sums: sums, Basis: out.Basis,
		Licence: e.Licence, Citation: e.Citation,
	}
	if f.served != r.URL {
		p.Served = f.served
	}
	// The provenance first: a file without one would pass as unchecked, a provenance without its file is
	// only compared with the next download.
	if err := p.write(dest); err != nil {
		return out, err
	}
	if err := f.part.publish(dest); err != nil {
		return out, storageError(context.Background(), "giving it its name", err)
	}
	return out, nil
}
