package smiles

import "testing"

func BenchmarkParse(b *testing.B) {
	vs := vectors(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := Parse(vs[i%len(vs)].SMILES); err != nil && !vs[i%len(vs)].Refused {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonical(b *testing.B) {
	m, err := Parse("CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)NCCc1c[nH]c2ccc(F)cc12")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Canonical(m)
	}
}
