package eval

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Half is one part of a set: what is chosen by looking at figures is chosen on
// Tune, and the figures that are published are those of Report.
type Half uint8

// The halves.
const (
	Whole  Half = iota // all of it
	Tune               // for choosing
	Report             // for reporting
)

// String returns the half's name in lower case.
func (h Half) String() string {
	switch h {
	case Whole:
		return "whole"
	case Tune:
		return "tune"
	case Report:
		return "report"
	}
	return fmt.Sprintf("Half(%d)", uint8(h))
}

// HalfOf says in which half the thing named key lies: Report when the lowest
// bit of the first byte of the SHA-256 of "half:" and key is set, else Tune.
// Where a key lies does not depend on what else is in a set, so an article, a
// query or a pair stays in its half when the set grows, shrinks or is copied.
func HalfOf(key string) Half {
	sum := sha256.Sum256([]byte("half:" + key))
	if sum[0]&1 == 1 {
		return Report
	}
	return Tune
}

// keep says whether the thing named key belongs to h.
func (h Half) keep(key string) bool { return h == Whole || HalfOf(key) == h }

// Half returns the set with the queries of h only, by their ids. The corpus
// stays whole.
func (s *RetrievalSet) Half(h Half) *RetrievalSet {
	out := *s
	out.Queries = slices.DeleteFunc(slices.Clone(s.Queries), func(q Query) bool { return !h.keep(q.ID) })
	return &out
}

// Half returns the set with the questions of h only, by the title of their
// article, where an underscore is a space. The contexts stay whole.
func (s *SQuAD) Half(h Half) *SQuAD {
	out := *s
	out.Questions = slices.DeleteFunc(slices.Clone(s.Questions), func(q Question) bool { return !h.keep(s.article(&q)) })
	return &out
}

// article is the title of the article that q was asked about.
func (s *SQuAD) article(q *Question) string {
	return strings.ReplaceAll(s.Contexts[q.Context].Title, "_", " ")
}

// HalfOfPairs returns the pairs of h, by their ids.
func HalfOfPairs(pairs []Pair, h Half) []Pair {
	return slices.DeleteFunc(slices.Clone(pairs), func(p Pair) bool { return !h.keep(p.ID) })
}
