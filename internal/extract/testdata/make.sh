#!/bin/sh
# Writes files/ with programs that have nothing to do with semsearch: pandoc 2.17 (docx, odt, epub, html), groff 1.22 (pdf),
# cairo 1.16 by way of pycairo (pdf with fonts of many bytes a character) and the email package of Python 3.11 (eml, mbox).
#   apt-get install pandoc groff python3-cairo && sh make.sh
set -eu
cd "$(dirname "$0")"
export SOURCE_DATE_EPOCH=1700000000
for f in docx odt epub html; do
	pandoc -s -f markdown -t $f -o files/sample.$f sample.md
done
pandoc -s -f markdown -t ms -V fontfamily=T sample.md | groff -k -t -ms -Tpdf > files/sample.pdf
/usr/bin/python3 - <<'PY'
import cairo
s = cairo.PDFSurface("files/fonts.pdf", 595, 842)
s.set_metadata(cairo.PDFMetadata.TITLE, "Fonts")
s.set_metadata(cairo.PDFMetadata.CREATE_DATE, "2023-11-14T22:13:20Z")
c = cairo.Context(s)
c.select_font_face("DejaVu Sans")
c.set_font_size(12)
for page, lines in enumerate((["Bees keep a gap of 6 to 9 mm open.", "Пчёлы — насекомые."], ["On the second page swarms leave in May."])):
    for i, line in enumerate(lines):
        c.move_to(72, 100 + 15 * i)
        c.show_text(line)
    c.show_page()
s.finish()
PY
/usr/bin/python3 - <<'PY'
from email.message import EmailMessage
from email.policy import SMTP
def message(subject, cte, charset):
    m = EmailMessage(policy=SMTP)
    m["Subject"], m["From"], m["To"] = subject, "Zoë Keeper <zoe@example.org>", "All <all@example.org>"
    m["Date"], m["Message-ID"] = "Tue, 14 Nov 2023 22:13:20 +0000", "<%s@example.org>" % cte
    m.set_content("Swarms leave in May.\n\n%s keep bees on roofs, which is a line that is longer than what quoted-printable allows.\n" %
        ("Пчеловоды" if charset == "koi8-r" else "Café owners"), cte=cte, charset=charset)
    return m
m = message("Bees – März", "quoted-printable", "iso-8859-1")
m.add_alternative("<p>Swarms leave in <b>May</b>.</p>", subtype="html")
m.add_attachment(b"# Feeding\n\n12 kg of sugar for each colony.\n", maintype="text", subtype="markdown", filename="feeding.md")
m.add_attachment(b"\x89PNG\r\n\x1a\n", maintype="image", subtype="png", filename="bee.png")
m.set_boundary("outer")
for p in m.walk():
    if p.get_content_type() == "multipart/alternative":
        p.set_boundary("inner")
open("files/sample.eml", "wb").write(m.as_bytes())
with open("files/sample.mbox", "wb") as f:
    for cte, charset in (("7bit", "utf-8"), ("8bit", "utf-8"), ("base64", "koi8-r"), ("quoted-printable", "utf-8")):
        n = message("Bees " + cte, cte, charset) if cte != "7bit" else None
        if n is None:
            n = EmailMessage(policy=SMTP)
            n["Subject"], n["From"], n["Date"] = "Bees 7bit", "zoe@example.org", "Tue, 14 Nov 2023 22:13:20 +0000"
            n.set_content("Plain text.\n\nFrom here on it goes down.\n")
        body = n.as_bytes().replace(b"\r\n", b"\n").replace(b"\nFrom here", b"\n>From here")
        f.write(b"From zoe@example.org Tue Nov 14 22:13:20 2023\n" + body + b"\n")
PY
