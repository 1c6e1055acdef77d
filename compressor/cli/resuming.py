"""Says how to go on with a search that has ended early, and what is kept of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from compressor.base.addresses import as_place
from compressor.base.errors import ExitCode
from compressor.base.standard_output import tell
from compressor.cli.child_process import CLUSTER, ended_with

_ARGUMENTS: Final = "compressor.arguments"
_PLACES: Final = ("--output", "--resume")  # options that say where a search is
SEARCHES: Final = ("search", "compress")
_DOING: Final = "the search in "
_named: list[Path] = []  # the folder of the search of this process, once it is known


def keep_arguments(context: click.Context, arguments: Sequence[str]) -> None:
    """Keep what the user typed, for `resume_command`."""
    _named.clear()
    context.meta[_ARGUMENTS] = list(arguments)


def resume_command(folder: Path) -> str:
    """The command line that goes on with the search of this command in a folder, as a shell takes it."""
    typed = list(_without_places(click.get_current_context().meta.get(_ARGUMENTS, ())))
    place = typed.index("--") if "--" in typed else len(typed)
    return shlex.join(["compressor", *typed[:place], "--resume", str(folder), *typed[place:]])


def begins_in(folder: Path, on_cluster: bool) -> None:
    """Say to the process that watches this one, and to `kept_of`, that a search begins in a folder."""
    _named.append(folder)
    click.get_current_context().obj(f"{f'{CLUSTER} of ' if on_cluster else ''}{_DOING}{folder}")


def tell_interrupted(kept: str) -> None:
    """Say that a search was interrupted and what is kept, and that it has been said, should ending it take long."""
    tell("")  # after the ^C of the terminal
    tell(f"interrupted; {kept}")
    click.get_current_context().obj(ended_with(ExitCode.INTERRUPTED))


def kept_of(arguments: Sequence[str], doing: str = "") -> str:
    """Say what an interrupted search leaves, for one that could not say so itself.

    Args:
        arguments: of the command.
        doing: what it was doing, as it has reported to the process that watches it.
    """
    if folder := str(_named[-1]) if _named else doing.partition(_DOING)[2]:
        return f"finished trials are kept; to go on, give the same command with --resume {shlex.quote(folder)}"
    if _PLACES[1] in arguments or any(argument.startswith(f"{_PLACES[1]}=") for argument in arguments):
        return "finished trials are kept, and the same command goes on"
    return "no trial had begun, and nothing was changed"


def _without_places(arguments: Sequence[str]) -> Iterator[str]:
    """Leave the folder of the search out of what was typed; an address where it is published stays."""
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        if argument == "--":
            yield argument
            yield from rest
        elif argument in (*_PLACES, "-o"):
            value = next(rest, "")
            yield from (argument, value) if isinstance(as_place(value), str) else ()
        elif equals and option in _PLACES:
            yield from (argument,) if isinstance(as_place(value), str) else ()
        elif argument.startswith("-o"):
            yield from (argument,) if isinstance(as_place(argument[2:]), str) else ()
        else:
            yield argument
