// Package bert runs BERT encoders (Devlin et al. 2019) that a user gives: weights as safetensors under the names of
// Hugging Face with their config.json, or a whole model as ONNX; and the tokenizer beside them. Galen ships none.
//
// The network (network.go) is built of the layers of package nn and runs on its backends. Hidden states are those of
// the reference implementation but for rounding.
//
// Start with Load and Encoder.
package bert

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute"

	"galen.dev/fault"
	"galen.dev/nn"
	"galen.dev/nn/onnx"
	"galen.dev/text/token"
)

// Config is config.json, as far as it bears on hidden states.
type Config struct {
	Model      string  `json:"model_type"`
	Vocabulary int     `json:"vocab_size"`
	Width      int     `json:"hidden_size"`
	Layers     int     `json:"num_hidden_layers"`
	Heads      int     `json:"num_attention_heads"`
	Hidden     int     `json:"intermediate_size"`
	Activation string  `json:"hidden_act"` // gelu (exact), gelu_new and gelu_pytorch_tanh (by tanh), relu, silu
	Positions  int     `json:"max_position_embeddings"`
	Types      int     `json:"type_vocab_size"`
	Epsilon    float64 `json:"layer_norm_eps"`
	PositionBy string  `json:"position_embedding_type"` // absolute, or left out
}

// Encoder turns texts into vectors. It belongs to one goroutine at a time; Close frees what it holds.
type Encoder struct {
	Tokenizer *token.Tokenizer
	Width     int // of the vectors
	Most      int // pieces of one piece of text, with those around it

	predictor *nn.Predictor
	inputs    []string // of an ONNX model, in order; nil: ids and mask
	output    int
	backend   compute.Backend
}

const maxConfig = 1 << 20

