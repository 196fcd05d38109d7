// Package e2e holds tests only: the command as it is built for people, with the models inside it, on real
// documents and under bad luck.
//
// handbook_test.go pins what queries and questions find in examples/handbook, one file each in testdata/query
// and testdata/ask; go test ./internal/e2e -update rewrites them, and the change is reviewed like code.
// crash_test.go kills semsearch add at random moments and checks that nothing that was acknowledged is lost;
// SEMSEARCH_CRASH_ROUNDS says how often. full_unix_test.go is about a file that cannot grow, the
// rest of crash_test.go about a database in use elsewhere.
package e2e
