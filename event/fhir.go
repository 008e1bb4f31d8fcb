package event

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"galen.dev/fault"
)

// fhirReader reads HL7 FHIR R4 from bundles, single resources and NDJSON. Bundles are read entry by entry. The events of
// a resource go to the spill under the key of its patient; what refers to other resources, to encounters and
// medications, is resolved when a patient's events are put together (fhir_stay.go).
//
// Findings are as those of an OperationOutcome: a severity, a name from its codes (fhir-structure, fhir-required,
// fhir-value, fhir-code-invalid, fhir-not-found, fhir-duplicate, fhir-incomplete), and the path of the element.
type fhirReader struct {
	*input
	file   string
	path   string           // of the resource that is being read, such as Bundle.entry[3].resource
	row    int              // of the resource: number of the entry, or line
	medKey map[string]int32 // number of a medication that is referred to
	meds   []medication     // by that number
	key    []byte
	body   []byte
	ids    map[string]bool // of the bundle: addresses with versions
	many   bool            // the source is a folder or an archive
	only   string          // the file, where it is a single one
	doc    fhirResource
}

// medication is a Medication resource that others refer to.
type medication struct {
	code  int32 // -1 = not there
	where string
	file  string
}

// maxResource bounds a resource or a line of NDJSON, in bytes.
const maxResource = 16 << 20

// maxDepth bounds the nesting of JSON.
const maxDepth = 100

func (in *input) fhir(source string) error {
	f := newFHIR(in)
	other, err := jsonFiles(in.ctx, source, func(name string, r io.Reader) error {
		f.file, f.many = name, name != filepath.Base(source)
		return f.document(r)
	})
	if err != nil {
		return err
	}
	if !f.many {
		f.only = f.file
	}
	if other > 0 {
		in.log.leave("files that are no JSON", other)
	}
	return f.all()
}

func newFHIR(in *input) *fhirReader {
	in.spill = newSpill(in.opt.TempDir, in.opt.MemoryMB)
	in.report.Clock = clockUTC.String()
	in.words.Relative = false
	return &fhirReader{input: in, medKey: map[string]int32{}}
}

// all hands out the stays, after all files are read.
func (f *fhirReader) all() error {
	f.unresolved()
	f.coder.decide()
	return f.spill.each(f.hand)
}

// bounded fails where a decoder has read more than a resource may hold since the last mark.
type bounded struct {
	r    io.Reader
	left int
}

var errResource = errors.New("a resource of more than 16 MiB")

func (b *bounded) mark() { b.left = maxResource }

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errResource
	}
	n, err := b.r.Read(p[:min(len(p), 1<<16)])
	b.left -= n
	return n, err
}

// document reads a file: a bundle, a resource, or one after the other. What does not begin as a bundle is read resource
// by resource.
func (f *fhirReader) document(in io.Reader) error {
	peek := bufio.NewReaderSize(in, 1<<16)
	head, err := peek.Peek(1 << 16)
	if err != nil && !errors.Is(err, io.EOF) {
		return f.structure(err)
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		_, _ = peek.Discard(3)
		head = head[3:]
	}
	kind, _ := scan(head)
	r := &bounded{r: peek}
	d := json.NewDecoder(r)
	for line := 1; ; line++ {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		r.mark()
		f.row, f.path = line, ""
		if kind == "" || kind == "Bundle" {
			if done, err := f.root(d, r, "Bundle"); done || err != nil {
				return err
			}
			continue
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return f.structure(err)
		}
		if err := f.single(raw); err != nil {
			return err
		}
	}
}

// single reads one resource of several, which may be a bundle again.
func (f *fhirReader) single(text []byte) error {
	kind, _ := scan(text)
	if kind == "Bundle" {
		r := &bounded{r: bytes.NewReader(text)}
		r.mark()
		_, err := f.root(json.NewDecoder(r), r, "Bundle")
		return err
	}
	if f.path = kind; !plainType(kind) {
		f.path = "Resource"
	}
	return f.resource(text, "")
}

