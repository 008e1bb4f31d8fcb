package token

import (
	"encoding/json"
	"strings"

	"galen.dev/fault"
)

// file is a tokenizer.json, as far as it is read.
type file struct {
	Added []struct {
		ID         int32  `json:"id"`
		Content    string `json:"content"`
		SingleWord bool   `json:"single_word"`
		Lstrip     bool   `json:"lstrip"`
		Rstrip     bool   `json:"rstrip"`
		Normalized bool   `json:"normalized"`
	} `json:"added_tokens"`
	Normalizer *struct {
		Type    string `json:"type"`
		Clean   bool   `json:"clean_text"`
		Chinese bool   `json:"handle_chinese_chars"`
		Strip   *bool  `json:"strip_accents"`
		Lower   bool   `json:"lowercase"`
	} `json:"normalizer"`
	PreTokenizer *struct {
		Type  string `json:"type"`
		Space bool   `json:"add_prefix_space"`
		Regex *bool  `json:"use_regex"`
	} `json:"pre_tokenizer"`
	PostProcessor *struct {
		Type   string            `json:"type"`
		Sep    []json.RawMessage `json:"sep"`
		Cls    []json.RawMessage `json:"cls"`
		Single []struct {
			Special *struct {
				ID string `json:"id"`
			} `json:"SpecialToken"`
			Sequence *struct {
				ID string `json:"id"`
			} `json:"Sequence"`
		} `json:"single"`
		Special map[string]struct {
			IDs []int32 `json:"ids"`
		} `json:"special_tokens"`
	} `json:"post_processor"`
	Model struct {
		Type    string            `json:"type"`
		Unknown *string           `json:"unk_token"`
		Prefix  *string           `json:"continuing_subword_prefix"`
		Suffix  *string           `json:"end_of_word_suffix"`
		Most    int               `json:"max_input_chars_per_word"`
		Dropout *float64          `json:"dropout"`
		Vocab   map[string]int32  `json:"vocab"`
		Merges  []json.RawMessage `json:"merges"`
	} `json:"model"`
}

// ParseJSON makes a tokenizer of the bytes of a tokenizer.json. Truncation and padding that it asks for are passed
// over: who encodes says how long texts may be.
func ParseJSON(b []byte) (*Tokenizer, error) {
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fault.Errorf(fault.Data, "tokenizer.json: not in the form of one")
	}
	if len(f.Model.Vocab) == 0 || len(f.Model.Vocab) > MaxVocabulary {
		return nil, fault.Errorf(fault.Data, "tokenizer.json: the vocabulary has %d pieces", len(f.Model.Vocab))
	}
	t := &Tokenizer{ids: f.Model.Vocab, Start: -1, End: -1}
	special := map[string]int32{}
	for _, a := range f.Added {
		if a.SingleWord || a.Lstrip && a.Content != "<mask>" && a.Content != "[MASK]" || a.Rstrip || a.Normalized && a.Content != "<|endoftext|>" {
			return nil, unsupported("added token", a.Content)
		}
		special[a.Content] = a.ID
		t.ids[a.Content] = a.ID
		if a.Content == "[PAD]" || a.Content == "<pad>" {
			t.Pad = a.ID
		}
	}
	var err error
	switch f.Model.Type {
	case "WordPiece":
		t.model, err = f.wordPiece(special)
	case "BPE":
		t.model, err = f.bytePair(special)
	default:
		err = unsupported("model", f.Model.Type)
	}
	if err != nil {
		return nil, err
	}
	if err := f.around(t); err != nil {
		return nil, err
	}
	return t, t.index()
}

