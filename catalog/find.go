package catalog

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"galen.dev/fault"
)

//go:embed embedded/*.csv
var samples embed.FS

// embedded tells whether a resource is inside the program, under the last part of its name.
func embedded(r Resource) bool {
	if r.Make != nil {
		return true
	}
	f, err := samples.Open(samplePath(r))
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}

// content is a resource that is inside the program, or made by it.
func content(r Resource) ([]byte, error) {
	if r.Make != nil {
		return r.Make(), nil
	}
	return samples.ReadFile(samplePath(r))
}

func samplePath(r Resource) string { return "embedded/" + path.Base(r.Name) }

// Found is a data set as it lies on this machine.
type Found struct {
	Entry Entry
	Dir   string // the data folder that holds it; "" = inside the program
	Files []Local
}

// Local is a file, or a folder, of a set that was found.
type Local struct {
	Resource
	Path string // absolute; "" = inside the program
}

// Open opens a file by its Resource.Name; "" names the only file of a set that has one.
func (f Found) Open(name string) (io.ReadCloser, error) {
	for _, l := range f.Files {
		if l.Folder || (l.Name != name && (name != "" || len(f.Files) > 1)) {
			continue
		}
		if l.Path == "" {
			data, err := content(l.Resource)
			return io.NopCloser(bytes.NewReader(data)), err
		}
		file, err := os.Open(l.Path)
		if err != nil {
			return nil, storageError(noContext, fmt.Sprintf("opening %q of data set %q", l.Name, f.Entry.Name), err)
		}
		return file, nil
	}
	if name == "" {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "data set %q has several files", f.Entry.Name),
			"name one of them: %s", strings.Join(names(f.Files), ", "))
	}
	return nil, fault.WithHint(fault.Errorf(fault.NotFound, "data set %q has no file %q", f.Entry.Name, name),
		"it has %s", strings.Join(names(f.Files), ", "))
}

func names(files []Local) []string {
	out := make([]string, len(files))
	for i, l := range files {
		out[i] = l.Name
	}
	return out
}

// Folders are the data folders of this user, in the order in which they are searched: those of GALEN_DATA,
// then Home. The program's own sets come between the two.
func Folders() []string {
	var out []string
	for _, dir := range filepath.SplitList(os.Getenv("GALEN_DATA")) {
		if dir != "" {
			out = append(out, dir)
		}
	}
	if home := Home(); home != "" {
		out = append(out, home)
	}
	return out
}

// Home is the folder into which Pull downloads when it is not told another: $GALEN_HOME/data, or galen/data
// in the user's cache folder. It is "" where the system has no such folder.
func Home() string {
	if home := os.Getenv("GALEN_HOME"); home != "" {
		return filepath.Join(home, "data")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "galen", "data")
}

// Find looks for all files of a set in GALEN_DATA's folders, in the program, and in Home. A set of which a
// folder holds only some files counts as absent there, and the error says which are missing.
func Find(ctx context.Context, name string) (Found, error) {
	e, err := Lookup(name)
	if err != nil {
		return Found{}, err
	}
	folders, home := Folders(), Home()
	var partial []string
	for _, dir := range folders {
		if err := ctx.Err(); err != nil {
			return Found{}, err
		}
		if dir == home && e.Embedded() {
			continue
		}
		found, missing, err := findIn(e, dir)
		if err != nil {
			return Found{}, err
		}
		if missing == nil {
			return found, nil
		}
		if len(missing) < len(e.Files) {
			partial = append(partial, fmt.Sprintf("%s lacks %s", dir, strings.Join(missing, ", ")))
		}
	}
	if e.Embedded() {
		found := Found{Entry: e}
		for _, r := range e.Files {
			found.Files = append(found.Files, Local{Resource: r})
		}
		return found, nil
	}
	err = fault.Errorf(fault.NotFound, "data set %q is not on this machine", e.Name)
	if len(partial) > 0 {
		err = fault.Errorf(fault.NotFound, "data set %q is not complete: %s", e.Name, strings.Join(partial, "; "))
	}
	if e.CanPull() {
		return Found{}, fault.WithHint(err, "galen data pull %s downloads it (licence: %s), or set GALEN_DATA to a folder that has it", e.Name, e.Licence)
	}
	return Found{}, fault.WithHint(err, "it has no address to download from: see %s, and put %s into a folder named by GALEN_DATA", e.Page, e.Files[0].Name)
}

// findIn looks in one folder for a form of the set that is complete there. Otherwise it returns the names
// that are missing from Files.
func findIn(e Entry, dir string) (Found, []string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Found{}, nil, fmt.Errorf("finding data set %q: %w", e.Name, err)
	}
	var missing []string
	for _, form := range [][]Resource{e.Files, e.Upstream} {
		found := Found{Entry: e, Dir: abs}
		var lacks []string
		for _, r := range form {
			full := filepath.Join(abs, filepath.FromSlash(r.Name))
			st, err := os.Stat(full)
			switch {
			case err == nil && st.IsDir() == r.Folder:
				found.Files = append(found.Files, Local{Resource: r, Path: full})
			case err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
				lacks = append(lacks, r.Name)
			default:
				return Found{}, nil, fmt.Errorf("finding data set %q: %w", e.Name, err)
			}
		}
		if len(form) > 0 && lacks == nil {
			return found, nil, nil
		}
		if missing == nil {
			missing = lacks
		}
	}
	return Found{}, missing, nil
}

// Open opens the only file of a set, wherever it is, and returns its name, by whose extension a reader
// knows the format.
func Open(ctx context.Context, name string) (file io.ReadCloser, fileName string, err error) {
	found, err := Find(ctx, name)
	if err != nil {
		return nil, "", err
	}
	file, err = found.Open("")
	if err != nil {
		return nil, "", err
	}
	return file, path.Base(found.Files[0].Name), nil
}

// Path is where a set lies on disk: its file, or for several the deepest folder that holds them all. A set
// inside the program is first written to Home.
func Path(ctx context.Context, name string) (string, error) {
	found, err := Find(ctx, name)
	if err != nil {
		return "", err
	}
	if found.Dir == "" {
		if found, err = found.Extract(); err != nil {
			return "", err
		}
	}
	common := found.Files[0].Path
	for _, l := range found.Files[1:] {
		for common != l.Path && !strings.HasPrefix(l.Path, common+string(filepath.Separator)) {
			common = filepath.Dir(common)
		}
	}
	return common, nil
}

// Extract writes a set of the program to Home, unless it is there already as it should be.
func (found Found) Extract() (Found, error) {
	home := Home()
	if home == "" {
		return found, fault.WithHint(fault.Errorf(fault.Storage, "this user has no cache folder"), "set GALEN_HOME to a folder")
	}
	found.Dir = home
	files := make([]Local, len(found.Files))
	for i, l := range found.Files {
		text, err := content(l.Resource)
		if err != nil {
			return found, fmt.Errorf("reading data set %q: %w", found.Entry.Name, err)
		}
		l.Path = filepath.Join(home, filepath.FromSlash(l.Name))
		if have, err := os.ReadFile(l.Path); err != nil || !bytes.Equal(have, text) {
			if err := writeWhole(l.Path, text); err != nil {
				return found, err
			}
		}
		files[i] = l
	}
	found.Files = files
	return found, nil
}
