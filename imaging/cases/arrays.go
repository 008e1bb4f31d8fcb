package cases

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"galen.dev/fault"
	"galen.dev/volume"
	"galen.dev/volume/npy"
)

// arrays is the layout of MedMNIST: arrays train_images, train_labels and so on in an archive of NumPy or a folder,
// or images and labels alone. nil where the source is none.
func (s *source) arrays(ctx context.Context) (*layout, error) {
	parts := map[string]string{}
	for _, name := range s.files {
		if before, ok := strings.CutSuffix(path.Base(name), "images.npy"); ok && path.Dir(name) == "." {
			parts[strings.TrimSuffix(before, "_")] = name
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	l := &layout{name: "MedMNIST arrays", kind: Unlabelled}
	var order []string
	for _, key := range []string{"", "train", "val", "test"} {
		if parts[key] != "" {
			order = append(order, key)
		}
	}
	if len(order) < len(parts) {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "reading arrays: besides images, the names of arrays begin with train_, val_ or test_"), "MedMNIST's are train_images, train_labels, and likewise for val and test")
	}
	labels := make([]*npy.Array, len(order))
	counts := make([]int, len(order))
	for i, key := range order {
		var err error
		if counts[i], err = s.arrayCount(parts[key]); err != nil {
			return nil, err
		}
		l.total += counts[i]
		name := strings.TrimSuffix(parts[key], "images.npy") + "labels.npy"
		if !slices.Contains(s.files, name) {
			continue
		}
		if labels[i], err = npy.ReadFile(ctx, s.fsys, name); err != nil {
			return nil, reading(name, err)
		}
		if n := labels[i].Shape; len(n) == 0 || len(n) > 2 || n[0] != counts[i] {
			l.find(fault.Severe, "labels-without-images", strings.TrimSuffix(name, ".npy"), fmt.Sprintf("the labels' shape %v does not suit %s", n, fault.Count(counts[i], "image")), "one row of labels belongs to each image")
			labels[i] = nil
		}
	}
	l.describe(labels)
	l.each = func(ctx context.Context, yield func(*item) error) error {
		for i, key := range order {
			split := key
			if err := s.eachArray(ctx, parts[key], func(k int, v *volume.Volume) error {
				it := &item{name: fmt.Sprintf("%s[%d]", strings.TrimSuffix(parts[key], ".npy"), k), split: split, class: -1}
				it.image = func(context.Context) (*volume.Volume, error) { return v, nil }
				l.label(it, labels[i], k)
				return yield(it)
			}); err != nil {
				return err
			}
		}
		return nil
	}
	return l, nil
}

// describe says what labels are: one column of classes, or a column of 0 and 1 for each label.
func (l *layout) describe(labels []*npy.Array) {
	most, columns := -1, 0
	for _, a := range labels {
		if a == nil {
			continue
		}
		columns = max(columns, 1)
		if len(a.Shape) == 2 {
			columns = max(columns, a.Shape[1])
		}
		for i := range a.Data.Len() {
			v := a.Data.At(i)
			if v != float64(int(v)) || v < 0 || v > 9999 {
				l.find(fault.Severe, "label-value", "", "a label is no whole number from 0 to 9999", "classes are numbered from 0")
				return
			}
			most = max(most, int(v))
		}
	}
	switch {
	case most < 0:
	case columns == 1:
		l.kind = Classes
		for k := range most + 1 {
			l.names = append(l.names, strconv.Itoa(k))
		}
	case most > 1:
		l.find(fault.Severe, "label-value", "", "labels in several columns are 0 or 1", "")
	default:
		l.kind = Findings
		for k := range columns {
			l.names = append(l.names, strconv.Itoa(k))
		}
	}
}

func (l *layout) label(it *item, a *npy.Array, k int) {
	switch {
	case a == nil || len(l.names) == 0:
	case l.kind == Classes:
		it.class = int(a.Data.At(k))
	default:
		n, columns := a.Shape[0], len(l.names)
		for j := range columns {
			at := k*columns + j
			if a.Fortran {
				at = j*n + k
			}
			it.labels = append(it.labels, int8(a.Data.At(at)))
		}
	}
}

var (
	shapeEntry = regexp.MustCompile(`'shape'\s*:\s*\(([0-9, ]*)\)`)
	descrEntry = regexp.MustCompile(`'descr'\s*:\s*'[<>|=]?([a-z])([0-9]+)'`)
)

// arrayHead is the beginning of a NumPy file: everything before its values.
type arrayHead struct {
	text    string
	shape   []int
	bytes   int // of a value
	fortran bool
}

