// Package db is an embedded semantic-search database: one file, no server.
//
// A [Document] is a text with an id. It is added whole and cut into passages, short byte ranges of its
// text (package db/chunk). Each passage gets a vector from an [Encoder], the caller's choice of what
// meaning is; title and passage are encoded together. A [Query] returns passages as [Hit]s, each with
// the bytes, line and column at which it stands in its document. Two legs look for them:
//
//   - Dense: the cosine of query and passage, near ones found with the graph of package index.
//   - Lexical: BM25 over words. A document is scored whole, title and text as one text, so documents
//     rank as textbook BM25 ranks them. Its passages share the score in proportion to their own BM25:
//     the best carries all of it. With QueryOptions.PerDocument 1 the ranking is that of documents.
//
// Hybrid, the default, runs both and joins them by their scores or by their ranks: see [Fusion].
//
//	d, err := db.Open("notes.db", enc, nil)
//	defer d.Close()
//	_, err = d.Add(ctx, db.Document{ID: "tea.txt", Text: "Green tea is steeped below boiling."})
//	hits, err := d.Query(ctx, "how hot should the water be", nil)
//
// # Guarantees
//
// When Add or Delete returns nil, what it did survives a crash of the process or the machine. When it
// returns an error, nothing was done: memory never runs ahead of disk. (If a write fails in a way that
// leaves its outcome unknown, every later call says so until the database is opened again.)
//
// Every record carries a checksum, every commit a digest of all records, and Open verifies every page and
// the digest, so damage to the file is an error that wraps [ErrCorrupt], not a wrong answer and not a
// panic. [DB.Check] looks at everything. [Repair] makes a new database out of what is left of a damaged
// one, also of one that does not open; [DB.Backup] makes copies that are known to be whole.
//
// A DB may be used from many goroutines. Queries run beside each other and beside one writer. Other
// processes are kept out by a lock from Open to Close, except that any number may read a file together
// with Options.ReadOnly, and that processes take turns with Options.Shared. The same documents added in the same order give the same vectors, graph and ranking.
//
// # Caveats
//
// A database is tied to the encoder that filled it: see [ErrEncoderMismatch]. Vectors and graph are held
// in memory, 4 bytes a dimension and some 400 bytes more for each passage; texts and postings are not.
// Words are compared as they are written, but for case and accents: there is no stemming. Deleting
// leaves the file as large as it was, with the old content in its free space: [DB.Compact] makes it
// smaller, [DB.Scrub] overwrites what is free. Do not put the file on a network file system without locks.
//
// The file format is described in docs/format.md.
package db
