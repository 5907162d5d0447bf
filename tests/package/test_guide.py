"""The site guide tells of nothing that is not there: its commands, settings, paths, units, messages and figures."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tavs import catalogue
from tavs import config as configuration
from tavs.host.credstore import OFFERED
from tavs.host.home import Home
from tavs.host.journal import Message
from tavs.recording.ogg import BIT_RATE

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
sys.path.insert(0, str(PACKAGING))

from command_tree import Command, commands  # noqa: E402 - it lies beside the guide, in no package

GUIDE = (PACKAGING / "GUIDE.md").read_text()
KNOWN = {each.path: each for each in commands()}


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    text: str

    @property
    def file(self) -> str:
        """The path in its first line; empty where there is none."""
        found = re.match(r"# (/\S+)\n", self.text)
        return found[1] if found else ""


BLOCKS = [
    Block(found[2], re.sub(rf"^{found[1]}", "", found[3], flags=re.MULTILINE))
    for found in re.finditer(r"^( *)```(\w*)\n(.*?)^\1```$", GUIDE, re.MULTILINE | re.DOTALL)
]
SPANS = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^ *```.*?^ *```$", "", GUIDE, flags=re.MULTILINE | re.DOTALL))
"""Code in running text."""
TYPED = [line[2:] for block in BLOCKS if not block.file for line in block.text.splitlines() if line.startswith("# ")]
STARTED = re.findall(r"ExecStart=(?:/usr/bin/)?(.+)", GUIDE)


def calls(lines: list[str]) -> Iterator[list[str]]:
    """The words after `tavs` of each line that calls it."""
    for line in lines:
        words = shlex.split(line.replace("…", ""))
        if words and words[0].removeprefix("/usr/bin/") == "tavs":
            yield words[1:]


def faults(words: list[str], *, is_whole: bool) -> Iterator[str]:
    """What is wrong with a call, by the command line's own knowledge. A call in running text may leave things out."""
    path: tuple[str, ...] = ()
    while words and (*path, words[0]) in KNOWN:
        path, words = (*path, words[0]), words[1:]
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    command = KNOWN[path]
    if not path or (not command.is_callable and (is_whole or words)):
        yield f"no such command: {' '.join((*path, *words))}"
        return
    offered = {option.name for option in command.options}
    yield from (f"{' '.join(path)}: no option {option}" for option in options if option not in offered)
    if is_whole:
        yield from _incomplete(command, words)


def _incomplete(command: Command, words: list[str]) -> Iterator[str]:
    name = " ".join(command.path)
    valued = {option.name: option for option in command.options if option.value}
    given, rest = set(), iter(words)
    arguments = 0
    for word in rest:
        if word in valued:
            value = next(rest, None)
            choices = valued[word].choices
            if value is None or (choices and value not in choices):
                yield f"{name}: {word} {value}"
        elif not word.startswith("--"):
            arguments += 1
        given.add(word)
    yield from (
        f"{name}: {option.name} is missing"
        for option in command.options
        if option.is_required and option.name not in given
    )
    wanted = command.arguments
    if arguments > len(wanted) and not any(each.is_repeatable for each in wanted):
        yield f"{name}: too many arguments"
    if arguments < sum(each.is_required for each in wanted):
        yield f"{name}: an argument is missing"


def test_every_command_that_is_typed_is_there_and_whole() -> None:
    found = list(calls([*TYPED, *STARTED]))
    assert len(found) > 50
    assert [] == [fault for words in found for fault in faults(words, is_whole=True)]


def test_every_command_in_running_text_is_there_with_its_options() -> None:
    found = list(calls([span for span in SPANS if span.startswith("tavs ")]))
    assert len(found) > 20
    assert [] == [fault for words in found for fault in faults(words, is_whole=False)]


@pytest.mark.parametrize(
    "words", [["nonsense"], ["hold"], ["hold", "add", "--kid", "case"], ["hold", "add", "--kind", "cause"]]
)
def test_a_command_that_is_not_there_is_found(words: list[str]) -> None:
    assert list(faults(words, is_whole=True))


def test_every_settings_file_in_the_guide_can_be_used(tmp_path: Path) -> None:
    """All of them together are one configuration."""
    home = Home(tmp_path)
    (home.etc / "conf.d").mkdir(parents=True)
    site = [block.text for block in BLOCKS if block.file == "/etc/tavs/conf.d/50-site.toml"]
    assert len(site) >= 4
    for number, text in enumerate(site):
        (home.etc / f"conf.d/{number}.toml").write_text(text)
    configuration.load(home)


