package index

import (
	"fmt"
	"math"
	"slices"

	"github.com/semsearch/semsearch/internal/f32"
)

// Metric says what distance means. The zero value is Cosine.
type Metric uint8

const (
	// Cosine is 1 - x·y of the vectors scaled to length 1: 0 for one direction, 2 for opposite
	// ones. Vectors are scaled on the way in. A zero vector has distance 1 to all.
	Cosine Metric = iota
	// Dot is -x·y of the vectors as given: the larger the product, the nearer. It is no distance
	// in the strict sense (a vector need not be the nearest to itself), and a walk finds a little
	// less under it when lengths differ much.
	Dot
	// L2 is the squared Euclidean distance, the sum of (x[i]-y[i])².
	L2
)

// String returns "cosine", "dot" or "l2".
func (m Metric) String() string {
	switch m {
	case Cosine:
		return "cosine"
	case Dot:
		return "dot"
	case L2:
		return "l2"
	}
	return fmt.Sprintf("metric(%d)", uint8(m))
}

func (m Metric) validate() error {
	if m > L2 {
		return fmt.Errorf("%v: %w", m, ErrInvalid)
	}
	return nil
}

// Distance is the distance of two prepared vectors of one length. Under Cosine, rounding may take
// 1-x·y just below zero, which is cut off. The metric must be a known one.
func (m Metric) Distance(x, y []float32) float32 {
	switch m {
	case Cosine:
		return max(0, 1-f32.Dot(x, y))
	case Dot:
		return -f32.Dot(x, y)
	default:
		return f32.SquaredL2(x, y)
	}
}

// maxSquare bounds the squared length of a vector under Dot and L2, so that no product and no
// distance of two of them overflows.
const maxSquare = math.MaxFloat32 / 8

// Prepare checks x and returns the copy an index stores or searches with: under Cosine of length 1,
// or 0. It gives ErrDimension unless x has dim components, and ErrInvalid when one of them is NaN
// or infinite or when x is so long that distances could overflow. Preparing twice is the same as
// once.
func (m Metric) Prepare(x []float32, dim int) ([]float32, error) {
	if len(x) != dim {
		return nil, fmt.Errorf("vector has %d components, want %d: %w", len(x), dim, ErrDimension)
	}
	var sum float64
	for i, v := range x {
		f := float64(v)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("component %d is %v: %w", i, v, ErrInvalid)
		}
		sum += f * f
	}
	out := slices.Clone(x)
	for i, v := range out {
		if v == 0 {
			out[i] = 0 // not -0: equal vectors have equal bits
		}
	}
	if m != Cosine {
		if sum > maxSquare {
			return nil, fmt.Errorf("vector has length %g, too large: %w", math.Sqrt(sum), ErrInvalid)
		}
		return out, nil
	}
	// A vector that is a unit vector up to rounding stays as it is, so that preparing twice is
	// the same as once.
	if sum == 0 || math.Abs(sum-1) < 1e-6 {
		return out, nil
	}
	inv := 1 / math.Sqrt(sum)
	for i, v := range out {
		out[i] = float32(float64(v) * inv)
	}
	return out, nil
}
