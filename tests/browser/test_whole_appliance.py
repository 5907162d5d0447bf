"""A real call through SIPREC, a real appliance, a real browser: what an agent sees while the customer is talking."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tavs.demo.canary import Canaries
from tavs.demo.place import Parties, payloads, place
from tavs.demo.show import HERE as DEMO
from tavs.host.home import Home
from tavs.panel import accounts
from tavs.run import prepare

SCRIPT = json.loads((DEMO / "call.json").read_text(encoding="utf-8"))
PASSWORD = "et langt kodeord til prøven"
CALL_MS = 75_000
CONFIGURATION = """\
[intake.siprec]
listen = ["tcp:127.0.0.1:0"]
allow = ["127.0.0.1/32"]

[speech]
agent_channel = "live"

[panel]
listen = "127.0.0.1:{port}"
"""


class Appliance:
    """`tavs run`, as a user starts it."""

    def __init__(self, home: Home) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        prepare(home)
        (home.etc / "conf.d/90-test.toml").write_text(CONFIGURATION.format(port=self.port), encoding="utf-8")
        now = datetime.now(UTC)
        for name, extension in (("sofie", SCRIPT["agent_extension"]), ("jonas", "4777")):
            accounts.add(home, name, PASSWORD, extensions=(extension,), language="da", now=now)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tavs", "run", "--home", str(home.root)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self._process.stderr is not None
        ready = next(line for line in self._process.stderr if line.startswith("tavs: ready:"))
        self._sip_port = int(ready.rpartition(":")[2])
        threading.Thread(target=self._process.stderr.read, daemon=True).start()

    def call(self) -> threading.Thread:
        """The synthetic call, in real time beside the test."""
        parties = Parties(customer_number=SCRIPT["customer_number"], agent_extension=SCRIPT["agent_extension"])
        sound = payloads(DEMO / "call.wav")
        placed = threading.Thread(target=lambda: asyncio.run(place("127.0.0.1", self._sip_port, sound, parties)))
        placed.start()
        return placed

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    running = Appliance(Home(tmp_path / "home"))
    yield running
    running.stop()


def sign_in(page: Page, appliance: Appliance, account: str) -> None:
    page.goto(f"https://127.0.0.1:{appliance.port}/login")
    page.locator("#account").fill(account)
    page.locator("#password").fill(PASSWORD)
    page.locator("main form button.primary").click()
    page.locator("#connection[data-state=connected]").wait_for()


def test_an_agent_sees_masked_words_and_a_section_while_the_customer_is_talking_and_nobody_else_does(
    appliance: Appliance, open_window: Callable[..., Page]
) -> None:
    page, other = open_window(), open_window()
    sign_in(page, appliance, "sofie")
    sign_in(other, appliance, "jonas")
    call = appliance.call()
    expect(page.locator("#recorded")).to_have_text("Optages", timeout=CALL_MS)
    expect(page.locator("#text .customer .mask").first).to_be_visible(timeout=CALL_MS)
    expect(page.locator("#featured .name")).to_be_visible(timeout=CALL_MS)
    assert call.is_alive(), "the suggestion came after the call"
    page.locator("#featured button", has_text=re.compile("^Nyttigt$")).click()
    call.join()
    expect(page.locator("#text")).to_contain_text("indboforsikring", timeout=CALL_MS)
    shown = page.locator("body").inner_text()
    assert [] == Canaries(SCRIPT["identifiers"]).search(shown.encode())
    assert "Ingen opkald lige nu" == other.locator("#nothing h2").inner_text()
