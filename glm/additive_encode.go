package glm

// MarshalBinary writes the model; the same model gives the same bytes.
func (m *Additive) MarshalBinary() ([]byte, error) {
	w := &writer{b: []byte(magicAdditive)}
	w.u8(uint8(m.Family))
	w.u32(m.Features)
	w.u32(len(m.Intercept))
	w.floats(m.Intercept)
	w.u32(len(m.Terms))
	for i := range m.Terms {
		t := &m.Terms[i]
		w.u8(uint8(len(t.Axes)))
		for _, a := range t.Axes {
			w.axis(a)
		}
		w.floats(t.Weight)
		for k := range t.Scores {
			w.floats(t.Scores[k])
			w.floats(t.Std[k])
		}
	}
	return w.seal(), nil
}

func (w *writer) axis(a Axis) {
	w.u32(a.Feature)
	if a.Levels == nil {
		w.u8(0)
		w.u8(uint8(len(a.Edges)))
		w.floats(a.Edges)
		return
	}
	w.u8(1)
	w.u8(uint8(len(a.Levels)))
	for _, b := range a.Levels {
		w.u8(uint8(b))
	}
}

// UnmarshalBinary reads what MarshalBinary wrote. Anything else is a Corrupt error and leaves m as it was.
func (m *Additive) UnmarshalBinary(data []byte) error {
	r := open(data, magicAdditive)
	var got Additive
	got.Family = Family(r.u8())
	got.Features = r.u32()
	k := r.u32()
	single := got.Family != Multinomial
	if got.Family > Multinomial || k > maxClasses || single && k != 1 || !single && k < 2 {
		r.fail("the header makes no sense")
	}
	got.Intercept = r.floats(k)
	terms := r.u32()
	// A term takes at least an axis (6 bytes) and two bins of numbers.
	if terms > len(r.b)/6 {
		r.fail("the model is cut short")
	}
	for t := 0; t < terms && r.bad == ""; t++ {
		got.Terms = append(got.Terms, r.term(k, got.Features))
	}
	if err := r.done(); err != nil {
		return err
	}
	*m = got
	return nil
}

func (r *reader) term(k, features int) (t Term) {
	axes := int(r.u8())
	if axes < 1 || axes > 2 {
		r.fail("a term has neither one feature nor two")
		return t
	}
	bins := 1
	for range axes {
		t.Axes = append(t.Axes, r.axis(features))
		bins *= t.Axes[len(t.Axes)-1].Bins()
	}
	if r.bad != "" {
		return t
	}
	t.Weight = r.floats(bins)
	for range k {
		t.Scores = append(t.Scores, r.floats(bins))
		t.Std = append(t.Std, r.floats(bins))
	}
	return t
}

func (r *reader) axis(features int) (a Axis) {
	a.Feature = r.u32()
	if a.Feature >= features {
		r.fail("a term has a feature that no row has")
	}
	kind, n := r.u8(), int(r.u8())
	switch kind {
	case 0:
		a.Edges = r.floats(n)
		for i := 1; i < len(a.Edges); i++ {
			if a.Edges[i] <= a.Edges[i-1] {
				r.fail("edges do not ascend")
			}
		}
	case 1:
		a.Levels = make([]int, n)
		for i, b := range r.take(n) {
			// Bins are numbered without gaps, so there cannot be more than there are levels.
			if b == 0 || int(b) > n {
				r.fail("a level has no bin")
			}
			a.Levels[i] = int(b)
		}
	default:
		r.fail("an axis is neither numeric nor categorical")
	}
	return a
}