// readHead reads the beginning of an array, so that its images can be taken one after the other. What the header
// says beside the shape is left to package npy, which reads every image with it.
func readHead(r *bufio.Reader, name string) (*arrayHead, error) {
	bad := func() error { return fault.Errorf(fault.Data, "reading %q: no array of NumPy that can be read", name) }
	var mark [8]byte
	if _, err := io.ReadFull(r, mark[:]); err != nil || string(mark[:6]) != "\x93NUMPY" {
		return nil, bad()
	}
	size := make([]byte, 2)
	if mark[6] > 1 {
		size = make([]byte, 4)
	}
	if _, err := io.ReadFull(r, size); err != nil {
		return nil, bad()
	}
	n := uint32(binary.LittleEndian.Uint16(size))
	if len(size) == 4 {
		n = binary.LittleEndian.Uint32(size)
	}
	if n > 1<<16 {
		return nil, bad()
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, bad()
	}
	shape, descr := shapeEntry.FindStringSubmatch(string(text)), descrEntry.FindStringSubmatch(string(text))
	if shape == nil || descr == nil {
		return nil, bad()
	}
	h := &arrayHead{text: string(text), fortran: strings.Contains(string(text), "'fortran_order': True")}
	h.bytes, _ = strconv.Atoi(descr[2])
	count := int64(1)
	for _, f := range strings.FieldsFunc(shape[1], func(r rune) bool { return r == ',' || r == ' ' }) {
		d, err := strconv.Atoi(f)
		if err != nil || d < 0 || count > volume.MaxVoxels/int64(max(d, 1)) {
			return nil, bad()
		}
		count *= int64(max(d, 1))
		h.shape = append(h.shape, d)
	}
	if len(h.shape) < 3 || h.bytes < 1 || h.bytes > 8 {
		return nil, fault.Errorf(fault.Data, "reading %q: an array of images has 3 to 5 axes of numbers, the first for the images", name)
	}
	return h, nil
}

// item is a NumPy file's beginning for one image of the array.
func (h *arrayHead) item() []byte {
	var dims strings.Builder
	for _, d := range h.shape[1:] {
		fmt.Fprintf(&dims, "%d, ", d)
	}
	text := shapeEntry.ReplaceAllString(h.text, "'shape': ("+dims.String()+")")
	out := append([]byte("\x93NUMPY\x02\x00"), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(out[8:], uint32(len(text)))
	return append(out, text...)
}

func (s *source) arrayCount(name string) (int, error) {
	f, err := s.fsys.Open(name)
	if err != nil {
		return 0, fault.Disk("reading images", err)
	}
	defer f.Close()
	h, err := readHead(bufio.NewReader(f), name)
	if err != nil {
		return 0, err
	}
	return h.shape[0], nil
}

// eachArray hands out the images of an array one after the other; only one is in memory.
func (s *source) eachArray(ctx context.Context, name string, yield func(k int, v *volume.Volume) error) error {
	f, err := s.fsys.Open(name)
	if err != nil {
		return fault.Disk("reading images", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	h, err := readHead(r, name)
	if err != nil {
		return err
	}
	if h.fortran {
		return fault.WithHint(fault.Errorf(fault.Data, "reading %q: the array is in Fortran's order, in which an image lies scattered", name), "write it with numpy.ascontiguousarray")
	}
	axes, err := arrayAxes(h.shape[1:])
	if err != nil {
		return err
	}
	head, size := h.item(), int64(h.bytes)
	for _, d := range h.shape[1:] {
		size *= int64(d)
	}
	if size == 0 {
		return fault.Refuse("reading images", []fault.Finding{{Name: "no-voxels", Severity: fault.Severe, File: name, Message: "the images have no slice, row or column"}})
	}
	for k := range h.shape[0] {
		a, err := npy.Read(ctx, io.MultiReader(bytes.NewReader(head), io.LimitReader(r, size)), -1)
		if err != nil {
			return reading(name, fmt.Errorf("image %d: %w", k, err))
		}
		v, err := a.Volume(axes, volume.Identity())
		if err != nil {
			return err
		}
		if err := yield(k, v); err != nil {
			return err
		}
	}
	return nil
}

func sortedUnique(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

// readText reads a whole small file.
func readText(fsys fs.FS, name string, most int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fault.Disk("reading a table", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fault.Errorf(fault.Data, "reading %q: it is over %d bytes", name, most)
	}
	return b, reading(name, err)
}
