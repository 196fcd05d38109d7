// Package extracttest makes files that are out to harm their reader: bombs, cut off, cyclic, nested without
// end, with wrong lengths. They are made and not kept, because virus scanners do not like to meet them.
package extracttest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Hostile returns the files by name. None of them may crash or hang a reader, or take it much memory; most
// are errors, some give a document. Each has a name of a known type. The map is made once and not to be
// changed.
func Hostile() map[string][]byte { return hostile() }

var hostile = sync.OnceValue(func() map[string][]byte {
	files := map[string][]byte{}
	for name, file := range makers() {
		files[name] = file()
	}
	return files
})

// Seeds returns those of the files that are small, whose names end with one of the suffixes.
func Seeds(suffixes ...string) map[string][]byte {
	files := map[string][]byte{}
	for name, file := range makers() {
		if big.MatchString(name) || !slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) }) {
			continue
		}
		if data := file(); len(data) < 20_000 {
			files[name] = data
		}
	}
	return files
}

// big are the files that take long to make.
var big = regexp.MustCompile(`^(zeros|overlap|many|bomb|deep-|rows|columns|repeated)`)

// makers make the files.
func makers() map[string]func() []byte {
	files := map[string]func() []byte{
		"zeros.zip":     func() []byte { return Zip("zeros.txt", zeros(16<<20)) },
		"zeros.gz":      func() []byte { return gz(zeros(64 << 20)) },
		"zeros.tgz":     func() []byte { return gz(tarOf("zeros.txt", 16<<20, zeros(16<<20))) },
		"zeros.docx":    func() []byte { return Zip("word/document.xml", zeros(16<<20)) },
		"nested.zip":    func() []byte { return nestedZip(12) },
		"overlap.zip":   func() []byte { return overlapping(5000) },
		"many.zip":      func() []byte { return manyEntries(40_000) },
		"cut.zip":       func() []byte { return half(Zip("a.txt", []byte(strings.Repeat("some text ", 1000)))) },
		"no-end.zip":    func() []byte { return []byte("PK\x03\x04" + strings.Repeat("\x00\xff", 500)) },
		"bad-crc.zip":   func() []byte { return badChecksum() },
		"slip.zip":      func() []byte { return Zip("../../../etc/passwd.txt", []byte("Not where it says.")) },
		"long-name.zip": func() []byte { return Zip(strings.Repeat("folder/", 3000)+"a.txt", []byte("A long way down.")) },
		"size-lie.tar":  func() []byte { return tarOf("a.txt", 1<<40, []byte("less than it says")) },
		"sparse.tar":    func() []byte { return sparseTar() },
		"cut.tar":       func() []byte { return half(tarOf("a.txt", 4000, bytes.Repeat([]byte("word "), 800))) },
		"cut.gz":        func() []byte { return half(gz([]byte(strings.Repeat("some text ", 10_000)))) },
		"entities.docx": func() []byte { return Zip("word/document.xml", []byte(laughs)) },
		"entities.html": func() []byte { return []byte("<p>" + strings.Repeat("&amp;", 60_000)) },
		"deep.html": func() []byte {
			return []byte(strings.Repeat("<div>", 100_000) + "text" + strings.Repeat("</div>", 100_000))
		},
		"deep-lists.html":   func() []byte { return []byte(strings.Repeat("<ul><li>", 100_000) + "text") },
		"deep-tables.html":  func() []byte { return []byte(strings.Repeat("<table><tr><td>", 100_000) + "text") },
		"open-tag.html":     func() []byte { return []byte("<p>text <a href=\"" + strings.Repeat("x<", 100_000)) },
		"comment.html":      func() []byte { return []byte("<p>text <!-- " + strings.Repeat("- ", 100_000)) },
		"cdata.html":        func() []byte { return []byte("<p>text <![CDATA[" + strings.Repeat("]]", 100_000)) },
		"deep.json":         func() []byte { return []byte(strings.Repeat("[", 1_000_000)) },
		"deep-objects.json": func() []byte { return []byte(strings.Repeat(`{"a":`, 60_000) + "1" + strings.Repeat("}", 60_000)) },
		"cut.json":          func() []byte { return []byte(`{"a": ["b", {"c": "`) },
		"surrogates.json":   func() []byte { return []byte(`{"a": "\ud800 \udc00\ud800", "\ud800": "b"}`) },
		"columns.csv":       func() []byte { return []byte(strings.Repeat("a,", 100_000) + "\n" + strings.Repeat("1,", 100_000)) },
		"quote.csv":         func() []byte { return []byte("a,b\n\"" + strings.Repeat("x,\n", 100_000)) },
		"deep.docx":         func() []byte { return Zip("word/document.xml", []byte(strings.Repeat("<w:p>", 100_000))) },
		"tables.docx": func() []byte {
			return Zip("word/document.xml", []byte("<d>"+strings.Repeat("<tbl><tr><tc>", 300)+"<p><t>text</t></p>"+strings.Repeat("</tc></tr></tbl>", 300)+"</d>"))
		},
		"no-document.docx": func() []byte { return Zip("word/other.xml", []byte("<d/>")) },
		"spaces.odt": func() []byte {
			return Zip("content.xml", []byte("<d><p>a"+strings.Repeat("<s c=\"1000000000\"/>", 2000)+"b</p></d>"))
		},
		"cyclic.epub":   func() []byte { return cyclicEPUB() },
		"repeated.epub": func() []byte { return repeatedEPUB() },
		"rename.md":     func() []byte { return []byte("\x7fELF\x02\x01\x01\x00program") },
		"deep.eml":      func() []byte { return deepMail(3000) },
		"forever.eml": func() []byte {
			return []byte("Subject: x\r\nFrom: a@b\r\nContent-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n--\r\n")
		},
		"boundary.eml": func() []byte {
			return []byte("Subject: x\nFrom: a@b\nContent-Type: multipart/mixed; boundary=a\n\n" + strings.Repeat("--a\n\n", 60_000))
		},
		"words.eml": func() []byte {
			return []byte("Subject: " + strings.Repeat("=?utf-8?b?AAAA?= ", 20_000) + "\nFrom: a@b\nDate: x\n\ntext")
		},
		"letters.eml":      func() []byte { return nestedMail(30) },
		"from.mbox":        func() []byte { return []byte(strings.Repeat("From a b c\nFrom: x\nDate: y\n\n\n", 20_000)) },
		"cyclic-pages.pdf": func() []byte { return PDF("<</Type/Pages/Count 1000000000/Kids[2 0 R]>>", "") },
		"cyclic-parent.pdf": func() []byte {
			return PDF("<</Type/Pages/Count 1/Kids[3 0 R]/Parent 2 0 R>>", "<</Type/Page/Parent 2 0 R/Contents 4 0 R>>")
		},
		"cyclic-length.pdf": func() []byte {
			return PDF("<</Type/Pages/Count 1/Kids[3 0 R]>>", "<</Type/Page/Contents 3 0 R/Length 3 0 R>>")
		},
		"deep-array.pdf":  func() []byte { return PDF("<</Type/Pages/Count 1/Kids"+strings.Repeat("[", 100_000)+">>", "") },
		"deep-dict.pdf":   func() []byte { return PDF("<</Type/Pages/Count 1/Kids "+strings.Repeat("<</A", 100_000)+">>", "") },
		"cyclic-form.pdf": func() []byte { return formPDF() },
		"bomb.pdf":        func() []byte { return bombPDF() },
		"xref-loop.pdf": func() []byte {
			return []byte("%PDF-1.4\n" + strings.Repeat(" ", 100) + "\nxref\n0 1\n0000000000 65535 f \ntrailer\n<</Size 1/Prev 110/Root 1 0 R>>\nstartxref\n110\n%%EOF")
		},
		"xref-huge.pdf": func() []byte {
			return []byte("%PDF-1.4\n" + strings.Repeat(" ", 100) + "\nxref\n0 2000000000\n0000000000 65535 f \ntrailer\n<</Size 2000000000/Root 1 0 R>>\nstartxref\n110\n%%EOF")
		},
		"cut.pdf": func() []byte {
			return half(PDF("<</Type/Pages/Count 1/Kids[3 0 R]>>", "<</Type/Page/Contents 4 0 R>>"))
		},
		"utf16-odd.txt":      func() []byte { return []byte("\xff\xfea\x00b") },
		"surrogate.txt":      func() []byte { return []byte("\xff\xfe\x00\xd8a\x00b\x00") },
		"line.txt":           func() []byte { return bytes.Repeat([]byte("x"), 4<<20) },
		"marks.txt":          func() []byte { return []byte("a" + strings.Repeat("\u0301", 100_000)) },
		"many-headings.md":   func() []byte { return []byte(strings.Repeat("# \n", 100_000)) },
		"fence.md":           func() []byte { return []byte(strings.Repeat("```", 100_000)) },
		"front-matter.md":    func() []byte { return []byte("---\n" + strings.Repeat("title: x\n", 60_000)) },
		"blocks.go":          func() []byte { return []byte(strings.Repeat("}\n", 100_000)) },
		"not-really.pdf":     func() []byte { return []byte("just text") },
		"zip-called.txt":     func() []byte { return Zip("a.md", []byte("# In a zip\n")) },
		"rows.jsonl":         func() []byte { return []byte(strings.Repeat("{\"a\":1}\n", 100_000)) },
		"bracket-lines.json": func() []byte { return []byte(strings.Repeat("[1]\n", 60_000)) },
	}
	for i, f := range []string{"utf-16le", "utf-16be"} {
		files[f+".txt"] = func() []byte {
			return append([]byte{"\xff\xfe"[i], "\xff\xfe"[1-i]}, bytes.Repeat([]byte{0, 0}, 100_000)...)
		}
	}
	return files
}

