package extract

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strconv"
	"strings"

	"golang.org/x/net/html/charset"
)

// Limits of a message.
const (
	maxMIMEDepth = 16   // multiparts in multiparts
	maxMIMEParts = 2000 // of a message
)

// mailHeader are the fields that are part of the text.
var mailHeader = []string{"Subject", "From", "To", "Cc", "Date"}

// looksEmail reports whether a file begins with the header of a message: fields only, among them two that
// every message has.
func looksEmail(head []byte) bool {
	found := 0
	for n := 0; len(head) > 0 && n < 60; n++ {
		line, rest, _ := bytes.Cut(head, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		head = rest
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if n == 0 {
				return false
			}
			continue
		}
		name, _, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t") {
			return false
		}
		switch strings.ToLower(string(name)) {
		case "received", "return-path", "message-id", "mime-version", "date", "from", "delivered-to", "dkim-signature":
			found++
		}
	}
	return found >= 2
}

// mailMessage is a message being read.
type mailMessage struct {
	ctx      context.Context
	o        Options
	raw      string // the file, when it is UTF-8
	b        *builder
	searched int // how far raw has been looked through for parts
	parts    int
	attached []attachment
}

// readEmail writes a message as its Subject, From, To, Cc and Date and then its text: the plain one where
// it comes in several kinds. Parts that have a name, and messages inside, are attachments.
func readEmail(ctx context.Context, data []byte, o Options) (result, error) {
	msg, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return result{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	m := &mailMessage{ctx: ctx, o: o}
	if invalidAt(data) < 0 {
		m.raw = string(data)
	}
	m.b = newBuilder(source{text: m.raw})
	var title string
	for _, name := range mailHeader {
		v := decodeHeader(msg.Header.Get(name))
		if v == "" {
			continue
		}
		if name == "Subject" {
			title = v
		}
		m.b.glue(name + ": ")
		if i := headerAt(m.raw, name); i >= 0 {
			m.b.put(v, i)
		} else {
			m.b.glue(v)
		}
		m.b.glue("\n")
	}
	body, err := io.ReadAll(msg.Body)
	if err != nil {
		return result{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	m.searched = max(len(data)-len(body), 0)
	if len(m.b.text) > 0 {
		m.b.glue("\n")
	}
	if err := m.part(textproto.MIMEHeader(msg.Header), body, 0); err != nil {
		return result{}, err
	}
	res := result{title: title, attached: m.attached}
	res.text, res.where = m.b.build()
	return res, nil
}

// headerAt is where a field of the header begins, -1 if it is not found.
func headerAt(raw, name string) int {
	for i := 0; i < len(raw); {
		if len(raw)-i > len(name) && strings.EqualFold(raw[i:i+len(name)], name) && raw[i+len(name)] == ':' {
			return i
		}
		n := strings.IndexByte(raw[i:], '\n')
		if n <= 0 || strings.TrimSpace(raw[i:i+n]) == "" {
			return -1
		}
		i += n + 1
	}
	return -1
}

// decodeHeader decodes the encoded words of RFC 2047.
func decodeHeader(v string) string {
	dec := mime.WordDecoder{CharsetReader: func(label string, r io.Reader) (io.Reader, error) { return charset.NewReaderLabel(label, r) }}
	if s, err := dec.DecodeHeader(v); err == nil {
		v = s
	}
	return oneLine(v)
}

// part takes a part of a message: its header and its body as it stands in the file.
func (m *mailMessage) part(h textproto.MIMEHeader, body []byte, depth int) error {
	if err := stopped(m.ctx); err != nil {
		return err
	}
	if m.parts++; m.parts > maxMIMEParts || depth > maxMIMEDepth {
		return fmt.Errorf("%w: parts in %d levels, %d in all", ErrDepth, depth, m.parts)
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind, params = "text/plain", nil
	}
	disposition, dparams, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
	name := decodeHeader(dparams["filename"])
	if name == "" {
		name = decodeHeader(params["name"])
	}
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" {
		return m.multipart(kind, params["boundary"], body, depth)
	}
	raw := body
	body = decodeTransfer(h.Get("Content-Transfer-Encoding"), body)
	switch {
	case kind == "message/rfc822":
		if name == "" {
			name = "message-" + strconv.Itoa(m.parts)
		}
		if byName(name) != Email {
			name += ".eml"
		}
		m.attach(name, body)
	case name != "" || disposition == "attachment":
		if name == "" {
			name = "part-" + strconv.Itoa(m.parts)
		}
		m.attach(name, body)
	case kind == "text/plain" || kind == "text/html":
		return m.text(kind, params["charset"], raw, body)
	}
	return nil
}

func (m *mailMessage) attach(name string, data []byte) {
	m.attached = append(m.attached, attachment{name, data})
}

// multipart takes the parts of one body; of alternatives the plain text, else the last that can be read.
func (m *mailMessage) multipart(kind, boundary string, body []byte, depth int) error {
	type part struct {
		h    textproto.MIMEHeader
		body []byte
	}
	var parts []part
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		p, err := r.NextRawPart()
		if err != nil {
			break // the end, or a message that is cut off: what is there is read
		}
		data, err := io.ReadAll(p)
		parts = append(parts, part{p.Header, data})
		if err != nil || len(parts) > maxMIMEParts {
			break
		}
	}
	if kind == "multipart/alternative" && len(parts) > 0 {
		chosen := len(parts) - 1
		for i, p := range parts {
			if t, _, err := mime.ParseMediaType(p.h.Get("Content-Type")); err == nil && t == "text/plain" && len(bytes.TrimSpace(p.body)) > 0 {
				chosen = i
				break
			}
		}
		parts = parts[chosen : chosen+1]
	}
	for _, p := range parts {
		if err := m.part(p.h, p.body, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// decodeTransfer undoes a transfer encoding as far as it goes: what follows damage is lost, as it is to a
// mail program.
func decodeTransfer(encoding string, body []byte) []byte {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		out, _ := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		return out
	case "base64":
		out, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body)))
		if err != nil && len(out) == 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
			return body
		}
		return out
	}
	return body
}

