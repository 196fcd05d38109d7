// Package eval measures a database, a reader and an encoder on judged data.
//
// A retrieval set ([RetrievalSet]) is a corpus, queries and judgements: which
// document is how relevant to which query. It is read from the three files of
// a BEIR folder and measured by nDCG, recall and mean reciprocal rank at a cut.
//
// A reading set ([SQuAD]) is questions with a context each and the answers
// that people marked in it. It is read from SQuAD 1.1 or 2.0 JSON and measured
// by exact match and F1 under the rules of the official scripts, either on the
// given contexts ([QA]) or end to end ([EndToEnd]): all contexts go into one
// database and only the question is given.
//
// With [EndToEndOptions].WithoutArticle the question is also asked of a database
// that does not hold its article, where the right thing is to decline.
//
// A similarity set is pairs of sentences with a human score ([Pair]); it is
// measured by the rank correlation between that score and the cosine.
//
// # Numbers
//
// Retrieval measures and correlations are fractions, exact match and F1 are
// percentages, as the literature writes them. Reports keep what was measured of
// each query, so that a figure can have an [Interval] beside it ([Bootstrap])
// and two models can be held against each other item by item ([Compare]). A
// difference inside its interval is noise. Items are taken as drawn one by one
// from a larger lot; questions about one article are more alike than that, and
// [BootstrapGroups] draws whole articles.
//
// What is chosen by looking at figures is chosen on one [Half] of a set and
// reported on the other.
//
// # Errors
//
// A reader of a file names the file and the line of what it could not read.
// A byte order mark at the start of a file and CRLF line ends are accepted.
package eval
