package fingerprint

// combine mixes a number into a hash: the 32-bit form of Boost's hash_combine.
func combine(seed *uint32, v uint32) {
	*seed ^= v + 0x9e3779b9 + *seed<<6 + *seed>>2
}

// twister is the random number generator from which features draw their further bits: a Mersenne twister of only
// four words, whose seeding is quick.
type twister struct {
	x [4]uint32
	i int
}

const twist = 0x9908b0df

func newTwister(seed uint32) twister {
	var t twister
	t.x[0] = seed
	for i := 1; i < 4; i++ {
		t.x[i] = 1812433253*(t.x[i-1]^t.x[i-1]>>30) + uint32(i)
	}
	t.i = 4
	// Of the first word only the top bit takes part; Boost rewrites the others to fit the last word.
	y := t.x[1] ^ t.x[3]
	if y>>31 != 0 {
		y = (y^twist)<<1 | 1
	} else {
		y <<= 1
	}
	t.x[0] = t.x[0]&(1<<31) | y&^(1<<31)
	if t.x == [4]uint32{} {
		t.x[0] = 1 << 31
	}
	return t
}

// next is the next number, of 31 bits.
func (t *twister) next() uint32 {
	if t.i == 4 {
		for k := range 4 {
			y := t.x[k]&(1<<31) | t.x[(k+1)%4]&^(1<<31)
			v := t.x[(k+2)%4] ^ y>>1
			if y&1 != 0 {
				v ^= twist
			}
			t.x[k] = v
		}
		t.i = 0
	}
	y := t.x[t.i]
	t.i++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	y ^= y >> 18
	return y >> 1
}
