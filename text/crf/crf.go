// Package crf labels the tokens of a sentence by a linear-chain conditional random field (Lafferty, McCallum and
// Pereira 2001; Sutton and McCallum 2012), and finds entities by it: names of diseases, drugs, anything of which there
// are marked examples.
//
// The chain is the method of choice where examples are hundreds and not millions: it trains in minutes on a laptop,
// every weight belongs to a feature that can be read, and its marginals are probabilities.
//
// The chain itself is in chain.go (likelihood, Viterbi, marginals) and knows nothing of words; train.go fits it.
// features.go says what is seen of a token, tags.go how spans become labels. Start with Tagger.
package crf

import (
	"context"
	"math"
	"slices"

	"galen.dev/fault"
	"galen.dev/text"
)

// Sentence is a text cut into tokens, with the entities marked in it where they are known.
type Sentence struct {
	Text   string
	Tokens []text.Token
	// Document numbers what the sentence belongs to. Sentences of a document stand together; words that are met
	// several times in it are seen together.
	Document int
	Entities []Entity
}

// Entity is a span of tokens of a type.
type Entity struct {
	From, To int // tokens From … To-1
	Type     string
	// Confidence is the marginal probability of exactly this entity, of those that Tagger finds.
	Confidence float64
}

// Params of Train.
type Params struct {
	L2         float64 // penalty ½·L2·|w|²; 0 means 0.5
	Iterations int     // at most, of each chain that is kept; 0 means 70
	MinCount   int     // features met less often are left out; 0 means 1
	Progress   func(done, total int)
}

// Tagger finds entities. It may be used by several goroutines at once. Its fields are public for encoding/json and
// are not to be changed.
type Tagger struct {
	Types      []string `json:"types"`
	Dictionary []string `json:"dictionary"` // folded words of the mentions it learned from and of the study's list, sorted
	First      *chain   `json:"first"`      // sees the sentence
	Second     *chain   `json:"second"`     // sees also what the first says of the document
	tags       *tagset
	entries    *dictionary
}

// Find gives the entities of each sentence. Sentences of a document must be given together for words that the
// document repeats to be seen together.
func (t *Tagger) Find(ctx context.Context, sentences []Sentence) ([][]Entity, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	out := make([][]Entity, len(sentences))
	for from := 0; from < len(sentences); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		to := from + 1
		for to < len(sentences) && sentences[to].Document == sentences[from].Document {
			to++
		}
		t.document(sentences[from:to], out[from:to])
		from = to
	}
	return out, nil
}

// document tags one document: the first chain sentence by sentence, then the second.
func (t *Tagger) document(sentences []Sentence, out [][]Entity) {
	rows := make([][][]int32, len(sentences))
	first := make([][][]float64, len(sentences))
	var x extractor
	for k := range sentences {
		x.features(&sentences[k], t.entries, nil)
		rows[k] = x.numbers(t.First.index)
		first[k] = t.First.marginals(rows[k])
	}
	memory := recall(sentences, first, t.tags)
	for k := range sentences {
		x.features(&sentences[k], t.entries, memory.of(k))
		seen := x.numbers(t.Second.index)
		best := t.Second.viterbi(seen)
		out[k] = t.tags.entities(best)
		if len(out[k]) > 0 {
			lattice := t.Second.lattice(seen)
			for e := range out[k] {
				out[k][e].Confidence = lattice.path(best, out[k][e].From, out[k][e].To)
			}
		}
	}
}

// ready builds what is not stored.
func (t *Tagger) ready() error {
	if t.tags != nil {
		return nil
	}
	return fault.Errorf(fault.Internal, "the tagger was not opened")
}

// Open readies a tagger that was read from JSON, and returns a Corrupt error if it could not have come from Train.
func (t *Tagger) Open() error {
	t.tags = newTagset(t.Types)
	t.entries = newDictionary(t.Dictionary)
	for _, c := range []*chain{t.First, t.Second} {
		if c == nil || len(t.Types) == 0 || c.Labels != len(t.tags.names) || len(c.State) != len(c.Features)*c.Labels || len(c.Step) != c.Labels*c.Labels {
			t.tags = nil
			return fault.Errorf(fault.Corrupt, "the weights of the tagger do not fit each other")
		}
		for _, w := range slices.Concat(c.State, c.Step) {
			if math.IsNaN(float64(w)) || math.IsInf(float64(w), 0) {
				t.tags = nil
				return fault.Errorf(fault.Corrupt, "the tagger has weights that are no numbers")
			}
		}
		c.open(t.tags)
	}
	return nil
}
