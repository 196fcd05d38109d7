package extract

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// maxRatio is how many bytes one packed byte may become, beyond freeBytes. Text of people is packed to a
// tenth, logs to a hundredth; only bombs get near to the thousandfold that deflate allows.
const (
	maxRatio  = 200
	freeBytes = 1 << 20
)

// zipKind tells what a ZIP is by the names of what is in it.
func zipKind(data []byte) Format {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return Zip
	}
	document, content, container := false, false, false
	for _, f := range z.File {
		switch f.Name {
		case "word/document.xml":
			document = true
		case "content.xml":
			content = true
		case "META-INF/container.xml":
			container = true
		}
	}
	switch {
	case document:
		return DOCX
	case container:
		return EPUB
	case content:
		return ODT
	}
	return Zip
}

// archive gives the documents in an archive.
func (j *job) archive(ctx context.Context, format Format, member, name string, data []byte, depth int) error {
	var err error
	switch format {
	case Zip:
		err = j.zip(ctx, member, data, depth)
	case Tar:
		err = j.tar(ctx, member, bytes.NewReader(data), depth)
	case Gzip:
		err = j.gzip(ctx, member, name, data, depth)
	case Mbox:
		return j.mbox(ctx, member, data, depth)
	}
	var st *stop
	if errors.As(err, &st) {
		return st.error
	}
	if err != nil {
		return j.fn(Item{Member: member, Err: err})
	}
	return nil
}

// stop is an error that ends the whole reading, unlike one that is about the archive.
type stop struct{ error }

func (s *stop) Unwrap() error { return s.error }

func stopOn(err error) error {
	if err == nil {
		return nil
	}
	return &stop{err}
}

// entry counts a member.
func (j *job) entry() error {
	if j.entries--; j.entries < 0 {
		return fmt.Errorf("%w: more than %d files in it", ErrExpands, j.o.MaxEntries)
	}
	return nil
}

// unpack reads a packed stream of a known packed size, 0 for none.
func (j *job) unpack(ctx context.Context, r io.Reader, packed int64) ([]byte, error) {
	limit := j.o.MaxBytes
	reason := fmt.Errorf("%w: over the limit of %d bytes", ErrTooLarge, limit)
	if packed > 0 {
		if l := max(packed*maxRatio, freeBytes); l < limit {
			limit, reason = l, fmt.Errorf("%w: to more than %d times its size", ErrExpands, maxRatio)
		}
	}
	if j.unpacked < limit {
		limit, reason = j.unpacked, fmt.Errorf("%w: to more than %d bytes together", ErrExpands, j.o.MaxUnpacked)
	}
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(&contextReader{ctx, r}, limit+1))
	j.unpacked -= min(n, limit)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case n > limit:
		return nil, reason
	case errors.Is(err, ErrExpands):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return buf.Bytes(), nil
}

// contextReader ends with the error of a context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// exhausted reports whether nothing more may be unpacked.
func (j *job) exhausted() error {
	if j.unpacked <= 0 {
		return fmt.Errorf("%w: to more than %d bytes together", ErrExpands, j.o.MaxUnpacked)
	}
	return nil
}

// skipMember reports a member that is left out by its name; done is true if it was.
func (j *job) skipMember(member, name string) (done bool, err error) {
	if why := j.o.Names(name); why != "" {
		return true, stopOn(j.fn(Item{Member: within(member, name), Skipped: why}))
	}
	return false, nil
}

func within(member, name string) string {
	if member == "" {
		return name
	}
	return member + Separator + name
}

func (j *job) zip(ctx context.Context, member string, data []byte, depth int) error {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	for _, f := range z.File {
		if err := ctx.Err(); err != nil {
			return stopOn(err)
		}
		if strings.HasSuffix(f.Name, "/") || !f.Mode().IsRegular() {
			continue
		}
		if err := j.entry(); err != nil {
			return err
		}
		if err := j.exhausted(); err != nil {
			return err
		}
		name := memberName(f.Name)
		if done, err := j.skipMember(member, name); err != nil || done {
			if err != nil {
				return err
			}
			continue
		}
		part, err := j.zipPart(ctx, f)
		if err != nil {
			if cause := ctx.Err(); cause != nil {
				return stopOn(cause)
			}
			if err := j.fn(Item{Member: within(member, name), Err: err}); err != nil {
				return stopOn(err)
			}
			continue
		}
		if err := j.file(ctx, within(member, name), name, part, depth); err != nil {
			return stopOn(err)
		}
	}
	return nil
}

// zipPart unpacks one file of a ZIP.
func (j *job) zipPart(ctx context.Context, f *zip.File) ([]byte, error) {
	if f.Flags&1 != 0 {
		return nil, ErrEncrypted
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer r.Close()
	return j.unpack(ctx, r, int64(min(f.CompressedSize64, 1<<50)))
}

func (j *job) tar(ctx context.Context, member string, r io.Reader, depth int) error {
	t := tar.NewReader(r)
	for {
		if err := ctx.Err(); err != nil {
			return stopOn(err)
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if errors.Is(err, ErrExpands) {
				return err
			}
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if err := j.entry(); err != nil {
			return err
		}
		if err := j.exhausted(); err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeGNUSparse {
			continue
		}
		name := memberName(h.Name)
		if done, err := j.skipMember(member, name); err != nil || done {
			if err != nil {
				return err
			}
			continue
		}
		var part []byte
		if h.Size > j.o.MaxBytes {
			err = fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, h.Size, j.o.MaxBytes)
		} else {
			part, err = j.unpack(ctx, t, 0)
		}
		if err != nil {
			if cause := ctx.Err(); cause != nil {
				return stopOn(cause)
			}
			if errors.Is(err, ErrExpands) {
				return err
			}
			if err := j.fn(Item{Member: within(member, name), Err: err}); err != nil {
				return stopOn(err)
			}
			continue
		}
		if err := j.file(ctx, within(member, name), name, part, depth); err != nil {
			return stopOn(err)
		}
	}
}

// gzip gives the file in a gzip, or the files of the tar in it.
func (j *job) gzip(ctx context.Context, member, name string, data []byte, depth int) error {
	open := func() (*gzip.Reader, error) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return z, nil
	}
	z, err := open()
	if err != nil {
		return err
	}
	head := make([]byte, headBytes)
	n, _ := io.ReadFull(z, head)
	if packedFormat(head[:n]) == Tar {
		if z, err = open(); err != nil {
			return err
		}
		// What a tar passes over is unpacked too: the stream as a whole is limited.
		limit := min(j.o.MaxUnpacked, max(int64(len(data))*maxRatio, freeBytes))
		return j.tar(ctx, member, &limitedReader{r: z, left: limit, o: j.o}, depth)
	}
	if z, err = open(); err != nil {
		return err
	}
	if err := j.entry(); err != nil {
		return err
	}
	inner := path.Base(memberName(name))
	for _, suffix := range []string{".gz", ".gzip", ".tgz"} {
		if s, ok := strings.CutSuffix(strings.ToLower(inner), suffix); ok && s != "" {
			inner = inner[:len(s)]
			break
		}
	}
	part, err := j.unpack(ctx, z, int64(len(data)))
	if err != nil {
		if cause := ctx.Err(); cause != nil {
			return stopOn(cause)
		}
		return err
	}
	return stopOn(j.file(ctx, within(member, inner), inner, part, depth))
}

// limitedReader is an ErrExpands after so many bytes.
type limitedReader struct {
	r    io.Reader
	left int64
	o    Options
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("%w: the tar in it has no end within the limits", ErrExpands)
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	return n, err
}
