// Package safetensors reads and writes weight files in the safetensors format.
//
// A file is a list of named tensors: arrays of numbers with a data type and a shape.
//
//	| offset | size | field  | meaning                                              |
//	|--------|------|--------|------------------------------------------------------|
//	| 0      | 8    | N      | length of the header, little-endian                  |
//	| 8      | N    | Header | JSON object, may end in spaces                       |
//	| 8+N    | rest | Data   | the numbers, little-endian, row-major, without holes |
//
// The header maps each name to {"dtype", "shape", "data_offsets": [begin, end)}; offsets count from
// the start of Data. The key "__metadata__" maps strings to strings. The format is described at
// https://github.com/huggingface/safetensors.
//
// # Guarantees
//
// [Open] believes nothing the header says: a length, an offset, a shape or a name that does not fit
// the file is [ErrFormat], so that a damaged download is found when it is opened and not by its
// wrong numbers. Names in a file are unique, and every byte of Data belongs to exactly one tensor.
//
// # Caveats
//
// A [File] reads its numbers when they are asked for; the reader under it must stay open till then.
// The numbers themselves carry no checksum in this format.
package safetensors
