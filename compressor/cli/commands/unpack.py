"""`compressor unpack`."""

from __future__ import annotations

from pathlib import Path

import click

from compressor.base.errors import ModelError
from compressor.base.standard_output import say, tell
from compressor.cli.options import traceback_option
from compressor.cli.outputs import refuse_output, written
from compressor.cli.own_command import OwnCommand


@click.command("unpack", cls=OwnCommand)
@click.argument("package", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path), required=False)
@click.option("--force", is_flag=True, help="Replace OUTPUT if it exists.")
@traceback_option
def command(package: Path, output: Path | None, force: bool) -> None:
    """Write the .tflite file in PACKAGE, bit for bit as it was packed, to OUTPUT or beside PACKAGE."""
    from compressor.base.file_limits import content_of, refuse_special
    from compressor.models.packing.compiled_coder import slow_because
    from compressor.models.packing.package import coder_of, is_package, unpack

    refuse_special(package)
    if not package.is_file():
        raise ModelError(f"there is no package {package}", "check the path")
    output = output or package.with_suffix(".tflite")
    refuse_output(output, force)
    packed = content_of(package)
    if is_package(packed) and coder_of(packed) in ("model", "mixed") and (slow := slow_because()):
        tell(f"note: {slow[0]}; {slow[1]}")
    content = unpack(packed)
    with written(output) as temporary:
        temporary.write_bytes(content)
    say(f"{output}: {len(content):,} bytes, from {len(packed):,} packed by {coder_of(packed)}")
