"""The manual pages, written from the code:  python packaging/man.py

1. What the code knows is taken from it: commands and options from the typer app, keys from `config.keys()`, the policy
   from `retention/policy.py`. The rest stands in `manual/`, in the language of man(7); a line `@WORD@` there is the
   place of what is taken.
2. The pages in `man/` are committed and ship as they are; a test compares them with what this writes.
3. Pages are ASCII: a letter beyond it is written as groff_char(7) names it.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
import typing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

PACKAGING = Path(__file__).parent
sys.path.insert(0, str(PACKAGING))
sys.path.insert(0, str(PACKAGING.parent / "daemon"))

import msgspec  # noqa: E402 - the two lines above are what makes them importable
from command_tree import Command, Parameter, commands  # noqa: E402
from tavs import config as configuration  # noqa: E402
from tavs.config import OWN_TABLE, Config  # noqa: E402
from tavs.reloading import KEYS, How, Program  # noqa: E402
from tavs.retention import policy  # noqa: E402

SOURCES = PACKAGING / "manual"
PAGES = PACKAGING / "man"
WIDTH = 79
"""Of a line of source; a formatter fills lines anew."""

_ALL_KEYS = configuration.keys()
_PLACE = re.compile(r"^@([A-Z_]+)@\n", re.MULTILINE)
_SPECIAL = {"\\": r"\e", "'": r"\(cq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", "-": r"\-"}
_CODE = _SPECIAL | {"'": r"\(aq"}
_SENTENCE = re.compile(r"(?<=[.!?:;]) (?=[A-Z(])")
_FILE_OF_CODE = re.compile(r" \(\w+\.py\)")


def escaped(text: str, marks: dict[str, str] = _CODE) -> str:
    """Text as it shall be read.

    >>> escaped("--home ~/x"), escaped("2 – 3")
    ('\\\\-\\\\-home \\\\(ti/x', '2 \\\\[u2013] 3')
    """
    return "".join(marks.get(each) or (each if each.isascii() else f"\\[u{ord(each):04X}]") for each in text)


def bold(text: str) -> str:
    return f"\\fB{escaped(text)}\\fP"


def prose(text: str) -> str:
    """Lines of running text, a sentence each; what stands in backquotes is bold."""
    parts = re.split(r"`([^`]*)`", text)
    prose_marks = {mark: name for mark, name in _SPECIAL.items() if mark != "-"}
    made = "".join(bold(part) if index % 2 else escaped(part, prose_marks) for index, part in enumerate(parts))
    lines = [
        line
        for sentence in _SENTENCE.split(made)
        for line in textwrap.wrap(sentence, WIDTH, break_long_words=False, break_on_hyphens=False)
    ]
    return "".join(f"\\&{line}\n" if line[0] in ".'" else f"{line}\n" for line in lines)


def all_commands() -> str:
    return "".join(_command(each) for each in commands() if each.is_callable)


def _command(command: Command) -> str:
    name = " ".join(("tavs", *command.path))
    required = [each for each in command.options if each.is_required]
    usage = [bold(name), *(f"{bold(each.name)} {_value(each)}" for each in required)]
    usage += [r"[\fIOPTION\fP]"] if len(required) < len(command.options) else []
    usage += [_argument(each) for each in command.arguments]
    told = [each for each in command.parameters if each.is_option or each.help]
    inner = f".RS\n{''.join(map(_parameter, told))}.RE\n" if told else ""
    return f".TP\n{' '.join(usage)}\n{prose(command.help)}{inner}"


def _argument(argument: Parameter) -> str:
    name = argument.name.strip("[]")
    more = " ..." if argument.is_repeatable and "…" not in name else ""
    written = f"\\fI{escaped(name)}\\fP{more}"
    return written if argument.is_required else f"[{written}]"


def _value(option: Parameter) -> str:
    if option.choices:
        return "|".join(map(bold, option.choices))
    return f"\\fI{escaped(option.value)}\\fP" if option.value else ""


def _parameter(each: Parameter) -> str:
    head = f"{bold(each.name)} {_value(each)}".rstrip() if each.is_option else f"\\fI{escaped(each.name)}\\fP"
    notes = [each.help or f"The {each.name.strip('-').replace('-', ' ')}."]
    notes += ["May be given again."] if each.is_option and each.is_repeatable else []
    notes += ["Required."] if each.is_option and each.is_required else []
    notes += [f"Default: `{each.default}`."] if each.default and each.default != "0" else []
    return f".TP\n{head}\n{prose(' '.join(notes))}"


def site_keys() -> str:
    return "".join(_keys(key for key in _ALL_KEYS if not key.startswith(f"{OWN_TABLE}.")))


def masking_keys() -> str:
    return "".join(_keys(key for key in _ALL_KEYS if key.startswith(f"{OWN_TABLE}.")))


def _keys(chosen: Iterable[str]) -> Iterator[str]:
    table = ""
    for key in chosen:
        section, _, name = key.rpartition(".")
        if section not in (table, OWN_TABLE):
            table = section
            yield f".SS [{escaped(section)}]\n"
        default = json.dumps(configuration.value(Config(), key), ensure_ascii=False)  # which is TOML, too
        yield f".TP\n{bold(name)} = {escaped(default)}\n{prose(configuration.description(_ALL_KEYS[key]))}.br\n"
        yield prose(f"{_type(_ALL_KEYS[key].type)}. {_followed(key)}")


def _type(annotation: Any) -> str:
    """What may be written for a value, in words."""
    meta = [each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, msgspec.Meta)]
    kind = typing.get_args(annotation)[0] if meta else annotation
    low, high = (next((found for m in meta if (found := getattr(m, end)) is not None), None) for end in ("ge", "le"))
    between = f" from {low} to {high}" if low is not None else ""
    if typing.get_origin(kind) is Literal:
        return "One of " + ", ".join(f'`"{each}"`' for each in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return "A list of strings"
    if typing.get_origin(kind) is dict:
        labels = ", ".join(f"`{each}`" for each in typing.get_args(typing.get_args(kind)[0]))
        return f"A table of lists of strings; its keys are {labels}"
    return {bool: "`true` or `false`", int: "A whole number", float: "A number", str: "A string"}[kind] + between


def _followed(key: str) -> str:
    """How a change comes into force."""
    programs = KEYS[key]
    if not programs:
        return "Read by each command anew."
    ways = {
        How.LIVE: "Followed at once by `systemctl reload tavs-{}.service`.",
        How.RESTART: "Wants `systemctl restart tavs-{}.service`.",
    }
    return " ".join(ways[how].format(program.value) for program, how in programs.items())


def policy_tables() -> str:
    """What may be granted, with what ships."""
    return "".join(
        f".TP\n{bold(f'[{rule.kind.value}.{rule.purpose.value}]')}\n"
        + prose(
            f"As it ships: `period` = {rule.period.words()}, `legal_basis` = {rule.legal_basis}"
            + (", `consent` = true." if rule.needs_consent else ".")
        )
        for rule in policy.DEFAULT.rules
    )


def policy_rules() -> str:
    """The numbered rules of the policy's own code."""
    rules = re.findall(r"^\d+\. (.*?)(?=^\d+\. |\Z)", policy.__doc__ or "", re.MULTILINE | re.DOTALL)
    return "".join(
        f".IP {number}. 4\n{prose(_FILE_OF_CODE.sub('', ' '.join(rule.split())))}"
        for number, rule in enumerate(rules, 1)
    )


