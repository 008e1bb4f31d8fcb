package token

import (
	"container/heap"
	"unicode"
	"unicode/utf8"

	"galen.dev/text"
)

// bytePair joins the bytes of a word, each written as a printable character, by a list of merges, the earliest first.
type bytePair struct {
	special *added
	ids     map[string]int32
	rank    map[[2]int32]merge // by the ids of the two
	single  [256]int32         // the id of each byte, -1 where there is none
	unknown int32              // -1: none, such bytes are left out
	space   bool               // put a space before the text
}

type merge struct {
	rank int32
	id   int32
}

// byteRune is the printable character that stands for a byte in byte-level vocabularies: itself where it prints, else
// the next of those from U+0100 on (Radford et al. 2019).
var byteRune = func() (out [256]rune) {
	next := rune(256)
	for b := range out {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			out[b] = rune(b)
			continue
		}
		out[b] = next
		next++
	}
	return out
}()

func (b *bytePair) append(out []Piece, s string) []Piece {
	return b.special.split(s, func(id int32, part text.Span) {
		if id >= 0 {
			out = append(out, Piece{id, part})
			return
		}
		body, shift := s[part.Start:part.End], part.Start
		if r, _ := utf8.DecodeRuneInString(body); b.space && !unicode.IsSpace(r) {
			body, shift = " "+body, shift-1
		}
		words(body, func(from, to int) {
			n := len(out)
			out = b.word(out, body[from:to])
			for k := n; k < len(out); k++ {
				out[k].Start = max(out[k].Start+from+shift, part.Start)
				out[k].End = max(out[k].End+from+shift, part.Start)
			}
		})
	}, &out)
}

// words cuts as the pattern of GPT-2 does:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func words(s string, yield func(from, to int)) {
	for i := 0; i < len(s); {
		end := i + contraction(s[i:])
		if end == i {
			end = wordEnd(s, i)
		}
		yield(i, end)
		i = end
	}
}

func contraction(s string) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	switch s[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) >= 3 {
		switch s[1:3] {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}

func wordEnd(s string, i int) int {
	at := i
	if s[at] == ' ' && at+1 < len(s) {
		if r, _ := utf8.DecodeRuneInString(s[at+1:]); !unicode.IsSpace(r) {
			at++
		}
	}
	r, n := utf8.DecodeRuneInString(s[at:])
	if !unicode.IsSpace(r) {
		kind := sort(r)
		for at += n; at < len(s); at += n {
			if r, n = utf8.DecodeRuneInString(s[at:]); unicode.IsSpace(r) || sort(r) != kind {
				break
			}
		}
		return at
	}
	last := at // where the last space begins
	for at < len(s) {
		r, n := utf8.DecodeRuneInString(s[at:])
		if !unicode.IsSpace(r) {
			break
		}
		last = at
		at += n
	}
	if at < len(s) && last > i {
		return last // \s+(?!\S) leaves the last space to the word behind it
	}
	return at
}

func sort(r rune) int {
	switch {
	case unicode.IsLetter(r):
		return 1
	case unicode.Is(unicode.N, r):
		return 2
	}
	return 0
}

// node is a piece in the list that merges shorten.
type node struct {
	id         int32
	end        int32
	prev, next int32
}

// candidate is a pair that may be merged.
type candidate struct {
	rank, at, left, right, id int32
}

type queue []candidate

func (q queue) Len() int { return len(q) }
func (q queue) Less(a, b int) bool {
	return q[a].rank < q[b].rank || q[a].rank == q[b].rank && q[a].at < q[b].at
}
func (q queue) Swap(a, b int) { q[a], q[b] = q[b], q[a] }
func (q *queue) Push(x any)   { *q = append(*q, x.(candidate)) }
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

// word joins the bytes of one word. A heap of pairs keeps long runs of letters from taking quadratic time.
func (b *bytePair) word(out []Piece, s string) []Piece {
	list := make([]node, 0, len(s))
	for i := range len(s) {
		id := b.single[s[i]]
		if id < 0 {
			if id = b.unknown; id < 0 {
				continue
			}
		}
		k := int32(len(list))
		list = append(list, node{id, int32(i + 1), k - 1, k + 1})
	}
	if len(list) == 0 {
		return out
	}
	var q queue
	push := func(at int32) {
		next := list[at].next
		if next >= int32(len(list)) {
			return
		}
		if m, ok := b.rank[[2]int32{list[at].id, list[next].id}]; ok {
			heap.Push(&q, candidate{m.rank, at, list[at].id, list[next].id, m.id})
		}
	}
	for k := range list {
		push(int32(k))
	}
	for len(q) > 0 {
		c := heap.Pop(&q).(candidate)
		n := &list[c.at]
		if n.id != c.left || n.next >= int32(len(list)) || list[n.next].id != c.right {
			continue // one of the two has been merged with another
		}
		gone := n.next
		n.id, n.end, n.next = c.id, list[gone].end, list[gone].next
		list[gone].id = -2
		if n.next < int32(len(list)) {
			list[n.next].prev = c.at
		}
		push(c.at)
		if n.prev >= 0 {
			push(n.prev)
		}
	}
	start := 0
	for k := int32(0); k < int32(len(list)); k = list[k].next {
		out = append(out, Piece{list[k].id, text.Span{Start: start, End: int(list[k].end)}})
		start = int(list[k].end)
	}
	return out
}
