"""Files of every format, and the sections in them."""

import io
import unicodedata
from dataclasses import replace
from datetime import date

import docx
import papers
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import given
from hypothesis import strategies as st
from papers import Line
from tavs.advice.formats.blocks import joined
from tavs.advice.formats.characters import seen
from tavs.advice.formats.document import Reading, read
from tavs.advice.formats.fields import day, find
from tavs.advice.library import samples
from tavs.advice.sections import Document
from tavs.errors import PeerError

SAMPLES = samples()
DIRECTIONS = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
"""Embeddings, overrides and isolates (Unicode Standard Annex 9, section 3.2)."""
BODY = (
    "Forsikringen dækker skade, som en pludselig hændelse påfører de forsikrede genstande, når de er nævnt i policen."
)


def reading(content: bytes | str, ending: str) -> Reading:
    return read("doc", ending, io.BytesIO(content.encode() if isinstance(content, str) else content))


def found(content: bytes | str, ending: str) -> list[tuple[str, str, str]]:
    return [(each.number, each.title, each.text) for each in reading(content, ending).document.sections]


def written(document: Document) -> dict[str, bytes]:
    return {
        "md": papers.as_markdown(document),
        "html": papers.as_html(document),
        "txt": papers.as_plain(document),
        "pdf": papers.as_pdf(document, header="Nordhavn Forsikring", footer="Side # af 9"),
        "docx": papers.as_docx(document),
    }


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.doc)
def test_the_same_content_in_all_five_formats_gives_the_same_sections(sample: Document) -> None:
    for ending, content in written(sample).items():
        got = read(sample.doc, ending, io.BytesIO(content))
        assert sample.sections == got.document.sections, ending
        assert (sample.title, sample.version) == (got.document.title, got.document.version)
        assert () == got.remarks


MAKERS = {"md": papers.as_markdown, "html": papers.as_html, "txt": papers.as_plain}


@pytest.mark.parametrize("ending", MAKERS)
def test_what_nobody_sees_in_a_line_is_in_no_section(ending: str) -> None:
    unseen = "\x00\x07\x1b\x7f\u0090\u200e\u202e\u2066\u2069"
    sample = SAMPLES[0]
    section = replace(sample.sections[0], title=f"Va{unseen}nd", text=f"Vi dækker\u202e skade{unseen} ved skybrud.")
    content = MAKERS[ending](replace(sample, title=f"Hus{unseen}", sections=(section,)))
    got = read("doc", ending, io.BytesIO(content)).document
    assert [(section.number, "Vand", "Vi dækker skade ved skybrud.")] == [
        (each.number, each.title, each.text) for each in got.sections
    ]
    assert "Hus" == got.title


@given(st.text())
def test_a_line_as_it_is_seen_has_no_control_and_no_mark_of_direction(line: str) -> None:
    kept = seen(line)
    assert not [each for each in kept if unicodedata.category(each) == "Cc"]
    assert not [each for each in kept if unicodedata.bidirectional(each) in DIRECTIONS]
    assert [each for each in line if each.isalnum()] == [each for each in kept if each.isalnum()]


def test_the_samples_are_117_sections_with_versions_and_validity() -> None:
    assert 117 == sum(len(sample.sections) for sample in SAMPLES)
    assert all(sample.version and sample.valid_from and sample.product for sample in SAMPLES)


@pytest.mark.parametrize(
    "heading", ["4.2 Udstrømning af vand", "§ 4.2 Udstrømning af vand", "4.2. Udstrømning af vand"]
)
def test_numbers_are_understood_in_all_their_forms(heading: str) -> None:
    expected = [("4.2", "Udstrømning af vand", BODY)]
    assert expected == found(f"# T\n\n## {heading}\n\n{BODY}\n", "md")
    assert expected == found(f"<h1>T</h1><h3>{heading}</h3>{BODY}", "html")
    assert expected == found(f"T\n\n{heading}\n\n{BODY}\n", "txt")
    assert expected == found(papers.pdf([[Line("T"), Line(heading, 12, is_bold=True), Line(BODY)]]), "pdf")
    paper = docx.Document()
    paper.add_heading(heading, 2)
    paper.add_paragraph(BODY)
    assert expected == found(papers.saved(paper), "docx")


