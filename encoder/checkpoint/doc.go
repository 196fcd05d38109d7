// Package checkpoint opens a model folder as Hugging Face and sentence-transformers lay it out.
//
// A checkpoint is such a folder: a configuration, a tokenizer and weights, and, when it was made to
// embed text, how token vectors become one vector. These files are read:
//
//	config.json                        the model: architecture, sizes, activation
//	model.safetensors                  its weights, or
//	model.safetensors.index.json       where they are, and the shards it names
//	tokenizer.json                     the tokenizer, or
//	vocab.txt, tokenizer_config.json   its vocabulary and options (WordPiece), or
//	sentencepiece.bpe.model, spm.model, spiece.model    (Unigram), or
//	vocab.json, merges.txt             (byte-level BPE)
//	modules.json                       the parts of a sentence encoder
//	1_Pooling/config.json              how token vectors are pooled
//	sentence_bert_config.json          how many tokens of a text count
//	config_sentence_transformers.json  prompts put before a text
//
// The architectures are BertModel and, for their encoder, BertForMaskedLM, BertForQuestionAnswering,
// BertForSequenceClassification and BertForTokenClassification; a head is fetched with
// [Checkpoint.Linear]. Everything that would change the result and is not done here is
// [ErrUnsupported], by name, when the folder is opened.
//
// A checkpoint may be int8, in the int-quantized format of compressed-tensors: [Quantize] makes one of a
// float checkpoint, and docs/models.md describes it.
//
// A folder without modules.json says nothing about pooling; it gets the mean over all tokens, as
// sentence-transformers gives it.
//
// # Caveats
//
// An open checkpoint holds all of its weights in memory, as float32 or int8, and no file. Nothing is fetched
// over a network, and no code in the folder is run.
package checkpoint
