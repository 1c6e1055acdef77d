"""`compressor schema`."""

from __future__ import annotations

from pathlib import Path

import click

from compressor.base.standard_output import say_json
from compressor.cli.options import plugin_option, traceback_option
from compressor.cli.own_command import OwnCommand


@click.command("schema", cls=OwnCommand)
@plugin_option
@traceback_option
def command(plugins: tuple[Path, ...]) -> None:
    """Print the JSON Schema of recipes, with the parameters of every installed strategy, model and data set."""
    from compressor.cli.command_registry import registry_with
    from compressor.planning.json_schema import recipe_schema

    say_json(recipe_schema(registry_with(plugins)))