def test_a_paragraph_headed_by_a_number_and_prose_keeps_amounts_and_references_as_text() -> None:
    text = (
        "Selvrisikoen er mindst\n5.000 kr. og højst 8.000 kr., jf. punkt\n2.4 og punkt\n5.2. Forsikringen gælder ikke."
    )
    assert [("2.1", "Selvrisiko", " ".join(text.split()))] == found(f"T\n\n2.1 Selvrisiko\n\n{text}\n", "txt")


def test_headings_stand_out_in_plain_text_without_empty_lines_too() -> None:
    lines = "Forsikringen dækker skade på genstande i hjemmet, når skaden\ner sket pludseligt og er nævnt i policen."
    content = f"T\n\n1.1 Hvem er sikret\n{lines}\n1.2 Hvor gælder den\n{lines}\n"
    body = " ".join(lines.split())
    assert [("1.1", "Hvem er sikret", body), ("1.2", "Hvor gælder den", body)] == found(content, "txt")


def test_a_table_of_contents_gives_no_sections() -> None:
    titles = ["Hvem er sikret og under hvilke betingelser", "Brand", "Vand"]
    contents = [f"1.{n} {title} {'.' * 20} {n + 2}" for n, title in enumerate(titles, start=1)]
    bare = [f"1.{n} {title}" for n, title in enumerate(titles, start=1)]
    expected = [(f"1.{n}", title, BODY) for n, title in enumerate(titles, start=1)]
    sections = [line for number, title, _ in expected for line in (f"{number} {title}", BODY)]
    for listed in (contents, bare):
        assert expected == found("\n\n".join(["T", "Indhold", *listed, "Vi er til for dig.", *sections]), "txt")
        assert expected == found("\n\n".join(["T", "\n".join(listed), *sections]), "txt")
        first = [Line("T", 20, is_bold=True), *(Line(each, above=6) for each in listed)]
        second = [Line(each, 12 if number % 2 == 0 else 10, number % 2 == 0) for number, each in enumerate(sections)]
        assert expected == found(papers.pdf([first, second]), "pdf")
    linked = "".join(f"<li><a href=#>{each}</a></li>" for each in bare)
    page = "".join(f"<h2>{number} {title}</h2>{text}" for number, title, text in expected)
    assert expected == found(f"<h1>T</h1><nav>{linked}</nav><ul>{linked}</ul>{page}", "html")
    paper = docx.Document()
    style = paper.styles.add_style("toc 1", WD_STYLE_TYPE.PARAGRAPH)
    for each in bare:
        paper.add_paragraph(f"{each}\t7", style)
    for number, title, text in expected:
        paper.add_heading(f"{number} {title}", 1)
        paper.add_paragraph(text)
    assert expected == found(papers.saved(paper), "docx")


def test_page_headers_footers_and_numbers_are_no_text_of_a_pdf_and_still_name_the_version() -> None:
    rest = "der er nævnt i policen, og som er sket i forsikringstiden."
    pages = [
        [Line("Indbo", 20, is_bold=True), Line("1.1 Brand", 12, is_bold=True), Line("Skade ved brand,")],
        [Line(rest), Line("1.2 Vand", 12, is_bold=True), Line(BODY)],
        [Line("1.3 Tyveri", 12, is_bold=True), Line(BODY)],
    ]
    content = papers.pdf(pages, "Betingelser nr. 12-3", "Gælder fra 1. januar 2026 · side # af 3")
    got = reading(content, "pdf").document
    assert [f"Skade ved brand, {rest}", BODY, BODY] == [each.text for each in got.sections]
    assert ("12-3", date(2026, 1, 1), "Indbo") == (got.version, got.valid_from, got.title)