def policy_limits() -> str:
    return prose(
        f"No period is longer than {policy.LONGEST.words()}; that of training is never longer than "
        f"{policy.LONGEST_TRAINING.words()}."
    )


def restarts() -> str:
    """Keys that a reload does not follow, by program."""
    found = ""
    for program in Program:
        names = [f"`{key}`" for key, programs in KEYS.items() if programs.get(program) is How.RESTART]
        found += f".TP\n{bold(f'tavs-{program.value}.service')}\n{prose(', '.join(names) + '.')}"
    return found


PLACES: dict[str, Callable[[], str]] = {
    "COMMANDS": all_commands,
    "KEYS": site_keys,
    "MASKING_KEYS": masking_keys,
    "RESTARTS": restarts,
    "POLICY_TABLES": policy_tables,
    "POLICY_RULES": policy_rules,
    "POLICY_LIMITS": policy_limits,
}


def pages() -> dict[str, str]:
    """Every page by its file name. Raises KeyError for a place that nothing fills."""
    head = '.\\" Written by packaging/man.py from the code and from packaging/manual/; change those.\n'
    return {
        source.name: head + _PLACE.sub(lambda place: PLACES[place[1]](), source.read_text(encoding="ascii"))
        for source in sorted(SOURCES.iterdir())
    }


def main() -> None:
    PAGES.mkdir(exist_ok=True)
    for name, text in pages().items():
        (PAGES / name).write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
