package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// DefaultEndpoint is the hub that is asked when neither Client.Endpoint nor HF_ENDPOINT names one.
const DefaultEndpoint = "https://huggingface.co"

// DefaultMaxBytes is what a pull fetches at most unless Client.MaxBytes says otherwise.
const DefaultMaxBytes = 20 << 30

// Client pulls models. Its zero value, with a cache, is ready; it may be used by several goroutines.
type Client struct {
	Cache     Cache
	Endpoint  string         // the hub, such as DefaultEndpoint; "" means $HF_ENDPOINT, else DefaultEndpoint
	Token     string         // "" means $HF_TOKEN, which may be empty too
	UserAgent string         // "" means semsearch
	MaxBytes  int64          // of all files together; 0 means DefaultMaxBytes
	Progress  func(Progress) // called now and then; may be nil

	transport http.RoundTripper                                // nil: a new one with time limits
	sleep     func(ctx context.Context, d time.Duration) error // nil: wait
	stall     time.Duration                                    // without a byte, a transfer counts as broken; 0: a minute
	noLinks   bool                                             // copy blobs, as where links cannot be made
}

// Progress is how far a pull is.
type Progress struct {
	File       string // under way, or just done
	Files      int    // done, of
	AllFiles   int
	Bytes      int64 // done, of all files, of
	AllBytes   int64
	FileDone   bool // File is done
	FromCache  bool // and was there already
	Retry      error
	RetryPause time.Duration
}

// conversation is a client at work: what it asks, with whose token.
type conversation struct {
	*Client
	base  *url.URL
	token string
	http  *http.Client // follows redirects
	still *http.Client // follows those within the hub
}

func (c *Client) open() (*conversation, error) {
	s := &conversation{Client: c, token: c.Token}
	if s.token == "" {
		s.token = os.Getenv("HF_TOKEN")
	}
	s.token = strings.TrimSpace(s.token)
	if strings.ContainsFunc(s.token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, errors.New("the token holds characters that no token has")
	}
	endpoint := c.Endpoint
	if endpoint == "" {
		endpoint = os.Getenv("HF_ENDPOINT")
	}
	if endpoint == "" {
		endpoint = DefaultEndpoint
	}
	var err error
	if s.base, err = url.Parse(endpoint); err != nil || s.base.Host == "" || s.base.Scheme != "https" && s.base.Scheme != "http" {
		return nil, fmt.Errorf("endpoint %q: want a URL such as %s", plainURL(endpoint), DefaultEndpoint)
	}
	if s.base.User != nil || s.base.RawQuery != "" || s.base.Fragment != "" {
		return nil, fmt.Errorf("endpoint %q: want no user, query or fragment", plainURL(endpoint))
	}
	s.base.Path = strings.TrimRight(s.base.Path, "/")
	inner := c.transport
	if inner == nil {
		inner = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			TLSHandshakeTimeout:   30 * time.Second,
			ResponseHeaderTimeout: 60 * time.Second,
			IdleConnTimeout:       30 * time.Second,
			DisableCompression:    true, // hashes and ranges are of the bytes as they are
		}
	}
	agent := c.UserAgent
	if agent == "" {
		agent = "semsearch"
	}
	rt := &authTransport{inner: inner, base: s.base, token: s.token, agent: agent}
	check := func(req *http.Request, via []*http.Request) error {
		if len(via) >= 10 {
			return errors.New("more than 10 redirects")
		}
		if s.base.Scheme == "https" && req.URL.Scheme != "https" {
			return errors.New("redirect away from TLS")
		}
		return nil
	}
	s.http = &http.Client{Transport: rt, CheckRedirect: check}
	s.still = &http.Client{Transport: rt, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if !sameHost(req.URL, s.base) {
			return http.ErrUseLastResponse // a file is elsewhere; what is said of it is in this answer
		}
		return check(req, via)
	}}
	return s, nil
}

// authTransport puts the token into requests to the hub and into no others.
type authTransport struct {
	inner        http.RoundTripper
	base         *url.URL
	token, agent string
}