def test_chapters_with_text_are_sections_and_items_of_lists_are_not() -> None:
    content = "\n\n".join(
        [
            "T",
            "1 Omfang",
            BODY,
            "1.1 Brand",
            BODY,
            "1. Lyn",
            "2. Sol",
            "1.2 Storm",
            BODY,
            "1. Regn",
            "2. Is",
            "4 Vand",
            "4.1 Kælder",
            BODY,
        ]
    )
    expected = [
        ("1", "Omfang", BODY),
        ("1.1", "Brand", f"{BODY} 1. Lyn 2. Sol"),
        ("1.2", "Storm", f"{BODY} 1. Regn 2. Is"),
        ("4.1", "Kælder", BODY),
    ]
    assert expected == found(content, "txt")


def test_words_cut_at_line_ends_are_whole_again_and_meant_hyphens_stay() -> None:
    assert "forsikring af IT-udstyr" == joined(["forsik-", "ring af IT-", "udstyr"])
    assert "brand- og tyveridækning" == joined(["brand-", "og tyveridækning"])
    assert "forsikringen aflåst" == joined(["forsik\u00ad", "ringen aﬂåst"])
    assert "5.000-10.000 kr." == joined(["5.000-", "10.000 kr."])


def test_word_counts_headings_itself_and_the_numbers_are_found() -> None:
    paper = docx.Document()
    levels = "".join(
        f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="{text}"/></w:lvl>'
        for level, text in enumerate(["%1", "%1.%2"])
    )
    numbering = paper.part.numbering_part.element
    numbering.insert(0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="77">{levels}</w:abstractNum>'))
    numbering.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="77"><w:abstractNumId w:val="77"/></w:num>'))
    for level in (0, 1):
        counted = f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{level}"/><w:numId w:val="77"/></w:numPr>'
        paper.styles[f"Heading {level + 1}"].element.get_or_add_pPr().append(parse_xml(counted))
    for title, level in (("Omfang", 1), ("Brand", 2), ("Vand", 2), ("Ansvar", 1), ("Skade på andre", 2)):
        paper.add_heading(title, level)
        if level > 1:
            paper.add_paragraph(BODY)
    assert [("1.1", "Brand", BODY), ("1.2", "Vand", BODY), ("2.1", "Skade på andre", BODY)] == found(
        papers.saved(paper), "docx"
    )


def test_a_docx_without_styles_has_bold_headings_and_tables_and_changes_are_text() -> None:
    sample = SAMPLES[0]
    got = reading(papers.as_docx(sample, is_styled=False), "docx").document
    assert [(each.number, each.text) for each in sample.sections] == [(each.number, each.text) for each in got.sections]
    paper = docx.Document()
    paper.add_heading("1.1 Summer", 1)
    table = paper.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Briller", "3.000 kr."
    changed = paper.add_paragraph()
    changed._p.append(parse_xml(f"<w:ins {nsdecls('w')}><w:r><w:t>højst</w:t></w:r></w:ins>"))
    changed._p.append(parse_xml(f"<w:del {nsdecls('w')}><w:r><w:delText>mindst</w:delText></w:r></w:del>"))
    assert [("1.1", "Summer", "Briller 3.000 kr. højst")] == found(papers.saved(paper), "docx")


def test_what_is_odd_is_told() -> None:
    content = f"# T\n\n## 1.1 A\n\n{BODY}\n\n## 1.1 B\n\nandet\n\n## Uden nummer\n\nx\n"
    got = reading(content, "md")
    assert [("1.1", "A", BODY)] == [(each.number, each.title, each.text) for each in got.document.sections]
    assert {
        "says nothing of its validity, and counts always",
        "section 1.1 stands there twice, the first is kept",
        'headings without a number are no sections: "Uden nummer"',
    } == set(got.remarks)


def test_small_headings_within_a_section_are_its_text() -> None:
    assert [("1.1", "A", "Før Undtagelser Efter")] == found("## 1.1 A\n\nFør\n\n### Undtagelser\n\nEfter\n", "md")


@pytest.mark.parametrize(
    "written_day",
    ["1. januar 2026", "den 1. januar 2026", "2026-01-01", "01.01.2026", "1/1-2026", "1.1.2026", "1. jan. 2026"],
)
@pytest.mark.parametrize("label", ["Gælder fra: ", "gyldig fra ", "Gældende fra og med ", "Betingelserne gælder fra "])
def test_a_first_day_is_read_in_every_way_it_is_written(label: str, written_day: str) -> None:
    assert date(2026, 1, 1) == find({}, [f"{label}{written_day}"]).valid_from


def test_a_last_day_is_read_too_and_days_that_are_none_are_told() -> None:
    got = find({}, ["Gælder fra 1. januar 2026 til 31. december 2027"])
    assert (date(2026, 1, 1), date(2027, 12, 31)) == (got.valid_from, got.valid_to)
    assert date(2027, 12, 31) == find({"valid_to": "2027-12-31"}, []).valid_to
    assert "valid_from is no day that can be read" in find({"valid_from": "2026-02-30"}, []).remarks
    assert ("ends before it begins, and never counts",) == find(
        {"valid_from": "2026-02-01", "valid_to": "2026-01-01"}, []
    ).remarks


@given(st.text())
def test_no_text_is_taken_for_a_day_it_is_not(text: str) -> None:
    got = day(text)
    assert got is None or str(got.year) in text


@pytest.mark.parametrize("ending", ["md", "html", "txt"])
@given(content=st.one_of(st.binary(), st.text("# §1.2\nAb<h>-…\t\u00ad").map(str.encode)))
def test_no_bytes_break_the_text_formats(ending: str, content: bytes) -> None:
    try:
        got = reading(content, ending)
    except PeerError:
        return
    assert all(each.number and each.title and each.text for each in got.document.sections)


def test_windows_and_utf_16_text_is_read() -> None:
    content = f"T\n\n1.1 Ødelæggelse\n\n{BODY}\n"
    for encoding in ("cp1252", "utf-16", "utf-8-sig"):
        assert [("1.1", "Ødelæggelse", BODY)] == found(content.encode(encoding), "txt")


SMALL = papers.pdf([[Line("T"), Line("1.1 Brand", 12, is_bold=True), Line(BODY)]])
SMALL_DOCX = papers.as_docx(SAMPLES[1])


def test_a_pdf_cut_at_any_length_gives_its_own_sections_or_none() -> None:
    for length in range(len(SMALL)):
        _only_its_own("pdf", SMALL[:length], {"1.1"})


def test_a_docx_cut_anywhere_is_refused_in_a_sentence() -> None:
    for length in range(0, len(SMALL_DOCX) - 1, 97):
        with pytest.raises(PeerError, match=r"damaged|no DOCX"):
            reading(SMALL_DOCX[:length], "docx")


@given(place=st.integers(0, len(SMALL) - 1), more=st.binary(max_size=12))
def test_a_damaged_pdf_gives_sections_or_an_error(place: int, more: bytes) -> None:
    _only_its_own("pdf", SMALL[:place] + more + SMALL[place + len(more) :], None)


@given(place=st.integers(0, len(SMALL_DOCX) - 1), more=st.binary(min_size=1, max_size=12))
def test_a_damaged_docx_gives_sections_or_an_error(place: int, more: bytes) -> None:
    _only_its_own("docx", SMALL_DOCX[:place] + more + SMALL_DOCX[place + len(more) :], None)


def _only_its_own(ending: str, content: bytes, numbers: set[str] | None) -> None:
    """What is damaged may raise anything: it is read in a process of its own. It never gives half a section's name."""
    try:
        got = reading(content, ending)
    except Exception:  # noqa: BLE001
        return
    assert got.document.sections
    assert numbers is None or {each.number for each in got.document.sections} <= numbers
