package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Cache is the folder that models are kept in. It need not exist.
type Cache struct{ Dir string }

// DefaultCache is the folder that the tools of Hugging Face use: $HF_HUB_CACHE, else $HF_HOME/hub,
// else $XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub.
func DefaultCache() (Cache, error) {
	if dir := os.Getenv("HF_HUB_CACHE"); dir != "" {
		return Cache{dir}, nil
	}
	if dir := os.Getenv("HF_HOME"); dir != "" {
		return Cache{filepath.Join(dir, "hub")}, nil
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return Cache{filepath.Join(dir, "huggingface", "hub")}, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return Cache{}, err
	}
	return Cache{filepath.Join(home, ".cache", "huggingface", "hub")}, nil
}

// Snapshot is a model in the cache.
type Snapshot struct {
	Name     string   // ORG/NAME
	Revision []string // the branches and tags that were at Commit when last pulled, in order
	Commit   string
	Dir      string // the folder of its files
	Bytes    int64  // what its files take
}

// Find returns the folder of a model. The error is [ErrNotPulled] when it is not there.
func (c Cache) Find(r Ref) (string, error) {
	_, dir, err := c.find(r)
	return dir, err
}

func (c Cache) find(r Ref) (commit, dir string, err error) {
	if err := r.check(); err != nil {
		return "", "", err
	}
	repo := filepath.Join(c.Dir, r.folder())
	commit = r.revision()
	if !isHex(commit, 40) {
		if commit, err = readRef(filepath.Join(repo, "refs", filepath.FromSlash(commit))); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%s: %w", r, ErrNotPulled)
			}
			return "", "", err
		}
	}
	dir = filepath.Join(repo, "snapshots", commit)
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return "", "", fmt.Errorf("%s: %w", r, ErrNotPulled)
	}
	return commit, dir, err
}

// readRef reads a file of refs. What is no commit counts as not there.
func readRef(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > 100 {
		return "", fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	if commit := strings.TrimSpace(string(data)); isHex(commit, 40) {
		return commit, nil
	}
	return "", fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

// List returns the models in the cache, also those that other tools have put there, by name and
// commit. Folders that it cannot make sense of are left out.
func (c Cache) List() ([]Snapshot, error) {
	entries, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Snapshot
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), "models--")
		if !ok || !e.IsDir() {
			continue
		}
		r := Ref{Name: strings.Replace(name, "--", "/", 1)}
		if r.check() != nil {
			continue
		}
		list, err := c.snapshots(r)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	slices.SortFunc(out, func(a, b Snapshot) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Commit, b.Commit))
	})
	return out, nil
}

// snapshots returns those of one model.
func (c Cache) snapshots(r Ref) ([]Snapshot, error) {
	repo := filepath.Join(c.Dir, r.folder())
	refs, err := readRefs(filepath.Join(repo, "refs"))
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(repo, "snapshots"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Snapshot
	for _, e := range entries {
		if !e.IsDir() || !isHex(e.Name(), 40) {
			continue
		}
		s := Snapshot{Name: r.Name, Commit: e.Name(), Dir: filepath.Join(repo, "snapshots", e.Name())}
		for name, commit := range refs {
			if commit == s.Commit {
				s.Revision = append(s.Revision, name)
			}
		}
		slices.Sort(s.Revision)
		err := filepath.WalkDir(s.Dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if info, err := os.Stat(p); err == nil { // of the blob, for a link
				s.Bytes += info.Size()
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// readRefs reads all refs of a model: commits by name.
func readRefs(dir string) (map[string]string, error) {
	refs := make(map[string]string)
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		commit, err := readRef(p)
		if err == nil {
			var rel string
			if rel, err = filepath.Rel(dir, p); err == nil {
				refs[filepath.ToSlash(rel)] = commit
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return refs, err
}

// Remove takes a model out of the cache: all of it, or with a revision that snapshot, the refs to it
// and the blobs that no other one uses. It returns how many bytes that freed. It waits for a pull of
// the model to end. The error is [ErrNotPulled] when there is nothing to remove.
func (c Cache) Remove(ctx context.Context, r Ref) (freed int64, err error) {
	if err := r.check(); err != nil {
		return 0, err
	}
	repo := filepath.Join(c.Dir, r.folder())
	if info, err := os.Lstat(repo); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return 0, fmt.Errorf("%s: %w", r, ErrNotPulled)
	} else if err != nil {
		return 0, err
	}
	unlock, err := c.lock(ctx, r, repoLock)
	if err != nil {
		return 0, err
	}
	defer unlock()
	before := diskUse(repo)
	if r.Revision == "" {
		// Refs first, so that nothing half removed is found.
		for _, part := range []string{"refs", "snapshots", ""} {
			if err := os.RemoveAll(filepath.Join(repo, part)); err != nil {
				return 0, err
			}
		}
		return before, nil
	}
	commit, dir, err := c.find(r)
	if err != nil {
		return 0, err
	}
	refs, err := readRefs(filepath.Join(repo, "refs"))
	if err != nil {
		return 0, err
	}
	for name, at := range refs {
		if at == commit {
			if err := os.Remove(filepath.Join(repo, "refs", filepath.FromSlash(name))); err != nil {
				return 0, err
			}
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return 0, err
	}
	if err := sweep(repo); err != nil {
		return 0, err
	}
	if left, err := c.snapshots(r); err == nil && len(left) == 0 {
		if err := os.RemoveAll(repo); err != nil {
			return 0, err
		}
	}
	return max(before-diskUse(repo), 0), nil
}

// sweep removes the blobs that no snapshot links to.
func sweep(repo string) error {
	used := make(map[string]bool)
	err := filepath.WalkDir(filepath.Join(repo, "snapshots"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink == 0 {
			return err
		}
		to, err := os.Readlink(p)
		if err == nil {
			used[filepath.Base(to)] = true
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	blobs, err := os.ReadDir(filepath.Join(repo, "blobs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, b := range blobs {
		if !used[b.Name()] && b.Type().IsRegular() {
			if err := os.Remove(filepath.Join(repo, "blobs", b.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// diskUse is the size of all regular files below dir, links not followed.
func diskUse(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}
