package task

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

// everyKind is one parameter of each kind.
var everyKind = []Param{
	{Name: "text", Kind: String, Step: Collect, Help: "Text."},
	{Name: "choice", Kind: Choice, Choices: []string{"a", "b"}, Default: "a", Step: Preprocess, Help: "Choice."},
	{Name: "bool", Kind: Bool, Default: true, Step: Preprocess, Help: "Bool."},
	{Name: "int", Kind: Int, Unit: "folds", Default: 5, Min: Bound(2), Max: Bound(50), Step: Train, Help: "Int."},
	{Name: "float", Kind: Float, Unit: "1", Min: Bound(0), Max: Bound(1), Step: Train, Help: "Float."},
	{Name: "open", Kind: Float, Unit: "1", Step: Train, Help: "Any number."},
	{Name: "strings", Kind: Strings, Step: Train, Help: "Texts."},
	{Name: "some", Kind: Strings, Choices: []string{"a", "b", "c"}, Default: []string{"a", "b"}, Step: Train, Help: "Some of three."},
	{Name: "floats", Kind: Floats, Unit: "risk", Min: Bound(0), Max: Bound(1), Step: Evaluate, Help: "Numbers."},
	{Name: "map", Kind: Map, Unit: "1", Min: Bound(-1), Max: Bound(1), Step: Evaluate, Help: "Map."},
	{Name: "path", Kind: Path, Step: Collect, Help: "File."},
	{Name: "needed", Kind: String, Required: true, Step: Collect, Help: "Needed."},
}

func kindParam(t interface{ Fatalf(string, ...any) }, name string) *Param {
	for i := range everyKind {
		if everyKind[i].Name == name {
			return &everyKind[i]
		}
	}
	t.Fatalf("no parameter %q", name)
	return nil
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		param, text string
		want        any    // nil = an error
		err         string // which it must hold
	}{
		{"text", "any thing, at all", "any thing, at all", ""},
		{"text", "", "", ""},
		{"choice", "b", "b", ""},
		{"choice", "c", nil, `"c" is not one of a, b`},
		{"bool", "true", true, ""},
		{"bool", "0", false, ""},
		{"bool", "maybe", nil, `"maybe" is not a yes/no`},
		{"int", "7", 7, ""},
		{"int", "1", nil, "1 is out of range: 2 to 50"},
		{"int", "51", nil, "51 is out of range: 2 to 50"},
		{"int", "7.5", nil, `"7.5" is not a whole number`},
		{"int", "99999999999999999999", nil, "is not a whole number"},
		{"float", "0.5", .5, ""},
		{"float", "1e-3", .001, ""},
		{"float", "1.01", nil, "out of range: 0 to 1"},
		{"float", "NaN", nil, "out of range"},
		{"float", "half", nil, `"half" is not a number`},
		{"open", "-1e300", -1e300, ""},
		{"open", "inf", nil, "+Inf is out of range: any finite number"},
		{"open", "1e400", nil, "is not a number"},
		{"strings", "a, b,,c ", []string{"a", "b", "c"}, ""},
		{"strings", "", []string(nil), ""},
		{"some", "c,a", []string{"c", "a"}, ""},
		{"some", "a,d", nil, `"d" is not one of a, b, c`},
		{"floats", ".1,.5", []float64{.1, .5}, ""},
		{"floats", ".1,2", nil, "2 is out of range"},
		{"floats", ".1,x", nil, `".1,x" is not a list of numbers`},
		{"map", "age=1, crp=-1", map[string]float64{"age": 1, "crp": -1}, ""},
		{"map", "age", nil, `"age" is not a map of numbers`},
		{"map", "age=2", nil, "2 is out of range: -1 to 1"},
		{"float", "-0", 0.0, ""},
		{"path", "a/b.yaml", "a/b.yaml", ""},
		{"needed", "", nil, "is empty"},
	} {
		v, err := kindParam(t, c.param).Parse(c.text)
		switch {
		case c.err == "" && (err != nil || !reflect.DeepEqual(v, c.want)):
			t.Errorf("%s=%s: %#v, %v; want %#v", c.param, c.text, v, err, c.want)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s=%s: error %v, want one with %s", c.param, c.text, err, c.err)
		}
	}
}

