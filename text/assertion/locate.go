package assertion

import "galen.dev/text"

// Locate finds a phrase in a sentence, whatever its capitals and space: the first place where the tokens are the same.
// Where the whole phrase is in none, as long a beginning of it as is found will do, of two tokens or more, or of half
// of them.
func Locate(sentence, phrase string) (Finding, bool) {
	f := Finding{Text: sentence, Tokens: text.Tokens(sentence)}
	words, want := fold(sentence, f.Tokens, nil), fold(phrase, text.Tokens(phrase), nil)
	best := 0
	for i := range words {
		n := 0
		for n < len(want) && i+n < len(words) && words[i+n] == want[n] {
			n++
		}
		if n > best {
			best, f.From, f.To = n, i, i+n
		}
	}
	return f, best > 0 && (best == len(want) || best >= 2 || 2*best >= len(want))
}
