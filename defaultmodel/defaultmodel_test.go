package defaultmodel

import (
	"context"
	"io/fs"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/semsearch/semsearch/encoder"
	"github.com/semsearch/semsearch/internal/f32"
	"github.com/semsearch/semsearch/qa"
)

// TestEncoderRanks asks for the one sentence of a set that means what another one says in other words.
func TestEncoderRanks(t *testing.T) {
	enc, err := Encoder()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	passages := []string{
		"Rain is expected in the north tomorrow, with strong winds at the coast.",
		"The physician examined the patient and prescribed medicine for the disease.",
		"The football team won the championship after scoring in the last minute.",
		"Knead the dough, let it rise, and bake the bread in a hot oven.",
		"The car's engine failed, so the vehicle was towed to a garage.",
		"Share prices fell as investors feared higher interest rates.",
		"The spacecraft entered orbit around the planet and photographed its moons.",
		"The violinist and the orchestra performed a symphony by Beethoven.",
	}
	vecs, err := enc.EncodePassages(ctx, passages)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	queries := []string{"weather forecast", "doctor treating an illness", "sports match victory", "recipe for a loaf",
		"broken automobile", "stock market losses", "telescope and space exploration", "classical music concert"}
	for want, q := range queries {
		v, err := enc.EncodeQuery(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		if n := f32.Norm(v); len(v) != enc.Dim() || math.Abs(float64(n)-1) > 1e-5 {
			t.Fatalf("%q: %d numbers of norm %v", q, len(v), n)
		}
		best := 0
		for i := range vecs {
			if f32.Dot(v, vecs[i]) > f32.Dot(v, vecs[best]) {
				best = i
			}
		}
		if best == want {
			right++
		} else {
			t.Logf("%q: %q", q, passages[best])
		}
	}
	if right < 6 {
		t.Errorf("%d of %d ranked first", right, len(queries))
	}
}

func TestReaderReads(t *testing.T) {
	rd, err := Reader()
	if err != nil {
		t.Fatal(err)
	}
	const passage = "Marie Curie was born in Warsaw in 1867. In 1903 she shared the Nobel Prize in Physics with Henri Becquerel."
	right := 0
	questions := [][2]string{
		{"Where was Marie Curie born?", "Warsaw"},
		{"When was Marie Curie born?", "1867"},
		{"Who shared the Nobel Prize in Physics with Marie Curie?", "Becquerel"},
		{"What prize did she share in 1903?", "Nobel Prize"},
	}
	for _, q := range questions {
		r, err := rd.Read(context.Background(), q[0], []string{passage}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(r[0].Spans) > 0 && strings.Contains(r[0].Spans[0].Text, q[1]) {
			right++
		} else {
			t.Logf("%q: %+v", q[0], r[0].Spans)
		}
	}
	if right < 2 {
		t.Errorf("%d of %d answers right", right, len(questions))
	}
}

// TestCalibrated: the calibration beside the reader was fitted to these weights. With other weights it is fitted
// again: docs/design/0009-answers.md has the command.
func TestCalibrated(t *testing.T) {
	rd, err := Reader()
	if err != nil {
		t.Fatal(err)
	}
	c := rd.Calibration()
	if c == nil {
		t.Fatal("reader/calibration.json was fitted to another reader")
	}
	if c.Fitted.Answerable < 300 || c.Fitted.Unanswerable < 300 || c.Fitted.Declined < 0.6 || c.Fitted.Lost > 0.1 {
		t.Errorf("fitted to %+v", c.Fitted)
	}
}

// TestShared: everyone gets the same models, also when asking at once.
func TestShared(t *testing.T) {
	var wg sync.WaitGroup
	encs, rds := make([]*encoder.Encoder, 8), make([]*qa.Reader, 8)
	for i := range encs {
		wg.Go(func() {
			encs[i], _ = Encoder()
			rds[i], _ = Reader()
		})
	}
	wg.Wait()
	for i := range encs {
		if encs[i] == nil || encs[i] != encs[0] || rds[i] == nil || rds[i] != rds[0] {
			t.Fatalf("caller %d got %p, %p", i, encs[i], rds[i])
		}
	}
}

// TestSize keeps the embedded files small: everyone who imports the package carries them.
func TestSize(t *testing.T) {
	var total int64
	err := fs.WalkDir(files, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total < 1<<20 || total > 40<<20 {
		t.Errorf("%d bytes embedded, want some and at most 40 MiB", total)
	}
}

func BenchmarkLoadEncoder(b *testing.B) {
	for b.Loop() {
		ck, err := open("encoder", EncoderName)
		if err != nil {
			b.Fatal(err)
		}
		enc, err := encoder.New(ck, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := enc.EncodeQuery(context.Background(), "to the first embedding"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadReader(b *testing.B) {
	for b.Loop() {
		if _, err := open("reader", ReaderName); err != nil {
			b.Fatal(err)
		}
	}
}
