// Package coderhnsw connects package index with github.com/coder/hnsw, an HNSW graph many Go
// programs have: it searches our links with that library, reads the vectors out of files the
// library saved, and writes files it loads.
//
//   - [New] hands the links of an [index.HNSW] to the library and searches them there. The answer
//     is an [index.Index], read-only.
//   - [Read] and [ReadFile] take keys and vectors out of what Graph.Export or SavedGraph.Save wrote,
//     to be inserted elsewhere. Links are not taken: those the library makes find little (a tenth
//     to a seventh of the ten nearest among 100,000 vectors of 384 dimensions).
//   - [Write] and [WriteFile] write a graph that Graph.Import and LoadSavedGraph read. Searched
//     with a large k, say 800, it finds nearly all of the nearest; results come unsorted.
//
// # Caveats
//
// The library panics easily, has no locks around changes, and is not deterministic. New never
// changes its graph, and panics come back as [ErrPanic]. The library does not compile for Windows:
// there New gives [ErrUnsupported]; the rest works everywhere, as it does not use the library.
//
// Nothing in semsearch depends on this package. It is for programs that come from the library, or
// compare with it.
package coderhnsw
