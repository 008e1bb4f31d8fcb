package onnx

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of the ONNX format that a model for inference needs, with the field numbers of the specification
// (ONNX Intermediate Representation, onnx.proto of IR version 10). Fields that are not named here are skipped.

// modelProto is a whole file.
type modelProto struct {
	irVersion       int64
	producer        string
	producerVersion string
	opsets          []opset
	graph           *graphProto
	properties      []property
	functions       int // model-local functions, which are refused
}

type opset struct {
	domain  string
	version int64
}

type property struct{ key, value string }

type graphProto struct {
	name            string
	nodes           []*nodeProto
	initialisers    []*tensorProto
	inputs, outputs []valueInfo
	sparse          int // sparse initialisers, which are refused
}

type nodeProto struct {
	name, op, domain string
	inputs, outputs  []string
	attributes       []attribute
}

// attribute holds one value; kind says which.
type attribute struct {
	name    string
	kind    attributeKind
	f       float32
	i       int64
	s       string
	t       *tensorProto
	floats  []float32
	ints    []int64
	strings []string
}

type attributeKind int64

const (
	kindFloat   attributeKind = 1
	kindInt     attributeKind = 2
	kindString  attributeKind = 3
	kindTensor  attributeKind = 4
	kindGraph   attributeKind = 5
	kindFloats  attributeKind = 6
	kindInts    attributeKind = 7
	kindStrings attributeKind = 8
)

type valueInfo struct {
	name     string
	elem     dataType // 0 where the type is not that of a tensor
	hasShape bool
	dims     []dimension
}

// dimension has a size, or a name, or neither.
type dimension struct {
	size  int64
	name  string
	known bool
}

type tensorProto struct {
	name      string
	dims      []int64
	elem      dataType
	raw       []byte // little-endian; nil where the values are in one of the lists
	hasRaw    bool
	floats    []float32
	int32s    []int32
	int64s    []int64
	doubles   []float64
	uint64s   []uint64
	external  []property
	elsewhere bool // data_location is EXTERNAL
	segmented bool
}

var errTruncated = errors.New("the file ends within a field, or a field is not of its type")

// fields calls read for each field of a message: its number, its type on the wire, and its bytes, which for varints
// and fixed sizes are given as a number.
func fields(b []byte, read func(num protowire.Number, t protowire.Type, v uint64, data []byte) error) error {
	for len(b) > 0 {
		num, t, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errTruncated
		}
		b = b[n:]
		var v uint64
		var data []byte
		switch t {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v32 uint32
			v32, n = protowire.ConsumeFixed32(b)
			v = uint64(v32)
		case protowire.Fixed64Type:
			v, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			data, n = protowire.ConsumeBytes(b)
		default: // groups do not occur in ONNX
			n = -1
		}
		if n < 0 {
			return errTruncated
		}
		b = b[n:]
		if err := read(num, t, v, data); err != nil {
			return err
		}
	}
	return nil
}

// numbers appends what a repeated field of numbers holds, packed or not.
func numbers[T any](to []T, t, single protowire.Type, v uint64, data []byte, make func(uint64) T) ([]T, error) {
	if t != protowire.BytesType {
		if t != single {
			return to, errTruncated
		}
		return append(to, make(v)), nil
	}
	for len(data) > 0 {
		var n int
		switch single {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			var v32 uint32
			v32, n = protowire.ConsumeFixed32(data)
			v = uint64(v32)
		default:
			v, n = protowire.ConsumeFixed64(data)
		}
		if n < 0 {
			return to, errTruncated
		}
		to = append(to, make(v))
		data = data[n:]
	}
	return to, nil
}

func asInt64(v uint64) int64     { return int64(v) }
func asInt32(v uint64) int32     { return int32(v) }
func asUint64(v uint64) uint64   { return v }
func asFloat32(v uint64) float32 { return math.Float32frombits(uint32(v)) }
func asFloat64(v uint64) float64 { return math.Float64frombits(v) }