func (t *authTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", t.agent)
	req.Header.Del("Authorization")
	req.Header.Del("Referer") // which would tell a host where the redirect came from
	if t.token != "" && sameHost(req.URL, t.base) && (req.URL.Scheme == "https" || isLoopback(req.URL.Hostname())) {
		req.Header.Set("Authorization", "Bearer "+t.token)
	}
	return t.inner.RoundTrip(req)
}

func sameHost(a, b *url.URL) bool { return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host) }

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// plainURL is a URL without what may be secret in it.
func plainURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "?"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// netError takes the query out of the URL that an error of net/http names: signatures stand there.
func netError(err error) error {
	if ue := new(url.Error); errors.As(err, &ue) {
		return fmt.Errorf("%s: %w", plainURL(ue.URL), ue.Err)
	}
	return err
}

// revisionInfo is what the hub says of a revision.
type revisionInfo struct {
	SHA      string    `json:"sha"`
	Siblings []sibling `json:"siblings"`
}

type sibling struct {
	Name string `json:"rfilename"`
	Size int64  `json:"size"`
	Blob string `json:"blobId"` // git's SHA-1 of the blob; of a pointer where lfs is there
	LFS  *struct {
		SHA256 string `json:"sha256"`
		Size   int64  `json:"size"`
	} `json:"lfs"`
}

// maxAnswer is the longest answer of the hub itself that is read.
const maxAnswer = 32 << 20

