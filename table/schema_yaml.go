package table

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"galen.dev/fault"
)

const schemaComment = `# What the columns of the data are. Edit it where the guess is wrong; docs/format/schema.md explains each key.
#   kind     numeric, category, code, date or text
#   unit     of numbers;  min, max: plausible range of numbers (reported, not enforced)
#   levels   values of a category or code, in order;  system: vocabulary of a code, such as ICD-10
#   format   of dates written with / or -: d/m/y or m/d/y
#   missing  cells that mean "no value", instead of NA, N/A, NaN, null, . and ?; empty cells always do
`

// YAML writes the schema, the same bytes for the same schema, with comments for whoever edits it.
func (s *Schema) YAML() []byte {
	var b bytes.Buffer
	b.WriteString(schemaComment)
	if len(s.Columns) == 0 {
		b.WriteString("columns: []\n")
		return b.Bytes()
	}
	b.WriteString("columns:\n")
	for i := range s.Columns {
		c := &s.Columns[i]
		fmt.Fprintf(&b, "  - name: %s\n    kind: %s\n", yamlString(c.Name), c.Kind)
		for _, kv := range [][2]string{{"unit", c.Unit}, {"system", c.System}, {"format", c.Format}} {
			if kv[1] != "" {
				fmt.Fprintf(&b, "    %s: %s\n", kv[0], yamlString(kv[1]))
			}
		}
		if c.Min != nil {
			fmt.Fprintf(&b, "    min: %s\n", formatNumber(*c.Min))
		}
		if c.Max != nil {
			fmt.Fprintf(&b, "    max: %s\n", formatNumber(*c.Max))
		}
		yamlList(&b, "levels", c.Levels)
		yamlList(&b, "missing", c.Missing)
	}
	return b.Bytes()
}

// yamlList writes a list on one line if it is short, and one value a line otherwise; nil is left out.
func yamlList(b *bytes.Buffer, key string, list []string) {
	if list == nil {
		return
	}
	words := make([]string, len(list))
	for i, l := range list {
		words[i] = yamlString(l)
	}
	if line := strings.Join(words, ", "); len(line) <= 90 {
		fmt.Fprintf(b, "    %s: [%s]\n", key, line)
		return
	}
	fmt.Fprintf(b, "    %s:\n", key)
	for _, w := range words {
		fmt.Fprintf(b, "      - %s\n", w)
	}
}

