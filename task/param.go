package task

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Kind is the type of a parameter's values.
type Kind uint8

// The kinds of parameters. In a study file a list is a YAML sequence and a map a YAML mapping; as a flag, a
// list is separated by commas and a map is name=value, separated by commas.
const (
	String  Kind = iota // string
	Choice              // string, one of Choices
	Bool                // bool
	Int                 // int
	Float               // float64
	Strings             // []string
	Floats              // []float64
	Map                 // map[string]float64
	Path                // string: a file, relative to the study file; its content counts, not its name
)

var kindNames = [...]string{"text", "choice", "yes/no", "whole number", "number", "list of texts", "list of numbers", "map of numbers", "file"}

func (k Kind) String() string { return kindNames[k] }

// Param declares one parameter of a task, once for study keys, flags, JSON schema and reference.
type Param struct {
	Name    string // kebab-case
	Kind    Kind
	Help    string // one sentence: what it does and, where it is not plain, why the default is what it is
	Unit    string // of Int, Float, Floats and Map, "1" for a plain number
	Default any    // of the kind's Go type; nil = the kind's zero value
	Choices []string
	// Min and Max bound Int, Float, and each of Floats and Map, both inclusive; nil = no bound.
	Min, Max *float64
	Required bool
	// Step is the earliest step that reads the parameter: changing its value redoes the study from there.
	Step StepName
}

// Bound makes a bound for Min and Max.
func Bound(v float64) *float64 { return &v }

// Value returns the default in the Go type of the kind, never nil.
func (p *Param) Value() any {
	if p.Default != nil {
		return p.Default
	}
	switch p.Kind {
	case Bool:
		return false
	case Int:
		return 0
	case Float:
		return 0.0
	case Strings:
		return []string(nil)
	case Floats:
		return []float64(nil)
	case Map:
		return map[string]float64(nil)
	}
	return ""
}

// Parse turns the text of a flag into a checked value.
func (p *Param) Parse(text string) (any, error) {
	var v any
	var err error
	switch p.Kind {
	case Bool:
		v, err = strconv.ParseBool(text)
	case Int:
		v, err = strconv.Atoi(text)
	case Float:
		v, err = strconv.ParseFloat(text, 64)
	case Strings:
		v = splitList(text)
	case Floats:
		v, err = parseFloats(splitList(text))
	case Map:
		v, err = parseMap(splitList(text))
	default:
		v = text
	}
	if err != nil {
		return nil, fmt.Errorf("%q is not a %s", text, p.Kind)
	}
	return unsigned(v), p.Check(v)
}

// unsigned takes the sign from zeros: -0 and 0 are one value, and must give one key.
func unsigned(v any) any {
	switch x := v.(type) {
	case float64:
		return x + 0
	case []float64:
		for i := range x {
			x[i] += 0
		}
	case map[string]float64:
		for name := range x {
			x[name] += 0
		}
	}
	return v
}

func splitList(text string) []string {
	var out []string
	for s := range strings.SplitSeq(text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func parseFloats(words []string) ([]float64, error) {
	out := make([]float64, len(words))
	for i, w := range words {
		v, err := strconv.ParseFloat(w, 64)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func parseMap(words []string) (map[string]float64, error) {
	out := map[string]float64{}
	for _, w := range words {
		name, value, ok := strings.Cut(w, "=")
		v, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			return nil, fmt.Errorf("%q is not name=number", w)
		}
		out[name] = v
	}
	return out, nil
}

// Check tells what is wrong with a value of the parameter's Go type, or nil.
func (p *Param) Check(v any) error {
	switch x := v.(type) {
	case string:
		if p.Kind == Choice && !p.allows(x) {
			return fmt.Errorf("%q is not one of %s", x, strings.Join(p.Choices, ", "))
		}
		if p.Required && x == "" {
			return fmt.Errorf("is empty")
		}
	case int:
		return p.inRange(float64(x))
	case float64:
		return p.inRange(x)
	case []string:
		for _, s := range x {
			if len(p.Choices) > 0 && !p.allows(s) {
				return fmt.Errorf("%q is not one of %s", s, strings.Join(p.Choices, ", "))
			}
		}
	case []float64:
		for _, f := range x {
			if err := p.inRange(f); err != nil {
				return err
			}
		}
	case map[string]float64:
		for _, name := range sortedKeys(x) {
			if err := p.inRange(x[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Param) allows(s string) bool {
	for _, c := range p.Choices {
		if c == s {
			return true
		}
	}
	return false
}

func (p *Param) inRange(v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) || p.Min != nil && v < *p.Min || p.Max != nil && v > *p.Max {
		allowed := p.Range()
		if allowed == "" {
			allowed = "any finite number"
		}
		return fmt.Errorf("%v is out of range: %s", v, allowed)
	}
	return nil
}

// Range says which values are allowed, e.g. "1 to 500" or "a or b"; "" = any.
func (p *Param) Range() string {
	switch {
	case len(p.Choices) > 0:
		return strings.Join(p.Choices, ", ")
	case p.Min != nil && p.Max != nil:
		return fmt.Sprintf("%v to %v", *p.Min, *p.Max)
	case p.Min != nil:
		return fmt.Sprintf("at least %v", *p.Min)
	case p.Max != nil:
		return fmt.Sprintf("at most %v", *p.Max)
	}
	return ""
}

// Schema is the JSON schema (draft 2020-12) of the parameter.
func (p *Param) Schema() map[string]any {
	number := func(typ string) map[string]any {
		m := map[string]any{"type": typ}
		if p.Min != nil {
			m["minimum"] = *p.Min
		}
		if p.Max != nil {
			m["maximum"] = *p.Max
		}
		return m
	}
	text := map[string]any{"type": "string"}
	if len(p.Choices) > 0 {
		text["enum"] = p.Choices
	}
	var m map[string]any
	switch p.Kind {
	case Bool:
		m = map[string]any{"type": "boolean"}
	case Int:
		m = number("integer")
	case Float:
		m = number("number")
	case Strings:
		m = map[string]any{"type": "array", "items": text}
	case Floats:
		m = map[string]any{"type": "array", "items": number("number")}
	case Map:
		m = map[string]any{"type": "object", "additionalProperties": number("number")}
	default:
		m = text
	}
	m["description"] = p.Help
	if v := p.Value(); !p.Required && fmt.Sprint(v) != "" && fmt.Sprint(v) != "[]" && fmt.Sprint(v) != "map[]" {
		m["default"] = v
	}
	if p.Unit != "" && p.Unit != "1" {
		m["x-unit"] = p.Unit
	}
	m["x-step"] = string(p.Step)
	return m
}

// Schema is the JSON schema of a study of this task.
func (t *Task) Schema() map[string]any {
	params := map[string]any{}
	var required []string
	for i := range t.Params {
		p := &t.Params[i]
		params[p.Name] = p.Schema()
		if p.Required {
			required = append(required, p.Name)
		}
	}
	object := map[string]any{"type": "object", "properties": params, "additionalProperties": false}
	if required != nil {
		object["required"] = required
	}
	props := map[string]any{"task": map[string]any{"const": t.Name}, "params": object}
	for _, k := range studyKeys {
		if _, own := props[k.name]; !own {
			props[k.name] = k.schema
		}
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": t.Name, "description": t.Short,
		"type": "object", "properties": props, "required": []string{"task", "data"}, "additionalProperties": false,
	}
}
