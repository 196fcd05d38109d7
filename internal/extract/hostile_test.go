package extract_test

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/semsearch/semsearch/internal/extract"
	"github.com/semsearch/semsearch/internal/extract/extracttest"
)

// What a hostile file may take. A machine that is busy with other things is slow.
const (
	hostileTime   = 30 * time.Second
	hostileMemory = 1 << 30
)

// sentinels are all that can be wrong with a file.
var sentinels = []error{
	extract.ErrEmpty, extract.ErrBinary, extract.ErrEncoding, extract.ErrInvalidUTF8, extract.ErrDamaged, extract.ErrEncrypted,
	extract.ErrTooLarge, extract.ErrTimeout, extract.ErrExpands, extract.ErrDepth,
}

// No file takes the process down, hangs it or fills its memory, and whatever is wrong has a reason that
// callers can tell.
func TestHostile(t *testing.T) {
	files := extracttest.Hostile()
	if len(files) < 50 {
		t.Fatalf("only %d files", len(files))
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			items, failed := 0, 0
			o := &extract.Options{Program: program(t), MaxUnpacked: 64 << 20, MaxEntries: 20_000, Timeout: 2 * time.Second}
			err := extract.Documents(context.Background(), write(t, name, string(files[name])), o, func(it extract.Item) error {
				items++
				if it.Err != nil {
					failed++
					if !slices.ContainsFunc(sentinels, func(s error) bool { return errors.Is(it.Err, s) }) {
						t.Errorf("%s: an error of no kind: %v", it.Member, it.Err)
					}
					if len(it.Err.Error()) > 1000 {
						t.Errorf("%s: an error of %d bytes", it.Member, len(it.Err.Error()))
					}
				}
				if len(it.Member) > 4096 {
					t.Errorf("a name of %d bytes", len(it.Member))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			took := time.Since(start)
			t.Logf("%d items, %d errors in %v, %d MiB", items, failed, took.Round(time.Millisecond), (after.Sys-before.Sys)>>20)
			if took > hostileTime {
				t.Errorf("%v", took)
			}
			if after.Sys-before.Sys > hostileMemory {
				t.Errorf("%d MiB more memory", (after.Sys-before.Sys)>>20)
			}
		})
	}
}
