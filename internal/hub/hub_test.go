package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const commitA, commitB = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

// server speaks the protocol of the hub, large files on another host, and can be made to fail.
type server struct {
	t        *testing.T
	hub, cdn *httptest.Server
	mu       sync.Mutex
	commits  map[string]map[string]string // files by commit
	refs     map[string]string            // commits by revision
	requests []string                     // "GET /path range"
	tokens   map[string]bool              // hosts that were sent the token
	// fault, if not nil, may answer a request itself. It is called with the number of requests for the
	// same method and path before.
	fault func(w http.ResponseWriter, r *http.Request, before int) bool
	seen  map[string]int
	etag  func(file, tag string) string // what is said instead of the hash
	noLFS bool                          // the list of files says nothing of hashes
}

const token = "hf_secret"

func newServer(t *testing.T) *server {
	s := &server{t: t, commits: map[string]map[string]string{commitA: modelFiles()}, refs: map[string]string{"main": commitA}, tokens: map[string]bool{}, seen: map[string]int{}}
	s.cdn = httptest.NewServer(http.HandlerFunc(s.serveCDN))
	s.hub = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.hub.Close)
	t.Cleanup(s.cdn.Close)
	return s
}

func modelFiles() map[string]string {
	return map[string]string{
		"config.json":               `{"architectures": ["BertModel"]}`,
		"tokenizer.json":            `{"version": "1.0"}`,
		"modules.json":              `[{"path": ""}, {"path": "1_Pooling"}, {"path": "2_Normalize"}]`,
		"1_Pooling/config.json":     `{"pooling_mode_mean_tokens": true}`,
		"model.safetensors":         strings.Repeat("weights ", 100_000),
		"pytorch_model.bin":         "pickle",
		"onnx/model.onnx":           "onnx",
		"README.md":                 "readme",
		"modeling.py":               "import os",
		"openvino/tokenizer.json":   "other",
		"../evil.json":              "evil",
		"0_Other/model.safetensors": "not a module",
	}
}

func isLFS(name string) bool {
	return strings.HasSuffix(name, ".safetensors") || strings.HasSuffix(name, ".bin")
}

func hashOf(name, data string) string {
	if isLFS(name) {
		sum := sha256.Sum256([]byte(data))
		return hex.EncodeToString(sum[:])
	}
	sum := sha1.Sum([]byte("blob " + strconv.Itoa(len(data)) + "\x00" + data))
	return hex.EncodeToString(sum[:])
}

func (s *server) note(w http.ResponseWriter, r *http.Request) (answered bool) {
	s.mu.Lock()
	s.requests = append(s.requests, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
	if r.Header.Get("Authorization") == "Bearer "+token {
		s.tokens[r.Host] = true
	}
	key := r.Method + " " + r.Host + r.URL.Path
	before := s.seen[key]
	s.seen[key]++
	fault := s.fault
	s.mu.Unlock()
	return fault != nil && fault(w, r, before)
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	if s.note(w, r) {
		return
	}
	if rev, ok := strings.CutPrefix(r.URL.Path, "/api/models/org/name/revision/"); ok {
		commit := rev
		if at, ok := s.refs[rev]; ok {
			commit = at
		}
		files, ok := s.commits[commit]
		if !ok {
			w.Header().Set("X-Error-Code", "RevisionNotFound")
			http.Error(w, "no", http.StatusNotFound)
			return
		}
		list := []any{}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			f := map[string]any{"rfilename": name}
			if !s.noLFS {
				f["size"], f["blobId"] = len(files[name]), hashOf(strings.TrimSuffix(name, ".safetensors"), files[name])
				if isLFS(name) {
					f["lfs"] = map[string]any{"sha256": hashOf(name, files[name]), "size": len(files[name])}
				}
			}
			list = append(list, f)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"sha": commit, "siblings": list})
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/org/name/resolve/")
	commit, name, _ := strings.Cut(path, "/")
	data, have := s.commits[commit][name]
	if !ok || !have {
		w.Header().Set("X-Error-Code", "EntryNotFound")
		http.Error(w, "no", http.StatusNotFound)
		return
	}
	tag := hashOf(name, data)
	if s.etag != nil {
		tag = s.etag(name, tag)
	}
	w.Header().Set("X-Repo-Commit", commit)
	if isLFS(name) {
		w.Header().Set("X-Linked-Etag", strconv.Quote(tag))
		w.Header().Set("X-Linked-Size", strconv.Itoa(len(data)))
		http.Redirect(w, r, s.cdn.URL+"/"+commit+"/"+name+"?Signature=hush", http.StatusFound)
		return
	}
	w.Header().Set("Etag", strconv.Quote(tag))
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(data))
}

