"""`compressor header`."""

from __future__ import annotations

from pathlib import Path

import click

from compressor.base.errors import ModelError
from compressor.cli.options import traceback_option
from compressor.cli.outputs import refuse_output, written


@click.command("header")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the array in C; by default that of OUTPUT.")
@click.option("--force", is_flag=True, help="Replace OUTPUT if it exists.")
@traceback_option
def command(file: Path, output: Path, name: str | None, force: bool) -> None:
    """Write FILE, a .tflite or a package, as a C header with its bytes, their number and their SHA-256.

    The array is aligned to 16 bytes, as LiteRT for Microcontrollers requires of a model that runs from flash.
    """
    from compressor.models.litert.c_header import c_header, c_name
    from compressor.models.litert.flatbuffer import IDENTIFIER
    from compressor.models.packing.package import is_package

    if not file.is_file():
        raise ModelError(f"there is no file {file}", "check the path")
    refuse_output(output, force)
    content, array_name = file.read_bytes(), c_name(name or output.stem)
    if not (is_package(content) or content[4:8] == IDENTIFIER):
        raise ModelError(f"{file} is neither a .tflite file nor a package", "give a model file that a run wrote")
    with written(output) as temporary:
        temporary.write_text(c_header(content, array_name), newline="\n")
    click.echo(f"{output}: {array_name}, {len(content):,} bytes")
