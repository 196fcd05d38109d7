package index

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Options describe an HNSW. Except for EfConstruction and ExactBelow they are part of a stored
// graph.
type Options struct {
	// Dim is the number of components of each vector, 1 to MaxDim.
	Dim int
	// Metric is what distance means; the zero value is Cosine.
	Metric Metric
	// M is the number of neighbors a new node picks on each level, 2 to MaxM; 0 means 16.
	// A list may grow to M links, to 2*M on level 0. Larger finds more in hard data and takes
	// more memory (about 10*M bytes a vector) and more time to insert.
	M int
	// EfConstruction is the number of nodes in view while a new node looks for its neighbors;
	// 0 means 200. Larger makes a better graph, in about proportional time.
	EfConstruction int
	// Seed sets the levels of the nodes; 0 means a fixed seed.
	Seed uint64
	// ExactBelow is the number of vectors below which a search compares with every one;
	// 0 means 1000, below 0 means never.
	ExactBelow int
	// KeepPruned fills the list of a new node up with near neighbors that its choice of
	// different directions left out (keepPrunedConnections of Algorithm 4). More links, more
	// work; for data of very low dimension.
	KeepPruned bool
}

// Limits of Options.
const (
	MaxDim = 1 << 16
	MaxM   = 1 << 10
)

const (
	defaultM              = 16
	defaultEfConstruction = 200
	defaultSeed           = 0x5eed0f5e11a7c4e5
	defaultExactBelow     = 1000

	// maxLevel bounds the level of a node. With M=2, the smallest, a higher one has a chance
	// of 2^-32.
	maxLevel = 31
)

// withDefaults fills in what is zero and checks the rest.
func (o Options) withDefaults() (Options, error) {
	if o.M == 0 {
		o.M = defaultM
	}
	if o.EfConstruction == 0 {
		o.EfConstruction = defaultEfConstruction
	}
	if o.Seed == 0 {
		o.Seed = defaultSeed
	}
	if o.ExactBelow == 0 {
		o.ExactBelow = defaultExactBelow
	}
	switch {
	case o.Dim < 1 || o.Dim > MaxDim:
		return o, fmt.Errorf("options: Dim is %d, want 1 to %d: %w", o.Dim, MaxDim, ErrInvalid)
	case o.M < 2 || o.M > MaxM:
		return o, fmt.Errorf("options: M is %d, want 2 to %d: %w", o.M, MaxM, ErrInvalid)
	case o.EfConstruction < 1 || o.EfConstruction > math.MaxInt32:
		return o, fmt.Errorf("options: EfConstruction is %d: %w", o.EfConstruction, ErrInvalid)
	}
	if err := o.Metric.validate(); err != nil {
		return o, fmt.Errorf("options: %w", err)
	}
	return o, nil
}

// maxLinks is the paper's Mmax, and Mmax0 on level 0.
func (o *Options) maxLinks(level int) int {
	if level == 0 {
		return 2 * o.M
	}
	return o.M
}

// level draws the level of a node as Algorithm 1 does, floor(-ln(u)*mL) with mL = 1/ln(M). Unlike
// the paper u is not the next random number but a function of seed and id, so that a level does
// not depend on what was inserted before, and a stored one can be checked.
func (o *Options) level(id uint64) int {
	// SplitMix64 (Steele, Lea and Flood, 2014), twice.
	u := mix(mix(o.Seed) ^ id)
	f := (float64(u>>11) + 1) / (1 << 53) // in (0, 1]
	return min(maxLevel, int(-math.Log(f)/math.Log(float64(o.M))))
}

func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// HNSW is an approximate index: a Hierarchical Navigable Small World graph. Make one with [New] or
// [Load]. All methods are safe for concurrent use; see [Batch] for changes.
type HNSW struct {
	o       Options
	state   atomic.Pointer[state]
	walkers sync.Pool
	walks   atomic.Uint64
	scans   atomic.Uint64

	mu    sync.RWMutex // over slots, and over slots and state being replaced together
	slots map[uint64]uint32

	writer  sync.Mutex // held by the open batch, which alone uses what is below
	seq     uint64     // number of the last batch
	free    []uint32   // slots to use again
	scratch scratch
	in      inLinks
	equal   map[uint64]uint32 // by hash of the vector; nil until the first batch, as is in
}

// New returns an empty HNSW. Options out of range give ErrInvalid.
func New(o Options) (*HNSW, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return newHNSW(o), nil
}

func newHNSW(o Options) *HNSW {
	h := &HNSW{o: o, slots: map[uint64]uint32{}}
	h.walkers.New = func() any { return new(walker) }
	h.state.Store(&state{})
	return h
}

// Len is the number of committed vectors.
func (h *HNSW) Len() int { return h.state.Load().count }

// Dim is the number of components of each vector.
func (h *HNSW) Dim() int { return h.o.Dim }

// Options returns the options in use, defaults filled in.
func (h *HNSW) Options() Options { return h.o }

// Vector returns a copy of the committed vector of id as it is compared: under Cosine it has
// length 1.
func (h *HNSW) Vector(id uint64) ([]float32, bool) {
	h.mu.RLock()
	slot, ok := h.slots[id]
	s := h.state.Load()
	h.mu.RUnlock()
	if !ok {
		return nil, false
	}
	return slices.Clone(s.vec(slot)), true
}
