package tokenizer

import (
	"strings"
	"testing"
)

// benchTexts are about 8 KB each.
var benchTexts = map[string]string{
	"english": fill("Green tea is steeped below boiling; black tea isn't. She said, \"It's 5 o'clock - let's go!\" and left the house. " +
		"The machine learning reader scored each passage by its distance to the question. "),
	"accents": fill("Un café crème, s'il vous plaît. Ångström Zürich München naïve façade, piñata jalapeño señor. "),
	"russian": fill("Москва привет мир. Вода и чай, зелёный и чёрный. "),
	"chinese": fill("我是中国人，你好。水火木金土月山川田力。東京大学へ行く。"),
	"mixed":   fill("Hello 中文 мир, 👍🏽 café e\u0301 한국어 test [MASK] x\u0000y. "),
}

func fill(s string) string { return strings.Repeat(s, 8192/len(s)+1) }

func BenchmarkTokens(b *testing.B) {
	for _, lang := range []string{"english", "accents", "russian", "chinese", "mixed"} {
		text := benchTexts[lang]
		for _, c := range []struct{ name, tokenizer string }{{"onepass", "uncased"}, {"stages", "uncased"}, {"added", "added"}} {
			if c.name == "added" && lang != "english" {
				continue
			}
			b.Run(lang+"/"+c.name, func(b *testing.B) {
				tok := load(b, c.tokenizer)
				if c.name == "stages" {
					tok = plain(tok)
				}
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					tok.Tokens(text)
				}
			})
		}
	}
}

// BenchmarkModels is Unigram and byte-level BPE, the texts being 8 KB and more.
func BenchmarkModels(b *testing.B) {
	corpus := string(readFile(b, "testdata/corpus.txt"))
	for _, c := range []struct{ name, text string }{
		{"english", benchTexts["english"]}, {"corpus", fill(corpus)}, {"chinese", benchTexts["chinese"]},
		{"word", strings.Repeat("steeped", 1_000_000/7)},
	} {
		for _, name := range []string{"xlm_roberta", "deberta_v3", "roberta", "modernbert"} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				tok := loadModel(b, name)
				b.SetBytes(int64(len(c.text)))
				b.ReportAllocs()
				for b.Loop() {
					tok.Tokens(c.text)
				}
			})
		}
	}
}

// BenchmarkEncode is what a passage costs: 256 tokens of a longer text, template and all.
func BenchmarkEncode(b *testing.B) {
	tok := load(b, "uncased")
	text := benchTexts["english"]
	b.ReportAllocs()
	for b.Loop() {
		tok.Encode(text, 256)
	}
}

func BenchmarkFromJSON(b *testing.B) {
	all, err := testTokenizers()
	if err != nil {
		b.Fatal(err)
	}
	data := all["uncased"]
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := FromJSON(data); err != nil {
			b.Fatal(err)
		}
	}
}
