"""`compressor inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from compressor.base.standard_output import say, say_document
from compressor.cli.options import debug_option, json_option, shape_option, trust_option
from compressor.cli.own_command import OwnCommand

if TYPE_CHECKING:
    from compressor.inspecting.content_rows import ModelContents

_FORMS: Final = {".html": "html", ".htm": "html", ".json": "json"}  # by the suffix of --output


@click.command("inspect", cls=OwnCommand)
@click.argument("model", type=click.Path(path_type=Path))
@shape_option
@trust_option
@click.option("--arena", "by_operator", is_flag=True, help="Show the memory of tensors operator by operator.")
@click.option("--latency", is_flag=True, help="Time calls on random inputs, and each operator alone; a second or two.")
@json_option
@click.option("--html", "as_html", is_flag=True, help="Print a page that holds everything it needs.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write the page or the JSON to this file.")
@click.option("--force", is_flag=True, help="Replace that file if it exists.")
@debug_option
def command(
    model: Path,
    input_shape: Any,
    trust_model: bool,
    by_operator: bool,
    latency: bool,
    as_json: bool,
    as_html: bool,
    output: Path | None,
    force: bool,
    debug: bool,
) -> None:
    """Show what is in MODEL: a .tflite file, one in a package, or a Keras model or SavedModel as it would ship.

    The arena is the memory that LiteRT for Microcontrollers needs, as its planner places tensors and with pointers of
    4 bytes.
    """
    from compressor.cli.native_output import native_output_dropped
    from compressor.cli.outputs import refuse_output, written
    from compressor.inspecting.read_contents import read_contents

    form = _form(as_json, as_html, output)
    if output is not None:
        refuse_output(output, force)
    with native_output_dropped(debug):
        contents = read_contents(model, trust_model, input_shape, latency)
    if form == "terminal":
        from compressor.inspecting.content_tables import print_contents
        from compressor.report.screen import Screen

        print_contents(contents, by_operator, Screen())
    elif output is None:
        say_document(_rendered(contents, form, ascii_only=True))
    else:
        with written(output) as temporary:
            temporary.write_text(_rendered(contents, form, ascii_only=False), encoding="utf-8", newline="")
        say(str(output))


def _form(as_json: bool, as_html: bool, output: Path | None) -> str:
    if as_json and as_html:
        raise click.UsageError("--json and --html exclude each other; leave one out.")
    if as_json or as_html:
        return "json" if as_json else "html"
    if output is None:
        return "terminal"
    form = _FORMS.get(output.suffix.lower())
    if form is None:
        raise click.UsageError(f"{output} has no suffix that tells a form; give --html or --json.")
    return form


def _rendered(contents: ModelContents, form: str, ascii_only: bool) -> str:
    if form == "html":
        from compressor.inspecting.contents_page import render_contents

        return render_contents(contents)
    from compressor.base.outgoing import json_text

    return json_text(contents.model_dump(mode="json"), ascii_only) + "\n"
