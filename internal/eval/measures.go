package eval

import (
	"cmp"
	"math"
	"slices"
)

// NDCG is the normalized discounted cumulative gain of the first k documents
// (Järvelin and Kekäläinen 2002), in the form of trec_eval's ndcg_cut: the
// gain of a document is its grade, not 2^grade-1,
//
//	DCG  = sum over ranks i = 1..k of grade(ranked[i]) / log2(i+1)
//	NDCG = DCG / DCG of the judged documents in the best order
//
// It is 0 when no document is relevant. ranked must not hold a document twice.
func NDCG(ranked []string, grades map[string]int, k int) float64 {
	var dcg float64
	for i, d := range head(ranked, k) {
		dcg += discounted(grades[d], i)
	}
	best := make([]int, 0, len(grades))
	for _, g := range grades {
		best = append(best, g)
	}
	slices.SortFunc(best, func(a, b int) int { return cmp.Compare(b, a) })
	var ideal float64
	for i, g := range head(best, k) {
		ideal += discounted(g, i)
	}
	if ideal == 0 {
		return 0
	}
	return dcg / ideal
}

// discounted is the gain of a grade at position i, counted from 0.
func discounted(grade, i int) float64 {
	if grade <= 0 {
		return 0
	}
	return float64(grade) / math.Log2(float64(i+2))
}

// Recall is the share of the relevant documents (grade above 0) that are among
// the first k. It is 0 when no document is relevant.
func Recall(ranked []string, grades map[string]int, k int) float64 {
	all := relevant(grades)
	if all == 0 {
		return 0
	}
	found := 0
	for _, d := range head(ranked, k) {
		if grades[d] > 0 {
			found++
		}
	}
	return float64(found) / float64(all)
}

// MRR is one over the rank of the first relevant document, counted from 1, or
// 0 when none is among the first k.
func MRR(ranked []string, grades map[string]int, k int) float64 {
	for i, d := range head(ranked, k) {
		if grades[d] > 0 {
			return 1 / float64(i+1)
		}
	}
	return 0
}

// head is the first k elements, none if k is negative.
func head[T any](s []T, k int) []T { return s[:min(max(k, 0), len(s))] }

// relevant counts the grades above 0.
func relevant(grades map[string]int) int {
	n := 0
	for _, g := range grades {
		if g > 0 {
			n++
		}
	}
	return n
}
