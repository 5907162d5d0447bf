"""`tavs terms import` on real files: what comes in, what goes, what cannot be read, and what could do harm."""

import io
import json
import os
import pty
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import papers
import pytest
from tavs.advice import importing, library
from tavs.advice.confined import Limits
from tavs.advice.importing import Change, Report, import_terms
from tavs.advice.library import Library, samples
from tavs.advice.sections import Document
from tavs.host.home import Home

SAMPLES = samples()
BODY = "Forsikringen dækker skade, som en pludselig hændelse påfører de forsikrede genstande."


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "betingelser"
    made.mkdir()
    return made


def markdown(version: str = "1", valid_from: str = "2025-01-01", numbers: str = "1.1 1.2") -> str:
    sections = "".join(f"\n## {number} Afsnit\n\n{BODY}\n" for number in numbers.split())
    return f"---\nproduct: indbo\nversion: {version}\nvalid_from: {valid_from}\n---\n# Indbo\n{sections}"


def imported(home: Home, *paths: Path, limits: Limits | None = None) -> Report:
    return import_terms(paths, home, lambda done, of: None, limits)


def known(home: Home) -> set[tuple[str, str, int]]:
    return {(each.doc, each.version, len(each.sections)) for each in Library.read(home).documents}


def faults(report: Report) -> list[str]:
    return [f"{Path(each.file).name} {each.what}" for each in report.remarks if each.is_fault]


def tavs(home: Home, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tavs", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TAVS_HOME": str(home.root)},
        timeout=120,
    )


def test_all_formats_come_in_with_their_folder(home: Home, folder: Path) -> None:
    makers = [papers.as_markdown, papers.as_html, papers.as_plain, papers.as_pdf, papers.as_docx]
    for sample, maker, ending in zip(SAMPLES, makers, ["md", "html", "txt", "pdf", "docx"], strict=False):
        (folder / f"{sample.doc}.{ending}").write_bytes(maker(sample))
    report = imported(home, folder)
    assert [] == list(report.remarks)
    there = Library.read(home)
    assert not there.is_sample
    expected: list[Document] = list(SAMPLES[:5])
    assert [each.sections for each in expected] == [each.sections for each in there.documents]


def test_importing_again_changes_nothing(home: Home, folder: Path) -> None:
    (folder / "indbo.md").write_text(markdown())
    assert [Change.NEW] == [change for _, change in imported(home, folder).imported]
    before = library.stamp(home)
    assert [Change.SAME] == [change for _, change in imported(home, folder).imported]
    assert [Change.SAME] == [change for _, change in imported(home, folder / "indbo.md").imported]
    assert before == library.stamp(home)


def test_a_new_version_stands_beside_the_old_one(home: Home, folder: Path) -> None:
    (folder / "indbo.md").write_text(markdown())
    imported(home, folder)
    (folder / "indbo.md").write_text(markdown("2", "2026-01-01", "1.1"))
    imported(home, folder)
    assert {("indbo", "1", 2), ("indbo", "2", 1)} == known(home)


def test_a_version_whose_name_was_corrected_does_not_stay(home: Home, folder: Path) -> None:
    (folder / "indbo.md").write_text(markdown("1"))
    imported(home, folder)
    (folder / "indbo.md").write_text(markdown("IN-01"))
    assert ["1"] == [each.version for each in imported(home, folder).removed]
    assert {("indbo", "IN-01", 2)} == known(home)


def test_a_version_without_a_name_is_named_by_its_first_day(home: Home, folder: Path) -> None:
    (folder / "indbo.txt").write_text(f"Indbo\nGælder fra: 1. januar 2026\n\n1.1 Brand\n\n{BODY}\n")
    imported(home, folder)
    assert {("indbo", "2026-01-01", 1)} == known(home)


def test_sections_that_were_taken_out_of_a_version_go(home: Home, folder: Path) -> None:
    (folder / "indbo.md").write_text(markdown(numbers="1.1 1.2 1.3"))
    imported(home, folder)
    (folder / "indbo.md").write_text(markdown(numbers="1.1 1.3"))
    assert [Change.CHANGED] == [change for _, change in imported(home, folder).imported]
    assert ["1.1", "1.3"] == [each.number for each in Library.read(home).sections]


def test_what_is_no_longer_in_its_folder_goes_with_all_its_versions(home: Home, folder: Path) -> None:
    (folder / "under").mkdir()
    (folder / "under/bil.md").write_text(markdown())
    (folder / "indbo.md").write_text(markdown())
    imported(home, folder)
    (folder / "under/bil.md").write_text(markdown("2", "2026-01-01"))
    imported(home, folder)
    (folder / "under/bil.md").unlink()
    report = imported(home, folder)
    assert ["1", "2"] == [each.version for each in report.removed]
    assert {("indbo", "1", 2)} == known(home)


