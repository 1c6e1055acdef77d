"""`compressor header`."""

from __future__ import annotations

from pathlib import Path

import click

from compressor.base.standard_output import say
from compressor.cli.options import traceback_option
from compressor.cli.outputs import refuse_output, written
from compressor.cli.own_command import OwnCommand


@click.command("header", cls=OwnCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the array in C; by default that of OUTPUT.")
@click.option("--force", is_flag=True, help="Replace OUTPUT if it exists.")
@traceback_option
def command(file: Path, output: Path, name: str | None, force: bool) -> None:
    """Write FILE, a .tflite or a package, as a C header with its bytes, their number and their SHA-256.

    The array is aligned to 16 bytes, as LiteRT for Microcontrollers requires of a model that runs from flash, and holds
    all weights within the flatbuffer, since it reads none after it.
    """
    from compressor.cli.firmware_file import stored_model
    from compressor.models.litert.format.flatbuffer import one_flatbuffer
    from compressor.models.micro.c_header import c_header, c_name
    from compressor.models.packing.package import is_package

    stored = stored_model(file)
    refuse_output(output, force)
    array_name = c_name(name or output.stem)
    content = stored if is_package(stored) else one_flatbuffer(stored)
    with written(output) as temporary, temporary.open("w", newline="\n") as header:
        header.writelines(c_header(content, array_name))
    moved = ", with the weights that lay after its flatbuffer in it" if content is not stored else ""
    say(f"{output}: {array_name}, {len(content):,} bytes{moved}")
