// Package transformer is the forward pass of BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805)
// in float32.
//
// A [Model] turns tokens, given as vocabulary ids, into one vector a token, the hidden states of the
// last layer. It is built from a [Config] and from [Weights] that it asks for by name and shape; it
// knows no file format and no text. A [Batch] holds sequences one after the other without padding:
// a token sees the tokens of its own sequence and no others.
//
// # Guarantees
//
// The result of a sequence is the same to the last bit whatever else is in the batch and however
// many cores work on it. It may differ in the last bits between processors, see internal/f32.
//
// Input that does not fit the model is [ErrInput], never a panic.
//
// # Caveats
//
// Layer normalisation follows each residual sum (post-LN), positions are learnt and absolute, there
// is no mask inside a sequence and no dropout: this is inference with BERT, not with its many
// relatives. [Config.Validate] says what else is not supported.
package transformer
