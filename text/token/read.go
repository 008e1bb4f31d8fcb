package token

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"galen.dev/fault"
)

// MaxVocabulary bounds the entries of a vocabulary, and MaxFile the bytes of its file.
const (
	MaxVocabulary = 2 << 20
	MaxFile       = 256 << 20
)

// Read reads the tokenizer of a folder as Hugging Face's models have it, or of one of its files: tokenizer.json; or
// vocab.txt, with tokenizer_config.json where it is there; or vocab.json with merges.txt. Files that are damaged or ask
// for what this package does not do are a Data error that names it.
func Read(path string) (*Tokenizer, error) {
	dir := path
	if info, err := os.Stat(path); err != nil {
		return nil, fault.Disk("reading a tokenizer", err)
	} else if !info.IsDir() {
		dir = filepath.Dir(path)
	}
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil && (path == dir || filepath.Base(path) == name)
	}
	switch {
	case has("tokenizer.json") || strings.HasSuffix(path, "tokenizer.json"):
		b, err := load(filepath.Join(dir, "tokenizer.json"))
		if err != nil {
			return nil, err
		}
		return ParseJSON(b)
	case has("vocab.txt") || strings.HasSuffix(path, ".txt") && filepath.Base(path) != "merges.txt":
		name := filepath.Join(dir, "vocab.txt")
		if path != dir {
			name = path
		}
		vocab, err := load(name)
		if err != nil {
			return nil, err
		}
		config, err := load(filepath.Join(dir, "tokenizer_config.json"))
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return nil, err
		}
		return ParseVocab(vocab, config)
	case has("vocab.json"), has("merges.txt"):
		vocab, err := load(filepath.Join(dir, "vocab.json"))
		if err != nil {
			return nil, err
		}
		merges, err := load(filepath.Join(dir, "merges.txt"))
		if err != nil {
			return nil, err
		}
		return ParseMerges(vocab, merges)
	}
	return nil, fault.WithHint(fault.Errorf(fault.NotFound, "no tokenizer in %q", filepath.Base(path)), "give tokenizer.json, vocab.txt, or vocab.json with merges.txt")
}

func load(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Disk("reading a tokenizer", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, fault.Disk("reading a tokenizer", err)
	}
	if len(b) > MaxFile {
		return nil, fault.Errorf(fault.Data, "%s: the file has over %d bytes", filepath.Base(path), MaxFile)
	}
	return b, nil
}

// ParseVocab makes BERT's tokenizer of a vocab.txt, a piece in each line. config is the tokenizer_config.json, or nil:
// do_lower_case (true where it is not said), strip_accents, tokenize_chinese_chars.
func ParseVocab(vocab, config []byte) (*Tokenizer, error) {
	c := struct {
		Lower   *bool `json:"do_lower_case"`
		Strip   *bool `json:"strip_accents"`
		Chinese *bool `json:"tokenize_chinese_chars"`
	}{}
	if len(config) > 0 {
		if err := json.Unmarshal(config, &c); err != nil {
			return nil, fault.Errorf(fault.Data, "tokenizer_config.json: not in the form of one")
		}
	}
	n := normal{clean: true, chinese: c.Chinese == nil || *c.Chinese, lower: c.Lower == nil || *c.Lower}
	if n.accents = n.lower; c.Strip != nil {
		n.accents = *c.Strip
	}
	ids := map[string]int32{}
	lines := bufio.NewScanner(bytes.NewReader(vocab))
	lines.Buffer(make([]byte, 4096), 1<<16)
	for k := 0; lines.Scan(); k++ {
		if k >= MaxVocabulary {
			return nil, fault.Errorf(fault.Data, "vocab.txt: more than %d lines", MaxVocabulary)
		}
		w := strings.TrimSuffix(lines.Text(), "\r")
		ids[w] = int32(k) // of a piece that stands twice the later counts
	}
	if err := lines.Err(); err != nil {
		return nil, fault.Errorf(fault.Data, "vocab.txt: a line is longer than 64 KiB")
	}
	t := &Tokenizer{ids: ids, Start: -1, End: -1, Pad: 0}
	sp := map[string]int32{}
	for _, w := range []string{"[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"} {
		id, ok := ids[w]
		if !ok && w != "[MASK]" {
			return nil, fault.WithHint(fault.Errorf(fault.Data, "vocab.txt: the piece %s is missing", w), "a vocabulary of BERT has [PAD], [UNK], [CLS] and [SEP]")
		}
		if ok {
			sp[w] = id
		}
	}
	t.Start, t.End, t.Pad = sp["[CLS]"], sp["[SEP]"], sp["[PAD]"]
	t.model = &wordPiece{normal: n, special: newAdded(sp), ids: ids, prefix: "##", unknown: sp["[UNK]"], most: 100, longest: longest(ids)}
	return t, t.index()
}

