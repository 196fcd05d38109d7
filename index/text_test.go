package index

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("index.update", false, "rewrite testdata/graph from what the tests print")

// TestText runs the scripts of testdata/graph. A script is a list of blocks: a command, ----, what
// it prints, an empty line. Lines with # are notes.
//
//	new dim=2 metric=l2 m=2 ef=10   an empty graph
//	begin, commit, discard          a batch; insert and delete outside of one make their own
//	insert ID (X,Y)                 prints the lists that changed
//	delete ID                       the same
//	search (X,Y) k=2                prints id:distance of committed vectors; exact scans
//	graph                           prints the committed graph
//	reload                          stores the committed graph and loads it
func TestText(t *testing.T) {
	files, err := filepath.Glob("testdata/graph/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := &player{t: t}
			var out strings.Builder
			lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
			for i := 0; i < len(lines); i++ {
				line := lines[i]
				if line == "" {
					continue
				}
				if line[0] == '#' {
					out.WriteString(line + "\n")
					continue
				}
				if i+1 >= len(lines) || lines[i+1] != "----" {
					t.Fatalf("%s:%d: no ---- after the command", file, i+1)
				}
				end := i + 2
				for end < len(lines) && lines[end] != "" {
					end++
				}
				want := strings.Join(lines[i+2:end], "\n")
				got := strings.TrimRight(p.run(line), "\n")
				if got != want && !*update {
					t.Errorf("%s:%d: %s\n%s\nwant\n%s", file, i+1, line, got, want)
				}
				out.WriteString(line + "\n----\n" + got + "\n\n")
				i = end
			}
			if *update {
				if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type player struct {
	t *testing.T
	h *HNSW
	b *Batch
}

func (p *player) run(line string) string {
	p.t.Helper()
	f := strings.Fields(line)
	arg := func(name, missing string) string {
		for _, a := range f {
			if v, ok := strings.CutPrefix(a, name+"="); ok {
				return v
			}
		}
		return missing
	}
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			p.t.Fatalf("%s: %v", line, err)
		}
		return n
	}
	vector := func(s string) (v []float32) {
		for _, x := range strings.Split(strings.Trim(s, "()"), ",") {
			n, err := strconv.ParseFloat(x, 32)
			if err != nil {
				p.t.Fatalf("%s: %v", line, err)
			}
			v = append(v, float32(n))
		}
		return v
	}
	switch f[0] {
	case "new":
		o := Options{
			Dim:            int(number(arg("dim", "2"))),
			M:              int(number(arg("m", "2"))),
			EfConstruction: int(number(arg("ef", "10"))),
			KeepPruned:     arg("keep", "no") == "yes",
			Seed:           number(arg("seed", "1")),
			ExactBelow:     -1,
		}
		for m := Cosine; m <= L2; m++ {
			if m.String() == arg("metric", "l2") {
				o.Metric = m
			}
		}
		var err error
		if p.h, err = New(o); err != nil {
			return "error: " + err.Error()
		}
		return "ok"
	case "begin":
		p.b = p.h.Begin()
		return "ok"
	case "commit", "discard":
		if f[0] == "commit" {
			p.b.Commit()
		} else {
			p.b.Discard()
		}
		p.b = nil
		return p.check()
	case "insert", "delete":
		b := p.b
		if b == nil {
			b = p.h.Begin()
			defer b.Discard()
		}
		before := lists(&b.s)
		var err error
		if f[0] == "insert" {
			err = b.Insert(number(f[1]), vector(f[2]))
		} else {
			err = b.Delete(number(f[1]))
		}
		if err != nil {
			return "error: " + err.Error()
		}
		out := changed(before, lists(&b.s))
		if p.b == nil {
			b.Commit()
			if s := p.check(); s != "ok" {
				return s
			}
		}
		return out
	case "search":
		o := SearchOptions{K: int(number(arg("k", "1"))), EfSearch: int(number(arg("ef", "0"))), Exact: slices.Contains(f, "exact")}
		r, err := p.h.Search(context.Background(), vector(f[1]), o)
		if err != nil {
			return "error: " + err.Error()
		}
		var s []string
		for _, r := range r {
			s = append(s, fmt.Sprintf("%d:%.4g", r.ID, r.Distance))
		}
		return strings.Join(s, " ")
	case "graph":
		s := p.h.state.Load()
		out := "empty"
		if s.count > 0 {
			out = fmt.Sprintf("entry point %d, %d nodes of %d ids, %d unreachable", s.id(s.entry), s.levels[0], s.count, s.levels[0]-s.reach())
		}
		return out + "\n" + changed(nil, lists(s))
	case "reload":
		loaded, err := dump(p.h).load(Options{Metric: p.h.o.Metric, ExactBelow: -1})
		if err != nil {
			return "error: " + err.Error()
		}
		p.h = loaded
		return p.check()
	}
	p.t.Fatalf("unknown command %q", line)
	return ""
}

func (p *player) check() string {
	if err := p.h.Check(); err != nil {
		return "error: " + err.Error()
	}
	return "ok"
}

type place struct {
	level int
	id    uint64
}

// lists is all neighbor lists; a twin has one on level -1 with its node.
func lists(s *state) map[place][]uint64 {
	m := map[place][]uint64{}
	s.each(0, func(slot uint32) {
		n := s.node(slot)
		for l := 0; l <= n.level(); l++ {
			m[place{l, n.id}] = []uint64{}
			for _, t := range n.links(l) {
				m[place{l, n.id}] = append(m[place{l, n.id}], s.id(t))
			}
		}
		for _, t := range n.twins {
			m[place{-1, t}] = []uint64{n.id}
		}
	})
	return m
}

// changed prints the lists that differ, highest level first.
func changed(before, after map[place][]uint64) string {
	all := maps.Clone(after)
	for k := range before {
		if _, ok := all[k]; !ok {
			all[k] = nil
		}
	}
	var out strings.Builder
	for _, k := range slices.SortedFunc(maps.Keys(all), func(a, b place) int {
		return cmp.Or(cmp.Compare(b.level, a.level), cmp.Compare(a.id, b.id))
	}) {
		old, was := before[k]
		now, is := after[k]
		if was && is && slices.Equal(old, now) {
			continue
		}
		if k.level < 0 {
			fmt.Fprintf(&out, "twin: %d", k.id)
		} else {
			fmt.Fprintf(&out, "level %d: %d", k.level, k.id)
		}
		switch {
		case !is:
			out.WriteString(" is gone")
		case k.level < 0:
			fmt.Fprintf(&out, " of %d", now[0])
		case len(now) == 0:
			out.WriteString(" alone")
		default:
			out.WriteString(" ->")
			for _, id := range now {
				fmt.Fprintf(&out, " %d", id)
			}
			var dropped []string
			for _, id := range old {
				if !slices.Contains(now, id) {
					dropped = append(dropped, strconv.FormatUint(id, 10))
				}
			}
			if dropped != nil {
				fmt.Fprintf(&out, " (dropped %s)", strings.Join(dropped, " "))
			}
		}
		out.WriteByte('\n')
	}
	return out.String()
}
