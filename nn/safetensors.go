package nn

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"

	"galen.dev/fault"
)

// Archive is the content of a safetensors file: named arrays and a few words about them
// (https://github.com/huggingface/safetensors). The format holds nothing that could run, so files of strangers are
// safe to open.
type Archive struct {
	Metadata map[string]string
	Entries  []Entry
}

// Entry is one array of an archive. Data are its values, row-major and little-endian, as in the file.
type Entry struct {
	Name  string
	DType string // F64, F32, F16, BF16 or I64
	Dims  []int
	Data  []byte
}

// sizes are the bytes of one value of the types that are read.
var sizes = map[string]int{"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8}

// otherTypes are those of the format that Galen has no use for; naming them makes a better error.
var otherTypes = []string{
	"BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "U64", "C64", "F4", "F6_E2M3", "F6_E3M2", "F8_E5M2",
	"F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
}

// maxHeader bounds the header, as the reference implementation does.
const maxHeader = 100_000_000

// OpenArchive reads a safetensors file. What is wrong with it is a Corrupt error; an element type that Galen does
// not read is a Data error. Entries share one block of memory of the size of the file.
func OpenArchive(path string) (*Archive, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Disk("reading weights", err)
	}
	a, err := ParseArchive(content)
	if err != nil {
		return nil, fmt.Errorf("reading weights %q: %w", path, err)
	}
	return a, nil
}

// ParseArchive reads the bytes of a safetensors file. The entries come in the order of their data and share memory
// with content.
func ParseArchive(content []byte) (*Archive, error) {
	if len(content) < 8 {
		return nil, broken("%d bytes are too few for a safetensors file", len(content))
	}
	n := binary.LittleEndian.Uint64(content)
	switch {
	case n > maxHeader:
		return nil, broken("a header of %d bytes is more than a safetensors file may have", n)
	case n > uint64(len(content)-8):
		return nil, broken("the file ends within its header of %d bytes: it is truncated or no safetensors file", n)
	}
	header, data := content[8:8+n], content[8+n:]
	a, places, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	return a, a.place(places, data)
}

func broken(format string, args ...any) error {
	return fault.WithHint(fault.Errorf(fault.Corrupt, format, args...), "the file was cut or changed: fetch or save it again")
}

// place gives every entry its data: they must follow one another without gap or overlap, to the end of the file.
func (a *Archive) place(places map[string][2]uint64, data []byte) error {
	slices.SortStableFunc(a.Entries, func(x, y Entry) int {
		p, q := places[x.Name], places[y.Name]
		return slices.Compare(p[:], q[:])
	})
	next := uint64(0)
	for i := range a.Entries {
		e := &a.Entries[i]
		p := places[e.Name]
		want, ok := byteSize(e.Dims, sizes[e.DType])
		switch {
		case p[0] > p[1] || !ok || p[1]-p[0] != want:
			return broken("array %q: bytes %d to %d do not hold %s %v", e.Name, p[0], p[1], e.DType, e.Dims)
		case p[0] < next:
			return broken("array %q overlaps the one before it: it begins at byte %d, not %d", e.Name, p[0], next)
		case p[0] > next:
			return broken("array %q leaves a gap: it begins at byte %d, not %d", e.Name, p[0], next)
		case p[1] > uint64(len(data)):
			return broken("array %q ends at byte %d of %d: the file is truncated", e.Name, p[1], len(data))
		}
		e.Data = data[p[0]:p[1]:p[1]]
		next = p[1]
	}
	if next != uint64(len(data)) {
		return broken("%d bytes follow the last array", uint64(len(data))-next)
	}
	return nil
}

// byteSize is the product of the dimensions and the size of a value, where that fits an int.
func byteSize(dims []int, size int) (uint64, bool) {
	if slices.Contains(dims, 0) {
		return 0, true
	}
	n := uint64(max(size, 1)) // 0 stands for a type that cannot be, which the caller refuses
	for _, d := range dims {
		if uint64(d) > math.MaxInt/n {
			return 0, false
		}
		n *= uint64(d)
	}
	return n, true
}

