package db_test

import (
	"strings"
	"testing"
	"time"

	"github.com/semsearch/semsearch/db"
)

// What text is analysed into is part of the file format: if a line of this table has to change, so has
// db.FormatVersion.
func TestTerms(t *testing.T) {
	for _, x := range [][2]string{
		{"", ""},
		{" ?! ... — «»", ""},
		{"The quick (“brown”) fox can’t jump 32.3 feet, right?", "the quick brown fox can t jump 32 3 feet right"},
		{"e-mail user@example.com", "e mail user example com"},
		{"foo_bar C++ #5", "foo bar c 5"},
		{"Ünïcödé ÉCOLE naïve Ångström", "unicode ecole naive angstrom"},
		{"cafe\u0301", "cafe"},
		{"Straße STRASSE İstanbul", "straße strasse istanbul"},
		{"ΑΘΉΝΑ Привет ёлка", "αθηνα привет елка"},
		{"ﬁne ２０２４ ＡＢＣ ½", "fine 2024 abc 1 2"},
		{"soft\u00adhyphen zero\u200bwidth", "softhyphen zero width"},
		{"日本語", "日本 本語"},
		{"東", "東"},
		{"東京都に住む。", "東京 京都 都に に住 住む"},
		{"カタカナ ｶﾀｶﾅ", "カタ タカ カナ カタ タカ カナ"},
		{"Goで書く", "go で書 書く"},
		{"한국어 문서", "한국 국어 문서"},
		{"中文English中文", "中文 english 中文"},
		{"ไทย ที่", "ไท ทย ที่"},
		{"ทำงาน", "ทํา าง งา าน"},
		{"မြန်မာ", "မြန် န်မာ"},
		{"ガ゙ギ・東", "ガ゙ギ 東"},
		{"हिन्दी भाषा", "हिन्दी भाषा"},
		{"שלום العربية", "שלום العربية"},
		{"👍🏽 ok 🇩🇪", "ok"},
		{"a\x00b", "a b"},
		{strings.Repeat("x", 100), strings.Repeat("x", 64)},
		{strings.Repeat("é", 100), strings.Repeat("e", 64)},
		{strings.Repeat("я", 1000), strings.Repeat("я", 32)},
		{"x͛͛x", "xx"},
	} {
		got, starts := db.Terms(x[0])
		if strings.Join(got, " ") != x[1] {
			t.Errorf("%q: %q, want %q", x[0], strings.Join(got, " "), x[1])
		}
		for i, at := range starts {
			if at < 0 || at >= len(x[0]) || i > 0 && at < starts[i-1] {
				t.Errorf("%q: term %q starts at %d", x[0], got[i], at)
			}
		}
	}
	if _, starts := db.Terms("é 日本語"); starts[0] != 0 || starts[1] != 3 || starts[2] != 6 {
		t.Errorf("starts %v", starts)
	}
}

// Hostile texts take time in proportion to their length.
func TestTermsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip()
	}
	for name, unit := range map[string]string{"letters": "a", "marks": "\u0301", "cjk": "語", "kana": "カ", "dots": "a.", "flags": "🇩🇪", "emoji": "👩\u200d", "spaces": " ", "hangul": "ᄀ", "half": "ｶﾞ"} {
		start := time.Now()
		db.Terms(strings.Repeat(unit, 3<<20/len(unit)))
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: %v for 3 MB", name, took)
		} else {
			t.Logf("%s: %v for 3 MB", name, took)
		}
	}
}
