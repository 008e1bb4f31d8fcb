package conv

import "unsafe"

//go:generate go run -tags avo ./asm -part winograd-gradient -out winograd_gradient_kernel_amd64.s -stubs winograd_gradient_kernel_amd64.go -pkg conv

// The transforms read each position of a tile through a pointer of its own, so that positions outside an image may
// point to zeros. Pointers go column by column. They are those of a line of tiles: neighbours share what they
// overlap in, and the pointers of a tile begin two columns behind those of the one before.

// gradientInput computes, for each of count tiles d of 4 × 4 positions of cols channels, the 16 numbers of Bᵀ·d·B:
// for channel j of tile t, number i goes to dst[i·plane+t·ld+j]. The pointers of tile t are from[8t : 8t+16].
// It may write up to a multiple of winogradLane channels.
func gradientInputPortable(dst *float32, plane, ld int, from **float32, count, cols int) {
	for t := range count {
		d := unsafe.Slice((**float32)(unsafe.Add(unsafe.Pointer(from), t*8*int(unsafe.Sizeof(from)))), 16)
		for c := range cols {
			var r [4][4]float32
			for j := range 4 {
				d0, d1, d2, d3 := *at(d[4*j], c), *at(d[4*j+1], c), *at(d[4*j+2], c), *at(d[4*j+3], c)
				r[0][j], r[1][j], r[2][j], r[3][j] = d0-d2, d1+d2, d2-d1, d1-d3
			}
			to := at(dst, t*ld+c)
			for i := range 4 {
				*at(to, 4*i*plane) = r[i][0] - r[i][2]
				*at(to, (4*i+1)*plane) = r[i][1] + r[i][2]
				*at(to, (4*i+2)*plane) = r[i][2] - r[i][1]
				*at(to, (4*i+3)*plane) = r[i][1] - r[i][3]
			}
		}
	}
}

// gradientOutput does the same for tiles e of 2 × 2 positions and A·e·Aᵀ, but with the last row of A positive. The
// pointers of tile t are from[4t : 4t+4].
func gradientOutputPortable(dst *float32, plane, ld int, from **float32, count, cols int) {
	for t := range count {
		e := unsafe.Slice((**float32)(unsafe.Add(unsafe.Pointer(from), t*4*int(unsafe.Sizeof(from)))), 4)
		for c := range cols {
			var r [4][2]float32
			for j := range 2 {
				e0, e1 := *at(e[2*j], c), *at(e[2*j+1], c)
				r[0][j], r[1][j], r[2][j], r[3][j] = e0, e0+e1, e0-e1, e1
			}
			to := at(dst, t*ld+c)
			for i := range 4 {
				*at(to, 4*i*plane) = r[i][0]
				*at(to, (4*i+1)*plane) = r[i][0] + r[i][1]
				*at(to, (4*i+2)*plane) = r[i][0] - r[i][1]
				*at(to, (4*i+3)*plane) = r[i][1]
			}
		}
	}
}

// gradientWeights computes Gᵀ·u·G, with the last row of G negative, for rows × cols matrices u of 4 × 4: number i of
// the element (r, j) is u[i·plane+r·ldu+j], and tap i of the result goes to dst[i·tap+r·ldd+j]. u may be read up to a
// multiple of winogradLane columns.
func gradientWeightsPortable(dst *float32, tap, ldd int, u *float32, plane, ldu, rows, cols int) {
	for r := range rows {
		for c := range cols {
			from, to := at(u, r*ldu+c), at(dst, r*ldd+c)
			var t [3][4]float32
			for j := range 4 {
				u0, u1, u2, u3 := *at(from, j*plane), *at(from, (4+j)*plane), *at(from, (8+j)*plane), *at(from, (12+j)*plane)
				sum, difference := 0.5*(u1+u2), 0.5*(u1-u2)
				t[0][j], t[1][j], t[2][j] = u0+sum, difference, sum-u3
			}
			for i := range 3 {
				sum, difference := 0.5*(t[i][1]+t[i][2]), 0.5*(t[i][1]-t[i][2])
				*at(to, 3*i*tap) = t[i][0] + sum
				*at(to, (3*i+1)*tap) = difference
				*at(to, (3*i+2)*tap) = sum - t[i][3]
			}
		}
	}
}