// structure reports JSON that cannot be read on, or passes other errors on.
func (f *fhirReader) structure(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, errResource):
		f.find("fhir-structure", "", "a resource has more than 16 MiB")
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		f.find("fhir-structure", "", "the JSON is broken or cut short; what follows was not read")
	default:
		return fault.Errorf(fault.Data, "reading %q: %w", f.file, err)
	}
	return nil
}

// root reads one value at the top of a file. Members before resourceType are kept, so that the entries of a bundle need
// not be: FHIR has resourceType first wherever it was written by a program, and anywhere by right.
func (f *fhirReader) root(d *json.Decoder, r *bounded, at string) (done bool, err error) {
	token, err := d.Token()
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	if err != nil {
		return true, f.structure(err)
	}
	if token != json.Delim('{') {
		f.find("fhir-structure", "", "the file holds something else than resources")
		return true, nil
	}
	var members bytes.Buffer
	kind, some := "", false
	ids := f.ids
	defer func() { f.ids = ids }()
	f.ids = map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return true, f.structure(err)
		}
		r.mark()
		// Other resources have no member "entry" that holds objects with resources, but List and a few that are not used.
		if name == "entry" && (kind == "Bundle" || kind == "") {
			kind = "Bundle"
			if done, err := f.entries(d, r, at+".entry"); done || err != nil {
				return true, err
			}
			continue
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return true, f.structure(err)
		}
		if name == "resourceType" {
			_ = json.Unmarshal(value, &kind)
		}
		if members.Len()+len(value) > maxResource {
			return true, f.structure(errResource)
		}
		if some {
			members.WriteByte(',')
		}
		some = true
		quoted, _ := json.Marshal(name)
		members.Write(quoted)
		members.WriteByte(':')
		members.Write(value)
	}
	if _, err := d.Token(); err != nil {
		return true, f.structure(err)
	}
	text := append(append([]byte{'{'}, members.Bytes()...), '}')
	if kind == "Bundle" {
		f.path = at
		f.bundle(text)
		return false, nil
	}
	if f.path = kind; !plainType(kind) {
		f.path = "Resource"
	}
	if kind == "" && f.many {
		f.log.leave("files that are no FHIR", 1) // such as the package.json beside resources
		return true, nil
	}
	return false, f.resource(text, "")
}

// bundle checks what a bundle says of itself.
func (f *fhirReader) bundle(text []byte) {
	var b struct {
		Type string `json:"type"`
		Link []struct {
			Relation string `json:"relation"`
		} `json:"link"`
	}
	if err := json.Unmarshal(text, &b); err != nil {
		f.wrongType(err)
		return
	}
	switch b.Type {
	case "collection", "searchset", "transaction", "transaction-response", "batch", "batch-response", "document", "message":
	case "":
		f.find("fhir-required", "type", "the bundle has no type")
	case "history":
		f.find("fhir-value", "type", "a history holds resources as they once were")
	default:
		f.find("fhir-code-invalid", "type", "the type of the bundle is none of FHIR's")
	}
	for _, l := range b.Link {
		if l.Relation == "next" {
			f.log.path("fhir-incomplete", fault.Warning, f.file, f.path+".link", "the bundle has a next page, which is not here", "read all pages, in a folder or as NDJSON")
		}
	}
}

type bundleEntry struct {
	FullURL  string          `json:"fullUrl"`
	Resource json.RawMessage `json:"resource"`
	Search   struct {
		Mode string `json:"mode"`
	} `json:"search"`
	Request struct {
		Method string `json:"method"`
	} `json:"request"`
}

