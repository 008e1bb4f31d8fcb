package bert

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "galen.dev/engine" // the backend "cpu"
	"galen.dev/fault"
)

type recorded struct {
	IDs    []int32
	Hidden []float32
}

// cases is what testdata/make.py wrote.
type cases struct {
	Texts             []string
	Safetensors, Tanh []recorded
}

func loadCases(t *testing.T) (c cases) {
	t.Helper()
	b, err := os.ReadFile("testdata/cases.json")
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestHiddenStates: those of transformers. Both compute in float32 and sum in another order, which after two layers
// makes a difference in the sixth digit; 1e-4 is what is promised.
func TestHiddenStates(t *testing.T) {
	c := loadCases(t)
	for _, model := range []struct {
		dir  string
		want []recorded
	}{{"safetensors", c.Safetensors}, {"tanh", c.Tanh}, {"onnx", c.Safetensors}} {
		e, err := Load(filepath.Join("testdata", model.dir))
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for k, s := range c.Texts {
			pieces, cut := e.Tokenizer.Encode(s, e.Most)
			if len(pieces) != len(model.want[k].IDs) || cut {
				t.Fatalf("%s: %q has %d pieces, want %d", model.dir, s, len(pieces), len(model.want[k].IDs))
			}
			for i, p := range pieces {
				if p.ID != model.want[k].IDs[i] {
					t.Fatalf("%s: %q: piece %d is %d, want %d", model.dir, s, i, p.ID, model.want[k].IDs[i])
				}
			}
			h, err := e.Hidden(pieces)
			if err != nil {
				t.Fatal(err)
			}
			if len(h) != len(model.want[k].Hidden) || e.Width != 16 {
				t.Fatalf("%s: %d numbers, want %d", model.dir, len(h), len(model.want[k].Hidden))
			}
			for i, v := range h {
				worst = math.Max(worst, math.Abs(float64(v-model.want[k].Hidden[i])))
			}
		}
		t.Logf("%s: largest difference %.2g", model.dir, worst)
		if !(worst < 1e-4) {
			t.Errorf("%s: hidden states differ by up to %v", model.dir, worst)
		}
		e.Close()
	}
}

func TestEmbed(t *testing.T) {
	e, err := Load("testdata/safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	v, cut, err := e.Embed(t.Context(), "The patient has no fever.")
	if err != nil || cut || len(v) != 16 {
		t.Fatalf("%v %v %v", v, cut, err)
	}
	want := loadCases(t).Safetensors[0]
	for k := range v {
		sum := float32(0)
		for i := k; i < len(want.Hidden); i += 16 {
			sum += want.Hidden[i]
		}
		if d := math.Abs(float64(v[k] - sum/float32(len(want.IDs)))); d > 1e-4 {
			t.Errorf("mean %d differs by %v", k, d)
		}
	}
	if _, cut, err = e.Embed(t.Context(), strings.Repeat("fever ", 5000)); err != nil || !cut {
		t.Errorf("a text of 5,000 words: %v, %v", cut, err)
	}
	if v, _, err = e.Embed(t.Context(), ""); err != nil || len(v) != 16 {
		t.Errorf("an empty text: %v", err)
	}
}

func TestRefused(t *testing.T) {
	for in, want := range map[string]string{
		`{`:                    "not in the form",
		`{"model_type": "t5"}`: "only bert",
		`{"vocab_size": 10, "hidden_size": 10, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 4, "max_position_embeddings": 8}`:                                           "do not divide",
		`{"vocab_size": 10, "hidden_size": 999999999, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 4, "max_position_embeddings": 8}`:                                    "out of range",
		`{"vocab_size": 10, "hidden_size": 9, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 4, "max_position_embeddings": 8, "hidden_act": "x"}`:                         "activation",
		`{"vocab_size": 10, "hidden_size": 9, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 4, "max_position_embeddings": 8, "position_embedding_type": "relative_key"}`: "only absolute",
	} {
		if _, err := ReadConfig(strings.NewReader(in)); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", in, err)
		}
	}
	dir := t.TempDir()
	if _, err := Load(dir); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an empty folder: %v", err)
	}
	copyFile := func(name string, change func([]byte) []byte) {
		b, err := os.ReadFile(filepath.Join("testdata/safetensors", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), change(b), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	same := func(b []byte) []byte { return b }
	copyFile("vocab.txt", same)
	copyFile("model.safetensors", same)
	copyFile("config.json", func(b []byte) []byte {
		return []byte(strings.Replace(string(b), `"num_hidden_layers": 2`, `"num_hidden_layers": 3`, 1))
	})
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "encoder.layer.2") {
		t.Errorf("a layer is missing: %v", err)
	}
	copyFile("config.json", same)
	copyFile("vocab.txt", func(b []byte) []byte { return append(b, strings.Repeat("more\nand more\n", 1)...) })
	if _, err := Load(dir); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), "the encoder knows") {
		t.Errorf("a vocabulary that is too large: %v", err)
	}
}

func FuzzReadConfig(f *testing.F) {
	f.Add([]byte(`{"model_type": "bert", "vocab_size": 10, "hidden_size": 9, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 4, "max_position_embeddings": 8}`))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = ReadConfig(strings.NewReader(string(b))) })
}