func (f *file) wordPiece(special map[string]int32) (model, error) {
	if f.Normalizer == nil {
		return nil, unsupported("normalizer", "none")
	}
	if f.PreTokenizer == nil {
		return nil, unsupported("pre_tokenizer", "none")
	}
	if err := want("normalizer", f.Normalizer.Type, "BertNormalizer"); err != nil {
		return nil, err
	}
	if err := want("pre_tokenizer", f.PreTokenizer.Type, "BertPreTokenizer"); err != nil {
		return nil, err
	}
	n := normal{clean: f.Normalizer.Clean, chinese: f.Normalizer.Chinese, lower: f.Normalizer.Lower, accents: f.Normalizer.Lower}
	if f.Normalizer.Strip != nil {
		n.accents = *f.Normalizer.Strip
	}
	w := &wordPiece{normal: n, special: newAdded(special), ids: f.Model.Vocab, prefix: "##", most: f.Model.Most, longest: longest(f.Model.Vocab)}
	if f.Model.Prefix != nil {
		w.prefix = *f.Model.Prefix
	}
	if w.most <= 0 {
		w.most = 100
	}
	name := "[UNK]"
	if f.Model.Unknown != nil {
		name = *f.Model.Unknown
	}
	id, ok := f.Model.Vocab[name]
	if !ok {
		return nil, fault.Errorf(fault.Data, "tokenizer.json: the piece for unknown words is missing")
	}
	w.unknown = id
	return w, nil
}

func (f *file) bytePair(special map[string]int32) (model, error) {
	if f.Normalizer != nil {
		return nil, unsupported("normalizer", f.Normalizer.Type)
	}
	if f.PreTokenizer == nil {
		return nil, unsupported("pre_tokenizer", "none")
	}
	if err := want("pre_tokenizer", f.PreTokenizer.Type, "ByteLevel"); err != nil {
		return nil, err
	}
	if f.PreTokenizer.Regex != nil && !*f.PreTokenizer.Regex {
		return nil, unsupported("pre_tokenizer", "ByteLevel without its pattern")
	}
	for _, s := range []*string{f.Model.Prefix, f.Model.Suffix} {
		if s != nil && *s != "" {
			return nil, unsupported("prefix or suffix of pieces", *s)
		}
	}
	if f.Model.Dropout != nil && *f.Model.Dropout > 0 {
		return nil, unsupported("model", "BPE with dropout")
	}
	var pairs [][2]string
	for k, raw := range f.Model.Merges {
		var pair [2]string
		var line string
		if json.Unmarshal(raw, &line) == nil {
			a, b, _ := strings.Cut(line, " ")
			pair = [2]string{a, b}
		} else if json.Unmarshal(raw, &pair) != nil {
			return nil, fault.Errorf(fault.Data, "tokenizer.json: merge %d is not two pieces", k+1)
		}
		pairs = append(pairs, pair)
	}
	m, err := newBytePair(f.Model.Vocab, pairs)
	if err != nil {
		return nil, err
	}
	m.special, m.space = newAdded(special), f.PreTokenizer.Space
	if f.Model.Unknown != nil {
		if id, ok := f.Model.Vocab[*f.Model.Unknown]; ok {
			m.unknown = id
		}
	}
	return m, nil
}

// around finds the pieces before and behind a text.
func (f *file) around(t *Tokenizer) error {
	p := f.PostProcessor
	if p == nil {
		return nil
	}
	id := func(raw []json.RawMessage) (n int32, err error) {
		if len(raw) != 2 || json.Unmarshal(raw[1], &n) != nil {
			return 0, unsupported("post_processor", p.Type)
		}
		return n, nil
	}
	switch p.Type {
	case "ByteLevel":
	case "BertProcessing", "RobertaProcessing":
		var err error
		if t.Start, err = id(p.Cls); err != nil {
			return err
		}
		if t.End, err = id(p.Sep); err != nil {
			return err
		}
	case "TemplateProcessing":
		seen := false
		for _, part := range p.Single {
			switch {
			case part.Sequence != nil && !seen:
				seen = true
			case part.Special != nil:
				ids := p.Special[part.Special.ID].IDs
				at := &t.Start
				if seen {
					at = &t.End
				}
				if len(ids) != 1 || *at != -1 {
					return unsupported("post_processor", "a template with more than one piece on a side")
				}
				*at = ids[0]
			default:
				return unsupported("post_processor", "a template of another form")
			}
		}
		if !seen {
			return unsupported("post_processor", "a template without the text")
		}
	default:
		return unsupported("post_processor", p.Type)
	}
	for _, v := range []int32{t.Start, t.End} {
		if v < -1 || v >= MaxVocabulary {
			return fault.Errorf(fault.Data, "tokenizer.json: the post_processor has a number out of range")
		}
	}
	return nil
}
