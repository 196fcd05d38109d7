package transformer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/semsearch/semsearch/encoder/safetensors"
	"github.com/semsearch/semsearch/encoder/transformer"
)

// tolerance is what any coordinate of a hidden state may differ from float64; most are near 1.
const tolerance = 1e-5

// mapWeights are tensors in memory.
type mapWeights map[string]tensor

type tensor struct {
	shape []int
	data  []float32
}

func (w mapWeights) Has(name string) bool { return w[name].data != nil }

func (w mapWeights) Tensor(name string, shape ...int) ([]float32, error) {
	t, ok := w[name]
	if !ok {
		return nil, safetensors.ErrNotFound
	}
	n := 1
	for _, d := range shape {
		n *= d
	}
	if n != len(t.data) {
		return nil, safetensors.ErrShape
	}
	return t.data, nil
}

// readTensors reads the float tensors of every file that matches.
func readTensors(t *testing.T, pattern string) mapWeights {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no files: %v", pattern, err)
	}
	w := make(mapWeights)
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, n := range f.Names() {
			info, _ := f.Info(n)
			if strings.HasPrefix(info.DType, "I") {
				continue
			}
			x, err := f.Float32(n)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			n = strings.Replace(n, "LayerNorm.gamma", "LayerNorm.weight", 1)
			n = strings.Replace(n, "LayerNorm.beta", "LayerNorm.bias", 1)
			w[n] = tensor{info.Shape, x}
		}
	}
	return w
}

// fixture is one folder that make_fixtures.py wrote.
type fixture struct {
	model    *transformer.Model
	batch    transformer.Batch
	expected mapWeights
}

func readFixture(t *testing.T, dir string) fixture {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := transformer.ParseConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	w := readTensors(t, filepath.Join(dir, "model*.safetensors"))
	prefix := ""
	if w.Has("bert.embeddings.word_embeddings.weight") {
		prefix = "bert."
	}
	m, err := transformer.New(cfg, w, prefix)
	if err != nil {
		t.Fatal(err)
	}
	data, err = os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ IDs, Types [][]int32 }
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return fixture{m, pack(v.IDs, v.Types), readTensors(t, filepath.Join(dir, "expected.safetensors"))}
}

func pack(ids, types [][]int32) transformer.Batch {
	b := transformer.Batch{Starts: []int{0}}
	for i := range ids {
		b.IDs = append(b.IDs, ids[i]...)
		b.TypeIDs = append(b.TypeIDs, types[i]...)
		b.Starts = append(b.Starts, len(b.IDs))
	}
	return b
}

func forward(t testing.TB, m *transformer.Model, b transformer.Batch) []float32 {
	t.Helper()
	hidden := make([]float32, len(b.IDs)*m.Config().HiddenSize)
	if err := m.Forward(context.Background(), b, hidden); err != nil {
		t.Fatal(err)
	}
	return hidden
}

func maxDiff(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var worst float64
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if !(d <= worst) { // a NaN is the worst
			worst = d
		}
	}
	return worst
}

// TestParity holds the forward pass against PyTorch in float64.
func TestParity(t *testing.T) {
	for _, name := range []string{"mean", "concat", "qa", "last"} {
		t.Run(name, func(t *testing.T) {
			f := readFixture(t, filepath.Join("testdata", name))
			d := maxDiff(forward(t, f.model, f.batch), f.expected["hidden"].data)
			t.Logf("max |Δ| = %.2g", d)
			if !(d < tolerance) {
				t.Errorf("max |Δ| = %v, want less than %v", d, tolerance)
			}
		})
	}
}

// TestParityTypes makes sure that the fixtures would notice a model without segments.
func TestParityTypes(t *testing.T) {
	f := readFixture(t, "testdata/qa")
	f.batch.TypeIDs = nil
	if d := maxDiff(forward(t, f.model, f.batch), f.expected["hidden"].data); d < 0.1 {
		t.Errorf("without type ids max |Δ| is only %v", d)
	}
}

// TestParityMiniLM makes a checkpoint of the shape of all-MiniLM-L6-v2 and compares with PyTorch.
func TestParityMiniLM(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 45 MB of weights")
	}
	dir := t.TempDir()
	made := false
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		cmd := exec.Command(python, "testdata/make_fixtures.py", "--big", dir)
		cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "PYTHONDONTWRITEBYTECODE=1")
		out, err := cmd.CombinedOutput()
		if err == nil {
			made = true
			break
		}
		if !errors.Is(err, exec.ErrNotFound) && !errors.Is(err, fs.ErrNotExist) && !bytes.Contains(out, []byte("ModuleNotFoundError")) {
			t.Fatalf("%s: %v\n%s", python, err, out)
		}
	}
	if !made {
		t.Skip("no Python with torch")
	}
	f := readFixture(t, dir)
	d := maxDiff(forward(t, f.model, f.batch), f.expected["hidden"].data)
	t.Logf("max |Δ| = %.2g", d)
	if !(d < 1e-4) {
		t.Errorf("max |Δ| = %v, want less than 1e-4", d)
	}
}

// clone keeps a test from changing the weights of another.
func (w mapWeights) clone() mapWeights { return maps.Clone(w) }