func (s *server) serveCDN(w http.ResponseWriter, r *http.Request) {
	if s.note(w, r) {
		return
	}
	commit, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(s.commits[commit][name]))
}

// client is a client of s with an empty cache, that does not wait.
func (s *server) client(t *testing.T) *Client {
	t.Setenv("HF_HUB_OFFLINE", "")
	t.Setenv("HF_TOKEN", "")
	return &Client{Cache: Cache{filepath.Join(t.TempDir(), "hub")}, Endpoint: s.hub.URL, stall: 5 * time.Second,
		sleep: func(ctx context.Context, d time.Duration) error { return ctx.Err() }}
}

func count(list []string, prefix string) (n int) {
	for _, s := range list {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

var ref = Ref{Name: "org/name"}

// checkSnapshot wants the files of a snapshot to be those wanted of the hub's.
func checkSnapshot(t *testing.T, s *server, dir, commit string) {
	t.Helper()
	want := []string{"1_Pooling/config.json", "config.json", "model.safetensors", "modules.json", "tokenizer.json"}
	var got []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			got = append(got, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("snapshot has %q, want %q; %v", got, want, err)
	}
	for _, name := range got {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(data) != s.commits[commit][name] {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
}

func TestPull(t *testing.T) {
	for _, links := range []bool{true, false} {
		s := newServer(t)
		c := s.client(t)
		c.noLinks = !links
		c.Token = token
		var last Progress
		c.Progress = func(p Progress) { last = p }
		snap, err := c.Pull(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if snap.Commit != commitA || !slices.Equal(snap.Revision, []string{"main"}) || snap.Name != "org/name" {
			t.Errorf("pulled %+v", snap)
		}
		checkSnapshot(t, s, snap.Dir, commitA)
		if !last.FileDone || last.Files != 5 || last.AllFiles != 5 || last.Bytes != last.AllBytes || last.Bytes != snap.Bytes {
			t.Errorf("progress ends with %+v; %d bytes", last, snap.Bytes)
		}
		to, err := os.Readlink(filepath.Join(snap.Dir, "1_Pooling", "config.json"))
		if links && runtime.GOOS != "windows" {
			if want := filepath.Join("..", "..", "..", "blobs", hashOf("x", s.commits[commitA]["1_Pooling/config.json"])); to != want {
				t.Errorf("link to %q, want %q", to, want)
			}
		} else if err == nil {
			t.Errorf("a link to %q, want a copy", to)
		}
		if host := strings.TrimPrefix(s.hub.URL, "http://"); len(s.tokens) != 1 || !s.tokens[host] {
			t.Errorf("the token went to %v, want %s", s.tokens, host)
		}
		dir, err := c.Cache.Find(ref)
		if err != nil || dir != snap.Dir {
			t.Errorf("Find: %q, %v", dir, err)
		}
		if dir, err := c.Cache.Find(Ref{"org/name", commitA}); err != nil || dir != snap.Dir {
			t.Errorf("Find by commit: %q, %v", dir, err)
		}
		// Nothing is fetched twice.
		gets := count(s.requests, "GET /org")
		if _, err := c.Pull(t.Context(), ref); err != nil || count(s.requests, "GET /org") != gets {
			t.Errorf("again: %v, %d files fetched", err, count(s.requests, "GET /org")-gets)
		}
		// A new commit with one file changed costs that file.
		s.commits[commitB] = modelFiles()
		s.commits[commitB]["tokenizer.json"] = "{}"
		s.refs["main"] = commitB
		snap, err = c.Pull(t.Context(), ref)
		if err != nil || snap.Commit != commitB || count(s.requests, "GET /org") != gets+1 {
			t.Errorf("new commit: %+v, %v, %d files fetched", snap, err, count(s.requests, "GET /org")-gets)
		}
		checkSnapshot(t, s, snap.Dir, commitB)
		for _, name := range []string{"bin", "onnx", "py", "evil"} {
			for _, r := range s.requests {
				if strings.Contains(r, name) {
					t.Errorf("request %s", r)
				}
			}
		}
	}
}

func TestShards(t *testing.T) {
	s := newServer(t)
	f := s.commits[commitA]
	delete(f, "model.safetensors")
	f["model.safetensors.index.json"] = `{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors", "c": "model-00001-of-00002.safetensors"}}`
	f["model-00001-of-00002.safetensors"] = "one"
	f["model-00002-of-00002.safetensors"] = "two"
	c := s.client(t)
	snap, err := c.Pull(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"} {
		if data, err := os.ReadFile(filepath.Join(snap.Dir, name)); err != nil || string(data) != f[name] {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	for _, shard := range []string{"../x.safetensors", "x.bin", "missing.safetensors", ""} {
		f["model.safetensors.index.json"] = fmt.Sprintf(`{"weight_map": {"a": %q}}`, shard)
		if _, err := c.Pull(t.Context(), ref); !errors.Is(err, ErrNoModel) {
			t.Errorf("shard %q: %v", shard, err)
		}
	}
}

// TestFaults has the hub fail in all ways that a pull gets over.
func TestFaults(t *testing.T) {
	data := modelFiles()["model.safetensors"]
	half := len(data) / 2
	for name, f := range map[string]struct {
		fault func(s *server) func(w http.ResponseWriter, r *http.Request, before int) bool
		check func(t *testing.T, s *server, waits []time.Duration)
	}{
		"truncated": {
			func(s *server) func(http.ResponseWriter, *http.Request, int) bool {
				return func(w http.ResponseWriter, r *http.Request, before int) bool {
					if r.Host != strings.TrimPrefix(s.cdn.URL, "http://") || before > 0 {
						return false
					}
					w.Header().Set("Content-Length", strconv.Itoa(len(data)))
					_, _ = io.WriteString(w, data[:half])
					panic(http.ErrAbortHandler)
				}
			},
			func(t *testing.T, s *server, waits []time.Duration) {
				if n := count(s.requests, "GET /"+commitA+"/model.safetensors bytes="); n != 1 {
					t.Errorf("%d requests for the rest", n)
				}
			},
		},
		"busy": {
			func(s *server) func(http.ResponseWriter, *http.Request, int) bool {
				return func(w http.ResponseWriter, r *http.Request, before int) bool {
					if before > 1 {
						return false
					}
					w.Header().Set("Retry-After", "7")
					w.WriteHeader([]int{http.StatusTooManyRequests, http.StatusServiceUnavailable}[before])
					return true
				}
			},
			func(t *testing.T, s *server, waits []time.Duration) {
				if len(waits) < 10 || slices.Max(waits) != 7*time.Second || slices.Min(waits) != 7*time.Second {
					t.Errorf("waited %v", waits)
				}
			},
		},
		"no ranges": {
			func(s *server) func(http.ResponseWriter, *http.Request, int) bool {
				return func(w http.ResponseWriter, r *http.Request, before int) bool {
					if r.Host != strings.TrimPrefix(s.cdn.URL, "http://") {
						return false
					}
					if before == 0 {
						w.Header().Set("Content-Length", strconv.Itoa(len(data)))
						_, _ = io.WriteString(w, data[:half])
						panic(http.ErrAbortHandler)
					}
					_, _ = io.WriteString(w, data)
					return true
				}
			}, nil,
		},
		"range refused": {
			func(s *server) func(http.ResponseWriter, *http.Request, int) bool {
				return func(w http.ResponseWriter, r *http.Request, before int) bool {
					if r.Host != strings.TrimPrefix(s.cdn.URL, "http://") {
						return false
					}
					switch before {
					case 0:
						w.Header().Set("Content-Length", strconv.Itoa(len(data)))
						_, _ = io.WriteString(w, data[:half])
						panic(http.ErrAbortHandler)
					case 1:
						w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
						return true
					}
					return false
				}
			}, nil,
		},
		"stalled": {
			func(s *server) func(http.ResponseWriter, *http.Request, int) bool {
				return func(w http.ResponseWriter, r *http.Request, before int) bool {
					if r.Host != strings.TrimPrefix(s.cdn.URL, "http://") || before > 0 {
						return false
					}
					w.Header().Set("Content-Length", strconv.Itoa(len(data)))
					_, _ = io.WriteString(w, data[:half])
					w.(http.Flusher).Flush()
					<-r.Context().Done()
					return true
				}
			}, nil,
		},
		"moved": {
			func(s *server) func(http.ResponseWriter, *http.Request, int) bool {
				return func(w http.ResponseWriter, r *http.Request, before int) bool {
					to, ok := strings.CutPrefix(r.URL.Path, "/org/name/resolve/")
					if !ok || r.URL.Query().Has("moved") {
						return false
					}
					http.Redirect(w, r, "/org/name/resolve/"+to+"?moved", http.StatusTemporaryRedirect)
					return true
				}
			}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.fault = f.fault(s)
			c := s.client(t)
			c.stall = 300 * time.Millisecond
			var waits []time.Duration
			c.sleep = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
			snap, err := c.Pull(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			checkSnapshot(t, s, snap.Dir, commitA)
			if f.check != nil {
				f.check(t, s, waits)
			}
		})
	}
}

// TestResume goes on with what an earlier pull left, right or wrong.
func TestResume(t *testing.T) {
	data := modelFiles()["model.safetensors"]
	for name, c := range map[string]struct {
		part  string
		whole bool // it is fetched again as a whole
	}{
		"half": {data[:len(data)/2], false}, "all": {data, false}, "wrong": {"wrong" + data[5:1000], true}, "too long": {data + "more", true}, "empty": {"", true},
	} {
		s := newServer(t)
		client := s.client(t)
		blobs := filepath.Join(client.Cache.Dir, "models--org--name", "blobs")
		if err := os.MkdirAll(blobs, 0o777); err != nil {
			t.Fatal(err)
		}
		part := filepath.Join(blobs, hashOf("model.safetensors", data)+".incomplete")
		if err := os.WriteFile(part, []byte(c.part), 0o666); err != nil {
			t.Fatal(err)
		}
		snap, err := client.Pull(t.Context(), ref)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkSnapshot(t, s, snap.Dir, commitA)
		if got := slices.Contains(s.requests, "GET /"+commitA+"/model.safetensors"); got != c.whole {
			t.Errorf("%s: fetched whole: %v", name, got)
		}
		if _, err := os.Stat(part); err == nil {
			t.Errorf("%s: %s is still there", name, part)
		}
	}
}

// TestRefused has the hub answer what must not be taken.
func TestRefused(t *testing.T) {
	answer := func(path string, code int, body string) func(s *server, c *Client) {
		return func(s *server, c *Client) {
			s.fault = func(w http.ResponseWriter, r *http.Request, before int) bool {
				if !strings.HasSuffix(r.URL.Path, path) {
					return false
				}
				w.WriteHeader(code)
				_, _ = io.WriteString(w, body)
				return true
			}
		}
	}
	for name, c := range map[string]struct {
		set  func(s *server, c *Client)
		want error
		says string
	}{
		"no such model":   {answer("/revision/main", 404, ""), ErrNotFound, "org/name"},
		"gated":           {answer("/revision/main", 403, ""), ErrAccess, "403"},
		"no token":        {answer("/revision/main", 401, ""), ErrAccess, "token"},
		"always busy":     {answer("/revision/main", 503, ""), nil, "503"},
		"no JSON":         {answer("/revision/main", 200, "<html>"), ErrProtocol, ""},
		"odd commit":      {answer("/revision/main", 200, `{"sha": "../../x", "siblings": []}`), ErrProtocol, "../../x"},
		"no config":       {answer("/revision/main", 200, `{"sha": "`+commitA+`", "siblings": []}`), ErrNoModel, "config.json"},
		"teapot":          {answer("/revision/main", 418, ""), ErrProtocol, "418"},
		"file gone":       {answer("/tokenizer.json", 404, ""), ErrNotFound, "tokenizer.json"},
		"wrong content":   {answer(commitA+"/model.safetensors", 200, strings.Repeat("wrong   ", 100_000)), ErrHash, "model.safetensors"},
		"too much":        {answer(commitA+"/model.safetensors", 200, strings.Repeat("wrong   ", 100_001)), nil, "model.safetensors"},
		"no weights":      {func(s *server, c *Client) { delete(s.commits[commitA], "model.safetensors") }, ErrNoModel, ""},
		"module outside":  {func(s *server, c *Client) { s.commits[commitA]["modules.json"] = `[{"path": "../.."}]` }, ErrName, "modules.json"},
		"module absolute": {func(s *server, c *Client) { s.commits[commitA]["modules.json"] = `[{"path": "/etc"}]` }, ErrName, "/etc"},
		"module windows":  {func(s *server, c *Client) { s.commits[commitA]["modules.json"] = `[{"path": "C:\\x"}]` }, ErrName, "modules.json"},
		"too large":       {func(s *server, c *Client) { c.MaxBytes = 1000 }, ErrTooLarge, "1000"},
		"two hashes":      {func(s *server, c *Client) { s.etag = func(string, string) string { return strings.Repeat("0", 40) } }, ErrProtocol, "two hashes"},
		"no hash": {func(s *server, c *Client) {
			s.noLFS = true
			s.etag = func(string, string) string { return "abc" }
		}, ErrProtocol, "no hash"},
		"offline":       {func(s *server, c *Client) { t.Setenv("HF_HUB_OFFLINE", "1") }, ErrOffline, "HF_HUB_OFFLINE"},
		"bad token":     {func(s *server, c *Client) { c.Token = "a\nb" }, nil, "token"},
		"bad endpoint":  {func(s *server, c *Client) { c.Endpoint = "file:///etc" }, nil, "endpoint"},
		"user endpoint": {func(s *server, c *Client) { c.Endpoint = "http://u:secret@127.0.0.1" }, nil, "no user"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			client := s.client(t)
			c.set(s, client)
			_, err := client.Pull(t.Context(), ref)
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v; want %v with %q", err, c.want, c.says)
			}
			for _, secret := range []string{"hush", token, "secret"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%v: tells %q", err, secret)
				}
			}
			if _, err := client.Cache.Find(ref); !errors.Is(err, ErrNotPulled) {
				t.Errorf("Find: %v", err)
			}
			outside, _ := filepath.Glob(filepath.Join(filepath.Dir(client.Cache.Dir), "*"))
			if len(outside) > 1 {
				t.Errorf("files outside of the cache: %q", outside)
			}
		})
	}
}

// TestNoHashList takes the hashes from the answers for the files, where the list has none.
func TestNoHashList(t *testing.T) {
	s := newServer(t)
	s.noLFS = true
	snap, err := s.client(t).Pull(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	checkSnapshot(t, s, snap.Dir, commitA)
}

// TestCancel ends a pull in the middle of a file; the next one goes on with it.
func TestCancel(t *testing.T) {
	s := newServer(t)
	data := s.commits[commitA]["model.safetensors"]
	ctx, cancel := context.WithCancel(t.Context())
	s.fault = func(w http.ResponseWriter, r *http.Request, before int) bool {
		if r.Host != strings.TrimPrefix(s.cdn.URL, "http://") || before > 0 {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = io.WriteString(w, data[:len(data)/2])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	c := s.client(t)
	c.Progress = func(p Progress) {
		if p.File == "model.safetensors" && p.Bytes > 100_000 {
			cancel()
		}
	}
	if _, err := c.Pull(ctx, ref); !errors.Is(err, context.Canceled) {
		t.Fatalf("Pull: %v", err)
	}
	if _, err := c.Cache.Find(ref); !errors.Is(err, ErrNotPulled) {
		t.Errorf("Find: %v", err)
	}
	c.Progress = nil
	snap, err := c.Pull(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	checkSnapshot(t, s, snap.Dir, commitA)
	if count(s.requests, "GET /"+commitA+"/model.safetensors bytes=") != 1 {
		t.Errorf("requests: %q", s.requests)
	}
}

// TestConcurrent pulls one model several times at once: each file is fetched once.
func TestConcurrent(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if _, err := c.Pull(context.Background(), ref); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := count(s.requests, "GET /"+commitA); n != 1 {
		t.Errorf("the weights were fetched %d times", n)
	}
}

func TestListRemove(t *testing.T) {
	s := newServer(t)
	s.refs["refs/pr/1"] = commitA
	c := s.client(t)
	if list, err := c.Cache.List(); err != nil || len(list) != 0 {
		t.Errorf("List of nothing: %v, %v", list, err)
	}
	if _, err := c.Cache.Remove(t.Context(), ref); !errors.Is(err, ErrNotPulled) {
		t.Errorf("Remove of nothing: %v", err)
	}
	for _, r := range []Ref{ref, {"org/name", "refs/pr/1"}} {
		if _, err := c.Pull(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	s.commits[commitB] = modelFiles()
	s.commits[commitB]["tokenizer.json"] = "{}"
	if _, err := c.Pull(t.Context(), Ref{"org/name", commitB}); err != nil {
		t.Fatal(err)
	}
	// What another tool, or nobody, has made there.
	for _, dir := range []string{"models--x", "models--a--b--c", "datasets--org--name", "models--org--other/snapshots/short"} {
		if err := os.MkdirAll(filepath.Join(c.Cache.Dir, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	list, err := c.Cache.List()
	if err != nil || len(list) != 2 || list[0].Commit != commitA || !slices.Equal(list[0].Revision, []string{"main", "refs/pr/1"}) || list[1].Commit != commitB || list[1].Bytes < 800_000 {
		t.Fatalf("List: %+v, %v", list, err)
	}
	// Removing one commit leaves the other whole.
	freed, err := c.Cache.Remove(t.Context(), Ref{"org/name", "main"})
	if err != nil || freed <= 0 || freed > 1000 {
		t.Errorf("Remove: %d, %v", freed, err)
	}
	if _, err := c.Cache.Find(Ref{"org/name", "refs/pr/1"}); !errors.Is(err, ErrNotPulled) {
		t.Errorf("Find of the other ref: %v", err)
	}
	dir, err := c.Cache.Find(Ref{"org/name", commitB})
	if err != nil {
		t.Fatal(err)
	}
	checkSnapshot(t, s, dir, commitB)
	freed, err = c.Cache.Remove(t.Context(), ref)
	if err != nil || freed < 800_000 {
		t.Errorf("Remove of all: %d, %v", freed, err)
	}
	if list, err := c.Cache.List(); err != nil || len(list) != 0 {
		t.Errorf("List after: %+v, %v", list, err)
	}
	if _, err := os.Stat(filepath.Join(c.Cache.Dir, "models--org--name")); err == nil {
		t.Error("the folder is still there")
	}
}

func TestParseRef(t *testing.T) {
	for s, want := range map[string]Ref{
		"org/name":           {"org/name", ""},
		"bert-base-uncased":  {"bert-base-uncased", ""},
		"org/name@v1.0":      {"org/name", "v1.0"},
		"o.r-g/n_a.m-e":      {"o.r-g/n_a.m-e", ""},
		"org/name@refs/pr/1": {"org/name", "refs/pr/1"},
		"a@" + commitA:       {"a", commitA},
	} {
		got, err := ParseRef(s)
		if err != nil || got != want || got.String() != s {
			t.Errorf("ParseRef(%q) = %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "/", "a/", "/a", "a/b/c", "../a", "a/..", "a/b@", "a/b@../x", "a/b@/x", "a/b@x/../y", "a b", "a/b\x00", "a--b/c", "a/-b", "a/b.",
		"a/b.git", "con/x", "a/nul.txt", "a/b@a\\b", "a/b@c:d", "é/b", strings.Repeat("a", 97), "a/b@x\n", "./a", "~/a", "C:/a", `C:\a`} {
		if _, err := ParseRef(s); !errors.Is(err, ErrName) {
			t.Errorf("ParseRef(%q): %v", s, err)
		}
	}
}

// FuzzParseRef wants names that pass to make paths within the cache, and one path each.
func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"org/name", "a@refs/pr/1", "../x", "a--b@..", "nul@con"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRef(s)
		if err != nil {
			return
		}
		if !filepath.IsLocal(r.folder()) || strings.ContainsAny(r.folder(), `/\`) || !filepath.IsLocal(filepath.FromSlash(r.revision())) {
			t.Errorf("%q: %q, %q", s, r.folder(), r.revision())
		}
		name, ok := strings.CutPrefix(r.folder(), "models--")
		if back := strings.Replace(name, "--", "/", 1); !ok || back != r.Name {
			t.Errorf("%q: %q is %q again", s, r.folder(), back)
		}
	})
}

func TestDefaultCache(t *testing.T) {
	for _, name := range []string{"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	for _, c := range []struct{ name, value, want string }{
		{"", "", filepath.Join(home, ".cache", "huggingface", "hub")},
		{"XDG_CACHE_HOME", "/x", filepath.Join("/x", "huggingface", "hub")},
		{"HF_HOME", "/h", filepath.Join("/h", "hub")},
		{"HF_HUB_CACHE", "/c", "/c"},
	} {
		if c.name != "" {
			t.Setenv(c.name, c.value)
		}
		if got, err := DefaultCache(); err != nil || got.Dir != c.want {
			t.Errorf("%s: %q, %v, want %q", c.name, got.Dir, err, c.want)
		}
	}
}
