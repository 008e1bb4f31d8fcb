package tree

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"

	"galen.dev/fault"
)

// The bytes of a model; docs/format/tree.md describes them. Thresholds of a feature are few (at most one
// less than its bins), so they are written once, and nodes point to them.

const (
	magic         = "GLNT"
	formatVersion = 1
	kindBoost     = 1
	kindForest    = 2
	// maxDepth bounds the splits on a path, in fits and in files: readers walk trees recursively.
	maxDepth = 1000
)

// Tags of nodes on disk: the flags of node.feat, and one more for leaves.
const wholeCover = 1 << 3 // the cover is a whole number, written as a varint

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// MarshalBinary writes the model. The same model gives the same bytes.
func (b *Boost) MarshalBinary() ([]byte, error) {
	out := append([]byte(magic), formatVersion, kindBoost, byte(b.loss))
	out = binary.AppendUvarint(out, uint64(b.classes))
	for _, v := range b.base {
		out = appendFloat(out, v)
	}
	return seal(b.ens.append(out)), nil
}

// UnmarshalBinary reads what MarshalBinary wrote. Bytes that are not a whole, valid model are refused with a
// fault.Corrupt error, whatever they are, and leave b as it was.
func (b *Boost) UnmarshalBinary(data []byte) error {
	r, err := open(data, kindBoost)
	if err != nil {
		return err
	}
	m := Boost{loss: Loss(r.byte())}
	m.classes = r.count(maxClasses, "classes")
	outputs := 1
	switch m.loss {
	case Softmax:
		outputs = m.classes
		r.require(m.classes >= 2, "softmax has at least two classes")
	case Logistic:
		r.require(m.classes == 2, "logistic has two classes")
	default:
		r.require(m.loss < lossCount && m.classes == 0, "unknown loss or number of classes")
	}
	for range outputs {
		m.base = append(m.base, r.number("base"))
	}
	m.ens = r.ensemble(outputs, 1)
	if err := r.end(); err != nil {
		return err
	}
	*b = m
	return nil
}

// MarshalBinary writes the model. The same model gives the same bytes.
func (f *Forest) MarshalBinary() ([]byte, error) {
	out := append([]byte(magic), formatVersion, kindForest)
	out = binary.AppendUvarint(out, uint64(f.classes))
	return seal(f.ens.append(out)), nil
}

// UnmarshalBinary reads what MarshalBinary wrote. Bytes that are not a whole, valid model are refused with a
// fault.Corrupt error, whatever they are, and leave f as it was.
func (f *Forest) UnmarshalBinary(data []byte) error {
	r, err := open(data, kindForest)
	if err != nil {
		return err
	}
	m := Forest{classes: r.count(maxClasses, "classes")}
	r.require(m.classes != 1, "one class")
	width := 1
	if m.classes > 2 {
		width = m.classes
	}
	m.ens = r.ensemble(width, width)
	if err := r.end(); err != nil {
		return err
	}
	*f = m
	return nil
}

func appendFloat(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

// seal appends the checksum.
func seal(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func (e *ensemble) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(e.features))
	cuts := e.thresholds()
	for f := range e.features {
		b = binary.AppendUvarint(b, uint64(len(e.levels[f])))
		b = append(b, e.levels[f]...)
		b = binary.AppendUvarint(b, uint64(len(cuts[f])))
		for _, t := range cuts[f] {
			b = appendFloat(b, t)
		}
		b = appendFloat(b, e.gain[f])
	}
	b = binary.AppendUvarint(b, uint64(e.trees()))
	for i := range e.nodes {
		b = e.appendNode(b, i, cuts)
	}
	return b
}

func (e *ensemble) appendNode(b []byte, i int, cuts [][]float64) []byte {
	n := &e.nodes[i]
	tag := byte(n.feat & (1<<flagBits - 1))
	if n.feat&isLeaf != 0 {
		c := e.cover[i]
		if c == math.Trunc(c) && c < 1<<53 {
			b = append(b, tag|wholeCover)
			b = binary.AppendUvarint(b, uint64(c))
		} else {
			b = appendFloat(append(b, tag), c)
		}
		for _, v := range e.values(int32(i)) {
			b = appendFloat(b, v)
		}
		return b
	}
	f := n.feat >> flagBits
	b = binary.AppendUvarint(append(b, tag), uint64(f))
	if n.feat&isCat != 0 {
		for _, w := range e.sets[int(n.value)] {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
		return b
	}
	at, _ := slices.BinarySearch(cuts[f], n.value)
	return binary.AppendUvarint(b, uint64(at))
}

// thresholds lists the distinct thresholds of each feature in ascending order.
func (e *ensemble) thresholds() [][]float64 {
	out := make([][]float64, e.features)
	for i := range e.nodes {
		if n := &e.nodes[i]; n.feat&(isLeaf|isCat) == 0 {
			f := n.feat >> flagBits
			out[f] = append(out[f], n.value)
		}
	}
	for f := range out {
		slices.Sort(out[f])
		out[f] = slices.Compact(out[f])
	}
	return out
}

// A reader reads a model. After the first error it returns zeros and keeps the error.
type reader struct {
	data []byte
	err  error
}

// open checks the frame: magic, version, kind and checksum.
func open(data []byte, kind byte) (*reader, error) {
	const head = len(magic) + 2
	if len(data) < head+4 || string(data[:len(magic)]) != magic {
		return nil, fault.Errorf(fault.Corrupt, "not a tree model")
	}
	if v := data[len(magic)]; v != formatVersion {
		return nil, fault.WithHint(fault.Errorf(fault.Corrupt, "tree model of format version %d, not %d", v, formatVersion),
			"a newer Galen may have written it")
	}
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, fault.Errorf(fault.Corrupt, "tree model does not match its checksum")
	}
	if k := data[len(magic)+1]; k != kind {
		return nil, fault.Errorf(fault.Corrupt, "tree model is of kind %d, not %d", k, kind)
	}
	return &reader{data: body[head:]}, nil
}

