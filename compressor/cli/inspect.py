"""`compressor inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from compressor.base.errors import ModelError
from compressor.base.standard_output import say_json
from compressor.cli.options import debug_option, json_option, shape_option, trust_option
from compressor.cli.own_command import OwnCommand


@click.command("inspect", cls=OwnCommand)
@click.argument("model", type=click.Path(path_type=Path))
@shape_option
@trust_option
@click.option("--arena", "by_operator", is_flag=True, help="Show the memory of tensors operator by operator.")
@click.option("--latency", is_flag=True, help="Time calls on random inputs, and each operator alone; a second or two.")
@json_option
@debug_option
def command(
    model: Path, input_shape: Any, trust_model: bool, by_operator: bool, latency: bool, as_json: bool, debug: bool
) -> None:
    """Show what is in MODEL: a .tflite file, one in a package, or a Keras 2 model as it would ship.

    The arena is the memory that LiteRT for Microcontrollers needs, as its planner places tensors and with pointers of
    4 bytes.
    """
    from collections import Counter
    from dataclasses import asdict

    from compressor.base.sizes import format_size
    from compressor.cli.native_output import native_output_dropped
    from compressor.contracts.report_rows import LayerRow
    from compressor.measure.paired_latency import latency_of_file
    from compressor.models.files.as_litert import shipped_bytes
    from compressor.models.litert.reading.contents import dissect
    from compressor.models.litert.reading.graph_contents import operators_of, signatures_of
    from compressor.models.micro.arena import plan_arena
    from compressor.report.file_tables import (
        print_arena,
        print_latency,
        print_layers,
        print_operators,
        print_signatures,
    )
    from compressor.report.layer_rows import layer_rows
    from compressor.report.screen import Screen

    if not model.exists():
        raise ModelError(f"there is no model file {model}", "check the path")
    with native_output_dropped(debug):
        content = shipped_bytes(model, trust_model, input_shape)
    anatomy, signatures, operators = dissect(content), signatures_of(content), operators_of(content)
    rows: list[LayerRow] = layer_rows(anatomy)
    arena = plan_arena(content)
    timed = latency_of_file(content) if latency else None
    if as_json:
        calls = Counter((operator.name, operator.computes_in, operator.arithmetic) for operator in operators)
        data = {
            "bytes": anatomy.bytes,
            "gzip_bytes": anatomy.gzip_bytes,
            "parameters": anatomy.parameters,
            "sparsity": anatomy.sparsity,
            "weight_bits": anatomy.weight_bits,
            "operators": anatomy.operators,
            "macs": anatomy.multiplications,
            "signatures": [asdict(signature) for signature in signatures],
            "operators_by_type": [
                {"operator": name, "computes_in": types, "arithmetic": arithmetic, "calls": count}
                for (name, types, arithmetic), count in calls.most_common()
            ],
            "float_operators": [
                {"operator": operator.name, "output": operator.output}
                for operator in operators
                if operator.arithmetic == "float"
            ],
            "tensors": [row.model_dump(exclude={"spread", "difference"}) for row in rows],
            "arena": {"bytes": arena.bytes, **asdict(arena)},
            **({"latency": asdict(timed)} if timed else {}),
        }
        say_json(data)
        return
    screen = Screen()
    print_signatures(signatures, screen)
    print_operators(operators, screen)
    print_layers(rows, screen)
    sizes = f"{format_size(anatomy.bytes)}, {format_size(anatomy.gzip_bytes)} gzipped"
    screen.show(
        f" {sizes} · {anatomy.parameters:,} parameters · "
        f"{anatomy.sparsity:.1%} zeros · {anatomy.weight_bits:.0f} bits · {anatomy.operators} operators"
    )
    print_arena(arena, by_operator, screen)
    if timed:
        print_latency(timed, screen)
