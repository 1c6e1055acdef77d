"""`compressor schema`."""

from __future__ import annotations

import click

from compressor.base.standard_output import say_json
from compressor.cli.options import traceback_option
from compressor.cli.own_command import OwnCommand


@click.command("schema", cls=OwnCommand)
@traceback_option
def command() -> None:
    """Print the JSON Schema of recipes, with the parameters of every installed strategy, model and data set."""
    from compressor.planning.json_schema import recipe_schema
    from compressor.planning.registry import Registry

    say_json(recipe_schema(Registry.installed()))
