package extract

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Filter says what of a folder or an archive is read. The zero value, and nil, read every file of a known
// type that is neither hidden nor ignored.
//
// A pattern is a glob: * is any part of a name, ? a character, [a-z] one of some, {a,b} one of two, ** any
// folders. With a '/' in it, it is matched with the path from the folder that is walked (in an archive: from
// its top), else with the name alone.
type Filter struct {
	Include  []string // only files that match one of them, and those whatever their type; none means the known types
	Exclude  []string // files and folders that match one of them are left out, also when Include names them
	Hidden   bool     // take names that begin with a dot
	NoIgnore bool     // do not read .gitignore and .semsearchignore
}

// Check reports a pattern that is no glob.
func (f *Filter) Check() error {
	if f == nil {
		return nil
	}
	for _, list := range [][]string{f.Include, f.Exclude} {
		for _, p := range list {
			if p == "" || !doublestar.ValidatePattern(p) {
				return fmt.Errorf("%q is no pattern", p)
			}
		}
	}
	return nil
}

func matchAny(patterns []string, rel string) bool {
	for _, p := range patterns {
		p = strings.TrimSuffix(strings.TrimPrefix(p, "./"), "/")
		name := rel
		if !strings.Contains(p, "/") {
			name = path.Base(rel)
		}
		p = strings.TrimPrefix(p, "/")
		if doublestar.MatchUnvalidated(p, name) {
			return true
		}
	}
	return false
}

// folder says why a folder is left out, "" if it is not. rel is its path with '/' below what is walked.
func (f *Filter) folder(rel string) string {
	switch {
	case f != nil && matchAny(f.Exclude, rel):
		return "excluded"
	case (f == nil || !f.Hidden) && strings.HasPrefix(path.Base(rel), "."):
		return "hidden"
	}
	return ""
}

// file is folder for a file.
func (f *Filter) file(rel string) string {
	if f != nil && matchAny(f.Exclude, rel) {
		return "excluded"
	}
	if f != nil && len(f.Include) > 0 {
		if !matchAny(f.Include, rel) {
			return "not included"
		}
		return ""
	}
	if (f == nil || !f.Hidden) && strings.HasPrefix(path.Base(rel), ".") {
		return "hidden"
	}
	if !Known(rel) {
		return "not a known type"
	}
	return ""
}

// Member says why a file in an archive is left out, "" if it is not; it is for [Options].Names.
func (f *Filter) Member(name string) string {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if why := f.folder(dir); why != "" {
			return why
		}
	}
	if strings.HasPrefix(name, "__MACOSX/") { // what a Mac puts beside each file
		return "hidden"
	}
	return f.file(name)
}

// ignoreNames are the files that say what is left out, the later ones overruling the earlier.
var ignoreNames = []string{".gitignore", ".semsearchignore"}

// maxIgnoreBytes is how much of such a file is read.
const maxIgnoreBytes = 1 << 20

// ignoreFile is the patterns of one file, for the paths below the folder it lies in.
type ignoreFile struct {
	dir   string // absolute
	name  string
	rules []ignoreRule
}

// ignoreRule is a line of it (gitignore(5)).
type ignoreRule struct {
	pattern string // of package doublestar, for a path below the folder
	negated bool
	folders bool // matches folders only
}

// readIgnore reads the ignore files in a folder.
func readIgnore(dir string) []ignoreFile {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil
	}
	var files []ignoreFile
	for _, name := range ignoreNames {
		data, err := read(filepath.Join(dir, name), maxIgnoreBytes)
		if err != nil {
			continue
		}
		if rules := parseIgnore(data); len(rules) > 0 {
			files = append(files, ignoreFile{abs, name, rules})
		}
	}
	return files
}

// parseIgnore reads the lines of an ignore file.
func parseIgnore(data []byte) []ignoreRule {
	var rules []ignoreRule
	sc := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(data, []byte(byteOrderMark))))
	sc.Buffer(nil, maxIgnoreBytes+1)
	for sc.Scan() {
		line := strings.TrimSuffix(sc.Text(), "\r")
		for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
			line = line[:len(line)-1]
		}
		if line == "" || line[0] == '#' {
			continue
		}
		var r ignoreRule
		if line[0] == '!' {
			r.negated, line = true, line[1:]
		}
		if strings.HasSuffix(line, "/") {
			r.folders, line = true, strings.TrimSuffix(line, "/")
		}
		anchored := strings.Contains(line, "/")
		line = strings.TrimPrefix(line, "/")
		line = strings.NewReplacer("{", `\{`, "}", `\}`).Replace(line) // no alternatives there
		if line == "" {
			continue
		}
		if strings.HasSuffix(line, "/**") { // what is in it, not the folder itself
			line += "/*"
		}
		if !anchored {
			line = "**/" + line
		}
		if !doublestar.ValidatePattern(line) {
			continue // as git: a pattern that is none matches nothing
		}
		r.pattern = line
		rules = append(rules, r)
	}
	return rules
}

// ignoredBy returns the file that says that a path is left out, "" if none does. files are in the order in
// which later ones overrule.
func ignoredBy(files []ignoreFile, abs string, isDir bool) string {
	for i := len(files) - 1; i >= 0; i-- {
		f := files[i]
		rel, err := filepath.Rel(f.dir, abs)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		rel = filepath.ToSlash(rel)
		for j := len(f.rules) - 1; j >= 0; j-- {
			r := f.rules[j]
			if r.folders && !isDir || !doublestar.MatchUnvalidated(r.pattern, rel) {
				continue
			}
			if r.negated {
				return ""
			}
			return f.name
		}
	}
	return ""
}

// ignoreAbove are the ignore files of the folders above a folder, up to the top of its git repository; none
// outside of one.
func ignoreAbove(dir string) []ignoreFile {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil
	}
	var above []string
	for d := abs; ; {
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			break
		}
		up := filepath.Dir(d)
		if up == d {
			return nil
		}
		above = append(above, up)
		d = up
	}
	var files []ignoreFile
	for i := len(above) - 1; i >= 0; i-- {
		files = append(files, readIgnore(above[i])...)
	}
	return files
}
