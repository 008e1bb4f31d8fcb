package task

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

func TestIndent(t *testing.T) {
	got := string(indent([]byte(`{"a":[1,2,3],"b":{"c":"x\"],{","d":[]},"e":[{"f":null}],"g":["]\\",""]}`)))
	want := `{
  "a": [1,2,3],
  "b": {
    "c": "x\"],{",
    "d": []
  },
  "e": [
    {
      "f": null
    }
  ],
  "g": ["]\\",""]
}`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestIndentKeepsMeaning: laying out JSON changes nothing but white space.
func TestIndentKeepsMeaning(t *testing.T) {
	value := rapid.Map(rapid.SliceOf(rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.String()))), func(v []map[string][]string) any { return v })
	rapid.Check(t, func(t *rapid.T) {
		compact, err := json.Marshal(value.Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		var back bytes.Buffer
		if err := json.Compact(&back, indent(compact)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(back.Bytes(), compact) {
			t.Fatalf("%s became %s", compact, back.Bytes())
		}
	})
}
