package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gomlx/compute/dtypes"
)

// folder opens the files with external data beside a model. nil refuses all external data.
type folder struct {
	root  *os.Root
	files map[string][]byte
}

// array reads the values of a tensor. They alias the bytes of the file where the types allow.
func (x *tensorProto) array(beside *folder) (*array, error) {
	d, ok := x.elem.computed()
	if !ok {
		return nil, fmt.Errorf("element type %d is not supported", x.elem)
	}
	n, err := checkedSize(x.dims)
	if err != nil {
		return nil, err
	}
	if x.segmented {
		return nil, errors.New("tensors in segments are not supported")
	}
	raw := x.raw
	switch {
	case x.elsewhere:
		if raw, err = beside.read(x.external, n*x.elem.bytes()); err != nil {
			return nil, err
		}
	case !x.hasRaw:
		if raw, err = x.listed(); err != nil {
			return nil, err
		}
	}
	if len(raw) != n*x.elem.bytes() {
		return nil, fmt.Errorf("%d bytes of data for dimensions %v, want %d", len(raw), x.dims, n*x.elem.bytes())
	}
	if d == dtypes.Float32 {
		raw = toFloat32(x.elem, raw)
	}
	dims := make([]int, len(x.dims))
	for i, v := range x.dims {
		dims[i] = int(v)
	}
	return &array{d, dims, raw}, nil
}

// listed brings values from the typed lists into the form of raw data.
func (x *tensorProto) listed() ([]byte, error) {
	var b []byte
	le := binary.LittleEndian
	switch x.elem {
	case typeFloat:
		for _, v := range x.floats {
			b = le.AppendUint32(b, math.Float32bits(v))
		}
	case typeDouble:
		for _, v := range x.doubles {
			b = le.AppendUint64(b, math.Float64bits(v))
		}
	case typeInt64:
		for _, v := range x.int64s {
			b = le.AppendUint64(b, uint64(v))
		}
	case typeUint64:
		for _, v := range x.uint64s {
			b = le.AppendUint64(b, v)
		}
	case typeUint32:
		for _, v := range x.uint64s {
			b = le.AppendUint32(b, uint32(v))
		}
	default:
		for _, v := range x.int32s {
			switch x.elem.bytes() {
			case 1:
				b = append(b, byte(v))
			case 2:
				b = le.AppendUint16(b, uint16(v))
			case 4:
				b = le.AppendUint32(b, uint32(v))
			default:
				return nil, fmt.Errorf("element type %d is not supported", x.elem)
			}
		}
	}
	return b, nil
}

// read finds external data: a file within the folder of the model, an offset and a length.
func (f *folder) read(where []property, size int) ([]byte, error) {
	var location string
	offset, length := int64(0), int64(size)
	for _, p := range where {
		var err error
		switch p.key {
		case "location":
			location = p.value
		case "offset":
			offset, err = strconv.ParseInt(p.value, 10, 64)
		case "length":
			length, err = strconv.ParseInt(p.value, 10, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("external data: %s is no number", p.key)
		}
	}
	if location == "" || !filepath.IsLocal(filepath.FromSlash(location)) {
		return nil, errors.New("external data lie outside the folder of the model")
	}
	if f == nil {
		return nil, errors.New("external data need a model in a folder")
	}
	if length != int64(size) || offset < 0 {
		return nil, fmt.Errorf("external data of %d bytes at %d, want %d", length, offset, size)
	}
	data, err := f.file(location)
	if err != nil {
		return nil, err
	}
	if offset > int64(len(data)) || length > int64(len(data))-offset {
		return nil, fmt.Errorf("external data of %d bytes at %d reach beyond the end of %q", length, offset, location)
	}
	return data[offset : offset+length], nil
}

// file reads a file once. os.Root follows no link out of the folder.
func (f *folder) file(name string) ([]byte, error) {
	if data, ok := f.files[name]; ok {
		return data, nil
	}
	data, err := f.root.ReadFile(filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("external data: %w", err)
	}
	f.files[name] = data
	return data, nil
}
