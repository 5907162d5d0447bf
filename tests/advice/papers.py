"""Terms on paper: one document written in every format that is read, with what its makers put around the text."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import docx
from tavs.advice.sections import Document

WIDTH = 84
LINES_A_PAGE = 44


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    size: int = 10
    is_bold: bool = False
    above: int = 0
    """Empty points in front of it, besides the usual distance."""


def pdf(pages: Sequence[Sequence[Line]], header: str = "", footer: str = "", *, is_locked: bool = False) -> bytes:
    """`#` in a header or footer is the number of the page. PDF 32000-1, by hand: two fonts of every reader."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
    ]
    kids = []
    for number, lines in enumerate(pages, start=1):
        stream = b"".join(_drawn(lines, header.replace("#", str(number)), footer.replace("#", str(number))))
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(kids))
    return _locked(_numbered(objects)) if is_locked else _numbered(objects)


def _numbered(objects: Iterable[bytes]) -> bytes:
    content, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return content + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(places) + 1, table, len(places) + 1, len(content))
    )


def _locked(content: bytes) -> bytes:
    import pypdf

    writer = pypdf.PdfWriter(clone_from=io.BytesIO(content))
    writer.encrypt("hemmelig", algorithm="AES-256")
    sink = io.BytesIO()
    writer.write(sink)
    return sink.getvalue()


def _drawn(lines: Iterable[Line], header: str, footer: str) -> Iterable[bytes]:
    if header:
        yield _at(820, Line(header, 8))
    height = 790
    for line in lines:
        height -= round(line.size * 1.3) + line.above
        yield _at(height, line)
    if footer:
        yield _at(30, Line(footer, 8))


def _at(height: int, line: Line) -> bytes:
    text = line.text.encode("cp1252").replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
    return b"BT /F%d %d Tf 60 %d Td (%s) Tj ET\n" % (1 + line.is_bold, line.size, height, text)


def as_pdf(document: Document, **around: str) -> bytes:
    lines = [Line(document.title, 20, is_bold=True), *(Line(each) for each in _labels(document))]
    for section in document.sections:
        heading = textwrap.wrap(f"{section.number} {section.title}", 40)
        lines += [Line(part, 12, is_bold=True, above=0 if place else 10) for place, part in enumerate(heading)]
        lines += [Line(part, above=0 if place else 4) for place, part in enumerate(_wrapped(section.text))]
    pages = [lines[start : start + LINES_A_PAGE] for start in range(0, len(lines), LINES_A_PAGE)]
    return pdf(pages, **around)


def as_docx(document: Document, *, is_styled: bool = True) -> bytes:
    paper = docx.Document()
    paper.add_heading(document.title, 0)
    for label in _labels(document):
        paper.add_paragraph(label)
    paper.sections[0].footer.paragraphs[0].text = "Side 1 – fortroligt"
    for section in document.sections:
        if is_styled:
            paper.add_heading(f"{section.number} {section.title}", 2)
        else:
            paper.add_paragraph().add_run(f"{section.number} {section.title}").bold = True
        paper.add_paragraph(section.text)
    return saved(paper)


def saved(paper: docx.document.Document) -> bytes:
    sink = io.BytesIO()
    paper.save(sink)
    return sink.getvalue()


def as_markdown(document: Document) -> bytes:
    sections = "".join(f"\n## {each.number} {each.title}\n\n{each.text}\n" for each in document.sections)
    matter = f"title: {document.title}\nproduct: {document.product}\nversion: {document.version}\n"
    return f"---\n{matter}valid_from: {document.valid_from}\n---\n\n# {document.title}\n{sections}".encode()


def as_html(document: Document) -> bytes:
    sections = "".join(f"<h2>{each.number} {each.title}</h2>\n<p>{each.text}</p>\n" for each in document.sections)
    fields = {"product": document.product, "version": document.version, "valid_from": document.valid_from}
    meta = "".join(f'<meta name="{name}" content="{value}">\n' for name, value in fields.items())
    return f"<title>{document.title}</title>\n{meta}<h1>{document.title}</h1>\n{sections}".encode()


def as_plain(document: Document) -> bytes:
    parts = ["\n".join([document.title, *_labels(document)])]
    for section in document.sections:
        parts += [f"{section.number} {section.title}", "\n".join(_wrapped(section.text))]
    return "\n\n".join(parts).encode()


def _labels(document: Document) -> list[str]:
    return [f"Produkt: {document.product}", f"Version: {document.version}", f"Gælder fra: {document.valid_from}"]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False)
