package task

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"galen.dev/fault"
)

// Study says which task to run on which data, with which parameters and seed.
type Study struct {
	File   string         // where it was read from; "" when it was made from flags
	Name   string         // names the run; by default the file's name without extension
	Title  string         // heads the report; by default the task's short text
	Task   string         // area/verb
	Data   string         // a name from the catalogue, or a path relative to the study file
	Seed   uint64         // of everything random; 0 is a seed like any other
	Params map[string]any // the parameters given, in their kinds' Go types; defaults are not filled in
	Waive  []string       // findings of severity error that must not stop the run: name or name:column
}

// studyKeys are the keys of a study file besides params.
var studyKeys = []struct {
	name   string
	schema map[string]any
}{
	{"task", map[string]any{"type": "string", "description": "area/verb; `galen tasks` lists them"}},
	{"data", map[string]any{"type": "string", "description": "a name from the catalogue, or a path relative to this file"}},
	{"seed", map[string]any{"type": "integer", "minimum": 0, "default": 0, "description": "of everything random"}},
	{"name", map[string]any{"type": "string", "description": "names the run; the file's name by default"}},
	{"title", map[string]any{"type": "string", "description": "heads the report"}},
	{"waive", map[string]any{"type": "array", "items": map[string]any{"type": "string"}, "description": "findings of severity error to let pass, by name or name:column; the report shows them"}},
	{"params", map[string]any{"type": "object"}},
}

// maxStudy bounds a study file: it is written by hand.
const maxStudy = 1 << 20

// ReadStudy reads a study file and checks it against its task. The error lists everything that is wrong,
// each with file and line.
func ReadStudy(path string, tasks []*Task) (*Study, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "study %q is a folder", path), "name the .yaml file in it")
	}
	if err == nil && info.Size() > maxStudy {
		return nil, fault.Errorf(fault.Usage, "study %q is larger than 1 MiB", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.WithHint(fmt.Errorf("reading study: %w", err), "a study is a small YAML file; `galen tasks NAME` prints an example")
	}
	return ParseStudy(data, path, tasks)
}

// ParseStudy reads a study from bytes; file is for messages, the name and relative paths.
func ParseStudy(data []byte, file string, tasks []*Task) (*Study, error) {
	if len(data) > maxStudy {
		return nil, fault.Errorf(fault.Usage, "study %q is larger than 1 MiB", file)
	}
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "reading study %q: %w", file, err), "a study is a YAML mapping; `galen tasks NAME` prints an example")
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "study %q goes on after its end", file), "a file holds one study: take out what stands after ---")
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fault.WithHint(fault.Errorf(fault.Usage, "study %q is not a YAML mapping", file), "`galen tasks NAME` prints an example")
	}
	r := studyReader{file: file, tasks: tasks, study: Study{
		File: file, Name: strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), Params: map[string]any{},
	}}
	r.read(doc.Content[0])
	if len(r.findings) > 0 {
		sort.SliceStable(r.findings, func(i, j int) bool { return r.findings[i].Line < r.findings[j].Line })
		err := fault.Refuse(fmt.Sprintf("study %q", file), r.findings)
		err.(*fault.Error).Kind = fault.Usage
		return nil, err
	}
	return &r.study, nil
}

type studyReader struct {
	file     string
	tasks    []*Task
	study    Study
	findings []fault.Finding
}

func (r *studyReader) find(n *yaml.Node, name, column, hint, format string, args ...any) {
	f := fault.Finding{Name: name, Severity: fault.Severe, File: r.file, Column: column, Message: fmt.Sprintf(format, args...), Hint: hint}
	if n != nil {
		f.Line = n.Line
	}
	r.findings = append(r.findings, f)
}

func (r *studyReader) read(doc *yaml.Node) {
	names := make([]string, len(studyKeys))
	for i, k := range studyKeys {
		names[i] = k.name
	}
	nodes := r.mapping(doc, "")
	for _, kv := range nodes {
		if !contains(names, kv.key.Value) {
			r.find(kv.key, "unknown-key", "", r.keyHint(kv.key.Value, names, nodes), "unknown key %q", kv.key.Value)
		}
	}
	s := &r.study
	r.scalar(nodes, "task", &s.Task)
	r.scalar(nodes, "data", &s.Data)
	r.scalar(nodes, "seed", &s.Seed)
	r.scalar(nodes, "name", &s.Name)
	r.scalar(nodes, "title", &s.Title)
	r.scalar(nodes, "waive", &s.Waive)
	if s.Name == "" || !validName(s.Name) {
		r.find(node(nodes, "name"), "bad-name", "name", "use letters, digits, '-', '_' and '.'", "%q cannot name a run", s.Name)
	}
	for _, required := range []string{"task", "data"} {
		if n := node(nodes, required); n == nil {
			r.find(doc, "missing-key", "", "", "the key %q is missing", required)
		} else if n.Kind == yaml.ScalarNode && n.Value == "" {
			r.find(n, "missing-key", required, "", "is empty")
		}
	}
	if s.Task == "" {
		return
	}
	t, err := Find(r.tasks, s.Task)
	if err != nil {
		r.find(node(nodes, "task"), "unknown-task", "task", fault.HintOf(err), "%v", err)
		return
	}
	r.params(t, node(nodes, "params"), doc)
}

