//go:build !purego

package f32

import "math"

// attendTiles computes attention for as many queries as a tile has columns at a time, each in a lane of
// its own: the scores of a tile are k·qᵀ, (keys, lanes), so that the largest score and the sum of a query
// are found down a lane, and the results oᵀ = vᵀ·w, (d, lanes). Lanes past the queries compute what nobody reads.
// A tile of few queries is left to AVX2, whose tiles are half as wide: a lane gets the same bits there.
func (im impl) attendTiles(m, n, d int, scale float32, q []float32, ldq int, k []float32, ldk int, v []float32, ldv int, dst []float32, ldd int, scratch []float32) {
	_, nr := im.tileSize()
	if rest := m % nr; im == avx512 && 0 < rest && rest <= 16 {
		m -= rest
		avx2.attendTiles(rest, n, d, scale, q[m*ldq:], ldq, k, ldk, v, ldv, dst[m*ldd:], ldd, scratch)
	}
	take := func(floats int) []float32 {
		x := scratch[:floats:floats]
		scratch = scratch[floats:]
		return x
	}
	qt, o := take(d*nr), take(d*nr)
	s, st := take(keyTile*nr), take(4*nr)
	kCopy, vCopy := take(keyTile*d), take(keyTile*d)
	largest, sum, shrink, inv := st[:nr], st[nr:2*nr], &st[2*nr], &st[3*nr]

	for i := 0; i < m; i += nr {
		rows := min(nr, m-i)
		im.packTransposed(rows, d, q[i*ldq:], ldq, qt)
		for j := range largest {
			largest[j], sum[j] = float32(math.Inf(-1)), 0
		}
		for j := 0; j < n; j += keyTile {
			keys := min(keyTile, n-j)
			kt, vt, ldkt, ldvt := k[j*ldk:], v[j*ldv:], ldk, ldv
			if ldk%pageFloats == 0 {
				copyRows(kCopy, kt, keys, d, ldk)
				kt, ldkt = kCopy, d
			}
			if ldv%pageFloats == 0 {
				copyRows(vCopy, vt, keys, d, ldv)
				vt, ldvt = vCopy, d
			}
			im.panel(keys, d, kt, ldkt, qt, nr, s, nr, nr, scale*math.Log2E, noBias[:nr])
			im.weights(keys, s, st)
			before, after := shrink, inv
			if j == 0 {
				before = nil
			}
			if j+keys < n {
				after = nil
			}
			im.values(keys, d, s, vt, ldvt, o, before, after)
		}
		im.unpack(rows, d, o, dst[i*ldd:], ldd)
	}
}

// copyRows gathers rows that stand a multiple of a page apart, where they would compete for one
// set of 8 lines of the first level cache.
func copyRows(dst, x []float32, rows, d, ld int) {
	for i := range rows {
		copy(dst[i*d:(i+1)*d], x[i*ld:])
	}
}
