"""`compressor header`."""

from __future__ import annotations

from pathlib import Path

import click

from compressor.cli.options import traceback_option
from compressor.errors import ModelError, OutputError


@click.command("header")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--name", help="What the array is called in C; by default as OUTPUT.")
@click.option("--force", is_flag=True, help="Replace OUTPUT where it is there already.")
@traceback_option
def command(file: Path, output: Path, name: str | None, force: bool) -> None:
    """Write FILE, a .tflite or a package, as a C header with its bytes, their number and their SHA-256.

    The array is aligned to 16 bytes, as LiteRT for Microcontrollers asks of a model that is run from flash.
    """
    from compressor.c_header import c_header, c_name
    from compressor.durable import write_whole

    if not file.is_file():
        raise ModelError(f"there is no file {file}", "check the path")
    if output.exists() and not force:
        raise OutputError(f"{output} is there already", "choose another name, or pass --force to replace it")
    if not output.absolute().parent.is_dir():
        raise OutputError(f"there is no folder {output.absolute().parent}", "make it first")
    content, called = file.read_bytes(), c_name(name or output.stem)
    write_whole(output, c_header(content, called))
    click.echo(f"{output}: {called}, {len(content):,} bytes")
