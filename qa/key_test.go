package qa

import (
	"testing"

	"pgregory.net/rapid"
)

func TestAnswerKey(t *testing.T) {
	for _, same := range [][]string{
		{"The Eiffel Tower", "eiffel tower", "“Eiffel Tower”", "an Eiffel Tower."},
		{"-5", "−5", "–5"},
		{"−18 °C", "-18 °C", "-18°C"},
		{"5 %", "5%"},
		{"1,000", "1000"},
		{"1,234,567.5", "1234567.5"},
		{"5 km", "5km"},
		{"$ 5", "$5"},
		{"well-known", "well known"},
		{"3-5", "3 5", "3–5"},
		{"the", "The"},
		{"5'", "5′"},
		{"1889\"", "1889″"},
	} {
		for _, s := range same[1:] {
			if answerKey(s) != answerKey(same[0]) {
				t.Errorf("%q has key %q, %q has %q", s, answerKey(s), same[0], answerKey(same[0]))
			}
		}
	}
	different := []string{"-5", "5", "+5", "5 %", "5 ‰", "5 °C", "5 °F", "5 K", "$5", "€5", "5'", `5"`, "3.5", "35", "3,5", "1:30", "1/30", "#1", "1",
		"C", "C++", "C#", "1,0000", "10000", "R&D", "RD", "< 5", "> 5", "±5", ".5", "-.5", "…", "?"}
	seen := map[string]string{}
	for _, s := range different {
		k := answerKey(s)
		if other, ok := seen[k]; ok {
			t.Errorf("%q and %q both have key %q", s, other, k)
		}
		seen[k] = s
	}
}

// TestAnswerKeyOfKey: a key says the same as what it was made of.
func TestAnswerKeyOfKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawText(t)
		if k := answerKey(s); answerKey(k) != k {
			t.Fatalf("%q has key %q, that has %q", s, k, answerKey(k))
		}
	})
}

func FuzzAnswerKey(f *testing.F) {
	for _, s := range []string{"", "-5", "5 %", "1,000", "5'", "\xff\xfe", "−.5", "a", "‘’", "٣٤"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if k := answerKey(s); s != "" && k == "" {
			t.Errorf("%q has no key", s)
		}
	})
}
