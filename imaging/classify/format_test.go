package classify_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"galen.dev/task"
)

// The page on formats names every file and every key that a run leaves.
func TestFormatIsDescribed(t *testing.T) {
	text := ""
	for _, page := range []string{"classify.md", "cases.md", "scores.md"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "docs", "format", page))
		if err != nil {
			t.Fatal(err)
		}
		text += string(data)
	}
	describes := func(word string) bool {
		return strings.Contains(text, "`"+word+"`") || strings.Contains(text, "`"+word+",") || strings.Contains(text, word+"`")
	}
	b := newBed(t)
	data := writeCases(t, t.TempDir(), 80, 1, false)
	res := b.run(data, map[string]any{"model": "resnet18", "width": 2, "epochs": 1})
	number := regexp.MustCompile(`[0-9]+`)
	for _, step := range task.Steps() {
		entries, err := os.ReadDir(filepath.Join(res.Folder, string(step)))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := e.Name()
			if name != "manifest.json" && !describes(name) && !strings.Contains(text, number.ReplaceAllStringFunc(name, func(n string) string { return strings.Repeat("0", len(n)) })) {
				t.Errorf("%s/%s is not described", step, name)
			}
			if !strings.HasSuffix(name, ".json") || name == "manifest.json" || name == "scores.json" {
				continue
			}
			var v any
			content, err := os.ReadFile(filepath.Join(res.Folder, string(step), name))
			if err == nil {
				err = json.Unmarshal(content, &v)
			}
			if err != nil {
				t.Fatal(err)
			}
			if list, ok := v.([]any); ok {
				v = list[0]
			}
			for key := range v.(map[string]any) {
				if !describes(key) {
					t.Errorf("%s: the key %q is not described", name, key)
				}
			}
		}
	}
	got, err := b.apply(res.Run, filepath.Join(data, "0001.png"), nil)
	if err != nil {
		t.Fatal(err)
	}
	one, err := json.Marshal(got[0])
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]any{}
	if err := json.Unmarshal(one, &keys); err != nil {
		t.Fatal(err)
	}
	for key := range keys {
		if !describes(key) {
			t.Errorf("predictions: the key %q is not described", key)
		}
	}
}
