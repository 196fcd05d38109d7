package f32

// Attention is scaled dot-product attention, softmax(scale·q·kᵀ)·v, for one head of one sequence:
//
//	for i := range m {
//		for j := range n {
//			s[j] = scale * Σ q[i*ldq+p]*k[j*ldk+p]   // p < d
//		}
//		Softmax(s)
//		for p := range d {
//			dst[i*ldd+p] = Σ s[j]*v[j*ldv+p]         // j < n
//		}
//	}
//
// q and dst are (m, d), k and v are (n, d), with rows ldq, ldd, ldk and ldv apart; dst must not overlap the
// others. scratch holds at least AttentionScratch(n, d) floats, whose content is of no meaning before and after.
//
// The scores never exist as a whole: with assembly they are made for a tile of queries and 128 keys at a
// time, and the softmax is the running one of Milakov and Gimelshein (2018) and of FlashAttention (Dao
// et al. 2022). A row's result does not depend on m. With n = 0 dst becomes 0.
func Attention(m, n, d int, scale float32, q []float32, ldq int, k []float32, ldk int, v []float32, ldv int, dst []float32, ldd int, scratch []float32) {
	active.attention(m, n, d, scale, q, ldq, k, ldk, v, ldv, dst, ldd, scratch)
}

// AttentionScratch is the number of floats that Attention needs for n keys of d components.
func AttentionScratch(n, d int) int { return active.attentionScratch(n, d) }

func (im impl) attention(m, n, d int, scale float32, q []float32, ldq int, k []float32, ldk int, v []float32, ldv int, dst []float32, ldd int, scratch []float32) {
	if m <= 0 || d <= 0 {
		return
	}
	dst = matrix(dst, m, d, ldd)
	if n <= 0 {
		for i := range m {
			clear(dst[i*ldd : i*ldd+d])
		}
		return
	}
	q, k, v = matrix(q, m, d, ldq), matrix(k, n, d, ldk), matrix(v, n, d, ldv)
	size := im.attentionScratch(n, d)
	im.attend(m, n, d, scale, q, ldq, k, ldk, v, ldv, dst, ldd, scratch[:size:len(scratch)])
}

const (
	keyTile      = 128 // keys whose scores are alive at once
	queryGeneric = 64  // queries whose scores are alive at once in plain Go
)

func (im impl) attentionScratch(n, d int) int {
	if im == generic {
		return queryGeneric * max(n, 0)
	}
	_, nr := im.tileSize()
	// Queries and results, both (d, nr), the scores (keyTile, nr), four lines of state, and
	// keys and values where they must be copied.
	return (2*d+keyTile+4)*nr + 2*keyTile*d
}

// attendGeneric takes queryGeneric queries at a time through the three steps.
func attendGeneric(m, n, d int, scale float32, q []float32, ldq int, k []float32, ldk int, v []float32, ldv int, dst []float32, ldd int, scratch []float32) {
	for i := 0; i < m; i += queryGeneric {
		rows := min(queryGeneric, m-i)
		s := scratch[:rows*n]
		generic.matMulT(rows, n, d, scale, q[i*ldq:], ldq, k, ldk, s, n)
		for r := range rows {
			softmaxGeneric(s[r*n : (r+1)*n])
		}
		generic.matMul(rows, d, n, s, n, v, ldv, dst[i*ldd:], ldd)
	}
}
