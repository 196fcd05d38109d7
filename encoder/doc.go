// Package encoder turns text into unit vectors with a BERT sentence encoder.
//
// An [Encoder] is built from a checkpoint, a model folder in the layout of Hugging Face and
// sentence-transformers (see package checkpoint). A text goes through five steps: a prompt is put
// before it when the model wants one, it is cut into tokens, a transformer gives each token a
// vector, pooling makes one vector of these, and that vector is scaled to length 1. Two texts are
// alike when the dot product of their vectors is near 1.
//
// Queries and passages are encoded by different methods because some models were trained with
// different prompts for the two.
//
// # Guarantees
//
// Every vector has length 1, also where the folder has no Normalize module: the database compares
// directions only. The one exception is a text without a single token, which needs a tokenizer that
// puts no template tokens around it: its vector is zero.
//
// The vector of a text depends on the text alone; it is the same to the last bit whatever else is in
// the call. An Encoder is safe for concurrent use.
//
// # Caveats
//
// A text longer than the model is cut off at its end, silently: [Encoder.CountTokens] and
// [Encoder.MaxTokens] tell beforehand. Vectors of two encoders can be compared only when their
// fingerprints are equal.
package encoder