def test_the_entry_of_a_model_is_one_that_the_catalogue_takes(tmp_path: Path) -> None:
    (text,) = [block.text for block in BLOCKS if block.file == "/var/lib/tavs/models/catalogue.toml"]
    (tmp_path / catalogue.CATALOGUE).write_text(text)
    (name,) = tomllib.loads(text)
    with (tmp_path / tomllib.loads(text)[name]["file"]).open("wb") as file:
        file.truncate(tomllib.loads(text)[name]["size_bytes"])
    assert catalogue.find(name, [tmp_path]).production


def test_every_setting_that_is_named_is_one() -> None:
    named = re.findall(r"`\[([a-z.]+)\] (\w+)`", GUIDE)
    assert len(named) > 8
    assert set() == {f"{table}.{name}" for table, name in named} - set(configuration.keys())


def test_every_unit_that_is_named_is_one() -> None:
    own = {Path(block.file).name for block in BLOCKS if block.file.startswith("/etc/systemd/")}
    known = {path.name for path in (PACKAGING / "systemd").iterdir()} | own
    named = {
        each.replace("@%n", "@") for each in re.findall(r"\btavs[\w@%-]*\.(?:service|socket|timer|target)\b", GUIDE)
    }
    assert named - known == set()


def test_every_path_of_the_product_is_one() -> None:
    lines = [line.split() for line in (PACKAGING / "tmpfiles.conf").read_text().splitlines()]
    folders = {line[1] for line in lines if line and line[0] == "d"}
    installed = [line.split() for line in (PACKAGING / "debian/tavs.install").read_text().splitlines()]
    shipped = {f"/{target}/{Path(source).name}" for source, target in installed}
    known = folders | shipped | {f"/etc/credstore.encrypted/tavs.{name}" for name in OFFERED}
    known |= {"/usr/share/doc/tavs/GUIDE.md.gz", "/etc/tavs/panel/certificate.pem"}
    own = {block.file for block in BLOCKS if block.file}
    theirs = {"/etc/tavs/advice-ca.pem", "/etc/tavs/failure.d/mail", "/var/lib/tavs/models/ggml-danish-q8_0.bin"}
    named = set(
        re.findall(
            r"(?:/etc/(?:tavs|credstore)|/var/lib/tavs|/run/tavs|/usr/(?:lib|share)/(?:doc/)?tavs)[\w./-]*\w", GUIDE
        )
    )
    assert len(named) > 15
    assert set() == {each for each in named if each.rstrip("/") not in known | own | theirs}


def test_every_message_that_is_named_is_one() -> None:
    known = {message.text for message in Message}
    section = GUIDE[GUIDE.index("## 14.") : GUIDE.index("## 15.")]
    named = re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)
    assert len(named) > 5
    hyphenated = [span for span in SPANS if re.fullmatch(r"(?!tavs-)[a-z]+-[a-z]+", span)]
    other = {"site-public", "site-private", "advice-key", "panel-key"}
    assert set() == {*named, *hyphenated} - known - other


def test_the_disk_that_is_asked_for_is_what_recordings_take() -> None:
    gb_an_hour = BIT_RATE / 8 * 3600 / 1e9
    rows = re.findall(r"^\| (\d+) \| (\d+) \| ([\d.]+) \| (\d+) \|$", GUIDE, re.MULTILINE)
    assert 4 == len(rows)
    for agents, hours, a_day, a_year in rows:
        assert int(agents) * 6 == int(hours)
        assert f"{int(hours) * gb_an_hour:.1f}" == a_day
        assert f"{int(hours) * 220 * gb_an_hour:.0f}" == a_year
    assert f"{BIT_RATE // 1000} kbit/s, that is {gb_an_hour * 1000:.1f} MB an hour" in GUIDE


@pytest.mark.parametrize("pbx", ["Asterisk", "OpenSIPS", "FreeSWITCH", "Cisco CUBE", "AudioCodes"])
def test_each_pbx_has_lines_to_enter_a_way_to_see_it_work_and_a_source(pbx: str) -> None:
    section = re.split(r"^##", GUIDE.split(f"### {pbx}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    assert "192.0.2." in section
    assert "](https://" in section
    assert "To see it" in section or "as below" in section


def test_the_table_of_contents_is_that_of_the_guide() -> None:
    headings = re.findall(r"^##+ (.+)$", GUIDE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
    links = re.findall(r"\]\(#([^)]+)\)", GUIDE)
    assert sorted(anchors) == sorted(links)
