"""`tavs terms`: product terms in, what is known of them, and what a text finds in them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tavs.host.home import Home

if TYPE_CHECKING:
    from tavs.advice.importing import Progress, Report
    from tavs.advice.sections import Document

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
terms_app = typer.Typer(help="Product terms.", no_args_is_help=True)


@terms_app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files and folders: md, html, txt, pdf, docx.")],
    as_json: AsJson = False,
) -> None:
    """Read terms into the library; says what could not be read, and what went with its file."""
    from tavs.advice.importing import import_terms

    with _progress() as progress:
        report = import_terms(paths, Home.current(), progress)
    for remark in report.remarks:
        told = ": ".join(filter(None, (remark.file, remark.what)))
        print(f"tavs: {'error' if remark.is_fault else 'note'}: {told}", file=sys.stderr)
    for hint in dict.fromkeys(remark.hint for remark in report.remarks if remark.hint):
        print(f"tavs: hint: {hint}", file=sys.stderr)
    if as_json:
        _print(_report(report))
    else:
        for document, change in report.imported:
            print(f"{_line(document)}, {change.value}")
        for document in report.removed:
            print(f"{_line(document)}, removed")
    raise typer.Exit(1 if report.has_faults else 0)


@terms_app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Documents and versions, when they count, and how many sections they have."""
    from tavs.advice.library import Library

    library = Library.read(Home.current())
    if as_json:
        documents = [_document(each) for each in library.documents]
        _print({"documents": documents, "is_sample": library.is_sample})
        return
    for document in library.documents:
        print(_line(document))
    if library.is_sample:
        print("tavs: note: these are the samples of a fictional insurer", file=sys.stderr)
        print("tavs: hint: `tavs terms import PATH…` reads the site's own", file=sys.stderr)


@terms_app.command("remove")
def remove(
    doc: Annotated[str, typer.Argument(metavar="DOC", help="As `tavs terms list` names it.")],
    version: Annotated[str | None, typer.Option("--version", help="Only this version.")] = None,
) -> None:
    """Take a document out of the library; its files stay where they are."""
    from tavs.advice import importing

    for document in importing.remove(doc, version, Home.current()):
        print(f"{_line(document)}, removed")


@terms_app.command("search")
def search(text: str, as_json: AsJson = False) -> None:
    """Sections of the terms that fit a text."""
    from tavs.advice import lines

    found = lines.search(text, Home.current())
    if as_json:
        _print({"sections": found})
    for section in [] if as_json else found:
        print(f"{section['doc']} {section['section']}  {section['title']}")


def _line(document: Document) -> str:
    first, last = document.valid_from, document.valid_to
    validity = f"from {first}" if first else "always"
    validity = f"{validity} to {last}" if last else validity
    count = len(document.sections)
    return f"{document.doc}  {document.version or '-'}  {validity}  {count} section{'s' if count > 1 else ''}"


def _document(document: Document) -> dict[str, Any]:
    return {
        "doc": document.doc,
        "title": document.title,
        "product": document.product,
        "version": document.version,
        "valid_from": document.valid_from,
        "valid_to": document.valid_to,
        "sections": len(document.sections),
        "source": document.source,
    }


def _report(report: Report) -> dict[str, Any]:
    return {
        "documents": [{**_document(document), "change": change.value} for document, change in report.imported],
        "removed": [_document(document) for document in report.removed],
        "remarks": [
            {"file": each.file, "what": each.what, "hint": each.hint, "is_fault": each.is_fault}
            for each in report.remarks
        ],
    }


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading terms", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _print(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, default=str))
