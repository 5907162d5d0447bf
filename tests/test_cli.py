"""The command line as scripts use it: what goes where, and the exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parent / "speech/samples/c05.wav"


def tavs(home: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tavs", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TAVS_HOME": str(home)},
        timeout=120,
    )


@pytest.mark.parametrize("arguments", [["config"], ["run"], ["listen"], ["desk"], ["check"]])
def test_an_unknown_key_ends_every_program_with_78_and_says_where_and_what(
    tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "etc/tavs").mkdir(parents=True)
    (tmp_path / "etc/tavs/tavs.toml").write_text("[intake.siprec]\nlisten_on = []\n")
    done = tavs(tmp_path, *arguments)
    assert 78 == done.returncode
    assert "" == done.stdout
    assert "tavs: error:" in done.stderr and "tavs.toml" in done.stderr and "intake.siprec.listen_on" in done.stderr
    assert "tavs: hint: the nearest known key is intake.siprec.listen" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_program_that_hears_calls_leaves_no_core_file() -> None:
    program = (
        "import resource\n"
        "from tavs import cli\n"
        "async def tell(): print(resource.getrlimit(resource.RLIMIT_CORE))\n"
        "cli._serve(tell())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert "(0, 0)\n" == done.stdout


def test_a_port_in_use_ends_run_with_78_and_the_address(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        folder = tmp_path / "home/etc/tavs/conf.d"
        folder.mkdir(parents=True)
        (folder / "a.toml").write_text(f'[intake.siprec]\nlisten = ["tcp:127.0.0.1:{port}"]\n')
        done = tavs(tmp_path / "home", "run")
    assert 78 == done.returncode
    assert f"tcp:127.0.0.1:{port} cannot be listened on" in done.stderr


@pytest.mark.parametrize("arguments", [["bogus"], ["show"], ["transcribe", "/nowhere.wav"], ["mask", "--lang", "tlh"]])
def test_wrong_use_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    done = tavs(tmp_path, *arguments)
    assert 2 == done.returncode
    assert "Traceback" not in done.stderr


def test_what_is_not_there_yet_is_a_sentence(tmp_path: Path) -> None:
    done = tavs(tmp_path, "calls")
    assert 1 == done.returncode
    assert done.stderr.startswith("tavs: error: there is no database")


def test_the_effective_configuration_names_every_key_and_its_file(tmp_path: Path) -> None:
    (tmp_path / "etc/tavs/conf.d").mkdir(parents=True)
    (tmp_path / "etc/tavs/conf.d/50-site.toml").write_text("[site]\nname = 'Aarhus'\n")
    done = tavs(tmp_path, "config", "--effective")
    assert 0 == done.returncode
    assert f'site.name = "Aarhus"  # {tmp_path}/etc/tavs/conf.d/50-site.toml' in done.stdout
    assert "speech.workers = 1  # default" in done.stdout


def test_a_file_is_transcribed_line_by_line(tmp_path: Path) -> None:
    done = tavs(tmp_path, "transcribe", str(SAMPLE), "--jsonl")
    [line] = [json.loads(each) for each in done.stdout.splitlines()]
    assert {"t0", "t1", "channel", "text"} == set(line)
    assert "unknown" == line["channel"]
    assert "husforsikring" in line["text"]


def test_a_file_goes_through_the_whole_pipeline(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = tavs(tmp_path, "replay", str(SAMPLE), "--json", "--home", str(home))
    assert 0 == done.returncode, done.stderr
    document = json.loads(done.stdout)
    assert {"segments", "suggestions", "artifacts", "gaps", "canaries_found"} == set(document)
    assert "husforsikring" in document["segments"][0]["text"]
    [call] = json.loads(tavs(home, "calls", "--json").stdout)["calls"]
    assert {"call", "started_at", "ended_at", "artifacts", "holds"} == set(call)
    shown = json.loads(tavs(home, "show", call["call"], "--json").stdout)
    assert "replay" == shown["source"]
    assert "husforsikring" in tavs(home, "show", call["call"]).stdout
    assert (home / "TEST-HOME").exists()


def test_check_finds_missing_keys_and_is_content_with_a_fresh_home(tmp_path: Path) -> None:
    assert 1 == tavs(tmp_path / "empty", "check").returncode
    from tavs.host.home import Home
    from tavs.run import prepare

    prepare(Home(tmp_path / "home"))
    done = tavs(tmp_path / "home", "check", "--json")
    assert 0 == done.returncode
    assert {"fine", "note"} == {each["level"] for each in json.loads(done.stdout)["findings"]}


def test_terms_are_searched_and_advice_given_by_line(tmp_path: Path) -> None:
    assert "indboforsikring 5.1" in tavs(tmp_path, "terms", "search", "indbrudstyveri").stdout
    query = {"id": "q", "call_turns": [{"channel": "customer", "text": "der har været indbrud og døren er brudt op"}]}
    answer = json.loads(tavs(tmp_path, "advise", "--jsonl", stdin=json.dumps(query)).stdout)
    assert "q" == answer["id"] and answer["ranked"]
