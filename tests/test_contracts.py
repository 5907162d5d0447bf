"""The boundary is tested: who imports whom, who makes masked text, what prints, what is documented."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tavs.call.session import Description
from tavs.cli import app
from tavs.demo.canary import Canaries
from tavs.events import CallId, Channel, MaskedText
from tavs.speech.segments import Stretch
from tavs.speech.utterance import Segment, Utterance

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "daemon/tavs").rglob("*.py"))
SECRET = "hemmelig"


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout[-2000:]


def test_masked_text_is_made_in_masking_and_in_the_decoder_of_the_relay_only() -> None:
    makers = {
        path.relative_to(ROOT / "daemon/tavs").as_posix()
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "MaskedText"
    }
    assert {"relay.py", "masking/gate.py"} == makers


@pytest.mark.parametrize(
    "heard",
    [
        Utterance(call=CallId("c"), channel=Channel.AGENT, sequence=1, t0_ms=0, t1_ms=1, text=SECRET),
        Segment(call=CallId("c"), channel=Channel.AGENT, sequence=1, t0_ms=0, t1_ms=1, samples=np.full(3, 0.123)),
        Stretch(t0_ms=0, t1_ms=1, samples=np.full(3, 0.123)),
        MaskedText(SECRET),
        Description(customer_number=SECRET, sealed=SECRET.encode()),
        Canaries({"name": {"words": SECRET}}),
    ],
    ids=lambda heard: type(heard).__name__,
)
def test_what_was_heard_prints_as_its_size(heard: object) -> None:
    assert SECRET not in repr(heard) + str(heard)
    assert "0.123" not in repr(heard)


def test_only_the_clock_asks_what_time_it_is() -> None:
    asking = re.compile(r"\b(time\.(time|monotonic)|datetime\.now|datetime\.utcnow)\(")
    found = {path.name for path in SOURCES if asking.search(path.read_text(encoding="utf-8"))}
    assert {"clock.py"} == found


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert {name for name in names if f"tavs {name}" not in readme} == set()


def test_no_module_grows_beyond_what_can_be_read_at_once() -> None:
    long = {path.name: lines for path in SOURCES if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400}
    assert {} == long


def test_the_lock_files_carry_hashes_and_no_address() -> None:
    for lock in (ROOT / "packaging").glob("*.lock"):
        text = lock.read_text(encoding="utf-8")
        pinned = re.findall(r"^\S+==\S+", text, re.MULTILINE)
        assert pinned
        assert text.count("--hash=sha256:") >= len(pinned)
        assert "://" not in text


def test_no_library_that_ships_knows_an_address_to_report_to() -> None:
    """onnxruntime 1.29 began to (found by tests/wire/test_egress_capture.py; silent where `CI` is set)."""
    collectors = (b"OneCollector", b"events.data.microsoft.com", b"ingest.sentry.io", b"google-analytics.com")
    libraries = [path for path in Path(np.__file__).parents[1].rglob("*.so*") if path.is_file()]
    assert libraries
    assert [] == [path.name for path in libraries if any(each in path.read_bytes() for each in collectors)]
