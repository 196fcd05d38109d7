package checkpoint_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/semsearch/semsearch/encoder/checkpoint"
)

// TestOlderTokenizers opens checkpoints that have no tokenizer.json.
func TestOlderTokenizers(t *testing.T) {
	f := load(t, "concat")
	delete(f, "vocab.txt")
	delete(f, "tokenizer_config.json")
	vocab := []byte(`{"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "t": 4, "e": 5, "a": 6, "Ġ": 7, "te": 8, "tea": 9, "<mask>": 10}`)
	merges := []byte("#version: 0.2\nt e\nte a\n")
	spm := func(n int) []byte { // n pieces, most of them one letter
		var b []byte
		for i := range n {
			s := []string{"<unk>", "<s>", "</s>", "▁tea"}[min(i, 3)]
			if i > 3 {
				s = string(rune('a' + i - 4))
			}
			b = append(b, 0x0a, byte(len(s)+2), 0x0a, byte(len(s)))
			b = append(b, s...)
		}
		return b
	}
	prints := map[string]string{}
	for name, files := range map[string]map[string][]byte{
		"merges":         {"vocab.json": vocab, "merges.txt": merges},
		"merges, prefix": {"vocab.json": vocab, "merges.txt": merges, "tokenizer_config.json": []byte(`{"tokenizer_class": "RobertaTokenizerFast", "add_prefix_space": true}`)},
		"xlm-r":          {"sentencepiece.bpe.model": spm(9)},
		"t5":             {"spiece.model": spm(9), "tokenizer_config.json": []byte(`{"tokenizer_class": "T5Tokenizer", "extra_ids": 2}`)},
		"t5, three":      {"spiece.model": spm(9), "tokenizer_config.json": []byte(`{"tokenizer_class": "T5Tokenizer", "extra_ids": 3}`)},
	} {
		g := make(fstest.MapFS)
		for k, v := range f {
			g[k] = v
		}
		for k, v := range files {
			g[k] = &fstest.MapFile{Data: v}
		}
		c, err := checkpoint.OpenFS(g, "x")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n := len(c.Tokenizer.Tokens("tea")); n == 0 {
			t.Errorf("%s: no tokens", name)
		}
		for other, p := range prints {
			if p == c.Fingerprint() {
				t.Errorf("%s and %s have one fingerprint", name, other)
			}
		}
		prints[name] = c.Fingerprint()
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  error
		says  string
	}{
		{"none", nil, fs.ErrNotExist, "vocab.json"},
		{"no merges", map[string]string{"vocab.json": string(vocab)}, fs.ErrNotExist, "merges.txt"},
		{"broken merges", map[string]string{"vocab.json": string(vocab), "merges.txt": "a"}, checkpoint.ErrFormat, "vocab.json"},
		{"class", map[string]string{"vocab.json": string(vocab), "merges.txt": "", "tokenizer_config.json": `{"tokenizer_class": "CLIPTokenizer"}`}, checkpoint.ErrUnsupported, "CLIPTokenizer"},
		{"broken model", map[string]string{"spm.model": "x"}, checkpoint.ErrFormat, "spm.model"},
		{"model class", map[string]string{"spiece.model": string(spm(4)), "tokenizer_config.json": `{"tokenizer_class": "XLNetTokenizer"}`}, checkpoint.ErrUnsupported, "XLNetTokenizer"},
		{"lower case", map[string]string{"spiece.model": string(spm(4)), "tokenizer_config.json": `{"tokenizer_class": "T5Tokenizer", "do_lower_case": true}`}, checkpoint.ErrUnsupported, "do_lower_case"},
	} {
		g := make(fstest.MapFS)
		for k, v := range f {
			g[k] = v
		}
		for k, v := range c.files {
			g[k] = &fstest.MapFile{Data: []byte(v)}
		}
		if _, err := checkpoint.OpenFS(g, "x"); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want %v with %s", c.name, err, c.want, c.says)
		}
	}
}
