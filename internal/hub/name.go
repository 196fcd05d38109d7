package hub

import (
	"fmt"
	"path"
	"strings"
)

// Ref names a model at a revision.
type Ref struct {
	Name     string // ORG/NAME or NAME
	Revision string // a branch, a tag or a commit; "" means main
}

// ParseRef reads ORG/NAME[@REVISION]. The error is [ErrName].
func ParseRef(s string) (Ref, error) {
	name, rev, at := strings.Cut(s, "@")
	r := Ref{Name: name, Revision: rev}
	if at && rev == "" {
		return Ref{}, fmt.Errorf("%q: %w: no revision after the @", s, ErrName)
	}
	if err := r.check(); err != nil {
		return Ref{}, err
	}
	return r, nil
}

// String is the ref as ParseRef reads it.
func (r Ref) String() string {
	if r.Revision == "" {
		return r.Name
	}
	return r.Name + "@" + r.Revision
}

// revision is Revision with its default.
func (r Ref) revision() string {
	if r.Revision == "" {
		return "main"
	}
	return r.Revision
}

// check applies the hub's rules, which also make a folder's name of a model and back again free of
// doubt: "--" stands for the slash.
func (r Ref) check() error {
	bad := func(why string) error { return fmt.Errorf("%q: %w: %s", r.String(), ErrName, why) }
	if len(r.Name) > 96 {
		return bad("longer than 96 characters")
	}
	parts := strings.Split(r.Name, "/")
	if len(parts) > 2 {
		return bad("more than one slash")
	}
	for _, p := range parts {
		switch {
		case p == "":
			return bad("a part of it is empty")
		case strings.Trim(p, nameChars) != "":
			return bad("characters other than letters, digits, '-', '_' and '.'")
		case strings.ContainsAny(p[:1]+p[len(p)-1:], "-."):
			return bad("begins or ends with '-' or '.'")
		case strings.Contains(p, "--"), strings.Contains(p, ".."):
			return bad("'--' or '..' in it")
		case strings.HasSuffix(p, ".git"):
			return bad("ends with .git")
		case reserved(p):
			return bad("a name that Windows keeps for itself")
		}
	}
	if r.Revision != "" {
		if err := checkPath(r.Revision); err != nil || len(r.Revision) > 200 || strings.HasSuffix(r.Revision, ".lock") {
			return bad("no revision can be called that")
		}
	}
	return nil
}

const nameChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

// folder is the name of the folder in the cache.
func (r Ref) folder() string { return "models--" + strings.ReplaceAll(r.Name, "/", "--") }

// checkPath says whether a path with slashes can be used below a folder, on any system: it is
// relative, leads nowhere else, and has no part that is odd.
func checkPath(p string) error {
	if p == "" || len(p) > 500 || path.IsAbs(p) {
		return fmt.Errorf("%q: %w", p, ErrName)
	}
	for part := range strings.SplitSeq(p, "/") {
		odd := strings.ContainsFunc(part, func(r rune) bool {
			return r < ' ' || r == 0x7f || r == '\ufffd' || strings.ContainsRune(`<>:"\|?*`, r)
		})
		if odd || strings.Trim(part, ".") == "" || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") || reserved(part) {
			return fmt.Errorf("%q: %w", p, ErrName)
		}
	}
	return nil
}

// reserved says whether Windows has a device of that name.
func reserved(part string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(part), ".")
	switch base {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(base) == 4 && (base[:3] == "COM" || base[:3] == "LPT") && '0' <= base[3] && base[3] <= '9'
}

// isHex says whether s is n lower-case hexadecimal digits.
func isHex(s string, n int) bool { return len(s) == n && strings.Trim(s, "0123456789abcdef") == "" }