// The error names the first wrong entry by name, not by the chance of a map's order.
func TestMapErrorIsStable(t *testing.T) {
	p := kindParam(t, "map")
	m := map[string]float64{"f": 6, "e": 5, "d": 4, "c": 3, "b": 2, "a": 0}
	for range 50 {
		if err := p.Check(m); err == nil || !strings.HasPrefix(err.Error(), "2 ") {
			t.Fatal(err)
		}
	}
}

func TestValueIsNeverNil(t *testing.T) {
	for i := range everyKind {
		p := &everyKind[i]
		if p.Value() == nil {
			t.Errorf("%s: the value is nil", p.Name)
		}
		if zero := (&Param{Kind: p.Kind}).Value(); zero == nil || !reflect.ValueOf(zero).IsZero() {
			t.Errorf("%v: the zero value is %#v", p.Kind, zero)
		}
	}
}

// What the schema allows is what a study file allows, and the other way round.
func TestSchema(t *testing.T) {
	tk := &Task{Name: "area/verb", Short: "Short", Params: everyKind}
	data, err := json.Marshal(tk.Schema())
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Schema               string `json:"$schema"`
		Type                 string
		Required             []string
		AdditionalProperties *bool
		Properties           map[string]json.RawMessage
	}
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	if s.Type != "object" || s.AdditionalProperties == nil || *s.AdditionalProperties || fmt.Sprint(s.Required) != "[task data]" || !strings.Contains(s.Schema, "2020-12") {
		t.Errorf("%s", data)
	}
	for _, k := range studyKeys {
		if s.Properties[k.name] == nil {
			t.Errorf("the schema has no %s", k.name)
		}
	}
	var params struct {
		Required   []string
		Properties map[string]struct {
			Type                 string
			Enum                 []string
			Minimum, Maximum     *float64
			Default              any
			Description          string
			Items                *struct{ Enum []string }
			AdditionalProperties any
			Unit                 string `json:"x-unit"`
			Step                 string `json:"x-step"`
		}
	}
	if err := json.Unmarshal(s.Properties["params"], &params); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(params.Required) != "[needed]" || len(params.Properties) != len(everyKind) {
		t.Errorf("%s", s.Properties["params"])
	}
	types := map[Kind]string{String: "string", Choice: "string", Bool: "boolean", Int: "integer", Float: "number", Strings: "array", Floats: "array", Map: "object", Path: "string"}
	for i := range everyKind {
		p := &everyKind[i]
		got := params.Properties[p.Name]
		if got.Type != types[p.Kind] || got.Description != p.Help || got.Step != string(p.Step) {
			t.Errorf("%s: %+v", p.Name, got)
		}
	}
	if p := params.Properties["int"]; p.Default != 5.0 || *p.Minimum != 2 || *p.Maximum != 50 || p.Unit != "folds" {
		t.Errorf("int: %+v", p)
	}
	if p := params.Properties["choice"]; fmt.Sprint(p.Enum) != "[a b]" || p.Default != "a" {
		t.Errorf("choice: %+v", p)
	}
	if p := params.Properties["some"]; p.Items == nil || len(p.Items.Enum) != 3 {
		t.Errorf("some: %+v", p)
	}
	if p := params.Properties["needed"]; p.Default != nil {
		t.Errorf("needed: %+v", p)
	}
}

