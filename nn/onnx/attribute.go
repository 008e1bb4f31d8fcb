package onnx

import "slices"

// The attributes of a node by name; where one is left out, or has another kind, it is the fallback.

func (n *nodeProto) attribute(name string, kind attributeKind) *attribute {
	for i := range n.attributes {
		if a := &n.attributes[i]; a.name == name && a.kind == kind {
			return a
		}
	}
	return nil
}

func (n *nodeProto) int(name string, fallback int) int {
	if a := n.attribute(name, kindInt); a != nil {
		return int(a.i)
	}
	return fallback
}

func (n *nodeProto) float(name string, fallback float64) float64 {
	if a := n.attribute(name, kindFloat); a != nil {
		return float64(a.f)
	}
	return fallback
}

func (n *nodeProto) string(name, fallback string) string {
	if a := n.attribute(name, kindString); a != nil {
		return a.s
	}
	return fallback
}

// ints is a copy, or nil.
func (n *nodeProto) ints(name string) []int {
	a := n.attribute(name, kindInts)
	if a == nil {
		return nil
	}
	out := make([]int, len(a.ints))
	for i, v := range a.ints {
		out[i] = int(v)
	}
	return out
}

func (n *nodeProto) has(name string) bool {
	return slices.ContainsFunc(n.attributes, func(a attribute) bool { return a.name == name })
}