// keyHint says where a misplaced key belongs: a parameter written at the top, or a mistyped word.
func (r *studyReader) keyHint(key string, names []string, nodes []pair) string {
	if n := node(nodes, "task"); n != nil {
		if t, err := Find(r.tasks, n.Value); err == nil && t.Param(key) != nil {
			return "it is a parameter: put it under params"
		}
	}
	return fault.DidYouMean(key, names)
}

func (r *studyReader) params(t *Task, n, doc *yaml.Node) {
	if n != nil && n.Kind != yaml.MappingNode && n.Tag != "!!null" {
		r.find(n, "wrong-type", "params", "write name: value lines beneath it", "must be a mapping")
		return
	}
	if n != nil && n.Kind == yaml.MappingNode {
		for _, kv := range r.mapping(n, "params.") {
			p := t.Param(kv.key.Value)
			if p == nil {
				hint := fault.DidYouMean(kv.key.Value, t.paramNames())
				if hint == "" {
					hint = "`galen tasks " + t.Name + "` lists the parameters"
				}
				r.find(kv.key, "unknown-parameter", "", hint, "%s has no parameter %q", t.Name, kv.key.Value)
				continue
			}
			v, err := p.decode(kv.value)
			if err != nil {
				r.find(kv.value, "wrong-value", "params."+p.Name, "", "%v", err)
				continue
			}
			r.study.Params[p.Name] = v
		}
	}
	for i := range t.Params {
		p := &t.Params[i]
		if _, given := r.study.Params[p.Name]; p.Required && !given && !r.has(p.Name) {
			r.find(doc, "missing-parameter", "params", p.Help, "%s needs the parameter %q", t.Name, p.Name)
		}
	}
}

// has tells whether a finding already speaks of the parameter.
func (r *studyReader) has(param string) bool {
	for _, f := range r.findings {
		if f.Column == "params."+param {
			return true
		}
	}
	return false
}

type pair struct{ key, value *yaml.Node }

// mapping returns the pairs of a mapping; aliases are followed, repeated keys found.
func (r *studyReader) mapping(n *yaml.Node, prefix string) []pair {
	var out []pair
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if v.Kind == yaml.AliasNode {
			v = v.Alias
		}
		if first, twice := seen[k.Value]; twice {
			r.find(k, "repeated-key", "", "", "the key %q stands twice; first in line %d", prefix+k.Value, first)
			continue
		}
		seen[k.Value] = k.Line
		out = append(out, pair{k, v})
	}
	return out
}

func node(nodes []pair, name string) *yaml.Node {
	for _, kv := range nodes {
		if kv.key.Value == name {
			return kv.value
		}
	}
	return nil
}

func (r *studyReader) scalar(nodes []pair, key string, into any) {
	n := node(nodes, key)
	if n == nil {
		return
	}
	word := map[string]string{"seed": "a whole number, 0 or more", "waive": "a list of texts"}[key]
	if word == "" {
		word = "a text"
	}
	if err := n.Decode(into); err != nil || n.Kind == yaml.MappingNode || key != "waive" && n.Kind != yaml.ScalarNode || holes(n) {
		r.find(n, "wrong-type", key, "", "must be %s", word)
	}
}

// decode reads a parameter's value from YAML.
func (p *Param) decode(n *yaml.Node) (any, error) {
	var v any
	var err error
	switch p.Kind {
	case Bool:
		v, err = decodeAs[bool](n, "!!bool")
	case Int:
		v, err = decodeAs[int](n, "!!int")
	case Float:
		v, err = decodeAs[float64](n, "!!float", "!!int")
	case Strings:
		v, err = decodeList[string](n)
	case Floats:
		v, err = decodeList[float64](n)
	case Map:
		if n.Kind != yaml.MappingNode || holes(n) {
			return nil, fmt.Errorf("must be a %s", p.Kind)
		}
		m := map[string]float64{}
		err, v = n.Decode(&m), m
	default:
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			return nil, fmt.Errorf("must be a %s", p.Kind)
		}
		var s string
		err, v = n.Decode(&s), s
	}
	if err != nil {
		return nil, fmt.Errorf("must be a %s", p.Kind)
	}
	return unsigned(v), p.Check(v)
}

