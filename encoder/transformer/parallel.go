package transformer

import (
	"context"
	"sync"
	"sync/atomic"
)

// each calls f once for every i below n, on as many goroutines as there are workers, and waits for
// all of them. No two calls share a worker at the same time. When ctx is done, no further call is
// begun and its error is returned.
func each(ctx context.Context, workers []scratch, n int, f func(w *scratch, i int)) error {
	workers = workers[:min(n, len(workers))]
	var next atomic.Int64
	run := func(w *scratch) {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			f(w, i)
		}
	}
	if len(workers) > 1 {
		var wg sync.WaitGroup
		for i := range workers[1:] {
			wg.Go(func() { run(&workers[i+1]) })
		}
		run(&workers[0])
		wg.Wait()
	} else if n > 0 {
		run(&workers[0])
	}
	return ctx.Err()
}
