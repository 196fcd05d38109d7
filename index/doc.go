// Package index finds the stored vectors nearest to a query vector. It lives in memory and knows
// no files: what must survive a restart is handed out as bytes, and [Load] takes them back.
//
// A vector has an id, any uint64 (ids may be sparse). Distance is smaller for nearer vectors; what
// it measures is chosen by [Metric]. Two types answer the same [Index] interface:
//
//   - [Flat] compares the query with every vector. It is always right, and fast enough for some
//     thousands of vectors.
//   - [HNSW] walks a graph of neighbors: Malkov and Yashunin, "Efficient and robust approximate
//     nearest neighbor search using Hierarchical Navigable Small World graphs" (arXiv 1603.09320).
//     It looks at some thousand vectors of a million and now and then misses one.
//
// In the graph every vector is a node with a level; few nodes have a high one. On each of its
// levels a node links to some neighbors, chosen near and in different directions. A search starts
// at the entry point on the top level, goes to the nearest node there, descends, and on level 0
// keeps the EfSearch nearest nodes it has met. Ids with the very same vector share a node.
//
// # Changing an HNSW
//
// Changes are staged in a [Batch] and published at once by [Batch.Commit]; [Batch.Discard] leaves
// no trace. Between staging and commit a caller writes [Batch.Changes] and [Batch.Meta] to its own
// storage, so that memory never runs ahead of disk:
//
//	b := ix.Begin()
//	defer b.Discard()
//	b.Insert(id, vec)
//	for id, rec := range b.Changes() { ... } // nil rec: the node is gone
//	store(b.Meta())
//	b.Commit()
//
// # Guarantees
//
// Searches run beside an open batch and beside each other. Each sees one committed state, from its
// start to its end. A commit costs what the batch touched, not the size of the graph. The graph is
// a function of the options and of the order of changes: the same calls give the same bytes, also
// when the graph was stored and loaded in between. A node's level depends on seed and id alone.
//
// # Caveats
//
// One batch is open at a time: Begin and [HNSW.Check] wait for the one before. Distances differ in
// their last bits between instruction sets, so the same calls give the same bytes on one kind of
// machine only; a stored graph loads on all. Vectors are not in the records, so
// Load asks the caller for each. Results of a walk are near exact, not exact: see
// [SearchOptions.EfSearch] and [SearchOptions.Exact].
package index
