package db

// crash is called at the named steps of a commit. Tests set it: an error makes the step fail, and a
// copy of the file taken there is what a crash at that step would leave.
var crash func(point string) error

// crashPoint marks a step of a commit or a compaction.
func crashPoint(point string) error {
	if crash != nil {
		return crash(point)
	}
	return nil
}

// compactPoints are the names of the steps of a compaction, in order.
var compactPoints = []string{"copied", "verified", "replaced"}

// crashPoints are the names of all steps of a commit, in order.
var crashPoints = []string{"stage", "begin", "remove", "document", "text", "passages", "vectors", "postings", "nodes", "commit"}
