package similar

import (
	"bytes"
	"strings"
	"testing"

	"galen.dev/fault"
)

// The two fingerprints of chemfp's description of the format, and what it says of them.
func TestReadFPS(t *testing.T) {
	text := "#FPS1\n#num_bits=16\n#software=maker/1.0\n#source=a.sdf\n#source=b.sdf\n#type=Test/1\n\n80f0\tone\r\n0100\ttwo\tmore\n"
	m, h, err := ReadFPS(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if m.Bits() != 16 || m.Len() != 2 || m.ID(0) != "one" || m.ID(1) != "two" || m.Row(0)[0] != 0xf080 || m.Row(1)[0] != 1 {
		t.Errorf("%d bits, %d rows, %x %x", m.Bits(), m.Len(), m.Row(0), m.Row(1))
	}
	if h.Software != "maker/1.0" || h.Type != "Test/1" || len(h.Sources) != 2 {
		t.Errorf("%+v", h)
	}
	var out bytes.Buffer
	if err := WriteFPS(&out, m, h); err != nil {
		t.Fatal(err)
	}
	want := "#FPS1\n#num_bits=16\n#type=Test/1\n#software=maker/1.0\n#source=a.sdf\n#source=b.sdf\n80f0\tone\n0100\ttwo\n"
	if out.String() != want {
		t.Errorf("%q", out.String())
	}
}

func TestBadFPS(t *testing.T) {
	for text, lines := range map[string][]int{
		"":                                      {1},
		"#num_bits=0\n":                         {1},
		"#num_bits=8\nff\ta\nfg\tb\nfff\tc":     {3, 4},
		"#num_bits=9\nff02\ta\n":                {2},
		"ff\ta\n#num_bits=16\n":                 {2},
		"\ta\n":                                 {1},
		strings.Repeat("0", maxFPSBits):         {1},
		"ff\n" + strings.Repeat("0", maxLine+1): {2},
	} {
		_, _, err := ReadFPS(strings.NewReader(text))
		found := fault.FindingsOf(err)
		if fault.KindOf(err) != fault.Data || len(found) != len(lines) {
			t.Errorf("%.40q: %v", text, err)
			continue
		}
		for i, f := range found {
			if f.Line != lines[i] {
				t.Errorf("%.40q: line %d, want %d", text, f.Line, lines[i])
			}
		}
	}
}

// What is read is written and read again as itself.
func FuzzFPS(f *testing.F) {
	f.Add([]byte("#FPS1\n#num_bits=16\n#type=Test/1\n80f0\tone\n0100\ttwo\tmore\n"))
	f.Add([]byte("ff\ta\n00\t\n"))
	f.Add([]byte("#num_bits=2\n03\tx\r\n04\ty"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, h, err := ReadFPS(bytes.NewReader(data))
		if err != nil {
			return
		}
		var out, again bytes.Buffer
		if err := WriteFPS(&out, m, h); err != nil {
			t.Fatal(err)
		}
		m2, h2, err := ReadFPS(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatalf("%q: %v", out.String(), err)
		}
		if err := WriteFPS(&again, m2, h2); err != nil || again.String() != out.String() {
			t.Fatalf("%q, then %q, %v", out.String(), again.String(), err)
		}
	})
}
