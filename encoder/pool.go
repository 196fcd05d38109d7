package encoder

import (
	"math"

	"github.com/semsearch/semsearch/encoder/checkpoint"
	"github.com/semsearch/semsearch/internal/f32"
)

// pool makes one vector of the token vectors [start, end) of hidden (tokens, hidden), mode after
// mode, as sentence-transformers does in models/Pooling.py. The first skip tokens, those of the
// prompt, count in the modes "cls" and "lasttoken" only.
func (e *Encoder) pool(hidden []float32, start, end, skip int) []float32 {
	h := e.ck.Config.HiddenSize
	rows := hidden[start*h : end*h]
	row := func(i int) []float32 { return rows[i*h : (i+1)*h] }
	n := end - start
	skip = min(skip, n-1) // a prompt that was cut off itself leaves the last token
	v := make([]float32, e.Dim())
	for i, mode := range e.modes {
		out := v[i*h : (i+1)*h]
		switch mode {
		case checkpoint.PoolCLS:
			copy(out, row(0))
		case checkpoint.PoolLastToken:
			copy(out, row(n-1))
		case checkpoint.PoolMax:
			copy(out, row(skip))
			for t := skip + 1; t < n; t++ {
				for j, x := range row(t) {
					out[j] = max(out[j], x)
				}
			}
		case checkpoint.PoolMean, checkpoint.PoolMeanSqrtLen:
			for t := skip; t < n; t++ {
				f32.Add(out, row(t))
			}
			by := float64(n - skip)
			if mode == checkpoint.PoolMeanSqrtLen {
				by = math.Sqrt(by)
			}
			f32.Scale(float32(1/by), out)
		case checkpoint.PoolWeightedMean:
			sum := 0
			for t := skip; t < n; t++ {
				f32.Axpy(float32(t+1), row(t), out)
				sum += t + 1
			}
			f32.Scale(1/float32(sum), out)
		}
	}
	return v
}

// unit scales v to length 1; zero stays zero.
func unit(v []float32) error {
	n := f32.Norm(v)
	if n == 0 {
		return nil
	}
	by := 1 / n
	if !(by > 0) || math.IsInf(float64(by), 0) { // NaN, infinite, or too short to have a direction
		return ErrNotFinite
	}
	f32.Scale(by, v)
	return nil
}