// parseHeader reads the JSON object of a header. encoding/json alone would let the last of two equal keys win,
// which is how one file can look different to two readers; so keys are read one by one.
func parseHeader(header []byte) (*Archive, map[string][2]uint64, error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, broken("the header does not begin with {")
	}
	d := json.NewDecoder(bytes.NewReader(header))
	if _, err := d.Token(); err != nil {
		return nil, nil, broken("the header is no JSON: %v", err)
	}
	a, places := &Archive{}, map[string][2]uint64{}
	var unread []fault.Finding
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, nil, broken("the header is no JSON: %v", err)
		}
		name := key.(string) // the keys of an object are strings, or Token had returned an error
		if name == "__metadata__" {
			if a.Metadata != nil {
				return nil, nil, broken("the header has two entries %q", name)
			}
			if a.Metadata, err = parseWords(d); err != nil {
				return nil, nil, err
			}
			continue
		}
		if _, twice := places[name]; twice {
			return nil, nil, broken("the header has two arrays %q", name)
		}
		e, place, err := parseEntry(d, name)
		if err != nil {
			return nil, nil, err
		}
		places[name] = place
		a.Entries = append(a.Entries, e)
		if sizes[e.DType] == 0 {
			unread = append(unread, fault.Finding{
				Name: "weight-type", Severity: fault.Severe,
				Message: fmt.Sprintf("array %q is of type %s", name, e.DType), Hint: "convert it to F32",
			})
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, broken("the header is no JSON: %v", err)
	}
	if rest := header[d.InputOffset():]; len(bytes.Trim(rest, " ")) > 0 {
		return nil, nil, broken("something follows the header's object")
	}
	return a, places, fault.Refuse("types that cannot be read", unread)
}

// parseWords reads the metadata: an object of strings.
func parseWords(d *json.Decoder) (map[string]string, error) {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, broken("the metadata is no object")
	}
	words := map[string]string{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, broken("the metadata is no JSON: %v", err)
		}
		value, err := d.Token()
		text, ok := value.(string)
		if err != nil || !ok {
			return nil, broken("the metadata %q is no string", key)
		}
		if _, twice := words[key.(string)]; twice {
			return nil, broken("the metadata has two entries %q", key)
		}
		words[key.(string)] = text
	}
	if _, err := d.Token(); err != nil {
		return nil, broken("the metadata is no JSON: %v", err)
	}
	return words, nil
}

// parseEntry reads what the header says of one array.
func parseEntry(d *json.Decoder, name string) (Entry, [2]uint64, error) {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return Entry{}, [2]uint64{}, broken("array %q is described by no object", name)
	}
	var told struct {
		DType   *string
		Shape   *[]int
		Offsets *[]uint64
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return Entry{}, [2]uint64{}, broken("array %q: %v", name, err)
		}
		word := key.(string)
		if seen[word] {
			return Entry{}, [2]uint64{}, broken("array %q has two entries %q", name, word)
		}
		seen[word] = true
		switch word {
		case "dtype":
			err = d.Decode(&told.DType)
		case "shape":
			err = d.Decode(&told.Shape)
		case "data_offsets":
			err = d.Decode(&told.Offsets)
		default:
			err = fmt.Errorf("unknown entry %q", word)
		}
		if err != nil {
			return Entry{}, [2]uint64{}, broken("array %q: %v", name, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return Entry{}, [2]uint64{}, broken("array %q: %v", name, err)
	}
	if told.DType == nil || told.Shape == nil || told.Offsets == nil || len(*told.Offsets) != 2 {
		return Entry{}, [2]uint64{}, broken("array %q lacks its type, shape or offsets", name)
	}
	if slices.ContainsFunc(*told.Shape, func(d int) bool { return d < 0 }) {
		return Entry{}, [2]uint64{}, broken("array %q has dimensions %v", name, *told.Shape)
	}
	if sizes[*told.DType] == 0 && !slices.Contains(otherTypes, *told.DType) {
		return Entry{}, [2]uint64{}, broken("array %q is of a type that safetensors does not have", name)
	}
	return Entry{Name: name, DType: *told.DType, Dims: *told.Shape}, [2]uint64{(*told.Offsets)[0], (*told.Offsets)[1]}, nil
}

// Lookup is the entry of a name, or nil.
func (a *Archive) Lookup(name string) *Entry {
	for i := range a.Entries {
		if a.Entries[i].Name == name {
			return &a.Entries[i]
		}
	}
	return nil
}
