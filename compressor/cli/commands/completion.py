"""`compressor completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from compressor.base.standard_output import say
from compressor.cli.options import traceback_option
from compressor.cli.own_command import OwnCommand

_SPACE = "\n    return 0\n"
_NO_SPACE = "\n    [[ ${COMPREPLY[0]} == *[./=] ]] && compopt -o nospace 2> /dev/null\n    return 0\n"


@click.command("completion", cls=OwnCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@traceback_option
def command(shell: str) -> None:
    """Print a script that has SHELL complete commands, options, recipes, strategies and the paths of --set.

    In a session: `eval "$(compressor completion bash)"`, the same with zsh, or `compressor completion fish | source`.
    """
    known = get_completion_class(shell)
    if known is None:
        raise click.UsageError(f"click, which completes, does not know {shell}")
    from compressor.cli import COMPLETE

    script = known(click.Group("compressor"), {}, "compressor", COMPLETE).source()
    if shell == "bash":  # goes on within a word, after a folder or a part of a path
        script = script.replace(_SPACE, _NO_SPACE)
    for line in script.rstrip("\n").split("\n"):
        say(line)
