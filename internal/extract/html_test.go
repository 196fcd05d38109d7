package extract_test

import (
	"strings"
	"testing"

	"github.com/semsearch/semsearch/internal/extract"
)

func TestHTML(t *testing.T) {
	long := strings.Repeat("a word ", 40)
	for _, tt := range []struct{ name, page, title, text string }{
		{"title", "<title>A &amp; b\n c</title><p>x", "A & b c", "x"},
		{"first heading", "<p>x<h2>The <i>head</i></h2>", "The head", "x\n\n## The head"},
		{"file name", "<p>x", "a", "x"},
		{"blanks", "<p> a\n\tb <b>c</b>d</p>\n\n<p>e</p>", "a", "a b cd\n\ne"},
		{"line break", "<p>a<br>b<br/>c", "a", "a\nb\nc"},
		{"entities", "<p>a&nbsp;b &lt;c&gt; caf&eacute; &#x2014; AT&T &amp", "a", "a b <c> café — AT&T &"},
		{"script", "<script>x('</p>')</script><style>p{}</style><p>a<!-- b --></p><noscript>c</noscript>", "a", "a"},
		{"frame", "<header>top</header><nav><ul><li>home</ul></nav><p>a</p><aside>b</aside><footer>end</footer>", "a", "a"},
		{"header of an article", "<article><header><h1>T</h1></header><p>a</p></article>", "T", "# T\n\na"},
		{"hidden", "<p hidden>a</p><div style='display: none'>b</div><p aria-hidden=true>c</p><p>d", "a", "d"},
		{"main", "<div>menu " + long + "</div><main><p>" + long + "</main>", "a", strings.TrimSpace(long)},
		{"main too short", "<div>" + long + "</div><main><p>x</main>", "a", strings.TrimSpace(long) + "\n\nx"},
		{"nothing but a frame", "<nav>a</nav>", "a", "a"},
		{"nav that is never closed", "<nav>a<p>b", "a", "a\n\nb"},
		{"lists", "<p>x<ul><li>a<li>b<ol><li>c</ol></ul>y", "a", "x\n\n- a\n- b\n  - c\n\ny"},
		{"table", "<table><tr><th>a<th>b<tr><td>1<td><p>2</p><p>3</p></table>x", "a", "| a | b |\n| 1 | 2 3 |\n\nx"},
		{"empty cells", "<table><tr><td></td><td>b</td></tr></table>", "a", "|  | b |"},
		{"page in a table", "<table><tr><td><h1>T</h1><p>a</p><ul><li>b</ul></td></tr></table>", "T", "# T\n\na\n\n- b"},
		{"preformatted", "<pre>\n a &lt;\n  b</pre>x", "a", "```\n a <\n  b\n```\n\nx"},
		{"fence in preformatted", "<pre>a\n```\nb</pre>", "a", "````\na\n```\nb\n````"},
		{"looks like markup", "<p># no<p>``` no", "a", "\\# no\n\n\\``` no"},
		{"power", "<p>10<sup>6</sup>", "a", "10^6"},
		{"picture", "<p>a <img src=x alt='a  cat'> b", "a", "a a cat b"},
		{"form", "<p>a<select><option>b</select><button>c</button>d", "a", "ad"},
		{"heading never closed", "<h1>" + strings.Repeat("a ", 300) + "<p>x", "", "# " + strings.TrimSpace(strings.Repeat("a ", 300)) + "\n\nx"},
	} {
		doc, err := extract.Bytes("a.html", []byte(tt.page))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if doc.Text != tt.text {
			t.Errorf("%s: text %q, want %q", tt.name, doc.Text, tt.text)
		}
		if tt.title != "" && doc.Title != tt.title {
			t.Errorf("%s: title %q, want %q", tt.name, doc.Title, tt.title)
		}
		checkMap(t, mapOf(t, doc.Metadata), doc.Text, []byte(tt.page))
	}
}

// The encoding is what the page says, when it is not UTF-8.
func TestHTMLCharset(t *testing.T) {
	for page, want := range map[string]string{
		"<meta charset=iso-8859-1><p>caf\xe9":                                               "café",
		"<meta http-equiv=content-type content='text/html; charset=koi8-r'><p>\xd0\xd2\xc9": "при",
		"<meta charset=iso-8859-1><p>café":                                                  "café", // it is UTF-8 all the same
		"<?xml version='1.0' encoding='windows-1251'?><html><p>\xef\xf0\xe8":                "",
		"<p>caf\xe9": "",
	} {
		doc, err := extract.Bytes("a.html", []byte(page))
		if want == "" {
			if err == nil && doc.Text == "" {
				t.Errorf("%q: no text and no error", page)
			}
			continue
		}
		if err != nil || doc.Text != want {
			t.Errorf("%q: %q, %v, want %q", page, doc.Text, err, want)
		}
	}
	if _, err := extract.Bytes("a.html", []byte("<p>caf\xe9")); err == nil {
		t.Error("an encoding was guessed")
	}
}