// revision asks which commit a revision is and which files it has.
func (s *conversation) revision(ctx context.Context, r Ref) (*revisionInfo, error) {
	u := *s.base
	u.RawPath = u.EscapedPath() + "/api/models/" + r.Name + "/revision/" + url.PathEscape(r.revision())
	u.Path += "/api/models/" + r.Name + "/revision/" + r.revision()
	u.RawQuery = "blobs=true"
	info := new(revisionInfo)
	err := s.retry(ctx, func() (progress bool, err error) {
		resp, err := s.do(ctx, s.http, http.MethodGet, u.String(), nil)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		if err := s.status(resp, r, "", http.StatusOK); err != nil {
			return false, err
		}
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		if err != nil {
			return false, temporary(netError(err), 0)
		}
		if len(data) > maxAnswer {
			return false, fmt.Errorf("%s: %w: more than %d bytes", r, ErrProtocol, maxAnswer)
		}
		*info = revisionInfo{}
		if err := json.Unmarshal(data, info); err != nil {
			return false, fmt.Errorf("%s: %w: %v", r, ErrProtocol, err)
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	if !isHex(info.SHA, 40) {
		return nil, fmt.Errorf("%s: %w: %q is no commit", r, ErrProtocol, info.SHA)
	}
	if isHex(r.Revision, 40) && info.SHA != r.Revision {
		return nil, fmt.Errorf("%s: %w: commit %s", r, ErrProtocol, info.SHA)
	}
	return info, nil
}

// fileURL is where a file of a commit lies.
func (s *conversation) fileURL(r Ref, commit, file string) string {
	u := s.base.JoinPath(r.Name, "resolve", commit)
	for part := range strings.SplitSeq(file, "/") {
		u = u.JoinPath(url.PathEscape(part))
	}
	return u.String()
}

// head asks for the size and the hash of a file.
func (s *conversation) head(ctx context.Context, r Ref, commit string, f *file) error {
	return s.retry(ctx, func() (bool, error) {
		resp, err := s.do(ctx, s.still, http.MethodHead, s.fileURL(r, commit, f.name), nil)
		if err != nil {
			return false, err
		}
		resp.Body.Close()
		if err := s.status(resp, r, f.name, http.StatusOK, http.StatusMovedPermanently, http.StatusFound,
			http.StatusTemporaryRedirect, http.StatusPermanentRedirect, http.StatusSeeOther); err != nil {
			return false, err
		}
		if at := resp.Header.Get("X-Repo-Commit"); at != "" && at != commit {
			return false, fmt.Errorf("%s: %s: %w: commit %q, want %s", r, f.name, ErrProtocol, at, commit)
		}
		tag := resp.Header.Get("X-Linked-Etag")
		if tag == "" {
			tag = resp.Header.Get("Etag")
		}
		tag = strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
		if isHex(tag, 40) || isHex(tag, 64) {
			if f.hash != "" && len(f.hash) == len(tag) && f.hash != tag {
				return false, fmt.Errorf("%s: %s: %w: two hashes, %s and %s", r, f.name, ErrProtocol, f.hash, tag)
			}
			f.hash = tag
		}
		if f.hash == "" {
			return false, fmt.Errorf("%s: %s: %w: no hash", r, f.name, ErrProtocol)
		}
		size := int64(-1)
		if n := resp.Header.Get("X-Linked-Size"); n != "" {
			if size, err = strconv.ParseInt(n, 10, 64); err != nil {
				size = -1
			}
		} else if resp.StatusCode == http.StatusOK {
			size = resp.ContentLength
		}
		if size >= 0 {
			f.size = size
		}
		if f.size < 0 {
			return false, fmt.Errorf("%s: %s: %w: no size", r, f.name, ErrProtocol)
		}
		return false, nil
	})
}

// do sends a request. What goes wrong on the way may be tried again.
func (s *conversation) do(ctx context.Context, c *http.Client, method, u string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, u, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := c.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, temporary(netError(err), 0)
	}
	return resp, nil
}

// status turns an answer that is none of ok into an error. file may be "".
func (s *conversation) status(resp *http.Response, r Ref, file string, ok ...int) error {
	for _, code := range ok {
		if resp.StatusCode == code {
			return nil
		}
	}
	what := r.String()
	if file != "" {
		what += ": " + file
	}
	code := resp.Header.Get("X-Error-Code")
	switch n := resp.StatusCode; {
	case code == "GatedRepo", n == http.StatusForbidden:
		return fmt.Errorf("%s: %w (%s)", what, ErrAccess, resp.Status)
	case code == "RepoNotFound", code == "RevisionNotFound", code == "EntryNotFound", n == http.StatusNotFound:
		return fmt.Errorf("%s: %w (%s)", what, ErrNotFound, resp.Status)
	case n == http.StatusUnauthorized:
		return fmt.Errorf("%s: %w (%s): no such model, or one that needs a token", what, ErrAccess, resp.Status)
	case n == http.StatusTooManyRequests, n == http.StatusRequestTimeout, n >= 500:
		return temporary(fmt.Errorf("%s: %s answers %s", what, resp.Request.URL.Host, resp.Status), retryAfter(resp.Header.Get("Retry-After")))
	default:
		return fmt.Errorf("%s: %w: %s", what, ErrProtocol, resp.Status)
	}
}

// retryAfter reads the header of that name, seconds or a date; 0 when it is neither.
func retryAfter(s string) time.Duration {
	if n, err := strconv.Atoi(s); err == nil {
		return time.Duration(max(n, 0)) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// temporaryError is one that may be gone when the same is tried again.
type temporaryError struct {
	error
	after time.Duration // as the hub asks for; 0 when it does not
}

func (t *temporaryError) Unwrap() error { return t.error }

func temporary(err error, after time.Duration) error { return &temporaryError{err, after} }

const (
	tries    = 6
	maxPause = 2 * time.Minute // longer than that the hub is not waited for
)

// retry calls fn until it succeeds or fails for good. A call that got further begins the count again.
func (s *conversation) retry(ctx context.Context, fn func() (progress bool, err error)) error {
	pause := time.Second
	for try := 1; ; try++ {
		progress, err := fn()
		var t *temporaryError
		if err == nil || ctx.Err() != nil || !errors.As(err, &t) {
			return err
		}
		if progress {
			try, pause = 1, time.Second
		}
		wait := pause
		if t.after > 0 {
			wait = t.after
		}
		if try >= tries || wait > maxPause {
			return t.error
		}
		if s.Progress != nil {
			s.Progress(Progress{Retry: t.error, RetryPause: wait})
		}
		if err := s.wait(ctx, wait); err != nil {
			return err
		}
		pause = min(2*pause, 30*time.Second)
	}
}

func (s *conversation) wait(ctx context.Context, d time.Duration) error {
	if s.sleep != nil {
		return s.sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
