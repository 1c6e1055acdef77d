"""`compressor new`."""

from __future__ import annotations

from pathlib import Path

import click

from compressor.base.standard_output import say
from compressor.cli.options import traceback_option
from compressor.cli.own_command import OwnGroup


@click.group("new", cls=OwnGroup)
@traceback_option
def command() -> None:
    """Write a new recipe, or the package of a new plugin, to start from."""


@command.command("plugin")
@click.argument("name")
@click.option("--output", metavar="FOLDER", type=click.Path(path_type=Path), help="Where to; by default ./NAME.")
@click.option("--force", is_flag=True, help="Replace files in FOLDER that are there; others stay.")
@traceback_option
def new_plugin(name: str, output: Path | None, force: bool) -> None:
    """Write a package called NAME with two strategies: one that trains and one that does not.

    It can be installed, used and tested as it is: it has types, tests, a recipe, and a file for CI.
    """
    from compressor.scaffolding.plugin_package import names_of, write_plugin

    distribution, module = names_of(name)
    folder = output or Path(name)
    count = len(write_plugin(name, folder, force))
    say(f"{folder}: {count} files of the package {distribution}, with the strategies {module}_trim and {module}_clip")
    say(f"  pip install --editable {folder}")
    say(f"  compressor apply {folder / 'recipe.yaml'} --smoke")
    say(f"then make a strategy of your own of {folder / 'src' / module / 'trim.py'}, or clip.py, which trains")
