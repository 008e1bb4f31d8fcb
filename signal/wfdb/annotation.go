package wfdb

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"

	"galen.dev/fault"
	"galen.dev/signal"
)

// maxAnnotations bounds the size of an annotation file, in bytes: a day of beats takes a quarter of a megabyte.
const maxAnnotations = 1 << 28

// symbols are the standard annotation codes; "" = none is defined.
var symbols = [50]string{
	" ", "N", "L", "R", "a", "V", "F", "J", "A", "S", "E", "j", "/", "Q", "~", "", "|", "", "s", "T", "*", "D", `"`, "=", "p",
	"B", "^", "t", "+", "u", "?", "!", "[", "]", "e", "n", "@", "x", "f", "(", ")", "r",
}

// beats are the symbols that mark a heartbeat.
const beats = `NLRBAaJSVrFejnE/fQ?`

// IsBeat says whether the symbol of an annotation marks a heartbeat.
func IsBeat(symbol string) bool {
	for _, b := range beats {
		if symbol == string(b) {
			return true
		}
	}
	return false
}

// Codes above those of annotations change what follows.
const (
	codeSkip    = 59
	codeNumber  = 60
	codeSubtype = 61
	codeChannel = 62
	codeText    = 63
)

var (
	resolution = regexp.MustCompile(`^## time resolution: (\d+\.?\d*)`)
	custom     = regexp.MustCompile(`^(\d+) (\S+) (.+)`)
)

// ReadAnnotations reads an annotation file in MIT format. rate, in Hz, is that of its times where the file names
// none; it must be above 0.
func ReadAnnotations(fsys fs.FS, name string, rate float64) ([]signal.Annotation, error) {
	data, err := readAll(fsys, name, maxAnnotations)
	if err != nil {
		return nil, err
	}
	return ParseAnnotations(data, path.Base(name), rate)
}

// entry is an annotation as it stands in the file.
type entry struct {
	signal.Annotation
	code int
}

// ParseAnnotations reads the bytes of an annotation file.
func ParseAnnotations(data []byte, file string, rate float64) ([]signal.Annotation, error) {
	entries, err := parseEntries(data, file)
	if err != nil {
		return nil, err
	}
	names := symbols
	definitions := false
	for _, e := range entries {
		if e.Sample != 0 || e.code != 22 {
			continue
		}
		switch m := resolution.FindStringSubmatch(e.Text); {
		case m != nil:
			if v, err := strconv.ParseFloat(m[1], 64); err == nil && v > 0 {
				rate = v
			}
		case e.Text == "## annotation type definitions":
			definitions = true
		case e.Text == "## end of definitions":
			definitions = false
		case definitions:
			if m := custom.FindStringSubmatch(e.Text); m != nil {
				if code, err := strconv.Atoi(m[1]); err == nil && code > 0 && code < len(names) {
					names[code] = m[2]
				}
			}
		}
	}
	out := make([]signal.Annotation, 0, len(entries))
	var findings []fault.Finding
	for _, e := range entries {
		if e.code == 0 || e.Sample == 0 && e.code == 22 {
			continue // it holds a place, or describes the file
		}
		a := e.Annotation
		if e.code < len(names) {
			a.Symbol = names[e.code]
		}
		if a.Symbol == "" {
			findings = append(findings, fault.Finding{Name: "annotation-code", Severity: fault.Severe, File: file, Message: fmt.Sprintf("code %d is not defined", e.code)})
			if len(findings) == fault.MaxRows {
				break
			}
			continue
		}
		a.Time = float64(a.Sample) / rate
		out = append(out, a)
	}
	return out, fault.Refuse("annotations "+file, findings)
}

// parseEntries walks through the pairs of bytes: six bits of code, ten of time since the one before.
func parseEntries(data []byte, file string) ([]entry, error) {
	var out []entry
	cut := func() error {
		return fault.WithHint(fault.Errorf(fault.Data, "annotations %s: the file ends within an annotation", file), "the copy is cut short: fetch the file again")
	}
	at := int64(0)
	channel, number := 0, 0
	for i := 0; ; {
		if i+2 > len(data) {
			return nil, cut()
		}
		code, value := int(data[i+1]>>2), int(data[i])|int(data[i+1]&3)<<8
		i += 2
		switch code {
		case 0:
			if value == 0 {
				return out, nil
			}
			at += int64(value)
			out = append(out, entry{Annotation: signal.Annotation{Sample: at, Channel: channel, Number: number}})
		case codeSkip:
			if i+4 > len(data) {
				return nil, cut()
			}
			at += int64(int32(uint32(data[i])<<16 | uint32(data[i+1])<<24 | uint32(data[i+2]) | uint32(data[i+3])<<8))
			i += 4
		case codeNumber, codeSubtype, codeChannel, codeText:
			length := 0
			if code == codeText {
				length = (value + 1) &^ 1
			}
			if i+length > len(data) {
				return nil, cut()
			}
			if len(out) > 0 {
				last := &out[len(out)-1]
				switch code {
				case codeNumber:
					number = int(int8(value))
					last.Number = number
				case codeSubtype:
					last.Subtype = int(int8(value))
				case codeChannel:
					channel = int(uint8(value))
					last.Channel = channel
				default:
					last.Text = latin1(data[i : i+value])
				}
			}
			i += length
		default:
			at += int64(value)
			out = append(out, entry{signal.Annotation{Sample: at, Channel: channel, Number: number}, code})
		}
	}
}

func latin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}
