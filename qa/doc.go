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
// An [Answerer] is the same as a value: retriever, reader, and the [Calibration] in use.
//
// # Confidence
//
// Answer.Confidence is the probability that an answer is right, Answer.Score only orders
// answers. The probability comes from a Calibration: two logistic regressions on what the
// reader and the retriever say, fitted to questions with known answers. It lies beside the
// weights, as calibration.json, and belongs to them. [Answerer.Explain] shows what made
// a probability, [Reader.Attribute] which words an answer hangs on. [FitCalibration], and
// the command semsearch eval calibrate, make a calibration from questions of one's own.
//
// # No answer
//
// With a calibration, there is no answer when it is too unlikely that the documents hold
// one. Without, the reader alone decides: the logits of the first token ([CLS]) are the
// evidence for no answer, the null score. Span.Score is relative to it: above zero the
// span is the better explanation. A threshold, set by the checkpoint's config.json as
// semsearch_null_threshold, shifts this point: a span is given as an answer while
// null - span <= threshold. No answer is an empty slice and no error.
//
// # Guarantees
//
// The text of an answer is exactly document[Start:End]. It begins and ends at
// word boundaries, has no space at its ends, and no bracket without its partner.
// The same question, passages and options give the same result, bit for bit,
// whatever is read in the same call and however the work is batched (but for
// AskOptions.Time, which looks at the clock). Readers are safe for concurrent use.
//
// # Caveats
//
// Scores of different checkpoints do not compare; confidences do, as far as the questions
// are like those that the calibration was fitted to. The reader sees a passage without its
// surroundings, but for the title if so fitted, and answers with one contiguous span; it
// does not count, compare, or join facts of two places.
package qa
