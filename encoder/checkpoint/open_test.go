package checkpoint_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/semsearch/semsearch/encoder/checkpoint"
	"github.com/semsearch/semsearch/encoder/safetensors"
	"github.com/semsearch/semsearch/encoder/transformer"
)

const fixtures = "../transformer/testdata"

// load reads a fixture into memory, where tests may change it.
func load(t testing.TB, name string) fstest.MapFS {
	t.Helper()
	m := make(fstest.MapFS)
	root := os.DirFS(filepath.Join(fixtures, name))
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, "expected") {
			return err
		}
		data, err := fs.ReadFile(root, path)
		m[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil || len(m) < 4 {
		t.Fatalf("%s: %d files, %v", name, len(m), err)
	}
	return m
}

// edit sets keys of a JSON file; a nil value deletes the key.
func edit(t testing.TB, m fstest.MapFS, file string, set map[string]any) {
	t.Helper()
	v := make(map[string]any)
	if f := m[file]; f != nil {
		if err := json.Unmarshal(f.Data, &v); err != nil {
			t.Fatal(err)
		}
	}
	maps.Copy(v, set)
	maps.DeleteFunc(v, func(_ string, x any) bool { return x == nil })
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	m[file] = &fstest.MapFile{Data: data}
}

func TestOpen(t *testing.T) {
	for _, tc := range []struct {
		name, arch   string
		pooling      checkpoint.PoolingMode
		sentence     bool
		normalize    bool
		exclude      bool
		max          int
		query, other string
		fingerprint  string
	}{
		{"mean", "BertModel", "mean", true, true, false, 16, "", "", "bert-32-"},
		{"concat", "BertForMaskedLM", "cls+max+mean+weightedmean", true, false, false, 40, "query: ", "passage: ", "bert-192-"},
		{"qa", "BertForQuestionAnswering", "mean", false, false, false, 40, "", "", "bert-32-"},
		{"last", "BertModel", "mean_sqrt_len_tokens+lasttoken+weightedmean+max", true, true, true, 40, "search: ", "search: ", "bert-96-"},
	} {
		dir := filepath.Join(fixtures, tc.name)
		c, err := checkpoint.Open(dir)
		if err != nil {
			t.Error(err)
			continue
		}
		if c.Name != tc.name || c.Architecture != tc.arch || c.Pooling != tc.pooling || c.SentenceEncoder != tc.sentence ||
			c.Normalize != tc.normalize || c.ExcludePrompt != tc.exclude || c.MaxTokens != tc.max || c.LowerCase {
			t.Errorf("%s opens as %+v", tc.name, c)
		}
		if c.QueryPrompt() != tc.query || c.PassagePrompt() != tc.other {
			t.Errorf("%s: prompts %q, %q", tc.name, c.QueryPrompt(), c.PassagePrompt())
		}
		if c.Model.Config() != c.Config {
			t.Errorf("%s: the model has %+v", tc.name, c.Model.Config())
		}
		if id, ok := c.Tokenizer.TokenID("[SEP]"); !ok || id != 3 {
			t.Errorf("%s: [SEP] is %d", tc.name, id)
		}
		if !strings.HasPrefix(c.Fingerprint(), tc.fingerprint) {
			t.Errorf("%s: fingerprint %s", tc.name, c.Fingerprint())
		}
		mem, err := checkpoint.OpenFS(load(t, tc.name), "embedded")
		if err != nil {
			t.Error(err)
			continue
		}
		if mem.Name != "embedded" || mem.Fingerprint() != c.Fingerprint() {
			t.Errorf("%s in memory: %s, %s, want %s", tc.name, mem.Name, mem.Fingerprint(), c.Fingerprint())
		}
		if _, err := checkpoint.OpenFS(plainFS{load(t, tc.name)}, "plain"); err != nil {
			t.Errorf("without random access: %v", err)
		}
	}
}

// plainFS hides every method of a file but those of fs.File.
type plainFS struct{ fs.FS }

func (p plainFS) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	return struct{ fs.File }{f}, err
}