// Load reads the encoder of a folder: tokenizer files as token.Read takes them, and either config.json with
// model.safetensors, or model.onnx. Files that do not fit each other are a Data or Corrupt error.
func Load(dir string) (*Encoder, error) {
	t, err := token.Read(dir)
	if err != nil {
		return nil, err
	}
	e := &Encoder{Tokenizer: t}
	if e.backend, err = nn.Backend(""); err != nil {
		return nil, err
	}
	if _, serr := os.Stat(filepath.Join(dir, "model.safetensors")); serr == nil {
		err = e.safetensors(dir)
	} else if _, serr := os.Stat(filepath.Join(dir, "model.onnx")); serr == nil {
		err = e.onnx(dir)
	} else {
		err = fault.WithHint(fault.Errorf(fault.NotFound, "no weights in %q", filepath.Base(dir)), "give model.safetensors with config.json, or model.onnx")
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// ReadConfig reads a config.json and refuses encoders of another kind.
func ReadConfig(r io.Reader) (*Config, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if err != nil {
		return nil, fault.Disk("reading config.json", err)
	}
	c := &Config{Epsilon: 1e-12, Activation: "gelu", Types: 2}
	if len(b) > maxConfig || json.Unmarshal(b, c) != nil {
		return nil, fault.Errorf(fault.Data, "config.json: not in the form of one")
	}
	within := func(v, low, high int) bool { return v >= low && v <= high }
	switch {
	case c.Model != "" && c.Model != "bert":
		err = fault.Errorf(fault.Data, "config.json: the model is of type %.30q, and only bert is read from safetensors", c.Model)
	case !within(c.Vocabulary, 1, token.MaxVocabulary), !within(c.Width, 1, 1<<14), !within(c.Layers, 1, 200), !within(c.Heads, 1, 1<<10), !within(c.Hidden, 1, 1<<16), !within(c.Positions, 3, 1<<16), !within(c.Types, 1, 1<<10):
		err = fault.Errorf(fault.Data, "config.json: a size is missing or out of range")
	case c.Width%c.Heads != 0:
		err = fault.Errorf(fault.Data, "config.json: %d heads do not divide a width of %d", c.Heads, c.Width)
	case !(c.Epsilon > 0 && c.Epsilon < 1):
		err = fault.Errorf(fault.Data, "config.json: layer_norm_eps is out of range")
	case c.PositionBy != "" && c.PositionBy != "absolute":
		err = fault.Errorf(fault.Data, "config.json: positions are %.30q, and only absolute ones are known", c.PositionBy)
	case activation(c.Activation) == nil:
		err = fault.Errorf(fault.Data, "config.json: the activation %.30q is not known", c.Activation)
	}
	return c, err
}

func (e *Encoder) safetensors(dir string) error {
	f, err := os.Open(filepath.Join(dir, "config.json"))
	if err != nil {
		return fault.Disk("reading config.json", err)
	}
	defer f.Close()
	c, err := ReadConfig(f)
	if err != nil {
		return err
	}
	if n := e.Tokenizer.Size(); n > c.Vocabulary {
		return fault.Errorf(fault.Data, "the tokenizer has %d pieces, and the encoder knows %d", n, c.Vocabulary)
	}
	a, err := nn.OpenArchive(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		return err
	}
	w, err := rename(a)
	if err != nil {
		return err
	}
	e.Width, e.Most = c.Width, c.Positions
	shape := nn.Int32s(1, padded(1, c.Positions)) // compiled now, so that arrays that are missing are named now
	e.predictor, err = nn.NewPredictor(e.backend, c.Network(), w, shape, shape)
	return err
}

// rename gives the arrays of a file the names and the layout of package nn, and leaves out those of other parts, such
// as the pooler and the heads of pre-training.
func rename(a *nn.Archive) (*nn.Weights, error) {
	all, err := a.Weights()
	if err != nil {
		return nil, err
	}
	var keep []*nn.Tensor
	for _, t := range all.Tensors() {
		name := strings.TrimPrefix(t.Name, "bert.")
		if !strings.HasPrefix(name, "embeddings.") && !strings.HasPrefix(name, "encoder.") || strings.HasSuffix(name, "position_ids") {
			continue
		}
		// Files of the first years call scale and shift of a norm gamma and beta.
		name = strings.Replace(strings.Replace(name, "LayerNorm.gamma", "LayerNorm.weight", 1), "LayerNorm.beta", "LayerNorm.bias", 1)
		data, dims := t.Data, t.Dims
		if strings.HasPrefix(name, "encoder.") && len(dims) == 2 {
			data, dims = transpose(data, dims[0], dims[1]), []int{dims[1], dims[0]}
		}
		keep = append(keep, &nn.Tensor{Name: name, Dims: dims, Data: data, Trained: true})
	}
	if len(keep) == 0 {
		return nil, fault.Errorf(fault.Data, "model.safetensors holds no encoder of BERT")
	}
	return nn.NewWeights(keep...)
}

func transpose(x []float32, rows, columns int) []float32 {
	out := make([]float32, len(x))
	for i := range rows {
		for j := range columns {
			out[j*rows+i] = x[i*columns+j]
		}
	}
	return out
}

// onnx reads a model of which a config.json beside it, where there is one, says how many pieces it takes; else 512.
func (e *Encoder) onnx(dir string) error {
	m, err := onnx.Load(filepath.Join(dir, "model.onnx"))
	if err != nil {
		return err
	}
	e.Most = 512
	if f, ferr := os.Open(filepath.Join(dir, "config.json")); ferr == nil {
		c, err := ReadConfig(f)
		f.Close()
		if err != nil {
			return err
		}
		e.Most = c.Positions
	}
	for _, in := range m.Inputs {
		if !slices.Contains([]string{"input_ids", "attention_mask", "token_type_ids"}, in.Name) {
			return fault.WithHint(fault.Errorf(fault.Data, "the ONNX model has an input %.40q", in.Name), "an encoder takes input_ids, attention_mask and perhaps token_type_ids")
		}
		e.inputs = append(e.inputs, in.Name)
		if n := len(in.Dims); n != 2 || in.Dims[0] != 0 && in.Dims[0] != 1 {
			return fault.Errorf(fault.Data, "the ONNX model's input %s is not (batch, pieces)", in.Name)
		}
		if in.Dims[1] != 0 {
			return fault.Errorf(fault.Data, "the ONNX model takes texts of one length only: export it with an open axis of pieces")
		}
	}
	e.output = max(slices.Index(m.Outputs, "last_hidden_state"), 0)
	if e.predictor, err = m.Predictor(e.backend); err != nil {
		return err
	}
	x, err := e.hidden([]token.Piece{{ID: max(e.Tokenizer.Start, 0)}})
	if err != nil {
		return err
	}
	if len(x) == 0 {
		return fault.Errorf(fault.Data, "the ONNX model gives no hidden states")
	}
	e.Width = len(x)
	return nil
}

// Close frees what the encoder holds.
func (e *Encoder) Close() {
	if e.predictor != nil {
		e.predictor.Close()
	}
	if e.backend != nil {
		e.backend.Finalize()
	}
}

// padded is the length that a text of n pieces is filled up to, so that few graphs are compiled.
func padded(n, most int) int {
	size := 16
	for size < n {
		size *= 2
	}
	return min(size, max(most, n))
}

// Hidden gives the hidden states of the last layer for up to Most pieces, (pieces, Width).
func (e *Encoder) Hidden(pieces []token.Piece) ([]float32, error) {
	if len(pieces) == 0 || len(pieces) > e.Most {
		return nil, fault.Errorf(fault.Usage, "an encoder takes 1 to %d pieces, not %d", e.Most, len(pieces))
	}
	return e.hidden(pieces)
}

func (e *Encoder) hidden(pieces []token.Piece) ([]float32, error) {
	n := padded(len(pieces), e.Most)
	ids, mask := make([]int32, n), make([]int32, n)
	for k := range ids {
		ids[k] = e.Tokenizer.Pad
		if k < len(pieces) {
			ids[k], mask[k] = pieces[k].ID, 1
		}
	}
	dims := []int{1, n}
	in := []nn.Array{{Dims: dims, Ints: ids}, {Dims: dims, Ints: mask}}
	if e.inputs != nil {
		in = nil
		for _, name := range e.inputs {
			a := nn.Array{Dims: dims, Ints: ids}
			switch name {
			case "attention_mask":
				a.Ints = mask
			case "token_type_ids":
				a.Ints = make([]int32, n)
			}
			in = append(in, a)
		}
	}
	out, err := e.predictor.Run(in...)
	if err != nil {
		return nil, err
	}
	y := out[e.output]
	if len(y.Dims) != 3 || y.Dims[1] != n {
		return nil, fault.Errorf(fault.Data, "the encoder's output is %v, and (batch, pieces, width) is wanted", y.Dims)
	}
	return slices.Clone(y.Floats[:len(pieces)*y.Dims[2]]), nil
}

// MaxWindows bounds the windows of a text that Embed looks at.
const MaxWindows = 64

// Embed is one vector for a text: the mean of the hidden states of its pieces. A long text is cut into windows that
// overlap by a quarter; all count alike. cut says that what lies behind the last window was left out.
func (e *Encoder) Embed(ctx context.Context, s string) (v []float32, cut bool, err error) {
	pieces := e.Tokenizer.Pieces(s)
	room := e.Most
	for _, id := range []int32{e.Tokenizer.Start, e.Tokenizer.End} {
		if id >= 0 {
			room--
		}
	}
	sum, count := make([]float64, e.Width), 0
	for from, windows := 0, 0; ; from += max(room*3/4, 1) {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		if windows == MaxWindows {
			cut = true
			break
		}
		windows++
		to := min(from+room, len(pieces))
		n, err := e.add(sum, pieces[from:to])
		if err != nil {
			return nil, false, err
		}
		if count += n; to == len(pieces) {
			break
		}
	}
	v = make([]float32, e.Width)
	for k := range v {
		v[k] = float32(sum[k] / float64(count))
		if math.IsNaN(float64(v[k])) || math.IsInf(float64(v[k]), 0) {
			return nil, false, fault.Errorf(fault.Data, "the encoder's vector is not finite")
		}
	}
	return v, cut, nil
}

// add sums the hidden states of one window.
func (e *Encoder) add(sum []float64, pieces []token.Piece) (int, error) {
	t := e.Tokenizer
	all := make([]token.Piece, 0, len(pieces)+2)
	if t.Start >= 0 {
		all = append(all, token.Piece{ID: t.Start})
	}
	all = append(all, pieces...)
	if t.End >= 0 {
		all = append(all, token.Piece{ID: t.End})
	}
	if len(all) == 0 {
		all = append(all, token.Piece{ID: t.Pad})
	}
	h, err := e.hidden(all)
	if err != nil {
		return 0, err
	}
	for k, v := range h {
		sum[k%e.Width] += float64(v)
	}
	return len(all), nil
}
