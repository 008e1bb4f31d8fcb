package nn

import "github.com/gomlx/compute/dtypes"

// recurrentNetworks are the named networks with a recurrence over time.
var recurrentNetworks = []Network{
	{"basic-rnn", "two layers of a simple recurrence, for tokens or sequences of measurements", builder(BasicRNN)},
	{"gru", "gated recurrent units, for tokens or sequences of measurements", builder(GRU)},
	{"lstm", "long short-term memory, for tokens or sequences of measurements", builder(LSTM)},
}

// RecurrentOptions are the hyper-parameters of BasicRNN, GRU and LSTM.
type RecurrentOptions struct {
	Out           int     `json:"out"`                     // outputs; 0 means 1
	Vocabulary    int     `json:"vocabulary,omitempty"`    // number of tokens; 0 means that the input is measurements
	Embedding     int     `json:"embedding,omitempty"`     // width of a token's vector; 0 means the hidden width
	Hidden        int     `json:"hidden,omitempty"`        // width of the state; 0 means 128
	Layers        int     `json:"layers,omitempty"`        // 0 means 2
	Bidirectional bool    `json:"bidirectional,omitempty"` // each layer also runs backward in time
	Dropout       float64 `json:"dropout,omitempty"`       // between layers and before the last one
	Lengths       bool    `json:"lengths,omitempty"`       // a second input, (batch) int32, says how many steps of each sequence count
	Steps         bool    `json:"steps,omitempty"`         // an output at each step rather than at the last
}

// BasicRNN maps tokens (batch, time), int32, or sequences of measurements (batch, time, channels) to (batch, out), or
// with Steps to (batch, time, out): a vector for each token, layers of a tanh recurrence, and a dense layer on the
// state after the last step.
func BasicRNN(o RecurrentOptions) (*Net, error) { return recurrentNet("basic-rnn", (*Scope).RNN, o) }

// GRU is BasicRNN with gated recurrent units.
func GRU(o RecurrentOptions) (*Net, error) { return recurrentNet("gru", (*Scope).GRU, o) }

// LSTM is BasicRNN with long short-term memory.
func LSTM(o RecurrentOptions) (*Net, error) { return recurrentNet("lstm", (*Scope).LSTM, o) }

func recurrentNet(name string, layer func(*Scope, *Node, int, Recurrent) Sequence, o RecurrentOptions) (*Net, error) {
	c := check{network: name}
	c.least(&o.Out, 1, "out")
	c.least(&o.Hidden, 128, "hidden")
	c.least(&o.Layers, 2, "layers")
	c.that(o.Vocabulary >= 0, "vocabulary", "vocabulary must not be negative")
	c.that(o.Embedding >= 0, "embedding", "embedding must not be negative")
	c.that(o.Embedding == 0 || o.Vocabulary > 0, "embedding", "embedding is for tokens: give a vocabulary")
	c.rate(o.Dropout, "dropout")
	if err := c.done(); err != nil {
		return nil, err
	}
	inputs := images(1)
	if o.Vocabulary > 0 {
		inputs = []Input{{Name: "tokens", DType: dtypes.Int32, Dims: []int{0, 0}}}
		if o.Embedding == 0 {
			o.Embedding = o.Hidden
		}
	}
	if o.Lengths {
		inputs = append(inputs, Input{Name: "lengths", DType: dtypes.Int32, Dims: []int{0}})
	}
	return &Net{Name: name, Config: o, Inputs: inputs, Forward: func(s *Scope, in ...*Node) []*Node {
		x := in[0]
		if o.Vocabulary > 0 {
			x = s.In("embedding").Embedding(x, o.Vocabulary, o.Embedding, Embedding{})
		}
		r := Recurrent{Layers: o.Layers, Bidirectional: o.Bidirectional, Dropout: o.Dropout}
		if o.Lengths {
			r.Lengths = in[1]
		}
		states := layer(s.In("rnn"), x, o.Hidden, r)
		y := states.Last
		if o.Steps {
			y = states.Steps
		}
		return []*Node{s.In("out").Dense(s.Dropout(y, o.Dropout), o.Out, Dense{})}
	}}, nil
}