func (r *reader) require(ok bool, message string) {
	if !ok && r.err == nil {
		r.err = fault.Errorf(fault.Corrupt, "tree model: %s", message)
	}
}

func (r *reader) end() error {
	r.require(len(r.data) == 0, "bytes after the end")
	return r.err
}

// take returns the next n bytes, or nil after an error.
func (r *reader) take(n int) []byte {
	r.require(len(r.data) >= n, "it ends early")
	if r.err != nil {
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// number reads a finite number.
func (r *reader) number(what string) float64 {
	v := math.Float64frombits(r.uint64())
	r.require(finite(v), what+" is not a finite number")
	return v
}

// count reads a varint of at most limit.
func (r *reader) count(limit int, what string) int {
	v, n := binary.Uvarint(r.data)
	r.require(n > 0 && v <= uint64(limit), "number of "+what+" out of range")
	if r.err != nil {
		return 0
	}
	r.data = r.data[n:]
	return int(v)
}

// items reads a count of things of at least size bytes each, which must still follow: so memory is
// bounded by the length of the input.
func (r *reader) items(size int, what string) int {
	return r.count(len(r.data)/size, what)
}

func (r *reader) ensemble(outputs, width int) *ensemble {
	features := r.items(10, "features")
	r.require(features > 0 && features <= maxFeatures, "number of features out of range")
	if r.err != nil {
		return nil
	}
	e := newEnsemble(features, outputs, width, make([][]uint8, features))
	cuts := make([][]float64, features)
	for f := range features {
		if n := r.items(1, "levels"); n > 0 {
			e.levels[f] = slices.Clone(r.take(n))
		}
		cuts[f] = make([]float64, r.items(8, "thresholds"))
		for i := range cuts[f] {
			t := math.Float64frombits(r.uint64())
			r.require(t > math.Inf(-1) && (i == 0 || t > cuts[f][i-1]), "thresholds are not in order")
			cuts[f][i] = t
		}
		e.gain[f] = r.number("gain")
		r.require(e.gain[f] >= 0, "negative gain")
	}
	trees := r.items(2, "trees")
	// Trees of width 1 take the outputs in turn; those of a forest add to all.
	r.require(width > 1 || trees%outputs == 0, "number of trees out of range")
	for t := 0; t < trees && r.err == nil; t++ {
		r.tree(e, cuts)
	}
	return e
}

// tree reads one tree in pre-order. The parents that still wait for their right child form a stack, so the
// shape is always a tree: there is no index that could point astray.
func (r *reader) tree(e *ensemble, cuts [][]float64) {
	var waiting []int
	for r.err == nil {
		at := len(e.nodes)
		r.require(at < math.MaxInt32, "too many nodes")
		if !r.node(e, cuts) {
			waiting = append(waiting, at)
			r.require(len(waiting) <= maxDepth, "a tree is too deep")
			continue
		}
		if len(waiting) == 0 {
			break
		}
		parent := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		e.nodes[parent].right = int32(at + 1)
	}
	if r.err != nil {
		return
	}
	root := int(e.roots[len(e.roots)-1])
	for i := len(e.nodes) - 1; i >= root; i-- {
		if n := &e.nodes[i]; n.feat&isLeaf == 0 {
			e.cover[i] = e.cover[i+1] + e.cover[n.right]
			r.require(finite(e.cover[i]), "cover is not a finite number")
		}
	}
	e.roots = append(e.roots, int32(len(e.nodes)))
}

// node reads one node and tells whether it is a leaf.
func (r *reader) node(e *ensemble, cuts [][]float64) (leaf bool) {
	tag := r.byte()
	if tag&isLeaf != 0 {
		r.require(tag&^wholeCover == isLeaf, "unknown tag")
		r.leaf(e, tag)
		return true
	}
	r.require(tag&^(missLeft|isCat) == 0, "unknown tag")
	f := r.count(e.features-1, "features")
	n := node{feat: uint32(f)<<flagBits | uint32(tag)}
	if tag&isCat != 0 {
		r.require(len(e.levels[f]) > 0, "a categorical split on a numeric feature")
		var s catSet
		for i := range s {
			s[i] = r.uint64()
		}
		n.value = float64(len(e.sets))
		e.sets = append(e.sets, s)
	} else {
		i := r.count(len(cuts[f]), "thresholds")
		r.require(i < len(cuts[f]) && len(e.levels[f]) == 0, "a numeric split without a threshold")
		if r.err == nil {
			n.value = cuts[f][i]
		}
	}
	e.splits[f]++
	e.nodes = append(e.nodes, n)
	e.cover = append(e.cover, 0)
	return false
}

func (r *reader) leaf(e *ensemble, tag byte) {
	var c float64
	if tag&wholeCover != 0 {
		c = float64(r.count(1<<53, "rows"))
	} else {
		c = r.number("cover")
	}
	r.require(c > 0, "cover is not positive")
	v := r.number("leaf value")
	if e.width > 1 {
		at := len(e.leaves)
		e.leaves = append(e.leaves, v)
		for range e.width - 1 {
			e.leaves = append(e.leaves, r.number("leaf value"))
		}
		v = float64(at)
	}
	e.nodes = append(e.nodes, node{value: v, feat: isLeaf})
	e.cover = append(e.cover, c)
}
