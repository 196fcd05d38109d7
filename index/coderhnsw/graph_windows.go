package coderhnsw

import (
	"context"
	"fmt"

	"github.com/semsearch/semsearch/index"
)

// Graph is not available on Windows, where the library does not compile.
type Graph struct{}

var _ index.Index = (*Graph)(nil)

// New gives ErrUnsupported.
func New(*index.HNSW) (*Graph, error) {
	return nil, fmt.Errorf("import graph: windows: %w", ErrUnsupported)
}

// Len is 0.
func (*Graph) Len() int { return 0 }

// Dim is 0.
func (*Graph) Dim() int { return 0 }

// Search gives ErrUnsupported.
func (*Graph) Search(context.Context, []float32, index.SearchOptions) ([]index.Result, error) {
	return nil, fmt.Errorf("search: windows: %w", ErrUnsupported)
}