var (
	plainYAML  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.()/+ -]*$`)
	numberYAML = regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,15})?$`)
	wordsYAML  = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|true|false|null|nan|inf)$`)
)

// yamlString writes a scalar plainly where no reader could take it for anything else, and in JSON's quotes
// otherwise. Numbers stay plain, because the reader keeps their spelling.
func yamlString(s string) string {
	if numberYAML.MatchString(s) || plainYAML.MatchString(s) && !wordsYAML.MatchString(s) && !strings.HasSuffix(s, " ") {
		return s
	}
	// JSON leaves DEL and C1 controls as they are; YAML does not allow them.
	var out strings.Builder
	for _, r := range string(jsonString(s)) {
		if r >= 0x7f && r < 0xa0 || r == 0xfeff || r == 0xfffe || r == 0xffff {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// formatNumber writes the shortest decimal that reads back as v, without an exponent in everyday ranges.
func formatNumber(v float64) string { return string(appendNumber(nil, v)) }

func appendNumber(b []byte, v float64) []byte {
	if a := max(v, -v); a == 0 || a >= 1e-5 && a < 1e15 {
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'e', -1, 64)
}

// schemaKeys are the keys of a column, in the order of the documentation.
var schemaKeys = []string{"name", "kind", "unit", "system", "format", "min", "max", "levels", "missing"}

// schemaParser walks the YAML nodes, so that every finding has its line.
type schemaParser struct {
	file  string
	found []fault.Finding
}

// ParseSchema reads a schema in YAML. It refuses with every finding at once: unknown keys, wrong types, keys
// that do not fit the kind, columns listed twice, each with file and line. file is only for findings.
func ParseSchema(data []byte, file string) (*Schema, error) {
	p := &schemaParser{file: file}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var root yaml.Node
	switch err := d.Decode(&root); {
	case err == io.EOF:
		return nil, fault.WithHint(fault.Errorf(fault.Data, "schema %s is empty", quoted(file)), "it holds a list under columns:")
	case err != nil:
		return nil, fault.WithHint(fault.Errorf(fault.Data, "schema %s: %w", quoted(file), err), "the file is not valid YAML")
	}
	var second yaml.Node
	if err := d.Decode(&second); err != io.EOF {
		p.bad(&root, "", "bad-schema", "more than one YAML document", "")
	}
	s := &Schema{File: file}
	if len(root.Content) == 1 {
		p.schema(s, root.Content[0])
	}
	if err := fault.Refuse("schema "+quoted(file), p.found); err != nil {
		return nil, err
	}
	return s, nil
}

func (p *schemaParser) bad(n *yaml.Node, column, name, message, hint string) {
	p.found = append(p.found, fault.Finding{
		Name: name, Severity: fault.Severe, File: p.file, Line: n.Line, Column: column, Message: message, Hint: hint,
	})
}

func (p *schemaParser) schema(s *Schema, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		p.bad(n, "", "wrong-type", "a schema is a mapping with the key columns", "")
		return
	}
	lines := map[string]int{}
	none := true
	p.pairs(n, []string{"columns"}, "", func(_ string, v *yaml.Node) {
		none = false
		if v.Kind != yaml.SequenceNode {
			p.bad(v, "", "wrong-type", "columns must be a list", "")
			return
		}
		for _, item := range v.Content {
			c, ok := p.column(item)
			if !ok {
				continue
			}
			if at, dup := lines[c.Name]; dup {
				p.bad(item, c.Name, "duplicate-column", fmt.Sprintf("the column is listed on line %d already", at), "")
			}
			lines[c.Name] = item.Line
			s.Columns = append(s.Columns, c)
		}
	})
	if none {
		p.bad(n, "", "missing-key", "the key columns is missing", "")
	}
}

// pairs calls f for each known key of a mapping and reports the others.
func (p *schemaParser) pairs(n *yaml.Node, known []string, column string, f func(key string, v *yaml.Node)) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		isKnown := false
		for _, w := range known {
			isKnown = isKnown || w == k.Value
		}
		switch {
		case !isKnown:
			p.bad(k, column, "unknown-key", "unknown key "+quoted(k.Value), fault.DidYouMean(k.Value, known))
		case seen[k.Value]:
			p.bad(k, column, "duplicate-key", "the key "+k.Value+" occurs twice", "")
		default:
			f(k.Value, v)
		}
		seen[k.Value] = true
	}
}

func (p *schemaParser) column(n *yaml.Node) (c ColumnSchema, ok bool) {
	if n.Kind != yaml.MappingNode {
		p.bad(n, "", "wrong-type", "a column is a mapping with name and kind", "")
		return c, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 { // the name first: findings are filed under it
		if n.Content[i].Value == "name" && n.Content[i+1].Kind == yaml.ScalarNode {
			c.Name = n.Content[i+1].Value
		}
	}
	before := len(p.found)
	kind := false
	p.pairs(n, schemaKeys, c.Name, func(key string, v *yaml.Node) {
		kind = kind || key == "kind"
		p.set(&c, key, v)
	})
	if !kind {
		p.bad(n, c.Name, "missing-key", "the key kind is missing", "numeric, category, code, date or text")
	}
	if blankName(c.Name) {
		p.bad(n, "", "missing-key", "a column without a name", "")
	}
	if len(p.found) == before {
		c.checkKeys(func(format string, args ...any) {
			p.bad(n, c.Name, "bad-schema", fmt.Sprintf(format, args...), "")
		})
	}
	return c, c.Name != ""
}

// set reads the value of one key of a column.
func (p *schemaParser) set(c *ColumnSchema, key string, v *yaml.Node) {
	switch key {
	case "levels":
		c.Levels = p.list(c.Name, key, v)
		return
	case "missing":
		c.Missing = p.list(c.Name, key, v)
		return
	}
	if v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
		p.bad(v, c.Name, "wrong-type", key+" must be one value", "")
		return
	}
	switch key {
	case "kind":
		k, err := ParseKind(v.Value)
		if err != nil {
			p.bad(v, c.Name, "wrong-type", "unknown kind "+quoted(v.Value), orDefault(fault.DidYouMean(v.Value, kindNames[:]), "numeric, category, code, date or text"))
		}
		c.Kind = k
	case "unit":
		c.Unit = v.Value
	case "system":
		c.System = v.Value
	case "format":
		c.Format = v.Value
	case "min", "max":
		x, form := parseNumber([]byte(v.Value))
		if form == notNumber || form == infinite {
			p.bad(v, c.Name, "wrong-type", key+" must be a number", "")
			return
		}
		if key == "min" {
			c.Min = &x
		} else {
			c.Max = &x
		}
	}
}

// list reads scalars as they are spelt: yes, 1.0 and 007 keep their form.
func (p *schemaParser) list(column, key string, v *yaml.Node) []string {
	if v.Kind != yaml.SequenceNode {
		p.bad(v, column, "wrong-type", key+" must be a list", "write "+key+": [a, b]")
		return nil
	}
	list := []string{}
	for _, item := range v.Content {
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			p.bad(item, column, "wrong-type", "an entry of "+key+" is no plain value", "put quotes around it")
			continue
		}
		list = append(list, item.Value)
	}
	return list
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