// laughs is the billion laughs.
const laughs = `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><d><p><t>&c;</t></p></d>`

func zeros(n int) []byte { return bytes.Repeat([]byte("0"), n) }

func half(b []byte) []byte { return b[:len(b)/2] }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Zip is an archive of one file.
func Zip(name string, data []byte) []byte {
	return ZipOf(map[string][]byte{name: data}, name)
}

// ZipOf is an archive of files in an order.
func ZipOf(files map[string][]byte, order ...string) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for _, name := range order {
		w, err := z.Create(name)
		must(err)
		_, err = w.Write(files[name])
		must(err)
	}
	must(z.Close())
	return buf.Bytes()
}

func gz(data []byte) []byte {
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	must(err)
	_, err = z.Write(data)
	must(err)
	must(z.Close())
	return buf.Bytes()
}

// tarOf is a tar of one file that is said to have a size.
func tarOf(name string, size int64, data []byte) []byte {
	var buf bytes.Buffer
	t := tar.NewWriter(&buf)
	must(t.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o644, Format: tar.FormatGNU}))
	_, err := t.Write(data)
	must(err)
	if int64(len(data)) == size {
		must(t.Close())
	}
	return buf.Bytes()
}

// sparseTar is a file of a terabyte that is all holes, in the old GNU format.
func sparseTar() []byte {
	h := make([]byte, 512)
	copy(h, "hole.txt")
	copy(h[100:], "0000644\x00")
	copy(h[124:], "00000000000\x00")
	copy(h[136:], "00000000000\x00")
	h[156] = 'S'
	copy(h[257:], "ustar  \x00")
	h[483] = 0x80 // its real size, in base 256
	binary.BigEndian.PutUint64(h[487:], 1<<40)
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return append(h, make([]byte, 1024)...)
}

