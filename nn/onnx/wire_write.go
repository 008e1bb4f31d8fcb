package onnx

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The writer puts fields in the order of their numbers and writes what is set, so the same model always gives the
// same bytes.

func appendString(b []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}

func appendBytes(b []byte, num protowire.Number, data []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), data)
}

func appendInt(b []byte, num protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

func appendInts(b []byte, num protowire.Number, values []int64) []byte {
	if len(values) == 0 {
		return b
	}
	var packed []byte
	for _, v := range values {
		packed = protowire.AppendVarint(packed, uint64(v))
	}
	return appendBytes(b, num, packed)
}

func (m *modelProto) append(b []byte) []byte {
	b = appendInt(b, 1, m.irVersion)
	b = appendString(b, 2, m.producer)
	b = appendString(b, 3, m.producerVersion)
	b = appendBytes(b, 7, m.graph.append(nil))
	for _, o := range m.opsets {
		b = appendBytes(b, 8, appendInt(appendString(nil, 1, o.domain), 2, o.version))
	}
	for _, p := range m.properties {
		b = appendBytes(b, 14, appendString(appendString(nil, 1, p.key), 2, p.value))
	}
	return b
}

func (g *graphProto) append(b []byte) []byte {
	for _, n := range g.nodes {
		b = appendBytes(b, 1, n.append(nil))
	}
	b = appendString(b, 2, g.name)
	for _, t := range g.initialisers {
		b = appendBytes(b, 5, t.append(nil))
	}
	for _, v := range g.inputs {
		b = appendBytes(b, 11, v.append(nil))
	}
	for _, v := range g.outputs {
		b = appendBytes(b, 12, v.append(nil))
	}
	return b
}

func (n *nodeProto) append(b []byte) []byte {
	// An empty name stands for an input that is left out, so it is written too.
	for _, s := range n.inputs {
		b = appendBytes(b, 1, []byte(s))
	}
	for _, s := range n.outputs {
		b = appendBytes(b, 2, []byte(s))
	}
	b = appendString(b, 3, n.name)
	b = appendString(b, 4, n.op)
	for _, a := range n.attributes {
		b = appendBytes(b, 5, a.append(nil))
	}
	return appendString(b, 7, n.domain)
}

func (a attribute) append(b []byte) []byte {
	b = appendString(b, 1, a.name)
	switch a.kind {
	case kindFloat:
		b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(a.f))
	case kindInt:
		b = appendInt(b, 3, a.i)
	case kindString:
		b = appendBytes(b, 4, []byte(a.s))
	case kindInts:
		b = appendInts(b, 8, a.ints)
	}
	return appendInt(b, 20, int64(a.kind))
}

func (v valueInfo) append(b []byte) []byte {
	var shape []byte
	for _, d := range v.dims {
		if d.known {
			shape = appendBytes(shape, 1, appendInt(nil, 1, d.size))
		} else {
			shape = appendBytes(shape, 1, appendString(nil, 2, d.name))
		}
	}
	tensor := appendBytes(appendInt(nil, 1, int64(v.elem)), 2, shape)
	return appendBytes(appendString(b, 1, v.name), 2, appendBytes(nil, 1, tensor))
}

func (x *tensorProto) append(b []byte) []byte {
	b = appendInts(b, 1, x.dims)
	b = appendInt(b, 2, int64(x.elem))
	b = appendString(b, 8, x.name)
	return appendBytes(b, 9, x.raw)
}
