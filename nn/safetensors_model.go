package nn

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute/dtypes"

	"galen.dev/fault"
)

// ModelFormat is the version of the metadata that this package writes and reads.
const ModelFormat = 1

// Metadata says what weights are of: what is written beside them.
type Metadata struct {
	Format   int             `json:"format"`             // ModelFormat; SaveModel sets it
	Network  string          `json:"network"`            // Net.Name
	Config   json.RawMessage `json:"config"`             // Net.Config
	Inputs   []InputSpec     `json:"inputs"`             // Net.Inputs
	Galen    string          `json:"galen"`              // version of Galen that wrote it
	Training *Summary        `json:"training,omitempty"` // how the weights came to be; nil where they were imported
	States   []string        `json:"states,omitempty"`   // the arrays that are not trained; SaveModel sets it
	SHA256   string          `json:"sha256"`             // of the weights file; SaveModel sets it
	Bytes    int64           `json:"bytes"`              // of the weights file; SaveModel sets it
}

// InputSpec is an Input on disk.
type InputSpec struct {
	Name  string `json:"name"`
	DType string `json:"dtype"` // "float32" or "int32"
	Dims  []int  `json:"dims"`  // batch first; 0 means any size
}

// Summary is how far a training went.
type Summary struct {
	Epochs    int     `json:"epochs"`               // finished
	Steps     int     `json:"steps"`                // updates of the weights
	Loss      float64 `json:"loss"`                 // mean over the last epoch
	BestEpoch int     `json:"best_epoch,omitempty"` // 1-based; 0 without a validation set
	BestScore float64 `json:"best_score,omitempty"`
	Seed      uint64  `json:"seed"`
}

// Describe fills the metadata with what is known of a network.
func Describe(net *Net, galen string) (Metadata, error) {
	config, err := json.Marshal(net.Config)
	if err != nil {
		return Metadata{}, fault.Errorf(fault.Internal, "the configuration of network %q is no JSON: %w", net.Name, err)
	}
	m := Metadata{Network: net.Name, Config: config, Galen: galen}
	for _, in := range net.Inputs {
		m.Inputs = append(m.Inputs, InputSpec{in.Name, strings.ToLower(in.DType.String()), in.Dims})
	}
	return m, nil
}

// CheckNet returns a Data error with every point in which a network differs from the one the weights are of.
func (m *Metadata) CheckNet(net *Net) error {
	want, err := Describe(net, "")
	if err != nil {
		return err
	}
	var findings []fault.Finding
	differ := func(what string, ours, theirs any) {
		a, _ := json.Marshal(ours) // strings and structs of strings and numbers always marshal
		b, _ := json.Marshal(theirs)
		if !bytes.Equal(a, b) {
			findings = append(findings, fault.Finding{Name: "other-network", Severity: fault.Severe, Column: what, Message: fmt.Sprintf("the weights are of %s, the network is %s", b, a)})
		}
	}
	differ("network", want.Network, m.Network)
	differ("config", want.Config, m.Config)
	differ("inputs", want.Inputs, m.Inputs)
	return fault.Refuse("weights of another network", findings)
}

// SaveModel writes weights to a safetensors file and metadata beside it, in a file of the same name that ends in
// .json. Each file is written at once or not at all. The metadata, written last, hold the hash of the weights, so
// that a pair of different saves is noticed.
func SaveModel(path string, w *Weights, m Metadata) error {
	a := Archive{Metadata: map[string]string{"format": "galen"}}
	m.Format, m.States, m.Bytes = ModelFormat, nil, 0
	for _, t := range w.Tensors() {
		a.Entries = append(a.Entries, Float32Entry(t.Name, t.Dims, t.Data))
		if !t.Trained {
			m.States = append(m.States, t.Name)
		}
	}
	hash := sha256.New()
	err := writeWhole(path, func(to io.Writer) (err error) {
		m.Bytes, err = a.WriteTo(io.MultiWriter(to, hash))
		return err
	})
	if err != nil {
		return err
	}
	m.SHA256 = hex.EncodeToString(hash.Sum(nil))
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fault.Errorf(fault.Internal, "writing the metadata of %q: %w", path, err)
	}
	return writeWhole(metadataPath(path), func(to io.Writer) error {
		_, err := to.Write(append(text, '\n'))
		return err
	})
}

func metadataPath(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".json" }

// LoadModel reads what SaveModel wrote. Weights that do not belong to the metadata are a Corrupt error.
func LoadModel(path string) (*Weights, *Metadata, error) {
	text, err := os.ReadFile(metadataPath(path))
	if err != nil {
		return nil, nil, fault.Disk("reading the metadata of weights", err)
	}
	m, err := parseMetadata(text)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %q: %w", metadataPath(path), err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fault.Disk("reading weights", err)
	}
	if sum := sha256.Sum256(content); m.SHA256 != hex.EncodeToString(sum[:]) {
		return nil, nil, fault.WithHint(fault.Errorf(fault.Corrupt, "weights %q do not match the hash in %q", path, metadataPath(path)),
			"the files are of two different saves, or one was changed: restore both from one copy, or train again")
	}
	a, err := ParseArchive(content)
	if err != nil {
		return nil, nil, fmt.Errorf("reading weights %q: %w", path, err)
	}
	w, err := a.weights("", m.States)
	if err != nil {
		return nil, nil, fmt.Errorf("reading weights %q: %w", path, err)
	}
	return w, m, nil
}

func parseMetadata(text []byte) (*Metadata, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var m Metadata
	if err := d.Decode(&m); err != nil {
		return nil, fault.Errorf(fault.Corrupt, "the metadata are not Galen's: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.Errorf(fault.Corrupt, "something follows the metadata")
	}
	if m.Format != ModelFormat {
		return nil, fault.WithHint(fault.Errorf(fault.Data, "metadata of format %d; this version reads %d", m.Format, ModelFormat), "use the version of Galen that wrote them")
	}
	for _, in := range m.Inputs {
		if in.DType != strings.ToLower(dtypes.Float32.String()) && in.DType != strings.ToLower(dtypes.Int32.String()) {
			return nil, fault.Errorf(fault.Corrupt, "input %q is of type %q", in.Name, in.DType)
		}
	}
	return &m, nil
}

// Weights are the arrays of the file as weights, in the order of the file, rounded to float32. states names those
// that are not trained, such as running means.
func (a *Archive) Weights(states ...string) (*Weights, error) { return a.weights("", states) }

// weights takes the arrays whose names begin with prefix, without it.
func (a *Archive) weights(prefix string, states []string) (*Weights, error) {
	state := make(map[string]bool, len(states))
	for _, s := range states {
		state[s] = true
	}
	var list []*Tensor
	for i := range a.Entries {
		e := &a.Entries[i]
		name, ok := strings.CutPrefix(e.Name, prefix)
		if !ok {
			continue
		}
		values, err := e.Float32s()
		if err != nil {
			return nil, err
		}
		list = append(list, &Tensor{Name: name, Dims: e.Dims, Data: values, Trained: !state[name]})
		delete(state, name)
	}
	for _, s := range states {
		if state[s] {
			return nil, fault.Errorf(fault.Corrupt, "the state %q is missing", s)
		}
	}
	return NewWeights(list...)
}
