package dicom

import (
	"io"

	"galen.dev/fault"
)

const (
	windowSize = 32 << 10 // how much is read at once: the attributes of most images
	inlineSize = 64 << 10 // values beyond it stay in the file
)

// window reads a file piece by piece.
type window struct {
	src  io.ReaderAt
	size int64
	base int64 // place of buf in the file
	buf  []byte
	room []byte
}

// at returns n bytes from a place in the file, which stay valid until the next call. n must lie inside the file
// and be no more than inlineSize.
func (w *window) at(place int64, n int) ([]byte, error) {
	from := place - w.base
	if from >= 0 && from+int64(n) <= int64(len(w.buf)) {
		return w.buf[from : from+int64(n)], nil
	}
	if place < 0 || place+int64(n) > w.size {
		return nil, io.ErrUnexpectedEOF
	}
	want := min(int64(max(n, windowSize)), w.size-place)
	if int64(len(w.room)) < want {
		w.room = make([]byte, want)
	}
	w.buf, w.base = w.room[:want], place
	if err := readFull(w.src, w.buf, place); err != nil {
		w.buf = nil
		return nil, err
	}
	return w.buf[:n], nil
}

// small is at for a few bytes far from all others: it reads no more than it needs.
func (w *window) small(place int64, room []byte) ([]byte, error) {
	from := place - w.base
	if from >= 0 && from+int64(len(room)) <= int64(len(w.buf)) {
		return w.buf[from : from+int64(len(room))], nil
	}
	if place < 0 || place+int64(len(room)) > w.size {
		return nil, io.ErrUnexpectedEOF
	}
	return room, readFull(w.src, room, place)
}

// arena hands out memory for small values from few blocks.
type arena []byte

func (a *arena) copy(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	if len(b) > 1024 {
		return append([]byte(nil), b...)
	}
	if len(*a)+len(b) > cap(*a) {
		*a = make([]byte, 0, 4096)
	}
	n := len(*a)
	*a = append(*a, b...)
	return (*a)[n:len(*a):len(*a)]
}

// faults collects findings; of one name at one attribute it keeps the first and counts.
type faults struct {
	file string
	list []fault.Finding
	seen map[faultKey]int
}

type faultKey struct{ name, column string }

// maxFaults bounds the findings of one file.
const maxFaults = 200

func (f *faults) add(x fault.Finding) {
	key := faultKey{x.Name, x.Column}
	if i, ok := f.seen[key]; ok {
		f.list[i].Count = max(f.list[i].Count, 1) + 1
		return
	}
	if len(f.list) >= maxFaults {
		return
	}
	if f.seen == nil {
		f.seen = map[faultKey]int{}
	}
	f.seen[key] = len(f.list)
	x.File = f.file
	f.list = append(f.list, x)
}

func (f *faults) warn(name string, t Tag, message string) {
	f.add(fault.Finding{Name: name, Severity: fault.Warning, Column: t.String(), Message: message})
}
