"""`compressor schema`."""

from __future__ import annotations

from pathlib import Path

import click

from compressor.base.standard_output import say_json
from compressor.cli.options import plugin_option, traceback_option
from compressor.cli.own_command import OwnCommand


@click.command("schema", cls=OwnCommand)
@click.option(
    "--of",
    "subject",
    type=click.Choice(["recipe", "report", "inspect", "status", "log"]),
    default="recipe",
    show_default=True,
    help="What the schema describes: recipes, report.json, what `inspect` and `status` print with --json, or a line of "
    "the JSON log.",
)
@plugin_option
@traceback_option
def command(subject: str, plugins: tuple[Path, ...]) -> None:
    """Print the JSON Schema of recipes, with the parameters of every installed strategy, model and data set.

    With `--of report`, that of report.json; with `--of inspect` or `--of status`, that of what these commands print
    with --json: the field schema_version has the version of each. With `--of log`, that of each line that
    `--log-format json` writes.
    """
    if subject == "log":
        from compressor.report.log_events import log_schema

        say_json(log_schema())
        return
    if subject == "report":
        from compressor.report.report_model import report_schema

        say_json(report_schema())
        return
    if subject == "inspect":
        from compressor.inspecting.content_rows import contents_schema

        say_json(contents_schema())
        return
    if subject == "status":
        from compressor.run.found_runs import status_schema

        say_json(status_schema())
        return
    from compressor.cli.command_registry import registry_with
    from compressor.planning.json_schema import recipe_schema

    say_json(recipe_schema(registry_with(plugins)))
