package token

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"galen.dev/fault"
)

// cases is what testdata/make.py wrote.
type cases struct {
	Texts                 []string
	Sentences             int
	Wordpiece, Cased, BPE recorded
}

type recorded struct {
	Hash    string
	Sample  [][]int32
	Strange [][]int32
}

func loadCases(t testing.TB) (c cases) {
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

func read(t testing.TB, path string) *Tokenizer {
	t.Helper()
	k, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// readers are the tokenizers by what they must agree with.
func readers(t testing.TB, c cases) map[string]struct {
	t    *Tokenizer
	want recorded
} {
	vocab, err := os.ReadFile("testdata/wordpiece/vocab.txt")
	if err != nil {
		t.Fatal(err)
	}
	cased, err := ParseVocab(vocab, []byte(`{"do_lower_case": false}`))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]struct {
		t    *Tokenizer
		want recorded
	}{
		"tokenizer.json of WordPiece": {read(t, "testdata/wordpiece"), c.Wordpiece},
		"vocab.txt":                   {read(t, "testdata/wordpiece/vocab.txt"), c.Wordpiece},
		"cased vocab.txt":             {cased, c.Cased},
		"tokenizer.json of BPE":       {read(t, "testdata/bpe/tokenizer.json"), c.BPE},
		"merges.txt":                  {read(t, "testdata/bpe/merges.txt"), c.BPE},
	}
}

func encode(t *Tokenizer, s string) []int32 {
	pieces, _ := t.Encode(s, 0)
	ids := make([]int32, len(pieces))
	for k, p := range pieces {
		ids[k] = p.ID
	}
	return ids
}

func TestSameIDsOnStrangeTexts(t *testing.T) {
	c := loadCases(t)
	for name, k := range readers(t, c) {
		for i, s := range c.Texts {
			if got := encode(k.t, s); !slices.Equal(got, k.want.Strange[i]) {
				t.Errorf("%s: %q: %v, want %v", name, s, got, k.want.Strange[i])
			}
		}
	}
}

// TestSameIDsOnTenThousandSentences compares hashes of all ids with those of Hugging Face's tokenizers.
func TestSameIDsOnTenThousandSentences(t *testing.T) {
	data := os.Getenv("GALEN_DATA")
	if data == "" {
		t.Skip("GALEN_DATA is not set")
	}
	base := sentences(t, filepath.Join(data, "text/ncbi-disease"))
	texts := slices.Clone(base)
	for k := 0; len(texts) < 10000; k++ {
		texts = append(texts, variant(k, base[k]))
	}
	c := loadCases(t)
	if len(texts) != c.Sentences {
		t.Fatalf("%d sentences, want %d", len(texts), c.Sentences)
	}
	for name, k := range readers(t, c) {
		h := sha256.New()
		for i, s := range texts {
			var line strings.Builder
			ids := encode(k.t, s)
			for j, id := range ids {
				if j > 0 {
					line.WriteByte(',')
				}
				line.WriteString(strconv.Itoa(int(id)))
			}
			fmt.Fprintln(h, line.String())
			if i%1000 == 0 && !slices.Equal(ids, k.want.Sample[i/1000]) {
				t.Errorf("%s: sentence %d: %v, want %v", name, i, ids, k.want.Sample[i/1000])
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != k.want.Hash {
			t.Errorf("%s: the ids of 10,000 sentences differ", name)
		}
	}
}

func sentences(t *testing.T, dir string) (out []string) {
	t.Helper()
	for _, part := range []string{"train", "devel", "test"} {
		f, err := os.Open(filepath.Join(dir, part+".tsv.gz"))
		if err != nil {
			t.Skip(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		flush := func() {
			if len(words) > 0 {
				out, words = append(out, strings.Join(words, " ")), nil
			}
		}
		r := bufio.NewReader(z)
		for {
			line, err := r.ReadString('\n')
			if line = strings.TrimSuffix(line, "\n"); line == "" {
				flush()
			} else {
				w, _, _ := strings.Cut(line, "\t")
				words = append(words, w)
			}
			if err == io.EOF {
				break
			}
		}
		flush()
	}
	return out
}

// variant is the function of the same name in testdata/make.py.
func variant(k int, s string) string {
	switch k % 5 {
	case 0:
		return strings.ToUpper(s)
	case 1:
		return strings.NewReplacer("a", "á", "e", "é", "i", "î", "o", "ö", "u", "ú", "c", "ç", "n", "ñ").Replace(s)
	case 2:
		return strings.ReplaceAll(strings.ReplaceAll(s, " ", "  "), ",", ",\t")
	case 3:
		s = strings.ReplaceAll(s, "e", "患者e")
		return strings.ReplaceAll(strings.ReplaceAll(s, " ( ", "("), " ) ", ")")
	}
	return strings.ReplaceAll(s, " ", "\n") + " don't we'll 'S İ ß ǆ ½ ٣ 🙂\u200b\u0301 [SEP] <|endoftext|>"
}

// TestSpans: pieces lie in order within the text, and those of BPE cover it.
func TestSpans(t *testing.T) {
	c := loadCases(t)
	for name, k := range readers(t, c) {
		for _, s := range c.Texts {
			at := 0
			for _, p := range k.t.Pieces(s) {
				if p.Start < at && p.Start != p.End && !strings.Contains(name, "cased") && p.Start < at-4 || p.End < p.Start || p.End > len(s) {
					t.Fatalf("%s: %q: piece %+v after %d", name, s, p, at)
				}
				if strings.Contains(name, "merges") && p.Start != at {
					t.Fatalf("%s: %q: a gap before %+v", name, s, p)
				}
				at = p.End
			}
		}
	}
	k := read(t, "testdata/wordpiece")
	pieces, cut := k.Encode("Breast cancer is a disease", 4)
	if !cut || len(pieces) != 4 || pieces[3].ID != k.End || k.Word(k.End) != "[SEP]" {
		t.Errorf("%v, %v", pieces, cut)
	}
}

func TestRefused(t *testing.T) {
	for what, c := range map[string]struct {
		f    func() (*Tokenizer, error)
		want string
	}{
		"no pieces": {func() (*Tokenizer, error) { return ParseVocab([]byte("a\nb\n"), nil) }, "is missing"},
		"model": {func() (*Tokenizer, error) {
			return ParseJSON([]byte(`{"model": {"type": "Unigram", "vocab": {"a": 1}}}`))
		}, `the model "Unigram" is not known`},
		"normaliser": {func() (*Tokenizer, error) {
			return ParseJSON([]byte(`{"normalizer": {"type": "NFKC"}, "pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"type": "WordPiece", "vocab": {"[UNK]": 0}}}`))
		}, `normalizer "NFKC"`},
		"number": {func() (*Tokenizer, error) { return ParseMerges([]byte(`{"a": 2000000000}`), nil) }, "out of range"},
		"merge":  {func() (*Tokenizer, error) { return ParseMerges([]byte(`{"a": 0}`), []byte("a b\n")) }, "does not have"},
		"line":   {func() (*Tokenizer, error) { return ParseMerges([]byte(`{"a": 0}`), []byte("#version: 0.2\nab\n")) }, "merges.txt:2"},
	} {
		if _, err := c.f(); fault.KindOf(err) != fault.Data || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Read(t.TempDir()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an empty folder: %v", err)
	}
}

// TestLongWord: a word of a million letters takes no quadratic time.
func TestLongWord(t *testing.T) {
	for _, k := range readers(t, loadCases(t)) {
		if n := len(k.t.Pieces(strings.Repeat("cancer", 200_000))); n == 0 {
			t.Error("no pieces")
		}
	}
}

func FuzzPieces(f *testing.F) {
	c := loadCases(f)
	all := readers(f, c)
	for _, s := range c.Texts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, k := range all {
			for _, p := range k.t.Pieces(s) {
				if p.Start < 0 || p.Start > p.End || p.End > len(s) || k.t.Word(p.ID) == "" {
					t.Fatalf("%s: %+v of %d bytes", name, p, len(s))
				}
			}
		}
	})
}

func FuzzVocabularies(f *testing.F) {
	f.Add([]byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n##b\n"), []byte(`{"do_lower_case": false}`))
	f.Add([]byte(`{"a": 0, "b": 1, "ab": 2}`), []byte("a b\n"))
	f.Add([]byte(`{"added_tokens": [{"id": 0, "content": "[UNK]"}], "normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "a": 1}}}`), []byte{})
	f.Add([]byte(`{"pre_tokenizer": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}}`), []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var all []*Tokenizer
		for _, f := range []func() (*Tokenizer, error){func() (*Tokenizer, error) { return ParseVocab(a, b) }, func() (*Tokenizer, error) { return ParseMerges(a, b) }, func() (*Tokenizer, error) { return ParseJSON(a) }} {
			if k, err := f(); err == nil {
				all = append(all, k)
			}
		}
		for _, k := range all {
			k.Encode("Ab ab 高 [UNK] don't", 5)
		}
	})
}