// drawValue draws a value that the parameter allows.
func drawValue(t *rapid.T, p *Param) any {
	text := rapid.StringMatching(`[a-zA-Z0-9 _.:#'"@&*!%{}\[\]<>=|\-é\n\t]{1,12}`)
	low, high := -1e6, 1e6
	if p.Min != nil {
		low, high = *p.Min, *p.Max
	}
	number := rapid.Map(rapid.Float64Range(low, high), func(v float64) float64 { return v + 0 }) // no -0
	switch p.Kind {
	case Choice:
		return rapid.SampledFrom(p.Choices).Draw(t, p.Name)
	case Bool:
		return rapid.Bool().Draw(t, p.Name)
	case Int:
		return rapid.IntRange(int(low), int(high)).Draw(t, p.Name)
	case Float:
		return number.Draw(t, p.Name)
	case Strings:
		if p.Choices != nil {
			text = rapid.SampledFrom(p.Choices)
		}
		return rapid.SliceOfN(text, 1, 4).Draw(t, p.Name)
	case Floats:
		return rapid.SliceOfN(number, 1, 4).Draw(t, p.Name)
	case Map:
		return rapid.MapOfN(text, number, 1, 4).Draw(t, p.Name)
	}
	return text.Draw(t, p.Name)
}

// A study that is written and read back is the same study, with the same run.
func TestStudyRoundTrip(t *testing.T) {
	tk := &Task{Name: "area/verb", Params: everyKind}
	rapid.Check(t, func(t *rapid.T) {
		s := &Study{
			Task: tk.Name, Name: rapid.StringMatching(`[a-zA-Z0-9_-][a-zA-Z0-9_.-]{0,20}`).Draw(t, "name"),
			Title: rapid.StringMatching(`[ -~äß→]{0,20}`).Draw(t, "title"),
			Data:  rapid.StringMatching(`[ -~]{1,20}`).Draw(t, "data"),
			Seed:  rapid.Uint64().Draw(t, "seed"), Params: map[string]any{},
		}
		if n := rapid.IntRange(0, 3).Draw(t, "waivers"); n > 0 {
			s.Waive = rapid.SliceOfN(rapid.StringMatching(`[ -~]{1,20}`), n, n).Draw(t, "waive")
		}
		for i := range everyKind {
			p := &everyKind[i]
			if p.Required || rapid.Bool().Draw(t, "given "+p.Name) {
				s.Params[p.Name] = drawValue(t, p)
			}
		}
		text := s.YAML(tk)
		got, err := ParseStudy(text, "other.yaml", []*Task{tk})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		want := *s
		want.File = "other.yaml"
		if !reflect.DeepEqual(*got, want) {
			t.Fatalf("got  %#v\nwant %#v\n%s", *got, want, text)
		}
		if RunID(tk, got) != RunID(tk, s) {
			t.Fatal("the run changed its id")
		}
		if err := got.Complete(tk); err != nil {
			t.Fatal(err)
		}
	})
}

// A flag and a study key say the same.
func TestFlagEqualsKey(t *testing.T) {
	for name, text := range map[string][2]string{
		"text": {"a b", `a b`}, "choice": {"b", "b"}, "bool": {"false", "false"}, "int": {"3", "3"}, "float": {"1", "1"}, "open": {"-2.5e3", "-2.5e3"},
		"strings": {"x,y", "[x, y]"}, "some": {"a", "a"}, "floats": {".1,.2", "[.1, .2]"}, "map": {"a=1,b=-1", "{a: 1, b: -1}"}, "path": {"p", "p"},
	} {
		p := kindParam(t, name)
		flag, err := p.Parse(text[0])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(text[1]), &n); err != nil {
			t.Fatal(err)
		}
		key, err := p.decode(n.Content[0])
		if err != nil || !reflect.DeepEqual(flag, key) {
			t.Errorf("%s: the flag gives %#v, the key %#v, %v", name, flag, key, err)
		}
	}
}

func TestRange(t *testing.T) {
	for _, c := range []struct {
		p    Param
		want string
	}{
		{Param{}, ""},
		{Param{Min: Bound(1)}, "at least 1"},
		{Param{Max: Bound(.5)}, "at most 0.5"},
		{Param{Min: Bound(0), Max: Bound(1)}, "0 to 1"},
		{Param{Choices: []string{"x", "y"}}, "x, y"},
	} {
		if got := c.p.Range(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.p, got, c.want)
		}
	}
}