def test_what_was_imported_by_its_own_name_or_from_elsewhere_stays(home: Home, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bil.md").write_text(markdown())
    (folder / "hus.md").write_text(markdown())
    (folder / "indbo.md").write_text(markdown())
    imported(home, tmp_path / "bil.md", folder / "hus.md")
    (tmp_path / "bil.md").unlink()
    (folder / "hus.md").unlink()
    assert [] == list(imported(home, folder).removed)
    assert {"bil", "hus", "indbo"} == {doc for doc, _, _ in known(home)}


def test_a_file_that_cannot_be_read_any_more_keeps_what_it_gave(home: Home, folder: Path) -> None:
    (folder / "indbo.md").write_text(markdown())
    (folder / "bil.md").write_text(markdown())
    imported(home, folder)
    (folder / "bil.md").write_text("ikke andet end det her")
    report = imported(home, folder)
    assert ["bil.md has no numbered sections"] == faults(report)
    assert {("indbo", "1", 2), ("bil", "1", 2)} == known(home)


@pytest.mark.parametrize("content", [None, "intet nummer her"])
def test_nothing_changes_when_nothing_can_be_read(home: Home, folder: Path, content: str | None) -> None:
    (folder / "indbo.md").write_text(markdown())
    imported(home, folder)
    before = library.stamp(home)
    (folder / "indbo.md").unlink()
    if content:
        (folder / "andet.md").write_text(content)
    report = imported(home, folder)
    assert report.has_faults and not report.removed
    assert before == library.stamp(home)


def test_an_empty_folder_beside_a_good_one_takes_nothing_away(home: Home, folder: Path, tmp_path: Path) -> None:
    (folder / "indbo.md").write_text(markdown())
    imported(home, folder)
    shutil.move(folder / "indbo.md", tmp_path / "bil.md")
    report = imported(home, folder, tmp_path / "bil.md")
    assert ["betingelser holds no terms"] == faults(report)
    assert {"indbo", "bil"} == {doc for doc, _, _ in known(home)}


def test_two_files_for_one_version_are_told_and_the_first_is_kept(home: Home, folder: Path) -> None:
    (folder / "indbo.md").write_text(markdown(numbers="1.1"))
    (folder / "indbo.txt").write_text(f"Indbo\nVersion: 1\nGælder fra: 2025-01-01\n\n2.1 Vand\n\n{BODY}\n")
    assert [f"indbo.txt is the same document and version as {folder}/indbo.md"] == faults(imported(home, folder))
    assert ["1.1"] == [each.number for each in Library.read(home).sections]


def test_a_library_that_is_damaged_is_written_anew(home: Home, folder: Path) -> None:
    home.terms.mkdir(parents=True)
    (home.terms / library.FILE).write_text("{")
    (folder / "indbo.md").write_text(markdown())
    assert imported(home, folder).has_faults
    assert {("indbo", "1", 2)} == known(home)


def _zip(**parts: bytes) -> bytes:
    """A DOCX with some parts replaced."""
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(papers.as_docx(SAMPLES[0]))) as source:
        content = {name: source.read(name) for name in source.namelist()}
    content["word/document.xml"] = parts["document"]
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, each in content.items():
            archive.writestr(name, each)
    return sink.getvalue()