// TestOpenVariants changes a folder in ways that must not matter, or that other versions wrote.
func TestOpenVariants(t *testing.T) {
	type m = map[string]any
	for name, tc := range map[string]struct {
		fixture string
		change  func(t *testing.T, f fstest.MapFS)
		check   func(c *checkpoint.Checkpoint) bool
	}{
		"head architectures": {"mean", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, "config.json", m{"architectures": []string{"BertForSequenceClassification"}})
		}, func(c *checkpoint.Checkpoint) bool { return c.Architecture == "BertForSequenceClassification" }},
		"token classification": {"mean", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, "config.json", m{"architectures": []string{"BertForTokenClassification"}})
		}, nil},
		"no model_type": {"mean", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, "config.json", m{"model_type": nil})
		}, nil},
		"no modules": {"concat", func(t *testing.T, f fstest.MapFS) { delete(f, "modules.json") },
			func(c *checkpoint.Checkpoint) bool { return !c.SentenceEncoder && c.Pooling == checkpoint.PoolMean }},
		"folder of the transformer": {"mean", func(t *testing.T, f fstest.MapFS) {
			for _, n := range []string{"config.json", "tokenizer.json", "model.safetensors", "sentence_bert_config.json"} {
				f["0_Transformer/"+n] = f[n]
				delete(f, n)
			}
			f["modules.json"] = &fstest.MapFile{Data: []byte(`[{"path":"0_Transformer","type":"sentence_transformers.models.Transformer"},
				{"path":"1_Pooling","type":"sentence_transformers.models.Pooling"}]`)}
		}, func(c *checkpoint.Checkpoint) bool { return c.MaxTokens == 16 && !c.Normalize }},
		"class names of version 5": {"mean", func(t *testing.T, f fstest.MapFS) {
			f["modules.json"] = &fstest.MapFile{Data: []byte(`[{"path":"","type":"sentence_transformers.base.modules.transformer.Transformer"},
				{"path":"1_Pooling","type":"sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
				{"path":"2_Normalize","type":"sentence_transformers.sentence_transformer.modules.normalize.Normalize"}]`)}
		}, func(c *checkpoint.Checkpoint) bool { return c.Normalize }},
		"pooling by name": {"mean", func(t *testing.T, f fstest.MapFS) {
			f["1_Pooling/config.json"] = &fstest.MapFile{Data: []byte(`{"pooling_mode":"lasttoken"}`)}
		}, func(c *checkpoint.Checkpoint) bool { return c.Pooling == checkpoint.PoolLastToken }},
		"pooling unsaid": {"mean", func(t *testing.T, f fstest.MapFS) {
			f["1_Pooling/config.json"] = &fstest.MapFile{Data: []byte(`{"word_embedding_dimension":32}`)}
		}, func(c *checkpoint.Checkpoint) bool { return c.Pooling == checkpoint.PoolMean }},
		"lower case": {"mean", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, "sentence_bert_config.json", m{"do_lower_case": true})
		}, func(c *checkpoint.Checkpoint) bool { return c.LowerCase }},
		"limit above the positions": {"mean", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, "sentence_bert_config.json", m{"max_seq_length": 512})
		}, func(c *checkpoint.Checkpoint) bool { return c.MaxTokens == 40 }},
		"limit of the tokenizer": {"mean", func(t *testing.T, f fstest.MapFS) {
			delete(f, "sentence_bert_config.json")
			edit(t, f, "tokenizer_config.json", m{"model_max_length": 20})
		}, func(c *checkpoint.Checkpoint) bool { return c.MaxTokens == 20 }},
		"limit of both": {"mean", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, "tokenizer_config.json", m{"model_max_length": 10})
		}, func(c *checkpoint.Checkpoint) bool { return c.MaxTokens == 16 }},
		"prompt of documents": {"mean", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, "config_sentence_transformers.json", m{"prompts": m{"document": "d", "passage": "p", "x": "x"}, "default_prompt_name": "x"})
		}, func(c *checkpoint.Checkpoint) bool {
			return c.QueryPrompt() == "x" && c.PassagePrompt() == "d" && c.DefaultPrompt == "x"
		}},
		"cased vocabulary": {"concat", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, "tokenizer_config.json", m{"do_lower_case": false, "unk_token": m{"content": "[UNK]", "lstrip": false}, "mask_token": "[MASK]"})
		}, func(c *checkpoint.Checkpoint) bool { return c.Tokenizer.Tokens("Green")[0].ID == 1 }},
		"no tokenizer_config": {"concat", func(t *testing.T, f fstest.MapFS) { delete(f, "tokenizer_config.json") },
			func(c *checkpoint.Checkpoint) bool { return c.Tokenizer.Tokens("Green")[0].ID != 1 }},
	} {
		f := load(t, tc.fixture)
		tc.change(t, f)
		c, err := checkpoint.OpenFS(f, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if tc.check != nil && !tc.check(c) {
			t.Errorf("%s: opens as %+v", name, c)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	type m = map[string]any
	put := func(file, text string) func(*testing.T, fstest.MapFS) {
		return func(_ *testing.T, f fstest.MapFS) { f[file] = &fstest.MapFile{Data: []byte(text)} }
	}
	set := func(file string, v m) func(*testing.T, fstest.MapFS) {
		return func(t *testing.T, f fstest.MapFS) { edit(t, f, file, v) }
	}
	remove := func(file string) func(*testing.T, fstest.MapFS) {
		return func(_ *testing.T, f fstest.MapFS) { delete(f, file) }
	}
	for _, tc := range []struct {
		name    string
		fixture string
		change  func(*testing.T, fstest.MapFS)
		want    error
		text    string
	}{
		{"roberta", "mean", set("config.json", m{"architectures": []string{"RobertaModel"}, "model_type": "roberta"}), checkpoint.ErrUnsupported, "RobertaModel"},
		{"modernbert", "mean", set("config.json", m{"architectures": nil, "model_type": "modernbert"}), checkpoint.ErrUnsupported, "modernbert"},
		{"type against architecture", "mean", set("config.json", m{"model_type": "roberta"}), checkpoint.ErrUnsupported, "roberta"},
		{"no architecture", "mean", set("config.json", m{"architectures": nil, "model_type": nil}), checkpoint.ErrUnsupported, "neither"},
		{"generation", "mean", set("config.json", m{"architectures": []string{"BertLMHeadModel"}}), checkpoint.ErrUnsupported, "BertLMHeadModel"},
		{"relative positions", "mean", set("config.json", m{"position_embedding_type": "relative_key"}), checkpoint.ErrUnsupported, "relative_key"},
		{"decoder", "mean", set("config.json", m{"is_decoder": true}), transformer.ErrUnsupported, "is_decoder"},
		{"activation", "mean", set("config.json", m{"hidden_act": "quick_gelu"}), checkpoint.ErrUnsupported, "quick_gelu"},
		{"heads", "mean", set("config.json", m{"num_attention_heads": 5}), checkpoint.ErrFormat, "num_attention_heads"},
		{"config no JSON", "mean", put("config.json", `{"hidden_size":`), checkpoint.ErrFormat, "x/config.json"},
		{"config null", "mean", put("config.json", `null`), checkpoint.ErrUnsupported, "neither"},
		{"config of strings", "mean", set("config.json", m{"hidden_size": "32"}), checkpoint.ErrFormat, "hidden_size"},
		{"no config", "mean", remove("config.json"), fs.ErrNotExist, "x/config.json"},

		{"dense module", "mean", put("modules.json", `[{"path":"","type":"sentence_transformers.models.Transformer"},{"path":"1_Pooling","type":"sentence_transformers.models.Pooling"},{"path":"2_Dense","type":"sentence_transformers.models.Dense"}]`), checkpoint.ErrUnsupported, "sentence_transformers.models.Dense"},
		{"foreign module", "mean", put("modules.json", `[{"path":"","type":"custom_st.Transformer"}]`), checkpoint.ErrUnsupported, "custom_st.Transformer"},
		{"order of modules", "mean", put("modules.json", `[{"path":"1_Pooling","type":"sentence_transformers.models.Pooling"},{"path":"","type":"sentence_transformers.models.Transformer"}]`), checkpoint.ErrUnsupported, "Pooling, Transformer"},
		{"no modules", "mean", put("modules.json", `[]`), checkpoint.ErrUnsupported, "x/modules.json"},
		{"module outside", "mean", put("modules.json", `[{"path":"../y","type":"sentence_transformers.models.Transformer"}]`), checkpoint.ErrFormat, "leaves the folder"},
		{"no pooling file", "mean", remove("1_Pooling/config.json"), fs.ErrNotExist, "x/1_Pooling/config.json"},
		{"pooling flag", "mean", set("1_Pooling/config.json", m{"pooling_mode_attention": true}), checkpoint.ErrUnsupported, "pooling_mode_attention"},
		{"pooling name", "mean", put("1_Pooling/config.json", `{"pooling_mode":"middle"}`), checkpoint.ErrUnsupported, "middle"},
		{"pooling of nothing", "mean", put("1_Pooling/config.json", `{"pooling_mode":[]}`), checkpoint.ErrFormat, "empty"},
		{"pooling size", "mean", set("1_Pooling/config.json", m{"word_embedding_dimension": 64}), checkpoint.ErrFormat, "64"},
		{"pooling no JSON", "mean", put("1_Pooling/config.json", `[`), checkpoint.ErrFormat, "1_Pooling"},
		{"limit", "mean", set("sentence_bert_config.json", m{"max_seq_length": 0}), checkpoint.ErrFormat, "max_seq_length"},
		{"task", "mean", set("sentence_bert_config.json", m{"transformer_task": "fill-mask"}), checkpoint.ErrUnsupported, "fill-mask"},
		{"default prompt", "last", set("config_sentence_transformers.json", m{"default_prompt_name": "other"}), checkpoint.ErrFormat, "other"},
		{"prompts", "last", set("config_sentence_transformers.json", m{"prompts": []int{1}}), checkpoint.ErrFormat, "config_sentence_transformers.json"},

		{"no tokenizer", "mean", remove("tokenizer.json"), fs.ErrNotExist, "vocab.txt"},
		{"tokenizer no JSON", "mean", put("tokenizer.json", `{`), checkpoint.ErrFormat, "tokenizer.json"},
		{"tokenizer component", "mean", set("tokenizer.json", m{"normalizer": m{"type": "Nonsense"}}), checkpoint.ErrUnsupported, "Nonsense"},
		{"tokenizer class", "concat", set("tokenizer_config.json", m{"tokenizer_class": "MPNetTokenizer"}), checkpoint.ErrUnsupported, "MPNetTokenizer"},
		{"basic tokenizing", "concat", set("tokenizer_config.json", m{"do_basic_tokenize": false}), checkpoint.ErrUnsupported, "do_basic_tokenize"},
		{"vocabulary larger than the model", "concat", func(t *testing.T, f fstest.MapFS) {
			f["vocab.txt"] = &fstest.MapFile{Data: append(bytes.Clone(f["vocab.txt"].Data), "more\n"...)}
		}, checkpoint.ErrFormat, "vocab_size"},

		{"no weights", "mean", remove("model.safetensors"), fs.ErrNotExist, "x/model.safetensors"},
		{"PyTorch weights", "mean", func(t *testing.T, f fstest.MapFS) {
			f["pytorch_model.bin"] = f["model.safetensors"]
			delete(f, "model.safetensors")
		}, checkpoint.ErrUnsupported, "pytorch_model.bin"},
		{"truncated weights", "mean", func(t *testing.T, f fstest.MapFS) {
			f["model.safetensors"].Data = f["model.safetensors"].Data[:50000]
		}, safetensors.ErrFormat, "x/model.safetensors"},
		{"more layers", "mean", set("config.json", m{"num_hidden_layers": 3}), safetensors.ErrNotFound, "encoder.layer.2.attention.self.query.weight"},
		{"wider", "mean", set("config.json", m{"intermediate_size": 65}), safetensors.ErrShape, "x/model.safetensors: invalid checkpoint: encoder.layer.0.intermediate.dense.weight: wrong tensor shape: [64 32], want [65 32]"},
		{"more words", "mean", set("config.json", m{"vocab_size": 1000}), checkpoint.ErrFormat, "word_embeddings"},
		{"index no JSON", "qa", put("model.safetensors.index.json", `{`), checkpoint.ErrFormat, "index.json"},
		{"index of nothing", "qa", put("model.safetensors.index.json", `{}`), safetensors.ErrNotFound, "x/model.safetensors.index.json: invalid checkpoint: embeddings.word_embeddings.weight"},
		{"shard outside", "qa", put("model.safetensors.index.json", `{"weight_map":{"a":"../model.safetensors"}}`), checkpoint.ErrFormat, "leaves the folder"},
		{"shard at the root", "qa", put("model.safetensors.index.json", `{"weight_map":{"a":"/etc/passwd"}}`), checkpoint.ErrFormat, "leaves the folder"},
		{"shard outside on Windows", "qa", put("model.safetensors.index.json", `{"weight_map":{"a":"..\\model.safetensors"}}`), checkpoint.ErrFormat, "leaves the folder"},
		{"shard is the folder", "qa", put("model.safetensors.index.json", `{"weight_map":{"a":"."}}`), nil, "x: "},
		{"shard missing", "qa", remove("model-00002-of-00003.safetensors"), fs.ErrNotExist, "x/model-00002-of-00003.safetensors"},
		{"tensor in another shard", "qa", put("model.safetensors.index.json", `{"weight_map":{"nothing":"model-00001-of-00003.safetensors"}}`), checkpoint.ErrFormat, "nothing is not in model-00001"},
	} {
		f := load(t, tc.fixture)
		tc.change(t, f)
		c, err := checkpoint.OpenFS(f, "x")
		if err == nil || c != nil {
			t.Errorf("%s: opens", tc.name)
			continue
		}
		if tc.want != nil && !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %v\nwant %v with %q", tc.name, err, tc.want, tc.text)
		}
		if !strings.HasPrefix(err.Error(), "x") {
			t.Errorf("%s: the checkpoint is not named: %v", tc.name, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "nowhere")
	if _, err := checkpoint.Open(missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing folder: %v", err)
	}
	if _, err := checkpoint.Open(filepath.Join(fixtures, "mean", "config.json")); !errors.Is(err, checkpoint.ErrFormat) {
		t.Errorf("a file: %v", err)
	}
}

// TestHubName opens a snapshot as the cache of the Hugging Face hub holds it.
func TestHubName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "models--some--model-v2", "snapshots", "0123abcd")
	if err := os.CopyFS(dir, load(t, "mean")); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "some/model-v2" {
		t.Errorf("name %q", c.Name)
	}
}

func TestFingerprint(t *testing.T) {
	type m = map[string]any
	print := func(f fstest.MapFS) string {
		t.Helper()
		c, err := checkpoint.OpenFS(f, "x")
		if err != nil {
			t.Fatal(err)
		}
		return c.Fingerprint()
	}
	// A change of these would make every database ask to be filled again.
	for name, want := range map[string]string{
		"mean": "bert-32-02e21cba5840155e", "concat": "bert-192-b2dbc97b8053242d",
		"qa": "bert-32-39f42996780e2bb8", "last": "bert-96-e083e731b3473bfb",
	} {
		if got := print(load(t, name)); got != want {
			t.Errorf("fingerprint of %s is %s, was %s in the first release", name, got, want)
		}
	}
	seen := map[string]string{print(load(t, "concat")): "the original"}
	for name, change := range map[string]func(f fstest.MapFS){
		"a bit of a weight": func(f fstest.MapFS) {
			d := f["model.safetensors"].Data
			d[len(d)-2000] ^= 1
		},
		"a tensor's name": func(f fstest.MapFS) {
			d := f["model.safetensors"].Data
			copy(d[bytes.Index(d, []byte("cls.predictions.bias")):], "cls.predictions.bios")
		},
		"activation": func(f fstest.MapFS) { edit(t, f, "config.json", m{"hidden_act": "gelu"}) },
		"epsilon":    func(f fstest.MapFS) { edit(t, f, "config.json", m{"layer_norm_eps": 1e-6}) },
		"pooling":    func(f fstest.MapFS) { edit(t, f, "1_Pooling/config.json", m{"pooling_mode_max_tokens": false}) },
		"limit":      func(f fstest.MapFS) { edit(t, f, "sentence_bert_config.json", m{"max_seq_length": 39}) },
		"lower case": func(f fstest.MapFS) { edit(t, f, "sentence_bert_config.json", m{"do_lower_case": true}) },
		"prompt": func(f fstest.MapFS) {
			edit(t, f, "config_sentence_transformers.json", m{"prompts": m{"query": "query:", "passage": "passage: "}})
		},
		"vocabulary":     func(f fstest.MapFS) { d := f["vocab.txt"].Data; copy(d[len(d)-4:], "t\nq\n") },
		"tokenizer case": func(f fstest.MapFS) { edit(t, f, "tokenizer_config.json", m{"do_lower_case": false}) },
		"include prompt": func(f fstest.MapFS) { edit(t, f, "1_Pooling/config.json", m{"include_prompt": false}) },
	} {
		f := load(t, "concat")
		change(f)
		got := print(f)
		if before, ok := seen[got]; ok {
			t.Errorf("%s: the fingerprint is that of %s", name, before)
		}
		seen[got] = name
	}

	// What does not change a vector does not change the fingerprint.
	want := print(load(t, "qa"))
	f := load(t, "qa")
	edit(t, f, "config.json", m{"hidden_dropout_prob": 0.5, "transformers_version": "9"})
	join(t, f)
	if got := print(f); got != want {
		t.Errorf("in one file %s, in shards %s", got, want)
	}
}

// join makes one file of shards.
func join(t *testing.T, f fstest.MapFS) {
	t.Helper()
	var all []safetensors.Tensor
	for name, file := range f {
		if !strings.HasSuffix(name, ".safetensors") {
			continue
		}
		st, err := safetensors.Open(bytes.NewReader(file.Data), int64(len(file.Data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range st.Names() {
			info, _ := st.Info(n)
			x, err := st.Float32(n)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, safetensors.Tensor{Name: n, DType: info.DType, Shape: info.Shape, Data: x})
		}
		delete(f, name)
	}
	var buf bytes.Buffer
	if err := safetensors.Write(&buf, all, nil); err != nil {
		t.Fatal(err)
	}
	delete(f, "model.safetensors.index.json")
	f["model.safetensors"] = &fstest.MapFile{Data: buf.Bytes()}
}

// TestReader runs the question answering head and compares its logits with PyTorch.
func TestReader(t *testing.T) {
	c, err := checkpoint.Open(filepath.Join(fixtures, "qa"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Pairs [][2]string }
	data, err := os.ReadFile(filepath.Join(fixtures, "qa", "expected.json"))
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	b := transformer.Batch{Starts: []int{0}}
	for _, p := range v.Pairs {
		enc := c.Tokenizer.BuildPair(c.Tokenizer.Tokens(p[0]), c.Tokenizer.Tokens(p[1]))
		b.IDs, b.TypeIDs = append(b.IDs, enc.IDs...), append(b.TypeIDs, enc.TypeIDs...)
		b.Starts = append(b.Starts, len(b.IDs))
	}
	hidden := make([]float32, len(b.IDs)*c.Config.HiddenSize)
	if err := c.Model.Forward(context.Background(), b, hidden); err != nil {
		t.Fatal(err)
	}
	head, err := c.Linear("qa_outputs", 2, c.Config.HiddenSize)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, len(b.IDs)*2)
	head.Apply(got, hidden, len(b.IDs))

	data, err = os.ReadFile(filepath.Join(fixtures, "qa", "expected.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	want, err := f.Float32("logits", len(b.IDs), 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, y := range want {
		if d := math.Abs(float64(got[i]) - float64(y)); !(d < 1e-5) {
			t.Errorf("logit %d is %v, want %v", i, got[i], y)
		}
	}

	for _, tc := range []struct {
		name string
		out  int
		want error
		text string
	}{
		{"classifier", 2, safetensors.ErrNotFound, "classifier.weight"},
		{"qa_outputs", 3, safetensors.ErrShape, "qa_outputs.weight"},
		{"bert.encoder.layer.0.output.dense", 32, safetensors.ErrNotFound, "output.dense"},
	} {
		if _, err := c.Linear(tc.name, tc.out, 32); !errors.Is(err, tc.want) || !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %v, want %v with %q", tc.name, err, tc.want, tc.text)
		}
	}
	raw := c.Raw()
	var threshold float64
	if err := json.Unmarshal(raw["semsearch_null_threshold"], &threshold); err != nil || threshold != 0.5 {
		t.Errorf("null threshold %v, %v", threshold, err)
	}
	raw["semsearch_null_threshold"][0] = 'x'
	if string(c.Raw()["semsearch_null_threshold"]) != "0.5" {
		t.Error("Raw hands out its own memory")
	}
}

// FuzzOpen changes the JSON files of a checkpoint: whatever they say, it opens or is an error.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"mean", "concat", "last"} {
		m := load(f, name)
		data := func(file string) []byte {
			if m[file] == nil {
				return nil
			}
			return m[file].Data
		}
		f.Add(data("config.json"), data("modules.json"), data("1_Pooling/config.json"), data("sentence_bert_config.json"),
			data("config_sentence_transformers.json"))
	}
	base := load(f, "mean")
	f.Fuzz(func(t *testing.T, config, modules, pooling, length, prompts []byte) {
		m := maps.Clone(base)
		for name, data := range map[string][]byte{
			"config.json": config, "modules.json": modules, "1_Pooling/config.json": pooling,
			"sentence_bert_config.json": length, "config_sentence_transformers.json": prompts,
		} {
			m[name] = &fstest.MapFile{Data: data}
		}
		c, err := checkpoint.OpenFS(m, "x")
		if err != nil {
			if !errors.Is(err, checkpoint.ErrFormat) && !errors.Is(err, checkpoint.ErrUnsupported) && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			return
		}
		if c.MaxTokens < 1 || c.MaxTokens > c.Config.MaxPositionEmbeddings || len(c.Pooling.Modes()) < 1 {
			t.Fatalf("%+v", c)
		}
	})
}
