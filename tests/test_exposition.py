"""What a collector is told: of the agreed form, complete, and nothing of what was said."""

import asyncio
import json
import re
import socket
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tavs import keep
from tavs.advice.openai import Outcome
from tavs.control import State
from tavs.errors import ConfigError
from tavs.events import CallEnded, CallId, CallStarted, Channel, Event, Gap, GapKind, MaskedSegment, MaskedText
from tavs.exposition import Page, serve
from tavs.host import scrape
from tavs.host.clock import RealClock
from tavs.host.expiry import ends_at
from tavs.host.home import Home
from tavs.host.metrics import Figure, Histogram, exposition
from tavs.relay import Received
from tavs.run import prepare
from tavs.store.database import open_writer
from tavs.tally import Tally

ROOT = Path(__file__).parents[1]
CALL = CallId("0192f0c1-0000-7000-8000-000000000001")
SAID = "jeg hedder <PERSON_1> og blomsten er lilla"
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
STATE = State(calls=2, is_recording=True)
EVENTS: list[Event] = [
    CallStarted(call=CALL, at=NOW, source="siprec", extension="4512"),
    *(
        MaskedSegment(
            call=CALL,
            channel=Channel.CUSTOMER,
            sequence=number,
            t0_ms=0,
            t1_ms=1,
            text=MaskedText(SAID),
            delay_ms=delay_ms,
        )
        for number, delay_ms in enumerate((200, 500, 501, 99_999))
    ),
    Gap(kind=GapKind.LOSS, count=3),
    CallEnded(call=CALL, at=NOW, reason="bye"),
]


def parsed(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """A strict reading of the text format: one family at a time, HELP and TYPE first, no sample twice."""
    families: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    known: dict[str, str] = {}
    helped = ""
    for line in text.splitlines():
        if found := re.fullmatch(r"# HELP ([a-z_]+) (\S.*\.)", line):
            helped = found[1]
            assert helped not in known, f"{helped} stands twice"
        elif found := re.fullmatch(r"# TYPE ([a-z_]+) (gauge|counter|histogram)", line):
            assert helped == found[1]
            known[helped] = found[2]
        else:
            sample = re.fullmatch(r'([a-z_]+)(?:\{((?:[a-z]+="[^"\\]*",?)+)\})? (\S+)', line)
            assert sample, line
            name, labels, value = sample[1], sample[2] or "", float(sample[3])
            suffixes = ("_bucket", "_sum", "_count") if known[helped] == "histogram" else ("",)
            assert name in {helped + suffix for suffix in suffixes}, line
            assert known[helped] != "counter" or (name.endswith("_total") and value >= 0)
            key = tuple(re.findall(r'([a-z]+)="([^"]*)"', labels))
            assert key not in families.setdefault(name, {})
            families[name][key] = value
    return families


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    prepare(found)
    open_writer(found.database).close()
    keep.run(found, RealClock())
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "box.example")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    found.certificate.parent.mkdir(parents=True, exist_ok=True)
    found.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return found


def page(home: Home, state: State | None = STATE) -> str:
    tally = Tally(asked={Outcome.LATE: 3}, refused=lambda: 7)
    for number, event in enumerate(EVENTS):
        tally.take(Received("0" * 16, number, event))
    tally.suggested("local")
    return Page(home, RealClock(), tally, lambda _: state)()


def test_the_page_is_of_the_agreed_form_and_counts_what_passed(home: Home) -> None:
    told = parsed(page(home))
    assert 1 == told["tavs_calls_started_total"][()]
    assert 4 == told["tavs_segments_total"][(("channel", "customer"),)]
    assert 3 == told["tavs_gaps_total"][(("kind", "loss"),)]
    assert 1 == told["tavs_suggestions_total"][(("engine", "local"),)]
    assert 7 == told["tavs_panel_refused_total"][()]
    assert 3 == told["tavs_advice_queries_total"][(("outcome", "late"),)]
    assert 0 == told["tavs_advice_queries_total"][(("outcome", "too-large"),)]
    assert 2 == told["tavs_calls_running"][()]
    assert (NOW + timedelta(days=30)).timestamp() == told["tavs_certificate_ends_timestamp_seconds"][()]
    assert {"tavs_last_sweep_timestamp_seconds", "tavs_calls_rows", "tavs_disk_free_bytes"} <= told.keys()


def test_a_histogram_counts_upwards_and_a_bound_belongs_to_its_bucket(home: Home) -> None:
    told = parsed(page(home))
    buckets = [(labels[0][1], count) for labels, count in told["tavs_delay_ms_bucket"].items()]
    assert [("250", 1), ("500", 2), ("750", 3)] == buckets[:3]
    assert ("+Inf", 4) == buckets[-1]
    assert (4, 101_200) == (told["tavs_delay_ms_count"][()], told["tavs_delay_ms_sum"][()])


def test_a_listener_that_does_not_answer_is_a_figure(home: Home) -> None:
    told = parsed(page(home, None))
    assert 0 == told["tavs_listener_up"][()]
    assert "tavs_recording_enabled" not in told and "tavs_calls_running" not in told


def test_a_home_without_anything_has_a_page_all_the_same(tmp_path: Path) -> None:
    assert 1 == parsed(page(Home(tmp_path), None))["tavs_calls_started_total"][()]


def test_nothing_on_the_page_was_said_or_names_a_call(home: Home) -> None:
    told = page(home)
    assert not any(secret in told for secret in (SAID, "lilla", CALL, "4512", str(home.root)))


