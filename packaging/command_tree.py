"""The command line as values: every command, its options and arguments, as the program itself knows them.

1. Read from the typer app, so that what is written from here cannot say anything else.
2. What is hidden is for the system alone and is not told to people.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import typer.main
from tavs.cli import app


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    name: str
    """As it is written: `--kind`, or `CALL` for an argument."""
    help: str = ""
    value: str = ""
    """What stands for the value of an option; empty for a switch."""
    choices: tuple[str, ...] = ()
    is_file: bool = False
    is_option: bool = False
    is_required: bool = False
    is_repeatable: bool = False
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    path: tuple[str, ...]
    """Words after `tavs`; none for `tavs` itself."""
    help: str
    parameters: tuple[Parameter, ...]
    names: tuple[str, ...] = ()
    """Of the commands below it."""
    is_callable: bool = True
    """Whether it does something without one of these."""

    @property
    def options(self) -> tuple[Parameter, ...]:
        return tuple(each for each in self.parameters if each.is_option)

    @property
    def arguments(self) -> tuple[Parameter, ...]:
        return tuple(each for each in self.parameters if not each.is_option)


def commands() -> list[Command]:
    """All of them, in alphabetical order, `tavs` itself first."""
    return sorted(_walk(typer.main.get_command(app), ()), key=lambda each: each.path)


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[Command]:
    inner = {name: each for name, each in getattr(command, "commands", {}).items() if not each.hidden}
    yield Command(
        path=path,
        help=" ".join((command.help or "").split()),
        parameters=tuple(_parameter(each) for each in command.params if not getattr(each, "hidden", False)),
        names=tuple(sorted(inner)),
        is_callable=not inner or getattr(command, "invoke_without_command", False),
    )
    for name, each in inner.items():
        yield from _walk(each, (*path, name))


def _parameter(found: Any) -> Parameter:
    is_option = found.param_type_name == "option"
    kind = _plain(found.type_descriptor.annotation)
    choices = _choices(kind)
    name = found.opts[0] if is_option else (found.metavar or found.name.upper())
    is_switch = is_option and found.is_flag
    return Parameter(
        name=name,
        help=" ".join((found.help or "").split()),
        value="" if is_switch else (found.metavar or "|".join(choices) or _word(kind)),
        choices=choices,
        is_file=kind is Path,
        is_option=is_option,
        is_required=found.required,
        is_repeatable=found.nargs == -1 or getattr(found, "multiple", False),
        default="" if is_switch else _default(found.default),
    )


def _plain(annotation: Any) -> Any:
    """`Path` of `Path | None`, `list[Path]` and `Annotated[Path, …]`."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _plain(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return _plain(next(each for each in typing.get_args(annotation) if each is not type(None)))
    if origin in (list, tuple):
        return _plain(typing.get_args(annotation)[0])
    return annotation


def _choices(kind: Any) -> tuple[str, ...]:
    if typing.get_origin(kind) is Literal:
        return tuple(filter(None, map(str, typing.get_args(kind))))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return tuple(str(each.value) for each in kind)
    return ()


def _word(kind: Any) -> str:
    return {Path: "PATH", int: "N", float: "N"}.get(kind, "TEXT")


def _default(found: Any) -> str:
    if callable(found) or found in (None, "", (), []):
        return ""
    return str(found.value if isinstance(found, enum.Enum) else found)
