package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newHub is a hub with one model, org/tiny, a small encoder of random weights, and a revision of it,
// broken, whose weights are not what their hash says.
func newHub(t *testing.T) string {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	const broken = "76543210fedcba9876543210fedcba9876543210"
	root := os.DirFS(filepath.Join("..", "..", "encoder", "transformer", "testdata", "mean"))
	files := map[string][]byte{}
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[path], err = fs.ReadFile(root, path)
		}
		return err
	})
	if err != nil || len(files) < 5 {
		t.Fatalf("model of the hub: %d files, %v", len(files), err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/models/org/tiny/revision/{rev...}", func(w http.ResponseWriter, r *http.Request) {
		at, ok := map[string]string{"main": commit, "v1": commit, commit: commit, "broken": broken}[r.PathValue("rev")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		var list []map[string]any
		for name := range files {
			list = append(list, map[string]any{"rfilename": name})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"sha": at, "siblings": list})
	})
	mux.HandleFunc("/org/tiny/resolve/{commit}/{file...}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("file")
		data, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		sum := sha256.Sum256(data)
		if r.PathValue("commit") == broken && strings.HasSuffix(name, ".safetensors") {
			sum[0] ^= 1
		}
		w.Header().Set("Etag", `"`+hex.EncodeToString(sum[:])+`"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(data)))
	})
	mux.HandleFunc("/api/models/org/gated/", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}
