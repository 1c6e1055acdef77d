"""`compressor inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from compressor.base.errors import ModelError
from compressor.cli.options import debug_option, json_option, trust_option


@click.command("inspect")
@click.argument("model", type=click.Path(path_type=Path))
@trust_option
@json_option
@debug_option
def command(model: Path, trust_model: bool, as_json: bool, debug: bool) -> None:
    """Show what is in MODEL: a .tflite file, one in a package, or a Keras 2 model as it would ship."""
    import tempfile

    from rich.console import Console

    from compressor.base.sizes import format_size
    from compressor.cli.native_output import native_output_to
    from compressor.contracts.report_rows import LayerRow
    from compressor.models.files.as_litert import shipped_bytes
    from compressor.models.litert.contents import dissect
    from compressor.report.layer_rows import layer_rows
    from compressor.report.terminal import layer_table

    if not model.exists():
        raise ModelError(f"there is no model file {model}", "check the path")
    with tempfile.TemporaryDirectory() as folder, native_output_to(None if debug else Path(folder) / "log"):
        anatomy = dissect(shipped_bytes(model, trust_model))
    rows: list[LayerRow] = layer_rows(anatomy)
    if as_json:
        totals = {
            "bytes": anatomy.bytes,
            "gzip_bytes": anatomy.gzip_bytes,
            "parameters": anatomy.parameters,
            "sparsity": anatomy.sparsity,
            "weight_bits": anatomy.weight_bits,
            "operators": anatomy.operators,
        }
        click.echo(json.dumps({**totals, "tensors": [row.model_dump() for row in rows]}, indent=2))
        return
    console = Console(highlight=False)
    console.print(layer_table(rows, console.width))
    sizes = f"{format_size(anatomy.bytes)}, {format_size(anatomy.gzip_bytes)} gzipped"
    console.print(
        f" {sizes} · {anatomy.parameters:,} parameters · "
        f"{anatomy.sparsity:.1%} zeros · {anatomy.weight_bits:.0f} bits · {anatomy.operators} operators"
    )
