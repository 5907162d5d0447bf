"""`tavs …`: arguments, then one call.

1. Results go to stdout, all else to stderr as `tavs: error: …` and `tavs: hint: …`.
2. Exit 0 fine, 1 trouble found, 2 wrong use, 78 bad configuration.
3. A program is imported only when it is started, so that no command pays for another.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tavs import config as configuration
from tavs.advice import commands as advising
from tavs.advice import egress_commands as egress
from tavs.backup import commands as backing
from tavs.errors import TavsError, UsageError, innermost
from tavs.host.clock import RealClock
from tavs.host.firewall_commands import firewall_app
from tavs.host.home import Home
from tavs.host.journal import failure, silence_loop, silence_tracebacks
from tavs.panel import commands as agents
from tavs.retention import commands as keeping
from tavs.rights import commands as officers
from tavs.rights import ending as officers_ending
from tavs.rights import keys as officers_keys

app = typer.Typer(
    name="tavs",
    help="Hears the calls of a site, keeps what may be kept, and lets nothing out that names a person.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
masking_app = typer.Typer(help="How well masking works.", no_args_is_help=True)
app.add_typer(masking_app, name="masking")

app.command()(keeping.sweep)
app.command()(keeping.notice)
app.command("destroy")(officers_ending.command)
for name, inner in {
    "terms": advising.terms_app,
    "egress": egress.egress_app,
    "accounts": agents.accounts_app,
    "retention": keeping.retention_app,
    "audit": keeping.audit_app,
    "clock": keeping.clock_app,
    "hold": officers.hold_app,
    "subject": officers.subject_app,
    "consent": officers.consent_app,
    "recording": officers.recording_app,
    "keys": officers_keys.keys_app,
    "firewall": firewall_app,
    "backup": backing.backup_app,
    "restore": backing.restore_app,
    "receipts": backing.receipts_app,
}.items():
    app.add_typer(inner, name=name)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
AsJsonLines = Annotated[bool, typer.Option("--jsonl", help="One JSON document a line.")]
HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder that holds everything (TAVS_HOME).")]
WavFile = Annotated[Path, typer.Argument(metavar="FILE.wav", help="Mono, or customer left and agent right.")]


def main() -> None:
    silence_tracebacks()
    try:
        typer.main.get_command(app)(standalone_mode=True)  # `app()` would put its own excepthook in place of ours
    except TavsError as error:
        print(f"tavs: error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"tavs: hint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        print(f"tavs: error: {failure(error)}: {os.strerror(error.errno or 0)}", file=sys.stderr)
        sys.exit(1)


@app.command()
def run(home: HomeOption = None) -> None:
    """All programs in the foreground, with the embedded defaults."""
    from tavs.run import Appliance, prepare

    place = _home(home)
    prepare(place)
    configuration.load(place)

    async def appliance() -> None:
        box = Appliance(place)

        def ready() -> None:
            print(f"tavs: ready: {' '.join(box.sip_addresses)}", file=sys.stderr, flush=True)

        await box.run(ready)

    _serve(appliance())


@app.command()
def demo(as_json: AsJson = False, home: HomeOption = None) -> None:
    """One synthetic Danish call through the whole appliance, live."""
    from tavs.demo.show import demo as show

    raise typer.Exit(asyncio.run(show(home, as_json)))


@app.command()
def replay(file: WavFile, as_json: AsJson = False, home: HomeOption = None) -> None:
    """The whole pipeline on a file."""
    from tavs.demo.show import replay as show

    raise typer.Exit(asyncio.run(show(file, home, as_json)))


@app.command()
def listen(
    replayed: Annotated[
        Path | None, typer.Option("--replay", hidden=True, help="Hear a file instead of a PBX.")
    ] = None,
) -> None:
    """The listener: hears calls, records them sealed, sends masked text."""
    from tavs.listen import run as program

    place = _home(None)
    _serve(program(place, configuration.load(place).config, RealClock(), replayed))


@app.command()
def desk() -> None:
    """The desk: keeps masked text, gives advice."""
    from tavs.desk import run as program

    place = _home(None)
    _serve(program(place, configuration.load(place).config, RealClock()))


@app.command()
def transcribe(
    file: WavFile,
    model: Annotated[str, typer.Option(help="Name of a model in the catalogue.")] = "",
    as_json_lines: AsJsonLines = False,
) -> None:
    """What is said in a file, unmasked: for whoever may hear it anyway."""
    from tavs.speech.transcribe import transcribe as utterances

    place = _home(None)
    for heard in utterances(file, model or configuration.load(place).config.speech.model, place):
        if as_json_lines:
            _print({"t0": heard.t0_ms / 1000, "t1": heard.t1_ms / 1000, "channel": heard.channel, "text": heard.text})
        else:
            print(f"{heard.t0_ms / 1000:7.2f} {heard.t1_ms / 1000:7.2f} {heard.channel:8} {heard.text}")


@app.command()
def mask(
    as_json_lines: AsJsonLines = False,
    lang: Annotated[str, typer.Option(help="Language of the text.")] = "da",
) -> None:
    """Mask the personal details in standard input."""
    from tavs.catalogue import folders
    from tavs.masking.detect import masker
    from tavs.masking.lines import mask_jsonl, mask_plain

    place = _home(None)
    known = configuration.load(place).config
    if lang != known.site.language:
        raise UsageError(f"language {lang!r} cannot be masked", f"known: {known.site.language}")
    detectors = masker(known.masking, folders(place))
    lines = _standard_input()
    for line in mask_jsonl(lines, detectors) if as_json_lines else mask_plain(lines, detectors):
        print(line, flush=True)


@app.command()
def calls(as_json: AsJson = False) -> None:
    """What is kept, call by call."""
    from tavs.store import view

    found = view.calls(_home(None))
    if as_json:
        _print({"calls": found})
    for call in [] if as_json else found:
        kept = ", ".join(view.briefly(a) for a in call["artifacts"])
        print(f"{call['call']}  {call['started_at']}  {kept or 'nothing kept'}")


@app.command()
def show(call: Annotated[str, typer.Argument(metavar="CALL")], as_json: AsJson = False) -> None:
    """Everything known of one call, its masked text included."""
    from tavs.store import view

    found = view.call(_home(None), call)
    if as_json:
        _print(found)
    else:
        print("\n".join(view.lines(found)))


@app.command()
def check(
    as_json: AsJson = False,
    is_measured: Annotated[
        bool, typer.Option("--capacity", help="Measure how many live calls this box carries (half a minute).")
    ] = False,
) -> None:
    """Everything an operator forgets, each finding with a remedy."""
    if is_measured:
        _measure(as_json)
        return
    from tavs.check import findings

    found = list(findings(_home(None)))
    if as_json:
        _print({"findings": [finding.document() for finding in found]})
    for finding in [] if as_json else found:
        print(finding.line())
    raise typer.Exit(1 if any(finding.is_trouble for finding in found) else 0)


@app.command()
def status(
    as_json: AsJson = False,
    is_live: Annotated[bool, typer.Option("--watch", help="Go on telling, until q or Ctrl-C.")] = False,
) -> None:
    """How the box is, alarms first."""
    from tavs import overview, watch

    place = _home(None)
    found = watch.watch(place, RealClock()) if is_live else overview.read(place, RealClock())
    if as_json:
        _print(found.document())
    elif not is_live:
        print("\n".join(found.lines()))
    raise typer.Exit(1 if any(found.alarms()) else 0)


@app.command("support-bundle")
def support_bundle(
    out: Annotated[Path | None, typer.Option("--out", help="The file to write; by default named by the time.")] = None,
) -> None:
    """What support needs to know of this box, and nothing personal."""
    from tavs.support import bundle

    clock = RealClock()
    place = out or Path(bundle.default_name(clock.now()))
    bundle.write(place, _home(None), clock)
    print(place)


@app.command()
def config(
    effective: Annotated[bool, typer.Option("--effective", help="Every key with its value and origin.")] = False,
) -> None:
    """The configuration: valid or not, and what is in force."""
    place = _home(None)
    loaded = configuration.load(place)
    for key in configuration.keys() if effective else loaded.origins:
        origin = loaded.origins.get(key, "default")
        print(f"{key} = {json.dumps(configuration.value(loaded.config, key), ensure_ascii=False)}  # {origin}")


@app.command()
def advise(as_json_lines: AsJsonLines = False) -> None:
    """Sections for turns of a call, from JSON lines on standard input; the local ranker only."""
    from tavs.advice.lines import advise as ranked

    del as_json_lines
    for line in ranked(_standard_input(), _home(None)):
        print(line, flush=True)


@masking_app.command("report")
def masking_report(
    segments: Annotated[
        int, typer.Option(min=0, help="Read that many masked segments now; 0 shows the last report.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """How much masking may have missed: read a sample, mark what should not be there."""
    import getpass

    from tavs.review import report
    from tavs.review.sample import texts

    def ask(text: str) -> str:
        return str(typer.prompt(f"\n{text}\nmissed", default="", show_default=False, err=True))

    place = _home(None)
    if segments:
        now = RealClock().now()
        found = report.read_through(texts(place, segments, now), ask, getpass.getuser(), now)
        report.store(found, place.reviews)
    else:
        found = report.latest(place.reviews)
    if as_json:
        _print(found.document())
    else:
        print("\n".join(found.lines()))


def _measure(as_json: bool) -> None:
    from dataclasses import asdict

    from tavs.capacity import measure

    place = _home(None)
    for found in measure(place, configuration.load(place).config, RealClock()):
        if as_json:
            _print(asdict(found))
        else:
            print(found.line(), flush=True)


def _home(chosen: Path | None) -> Home:
    if chosen is not None:
        os.environ["TAVS_HOME"] = str(chosen.absolute())
    return Home.current()


def _standard_input() -> Iterator[str]:
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    return iter(sys.stdin)


def _print(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, default=str))


def _serve(program: Coroutine[Any, Any, None]) -> None:
    """Run a program until it ends or is told to stop (SIGTERM, SIGINT)."""

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold what is said on the calls

    async def served() -> None:
        loop = asyncio.get_running_loop()
        silence_loop(loop)
        task = asyncio.create_task(program, name="program")
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return

    try:
        asyncio.run(served())
    except BaseExceptionGroup as failures:
        raise innermost(failures) from None
