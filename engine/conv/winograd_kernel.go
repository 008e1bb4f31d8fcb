package conv

//go:generate go run -tags avo ./asm -part winograd -out winograd_kernel_amd64.s -stubs winograd_kernel_amd64.go -pkg conv

// The transforms of Winograd's convolution. Tiles and their transforms are 4 × 4: sixteen planes, each for all tiles
// of a block.

// winogradInputPortable takes tiles d of x to Bᵀ·d·B: for t < tiles and channels j < cols, the number 4·r+k of tile t
// goes to dst[(4·r+k)·plane+t·ld+j]. The number 4·r+k of its tile d is src[4·r+k][t·step+j].
func winogradInputPortable(dst *float32, plane, ld int, src *[16]*float32, step, tiles, cols int) {
	for t := range tiles {
		for j := range cols {
			var d [4][4]float32
			for k := range 4 {
				d0, d1 := *at(src[k], t*step+j), *at(src[4+k], t*step+j)
				d2, d3 := *at(src[8+k], t*step+j), *at(src[12+k], t*step+j)
				d[0][k], d[1][k], d[2][k], d[3][k] = d0-d2, d1+d2, d2-d1, d1-d3
			}
			to := at(dst, t*ld+j)
			for r, d := range &d {
				*at(to, 4*r*plane) = d[0] - d[2]
				*at(to, (4*r+1)*plane) = d[1] + d[2]
				*at(to, (4*r+2)*plane) = d[2] - d[1]
				*at(to, (4*r+3)*plane) = d[1] - d[3]
			}
		}
	}
}

// winogradOutputPortable takes the products m of tiles to outputs Aᵀ·m·A, 2 × 2 for each tile: the number 2·i+k of
// tile t is dst[2·i+k][t·step+j]. m lies as winogradInputPortable writes it. An output that does not exist has the
// address of its neighbour in the row above or in the column before: those are written later.
func winogradOutputPortable(dst *[4]*float32, step int, src *float32, plane, ld, tiles, cols int) {
	for t := range tiles {
		for j := range cols {
			var s [2][4]float32
			from := at(src, t*ld+j)
			for k := range 4 {
				m0, m1, m2, m3 := *at(from, k*plane), *at(from, (4+k)*plane), *at(from, (8+k)*plane), *at(from, (12+k)*plane)
				s[0][k], s[1][k] = m0+(m1+m2), (m1-m2)-m3
			}
			for i := 1; i >= 0; i-- {
				s := &s[i]
				*at(dst[2*i+1], t*step+j) = (s[1] - s[2]) - s[3]
				*at(dst[2*i], t*step+j) = s[0] + (s[1] + s[2])
			}
		}
	}
}

// winogradWeightsPortable takes kernels g of 3 × 3 taps to G·g·Gᵀ: for j < n, the tap 3·r+k is src[(3·r+k)·ld+j] and
// the number 4·r+k of the result dst[(4·r+k)·plane+j].
func winogradWeightsPortable(dst *float32, plane int, src *float32, ld, n int) {
	middle := func(a, b, c float32) (up, down float32) {
		outer, inner := 0.5*(a+c), 0.5*b
		return outer + inner, outer - inner
	}
	for j := range n {
		var g [4][3]float32
		for k := range 3 {
			g[0][k], g[3][k] = *at(src, k*ld+j), *at(src, (6+k)*ld+j)
			g[1][k], g[2][k] = middle(g[0][k], *at(src, (3+k)*ld+j), g[3][k])
		}
		for r, g := range &g {
			up, down := middle(g[0], g[1], g[2])
			*at(dst, 4*r*plane+j) = g[0]
			*at(dst, (4*r+1)*plane+j) = up
			*at(dst, (4*r+2)*plane+j) = down
			*at(dst, (4*r+3)*plane+j) = g[2]
		}
	}
}
