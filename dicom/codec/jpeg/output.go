package jpeg

// output interleaves the planes, chroma at full resolution, into dst.
func (d *decoder) output() {
	d.dst = make([]byte, d.want.Bytes())
	m := len(d.components)
	stride := len(d.dst) / d.want.Rows
	row := make([]uint16, d.want.Samples())
	line := make([]uint16, d.want.Columns+8)
	sums := make([]int32, d.want.Columns)
	for y := range d.want.Rows {
		for i := range d.components {
			c := &d.components[i]
			full := c.line(line, sums, y, d.maxH/c.h, d.maxV/c.v)
			if m == 1 {
				copy(row, full)
				continue
			}
			for x, at := 0, i; at < len(row); x, at = x+1, at+m {
				row[at] = full[x]
			}
		}
		d.want.Store(d.dst[y*stride:(y+1)*stride], row, d.precision)
	}
}

// line returns line y of a component at the frame's width. Ratios of two are interpolated with weights 3:1
// towards the nearer sample; components up to two samples wide, and other ratios, are repeated.
func (c *component) line(out []uint16, sums []int32, y, ratioH, ratioV int) []uint16 {
	near := c.plane[y/ratioV*c.stride:][:c.width]
	if ratioH == 1 && ratioV == 1 {
		return near
	}
	smoothH, smoothV := ratioH == 2 && c.width > 2, ratioV == 2
	if ratioH > 2 || ratioV > 2 || ratioH == 2 && !smoothH {
		for x := range out[:min(c.width*ratioH, len(out))] {
			out[x] = near[x/ratioH]
		}
		return out
	}
	sums = sums[:c.width]
	if !smoothV {
		spread(out, near)
		return out
	}
	other := y/2 - 1
	if y&1 == 1 {
		other = y/2 + 1
	}
	far := c.plane[min(max(other, 0), c.height-1)*c.stride:][:c.width]
	for x := range sums {
		sums[x] = 3*int32(near[x]) + int32(far[x])
	}
	if ratioH == 1 {
		bias := int32(1 + y&1)
		for x, v := range sums {
			out[x] = uint16((v + bias) >> 2)
		}
		return out
	}
	spreadSums(out, sums)
	return out
}

// spread doubles a line. The rounding alternates, so that it does not drift.
func spread(out, in []uint16) {
	n := len(in)
	put := func(i int, v uint16) {
		if i < len(out) {
			out[i] = v
		}
	}
	out[0] = in[0]
	put(1, uint16((3*int32(in[0])+int32(in[1])+2)>>2))
	for i := 1; i < n-1; i++ {
		v := 3 * int32(in[i])
		put(2*i, uint16((v+int32(in[i-1])+1)>>2))
		put(2*i+1, uint16((v+int32(in[i+1])+2)>>2))
	}
	put(2*n-2, uint16((3*int32(in[n-1])+int32(in[n-2])+1)>>2))
	put(2*n-1, in[n-1])
}

// spreadSums doubles a line of vertical sums (weight 4).
func spreadSums(out []uint16, in []int32) {
	n := len(in)
	put := func(i int, v int32) {
		if i < len(out) {
			out[i] = uint16(v)
		}
	}
	put(0, (4*in[0]+8)>>4)
	put(1, (3*in[0]+in[1]+7)>>4)
	for i := 1; i < n-1; i++ {
		put(2*i, (3*in[i]+in[i-1]+8)>>4)
		put(2*i+1, (3*in[i]+in[i+1]+7)>>4)
	}
	put(2*n-2, (3*in[n-1]+in[n-2]+8)>>4)
	put(2*n-1, (4*in[n-1]+7)>>4)
}
