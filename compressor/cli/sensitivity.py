"""`compressor sensitivity`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compressor.base.errors import CompressorError, ModelError, PluginError, StepError
from compressor.cli.options import debug_option, json_option, trust_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from compressor.contracts.layer_sensitivity import LayerSensitivity, Rounding, SensitivityStrategy, WeightType
    from compressor.planning.registry import Registry

_TYPES = ("float16", "int8", "int4", "int2")
_BAR = 12  # characters


@click.command("sensitivity")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--data", required=True, help="A registered data set, a path, or package.module:function.")
@click.option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice(_TYPES),
    default=_TYPES[1:],
    show_default=True,
    help="Type of weights to try. May be repeated.",
)
@click.option(
    "--algorithm",
    type=click.Choice(["min_max", "octav", "mse"]),
    default="octav",
    show_default=True,
    help="How weights are rounded.",
)
@click.option(
    "--samples", type=click.IntRange(1, 10_000), default=128, show_default=True, help="Training samples to compare on."
)
@click.option(
    "--strategy", default="mixed_precision", show_default=True, help="Strategy that measures; plugins may bring others."
)
@trust_option
@json_option
@debug_option
def command(
    model: Path,
    data: str,
    types: tuple[WeightType, ...],
    algorithm: Rounding,
    samples: int,
    strategy: str,
    trust_model: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Show how much the outputs of MODEL change when one layer's weights are stored in fewer bits.

    MODEL is a Keras model or a float .tflite file. The figures are root mean square differences, as shares of the
    float model's outputs, and the step mixed_precision chooses types by them. `compressor debug` looks instead at a
    file that is quantized already, with its activations.
    """
    import tempfile
    from itertools import islice

    from rich.console import Console

    from compressor.base.path_or_function import Reference
    from compressor.base.plugin_errors import fenced
    from compressor.cli.native_output import native_output_to
    from compressor.models.files.loading import build_model
    from compressor.models.files.tensorflow_setup import prepare_tensorflow
    from compressor.planning.registry import Registry
    from compressor.run.named_data_and_metrics import find_data

    if not model.exists():
        raise ModelError(f"there is no model file {model}", "check the path")
    registry = Registry.installed()
    measuring, origin = _find_strategy(registry, strategy)
    with tempfile.TemporaryDirectory() as folder, native_output_to(None if debug else Path(folder) / "log"):
        prepare_tensorflow(seed=0)
        built = build_model(Reference("path", str(model)), trust_model).model
        train = find_data(registry, data).train
        taken = [features for features, _ in islice(train.sample(samples, 0).batches(1), samples)]
        with fenced(origin, StepError, (CompressorError,)):
            table = measuring.sensitivity(built, taken, types, algorithm)
    if as_json:
        rows = [
            {
                "layer": row.layer,
                "kind": row.kind,
                "weights": row.weights,
                "bytes": dict(row.bytes),
                "errors": dict(row.errors),
            }
            for row in table
        ]
        click.echo(json.dumps({"samples": len(taken), "algorithm": algorithm, "layers": rows}, indent=2))
        return
    console = Console(highlight=False)
    console.print(_table(table, types))
    console.print(
        f" change of the outputs, on {len(taken):,} training samples; one layer at a time, rounded by {algorithm}"
    )


def _find_strategy(registry: Registry, name: str) -> tuple[type[SensitivityStrategy], str]:
    """The strategy of that name, and its name and provider for errors."""
    from compressor.contracts.layer_sensitivity import SensitivityStrategy

    entry = registry.get("strategy", name)
    if entry is None:
        raise PluginError(f"unknown strategy '{name}'", registry.hint("strategy", name).removeprefix("; "))
    if not issubclass(entry.cls, SensitivityStrategy):
        what = f"the strategy '{name}' ({entry.provider}) does not measure sensitivity"
        raise PluginError(what, "leave out --strategy, or name one derived from SensitivityStrategy")
    return entry.cls, f"the strategy '{name}' ({entry.provider})"


def _table(rows: Sequence[LayerSensitivity], types: Sequence[WeightType]) -> Table:
    """A table with a row for each layer and a bar for each type; the longest bar is the largest change."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    largest = max((error for row in rows for error in row.errors.values()), default=0.0) or 1.0
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("layer", overflow="fold")
    table.add_column("kind", overflow="fold")
    table.add_column("weights", justify="right", no_wrap=True)
    for type_ in types:
        table.add_column(type_, no_wrap=True)
    for row in rows:
        cells = [_cell(row.errors.get(type_), largest) for type_ in types]
        table.add_row(escape(row.layer), row.kind, f"{row.weights:,}", *cells)
    return table


def _cell(error: float | None, largest: float) -> str:
    if error is None:
        return "-"
    return f"{error:7.2%} {'█' * round(_BAR * error / largest)}"
