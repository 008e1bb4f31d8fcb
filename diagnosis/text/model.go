package note

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"

	"galen.dev/assess"
	"galen.dev/fault"
	"galen.dev/internal/cpu"
	"galen.dev/nn"
	"galen.dev/task"
	"galen.dev/text"
	"galen.dev/text/assertion"
	"galen.dev/text/bert"
	"galen.dev/text/crf"
	"galen.dev/text/linear"
)

// Files that train leaves.
const (
	modelFile   = "model.json"
	weightsFile = "weights.safetensors"
	choiceFile  = "choice.json"
)

// settings are the parameters of training.
type settings struct {
	Folds                            int
	Calibration                      string
	Coverage, Penalty, Rate, Dropout float64
	Epochs, Batch, Width, MaxWords   int
	Encoder                          string
	Iterations                       int
	Smoothing                        float64
}

// model is model.json; docs/format/text.md describes it.
type model struct {
	Format     int              `json:"format"`
	Kind       string           `json:"kind"`
	Model      string           `json:"model,omitempty"` // of classify
	Settings   settings         `json:"settings"`
	Outcome    assess.Outcome   `json:"outcome"`
	Readout    *assess.Readout  `json:"readout,omitempty"`
	Linear     *linear.Model    `json:"linear,omitempty"`
	Encoder    string           `json:"encoder_sha256,omitempty"`
	Tagger     *crf.Tagger      `json:"tagger,omitempty"`
	Assertions *assertion.Model `json:"assertions,omitempty"`

	plan      *plan
	backend   compute.Backend
	predictor *nn.Predictor
	encoder   *bert.Encoder
}

const modelFormat = 1

// classes are how many there are.
func (m *model) classes() int { return len(m.Outcome.Classes) }

// open readies a network or an encoder.
func (m *model) open(w *nn.Weights) (err error) {
	switch m.Model {
	case "cnn", "gru":
		net, err := m.Settings.network(m.Model, len(m.plan.Single)+2, outputs(m.classes()))
		if err != nil {
			return err
		}
		if m.backend, err = nn.Backend(""); err != nil {
			return err
		}
		shapes := []nn.Shape{nn.Int32s(batchOf, m.Settings.MaxWords), nn.Int32s(batchOf)}
		m.predictor, err = nn.NewPredictor(m.backend, net, w, shapes[:inputs(m.Model)]...)
		return err
	case "bert":
		m.encoder, err = bert.Load(m.Settings.Encoder)
	}
	return err
}

// Close frees what open holds.
func (m *model) Close() {
	if m.predictor != nil {
		m.predictor.Close()
	}
	if m.backend != nil {
		m.backend.Finalize()
	}
	if m.encoder != nil {
		m.encoder.Close()
	}
}

// predict gives the raw outputs for notes: the event's probability, or one for each class.
func (m *model) predict(ctx context.Context, docs []*text.Document) ([][]float64, error) {
	if m.Model == "cnn" || m.Model == "gru" {
		x := make([][]int32, len(docs))
		for k, d := range docs {
			x[k] = m.plan.sequence(d, m.Settings.MaxWords)
		}
		return m.predictNetwork(ctx, x)
	}
	rows, err := m.rows(ctx, docs)
	if err != nil {
		return nil, err
	}
	out := make([][]float64, len(docs))
	for k := range out {
		out[k] = m.Linear.Predict(rows[k])
	}
	return out, nil
}

// rows are the features of linear models.
func (m *model) rows(ctx context.Context, docs []*text.Document) ([]linear.Row, error) {
	out := make([]linear.Row, len(docs))
	if m.Model != "bert" {
		cpu.Do(len(docs), func(_, k int) {
			if ctx.Err() == nil {
				out[k] = m.plan.row(docs[k])
			}
		})
		return out, ctx.Err()
	}
	for k, d := range docs {
		v, _, err := m.encoder.Embed(ctx, d.Text)
		if err != nil {
			return nil, err
		}
		for j, x := range v {
			out[k] = append(out[k], linear.Entry{Col: int32(j), Value: x})
		}
	}
	return out, nil
}

// hashEncoder is the SHA-256 of an encoder's weights: a model is of no use with another's.
func hashEncoder(dir string) (string, error) {
	for _, name := range []string{"model.safetensors", "model.onnx"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return "", fault.Disk("reading the encoder", err)
		}
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	return "", fault.WithHint(fault.Errorf(fault.NotFound, "no encoder in %q", filepath.Base(dir)), "the parameter encoder names a folder with model.safetensors or model.onnx")
}

// loadModel reads what train left, and opens it.
func loadModel(r *task.Run) (*model, error) {
	m := &model{plan: new(plan)}
	if err := r.ReadJSON(task.Train, modelFile, m); err != nil {
		return nil, err
	}
	if err := r.ReadJSON(task.Preprocess, planFile, m.plan); err != nil {
		return nil, err
	}
	if err := m.plan.check(); err != nil {
		return nil, err
	}
	if m.Format != modelFormat {
		return nil, fault.WithHint(fault.Errorf(fault.Corrupt, "the model is of format %d", m.Format), "this Galen reads format %d: run the study again", modelFormat)
	}
	switch m.Kind {
	case entities:
		if m.Tagger == nil {
			return nil, fault.Errorf(fault.Corrupt, "the model has no tagger")
		}
		return m, m.Tagger.Open()
	case assertions:
		if m.Assertions == nil {
			return nil, fault.Errorf(fault.Corrupt, "the model has no classifier of assertions")
		}
		return m, m.Assertions.Open(assertion.Default)
	}
	if m.Readout == nil || m.classes() < 2 {
		return nil, fault.Errorf(fault.Corrupt, "the model is incomplete")
	}
	if err := m.Readout.Check(m.classes()); err != nil {
		return nil, err
	}
	var w *nn.Weights
	if m.Linear != nil {
		if err := m.Linear.Check(); err != nil {
			return nil, err
		}
	} else {
		content, err := r.ReadFile(task.Train, weightsFile)
		if err != nil {
			return nil, err
		}
		a, err := nn.ParseArchive(content)
		if err != nil {
			return nil, err
		}
		if w, err = a.Weights(); err != nil {
			return nil, err
		}
	}
	if m.Model == "bert" {
		now, err := hashEncoder(m.Settings.Encoder)
		if err != nil {
			return nil, err
		}
		if now != m.Encoder {
			return nil, fault.WithHint(fault.Errorf(fault.Data, "the encoder is not the one that the model was trained with"), "put the old one back, or run the study again")
		}
	}
	if err := m.open(w); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}
