// Package token cuts text into the subwords that BERT- and GPT-like encoders read, with the same numbers as the
// tokenizers of Hugging Face, so that weights trained elsewhere can be used.
//
// Two models: WordPiece (Schuster and Nakajima 2012; the basic tokeniser of Devlin et al. 2019) and byte-level byte
// pair encoding (Sennrich et al. 2016; Radford et al. 2019). Read gives either from a tokenizer.json, a vocab.txt, or a
// vocab.json with merges.txt. Every piece keeps the bytes of the text that it stands for.
//
// Start with Tokenizer and Piece, then wordpiece.go with normal.go, bpe.go, and read.go.
package token

import (
	"galen.dev/text"
)

// Piece is a subword: its number in the vocabulary and the bytes that it stands for.
type Piece struct {
	ID int32
	text.Span
}

// Tokenizer cuts texts into pieces. It may be used by several goroutines at once.
type Tokenizer struct {
	model model
	ids   map[string]int32
	words []string // by id; "" where there is none

	// Start and End are put around the text by Encode; -1 = none. Pad fills up.
	Start, End, Pad int32
}

// model is one of *wordPiece and *bytePair.
type model interface {
	append(out []Piece, s string) []Piece
}

// Size is one more than the highest number of the vocabulary.
func (t *Tokenizer) Size() int { return len(t.words) }

// ID is the number of a piece as the vocabulary writes it.
func (t *Tokenizer) ID(word string) (int32, bool) {
	id, ok := t.ids[word]
	return id, ok
}

// Word is the piece of a number as the vocabulary writes it, or "".
func (t *Tokenizer) Word(id int32) string {
	if id < 0 || int(id) >= len(t.words) {
		return ""
	}
	return t.words[id]
}

// Pieces cuts a text, without anything around it.
func (t *Tokenizer) Pieces(s string) []Piece { return t.model.append(make([]Piece, 0, len(s)/4+1), s) }

// Encode cuts a text to at most most pieces (0 = no bound), with those around it; they have empty spans. cut says that
// pieces were left out at the end.
func (t *Tokenizer) Encode(s string, most int) (pieces []Piece, cut bool) {
	pieces = make([]Piece, 0, len(s)/4+3)
	if t.Start >= 0 {
		pieces = append(pieces, Piece{ID: t.Start})
	}
	pieces = t.model.append(pieces, s)
	room := most
	if t.End >= 0 {
		room--
	}
	if most > 0 && len(pieces) > max(room, 0) {
		pieces, cut = pieces[:max(room, 0)], true
	}
	if t.End >= 0 {
		at := len(s)
		if cut && len(pieces) > 0 {
			at = pieces[len(pieces)-1].End
		}
		pieces = append(pieces, Piece{t.End, text.Span{Start: at, End: at}})
	}
	return pieces, cut
}