WORD = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
ENTITY_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE w:document [<!ENTITY a0 "1.1 Brand">'
    + b"".join(b'<!ENTITY a%d "%s">' % (level, b"&a%d;" % (level - 1) * 10) for level in range(1, 12))
    + b"]><w:document "
    + WORD
    + b"><w:body><w:p><w:r><w:t>&a11;</w:t></w:r></w:p></w:body></w:document>"
)
FOREIGN_ENTITY = (
    b'<?xml version="1.0"?><!DOCTYPE w:document [<!ENTITY a SYSTEM "file:///etc/passwd">]><w:document '
    + WORD
    + b"><w:body><w:p><w:r><w:t>1.1 Brand &a;</w:t></w:r></w:p><w:p><w:r><w:t>&a;</w:t></w:r></w:p></w:body></w:document>"
)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.pdf", b"%PDF-1.7\n" + bytes(range(256)) * 40, "is damaged, or no PDF"),
        ("a.pdf", b"<html>1.1 Brand</html>", "is damaged, or no PDF"),
        ("a.pdf", b"", "is damaged, or no PDF"),
        ("a.pdf", papers.pdf([[], []]), "has no text, only pictures of pages"),
        ("a.pdf", papers.pdf([[papers.Line(BODY)]], is_locked=True), "is locked with a password"),
        ("a.pdf", papers.pdf([[papers.Line(BODY)]]), "has no numbered sections"),
        ("a.docx", b"PK\x03\x04" + bytes(500), "is damaged, or no DOCX"),
        ("a.docx", b"\xd0\xcf\x11\xe0" + bytes(500), "is locked with a password, or an old .doc"),
        ("a.docx", _zip(document=ENTITY_BOMB), "is damaged"),
        ("a.docx", _zip(document=FOREIGN_ENTITY), "has no numbered sections"),
        ("a.docx", _zip(document=b"<w:document " + WORD + b"><w:bo"), "is damaged"),
        ("a.md", b"", "has no numbered sections"),
        ("a.md", b"# 1.1 Brand\n" + b"x" * 200_000, "has more sections or longer ones than terms have"),
        ("a.xlsx", b"PK", "is of a kind that is not read"),
        ("a", b"1.1", "is of a kind that is not read"),
        ("a\n.md", b"", "has a name that cannot be shown"),
    ],
)
def test_what_cannot_be_read_is_a_sentence_and_the_rest_comes_in(
    home: Home, folder: Path, name: str, content: bytes, expected: str
) -> None:
    (folder / "indbo.md").write_text(markdown())
    (folder / name).write_bytes(content)
    assert [f"{importing.shown(Path(name))} {expected}"] == faults(imported(home, folder))
    assert {("indbo", "1", 2)} == known(home)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(home: Home, folder: Path) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(11):
            with archive.open(f"word/media/{number}.xml", "w", force_zip64=True) as part:
                for _ in range(50):
                    part.write(bytes(1 << 20))
    (folder / "a.docx").write_bytes(sink.getvalue())
    assert ["a.docx unpacks to more than a document does"] == faults(imported(home, folder))


def test_a_zip_that_lies_about_its_size_is_not_believed(home: Home, folder: Path) -> None:
    content = bytearray(_zip(document=bytes(80 << 20)))
    entry = content.rindex(b"word/document.xml")
    content[entry - 46 + 24 : entry - 46 + 28] = (1000).to_bytes(4, "little")  # APPNOTE 4.3.12, uncompressed size
    (folder / "a.docx").write_bytes(content)
    assert ["a.docx is damaged"] == faults(imported(home, folder))


def test_a_document_that_needs_too_much_memory_ends_alone(home: Home, folder: Path) -> None:
    (folder / "indbo.md").write_text(markdown())
    (folder / "a.md").write_bytes(b"# 1.1 Brand\n" + b"vand\n" * (20 << 20))
    report = imported(home, folder, limits=Limits(memory_bytes=400 << 20))
    assert ["a.md needs more memory than a document may"] == faults(report)
    assert {("indbo", "1", 2)} == known(home)


def test_a_document_that_never_ends_is_ended(home: Home, folder: Path) -> None:
    (folder / "indbo.md").write_text(markdown())
    (folder / "a.md").write_bytes(b"<!--" * 400_000)
    report = imported(home, folder, limits=Limits(cpu_s=2))
    assert ["a.md takes too long to read"] == faults(report)
    report = imported(home, folder / "a.md", limits=Limits(wall_s=1))
    assert ["a.md takes too long to read"] == faults(report)
    assert {("indbo", "1", 2)} == known(home)


def test_a_file_above_the_limit_is_not_opened_and_one_below_is_tried(home: Home, folder: Path) -> None:
    with (folder / "a.pdf").open("wb") as file:
        file.truncate(importing.FILE_LIMIT_BYTES + 1)
    with (folder / "b.pdf").open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(200 << 20)
    refused, tried = faults(imported(home, folder, limits=Limits(cpu_s=3)))
    assert "a.pdf is 250 MiB, and more than 250 are not read" == refused
    assert tried in {"b.pdf is damaged, or no PDF", "b.pdf takes too long to read"}


def test_a_pdf_of_200_mb_with_text_is_read(home: Home, folder: Path) -> None:
    content = papers.as_pdf(SAMPLES[0])
    filling = b"%" + b"x" * (1 << 20) + b"\n"
    with (folder / "indbo.pdf").open("wb") as file:
        file.write(content)
        for _ in range(200):
            file.write(filling)
        file.write(content[content.rindex(b"startxref") :])
    assert [] == faults(imported(home, folder))
    assert {("indbo", SAMPLES[0].version, len(SAMPLES[0].sections))} == known(home)


def test_pipes_links_to_nowhere_and_what_is_not_there_are_told(home: Home, folder: Path) -> None:
    os.mkfifo(folder / "a.md")
    (folder / "b.md").symlink_to("/nowhere")
    report = imported(home, folder, folder / "c.md")
    assert [
        "a.md is no file",
        "b.md cannot be opened: No such file or directory",
        "c.md cannot be opened: No such file or directory",
    ] == faults(report)