func parseModel(b []byte) (*modelProto, error) {
	m := &modelProto{}
	err := fields(b, func(num protowire.Number, _ protowire.Type, v uint64, data []byte) error {
		switch num {
		case 1:
			m.irVersion = int64(v)
		case 2:
			m.producer = string(data)
		case 3:
			m.producerVersion = string(data)
		case 7:
			if m.graph == nil {
				m.graph = &graphProto{}
			}
			return m.graph.parse(data)
		case 8:
			var o opset
			err := fields(data, func(num protowire.Number, _ protowire.Type, v uint64, data []byte) error {
				switch num {
				case 1:
					o.domain = string(data)
				case 2:
					o.version = int64(v)
				}
				return nil
			})
			m.opsets = append(m.opsets, o)
			return err
		case 14:
			p, err := parseProperty(data)
			m.properties = append(m.properties, p)
			return err
		case 25:
			m.functions++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if m.graph == nil {
		return nil, errors.New("it holds no graph: it is not a model in the ONNX format")
	}
	return m, nil
}

func parseProperty(b []byte) (p property, err error) {
	err = fields(b, func(num protowire.Number, _ protowire.Type, _ uint64, data []byte) error {
		switch num {
		case 1:
			p.key = string(data)
		case 2:
			p.value = string(data)
		}
		return nil
	})
	return p, err
}

func (g *graphProto) parse(b []byte) error {
	return fields(b, func(num protowire.Number, _ protowire.Type, _ uint64, data []byte) error {
		switch num {
		case 1:
			n, err := parseNode(data)
			g.nodes = append(g.nodes, n)
			return err
		case 2:
			g.name = string(data)
		case 5:
			t, err := parseTensor(data)
			g.initialisers = append(g.initialisers, t)
			return err
		case 11, 12:
			v, err := parseValueInfo(data)
			if num == 11 {
				g.inputs = append(g.inputs, v)
			} else {
				g.outputs = append(g.outputs, v)
			}
			return err
		case 15:
			g.sparse++
		}
		return nil
	})
}

func parseNode(b []byte) (*nodeProto, error) {
	n := &nodeProto{}
	err := fields(b, func(num protowire.Number, _ protowire.Type, _ uint64, data []byte) error {
		switch num {
		case 1:
			n.inputs = append(n.inputs, string(data))
		case 2:
			n.outputs = append(n.outputs, string(data))
		case 3:
			n.name = string(data)
		case 4:
			n.op = string(data)
		case 5:
			a, err := parseAttribute(data)
			n.attributes = append(n.attributes, a)
			return err
		case 7:
			n.domain = string(data)
		}
		return nil
	})
	return n, err
}

func parseAttribute(b []byte) (a attribute, err error) {
	seen := attributeKind(0)
	err = fields(b, func(num protowire.Number, t protowire.Type, v uint64, data []byte) (err error) {
		switch num {
		case 1:
			a.name = string(data)
		case 2:
			a.f, seen = asFloat32(v), kindFloat
		case 3:
			a.i, seen = int64(v), kindInt
		case 4:
			a.s, seen = string(data), kindString
		case 5:
			a.t, err = parseTensor(data)
			seen = kindTensor
		case 6, 11:
			seen = kindGraph
		case 7:
			a.floats, err = numbers(a.floats, t, protowire.Fixed32Type, v, data, asFloat32)
			seen = kindFloats
		case 8:
			a.ints, err = numbers(a.ints, t, protowire.VarintType, v, data, asInt64)
			seen = kindInts
		case 9:
			a.strings, seen = append(a.strings, string(data)), kindStrings
		case 20:
			a.kind = attributeKind(v)
		}
		return err
	})
	// Files of IR version 1 leave the kind out; a list that is empty is only known by it.
	if a.kind == 0 {
		a.kind = seen
	}
	if a.kind == kindTensor && a.t == nil {
		return a, fmt.Errorf("attribute %q lacks its tensor", a.name)
	}
	return a, err
}

func parseValueInfo(b []byte) (v valueInfo, err error) {
	shape := func(num protowire.Number, _ protowire.Type, _ uint64, data []byte) error {
		if num != 1 {
			return nil
		}
		var d dimension
		err := fields(data, func(num protowire.Number, _ protowire.Type, size uint64, data []byte) error {
			switch num {
			case 1:
				d.size, d.known = int64(size), true
			case 2:
				d.name = string(data)
			}
			return nil
		})
		v.dims = append(v.dims, d)
		return err
	}
	tensor := func(num protowire.Number, _ protowire.Type, elem uint64, data []byte) error {
		switch num {
		case 1:
			v.elem = dataType(elem)
		case 2:
			v.hasShape = true
			return fields(data, shape)
		}
		return nil
	}
	err = fields(b, func(num protowire.Number, _ protowire.Type, _ uint64, data []byte) error {
		switch num {
		case 1:
			v.name = string(data)
		case 2:
			return fields(data, func(num protowire.Number, _ protowire.Type, _ uint64, data []byte) error {
				if num == 1 {
					return fields(data, tensor)
				}
				return nil
			})
		}
		return nil
	})
	return v, err
}

func parseTensor(b []byte) (*tensorProto, error) {
	x := &tensorProto{}
	err := fields(b, func(num protowire.Number, t protowire.Type, v uint64, data []byte) (err error) {
		switch num {
		case 1:
			x.dims, err = numbers(x.dims, t, protowire.VarintType, v, data, asInt64)
		case 2:
			x.elem = dataType(v)
		case 3:
			x.segmented = true
		case 4:
			x.floats, err = numbers(x.floats, t, protowire.Fixed32Type, v, data, asFloat32)
		case 5:
			x.int32s, err = numbers(x.int32s, t, protowire.VarintType, v, data, asInt32)
		case 7:
			x.int64s, err = numbers(x.int64s, t, protowire.VarintType, v, data, asInt64)
		case 8:
			x.name = string(data)
		case 9:
			x.raw, x.hasRaw = data, true
		case 10:
			x.doubles, err = numbers(x.doubles, t, protowire.Fixed64Type, v, data, asFloat64)
		case 11:
			x.uint64s, err = numbers(x.uint64s, t, protowire.VarintType, v, data, asUint64)
		case 13:
			var p property
			p, err = parseProperty(data)
			x.external = append(x.external, p)
		case 14:
			x.elsewhere = v == 1
		}
		return err
	})
	return x, err
}