// text writes a part that is text.
func (m *mailMessage) text(kind, label string, raw, body []byte) error {
	src, err := decode(body, label, "windows-1252") // the encoding that mail without one is in, where it is not ASCII
	if err != nil {
		return err
	}
	if n := len(m.b.text); n > 0 && !strings.HasSuffix(string(m.b.text[max(0, n-2):]), "\n\n") {
		m.b.glue("\n\n")
	}
	if kind == "text/html" {
		b := newBuilder(src)
		if _, err := readHTML(m.ctx, b); err != nil {
			return err
		}
		src.text = string(b.text)
	}
	// Where the part stands in the file: as it is, or as it was encoded.
	at := -1
	if m.raw != "" && len(raw) > 0 {
		if i := strings.Index(m.raw[m.searched:], string(raw)); i >= 0 {
			at = m.searched + i
			m.searched = at + len(raw)
		}
	}
	switch {
	case at >= 0 && src.text == string(raw):
		m.b.copy(at, at+len(raw))
	case at >= 0:
		m.b.put(src.text, at)
	default:
		m.b.glue(src.text)
	}
	return nil
}

// mboxStart reports whether a file begins like an mbox: the line "From address date", then a header.
func mboxStart(head []byte) bool {
	line, rest, ok := bytes.Cut(head, []byte("\n"))
	return ok && len(bytes.Fields(line)) >= 3 && looksEmail(rest)
}

// mbox gives each message of an mbox (RFC 4155) as a member named by its number.
func (j *job) mbox(ctx context.Context, member string, data []byte, depth int) error {
	if !bytes.HasPrefix(data, []byte("From ")) {
		return j.fn(Item{Member: member, Err: fmt.Errorf("%w: no line \"From \" at its start", ErrDamaged)})
	}
	number := 0
	for len(data) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := j.entry(); err != nil {
			return j.fn(Item{Member: member, Err: err})
		}
		end := nextFrom(data)
		_, msg, _ := bytes.Cut(data[:end], []byte("\n"))
		data = data[end:]
		number++
		// A line that began with From was given a mark, which is taken off.
		msg = bytes.ReplaceAll(msg, []byte("\n>From "), []byte("\nFrom "))
		name := strconv.Itoa(number)
		doc, attached, err := j.document(ctx, Email, name, msg)
		if cause := ctx.Err(); cause != nil {
			return cause
		}
		full := within(member, name)
		if err := j.fn(Item{Member: full, Doc: doc, Err: err}); err != nil {
			return err
		}
		for _, a := range attached {
			if depth >= j.o.MaxDepth {
				return j.fn(Item{Member: full, Err: fmt.Errorf("%w: its attachments are left out", ErrDepth)})
			}
			if err := j.member(ctx, full, a.name, a.data, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextFrom is where the message after the first begins: a line "From " after an empty one.
func nextFrom(data []byte) int {
	for i := 0; ; {
		n := bytes.Index(data[i:], []byte("\nFrom "))
		if n < 0 {
			return len(data)
		}
		i += n + 1
		before := bytes.TrimRight(data[:i-1], "\r")
		if len(before) == 0 || before[len(before)-1] == '\n' {
			return i
		}
	}
}
