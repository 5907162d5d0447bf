"""Against a real server: llama.cpp's, with models that the test makes itself."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from scripted import CALL, CANDIDATES, Notes, asking, heard
from tavs.advice.engine import Picked
from tavs.advice.openai import OpenAiEngine, Outcome

PYTHON = Path(__file__).parents[2] / ".venv-llama/bin/python"
START_TRIES = 300
DEADLINE_S = 20.0

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="llama.cpp's server is not built (packaging/setup.sh llama)"
)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[str]:
    """The base URL of a server that has loaded a new model."""
    model = folder / "tiny.gguf"
    subprocess.run([PYTHON, Path(__file__).parent / "tiny_gguf.py", model, *options], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [PYTHON, "-m", "llama_cpp.server", "--model", model, "--model_alias", "tiny", "--n_ctx", "16384",
               "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


async def is_up(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(START_TRIES):
            try:
                if (await client.get(f"{url}/models")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.2)
    pytest.fail("the server did not start")


def asked(url: str, ledger: Notes, deadline_s: float = DEADLINE_S) -> tuple[Picked, OpenAiEngine]:
    async def ask() -> tuple[Picked, OpenAiEngine]:
        await is_up(url)
        engine = asking(url, ledger, deadline_s=deadline_s)
        picked = await engine.pick(CALL, heard("der er vand i kælderen efter skybrud"), CANDIDATES)
        await engine.close()
        return picked, engine

    return asyncio.run(ask())


def test_a_model_that_keeps_to_the_schema_picks_a_section(tmp_path: Path) -> None:
    ledger = Notes()
    with serving(tmp_path, "terse") as url:
        picked, engine = asked(url, ledger)
    assert {Outcome.PICKED: 1} == engine.outcomes
    assert "openai" == picked.engine
    assert set(picked.ranked) <= set(CANDIDATES)
    assert picked.ranked
    assert b'"json_object"' in ledger.rows[-1]["payload"]  # this server knows the schema in this form only


def test_nonsense_of_a_random_model_gives_the_rankers_answer(tmp_path: Path) -> None:
    with serving(tmp_path) as url:
        picked, engine = asked(url, Notes())
    assert Picked(CANDIDATES, engine="fallback") == picked
    assert {Outcome.BROKE_RULES: 1} == engine.outcomes


def test_a_model_that_is_too_slow_gives_the_rankers_answer(tmp_path: Path) -> None:
    with serving(tmp_path) as url:
        picked, engine = asked(url, Notes(), deadline_s=0.02)
    assert "fallback" == picked.engine
    assert {Outcome.LATE: 1} == engine.outcomes