// nestedZip is a ZIP in a ZIP in a ZIP.
func nestedZip(depth int) []byte {
	data, name := []byte("the innermost text"), "text.txt"
	for range depth {
		data, name = Zip(name, data), "inner.zip"
	}
	return data
}

// overlapping is a ZIP whose entries all have the same packed bytes (Fifield, "A better zip bomb", 2019).
func overlapping(n int) []byte {
	one := Zip("a.txt", zeros(2<<20))
	end := bytes.LastIndex(one, []byte("PK\x05\x06"))
	start := int(binary.LittleEndian.Uint32(one[end+16:]))
	entry := one[start:end]
	out := bytes.Clone(one[:start])
	for range n {
		out = append(out, entry...)
	}
	tail := bytes.Clone(one[end:])
	binary.LittleEndian.PutUint16(tail[8:], uint16(n))
	binary.LittleEndian.PutUint16(tail[10:], uint16(n))
	binary.LittleEndian.PutUint32(tail[12:], uint32(n*len(entry)))
	return append(out, tail...)
}

func manyEntries(n int) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i := range n {
		_, err := z.CreateHeader(&zip.FileHeader{Name: fmt.Sprint(i), Method: zip.Store})
		must(err)
	}
	must(z.Close())
	return buf.Bytes()
}

