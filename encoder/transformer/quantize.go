package transformer

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// QuantizeMatrix makes a matrix w, (rows, cols) row-major, int8: symmetric, with one scale a row.
//
//	scale = c * max|w| / 127
//	q = w / scale, rounded to the nearest integer, ties to even, and kept within -127 and 127
//
// c is the one of 1, 0.98, 0.96, ... 0.80 that makes the sum of the squared errors of the row least; the larger wins a tie.
// A row of zeros gets the scale 1. The error names the row of a number that is not finite.
func QuantizeMatrix(w []float32, rows, cols int) (*Int8Matrix, error) {
	t := &Int8Matrix{Q: make([]int8, rows*cols), Scale: make([]float32, rows)}
	var next atomic.Int64
	var bad atomic.Int64
	bad.Store(int64(rows))
	run := func() {
		for {
			r := int(next.Add(1)) - 1
			if r >= rows {
				return
			}
			x, q := w[r*cols:(r+1)*cols], t.Q[r*cols:(r+1)*cols]
			if t.Scale[r] = rowScale(x); math.IsNaN(float64(t.Scale[r])) {
				for old := bad.Load(); int64(r) < old && !bad.CompareAndSwap(old, int64(r)); old = bad.Load() {
				}
				continue
			}
			for i, v := range x {
				q[i] = int8(quantized(v, t.Scale[r]))
			}
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), maxWorkers, rows) - 1 {
		wg.Go(run)
	}
	run()
	wg.Wait()
	if r := bad.Load(); r < int64(rows) {
		return nil, fmt.Errorf("row %d holds a number that is not finite", r)
	}
	return t, nil
}

// clips is the number of values of c.
const clips = 11

// rowScale is the scale of a row, NaN if it holds a number that is not finite.
func rowScale(x []float32) float32 {
	var top float32
	for _, v := range x {
		if a := float32(math.Abs(float64(v))); !(a <= top) {
			top = a
		}
	}
	switch {
	case top == 0:
		return 1
	case !(top <= math.MaxFloat32):
		return float32(math.NaN())
	case top < 127*0x1p-126:
		return 0x1p-126 // smaller scales have fewer bits
	}
	var best float32
	least := math.Inf(1)
	for c := range clips {
		s := float32(float64(top) * float64(100-2*c) / 100 / 127)
		var sum float64
		for rest := x; len(rest) > 0 && sum < least; { // looked at now and then: a sum only grows
			n := min(64, len(rest))
			for _, v := range rest[:n] {
				d := float64(v) - quantized(v, s)*float64(s)
				sum += float64(d * d)
			}
			rest = rest[n:]
		}
		if sum < least {
			best, least = s, sum
		}
	}
	return best
}

// quantized is v in steps of s.
func quantized(v, s float32) float64 {
	q := math.RoundToEven(float64(v) / float64(s))
	if q > 127 {
		return 127
	}
	if q < -127 {
		return -127
	}
	return q
}

// Quantized returns weights that give the matrices of the encoder layers of w in int8, made by
// QuantizeMatrix, and everything else as w has it.
func Quantized(w Weights) Int8Weights { return quantizing{w} }

type quantizing struct{ Weights }

func (w quantizing) Int8(name string, rows, cols int) (*Int8Matrix, error) {
	if w8, ok := w.Weights.(Int8Weights); ok {
		if t, err := w8.Int8(name, rows, cols); t != nil || err != nil {
			return t, err
		}
	}
	if !strings.Contains(name, "encoder.layer.") {
		return nil, nil
	}
	x, err := w.Tensor(name, rows, cols)
	if err != nil {
		return nil, err
	}
	t, err := QuantizeMatrix(x, rows, cols)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}