// newAdded sorts the added words.
func newAdded(words map[string]int32) *added {
	a := &added{}
	for w := range words {
		if w != "" {
			a.words = append(a.words, w)
		}
	}
	slices.SortFunc(a.words, func(x, y string) int {
		if d := len(y) - len(x); d != 0 {
			return d
		}
		return strings.Compare(x, y)
	})
	for _, w := range a.words {
		a.ids = append(a.ids, words[w])
		a.first[w[0]] = true
	}
	return a
}

func longest(ids map[string]int32) (n int) {
	for w := range ids {
		n = max(n, len(w))
	}
	return n
}

// index fills the words by number.
func (t *Tokenizer) index() error {
	top := int32(-1)
	for _, id := range t.ids {
		if id < 0 || id >= MaxVocabulary {
			return fault.Errorf(fault.Data, "the vocabulary has a number out of range: %d", id)
		}
		top = max(top, id)
	}
	t.words = make([]string, top+1)
	for w, id := range t.ids {
		if old := t.words[id]; old == "" || w < old {
			t.words[id] = w
		}
	}
	return nil
}

// ParseMerges makes GPT-2's tokenizer of its vocab.json and merges.txt.
func ParseMerges(vocab, merges []byte) (*Tokenizer, error) {
	ids := map[string]int32{}
	if err := json.Unmarshal(vocab, &ids); err != nil {
		return nil, fault.Errorf(fault.Data, "vocab.json: not an object of numbers")
	}
	var pairs [][2]string
	lines := bufio.NewScanner(bytes.NewReader(merges))
	lines.Buffer(make([]byte, 4096), 1<<16)
	for k := 1; lines.Scan(); k++ {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if line == "" || k == 1 && strings.HasPrefix(line, "#version") {
			continue
		}
		a, b, ok := strings.Cut(line, " ")
		if !ok || a == "" || b == "" || len(pairs) >= MaxVocabulary {
			return nil, fault.Errorf(fault.Data, "merges.txt:%d: not two pieces with a space between them", k)
		}
		pairs = append(pairs, [2]string{a, b})
	}
	if err := lines.Err(); err != nil {
		return nil, fault.Errorf(fault.Data, "merges.txt: a line is longer than 64 KiB")
	}
	m, err := newBytePair(ids, pairs)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{model: m, ids: ids, Start: -1, End: -1}
	sp := map[string]int32{}
	if id, ok := ids["<|endoftext|>"]; ok {
		t.Pad, sp["<|endoftext|>"] = id, id
	}
	m.special = newAdded(sp)
	return t, t.index()
}

func newBytePair(ids map[string]int32, pairs [][2]string) (*bytePair, error) {
	m := &bytePair{ids: ids, rank: make(map[[2]int32]merge, len(pairs)), unknown: -1}
	for b := range m.single {
		id, ok := ids[string(byteRune[b])]
		if !ok {
			id = -1
		}
		m.single[b] = id
	}
	for k, p := range pairs {
		left, ok1 := ids[p[0]]
		right, ok2 := ids[p[1]]
		both, ok3 := ids[p[0]+p[1]]
		if !ok1 || !ok2 || !ok3 {
			return nil, fault.Errorf(fault.Data, "merge %d joins pieces that the vocabulary does not have", k+1)
		}
		m.rank[[2]int32{left, right}] = merge{int32(k), both}
	}
	return m, nil
}

// unsupported names what a tokenizer.json asks for.
func unsupported(part, kind string) error {
	return fault.WithHint(fault.Errorf(fault.Data, "tokenizer.json: the %s %q is not known", part, kind), "WordPiece with BertNormalizer and BertPreTokenizer, and byte-level BPE, are read")
}

// want refuses another value.
func want(part, got string, allowed ...string) error {
	if slices.Contains(allowed, got) {
		return nil
	}
	return unsupported(part, fmt.Sprintf("%.40s", got))
}
