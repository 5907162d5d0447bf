"""Completion for bash, written from the code:  python packaging/completion.py

1. A static file: completing starts no program and reads nothing but names of files.
2. Commands, options, choices and files are completed; ids of calls and telephone numbers are not: they are no
   business of whoever merely stands at a terminal.
3. `completion/tavs.bash` is committed and ships as it is; a test compares it with what this writes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGING = Path(__file__).parent
sys.path.insert(0, str(PACKAGING))
sys.path.insert(0, str(PACKAGING.parent / "daemon"))

from command_tree import Command, Parameter, commands  # noqa: E402 - the two lines above make it importable

TARGET = PACKAGING / "completion/tavs.bash"
HELP = "--help"

HEAD = """\
# Completion of tavs(8) for bash. Written by packaging/completion.py from the code; change that.
#
# _tavs_known PATH NAME tells what may come after a command (PATH: its words) in the place NAME: the value of an option,
# or the argument of that number. It sets `words`, or `files` to 1.

_tavs_known() {
    words='' files=0
    case "$1:$2" in
"""
MIDDLE = """\
    esac
}

_tavs_takes_value() {
    case "$1:$2" in
"""
TAIL = """\
        *) return 1 ;;
    esac
}

_tavs() {
    local current=${COMP_WORDS[COMP_CWORD]} previous='' path='' words='' files=0 place=1 index word
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ -n $previous ]]; then
            [[ $word == = ]] || previous=''
        elif [[ $word == -* ]]; then
            _tavs_takes_value "$path" "$word" && previous=$word
        else
            _tavs_known "$path" commands
            if [[ " $words " == *" $word "* ]]; then
                path=${path:+$path }$word
            else
                place=$((place + 1))
            fi
        fi
    done
    [[ $current == = ]] && current=''
    if [[ -n $previous ]]; then
        _tavs_known "$path" "$previous"
    elif [[ $current == -* ]]; then
        _tavs_known "$path" options
    else
        _tavs_known "$path" commands
        [[ -n $words ]] || _tavs_known "$path" "$place"
        [[ -n $words || $files -eq 1 ]] || _tavs_known "$path" rest
    fi
    if [[ $files -eq 1 ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    elif [[ -n $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    fi
}

complete -F _tavs tavs
"""


def text() -> str:
    known = commands()
    lines = [line for command in known for line in _command(command)]
    valued = [f'"{_path(c)}:{each.name}"' for c in known for each in c.options if each.value]
    takes = "        " + " | \\\n        ".join(valued) + ") return 0 ;;\n"
    return HEAD + "".join(f"        {line}\n" for line in lines) + MIDDLE + takes + TAIL


def _command(command: Command) -> Iterator[str]:
    path = _path(command)
    options = " ".join([*(each.name for each in command.options), HELP])
    yield f"\"{path}:options\") words='{options}' ;;"
    if command.names:
        yield f"\"{path}:commands\") words='{' '.join(command.names)}' ;;"
    for option in command.options:
        yield from _completed(path, option.name, option)
    for number, argument in enumerate(command.arguments, 1):
        yield from _completed(path, "rest" if argument.is_repeatable else str(number), argument)


def _completed(path: str, name: str, parameter: Parameter) -> Iterator[str]:
    if parameter.choices:
        yield f"\"{path}:{name}\") words='{' '.join(parameter.choices)}' ;;"
    elif parameter.is_file:
        yield f'"{path}:{name}") files=1 ;;'


def _path(command: Command) -> str:
    return " ".join(command.path)


def main() -> None:
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text(), encoding="ascii")


if __name__ == "__main__":
    main()
