package f32

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// attention64 is the definition in float64.
func attention64(m, n, d int, scale float64, q []float32, ldq int, k []float32, ldk int, v []float32, ldv int) []float64 {
	out, s := make([]float64, m*d), make([]float64, n)
	for i := range m {
		top := math.Inf(-1)
		for j := range n {
			s[j] = 0
			for p := range d {
				s[j] += scale * float64(q[i*ldq+p]) * float64(k[j*ldk+p])
			}
			top = math.Max(top, s[j])
		}
		var sum float64
		for j := range n {
			s[j] = math.Exp(s[j] - top)
			sum += s[j]
		}
		for j := range n {
			for p := range d {
				out[i*d+p] += s[j] / sum * float64(v[j*ldv+p])
			}
		}
	}
	return out
}

func TestAttention(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(21, 22))
		check := func(m, n, d, pad int, factor float64) {
			t.Helper()
			ldq, ldk, ldv, ldd := d+pad, d+2*pad, d+3*pad, d+pad
			q, k, v := randomGuarded(r, (m-1)*ldq+d, 1), randomGuarded(r, (n-1)*ldk+d, 2), randomGuarded(r, (n-1)*ldv+d, 3)
			multiply(q.x, factor)
			dst := newGuarded((m-1)*ldd+d, pad%4)
			scratch := newGuarded(im.attentionScratch(n, d), 1)
			scale := float32(1 / math.Sqrt(float64(d)))
			im.attention(m, n, d, scale, q.x, ldq, k.x, ldk, v.x, ldv, dst.x, ldd, scratch.x)
			want := attention64(m, n, d, float64(scale), q.x, ldq, k.x, ldk, v.x, ldv)
			for i := range m {
				for p := range d {
					// The values are near 1; a score of size s is known to s·2⁻²², and so is its weight.
					near(t, dst.x[i*ldd+p], want[i*d+p], 3e-6*(1+factor*math.Sqrt(float64(d))), "m %d, n %d, d %d: (%d,%d)", m, n, d, i, p)
				}
				for p := d; p < ldd && i*ldd+p < len(dst.x); p++ {
					if dst.x[i*ldd+p] != guardValue {
						t.Fatalf("m %d, n %d, d %d: wrote between the rows", m, n, d)
					}
				}
			}
			dst.check(t, "attention")
			scratch.check(t, "scratch")
		}
		step := 1
		if testing.Short() {
			step = 9
		}
		for n := 1; n <= 70; n += step {
			check(n, n, 32, n%4, 1)
		}
		for d := 1; d <= 70; d += step {
			check(1+d%35, 20, d, d%3, 1)
		}
		for _, n := range []int{127, 128, 129, 255, 256, 257, 512, 700} {
			check(19, n, 64, 5, 1)
			check(3, n, 32, 0, 10)
		}
		check(40, 300, 64, 1024-64, 1) // rows a page apart
		check(1, 1, 1, 0, 100)
		im.attention(0, 5, 8, 1, nil, 8, nil, 8, nil, 8, nil, 8, nil)
		none := []float32{1, 2}
		im.attention(1, 0, 2, 1, none, 2, nil, 2, nil, 2, none, 2, nil)
		if none[0] != 0 || none[1] != 0 {
			t.Fatalf("no keys give %v", none)
		}
	})
}

// TestAttentionExtremes: scores that overflow an exponential, scores far apart, and bad values.
func TestAttentionExtremes(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		const n, d = 300, 4
		q, k, v, dst := make([]float32, n*d), make([]float32, n*d), make([]float32, n*d), make([]float32, n*d)
		scratch := make([]float32, im.attentionScratch(n, d))
		run := func() { im.attention(n, n, d, 1, q, d, k, d, v, d, dst, d, scratch) }
		for i := range n {
			q[i*d], k[i*d], v[i*d], v[i*d+1] = 1, float32(-200*i), 1, float32(i)
		}
		// The first key outweighs all others, in a later tile the last.
		run()
		for i := range n {
			near(t, dst[i*d], 1, 1e-6, "query %d", i)
			near(t, dst[i*d+1], 0, 1e-6, "query %d", i)
		}
		for i := range n {
			k[i*d] = float32(200 * i)
		}
		run()
		for i := range n {
			near(t, dst[i*d+1], n-1, 1e-3, "query %d, rising keys", i)
		}
		// A bad query spoils its row only; a bad value its column; a bad key everything.
		clear(k)
		q[5*d+2] = float32(math.NaN())
		v[7*d+3] = float32(math.Inf(1))
		run()
		for i := range n {
			if (dst[i*d] != dst[i*d]) != (i == 5) {
				t.Fatalf("query %d gives %v", i, dst[i*d])
			}
			if y := dst[i*d+3]; i != 5 && !math.IsInf(float64(y), 1) {
				t.Fatalf("query %d: an infinite value gives %v", i, y)
			}
		}
		k[200*d] = float32(math.NaN())
		run()
		for i := range n {
			if dst[i*d] == dst[i*d] {
				t.Fatalf("query %d: a bad key gives %v", i, dst[i*d])
			}
		}
	})
}

