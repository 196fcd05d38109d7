// Package hub gets models from a hub that speaks the protocol of Hugging Face, and keeps them in the
// cache folder that the tools of Hugging Face share, so that a model is fetched once for all of them.
//
// A model is named ORG/NAME, or NAME alone, and has revisions: branches, tags and commits ([Ref]).
// [Client.Pull] asks the hub which commit a revision is and which files it has, fetches those that a
// model needs here, and checks each of them against the hash the hub gives for it. [Cache.Find] says
// in which folder a model that was pulled lies. Only Pull ever uses the network.
//
// # Cache
//
// The layout is that of huggingface_hub:
//
//	models--ORG--NAME/
//	  refs/main              the commit that the branch was at when it was last pulled
//	  blobs/HASH             files, by git's SHA-1 of a blob, or by SHA-256 for those in large file storage
//	  blobs/HASH.incomplete  a file under way, gone on with by the next pull
//	  snapshots/COMMIT/FILE  a relative symbolic link to the blob, or a copy where links cannot be made
//	.locks/models--ORG--NAME/HASH.lock   held while a blob is fetched
//
// A blob gets its name, and a revision its ref, only when it is whole and right, so a pull may be
// killed at any time, and two may run at once.
//
// # Security
//
// What the hub says is not trusted further than its hashes: names of files and commits are checked
// before they become paths, and there is a limit on how much is fetched. The token is sent to the
// hub's own host and nowhere else, whatever it redirects to, and only over TLS or to this machine. No
// code is fetched: only JSON, vocabularies and safetensors.
package hub
