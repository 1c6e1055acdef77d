"""The command line: a thin shell over the Python API. A command is imported only when it is used."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

from compressor.cli.interrupts import heeded, quiet_interrupts, raise_once

quiet_interrupts()  # before anything that takes long to import

import click  # noqa: E402

COMPLETE = "_COMPRESSOR_COMPLETE"  # set by shells that ask for completions; click documents it
_COMMANDS = {
    "apply": "run a recipe and report what each step did",
    "report": "show the report of a run, as a table, a page or data",
    "status": "show runs and searches: how far they are, and how they ended",
    "validate": "check recipes, without TensorFlow",
    "migrate": "bring recipes to the present version of the recipe language",
    "new": "write a recipe, or the package of a plugin, to start from",
    "plan": "show what a recipe would run, without running it",
    "compress": "make a model as small as your limits allow, without a recipe",
    "search": "try what a recipe leaves open, and keep the best as plain recipes",
    "ci": "validate all recipes, and try those that a change concerns",
    "strategies": "list the strategies, or the parameters of one",
    "schema": "print the JSON Schema of recipes, for editors",
    "inspect": "show what is in a model file, tensor by tensor",
    "sensitivity": "show how much the outputs change when a layer has fewer bits",
    "debug": "show which layers of a quantized model cost its accuracy",
    "convert": "write a Keras model as Keras 2, Keras 3 or LiteRT",
    "unpack": "write the .tflite file that is in a package",
    "header": "write a model file as a C header, for firmware",
    "fit": "show whether a model file fits a device",
    "export": "write a model file as source code for firmware",
    "evaluate": "measure a model file on a data set",
    "compare": "compare runs or model files, and fail where one has become worse",
    "doctor": "check the installation, and say what mends it",
    "completion": "print a script for bash, zsh or fish that completes commands",
    "cache": "show, check or empty the cache of finished steps",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"compressor.cli.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; the commands are {', '.join(_COMMANDS)}"
            ctx.fail(f"there is no command '{args[0]}'{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="compressor", message="%(prog)s %(version)s")
def root() -> None:
    """Compress Keras models by recipe, and know what each step cost.

    \b
    compressor apply prune_qat             run a recipe that ships with the tool
    compressor apply my_recipe.yaml        run one of your own
    compressor validate recipes/*.yaml     check recipes in CI
    """


def main() -> None:
    """Run the command line and exit with one of the codes in `ExitCode`."""
    raise_once(heeded())
    from compressor.base.errors import CompressorError, ExitCode
    from compressor.base.standard_output import claim, tell
    from compressor.cli.boundary import run_guarded
    from compressor.cli.child_process import supervised
    from compressor.cli.log_format import log_as_asked
    from compressor.cli.notices import notify_of_death
    from compressor.cli.resuming import SEARCHES, kept_of
    from compressor.models.files.tensorflow_setup import refuse_without_docstrings

    if shell := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(root, {}, "compressor", COMPLETE, shell))
    claim()
    arguments = sys.argv[1:]
    with log_as_asked(arguments) as ended:
        try:
            refuse_without_docstrings()
            if arguments[:1] and arguments[0] in ("apply", *SEARCHES):
                killed = partial(notify_of_death, arguments)
                kept = partial(kept_of, arguments) if arguments[0] in SEARCHES else None
                code = supervised(lambda tell: run_guarded(root, arguments, tell), killed, kept)
            else:
                code = run_guarded(root, arguments)
        except CompressorError as error:
            tell(f"error: {error}")
            code = error.exit_code
        ended(code)
    # TensorFlow takes seconds to shut down, too long after an interrupt, and more where another machine is gone
    if code in (ExitCode.INTERRUPTED, ExitCode.WORKER):
        with suppress(OSError):  # a terminal that was closed
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
