package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// repoLock is the lock that is held while a model is pulled or removed. Those of single blobs are
// beside it, and are what other tools take too.
const repoLock = "semsearch"

// errHeld is returned by tryLock for a lock that another process holds.
var errHeld = errors.New("lock is held")

// lock takes a lock of a model and returns what lets it go. It waits until it can, or ctx ends. The
// lock ends with the process, however that ends.
func (c Cache) lock(ctx context.Context, r Ref, name string) (unlock func(), err error) {
	dir := filepath.Join(c.Dir, ".locks", r.folder())
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err := tryLock(f)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, errHeld) {
			f.Close()
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
