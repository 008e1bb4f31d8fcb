package nn

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"galen.dev/fault"
)

// WriteTo writes the archive as a safetensors file, entries in their order. Same archive, same bytes.
func (a *Archive) WriteTo(w io.Writer) (int64, error) {
	header, err := a.header()
	if err != nil {
		return 0, err
	}
	n, err := w.Write(header)
	written := int64(n)
	for i := range a.Entries {
		if err != nil {
			break
		}
		n, err = w.Write(a.Entries[i].Data)
		written += int64(n)
	}
	return written, err
}

// Save writes the archive to a file, at once or not at all: see writeWhole.
func (a *Archive) Save(path string) error {
	return writeWhole(path, func(w io.Writer) error {
		_, err := a.WriteTo(w)
		return err
	})
}

// header is the length and the JSON of the header, padded so that the data begin at a multiple of 8.
func (a *Archive) header() ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	b.WriteByte('{')
	comma := ""
	field := func(name string, value any) error {
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		text, err := json.Marshal(value)
		fmt.Fprintf(&b, "%s%s:%s", comma, key, text)
		comma = ","
		return err
	}
	if len(a.Metadata) > 0 {
		if err := field("__metadata__", a.Metadata); err != nil {
			return nil, err
		}
	}
	seen, offset := map[string]bool{"__metadata__": true}, 0
	for i := range a.Entries {
		e := &a.Entries[i]
		want, ok := byteSize(e.Dims, sizes[e.DType])
		if seen[e.Name] || sizes[e.DType] == 0 || !ok || want != uint64(len(e.Data)) {
			return nil, fault.Errorf(fault.Internal, "array %q of type %s %v cannot be written: its name is taken, or its data do not match", e.Name, e.DType, e.Dims)
		}
		seen[e.Name] = true
		err := field(e.Name, struct {
			DType   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}{e.DType, append([]int{}, e.Dims...), [2]int{offset, offset + len(e.Data)}})
		if err != nil {
			return nil, err
		}
		offset += len(e.Data)
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if b.Len()-8 > maxHeader {
		return nil, fault.Errorf(fault.Internal, "a header of %d bytes is more than a safetensors file may have", b.Len()-8)
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(b.Len()-8))
	return b.Bytes(), nil
}

// writeWhole writes a file so that its path holds the old content or the whole new one, also after a crash: to a
// temporary file beside it, to the disk, then renamed. Temporary files begin with a dot and end in .partial.
func writeWhole(path string, fill func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.partial")
	if err != nil {
		return fault.Disk("writing "+path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fault.Disk("writing "+path, err)
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	err = fill(w)
	for _, step := range []func() error{w.Flush, f.Sync, func() error { return f.Chmod(0o644) }} {
		if err == nil {
			err = step()
		}
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

// removePartial deletes what a killed writer left in a folder.
func removePartial(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return fault.Disk("listing "+dir, err)
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), ".") || !strings.HasSuffix(f.Name(), ".partial") {
			continue
		}
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.Disk("removing a half-written file", err)
		}
	}
	return nil
}