def test_a_box_without_an_advisory_model_has_no_figures_of_one(home: Home) -> None:
    told = parsed(Page(home, RealClock(), Tally(), lambda _: None)())
    assert "tavs_advice_queries_total" not in told
    assert 0 == told["tavs_panel_refused_total"][()]


@pytest.mark.parametrize("value", ["Rigmor Vestergaard", 'x"} 1', "", "a" * 65, "æ"])
def test_a_label_that_could_carry_words_is_refused(value: str) -> None:
    with pytest.raises(TypeError):
        exposition([Figure("x", 1, "X.", {"label": value})])  # type: ignore[dict-item]


def test_an_empty_histogram_is_of_the_agreed_form() -> None:
    assert 0 == parsed(exposition([Histogram("x", "X.", (1,))]))["tavs_x_count"][()]


@pytest.mark.parametrize("file", ["prometheus/tavs.rules.yml", "grafana/tavs.json"])
def test_every_metric_in_the_rules_and_on_the_dashboard_exists(home: Home, file: str) -> None:
    told = set(parsed(page(home)))
    status = (ROOT / "daemon/tavs/status.py").read_text(encoding="utf-8")
    told |= {f"tavs_{name}" for name in re.findall(r'Figure\("(\w+)"', status)} | {"tavs_audit_head"}
    text = (ROOT / "packaging" / file).read_text(encoding="utf-8")
    named = set(re.findall(r"\btavs_[a-z_]+\b", text))
    assert len(named) > 10
    assert named <= told


def test_every_alert_tells_what_to_do() -> None:
    text = (ROOT / "packaging/prometheus/tavs.rules.yml").read_text(encoding="utf-8")
    alerts = re.split(r"^      - alert: ", text, flags=re.MULTILINE)[1:]
    assert 15 <= len(alerts) == len({alert.split()[0] for alert in alerts})
    for alert in alerts:
        for key in ("expr", "labels", "annotations", "summary", "runbook"):
            assert 1 == len(re.findall(rf"^ +{key}: ?\S?", alert, re.MULTILINE)), (alert, key)
        expression = re.search(r"expr: (.*)", alert)
        assert expression and expression[1].count("(") == expression[1].count(")")
        for value in re.findall(r"^ +(?:summary|runbook): (.*)$", alert, re.MULTILINE):
            assert value.strip('"').endswith(".")
            assert value.startswith('"') or not re.search(r": |^[`\[{&*!|>%@]", value), f"YAML would read {value}"


def test_the_dashboard_is_one_grafana_can_draw() -> None:
    dashboard = json.loads((ROOT / "packaging/grafana/tavs.json").read_text(encoding="utf-8"))
    panels = dashboard["panels"]
    assert 10 <= len(panels) <= 14
    assert len(panels) == len({panel["id"] for panel in panels})
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = SimpleNamespace(**panel["gridPos"])
        cells = {(place.x + x, place.y + y) for x in range(place.w) for y in range(place.h)}
        assert not cells & taken and place.x + place.w <= 24, panel["title"]
        taken |= cells
        assert panel["targets"] and all(target["expr"] for target in panel["targets"])


def get(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert scrape.TEXT == answer.headers["Content-Type"]
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_a_collector_gets_the_page_and_nobody_gets_anything_else() -> None:
    async def run() -> None:
        server = await scrape.Scrape(lambda: "x 1\n").start("127.0.0.1:0")
        port = server.sockets[0].getsockname()[1]
        async with server:
            assert (200, "x 1\n") == await asyncio.to_thread(get, port, "/metrics")
            assert (200, "x 1\n") == await asyncio.to_thread(get, port, "/metrics?x")
            assert (200, "") == await asyncio.to_thread(get, port, "/metrics", "HEAD")
            assert (404, "") == await asyncio.to_thread(get, port, "/")
            assert (405, "") == await asyncio.to_thread(get, port, "/metrics", "POST")

    asyncio.run(run())


@pytest.mark.parametrize("sent", [b"GET /metrics HTTP/1.1\r\n", b"x" * 20_000, b"\0\r\n\r\n", b""])
def test_what_is_no_request_gets_no_page_and_costs_the_next_nothing(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrape, "PATIENCE_S", 0.2)

    async def run() -> None:
        server = await scrape.Scrape(lambda: "x 1\n").start("127.0.0.1:0")
        port = server.sockets[0].getsockname()[1]
        async with server:
            for _ in range(scrape.CLIENTS + 1):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(sent)
                with suppress(ConnectionError):
                    assert b"x 1" not in await reader.read()
                writer.close()
            assert (200, "x 1\n") == await asyncio.to_thread(get, port, "/metrics")

    asyncio.run(run())


def test_an_address_that_cannot_be_had_is_said_and_costs_the_desk_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        asyncio.run(serve(Home(tmp_path), address, RealClock(), Tally()))
        asyncio.run(serve(Home(tmp_path), "", RealClock(), Tally()))
    assert 1 == capsys.readouterr().err.count("metrics-unusable")


@pytest.mark.parametrize("address", ["9464", "localhost:", "127.0.0.1:70000", ":9464"])
def test_an_address_that_is_none_is_a_sentence(address: str) -> None:
    with pytest.raises(ConfigError, match="metrics"):
        asyncio.run(scrape.Scrape(lambda: "").start(address))


def test_the_first_certificate_of_a_chain_to_end_decides_and_what_is_none_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("no certificate")
    assert ends_at(tmp_path / "x.pem") is None
    assert ends_at(tmp_path / "nothing.pem") is None