func decodeAs[T any](n *yaml.Node, tags ...string) (T, error) {
	var v T
	if n.Kind != yaml.ScalarNode || !contains(tags, n.ShortTag()) {
		return v, fmt.Errorf("wrong type")
	}
	return v, n.Decode(&v)
}

// decodeList also takes a single value for a list of one.
func decodeList[T any](n *yaml.Node) ([]T, error) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
		var v T
		return []T{v}, n.Decode(&v)
	}
	var v []T
	if n.Kind != yaml.SequenceNode || holes(n) {
		return nil, fmt.Errorf("wrong type")
	}
	return v, n.Decode(&v)
}

// holes tells whether an entry of a list or a mapping is null: it would be decoded as "" or 0.
func holes(n *yaml.Node) bool {
	for _, c := range n.Content {
		if c.Kind == yaml.AliasNode {
			c = c.Alias
		}
		if c.Kind == yaml.ScalarNode && c.ShortTag() == "!!null" {
			return true
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// validName tells whether a name is safe as part of a folder's name on every system.
func validName(s string) bool {
	for _, r := range s {
		if r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return s != "" && s[0] != '.' && len(s) <= 64
}

// YAML writes the study as a file that ParseStudy reads back, with every parameter in the task's order.
func (s *Study) YAML(t *Task) []byte {
	m := &yaml.Node{Kind: yaml.MappingNode}
	add := func(n *yaml.Node, key string, v any) {
		n.Content = append(n.Content, textNode(key), valueNode(v))
	}
	add(m, "task", s.Task)
	add(m, "data", s.Data)
	add(m, "seed", s.Seed)
	add(m, "name", s.Name)
	if s.Title != "" {
		add(m, "title", s.Title)
	}
	if len(s.Waive) > 0 {
		add(m, "waive", s.Waive)
	}
	params := &yaml.Node{Kind: yaml.MappingNode}
	for i := range t.Params {
		if v, given := s.Params[t.Params[i].Name]; given {
			add(params, t.Params[i].Name, v)
		}
	}
	if len(params.Content) > 0 {
		m.Content = append(m.Content, textNode("params"), params)
	}
	out, err := yaml.Marshal(m)
	if err != nil {
		panic("task: encoding a study: " + err.Error())
	}
	return out
}

// valueNode is a value of one of the kinds as YAML.
func valueNode(v any) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	switch x := v.(type) {
	case string:
		return textNode(x)
	case []string:
		for _, s := range x {
			list.Content = append(list.Content, textNode(s))
		}
		return list
	case map[string]float64:
		m := &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range sortedKeys(x) {
			m.Content = append(m.Content, textNode(name), valueNode(x[name]))
		}
		return m
	}
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		panic("task: encoding a study's value: " + err.Error()) // all kinds can be encoded
	}
	return n
}

// textNode is a text as YAML. The library itself lays texts with tabs and line breaks out in blocks that it
// cannot read back, so these are quoted.
func textNode(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.ContainsFunc(s, unicode.IsControl) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// Complete checks a study that flags made or changed: everything that is missing or wrong, at once.
func (s *Study) Complete(t *Task) error {
	var findings []fault.Finding
	find := func(name, key, hint, format string, args ...any) {
		findings = append(findings, fault.Finding{Name: name, Severity: fault.Severe, Column: key, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	if s.Data == "" {
		find("missing-key", "data", "give --data a name from the catalogue or a path", "no data are named")
	}
	if !validName(s.Name) {
		find("bad-name", "name", "use letters, digits, '-', '_' and '.'", "%q cannot name a run", s.Name)
	}
	for i := range t.Params {
		p := &t.Params[i]
		v, given := s.Params[p.Name]
		switch {
		case !given && p.Required:
			find("missing-parameter", p.Name, p.Help, "%s needs the parameter %q", t.Name, p.Name)
		case given:
			if err := p.Check(v); err != nil {
				find("wrong-value", p.Name, "", "%v", err)
			}
		}
	}
	if len(findings) == 0 {
		return nil
	}
	return &fault.Error{Kind: fault.Usage, Err: fmt.Errorf("study %q: %s", s.Name, fault.Count(len(findings), "finding")), Findings: findings}
}
