package db_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/semsearch/semsearch/db"
	"github.com/semsearch/semsearch/db/chunk"
)

// native is the byte order of bbolt's pages.
var native = binary.NativeEndian

func chunkOf(maxTokens int) chunk.Options { return chunk.Options{MaxTokens: maxTokens} }

func nan() float64 { return math.NaN() }

// number is the value of an environment variable that sets the size of a test, or n if it is not set.
func number(t testing.TB, name string, n int) int {
	t.Helper()
	if s := os.Getenv(name); s != "" {
		v, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return n
}

// deep is the size of a test that an environment variable makes deep, and quick otherwise.
func deep(t testing.TB, name string, quick, deep int) int {
	t.Helper()
	if number(t, name, 0) > 1000 {
		return deep
	}
	return quick
}

// within fails the test at once if fn takes too long: it hangs.
func within(t testing.TB, limit time.Duration, what string, fn func()) {
	t.Helper()
	timer := time.AfterFunc(limit, func() { panic(what + ": no end after " + limit.String()) })
	defer timer.Stop()
	fn()
}

// killDocument is the n-th document of the kill test, in its g-th version.
func killDocument(n, g int) db.Document {
	r := rand.New(rand.NewPCG(uint64(n), uint64(g)))
	var b strings.Builder
	fmt.Fprintf(&b, "Document %d in version %d.", n, g)
	for range 20 + r.IntN(300) {
		fmt.Fprintf(&b, " word%d", r.IntN(500))
		if r.IntN(12) == 0 {
			b.WriteString(".\n\n")
		}
	}
	return db.Document{ID: fmt.Sprintf("doc%04d", n), Title: fmt.Sprint("Title ", n), Text: b.String()}
}
