package transformer

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// barrier makes the members of a team wait for each other. Steps of a forward pass are short, so a
// member first looks again and again, and sleeps when that takes long.
type barrier struct {
	mu      sync.Mutex
	cond    sync.Cond
	members int
	arrived int
	phase   atomic.Uint32
}

// spins is how often a member looks before it sleeps: some tens of microseconds.
const spins = 20000

func (b *barrier) reset(members int) {
	b.cond.L = &b.mu
	b.members, b.arrived = members, 0
}

// wait returns when all members have called it.
func (b *barrier) wait() {
	if b.members == 1 {
		return
	}
	b.mu.Lock()
	phase := b.phase.Load()
	if b.arrived++; b.arrived == b.members {
		b.arrived = 0
		b.phase.Add(1)
		b.mu.Unlock()
		b.cond.Broadcast()
		return
	}
	b.mu.Unlock()
	for i := range spins {
		if b.phase.Load() != phase {
			return
		}
		if i%1000 == 999 {
			runtime.Gosched()
		}
	}
	b.mu.Lock()
	for b.phase.Load() == phase {
		b.cond.Wait()
	}
	b.mu.Unlock()
}
