// Package qa answers questions with the words of documents.
//
// A Reader holds a question answering checkpoint: a BERT encoder with a linear
// layer that gives each token two logits, how well an answer starts there and
// how well one ends there (Devlin et al. 2019, section 4.2). Given a question
// and passages, [Reader.Read] returns the best Spans of each passage. A Span is
// a byte range; its text is copied from the passage and never rewritten.
//
// [Ask] puts retrieval in front: a [Retriever], which *db.DB is, finds passages
// for the question, the reader reads them in one batch, and the best spans over
// all passages become Answers. An Answer names its document, the byte range in
// it, line and column, the passage, and the hit it came from, so that a reader
// of the answer can check it.
//
// # No answer
//
// A reader may find that a passage does not answer the question. The logits of
// the first token ([CLS]) are the evidence for that, the null score. Span.Score
// is relative to it: above zero the span is the better explanation. A threshold,
// set by the checkpoint's config.json as semsearch_null_threshold, shifts this
// point: a span is given as an answer while null - span <= threshold. When no
// span of any passage passes, Ask returns no answers and no error.
//
// # Guarantees
//
// The text of an answer is exactly document[Start:End]. It begins and ends at
// word boundaries, has no space at its ends, and no bracket without its partner.
// The same question, passages and options give the same result, bit for bit,
// whatever is read in the same call and however the work is batched. Readers
// are safe for concurrent use.
//
// # Caveats
//
// Scores order answers of one question. They are not calibrated: 0.9 does not
// mean that nine of ten such answers are right, and scores of different
// checkpoints do not compare. The reader sees a passage without its
// surroundings and answers with one contiguous span; it does not count,
// compare, or join facts of two places.
package qa