func badChecksum() []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "a.txt", Method: zip.Store})
	must(err)
	_, err = w.Write([]byte("the text as it was"))
	must(err)
	must(z.Close())
	return bytes.Replace(buf.Bytes(), []byte("as it was"), []byte("as it is!"), 1)
}

const container = `<container><rootfiles><rootfile full-path="book.opf"/></rootfiles></container>`

// cyclicEPUB is a book whose only chapter is its own table of contents, and whose list of parts is the book.
func cyclicEPUB() []byte {
	return ZipOf(map[string][]byte{
		"META-INF/container.xml": []byte(container),
		"book.opf":               []byte(`<package><manifest><item id="a" href="book.opf"/></manifest><spine><itemref idref="a"/><itemref idref="a"/></spine></package>`),
	}, "META-INF/container.xml", "book.opf")
}

// repeatedEPUB is a book that has the same chapter very often.
func repeatedEPUB() []byte {
	return ZipOf(map[string][]byte{
		"META-INF/container.xml": []byte(container),
		"book.opf": []byte(`<package><manifest><item id="a" href="a.html"/></manifest><spine>` +
			strings.Repeat(`<itemref idref="a"/>`, 100_000) + `</spine></package>`),
		"a.html": []byte("<p>" + strings.Repeat("text ", 100_000)),
	}, "META-INF/container.xml", "book.opf", "a.html")
}

func deepMail(depth int) []byte {
	var b strings.Builder
	b.WriteString("Subject: x\nFrom: a@b\n")
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	b.WriteString("\ntext\n")
	return []byte(b.String())
}

// nestedMail is a message in a message in a message.
func nestedMail(depth int) []byte {
	s := "Subject: innermost\nFrom: a@b\n\ntext\n"
	for i := range depth {
		s = fmt.Sprintf("Subject: %d\nFrom: a@b\nContent-Type: message/rfc822\n\n", i) + s
	}
	return []byte(s)
}

// PDF is a file with a right table of contents: object 1 the catalog, 2 the pages, 3 a page, then others.
func PDF(pages, page string, others ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	objects := append([]string{"<</Type/Catalog/Pages 2 0 R>>", pages, page}, others...)
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, at)
	return b.Bytes()
}

// formPDF is a page with a form that draws itself, twice.
func formPDF() []byte {
	stream := func(dict, s string) string {
		return fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", dict, len(s), s)
	}
	return PDF("<</Type/Pages/Count 1/Kids[3 0 R]>>", "<</Type/Page/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>",
		stream("", "/F Do"), stream("/Subtype/Form/Resources<</XObject<</F 5 0 R>>>>", "/F Do /F Do "))
}

// bombPDF is a page of 64 MiB of blanks in a quarter of one.
func bombPDF() []byte {
	var z bytes.Buffer
	// zlib framing around deflate is what FlateDecode wants
	z.Write([]byte{0x78, 0x01})
	w, err := flate.NewWriter(&z, flate.BestSpeed)
	must(err)
	block := bytes.Repeat([]byte(" "), 1<<20)
	for range 64 {
		_, err := w.Write(block)
		must(err)
	}
	must(w.Close())
	return PDF("<</Type/Pages/Count 1/Kids[3 0 R]>>", "<</Type/Page/Contents 4 0 R>>",
		fmt.Sprintf("<</Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream", z.Len(), z.Bytes()))
}
