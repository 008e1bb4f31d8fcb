// Package catalog names data sets: where their publishers keep them, their checksums, licences and
// citations, and where a copy lies on this machine.
//
// A set is looked for in the folders that GALEN_DATA lists, then among the small sets inside the program,
// then in the user's own data folder, into which Pull downloads. All these folders have the same layout, so
// a hospital without internet copies one and points GALEN_DATA at it. Nothing is ever sent or fetched but by
// Pull.
//
// What nobody has checked yet is marked: an entry that is Unverified has an address, a licence or an
// identifier that no download has proved so far. Where a publisher gives no checksum, Pull records the
// SHA-256 of the first download and refuses a later one that differs.
//
// Not here, and not to be added: copies of records that are given only to credentialed users (the full
// MIMIC-III, MIMIC-IV and eICU), which third parties republish against their terms. Who has access names
// the path of his own copy in a study, or puts its folder into GALEN_DATA.
//
// Start reading at Entry and Find; pull.go downloads; the tables are in images.go, patients.go, drugs.go,
// texts.go, generated.go.
package catalog

import (
	"path"
	"slices"
	"strings"

	"galen.dev/fault"
)

// Entry is one named data set.
type Entry struct {
	Name  string   // lower case, unique
	Title string   // one line
	Tasks []string // area/verb of the tasks it serves

	// Files is the set as it lies in a data folder. Upstream is the set as the publisher gives it, where
	// that is another form; nil where Files is that form. Pull fetches Upstream, or else Files.
	Files    []Resource
	Upstream []Resource

	Page       string // the publisher's page, for people
	Licence    string // SPDX identifier or a short description
	Citation   string
	Notes      string // what a user must know: splits, columns, quirks
	Unverified string // what nobody has checked yet; "" = nothing
	Synthetic  bool   // true where no real patient is behind it

	Target   string // column to predict, where the set has a usual one
	Positive string // the Target's level that counts as the event; "" = not binary, or it is 1
	Patient  string // column that names the patient; "" = a row is a patient
	Time     string // column with the follow-up time of a survival set; Target is its event
}

// Resource is one file, or one folder of many small files.
type Resource struct {
	Name   string // slash-separated path inside a data folder
	URL    string // where Pull fetches it; "" = it has no public address of its own
	SHA256 string // "" = not published, and not known from a copy; of a folder: see hashTree
	MD5    string // as published; "" = not published
	Size   int64  // bytes; 0 = not known
	Folder bool   // a folder; never fetched
	// Make generates the file, for sets that are made up; nil otherwise.
	Make    func() []byte
	Archive string // "zip", "tar", "tar.gz" where a loader has to open it; Galen never unpacks it on disk
}

// Fetched lists what Pull fetches.
func (e Entry) Fetched() []Resource {
	if e.Upstream != nil {
		return e.Upstream
	}
	return e.Files
}

// CanPull tells whether every file that Pull would fetch has an address.
func (e Entry) CanPull() bool {
	for _, r := range e.Fetched() {
		if r.URL == "" || r.Folder {
			return false
		}
	}
	return len(e.Fetched()) > 0
}

// Embedded tells whether the set is inside the program.
func (e Entry) Embedded() bool {
	if len(e.Files) == 0 {
		return false
	}
	for _, r := range e.Files {
		if !embedded(r) {
			return false
		}
	}
	return true
}

var entries = sorted(images, patients, drugs, texts, generated)

func sorted(tables ...func() []Entry) []Entry {
	var all []Entry
	for _, t := range tables {
		all = append(all, t()...)
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// All returns every entry, sorted by name. The slice is the caller's; what it refers to is not.
func All() []Entry { return slices.Clone(entries) }

// Lookup returns the entry of a name. Upper and lower case do not matter.
func Lookup(name string) (Entry, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	i, ok := slices.BinarySearchFunc(entries, name, func(e Entry, n string) int { return strings.Compare(e.Name, n) })
	if ok {
		return entries[i], nil
	}
	err := fault.Errorf(fault.NotFound, "no data set %q in the catalogue", name)
	if near := nearest(name); near != "" {
		return Entry{}, fault.WithHint(err, "did you mean %q? galen data list shows all", near)
	}
	return Entry{}, fault.WithHint(err, "galen data list shows all; a path to a file works as well")
}

// nearest proposes the name that was probably meant: one that contains what was typed, or one spelled alike.
func nearest(name string) string {
	all := make([]string, len(entries))
	for i, e := range entries {
		if len(name) >= 4 && strings.Contains(e.Name, name) {
			return e.Name
		}
		all[i] = e.Name
	}
	return fault.Nearest(name, all)
}

// group gives the fields that a family of entries shares to those that do not set them.
func group(common Entry, members ...Entry) []Entry {
	for i := range members {
		m := &members[i]
		m.Tasks = cmpOr(m.Tasks, common.Tasks)
		for _, f := range []struct{ to, from *string }{
			{&m.Page, &common.Page},
			{&m.Licence, &common.Licence},
			{&m.Citation, &common.Citation},
			{&m.Notes, &common.Notes},
			{&m.Unverified, &common.Unverified},
		} {
			if *f.to == "" {
				*f.to = *f.from
			}
		}
	}
	return members
}

func cmpOr(a, b []string) []string {
	if a != nil {
		return a
	}
	return b
}

// remote makes resources from addresses; each lies in folder dir under the last part of its address.
func remote(dir string, urls ...string) []Resource {
	out := make([]Resource, len(urls))
	for i, u := range urls {
		name := path.Base(strings.SplitN(u, "?", 2)[0])
		out[i] = Resource{Name: path.Join(dir, name), URL: u, Archive: archive(name)}
	}
	return out
}

func archive(name string) string {
	for _, kind := range []string{"tar.gz", "tar", "zip"} {
		if strings.HasSuffix(name, "."+kind) {
			return kind
		}
	}
	return ""
}