def test_hidden_files_and_readmes_are_passed_over(home: Home, folder: Path) -> None:
    for name in (".DS_Store", "~$indbo.docx", "README.md"):
        (folder / name).write_text("x")
    (folder / "indbo.md").write_text(markdown())
    assert [] == list(imported(home, folder).remarks)


def test_the_command_says_what_it_did_and_what_it_could_not_read(home: Home, folder: Path) -> None:
    (folder / "indbo.md").write_text(markdown())
    done = tavs(home, "terms", "import", folder)
    assert (0, "indbo  1  from 2025-01-01  2 sections, new\n", "") == (done.returncode, done.stdout, done.stderr)
    (folder / "bil.md").write_text(f"# Bil\n\n## 1.1 Brand\n\n{BODY}\n")
    (folder / "scan.pdf").write_bytes(papers.pdf([[]]))
    done = tavs(home, "terms", "import", folder, "--json")
    assert 1 == done.returncode
    document = json.loads(done.stdout)
    assert {"bil": "new", "indbo": "same"} == {each["doc"]: each["change"] for each in document["documents"]}
    assert [False, True] == [each["is_fault"] for each in document["remarks"]]
    assert [
        f"tavs: note: {folder}/bil.md: says nothing of its validity, and counts always",
        f"tavs: error: {folder}/scan.pdf: has no text, only pictures of pages",
        "tavs: hint: run it through text recognition, or take the original",
    ] == done.stderr.splitlines()
    assert [
        "bil  -  always  1 section",
        "indbo  1  from 2025-01-01  2 sections",
    ] == tavs(home, "terms", "list").stdout.splitlines()
    listed = json.loads(tavs(home, "terms", "list", "--json").stdout)
    assert not listed["is_sample"]
    assert {"doc", "title", "product", "version", "valid_from", "valid_to", "sections", "source"} == set(
        listed["documents"][0]
    )


def test_a_document_is_taken_out_by_its_name(home: Home, folder: Path) -> None:
    for version in ("1", "2"):
        (folder / "indbo.md").write_text(markdown(version, f"202{version}-01-01"))
        imported(home, folder)
    done = tavs(home, "terms", "remove", "indbo", "--version", "1")
    assert (0, "indbo  1  from 2021-01-01  2 sections, removed\n") == (done.returncode, done.stdout)
    assert {("indbo", "2", 2)} == known(home)
    assert 0 == tavs(home, "terms", "remove", "indbo").returncode
    assert set() == known(home) and not Library.read(home).is_sample
    assert 2 == tavs(home, "terms", "remove", "indbo").returncode


def test_imports_at_one_time_wait_for_each_other(home: Home, folder: Path) -> None:
    names = [f"doc{number}" for number in range(6)]
    for name in names:
        (folder / f"{name}.md").write_text(markdown())
    environment = {**os.environ, "TAVS_HOME": str(home.root)}
    command = [sys.executable, "-m", "tavs", "terms", "import"]
    processes = [
        subprocess.Popen([*command, folder / f"{name}.md"], env=environment, stdout=subprocess.DEVNULL)
        for name in names
    ]
    assert [0] * 6 == [process.wait() for process in processes]
    assert set(names) == {doc for doc, _, _ in known(home)}


def test_progress_is_shown_on_a_terminal_only(home: Home, folder: Path) -> None:
    (folder / "indbo.md").write_text(markdown())
    mine, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tavs", "terms", "import", folder],
        stdout=subprocess.DEVNULL,
        stderr=its,
        env={**os.environ, "TAVS_HOME": str(home.root), "TERM": "xterm"},
    )
    os.close(its)
    told = b""
    while piece := _read(mine):
        told += piece
    os.close(mine)
    assert 0 == process.wait()
    assert b"reading terms" in told


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end is closed
        return b""


def test_check_tells_of_documents_that_lie_where_nothing_reads_them(home: Home) -> None:
    home.terms.mkdir(parents=True)
    (home.terms / "indbo.md").write_text(markdown())
    assert f"indbo.md and 0 more lie in {home.terms} and were not imported" in _told(home)["trouble"]
    assert 0 == tavs(home, "terms", "import", home.terms).returncode
    told = _told(home)
    assert "2 sections of terms count today" in told["fine"]
    assert "not imported" not in told.get("trouble", "")
    (home.terms / "indbo.md").write_text(markdown(valid_from="2999-01-01"))
    tavs(home, "terms", "import", home.terms)
    assert "no terms count today" in _told(home)["trouble"]


def _told(home: Home) -> dict[str, str]:
    found: dict[str, str] = {}
    document: dict[str, Any] = json.loads(tavs(home, "check", "--json").stdout)
    for each in document["findings"]:
        found[each["level"]] = f"{found.get(each['level'], '')}\n{each['what']}"
    return found