// entries reads the entries of a bundle.
func (f *fhirReader) entries(d *json.Decoder, r *bounded, at string) (done bool, err error) {
	token, err := d.Token()
	if err != nil {
		return true, f.structure(err)
	}
	f.path = at
	if token != json.Delim('[') {
		f.find("fhir-structure", "", "the entries are no list")
		return true, nil
	}
	for i := 0; d.More(); i++ {
		if err := f.ctx.Err(); err != nil {
			return true, err
		}
		r.mark()
		f.row, f.path = i+1, fmt.Sprintf("%s[%d]", at, i)
		var e bundleEntry
		if err := d.Decode(&e); err != nil {
			if t := new(json.UnmarshalTypeError); !errors.As(err, &t) {
				return true, f.structure(err)
			}
			f.wrongType(err)
			continue
		}
		switch {
		case e.Request.Method == "DELETE" || e.Search.Mode == "outcome":
			f.log.leave("entries that delete, or report on a search", 1)
			continue
		case len(e.Resource) == 0:
			continue // a request without a body
		}
		f.path += ".resource"
		if err := f.resource(e.Resource, e.FullURL); err != nil {
			return true, err
		}
	}
	if _, err := d.Token(); err != nil {
		return true, f.structure(err)
	}
	return false, nil
}

func (f *fhirReader) find(name, element, message string) {
	at := f.path
	if element != "" {
		at += "." + element
	}
	f.log.path(name, fault.Severe, f.file, strings.TrimPrefix(at, "."), message, "")
}

// wrongType reports an element of another type than FHIR gives it.
func (f *fhirReader) wrongType(err error) {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		f.find("fhir-structure", t.Field, "the element is of another type than FHIR gives it")
		return
	}
	f.find("fhir-structure", "", "the resource cannot be read")
}

// plainType tells whether a name may be shown: FHIR's types are words.
func plainType(s string) bool {
	for i := range len(s) {
		if c := s[i] | 32; c < 'a' || c > 'z' {
			return false
		}
	}
	return s != "" && len(s) <= 40
}

// scan finds the type of a resource without decoding it, and whether it is nested beyond maxDepth. The text may be cut off.
func scan(text []byte) (kind string, deep bool) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			begin := i + 1
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 1 && kind == "" && i < len(text) && string(text[begin:i]) == "resourceType" {
				rest := bytes.TrimLeft(text[i+1:], " \t\r\n")
				if rest, ok := bytes.CutPrefix(rest, []byte(":")); ok {
					if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte("\"")); ok {
						if n := bytes.IndexByte(rest, '"'); n >= 0 {
							kind = string(rest[:n])
						}
					}
				}
			}
		case '{', '[':
			if depth++; depth > maxDepth {
				return kind, true
			}
		case '}', ']':
			if depth--; depth == 0 {
				return kind, false
			}
		}
	}
	return kind, false
}

// keyOf is the identifier by which resources of a type refer to one: the last part of its address, or its id.
func keyOf(fullURL, id string) string {
	if fullURL == "" {
		return id
	}
	if rest, ok := strings.CutPrefix(fullURL, "urn:uuid:"); ok {
		return rest
	}
	if rest, ok := strings.CutPrefix(fullURL, "urn:oid:"); ok {
		return rest
	}
	if base := path.Base(fullURL); base != "." && base != "/" {
		return base
	}
	return id
}

// reference is where an element points.
type reference struct {
	kind string // type of resource; "" = not said (urn)
	key  string
	urn  bool // it must be in the same bundle
	in   bool // it is contained in the resource
}

// parseReference reads urn:uuid:…, Patient/1, http://host/fhir/Patient/1/_history/2, #contained.
func parseReference(text string) (r reference, ok bool) {
	switch {
	case strings.HasPrefix(text, "#"):
		return reference{key: text[1:], in: true}, len(text) > 1
	case strings.HasPrefix(text, "urn:uuid:"), strings.HasPrefix(text, "urn:oid:"):
		key := text[strings.LastIndexByte(text, ':')+1:]
		return reference{key: key, urn: true}, key != ""
	case strings.Contains(text, "?"):
		return reference{}, false // a search, to be done by a server
	}
	text, _, _ = strings.Cut(text, "/_history/")
	parts := strings.Split(text, "/")
	if len(parts) < 2 {
		return reference{}, false
	}
	r = reference{kind: parts[len(parts)-2], key: parts[len(parts)-1]}
	return r, plainType(r.kind) && r.key != ""
}