// TestAttentionRowsIdentical: a query's result does not depend on the other queries.
func TestAttentionRowsIdentical(t *testing.T) {
	each(t, func(t *testing.T, im impl) {
		r := rand.New(rand.NewPCG(23, 24))
		for _, d := range []int{32, 5} {
			const m, n = 70, 150
			q, k, v := randomGuarded(r, m*d, 1).x, randomGuarded(r, n*d, 1).x, randomGuarded(r, n*d, 1).x
			all, got := make([]float32, m*d), make([]float32, m*d)
			scratch := make([]float32, im.attentionScratch(n, d))
			im.attention(m, n, d, 0.3, q, d, k, d, v, d, all, d, scratch)
			for rows := 1; rows <= m; rows += 1 + rows/9 {
				for _, first := range []int{0, (m - rows) / 2, m - rows} {
					im.attention(rows, n, d, 0.3, q[first*d:], d, k, d, v, d, got, d, scratch)
					for i := range rows * d {
						if math.Float32bits(got[i]) != math.Float32bits(all[first*d+i]) {
							t.Fatalf("d %d, %d rows from %d: (%d,%d) is %v, in the whole %v", d, rows, first, i/d, i%d, got[i], all[first*d+i])
						}
					}
				}
			}
		}
	})
}

// TestAttentionLanes: AVX-512 leaves narrow tiles to AVX2, which must give the same bits.
func TestAttentionLanes(t *testing.T) {
	have := available()
	if len(have) < 3 {
		t.Skip("one implementation in assembly at most")
	}
	r := rand.New(rand.NewPCG(25, 26))
	for _, s := range [][3]int{{50, 300, 32}, {32, 129, 7}, {64, 64, 64}, {16, 40, 32}} {
		m, n, d := s[0], s[1], s[2]
		for set := range sets {
			q, k, v := randomGuarded(r, m*d, 1).x, randomGuarded(r, n*d, 1).x, randomGuarded(r, n*d, 1).x
			sets[set](r, q)
			sets[set](r, v)
			var got [2][]float32
			for i, im := range have[1:] {
				got[i] = make([]float32, m*d)
				im.attention(m, n, d, 0.3, q, d, k, d, v, d, got[i], d, make([]float32, im.attentionScratch(n, d)))
			}
			for i := range got[0] {
				a, b := got[0][i], got[1][i]
				if math.Float32bits(a) != math.Float32bits(b) && (a == a || b == b) {
					t.Fatalf("%v, %s: (%d,%d) is %v in %s and %v in %s", s, set, i/d, i%d, a, have[1], b, have[2])
				}
			}
		}
	}
}

func TestAttentionAllocation(t *testing.T) {
	const n, d = 150, 32
	x, dst, scratch := filled(n*d), make([]float32, n*d), make([]float32, AttentionScratch(n, d))
	if got := testing.AllocsPerRun(50, func() { Attention(n, n, d, 1, x, d, x, d, x, d, dst, d, scratch) }); got > 0.1 {
		t.Errorf("%v allocations", got)
	}
}

// BenchmarkAttention holds the fused form against the three steps, in turn, for one head. The
// figures are the shortest times of one call of each.
func BenchmarkAttention(b *testing.B) {
	for _, s := range []struct{ n, d int }{{16, 32}, {32, 32}, {128, 32}, {512, 32}, {128, 64}, {512, 64}} {
		benchEach(b, fmt.Sprintf("%dx%d", s.n, s.d), func(b *testing.B, im impl) {
			n, d := s.n, s.d
			const hidden = attentionStride / 3
			qkv, dst := filled(n*attentionStride), make([]float32, n*hidden)
			q, k, v := qkv, qkv[hidden:], qkv[2*hidden:]
			scratch, scores := make([]float32, im.attentionScratch(n, d)), make([]float32, 84*n)
			t := [2]float64{math.Inf(1), math.Inf(1)}
			for b.Loop() {
				start := time.Now()
				im.attention(n, n, d, 0.2, q, attentionStride, k, attentionStride, v, attentionStride, dst, hidden, scratch)
				fused := time.Now()
				for i := 0; i < n; i += 84 {
					rows := min(84, n-i)
					im.matMulT(rows, n, d, 0.2, q[i*attentionStride:], attentionStride, k, attentionStride, scores, n)
					for r := range rows {
						im.softmax(scores[r*n : (r+1)*n])
					}
					im.matMul(rows, d, n, scores, n, v, attentionStride, dst[i*hidden:], hidden)
				}
				t[0] = min(t[0], float64(fused.Sub(start).Nanoseconds()))
				t[1] = min(t[1], float64(time.Since(fused).Nanoseconds()))
			}
			b.ReportMetric(t[0], "fused-ns")
			b.ReportMetric(t[1], "steps-ns")
			b.ReportMetric(t[1]/t[0], "times-faster")
			b.ReportMetric(float64(4*n*n*d)/t[0], "GFLOP/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
