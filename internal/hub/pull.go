package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// file is a file to be pulled.
type file struct {
	name string // with slashes
	size int64  // -1 while not known
	hash string // 40 digits: git's SHA-1 of a blob; 64: SHA-256
}

// The files of a folder that a model needs, besides its weights.
var wanted = []string{
	"config.json", "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json",
	"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
	"vocab.txt", "vocab.json", "merges.txt", "sentencepiece.bpe.model", "spiece.model", "spm.model",
}

const (
	weights      = "model.safetensors"
	weightsIndex = "model.safetensors.index.json"
)

// Pull fetches what is missing of a model and returns where it lies. What was fetched before is not
// fetched again, a file that was broken off is gone on with.
//
// Errors of the hub are those above; others come from the file system. After an error or the end of
// ctx what is there stays, for the next pull.
func (c *Client) Pull(ctx context.Context, r Ref) (*Snapshot, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if v := strings.ToUpper(os.Getenv("HF_HUB_OFFLINE")); v == "1" || v == "ON" || v == "YES" || v == "TRUE" {
		return nil, fmt.Errorf("%s: %w: HF_HUB_OFFLINE is set", r, ErrOffline)
	}
	s, err := c.open()
	if err != nil {
		return nil, err
	}
	unlock, err := c.Cache.lock(ctx, r, repoLock)
	if err != nil {
		return nil, err
	}
	defer unlock()
	info, err := s.revision(ctx, r)
	if err != nil {
		return nil, err
	}
	p := &pull{conversation: s, ref: r, commit: info.SHA, repo: filepath.Join(c.Cache.Dir, r.folder()), there: make(map[string]file)}
	for _, f := range info.Siblings {
		g := file{name: f.Name, size: -1}
		switch {
		case f.LFS != nil && isHex(f.LFS.SHA256, 64):
			g.hash, g.size = f.LFS.SHA256, f.LFS.Size
		case f.LFS == nil && isHex(f.Blob, 40):
			g.hash, g.size = f.Blob, f.Size
		}
		p.there[f.Name] = g
	}
	if err := p.run(ctx); err != nil {
		return nil, err
	}
	if !isHex(r.revision(), 40) {
		if err := p.writeRef(); err != nil {
			return nil, err
		}
	}
	list, err := c.Cache.snapshots(r)
	if err != nil {
		return nil, err
	}
	for _, snap := range list {
		if snap.Commit == p.commit {
			return &snap, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", r, ErrNotPulled)
}

// pull is one pull under way.
type pull struct {
	*conversation
	ref      Ref
	commit   string
	repo     string
	there    map[string]file // what the hub has, by name
	files    []file          // what is wanted of it
	progress Progress
}

// run fetches the small files that say what else there is, then the rest.
func (p *pull) run(ctx context.Context) error {
	if _, ok := p.there["config.json"]; !ok {
		return fmt.Errorf("%s: %w: there is no config.json", p.ref, ErrNoModel)
	}
	folders := []string{""}
	if _, ok := p.there["modules.json"]; ok {
		data, err := p.early(ctx, "modules.json")
		if err != nil {
			return err
		}
		var modules []struct {
			Path string `json:"path"`
		}
		if err := json.Unmarshal(data, &modules); err != nil {
			return fmt.Errorf("%s: modules.json: %w: %v", p.ref, ErrNoModel, err)
		}
		for _, m := range modules {
			if m.Path == "" || slices.Contains(folders, m.Path) {
				continue
			}
			if err := checkPath(m.Path); err != nil {
				return fmt.Errorf("%s: modules.json: %w", p.ref, err)
			}
			folders = append(folders, m.Path)
		}
	}
	found := false
	for _, dir := range folders {
		for _, name := range wanted {
			p.want(path.Join(dir, name))
		}
		names, err := p.weights(ctx, dir)
		if err != nil {
			return err
		}
		for _, name := range names {
			p.want(name)
		}
		found = found || len(names) > 0
	}
	if !found {
		return fmt.Errorf("%s: %w", p.ref, ErrNoModel)
	}
	limit := p.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	for i := range p.files {
		f := &p.files[i]
		if err := p.head(ctx, p.ref, p.commit, f); err != nil {
			return err
		}
		if f.size > limit-p.progress.AllBytes {
			return fmt.Errorf("%s: %s: %w of %d bytes", p.ref, f.name, ErrTooLarge, limit)
		}
		p.progress.AllBytes += f.size
	}
	p.progress.AllFiles = len(p.files)
	for _, f := range p.files {
		if err := p.fetch(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// want adds a file, if the hub has it and it is not there yet.
func (p *pull) want(name string) {
	f, ok := p.there[name]
	if ok && !slices.ContainsFunc(p.files, func(g file) bool { return g.name == name }) {
		p.files = append(p.files, f)
	}
}

// weights names the weight files of a folder: one file, or an index and its shards, or none.
func (p *pull) weights(ctx context.Context, dir string) ([]string, error) {
	one, index := path.Join(dir, weights), path.Join(dir, weightsIndex)
	if _, ok := p.there[one]; ok {
		return []string{one}, nil
	}
	if _, ok := p.there[index]; !ok {
		return nil, nil
	}
	data, err := p.early(ctx, index)
	if err != nil {
		return nil, err
	}
	var v struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &v); err != nil || len(v.Map) == 0 {
		return nil, fmt.Errorf("%s: %s: %w: no weight_map", p.ref, index, ErrNoModel)
	}
	names := []string{index}
	for _, shard := range v.Map {
		if err := checkPath(shard); err != nil || strings.Contains(shard, "/") || !strings.HasSuffix(shard, ".safetensors") {
			return nil, fmt.Errorf("%s: %s: %w: shard %q", p.ref, index, ErrNoModel, shard)
		}
		name := path.Join(dir, shard)
		if _, ok := p.there[name]; !ok {
			return nil, fmt.Errorf("%s: %s: %w: there is no %s", p.ref, index, ErrNoModel, name)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// maxEarly is the longest file that is read to learn of others.
const maxEarly = 64 << 20

// early fetches a small file before the others and returns what is in it.
func (p *pull) early(ctx context.Context, name string) ([]byte, error) {
	f := p.there[name]
	if err := p.head(ctx, p.ref, p.commit, &f); err != nil {
		return nil, err
	}
	if f.size > maxEarly {
		return nil, fmt.Errorf("%s: %s: %w of %d bytes", p.ref, name, ErrTooLarge, int64(maxEarly))
	}
	p.there[name] = f
	if err := p.blob(ctx, f, func(int64) {}); err != nil {
		return nil, err
	}
	return os.ReadFile(p.blobName(f))
}

func (p *pull) blobName(f file) string { return filepath.Join(p.repo, "blobs", f.hash) }

// fetch makes sure that a file is in the snapshot.
func (p *pull) fetch(ctx context.Context, f file) error {
	done := p.progress.Bytes
	p.progress.File, p.progress.FileDone = f.name, false
	report := func(n int64) {
		p.progress.Bytes = done + n
		if p.Progress != nil {
			p.Progress(p.progress)
		}
	}
	_, err := os.Stat(p.blobName(f))
	p.progress.FromCache = err == nil
	if err := p.blob(ctx, f, report); err != nil {
		return err
	}
	if err := p.link(f); err != nil {
		return err
	}
	p.progress.Files++
	p.progress.FileDone = true
	report(f.size)
	return nil
}

// blob makes sure that a blob is there. report is called with the bytes that are.
func (p *pull) blob(ctx context.Context, f file, report func(int64)) error {
	name := p.blobName(f)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	unlock, err := p.Cache.lock(ctx, p.ref, f.hash)
	if err != nil {
		return err
	}
	defer unlock()
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && info.Size() == f.size {
		return nil // it got this name when it was whole and right
	}
	part := name + ".incomplete"
	for again := false; ; again = true {
		resumed, err := p.download(ctx, f, part, report)
		if err == nil {
			break
		}
		// The beginning may be of an earlier time, so it gets a second chance from nothing.
		if !errors.Is(err, ErrHash) || !resumed || again {
			return err
		}
	}
	return os.Rename(part, name)
}

// download fetches a blob into the file part, going on where that ends, and checks it. A part that is
// wrong is removed.
func (p *pull) download(ctx context.Context, f file, part string, report func(int64)) (resumed bool, err error) {
	out, err := os.OpenFile(part, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return false, err
	}
	defer func() {
		if cerr := out.Close(); err == nil {
			err = cerr
		}
		if errors.Is(err, ErrHash) {
			os.Remove(part)
		}
	}()
	h, err := newHash(f)
	if err != nil {
		return false, err
	}
	at, err := io.Copy(h, io.LimitReader(out, f.size+1))
	if err != nil {
		return false, err
	}
	// reset begins anew.
	reset := func() error {
		if err := out.Truncate(0); err != nil {
			return err
		}
		at = 0
		h, err = newHash(f)
		return err
	}
	if at > f.size {
		if err := reset(); err != nil {
			return false, err
		}
	}
	resumed = at > 0
	report(at)
	err = p.retry(ctx, func() (bool, error) {
		if at == f.size {
			return false, nil
		}
		before := at
		err := p.transfer(ctx, f, out, &h, &at, reset, report)
		return at > before, err
	})
	if err != nil {
		return resumed, err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.hash {
		return resumed, fmt.Errorf("%s: %s: %w: %s, want %s", p.ref, f.name, ErrHash, got, f.hash)
	}
	return resumed, out.Sync()
}

// newHash is the hash that names a file.
func newHash(f file) (hash.Hash, error) {
	if len(f.hash) == 64 {
		return sha256.New(), nil
	}
	h := sha1.New()
	_, err := fmt.Fprintf(h, "blob %d\x00", f.size)
	return h, err
}

// transfer asks for what follows the first at bytes of a file and writes it to out, as far as it comes.
func (p *pull) transfer(ctx context.Context, f file, out *os.File, h *hash.Hash, at *int64, reset func() error, report func(int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := p.stall
	if limit <= 0 {
		limit = time.Minute
	}
	stalled := fmt.Errorf("%s: %s: nothing came for %v", p.ref, f.name, limit)
	timer := time.AfterFunc(limit, func() { cancel(stalled) })
	defer timer.Stop()
	// broken is an error on the way, which may be tried again unless the caller has ended the pull.
	broken := func(err error) error {
		if context.Cause(ctx) == stalled {
			return temporary(stalled, 0)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	header := http.Header{}
	if *at > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", *at))
	}
	resp, err := p.do(ctx, p.http, http.MethodGet, p.fileURL(p.ref, p.commit, f.name), header)
	if err != nil {
		return broken(err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusRequestedRangeNotSatisfiable:
		if err := reset(); err != nil {
			return err
		}
		return temporary(fmt.Errorf("%s: %s: %w: %s", p.ref, f.name, ErrProtocol, resp.Status), 0)
	case http.StatusPartialContent:
		if start, ok := rangeStart(resp.Header.Get("Content-Range")); !ok || start != *at {
			return fmt.Errorf("%s: %s: %w: range %q, want %d-", p.ref, f.name, ErrProtocol, resp.Header.Get("Content-Range"), *at)
		}
	case http.StatusOK:
		if *at > 0 { // the server knows no ranges
			if err := reset(); err != nil {
				return err
			}
		}
	default:
		return p.status(resp, p.ref, f.name)
	}
	if _, err := out.Seek(*at, io.SeekStart); err != nil {
		return err
	}
	buf := make([]byte, 256<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			timer.Reset(limit)
			if int64(n) > f.size-*at {
				return fmt.Errorf("%s: %s: %w: longer than %d bytes", p.ref, f.name, ErrHash, f.size)
			}
			if _, err := out.Write(buf[:n]); err != nil {
				return err
			}
			(*h).Write(buf[:n])
			*at += int64(n)
			report(*at)
		}
		switch {
		case err == io.EOF && *at == f.size:
			return nil
		case err == io.EOF:
			return temporary(fmt.Errorf("%s: %s: %w: %d bytes of %d", p.ref, f.name, io.ErrUnexpectedEOF, *at, f.size), 0)
		case err != nil:
			return broken(temporary(fmt.Errorf("%s: %s: %w", p.ref, f.name, netError(err)), 0))
		}
	}
}

// rangeStart is the first byte of a Content-Range.
func rangeStart(s string) (int64, bool) {
	s, ok := strings.CutPrefix(s, "bytes ")
	if !ok {
		return 0, false
	}
	s, _, ok = strings.Cut(s, "-")
	n, err := strconv.ParseInt(s, 10, 64)
	return n, ok && err == nil
}

// link puts a blob into the snapshot: by a relative link, or where there are none as a copy.
func (p *pull) link(f file) error {
	if err := checkPath(f.name); err != nil {
		return err
	}
	name := filepath.Join(p.repo, "snapshots", p.commit, filepath.FromSlash(f.name))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	blob := p.blobName(f)
	to, err := filepath.Rel(filepath.Dir(name), blob)
	if err != nil {
		return err
	}
	if at, err := os.Readlink(name); err == nil && at == to {
		return nil
	}
	if !p.noLinks {
		temp := name + ".link"
		os.Remove(temp)
		if os.Symlink(to, temp) == nil {
			return os.Rename(temp, name)
		}
	}
	if a, err := os.Stat(name); err == nil && a.Mode().IsRegular() && a.Size() == f.size && p.progress.FromCache {
		return nil
	}
	return copyFile(name, blob)
}

// copyFile copies a file, so that to is whole or not there.
func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	temp := to + ".incomplete"
	out, err := os.Create(temp)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(temp, to)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}

// writeRef notes which commit the revision is.
func (p *pull) writeRef() error {
	name := filepath.Join(p.repo, "refs", filepath.FromSlash(p.ref.revision()))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	temp := name + ".incomplete"
	if err := os.WriteFile(temp, []byte(p.commit), 0o666); err != nil {
		return err
	}
	return os.Rename(temp, name)
}
