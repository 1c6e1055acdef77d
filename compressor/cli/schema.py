"""`compressor schema`."""

from __future__ import annotations

import json

import click

from compressor.cli.options import traceback_option


@click.command("schema")
@traceback_option
def command() -> None:
    """Print the JSON Schema of recipes, with the parameters of every installed strategy, model and data set."""
    from compressor.planning.json_schema import recipe_schema
    from compressor.planning.registry import Registry

    click.echo(json.dumps(recipe_schema(Registry.installed()), indent=2))
