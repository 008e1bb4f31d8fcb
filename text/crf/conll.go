package crf

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"galen.dev/fault"
	"galen.dev/text"
)

const (
	// Block is how many sentences make a document where a file does not say where documents begin.
	Block = 10

	maxLine     = 64 << 10
	maxSentence = 20_000 // tokens
)

// ReadCoNLL reads marked sentences: a token and its label in each line, between them tabs or spaces; an empty line
// behind each sentence. The token is the first column and the label the last. Labels are O, B-type, I-type, and where
// the file has them E-type and S-type. A line that begins with -DOCSTART- begins a document; without any, every ten
// sentences are one.
//
// A sentence's text is its tokens with a space between them. name is for messages. Every fault is said at once, with
// its line: invalid UTF-8, a line without a label, a label of another form, an I without a beginning.
func ReadCoNLL(ctx context.Context, r io.Reader, name string) ([]Sentence, error) {
	c := conll{name: path.Base(name), open: -1}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 4096), maxLine)
	for lines.Scan() {
		if c.line++; c.line%1000 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		c.take(strings.TrimSuffix(lines.Text(), "\r"))
		if len(c.findings) >= 50 {
			break
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		c.wrong("long-line", fmt.Sprintf("a line is longer than %d bytes", maxLine))
	} else if lines.Err() != nil {
		return nil, fault.Disk("reading "+c.name, lines.Err())
	}
	c.finish()
	if err := fault.Refuse(c.name, c.findings); err != nil {
		return nil, fault.WithHint(err, "each line is a token and its label (O, B-type, I-type); an empty line ends a sentence")
	}
	if !c.marked {
		for k := range c.out {
			c.out[k].Document = k / Block
		}
	}
	return c.out, nil
}

type conll struct {
	name     string
	line     int
	out      []Sentence
	findings []fault.Finding
	text     strings.Builder
	s        Sentence
	open     int // where the entity began that is not closed; -1: none
	kind     string
	document int
	marked   bool
}

func (c *conll) wrong(name, message string) {
	c.findings = append(c.findings, fault.Finding{Name: name, Severity: fault.Severe, File: c.name, Line: c.line, Message: message})
}

func (c *conll) take(line string) {
	switch {
	case strings.TrimSpace(line) == "":
		c.finish()
		return
	case strings.HasPrefix(line, "-DOCSTART-"):
		c.finish()
		if len(c.out) > 0 {
			c.document++
		}
		c.marked = true
		return
	case !utf8.ValidString(line):
		c.wrong("encoding", "the line is not valid UTF-8")
		return
	}
	cells := strings.FieldsFunc(line, func(r rune) bool { return r == '\t' || r == ' ' })
	if len(cells) < 2 {
		c.wrong("no-label", "the token has no label")
		return
	}
	if len(c.s.Tokens) >= maxSentence {
		c.wrong("long-sentence", fmt.Sprintf("the sentence has more than %d tokens", maxSentence))
		c.finish()
		return
	}
	word, label := cells[0], cells[len(cells)-1]
	if c.text.Len() > 0 {
		c.text.WriteByte(' ')
	}
	at := c.text.Len()
	c.text.WriteString(word)
	t := text.Token{Span: text.Span{Start: at, End: c.text.Len()}}
	if k := text.Tokens(word); len(k) == 1 {
		t.Kind = k[0].Kind
	}
	c.label(label)
	c.s.Tokens = append(c.s.Tokens, t)
}

func (c *conll) label(label string) {
	i := len(c.s.Tokens)
	if label == "O" {
		c.close(i)
		return
	}
	form, kind, ok := strings.Cut(label, "-")
	if !ok || kind == "" || !slices.Contains([]string{"B", "I", "E", "S", "L", "U"}, form) {
		c.wrong("label", "the label is none of O, B-type, I-type, E-type and S-type")
		return
	}
	inside := form == "I" || form == "E" || form == "L"
	if inside && (c.open < 0 || c.kind != kind) {
		c.wrong("label", "the label goes on with an entity that has not begun")
	}
	if !inside {
		c.close(i)
		c.open, c.kind = i, kind
	}
}

func (c *conll) close(at int) {
	if c.open >= 0 {
		c.s.Entities = append(c.s.Entities, Entity{From: c.open, To: at, Type: c.kind})
		c.open = -1
	}
}

func (c *conll) finish() {
	c.close(len(c.s.Tokens))
	if len(c.s.Tokens) > 0 {
		c.s.Text, c.s.Document = c.text.String(), c.document
		c.out = append(c.out, c.s)
	}
	c.s = Sentence{}
	c.text.Reset()
}
